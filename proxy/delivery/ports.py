"""The protocols through which `delivery.send` reaches the outside. So it depends on no technology."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Protocol

from proxy.api.model import Bucket, Credential, Endpoint
from proxy.delivery.scrub import Scrubber
from proxy.errors import Reason
from proxy.exchange import Receiver


class Connection(Protocol):
    """A connection to Customer.io. One exchange owns it from `take` or `connect` until the answer has ended."""

    __slots__ = ()

    used: bool
    """Whether it has carried an answer before. Such a connection may be stale."""

    @property
    def usable(self) -> bool:
        """Whether a request may be written. If not, the connection reports nothing any more."""

    def send(self, receiver: Receiver, *pieces: bytes) -> None:
        """Write a request. Its answer or its failure is reported to `receiver`, after this has returned."""

    def release(self) -> None:
        """Return the connection to its pool unused."""

    def abandon(self) -> None:
        """Abort the connection, without another report to `receiver`."""

    def pause(self) -> None:
        """Stop reading the answer until `resume`."""

    def resume(self) -> None:
        """Continue to read the answer."""


class Connections(Protocol):
    """The connections to one origin."""

    __slots__ = ()

    def take(self) -> Connection | None:
        """Return an idle connection that is usable, or None."""

    async def connect(self) -> Connection:
        """Dial a new connection, or raise RefusedError."""


class Place(Protocol):
    """A place in a queue."""

    def leave(self) -> None:
        """Leave the queue; the callback will not be called."""


class Limiter(Protocol):
    """The rate limits of all buckets."""

    __slots__ = ()

    def admit(self, bucket: Bucket) -> bool:
        """Take a rate token for one call, and return True; return False if there is none now."""

    def wait(self, bucket: Bucket, admitted: Callable[[], None]) -> Place | None:
        """Queue a call, or return None if its turn would come too late. `admitted` is called after this has returned."""


@dataclass(slots=True, eq=False)
class Injected:
    """A credential that is ready to be sent: its header line, a fingerprint for logs, and a scrubber for answers.

    `used_at` is the time of its last use, in monotonic seconds. `rejected` means that Customer.io answered 401 to it, and has
    not accepted it since.
    """

    line: bytes
    key_id: str
    scrubber: Scrubber
    used_at: float = float("-inf")
    rejected: bool = False

    def __repr__(self) -> str:
        """Show the fingerprint only, never the credential."""
        return f"Injected(key_id={self.key_id!r})"


class Keys(Protocol):
    """The credentials that calls may carry, and which of them Customer.io rejects."""

    @property
    def in_force(self) -> Mapping[Credential, Injected]:
        """The credentials that calls carry now. An unavailable one is missing. This is always the same object."""

    def accepted(self, credential: Credential, injected: Injected, sent_at: float) -> None:
        """Note that Customer.io accepted a credential that was `rejected`, in a call that was sent at `sent_at`."""

    def rejected(self, credential: Credential, injected: Injected) -> bool:
        """Note a 401. Return whether another credential, one that is not rejected, is in force."""

    def wait(self, credential: Credential, ready: Callable[[], None]) -> tuple["Place", float] | None:
        """Queue a call for a newer credential. Return its place and deadline (monotonic seconds); None if waiting cannot help.

        `ready` is called once when there is a credential to try, never before this returns.
        """


class Observer(Protocol):
    """Counts the events of a call, for metrics and logs."""

    __slots__ = ()

    def answered(self, endpoint: Endpoint, status: int, key_id: str, seconds: float, started: float) -> None:
        """Count a success that came whole: `credential_used`, `upstream_answered` after `seconds`, and `forwarded`."""

    def forwarded(self, endpoint: Endpoint, status: int, started: float) -> None:
        """Count an upstream answer that reached the caller."""

    def refused(self, reason: Reason, endpoint: Endpoint | None, caller: str | None, started: float | None) -> None:
        """Count a refusal, and log it."""

    def cut(self, reason: Reason, endpoint: Endpoint, status: int, caller: str | None, started: float) -> None:
        """Count an upstream answer of which the caller got only the beginning, and log it."""

    def upstream_answered(self, endpoint: Endpoint, seconds: float) -> None:
        """Record the duration of an attempt that was answered."""

    def credential_used(self, credential: Credential, key_id: str, *, accepted: bool) -> None:
        """Count a use of a credential, and whether it was accepted."""

    def limited(self, bucket: Bucket, result: str) -> None:
        """Count a decision of a rate limit: `result` is admitted, waited or refused."""

    def retried(self, reason: str) -> None:
        """Count a call that is sent again."""

    def swallowed(self, endpoint: Endpoint) -> None:
        """Count a rejection by Customer.io that a caller without strict mode does not see."""


@dataclass(frozen=True, slots=True)
class Timeouts:
    """The longest durations of a call.

    `attempt_seconds` covers an attempt, from its connection to the head of its answer. `total_seconds` covers the whole call,
    from the arrival of the complete request to the last byte of its answer.
    """

    attempt_seconds: float
    total_seconds: float
