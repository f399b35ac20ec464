"""Long work on the event loop, in slices."""

from collections import deque
from collections.abc import Callable

import pytest

from proxy.slices import STARTED_MAX, Pause, Slices, Work


class Loop:
    """Turns of an event loop, one at a time."""

    def __init__(self) -> None:
        """Begin with nothing to do."""
        self.soon: deque[Callable[[], None]] = deque()
        self.slices = Slices(self.soon.append)
        self.said: list[str] = []

    def turn(self) -> None:
        """Run what was to be called in this turn; there is at most one slice."""
        assert len(self.soon) <= 1
        if self.soon:
            self.soon.popleft()()

    def work(self, name: str, slices: int) -> Work:
        """Begin work of so many slices that says what it does."""

        def work(pause: Pause) -> None:
            for number in range(slices):
                if number:
                    pause()
                self.said.append(f"{name}{number}")

        return self.slices.begin(work, lambda: self.said.append(f"{name} ended"))


def test_g11_one_slice_runs_in_each_turn() -> None:
    """Whatever is under way, a turn of the loop holds one slice, and pieces of work take turns."""
    loop = Loop()
    loop.work("a", 3)
    loop.work("b", 2)
    assert loop.said == []
    expected = ["a0", "b0", "a1", "b1", "b ended", "a2", "a ended"]
    for count in (1, 2, 3, 5, 7):
        loop.turn()
        assert loop.said == expected[:count]
    assert not loop.soon


def test_only_the_oldest_are_begun() -> None:
    """What waits for its turn holds nothing that work makes."""
    loop = Loop()
    for number in range(STARTED_MAX + 2):
        loop.work(f"{number}-", 2)
    for _ in range(STARTED_MAX + 1):
        loop.turn()
    started = {said for said in loop.said if said.endswith("-0")}
    assert len(started) == STARTED_MAX
    for _ in range(3 * STARTED_MAX):
        loop.turn()
    assert sum(said.endswith("ended") for said in loop.said) == STARTED_MAX + 2


@pytest.mark.parametrize("turns", [0, 1, 2])
def test_work_can_be_stopped_where_it_pauses(turns: int) -> None:
    """What it holds is let go by its own clean-up; it is not said to have ended, and the others go on."""
    loop = Loop()
    cleaned: list[str] = []

    def work(pause: Pause) -> None:
        try:
            for _ in range(5):
                pause()
        finally:
            cleaned.append("a")

    stopped = loop.slices.begin(work, lambda: loop.said.append("never"))
    for _ in range(turns):
        loop.turn()
    stopped.stop()
    stopped.stop()
    loop.work("b", 2)
    for _ in range(5):
        loop.turn()
    assert cleaned == (["a"] if turns else [])
    assert loop.said == ["b0", "b1", "b ended"]


def test_work_may_stop_another_or_itself() -> None:
    """A caller may go away because of what another one's work does."""
    loop = Loop()
    works: list[Work] = []

    def work(pause: Pause) -> None:
        pause()
        works[1].stop()
        pause()
        loop.said.append("a")

    works.append(loop.slices.begin(work, lambda: loop.said.append("a ended")))
    works.append(loop.work("b", 9))
    for _ in range(9):
        loop.turn()
    assert loop.said == ["b0", "a", "a ended"]
