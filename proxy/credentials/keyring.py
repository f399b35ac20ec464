"""Decides which key a call carries: the versions of each credential, from the first read to the last use (promise G7).

* A newer version of a key is used as soon as it is adopted. The version before it is kept as a fallback until `DRAIN_SECONDS`
  after its last use.
* A call that got 401 was not processed, so it may be sent again with the next key that is not rejected. The key that works
  stays in force. A rejected key is trusted again as soon as Customer.io accepts it.
* While every key is rejected, calls wait for a newer one, bounded in number and time. From time to time, one of them tries an
  existing key.
* A key that its store has not confirmed for `max_staleness_seconds` is dropped.

The keyring does no I/O: `watch` reports the versions in stores, and exchanges report the answers of Customer.io.
"""

from collections import OrderedDict
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum

from proxy.api.model import Credential
from proxy.clock import Clock
from proxy.credentials.model import Kind, Version
from proxy.delivery.ports import Injected
from proxy.delivery.scrub import Scrubber

# A replaced key is kept this long after its last use: longer than any call takes.
DRAIN_SECONDS = 60.0
# So many calls may wait for a newer version of one credential. A further call is answered immediately.
WAITING_MAX_CALLS = 1000


class State(StrEnum):
    """The role of a key."""

    ACTIVE = "active"  # calls carry it
    STANDBY = "standby"  # the second live pair
    DRAINING = "draining"  # replaced, and kept as a fallback
    REJECTED = "rejected"  # Customer.io answered 401 to it, and has not accepted it since


@dataclass(frozen=True, slots=True)
class KeyStatus:
    """The public description of one key, with nothing secret. Times are ages in seconds; None if unknown."""

    credential: Credential
    slot: str
    key_id: str
    state: State
    source: Kind
    version: str
    version_age_seconds: float | None
    staleness_seconds: float | None
    last_used_seconds: float | None


@dataclass(slots=True, eq=False)
class _Key:
    slot: str
    version: Version
    injected: Injected
    adopted_at: float
    rejected_at: float = float("-inf")
    replaced_at: float | None = None


class _Place:
    """A place in the queue of calls that wait for a key."""

    __slots__ = ("_queue", "ready")

    def __init__(self, queue: "OrderedDict[_Place, None]", ready: Callable[[], None]) -> None:
        self._queue = queue
        self.ready = ready
        queue[self] = None

    def leave(self) -> None:
        """Leave the queue; `ready` will not be called."""
        self._queue.pop(self, None)


class _Ring:
    """The keys of one credential, and the calls that wait for one."""

    def __init__(self, credential: Credential, slots: tuple[str, ...]) -> None:
        self.credential = credential
        self.slots = slots
        self.keys: list[_Key] = []
        self.active: _Key | None = None
        self.waiting: OrderedDict[_Place, None] = OrderedDict()
        self.exhausted_at: float | None = None
        self.tries = 0

    def current(self, slot: str) -> _Key | None:
        """Return the newest key of a slot, or None."""
        return next((key for key in self.keys if key.slot == slot and key.replaced_at is None), None)

    def preferred(self) -> list[_Key]:
        """Return the keys in order of preference: current keys in the order of slots, then replaced ones, newest first."""
        return sorted(self.keys, key=lambda key: (key.replaced_at is not None, self.slots.index(key.slot), -key.adopted_at))

    @property
    def fixed(self) -> bool:
        """Whether no newer key can come."""
        return all((key := self.current(slot)) is not None and key.version.fixed for slot in self.slots)

    def best(self) -> _Key | None:
        """Return the key in force if it is not rejected; otherwise the first key that is not rejected, or None."""
        if self.active is not None and not self.active.injected.rejected:
            return self.active
        return next((key for key in self.preferred() if not key.injected.rejected), None)


class Keyring:
    """The keys of every credential."""

    def __init__(
        self,
        slots: Mapping[str, Credential],
        *,
        grace_seconds: float,
        max_staleness_seconds: float,
        clock: Clock,
        held: Callable[[Credential, str], None],
        wanted: Callable[[Credential], None],
    ) -> None:
        """Keep the keys of `slots`, which are in order of preference.

        `held` is called for each key that calls may carry from then on. `wanted` is called when a newer key is needed
        immediately.
        """
        self.in_force: dict[Credential, Injected] = {}
        self._slots = slots
        self._grace_seconds = grace_seconds
        self._max_staleness_seconds = max_staleness_seconds
        self._clock = clock
        self._held = held
        self._wanted = wanted
        self._confirmed_at: dict[str, float] = {}
        self._rings = {
            credential: _Ring(credential, tuple(slot for slot in slots if slots[slot] is credential))
            for credential in slots.values()
        }

    def change(self, slots: Mapping[str, Credential], *, grace_seconds: float, max_staleness_seconds: float) -> None:
        """Keep the keys of other `slots` from now on; those of a slot that stays are kept, with what is known of them.

        A key that a call carries already is not called back: whoever holds one asks about it as before.
        """
        self._slots = slots
        self._grace_seconds = grace_seconds
        self._max_staleness_seconds = max_staleness_seconds
        for credential in slots.values():
            self._rings.setdefault(credential, _Ring(credential, ()))
        for credential, ring in self._rings.items():
            ring.slots = tuple(slot for slot in slots if slots[slot] is credential)
            ring.keys = [key for key in ring.keys if key.slot in ring.slots]
            if ring.active not in ring.keys:
                ring.active = None
                self._use(ring, ring.best() or next(iter(ring.preferred()), None))
            if not ring.slots:
                _let_go(ring)

    # What the stores hold

    def held(self, slot: str) -> Version | None:
        """Return the version of a slot that was adopted last, or None if it was dropped."""
        key = self._ring(slot).current(slot)
        return None if key is None else key.version

    def versions(self, credential: Credential) -> list[Version]:
        """Return the versions of a credential that may be in use, in order of preference."""
        return [key.version for key in self._rings[credential].preferred()]

    def confirm(self, slot: str, version: Version) -> None:
        """Note that the store still has the version that was adopted last, perhaps with a new name."""
        key = self._ring(slot).current(slot)
        if key is not None:
            key.version = version
            self._confirmed_at[slot] = self._clock.monotonic()

    def adopt(self, slot: str, version: Version) -> None:
        """Use a new version from now on. The version before it is kept as a fallback."""
        now = self._clock.monotonic()
        ring = self._ring(slot)
        if (before := ring.current(slot)) is not None:
            before.replaced_at = now
        authorization = version.authorization
        # A version that returns is the same key as before, and keeps its time of last use.
        again = next((key for key in ring.keys if key.version.authorization == authorization and key.slot == slot), None)
        if again is not None:
            ring.keys.remove(again)
        injected = (
            Injected(authorization.line.reveal(), authorization.key_id, Scrubber(authorization.hidden.reveal()))
            if again is None
            else again.injected
        )
        injected.rejected = False
        key = _Key(slot, version, injected, adopted_at=now)
        ring.keys.append(key)
        self._confirmed_at[slot] = now
        self._held(self._slots[slot], authorization.key_id)
        active = ring.active
        if active is None or active.injected.rejected or slot in (active.slot, ring.slots[0]):
            self._use(ring, key)

    def tick(self) -> None:
        """Drop drained keys, and keys that no store has confirmed for too long. Call it a few times a second."""
        now = self._clock.monotonic()
        for ring in self._rings.values():
            for key in tuple(ring.keys):
                if self._over(key, now):
                    ring.keys.remove(key)
                    if key is ring.active:
                        ring.active = None
                        self._use(ring, ring.best() or next(iter(ring.preferred()), None))

    def _over(self, key: _Key, now: float) -> bool:
        stale = not key.version.fixed and now - self._confirmed_at[key.slot] > self._max_staleness_seconds
        drained = key.replaced_at is not None and now - max(key.replaced_at, key.injected.used_at) > DRAIN_SECONDS
        return stale or drained

    # Answers of Customer.io (`delivery.ports.Keys`)

    def accepted(self, credential: Credential, injected: Injected, sent_at: float) -> None:
        """Trust a key again; see `Keys.accepted`. A call sent before the rejection proves nothing about the time after it."""
        ring = self._rings[credential]
        key = _of(ring, injected)
        if key is not None and sent_at >= key.rejected_at:
            injected.rejected = False
            self._use(ring, key)

    def rejected(self, credential: Credential, injected: Injected) -> bool:
        """Note a 401, and put the next key in force; see `Keys.rejected`."""
        ring = self._rings[credential]
        now = self._clock.monotonic()
        if (key := _of(ring, injected)) is not None:
            injected.rejected = True
            key.rejected_at = now
        if (best := ring.best()) is not None:
            self._use(ring, best)
            return True
        if ring.exhausted_at is None:
            ring.exhausted_at = now
        self._wanted(credential)
        return False

    def wait(self, credential: Credential, ready: Callable[[], None]) -> tuple[_Place, float] | None:
        """Queue a call for a newer key; see `Keys.wait`. None if no newer key can come, or the grace period is over."""
        ring = self._rings[credential]
        if ring.exhausted_at is None or ring.fixed or len(ring.waiting) >= WAITING_MAX_CALLS:
            return None
        ends = ring.exhausted_at + self._grace_seconds
        return (_Place(ring.waiting, ready), ends) if self._clock.monotonic() < ends else None

    def exhausted(self, slot: str) -> bool:
        """Say whether every key is rejected, so that calls need a newer one."""
        return self._ring(slot).exhausted_at is not None

    def try_one(self, slot: str) -> None:
        """Let one waiting call try the next of the existing keys: a rejection may have been temporary."""
        ring = self._ring(slot)
        if ring.waiting and ring.keys and ring.exhausted_at is not None:
            keys = ring.preferred()
            key = keys[ring.tries % len(keys)]
            ring.tries += 1
            ring.active = key
            self.in_force[self._slots[slot]] = key.injected
            place, _ = ring.waiting.popitem(last=False)
            place.ready()

    def _use(self, ring: _Ring, key: _Key | None) -> None:
        """Put a key in force. If it is not rejected, release all waiting calls."""
        ring.active = key
        if key is None:
            self.in_force.pop(ring.credential, None)
            return
        self.in_force[ring.credential] = key.injected
        if not key.injected.rejected:
            _let_go(ring)

    # For people and metrics

    def status(self, *, replaced: bool = True) -> Iterator[KeyStatus]:
        """Describe every key, those in force first; with `replaced` false, without replaced keys."""
        now, today = self._clock.monotonic(), self._clock.wall()
        for credential, ring in self._rings.items():
            for key in sorted(ring.preferred(), key=lambda key: key is not ring.active):
                if key.replaced_at is not None and not replaced:
                    continue
                created, used = key.version.created_at, key.injected.used_at
                yield KeyStatus(
                    credential=credential,
                    slot=key.slot,
                    key_id=key.injected.key_id,
                    state=_state(ring, key),
                    source=key.version.source,
                    version=key.version.name,
                    version_age_seconds=None if created is None else max(0.0, today - created),
                    staleness_seconds=None if key.version.fixed else now - self._confirmed_at[key.slot],
                    last_used_seconds=None if used < 0 else now - used,
                )

    def _ring(self, slot: str) -> _Ring:
        return self._rings[self._slots[slot]]


def _let_go(ring: _Ring) -> None:
    """Let everyone go who waits for a key."""
    ring.exhausted_at = None
    waiting, ring.waiting = tuple(ring.waiting), OrderedDict()
    for place in waiting:
        place.ready()


def _of(ring: _Ring, injected: Injected) -> _Key | None:
    return next((key for key in ring.keys if key.injected is injected), None)


def _state(ring: _Ring, key: _Key) -> State:
    if key.injected.rejected:
        return State.REJECTED
    if key.replaced_at is not None and key is not ring.active:
        return State.DRAINING
    return State.ACTIVE if key is ring.active else State.STANDBY
