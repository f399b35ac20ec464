"""The types of the simulator: calls, endpoints and answers.

The facts are in the tables of the modules `track`, `entity`, `send`, `app`, `content` and `pipelines`. Nothing here imports the
sidecar, because the simulator must be able to prove the sidecar wrong.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from types import MappingProxyType
from typing import Literal

Json = bool | int | float | str | list["Json"] | dict[str, "Json"] | None

KIB = 1024
MIB = 1024 * KIB


class Api(StrEnum):
    """Customer.io's three APIs, each of which has a host of its own."""

    TRACK = "track"
    APP = "app"
    PIPELINES = "pipelines"


class Credential(StrEnum):
    """The credential that a call needs (Track, App and Pipelines API references, Authentication)."""

    SITE = "site"  # Authorization: Basic site_id:api_key
    APP_KEY = "app_key"  # Authorization: Bearer app_key
    WRITE_KEY = "write_key"  # Authorization: Basic write_key:
    NONE = "none"


class Envelope(StrEnum):
    """The shapes of Customer.io's errors; each endpoint has one (Track, App and Pipelines API references)."""

    META_ERRORS = "meta_errors"  # {"meta": {"errors": ["…"]}}: Track v1
    META_ERROR = "meta_error"  # {"meta": {"error": "…"}}: merges, and sends
    FIELDS = "fields"  # {"errors": [{"reason", "field", "message"}]}: Track v2
    DETAIL = "detail"  # {"errors": [{"detail", "status"}]}: the App API
    CODE = "code"  # {"code", "message"}: Pipelines, the shape that its Python client parses


class Media(StrEnum):
    """The kind of body that an endpoint accepts."""

    JSON = "json"
    MULTIPART = "multipart"


@dataclass(frozen=True, slots=True)
class Problem:
    """One fault in a call.

    `field` is a dotted path of names from our tables, never of names or values from the call. `index` is the position of the
    batch item, if only that item is refused.
    """

    field: str
    message: str
    reason: Literal["invalid", "required", "too_large", "unauthorized", "not_found", "not_allowed", "rate_limited"] = "invalid"
    status: int = 400
    index: int | None = None


@dataclass(frozen=True, slots=True)
class Workspace:
    """A simulated workspace: its credentials, region and number. The defaults are documented placeholders."""

    site_id: str = field(default="simulated-site-id", repr=False)
    api_key: str = field(default="simulated-api-key", repr=False)
    app_key: str = field(default="simulated-app-key", repr=False)
    write_key: str = field(default="simulated-write-key", repr=False)
    region: Literal["us", "eu"] = "us"
    environment_id: int = 1

    def host(self, api: Api) -> str:
        """Return the real host name of `api` in this workspace's region."""
        name = {Api.TRACK: "track", Api.APP: "api", Api.PIPELINES: "cdp"}[api]
        return f"{name}{'-eu' if self.region == 'eu' else ''}.customer.io"


@dataclass(frozen=True, slots=True)
class Call:
    """A well-formed call, the input of the function that makes the answer. `body` is None if the call has none."""

    path: Mapping[str, str]
    query: Mapping[str, str]
    body: Json
    number: int
    now: float
    workspace: Workspace


# A check yields the problems of the JSON value of a field. It never raises.
Check = Callable[[str, Json], Iterator[Problem]]


def anything(_field: str, _value: Json) -> Iterator[Problem]:
    """Accept every value, and a missing body."""
    return iter(())


def always(value: Json) -> Callable[[Call], Json]:
    """Return a function that gives the same answer to every call."""
    return lambda _: value


@dataclass(frozen=True, slots=True)
class Row:
    """One endpoint.

    `path` is a template: `{name}` is one segment that is not empty, `{name:int}` one of digits, `{name:person}` an identifier
    of a person. `query` lists the parameters that are checked, and `needs` those that are required.
    """

    name: str
    method: str
    path: str
    api: Api
    credential: Credential
    errors: Envelope
    body: Check = anything
    reply: Callable[[Call], Json] = always({})  # noqa: RUF009  # returns a function that all rows may share
    status: int = 200
    query: Mapping[str, Check] = field(default_factory=lambda: MappingProxyType({}))
    needs: Sequence[str] = ()
    media: Media = Media.JSON
    max_body_bytes: int = MIB
    too_large_status: int = 400  # the Track API reference declares no 413
    codings: frozenset[str] = frozenset()  # content codings of requests that are accepted besides identity


@dataclass(frozen=True, slots=True)
class Received:
    """A request as received: the raw target, the headers in their order and case, and the body in its content coding."""

    method: str
    target: str
    headers: tuple[tuple[str, str], ...]
    body: bytes = b""

    def values(self, name: str) -> list[str]:
        """Return the values of every header `name` (lower case), in order."""
        return [value for header, value in self.headers if header.lower() == name]


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer, before it is sent."""

    status: int
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))

    def having(self, headers: Mapping[str, str]) -> "Reply":
        """Return this answer with `headers` added; they replace headers of the same name."""
        named = {name.lower() for name in headers}
        kept = {name: value for name, value in self.headers.items() if name.lower() not in named}
        return Reply(self.status, self.body, {**kept, **headers})
