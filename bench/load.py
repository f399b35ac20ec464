"""The load, and what is read off it: wrk for throughput, `bench.steady` for latency at a steady rate."""

import re
import subprocess
import sys
from pathlib import Path

import orjson

CONNECTIONS = 64
STEADY_PER_SECOND = 1000


def throughput(port: int, tls: Path | None, script: Path, seconds: float, core: str) -> float:
    """Return the successful requests a second that wrk got.

    Raises:
        SystemExit: it saw an error.
    """
    command = [
        "taskset", "-c", core, "wrk", "-t1", f"-c{CONNECTIONS}", f"-d{max(1, round(seconds))}s", "-s", str(script),
        f"{'https' if tls else 'http'}://127.0.0.1:{port}",
    ]  # fmt: skip
    output = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    if "Non-2xx" in output or "Socket errors" in output:
        raise SystemExit(f"wrk saw errors:\n{output}")
    found = re.search(r"Requests/sec:\s+([\d.]+)", output)
    if found is None:
        raise SystemExit(f"wrk printed no rate:\n{output}")
    return float(found[1])


def latencies(port: int, tls: Path | None, request: bytes, seconds: float, core: str) -> list[float]:
    """Return the latencies at a steady rate, in milliseconds."""
    command = ["taskset", "-c", core, sys.executable, "-m", "bench.steady", str(port), str(STEADY_PER_SECOND), str(seconds)]
    if tls:
        command.append(str(tls))
    output = subprocess.run(command, check=True, capture_output=True, input=request).stdout
    return [seconds * 1000 for seconds in orjson.loads(output)]


def quantile(values: list[float], share: float) -> float:
    """Return the value that `share` of `values` do not exceed."""
    return sorted(values)[min(len(values) - 1, int(len(values) * share))]


def rss_mib(pid: int) -> float:
    """Return the resident memory of a process."""
    found = re.search(r"VmRSS:\s+(\d+) kB", Path(f"/proc/{pid}/status").read_text())
    return int(found[1]) / 1024 if found else 0.0
