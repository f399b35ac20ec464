"""Payment cards: 13 to 19 digits in a range that an issuer has, whose last digit is right (ISO/IEC 7812).

Thirteen digits that are right for a barcode too are one: those are on every product, such cards have not been made for decades.

Digits stand in one piece, one by one, or in the groups that are printed on cards and typed into forms; up to three separators
are between two groups (`written`).
"""

import re
from collections.abc import Iterator

from proxy.policy.detectors.digits import luhn, only_digits, weighted
from proxy.policy.detectors.model import Detector, Part
from proxy.policy.detectors.written import apart

# Issuers by their first digits, from one to another, and how many digits their numbers have in all: the networks' own tables.
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

DIGITS_MIN, DIGITS_MAX = 13, 19
_LAYOUTS = (
    "[0-9]{13,}",  # too long a run is one candidate, and none
    *map(
        apart,
        (
            "[0-9]{4}(?:~[0-9]{4}){3}(?:~[0-9]{1,3})?",
            "[0-9]{4}~[0-9]{6}~[0-9]{4,5}",  # American Express, Diners Club
            "[0-9]{4}(?:~[0-9]{4}){2}~[0-9]{1,5}",
            "[0-9]{4}(?:~[0-9]{3}){3}",
            "[0-9]{6}~[0-9]{13}",
            "[0-9]{8}~[0-9]{8}",
            "[0-9](?:~[0-9]){12,18}",
        ),
    ),
)
_GROUP = re.compile("[0-9]+")


def issued(digits: str) -> bool:
    """Say whether an issuer has numbers like this one."""
    return any(low <= digits[: len(low)] <= high and len(digits) in lengths for low, high, lengths in _ISSUERS)


def barcode(digits: str) -> bool:
    """Say whether thirteen digits are an article number (GS1 General Specifications 7.9, GTIN-13)."""
    return len(digits) == len(_BARCODE_WEIGHTS) and weighted(digits, _BARCODE_WEIGHTS) % 10 == 0


def card(candidate: str) -> Iterator[Part]:
    """Yield the whole candidate if it is a card, then all of it but its last groups: a year may follow."""
    digits = only_digits(candidate)
    if DIGITS_MIN <= len(digits) <= DIGITS_MAX and _right(digits):
        yield 0, len(candidate)
    if len(digits) == len(candidate):
        return
    ends = [match.end() for match in _GROUP.finditer(candidate)]
    for end in reversed(ends[:-1]):
        digits = only_digits(candidate[:end])
        if len(digits) < DIGITS_MIN:
            return
        if _right(digits):
            yield 0, end


def _right(digits: str) -> bool:
    return issued(digits) and luhn(digits) and not barcode(digits)


PAYMENT_CARD = Detector("|".join(_LAYOUTS), card, joints=b".", number=True, least=DIGITS_MIN)
