"""Disguises of one value in a JSON body: under which name, of which type, in what, and in what that is.

A disguise is built from the inside out, of parts that have a name, so that a case can be written down, changed and made
smaller. Each part is something that design 5 says the policy sees through; nothing else is drawn.
"""

import json
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any
from urllib.parse import quote

from tests.flows.test_leaks import escaped

Leaf = Callable[[str, int], object]

# What the canary is: `text` is it, `digits` a number that stands for it.
LEAVES: Mapping[str, Leaf] = MappingProxyType(
    {
        "text": lambda text, _: text,
        "number": lambda _, digits: digits,
        "fraction": lambda _, digits: digits + 0.5,
        "list": lambda text, _: [text],
        "object": lambda text, _: {"x": text},
        "lists": lambda text, _: [["a", text], [text]],
        "objects": lambda text, _: [{"x": {"y": text}}],
        "key": lambda text, _: {text: 1},
        "numbers": lambda _, digits: [digits, 1],
        "words": lambda text, _: f"it is {text}, they say",
        "quoted": lambda text, _: f'"{text}"',
        "parts": lambda text, _: f"536;{text}",
        "more parts": lambda text, _: f"536 {text}",
    }
)

# What a name of a field may look like, which is `ssn` to everybody who reads it.
NAMES: Mapping[str, str] = MappingProxyType(
    {
        "plain": "ssn",
        "upper": "SSN",
        "dashed": "s-s-n",
        "spaced": " ssn ",
        "wide": "\uff53\uff53\uff4e",
        "zero width": "ss\u200bn",
        "long s": "\u017fsn",
        "bold": "\U0001d42c\U0001d42c\U0001d427",
        "dotted": "user.ssn",
        "dotted, first": "ssn.last",
        "bracketed": "user[ssn]",
        "indexed": "ssn[0]",
        "slashed": "user/ssn",
        "percent": "%73sn",
        "percent, dotted": "user%2Essn",
        "wide dot": "user\uff0essn",
        "small dot": "user\ufe52ssn",
        "leader": "user\u2024ssn",
        "quoted": '"ssn"',
        "coloned": "ssn:",
    }
)

Carrier = Callable[[str, Any], object]


def _param(text: str, before: str = "plan=a&", after: str = "&x=1") -> Carrier:
    def carried(name: str, value: object) -> str:
        spelled = value if isinstance(value, str) else json.dumps(value)
        return text.format(f"{before}{name}={quote(spelled, safe='')}{after}")

    return carried


def _raw(after: str, around: str = "{}") -> Carrier:
    """A parameter whose value was not coded, as people write it into a text."""

    def carried(name: str, value: object) -> str:
        spelled = value if isinstance(value, str) else json.dumps(value)
        return f"https://x.example/?a=1&{name}={around.format(spelled)}{after}"

    return carried


# How a name and a value are told to belong together.
CARRIERS: Mapping[str, Carrier] = MappingProxyType(
    {
        "key": lambda name, value: {name: value},
        "key among others": lambda name, value: {"a": 1, name: value, "b": [2]},
        "pair by name": lambda name, value: {"name": name, "value": value},
        "pair by key": lambda name, value: {"value": value, "key": name},
        "pair by field": lambda name, value: {"field": name, "value": value, "type": "x"},
        "list of pairs": lambda name, value: [[name, value], ["a", 1]],
        "objects of pairs": lambda name, value: [{"name": "a", "value": 1}, {"name": name, "value": value}],
        "query": _param("https://x.example/?{}#top"),
        "query alone": _param("?{}", "", ""),
        "form": _param("{}"),
        "form with semicolons": _param("{}", "a=1;", ";b=2"),
        "fragment": _param("https://x.example/#{}", "", "&x=1"),
        "raw query": _raw("&x=1"),
        "quoted query": _raw("&x=1", '"{}"'),
        "query in single quotes": _raw("&x=1", "'{}'"),
    }
)
# Those that JSON text spells by a quoted name and a colon.
KEYED = frozenset({"key", "key among others"})

Wrap = Callable[[Any], object]


def _spelled(value: object) -> str:
    return json.dumps(value, ensure_ascii=False)


def _escaped(value: object) -> str:
    return escaped(json.dumps(value))


def _truncated(value: object) -> str:
    return _spelled({"a": 1, "v": value}).rstrip('}]" ')


# Whatever JSON value stands inside, something around it.
WRAPS: Mapping[str, Wrap] = MappingProxyType(
    {
        "object": lambda value: {"profile": value},
        "list": lambda value: [value],
        "lists": lambda value: [[1, value]],
        "dotted": lambda value: {"a.b": value},
        "held": _spelled,
        "held, spaced": lambda value: f" \n\t{json.dumps(value, indent=1)} \r\n",
        "held, escaped": json.dumps,
        "held, letters escaped": _escaped,
        "held twice": lambda value: _spelled(_spelled(value)),
        "held, hidden by a key": lambda value: f'{{"p":{_spelled(value)},"p":1}}',
        "held, deeper hidden": lambda value: f'[{{"p":[{_spelled(value)}],"q":2,"p":{{}}}}]',
        "held, beside 1e400": lambda value: f'{{"n":1e400,"v":{_spelled(value)}}}',
        "held, beside many digits": lambda value: f'{{"n":{"7" * 4400},"v":{_spelled(value)}}}',
        "held, beside a rounded number": lambda value: f'{{"n":0.1000000000000000055511151231257827,"v":{_spelled(value)}}}',
        "held, beside NaN": lambda value: f'{{"n":NaN,"v":{_spelled(value)}}}',
        "held, beside a surrogate": lambda value: f'{{"n":"\\ud83d","v":{_spelled(value)}}}',
        "in a query": lambda value: f"https://x.example/?q={quote(_spelled(value), safe='')}&r=1",
        "in a form": lambda value: f"a=1&q={quote(_spelled(value), safe='')}",
    }
)
# Those that code what is in them, and those that spell it by escapes.
CODED = frozenset({"in a query", "in a form", "held, letters escaped"})
ESCAPING = frozenset({"held twice", "held, escaped", "held, spaced"})
# Texts that hold JSON and are none: the value after a quoted name and a colon is masked in them.
BROKEN: Mapping[str, Wrap] = MappingProxyType(
    {
        "truncated": _truncated,
        "truncated in front": lambda value: _spelled([1, {"v": value}])[1:],
        "concatenated": lambda value: f'{{"a":1}}{_spelled(value)}',
        "followed by text": lambda value: f"{_spelled(value)} and more",
        "behind text": lambda value: f"2026-11-25 08:00:00 INFO got {_spelled(value)}",
        "behind a BOM": lambda value: f"\ufeff{_spelled(value)}",
        "behind a space": lambda value: f"\u00a0{_spelled(value)}",
        "trailing comma": lambda value: f'{{"v":{_spelled(value)},}}',
        "lines": lambda value: f'{{"a":1}}\n{_spelled(value)}\n',
        "JSONP": lambda value: f"callback({_spelled(value)});",
        "repr": lambda value: repr({"v": value}),
        "control character": lambda value: f'{{"a":"\t","v":{_spelled(value)}}}',
        "comment": lambda value: f'{{/* x */"v":{_spelled(value)}}}',
        "quoted again": lambda value: f"x{_spelled(_spelled(value))}",
        "infinity": lambda value: f'{{"n":Infinity,"v":{_spelled(value)}}}',
    }
)
