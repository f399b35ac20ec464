"""Rate limits under any sequence of calls (promise G6): never more than the quota in any window, and nobody waits in vain."""

import math
from dataclasses import dataclass, field
from fractions import Fraction

from hypothesis import given, settings
from hypothesis import strategies as st

from proxy.api.model import Bucket
from proxy.limits.gcra import Quota, decide
from proxy.limits.memory import MemoryLimiter, Place
from tests.fakes import FakeClock, Timers

# Times and rates are multiples of powers of two, where binary floating point is exact: the limiter must equal the model.
TICKS_PER_SECOND = 256


def conforms(earlier: list[float], moment: float, quota: Quota) -> bool:
    """Say whether a call at `moment` keeps every window within the quota: the definition, slowly."""
    return all(
        len(earlier) - index + 1 <= quota.rate_per_second * (moment - start) + quota.burst
        for index, start in enumerate(earlier)
    )


def turn(earlier: list[float], ahead: int, moment: float, quota: Quota) -> float:
    """Return when a call may go that comes at `moment` behind `ahead` others, by looking at every tick."""
    gone = list(earlier)
    tick = moment
    for _ in range(ahead + 1):
        while not conforms(gone, tick, quota):
            tick += 1 / TICKS_PER_SECOND
        gone.append(tick)
    return gone[-1]


@given(
    rate=st.sampled_from([Fraction(1, 10), Fraction(7, 3), Fraction(1000)]),
    burst=st.integers(1, 6),
    gaps=st.lists(st.fractions(0, 3, max_denominator=60), max_size=40),
)
def test_a_call_conforms_exactly_when_no_window_overflows(rate: Fraction, burst: int, gaps: list[Fraction]) -> None:
    """The arithmetic says yes when all windows that end at this call hold `rate * t + burst` calls or fewer, and else no.

    Computed in fractions, so that equal means equal.
    """
    quota = Quota(rate, burst)  # type: ignore[arg-type]  # any exact number will do
    tat: float = -math.inf
    now = Fraction(0)
    gone: list[float] = []
    for gap in gaps:
        now += gap
        decision = decide(tat, now, quota)  # type: ignore[arg-type]  # the same
        tat = decision.tat
        assert (decision.wait_seconds == 0) is conforms(gone, now, quota)  # type: ignore[arg-type]  # the same
        if decision.wait_seconds == 0:
            gone.append(now)  # type: ignore[arg-type]  # the same
        else:
            assert conforms(gone, now + Fraction(decision.wait_seconds), quota)  # type: ignore[arg-type]  # the same


@dataclass
class Caller:
    """A call, and what became of it."""

    came: float
    due: float
    place: Place | None = None
    went: float | None = None
    left: bool = False


@dataclass
class Run:
    """A limiter under test beside the times that matter."""

    quota: Quota
    wait_seconds: float
    clock: FakeClock = field(default_factory=lambda: FakeClock(0.0))
    waiting: list[Caller] = field(default_factory=list)
    gone: list[float] = field(default_factory=list)

    def __post_init__(self) -> None:
        """Build the limiter."""
        self.timers = Timers(self.clock)
        self.limiter = MemoryLimiter({Bucket.TRACK: self.quota}, self.wait_seconds, self.clock, self.timers.call_later)

    def call(self) -> None:
        """Make a call, and compare what it is told with the model."""
        now = self.clock.now
        caller = Caller(now, turn(self.gone, len(self.waiting), now, self.quota))
        at_once = self.limiter.admit(Bucket.TRACK)
        assert at_once is (not self.waiting and conforms(self.gone, now, self.quota))
        if at_once:
            self.gone.append(now)
            return
        caller.place = self.limiter.wait(Bucket.TRACK, lambda: self.went(caller))
        assert (caller.place is not None) is (caller.due - now <= self.wait_seconds)
        if caller.place is not None:
            self.waiting.append(caller)

    def went(self, caller: Caller) -> None:
        """Note that the limiter let `caller` go: it must be the first of those who wait, and in time."""
        assert self.waiting.pop(0) is caller
        assert not caller.left
        assert caller.went is None
        caller.went = self.clock.now
        assert caller.went <= caller.due
        self.gone.append(caller.went)

    def leave(self, which: int) -> None:
        """Let one of those who wait give up."""
        if self.waiting:
            caller = self.waiting.pop(which % len(self.waiting))
            caller.left = True
            assert caller.place is not None
            caller.place.leave()


steps = st.lists(
    st.one_of(
        st.just(("call", 0)),
        st.tuples(st.just("pass"), st.integers(0, 3 * TICKS_PER_SECOND)),
        st.tuples(st.just("leave"), st.integers(0, 20)),
    ),
    max_size=40,
)


@settings(deadline=None)
@given(
    rate=st.sampled_from([0.25, 2.0, 16.0, 64.0]),
    burst=st.integers(1, 8),
    wait_seconds=st.sampled_from([0.0, 0.25, 1.0, 4.0]),
    steps=steps,
)
def test_a_limiter_equals_the_slow_model(rate: float, burst: int, wait_seconds: float, steps: list[tuple[str, int]]) -> None:
    """Whatever calls come, wait and give up: each is let go exactly as the model says, in order, and at its turn or before.

    A turn can only come earlier than foretold, when somebody ahead gives up.
    """
    run = Run(Quota(rate, burst), wait_seconds)
    for step, value in steps:
        match step:
            case "call":
                run.call()
            case "leave":
                run.leave(value)
            case _:
                run.timers.advance(value / TICKS_PER_SECOND)
        assert len(run.waiting) <= wait_seconds * rate + 1
    run.timers.advance(wait_seconds + 8)
    assert run.waiting == []


@settings(deadline=None)
@given(
    rate=st.floats(0.1, 5000),
    burst=st.floats(1, 50),
    gaps=st.lists(st.floats(0, 0.5) | st.floats(0, 0.002), max_size=150),
    stall=st.floats(0, 3),
)
def test_no_window_holds_more_than_the_quota(rate: float, burst: float, gaps: list[float], stall: float) -> None:
    """Over any window at most `rate * t + burst` calls leave, also after a stall with a queue behind it."""
    clock = FakeClock()
    timers = Timers(clock)
    quota = Quota(rate, burst)
    limiter = MemoryLimiter({Bucket.TRACK: quota}, 2.0, clock, timers.call_later)
    gone: list[float] = []
    for number, gap in enumerate(gaps):
        if number == len(gaps) // 2:
            clock.advance(stall)
        timers.advance(gap)
        if limiter.admit(Bucket.TRACK):
            gone.append(clock.now)
        else:
            limiter.wait(Bucket.TRACK, lambda: gone.append(clock.now))
    timers.advance(10)
    for first, start in enumerate(gone):
        for last in range(first, len(gone)):
            assert last - first + 1 <= rate * (gone[last] - start) + burst + 1e-6


quotas = st.builds(Quota, st.floats(0.5, 500), st.floats(1, 50))


@settings(deadline=None)
@given(
    quotas=st.lists(quotas, min_size=2, max_size=4),
    gaps=st.lists(st.floats(0, 0.5) | st.floats(0, 0.002), min_size=4, max_size=120),
    wait_seconds=st.sampled_from([0.0, 0.5, 2.0]),
)
def test_a_quota_that_changes_gives_nothing_away(quotas: list[Quota], gaps: list[float], wait_seconds: float) -> None:
    """Over any window at most what the rates of its parts give, and the largest burst, leaves (G6); nobody waits for ever."""
    clock = FakeClock()
    timers = Timers(clock)
    limiter = MemoryLimiter({Bucket.TRACK: quotas[0]}, wait_seconds, clock, timers.call_later)
    gone: list[float] = []
    waiting = 0
    changes = [(clock.now, quotas[0].rate_per_second)]

    def let_go() -> None:
        nonlocal waiting
        waiting -= 1
        gone.append(clock.now)

    def earned(start: float, end: float) -> float:
        ends = [*(moment for moment, _ in changes[1:]), end]
        return sum(
            rate * max(0.0, min(until, end) - max(since, start)) for (since, rate), until in zip(changes, ends, strict=True)
        )

    for number, gap in enumerate(gaps):
        if number and number % max(1, len(gaps) // len(quotas)) == 0:
            quota = quotas[len(changes) % len(quotas)]
            limiter.change({Bucket.TRACK: quota}, wait_seconds)
            changes.append((clock.now, quota.rate_per_second))
        timers.advance(gap)
        if limiter.admit(Bucket.TRACK):
            gone.append(clock.now)
        elif limiter.wait(Bucket.TRACK, let_go) is not None:
            waiting += 1
    timers.advance(2 * len(gaps) + 10)
    assert waiting == 0
    assert len(timers) == 0
    burst = max(quota.burst for quota in quotas)
    for first, start in enumerate(gone):
        for last in range(first, len(gone)):
            assert last - first + 1 <= earned(start, gone[last]) + burst + 1e-6
