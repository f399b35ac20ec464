"""A text with its codes undone, and the way back."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy.errors import Reason, RefusedError
from proxy.payload.budget import Budget, unmetered
from proxy.policy.fields import DeniedError
from proxy.policy.undone import Undone
from tests.unit.policy.test_apply import policy

CARD = "4111 1111 1111 1111"
MASKING = policy({"detect": ["payment_card", "email"], "action": "mask"})


def coded(text: str, ways: list[int]) -> str:
    """Return a text with its characters as they are, percent-coded, or as JSON escapes."""
    spelled = (str, lambda each: f"%{ord(each):02x}", lambda each: f"\\u{ord(each):04X}")
    return "".join(spelled[way](each) for way, each in zip(ways, text, strict=True))


@given(
    st.lists(st.integers(0, 2), min_size=len(CARD), max_size=len(CARD)),
    st.sampled_from(["", "x ", "see: ", "a/", "a%2C", r"x\u002c"]),
)
def test_g1_no_code_hides_a_part_of_a_find(ways: list[int], before: str) -> None:
    """Whichever of its characters are coded, in whichever way, and whatever stands before it."""
    kept, _ = MASKING.apply({"note": before + coded(CARD, ways)})
    assert isinstance(kept, dict)
    assert "1" not in kept["note"].replace("%5BREDACTED%5D", "")


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ("a%20b 4111 1111%201111 1111, c%20d", "a%20b [REDACTED], c%20d"),
        ('{"e":"ada\\u0040example.com","b', '{"e":"[REDACTED]","b'),
        ("%c3%a9 4111 1111 1111 111%31.", "%c3%a9 [REDACTED]."),
        ("a, ada%5Cu0040example.com", "a, %5BREDACTED%5D"),
        ("4111 1111 1111 111%5Cu0031", "[REDACTED]"),
        ("a%2C4111 1111 1111 1111", "a%2C[REDACTED]"),
        ("4111 1111 1111 1111%2Ca b", "[REDACTED]%2Ca b"),
        ("4111 1111 1111 111%31%2C%35500 0000 0000 0004 x", "[REDACTED] x"),
        ("100% of 5 %zz", "100% of 5 %zz"),
    ],
)
def test_what_was_found_is_replaced_and_nothing_else(text: str, kept: str) -> None:
    """Other codes stay as they are spelled."""
    assert MASKING.apply({"note": text})[0] == {"note": kept}


def test_what_is_found_in_code_is_denied_counted_and_paid_for() -> None:
    """As anywhere else."""
    text = "4111 1111 1111 111%31"
    with pytest.raises(DeniedError):
        policy({"detect": ["payment_card"], "action": "deny"}).apply({"note": text})
    assert len(MASKING.apply({"note": text})[1]) == 1
    with pytest.raises(RefusedError) as refused:
        Undone("%41a" * 100_000, Budget(0))
    assert refused.value.reason is Reason.TOO_COMPLEX


@given(st.lists(st.sampled_from(["a", "%41", "%C3%A9", "\\u0041", "\\\\u0041", "%zz", "é", " "]), max_size=12), st.data())
def test_a_part_stood_where_its_codes_stood(pieces: list[str], data: st.DataObject) -> None:
    """Undoing just that part of the coded text gives the part again, and at most the rest of a run of codes."""
    undone = Undone("".join(pieces), unmetered())
    if not undone.text:
        return
    start = data.draw(st.integers(0, len(undone.text) - 1))
    end = data.draw(st.integers(start + 1, len(undone.text)))
    begin, behind = undone.coded(start, end)
    assert undone.text[start:end] in Undone("".join(pieces)[begin:behind], unmetered()).text
