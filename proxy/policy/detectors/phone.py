"""Phone numbers, by the numbering plans that phonenumbers has of every country."""

import re
from collections.abc import Callable, Iterator
from typing import Any

from proxy.policy.detectors.digits import only_digits
from proxy.policy.detectors.model import Detector, Part

# Digits with at most four separators between two of them: 7 to 15, as many as a number can have (ITU-T E.164).
_REST = r"(?:(?:[\x00-\x20\x7F._()/|-]|\\[nrt]){0,4}[0-9])"
_INTERNATIONAL = rf"\+[0-9]{_REST}{{6,14}}"
DIGITS_MIN, DIGITS_MAX = 7, 15

NO_DATE_DIGITS = 3
GROUPS_MAX = 8
NORTH_AMERICA = 1  # country code of the numbering plan (NANP)


def phone(region: str | None) -> Detector:
    """Return what finds numbers written with `+`, and with a `region` (ISO 3166, such as `US`) those dialled from there.

    Raises:
        ImportError: phonenumbers is not installed.
        ValueError: the region has no numbering plan.
    """
    from phonenumbers import (  # noqa: PLC0415 - an extra, loaded where a policy asks for it
        SUPPORTED_REGIONS,
        Leniency,
        NumberParseException,
        PhoneNumberMatcher,
        PhoneNumberType,
        number_type,
        parse,
    )

    if region is not None and region not in SUPPORTED_REGIONS:
        raise ValueError("no country has this code; write it as in phone:US")
    dialled_min, dials = (DIGITS_MIN, _never) if region is None else _plan(region)

    def tries(candidate: str) -> int:
        return sum(candidate.startswith("+") or dials(candidate[:end]) for end in _ends(candidate))

    def valid(candidate: str) -> Iterator[Part]:
        dialled = not candidate.startswith("+")
        candidate = _unslashed(candidate)
        for end in _ends(candidate):
            text = candidate[:end]
            if dialled and not dials(text):
                continue
            # Behind a plus sign, digits without signs of dates and brackets are a number however they are grouped.
            plain = not (dialled or _DATED.search(text))
            places = _places(text)
            if not (plain or places):
                continue
            try:
                number = parse(text, region)
            except NumberParseException:
                continue
            kind = number_type(number)
            # Nobody has a pager any more, and what such numbers look like without a zero in front are times since 1970.
            if kind == PhoneNumberType.UNKNOWN or (dialled and kind == PhoneNumberType.PAGER):
                continue
            # Ten digits are a number of North America more often than not, so that an order id such as 2026-012345 would
            # be one; but nobody there groups them like this.
            strict = dialled and number.country_code == NORTH_AMERICA
            # The matcher knows how numbers are written and how dates are, and is as dear as all before. It has nothing to
            # say of digits in one piece there.
            if plain or (strict and text.isdigit()):
                yield 0, end
                continue
            leniency = Leniency.STRICT_GROUPING if strict else Leniency.VALID
            for match in PhoneNumberMatcher("".join(map(text.__getitem__, places)), region, leniency=leniency):
                yield places[match.start], places[match.end - 1] + 1

    pattern = _INTERNATIONAL
    if region is not None:
        # Too long a run is one candidate, and none.
        pattern += rf"|[0-9]{{{DIGITS_MAX + 1},}}|\(?[0-9]{_REST}{{{dialled_min - 1},{DIGITS_MAX - 1}}}"
    # A colon joins what is a time, and the date before it.
    return Detector(
        pattern,
        valid,
        joints=b".-:",
        number=region is not None,
        least=dialled_min,
        looks=16 if region is None else 35,
        tries=tries,
    )


_DATED = re.compile("[()/]")
_GROUP = re.compile("[0-9]+")


def _never(_: str) -> bool:
    return False


def _plan(region: str) -> tuple[int, Callable[[str], bool]]:
    """Return how many digits the numbers of a region have at least, and what tells whether a text may be dialled there.

    What is dialled is a number of the plan, behind its country's code and the prefix of calls within the country or not, or
    begins with the prefix of calls abroad. Where a plan has prefixes that turn into other digits, nothing is told.
    """
    from phonenumbers import PhoneMetadata, region_codes_for_country_code  # noqa: PLC0415 - see above

    own: Any = PhoneMetadata.metadata_for_region(region)
    shared: list[Any] = [PhoneMetadata.metadata_for_region(each) for each in region_codes_for_country_code(own.country_code)]
    least = min(own.general_desc.possible_length)
    could_be = None
    if own.national_prefix_transform_rule is None:
        numbers = "|".join(dict.fromkeys(plan.general_desc.national_number_pattern for plan in shared))
        inside, abroad = own.national_prefix_for_parsing or "", own.international_prefix or "00"
        could_be = re.compile(rf"(?:{abroad})[0-9]+|(?:{own.country_code})?(?:{inside})?(?:{numbers})")
    else:
        least = min(least, *own.general_desc.possible_length_local_only, DIGITS_MIN)

    def dials(text: str) -> bool:
        digits = only_digits(text)
        return least <= len(digits) <= DIGITS_MAX and (could_be is None or could_be.fullmatch(digits) is not None)

    return least, dials


def _unslashed(text: str) -> str:
    """Return a candidate with spaces for its slashes, which the library takes for those between two numbers, or of a date."""
    # No date has three digits in each part, or a plus sign in front.
    parts = text.split("/")
    dated = len(parts) > 1 and not text.startswith("+") and min(map(len, parts)) < NO_DATE_DIGITS
    return text if dated else " ".join(parts)


def _places(text: str) -> list[int]:
    """Return the places of the characters that the matcher is to see: of spaces side by side one.

    It takes seconds for brackets in brackets, and time for each separator: of a text with too many it sees nothing.
    """
    if text.count("(") > 1 or len(_GROUP.findall(text)) > GROUPS_MAX:
        return []
    return [place for place, sign in enumerate(text) if not (sign == " " == text[place - 1 : place])]


def _ends(candidate: str) -> Iterator[int]:
    """Yield where a candidate ends, then where it would end without its last group of digits, and without its last two."""
    yield len(candidate)
    for _ in range(2):
        candidate = candidate.rstrip("0123456789").rstrip(" .()/-")
        yield len(candidate)
