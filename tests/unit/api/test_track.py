"""Track rows: what of a body the policy must not touch, in bodies as the vendor's reference and SDKs write them."""

import pytest

from proxy.api.model import Credential, Identifier, Replay
from tests.unit.api.marked import EXEMPT, PLAIN, misjudged, row

PERSON_EVENT = {
    "type": EXEMPT,
    "action": EXEMPT,
    "identifiers": {"id": EXEMPT, "email": EXEMPT, "cio_id": EXEMPT, "phone": EXEMPT, "ssn": PLAIN},
    "name": EXEMPT,
    "id": EXEMPT,
    "timestamp": EXEMPT,
    "email": PLAIN,
    "attributes": {
        "recipient": EXEMPT,
        "from_address": EXEMPT,
        "reply_to": EXEMPT,
        "email": PLAIN,
        "name": PLAIN,
        "id": PLAIN,
        "order": {"recipient": PLAIN, "identifiers": {"email": PLAIN}},
    },
}
PERSON_IDENTIFY = {
    "type": EXEMPT,
    "action": EXEMPT,
    "identifiers": {"email": EXEMPT},
    "timestamp": EXEMPT,
    "attributes": {
        "first_name": PLAIN,
        "phone": PLAIN,
        "_update": EXEMPT,
        "created_at": EXEMPT,
        "unsubscribed": EXEMPT,
        "cio_subscription_preferences": {"topics": {"topic_1": EXEMPT, "topic_2": EXEMPT}, "note": PLAIN},
        "cio_subscription_preferences.topics.topic_3": EXEMPT,
    },
    "cio_relationships": [
        {
            "identifiers": {"object_type_id": EXEMPT, "object_id": EXEMPT, "cio_object_id": EXEMPT},
            "relationship_attributes": {"role": PLAIN, "object_id": PLAIN},
        }
    ],
}
OBJECT = {
    "type": EXEMPT,
    "action": EXEMPT,
    "identifiers": {"object_type_id": EXEMPT, "object_id": EXEMPT, "cio_object_id": EXEMPT},
    "anonymous_id": EXEMPT,
    "attributes": {"name": PLAIN, "owner_email": PLAIN},
    "cio_relationships": [
        {
            "identifiers": {"id": EXEMPT, "email": EXEMPT, "cio_id": EXEMPT, "anonymous_id": EXEMPT},
            "relationship_attributes": {"email": PLAIN},
        }
    ],
}
DEVICE = {
    "type": EXEMPT,
    "action": EXEMPT,
    "identifiers": {"id": EXEMPT},
    "device": {"token": EXEMPT, "platform": EXEMPT, "last_used": EXEMPT, "attributes": {"token": PLAIN, "ip": PLAIN}},
}
DELIVERY = {
    "type": EXEMPT,
    "action": EXEMPT,
    "identifiers": {"id": EXEMPT},
    "name": EXEMPT,
    "timestamp": EXEMPT,
    "attributes": {"device_token": EXEMPT},
}
MERGE = {
    "type": EXEMPT,
    "action": EXEMPT,
    "primary": {"id": EXEMPT, "email": EXEMPT, "cio_id": EXEMPT, "phone": PLAIN},
    "secondary": {"id": EXEMPT, "email": EXEMPT, "cio_id": EXEMPT, "name": PLAIN},
}
OPERATIONS = [PERSON_EVENT, PERSON_IDENTIFY, OBJECT, DEVICE, DELIVERY, MERGE]

EVENT = {
    "name": EXEMPT,
    "id": EXEMPT,
    "type": EXEMPT,
    "timestamp": EXEMPT,
    "data": {
        "recipient": EXEMPT,
        "from_address": EXEMPT,
        "reply_to": EXEMPT,
        "timestamp": PLAIN,
        "email": PLAIN,
        "nested": {"recipient": PLAIN},
        "items": [{"recipient": PLAIN, "name": PLAIN}],
    },
}

V1 = {
    "track.v1.identify": {
        "id": EXEMPT,
        "email": EXEMPT,
        "cio_id": EXEMPT,
        "anonymous_id": EXEMPT,
        "_timestamp": EXEMPT,
        "_update": EXEMPT,
        "created_at": EXEMPT,
        "unsubscribed": EXEMPT,
        "phone": PLAIN,
        "first_name": PLAIN,
        "Email": PLAIN,
        "work": {"email": PLAIN, "id": PLAIN},
        "address.email": PLAIN,
        "cio_subscription_preferences": {"topics": {"topic_1": EXEMPT}},
        "cio_subscription_preferences.topics.topic_1": EXEMPT,
        "cio_relationships": {
            "action": EXEMPT,
            "relationships": [
                {
                    "identifiers": {
                        "object_type_id": EXEMPT,
                        "object_id": EXEMPT,
                        "cio_object_id": EXEMPT,
                        "email": EXEMPT,
                        "name": PLAIN,
                    },
                    "relationship_attributes": {"role": PLAIN, "email": PLAIN},
                }
            ],
        },
    },
    "track.v1.event": {**EVENT, "anonymous_id": EXEMPT, "email": PLAIN},
    "track.v1.anonymous_event": {**EVENT, "anonymous_id": EXEMPT},
    "track.v1.device.add": {
        "device": {"id": EXEMPT, "platform": EXEMPT, "last_used": EXEMPT, "attributes": {"id": PLAIN, "ip": PLAIN}},
        "id": PLAIN,
    },
    "track.v1.merge": {
        "primary": {"id": EXEMPT, "email": EXEMPT, "cio_id": EXEMPT, "phone": PLAIN},
        "secondary": {"id": EXEMPT, "email": EXEMPT, "cio_id": EXEMPT},
        "email": PLAIN,
    },
    "track.v1.segment.add": {"ids": [EXEMPT, EXEMPT], "emails": [PLAIN]},
    "track.v1.segment.remove": {"ids": [EXEMPT, EXEMPT], "note": PLAIN},
    "track.v1.form.submit": {"data": {"id": EXEMPT, "email": EXEMPT, "phone": PLAIN, "name": PLAIN}, "email": PLAIN},
    "track.v1.metric": {
        "delivery_id": EXEMPT,
        "metric": EXEMPT,
        "timestamp": EXEMPT,
        "recipient": EXEMPT,
        "reason": PLAIN,
        "href": PLAIN,
    },
    "track.v1.push_event": {"delivery_id": EXEMPT, "event": EXEMPT, "device_id": EXEMPT, "timestamp": EXEMPT, "note": PLAIN},
    "track.v1.unsubscribe": {"unsubscribe": EXEMPT, "email": PLAIN},
}


@pytest.mark.parametrize("name", V1)
def test_v1_positions(name: str) -> None:
    """Exactly the identifiers and routing values of a v1 body are exempt; the same keys anywhere else are not."""
    assert misjudged(name, V1[name]) == []


@pytest.mark.parametrize("operation", OPERATIONS)
def test_v2_positions(operation: dict[str, object]) -> None:
    """Exactly the identifiers and routing values of each kind of v2 operation are exempt, alone and in a batch."""
    assert misjudged("track.v2.entity", operation) == []
    assert misjudged("track.v2.batch", {"batch": [operation]}) == []


def test_v2_positions_do_not_leak_between_entity_and_batch() -> None:
    """What is exempt inside `batch` is not exempt beside it, nor the other way round."""
    assert misjudged("track.v2.batch", {"identifiers": {"email": PLAIN}, "name": PLAIN, "batch": []}) == []
    assert misjudged("track.v2.entity", {"batch": [{"identifiers": {"email": PLAIN}, "name": PLAIN}]}) == []


def test_the_bodies_above_cover_every_v1_row_that_has_positions() -> None:
    """No v1 row's positions go untested."""
    from proxy.api.track import TRACK

    assert {row.name for row in TRACK if row.name.startswith("track.v1.") and (row.identifiers or row.routing)} == set(V1)


def test_customers_in_a_v1_path_are_told_by_shape() -> None:
    """A v1 path takes an id, an email or a cio_id, and Customer.io infers which."""
    for name in ("identify", "delete", "suppress", "unsuppress", "event", "device.add", "device.delete"):
        assert row(f"track.v1.{name}").path_ids["identifier"] is Identifier.SHAPE


def test_segment_members_are_told_by_the_query() -> None:
    """`?id_type=email` says what `ids` holds, so it is the one parameter that must be kept."""
    for name in ("track.v1.segment.add", "track.v1.segment.remove"):
        assert row(name).identifiers == {"ids[]": Identifier.BY_ID_TYPE}
        assert list(row(name).query) == ["id_type"]


def test_unauthenticated_calls_carry_no_credential() -> None:
    """Metrics and unsubscribe links need none, so none is sent (customerio-api.md 1.3); everything else carries the pair."""
    from proxy.api.track import TRACK

    without = {endpoint.name for endpoint in TRACK if endpoint.credential is not Credential.TRACK}
    assert without == {"track.v1.metric", "track.v1.push_event", "track.v1.unsubscribe"}
    assert all(row(name).credential is Credential.NONE for name in without)


def test_events_repeat_safely_only_by_their_id() -> None:
    """A repeated event is dropped upstream by its `id`, in a batch by that of every item (customerio-api.md 8)."""
    for name, items in (
        ("track.v1.event", ""),
        ("track.v1.anonymous_event", ""),
        ("track.v2.entity", ""),
        ("track.v2.batch", "batch"),
    ):
        assert (row(name).replay, row(name).event_items, row(name).event_id) == (Replay.WITH_ID, items, "id")


def test_a_form_is_never_submitted_twice() -> None:
    """Each submission counts, and nothing marks a repeat."""
    assert row("track.v1.form.submit").replay is Replay.NEVER


def test_a_rule_may_not_unsubscribe_or_unroute_a_person_by_accident() -> None:
    """The fields a person is written to by need `force: true`; a phone attribute does not, for v1 never routes by it."""
    assert {"email", "unsubscribed", "cio_subscription_preferences"} <= row("track.v1.identify").sending
    assert "phone" not in row("track.v1.identify").sending
    assert {"email", "identifiers", "device"} <= row("track.v2.batch").sending
