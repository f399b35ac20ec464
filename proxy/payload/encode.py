"""A JSON value to bytes: compact, in UTF-8, equal to the value when read back."""

import json

import orjson


def encode(value: object) -> bytes:
    """Return `value`, as `decode.parse` gave it, as JSON.

    What orjson cannot write (integers beyond 64 bits, lone surrogates) the standard library writes, surrogates as the escapes
    they came as.
    """
    try:
        return orjson.dumps(value)
    except orjson.JSONEncodeError:
        return json.dumps(value, separators=(",", ":"), allow_nan=False).encode("ascii")
