"""Encodes a JSON value as compact UTF-8, so that decoding gives an equal value."""

import json

import orjson

# Down to this level, only the members that orjson cannot encode are left to the standard library, which takes six times as
# long.
_LEVELS = 3


def encode(value: object) -> bytes:
    """Return the JSON of a `value` that `decode.parse` returned.

    The standard library encodes the values that orjson cannot (integers beyond 64 bits, lone surrogates). It writes surrogates
    as escapes.
    """
    try:
        return orjson.dumps(value)
    except orjson.JSONEncodeError:
        return _exactly(value, _LEVELS)


def _exactly(value: object, levels: int) -> bytes:
    if levels and isinstance(value, dict):
        return b"{%b}" % b",".join(b"%b:%b" % (_either(key, 0), _either(child, levels - 1)) for key, child in value.items())
    if levels and isinstance(value, list):
        return b"[%b]" % b",".join(_either(child, levels - 1) for child in value)
    return json.dumps(value, separators=(",", ":"), allow_nan=False).encode("ascii")


def _either(value: object, levels: int) -> bytes:
    try:
        return orjson.dumps(value)
    except orjson.JSONEncodeError:
        return _exactly(value, levels)
