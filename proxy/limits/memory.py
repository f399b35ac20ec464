"""Rate limits kept in this process.

A call that does not conform yet waits in its bucket's queue, first come, first served, if its turn comes soon enough. Each
waiting call is let go by the same arithmetic, at the moment it really leaves, so a stalled event loop never lets a whole
queue out at once.
"""

from collections import deque
from collections.abc import Callable, Mapping
from typing import Protocol

from proxy.api.model import Bucket
from proxy.clock import Clock
from proxy.limits.gcra import Quota, decide


class Later(Protocol):
    """The event loop's `call_later`."""

    def __call__(self, delay: float, callback: Callable[[], None], /) -> object:
        """Call `callback` in `delay` seconds."""


class Place:
    """A place in a bucket's queue."""

    __slots__ = ("admitted", "left")

    def __init__(self, admitted: Callable[[], None]) -> None:
        """Call `admitted` when the call may go."""
        self.admitted = admitted
        self.left = False

    def leave(self) -> None:
        """Give the place up."""
        self.left = True


class MemoryLimiter:
    """One GCRA state and one queue for each bucket."""

    def __init__(self, quotas: Mapping[Bucket, Quota], wait_seconds: float, clock: Clock, later: Later) -> None:
        """Keep `quotas`; let calls wait up to `wait_seconds`."""
        self._buckets = {bucket: _Bucket(quota, wait_seconds, clock, later) for bucket, quota in quotas.items()}

    def admit(self, bucket: Bucket) -> bool:
        """Let one call of `bucket` go now, or say that it may not."""
        return self._buckets[bucket].admit()

    def wait(self, bucket: Bucket, admitted: Callable[[], None]) -> Place | None:
        """Queue one call, or return None when its turn would come too late; `admitted` is called when it comes."""
        return self._buckets[bucket].wait(admitted)


class _Bucket:
    __slots__ = ("_clock", "_interval", "_later", "_queue", "_quota", "_tat", "_timing", "_tolerance", "_wait_seconds")

    def __init__(self, quota: Quota, wait_seconds: float, clock: Clock, later: Later) -> None:
        self._quota = quota
        self._interval = quota.interval_seconds
        self._tolerance = quota.tolerance_seconds
        self._wait_seconds = wait_seconds
        self._clock = clock
        self._later = later
        self._tat = float("-inf")
        self._queue: deque[Place] = deque()
        self._timing = False

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
        turn = self._tat - self._tolerance - self._clock.monotonic() + len(self._queue) * self._interval
        if turn > self._wait_seconds:
            while self._queue and self._queue[-1].left:
                self._queue.pop()
            return None
        place = Place(admitted)
        self._queue.append(place)
        self._pump()
        return place

    def _pump(self) -> None:
        queue = self._queue
        while queue:
            if queue[0].left:
                queue.popleft()
                continue
            decision = decide(self._tat, self._clock.monotonic(), self._quota)
            if decision.wait_seconds > 0:
                if not self._timing:
                    self._timing = True
                    self._later(decision.wait_seconds, self._timed)
                return
            self._tat = decision.tat
            queue.popleft().admitted()

    def _timed(self) -> None:
        self._timing = False
        self._pump()
