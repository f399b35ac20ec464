"""Payment cards."""

import pytest

from proxy.policy.detectors.cards import barcode, lengths
from tests.detections import found

pytestmark = pytest.mark.needs("detectors")

# The test numbers that payment providers publish, by network.
CARDS = [
    "4111111111111111", "4012888888881881", "4222222222222", "4242424242424242",  # Visa
    "5555555555554444", "5105105105105100", "2223003122003222",  # Mastercard
    "378282246310005", "371449635398431",  # American Express
    "6011111111111117", "6011000990139424",  # Discover
    "30569309025904", "38520000023237", "36227206271667",  # Diners Club
    "3530111333300000", "3566002020360505",  # JCB
    "6200000000000005", "6205500000000000004",  # UnionPay
    "6759649826438453", "5018000000000009",  # Maestro
    "2200000000000004",  # Mir
]  # fmt: skip


@pytest.mark.parametrize("card", CARDS)
def test_a_published_test_card_is_found_and_with_a_wrong_check_digit_is_not(card: str) -> None:
    """Issuer ranges and check digit, both: one digit off is no card."""
    assert found("payment_card", card) == [card]
    assert found("payment_card", f"paid with {card}, thanks") == [card]
    assert found("payment_card", card[:-1] + str((int(card[-1]) + 1) % 10)) == []


@pytest.mark.parametrize(
    "text",
    [
        "4111 1111 1111 1111",
        "4111-1111-1111-1111",
        "4111.1111.1111.1111",
        "4111 - 1111 - 1111 - 1111",
        "4111\N{NO-BREAK SPACE}1111\N{NO-BREAK SPACE}1111\N{NO-BREAK SPACE}1111",
        "4111\N{EN DASH}1111\N{EN DASH}1111\N{EN DASH}1111",
        "４１１１１１１１１１１１１１１１",
        "٤١١١١١١١١١١١١١١١",
        "4\N{ZERO WIDTH SPACE}1111111\N{WORD JOINER}11111111",
        "3782 822463 10005",
        "3056 930902 5904",
        "620550 0000000000004",
        "6205 5000 0000 0000 004",
        "41111111 11111111",
    ],
)
def test_a_card_is_found_however_it_is_written(text: str) -> None:
    """In printed groups, in any width and script of digits, with unseen characters in between, and masked as a whole."""
    assert found("payment_card", f"card:{text};") == [text]


@pytest.mark.parametrize(
    ("text", "card"),
    [
        ("4111 1111 1111 1111 12/27 123", "4111 1111 1111 1111"),
        ("4111 1111 1111 1111 123", "4111 1111 1111 1111"),
        ("1234 4111 1111 1111 1111", "4111 1111 1111 1111"),
        ("cc_4111111111111111_x", "4111111111111111"),
        ("卡号4111111111111111。", "4111111111111111"),
        ("Is it 4111111111111111?", "4111111111111111"),
        ("It is 4111111111111111.", "4111111111111111"),
    ],
)
def test_what_stands_beside_a_card_stays(text: str, card: str) -> None:
    """Expiry dates, groups before it, underscores, letters of other scripts and punctuation are no part of it."""
    assert found("payment_card", text) == [card]


@pytest.mark.parametrize(
    "text",
    [
        "0.4111111111111111",  # a fraction
        "4111111111111111.5",
        "a4111111111111111",  # a part of an identifier
        "4111111111111111b",
        "94111111111111111111",  # too many digits
        "1732510712000000",  # microseconds since 1970
        "0000000000000000",
        "4006381330060",  # an article number, though its last digit is right for a card too
        "41 11 11 11 11 11 11 11",  # no card is printed like that
    ],
)
def test_what_is_no_card(text: str) -> None:
    """Parts of longer numbers and names, fractions, timestamps and zeros are let through."""
    assert found("payment_card", text) == []


def test_issuers_have_lengths() -> None:
    """A prefix alone is not enough: an American Express number has 15 digits."""
    assert lengths("378282246310005") == {15}
    assert lengths("4111") == {13, 16, 19}
    assert not lengths("1" * 16)
    assert not lengths("")


def test_article_numbers_are_told_by_their_own_check_digit() -> None:
    """GS1's example is one; a Visa of thirteen digits is none, nor is a longer number."""
    assert barcode("4006381333931")
    assert not barcode("4222222222222")
    assert not barcode("4111111111111111")
