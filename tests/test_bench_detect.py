"""`make evaluate` judges by texts that are what they say; and what it found once stays found."""

from itertools import chain

import pytest

from tests.needs import described, in_ci, missing

if missing(("detectors",)) and not in_ci():  # the imports below need them already
    pytest.skip(f"needs {described('detectors')}", allow_module_level=True)

import stdnum.iban
import stdnum.luhn

from bench import detect
from bench.detect import BEGIN, END, Looked, covered, inserted, judged, measured, ours, page
from bench.labelled import Text, disguised, texts
from bench.plain import PLAIN
from bench.planted import PLANTED
from proxy.policy.detectors.catalogue import DETECTORS, detector

pytestmark = pytest.mark.needs("detectors")

CORPUS = list(texts(planted=20, plain=20))
# Kinds of plain values in which nothing is right by chance, whichever detector looks.
NOTHING = {
    "ULID", "hash", "delivery id", "device token", "ISBN with hyphens", "Unix microseconds", "date and time", "version",
    "browser (user agent)", "hardware address", "words", "name of an image", "order number",
}  # fmt: skip


def test_every_detector_has_something_planted() -> None:
    """None is left unmeasured; `phone:XX` stands for its regions."""
    assert set(DETECTORS) - set(PLANTED) == {"phone:XX"}
    assert not set(PLANTED) & set(PLAIN)


def test_texts_are_the_same_from_the_same_seed_and_hold_what_they_say() -> None:
    """So that two runs can be compared; what is planted is never nothing, and nothing is planted in a plain text."""
    assert list(texts(planted=20, plain=20)) == CORPUS
    assert list(texts(planted=20, plain=20, seed=7)) != CORPUS
    for text in CORPUS:
        assert bool(text.text[text.start : text.end].strip()) is (text.kind in PLANTED), text


@pytest.mark.parametrize("kind", PLANTED)
def test_what_is_planted_passes_the_check_of_its_detector(kind: str) -> None:
    """A recall is not lowered by values that are none."""
    check = detector(kind).check
    for text in CORPUS:
        if text.kind == kind and check is not None and text.text.isascii():
            planted = text.text[text.start : text.end]
            assert next(iter(check(planted)), None) == (0, len(planted)), planted


def test_check_digits_are_right_in_the_eyes_of_others() -> None:
    """Cards and account numbers, which our detectors check by themselves, are right by python-stdnum too."""
    planted = {kind: [text.text[text.start : text.end] for text in CORPUS if text.kind == kind] for kind in PLANTED}
    cards, accounts = planted["payment_card"], planted["iban"]
    assert len(cards) == len(accounts) == 20
    assert [number for number in cards if not stdnum.luhn.is_valid(number.replace(" ", "").replace("-", ""))] == []
    # Whether the account is one that its bank could have is another matter, which no detector looks at.
    assert [number for number in accounts if not stdnum.iban.is_valid(number, check_country=False)] == []


@pytest.mark.parametrize("kind", PLANTED)
def test_all_that_is_planted_is_found_disguised_or_not(kind: str) -> None:
    """What docs/detectors.md says of recall, in a smaller set."""
    plain = [text for text in CORPUS if text.kind == kind]
    hidden = [disguised(text) for text in plain]
    assert all(text.text.isascii() is False for text in hidden)
    missed = [
        text.text
        for text, parts in zip(plain + hidden, ours([kind], plain + hidden).found, strict=True)
        if not covered(text, parts)
    ]
    assert missed == []


def test_nothing_is_found_where_nothing_is_right_by_chance() -> None:
    """Hashes, times, orders, versions and browsers pass every detector."""
    assert set(PLAIN) >= NOTHING
    plain = [text for text in CORPUS if text.kind in NOTHING]
    found = ours(list(PLANTED), plain).found
    assert [text.text for text, parts in zip(plain, found, strict=True) if parts] == []


@pytest.mark.parametrize(
    ("found", "recall", "precision", "false"),
    [
        ([[(2, 5)], [], [], []], 1.0, 1.0, {}),
        ([[(0, 3), (3, 9)], [], [], []], 1.0, 1.0, {}),
        ([[(2, 4)], [], [], []], 0.0, 0.0, {}),  # a digit is left
        ([[(2, 5), (6, 7)], [], [], []], 1.0, 0.5, {}),  # and something else
        ([[(2, 5)], [(0, 2)], [], []], 1.0, 1.0, {}),  # in what was planted for another
        ([[(2, 5)], [(2, 3)], [], []], 1.0, 0.5, {}),
        ([[(2, 5)], [], [(0, 1)], []], 1.0, 0.5, {"UUID": 0.5}),
        ([[], [], [], []], 0.0, 0.0, {}),
    ],
)
def test_how_finds_are_judged(
    found: list[list[tuple[int, int]]], recall: float, precision: float, false: dict[str, float]
) -> None:
    """All of what was planted must be in what was found; what touches nothing planted is wrong."""
    corpus = [Text("a 123 b c", "email", 2, 5), Text("12 3", "iban", 0, 2), Text("x", "UUID"), Text("y", "UUID")]
    figures = judged("email", corpus, Looked(found, 1.0))
    assert (figures.recall, figures.precision, figures.false) == (recall, precision, false)


def test_the_tables_hold_every_kind(monkeypatch: pytest.MonkeyPatch) -> None:
    """A row for each detector and each plain kind; Presidio stands beside them where it is installed, and only there."""
    corpus = list(texts(planted=2, plain=2))
    beside = page(measured(corpus), corpus)
    monkeypatch.setattr(detect, "PRESIDIO", detect.PRESIDIO / "missing")
    alone = page(measured(corpus), corpus)
    for shown in (alone, beside):
        rows = [line.split(" | ")[0] for line in shown.splitlines()]
        assert [
            row for row in chain((f"| `{kind}`" for kind in PLANTED), (f"| {kind}" for kind in PLAIN)) if row not in rows
        ] == []
    assert "Presidio" not in alone
    assert ("Presidio" in beside) is (detect.PRESIDIO.parent / ".installed").is_file()


def test_figures_go_between_their_marks() -> None:
    """What stands around them stays; a page that lost a mark is not written over."""
    text = f"before\n{BEGIN}old\n{END}after\n"
    once = inserted(text, "new")
    assert once == f"before\n{BEGIN}\nnew\n\n{END}after\n"
    assert inserted(once, "new") == once
    for broken in ("before\n", f"{BEGIN}", f"{END}{BEGIN}", text + text):
        with pytest.raises(ValueError, match=r"detectors\.md must hold"):
            inserted(broken, "new")
