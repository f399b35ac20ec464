"""What is wrong with a configuration, in one line each: where, what, and what to do. No line shows a value.

The key path in a line holds only keys that the schema knows, and positions in lists. A key that it does not know is shown only
if it looks like a setting's name: it may be a secret that was pasted in the wrong column.
"""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from types import MappingProxyType
from typing import Any, get_args

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from proxy.config.values import KeyPath, Section
from proxy.credentials.model import looks_like_a_key
from proxy.errors import ConfigError

# pydantic's kinds of error (docs.pydantic.dev/latest/errors/validation_errors) in our words, filled from their context.
_WORDS: Mapping[str, str] = MappingProxyType(
    {
        "bool_type": "must be true or false",
        "enum": "must be {expected}",
        "finite_number": "must be a finite number",
        "float_type": "must be a number",
        "greater_than": "must be more than {gt}",
        "greater_than_equal": "must be at least {ge}",
        "int_from_float": "must be a whole number",
        "int_type": "must be a whole number",
        "less_than": "must be less than {lt}",
        "less_than_equal": "must be at most {le}",
        "literal_error": "must be {expected}",
        "missing": "is required",
        "model_type": "must be a mapping",
        "string_pattern_mismatch": "must match {pattern}",
        "string_too_long": "must have at most {max_length} characters",
        "string_too_short": "must not be empty",  # nothing has a longer minimum
        "string_type": "must be text; write it in quotes",
        "too_long": "must have at most {max_length} items",
        "too_short": "must not be empty",  # nothing has a longer minimum
        "tuple_type": "must be a list",
        "value_error": "{error}",  # raised by a validator of ours, which shows no value
    }
)
# An unknown key that is shown: what looks like a setting's name.
_A_KEY = re.compile(r"[A-Za-z][A-Za-z0-9_-]{0,63}")


class InvalidConfigError(ConfigError):
    """Several things are wrong with a configuration; renders as one line for each."""

    def __init__(self, problems: Sequence[ConfigError]) -> None:
        """Hold every one of `problems`."""
        super().__init__("\n".join(map(str, problems)))
        self.problems = tuple(problems)


def each(error: ConfigError) -> tuple[ConfigError, ...]:
    """Return the single problems that `error` stands for."""
    return error.problems if isinstance(error, InvalidConfigError) else (error,)


def together(problems: Iterable[ConfigError]) -> ConfigError:
    """Return one error for at least one problem."""
    several = tuple(problems)
    return several[0] if len(several) == 1 else InvalidConfigError(several)


@dataclass(frozen=True, slots=True)
class Problem:
    """What pydantic found: the key path that may be shown, the place it is about (which may not), and our words."""

    path: KeyPath
    place: KeyPath
    words: str


def found(schema: type[Section], error: ValidationError) -> list[Problem]:
    """Return everything that is wrong with a document of `schema`."""
    details = error.errors(include_url=False, include_input=False)
    return [problem(schema, one) for one in details if not _is_echo(one, details)]


def _is_echo(error: ErrorDetails, errors: Iterable[ErrorDetails]) -> bool:
    """Tell whether a list is only called too short because items of it are wrong, which is told of them."""
    where = error["loc"]
    return error["type"] == "too_short" and any(one["loc"][: len(where)] == where for one in errors if one is not error)


def problem(schema: type[Section], error: ErrorDetails) -> Problem:
    """Return one thing that is wrong with a document of `schema`."""
    path, section = _known(schema, error["loc"])
    if error["type"] != "extra_forbidden":
        otherwise = f"is not allowed here; {schema.PAGE} says what is"
        words = _WORDS.get(error["type"], otherwise).format_map(error.get("ctx", {}))
        if error["type"] == "model_type":
            words += f" of {', '.join(section.model_fields)}"
        return Problem(path, path, words)
    key, keys = str(error["loc"][-1]), tuple(section.model_fields)
    close = get_close_matches(key.lower(), keys, n=1)
    advice = f"did you mean {close[0]}?" if close else f"it takes {', '.join(keys)}"
    named = f": {key}" if _A_KEY.fullmatch(key) and not looks_like_a_key(key) else ""
    return Problem(path, (*path, error["loc"][-1]), f"holds a key it does not know{named}; {advice}")


def _known(schema: type[Section], location: KeyPath) -> tuple[KeyPath, type[Section]]:
    """Return what of `location` the schema knows, and the innermost section it goes through."""
    path: list[str | int] = []
    section = schema
    below: type[Section] | None = schema
    for part in location:
        if isinstance(part, int):
            path.append(part)
        elif below is not None and part in below.model_fields:
            path.append(part)
            section = below
            below = next(sections(below.model_fields[part].annotation), None)
    return tuple(path), below or section


def sections(annotation: Any) -> Iterator[type[Section]]:  # noqa: ANN401 - an annotation has no type of its own
    """Find the sections that a value of this type can hold."""
    if isinstance(annotation, type) and issubclass(annotation, Section):
        yield annotation
    for argument in get_args(annotation):
        yield from sections(argument)


def dotted(path: KeyPath) -> str:
    """Return a key path as it is written in messages."""
    return ".".join(map(str, path))
