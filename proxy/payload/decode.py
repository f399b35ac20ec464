"""Bytes to a JSON value, exactly, within a cap and a depth.

* Content codings: identity, gzip (RFC 1952) and deflate (RFC 1950, or the raw RFC 1951 that some clients send). The cap holds
  for the inflated body; nothing beyond it is ever inflated.
* JSON is RFC 8259 in UTF-8, without a byte-order mark. orjson reads it, but for what orjson cannot hold: integers beyond 64
  bits, lone surrogate escapes (which JavaScript emits for a cut emoji) and `NaN` (which the Pipelines Python client emits; it
  becomes null). Those take the exact decoder of the standard library.
* Integers are exact, floats are IEEE doubles, of repeated keys the last wins. Infinities and overflow are refused.
"""

import json
import zlib
from typing import Any, Final

import orjson

from proxy.errors import Reason, RefusedError

_GZIP = zlib.MAX_WBITS | 16
_ZLIB = zlib.MAX_WBITS
_RAW = -zlib.MAX_WBITS

# What is looked for in a body before it is read: any digit, and whatever opens a level.
_MARKS: Final = bytes.maketrans(b"123456789{", b"000000000[")
# The shortest integer that may not fit 64 bits has 19 digits; orjson would round it to a float without a word.
_LONG_NUMBER: Final = b"0" * 19


def inflate(body: bytes, coding: bytes | None, max_bytes: int) -> bytes:
    """Return the body without its content coding.

    Raises:
        RefusedError: `unsupported_media` for a coding we do not read, `body_too_large` beyond `max_bytes`, `malformed_request`
            where the coded bytes are broken, cut short or followed by more.
    """
    match (coding or b"identity").strip().lower():
        case b"identity":
            return body
        case b"gzip":
            return _inflate(body, _GZIP, max_bytes)
        case b"deflate":
            # RFC 9110 section 8.4.1.2: deflate means zlib; its first byte says 8 for the method, which raw data does not.
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
        RefusedError: `invalid_json`, or `too_deep` beyond `max_depth` nested arrays and objects.
    """
    value: object
    marks = data.translate(_MARKS)
    if marks.find(_LONG_NUMBER) >= 0:  # `in` raises and catches an error for bytes
        value = _parse_exactly(data)
    else:
        try:
            value = orjson.loads(data)
        except orjson.JSONDecodeError:
            value = _parse_exactly(data)
    # No more brackets than levels: it cannot be too deep.
    if marks.count(b"[") > max_depth and _deeper_than(value, max_depth):
        raise RefusedError(Reason.TOO_DEEP)
    return value


def _parse_exactly(data: bytes) -> object:
    try:
        # `strict` refuses control characters in strings; a byte-order mark is refused as an unexpected character.
        return _EXACT.decode(data.decode())
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


def _deeper_than(value: object, max_depth: int) -> bool:
    """Walk level by level, without recursion."""
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
