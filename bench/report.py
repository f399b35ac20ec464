"""What a run comes to: whether it counts, its tables, and the files it is kept in."""

import json
import sys
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console
from rich.table import Table

from bench import interpreter, plot, work
from bench.measure import Figures

# The share of nginx passing through that nginx with LuaJIT reaches where it is set up as it should be (seen: 0.45 to 0.61). To
# redact cannot be faster than not to.
LEAST_SHARE, MOST_SHARE = 0.4, 1.0

# Where wrk and the upstream keep their core busier than this, a rate is theirs, and the processor time is what to look at.
MOST_LOAD_BUSY = 0.9

COLUMNS = {
    "requests_per_second": "1/s",
    "cpu_us": "CPU µs",
    "load_busy": "load core",
    "ratio_to_aiohttp": "/ aiohttp",
    "ratio_to_nginx": "/ nginx",
    "ratio_to_nginx+LuaJIT": "/ LuaJIT",
    "added_p50_ms": "+p50 ms",
    "added_p99_ms": "+p99 ms",
    "rss_loaded_mib": "RSS MiB",
    "start_ms": "start ms",
}
CONNECTION_COLUMNS = {
    "requests_per_second_1": "1 conn.",
    "requests_per_second_4": "4",
    "requests_per_second": "64",
    "requests_per_second_1000": "1,000",
}
MIXED_COLUMNS = {
    f"{kind}_{label}_ms": f"{label} {said}"
    for label in ("p50", "p99", "p99.9")
    for kind, said in (("small", "alone"), ("mixed", "mixed"))
}


@dataclass(frozen=True, slots=True)
class Run:
    """What one run found."""

    tls: bool
    subjects: dict[str, Figures]
    stages_us: dict[str, float]
    skipped: dict[str, str]
    """How to get each peer that this machine lacks, by its name."""

    @property
    def name(self) -> str:
        """The name of its files."""
        return "bench-tls" if self.tls else "bench"

    @property
    def fault(self) -> str | None:
        """Why the run does not count; None: it does."""
        share = self.subjects.get("nginx+LuaJIT", {}).get("ratio_to_nginx")
        if share is None:
            return "nginx and nginx+LuaJIT were not measured"
        if not LEAST_SHARE <= share <= MOST_SHARE:
            return f"nginx+LuaJIT reached {share:.3f} of nginx, not {LEAST_SHARE} to {MOST_SHARE}: badly set up, or disturbed"
        return None


def finish(run: Run, folder: Path) -> int:
    """Show a run and keep it in `folder`; return 0, or 1 where it does not count."""
    _show(run)
    folder.mkdir(exist_ok=True)
    kept = {
        "counts": run.fault is None, "fault": run.fault, "tls": run.tls, "subjects": run.subjects, "skipped": run.skipped,
        "stages_us": run.stages_us, "interpreter": interpreter.described(),
    }  # fmt: skip
    (folder / f"{run.name}.json").write_text(json.dumps(kept, indent=2) + "\n")
    title = "requests a second on one core" + (", callers speaking TLS" if run.tls else "")
    rates = {name: figures["requests_per_second"] for name, figures in run.subjects.items()}
    (folder / f"{run.name}.svg").write_text(plot.bars(rates, title, f"does not count: {run.fault}" if run.fault else ""))
    if run.skipped:
        peers = "; ".join(f"{name} ({source})" for name, source in run.skipped.items())
        print(f"bench: {len(run.skipped)} skipped: {peers}", file=sys.stderr)
    if run.fault:
        print(f"bench: this run does not count: {run.fault}", file=sys.stderr)
        return 1
    return 0


def _show(run: Run) -> None:
    """Print the figures side by side."""
    title = f"identify of about {len(work.body())} bytes, two fields stripped, two hashed; the proxy on one core"
    caption = f"DOES NOT COUNT: {run.fault}" if run.fault else interpreter.line()
    console = Console()
    if not console.is_terminal:
        console.width = 140  # a file has no width of its own
    for said, columns in (
        (title + ("; callers speak TLS" if run.tls else ""), COLUMNS),
        ("requests/s by the number of connections", CONNECTION_COLUMNS),
        ("ms that small calls take, 500 a second: alone, and with 1 in 100 a batch of 500 KB", MIXED_COLUMNS),
    ):
        table = Table(title=said, caption=caption)
        table.add_column("subject")
        for column in columns.values():
            table.add_column(column, justify="right")
        for name, figures in run.subjects.items():
            table.add_row(name, *(f"{figures[figure]:,.2f}" if figure in figures else "" for figure in columns))
        console.print(table)
    for name, figures in run.subjects.items():
        if figures.get("load_busy", 0.0) > MOST_LOAD_BUSY:
            console.print(f"{name}: the load's core was busy, so its rate is that of the load; compare CPU µs")
    table = Table(title="what a request costs inside the process, without sockets")
    table.add_column("stage")
    table.add_column("µs", justify="right")
    for stage, microseconds in run.stages_us.items():
        table.add_row(stage, f"{microseconds:.2f}")
    console.print(table)
