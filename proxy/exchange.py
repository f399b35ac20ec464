"""What travels between floors: the values of one exchange, and the ports its answer comes in and goes out by.

The values hold what a caller sent, so none of them shows its content when it is printed (promise G2). They are made for every
request, so they are plain classes: the `__init__` of a dataclass is not compiled.
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
    """The header fields of a head, by lower-cased names, without its framing.

    One object may stand for every head with the same bytes, so nobody changes it once it is read. `facts` is for whoever
    reads it, to keep what was found out from it.
    """

    __slots__ = ("facts",)

    def __init__(self) -> None:
        """Begin empty."""
        self.facts: object = None

    def __repr__(self) -> str:
        """Show no content."""
        return f"Fields({len(self)})"


class RequestHead:
    """The head of a caller's request. `headers` has lower-cased names; a name that may occur once occurs once."""

    __slots__ = ("headers", "method", "target")

    def __init__(self, method: str, target: bytes, headers: Mapping[bytes, bytes]) -> None:
        """Hold what was read."""
        self.method = method
        self.target = target
        self.headers = headers


class Admission:
    """A request whose caller, endpoint and target were accepted.

    `body_bytes` caps its body, as sent and inflated; `started` is in monotonic seconds. `caller` is None until the body has
    said who it is, where the head did not.
    """

    __slots__ = ("body_bytes", "caller", "head", "match", "rules", "started")

    def __init__(
        self, rules: Rules, match: Match, head: RequestHead, caller: str | None, body_bytes: int, *, started: float
    ) -> None:
        """Hold what was decided."""
        self.rules = rules
        self.match = match
        self.head = head
        self.caller = caller
        self.body_bytes = body_bytes
        self.started = started


class Outgoing:
    """A prepared call: everything that is sent to Customer.io but the credential, which is added last.

    `head` is the request line and the header lines, each ended by CRLF, without the empty line that ends the head. `strict`
    says that the caller itself asked for strict answers (`X-Strict-Mode: 1`). `excesses` are the limits of Customer.io that the
    call was found to be over; `withheld` says which items were therefore taken out of a batch.
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
        """Hold what was prepared."""
        self.endpoint = endpoint
        self.head = head
        self.body = body
        self.strict = strict
        self.excesses = excesses
        self.withheld = withheld


class Failure(StrEnum):
    """Why an attempt gave no (whole) answer."""

    UNSENT = "unsent"  # the connection closed before a byte of the request was written
    CLOSED = "closed"  # it closed before the first byte of an answer
    TRUNCATED = "truncated"  # it closed inside an answer
    INVALID = "invalid"  # what came is not an HTTP/1.1 answer


class Caller(Protocol):
    """Where an answer goes. One of `refuse`, `answer`, or `start`, `write`… and `finish` or `abort` ends each request."""

    __slots__ = ()

    def refuse(self, reason: Reason) -> None:
        """Answer with a refusal."""

    def answer(self, status: int, lines: bytes, body: bytes) -> None:
        """Answer at once; `lines` are encoded header lines without framing."""

    def start(self, status: int, lines: bytes, length: int | None) -> None:
        """Begin an answer of `length` bytes, or of a length not known yet."""

    def write(self, data: bytes) -> None:
        """Send a piece of the answer's body."""

    def finish(self) -> None:
        """End the answer begun with `start`."""

    def abort(self) -> None:
        """Break the connection off, so that a cut answer cannot be taken for a whole one."""


class Receiver(Protocol):
    """Who sent the request and is told of its answer."""

    __slots__ = ()

    def answered(self, status: int, headers: Mapping[bytes, bytes], body: bytes) -> None:
        """Take a whole answer: what the four below tell of one that came in one read."""

    def answer_started(self, status: int, headers: Mapping[bytes, bytes], length: int | None) -> None:
        """Take the head of the final answer; `length` is None when it is not declared."""

    def answer_body(self, data: bytes) -> None:
        """Take the next piece of the body."""

    def answer_paused(self) -> None:
        """Note that no more has arrived for now."""

    def answer_finished(self) -> None:
        """Note that the answer is whole. The connection has gone back to its pool already."""

    def attempt_failed(self, failure: Failure) -> None:
        """Note that no (more of the) answer will come on this connection."""
