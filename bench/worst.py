"""The body that takes the longest for its size, looked for: `python -m bench.worst`.

Under the reference policy (`bench.reference`) a search changes recipes of hostile bodies (`bench.hostile`) and keeps those that
take the most nanoseconds a byte at 16 KB. The dearest of each kind, and every known family, are then measured at 256 KB, 1 MB
and, where that is the cap, 4 MB, and at the largest size that Customer.io's own limits allow: such a body must never be refused
as too much work. Times are those of the processor, so that what else runs has no part in them.

`bench/worst.jsonl` keeps what earlier searches found; with --keep what this one finds is added. With COMPILED=1 the same bodies
are measured in the compiled package as well, by a second process.
"""

import argparse
import os
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterable, Iterator
from random import Random  # noqa: TID251 - made from a seed
from typing import NamedTuple

import orjson
from rich.console import Console
from rich.table import Table

from bench import ordinary
from bench.hostile import FAMILIES, FRAMES, Recipe, changed, recipe, recipes
from bench.peers import COMPILED, ROOT
from bench.reference import FAULT, LONGEST_SECONDS, SECONDS_PER_MB, Cost, admission, cap_bytes, cost, within_limits
from proxy.metrics import COMPILED as IS_COMPILED

KEPT = ROOT / "bench" / "worst.jsonl"
RESULTS = ROOT / "bench" / "results" / "worst.json"
SEARCH_BYTES = 16_384
# Among them what Customer.io's own limits come to: an event, a batch, a message.
SIZES = (65_536, 99_000, 262_144, 500_000, 1_000_000, 1_048_576, 4_194_304)
WHOLE = frozenset({65_536, 262_144, 1_048_576, 4_194_304})
POOL = 60
ALIKE_MAX = 4
# A body that would take longer is not measured larger: what is not linear would hold the bench for hours.
PATIENCE_SECONDS = 15.0
PACKAGE = "compiled" if IS_COMPILED else "Python"


class Named(NamedTuple):
    """A recipe, and what it is called."""

    name: str
    recipe: Recipe


class Row(NamedTuple):
    """One body, measured: `growth` is what a byte costs to what it cost at the smallest size; one where all is linear."""

    name: str
    frame: str
    inventory: bool
    cost: Cost
    growth: float
    within: bool

    def told(self) -> dict[str, object]:
        """Return it for programs."""
        return {**self._asdict(), "cost": self.cost._asdict(), "ms_per_mb": self.cost.per_mb, "ns_per_byte": self.cost.per_byte}

    @property
    def faults(self) -> list[str]:
        """What is promised, and does not hold."""
        found = []
        if self.cost.longest > LONGEST_SECONDS[PACKAGE]:
            found.append("holds")
        if self.cost.per_mb > SECONDS_PER_MB * 1e3 and self.cost.answer == "sent":
            found.append("costs")
        if self.within and self.cost.answer == "too_complex":
            found.append("refused")
        return [*found, *([FAULT] if self.cost.answer == FAULT else [])]


def weighed(each: Recipe, size_bytes: int, salt: int, *, inventory: bool = False) -> tuple[Cost, bytes]:
    """Measure a recipe at a size: the least of two bodies, with keys that nobody has seen."""
    frame = FRAMES[each.frame]
    call = admission(frame.method, frame.target, inventory=inventory)
    found = []
    for more in (0, 500_000):
        body = each.body(size_bytes, salt + more)
        found.append((cost(call, body), body))
        if found[0][0].total > 0.2:  # long enough to be no matter of chance
            break
    return min(found, key=lambda pair: pair[0].total)


def searched(rng: Random, seconds: float, known: Iterable[Recipe]) -> Iterator[tuple[float, Recipe]]:
    """Yield the dearest recipes that were found, and what a byte of each costs; the dearest first."""
    end = time.perf_counter() + seconds
    pool: dict[Recipe, float] = {}
    salt = 0
    fresh = iter([*known, *(each for each, _ in zip(recipes(rng), range(len(FAMILIES) + 40), strict=False))])
    while time.perf_counter() < end:
        each = next(fresh, None)
        if each is None:
            names = sorted(pool, key=pool.__getitem__, reverse=True)
            one, other = names[min(int(rng.expovariate(0.15)), len(names) - 1)], rng.choice(names)
            each = changed(rng, one, other) if rng.random() < 0.9 else next(recipes_at_random(rng))
        if each in pool:
            continue
        salt += 1_000_000
        body = each.body(SEARCH_BYTES, salt)
        if len(body) < SEARCH_BYTES // 4:
            continue
        pool[each] = weighed(each, SEARCH_BYTES, salt)[0].per_byte
        if len(pool) > POOL * 2:
            pool = dict(_spread(pool))
    yield from sorted(((per_byte, each) for each, per_byte in pool.items()), key=lambda pair: pair[0], reverse=True)


def _spread(pool: dict[Recipe, float]) -> list[tuple[Recipe, float]]:
    """Return the dearest of a pool, but few that have key or text in common: one good trick must not crowd out all others."""
    taken: Counter[tuple[str, ...]] = Counter()
    spread = []
    for each, per_byte in sorted(pool.items(), key=lambda item: item[1], reverse=True):
        traits = [("key", *each.key), ("text", *each.text), ("place", each.frame, each.shape)]
        if all(taken[trait] < ALIKE_MAX for trait in traits):
            taken.update(traits)
            spread.append((each, per_byte))
    return spread[:POOL]


def recipes_at_random(rng: Random) -> Iterator[Recipe]:
    """Yield recipes that no family holds."""
    made = recipes(rng)
    for _ in FAMILIES:
        next(made)
    yield from made


def apart(found: Iterable[tuple[float, Recipe]], count: int) -> list[Recipe]:
    """Return the first `count` recipes of which no two have key, text, or frame and shape in common."""
    taken: set[tuple[str, ...]] = set()
    chosen = []
    for _, each in found:
        traits = {("key", *each.key), ("text", *each.text), ("place", each.frame, each.shape)}
        if taken.isdisjoint(traits):
            taken |= traits
            chosen.append(each)
    return chosen[:count]


def measured(named: Iterable[Named], *, inventory: bool) -> Iterator[Row]:
    """Measure each recipe at growing sizes; the largest is told, and the largest that Customer.io's limits allow."""
    for number, (name, each) in enumerate(named):
        frame = FRAMES[each.frame]
        call = admission(frame.method, frame.target)
        told: dict[bool, Row] = {}
        smallest = 0.0
        for size in SIZES:
            if size > cap_bytes(frame.method, frame.target):
                break
            body = each.body(size, number * 10_000_000)
            within = within_limits(call, body)
            if size not in WHOLE and not within:
                continue
            found, _ = weighed(each, size, number * 10_000_000, inventory=inventory)
            smallest = smallest or found.per_byte
            told[within] = row = Row(name, each.frame, inventory, found, found.per_byte / smallest, within)
            if found.answer != "sent" or found.total * 4 * max(row.growth, 1) > PATIENCE_SECONDS:
                break
        yield from told.values()


def kept() -> list[Named]:
    """Return what earlier searches found."""
    if not KEPT.is_file():
        return []
    lines = map(orjson.loads, KEPT.read_bytes().splitlines())
    return [Named(f"found {number + 1}", recipe(document)) for number, document in enumerate(lines)]


def ordinary_rows(*, inventory: bool) -> Iterator[Row]:
    """Measure the bodies that anybody sends."""
    for name, (method, target, body) in ordinary.BODIES.items():
        call = admission(method, target, inventory=inventory)
        found = min((cost(call, body) for _ in range(3)), key=lambda each: each.total)
        yield Row(f"ordinary: {name}", target, inventory, found, 1.0, within_limits(call, body))


def _compiled(named: Iterable[Named]) -> list[dict[str, object]]:
    """Return what the compiled package takes for the same bodies; a process of its own finds it before the checkout."""
    given = orjson.dumps([[name, each.spelled()] for name, each in named])
    environment = os.environ | {"PYTHONSAFEPATH": "1", "PYTHONPATH": f"{COMPILED}:{ROOT}"}
    command = [sys.executable, "-m", "bench.worst", "--given", "--json"]
    done = subprocess.run(command, cwd=ROOT, env=environment, check=True, stdout=subprocess.PIPE, input=given)
    found: list[dict[str, object]] = orjson.loads(done.stdout)["compiled"]
    return found


def shown(package: str, rows: Iterable[dict[str, object]]) -> Table:
    """Return a row for each body, the dearest first."""
    table = Table(title=f"{package}: what a body costs under the reference policy; * is over its bound")
    for heading in ("body", "call", "inv."):
        table.add_column(heading)
    for heading in ("bytes", "ns/byte", "ms/MB", "longest ms", "growth"):
        table.add_column(heading, justify="right")
    for heading in ("answer", "Customer.io's limits"):
        table.add_column(heading)
    for each in sorted(rows, key=lambda row: -float(str(row["ms_per_mb"]))):
        of = each["cost"]
        assert isinstance(of, dict)  # noqa: S101 - as `Row.told` makes it
        longest, per_mb = float(of["longest"]), float(str(each["ms_per_mb"]))
        table.add_row(
            str(each["name"]), str(each["frame"]), "on" if each["inventory"] else "", f"{of['size_bytes']:,}",
            f"{each['ns_per_byte']:,.0f}", f"{per_mb:,.0f}{'*' * (per_mb > SECONDS_PER_MB * 1e3)}",
            f"{longest * 1e3:,.0f}{'*' * (longest > LONGEST_SECONDS[package])}", f"{each['growth']:.1f}",
            str(of["answer"]), "within" if each["within"] else "over",
        )  # fmt: skip
    return table


def main() -> int:
    """Search, measure and print."""
    options = argparse.ArgumentParser(prog="bench.worst", description=__doc__)
    options.add_argument("--seconds", type=float, default=60, help="of searching; measuring what was found comes on top")
    options.add_argument("--seed", type=int, default=1)
    options.add_argument("--top", type=int, default=12, help="how many of what was found are measured at full size")
    options.add_argument("--keep", action="store_true", help="add what was found to bench/worst.jsonl")
    options.add_argument("--json", action="store_true", help="print figures for programs")
    options.add_argument("--given", action="store_true", help="measure the recipes on standard input, and search for none")
    chosen = options.parse_args()
    if chosen.given:
        named = [Named(name, recipe(orjson.loads(spelled))) for name, spelled in orjson.loads(sys.stdin.buffer.read())]
    else:
        known = kept()
        new = apart(searched(Random(chosen.seed), chosen.seconds, [each.recipe for each in known]), chosen.top)  # noqa: S311
        new = [each for each in new if each not in [old.recipe for old in known] and each not in FAMILIES.values()]
        named = [
            *(Named(*item) for item in FAMILIES.items()),
            *known,
            *(Named(f"new {n + 1}", each) for n, each in enumerate(new)),
        ]
        if chosen.keep:
            with KEPT.open("a") as file:
                file.writelines(each.spelled() + "\n" for each in new)
    rows = [*ordinary_rows(inventory=False), *ordinary_rows(inventory=True), *measured(named, inventory=False)]
    dearest = sorted(rows, key=lambda row: -row.cost.per_mb)[:10]
    again = [each for each in named if each.name in {row.name for row in dearest}]
    rows += measured(again, inventory=True)
    results = {PACKAGE: [row.told() for row in rows]}
    if os.environ.get("COMPILED") and not IS_COMPILED:
        results["compiled"] = _compiled(named)
    if chosen.json:
        sys.stdout.write(orjson.dumps(results).decode())
        return 0
    RESULTS.parent.mkdir(exist_ok=True)
    RESULTS.write_bytes(orjson.dumps(results, option=orjson.OPT_INDENT_2))
    console = Console()
    if not console.is_terminal:
        console.width = 150  # a file has no width of its own
    for package, told in results.items():
        console.print(shown(package, told))
    faults = [f"{row.name}: {' '.join(row.faults)}" for row in rows if row.faults]
    print(f"{len(faults)} of {len(rows)} bodies are over a bound; figures in {RESULTS.relative_to(ROOT)}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
