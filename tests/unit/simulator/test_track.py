"""The Track API, version 1: what each call must hold, and how long it may be (customerio-api.md 1.2, 1.3)."""

import pytest

from proxy.simulator.model import Json, Received
from tests.unit.simulator.calls import ROWS, ULID, ask, call, well_formed

DEVICE: dict[str, Json] = {"id": "token", "platform": "ios"}

REFUSED: list[tuple[str, Json, str]] = [
    ("track.v1.identify", {f"a{number}": 1 for number in range(301)}, "body must not hold more than 300 attributes"),
    ("track.v1.identify", {"n" * 151: 1}, "body has an attribute name longer than 150 bytes"),
    ("track.v1.identify", {"bio": "é" * 501}, "body has an attribute value larger than 1000 bytes"),
    ("track.v1.identify", {"bio": ["x" * 1000]}, "body has an attribute value larger than 1000 bytes"),
    ("track.v1.identify", {"_timestamp": "now"}, "_timestamp must be an integer"),
    ("track.v1.identify", {"_update": "yes"}, "_update must be a boolean"),
    ("track.v1.identify", {"email": "nobody"}, "email must be an email address"),
    ("track.v1.identify", {"cio_relationships": []}, "cio_relationships must be a JSON object"),
    (
        "track.v1.identify",
        {"cio_relationships": {"action": "add_relationships"}},
        "cio_relationships.relationships is required",
    ),
    ("track.v1.event", {}, "name is required"),
    ("track.v1.event", {"name": ""}, "name is required"),
    ("track.v1.event", {"name": 5}, "name must be a string that is not empty"),
    ("track.v1.event", {"name": "n" * 101}, "name must not be longer than 100 bytes"),
    ("track.v1.event", {"name": "x", "data": []}, "data must be a JSON object"),
    ("track.v1.event", {"name": "x", "data": {"a": "x" * 99_993}}, "data must not be larger than 100000 bytes"),
    ("track.v1.event", {"name": "x", "id": "not-a-ulid"}, "id must be a ULID"),
    ("track.v1.event", {"name": "x", "id": "8" + ULID[1:]}, "id must be a ULID"),
    ("track.v1.event", {"name": "x", "type": "click"}, "type must be one of event, page, screen"),
    ("track.v1.event", {"name": "x", "timestamp": 1.5}, "timestamp must be an integer"),
    ("track.v1.event", {"name": "x", "timestamp": True}, "timestamp must be an integer"),
    ("track.v1.anonymous_event", {"anonymous_id": "a1"}, "name is required"),
    ("track.v1.add_device", {}, "device is required"),
    ("track.v1.add_device", {"device": {"id": "token"}}, "device.platform is required"),
    ("track.v1.add_device", {"device": {"platform": "ios"}}, "device.id is required"),
    ("track.v1.add_device", {"device": {**DEVICE, "platform": "palm"}}, "device.platform must be one of ios, android"),
    ("track.v1.add_device", {"device": {**DEVICE, "attributes": "a"}}, "device.attributes must be a JSON object"),
    ("track.v1.segment_add", {"ids": []}, "ids must hold 1 or more items"),
    ("track.v1.segment_add", {"ids": [str(number) for number in range(1001)]}, "ids must not hold more than 1000 items"),
    ("track.v1.segment_remove", {"ids": "5"}, "ids must be an array"),
    ("track.v1.segment_remove", {"ids": [{}]}, "ids must be a string that is not empty"),
    ("track.v1.form", {}, "data is required"),
    ("track.v1.form", {"data": {"name": "Ada"}}, "data must hold one of email, id"),
    ("track.v1.form", {"data": {"id": "5", "age": 5}}, "data must be a string that is not empty"),
    ("track.v1.metrics", {"metric": "opened"}, "delivery_id is required"),
    ("track.v1.metrics", {"delivery_id": "d", "metric": "liked"}, "metric must be one of bounced, clicked"),
    ("track.v1.push", {"event": "bounced"}, "event must be one of opened, converted, delivered"),
    ("track.root.push", {"event": "bounced"}, "event must be one of opened, converted, delivered"),
    ("track.root.unsubscribe", {}, "unsubscribe is required"),
    ("track.root.unsubscribe", {"unsubscribe": "yes"}, "unsubscribe must be a boolean"),
]


@pytest.mark.parametrize(("name", "body", "message"), REFUSED)
def test_an_ill_formed_call_is_a_400(name: str, body: Json, message: str) -> None:
    """Each way of being wrong is a 400 whose `meta.errors` says what to change."""
    answer = call(name, body)
    assert answer.status == 400
    assert answer.json["meta"]["errors"][0].startswith(message)


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ({}, "primary is required"),
        ({"primary": {"id": "1"}}, "secondary is required"),
        (
            {"primary": {"id": "1", "email": "a@b.c"}, "secondary": {"id": "2"}},
            "primary must hold exactly one of id, email, cio_id",
        ),
        ({"primary": {"id": "1"}, "secondary": {"phone": "+1555"}}, "secondary must hold exactly one of id, email, cio_id"),
        ({"primary": {"id": "1"}, "secondary": {"email": "x"}}, "secondary.email must be an email address"),
        ({"primary": {"id": "x" * 151}, "secondary": {"id": "2"}}, "primary.id must not be longer than 150 bytes"),
    ],
)
def test_an_ill_formed_merge_is_told_in_meta_error(body: Json, message: str) -> None:
    """A merge has its own error shape: one text, not a list."""
    answer = call("track.v1.merge", body)
    assert answer.status == 400
    assert answer.json == {"meta": {"error": message}}


@pytest.mark.parametrize(
    ("name", "body"),
    [
        ("track.v1.identify", None),
        ("track.v1.identify", {}),
        ("track.v1.identify", {f"a{number}": 1 for number in range(300)}),
        ("track.v1.identify", {"n" * 150: "x" * 1000}),
        ("track.v1.identify", {"cio_subscription_preferences": {"topics": {f"topic_{n}": True for n in range(99)}}}),
        ("track.v1.identify", {"cio_subscription_preferences.topics.topic_1": True}),
        ("track.v1.identify", {"balance": 10**30}),
        ("track.v1.event", {"name": "n" * 100, "data": {"a": "x" * 99_992}}),
        ("track.v1.event", {"name": "x", "data": None}),
        ("track.v1.event", {"name": "x", "id": ULID.lower()}),
        ("track.v1.anonymous_event", {"name": "invite", "data": {"recipient": "ada@example.com"}}),
        ("track.v1.push", {}),
        ("track.v1.segment_add", {"ids": [str(number) for number in range(1000)]}),
        ("track.v1.delete", {}),
        ("track.v1.suppress", {}),
    ],
)
def test_the_edges_of_what_is_allowed_pass(name: str, body: Json) -> None:
    """Exactly the limit is allowed, and so is what the SDKs send in place of nothing (null, `{}`)."""
    answer = call(name, body if name != "track.v1.delete" else b"")
    assert answer.status == 200
    assert answer.json == {}


def test_a_lone_surrogate_is_taken() -> None:
    """Some clients send half a pair; the real service replaces it, and so it must arrive."""
    assert call("track.v1.identify", b'{"name":"\\ud83d"}').status == 200


def test_a_delete_with_an_empty_object_passes() -> None:
    """Python sends `{}` with a DELETE."""
    request = well_formed(ROWS["track.v1.delete"])
    headers = (*request.headers, ("Content-Type", "application/json"))
    assert ask(Received("DELETE", request.target, headers, b"{}")).json == {}


def test_the_region_names_the_workspace() -> None:
    """The probe answers the URL, the region and the workspace that the credentials are for."""
    answer = ask(well_formed(ROWS["track.v1.region"]))
    assert answer.json == {"url": "https://track.customer.io", "region": "us", "environment_id": 12}
