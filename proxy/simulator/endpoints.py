"""The table of all endpoints, and the match of a request to its row.

Paths are matched as received: static segments byte for byte, and a parameter as one segment, which is decoded once. Nothing is
normalised, so a client or proxy that forms a wrong path gets an error.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from urllib.parse import unquote_to_bytes

from proxy.simulator import app, content, entity, pipelines, send, track
from proxy.simulator.model import Api, Problem, Row
from proxy.simulator.shapes import digits, person_id, text

ENDPOINTS: tuple[Row, ...] = (*track.ROWS, *entity.ROWS, *send.ROWS, *app.ROWS, *content.ROWS, *pipelines.ROWS)

_KINDS = {
    "text": text(),
    "int": digits,
    "person": person_id,
    "suppression": text(allowed=("blocks", "bounces", "spam_reports", "invalid_emails")),
}


@dataclass(frozen=True, slots=True)
class Found:
    """The row of a request, the decoded parameters of its path, and the problems with these parameters."""

    row: Row
    parameters: Mapping[str, str]
    problems: Sequence[Problem]


@dataclass(frozen=True, slots=True)
class Missing:
    """The result for a request without a row. `methods` are the methods of the path; it is empty for an unknown path."""

    methods: tuple[str, ...]


class Table:
    """An index of rows by the number of their segments."""

    def __init__(self, rows: Iterable[Row] = ENDPOINTS) -> None:
        """Index `rows`; if several match a path, the one with the earliest static segment wins."""
        self._by_length: dict[int, list[tuple[tuple[str, ...], Row]]] = {}
        for row in rows:
            template = tuple(row.path.split("/"))
            self._by_length.setdefault(len(template), []).append((template, row))
        for templates in self._by_length.values():
            templates.sort(key=lambda one: [part.startswith("{") for part in one[0]])

    def find(self, method: str, path: str) -> Found | Missing:
        """Return the row of `method` and `path`, which is the raw target without its query, or `Missing`."""
        segments = path.split("/")
        methods = []
        for template, row in self._by_length.get(len(segments), ()):
            if not _fits(template, segments):
                continue
            if row.method == method:
                return _found(row, template, segments)
            methods.append(row.method)
        return Missing(tuple(sorted(set(methods))))


def _fits(template: Sequence[str], segments: Sequence[str]) -> bool:
    return all(
        _is_name(segment) if part.startswith("{") else part == segment for part, segment in zip(template, segments, strict=True)
    )


def _is_name(segment: str) -> bool:
    """Return whether a raw segment can be a parameter. Servers before the real service resolve dot segments, so they cannot."""
    return segment != "" and unquote_to_bytes(segment) not in {b".", b".."}


def _found(row: Row, template: Sequence[str], segments: Sequence[str]) -> Found:
    parameters, problems = {}, []
    for part, segment in zip(template, segments, strict=True):
        if not part.startswith("{"):
            continue
        name, _, kind = part[1:-1].partition(":")
        try:
            parameters[name] = unquote_to_bytes(segment).decode()
        except UnicodeDecodeError:
            problems.append(Problem(name, "is not UTF-8"))
            continue
        problems.extend(_KINDS[kind or "text"](name, parameters[name]))
    # The App API answers 404 for an id of the wrong form, as for any id that it does not find.
    status = 404 if row.api is Api.APP else 400
    return Found(row, parameters, [Problem(one.field, one.message, one.reason, status) for one in problems])


TABLE = Table()
