"""The detector of phone numbers, by the numbering plans of the library phonenumbers."""

import re
from collections.abc import Callable, Iterator
from typing import Any

from proxy.policy.detectors.digits import only_digits
from proxy.policy.detectors.model import Detector, Part

# 7 to 15 digits, the longest number of ITU-T E.164, with at most four separators between two digits.
_REST = r"(?:(?:[\x00-\x20\x7F._()/|-]|\\[nrt]){0,4}[0-9])"
_INTERNATIONAL = rf"\+[0-9]{_REST}{{6,14}}"
DIGITS_MIN, DIGITS_MAX = 7, 15

NO_DATE_DIGITS = 3
GROUPS_MAX = 8
NORTH_AMERICA = 1  # country code of the numbering plan (NANP)


def phone(region: str | None) -> Detector:
    """Return the detector of numbers written with `+` and, with a `region` (ISO 3166, such as `US`), of numbers dialled there.

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
            # After a plus sign, digits without slashes and brackets are a number in any grouping.
            plain = not (dialled or _DATED.search(text))
            places = _places(text)
            if not (plain or places):
                continue
            try:
                number = parse(text, region)
            except NumberParseException:
                continue
            kind = number_type(number)
            # Pagers are no longer in use, and their numbers without a leading zero look like Unix times.
            if kind == PhoneNumberType.UNKNOWN or (dialled and kind == PhoneNumberType.PAGER):
                continue
            # Most texts of ten digits are valid numbers of North America, so an order id such as 2026-012345 would be one.
            # But people there do not group the digits like this, so the grouping must be strict.
            strict = dialled and number.country_code == NORTH_AMERICA
            # The matcher distinguishes numbers from dates, and costs as much as all steps before it. For North American
            # digits without separators, it has nothing to check.
            if plain or (strict and text.isdigit()):
                yield 0, end
                continue
            leniency = Leniency.STRICT_GROUPING if strict else Leniency.VALID
            for match in PhoneNumberMatcher("".join(map(text.__getitem__, places)), region, leniency=leniency):
                yield places[match.start], places[match.end - 1] + 1

    pattern = _INTERNATIONAL
    if region is not None:
        # A run that is too long is one candidate, which fails the check.
        pattern += rf"|[0-9]{{{DIGITS_MAX + 1},}}|\(?[0-9]{_REST}{{{dialled_min - 1},{DIGITS_MAX - 1}}}"
    # A colon is a joint because it occurs in times.
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
    """Return the least number of digits in a region, and a function that tells whether a text may be dialled there.

    Two kinds of texts may be dialled: a number of the plan, with or without the country code and the national prefix, and
    digits after the international prefix. Some plans have prefixes that are rewritten to other digits. For these, only the
    number of digits is checked.
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
    """Return a candidate with spaces for its slashes, unless it may be a date. The library splits numbers at a slash."""
    # A date has a part of one or two digits, and no plus sign in front.
    parts = text.split("/")
    dated = len(parts) > 1 and not text.startswith("+") and min(map(len, parts)) < NO_DATE_DIGITS
    return text if dated else " ".join(parts)


def _places(text: str) -> list[int]:
    """Return the places of the characters to pass to the matcher, with one space for several in a row.

    The matcher takes seconds for nested brackets, and its time grows with each separator. A text with too many gives no places.
    """
    if text.count("(") > 1 or len(_GROUP.findall(text)) > GROUPS_MAX:
        return []
    return [place for place, sign in enumerate(text) if not (sign == " " == text[place - 1 : place])]


def _ends(candidate: str) -> Iterator[int]:
    """Yield three possible ends: of the whole candidate, and without its last one and last two groups of digits."""
    yield len(candidate)
    for _ in range(2):
        candidate = candidate.rstrip("0123456789").rstrip(" .()/-")
        yield len(candidate)
