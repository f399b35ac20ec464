"""Decodes bytes to a JSON value without loss, within a size limit and a depth limit.

* Content codings: identity, gzip (RFC 1952) and deflate (RFC 1950, or the raw RFC 1951 that some clients send). The size limit
  is for the inflated body; no byte beyond it is inflated.
* JSON is RFC 8259 in UTF-8, without a byte-order mark. orjson parses it. The standard library parses bodies that orjson cannot
  represent: integers beyond 64 bits, lone surrogate escapes (JavaScript emits them for a cut emoji) and `NaN` (Customer.io's
  Python client for Pipelines emits it; it becomes null).
* Integers are exact, and floats are IEEE doubles. If a key is repeated, the last value counts. Infinities and overflow are
  refused.
* Parsing cannot be interrupted. So a body with too many containers, or with too many values for the slower standard library,
  is refused as `too_complex`.
"""

import json
import re
import zlib
from decimal import Decimal, InvalidOperation
from typing import Any, Final

import orjson

from proxy.errors import Reason, RefusedError

_GZIP = zlib.MAX_WBITS | 16
_ZLIB = zlib.MAX_WBITS
_RAW = -zlib.MAX_WBITS

# Maps all digits to one byte and both opening brackets to one, so that both can be counted before parsing.
_MARKS: Final = bytes.maketrans(b"123456789{", b"000000000[")
# To parse and encode this many containers or values takes about 30 ms.
CONTAINERS_MAX: Final = 400_000
EXACT_VALUES_MAX: Final = 400_000
# To read and write an integer takes time that grows with the square of its length: about 60 microseconds for 1,000 digits more.
_LONG_DIGITS: Final = 1000
_LONG_INTEGER: Final = b"0" * _LONG_DIGITS
LONG_INTEGERS_MAX: Final = 500
# A number that may overflow an IEEE double has an exponent of three digits, or hundreds of digits.
_EXPONENT = re.compile(rb"[eE]\+?[0-9]{3}")
_MANY_DIGITS: Final = b"0" * 300
# The shortest integer that may not fit 64 bits has 19 digits; orjson would round it to a float without a word.
_LONG_NUMBER: Final = b"0" * 19


def inflate(body: bytes, coding: bytes | None, max_bytes: int) -> bytes:
    """Return the body without its content coding.

    Raises:
        RefusedError: `unsupported_media` for another coding, `body_too_large` beyond `max_bytes`, `malformed_request` if the
            coded bytes are broken, incomplete or followed by more bytes.
    """
    match (coding or b"identity").strip().lower():
        case b"identity":
            return body
        case b"gzip":
            return _inflate(body, _GZIP, max_bytes)
        case b"deflate":
            # RFC 9110 section 8.4.1.2: deflate means the zlib format, which begins with method 8 and a checksum of two bytes.
            zlib_header = len(body) > 1 and body[0] & 0x0F == zlib.DEFLATED and int.from_bytes(body[:2]) % 31 == 0
            return _inflate(body, _ZLIB if zlib_header else _RAW, max_bytes)
        case _:
            raise RefusedError(Reason.UNSUPPORTED_MEDIA)


def _inflate(body: bytes, window_bits: int, max_bytes: int) -> bytes:
    inflater = zlib.decompressobj(window_bits)
    try:
        data = inflater.decompress(body, max_bytes + 1)
    except zlib.error:
        raise RefusedError(Reason.MALFORMED_REQUEST) from None
    if len(data) > max_bytes:
        raise RefusedError(Reason.BODY_TOO_LARGE)
    if not inflater.eof or inflater.unused_data:
        raise RefusedError(Reason.MALFORMED_REQUEST)
    return data


def parse(data: bytes, max_depth: int) -> object:
    """Return the JSON value in `data`.

    Raises:
        RefusedError: `invalid_json`, `too_deep` beyond `max_depth` nested arrays and objects, or `too_complex`.
    """
    value: object
    marks = data.translate(_MARKS)
    containers = marks.count(b"[")
    if containers > CONTAINERS_MAX:
        raise RefusedError(Reason.TOO_COMPLEX)
    if marks.find(_LONG_NUMBER) >= 0:  # `in` raises and catches an error for bytes
        value = _parse_exactly(data, marks)
    else:
        try:
            value = orjson.loads(data)
        except orjson.JSONDecodeError:
            value = _parse_exactly(data, marks)
    # No more brackets than levels: it cannot be too deep.
    if containers > max_depth and deeper_than(value, max_depth):
        raise RefusedError(Reason.TOO_DEEP)
    return value


def _parse_exactly(data: bytes, marks: bytes) -> object:
    if data.count(b",") > EXACT_VALUES_MAX:
        raise RefusedError(Reason.TOO_COMPLEX)
    if marks.count(_LONG_INTEGER) > LONG_INTEGERS_MAX:
        raise RefusedError(Reason.TOO_COMPLEX)
    decoder = _EXACT if marks.find(_MANY_DIGITS) >= 0 or _EXPONENT.search(data) else _FINITE
    try:
        # `strict` refuses control characters in strings; a byte-order mark is refused as an unexpected character.
        return decoder.decode(data.decode())
    except RecursionError:
        raise RefusedError(Reason.TOO_DEEP) from None
    except ValueError:  # with it, JSONDecodeError and UnicodeDecodeError; also int() beyond 4,300 digits
        raise RefusedError(Reason.INVALID_JSON) from None


def _finite(text: str) -> float:
    number = float(text)
    if number in (float("inf"), float("-inf")):
        raise ValueError
    return number


def _constant(name: str) -> None:
    if name != "NaN":
        raise ValueError


_EXACT = json.JSONDecoder(parse_float=_finite, parse_constant=_constant, strict=True)
_FINITE = json.JSONDecoder(parse_constant=_constant, strict=True)


class Held:
    """A JSON value from inside a string. `exact`: parsing lost nothing, that is, no key was repeated and no number changed."""

    __slots__ = ("exact", "value")

    def __init__(self, value: object, *, exact: bool) -> None:
        """Store the parsed value, and whether parsing was exact."""
        self.value = value
        self.exact = exact


# A double keeps any number of 15 digits, but for very small ones (IEEE 754). Most numbers need no closer look.
LONG_FLOATS_MAX: Final = 50_000  # a closer look takes about 1 microsecond
_EXACT_CHARACTERS: Final = 16
_EXACT_ABOVE: Final = 1e-290
_EXACT_BELOW: Final = 1e290


class _Losses:
    """Parses JSON like `parse`, and records losses: `changed` for a changed value, `unreadable` for one without a value."""

    __slots__ = ("_decoder", "_long_floats", "_long_integers", "changed", "unreadable")

    def __init__(self) -> None:
        self.changed = False
        self.unreadable = False
        self._long_integers = self._long_floats = 0
        self._decoder = json.JSONDecoder(
            object_pairs_hook=self._object,
            parse_float=self._float,
            parse_int=self._int,
            parse_constant=self._constant,
            strict=True,
        )

    def read(self, text: str) -> object:
        self.changed = self.unreadable = False
        self._long_integers = self._long_floats = 0
        return self._decoder.decode(text)

    def _object(self, pairs: list[tuple[str, object]]) -> dict[str, object]:
        value = dict(pairs)
        if len(value) != len(pairs):
            self.changed = True
        return value

    def _float(self, text: str) -> float:
        number = float(text)
        if len(text) <= _EXACT_CHARACTERS and _EXACT_ABOVE < abs(number) < _EXACT_BELOW:
            return number
        if number in (float("inf"), float("-inf")):
            self.unreadable = True
            return 0.0
        self._long_floats += 1
        if self._long_floats > LONG_FLOATS_MAX:
            raise RefusedError(Reason.TOO_COMPLEX)
        shortest = repr(number)
        if shortest != text and not self.changed:
            try:
                self.changed = Decimal(shortest) != Decimal(text)
            except InvalidOperation:  # an exponent of twenty digits
                self.changed = True
        return number

    def _int(self, text: str) -> int:
        if len(text) >= _LONG_DIGITS:
            self._long_integers += len(text) // _LONG_DIGITS
            if self._long_integers > LONG_INTEGERS_MAX:
                raise RefusedError(Reason.TOO_COMPLEX)
        try:
            return int(text)
        except ValueError:  # over 4,300 digits
            self.unreadable = True
            return 0

    def _constant(self, name: str) -> None:
        _constant(name)
        self.changed = True


_LOSSES = _Losses()


def parse_held(text: str, max_depth: int) -> Held | None:
    """Return the JSON value of `text`, with the rules of `parse`, or None if `text` is no JSON.

    Raises:
        RefusedError: `invalid_json` if a number cannot be represented (1e400, over 4,300 digits); `too_deep`.
    """
    losses = _LOSSES
    try:
        value = losses.read(text)
    except RecursionError:
        raise RefusedError(Reason.TOO_DEEP) from None
    except ValueError:
        return None
    if losses.unreadable:
        raise RefusedError(Reason.INVALID_JSON)
    if text.count("[") + text.count("{") > max_depth and deeper_than(value, max_depth):
        raise RefusedError(Reason.TOO_DEEP)
    return Held(value, exact=not losses.changed)


def deeper_than(value: object, max_depth: int) -> bool:
    """Return whether `value` has more than `max_depth` levels. The check goes level by level, without recursion."""
    level: list[Any] = [value] if isinstance(value, dict | list) else []
    for _ in range(max_depth):
        if not level:
            return False
        level = [
            child
            for container in level
            for child in (container.values() if type(container) is dict else container)
            if type(child) is dict or type(child) is list  # `isinstance` takes three times as long
        ]
    return bool(level)
