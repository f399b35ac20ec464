"""Checksums over digits."""

import pytest

from proxy.policy.detectors.digits import luhn, only_digits, weighted


def test_only_digits() -> None:
    """Separators and letters go, digits stay in order."""
    assert only_digits("4111-1111 A1.9") == "4111111119"


@pytest.mark.parametrize("digits", ["79927398713", "4111111111111111", "378282246310005", "0"])
def test_luhn(digits: str) -> None:
    """The example of ISO/IEC 7812-1 and test cards pass; with any other last digit they do not."""
    assert luhn(digits)
    assert not any(luhn(digits[:-1] + last) for last in "0123456789" if last != digits[-1])


def test_weighted() -> None:
    """Each digit counts as often as its weight says, and those without one do not."""
    assert weighted("123", (3, 2)) == 7
