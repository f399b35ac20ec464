"""`python -m bench.detect`: what our detectors find in labelled texts and miss, and how fast, beside Presidio's recognisers.

`--docs` writes the tables into docs/detectors.md. Presidio is measured where `make .tools/bench/presidio/.installed` has been.
"""

import argparse
import json
import subprocess
import sys
import time
import timeit
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bench.labelled import PLANTED, PLANTED_OF_EACH, SEED, Text, disguised, texts
from bench.plain import PLAIN
from proxy.policy.detectors.keys import KEYS
from proxy.policy.detectors.scanner import Scanner

ROOT = Path(__file__).resolve().parents[1]
PRESIDIO = ROOT / ".tools" / "bench" / "presidio"
PAGE = ROOT / "docs" / "detectors.md"
BEGIN, END = "<!-- Figures: make evaluate -->", "<!-- End of figures -->"
REPEATS = 3
LIMIT_SECONDS = 180
CLEAR = json.dumps({f"attribute_{number}": "blue winter sale" for number in range(30)}).encode()

# Which detectors find what is planted, where it is not the one of that name.
OURS: Mapping[str, Sequence[str]] = {"keys": [name for name in KEYS if name not in {"jwt", "pem"}]}
# Presidio's classes, with the arguments that its default configuration leaves out; what is not here has no like.
THEIRS: Mapping[str, Mapping[str, Mapping[str, object]]] = {
    "payment_card": {"CreditCardRecognizer": {}},
    "iban": {"IbanRecognizer": {}},
    "email": {"EmailRecognizer": {}},
    "phone": {"PhoneRecognizer": {"supported_regions": ["ZZ"]}},
    "phone:US": {"PhoneRecognizer": {"supported_regions": ["US"]}},
    "ipv4": {"IpRecognizer": {}},
    "ipv6": {"IpRecognizer": {}},
    "us_ssn": {"UsSsnRecognizer": {}},
    "us_itin": {"UsItinRecognizer": {}},
    "uk_nino": {"UkNinoRecognizer": {}},
    "uk_nhs": {"NhsRecognizer": {}},
    "national_id:AU": {"AuTfnRecognizer": {}},
    "national_id:CA": {"CaSinRecognizer": {}},
    "national_id:DE": {"DeTaxIdRecognizer": {}},
    "national_id:ES": {"EsNifRecognizer": {}, "EsNieRecognizer": {}},
    "national_id:IN": {"InAadhaarRecognizer": {}},
    "national_id:IT": {"ItFiscalCodeRecognizer": {}},
    "national_id:PL": {"PlPeselRecognizer": {}},
    "national_id:SE": {"SePersonnummerRecognizer": {}},
}
# What scores less is found only with words around it that its language model reads; its own default threshold is 0.
SURE = 0.4
# The share of numbers of the right length whose check digits are right by chance, where that is more than one in a hundred.
# Nothing checks a number of North America: there it is the share of ten digits that the plan has. Tests hold ours to them.
CHANCE: Mapping[str, float] = {
    "payment_card": 1 / 10,
    "phone:US": 0.42,
    "uk_nhs": 1 / 11,
    "national_id:AU": 1 / 11,
    "national_id:BE": 2 / 97,
    "national_id:CA": 1 / 10,
    "national_id:FR": 1 / 97,
    "national_id:IN": 1 / 10,
    "national_id:NL": 1 / 11,
    "national_id:PL": 1 / 10,
    "national_id:SE": 1 / 10,
}

Parts = Sequence[tuple[int, int]]


@dataclass(frozen=True, slots=True)
class Figures:
    """What one way to find one kind came to."""

    recall: float
    precision: float
    false: Mapping[str, float]
    """The share of the plain texts of each kind in which something was found, where it is not zero."""
    us_per_text: float


def judged(kind: str, corpus: Sequence[Text], found: Sequence[Parts], us_per_text: float) -> Figures:
    """Judge what was found in each text of `corpus`.

    A text is right if all that was planted in it is covered, and wrong if anything was found that touches nothing planted.
    """
    right = wrong = 0
    false: dict[str, int] = {}
    for text, parts in zip(corpus, found, strict=True):
        if text.kind == kind and covered(text, parts):
            right += 1
        if any(end <= text.start or start >= text.end for start, end in parts):
            wrong += 1
            if text.kind in PLAIN:
                false[text.kind] = false.get(text.kind, 0) + 1
    of = {each: sum(text.kind == each for text in corpus) for each in {kind, *false}}
    share = {each: count / of[each] for each, count in false.items()}
    return Figures(right / of[kind], right / ((right + wrong) or 1), share, us_per_text)


def covered(text: Text, parts: Parts) -> bool:
    """Say whether nothing of what was planted would be left."""
    return {*range(text.start, text.end)} <= {place for start, end in parts for place in range(start, end)}


def ours(names: Sequence[str], corpus: Sequence[Text], repeats: int = 1) -> tuple[list[Parts], float]:
    """Return what the detectors called `names` find in each text, and the least processor time it took in µs per text."""
    scanner = Scanner(names, {})
    found: list[Parts] = []
    took = []
    for _ in range(repeats):
        began = time.process_time()
        spans = [scanner.spans(text.text) for text in corpus]
        took.append(time.process_time() - began)
        found = [[(start, end) for start, end, _ in each] for each in spans]
    return found, min(took) / len(corpus) * 1e6


def theirs(corpus: Sequence[Text]) -> Mapping[str, Mapping[str, Any]]:
    """Return what Presidio answers (bench.presidio_peer), or nothing where it is not installed."""
    if not (PRESIDIO / ".installed").is_file():
        print("bench.detect: without Presidio (make .tools/bench/presidio/.installed)", file=sys.stderr)
        return {}
    request = json.dumps({"recognisers": THEIRS, "texts": [text.text for text in corpus], "repeats": REPEATS})
    done = subprocess.run(
        [str(PRESIDIO / "bin" / "python"), "-m", "bench.presidio_peer"],
        input=request, cwd=ROOT, stdout=subprocess.PIPE, text=True, timeout=LIMIT_SECONDS, check=True,
    )  # fmt: skip
    answer: Mapping[str, Mapping[str, Any]] = json.loads(done.stdout)  # noqa: TID251 - our own peer's
    return answer


def measured(corpus: Sequence[Text]) -> dict[str, dict[str, Figures]]:
    """Return the figures of every kind: ours, and Presidio's with and without what it is unsure of."""
    answer = theirs(corpus)
    figures: dict[str, dict[str, Figures]] = {}
    for kind in PLANTED:
        figures[kind] = {"ours": judged(kind, corpus, *ours(named(kind), corpus, REPEATS))}
        if kind in answer:
            for way, least in (("presidio", SURE), ("any score", 0.0)):
                found = [[(start, end) for start, end, score in each if score >= least] for each in answer[kind]["spans"]]
                figures[kind][way] = judged(kind, corpus, found, answer[kind]["us_per_text"])
    return figures


def named(kind: str) -> Sequence[str]:
    """Return the detectors that find what is planted as `kind`."""
    return OURS.get(kind, [kind])


def page(figures: Mapping[str, Mapping[str, Figures]], corpus: Sequence[Text]) -> str:
    """Return the part of docs/detectors.md between its marks."""
    every = [name for kind in figures for name in named(kind)]
    together = ours(every, corpus, REPEATS)[1]
    without = ours([name for name in every if name != "phone:US"], corpus, REPEATS)[1]
    # Two kinds may be one recogniser's.
    apart = {str(THEIRS[kind]): of["presidio"].us_per_text for kind, of in figures.items() if "presidio" in of}
    missed = [f"`{kind}` {share:.1%}" for kind, share in found_disguised(corpus).items() if share < 1]
    head = ["planted", "recall", "precision", "µs", "Presidio: recall", "precision", "µs", "at any score: recall", "precision"]
    plain = [[kind, _false(figures, "ours", kind), _false(figures, "presidio", kind)] for kind in PLAIN]
    return f"""\
{len(corpus):,} made-up texts, seed {SEED}: {PLANTED_OF_EACH} for each line of the first table, others without personal data.

* **Recall**: of the values that were planted, those found whole. **Precision**: of the texts in which something is found, those
  in which it is what was planted. **µs**: of processor time for one text, the mean of all of them, each detector by itself.
* Presidio: what scores {SURE} or more, which its recognisers give without the words around a value; then whatever they find.

{_table(head, [[f"`{kind}`", *_cells(of)] for kind, of in figures.items()])}

All {len(every)} detectors of this table at once take {together:.0f} µs for a text, and {without:.0f} µs without `phone:US`;
Presidio's {len(apart)}, one after the other, {sum(apart.values()):.0f} µs. A whole body of {len(CLEAR):,} bytes in which
nothing resembles a find takes ours {cleared(every):.1f} µs. With every value in full-width characters and a zero-width space in
its middle, ours find {"all but these: " + "; ".join(missed) if missed else "all of them as well"}.

The share of plain values in which each detector finds something, where it is not zero. Some numbers of the right length have
right check digits by chance: one in ten or eleven where there is one check digit, one in a hundred where there are two. Of ten
digits that begin with no 0 or 1, two in five are in the plan of North America, which has no check digit.

{_table(["plain", "ours", "Presidio"], plain)}"""


def cleared(names: Sequence[str]) -> float:
    """Return the least processor time in µs after which the detectors called `names` are done with a whole clear body.

    Raises:
        SystemExit: they are not.
    """
    scanner = Scanner(names, {})
    if scanner.marks(CLEAR) is not None:
        raise SystemExit("bench.detect: a body that holds nothing would be walked")
    return (
        min(timeit.repeat(lambda: scanner.marks(CLEAR), timer=time.process_time, number=10_000, repeat=REPEATS)) / 10_000 * 1e6
    )


def found_disguised(corpus: Sequence[Text]) -> dict[str, float]:
    """Return the recall of each kind when what is planted does not look like itself."""
    shares = {}
    for kind in PLANTED:
        hidden = [disguised(text) for text in corpus if text.kind == kind]
        shares[kind] = judged(kind, hidden, *ours(named(kind), hidden)).recall
    return shares


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    right = "---:" if len(head) > 3 else "---"
    return "\n".join(f"| {' | '.join(line)} |" for line in (head, ["---", *[right] * (len(head) - 1)], *rows))


def _cells(of: Mapping[str, Figures]) -> list[str]:
    cells = []
    for way in ("ours", "presidio", "any score"):
        figures = of.get(way)
        each = ["", ""] if figures is None else [f"{figures.recall:.1%}", f"{figures.precision:.1%}"]
        if way != "any score":  # it takes no other time
            each.append("" if figures is None else f"{figures.us_per_text:.1f}")
        cells += each
    return cells


def _false(figures: Mapping[str, Mapping[str, Figures]], way: str, kind: str) -> str:
    shares = {name: of[way].false[kind] for name, of in figures.items() if way in of and kind in of[way].false}
    return ", ".join(f"`{name}` {share:.1%}" for name, share in shares.items()) or "0"


def main() -> int:
    """Measure, and print the tables or write them into the page."""
    options = argparse.ArgumentParser(prog="bench.detect", description=__doc__)
    options.add_argument("--docs", action="store_true", help="write the tables into docs/detectors.md")
    chosen = options.parse_args()
    corpus = list(texts())
    shown = page(measured(corpus), corpus)
    if not chosen.docs:
        print(shown)
        return 0
    before, begin, rest = PAGE.read_text().partition(BEGIN)
    _, end, after = rest.partition(END)
    if not (begin and end):
        print(f"bench.detect: {PAGE.name} lacks the lines {BEGIN} and {END}", file=sys.stderr)
        return 2
    PAGE.write_text(f"{before}{BEGIN}\n\n{shown}\n\n{END}{after}")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
