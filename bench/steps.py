"""Bodies of one value that would take long in one step, however little it costs in all: `python -m bench.worst` looks for cost.

Each is of about as many bytes as asked for. What reads or compares a whole value at once has to stop in between, or refuse.
"""

import json
from collections.abc import Callable, Mapping
from types import MappingProxyType

_UNUSUAL = "".join(map(chr, [*range(0x3400, 0x9FFF), *range(0xA000, 0xA48C), *range(0xAC00, 0xD7A3)]))


def _filled(unit: str, size_bytes: int) -> str:
    return unit * (size_bytes // len(unit.encode()))


def _event(value: object, key: str = "note") -> bytes:
    return json.dumps({"name": "seen", "data": {key: value}}, ensure_ascii=False, separators=(",", ":")).encode()


def _text(unit: str, before: str = "") -> Callable[[int], bytes]:
    return lambda size_bytes: _event(before + _filled(unit, size_bytes))


def _key(unit: str) -> Callable[[int], bytes]:
    return lambda size_bytes: _event(1, _filled(unit, size_bytes))


def _held(element: str) -> Callable[[int], bytes]:
    return lambda size_bytes: _event("[" + ",".join([element] * (size_bytes // (len(element) + 1))) + "]", "data")


def _numbers(digits: int) -> Callable[[int], bytes]:
    return lambda size_bytes: b'{"name":"seen","data":[%b]}' % b",".join([b"1" * digits] * (size_bytes // (digits + 1)))


STEPS: Mapping[str, Callable[[int], bytes]] = MappingProxyType({
    "key of letters with accents": _key("\u00e9"),
    "key of letters and marks": _key("e\u0301"),
    "key of syllables": _key("\ud55c"),
    "key percent-coded": _key("%2525"),
    "key of escapes": _key("\\u0073"),
    "text of unusual characters": _text(_UNUSUAL),
    "text of characters not seen": _text("\u200b"),
    "text of emoji": _text("\U0001f600"),
    "text percent-coded": _text("%C3%A9"),
    "text of broken coding": _text("%zz"),
    "quoted name of escapes": _text("\\u0073", "'"),
    "held floats": _held("1.10"),
    "held floats with exponents": _held("1e1"),
    "held zeros": _held("0e0"),
    "held long floats": _held("1.000000000000000000000001"),
    "held integers": _held("1"),
    "held objects": _held("{}"),
    "held arrays": _held("[]"),
    "held integers of 299 digits": _held("1" * 299),
    "integers of 299 digits": _numbers(299),
    "integers of 999 digits": _numbers(999),
    "integers of 4,300 digits": _numbers(4300),
    "object hashed whole": lambda size_bytes: _event({f"{each:06x}": 1 for each in range(size_bytes // 11)}, "address"),
})  # fmt: skip
