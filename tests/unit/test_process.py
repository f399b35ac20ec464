"""What the process asks of its operating system."""

import subprocess
import sys
from pathlib import Path

import pytest

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
