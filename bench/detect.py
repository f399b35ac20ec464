"""`make evaluate`: what our detectors find in labelled texts, and miss, and what it takes, beside Presidio's recognisers.

`--docs` writes the tables into docs/detectors.md. Without Presidio's environment, `python -m bench.detect` measures ours alone.
"""

import argparse
import json
import subprocess
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import NamedTuple

from bench.labelled import SEED, Text, disguised, texts
from bench.plain import PLAIN
from bench.planted import PLANTED
from proxy.policy.detectors.scanner import Scanner

ROOT = Path(__file__).resolve().parents[1]
PRESIDIO = ROOT / ".tools" / "bench" / "presidio"
PAGE = ROOT / "docs" / "detectors.md"
BEGIN, END = "<!-- Figures: made by `make evaluate ARGS=--docs` -->\n", "<!-- End of figures -->\n"
# A time is that of the processor, and the least of so many.
REPEATS = 2

# Presidio's classes for what our detectors find, with the arguments that its default configuration leaves out. It has none for
# the others.
THEIRS: Mapping[str, Mapping[str, Mapping[str, object]]] = MappingProxyType(
    {
        "payment_card": {"CreditCardRecognizer": {}},
        "iban": {"IbanRecognizer": {}},
        "email": {"EmailRecognizer": {}},
        "ipv4": {"IpRecognizer": {}},
        "ipv6": {"IpRecognizer": {}},
        "us_ssn": {"UsSsnRecognizer": {}},
        "us_ssn:bare": {"UsSsnRecognizer": {}},
        "us_itin": {"UsItinRecognizer": {}},
        "us_itin:bare": {"UsItinRecognizer": {}},
        "uk_nino": {"UkNinoRecognizer": {}},
        "uk_nhs": {"NhsRecognizer": {}},
        "national_id:AU": {"AuTfnRecognizer": {}},
        "national_id:CA": {"CaSinRecognizer": {}},
        "national_id:DE": {"DeTaxIdRecognizer": {}},
        "national_id:ES": {"EsNifRecognizer": {}, "EsNieRecognizer": {}},
        "national_id:FI": {"FiPersonalIdentityCodeRecognizer": {}},
        "national_id:IN": {"InAadhaarRecognizer": {}},
        "national_id:IT": {"ItFiscalCodeRecognizer": {}},
        "national_id:PL": {"PlPeselRecognizer": {}},
        "national_id:SE": {"SePersonnummerRecognizer": {}},
        "national_id:TR": {"TrNationalIdRecognizer": {}},
        "phone": {"PhoneRecognizer": {"supported_regions": ["ZZ"]}},
        "phone:US": {"PhoneRecognizer": {"supported_regions": ["US"]}},
        "phone:GB": {"PhoneRecognizer": {"supported_regions": ["GB"]}},
        "phone:DE": {"PhoneRecognizer": {"supported_regions": ["DE"]}},
    }
)
# What a score below this means is that words around it would have to tell.
SURE = 0.4

Parts = Sequence[tuple[int, int]]


class Looked(NamedTuple):
    """What was found in each text of a corpus, and the mean time that a text took."""

    found: Sequence[Parts]
    us_per_text: float


@dataclass(frozen=True, slots=True)
class Figures:
    """What one way to find one kind came to."""

    recall: float
    precision: float
    false: Mapping[str, float]
    """The share of the plain texts of each kind in which something was found, where it is not zero."""
    us_per_text: float


def judged(kind: str, corpus: Sequence[Text], looked: Looked) -> Figures:
    """Judge what was found: right if all that was planted of `kind` is in it, wrong where it touches nothing planted."""
    right = wrong = 0
    false: dict[str, int] = {}
    for text, parts in zip(corpus, looked.found, strict=True):
        right += text.kind == kind and covered(text, parts)
        if any(end <= text.start or start >= text.end for start, end in parts):
            wrong += 1
            if text.kind in PLAIN:
                false[text.kind] = false.get(text.kind, 0) + 1
    share = {each: count / _count(each, corpus) for each, count in false.items()}
    return Figures(right / _count(kind, corpus), right / ((right + wrong) or 1), share, looked.us_per_text)


def _count(kind: str, corpus: Iterable[Text]) -> int:
    return sum(text.kind == kind for text in corpus)


def covered(text: Text, parts: Parts) -> bool:
    """Say whether nothing of what was planted would be left."""
    return {*range(text.start, text.end)} <= {place for start, end in parts for place in range(start, end)}


def ours(names: Sequence[str], corpus: Sequence[Text]) -> Looked:
    """Look with the detectors called `names`."""
    scanner = Scanner(names, {})
    found: list[Parts] = []
    took = []
    for _ in range(REPEATS):
        began = time.process_time()
        spans = [scanner.spans(text.text) for text in corpus]
        took.append(time.process_time() - began)
        found = [[(start, end) for start, end, _ in each] for each in spans]
    return Looked(found, min(took) / len(corpus) * 1e6)


def theirs(corpus: Sequence[Text]) -> Mapping[str, Mapping[float, Looked]]:
    """Look with Presidio, by kind and by the least score that counts; nothing where it is not installed."""
    if not (PRESIDIO / ".installed").is_file():
        return {}
    request = json.dumps({"recognisers": dict(THEIRS), "texts": [text.text for text in corpus], "repeats": REPEATS})
    command = [str(PRESIDIO / "bin" / "python"), "-m", "bench.presidio_peer"]
    done = subprocess.run(command, input=request, cwd=ROOT, stdout=subprocess.PIPE, text=True, check=True)
    answer = json.loads(done.stdout)  # noqa: TID251 - our own peer's
    return {
        kind: {
            least: Looked([[(start, end) for start, end, score in each if score >= least] for each in spans], took)
            for least in (SURE, 0.0)
        }
        for kind, (spans, took) in answer.items()
    }


class Row(NamedTuple):
    """One kind: our figures, and Presidio's where it has a like, with and without what it is unsure of."""

    ours: Figures
    sure: Figures | None
    any: Figures | None


def measured(corpus: Sequence[Text]) -> dict[str, Row]:
    """Return the figures of every kind."""
    answer = theirs(corpus)
    rows = {}
    for kind in PLANTED:
        peer = answer.get(kind)
        sure, anything = (judged(kind, corpus, peer[least]) if peer else None for least in (SURE, 0.0))
        rows[kind] = Row(judged(kind, corpus, ours([kind], corpus)), sure, anything)
    return rows


def page(rows: Mapping[str, Row], corpus: Sequence[Text]) -> str:
    """Return the tables of docs/detectors.md."""
    beside = any(row.sure for row in rows.values())
    planted, plain = (_count(next(iter(kinds)), corpus) for kinds in (PLANTED, PLAIN))
    peer = ["Presidio: recall", "precision", "µs"] if beside else []
    figures = [[f"`{kind}`", *_cells(row, beside=beside)] for kind, row in rows.items()]
    false = [[kind, *(_false(rows, kind, way) for way in range(1 + beside))] for kind in PLAIN]
    parts = [
        f"{len(corpus):,} texts, seed {SEED}: {planted} for each detector with one value planted, {plain} of each plain kind.",
        table(["detector", "recall", "precision", "µs", *peer], figures),
        _together(rows, corpus),
        _hidden(corpus),
        "What is found in plain values, in how many of a hundred:",
        table(["what it is", "ours", *(["Presidio"] if beside else [])], false),
    ]
    return "\n\n".join(parts)


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Return a table in Markdown."""
    return "\n".join(f"| {' | '.join(line)} |" for line in (head, ["---"] * len(head), *rows))


def _cells(row: Row, *, beside: bool) -> list[str]:
    cells = [f"{row.ours.recall:.1%}", f"{row.ours.precision:.1%}", f"{row.ours.us_per_text:.1f}"]
    if row.sure is None or row.any is None:
        return cells + [""] * 3 * beside
    pairs = ((row.sure.recall, row.any.recall), (row.sure.precision, row.any.precision))
    return [
        *cells,
        *(f"{sure:.1%}" + f" ({least:.1%})" * (least != sure) for sure, least in pairs),
        f"{row.sure.us_per_text:.1f}",
    ]


def _together(rows: Mapping[str, Row], corpus: Sequence[Text]) -> str:
    """Say what all detectors take at once, and what Presidio's recognisers take one after another, each once."""
    quick = [kind for kind in rows if not kind.startswith("phone")]
    every, without = (f"{ours(kinds, corpus).us_per_text:.1f} µs" for kinds in (list(rows), quick))
    said = f"All {len(rows)} at once take {every} per text, the {len(quick)} that are not for phone numbers {without}."
    once = {str(THEIRS[kind]): row.sure.us_per_text for kind, row in rows.items() if row.sure}
    return said + (
        f" Presidio's {len(once)} take {sum(once.values()):.1f} µs, one after another as it runs them." if once else ""
    )


def _hidden(corpus: Sequence[Text]) -> str:
    """Say what is found of everything planted when it is disguised."""
    left = {}
    for kind in PLANTED:
        alike = [disguised(text) for text in corpus if text.kind == kind]
        found = sum(map(covered, alike, ours([kind], alike).found))
        if found < len(alike):
            left[kind] = found / len(alike)
    exceptions = ", ".join(f"`{kind}` ({share:.1%})" for kind, share in left.items())
    return (
        "With everything planted in full-width characters and a zero-width space in its middle, "
        f"{'all' if not left else 'at least 99 %' if min(left.values()) >= 0.99 else 'less'} of each is found"
        f"{f'; not all of {exceptions}' if left else ''}."
    )


def _false(rows: Mapping[str, Row], plain: str, way: int) -> str:
    """Return which finds how much in the plain texts of a kind, the worst first."""
    shares = {kind: figures.false.get(plain, 0.0) for kind, row in rows.items() if (figures := row[way]) is not None}
    worst = sorted(shares.items(), key=lambda item: -item[1])
    return ", ".join(f"`{kind}` {share * 100:.1f}" for kind, share in worst if share) or "0"


def inserted(text: str, figures: str) -> str:
    """Return the text of a page with `figures` between its marks.

    Raises:
        ValueError: it has not each mark once, in their order.
    """
    before, begin, rest = text.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not (begin and end) or BEGIN in rest or END in before + after:
        raise ValueError(f"{PAGE.name} must hold {BEGIN.strip()} and {END.strip()} once, in this order")
    return f"{before}{BEGIN}\n{figures}\n\n{END}{after}"


def main() -> None:
    """Measure, and print the tables or write them into the page."""
    options = argparse.ArgumentParser(prog="bench.detect", description=__doc__)
    options.add_argument("--docs", action="store_true", help="write the tables into docs/detectors.md")
    docs = options.parse_args().docs
    corpus = list(texts())
    shown = page(measured(corpus), corpus)
    if docs:
        PAGE.write_text(inserted(PAGE.read_text(), shown))
    else:
        print(shown)


if __name__ == "__main__":
    main()
