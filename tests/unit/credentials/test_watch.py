"""How a credential is kept as new as its store has it; stores, Customer.io and time are the test's own."""

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

from proxy.api.model import Credential
from proxy.credentials.keyring import Keyring
from proxy.credentials.model import UNTRIED, Authorization, Kind, Reference, Trial, Verdict, Version
from proxy.credentials.slots import Slot
from proxy.credentials.watch import (
    BACKOFF_SECONDS,
    JITTER,
    URGENT_SECONDS,
    Rules,
    Watch,
    Workspace,
)
from proxy.errors import ConfigError
from tests.fakes import SLOTS, FakeClock, authorization

REFRESH_SECONDS = 30.0
DOWN = ConfigError("the store is down", path="credentials.track.api_key")
GOOD = Trial(Verdict.ACCEPTED, 7, "us")


def version(key: str, *, fixed: bool = False) -> Version:
    """Return the version whose key has this id."""
    return Version(authorization(key, line=f"Authorization: Basic {key}\r\n".encode()), Kind.VAULT, f"v-{key}", fixed=fixed)


class Stage:
    """A watch of one slot: its store says what `store` holds, Customer.io what `trials` holds."""

    def __init__(self, slot: str = "track", workspace: Any = "same", others: tuple[str, ...] = ()) -> None:  # noqa: ANN401
        """Read nothing yet."""
        self.clock = FakeClock()
        self.store: Version | ConfigError | None = version("a")
        self.trials: dict[str, Trial] = {}
        self.tried: list[str] = []
        self.told: list[tuple[str, ...]] = []
        self.waits: list[float] = []
        self.leasts: list[float] = []
        self.reads = 0
        self.random = 0.5
        self.on_wait: Callable[[], None] = lambda: None
        names = (*others, slot)
        self.ring = Keyring(
            {name: SLOTS[name] for name in names},
            grace_seconds=10,
            max_staleness_seconds=3600,
            clock=self.clock,
            held=lambda *_: None,
            wanted=lambda _: None,
        )
        self.slot = Slot(slot, SLOTS[slot], {"key": Reference(Kind.VAULT, "a/b#c")}, lambda _: authorization())
        self.watch = Watch(
            self.slot,
            self.ring,
            Rules(workspace, "us", REFRESH_SECONDS),
            Workspace(),
            read=self._read,
            attempt=self._attempt,
            alarm=self,
            observer=self,
            random=lambda: self.random,
        )

    async def _read(self, slot: Slot) -> Version:
        assert slot is self.slot
        self.reads += 1
        if isinstance(self.store, ConfigError):
            raise self.store
        if self.store is None:
            raise TimeoutError
        return self.store

    async def _attempt(self, credential: Credential, key: Authorization) -> Trial:
        assert credential is self.slot.credential
        self.tried.append(key.key_id)
        return self.trials.get(key.key_id, GOOD)

    async def wait(self, least_seconds: float, most_seconds: float) -> None:
        """See `Alarm`."""
        self.leasts.append(least_seconds)
        self.waits.append(most_seconds)
        self.on_wait()
        await asyncio.sleep(0)  # where a task can be cancelled

    def store_read(self, source: Kind, slot: str, problem: str) -> None:
        """See `Observer`."""
        assert slot == self.slot.name
        self.told.append(("read", source.value, problem))

    def version_adopted(self, slot: str, version: Version) -> None:
        """See `Observer`."""
        self.told.append(("adopted", slot, version.authorization.key_id))

    def version_refused(self, slot: str, version: Version, problem: str) -> None:
        """See `Observer`."""
        self.told.append(("refused", slot, version.authorization.key_id, problem))

    async def holding(self, *keys: str) -> list[bool]:
        """Let the store hold these keys, one after the other, each for one round."""
        rounds = []
        for key in keys:
            self.store = version(key)
            rounds.append(await self.watch.round())
        return rounds

    async def run(self, rounds: int) -> None:
        """Watch for so many rounds."""
        task = asyncio.get_running_loop().create_task(self.watch.run())

        def enough() -> None:
            if len(self.waits) == rounds:
                task.cancel()

        self.on_wait = enough
        with pytest.raises(asyncio.CancelledError):
            await task

    def in_force(self) -> str | None:
        """Return the id of the key that calls carry."""
        held = self.ring.in_force.get(self.slot.credential)
        return None if held is None else held.key_id


async def test_the_first_version_is_used_as_it_is() -> None:
    """A sidecar starts while Customer.io is down: nobody is asked."""
    stage = Stage()
    assert await stage.watch.round()
    assert (stage.in_force(), stage.tried) == ("a", [])
    assert stage.told == [("read", "vault", ""), ("adopted", "track", "a")]


async def test_a_new_version_is_tried_before_it_is_used() -> None:
    """And compared with the workspace of the one before, which is learned when the store confirms it."""
    stage = Stage()
    assert await stage.holding("a", "a", "b") == [True, True, True]
    assert (stage.in_force(), stage.tried) == ("b", ["a", "b"])


async def test_the_workspace_is_learned_once() -> None:
    """Customer.io is not asked again and again about what is in use."""
    stage = Stage()
    await stage.holding("a", "a", "a", "a")
    assert stage.tried == ["a"]


@pytest.mark.parametrize(
    ("trial", "problem"),
    [
        (Trial(Verdict.REJECTED), "Customer.io rejects it; perhaps only a part of it has been written so far"),
        (Trial(Verdict.UNKNOWN), "Customer.io could not be asked about it"),
        (Trial(Verdict.ACCEPTED, 8, "us"), "it belongs to another workspace"),
        (Trial(Verdict.ACCEPTED, None, "us"), "it belongs to another workspace"),
        (Trial(Verdict.ACCEPTED, 7, "eu"), "it belongs to another region"),
    ],
)
async def test_a_version_that_must_not_be_used_leaves_the_old_one_in_force(trial: Trial, problem: str) -> None:
    """It is told once, tried again at each round, and used as soon as it may be."""
    stage = Stage()
    stage.trials["b"] = trial
    assert await stage.holding("a", "a", "b", "b") == [True, True, False, False]
    assert stage.in_force() == "a"
    assert [told for told in stage.told if told[0] == "refused"] == [("refused", "track", "b", problem)]
    stage.trials["b"] = GOOD
    assert await stage.holding("b") == [True]
    assert stage.in_force() == "b"


async def test_a_refused_version_is_not_confirmed() -> None:
    """What is in use is no longer what the store holds, so it grows stale."""
    stage = Stage()
    stage.trials["b"] = Trial(Verdict.REJECTED)
    await stage.holding("a")
    stage.clock.advance(50)
    await stage.holding("b")
    (status,) = stage.ring.status()
    assert status.staleness_seconds == 50


async def test_a_customer_io_that_names_no_workspace_is_believed() -> None:
    """There is nothing to compare with."""
    stage = Stage()
    stage.trials = dict.fromkeys("ab", Trial(Verdict.ACCEPTED))
    assert await stage.holding("a", "a", "b") == [True, True, True]


async def test_any_workspace_may_be_let_in() -> None:
    """Where the operator says so."""
    stage = Stage(workspace="any")
    stage.trials["b"] = Trial(Verdict.ACCEPTED, 8, "us")
    assert await stage.holding("a", "a", "b") == [True, True, True]
    assert stage.tried == ["b"]


async def test_a_numbered_workspace_holds_for_the_first_version_too() -> None:
    """Who names a workspace means it; a Customer.io that is down still does not keep a sidecar from starting."""
    stage = Stage(workspace=7)
    stage.trials["a"] = Trial(Verdict.ACCEPTED, 8, "us")
    assert await stage.holding("a") == [False]
    assert stage.in_force() is None
    stage.trials["a"] = Trial(Verdict.UNKNOWN)
    assert await stage.holding("a") == [True]
    stage.trials["b"] = Trial(Verdict.ACCEPTED, 8, "us")
    assert await stage.holding("b") == [False]


async def test_a_second_pair_is_tried_before_it_stands_by() -> None:
    """It is fallen back on without a further look, so it must belong where the first one does."""
    stage = Stage("track_next", others=("track",))
    stage.ring.adopt("track", version("a"))
    stage.trials["n"] = Trial(Verdict.ACCEPTED, 8, "us")
    assert await stage.holding("n") == [False]
    assert stage.tried == ["a", "n"]
    stage.trials["n"] = GOOD
    assert await stage.holding("n") == [True]
    assert stage.in_force() == "a"


async def test_a_pipelines_key_is_used_untried() -> None:
    """Customer.io has no call that tells; a wrong one shows in strict mode and is fallen back from."""
    stage = Stage("pipelines")
    stage.trials = dict.fromkeys("ab", UNTRIED)
    assert await stage.holding("a", "a", "b") == [True, True, True]
    assert stage.in_force() == "b"


@pytest.mark.parametrize(("failure", "problem"), [(DOWN, "the store is down"), (None, "the store did not answer in time")])
async def test_a_store_that_fails_changes_nothing(failure: ConfigError | None, problem: str) -> None:
    """The last good version is kept, and each failure is told."""
    stage = Stage()
    await stage.holding("a")
    stage.store = failure
    assert not await stage.watch.round()
    assert stage.in_force() == "a"
    assert stage.told[-1] == ("read", "vault", problem)


async def test_a_store_is_asked_at_intervals_that_are_never_quite_the_same() -> None:
    """So that replicas that started together do not ask together."""
    for random, seconds in ((0.0, REFRESH_SECONDS * (1 - JITTER)), (1.0, REFRESH_SECONDS * (1 + JITTER))):
        stage = Stage()
        stage.random = random
        await stage.run(3)
        assert stage.waits == [pytest.approx(seconds)] * 3


async def test_a_store_that_fails_is_asked_ever_more_rarely() -> None:
    """Up to the usual interval, at random moments in the latter half of each wait; once it answers, as usual."""
    stage = Stage()
    stage.store, stage.random = DOWN, 1.0
    await stage.run(8)
    assert stage.waits == [BACKOFF_SECONDS * 2**number for number in range(5)] + [REFRESH_SECONDS] * 3
    stage = Stage()
    stage.store, stage.random = DOWN, 0.0
    await stage.run(2)
    assert stage.waits == [BACKOFF_SECONDS / 2, BACKOFF_SECONDS]


async def test_a_store_is_read_at_once_when_every_key_is_rejected() -> None:
    """And every second at least while calls wait; each time one of them tries what there is."""
    stage = Stage()
    await stage.holding("a")
    stage.ring.rejected(Credential.TRACK, stage.ring.in_force[Credential.TRACK])
    tries: list[str | None] = []
    for _ in range(5):
        stage.ring.wait(Credential.TRACK, lambda: tries.append(stage.in_force()))
    await stage.run(6)
    first, last = URGENT_SECONDS
    assert stage.waits == [pytest.approx(min(first * 2**number, last)) for number in range(6)]
    assert stage.leasts == stage.waits
    assert tries == ["a"] * 5


async def test_a_version_that_grew_stale_comes_back_untried() -> None:
    """It was tried when it came, and it may be Customer.io that is down now."""
    stage = Stage()
    await stage.holding("a")
    stage.clock.advance(3601)
    stage.ring.tick()
    assert stage.in_force() is None
    assert await stage.holding("a") == [True]
    assert (stage.in_force(), stage.tried) == ("a", [])


async def test_another_version_after_that_is_tried() -> None:
    """It is not the first one, only because nothing is in force."""
    stage = Stage()
    stage.trials["b"] = Trial(Verdict.UNKNOWN)
    await stage.holding("a")
    stage.clock.advance(3601)
    stage.ring.tick()
    assert await stage.holding("b") == [False]


async def test_a_fixed_version_is_not_watched() -> None:
    """What cannot change is read once."""
    stage = Stage()
    stage.store = version("a", fixed=True)
    await stage.watch.run()
    assert (stage.reads, stage.waits, stage.in_force()) == (1, [], "a")
    await stage.watch.run()
    assert stage.reads == 1
