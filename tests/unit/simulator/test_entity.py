"""The Track API, version 2: operations, batches, and which items of a batch are refused (customerio-api.md 1.4)."""

import pytest

from proxy.simulator.entity import OPERATIONS
from proxy.simulator.model import Json
from tests.unit.simulator.calls import ULID, call

PERSON: dict[str, Json] = {"identifiers": {"id": "5"}}
ACME: dict[str, Json] = {"identifiers": {"object_type_id": "1", "object_id": "acme"}}
TO_ACME: list[Json] = [{**ACME, "relationship_attributes": {"role": "admin"}}]
TO_ADA: list[Json] = [{"identifiers": {"email": "ada@example.com"}}]

# A well-formed operation of each kind.
GOOD: dict[tuple[str, str], dict[str, Json]] = {
    ("person", "identify"): {**PERSON, "attributes": {"plan": "pro", "_update": True}, "cio_relationships": TO_ACME},
    ("person", "delete"): PERSON,
    ("person", "event"): {**PERSON, "name": "purchase", "id": ULID, "timestamp": 1, "attributes": {"price": 1}},
    ("person", "screen"): {**PERSON, "name": "Home"},
    ("person", "page"): {**PERSON, "name": "/pricing", "attributes": {"url": "https://www.example.com"}},
    ("person", "add_relationships"): {**PERSON, "cio_relationships": TO_ACME},
    ("person", "delete_relationships"): {**PERSON, "cio_relationships": TO_ACME},
    ("person", "add_device"): {**PERSON, "device": {"token": "t", "platform": "android", "last_used": 1}},
    ("person", "delete_device"): {**PERSON, "device": {"token": "t"}},
    ("person", "merge"): {"primary": {"id": "1"}, "secondary": {"cio_id": "a1"}},
    ("person", "suppress"): {"identifiers": {"email": "ada@example.com"}},
    ("person", "unsuppress"): {"identifiers": {"cio_id": "a1"}},
    ("object", "identify"): {**ACME, "attributes": {"name": "Acme"}, "cio_relationships": TO_ADA},
    ("object", "identify_anonymous"): {**ACME, "anonymous_id": "a1"},
    ("object", "delete"): {"identifiers": {"cio_object_id": "ob1"}},
    ("object", "add_relationships"): {**ACME, "cio_relationships": TO_ADA},
    ("object", "delete_relationships"): {**ACME, "cio_relationships": TO_ADA},
    ("delivery", "event"): {"identifiers": {"id": "d"}, "name": "opened", "attributes": {"device_token": "t"}},
}


def operation(kind: str, action: str) -> dict[str, Json]:
    """Return a well-formed operation."""
    return {"type": kind, "action": action, **GOOD[kind, action]}


def test_every_operation_has_a_sample() -> None:
    """An operation that is added has to be added to these tests too."""
    assert set(GOOD) == set(OPERATIONS)


@pytest.mark.parametrize(("kind", "action"), GOOD)
def test_a_well_formed_operation_is_accepted(kind: str, action: str) -> None:
    """Each action is taken alone, and as an item of a batch."""
    assert call("track.v2.entity", operation(kind, action)).json == {}
    answer = call("track.v2.batch", {"batch": [operation(kind, action)]})
    assert (answer.status, answer.json) == (200, {})


@pytest.mark.parametrize(("kind", "action"), GOOD)
def test_an_operation_without_what_it_is_about_is_refused(kind: str, action: str) -> None:
    """Each action needs its identifiers (a merge: both sides), and the error names the field."""
    answer = call("track.v2.entity", {"type": kind, "action": action})
    field = "primary" if action == "merge" else "identifiers"
    assert answer.status == 400
    assert answer.json["errors"][0] == {"reason": "required", "field": field, "message": f"{field} is required"}


BAD: list[tuple[Json, str, str]] = [
    ({}, "type", "type is required"),
    ({"type": "pet", "action": "identify"}, "type", "type must be one of delivery, object, person"),
    ({"type": "person"}, "action", "action is required"),
    ({"type": "person", "action": "adopt", **PERSON}, "action", "action is not an action of this type"),
    ({"type": "object", "action": "suppress", **ACME}, "action", "action is not an action of this type"),
    (
        operation("person", "delete") | {"identifiers": {"id": "5", "email": "a@b.c"}},
        "identifiers",
        "identifiers must hold exactly one of id, email, phone, cio_id",
    ),
    (operation("person", "delete") | {"identifiers": {}}, "identifiers", "identifiers must hold exactly one of"),
    (
        operation("person", "delete") | {"identifiers": {"phone": "5550123"}},
        "identifiers.phone",
        "identifiers.phone must be a phone",
    ),
    (operation("person", "delete") | {"identifiers": {"id": "x" * 151}}, "identifiers.id", "identifiers.id must not be longer"),
    (operation("person", "event") | {"name": None}, "name", "name is required"),
    (operation("person", "event") | {"id": "1"}, "id", "id must be a ULID"),
    (operation("person", "event") | {"attributes": []}, "attributes", "attributes must be a JSON object"),
    (
        operation("person", "identify") | {"attributes": {"a": "x" * 1001}},
        "attributes",
        "attributes has an attribute value larger",
    ),
    (operation("person", "identify") | {"timestamp": "1"}, "timestamp", "timestamp must be an integer"),
    (operation("person", "add_device") | {"device": {"token": "t"}}, "device.platform", "device.platform is required"),
    (operation("person", "delete_device") | {"device": {}}, "device.token", "device.token is required"),
    (operation("person", "merge") | {"secondary": {"phone": "+15550123"}}, "secondary", "secondary must hold exactly one of"),
    (
        operation("object", "delete") | {"identifiers": {"object_id": "acme"}},
        "identifiers.object_type_id",
        "identifiers.object_type",
    ),
    (
        operation("person", "add_relationships") | {"cio_relationships": {}},
        "cio_relationships",
        "cio_relationships must be an array",
    ),
    (
        operation("object", "add_relationships") | {"cio_relationships": [{}]},
        "cio_relationships.identifiers",
        "cio_relationships.ide",
    ),
    (operation("delivery", "event") | {"name": "bounced"}, "name", "name must be one of opened, converted, delivered"),
    (operation("delivery", "event") | {"attributes": {}}, "attributes.device_token", "attributes.device_token is required"),
]


@pytest.mark.parametrize(("body", "field", "message"), BAD)
def test_an_ill_formed_operation_is_refused(body: Json, field: str, message: str) -> None:
    """Alone it is a 400; in a batch only that item is refused, by its index, and the rest is accepted (207)."""
    alone = call("track.v2.entity", body)
    assert alone.status == 400
    error = alone.json["errors"][0]
    assert error["field"] == field
    assert error["message"].startswith(message)
    assert "batch_index" not in error

    batch = call("track.v2.batch", {"batch": [operation("person", "delete"), body, operation("person", "suppress")]})
    assert batch.status == 207
    assert batch.json["errors"] == [{**told, "batch_index": 1} for told in alone.json["errors"]]


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ({}, "batch is required"),
        ({"batch": {}}, "batch must be an array"),
        ({"batch": []}, "batch must hold 1 or more items"),
        ([], "body must be a JSON object"),
    ],
)
def test_a_batch_that_is_none_is_refused_whole(body: Json, message: str) -> None:
    """Without items there is nothing to accept: 400."""
    answer = call("track.v2.batch", body)
    assert answer.status == 400
    assert answer.json["errors"][0]["message"] == message


def test_an_item_over_32_kib_is_refused_by_its_index() -> None:
    """The limit of one operation holds inside a batch as well."""
    large = operation("person", "event") | {"attributes": {"text": "x" * 33_000}}
    answer = call("track.v2.batch", {"batch": [operation("person", "delete"), large]})
    assert answer.status == 207
    assert answer.json == {
        "errors": [
            {"reason": "too_large", "field": "body", "message": "body must not be larger than 32768 bytes", "batch_index": 1}
        ]
    }


def test_object_attributes_over_100_kib_are_refused() -> None:
    """An object's attributes have a limit in total; 100 KiB do not fit one call anyway, so 32 KiB is told first."""
    large = operation("object", "identify") | {"attributes": {"text": "x" * 33_000}}
    answer = call("track.v2.entity", large)
    assert answer.status == 400
    assert "body must not be larger than 32768 bytes" in str(answer.json)
