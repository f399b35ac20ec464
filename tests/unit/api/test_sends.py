"""Rows of sends and broadcast triggers."""

import pytest

from proxy.api.model import Bucket, Credential, Identifier, Replay, Upstream
from proxy.api.sends import SENDS
from tests.unit.api.marked import EXEMPT, PLAIN, misjudged, row

COMMON = {
    "transactional_message_id": EXEMPT,
    "identifiers": {"id": EXEMPT, "email": EXEMPT, "cio_id": EXEMPT, "phone": EXEMPT, "name": PLAIN},
    "send_at": EXEMPT,
    "message_data": {"to": PLAIN, "email": PLAIN, "identifiers": {"email": PLAIN}, "items": [{"id": PLAIN}]},
    "email": PLAIN,
}
BODIES = {
    "app.v1.send.email": {
        **COMMON,
        "to": EXEMPT,
        "cc": [EXEMPT],
        "bcc": EXEMPT,
        "from": EXEMPT,
        "reply_to": EXEMPT,
        "subject": PLAIN,
        "body": PLAIN,
        "headers": {"to": PLAIN},
        "attachments": {"to": PLAIN},
    },
    "app.v1.send.push": {
        **COMMON,
        "to": EXEMPT,
        "title": PLAIN,
        "custom_data": {"token": PLAIN},
        "custom_device": {"token": EXEMPT, "platform": EXEMPT, "last_used": EXEMPT, "attributes": {"ip": PLAIN}},
    },
    "app.v1.send.sms": {**COMMON, "to": EXEMPT, "from": EXEMPT, "cc": PLAIN},
    "app.v1.send.whatsapp": {**COMMON, "to": EXEMPT, "from": EXEMPT},
    "app.v1.send.in_app": {**COMMON, "to": PLAIN, "from": PLAIN},
    "app.v1.send.inbox_message": {**COMMON, "to": PLAIN},
    "app.v1.broadcast.trigger": {
        "ids": [EXEMPT],
        "emails": [EXEMPT],
        "per_user_data": [{"id": EXEMPT, "email": EXEMPT, "data": {"id": PLAIN, "email": PLAIN}}],
        "recipients": {
            "and": [
                {"segment": {"id": EXEMPT}},
                {"not": {"or": [{"attribute": {"field": EXEMPT, "operator": EXEMPT, "value": EXEMPT}}]}},
            ]
        },
        "data_file_url": EXEMPT,
        "data": {"ids": [PLAIN], "email": PLAIN, "recipients": {"email": PLAIN}},
    },
}


@pytest.mark.parametrize("name", BODIES)
def test_positions(name: str) -> None:
    """Exactly what addresses a message is exempt; content, and the same keys inside content, are not."""
    assert misjudged(name, BODIES[name]) == []


def test_the_bodies_above_cover_every_row() -> None:
    """No send's positions go untested."""
    assert {endpoint.name for endpoint in SENDS} == set(BODIES)


def test_a_recipient_list_in_one_string_or_in_many_is_exempt() -> None:
    """`to` may be `Name <a@b.c>, d@e.f` or an array; both are one value to the policy."""
    assert misjudged("app.v1.send.email", {"to": EXEMPT}) == []
    assert misjudged("app.v1.send.email", {"to": [EXEMPT, EXEMPT]}) == []
    assert row("app.v1.send.email").identifiers["to"] is Identifier.ADDRESS


def test_nothing_that_writes_to_people_is_ever_repeated() -> None:
    """A repeated send is a second message: there is no idempotency key (customerio-api.md 8)."""
    assert {endpoint.replay for endpoint in SENDS} == {Replay.NEVER}


def test_sends_go_to_the_app_host_with_the_app_key_and_their_own_quotas() -> None:
    """Sends have a far larger quota than the rest of the App API, triggers a far smaller one (customerio-api.md 1.1)."""
    for endpoint in SENDS:
        trigger = endpoint.name == "app.v1.broadcast.trigger"
        assert (endpoint.upstream, endpoint.credential) == (Upstream.APP, Credential.APP)
        assert endpoint.bucket is (Bucket.BROADCAST if trigger else Bucket.SEND)
        assert endpoint.large_body


@pytest.mark.parametrize("name", BODIES)
def test_what_a_send_depends_on_needs_force(name: str) -> None:
    """The objects a message is addressed by are not exempt as objects, so a rule that would remove them is refused at load."""
    expected = (
        {"recipients", "per_user_data"} if name == "app.v1.broadcast.trigger" else {"identifiers", "transactional_message_id"}
    )
    assert expected <= row(name).sending
