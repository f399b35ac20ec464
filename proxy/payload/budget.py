"""How much work one body may cost, and how long it may hold the event loop at a time (promise G11).

Every step that looks at a body pays for it in units, before it does the work. A unit is about 0.1 microseconds of pure
Python.
A body has a constant number of units and so many more for each of its bytes: ordinary bodies never use them up. A body that
needs more is refused as `too_complex`, so that nothing of it is looked at only in part.

While a large body is looked at, others must be served: after every `SLICE_UNITS` the budget calls `pause`, if it was given one.
"""

import sys
from collections.abc import Callable
from typing import Final

from proxy.errors import Reason, RefusedError

UNITS: Final = 100_000
UNITS_PER_BYTE: Final = 3
SLICE_UNITS: Final = 20_000


class Budget:
    """The work that is left for one body."""

    __slots__ = ("_floor", "_pause", "left")

    def __init__(self, body_bytes: int, pause: Callable[[], None] | None = None) -> None:
        """Allow what a body of `body_bytes` may cost; `pause` is called between slices of it."""
        self.left = UNITS + UNITS_PER_BYTE * body_bytes
        self._pause = pause
        self._floor = 0 if pause is None else max(self.left - SLICE_UNITS, 0)

    def spend(self, units: int) -> None:
        """Pay for work that is about to be done.

        Raises:
            RefusedError: `too_complex`: it is more than is left.
        """
        self.left -= units
        if self.left < self._floor:
            self._reached()

    def _reached(self) -> None:
        if self.left < 0:
            raise RefusedError(Reason.TOO_COMPLEX)
        if self._pause is not None:
            self._pause()
        self._floor = max(self.left - SLICE_UNITS, 0)


def unmetered() -> Budget:
    """Return a budget for work that no caller can make large: what a configuration holds, or a test."""
    budget = Budget(0)
    budget.left = sys.maxsize
    return budget


UNMETERED: Final = unmetered()
