"""The values that pass between the layers for one request, and the protocols through which its answer passes.

The values contain data of a caller, so none of them shows its content when it is printed (promise G2). They are made for every
request, so they are plain classes: mypyc does not compile the `__init__` of a dataclass.
"""

from collections.abc import Mapping, Sequence
from enum import StrEnum
from typing import Protocol

from proxy.api.match import Match
from proxy.api.model import Endpoint
from proxy.delivery.withheld import Withheld
from proxy.errors import Reason
from proxy.payload.oversize import NOTHING, Excess
from proxy.rules import Rules


class Fields(dict[bytes, bytes]):
    """The header fields of a head, by lower-case names, without the framing fields.

    All heads with the same bytes may share one object, so it never changes after it is read. A reader may cache a result
    that it derived from the fields in `facts`.
    """

    __slots__ = ("facts",)

    def __init__(self) -> None:
        """Begin without fields and without a cached result."""
        self.facts: object = None

    def __repr__(self) -> str:
        """Show the number of fields, and no content."""
        return f"Fields({len(self)})"


class RequestHead:
    """The head of a caller's request. `headers` has lower-case names. A field that may occur only once occurs only once."""

    __slots__ = ("headers", "method", "target")

    def __init__(self, method: str, target: bytes, headers: Mapping[bytes, bytes]) -> None:
        """Hold the parsed head."""
        self.method = method
        self.target = target
        self.headers = headers


class Admission:
    """A request whose caller, endpoint and target were accepted.

    `body_bytes` is the size limit of its body, both as sent and inflated. `started` is in monotonic seconds. `caller` is None
    if the head has no key, until the key is found in the body.
    """

    __slots__ = ("body_bytes", "caller", "head", "match", "rules", "started")

    def __init__(
        self, rules: Rules, match: Match, head: RequestHead, caller: str | None, body_bytes: int, *, started: float
    ) -> None:
        """Hold the decision."""
        self.rules = rules
        self.match = match
        self.head = head
        self.caller = caller
        self.body_bytes = body_bytes
        self.started = started


class Outgoing:
    """A prepared call: all bytes for Customer.io except the credential, which is added last.

    `head` is the request line and the header lines, each with CRLF, without the empty line that ends the head. `strict` says
    that the caller itself asked for strict answers (`X-Strict-Mode: 1`). `excesses` are the size limits of Customer.io that the
    call exceeds. `withheld` describes the items that were removed from a batch for that reason.
    """

    __slots__ = ("body", "endpoint", "excesses", "head", "strict", "withheld")

    def __init__(
        self,
        endpoint: Endpoint,
        head: bytes,
        body: bytes,
        strict: bool,  # noqa: FBT001  # a column of a row
        *,
        excesses: Sequence[Excess] = NOTHING,
        withheld: Withheld | None = None,
    ) -> None:
        """Hold the prepared call."""
        self.endpoint = endpoint
        self.head = head
        self.body = body
        self.strict = strict
        self.excesses = excesses
        self.withheld = withheld


class Failure(StrEnum):
    """The reason why an attempt got no answer, or only a part of one."""

    UNSENT = "unsent"  # the connection closed before a byte of the request was written
    CLOSED = "closed"  # the connection closed before the first byte of an answer
    TRUNCATED = "truncated"  # the connection closed inside an answer
    INVALID = "invalid"  # the bytes are not an HTTP/1.1 answer


class Caller(Protocol):
    """The recipient of an answer. Each request ends with `refuse`, `answer`, or `start`, `write`… and `finish` or `abort`."""

    __slots__ = ()

    def refuse(self, reason: Reason) -> None:
        """Answer with the refusal for `reason`."""

    def answer(self, status: int, lines: bytes, body: bytes) -> None:
        """Send a whole answer. `lines` are encoded header lines without framing."""

    def start(self, status: int, lines: bytes, length: int | None) -> None:
        """Begin an answer whose body has `length` bytes, or an unknown length (None)."""

    def write(self, data: bytes) -> None:
        """Send a piece of the answer's body."""

    def finish(self) -> None:
        """End the answer that `start` began."""

    def abort(self) -> None:
        """Reset the connection, so that a cut answer cannot look complete."""


class Receiver(Protocol):
    """The sender of a request. The upstream connection reports the answer to it."""

    __slots__ = ()

    def answered(self, status: int, headers: Mapping[bytes, bytes], body: bytes) -> None:
        """Take a whole answer that came in one read. This call replaces the four below."""

    def answer_started(self, status: int, headers: Mapping[bytes, bytes], length: int | None) -> None:
        """Take the head of the final answer. `length` is None if there is no Content-Length."""

    def answer_body(self, data: bytes) -> None:
        """Take the next piece of the body."""

    def answer_paused(self) -> None:
        """Note that no more bytes are here for now."""

    def answer_finished(self) -> None:
        """Note that the answer is complete. The connection has already returned to its pool."""

    def attempt_failed(self, failure: Failure) -> None:
        """Note that no further byte of an answer will come on this connection."""
