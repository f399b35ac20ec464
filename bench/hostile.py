r"""Bodies that are made to take long, as data: a search changes and crosses them, and anybody can build one again.

A `Recipe` says where values stand (`FRAMES`), of what shape each is (`SHAPES`), and what its keys and texts are made of:
tokens, written one after another. `{n}` in a token is a number that differs each time. `held` says how often the whole value is
put into a string as JSON. `FAMILIES` are the kinds that are known to be dear: from each a search begins.
"""

import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from random import Random  # noqa: TID251 - made from a seed
from typing import Any

Pair = tuple[str, object]


@dataclass(frozen=True)
class Frame:
    """A call, and how its body is built of pairs: `group` of them, or fewer, share one object, of at most `group_bytes`."""

    method: str
    target: str
    body: Callable[[list[list[Pair]]], object]
    group: int = 1_000_000
    group_bytes: int = 1_000_000_000


def _objects(groups: list[list[Pair]]) -> list[dict[str, object]]:
    return [dict(group) for group in groups]


def _one(groups: list[list[Pair]]) -> dict[str, object]:
    return dict(pair for group in groups for pair in group)


def _identify(number: int, attributes: dict[str, object]) -> dict[str, object]:
    return {"type": "person", "action": "identify", "identifiers": {"id": str(number)}, "attributes": attributes}


def _happened(number: int, attributes: dict[str, object]) -> dict[str, object]:
    return {**_identify(number, attributes), "action": "event", "name": "seen"}


def _tracked(number: int, properties: dict[str, object]) -> dict[str, object]:
    return {"type": "track", "userId": str(number), "event": "seen", "properties": properties}


def _batch(item: Callable[[int, dict[str, object]], dict[str, object]]) -> Callable[[list[list[Pair]]], object]:
    return lambda groups: {"batch": [item(number, each) for number, each in enumerate(_objects(groups))]}


def _email(**content: object) -> dict[str, object]:
    return {"to": "a@example.com", "identifiers": {"id": "5"}, "transactional_message_id": 1, **content}


FRAMES: dict[str, Frame] = {
    "identify": Frame("PUT", "/api/v1/customers/5", _one),
    "event": Frame("POST", "/api/v1/customers/5/events", lambda groups: {"name": "seen", "data": _one(groups)}),
    "people": Frame("POST", "/api/v2/batch", _batch(_identify), 250, 30_000),
    "events": Frame("POST", "/api/v2/batch", _batch(_happened), 10_000, 30_000),
    "tiny": Frame("POST", "/api/v2/batch", _batch(_identify), 1),
    "tracked": Frame("POST", "/v1/batch", _batch(_tracked), 10_000, 30_000),
    "email": Frame("POST", "/v1/send/email", lambda groups: _email(message_data=_one(groups))),
    "headers": Frame("POST", "/v1/send/email", lambda groups: _email(body="\n".join(str(v) for _, v in _one(groups).items()))),
    "trigger": Frame("POST", "/v1/campaigns/7/triggers", lambda groups: {"ids": ["5"], "data": _one(groups)}),
    "per user": Frame("POST", "/v1/campaigns/7/triggers", lambda groups: {
        "per_user_data": [{"id": str(number), "data": each} for number, each in enumerate(_objects(groups))]}, 3),
    "members": Frame("POST", "/api/v1/segments/3/add_customers", lambda groups: {"ids": list(_one(groups).values())}),
    "recipients": Frame("POST", "/v1/campaigns/7/triggers", lambda groups: {"emails": list(_one(groups).values())}),
    "bare": Frame("PUT", "/api/v1/customers/5", lambda groups: list(_one(groups).values())),
    "under a hash": Frame("POST", "/api/v1/customers/5/events", lambda groups: {
        "name": "seen", "data": {"phone": list(_one(groups).values())}}),
    "hashed whole": Frame("POST", "/api/v1/customers/5/events", lambda groups: {
        "name": "seen", "data": {"phone": _one(groups)}}),
}  # fmt: skip


def _nested(text: str, depth: int) -> object:
    value: object = text
    for _ in range(depth):
        value = [value]
    return value


SHAPES: dict[str, Callable[[str, str], object]] = {
    "text": lambda _, text: text,
    "number": lambda _, text: int("".join(filter(str.isdigit, text))[:18] or "7"),
    "fraction": lambda _, text: float("0." + ("".join(filter(str.isdigit, text))[:15] or "7")),
    "list": lambda _, text: [text],
    "texts": lambda _, text: [text] * 50,
    "object": lambda key, text: {key: text},
    "empty object": lambda _, __: {},
    "pair": lambda key, text: {"name": key, "value": text},
    "pairs": lambda key, text: [[key, text], [text, key]],
    "ids": lambda _, text: {"id": text, "email": text},
    "deep": lambda _, text: _nested(text, 40),
    "held": lambda key, text: json.dumps({key: text}, ensure_ascii=False),
    "held twice": lambda key, text: json.dumps([json.dumps({key: text}, ensure_ascii=False)], ensure_ascii=False),
    "held, twice the key": lambda key, text: f"{{{json.dumps(key)}:{json.dumps(text)},{json.dumps(key)}:1}}",
    "parameter": lambda key, text: f"https://x/?{key}={text}&{key}={text}",
}  # fmt: skip

TOKENS = (
    '"', '["', '{"', "[", "{", "]", "}", '":', ",", ":", "=", "&", ";", "?", "#", "/", "%25", "%22", "%3D", "%26", "%5B", "%7B",
    "%", "%2525", "+", " ", "\n", "\t", "\\", "'", ".", "-", "@", "_", "a", "b", "é", "名", "\u0301", "\u0316", "\ufdfa",
    "\uff0e", "\u200b", "\ud83d\ude00", "1", "0", "7", "{n}", "4111111111111111", "4111-", "+1 212 555 0123", "+1", "10.1.2.",
    "GB82", "536-90-", "AB12", "B-12", "B-1234", "AKIA", "a@b.co", "a@", "@b.", ".co",
    "ssn", "phone", "note", "email", "id", "name", "value",
    "ssn=", "phone:", '"ssn":', "'ssn':", "null", "true", "1e400", "NaN", "://", "http", "address.street",
)  # fmt: skip


@dataclass(frozen=True)
class Recipe:
    """How a body is made, whatever its size."""

    frame: str
    shape: str
    key: tuple[str, ...]
    text: tuple[str, ...]
    times: int = 1
    """How often the tokens of a text stand in one; 0: one text fills the body."""
    held: int = 0
    key_times: int = 1

    def body(self, size_bytes: int, salt: int = 0) -> bytes:
        """Return a body of about `size_bytes`, and not more; with another `salt`, keys that were not seen before."""
        at_most, best = size_bytes, b"{}"
        for _ in range(4):
            made = self._body(at_most, salt)
            if len(best) < len(made) <= size_bytes:
                best = made
            if 0.95 * size_bytes < len(made) <= size_bytes:
                break
            at_most = min(int(at_most * 0.98 * size_bytes / len(made)), size_bytes * 4)
        return best

    def _body(self, about_bytes: int, salt: int) -> bytes:
        frame = FRAMES[self.frame]
        repeats = self.times or max(1, (about_bytes - 100) // max(1, len(_encoded(self._text(salt, 1))) - 2))
        groups: list[list[Pair]] = [[]]
        used, in_group, number = 100, 0, salt
        while used < about_bytes:
            key = self._key(number)
            value = self._value(number, key, self._text(number, repeats))
            size = len(_encoded([key, value]))
            if used + size > about_bytes and number > salt:
                break
            if len(groups[-1]) >= frame.group or (in_group + size > frame.group_bytes and groups[-1]):
                groups.append([])
                in_group = 0
                used += 90
            groups[-1].append((key, value))
            used += size
            in_group += size
            number += 1
            if not self.times:
                break
        return _encoded(self._framed(groups))

    def _framed(self, groups: list[list[Pair]]) -> object:
        return FRAMES[self.frame].body(groups)

    def _key(self, number: int) -> str:
        text = "".join(self.key).replace("{n}", str(number)) * self.key_times
        return text if "{n}" in self.key else f"{text}{number:x}"

    def _text(self, number: int, repeats: int) -> str:
        return "".join(self.text).replace("{n}", str(number)) * repeats

    def _value(self, number: int, key: str, text: str) -> object:
        value = SHAPES[self.shape]("".join(self.key) or key or str(number), text)
        for _ in range(self.held):
            value = json.dumps(value if isinstance(value, dict | list) else [value], ensure_ascii=False)
        return value

    def spelled(self) -> str:
        """Return what says how to build it again."""
        return json.dumps(asdict(self), ensure_ascii=True)


def recipe(document: dict[str, Any]) -> Recipe:
    """Return the recipe that `Recipe.spelled` spells, read from JSON."""
    return Recipe(**{**document, "key": tuple(document["key"]), "text": tuple(document["text"])})


def _encoded(value: object) -> bytes:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "surrogatepass")


def _family(frame: str, shape: str, text: Sequence[str], key: Sequence[str] = ("k",), **rest: int) -> Recipe:
    return Recipe(frame, shape, tuple(key), tuple(text), **rest)


FAMILIES: dict[str, Recipe] = {
    "strings that look like JSON": _family("event", "text", ['["']),
    "the same, in a send": _family("email", "text", ['["']),
    "a list of them": _family("bare", "text", ['["']),
    "parameters without an end": _family("event", "text", ["a", "=", "b", "=", "c", "=", "d", "&"], times=0),
    "the same, many": _family("email", "text", ["a", "=", "b", "=", "c", "=", "d", "&"], times=8),
    "phone numbers as integers": _family("members", "number", ["1212555", "0123"]),
    "the same in data": _family("event", "number", ["12125550123"]),
    "percent-coded percents": _family("event", "text", ["a", "=", "%2525252541", "&"], times=0),
    "keys that unfold": _family("event", "number", ["7"], ["\ufdfa", "{n}"], key_times=8),
    "brackets in strings": _family("event", "text", ["["] * 90 + ['"']),
    "a list under a hash": _family("under a hash", "text", ["a"]),
    "numbers under a hash": _family("under a hash", "number", ["7"]),
    "an object hashed whole": _family("hashed whole", "number", ["7"]),
    "short texts that are not ASCII": _family("event", "texts", ["é"]),
    "single digits": _family("event", "number", ["7"]),
    "ids of a segment": _family("members", "text", ["{n}"]),
    "addresses of a broadcast": _family("recipients", "text", ["a", "{n}", "@b.co"]),
    "data for each person": _family("per user", "text", ["{n}"]),
    "objects of tiny objects": _family("event", "object", ["1"], ["a"]),
    "empty objects": _family("event", "empty object", ["1"], ["a"]),
    "keys of combining marks": _family("event", "number", ["7"], ["\u0301"] * 4 + ["\u0316"] * 4, key_times=1000),
    "long keys": _family("event", "number", ["7"], ["long", "{n}"], key_times=40),
    "dotted keys": _family("event", "number", ["7"], ["a", ".", "{n}", "."], key_times=40),
    "addresses, and nearly": _family("event", "text", ["a@b.co", "_", "a@", "@b."], times=0),
    "nearly cards": _family("event", "text", ["4111-", "4111111111111111", " "], times=0),
    "percent-coded pieces": _family("event", "text", ["%41", "/"], times=0),
    "pairs": _family("event", "pair", ["1"], ["a"]),
    "pairs of two": _family("event", "pairs", ["1"], ["a"]),
    "a batch of tiny items": _family("tiny", "number", ["7"]),
    "JSON in strings": _family("event", "held", ["{n}"]),
    "JSON in JSON in strings": _family("event", "held twice", ["{n}"], held=1),
    "names in quotes": _family("event", "text", ['"ssn":', '"', "a", '"', ","], times=0),
    "names in quotes, not closed": _family("event", "text", ['"ssn":', "["], times=0),
    "nested in a string": _family("event", "deep", ['"'], held=1),
    "a URL in a parameter": _family("event", "parameter", ["%3D", "%26"], ["ssn"], times=4),
    "bodies of messages": _family("headers", "text", ["a", "=", "b", " "], times=0),
}  # fmt: skip

# Those that an application may well send: within Customer.io's limits they are never too much work.
PLAUSIBLE = frozenset(
    {
        "phone numbers as integers", "single digits", "short texts that are not ASCII", "ids of a segment",
        "addresses of a broadcast", "data for each person", "objects of tiny objects", "empty objects", "long keys", "pairs",
        "pairs of two", "a batch of tiny items", "JSON in strings",
    }
)  # fmt: skip


def changed(rng: Random, one: Recipe, other: Recipe) -> Recipe:
    """Return a recipe that is a little different from `one`, perhaps with a part of `other`."""
    for _ in range(rng.choice((1, 1, 2, 3))):
        match rng.randrange(9):
            case 0:
                one = replace(one, frame=rng.choice((other.frame, rng.choice(list(FRAMES)))))
            case 1:
                one = replace(one, shape=rng.choice((other.shape, rng.choice(list(SHAPES)))))
            case 2:
                one = replace(one, key=_spliced(rng, one.key, other.key))
            case 3 | 4 | 5:
                one = replace(one, text=_spliced(rng, one.text, other.text))
            case 6:
                one = replace(one, times=rng.choice((0, 1, 1, 2, 3, 5, 8, 20, 100)))
            case 7:
                one = replace(one, held=rng.choice((0, 0, 1, 2, 3)))
            case _:
                one = replace(one, key_times=rng.choice((1, 1, 2, 4, 10, 50, 400, 2000)))
    return one


def _spliced(rng: Random, tokens: tuple[str, ...], other: tuple[str, ...]) -> tuple[str, ...]:
    at = rng.randrange(len(tokens) + 1)
    match rng.randrange(5):
        case 0:
            made = (*tokens[:at], rng.choice(TOKENS), *tokens[at:])
        case 1:
            made = (*tokens[:at], *tokens[at + 1 :])
        case 2:
            made = (*tokens[:at], rng.choice(TOKENS), *tokens[at + 1 :])
        case 3:
            made = (*tokens[:at], *other[rng.randrange(len(other) + 1) :])
        case _:
            made = tuple(rng.choice(TOKENS) for _ in range(rng.randint(1, 5)))
    return made[:120] or ("a",)


def recipes(rng: Random) -> Iterator[Recipe]:
    """Yield recipes without end: those of the families, then any."""
    yield from FAMILIES.values()
    while True:
        yield Recipe(
            rng.choice(list(FRAMES)),
            rng.choice(list(SHAPES)),
            tuple(rng.choice(TOKENS) for _ in range(rng.randint(1, 3))),
            tuple(rng.choice(TOKENS) for _ in range(rng.randint(1, 6))),
            rng.choice((0, 1, 1, 4)),
        )
