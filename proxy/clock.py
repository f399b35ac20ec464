"""Time as a dependency, so that tests control it.

Only the composition layer makes a clock. All other code gets one as an argument.
"""

import time
from typing import Protocol


class Clock(Protocol):
    """A source of monotonic time and of wall time."""

    def monotonic(self) -> float:
        """Return seconds that never decrease, for durations and deadlines."""

    def wall(self) -> float:
        """Return seconds since the Unix epoch, for dates that people or other machines read."""


class SystemClock:
    """The machine's clock. Its methods are the built-in functions, because every request calls them several times."""

    monotonic = staticmethod(time.monotonic)
    wall = staticmethod(time.time)
