"""Decides whether a call with an unknown outcome may be sent again (Customer.io Track API: event ids deduplicate)."""

import orjson

from proxy.api.model import Endpoint, Replay


def safe(endpoint: Endpoint, body: bytes) -> bool:
    """Say whether sending `body` to `endpoint` twice has the same effect as sending it once.

    The body is decoded a second time here. This runs only after a connection broke; keeping every decoded body would cost
    memory in every request.
    """
    if endpoint.replay is not Replay.WITH_ID:
        return endpoint.replay is Replay.SAFE
    try:
        value = orjson.loads(body)
    except orjson.JSONDecodeError:
        return False  # only the exact decoder can read this body, so assume the worst
    items = value.get(endpoint.event_items) if endpoint.event_items and isinstance(value, dict) else [value]
    return isinstance(items, list) and all(_identified(item, endpoint.event_id) for item in items)


def _identified(item: object, key: str) -> bool:
    return isinstance(item, dict) and isinstance(item.get(key), str) and item[key] != ""
