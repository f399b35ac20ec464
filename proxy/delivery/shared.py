"""What all calls have in common: the ports they go through, their bounds, and which of them are on their way."""

from collections.abc import Callable, Coroutine, Mapping
from dataclasses import dataclass, field
from typing import Final, Protocol

from proxy.api.model import Credential, Upstream
from proxy.clock import Clock
from proxy.delivery.answer import UNAUTHORIZED
from proxy.delivery.ports import Connections, Injected, Keys, Limiter, Observer, Timeouts
from proxy.delivery.scrub import Scrubber

# What a call carries that needs no credential.
NOTHING: Final = Injected(b"", "", Scrubber(()))
_NO_CREDENTIAL: Final = Credential.NONE  # a member of an enumeration takes a look-up
_SERVER_ERRORS = 500


class Ongoing(Protocol):
    """A call on its way."""

    deadline: float
    """When it is to `expire`, in monotonic seconds."""

    def expire(self) -> None:
        """Stop and answer: the deadline has passed."""


@dataclass(slots=True, eq=False, kw_only=True)
class Shared:
    """What all calls have in common.

    `inflight_bytes` bounds the bodies on their way together, `held_bytes`: what arrived coded may have grown since the server
    counted it. `spawn` runs a coroutine as a task, holds it, and reports its crash.
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
        """Return what a call carries now; None where there is nothing for it."""
        return NOTHING if credential is _NO_CREDENTIAL else self.keys.in_force.get(credential)

    def key_answered(self, credential: Credential, injected: Injected, status: int, sent_at: float) -> None:
        """Count an answer to a call that carried a key, and tell the keyring of one that works again."""
        if credential is not _NO_CREDENTIAL:
            self.observer.credential_used(credential, injected.key_id, accepted=status != UNAUTHORIZED)
            # A server that fails may not have looked at the key.
            if injected.rejected and status != UNAUTHORIZED and status < _SERVER_ERRORS:
                self.keys.accepted(credential, injected, sent_at)
