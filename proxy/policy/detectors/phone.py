"""Phone numbers, by the numbering plans that phonenumbers has of every country."""

from collections.abc import Iterator

from proxy.policy.detectors.model import Detector, Part

# Digits with at most two separators between two of them: 7 to 15, as many as a number can have (ITU-T E.164).
_REST = r"(?:[ .()/-]{0,2}[0-9])"
_INTERNATIONAL = rf"\+[0-9]{_REST}{{6,14}}"
_NATIONAL = rf"\(?[0-9]{_REST}{{5,14}}"

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

    def valid(candidate: str) -> Iterator[Part]:
        for end in _ends(candidate):
            try:
                number = parse(candidate[:end], region)
            except NumberParseException:
                continue
            dialled, kind = not candidate.startswith("+"), number_type(number)
            # Nobody has a pager any more, and what such numbers look like without a zero in front are times since 1970.
            if kind != PhoneNumberType.UNKNOWN and not (dialled and kind == PhoneNumberType.PAGER):
                # Ten digits are a number of North America more often than not, so that an order id such as 2026-012345 would
                # be one; but nobody there groups them like this.
                strict = dialled and number.country_code == NORTH_AMERICA
                leniency = Leniency.STRICT_GROUPING if strict else Leniency.VALID
                # The matcher knows how numbers are written and how dates are, and is ten times as dear.
                for match in PhoneNumberMatcher(candidate[:end], region, leniency=leniency):
                    yield match.start, match.end

    pattern = _INTERNATIONAL if region is None else f"{_INTERNATIONAL}|{_NATIONAL}"
    # A colon joins what is a time, and the date before it.
    return Detector(pattern, valid, joints=b".-:", number=region is not None, looks=16)


def _ends(candidate: str) -> Iterator[int]:
    """Yield where a candidate ends, then where it would end without its last group of digits, and without its last two."""
    yield len(candidate)
    for _ in range(2):
        candidate = candidate.rstrip("0123456789").rstrip(" .()/-")
        yield len(candidate)
