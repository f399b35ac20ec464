"""The words the simulator is written in: what a call is, what an endpoint is, and what an answer is.

Values only. The facts themselves stand in the tables beside this file (`track`, `entity`, `send`, `app`, `content`,
`pipelines`); nothing here knows the sidecar, because the simulator is a witness of it.
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
    """The three APIs, each at a host of its own in the real world."""

    TRACK = "track"
    APP = "app"
    PIPELINES = "pipelines"


class Credential(StrEnum):
    """What a call has to bring (customerio-api.md 1.1)."""

    SITE = "site"  # Authorization: Basic site_id:api_key
    APP_KEY = "app_key"  # Authorization: Bearer app_key
    WRITE_KEY = "write_key"  # Authorization: Basic write_key:
    NONE = "none"


class Envelope(StrEnum):
    """The shapes in which Customer.io tells an error; the endpoint decides which (customerio-api.md 1.3 to 1.6)."""

    META_ERRORS = "meta_errors"  # {"meta": {"errors": ["…"]}}: Track v1
    META_ERROR = "meta_error"  # {"meta": {"error": "…"}}: merges, and sends
    FIELDS = "fields"  # {"errors": [{"reason", "field", "message"}]}: Track v2
    DETAIL = "detail"  # {"errors": [{"detail", "status"}]}: the App API
    CODE = "code"  # {"code", "message"}: pipelines, as far as its clients tell


class Media(StrEnum):
    """What kind of body an endpoint takes."""

    JSON = "json"
    MULTIPART = "multipart"


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that is wrong with a call.

    `field` is a dotted path of names from our tables, never of names or values from the call. `index` is the position of the
    batch item it was found in, where only that item is refused.
    """

    field: str
    message: str
    reason: Literal["invalid", "required", "too_large", "unauthorized", "not_found", "not_allowed", "rate_limited"] = "invalid"
    status: int = 400
    index: int | None = None


@dataclass(frozen=True, slots=True)
class Workspace:
    """The workspace that is simulated: its credentials, its region and its number. The defaults are documented placeholders."""

    site_id: str = field(default="simulated-site-id", repr=False)
    api_key: str = field(default="simulated-api-key", repr=False)
    app_key: str = field(default="simulated-app-key", repr=False)
    write_key: str = field(default="simulated-write-key", repr=False)
    region: Literal["us", "eu"] = "us"
    environment_id: int = 1

    def host(self, api: Api) -> str:
        """Return the real host name of `api` in this workspace's region (customerio-api.md 1.1)."""
        name = {Api.TRACK: "track", Api.APP: "api", Api.PIPELINES: "cdp"}[api]
        return f"{name}{'-eu' if self.region == 'eu' else ''}.customer.io"


@dataclass(frozen=True, slots=True)
class Call:
    """A well-formed call, as the maker of an answer sees it. `body` is None where there was none."""

    path: Mapping[str, str]
    query: Mapping[str, str]
    body: Json
    number: int
    now: float
    workspace: Workspace


# A check yields what is wrong with the JSON value that stands at a field. It never raises.
Check = Callable[[str, Json], Iterator[Problem]]


def anything(_field: str, _value: Json) -> Iterator[Problem]:
    """Accept every value."""
    return iter(())


def always(value: Json) -> Callable[[Call], Json]:
    """Return a maker of the same answer for every call."""
    return lambda _: value


@dataclass(frozen=True, slots=True)
class Row:
    """One endpoint.

    `path` is a template: `{name}` is one segment that is not empty, `{name:int}` one of digits, `{name:person}` an identifier
    of a person. `query` names the parameters that are looked at, `needs` those of them that must be there.
    """

    name: str
    method: str
    path: str
    api: Api
    credential: Credential
    errors: Envelope
    body: Check = anything
    reply: Callable[[Call], Json] = always({})  # noqa: RUF009  # makes a function, and every row may share it
    status: int = 200
    query: Mapping[str, Check] = field(default_factory=lambda: MappingProxyType({}))
    needs: Sequence[str] = ()
    media: Media = Media.JSON
    max_body_bytes: int = MIB
    too_large_status: int = 400  # the Track API declares no 413 (customerio-api.md 1.1)
    codings: frozenset[str] = frozenset()  # request codings taken beside identity


@dataclass(frozen=True, slots=True)
class Received:
    """A request as it came over the wire: raw target, headers in order and case, and the body with its coding still on."""

    method: str
    target: str
    headers: tuple[tuple[str, str], ...]
    body: bytes = b""

    def values(self, name: str) -> list[str]:
        """Return the values of every header `name` (lower case), in order."""
        return [value for header, value in self.headers if header.lower() == name]


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer before it is put on the wire."""

    status: int
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))

    def having(self, headers: Mapping[str, str]) -> "Reply":
        """Return this answer with `headers` in the place of its own of the same name."""
        named = {name.lower() for name in headers}
        kept = {name: value for name, value in self.headers.items() if name.lower() not in named}
        return Reply(self.status, self.body, {**kept, **headers})
