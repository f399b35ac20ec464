"""The state that all calls share: their ports, their bound of memory, and the set of calls under way."""

from collections.abc import Callable, Coroutine, Mapping
from dataclasses import dataclass, field
from typing import Final, Protocol

from proxy.api.model import Credential, Upstream
from proxy.clock import Clock
from proxy.delivery.answer import UNAUTHORIZED
from proxy.delivery.ports import Connections, Injected, Keys, Limiter, Observer, Timeouts
from proxy.delivery.scrub import Scrubber

# The credential of a call that needs none.
NOTHING: Final = Injected(b"", "", Scrubber(()))
_NO_CREDENTIAL: Final = Credential.NONE  # saves the look-up of an enum member
_SERVER_ERRORS = 500


class Ongoing(Protocol):
    """A call under way."""

    deadline: float
    """The time to call `expire`, in monotonic seconds."""

    def expire(self) -> None:
        """Stop and answer, because the deadline has passed."""


@dataclass(slots=True, eq=False, kw_only=True)
class Shared:
    """The state that all calls share.

    `inflight_bytes` bounds `held_bytes`, the bodies of all calls under way: a compressed body may have grown since the server
    counted it. `spawn` runs a coroutine as a task, keeps a reference to it, and reports its crash.
    """

    connections: Mapping[Upstream, Connections]
    limiter: Limiter
    keys: Keys
    timeouts: Timeouts
    inflight_bytes: int
    observer: Observer
    clock: Clock
    spawn: Callable[[Coroutine[object, object, None]], object]
    held_bytes: int = 0
    active: set[Ongoing] = field(default_factory=set)

    def key(self, credential: Credential) -> Injected | None:
        """Return the credential that a call carries now; None if it is unavailable."""
        return NOTHING if credential is _NO_CREDENTIAL else self.keys.in_force.get(credential)

    def key_answered(self, credential: Credential, injected: Injected, status: int, sent_at: float) -> None:
        """Count an answer to a call that carried a key, and report a rejected key that works again."""
        if credential is not _NO_CREDENTIAL:
            self.observer.credential_used(credential, injected.key_id, accepted=status != UNAUTHORIZED)
            # A server that fails may not have looked at the key.
            if injected.rejected and status != UNAUTHORIZED and status < _SERVER_ERRORS:
                self.keys.accepted(credential, injected, sent_at)
