"""The table of Customer.io's own limits."""

import pytest

from proxy.api.endpoints import ENDPOINTS
from proxy.api.vendor_limits import VENDOR_LIMITS, Bound, Limit, Measure
from proxy.simulator import entity, pipelines, send, track

ROWS = {endpoint.name: endpoint for endpoint in ENDPOINTS}


def bounds(name: str) -> list[Bound]:
    """Return all bounds of an endpoint."""
    row = VENDOR_LIMITS[name]
    return [
        *row.call,
        *row.item,
        *(bound for kind in row.operations.values() for several in kind.values() for bound in several),
    ]


@pytest.mark.parametrize("name", VENDOR_LIMITS)
def test_a_row_is_about_an_endpoint_and_says_where_it_is_documented(name: str) -> None:
    """Its path holds the identifier, its items are the events of the call, and a row that bounds nothing would be a slip."""
    row, endpoint = VENDOR_LIMITS[name], ROWS[name]
    assert row.identifier in ("", *endpoint.path_ids)
    assert row.items == endpoint.event_items
    assert " reference, " in row.source
    assert bounds(name) or row.identifier


@pytest.mark.parametrize(
    ("name", "limit", "at_most"),
    [
        ("track.v1.identify", Limit.ATTRIBUTES, track.ATTRIBUTES),
        ("track.v1.identify", Limit.ATTRIBUTE_NAME_BYTES, track.ATTRIBUTE_NAME_BYTES),
        ("track.v1.identify", Limit.ATTRIBUTE_VALUE_BYTES, track.ATTRIBUTE_VALUE_BYTES),
        ("track.v1.identify", Limit.OBJECT_ATTRIBUTES_BYTES, entity.OBJECT_ATTRIBUTES_BYTES),
        ("track.v1.event", Limit.EVENT_DATA_BYTES, track.EVENT_DATA_BYTES),
        ("track.v2.entity", Limit.REQUEST_BYTES, entity.ENTITY_BYTES),
        ("track.v2.batch", Limit.REQUEST_BYTES, entity.BATCH_BYTES),
        ("track.v2.batch", Limit.ITEM_BYTES, entity.ENTITY_BYTES),
        ("app.v1.send.email", Limit.PAYLOAD_BYTES, send.PAYLOAD_BYTES),
        ("app.v1.send.email", Limit.ATTACHMENTS_BYTES, send.ATTACHMENTS_BYTES),
        ("app.v1.broadcast.trigger", Limit.REQUEST_BYTES, send.TRIGGER_BYTES),
        ("app.v1.broadcast.trigger", Limit.TRIGGER_DATA_BYTES, send.TRIGGER_DATA_BYTES),
        ("app.v1.broadcast.trigger", Limit.TRIGGER_PEOPLE, send.TRIGGER_PEOPLE),
        ("pipelines.v1.track", Limit.REQUEST_BYTES, pipelines.CALL_BYTES),
        ("pipelines.v1.batch", Limit.REQUEST_BYTES, pipelines.BATCH_BYTES),
        ("pipelines.v1.batch", Limit.ITEM_BYTES, pipelines.CALL_BYTES),
    ],
)
def test_the_simulator_was_told_the_same(name: str, limit: Limit, at_most: int) -> None:
    """It was written from the documentation by itself, so that a figure mistyped in one of the two is found."""
    assert {bound.at_most for bound in bounds(name) if bound.limit is limit} == {at_most}


def test_every_limit_is_used() -> None:
    """The closed set of labels holds none that could never be counted."""
    assert {bound.limit for name in VENDOR_LIMITS for bound in bounds(name)} == set(Limit)
    assert {bound.measure for name in VENDOR_LIMITS for bound in bounds(name)} == set(Measure)


def test_only_a_batch_of_the_track_api_is_answered_item_by_item() -> None:
    """Taking an item out of any other call would lose it without a word."""
    assert [name for name, row in VENDOR_LIMITS.items() if row.itemised] == ["track.v2.batch"]
