"""What a run comes to: whether it counts, its tables, and the files it is kept in."""

import json
import sys
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console
from rich.table import Table

from bench import plot, work
from bench.measure import Figures

# The share of nginx passing through that nginx with LuaJIT reaches where it is set up as it should be (seen: 0.45 to 0.61). To
# redact cannot be faster than not to.
LEAST_SHARE, MOST_SHARE = 0.4, 1.0

COLUMNS = {
    "requests_per_second": "1/s",
    "ratio_to_aiohttp": "/ aiohttp",
    "ratio_to_nginx": "/ nginx",
    "ratio_to_nginx+LuaJIT": "/ LuaJIT",
    "added_p50_ms": "+p50 ms",
    "added_p99_ms": "+p99 ms",
    "rss_loaded_mib": "RSS MiB",
    "start_ms": "start ms",
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
        "stages_us": run.stages_us,
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
    caption = f"DOES NOT COUNT: {run.fault}" if run.fault else None
    table = Table(title=title + ("; callers speak TLS" if run.tls else ""), caption=caption)
    table.add_column("subject")
    for column in COLUMNS.values():
        table.add_column(column, justify="right")
    for name, figures in run.subjects.items():
        table.add_row(name, *(f"{figures[figure]:,.2f}" if figure in figures else "" for figure in COLUMNS))
    console = Console()
    if not console.is_terminal:
        console.width = 120  # a file has no width of its own
    console.print(table)
    table = Table(title="what a request costs inside the process, without sockets")
    table.add_column("stage")
    table.add_column("µs", justify="right")
    for stage, microseconds in run.stages_us.items():
        table.add_row(stage, f"{microseconds:.2f}")
    console.print(table)
