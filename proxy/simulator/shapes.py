"""Small checks of JSON values, and functions that combine them, so that a table can describe the shape of a body.

A check gets the dotted name of a field and its value, and yields problems. Problems never quote values.
"""

import base64
import binascii
import json
import re
from collections.abc import Iterator, Mapping
from types import MappingProxyType

from proxy.simulator.model import Check, Json, Problem

_NONE: Mapping[str, Check] = MappingProxyType({})
_ULID = re.compile(r"[0-7][0-9A-HJKMNP-TV-Z]{25}", re.IGNORECASE)
_E164 = re.compile(r"\+[1-9][0-9]{1,14}")


def below(field: str, name: str) -> str:
    """Return the dotted name of `name` inside `field`."""
    return f"{field}.{name}" if field else name


def size_bytes(value: Json) -> int:
    """Return the size of `value` as compact JSON, or of its text if it is a string."""
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    return len(text.encode("utf-8", "surrogatepass"))


def text(*, max_bytes: int | None = None, allowed: tuple[str, ...] = ()) -> Check:
    """Return a check for a string that is not empty, and optionally one of `allowed`."""

    def check(field: str, value: Json) -> Iterator[Problem]:
        if not isinstance(value, str) or not value:
            yield Problem(field, "must be a string that is not empty")
        elif allowed and value not in allowed:
            yield Problem(field, f"must be one of {', '.join(allowed)}")
        elif max_bytes is not None and size_bytes(value) > max_bytes:
            yield Problem(field, f"must not be longer than {max_bytes} bytes", "too_large")

    return check


def pattern(expression: re.Pattern[str], what: str) -> Check:
    """Return a check for a string that matches `expression` as a whole; `what` describes it."""

    def check(field: str, value: Json) -> Iterator[Problem]:
        if not isinstance(value, str) or expression.fullmatch(value) is None:
            yield Problem(field, f"must be {what}")

    return check


ulid = pattern(_ULID, "a ULID")
e164 = pattern(_E164, "a phone number in E.164 form")
digits = pattern(re.compile(r"[0-9]+"), "an integer")
email = pattern(re.compile(r"[^@]+@[^@]+"), "an email address")


def string(field: str, value: Json) -> Iterator[Problem]:
    """Accept any string, even an empty one."""
    if not isinstance(value, str):
        yield Problem(field, "must be a string")


def integer(field: str, value: Json) -> Iterator[Problem]:
    """Accept an integer; a boolean is none."""
    if not isinstance(value, int) or isinstance(value, bool):
        yield Problem(field, "must be an integer")


def boolean(field: str, value: Json) -> Iterator[Problem]:
    """Accept true and false."""
    if not isinstance(value, bool):
        yield Problem(field, "must be a boolean")


def base64_text(field: str, value: Json) -> Iterator[Problem]:
    """Accept a string in standard base64."""
    try:
        if not isinstance(value, str):
            raise TypeError  # noqa: TRY301  # one refusal for both ways of not being base64
        base64.b64decode(value, validate=True)
    except (binascii.Error, ValueError, TypeError):
        yield Problem(field, "must be base64")


def person_id(field: str, value: Json) -> Iterator[Problem]:
    """Accept an identifier of a person or object: a string or integer of at most 150 bytes (Track API reference, Limits)."""
    if isinstance(value, bool) or not isinstance(value, str | int) or value == "":
        yield Problem(field, "must be a string that is not empty")
    elif size_bytes(str(value)) > 150:  # noqa: PLR2004  # the documented limit
        yield Problem(field, "must not be longer than 150 bytes", "too_large")


def any_of(*checks: Check) -> Check:
    """Return a check that accepts a value if one of `checks` does; else it yields the problems of the first."""

    def check(field: str, value: Json) -> Iterator[Problem]:
        found = [list(inner(field, value)) for inner in checks]
        if all(found):
            yield from found[0]

    return check


def both(*checks: Check) -> Check:
    """Return a check that yields the problems of the first of `checks` that has any."""

    def check(field: str, value: Json) -> Iterator[Problem]:
        for inner in checks:
            if problems := list(inner(field, value)):
                yield from problems
                return

    return check


def null(field: str, value: Json) -> Iterator[Problem]:
    """Accept null and a missing body."""
    if value is not None:
        yield Problem(field, "must be null")


def json_object(field: str, value: Json) -> Iterator[Problem]:
    """Accept any object, even an empty one."""
    if not isinstance(value, dict):
        yield Problem(field or "body", "must be a JSON object")


def at_most_bytes(limit: int, status: int = 400) -> Check:
    """Return a check of the size of a value as compact JSON."""

    def check(field: str, value: Json) -> Iterator[Problem]:
        if size_bytes(value) > limit:
            yield Problem(field or "body", f"must not be larger than {limit} bytes", "too_large", status)

    return check


def fields(required: Mapping[str, Check] = _NONE, optional: Mapping[str, Check] = _NONE) -> Check:
    """Return a check of an object's members; other members may have any value."""

    def check(field: str, value: Json) -> Iterator[Problem]:
        if not isinstance(value, dict):
            yield Problem(field or "body", "must be a JSON object")
            return
        for name, inner in required.items():
            member = value.get(name)
            if member is None or member == "":
                yield Problem(below(field, name), "is required", "required")
            else:
                yield from inner(below(field, name), member)
        for name, inner in optional.items():
            if value.get(name) is not None:
                yield from inner(below(field, name), value[name])

    return check


def exactly_one(choices: Mapping[str, Check]) -> Check:
    """Return a check of an object that has exactly one of the members `choices`."""

    def check(field: str, value: Json) -> Iterator[Problem]:
        held = [name for name in choices if isinstance(value, dict) and value.get(name) is not None]
        if len(held) != 1 or not isinstance(value, dict):
            yield Problem(field, f"must hold exactly one of {', '.join(choices)}", "required" if not held else "invalid")
        else:
            yield from choices[held[0]](below(field, held[0]), value[held[0]])

    return check


def at_least_one(*names: str) -> Check:
    """Return a check of an object that has at least one of `names`, which are dotted."""

    def check(field: str, value: Json) -> Iterator[Problem]:
        if not any(_held(value, name) for name in names):
            yield Problem(field or "body", f"must hold one of {', '.join(names)}", "required")

    return check


def _held(value: Json, name: str) -> bool:
    for key in name.split("."):
        value = value.get(key) if isinstance(value, dict) else None
    return value is not None and value != ""


def array(item: Check, *, at_least: int = 0, at_most: int | None = None) -> Check:
    """Return a check of a list and of each of its items."""

    def check(field: str, value: Json) -> Iterator[Problem]:
        if not isinstance(value, list):
            yield Problem(field or "body", "must be an array")
        elif len(value) < at_least:
            yield Problem(field, f"must hold {at_least} or more items", "required")
        elif at_most is not None and len(value) > at_most:
            yield Problem(field, f"must not hold more than {at_most} items", "too_large")
        else:
            for member in value:
                yield from item(field, member)

    return check


def values_of(item: Check) -> Check:
    """Return a check of every member of an object by `item`. Problems do not name members: keys are the caller's data."""

    def check(field: str, value: Json) -> Iterator[Problem]:
        if not isinstance(value, dict):
            yield Problem(field or "body", "must be a JSON object")
        else:
            for member in value.values():
                yield from item(field, member)

    return check


# A body identifies a person by exactly one of these (Track API reference).
PERSON: Mapping[str, Check] = MappingProxyType({"id": person_id, "email": email, "cio_id": person_id})
