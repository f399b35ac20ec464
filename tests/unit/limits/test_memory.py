"""Rate limits in memory: who goes at once, who waits, in which order, and who is turned away."""

from collections.abc import Callable

import pytest

from proxy.api.model import Bucket
from proxy.limits.gcra import Quota
from proxy.limits.memory import TIMER_SECONDS, MemoryLimiter
from tests.fakes import FakeClock, Timers


class Queue:
    """A limiter of ten calls a second, one at a time, and who was let go."""

    def __init__(self, *, burst: float = 1, wait_seconds: float = 1.0) -> None:
        """Start with a full bucket."""
        self.clock = FakeClock()
        self.timers = Timers(self.clock)
        self.limiter = MemoryLimiter(
            {bucket: Quota(10, burst) for bucket in Bucket}, wait_seconds, self.clock, self.timers.call_later
        )
        self.let_go: list[str] = []

    def call(self, name: str) -> Callable[[], None]:
        """Return what the limiter calls when `name` may go."""
        return lambda: self.let_go.append(name)


def test_a_call_that_conforms_goes_at_once() -> None:
    """A token at hand needs neither a queue nor a timer."""
    queue = Queue(burst=2)
    assert [queue.limiter.admit(Bucket.TRACK) for _ in range(3)] == [True, True, False]
    assert len(queue.timers) == 0


def test_buckets_do_not_share() -> None:
    """Track calls at their limit leave the other APIs alone."""
    queue = Queue()
    assert queue.limiter.admit(Bucket.TRACK)
    assert not queue.limiter.admit(Bucket.TRACK)
    assert queue.limiter.admit(Bucket.APP)


def test_those_who_wait_go_in_their_order_and_at_the_rate() -> None:
    """First come, first served, one each interval."""
    queue = Queue()
    assert queue.limiter.admit(Bucket.TRACK)
    for name in "abc":
        assert queue.limiter.wait(Bucket.TRACK, queue.call(name)) is not None
    assert queue.let_go == []
    for expected in ("a", "ab", "abc"):
        queue.timers.advance(0.1 + TIMER_SECONDS)
        assert "".join(queue.let_go) == expected
    assert len(queue.timers) == 0


def test_nobody_overtakes_a_queue() -> None:
    """A call that comes when a token is free still goes behind those who wait for it."""
    queue = Queue()
    assert queue.limiter.admit(Bucket.TRACK)
    assert queue.limiter.wait(Bucket.TRACK, queue.call("first"))
    queue.clock.advance(5)
    assert not queue.limiter.admit(Bucket.TRACK)


def test_a_call_is_never_let_go_inside_wait() -> None:
    """Whoever asks to wait knows its place before it is called, even when a token has come meanwhile."""
    queue = Queue()
    assert queue.limiter.admit(Bucket.TRACK)
    queue.clock.advance(5)
    assert queue.limiter.wait(Bucket.TRACK, queue.call("a")) is not None
    assert queue.let_go == []
    queue.timers.advance(TIMER_SECONDS)
    assert queue.let_go == ["a"]


def test_a_turn_that_would_come_too_late_is_refused_at_once() -> None:
    """The queue holds what its rate can serve within the wait, and one more is turned away without waiting in vain."""
    queue = Queue(wait_seconds=1.05)
    assert queue.limiter.admit(Bucket.TRACK)
    places = [queue.limiter.wait(Bucket.TRACK, queue.call(str(number))) for number in range(12)]
    assert [place is not None for place in places] == [True] * 10 + [False] * 2


def test_without_a_wait_there_is_no_queue() -> None:
    """`wait_seconds: 0` refuses whatever does not conform."""
    queue = Queue(wait_seconds=0)
    assert queue.limiter.admit(Bucket.TRACK)
    assert queue.limiter.wait(Bucket.TRACK, queue.call("a")) is None


def test_a_place_given_up_is_taken_by_those_behind() -> None:
    """A caller that went away costs neither a token nor a turn."""
    queue = Queue()
    assert queue.limiter.admit(Bucket.TRACK)
    places = {name: queue.limiter.wait(Bucket.TRACK, queue.call(name)) for name in "abc"}
    for name in "ab":
        place = places[name]
        assert place is not None
        place.leave()
    queue.timers.advance(0.1 + TIMER_SECONDS)
    assert queue.let_go == ["c"]


@pytest.mark.parametrize("which", [0, 4, 9])
def test_a_place_given_up_is_free_at_once(which: int) -> None:
    """Wherever in the queue it was, its room is there for the next call: callers that give up do not fill the queue."""
    queue = Queue(wait_seconds=1.05)
    assert queue.limiter.admit(Bucket.TRACK)
    places = [queue.limiter.wait(Bucket.TRACK, queue.call("x")) for _ in range(10)]
    assert queue.limiter.wait(Bucket.TRACK, queue.call("late")) is None
    place = places[which]
    assert place is not None
    place.leave()
    assert queue.limiter.wait(Bucket.TRACK, queue.call("next")) is not None


def test_a_queue_that_everybody_left_is_open_again() -> None:
    """With nobody waiting, a call that conforms goes at once."""
    queue = Queue()
    assert queue.limiter.admit(Bucket.TRACK)
    place = queue.limiter.wait(Bucket.TRACK, queue.call("a"))
    assert place is not None
    place.leave()
    queue.timers.advance(1)
    assert queue.limiter.admit(Bucket.TRACK)
    assert queue.let_go == []


def test_leaving_after_having_gone_does_nothing() -> None:
    """A place that was called upon is nobody else's."""
    queue = Queue()
    assert queue.limiter.admit(Bucket.TRACK)
    place = queue.limiter.wait(Bucket.TRACK, queue.call("a"))
    assert queue.limiter.wait(Bucket.TRACK, queue.call("b"))
    queue.timers.advance(0.1 + TIMER_SECONDS)
    assert place is not None
    place.leave()
    place.leave()
    queue.timers.advance(0.1 + TIMER_SECONDS)
    assert queue.let_go == ["a", "b"]


def test_a_stalled_event_loop_does_not_let_the_queue_out_at_once() -> None:
    """Turns are decided when a call really leaves: after a stall, no more go together than the burst allows (promise G6)."""
    queue = Queue(burst=3, wait_seconds=10)
    while queue.limiter.admit(Bucket.TRACK):
        pass
    for number in range(20):
        assert queue.limiter.wait(Bucket.TRACK, queue.call(str(number)))
    queue.clock.advance(5)  # nothing fires meanwhile
    queue.timers.advance(0)
    assert len(queue.let_go) == 3


def test_one_timer_for_a_queue_however_long() -> None:
    """Waiting calls do not cost a timer each."""
    queue = Queue(wait_seconds=10)
    assert queue.limiter.admit(Bucket.TRACK)
    for number in range(50):
        queue.limiter.wait(Bucket.TRACK, queue.call(str(number)))
    assert len(queue.timers) == 1


def test_a_clock_that_went_back_holds_calls_for_one_interval() -> None:
    """The bucket does not stay shut until the clock has caught up with itself."""
    queue = Queue()
    assert queue.limiter.admit(Bucket.TRACK)
    queue.clock.advance(-3600)
    assert queue.limiter.wait(Bucket.TRACK, queue.call("a"))
    queue.timers.advance(0.1 + TIMER_SECONDS)
    assert queue.let_go == ["a"]
    queue.timers.advance(0.1)
    assert queue.limiter.admit(Bucket.TRACK)


def test_a_call_let_go_may_ask_again() -> None:
    """What a call does when its turn comes (here: another call of the same bucket) finds the queue in order."""
    queue = Queue()

    def again() -> None:
        queue.let_go.append("a")
        assert not queue.limiter.admit(Bucket.TRACK)
        assert queue.limiter.wait(Bucket.TRACK, queue.call("a's next"))

    assert queue.limiter.admit(Bucket.TRACK)
    assert queue.limiter.wait(Bucket.TRACK, again)
    assert queue.limiter.wait(Bucket.TRACK, queue.call("b"))
    queue.timers.advance(1)
    assert queue.let_go == ["a", "b", "a's next"]


def test_what_was_used_stays_used_when_the_quota_changes() -> None:
    """A reload is no way to a second burst, and a slower rate does not make a used bucket full."""
    queue = Queue(burst=3)
    assert [queue.limiter.admit(Bucket.TRACK) for _ in range(3)] == [True] * 3
    queue.clock.advance(0.001)
    queue.limiter.change({bucket: Quota(1, 4) for bucket in Bucket}, 1.0)
    assert [queue.limiter.admit(Bucket.TRACK) for _ in range(2)] == [True, False]  # the one that the burst grew by
    assert [queue.limiter.admit(Bucket.APP) for _ in range(5)] == [True] * 4 + [False]
    queue.clock.advance(1)
    assert [queue.limiter.admit(Bucket.TRACK) for _ in range(2)] == [True, False]


def test_those_who_wait_are_let_go_at_the_new_rate() -> None:
    """In their order, at once where it became faster; the timer that was set for the old one does nothing."""
    queue = Queue(wait_seconds=10)
    assert queue.limiter.admit(Bucket.TRACK)
    for name in "abc":
        assert queue.limiter.wait(Bucket.TRACK, queue.call(name)) is not None
    queue.limiter.change({bucket: Quota(100, 1) for bucket in Bucket}, 10)
    queue.timers.advance(0.01 + TIMER_SECONDS)
    assert queue.let_go == ["a"]
    queue.timers.advance(0.02 + 2 * TIMER_SECONDS)
    assert queue.let_go == ["a", "b", "c"]
    queue.timers.advance(1)
    assert len(queue.timers) == 0


def test_a_new_wait_holds_for_those_who_come() -> None:
    """Whoever would wait longer than is allowed now is turned away; who waits already keeps the place."""
    queue = Queue(wait_seconds=10)
    assert queue.limiter.admit(Bucket.TRACK)
    assert queue.limiter.wait(Bucket.TRACK, queue.call("a")) is not None
    queue.limiter.change({bucket: Quota(10, 1) for bucket in Bucket}, 0.1)
    assert queue.limiter.wait(Bucket.TRACK, queue.call("b")) is None
    queue.timers.advance(1)
    assert queue.let_go == ["a"]
