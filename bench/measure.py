"""The figures of each subject, taken in one run, alternating."""

import statistics
from dataclasses import dataclass, field
from pathlib import Path

from bench import load, work
from bench.peers import LOAD_CORE

Figures = dict[str, float]

# What the others are measured against, where it was measured.
YARDSTICKS = ("aiohttp", "nginx", "nginx+LuaJIT")


@dataclass
class Subject:
    """One running program under test."""

    name: str
    port: int
    pid: int | None = None
    """None: it is not a proxy but what the proxies are compared with."""
    figures: Figures = field(default_factory=dict)
    rates: list[float] = field(default_factory=list)


def measure(subjects: list[Subject], folder: Path, tls: Path | None, seconds: float, rounds: int) -> None:
    """Fill in the figures of each subject; the first one is reached through no proxy."""
    script = folder / "identify.lua"
    script.write_text(work.wrk_script())
    for subject in subjects:
        if subject.pid is not None:
            subject.figures["rss_idle_mib"] = load.rss_mib(subject.pid)
    for _ in range(rounds):
        for subject in subjects:
            subject.rates.append(load.throughput(subject.port, tls, script, seconds, LOAD_CORE))
    direct: list[float] = []
    for subject in subjects:
        figures = subject.figures
        figures["requests_per_second"] = statistics.median(subject.rates)
        # Closer to its limit than that, what a subject shows is its queue.
        if figures["requests_per_second"] > 2 * load.STEADY_PER_SECOND:
            steady = load.latencies(subject.port, tls, work.request(), seconds, LOAD_CORE)
            direct = direct or steady
            for label, share in (("p50", 0.50), ("p99", 0.99)):
                figures[f"added_{label}_ms"] = load.quantile(steady, share) - load.quantile(direct, share)
        if subject.pid is not None:
            figures["rss_loaded_mib"] = load.rss_mib(subject.pid)
    compare({subject.name: subject.figures for subject in subjects})


def compare(results: dict[str, Figures]) -> None:
    """Add to the figures of each subject its throughput as a share of each yardstick's."""
    for name, figures in results.items():
        for other in YARDSTICKS:
            if other in results and other != name:
                figures[f"ratio_to_{other}"] = figures["requests_per_second"] / results[other]["requests_per_second"]
