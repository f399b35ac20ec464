"""Every public method of the two SDKs of the Pipelines API: `customerio-cdp-analytics` and `@customerio/cdp-analytics-node`.

Both send whatever they are told as a batch. Neither asks for strict answers.
"""

from collections.abc import Mapping
from typing import Any
from unittest.mock import ANY

from tests.sdk import arrivals as a
from tests.sdk.arrivals import Arrival, Call, Json

PAGE = "https://shop.example/cart?step=2"

# What is told of a person in each kind of call, and what is left of it where that is less.
_EVENT = {"price": 1.5, **a.SEEN}
_EVENT_LEFT = {"price": 1.5, **a.LEFT}


def _batch(item: Mapping[str, Json], **beside: Json) -> Arrival:
    return Arrival("POST /v1/batch", {"batch": [item], **beside})


# Python

_SAID_AT = {"$datetime": "2026-01-02T03:04:05+00:00"}
_SENT = {"timestamp": "2026-01-02T03:04:05.000+00:00", "messageId": "m-1", "integrations": {}, "context": ANY}
_NOBODY = {"userId": None, "anonymousId": None}


def _python(kind: str, left: Mapping[str, Json], **options: Json) -> tuple[str, Mapping[str, Json], Arrival]:
    item = {**_NOBODY, **_SENT, "type": kind, **left}
    return kind, {**options, "timestamp": _SAID_AT, "message_id": "m-1"}, _batch(item, sentAt=ANY)


_PYTHON = (
    _python("identify", {"userId": "5", "traits": a.LEFT}, user_id="5", traits=a.SEEN),
    _python(
        "track",
        {"userId": "5", "event": "purchased", "properties": _EVENT_LEFT},
        user_id=5, event="purchased", properties=_EVENT,
    ),
    _python(
        "page",
        {"anonymousId": "a-1", "category": None, "name": "Cart", "properties": {"url": PAGE}},
        anonymous_id="a-1", name="Cart", properties={"url": PAGE},
    ),
    _python(
        "screen",
        {"userId": "5", "category": "shop", "name": "Cart", "properties": {}},
        user_id="5", category="shop", name="Cart",
    ),
    _python(
        "group",
        {"userId": "5", "groupId": "acme", "traits": {"seats": 3}},
        user_id="5", group_id="acme", traits={"seats": 3},
    ),
    _python("alias", {"userId": "5", "previousId": "a-1"}, user_id="5", previous_id="a-1"),
)  # fmt: skip


def python_calls(*, queued: bool) -> tuple[Call, ...]:
    """Return the calls of a client that sends from a queue, as it does unless told otherwise, or at once.

    The functions of the module have a client of their own, which here sends at once. Without a queue, waiting for it fails.
    """
    no_queue = "'NoneType' object is not iterable"
    of_client = (Call(f"Client.{kind}", (), arrival, options, settle="flush" * queued) for kind, options, arrival in _PYTHON)
    of_module = (Call(f"analytics.{kind}", (), arrival, options) for kind, options, arrival in _PYTHON)
    ends = (("Client", "" if queued else no_queue), ("analytics", no_queue))
    return (
        *of_client,
        *of_module,
        *(Call(f"{name}.flush") for name, _ in ends),
        *(Call(f"{name}.{method}", raises=error) for name, error in ends for method in ("join", "shutdown")),
    )


# Node

_STAMP = {"messageId": "m-1", "timestamp": "2026-01-02T03:04:05.000Z"}


def _node(kind: str, sent: Mapping[str, Any], left: Mapping[str, Any] | None = None) -> Call:
    made = {"type": kind, **_STAMP, "context": ANY, "_metadata": ANY, "integrations": ANY, **(left or sent)}
    return Call(f"Analytics.{kind}", [{**sent, **_STAMP, "integrations": {}}], _batch(made), settle="event")


NODE = (
    _node("identify", {"userId": "5", "traits": a.SEEN}, {"userId": "5", "traits": a.LEFT}),
    _node(
        "track",
        {"userId": "5", "event": "purchased", "properties": _EVENT},
        {"userId": "5", "event": "purchased", "properties": _EVENT_LEFT},
    ),
    _node("page", {"anonymousId": "a-1", "name": "Cart", "properties": {"url": PAGE}}),
    _node("screen", {"userId": "5", "name": "Cart", "properties": {}}),
    _node("group", {"userId": "5", "groupId": "acme", "traits": {"seats": 3}}),
    _node("alias", {"userId": "5", "previousId": "a-1"}),
    Call("Analytics.register"),
    Call("Analytics.deregister", ["no such plugin"]),
    Call("Analytics.closeAndFlush"),
)
