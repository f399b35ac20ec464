"""Which key a call carries."""

from collections.abc import Callable
from functools import partial

import pytest

from proxy.api.model import Credential
from proxy.credentials.keyring import DRAIN_SECONDS, WAITING_MAX_CALLS, Keyring, State
from proxy.credentials.model import Kind, Version
from tests.fakes import SLOTS, FakeClock, authorization

TRACK = Credential.TRACK


class Stage:
    """A keyring, and what it told."""

    def __init__(self, *slots: str, grace_seconds: float = 10, max_staleness_seconds: float = 3600) -> None:
        """Know these slots, and no key yet."""
        self.clock = FakeClock()
        self.held: list[str] = []
        self.wanted = 0
        self.ring = Keyring(
            {slot: SLOTS[slot] for slot in slots or ("track",)},
            grace_seconds=grace_seconds,
            max_staleness_seconds=max_staleness_seconds,
            clock=self.clock,
            held=lambda _, key_id: self.held.append(key_id),
            wanted=lambda _: self._want(),
        )

    def _want(self) -> None:
        self.wanted += 1

    def adopt(self, *keys: str, slot: str = "track", created_at: float | None = None, fixed: bool = False) -> None:
        """Put keys with these ids into a slot, one after the other, a second apart."""
        for key in keys:
            self.clock.advance(1)
            line = f"Authorization: Basic {key}\r\n".encode()
            self.ring.adopt(slot, Version(authorization(key, line=line), Kind.VAULT, f"v{key}", created_at, fixed))

    def in_force(self) -> str:
        """Return the id of the key that a Track call carries."""
        return self.ring.in_force[TRACK].key_id

    def reject(self, key: str | None = None) -> bool:
        """Let Customer.io reject a key, or the one in force."""
        wanted = key or self.in_force()
        return self.ring.rejected(TRACK, next(one.injected for one in self.keys() if one.injected.key_id == wanted))

    def keys(self) -> list:  # type: ignore[type-arg]  # the keyring's own records
        """Return the keys there are."""
        return self.ring._rings[TRACK].keys

    def states(self) -> dict[str, State]:
        """Return the state of each key, by its id."""
        return {key.key_id: key.state for key in self.ring.status()}

    def wait(self, ready: Callable[[], None] = lambda: None) -> float:
        """Wait for a key; return until when."""
        waiting = self.ring.wait(TRACK, ready)
        assert waiting is not None
        return waiting[1]


def test_before_the_first_read_there_is_nothing() -> None:
    """A call that needs it is refused."""
    assert TRACK not in Stage().ring.in_force


def test_a_newer_version_is_used_at_once_and_the_one_before_is_kept() -> None:
    """Both have a counter from the start; the older drains."""
    stage = Stage()
    stage.adopt("a", "b")
    assert stage.in_force() == "b"
    assert stage.held == ["a", "b"]
    assert stage.states() == {"b": State.ACTIVE, "a": State.DRAINING}


def test_a_replaced_key_is_kept_until_it_was_long_unused() -> None:
    """A call that was sent with it may still come back rejected, or the newer one may be the wrong one."""
    stage = Stage()
    stage.adopt("a")
    old = stage.ring.in_force[TRACK]
    stage.adopt("b")
    stage.clock.advance(DRAIN_SECONDS - 1)
    old.used_at = stage.clock.now
    stage.clock.advance(DRAIN_SECONDS - 1)
    stage.ring.tick()
    assert set(stage.states()) == {"a", "b"}
    stage.clock.advance(2)
    stage.ring.tick()
    assert set(stage.states()) == {"b"}


def test_a_rejected_key_gives_way_to_the_one_before_it() -> None:
    """A pair that was written wrongly costs nothing as long as the old one lives."""
    stage = Stage()
    stage.adopt("a", "b")
    assert stage.reject()
    assert stage.in_force() == "a"
    assert stage.states() == {"a": State.ACTIVE, "b": State.REJECTED}
    assert stage.wanted == 0


def test_a_rejected_key_gives_way_to_the_second_live_pair() -> None:
    """Before any replaced one; the pair that works stays in force."""
    stage = Stage("track", "track_next")
    stage.adopt("a", "b")
    stage.adopt("n", slot="track_next")
    assert stage.in_force() == "b"
    assert stage.states()["n"] is State.STANDBY
    stage.reject()
    assert stage.in_force() == "n"
    stage.adopt("m", slot="track_next")
    assert stage.in_force() == "m"
    stage.adopt("c")
    assert stage.in_force() == "c"


def test_a_late_rejection_of_a_replaced_key_changes_nothing() -> None:
    """The call is sent again with the key in force."""
    stage = Stage()
    stage.adopt("a", "b")
    assert stage.reject("a")
    assert stage.in_force() == "b"


def test_a_key_that_is_gone_already_may_be_rejected_too() -> None:
    """A call that took very long comes back to a ring that no longer knows its key."""
    stage = Stage()
    stage.adopt("a")
    old = stage.ring.in_force[TRACK]
    stage.adopt("b")
    stage.clock.advance(DRAIN_SECONDS + 1)
    stage.ring.tick()
    assert stage.ring.rejected(TRACK, old)
    stage.ring.accepted(TRACK, old, stage.clock.now)
    assert stage.in_force() == "b"


def test_when_every_key_is_rejected_a_newer_one_is_wanted() -> None:
    """Each rejection says so; whoever reads the store makes one read of them. Calls may wait until the grace is over."""
    stage = Stage("track", "track_next")
    stage.adopt("a")
    stage.adopt("n", slot="track_next")
    assert stage.reject()
    assert not stage.reject()
    began = stage.clock.now
    stage.clock.advance(3)
    assert not stage.reject("a")
    assert stage.wanted == 2
    assert stage.wait() == began + 10
    assert stage.ring.exhausted("track")
    assert stage.ring.exhausted("track_next")


def test_those_who_wait_go_when_a_newer_key_comes() -> None:
    """All of them, in their order, unless they gave their place up."""
    stage = Stage()
    stage.adopt("a")
    stage.reject()
    went: list[int] = []
    places = [stage.ring.wait(TRACK, partial(went.append, number)) for number in range(3)]
    assert places[1] is not None
    places[1][0].leave()
    stage.adopt("b")
    assert went == [0, 2]
    assert not stage.ring.exhausted("track")
    assert stage.ring.wait(TRACK, lambda: None) is None


def test_waiting_is_bounded_in_number_and_time() -> None:
    """A further call is answered at once, and so is one that comes when the wait was in vain."""
    stage = Stage()
    stage.adopt("a")
    stage.reject()
    for _ in range(WAITING_MAX_CALLS):
        stage.wait()
    assert stage.ring.wait(TRACK, lambda: None) is None
    stage = Stage()
    stage.adopt("a")
    stage.reject()
    stage.clock.advance(10)
    assert stage.ring.wait(TRACK, lambda: None) is None


def test_nobody_waits_for_what_cannot_come() -> None:
    """A key in the environment is the same until the process ends."""
    stage = Stage()
    stage.adopt("a", fixed=True)
    assert not stage.reject()
    assert stage.ring.wait(TRACK, lambda: None) is None


def test_one_that_waits_tries_the_keys_there_are_by_turns() -> None:
    """A rejection may have been passing; nobody else goes before that is known."""
    stage = Stage()
    stage.adopt("a", "b")
    stage.reject()
    stage.reject()
    tried: list[str] = []
    for _ in range(4):
        stage.wait(lambda: tried.append(stage.in_force()))
    for _ in range(3):
        stage.ring.try_one("track")
    assert tried == ["b", "a", "b"]
    stage.clock.advance(1)
    stage.ring.accepted(TRACK, stage.ring.in_force[TRACK], stage.clock.now)
    assert tried == ["b", "a", "b", "b"]
    assert stage.states()["b"] is State.ACTIVE
    stage.ring.try_one("track")


def test_what_was_sent_before_a_rejection_says_nothing_about_the_time_since() -> None:
    """An answer that was long on its way does not bring a revoked key back."""
    stage = Stage()
    stage.adopt("a")
    key = stage.ring.in_force[TRACK]
    sent_at = stage.clock.now
    stage.clock.advance(1)
    stage.reject()
    stage.ring.accepted(TRACK, key, sent_at)
    assert stage.states() == {"a": State.REJECTED}
    stage.ring.accepted(TRACK, key, stage.clock.now)
    assert stage.states() == {"a": State.ACTIVE}


def test_a_key_that_no_store_confirms_is_dropped() -> None:
    """After `max_staleness_seconds`, with the ones it replaced; a fixed one never. The store's return brings it back."""
    stage = Stage(max_staleness_seconds=100)
    stage.adopt("a", "b")
    stage.clock.advance(90)
    version = stage.ring.held("track")
    assert version is not None
    stage.ring.confirm("track", version)
    stage.clock.advance(100)
    stage.ring.tick()
    assert stage.in_force() == "b"
    stage.clock.advance(0.1)
    stage.ring.tick()
    assert TRACK not in stage.ring.in_force
    assert stage.ring.held("track") is None
    stage.adopt("b")
    assert stage.in_force() == "b"
    fixed = Stage(max_staleness_seconds=100)
    fixed.adopt("a", fixed=True)
    fixed.clock.advance(1000)
    fixed.ring.tick()
    assert fixed.in_force() == "a"


def test_a_stale_slot_leaves_the_other_in_force() -> None:
    """Each slot is confirmed by itself."""
    stage = Stage("track", "track_next", max_staleness_seconds=100)
    stage.adopt("a")
    stage.clock.advance(60)
    stage.adopt("n", slot="track_next")
    stage.clock.advance(60)
    stage.ring.tick()
    assert stage.in_force() == "n"


def test_a_version_that_comes_back_is_the_key_it_was() -> None:
    """A store that goes back to the old version makes it the newest; there are never two of one."""
    stage = Stage()
    stage.adopt("a")
    first = stage.ring.in_force[TRACK]
    stage.adopt("b", "a")
    assert stage.ring.in_force[TRACK] is first
    assert stage.states() == {"a": State.ACTIVE, "b": State.DRAINING}


def test_what_is_shown_is_no_secret_and_says_how_old_everything_is() -> None:
    """Ages in seconds; None where there is none."""
    stage = Stage()
    stage.adopt("a", created_at=stage.clock.now - 50)
    stage.ring.in_force[TRACK].used_at = stage.clock.now
    stage.clock.advance(5)
    (status,) = stage.ring.status()
    assert (status.credential, status.slot, status.key_id, status.state) == (TRACK, "track", "a", State.ACTIVE)
    assert (status.source, status.version) == (Kind.VAULT, "va")
    assert (status.version_age_seconds, status.staleness_seconds, status.last_used_seconds) == (56, 5, 5)
    stage.adopt("b", fixed=True)
    newest = next(iter(stage.ring.status(replaced=False)))
    assert (newest.version_age_seconds, newest.staleness_seconds, newest.last_used_seconds) == (None, None, None)
    assert len(list(stage.ring.status(replaced=False))) == 1
    assert "Basic" not in repr(list(stage.ring.status()))


def test_a_new_name_of_the_same_version_is_shown() -> None:
    """Written again to its store unchanged, it is the same key under a later name and date."""
    stage = Stage()
    stage.adopt("a", created_at=1.0)
    version = stage.ring.held("track")
    assert version is not None
    stage.ring.confirm("track", Version(version.authorization, Kind.VAULT, "v2", 2.0))
    (status,) = stage.ring.status()
    assert status.version == "v2"


def test_a_clock_that_jumps_changes_no_decision() -> None:
    """Dates are only shown; one in the future has no negative age."""
    stage = Stage()
    stage.adopt("a", created_at=stage.clock.now + 500)
    (status,) = stage.ring.status()
    assert status.version_age_seconds == 0


@pytest.mark.parametrize("slot", ["track", "track_next"])
def test_confirming_what_is_not_held_does_nothing(slot: str) -> None:
    """A store may confirm what was dropped in the meantime."""
    stage = Stage("track", "track_next")
    stage.ring.confirm(slot, Version(authorization("a"), Kind.VAULT))
    assert list(stage.ring.status()) == []


def change(stage: Stage, *slots: str, grace_seconds: float = 10, max_staleness_seconds: float = 3600) -> None:
    """Name other slots."""
    named = {slot: SLOTS[slot] for slot in slots}
    stage.ring.change(named, grace_seconds=grace_seconds, max_staleness_seconds=max_staleness_seconds)


def test_a_slot_that_stays_keeps_its_keys() -> None:
    """With what is known of them: in force, draining, rejected; a new slot begins empty."""
    stage = Stage("track", "app")
    stage.adopt("a", "b")
    stage.reject()
    before = stage.states()
    change(stage, "track", "track_next", "pipelines")
    assert stage.states() == before
    assert stage.in_force() == "a"
    assert stage.ring.held("track_next") is None
    stage.adopt("c", slot="track_next")
    assert stage.reject("a")
    assert stage.in_force() == "c"


def test_a_slot_that_goes_takes_its_keys_along() -> None:
    """What is left is in force; a call that carries a key which is gone may still ask about it."""
    stage = Stage("track", "track_next")
    stage.adopt("a")
    stage.adopt("n", slot="track_next")
    stage.reject("a")
    assert stage.in_force() == "n"
    carried = stage.ring.in_force[TRACK]
    change(stage, "track")
    assert stage.in_force() == "a"
    assert not stage.ring.rejected(TRACK, carried)
    stage.ring.accepted(TRACK, carried, stage.clock.now)
    assert stage.in_force() == "a"


def test_a_credential_that_goes_is_carried_by_no_call() -> None:
    """Those who wait for a newer key of it are let go, to be refused; whoever comes back with its key is told there is none."""
    stage = Stage("track", "app")
    stage.adopt("a")
    carried = stage.ring.in_force[TRACK]
    assert not stage.reject()
    let_go: list[str] = []
    stage.wait(lambda: let_go.append("waited"))
    change(stage, "app")
    assert let_go == ["waited"]
    assert TRACK not in stage.ring.in_force
    assert not stage.ring.rejected(TRACK, carried)
    assert stage.ring.wait(TRACK, lambda: None) is None
    stage.ring.tick()
    assert list(stage.ring.status()) == []
    change(stage, "track")
    stage.adopt("b")
    assert stage.in_force() == "b"


def test_other_bounds_hold_at_once() -> None:
    """How long calls wait, and how long a key is used that no store confirms."""
    stage = Stage("track", grace_seconds=10)
    stage.adopt("a")
    change(stage, "track", grace_seconds=3, max_staleness_seconds=5)
    stage.reject()
    assert stage.wait() == stage.clock.now + 3
    stage.clock.advance(6)
    stage.ring.tick()
    assert TRACK not in stage.ring.in_force
