"""Texts as detectors look at them, and the way back."""

import unicodedata

import pytest

from proxy.payload.budget import Budget
from proxy.policy.detectors.fold import KNOWN_CHARACTERS, WINDOW_CHARACTERS, Folding, FoldingError, as_it_is, folded
from proxy.policy.detectors.model import Span


@pytest.mark.parametrize(
    ("text", "plain"),
    [
        ("４１", "41"),
        ("𝟜𝟙", "41"),
        ("٤١", "41"),
        ("४१", "41"),
        ("ＡＢ＠．", "AB@."),
        ("a\N{NO-BREAK SPACE}b\N{THIN SPACE}c", "a b c"),
        ("a\N{EN DASH}b\N{NON-BREAKING HYPHEN}c\N{MINUS SIGN}d", "a-b-c-d"),
        ("4\N{ZERO WIDTH SPACE}1\N{SOFT HYPHEN}2\N{VARIATION SELECTOR-16}3\N{RIGHT-TO-LEFT OVERRIDE}", "4123"),
        ("é 例 ½", "é 例 ½"),
        ("a\ud800b", "a\ufffdb"),
    ],
)
def test_what_becomes_of_characters(text: str, plain: str) -> None:
    """Digits of any script and width, compatibility forms, spaces and dashes become ASCII; what is unseen goes."""
    assert folded(text, Folding()).data.decode() == plain


def test_a_look_up_that_fails_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    """`str.translate` swallows a LookupError and lets the character stay, so that a number could stay unfound (promise G1)."""

    def broken(character: str) -> str:
        raise KeyError(character)

    with monkeypatch.context() as broken_place:
        broken_place.setattr(unicodedata, "category", broken)
        with pytest.raises(FoldingError):
            folded("４１", Folding())


def test_the_way_back_leads_over_what_was_left_out() -> None:
    """A find from the first of its characters to its last, whatever stood between them and however many bytes they take."""
    text = "né\N{ZERO WIDTH SPACE}４\N{ZERO WIDTH SPACE}１\N{ZERO WIDTH SPACE}例 ５"
    view = folded(text, Folding())
    assert view.data == "né41例 5".encode()
    spans = [Span(view.data.index(b"4"), view.data.index(b"4") + 2, "x"), Span(len(view.data) - 1, len(view.data), "y")]
    assert [(text[start:end], name) for start, end, name in view.in_text(spans)] == [
        ("４\N{ZERO WIDTH SPACE}１", "x"),
        ("５", "y"),
    ]


def test_a_text_as_it_is_holds_no_lone_surrogate() -> None:
    """Two of them that stand side by side are not taken for a pair, so places stay what they are."""
    assert as_it_is("\ud83d\ude00４").data.decode() == "\ufffd\ufffd４"


def test_what_is_remembered_is_bounded() -> None:
    """Texts of many different characters do not fill the memory, and are folded all the same."""
    folding = Folding()
    text = "".join(map(chr, range(0x4E00, 0x4E00 + 2 * KNOWN_CHARACTERS))) + "９"
    assert folded(text, folding).data.endswith(b"9")
    assert len(folding) == KNOWN_CHARACTERS


def test_g11_a_long_text_is_folded_and_paid_for_a_window_at_a_time() -> None:
    """What is unseen on either side of an edge goes all the same, and the places of what is left are those in the text."""
    text = "４\u200b" * WINDOW_CHARACTERS
    budget = Budget(len(text))
    before = budget.left
    view = folded(text, Folding(), budget)
    assert view.data == b"4" * WINDOW_CHARACTERS
    assert before - budget.left == len(text)
    last = WINDOW_CHARACTERS - 1
    assert next(iter(view.in_text([Span(last, last + 1, "x")])))[:2] == (2 * last, 2 * last + 1)
