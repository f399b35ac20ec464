"""International bank account numbers."""

import re

import pytest

from proxy.policy.detectors.iban import LENGTHS
from tests.detections import found

pytestmark = pytest.mark.needs("detectors")

# The examples of SWIFT's registry.
IBANS = [
    "GB29NWBK60161331926819", "DE89370400440532013000", "FR1420041010050500013M02606", "NL91ABNA0417164300",
    "ES9121000418450200051332", "IT60X0542811101000000123456", "BE68539007547034", "CH9300762011623852957",
    "AT611904300234573201", "SE4550000000058398257466", "PL61109010140000071219812874", "NO9386011117947",
    "MT84MALT011000012345MTLCAST001S", "SA0380000000608010167519", "LC55HEMM000100010012001200023015",
]  # fmt: skip


@pytest.mark.parametrize("iban", IBANS)
def test_an_example_of_the_registry_is_found_and_with_a_digit_off_is_not(iban: str) -> None:
    """In one piece, in groups of four, in lower case; a changed digit fails the check."""
    grouped = " ".join(iban[at : at + 4] for at in range(0, len(iban), 4))
    for text in (iban, grouped, grouped.replace(" ", "-"), iban.lower()):
        assert found("iban", f"to {text}.") == [text]
    assert found("iban", iban[:-1] + ("1" if iban[-1] != "1" else "2")) == []


def test_words_behind_an_account_stay() -> None:
    """An account number ends where its country's length says."""
    assert found("iban", "DE89 3704 0044 0532 0130 00 thank you very much") == ["DE89 3704 0044 0532 0130 00"]
    assert found("iban", "DE89370400440532013000 00") == ["DE89370400440532013000"]


@pytest.mark.parametrize(
    "text", ["DE8937040044053201300", "XX89370400440532013000", "DE893704004405320130001", "xDE89370400440532013000"]
)
def test_what_is_no_account(text: str) -> None:
    """Too short, of no country, too long, a part of a longer word."""
    assert found("iban", text) == []


def test_the_lengths_are_those_of_an_independent_table() -> None:
    """python-stdnum reads the same registry: a country's two letters, two check digits, and its parts of fixed lengths."""
    from stdnum import numdb

    table = numdb.get("iban")
    parts = {country: dict(table.info(country)[0][1]).get("bban", "") for country in LENGTHS}
    assert {country: 4 + sum(map(int, re.findall("[0-9]+", parts[country]))) for country in LENGTHS} == LENGTHS
