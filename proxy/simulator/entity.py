"""The Track API, version 2: one operation, or a batch of operations (Track API reference, v2)."""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from functools import partial
from types import MappingProxyType

from proxy.simulator.model import KIB, Api, Check, Credential, Envelope, Json, Problem, Row, anything
from proxy.simulator.shapes import (
    PERSON,
    any_of,
    array,
    at_most_bytes,
    both,
    digits,
    e164,
    exactly_one,
    fields,
    integer,
    json_object,
    person_id,
    text,
    ulid,
)
from proxy.simulator.track import LAST_USED, PLATFORM, attributes

ENTITY_BYTES = 32 * KIB
BATCH_BYTES = 500 * KIB
OBJECT_ATTRIBUTES_BYTES = 100 * KIB

_PERSON = exactly_one({"id": PERSON["id"], "email": PERSON["email"], "phone": e164, "cio_id": PERSON["cio_id"]})
_MERGED = exactly_one(PERSON)  # a merge has no phone


_NUMBER = any_of(digits, integer)


def _object(field: str, value: Json) -> Iterator[Problem]:
    """Check the identifiers of an object: its type and id, or Customer.io's own id of the object."""
    if isinstance(value, dict) and value.get("cio_object_id") is not None:
        yield from person_id(f"{field}.cio_object_id", value["cio_object_id"])
    else:
        yield from fields(required={"object_type_id": _NUMBER, "object_id": person_id})(field, value)


_VALUES = both(json_object, at_most_bytes(OBJECT_ATTRIBUTES_BYTES))


def _related(to: Check) -> Check:
    return array(fields(required={"identifiers": to}, optional={"relationship_attributes": _VALUES}))


_TO_OBJECTS = _related(_object)
_TO_PEOPLE = _related(_PERSON)
_EVENT = {"id": ulid, "timestamp": integer, "attributes": json_object}
_NAMED: Mapping[str, Check] = {"identifiers": _PERSON, "name": text()}
_TOKEN: Mapping[str, Check] = {"token": text()}
_DELIVERY: Mapping[str, Check] = {
    "identifiers": fields(required={"id": text()}),
    "name": text(allowed=("opened", "converted", "delivered")),
    "attributes": fields(required={"device_token": text()}),
}

# The required and optional fields of each operation, by type and action.
OPERATIONS: Mapping[tuple[str, str], Check] = MappingProxyType(
    {
        ("person", "identify"): fields(
            {"identifiers": _PERSON},
            {"attributes": attributes, "cio_relationships": _TO_OBJECTS, "timestamp": integer},
        ),
        ("person", "delete"): fields({"identifiers": _PERSON}),
        ("person", "event"): fields(_NAMED, _EVENT),
        ("person", "screen"): fields(_NAMED, _EVENT),
        ("person", "page"): fields(_NAMED, _EVENT),
        ("person", "add_relationships"): fields({"identifiers": _PERSON, "cio_relationships": _TO_OBJECTS}),
        ("person", "delete_relationships"): fields({"identifiers": _PERSON, "cio_relationships": _TO_OBJECTS}),
        ("person", "add_device"): fields(
            {
                "identifiers": _PERSON,
                "device": fields({**_TOKEN, "platform": PLATFORM}, {"last_used": LAST_USED, "attributes": json_object}),
            }
        ),
        ("person", "delete_device"): fields({"identifiers": _PERSON, "device": fields(_TOKEN)}),
        ("person", "merge"): fields({"primary": _MERGED, "secondary": _MERGED}),
        ("person", "suppress"): fields({"identifiers": _PERSON}),
        ("person", "unsuppress"): fields({"identifiers": _PERSON}),
        ("object", "identify"): fields(
            {"identifiers": _object}, {"attributes": _VALUES, "cio_relationships": _TO_PEOPLE, "timestamp": integer}
        ),
        ("object", "identify_anonymous"): fields(
            {"identifiers": _object},
            {"attributes": _VALUES, "anonymous_id": person_id, "cio_relationships": array(json_object)},
        ),
        ("object", "delete"): fields({"identifiers": _object}),
        ("object", "add_relationships"): fields({"identifiers": _object, "cio_relationships": _TO_PEOPLE}),
        ("object", "delete_relationships"): fields({"identifiers": _object, "cio_relationships": _TO_PEOPLE}),
        ("delivery", "event"): fields(_DELIVERY, {"timestamp": integer}),
    }
)
_TYPES = tuple(sorted({kind for kind, _ in OPERATIONS}))


def operation(field: str, value: Json) -> Iterator[Problem]:
    """Check one operation: its type, its action, and the fields of that action."""
    problems = list(fields({"type": text(allowed=_TYPES), "action": text()})(field, value))
    if problems or not isinstance(value, dict):
        yield from problems
        return
    check = OPERATIONS.get((str(value["type"]), str(value["action"])))
    if check is None:
        yield Problem("action", "is not an action of this type")
    else:
        yield from check(field, value)


def batch(field: str, value: Json) -> Iterator[Problem]:
    """Check a batch: first as a whole, then each item on its own. Valid items are accepted (207)."""
    problems = list(fields({"batch": array(anything, at_least=1)})(field, value))
    yield from problems
    if problems or not isinstance(value, dict) or not isinstance(value["batch"], list):
        return
    item = both(at_most_bytes(ENTITY_BYTES), operation)
    for index, member in enumerate(value["batch"]):
        for problem in item("", member):
            yield replace(problem, index=index)


_row = partial(Row, method="POST", api=Api.TRACK, credential=Credential.SITE, errors=Envelope.FIELDS)

ROWS: tuple[Row, ...] = (
    _row("track.v2.entity", path="/api/v2/entity", body=operation, max_body_bytes=ENTITY_BYTES),
    _row("track.v2.batch", path="/api/v2/batch", body=batch, max_body_bytes=BATCH_BYTES),
)
