"""A JSON value to bytes: compact, in UTF-8, equal to the value when read back."""

import json

import orjson

# Down to this level, what orjson cannot write is looked for: most of a body need not be written by the standard library,
# which takes six times as long.
_LEVELS = 3


def encode(value: object) -> bytes:
    """Return `value`, as `decode.parse` gave it, as JSON.

    What orjson cannot write (integers beyond 64 bits, lone surrogates) the standard library writes, surrogates as the escapes
    they came as.
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
