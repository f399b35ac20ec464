"""What the process asks for at its start; in a process of its own, because it cannot be taken back."""

import subprocess
import sys
from pathlib import Path

import pytest

from proxy.process import GC_THRESHOLDS
from tests.needs import ROOT

# Run in a process of its own, for none of it can be taken back; as somebody who is not root, for root may read everything.
PROGRAM = """
import ctypes, os, resource, sys
from prometheus_client import CollectorRegistry, ProcessCollector
from proxy.process import keep_memory_private, raise_file_limit
libc = ctypes.CDLL(None)
if os.getuid() == 0:
    os.setgid(65534)
    os.setuid(65534)
    libc.prctl(4, 1, 0, 0, 0)  # a change of user makes a process undumpable; one that was started by that user begins dumpable
assert libc.prctl(3, 0, 0, 0, 0) == 1
raise_file_limit()
assert keep_memory_private()
assert libc.prctl(3, 0, 0, 0, 0) == 0
assert resource.getrlimit(resource.RLIMIT_CORE) == (0, 0)
soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
assert soft == hard
print(os.getpid(), flush=True)
names = {metric.name for metric in ProcessCollector(registry=None).collect()}
print(*sorted(names), flush=True)
sys.stdin.read()
"""
LINUX = pytest.mark.skipif(sys.platform != "linux", reason="Linux has /proc")


@LINUX
def test_memory_is_kept_from_dumps_and_debuggers() -> None:
    """No core file, and what `/proc` shows of memory and environment belongs to root; process metrics are all still there."""
    with subprocess.Popen(
        [sys.executable, "-c", PROGRAM], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:  # fmt: skip
        assert process.stdout is not None
        pid = int(process.stdout.readline())
        limits = Path(f"/proc/{pid}/limits").read_text()
        (core,) = [line.split() for line in limits.splitlines() if line.startswith("Max core file size")]
        assert core[4:6] == ["0", "0"]
        for name in ("environ", "mem", "maps"):
            assert Path(f"/proc/{pid}/{name}").stat().st_uid == 0
        metrics = process.stdout.readline().split()
        process.communicate()
    assert process.returncode == 0
    known = {
        f"process_{name}" for name in ("cpu_seconds", "max_fds", "open_fds", "resident_memory_bytes", "start_time_seconds")
    }
    assert known <= set(metrics)


def run(program: str) -> str:
    """Return what `program` prints."""
    return subprocess.run([sys.executable, "-c", program], cwd=ROOT, check=True, capture_output=True, text=True).stdout


def test_the_garbage_collector_looks_at_nothing_that_stays() -> None:
    """What there was is taken out of its lists, at no cost; what comes later is looked at, by our thresholds."""
    program = """
import gc
from proxy.process import settle_garbage_collector
class Kept: pass
kept = Kept()
gc.callbacks.append(lambda phase, info: print("collected"))
settle_garbage_collector()
gc.callbacks.clear()
later = Kept()
print(*gc.get_threshold(), sum(type(found) is Kept for found in gc.get_objects()), gc.get_freeze_count() > 1000)
"""
    assert run(program).split() == [*map(str, GC_THRESHOLDS), "1", "True"]


def test_no_body_sets_off_a_full_collection_of_its_own_objects() -> None:
    """Half a million small objects that stay: the youngest and the middle generation are looked at, not all there is."""
    program = """
import gc
from proxy.process import settle_garbage_collector
settle_garbage_collector()
seen = []
gc.callbacks.append(lambda phase, info: seen.append(info["generation"]) if phase == "start" else None)
body = [{"a": {}} for _ in range(250_000)]
print(*sorted(set(seen)))
"""
    assert run(program).split() == ["0", "1"]


def test_the_soft_limit_of_files_becomes_the_hard_one() -> None:
    """The soft limit is often 1,024, which is fewer than there may be connections."""
    program = """
import resource
from proxy.process import raise_file_limit
_, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
resource.setrlimit(resource.RLIMIT_NOFILE, (64, hard))
raise_file_limit()
print(resource.getrlimit(resource.RLIMIT_NOFILE) == (hard, hard))
"""
    assert run(program) == "True\n"
