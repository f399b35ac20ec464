"""`make bench`: the sidecar beside a direct connection, a proxy written with aiohttp, and nginx, in one run, alternating.

wrk, the upstream and the steady load share one core; the proxy under test has the other to itself. Before anything is measured
each redacting subject shows that what it sends on is clean, and that its hashes are those of the others.
"""

import argparse
import json
import re
import shutil
import socket
import statistics
import sys
import tempfile
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path

from rich.console import Console
from rich.table import Table

from bench import cost, load, peers, plot, work

RESULTS = Path(__file__).parent / "results"
LOAD_CORE, PROXY_CORE = "0", "1"
# nginx with LuaJIT reaches this share of nginx passing through where it is set up as it should be (seen: 0.45 to 0.54).
LUAJIT_SHARE = 0.4

Figures = dict[str, float]

COLUMNS = {
    "requests_per_second": "1/s",
    "ratio_to_aiohttp": "/ aiohttp",
    "ratio_to_nginx": "/ nginx",
    "ratio_to_nginx+LuaJIT": "/ LuaJIT",
    "added_p50_ms": "+p50 ms",
    "added_p99_ms": "+p99 ms",
    "rss_loaded_mib": "RSS MiB",
    "cold_start_ms": "start ms",
}


@dataclass
class Subject:
    """One program under test."""

    name: str
    port: int
    pid: int | None = None
    redacts: bool = False
    figures: Figures = field(default_factory=dict)
    rates: list[float] = field(default_factory=list)


def main() -> int:
    """Measure, print a table, keep the figures as JSON and as a picture."""
    options = argparse.ArgumentParser(prog="bench", description=__doc__)
    options.add_argument("--seconds", type=float, default=4.0, help="length of each run of wrk")
    options.add_argument("--rounds", type=int, default=3, help="runs of each subject, alternating")
    chosen = options.parse_args()
    if shutil.which("wrk") is None or shutil.which("taskset") is None:
        print("bench: needs wrk and taskset (Debian packages wrk and util-linux)", file=sys.stderr)
        return 2
    with tempfile.TemporaryDirectory() as folder, ExitStack() as stack:
        subjects = start(Path(folder), stack)
        measure(subjects, Path(folder), chosen.seconds, chosen.rounds)
    results = {subject.name: subject.figures for subject in subjects}
    stages = cost.stages()
    show(results, stages)
    RESULTS.mkdir(exist_ok=True)
    (RESULTS / "bench.json").write_text(json.dumps({"subjects": results, "stages_us": stages}, indent=2) + "\n")
    (RESULTS / "bench.svg").write_text(plot.bars({name: figures["requests_per_second"] for name, figures in results.items()}))
    return 0


def start(folder: Path, stack: ExitStack) -> list[Subject]:
    """Start every subject that this machine can run; they end with `stack`."""
    upstream, _ = stack.enter_context(peers.printing_port([sys.executable, "-m", "bench.sink"], LOAD_CORE))
    subjects = [Subject("direct", upstream)]
    for name, text in work.POLICIES.items():
        policy = folder / f"{name}.policy.yaml"
        policy.write_text(text)
        config = folder / f"{name}.yaml"
        config.write_text(work.config(name, upstream, policy.name))
        if name == "sidecar":
            peer = [sys.executable, "-m", "bench.aiohttp_peer", str(upstream), str(policy)]
            port, pid = stack.enter_context(peers.printing_port(peer, PROXY_CORE))
            subjects.append(Subject("aiohttp", port, pid, redacts=True))
        port, pid, milliseconds = stack.enter_context(peers.sidecar(config, PROXY_CORE))
        subjects.append(Subject(name, port, pid, redacts=True, figures={"cold_start_ms": milliseconds}))
    if peers.has_nginx():
        for name, redacts in (("nginx", False), ("nginx+LuaJIT", True)):
            port, pid = stack.enter_context(peers.nginx(folder / name, upstream, PROXY_CORE, redacting=redacts))
            subjects.append(Subject(name, port, pid, redacts=redacts))
    else:
        print("bench: without nginx (Debian packages nginx, libnginx-mod-http-lua and lua-cjson)", file=sys.stderr)
    hashes = {arrived(subject, upstream) for subject in subjects if subject.redacts}
    if len(hashes) != 1:
        raise SystemExit("the subjects do not hash alike")
    return subjects


def arrived(subject: Subject, upstream: int) -> bytes:
    """Return the hash that reached the upstream through `subject`.

    Raises:
        SystemExit: something reached it that must not leave.
    """
    exchange(subject.port, work.request())
    call = exchange(upstream, b"GET /last HTTP/1.1\r\n\r\n")
    found = re.search(rb'"phone_hash":"(k1\.[0-9a-f]{32})"', call)
    if found is None or any(text in call for text in work.STRIPPED):
        raise SystemExit(f"{subject.name} does not redact:\n{call.decode()}")
    return found[1]


def exchange(port: int, request: bytes) -> bytes:
    """Send one request on a connection of its own; return its answer, whose body is short."""
    with socket.create_connection(("127.0.0.1", port), timeout=5) as connection:
        connection.sendall(request)
        answer = b""
        while b"\r\n\r\n" not in answer or answer.endswith(b"\r\n\r\n"):
            data = connection.recv(65_536)
            if not data:
                break
            answer += data
        return answer


def measure(subjects: list[Subject], folder: Path, seconds: float, rounds: int) -> None:
    """Fill in the figures of each subject."""
    script = folder / "identify.lua"
    script.write_text(work.wrk_script())
    for subject in subjects:
        if subject.pid is not None:
            subject.figures["rss_idle_mib"] = load.rss_mib(subject.pid)
    for _ in range(rounds):
        for subject in subjects:
            subject.rates.append(load.throughput(subject.port, script, seconds, LOAD_CORE))
    by_name = {subject.name: subject for subject in subjects}
    direct: list[float] = []
    for subject in subjects:
        steady = load.latencies(subject.port, work.request(), seconds, LOAD_CORE)
        direct = direct or steady
        figures = subject.figures
        figures["requests_per_second"] = statistics.median(subject.rates)
        for label, share in (("p50", 0.50), ("p99", 0.99)):
            figures[f"added_{label}_ms"] = load.quantile(steady, share) - load.quantile(direct, share)
        if subject.pid is not None:
            figures["rss_loaded_mib"] = load.rss_mib(subject.pid)
    for subject in subjects:
        for other in ("aiohttp", "nginx", "nginx+LuaJIT"):
            if other in by_name and subject.name != other:
                share = subject.figures["requests_per_second"] / by_name[other].figures["requests_per_second"]
                subject.figures[f"ratio_to_{other}"] = share
    if "nginx" in by_name and by_name["nginx+LuaJIT"].figures["ratio_to_nginx"] < LUAJIT_SHARE:
        print(f"bench: nginx+LuaJIT is below {LUAJIT_SHARE} of nginx; the ratios to it do not count", file=sys.stderr)


def show(results: dict[str, Figures], stages: dict[str, float]) -> None:
    """Print the figures side by side."""
    table = Table(title=f"identify of about {len(work.body())} bytes, two fields stripped, two hashed; the proxy on one core")
    table.add_column("subject")
    for column in COLUMNS.values():
        table.add_column(column, justify="right")
    for name, figures in results.items():
        table.add_row(name, *(f"{figures[figure]:,.2f}" if figure in figures else "" for figure in COLUMNS))
    console = Console()
    if not console.is_terminal:
        console.width = 120  # a file has no width of its own
    console.print(table)
    table = Table(title="what a request costs inside the process, without sockets")
    table.add_column("stage")
    table.add_column("µs", justify="right")
    for stage, microseconds in stages.items():
        table.add_row(stage, f"{microseconds:.2f}")
    console.print(table)


if __name__ == "__main__":
    sys.exit(main())
