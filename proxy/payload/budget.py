"""Bounds the work for one body, and the time for which it may block the event loop (promise G11).

Every step of the work on a body pays for itself in units, before it starts. A unit is about 0.1 microseconds of pure Python.
A body has a constant number of units, and more for each of its bytes. Ordinary bodies never use them up. A body that needs
more is refused as `too_complex`, so no body is checked only in part.

Other calls must be served during the work on a large body. So the budget calls `pause`, if it has one, after every
`SLICE_UNITS`.
"""

import sys
from collections.abc import Callable
from typing import Final

from proxy.errors import Reason, RefusedError

UNITS: Final = 100_000
UNITS_PER_BYTE: Final = 3
SLICE_UNITS: Final = 20_000


class Budget:
    """The units that are left for one body."""

    __slots__ = ("_floor", "_pause", "left")

    def __init__(self, body_bytes: int, pause: Callable[[], None] | None = None) -> None:
        """Start with the units of a body of `body_bytes`; `pause` is called between slices of the work."""
        self.left = UNITS + UNITS_PER_BYTE * body_bytes
        self._pause = pause
        self._floor = 0 if pause is None else max(self.left - SLICE_UNITS, 0)

    def spend(self, units: int) -> None:
        """Pay for work before it starts.

        Raises:
            RefusedError: `too_complex`: fewer units are left.
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
    """Return an unlimited budget, for work that no caller controls, such as a check of the configuration."""
    budget = Budget(0)
    budget.left = sys.maxsize
    return budget


UNMETERED: Final = unmetered()
