"""The values of one exchange that travel between floors."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from proxy.api.match import Match
from proxy.api.model import Endpoint
from proxy.rules import Rules


@dataclass(slots=True, eq=False)
class RequestHead:
    """The head of a caller's request. `headers` has lower-cased names; a name that may occur once occurs once."""

    method: str
    target: bytes
    headers: Mapping[bytes, bytes]


@dataclass(slots=True, eq=False)
class Admission:
    """A request whose caller, endpoint and target were accepted.

    `body_bytes` caps its body, as sent and inflated; `started` is in monotonic seconds.
    """

    rules: Rules
    match: Match
    head: RequestHead
    caller: str
    body_bytes: int
    started: float


@dataclass(slots=True, eq=False)
class Outgoing:
    """A prepared call: everything that is sent to Customer.io but the credential, which is added last.

    `head` is the request line and the header lines, each ended by CRLF, without the empty line that ends the head. `strict`
    says that the caller itself asked for strict answers (`X-Strict-Mode: 1`).
    """

    endpoint: Endpoint
    head: bytes
    body: bytes
    strict: bool


class Failure(StrEnum):
    """Why an attempt gave no (whole) answer."""

    CLOSED = "closed"  # the connection closed before the first byte of an answer
    TRUNCATED = "truncated"  # it closed inside an answer
    INVALID = "invalid"  # what came is not an HTTP/1.1 answer
