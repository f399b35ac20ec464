"""The machine's clock."""

import time

from proxy.clock import Clock, SystemClock


def test_the_system_clock_reads_the_machine() -> None:
    """Both readings are the machine's own."""
    clock: Clock = SystemClock()
    before = time.monotonic_ns() / 1e9
    assert before <= clock.monotonic() <= before + 60
    assert abs(clock.wall() - time.time_ns() / 1e9) < 60


def test_durations_never_go_back() -> None:
    """Deadlines can rely on it."""
    clock = SystemClock()
    readings = [clock.monotonic() for _ in range(1000)]
    assert readings == sorted(readings)
