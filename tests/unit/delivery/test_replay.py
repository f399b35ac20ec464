"""Which calls may be sent twice."""

import pytest

from proxy.api.endpoints import ENDPOINTS
from proxy.api.model import Replay
from proxy.delivery.replay import safe
from tests.fakes import endpoint

EVENT = endpoint("track.v1.event", replay=Replay.WITH_ID)
BATCH = endpoint("track.v2.batch", replay=Replay.WITH_ID, event_items="batch")


@pytest.mark.parametrize("body", [b"", b"{}", b"not json"])
def test_a_safe_row_is_safe_whatever_it_carries(body: bytes) -> None:
    """An upsert or a delete ends in the same state."""
    assert safe(endpoint(replay=Replay.SAFE), body)


@pytest.mark.parametrize("body", [b"", b'{"id":"01HB4HBDKTFWYZCK01DMRSWRFD"}'])
def test_a_row_that_sends_is_never_safe(body: bytes) -> None:
    """A person must not get a message twice."""
    assert not safe(endpoint(replay=Replay.NEVER), body)


def test_an_event_is_safe_only_with_its_id() -> None:
    """Customer.io ignores an id it has seen; without one, the event counts twice."""
    assert safe(EVENT, b'{"name":"x","id":"01HB4HBDKTFWYZCK01DMRSWRFD"}')
    assert not safe(EVENT, b'{"name":"x"}')


@pytest.mark.parametrize("value", [b"null", b'""', b"0", b"5", b"true", b"{}", b'["x"]'])
def test_what_is_no_id_text_makes_nothing_safe(value: bytes) -> None:
    """An id that Customer.io may not take for one does not deduplicate."""
    assert not safe(EVENT, b'{"id":' + value + b"}")


@pytest.mark.parametrize("body", [b"", b"null", b"[]", b'"x"', b"{", b'{"id":"\\ud800"}', b'[{"id":"x"}]'])
def test_a_body_without_an_event_is_not_safe(body: bytes) -> None:
    """What cannot be looked into is not known to be safe."""
    assert not safe(EVENT, body)


def test_a_batch_is_safe_only_if_every_item_is() -> None:
    """One event without an id is enough to count twice."""
    assert safe(BATCH, b'{"batch":[{"id":"a"},{"id":"b"}]}')
    assert not safe(BATCH, b'{"batch":[{"id":"a"},{}]}')
    assert not safe(BATCH, b'{"batch":[{"id":"a"},5]}')


@pytest.mark.parametrize("body", [b"{}", b'{"batch":null}', b'{"batch":{"id":"a"}}', b'{"id":"a"}', b"[]"])
def test_a_batch_of_another_shape_is_not_safe(body: bytes) -> None:
    """Nothing is known about items that are not there."""
    assert not safe(BATCH, body)


def test_the_id_of_a_row_is_looked_at_under_its_own_name() -> None:
    """Pipelines calls deduplicate by `messageId`."""
    row = endpoint(replay=Replay.WITH_ID, event_id="messageId")
    assert safe(row, b'{"messageId":"m"}')
    assert not safe(row, b'{"id":"m"}')


def test_no_row_of_the_table_that_sends_a_message_is_ever_repeated() -> None:
    """The calls that would send or submit twice are marked so."""
    sending = [row for row in ENDPOINTS if row.method == "POST" and {"send", "trigger"} & set(row.name.split("."))]
    assert len(sending) > 5
    assert [row.name for row in sending if safe(row, b'{"id":"a"}')] == []
