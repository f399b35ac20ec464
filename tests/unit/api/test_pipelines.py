"""Pipelines rows."""

import pytest

from proxy.api.model import Bucket, Credential, Identifier, Replay, Upstream
from proxy.api.pipelines import PIPELINES
from tests.unit.api.marked import EXEMPT, PLAIN, misjudged, row

COMMON = {
    "userId": EXEMPT,
    "anonymousId": EXEMPT,
    "messageId": EXEMPT,
    "timestamp": EXEMPT,
    "originalTimestamp": EXEMPT,
    "sentAt": EXEMPT,
    "type": EXEMPT,
    "context": {
        "ip": PLAIN,
        "userAgent": PLAIN,
        "locale": PLAIN,
        "device": {"token": EXEMPT, "type": EXEMPT, "id": PLAIN, "advertisingId": PLAIN, "name": PLAIN},
        "page": {"url": PLAIN, "search": PLAIN},
        "traits": {"email": PLAIN, "userId": PLAIN},
        "token": PLAIN,
    },
    "integrations": {"userId": PLAIN},
}
CALLS = {
    "identify": {**COMMON, "traits": {"email": PLAIN, "phone": PLAIN, "userId": PLAIN}, "name": PLAIN, "groupId": PLAIN},
    "track": {**COMMON, "event": EXEMPT, "properties": {"event": PLAIN, "email": PLAIN}, "previousId": PLAIN},
    "page": {**COMMON, "name": EXEMPT, "category": PLAIN, "properties": {"name": PLAIN, "url": PLAIN}},
    "screen": {**COMMON, "name": EXEMPT, "properties": {"name": PLAIN}, "event": PLAIN},
    "group": {
        **COMMON,
        "groupId": EXEMPT,
        "objectTypeId": EXEMPT,
        "traits": {"object_type_id": EXEMPT, "objectTypeId": EXEMPT, "name": PLAIN, "relationshipAttributes": {"email": PLAIN}},
    },
    "alias": {**COMMON, "previousId": EXEMPT, "name": PLAIN},
}


@pytest.mark.parametrize("name", CALLS)
def test_positions(name: str) -> None:
    """Exactly what identifies and routes a call is exempt; traits, properties and the rest of the context are not."""
    assert misjudged(f"pipelines.v1.{name}", CALLS[name]) == []


def test_positions_of_a_batch() -> None:
    """Its items are exempt where they would be alone, for any kind of item, and the batch is stamped as a whole."""
    item = {
        **COMMON,
        "event": EXEMPT,
        "name": EXEMPT,
        "groupId": EXEMPT,
        "previousId": EXEMPT,
        "objectTypeId": EXEMPT,
        "traits": {"email": PLAIN, "name": PLAIN},
        "properties": {"email": PLAIN},
    }
    batch = {
        "batch": [item],
        "sentAt": EXEMPT,
        "messageId": EXEMPT,
        "timestamp": EXEMPT,
        "userId": PLAIN,
        "context": {"ip": PLAIN},
    }
    assert misjudged("pipelines.v1.batch", batch) == []


def test_every_call_of_the_api_has_a_row() -> None:
    """The reference lists seven calls (customerio-api.md 1.6)."""
    assert [endpoint.path for endpoint in PIPELINES] == [f"/v1/{name}" for name in (*CALLS, "batch")]


def test_people_are_told_by_shape() -> None:
    """A userId that looks like an email or a cio_id is taken for one where the data goes on to Journeys."""
    assert row("pipelines.v1.identify").identifiers == {"userId": Identifier.SHAPE, "anonymousId": Identifier.ANONYMOUS_ID}
    assert row("pipelines.v1.alias").identifiers["previousId"] is Identifier.SHAPE


def test_calls_repeat_safely_by_their_message_id() -> None:
    """Repeats are dropped by `messageId`, which SDKs set (customerio-api.md 8)."""
    for endpoint in PIPELINES:
        assert (endpoint.replay, endpoint.event_id) == (Replay.WITH_ID, "messageId")
        assert endpoint.event_items == ("batch" if endpoint.name.endswith(".batch") else "")


def test_all_go_to_the_pipelines_host() -> None:
    """The Pipelines API has its own host, key and quota."""
    assert {(row.upstream, row.credential, row.bucket) for row in PIPELINES} == {
        (Upstream.PIPELINES, Credential.PIPELINES, Bucket.PIPELINES)
    }
