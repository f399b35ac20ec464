"""The figures of each subject, taken in one run, alternating."""

import statistics
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from bench import load, work

Figures = dict[str, float]

# What the others are measured against, where it was measured.
YARDSTICKS = ("aiohttp", "nginx", "nginx+LuaJIT")
# Beside `load.CONNECTIONS`: one caller, a few, and more than there were connections upstream when their number was built in.
OTHER_CONNECTIONS = (1, 4, 1000)
QUANTILES = {"p50": 0.5, "p99": 0.99, "p99.9": 0.999}


@dataclass
class Subject:
    """One running program under test, and the upstream that it sends to."""

    name: str
    port: int
    pid: int
    upstream_pid: int
    """Its own: it is not a proxy but what the proxies are compared with."""
    figures: Figures = field(default_factory=dict)
    rates: list[float] = field(default_factory=list)
    cpu_us: list[float] = field(default_factory=list)
    """Of the subject, for a request, in each run."""
    load_busy: list[float] = field(default_factory=list)
    """The share of its core that wrk and the upstream took, in each run."""

    @property
    def is_proxy(self) -> bool:
        """Whether something stands behind it."""
        return self.pid != self.upstream_pid


@dataclass(frozen=True, slots=True)
class Lengths:
    """How long is measured, and what."""

    seconds: float
    """Of each run."""
    rounds: int
    connections: Sequence[int] = OTHER_CONNECTIONS


def measure(subjects: list[Subject], folder: Path, tls: Path | None, lengths: Lengths) -> None:
    """Fill in the figures of each subject; the first one is reached through no proxy."""
    seconds = lengths.seconds
    script = folder / "identify.lua"
    script.write_text(work.wrk_script())
    for subject in subjects:
        if subject.is_proxy:
            subject.figures["rss_idle_mib"] = load.rss_mib(subject.pid)
    for _ in range(lengths.rounds):
        for subject in subjects:
            _flood(subject, script, tls, seconds)
    for subject in subjects:
        subject.figures |= {
            "requests_per_second": statistics.median(subject.rates),
            "cpu_us": statistics.median(subject.cpu_us),
            "load_busy": statistics.median(subject.load_busy),
        }
        for connections in lengths.connections:
            flood = load.throughput(subject.port, tls, script, seconds, connections)
            if flood.requests:
                subject.figures[f"requests_per_second_{connections}"] = flood.per_second
    _latencies(subjects, tls, seconds)
    for subject in subjects:
        if subject.is_proxy:
            subject.figures["rss_loaded_mib"] = load.rss_mib(subject.pid)
    compare({subject.name: subject.figures for subject in subjects})


def _flood(subject: Subject, script: Path, tls: Path | None, seconds: float) -> None:
    """Add one run of wrk to the figures of `subject`."""
    before = [load.cpu_seconds(pid) for pid in (subject.pid, subject.upstream_pid)]
    flood = load.throughput(subject.port, tls, script, seconds)
    if not flood.requests:
        raise SystemExit(f"{subject.name} answered nothing in {seconds} seconds")
    subject_seconds, upstream_seconds = (
        load.cpu_seconds(pid) - then for pid, then in zip((subject.pid, subject.upstream_pid), before, strict=True)
    )
    subject.rates.append(flood.per_second)
    subject.cpu_us.append(subject_seconds / flood.requests * 1e6)
    subject.load_busy.append((upstream_seconds + flood.load_cpu_seconds) / flood.seconds)


def _latencies(subjects: list[Subject], tls: Path | None, seconds: float) -> None:
    """Add latencies at a steady rate: of small calls alone, and of small calls between large ones."""
    direct: list[float] = []
    for subject in subjects:
        figures = subject.figures
        # Closer to its limit than that, what a subject shows is its queue.
        if figures["requests_per_second"] <= 2 * load.STEADY_PER_SECOND:
            continue
        steady = load.latencies(subject.port, tls, work.request(), seconds)
        direct = direct or steady
        for label in ("p50", "p99"):
            figures[f"added_{label}_ms"] = load.quantile(steady, QUANTILES[label]) - load.quantile(direct, QUANTILES[label])
        for kind, large in (("small", b""), ("mixed", work.large_request())):
            taken = load.latencies(subject.port, tls, work.request(), 3 * seconds, large=large, rate=load.MIXED_PER_SECOND)
            for label, share in QUANTILES.items():
                figures[f"{kind}_{label}_ms"] = load.quantile(taken, share)


def compare(results: dict[str, Figures]) -> None:
    """Add to the figures of each subject its throughput as a share of each yardstick's."""
    for name, figures in results.items():
        for other in YARDSTICKS:
            if other in results and other != name:
                figures[f"ratio_to_{other}"] = figures["requests_per_second"] / results[other]["requests_per_second"]
