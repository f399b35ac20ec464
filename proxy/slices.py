"""Runs long work on the event loop in slices, so that other requests are served in between (promise G11).

The work is ordinary synchronous code that calls `pause` from time to time. It runs on a greenlet, which has its own stack:
`pause` leaves the stack, and a later turn of the loop enters it again. Each turn runs one slice, for any number of pieces of
work. The oldest `STARTED_MAX` pieces take turns. The others are not started, so they take no memory for their work yet.
"""

from collections import deque
from collections.abc import Callable

from greenlet import greenlet

Pause = Callable[[], None]

STARTED_MAX = 8


class Slices:
    """All pieces of work that run in slices."""

    def __init__(self, call_soon: Callable[[Callable[[], None]], object]) -> None:
        """Run slices with `call_soon`, which calls a function in the next turn of the loop."""
        self._call_soon = call_soon
        self._waiting: deque[Work] = deque()

    def begin(self, work: Callable[[Pause], None], ended: Callable[[], None]) -> "Work":
        """Run `work` from the next turn on, and call `ended` after it has returned. `work` must not raise."""
        begun = Work(work, ended)
        self._waiting.append(begun)
        if len(self._waiting) == 1:
            self._call_soon(self._turn)
        return begun

    def _turn(self) -> None:
        """Run one slice of the first piece, and move that piece back in the queue."""
        waiting = self._waiting
        work = waiting[0]
        try:
            work.go_on()
        finally:
            waiting.popleft()
            if work.pending:
                waiting.insert(STARTED_MAX - 1, work)
            if waiting:
                self._call_soon(self._turn)


class Work:
    """One piece of work, on its own greenlet."""

    __slots__ = ("_ended", "_greenlet", "_work", "pending")

    def __init__(self, work: Callable[[Pause], None], ended: Callable[[], None]) -> None:
        """Prepare `work`. It starts with the first `go_on`."""
        self._work = work
        self._ended = ended
        self._greenlet = greenlet(self._run)
        self.pending = True

    def go_on(self) -> None:
        """Run to the next pause, or to the end."""
        if self.pending:
            self._greenlet.switch()
        if self._greenlet.dead:
            self._finish()

    def _finish(self) -> None:
        if self.pending:  # not stopped in the meantime
            self.pending = False
            self._ended()

    def stop(self) -> None:
        """End the work at its current pause. `ended` is not called."""
        self.pending = False
        self._greenlet.throw()

    def _run(self) -> None:
        self._work(self._pause)

    def _pause(self) -> None:
        parent = self._greenlet.parent
        assert parent is not None  # noqa: S101  # a running greenlet was entered from another one
        parent.switch()
