"""How names of fields are compared."""

import re

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from proxy.policy.names import LONG_KEY_CHARACTERS, _stream_safe, key_units, normal_form, spelled_names


@pytest.mark.parametrize(
    "spelling",
    [
        "credit_card",
        "creditCard",
        "Credit-Card",
        "CREDIT_CARD",
        "credit card",
        "ｃｒｅｄｉｔ＿ｃａｒｄ",
        "credit\u200bcard",
        "ＣredⓘtCARD",
    ],
)
def test_spellings_of_a_name_share_a_normal_form(spelling: str) -> None:
    """Case, separators, full-width letters and zero-width characters make no other field of it."""
    assert normal_form(spelling) == "creditcard"


def test_a_normal_form_keeps_other_scripts_apart() -> None:
    """Letters and digits of every script count; different names stay different."""
    assert normal_form("Straße") == "strasse"
    assert normal_form("ТЕЛ") == "тел"
    assert normal_form("ssn1") != normal_form("ssn")


@pytest.mark.parametrize(
    ("key", "names"),
    [
        ("ssn", ["ssn"]),
        ("S-S_N", ["ssn"]),
        ("user.ssn", ["userssn", "user", "ssn"]),
        ("user\uff0essn", ["userssn", "user", "ssn"]),
        ("user\u2024ssn", ["userssn", "user", "ssn"]),
        ("user[ssn]", ["userssn", "user", "ssn"]),
        ("ssn[0]", ["ssn0", "ssn", "0"]),
        ("user/ssn", ["userssn", "user", "ssn"]),
        ("user\\ssn", ["userssn", "user", "ssn"]),
        ("user:ssn", ["userssn", "user", "ssn"]),
        ("user&ssn", ["userssn", "user", "ssn"]),
        ("user,ssn", ["userssn", "user", "ssn"]),
        ("user%26ssn", ["userssn", "user", "ssn"]),
        ("user->ssn", ["userssn", "user", "ssn"]),
        ("%73sn", ["ssn"]),
        ("%2573sn", ["ssn"]),
        ("user%5Bssn%5D", ["userssn", "user", "ssn"]),
        ("\\u0073sn", ["ssn"]),
        ("..ssn..", ["ssn", "ssn"]),
        ("...", [""]),
        ("", [""]),
        ("100%", ["100"]),
    ],
)
def test_a_key_spells_the_whole_and_its_parts(key: str, names: list[str]) -> None:
    """Dots of every width, brackets, slashes and coding hide no name."""
    assert spelled_names(key) == names


@pytest.mark.parametrize("piece", ["\u0301", "\u0301\u0316", "\u0344", "a\u0301", "\ufdfa", "é.", "a.", "%25", "\u0f73"])
def test_g11_a_long_key_takes_time_that_grows_with_its_length(piece: str) -> None:
    """Normalisation sorts combining marks by insertion: no run of them is longer than Unicode's stream-safe form allows."""
    for key in (piece * 4096, "\u0301" * 4096 + "\u0316" * 4096):
        spelled_names(key)
        runs = re.split("[^\u0300-\u034e]", _stream_safe(key))
        assert max(map(len, runs)) <= 30


@given(st.text(max_size=40))
def test_a_short_key_is_compared_by_its_whole_normal_form(key: str) -> None:
    """Where nothing is cut, the first name of a key without coding is its normal form."""
    assume("%" not in key and "\\" not in key)
    assert spelled_names(key)[0] == normal_form(key)


@pytest.mark.parametrize("unit", ["\u00e9", "%25", "\\u0073"])
def test_g11_no_key_that_takes_long_is_compared(unit: str) -> None:
    """One of more characters could not be paid for by any body; a long one in plain ASCII takes next to nothing."""
    key = unit * (LONG_KEY_CHARACTERS // len(unit))
    assert key_units(key) > 3 * LONG_KEY_CHARACTERS
    assert key_units(key + unit) > 1 << 32
    assert key_units("a" * (2 * LONG_KEY_CHARACTERS)) < 2 * LONG_KEY_CHARACTERS
