"""The detector of payment cards: 13 to 19 digits in the range of an issuer, with a valid check digit (ISO/IEC 7812).

Thirteen digits that are also valid as a barcode are taken for a barcode: barcodes are on every product, and cards with
thirteen digits have not been issued for decades.

The digits are written together, one by one, or in the groups that are printed on cards and typed into forms. Up to three
separators may be between two groups (`written`).
"""

import re
from collections.abc import Iterator
from collections.abc import Set as AbstractSet

from proxy.policy.detectors.digits import luhn, only_digits, weighted
from proxy.policy.detectors.model import Detector, Part
from proxy.policy.detectors.written import apart

# Issuers: the range of the first digits, and the possible numbers of digits. Source: the tables of the card networks.
_ISSUERS: tuple[tuple[str, str, frozenset[int]], ...] = (
    ("2200", "2204", frozenset({16, 17, 18, 19})),  # Mir
    ("2221", "2720", frozenset({16})),  # Mastercard
    ("300", "305", frozenset({14, 16, 17, 18, 19})),  # Diners Club
    ("3095", "3095", frozenset({14, 16, 17, 18, 19})),
    ("34", "34", frozenset({15})),  # American Express
    ("3528", "3589", frozenset({16, 17, 18, 19})),  # JCB
    ("36", "36", frozenset({14, 15, 16, 17, 18, 19})),  # Diners Club
    ("37", "37", frozenset({15})),  # American Express
    ("38", "39", frozenset({14, 16, 17, 18, 19})),  # Diners Club
    ("4", "4", frozenset({13, 16, 19})),  # Visa
    ("5018", "5018", frozenset(range(13, 20))),  # Maestro
    ("5020", "5020", frozenset(range(13, 20))),
    ("5038", "5038", frozenset(range(13, 20))),
    ("506099", "506198", frozenset({16, 18, 19})),  # Verve
    ("508", "508", frozenset({16})),  # RuPay
    ("51", "55", frozenset({16})),  # Mastercard
    ("5893", "5893", frozenset(range(13, 20))),  # Maestro
    ("60", "60", frozenset({16, 17, 18, 19})),  # Discover, RuPay
    ("62", "62", frozenset({16, 17, 18, 19})),  # UnionPay
    ("6304", "6304", frozenset(range(13, 20))),  # Maestro
    ("636", "639", frozenset({16, 17, 18, 19})),  # InstaPayment, Maestro, InterPayment
    ("644", "659", frozenset({16, 17, 18, 19})),  # Discover, RuPay, Troy
    ("6759", "6759", frozenset(range(13, 20))),  # Maestro
    ("6761", "6763", frozenset(range(13, 20))),
    ("8171", "8171", frozenset({16, 17, 18, 19})),  # UnionPay
    ("9792", "9792", frozenset({16})),  # Troy
)

_BARCODE_WEIGHTS = (1, 3, 1, 3, 1, 3, 1, 3, 1, 3, 1, 3, 1)

DIGITS_MIN = 13
# The number of every issuer begins with 2 to 6, 8 or 9.
_LAYOUTS = (
    "[2-689][0-9]{12,}",  # a run that is too long is one candidate, which fails the check
    *map(
        apart,
        (
            "[2-689][0-9]{3}(?:~[0-9]{4}){3}(?:~[0-9]{1,3})?",
            "[2-689][0-9]{3}~[0-9]{6}~[0-9]{4,5}",  # American Express, Diners Club
            "[2-689][0-9]{3}(?:~[0-9]{4}){2}~[0-9]{1,5}",
            "[2-689][0-9]{3}(?:~[0-9]{3}){3}",
            "[2-689][0-9]{5}~[0-9]{13}",
            "[2-689][0-9]{7}~[0-9]{8}",
            "[2-689](?:~[0-9]){12,18}",
        ),
    ),
)
_GROUP = re.compile("[0-9]+")
_BY_FIRST = {first: [row for row in _ISSUERS if row[0][0] <= first <= row[1][0]] for first in "0123456789"}


def lengths(digits: str) -> AbstractSet[int]:
    """Return the possible numbers of digits of cards that begin with these digits."""
    found: AbstractSet[int] = frozenset()
    for low, high, counts in _BY_FIRST.get(digits[:1], ()):
        if low <= digits[: len(low)] <= high:
            found |= counts
    return found


def barcode(digits: str) -> bool:
    """Return whether the digits are a valid barcode of thirteen digits (GTIN-13, GS1 General Specifications 7.9)."""
    return len(digits) == len(_BARCODE_WEIGHTS) and weighted(digits, _BARCODE_WEIGHTS) % 10 == 0


def card(candidate: str) -> Iterator[Part]:
    """Yield the parts of a candidate that are cards, the longest first. A year may follow a card, for example."""
    digits = only_digits(candidate)
    counts = lengths(digits)
    if not counts:
        return
    if len(digits) == len(candidate):
        if len(digits) in counts and _right(digits):
            yield 0, len(candidate)
        return
    ends, count = [], 0
    for match in _GROUP.finditer(candidate):
        count += match.end() - match.start()
        if count in counts:
            ends.append((match.end(), count))
    for end, count in reversed(ends):
        if _right(digits[:count]):
            yield 0, end


def _right(digits: str) -> bool:
    return luhn(digits) and not barcode(digits)


PAYMENT_CARD = Detector("|".join(_LAYOUTS), card, joints=b".", number=True, least=DIGITS_MIN, looks=3)
