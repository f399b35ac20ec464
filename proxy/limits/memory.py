"""Rate limits kept in this process.

A call that does not conform yet waits in its bucket's queue, first come, first served, if its turn comes soon enough. Each
waiting call is let go by the same arithmetic, at the moment it really leaves, so a stalled event loop never lets a whole
queue out at once. A queue holds only calls that still wait, so `wait_seconds` bounds it: to `wait_seconds * rate + 1` calls.
"""

from collections import OrderedDict
from collections.abc import Callable, Mapping
from typing import Protocol

from proxy.api.model import Bucket
from proxy.clock import Clock
from proxy.delivery.ports import Limiter
from proxy.limits.gcra import Decision, Quota, decide

# An event loop's timers are no finer: it would turn idly through a shorter wait.
TIMER_SECONDS = 0.001


class Later(Protocol):
    """The event loop's `call_later`."""

    def __call__(self, delay: float, callback: Callable[[], None], /) -> object:
        """Call `callback` in `delay` seconds."""


class MemoryLimiter(Limiter):
    """One GCRA state and one queue for each bucket."""

    def __init__(self, quotas: Mapping[Bucket, Quota], wait_seconds: float, clock: Clock, later: Later) -> None:
        """Keep `quotas`; let calls wait up to `wait_seconds`."""
        self._buckets = {bucket: _Bucket(quota, wait_seconds, clock, later) for bucket, quota in quotas.items()}

    def change(self, quotas: Mapping[Bucket, Quota], wait_seconds: float) -> None:
        """Keep other quotas from now on. What was used stays used, and who waits keeps their place."""
        for bucket, quota in quotas.items():
            self._buckets[bucket].change(quota, wait_seconds)

    def admit(self, bucket: Bucket) -> bool:
        """Let one call of `bucket` go now, or say that it may not."""
        return self._buckets[bucket].admit()

    def wait(self, bucket: Bucket, admitted: Callable[[], None]) -> "Place | None":
        """Queue one call that `admit` did not let go, or return None when its turn would come too late.

        `admitted` is called when its turn comes, never before this returns.
        """
        return self._buckets[bucket].wait(admitted)


class Place:
    """A place in a bucket's queue."""

    __slots__ = ("_queue", "admitted")

    def __init__(self, queue: "OrderedDict[Place, None]", admitted: Callable[[], None]) -> None:
        """Stand at the end of `queue`."""
        self._queue = queue
        self.admitted = admitted
        queue[self] = None

    def leave(self) -> None:
        """Give the place up, so that those behind move on. Does nothing once the call was let go."""
        self._queue.pop(self, None)


class _Bucket:
    __slots__ = ("_clock", "_interval", "_later", "_queue", "_quota", "_tat", "_timer", "_tolerance", "_wait_seconds")

    def __init__(self, quota: Quota, wait_seconds: float, clock: Clock, later: Later) -> None:
        self._quota = quota
        self._interval = quota.interval_seconds
        self._tolerance = quota.tolerance_seconds
        self._wait_seconds = wait_seconds
        self._clock = clock
        self._later = later
        self._tat = float("-inf")
        self._queue: OrderedDict[Place, None] = OrderedDict()
        self._timer: _Timer | None = None

    def change(self, quota: Quota, wait_seconds: float) -> None:
        now = self._clock.monotonic()
        if self._tat > now:  # so many calls are used as before, whatever one takes now
            self._tat = now + min((self._tat - now) / self._interval, quota.burst) * quota.interval_seconds
        self._quota = quota
        self._interval = quota.interval_seconds
        self._tolerance = quota.tolerance_seconds
        self._wait_seconds = wait_seconds
        if self._queue:  # their turn may come sooner
            self._timer = None
            self._time(self._ask().wait_seconds)

    def admit(self) -> bool:
        # `gcra.decide`, written out: this runs for every request.
        if self._queue:
            return False
        now = self._clock.monotonic()
        tat = self._tat
        if tat - self._tolerance > now:
            return False
        self._tat = (tat if tat > now else now) + self._interval  # noqa: FURB136  # `max` costs three times as much
        return True

    def wait(self, admitted: Callable[[], None]) -> Place | None:
        wait_seconds = self._ask().wait_seconds
        if wait_seconds + len(self._queue) * self._interval > self._wait_seconds:
            return None
        place = Place(self._queue, admitted)
        self._time(wait_seconds)
        return place

    def _ask(self) -> Decision:
        """Decide on a call that may yet not be made; keep what is found wrong with the state."""
        decision = decide(self._tat, self._clock.monotonic(), self._quota)
        if decision.wait_seconds > 0:
            self._tat = decision.tat
        return decision

    def _time(self, wait_seconds: float) -> None:
        if self._timer is None:
            self._timer = _Timer(self)
            self._later(max(wait_seconds, TIMER_SECONDS), self._timer.fire)

    def timed(self, timer: "_Timer") -> None:
        """Let those go whose turn has come."""
        if timer is not self._timer:  # another one was set in its place
            return
        self._timer = None
        queue = self._queue
        while queue:
            decision = self._ask()
            if decision.wait_seconds > 0:
                self._time(decision.wait_seconds)
                return
            self._tat = decision.tat
            place, _ = queue.popitem(last=False)
            place.admitted()


class _Timer:
    """One timer of a bucket."""

    __slots__ = ("_bucket",)

    def __init__(self, bucket: _Bucket) -> None:
        self._bucket = bucket

    def fire(self) -> None:
        self._bucket.timed(self)
