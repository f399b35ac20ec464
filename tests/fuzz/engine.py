"""A fuzzer of our own: cases are made and changed from a seed, kept where they behave as none did before, and looked at.

A target makes cases that must hold by the contract (design 2 to 5) and says what is wrong with one (`Finding`). What is looked
for is mostly no crash but a byte that leaves, so cases are not bytes that coverage pushes about but the parts of a disguise,
which are drawn, changed and crossed as such. `Target.run` returns what the case did, in a few words; a case that did something
new is a parent of further ones. Nothing depends on time but where the run ends: one seed gives one sequence of cases.

A finding is made smaller, written into the corpus as a file that holds everything it takes to run it again, and told.
"""

import hashlib
import json
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from random import Random  # noqa: TID251 - made from a seed
from time import perf_counter
from typing import Any, Protocol

import orjson

CORPUS = Path(__file__).with_name("corpus")
# How many parents are kept; the oldest go first.
PARENTS_MAX = 4000
# The share of cases that descend from no other.
FRESH = 0.5
# How many steps a finding is made smaller by, and how many different ones end a run.
STEPS_MAX = 200
FINDINGS_MAX = 200

Case = Mapping[str, Any]
"""What can be written as JSON. A case of the corpus holds what was sent as well, so that it can be run by itself."""


class Finding(Exception):  # noqa: N818 - what is found is no error of the fuzzer
    """What a case shows that must not be. The text says what, and holds nothing that differs from run to run."""


class Target(Protocol):
    """One thing that is attacked."""

    name: str

    def make(self, rng: Random) -> Case:
        """Draw a case."""

    def change(self, rng: Random, case: Case, other: Case) -> Case:
        """Return a case that is a little different, perhaps with a part of `other`."""

    def smaller(self, case: Case) -> Iterator[Case]:
        """Yield cases with less in them, the smallest first."""

    def likeness(self, case: Case) -> object:
        """Return what cases have in common that show the same: one of them is kept."""

    def run(self, case: Case) -> object:
        """Return what a case does; what is written alike is alike.

        Raises:
            Finding: it does what it must not.
        """

    def complete(self, case: Case) -> Case:
        """Return a case with everything that is sent."""


@dataclass
class Run:
    """What came of a run: each finding with the case that shows it, and the second in which it was found."""

    seconds: float = 0.0
    cases: int = 0
    behaviours: set[str] = field(default_factory=set)
    findings: list[tuple[str, Case, float]] = field(default_factory=list)


def fuzz(
    target: Target,
    seed: int,
    seconds: float,
    cases: int | None = None,
    told: Callable[[str, Case], None] = lambda _why, _case: None,
) -> Run:
    """Attack `target` until so many `seconds` are over, or so many `cases` were run."""
    rng, run, begin = Random(f"{target.name} {seed}"), Run(), perf_counter()  # noqa: S311 - cases, no secrets
    parents: list[Case] = [entry["recipe"] for _, entry in entries(target.name)]
    found: set[object] = set()
    while (run.cases < cases if cases is not None else perf_counter() - begin < seconds) and len(run.findings) < FINDINGS_MAX:
        run.cases += 1
        if not parents or rng.random() < FRESH:
            case = target.make(rng)
        else:
            case = target.change(rng, rng.choice(parents), rng.choice(parents))
        try:
            behaviour = repr(target.run(case))
        except Finding as finding:
            why = str(finding)
            if (why, target.likeness(case)) in found:
                continue
            small = shrunk(target, case, why)
            found |= {(why, target.likeness(case)), (why, target.likeness(small))}
            if all(small != other for _, other, _ in run.findings):
                run.findings.append((why, small, perf_counter() - begin))
                told(why, small)
            continue
        if behaviour not in run.behaviours:
            run.behaviours.add(behaviour)
            parents.append(case)
            if len(parents) > PARENTS_MAX:
                parents.pop(0)
    run.seconds = perf_counter() - begin
    return run


def shrunk(target: Target, case: Case, why: str) -> Case:
    """Return the smallest case to be had that still shows `why`."""
    steps = 0
    shrinking = True
    while shrinking and steps < STEPS_MAX:
        shrinking = False
        for small in target.smaller(case):
            steps += 1
            try:
                target.run(small)
            except Finding as finding:
                if str(finding) == why:
                    case, shrinking = small, True
                    break
            if steps >= STEPS_MAX:
                break
    return case


def slug(target: Target, case: Case) -> str:
    """Return a name for a case, under which it stands in the corpus: what it is like, and a hash."""
    words = re.findall(r"[a-z0-9]+", repr(target.likeness(case)).lower())
    digest = hashlib.blake2b(json.dumps(case, sort_keys=True).encode(), digest_size=4).hexdigest()
    return f"{'-'.join(words)[:60].strip('-')}-{digest}"


def entries(name: str) -> list[tuple[str, Case]]:
    """Return what is kept of a target, by the name of its file."""
    return [(file.stem, orjson.loads(file.read_bytes())) for file in sorted((CORPUS / name).glob("*.json"))]


def keep(target: Target, case: Case, why: str, corpus: Path = CORPUS) -> Path:
    """Write a case into the corpus; return its file."""
    file = corpus / target.name / f"{slug(target, case)}.json"
    file.parent.mkdir(parents=True, exist_ok=True)
    document = {"found": why, **target.complete(case)}
    file.write_text(json.dumps(document, indent=1, ensure_ascii=True) + "\n")
    return file
