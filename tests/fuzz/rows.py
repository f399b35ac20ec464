"""Calls of every endpoint that takes a body: what a well-formed one holds, and where anything may stand in it."""

import re
from collections.abc import Iterator, Mapping
from types import MappingProxyType
from typing import Any

from proxy.api.endpoints import ENDPOINTS
from proxy.api.model import Endpoint, Identifier

Path = tuple[str, ...]
"""Keys, and `[]` for every element of an array."""

EACH = "[]"
ROWS: Mapping[str, Endpoint] = MappingProxyType({row.name: row for row in ENDPOINTS if row.method in ("POST", "PUT")})

_PERSON = {"type": "person", "action": "identify", "identifiers": {"id": "5"}}
# A body of some rows, and the objects in it that hold what an application likes; of every other row that is the body itself.
_KNOWN: Mapping[str, tuple[Any, tuple[Path, ...]]] = MappingProxyType(
    {
        "track.v1.identify": ({"plan": "pro"}, ((), ("profile",))),
        "track.v1.event": ({"name": "bought"}, (("data",), ("data", "order"), ())),
        "track.v1.anonymous_event": ({"name": "bought", "anonymous_id": "a1"}, (("data",),)),
        "track.v1.device.add": ({"device": {"id": "t", "platform": "ios"}}, (("device", "attributes"), ())),
        "track.v1.form.submit": ({"data": {"form": "x"}}, (("data",),)),
        "track.v2.entity": (_PERSON, (("attributes",), (), ("device", "attributes"))),
        "track.v2.batch": ({"batch": [_PERSON, {**_PERSON, "action": "event"}]}, (("batch", EACH, "attributes"), ())),
        "app.v1.send.email": (
            {"to": "a@b.example", "identifiers": {"id": "5"}, "transactional_message_id": 1},
            (("message_data",), ("headers",), ()),
        ),
        "app.v1.send.sms": ({"to": "+12125550123", "identifiers": {"id": "5"}}, (("message_data",),)),
        "app.v1.broadcast.trigger": ({"per_user_data": [{"id": "5"}]}, (("data",), ("per_user_data", EACH, "data"))),
        "pipelines.v1.identify": ({"userId": "5"}, (("traits",), ("context",), ("context", "traits"))),
        "pipelines.v1.track": ({"userId": "5", "event": "x"}, (("properties",), ("context",), ("context", "page"))),
        "pipelines.v1.group": ({"userId": "5", "groupId": "g"}, (("traits",),)),
        "pipelines.v1.page": ({"userId": "5", "name": "x"}, (("properties",),)),
        "pipelines.v1.batch": (
            {"batch": [{"type": "track", "userId": "5", "event": "x"}]},
            (("batch", EACH, "properties"), ("batch", EACH, "traits"), ("context",), ()),
        ),
    }
)  # fmt: skip


def target(row: Endpoint, named: str = "5") -> str:
    """Return a target of a row, with `named` in the place of each parameter."""
    return re.sub(r"\{\w+\}", named, row.path)


def skeleton(name: str) -> object:
    """Return a body of a row with nothing of interest in it; a new one each time."""
    return _copied(_KNOWN[name][0]) if name in _KNOWN else {}


def containers(name: str) -> tuple[Path, ...]:
    """Return the places of a row where an application puts what it likes."""
    return _KNOWN[name][1] if name in _KNOWN else ((),)


def put(body: object, path: Path, value: object) -> object:
    """Return `body` with `value` at `path`, which is made where it is not there; of an array the last element is taken."""
    if not path:
        return {**body, **value} if isinstance(body, dict) and isinstance(value, dict) else value
    step, *rest = path
    if step == EACH:
        elements = list(body) if isinstance(body, list) else []
        elements[-1:] = [put(elements[-1] if elements else None, tuple(rest), value)]
        return elements
    members = dict(body) if isinstance(body, dict) else {}
    members[step] = put(members.get(step), tuple(rest), value)
    return members


def positions(row: Endpoint) -> Iterator[tuple[Path, Identifier | None]]:
    """Yield the identifier and routing positions of a row, and which type of identifier stands there."""
    for position, kind in (*row.identifiers.items(), *row.naming_attributes.items()):
        yield steps(position), kind
    for position in row.routing:
        yield steps(position), None


def steps(position: str) -> Path:
    """Return the path of a position as the endpoint table writes it."""
    return tuple(step for part in position.split(".") for step in re.split(r"(?=\[\])", part) if step)


def selects(position: Path, path: Path) -> bool:
    """Say whether a position is the place at `path`, or everything below a place above it."""
    if not position or position[0] == "**":
        return bool(position) or not path
    return bool(path) and position[0] in ("*", path[0]) and selects(position[1:], path[1:])


def _copied(value: Any) -> Any:  # noqa: ANN401 - any JSON
    if isinstance(value, dict):
        return {key: _copied(child) for key, child in value.items()}
    return [_copied(each) for each in value] if isinstance(value, list) else value
