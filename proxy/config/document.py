"""YAML text to plain values, each with the line it stands on.

* YAML 1.2's core schema (yaml.org/spec/1.2.2, section 10.3), under which all JSON is YAML: `off`, `no` and `12:30` are text.
* Keys are text, and none stands twice in a mapping. Tags are refused: the schema of the configuration decides on types.
* Size, depth and the number of values, aliases counted as often as they are used, are bounded.
* No message shows any of the text: somebody may have pasted a secret there.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import yaml

from proxy.config.values import KeyPath
from proxy.credentials.model import for_expansion

# What a document holds: None, booleans, numbers, text, and lists and dictionaries of them.
Plain = Any

DOCUMENT_MAX_BYTES = 1024 * 1024
DEPTH_MAX = 32
VALUES_MAX = 100_000
# A longer run of digits is text: no number of ours has that many, and Python refuses to convert 4,300.
NUMBER_MAX_CHARACTERS = 64

# libyaml where the wheel has it, which is twenty times faster; both give the same events.
LOADER: type = getattr(yaml, "CSafeLoader", yaml.SafeLoader)

# Control characters; what YAML 1.1 took for ends of lines, or for nothing, and 1.2 does not; and bytes of the environment that
# are no text, which Python gives as surrogates.
_INVISIBLE = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff\ufeff]")

_WORDS: Mapping[str, bool | None] = {
    **dict.fromkeys(("", "~", "null", "Null", "NULL"), None),
    **dict.fromkeys(("true", "True", "TRUE"), True),
    **dict.fromkeys(("false", "False", "FALSE"), False),
}
_NUMBERS: Mapping[re.Pattern[str], Any] = {
    re.compile(r"[-+]?[0-9]+"): int,
    re.compile(r"0o[0-7]+"): lambda text: int(text, 0),
    re.compile(r"0x[0-9a-fA-F]+"): lambda text: int(text, 0),
    re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?"): float,
    re.compile(r"[-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN)"): lambda text: float(text.replace(".", "")),
}


class NotADocumentError(Exception):
    """A text is not one YAML document within bounds; `line` (from 1) is None where it is not known."""

    def __init__(self, problem: str, line: int | None = None) -> None:
        """Say what is wrong, without the text."""
        super().__init__(problem)
        self.problem = problem
        self.line = line


@dataclass(frozen=True, slots=True)
class Document:
    """A value, and the line (from 1) of each value in it. An empty text is None."""

    value: Plain
    lines: Mapping[KeyPath, int]


def parse(text: str, loader: type = LOADER) -> Document:
    """Return the document that `text` spells.

    Raises:
        NotADocumentError: it is not one YAML document within bounds.
    """
    if len(text) > DOCUMENT_MAX_BYTES:
        raise NotADocumentError(f"is longer than {DOCUMENT_MAX_BYTES} bytes")
    if found := _INVISIBLE.search(text):
        raise NotADocumentError("holds a character that cannot be seen", text.count("\n", 0, found.start()) + 1)
    builder = _Builder(yaml.parse(text, Loader=loader))
    try:
        value = builder.document()
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line = None if mark is None else mark.line + 1
        raise NotADocumentError(_shown(error.problem, text, line), line) from None
    except yaml.YAMLError:
        raise NotADocumentError("is not YAML: it holds a character that YAML does not allow") from None
    return Document(value, builder.lines)


# What the parser may quote: marks of the language, and the names of its tokens. All else in quotes may be the text itself.
_MARKS = re.compile(r"""(['"])(\\?[^\w\s'"]|\\t|<[a-z ]+>)\1""")
# What usually is behind a complaint of either parser, by a part of it.
_ADVICE: Mapping[str, str] = {
    "start any token": "indent with spaces, and put a text that begins with a mark in quotes",
    "mapping values are not allowed": "put a text that holds a colon and a space in quotes",
    "expected ':'": "a key needs a colon and a space after it",
    "block mapping": "keys of one mapping begin in the same column",
    "expected <block end>": "keys of one mapping begin in the same column",
    "expected ',' or": "a bracket is not closed, or a comma is missing",
}


def _shown(problem: str | None, text: str, line: int | None) -> str:
    """Return why `text` is not YAML in the parser's words, unless they quote it, and what to do."""
    lines = text.splitlines()
    near = "" if line is None else " ".join(one for one in lines[max(0, line - 2) : line] if "${" in one)
    if near and (told := for_expansion(near)):
        return f"is not YAML: {told}"
    advice = next((f"; {told}" for part, told in _ADVICE.items() if problem is not None and part in problem), "")
    quotes = problem is None or any(mark in _MARKS.sub("", problem) for mark in "'\"")
    return f"is not YAML{'' if quotes else f': {problem}'}{advice}"


class _Builder:
    """Builds values from the events of a parser, which does not recurse."""

    def __init__(self, events: Iterator[Any]) -> None:
        self._events = events
        self._anchors: dict[str, tuple[Plain, int]] = {}
        self._values = 0
        self.lines: dict[KeyPath, int] = {}

    def document(self) -> Plain:
        """Return the only document's value."""
        next(self._events)  # the start of the stream
        if isinstance(next(self._events), yaml.StreamEndEvent):
            return None
        value = self._value(next(self._events), ())
        next(self._events)  # the end of the document
        if not isinstance(event := next(self._events), yaml.StreamEndEvent):
            raise NotADocumentError("holds a second document", _line(event))
        return value

    def _value(self, event: Any, path: KeyPath) -> Plain:  # noqa: ANN401 - pyyaml does not type its events
        line = _line(event)
        self.lines.setdefault(path, line)
        if len(path) > DEPTH_MAX:
            raise NotADocumentError(f"is nested deeper than {DEPTH_MAX}", line)
        if isinstance(event, yaml.AliasEvent):
            if event.anchor not in self._anchors:
                raise NotADocumentError("an alias refers to nothing that ends before it", line)
            value, size = self._anchors[event.anchor]
            self._count(size, line)
            return value
        before = self._values
        self._count(1, line)
        if event.tag is not None:
            raise NotADocumentError("holds a tag; write the value without one", line)
        value = self._built(event, path)
        if event.anchor is not None:
            self._anchors[event.anchor] = value, self._values - before
        return value

    def _built(self, event: Any, path: KeyPath) -> Plain:  # noqa: ANN401 - pyyaml does not type its events
        match event:
            case yaml.ScalarEvent():
                return _resolved(event.value) if event.implicit[0] else event.value
            case yaml.SequenceStartEvent():
                return self._sequence(path)
            case _:
                return self._mapping(path)

    def _sequence(self, path: KeyPath) -> list[Plain]:
        values: list[Plain] = []
        while not isinstance(event := next(self._events), yaml.SequenceEndEvent):
            values.append(self._value(event, (*path, len(values))))
        return values

    def _mapping(self, path: KeyPath) -> dict[str, Plain]:
        values: dict[str, Plain] = {}
        while not isinstance(event := next(self._events), yaml.MappingEndEvent):
            if not isinstance(event, yaml.ScalarEvent) or event.tag is not None:
                raise NotADocumentError("a key must be plain text", _line(event))
            if event.value in values:
                raise NotADocumentError("a key stands twice in the same mapping; one must go", _line(event))
            self.lines[(*path, event.value)] = _line(event)  # the key's line: its value may begin on the next
            values[event.value] = self._value(next(self._events), (*path, event.value))
        return values

    def _count(self, size: int, line: int) -> None:
        self._values += size
        if self._values > VALUES_MAX:
            raise NotADocumentError(f"holds more than {VALUES_MAX} values, aliases counted as often as they are used", line)


def _line(event: Any) -> int:  # noqa: ANN401 - pyyaml does not type its events
    line: int = event.start_mark.line + 1
    return line


def _resolved(text: str) -> Plain:
    """Return what a plain scalar means."""
    if text in _WORDS:
        return _WORDS[text]
    if len(text) <= NUMBER_MAX_CHARACTERS:
        for pattern, number in _NUMBERS.items():
            if pattern.fullmatch(text):
                return number(text)
    return text
