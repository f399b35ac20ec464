"""How numbers are written."""

import re

import pytest

from proxy.policy.detectors.written import EXPONENTIAL, alike, apart, candidate_of, is_whole, separated, whole


@pytest.mark.parametrize(
    ("text", "digits"),
    [
        ("4.111111111111111e15", "4111111111111111"),
        ("0.4111111111111111E+16", "4111111111111111"),
        ("4111111111111111e0", "4111111111111111"),
        ("411111111111111.100000e1", "4111111111111111"),
        ("4.2000000e9", "4200000000"),
        ("044619745e0", "044619745"),
        ("4.111111111111111e14", None),
        ("4.111111111111111e-15", None),
        ("4111111111111111", None),
    ],
)
def test_an_exponential_form_is_a_whole_number_or_none(text: str, digits: str | None) -> None:
    """Without the digits of a fraction, and with zeros where it leaves them out."""
    assert whole(text) == digits
    assert digits is None or re.fullmatch(EXPONENTIAL, text)


def test_separators_stand_where_a_pattern_has_its_sign() -> None:
    """Any, none or up to three; at least one; or all of one kind."""
    for text in ("1 2 3", "123", "1\r\n2--3", "1 - 2/3", "1\\n2|3"):
        assert re.fullmatch(separated("1~2~3"), text)
    assert not re.fullmatch(separated("1~2~3"), "1    2 3")
    assert not re.fullmatch(separated("1~2~3"), "1,2,3")
    assert re.fullmatch(apart("1~2"), "1_2")
    assert not re.fullmatch(apart("1~2"), "12")
    assert re.fullmatch(alike("1~2~3"), "1 - 2-3")
    assert not re.fullmatch(alike("1~2~3"), "1-2 3")


def test_a_check_sees_spaces_for_blanks_bars_and_escapes_in_their_places() -> None:
    """One character for each byte."""
    assert candidate_of(b"1\t2\\n3|4_5-6.7") == "1 2  3 4 5-6.7"


def test_a_point_and_zeros_behind_a_number_are_nothing() -> None:
    """Up to twenty, with no letter or digit behind them."""
    assert is_whole(b"12.0", 2)
    assert is_whole(b"12.000 x", 2)
    for data in (b"12.", b"12.5", b"12.05", b"12.0a", b"12." + b"0" * 21):
        assert not is_whole(data, 2)
