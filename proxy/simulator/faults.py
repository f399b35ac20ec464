"""Faults on request: the strictly validated script of faults, and the match of requests to its entries.

A script is a list of `{"match": {...}, "times": n, "fault": {"kind": ...}}`. A request gets the fault of the first entry that
matches it and has times left. `docs/simulator.md` shows each kind.
"""

import re
from collections.abc import Sequence
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, JsonValue, TypeAdapter, ValidationError, model_validator

PENDING = 10_000
MAX_TIMES = 1_000_000
MAX_SECONDS = 600
MAX_ANSWER_BYTES = 256 * 1024 * 1024
MAX_SCRIPT_BYTES = 16 * 1024 * 1024

_TOKEN = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_VALUE = re.compile(r"[\t\x20-\x7e\x80-\xff]*")
# The simulator frames its answers itself; use `no_length` and `half_answer` for wrong framing.
_FRAMING = frozenset({"content-length", "transfer-encoding", "connection"})
_NO_BODY = frozenset({204, 304})

Seconds = Annotated[float, Field(ge=0, le=MAX_SECONDS)]


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


class Delay(_Strict):
    """Wait before the usual answer."""

    kind: Literal["delay"]
    seconds: Seconds


class Drop(_Strict):
    """Close the connection without an answer, before or after the body is read."""

    kind: Literal["drop"]
    when: Literal["before_body", "after_body"] = "after_body"


class Reset(_Strict):
    """Reset the connection (RST) without an answer."""

    kind: Literal["reset"]


class HalfAnswer(_Strict):
    """Start the usual answer and close the connection in the middle of its body."""

    kind: Literal["half_answer"]
    framing: Literal["length", "chunked"] = "length"


class Garbage(_Strict):
    """Send bytes that are not HTTP, and close the connection."""

    kind: Literal["garbage"]
    text: str = Field("\x16\x03\x01 this is no HTTP\r\n\r\n", min_length=1, max_length=65_536)


class Interim(_Strict):
    """Send interim answers before the usual one."""

    kind: Literal["interim"]
    statuses: list[Literal[100, 102, 103]] = Field([103], min_length=1, max_length=100)


class SlowBody(_Strict):
    """Send the body of the usual answer in small pieces, with pauses between them."""

    kind: Literal["slow_body"]
    bytes_per_write: int = Field(1, ge=1)
    seconds_between: Seconds = 0.1


class NoLength(_Strict):
    """Answer without a length and without chunks: the end of the connection ends the body (RFC 9112 section 6.3)."""

    kind: Literal["no_length"]


class Gzip(_Strict):
    """Encode the usual answer with gzip, even if the request does not accept it."""

    kind: Literal["gzip"]


class Large(_Strict):
    """Answer 200 with a JSON body of exactly `bytes` bytes."""

    kind: Literal["large"]
    bytes: int = Field(ge=16, le=MAX_ANSWER_BYTES)
    framing: Literal["length", "chunked"] = "length"


class ExtraBytes(_Strict):
    """Answer as usual, and then send `text` beyond the announced length, after `seconds` on the idle connection."""

    kind: Literal["extra_bytes"]
    text: str = Field('HTTP/1.1 200 OK\r\nContent-Length: 14\r\n\r\n{"extra":true}', min_length=1, max_length=65_536)
    seconds: Seconds = 0


class CloseAfter(_Strict):
    """Answer as usual with keep-alive, and then close the connection without notice after `seconds`."""

    kind: Literal["close_after"]
    seconds: Seconds = 0


class Early(_Strict):
    """Answer before the body is read."""

    kind: Literal["early"]
    status: int = Field(200, ge=200, le=599)


class Status(_Strict):
    """Answer with any status; the body is JSON or, if it is a string, text."""

    kind: Literal["status"]
    status: int = Field(ge=200, le=599)
    body: JsonValue = None
    headers: dict[str, str] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _sendable(self) -> "Status":
        for name, value in self.headers.items():
            if _TOKEN.fullmatch(name) is None or _VALUE.fullmatch(value) is None:
                raise ValueError("headers must be valid HTTP names and values")
            if name.lower() in _FRAMING:
                raise ValueError("headers must not include Content-Length, Transfer-Encoding or Connection")
        if self.body is not None and self.status in _NO_BODY:
            raise ValueError("a 204 or 304 has no body")
        return self


class Redirect(_Strict):
    """Answer 301 "wrong datacenter", as for a request to the wrong region; `location` replaces the URL of the other region."""

    kind: Literal["redirect"]
    status: Literal[301, 302, 307, 308] = 301
    location: str | None = Field(None, pattern=r"^[\x21-\x7e]+$")


class RateLimited(_Strict):
    """Answer 429; `retry_after_seconds` null stands for a used-up daily quota, which has no `Retry-After`."""

    kind: Literal["rate_limited"]
    retry_after_seconds: int | None = Field(1, ge=0)


class Unauthorized(_Strict):
    """Answer 401, as if the credential had been deleted."""

    kind: Literal["unauthorized"]


class EchoSecret(_Strict):
    """Answer with the credential of the request in a header and in the body, both as sent and decoded."""

    kind: Literal["echo_secret"]
    status: int = Field(400, ge=200, le=599)
    bytes_per_write: int | None = Field(None, ge=1)
    seconds_between: Seconds = 0.01


Fault = (
    Delay | Drop | Reset | HalfAnswer | Garbage | Interim | SlowBody | NoLength | Gzip | Large | ExtraBytes | CloseAfter
    | Early | Status | Redirect | RateLimited | Unauthorized | EchoSecret
)  # fmt: skip


class Match(_Strict):
    """The requests that an entry matches: by method, and by the prefix of the raw target."""

    method: str | None = Field(None, pattern=r"^[A-Z]+$")
    path_prefix: str = Field("/", pattern=r"^/")

    def fits(self, method: str, target: str) -> bool:
        """Return whether a request matches."""
        return (self.method is None or self.method == method) and target.startswith(self.path_prefix)


class Scripted(_Strict):
    """One entry of a script: the fault, the requests that get it, and how often."""

    match: Match = Match()
    times: int = Field(1, ge=1, le=MAX_TIMES)
    fault: Annotated[Fault, Field(discriminator="kind")]


_SCRIPT = TypeAdapter(list[Scripted])


class ScriptError(ValueError):
    """The script is invalid; the text says where and why."""


def parse(script: bytes | Sequence[object]) -> list[Scripted]:
    """Return the entries of a script given as JSON or as plain values.

    Raises:
        ScriptError: the script is invalid.
    """
    try:
        return _SCRIPT.validate_json(script) if isinstance(script, bytes) else _SCRIPT.validate_python(list(script))
    except ValidationError as error:
        first = error.errors(include_input=False, include_url=False, include_context=False)[0]
        place = ".".join(str(part) for part in first["loc"])
        raise ScriptError(f"{place}: {first['msg']}" if place else first["msg"]) from None


class Script:
    """The scripted faults that are still pending."""

    def __init__(self) -> None:
        """Start with an empty script."""
        self._pending: list[Scripted] = []

    @property
    def pending(self) -> Sequence[Scripted]:
        """The pending entries in order, each with the times that are left."""
        return tuple(self._pending)

    def add(self, script: bytes | Sequence[object]) -> None:
        """Append a script.

        Raises:
            ScriptError: the script is invalid, or too many entries are pending.
        """
        entries = parse(script)
        if len(self._pending) + len(entries) > PENDING:
            raise ScriptError(f"at most {PENDING} entries can be pending")
        self._pending += entries

    def take(self, method: str, target: str) -> Fault | None:
        """Return the fault for a request and count it as used once; None if no entry matches."""
        for place, entry in enumerate(self._pending):
            if entry.match.fits(method, target):
                self._pending[place : place + 1] = (
                    [entry.model_copy(update={"times": entry.times - 1})] if entry.times > 1 else []
                )
                return entry.fault
        return None

    def clear(self) -> None:
        """Delete all pending entries."""
        self._pending.clear()
