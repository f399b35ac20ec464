"""Which of Customer.io's own limits a call is over."""

from typing import Any
from urllib.parse import quote

import pytest

from proxy.api.vendor_limits import Limit
from proxy.payload.encode import encode
from proxy.payload.oversize import LIMITS, NOTHING

Found = list[tuple[str, int | None]]
FOUR = "😀"


def found(name: str, value: Any, target: bytes = b"/api") -> Found:  # noqa: ANN401  # a body of any shape
    """Return what a call of the endpoint `name` is over, as names and indexes."""
    body = b"" if value is None else encode(value)
    return [(excess.bound.limit.value, excess.index) for excess in LIMITS[name].excesses(value, body, target)]


def over(limit: Limit, index: int | None = None) -> Found:
    """Return what is found of one excess."""
    return [(limit.value, index)]


def text(size_bytes: int, *, wide: bool) -> str:
    """Return a string of `size_bytes` bytes in ASCII, or of characters of four bytes."""
    return FOUR * (size_bytes // 4) + "a" * (size_bytes % 4) if wide else "a" * size_bytes


def padded(value: dict[str, Any], size_bytes: int, *, wide: bool) -> dict[str, Any]:
    """Return `value` with a member that makes it `size_bytes` large as JSON."""
    used = len(encode({**value, "pad": ""}))
    return {**value, "pad": text(size_bytes - used, wide=wide)}


def person(**members: Any) -> dict[str, Any]:  # noqa: ANN401  # members of any shape
    """Return an operation on a person."""
    return {"type": "person", "action": "identify", "identifiers": {"id": "5"}, **members}


def related(size: int, *, wide: bool) -> dict[str, Any]:
    """Return an identify with the attributes of a relationship, `size` bytes of them."""
    attributes = padded({}, size, wide=wide)
    one = {"identifiers": {"object_id": "1"}, "relationship_attributes": attributes}
    return {"cio_relationships": {"action": "add", "relationships": [{"identifiers": {}}, one]}}


KIB = 1024
# Endpoint, limit, the bound, and a call that is just so large.
EXACT = [
    ("track.v1.identify", Limit.ATTRIBUTE_NAME_BYTES, 150, lambda n, wide: {"a": 1, text(n, wide=wide): 1}),
    ("track.v1.identify", Limit.ATTRIBUTE_VALUE_BYTES, 1000, lambda n, wide: {"a": text(n, wide=wide)}),
    ("track.v1.identify", Limit.ATTRIBUTE_VALUE_BYTES, 1000, lambda n, wide: {"a": padded({"b": [1]}, n, wide=wide)}),
    ("track.v1.identify", Limit.ATTRIBUTES, 300, lambda n, _: {f"a{number}": 1 for number in range(n)}),
    ("track.v1.identify", Limit.ID_BYTES, 150, lambda n, wide: {"id": text(n, wide=wide)}),
    ("track.v1.identify", Limit.OBJECT_ATTRIBUTES_BYTES, 100 * KIB, lambda n, wide: related(n, wide=wide)),
    ("track.v1.event", Limit.EVENT_NAME_BYTES, 100, lambda n, wide: {"name": text(n, wide=wide)}),
    ("track.v1.event", Limit.EVENT_DATA_BYTES, 100_000, lambda n, wide: {"name": "x", "data": padded({}, n, wide=wide)}),
    ("track.v1.anonymous_event", Limit.EVENT_NAME_BYTES, 100, lambda n, wide: {"name": text(n, wide=wide)}),
    ("track.v1.anonymous_event", Limit.EVENT_DATA_BYTES, 100_000, lambda n, wide: {"data": padded({}, n, wide=wide)}),
    ("track.v1.merge", Limit.ID_BYTES, 150, lambda n, wide: {"primary": {"id": "1"}, "secondary": {"id": text(n, wide=wide)}}),
    ("track.v1.segment.add", Limit.SEGMENT_IDS, 1000, lambda n, _: {"ids": list(range(n))}),
    ("track.v1.segment.remove", Limit.SEGMENT_IDS, 1000, lambda n, _: {"ids": ["5"] * n}),
    ("track.v1.segment.remove", Limit.ID_BYTES, 150, lambda n, wide: {"ids": ["5", text(n, wide=wide)]}),
    ("track.v1.form.submit", Limit.ID_BYTES, 150, lambda n, wide: {"data": {"id": text(n, wide=wide)}}),
    ("track.v2.entity", Limit.REQUEST_BYTES, 32 * KIB, lambda n, wide: padded(person(action="event"), n, wide=wide)),
    ("track.v2.entity", Limit.ATTRIBUTE_NAME_BYTES, 150, lambda n, wide: person(attributes={text(n, wide=wide): 1})),
    ("track.v2.entity", Limit.ATTRIBUTE_VALUE_BYTES, 1000, lambda n, wide: person(attributes={"a": text(n, wide=wide)})),
    ("track.v2.entity", Limit.ATTRIBUTES, 300, lambda n, _: person(attributes={f"a{number}": 1 for number in range(n)})),
    ("track.v2.entity", Limit.ID_BYTES, 150, lambda n, wide: person(identifiers={"id": text(n, wide=wide)})),
    ("app.v1.send.email", Limit.ID_BYTES, 150, lambda n, wide: {"identifiers": {"id": text(n, wide=wide)}}),
    (
        "app.v1.send.push",
        Limit.PAYLOAD_BYTES,
        KIB * KIB,
        lambda n, wide: padded({}, n, wide=wide) | {"attachments": {"a": "eA=="}},
    ),
    ("app.v1.broadcast.trigger", Limit.TRIGGER_DATA_BYTES, 50_000, lambda n, wide: {"data": padded({}, n, wide=wide)}),
    ("app.v1.broadcast.trigger", Limit.TRIGGER_PEOPLE, 10_000, lambda n, _: {"ids": ["5"] * n}),
    ("app.v1.broadcast.trigger", Limit.TRIGGER_PEOPLE, 10_000, lambda n, _: {"emails": ["a@b"] * n}),
    ("app.v1.broadcast.trigger", Limit.TRIGGER_PEOPLE, 10_000, lambda n, _: {"per_user_data": [{"id": "5"}] * n}),
    ("app.v1.broadcast.trigger", Limit.ID_BYTES, 150, lambda n, wide: {"per_user_data": [{"id": text(n, wide=wide)}]}),
    ("app.v1.broadcast.trigger", Limit.REQUEST_BYTES, 25 * KIB * KIB, lambda n, wide: padded({}, n, wide=wide)),
    ("pipelines.v1.track", Limit.REQUEST_BYTES, 32 * KIB, lambda n, wide: padded({}, n, wide=wide)),
]


@pytest.mark.parametrize("wide", [False, True], ids=["ascii", "four-byte"])
@pytest.mark.parametrize(("name", "limit", "bound", "call"), EXACT, ids=lambda value: str(value) if not callable(value) else "")
def test_a_limit_is_exact(name: str, limit: Limit, bound: int, call: Any, *, wide: bool) -> None:  # noqa: ANN401  # a function
    """What Customer.io takes is not found, and one byte or member more is, in characters of any width."""
    assert found(name, call(bound, wide)) == []
    assert found(name, call(bound + 1, wide)) == over(limit)


def test_attachments_are_exact() -> None:
    """Their size is that of the files and not of their base64; they are no part of the payload."""
    for size, expected in ((2 * KIB * KIB, []), (2 * KIB * KIB + 1, over(Limit.ATTACHMENTS_BYTES))):
        encoded = "A" * ((size + 2) // 3 * 4 - (-size % 3)) + "=" * (-size % 3)
        assert found("app.v1.send.email", {"attachments": {"a.pdf": encoded}}) == expected


@pytest.mark.parametrize("wide", [False, True], ids=["ascii", "four-byte"])
@pytest.mark.parametrize("name", [name for name in LIMITS if LIMITS[name]._place])
def test_the_person_in_a_path_is_exact(name: str, *, wide: bool) -> None:
    """As it leaves: percent-encoded it is three times as long."""
    suffix = {"device.add": "/devices", "device.delete": "/devices/" + "t" * 200, "event": "/events"}.get(name[9:], "")
    for size, expected in ((150, []), (151, over(Limit.ID_BYTES))):
        target = f"/api/v1/customers/{quote(text(size, wide=wide), safe='')}{suffix}".encode()
        assert found(name, None, target) == expected
        assert found(name, {}, target) == expected
    assert found(name, {}, b"/api/v1/customers/" + b"a" * 200 + b"%40b.c" + suffix.encode()) == []


@pytest.mark.parametrize("wide", [False, True], ids=["ascii", "four-byte"])
@pytest.mark.parametrize("prefix", ["", 'escaped "quotes"'], ids=["plain", "escaped"])
@pytest.mark.parametrize(
    ("limit", "bound", "item"),
    [
        (Limit.ATTRIBUTE_NAME_BYTES, 150, lambda n, wide: person(attributes={text(n, wide=wide): 1})),
        (Limit.ATTRIBUTE_VALUE_BYTES, 1000, lambda n, wide: person(attributes={"a": text(n, wide=wide)})),
        (Limit.ATTRIBUTES, 300, lambda n, _: person(attributes={f"a{number}": 1 for number in range(n)})),
        (Limit.ID_BYTES, 150, lambda n, wide: person(identifiers={"id": text(n, wide=wide)})),
        (Limit.ID_BYTES, 150, lambda n, _: person(identifiers={"id": 10 ** (n - 1)})),
        (Limit.ID_BYTES, 150, lambda n, wide: person(action="merge", primary={"id": text(n, wide=wide)}, secondary={})),
        (Limit.ID_BYTES, 150, lambda n, wide: person(cio_relationships=[{"identifiers": {"a": text(n, wide=wide)}}])),
        (Limit.ITEM_BYTES, 32 * KIB, lambda n, wide: padded(person(action="event"), n, wide=wide)),
        (Limit.ITEM_BYTES, 32 * KIB, lambda n, wide: padded({"type": "object", "action": "identify"}, n, wide=wide)),
        (Limit.ITEM_BYTES, 32 * KIB, lambda n, wide: padded({"type": ["no"], "action": 5}, n, wide=wide)),
    ],
)  # fmt: skip
def test_an_item_is_found_by_its_index(limit: Limit, bound: int, item: Any, prefix: str, *, wide: bool) -> None:  # noqa: ANN401  # a function
    """Each item has limits of its own, whatever stands beside it, and however it is written."""
    first = person(attributes={"note": prefix})
    assert found("track.v2.batch", {"batch": [first, item(bound, wide), person()]}) == []
    assert found("track.v2.batch", {"batch": [first, item(bound + 1, wide), person()]}) == over(limit, 1)
    assert found("track.v2.batch", {"batch": [item(bound + 1, wide), first, item(bound + 1, wide)]}) == [
        (limit.value, 0),
        (limit.value, 2),
    ]


@pytest.mark.parametrize("name", ["track.v2.batch", "pipelines.v1.batch"])
def test_a_batch_is_looked_at_as_a_whole_too(name: str) -> None:
    """The limit of the request comes after those of its items."""
    small = person(action="event", pad="x" * 20_000)
    batch = {"batch": [small] * 25}
    assert found(name, padded(batch, 500 * KIB, wide=False)) == []
    assert found(name, padded(batch, 500 * KIB + 1, wide=False)) == over(Limit.REQUEST_BYTES)
    large = person(action="event", pad="x" * 33_000)
    assert found(name, {"batch": [small] * 25 + [large]}) == [*over(Limit.ITEM_BYTES, 25), *over(Limit.REQUEST_BYTES)]


def test_what_is_no_person_has_no_limits_of_a_person() -> None:
    """An event may hold long values, an object's attributes have a limit together, a delivery's id is no person's."""
    long = {"a" * 200: "x" * 2000}
    for item in (
        person(action="event", attributes=long),
        {"type": "object", "action": "identify", "identifiers": {"object_id": "1"}, "attributes": long},
        {"type": "delivery", "action": "event", "identifiers": {"id": "d" * 200}},
        {"type": "unheard", "action": "of", "identifiers": {"id": "d" * 200}},
    ):
        assert found("track.v2.entity", item) == found("track.v2.batch", {"batch": [item]}) == []


@pytest.mark.parametrize("name", LIMITS)
@pytest.mark.parametrize(
    "value",
    [None, "x" * 500, 5, [], ["x" * 500], {"batch": "x" * 500}, {"batch": {"a": "x" * 50}}, {"batch": [None, 1, "x" * 500, []]},
     {"attributes": "x" * 500, "identifiers": None, "type": "person", "action": "identify"}],
)  # fmt: skip
def test_a_body_of_another_shape_is_no_fault_of_ours(name: str, value: Any) -> None:  # noqa: ANN401  # a body of any shape
    """Whether it is well-formed, Customer.io says; only sizes are looked at, and nothing fails."""
    assert {limit for limit, _ in found(name, value)} <= set(LIMITS[name].names)


def test_what_is_small_costs_no_search() -> None:
    """Nearly every call: the very same empty tuple."""
    limits = LIMITS["track.v1.identify"]
    assert limits.excesses({"plan": "pro"}, b'{"plan":"pro"}', b"/api/v1/customers/5") is NOTHING


def test_items_are_taken_out_in_place() -> None:
    """The others keep their order, and what stands beside the items stays."""
    limits = LIMITS["track.v2.batch"]
    value = {"batch": ["a", "b", "c", "d"], "context": 1}
    assert limits.without(value, [1, 3]) == [0, 2]
    assert value == {"batch": ["a", "c"], "context": 1}


def test_an_error_tells_what_customer_io_tells() -> None:
    """Index, reason, field and message; the field is a place of the table, and no name or value of the caller's."""
    value = {"batch": [person(), person(attributes={"canary" * 30: 1}), person(identifiers={"id": "canary" * 30})]}
    errors = [excess.told() for excess in LIMITS["track.v2.batch"].excesses(value, encode(value), b"/api/v2/batch")]
    assert errors == [
        {
            "batch_index": 1,
            "reason": "too_large",
            "field": "attributes",
            "message": "over Customer.io's limit for attribute name: at most 150 bytes",
        },
        {
            "batch_index": 2,
            "reason": "too_large",
            "field": "identifiers",
            "message": "over Customer.io's limit for id: at most 150 bytes",
        },
    ]


@pytest.mark.parametrize("name", LIMITS)
def test_the_limits_that_may_be_found_are_told_beforehand(name: str) -> None:
    """Their counts are exposed from the start."""
    assert LIMITS[name].names
    assert set(LIMITS[name].names) <= set(Limit)
