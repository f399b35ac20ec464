"""`make evaluate` judges detectors by texts that are labelled right, and what it says of ours is what is promised."""

import sys
from pathlib import Path

import pytest

from bench import detect
from bench.detect import CHANCE, Figures, covered, found_disguised, judged, measured, named, ours, page
from bench.labelled import PLANTED, PLANTED_OF_EACH, Text, disguised, texts
from bench.plain import PLAIN

pytestmark = pytest.mark.needs("detectors")

CORPUS = list(texts())
# How far a share of a few hundred texts may stand above the chance of it.
LUCK = 1.7


def alike(kind: str) -> list[Text]:
    """Return the texts of one kind."""
    return [text for text in CORPUS if text.kind == kind]


def test_the_texts_are_the_same_in_every_run_and_labelled_where_the_value_stands() -> None:
    """A seed makes them; each planted value is the part that is named, most stand alone or in a text, plain texts have none."""
    assert list(texts()) == CORPUS
    assert list(texts(seed=7)) != CORPUS
    assert {text.kind for text in CORPUS} == {*PLANTED, *PLAIN}
    for text in CORPUS:
        planted = text.kind in PLANTED
        assert (0 <= text.start < text.end <= len(text.text)) is planted
    for kind in PLANTED:
        assert sum(text.start == 0 and text.end == len(text.text) for text in alike(kind)) >= PLANTED_OF_EACH // 3
        assert len({text.text for text in alike(kind)}) > PLANTED_OF_EACH // 2


@pytest.mark.parametrize("kind", PLANTED)
def test_what_is_planted_is_taken_by_its_detector_alone_and_found_in_its_text(kind: str) -> None:
    """The detector of its name takes each value whole where it stands alone, and in texts misses one in 100 at most."""
    values = [Text(text.text[text.start : text.end], kind, 0, text.end - text.start) for text in alike(kind)]
    found, _ = ours(named(kind), values)
    assert [value.text for value, parts in zip(values, found, strict=True) if not covered(value, parts)] == []
    assert judged(kind, alike(kind), *ours(named(kind), alike(kind))).recall >= 0.99


def test_what_does_not_look_like_itself_is_found_as_well() -> None:
    """Full-width characters and a zero-width space hide nothing."""
    card = Text("pay 4111111111111111 now", "payment_card", 4, 20)
    assert (
        disguised(card).text
        == "pay \uff14\uff11\uff11\uff11\uff11\uff11\uff11\uff11\u200b\uff11\uff11\uff11\uff11\uff11\uff11\uff11\uff11 now"
    )
    assert min(found_disguised(CORPUS).values()) >= 0.99


@pytest.mark.parametrize("kind", PLANTED)
def test_plain_values_are_left_but_for_what_chance_makes_right(kind: str) -> None:
    """In each hundred plain values of a sort at most one is found, or the share whose check digits are right by chance."""
    plain = [text for text in CORPUS if text.kind in PLAIN]
    figures = judged(kind, [*alike(kind), *plain], *ours(named(kind), [*alike(kind), *plain]))
    assert {sort: share for sort, share in figures.false.items() if share > max(0.01, LUCK * CHANCE.get(kind, 0.01))} == {}


def test_a_find_is_right_if_it_covers_what_was_planted_and_wrong_if_it_touches_none_of_it() -> None:
    """Of a value found in part the rest would leave; parts that touch one another cover together; elsewhere is a false find."""
    corpus = [
        Text("a 12345 b", "us_ssn", 2, 7), Text("12345", "us_ssn", 0, 5), Text("12345", "us_ssn", 0, 5), Text("id 12", "hash"),
        Text("id 12", "hash"), Text("x@y.zz", "email", 0, 6),
    ]  # fmt: skip
    found = [[(2, 4), (4, 7)], [(0, 4)], [], [(3, 5)], [], [(0, 6)]]
    figures = judged("us_ssn", corpus, found, 1.5)
    assert figures == Figures(recall=1 / 3, precision=1 / 2, false={"hash": 1 / 2}, us_per_text=1.5)


def test_the_page_has_a_line_for_each_kind_and_is_written_between_its_marks(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """What stands around the marks stays, whoever is not installed has empty cells, and a page without marks is told of."""
    monkeypatch.setattr(detect, "PRESIDIO", tmp_path / "absent")
    monkeypatch.setattr(detect, "PAGE", tmp_path / "page.md")
    monkeypatch.setattr(detect, "REPEATS", 1)
    monkeypatch.setattr(detect, "texts", lambda: CORPUS[::20])
    monkeypatch.setattr(sys, "argv", ["bench.detect", "--docs"])
    detect.PAGE.write_text("no marks")
    assert detect.main() == 2
    assert detect.PAGE.read_text() == "no marks"
    detect.PAGE.write_text(f"before\n{detect.BEGIN}\nold\n{detect.END}\nafter\n")
    assert detect.main() == 0
    text = detect.PAGE.read_text()
    assert text.startswith(f"before\n{detect.BEGIN}\n\n750 made-up texts")
    assert text.endswith(f"\n{detect.END}\nafter\n")
    for name in [*(f"`{kind}`" for kind in PLANTED), *PLAIN]:
        assert text.count(f"\n| {name} | ") == 1
    assert "without Presidio (make .tools/bench/presidio/.installed)" in capsys.readouterr().err


def test_presidio_is_judged_by_the_same_texts_where_it_is() -> None:
    """Where it is installed, it has figures for each kind that it knows, with and without what it is unsure of; else none."""
    corpus = [text for kind in PLANTED for text in alike(kind)[:3]]
    figures = measured(corpus)
    asked = detect.THEIRS.keys() if (detect.PRESIDIO / ".installed").is_file() else set()
    assert {kind for kind, of in figures.items() if "presidio" in of} == asked
    for kind in asked:
        assert figures[kind]["any score"].recall >= figures[kind]["presidio"].recall, kind
        assert figures[kind]["any score"].recall > 0, kind
    assert page(figures, corpus).count("100.0%") >= len(PLANTED)
