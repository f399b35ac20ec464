"""Each valid value, written in whatever other way: found, wholly within the finds, and gone when it is masked."""

from random import Random  # noqa: TID251 - made from a seed

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.needs import in_ci, missing

if (absent := missing(("detectors",))) and not in_ci():
    pytest.skip(f"needs {absent[0]}", allow_module_level=True)

from bench.planted import NAMED, PLANTED
from proxy.policy.detectors.catalogue import detector
from proxy.policy.detectors.scanner import Scanner
from proxy.policy.texts import digits_of
from tests.detections import masked
from tests.disguises import SEPARATORS, UNSEEN, floats, in_other_digits, separated, unseen

# Their signs are parts of them: addresses, keys, and the century in a Finnish number.
_SIGNED = frozenset(kind for kind in PLANTED if kind.islower() and not kind.startswith(("us_", "uk_", "phone")))
SEPARABLE = [kind for kind in PLANTED if kind in {"payment_card", "iban"} or kind not in _SIGNED | {"national_id:FI"}]
# A digit that stands beside eight, with nothing of a hyphen in between, is as often another number.
IN_CHILE = {"hyphen", "underscore", "slash", "bar", "en dash", "em dash", "minus", "middle dot", "bullet"}
_SCANNERS = {kind: Scanner([kind], {}) for kind in PLANTED}
NUMBERS = [kind for kind in PLANTED if _SCANNERS[kind].numbers]
AROUND = ("{}", "paid with {}, thanks", "first line\n{}\nlast line", "({})", "卡号{}。", "id|{}|end")

# So many kinds have as many texts together; a busy machine may be late for one.
few = settings(max_examples=25, deadline=None)

seeds = st.integers(0, 1 << 32)


def planted(kind: str, seed: int) -> tuple[str, str]:
    """Return a valid value, and the name that stands before it if it is a secret that is known by one."""
    name, _, value = PLANTED[kind](Random(seed)).rpartition(NAMED)  # noqa: S311 - no secret is made
    return name, value


def left(kind: str, before: str, value: str, after: str) -> str:
    """Return what masking leaves of the letters and digits of `value`, having looked twice that nothing more is found."""
    scanner = _SCANNERS[kind]
    text = f"{before}{value}{after}"
    spans = scanner.spans(text)
    assert not scanner.spans(masked(text, spans))
    covered = {place for start, end, _ in spans for place in range(start, end)}
    places = range(len(before), len(before) + len(value))
    return "".join(text[place] for place in places if place not in covered and text[place].isalnum())


def in_a_text(kind: str, value: str, around: str, name: str = "") -> str:
    """Return what is left of `value` in a text, behind its `name`."""
    before, _, after = around.partition("{}")
    return left(kind, before + name, value, after)


@pytest.mark.parametrize("kind", SEPARABLE)
@few
@given(seed=seeds, around=st.sampled_from(AROUND), separator=st.sampled_from([*SEPARATORS]))
def test_a_value_is_found_whatever_stands_between_its_groups(kind: str, separator: str, seed: int, around: str) -> None:
    """Blanks, line ends, tabs, hyphens, points, bullets, underscores, slashes, in any script."""
    _, value = planted(kind, seed)
    if kind == "national_id:CL" and "." not in value and separator not in IN_CHILE:
        return
    assert in_a_text(kind, separated(value, SEPARATORS[separator]), around) == ""


@pytest.mark.parametrize("kind", PLANTED)
@few
@given(seed=seeds, around=st.sampled_from(AROUND), between=st.sampled_from([*UNSEEN.values()]))
def test_a_value_is_found_whatever_is_not_seen_in_it(kind: str, seed: int, around: str, between: str) -> None:
    """Zero-width characters, selectors and combining marks, behind every one of its characters."""
    name, value = planted(kind, seed)
    assert in_a_text(kind, unseen(value, between), around, name) == ""


@pytest.mark.parametrize("kind", PLANTED)
@few
@given(seed=seeds, around=st.sampled_from(AROUND))
def test_a_value_is_found_in_digits_of_any_script(kind: str, seed: int, around: str) -> None:
    """Arabic-Indic, Devanagari, mathematical, and everything in full width."""
    name, value = planted(kind, seed)
    assert [each for each in in_other_digits(value) if in_a_text(kind, each, around, name)] == []


@pytest.mark.parametrize("kind", NUMBERS)
@few
@given(seed=seeds, around=st.sampled_from(AROUND))
def test_a_number_is_found_as_a_float(kind: str, seed: int, around: str) -> None:
    """With a point and zeros, in exponential form, in a text and as the JSON number that it was read from."""
    number = "".join(filter(str.isdigit, planted(kind, seed)[1]))
    if in_a_text(kind, number, "{}"):  # a phone number that is none without its brackets
        return
    for each in floats(number):
        assert set(in_a_text(kind, each, around)) <= {"0"}, each
    if not number.startswith("0") and len(number) <= 15:  # as many digits as a float has
        assert left(kind, "", digits_of(float(number)), "") == ""
    assert len(number) >= _SCANNERS[kind].number_digits_min


@few
@given(
    seed=seeds,
    kind=st.sampled_from(SEPARABLE),
    separators=st.lists(st.sampled_from([" ", "  ", "\n", "\t", "-", ".", "_", "/", "|", "\u00b7", "\r\n"]), min_size=40),
)
def test_a_number_with_a_check_digit_is_found_with_several_separators(seed: int, kind: str, separators: list[str]) -> None:
    """A card that is typed carelessly; without a check digit, a number has separators of one kind."""
    _, value = planted(kind, seed)
    if kind.startswith(("us_", "uk_nino", "phone")) or kind in {"national_id:CL", "national_id:NL"}:
        return
    following = iter(separators)
    pieces = separated(value, "\0").split("\0")
    assert left(kind, "", "".join(piece + next(following) for piece in pieces[:-1]) + pieces[-1], "") == ""


@pytest.mark.parametrize(
    "text",
    [
        "4 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1", "4-1-1-1-1-1-1-1-1-1-1-1-1-1-1-1", "4111  1111\n1111\t1111",
        "4111 \n1111 \n1111 \n1111",
        "3782 8224 6310 005", "4222 2222 2222 2", "4222 222 222 222", "4111·1111·1111·1111", "4111\u00a0\u00a01111 - 1111_1111",
        unseen("4111111111111111", "\N{COMBINING ACUTE ACCENT}"),
        "4.111111111111111e15", "4.111111111111111E+15", "0.4111111111111111e16", "4111111111111111e0",
    ],
)  # fmt: skip
@pytest.mark.parametrize("around", ["{}", "card {} 12/28", "1234\n{}\n5678", "{}\u00b712/28"])
def test_a_card_is_found_however_it_is_typed(text: str, around: str) -> None:
    """Digit by digit, over lines, in other groups than are printed, with an expiry date or other numbers beside it."""
    assert in_a_text("payment_card", text, around) == ""


@pytest.mark.parametrize("text", ["4111111111111111.0", "4111111111111111.000", "4111111111111111.00 EUR"])
def test_a_card_that_is_written_as_a_float_is_found_without_what_is_behind_its_point(text: str) -> None:
    """So that it has the same hash as the integer."""
    assert [text[start:end] for start, end, _ in _SCANNERS["payment_card"].spans(text)] == ["4111111111111111"]


@pytest.mark.parametrize(
    "text", ["4111111111111111.5", "4.1111111111111115e15", "4.111111111111111e14", "4.111111111111111e-15"]
)
def test_a_number_that_is_not_whole_is_no_card(text: str) -> None:
    """A measurement may have its digits."""
    assert not _SCANNERS["payment_card"].spans(text)


def test_a_mark_behind_the_last_letter_belongs_to_the_find() -> None:
    """An address that ends in a letter with an accent of its own has the whole letter."""
    text = "an jose\u0301@exemple.caf\u00e9e\u0301\u0301, bitte"
    assert [text[start:end] for start, end, _ in _SCANNERS["email"].spans(text)] == [
        "jose\u0301@exemple.caf\u00e9e\u0301\u0301"
    ]


@pytest.mark.parametrize("kind", PLANTED)
@few
@given(seed=seeds)
def test_no_value_is_shorter_than_its_detector_says(kind: str, seed: int) -> None:
    """Shorter texts are not looked at."""
    _, value = planted(kind, seed)
    assert len(value) >= detector(kind).least
