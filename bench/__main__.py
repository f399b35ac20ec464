"""`make bench`: the sidecar beside a direct connection and beside a proxy written with aiohttp, in one run, alternating.

wrk, the upstream and the steady load share one core; the proxy under test has the other to itself.
"""

import argparse
import json
import os
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import orjson
from rich.console import Console
from rich.table import Table

HERE = Path(__file__).parent
RESULTS = HERE / "results"
LOAD_CORE, PROXY_CORE = "0", "1"
CONNECTIONS = 64
STEADY_PER_SECOND = 1000

BODY = orjson.dumps(
    {
        "email": "person@example.com", "first_name": "Ada", "plan": "enterprise", "created_at": 1_700_000_000,
        "ssn": "000-00-0000", "password": "not-a-real-one", "phone": "+1-555-0123", "ip_address": "192.0.2.10",
        "company": {"name": "Example Ltd", "seats": 42, "country": "NL"}, "tags": ["a", "b", "c"], "score": 12.5,
        "newsletter": True, "locale": "en-GB",
    }
)  # fmt: skip
REQUEST = (
    b"PUT /api/v1/customers/42 HTTP/1.1\r\nHost: localhost\r\nUser-Agent: bench\r\nContent-Type: application/json\r\n"
    b"Authorization: Basic YmVuY2g6YmVuY2g=\r\nContent-Length: %d\r\n\r\n%b" % (len(BODY), BODY)
)
POLICY = """\
version: 1
mode: enforce
hash: {algorithm: hmac-sha256, key: "env:BENCH_PEPPER", key_id: k1, hex_length: 32}
rules:
  - {name: never-send, fields: [ssn, password], action: strip}
  - {name: contact, fields: [phone, ip_address], action: hash}
"""
CONFIG = """\
version: 1
upstreams: {{track: {{url: "http://127.0.0.1:{upstream}"}}}}
outbound: {{port: 0}}
admin: {{port: 0}}
credentials: {{track: {{site_id: "env:BENCH_SITE", api_key: "env:BENCH_KEY"}}}}
limits: {{buckets: {{track: {{rate_per_second: 1000000, burst: 100000}}}}}}
policy: policy.yaml
"""
WRK_SCRIPT = """\
wrk.method = "PUT"
wrk.path = "/api/v1/customers/42"
wrk.body = [==[{body}]==]
wrk.headers["Content-Type"] = "application/json"
wrk.headers["Authorization"] = "Basic YmVuY2g6YmVuY2g="
"""
ENVIRONMENT = {"BENCH_PEPPER": "bench-pepper-bench", "BENCH_SITE": "bench-site", "BENCH_KEY": "bench-api-key"}


def main() -> int:
    """Measure, print a table, keep the figures as JSON."""
    options = argparse.ArgumentParser(prog="bench", description=__doc__)
    options.add_argument("--seconds", type=float, default=4.0, help="length of each run of wrk")
    options.add_argument("--rounds", type=int, default=3, help="runs of each subject, alternating")
    chosen = options.parse_args()
    if shutil.which("wrk") is None or shutil.which("taskset") is None:
        print("bench: needs wrk and taskset (Debian packages wrk and util-linux)", file=sys.stderr)
        return 2
    with tempfile.TemporaryDirectory() as folder:
        results = measure(Path(folder), chosen.seconds, chosen.rounds)
    show(results)
    RESULTS.mkdir(exist_ok=True)
    (RESULTS / "bench.json").write_text(json.dumps(results, indent=2) + "\n")
    return 0


def measure(folder: Path, seconds: float, rounds: int) -> dict[str, dict[str, float]]:
    """Return the figures of each subject."""
    script = folder / "identify.lua"
    script.write_text(WRK_SCRIPT.format(body=BODY.decode()))
    (folder / "policy.yaml").write_text(POLICY)
    python = sys.executable
    with _printing_port([python, "-m", "bench.sink"], LOAD_CORE) as (upstream, _):
        (folder / "sidecar.yaml").write_text(CONFIG.format(upstream=upstream))
        peer = [python, "-m", "bench.aiohttp_peer", str(upstream), str(folder / "policy.yaml")]
        sidecar = [python, "-m", "proxy", "serve", "--config", str(folder / "sidecar.yaml")]
        with _printing_port(peer, PROXY_CORE) as (peer_port, peer_pid), _sidecar(sidecar) as (port, pid, cold_start):
            subjects = {"direct": (upstream, None), "aiohttp": (peer_port, peer_pid), "sidecar": (port, pid)}
            rates: dict[str, list[float]] = {name: [] for name in subjects}
            steady: dict[str, list[float]] = {name: [] for name in subjects}
            idle = {name: _rss_mib(process) for name, (_, process) in subjects.items() if process}
            for _ in range(rounds):
                for name, (target, _) in subjects.items():
                    rates[name].append(_wrk(target, script, seconds))
            for name, (target, _) in subjects.items():
                steady[name] = _steady(target, seconds)
            results = {
                name: {
                    "requests_per_second": statistics.median(rates[name]),
                    "p50_ms": _quantile(steady[name], 0.50),
                    "p99_ms": _quantile(steady[name], 0.99),
                }
                for name in subjects
            }
            for name, (_, process) in subjects.items():
                if process:
                    results[name] |= {"rss_idle_mib": idle[name], "rss_loaded_mib": _rss_mib(process)}
            results["sidecar"]["cold_start_ms"] = cold_start
    for name in ("aiohttp", "sidecar"):
        results[name]["added_p50_ms"] = results[name]["p50_ms"] - results["direct"]["p50_ms"]
        results[name]["added_p99_ms"] = results[name]["p99_ms"] - results["direct"]["p99_ms"]
    results["sidecar"]["ratio_to_aiohttp"] = (
        results["sidecar"]["requests_per_second"] / results["aiohttp"]["requests_per_second"]
    )
    return results


def show(results: dict[str, dict[str, float]]) -> None:
    """Print the figures side by side."""
    table = Table(title=f"identify of {len(BODY)} bytes, two fields stripped, two hashed (HMAC-SHA256); proxy on one core")
    table.add_column("figure")
    for name in results:
        table.add_column(name, justify="right")
    figures = dict.fromkeys(figure for figures in results.values() for figure in figures)
    for figure in figures:
        cells = (results[name].get(figure) for name in results)
        table.add_row(figure, *("" if value is None else f"{value:,.2f}" for value in cells))
    Console().print(table)


@contextmanager
def _printing_port(command: list[str], core: str) -> Iterator[tuple[int, int]]:
    """Run a program that prints its port; give the port and the process id."""
    with subprocess.Popen(["taskset", "-c", core, *command], stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None  # noqa: S101  # a pipe was asked for
            yield int(process.stdout.readline()), process.pid
        finally:
            process.terminate()


@contextmanager
def _sidecar(command: list[str]) -> Iterator[tuple[int, int, float]]:
    """Run the sidecar; give its port, its process id and the milliseconds until it was ready."""
    begin = time.perf_counter()
    environment = {**os.environ, **ENVIRONMENT}
    with subprocess.Popen(["taskset", "-c", PROXY_CORE, *command], stdout=subprocess.PIPE, text=True, env=environment) as process:
        try:
            assert process.stdout is not None  # noqa: S101  # a pipe was asked for
            port = 0
            for line in process.stdout:
                event = orjson.loads(line)
                if event.get("listener") == "outbound":
                    port = event["port"]
                if event["event"] == "ready":
                    break
            yield port, process.pid, (time.perf_counter() - begin) * 1000
        finally:
            process.terminate()


def _wrk(port: int, script: Path, seconds: float) -> float:
    """Return the successful requests a second that wrk got."""
    command = [
        "taskset", "-c", LOAD_CORE, "wrk", "-t1", f"-c{CONNECTIONS}", f"-d{max(1, round(seconds))}s", "-s", str(script),
        f"http://127.0.0.1:{port}",
    ]  # fmt: skip
    output = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    if "Non-2xx" in output or "Socket errors" in output:
        raise SystemExit(f"wrk saw errors:\n{output}")
    found = re.search(r"Requests/sec:\s+([\d.]+)", output)
    if found is None:
        raise SystemExit(f"wrk printed no rate:\n{output}")
    return float(found[1])


def _steady(port: int, seconds: float) -> list[float]:
    """Return the latencies at a steady rate, in milliseconds."""
    command = ["taskset", "-c", LOAD_CORE, sys.executable, "-m", "bench.steady", str(port), str(STEADY_PER_SECOND), str(seconds)]
    output = subprocess.run(command, check=True, capture_output=True, input=REQUEST).stdout
    return [seconds * 1000 for seconds in orjson.loads(output)]


def _quantile(values: list[float], share: float) -> float:
    return sorted(values)[min(len(values) - 1, int(len(values) * share))]


def _rss_mib(pid: int) -> float:
    found = re.search(r"VmRSS:\s+(\d+) kB", Path(f"/proc/{pid}/status").read_text())
    return int(found[1]) / 1024 if found else 0.0


if __name__ == "__main__":
    sys.exit(main())
