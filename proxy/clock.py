"""Time as a dependency, so that tests own it.

Nothing below the composition floor reads a clock by itself: it is given one.
"""

import time
from typing import Protocol


class Clock(Protocol):
    """Two readings of time."""

    def monotonic(self) -> float:
        """Return seconds that never go back; for durations and deadlines."""

    def wall(self) -> float:
        """Return seconds since the Unix epoch; for dates that people or other machines read."""


class SystemClock:
    """The machine's own clock. Its readings are the interpreter's own functions: a request takes several."""

    monotonic = staticmethod(time.monotonic)
    wall = staticmethod(time.time)
