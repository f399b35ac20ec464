"""What the sender needs from the outside, as protocols: `delivery.send` calls these and knows no technology."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Protocol

from proxy.api.model import Bucket, Credential, Endpoint
from proxy.delivery.scrub import Scrubber
from proxy.errors import Reason
from proxy.exchange import Receiver


class Connection(Protocol):
    """A connection to Customer.io. It is in the hands of one exchange from `take` or `connect` until the answer has ended."""

    __slots__ = ()

    used: bool
    """Whether it has brought an answer before: one that has may have grown stale."""

    @property
    def usable(self) -> bool:
        """Whether a request may be written; if not, nothing more will ever be told of it."""

    def send(self, receiver: Receiver, *pieces: bytes) -> None:
        """Write a request; its answer, or its failure, is told to `receiver`, once this has returned."""

    def release(self) -> None:
        """Go back unused."""

    def abandon(self) -> None:
        """Drop the connection; `receiver` is told nothing more."""

    def pause(self) -> None:
        """Stop reading."""

    def resume(self) -> None:
        """Read again."""


class Connections(Protocol):
    """The connections to one origin."""

    __slots__ = ()

    def take(self) -> Connection | None:
        """Return an idle one that is usable."""

    async def connect(self) -> Connection:
        """Make a new one, or raise RefusedError."""


class Place(Protocol):
    """A place in a queue."""

    def leave(self) -> None:
        """Give it up: it will not be called upon."""


class Limiter(Protocol):
    """Rate limits."""

    __slots__ = ()

    def admit(self, bucket: Bucket) -> bool:
        """Let a call go now, or not."""

    def wait(self, bucket: Bucket, admitted: Callable[[], None]) -> Place | None:
        """Queue a call, if its turn comes soon enough; `admitted` is called then, never before this returns."""


@dataclass(slots=True, eq=False)
class Injected:
    """A credential ready to be written: its header line, a fingerprint that may be shown, and what hides it in answers.

    `used_at` is when it was last sent, in monotonic seconds. `rejected` says that Customer.io answered 401 to it, and has not
    accepted it since.
    """

    line: bytes
    key_id: str
    scrubber: Scrubber
    used_at: float = float("-inf")
    rejected: bool = False

    def __repr__(self) -> str:
        """Show the fingerprint only."""
        return f"Injected(key_id={self.key_id!r})"


class Keys(Protocol):
    """The credentials that calls may carry, and what is known of them."""

    @property
    def in_force(self) -> Mapping[Credential, Injected]:
        """What a call carries now; a credential that cannot be had is missing. Always the same object."""

    def accepted(self, credential: Credential, injected: Injected, sent_at: float) -> None:
        """Note that Customer.io took a credential that it had `rejected`, in a call sent then."""

    def rejected(self, credential: Credential, injected: Injected) -> bool:
        """Note a 401, and say whether another credential is in force that was not rejected."""

    def wait(self, credential: Credential, ready: Callable[[], None]) -> tuple["Place", float] | None:
        """Queue a call for a newer credential, and say until when (monotonic seconds); None where it is not worth while.

        `ready` is called once there is one to try, never before this returns.
        """


class Observer(Protocol):
    """Who counts what happens."""

    __slots__ = ()

    def answered(self, endpoint: Endpoint, status: int, key_id: str, seconds: float, started: float) -> None:
        """Count a success that came at once: `credential_used`, `upstream_answered` after `seconds`, and `forwarded`."""

    def forwarded(self, endpoint: Endpoint, status: int, started: float) -> None:
        """Count an upstream answer that reached the caller."""

    def refused(self, reason: Reason, endpoint: Endpoint | None, caller: str | None, started: float | None) -> None:
        """Count a refusal, and write its line."""

    def cut(self, reason: Reason, endpoint: Endpoint, status: int, caller: str | None, started: float) -> None:
        """Count an upstream answer of which the caller got the beginning only, and write its line."""

    def upstream_answered(self, endpoint: Endpoint, seconds: float) -> None:
        """Time an attempt that was answered."""

    def credential_used(self, credential: Credential, key_id: str, *, accepted: bool) -> None:
        """Count a use of a credential."""

    def limited(self, bucket: Bucket, result: str) -> None:
        """Count an admission, a wait or a refusal by a rate limit."""

    def retried(self, reason: str) -> None:
        """Count a call that is sent again."""

    def swallowed(self, endpoint: Endpoint) -> None:
        """Count a rejection that a lenient caller is not told of."""


@dataclass(frozen=True, slots=True)
class Timeouts:
    """How long a call may take.

    `attempt_seconds` covers an attempt from its connection to the head of its answer; `total_seconds` the whole call, from its
    request having arrived to the last byte of its answer.
    """

    attempt_seconds: float
    total_seconds: float
