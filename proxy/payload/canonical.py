"""Encodes a JSON value in its canonical form: the JSON Canonicalization Scheme (RFC 8785).

It is the input of the hash of a whole object. The scheme covers only IEEE doubles. We also write integers of any size exactly,
because two different integers must not share a hash.
"""

import orjson

from proxy.errors import Reason, RefusedError
from proxy.payload.budget import UNMETERED, Budget

# The cost of a member or element, in units of `budget`.
MEMBER_UNITS = 15
# Sorting cannot be interrupted: so many keys take about 50 ms.
SORTED_MAX = 100_000

# RFC 8785 section 3.2.2.3 follows ECMAScript: plain notation from 1e-6 to below 1e21.
_PLAIN_BELOW = 21
_PLAIN_ABOVE = -7


def canonical(value: object, budget: Budget = UNMETERED) -> bytes:
    """Return the canonical form of a value that `decode.parse` returned.

    Raises:
        RefusedError: `too_complex`.
    """
    pieces: list[str] = []
    _write(value, pieces, budget)
    return "".join(pieces).encode("utf-8", "surrogatepass")


def _write(value: object, pieces: list[str], budget: Budget) -> None:
    match value:
        case None:
            pieces.append("null")
        case bool():
            pieces.append("true" if value else "false")
        case str():
            pieces.append(_string(value))
        case int():
            pieces.append(str(value))
        case float():
            pieces.append(_number(value))
        case list():
            budget.spend(MEMBER_UNITS * len(value))
            pieces.append("[")
            for index, element in enumerate(value):
                if index:
                    pieces.append(",")
                _write(element, pieces, budget)
            pieces.append("]")
        case dict():
            if len(value) > SORTED_MAX:
                raise RefusedError(Reason.TOO_COMPLEX)
            pieces.append("{")
            # RFC 8785 section 3.2.3: keys in the order of their UTF-16 code units.
            ordered = sorted(value, key=lambda key: key.encode("utf-16-be", "surrogatepass"))
            for index, key in enumerate(ordered):
                budget.spend(2 * MEMBER_UNITS)
                pieces.append("," + _string(key) + ":" if index else _string(key) + ":")
                _write(value[key], pieces, budget)
            pieces.append("}")
        case _:
            raise TypeError("not a JSON value")


def _string(text: str) -> str:
    try:
        return orjson.dumps(text).decode()  # its escapes are those of RFC 8785 section 3.2.2.2
    except orjson.JSONEncodeError:  # a lone surrogate is written unescaped
        return '"' + "".join(_character(character) for character in text) + '"'


def _character(character: str) -> str:
    if 0xD800 <= ord(character) <= 0xDFFF:  # noqa: PLR2004  # the surrogates, Unicode 3.8
        return character
    return orjson.dumps(character).decode()[1:-1]


def _number(number: float) -> str:
    """Return a double in the form of ECMAScript's Number::toString; Python's repr gives the same shortest digits."""
    if number == 0:
        return "0"
    sign = "-" if number < 0 else ""
    mantissa, _, exponent_text = repr(abs(number)).partition("e")
    whole, _, fraction = mantissa.partition(".")
    fraction = "" if fraction == "0" else fraction
    digits = (whole + fraction).lstrip("0")
    # The decimal point follows the first `point` digits.
    point = len(whole) + int(exponent_text or 0) - (len(whole + fraction) - len(digits))
    digits = digits.rstrip("0")
    count = len(digits)
    if point - 1 <= _PLAIN_ABOVE or point > _PLAIN_BELOW:
        rest = "." + digits[1:] if count > 1 else ""
        return f"{sign}{digits[0]}{rest}e{'+' if point > 0 else '-'}{abs(point - 1)}"
    if point >= count:
        return sign + digits + "0" * (point - count)
    if point > 0:
        return f"{sign}{digits[:point]}.{digits[point:]}"
    return f"{sign}0.{'0' * -point}{digits}"
