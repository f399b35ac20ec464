"""Attacks the sidecar with cases made from a seed: `python -m tests.fuzz [body head answer admin]`.

Each target runs for its share of --seconds in a process of its own, as many at a time as there are processors. A finding is
written into tests/fuzz/corpus, where `make test` runs it again for ever, and the run fails. `--replay FILE` runs one file.
"""

import argparse
import os
import subprocess
import sys
from pathlib import Path

import orjson

from tests.fuzz.engine import Case, Finding, Target, fuzz, keep
from tests.fuzz.targets import TARGETS
from tests.needs import ROOT


def attacked(target: Target, seed: int, seconds: float, cases: int | None) -> bool:
    """Attack one target and tell; say whether nothing was found."""

    def told(why: str, case: Case) -> None:
        file = keep(target, case, why)
        print(f"{target.name}: {why}\n  again: python -m tests.fuzz --replay {file.relative_to(ROOT)}", flush=True)

    run = fuzz(target, seed, seconds, cases, told)
    print(
        f"{target.name}: {run.cases:,} cases in {run.seconds:.0f} s with seed {seed}, {len(run.behaviours):,} behaviours, "
        f"{len(run.findings)} findings",
        flush=True,
    )
    return not run.findings


def replayed(file: Path) -> bool:
    """Run a file of the corpus; say whether it holds."""
    try:
        behaviour = TARGETS[file.resolve().parent.name].run(orjson.loads(file.read_bytes()))
    except Finding as finding:
        print(f"{file}: {finding}")
        return False
    print(f"{file}: holds: {behaviour}")
    return True


def main() -> int:
    """Run what is asked for."""
    options = argparse.ArgumentParser(prog="tests.fuzz", description=__doc__)
    options.add_argument("targets", nargs="*", metavar="TARGET", help=f"of {', '.join(TARGETS)}; all, if none is named")
    options.add_argument("--seconds", type=float, default=120, help="for all targets together")
    options.add_argument("--each", type=float, help="seconds for each target, in place of --seconds")
    options.add_argument("--cases", type=int, help="run so many of each target, however long it takes")
    options.add_argument("--seed", type=int, default=1)
    options.add_argument("--replay", type=Path, metavar="FILE", help="run a file of the corpus, and nothing else")
    chosen = options.parse_args()
    if chosen.replay is not None:
        return 0 if replayed(chosen.replay) else 1
    names = chosen.targets or list(TARGETS)
    if unknown := [name for name in names if name not in TARGETS]:
        options.error(f"there is no target {unknown[0]}")
    if len(names) == 1:
        return 0 if attacked(TARGETS[names[0]], chosen.seed, chosen.each or chosen.seconds, chosen.cases) else 1
    at_once = min(len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1, len(names))
    each = chosen.each or chosen.seconds * at_once / len(names)
    failed = False
    for start in range(0, len(names), at_once):
        more = [] if chosen.cases is None else ["--cases", str(chosen.cases)]
        command = [sys.executable, "-m", "tests.fuzz", "--each", str(each), "--seed", str(chosen.seed), *more]
        running = [subprocess.Popen([*command, name], cwd=ROOT) for name in names[start : start + at_once]]
        codes = [process.wait() for process in running]
        failed = failed or any(codes)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
