"""The load, and what is read off it: wrk for throughput, `bench.steady` for latency at a steady rate, and processor time."""

import os
import re
import resource
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import orjson

from bench.peers import LOAD_CORE

CONNECTIONS = 64
STEADY_PER_SECOND = 1000
# Of small calls, when every hundredth is a large one.
MIXED_PER_SECOND = 500
_TICKS_PER_SECOND = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True, slots=True)
class Flood:
    """What one run of wrk came to."""

    per_second: float
    """Successful requests; none, where the run was over before the last handshake."""
    requests: int
    load_cpu_seconds: float
    """Processor time of wrk itself."""
    seconds: float


def throughput(port: int, tls: Path | None, script: Path, seconds: float, connections: int = CONNECTIONS) -> Flood:
    """Send as many requests as are answered, each connection one at a time.

    Raises:
        SystemExit: it saw an error.
    """
    command = [
        "taskset", "-c", LOAD_CORE, "wrk", "-t1", f"-c{connections}", f"-d{max(1, round(seconds))}s", "--timeout", "30s",
        "-s", str(script),
        f"{'https' if tls else 'http'}://127.0.0.1:{port}",
    ]  # fmt: skip
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    output = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    if "Non-2xx" in output or "Socket errors" in output:
        raise SystemExit(f"wrk saw errors:\n{output}")
    rate = re.search(r"Requests/sec:\s+([\d.]+)", output)
    total = re.search(r"(\d+) requests in", output)
    if rate is None or total is None:
        raise SystemExit(f"wrk printed no rate:\n{output}")
    used = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return Flood(float(rate[1]), int(total[1]), used, int(total[1]) / float(rate[1]) if float(rate[1]) else seconds)


def latencies(
    port: int, tls: Path | None, request: bytes, seconds: float, *, large: bytes = b"", rate: int = STEADY_PER_SECOND
) -> list[float]:
    """Return the latencies of `request` at a steady `rate` a second, in milliseconds.

    With `large`, one of those goes out beside every hundredth; how long it takes is not told.
    """
    command = ["taskset", "-c", LOAD_CORE, sys.executable, "-m", "bench.steady", str(port), str(rate), str(seconds)]
    if tls:
        command.append(str(tls))
    output = subprocess.run(command, check=True, capture_output=True, input=request + b"\0" + large).stdout
    return [seconds * 1000 for seconds in orjson.loads(output)]


def cpu_seconds(pid: int) -> float:
    """Return the processor time that a process has taken."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / _TICKS_PER_SECOND


def quantile(values: list[float], share: float) -> float:
    """Return the value that `share` of `values` do not exceed."""
    return sorted(values)[min(len(values) - 1, int(len(values) * share))]


def rss_mib(pid: int) -> float:
    """Return the resident memory of a process."""
    found = re.search(r"VmRSS:\s+(\d+) kB", Path(f"/proc/{pid}/status").read_text())
    return int(found[1]) / 1024 if found else 0.0
