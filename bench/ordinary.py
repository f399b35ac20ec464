"""Large bodies as applications send them, within Customer.io's own limits: none may ever be refused as too much work."""

import base64
from random import Random  # noqa: TID251 - made from a seed
from typing import Any

import orjson

from bench.bodies import person

_RNG = Random(7)  # noqa: S311 - texts, no secrets
_WORDS = (
    "the", "order", "left", "our", "house", "today", "and", "should", "be", "with", "you", "by", "Thursday", "morning",
    "please", "call", "if", "it", "is", "not", "there", "a=b", "5", ">", "4", "&",
    "https://shop.example/o/1234?utm_source=mail&utm_term=x#top",
)  # fmt: skip


def _text(words: int) -> str:
    return " ".join(_RNG.choices(_WORDS, k=words))


def _trait(number: int) -> dict[str, Any]:
    return {
        **person(number), "bio": _text(40), "referrer": f"https://x.example/?utm_source=ad&id={number}&next=%2Fa%3Fb%3Dc",
        "device": orjson.dumps({"os": "ios", "version": "17.1", "screen": {"w": 390, "h": 844}}).decode(),
    }  # fmt: skip


def _batch(items: list[dict[str, Any]], at_most: int, **around: object) -> bytes:
    while len(orjson.dumps({"batch": items, **around})) > at_most:
        items = items[: len(items) * 99 // 100]
    return orjson.dumps({"batch": items, **around})


def _people() -> bytes:
    items = [
        {
            "type": "person",
            "identifiers": {"email": f"p{number}@example.com"},
            "action": "identify",
            "attributes": _trait(number),
        }
        for number in range(700)
    ]
    return _batch(items, 481_000)


def _tracked() -> bytes:
    items: list[dict[str, Any]] = [
        {
            "type": "track", "userId": str(number), "event": "Order Completed", "messageId": f"m-{number}",
            "timestamp": "2026-11-25T08:00:00.000Z", "context": {
                "ip": "192.0.2.10", "userAgent": "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7)", "locale": "en-GB",
                "page": {"url": f"https://shop.example/?q=shoes&page={number}", "referrer": "https://example.org/?a=b"}},
            "properties": {"total": 12.5 + number, "currency": "EUR", "products": [
                {"sku": f"A-{each}", "price": 9.99, "quantity": 1, "name": _text(5)} for each in range(6)]},
        }
        for number in range(800)
    ]  # fmt: skip
    return _batch(items, 500_000, sentAt="2026-11-25T08:00:00.000Z")


def _letter() -> bytes:
    coded = base64.b64encode(_RNG.randbytes(1_040_000)).decode()
    paragraphs = [f'<p class="x"><a href="https://x.example/?a=b&amp;c={each}">{_text(60)}</a></p>' for each in range(1200)]
    return orjson.dumps(
        {
            "to": "ada@example.com", "identifiers": {"id": "5"}, "transactional_message_id": 3,
            "body": "<html><body>" + "".join(paragraphs),
            "message_data": {"items": [_trait(number) for number in range(100)]},
            "attachments": {"invoice.pdf": coded, "terms.pdf": coded},
        }
    )  # fmt: skip


def _trigger() -> bytes:
    return orjson.dumps(
        {
            "data": {"headline": _text(30)},
            "per_user_data": [
                {"id": str(number), "data": {"voucher": f"V-{number:06}", "amount": 12.5, "name": "Ada", "note": _text(12)}}
                for number in range(10_000)
            ],
        }
    )


def _history() -> bytes:
    """An event just within 100,000 bytes of data."""
    data: dict[str, Any] = {"items": [_trait(number) for number in range(120)]}
    while len(orjson.dumps(data)) > 100_000:
        data["items"].pop()
    return orjson.dumps({"name": "exported", "data": data})


# By name: method, target and body. Sizes and counts are those of `proxy.api.vendor_limits`.
BODIES: dict[str, tuple[str, str, bytes]] = {
    "a batch of people, 481 KB": ("POST", "/api/v2/batch", _people()),
    "a batch of Pipelines, 500 KB": ("POST", "/v1/batch", _tracked()),
    "a send with attachments": ("POST", "/v1/send/email", _letter()),
    "a trigger for 10,000 people": ("POST", "/v1/campaigns/7/triggers", _trigger()),
    "a segment of 1,000 ids": (
        "POST", "/api/v1/segments/3/add_customers", orjson.dumps({"ids": [f"customer-{number:08}" for number in range(1000)]}),
    ),
    "a segment of 1,000 addresses": (
        "POST", "/api/v1/segments/3/add_customers?id_type=email",
        orjson.dumps({"ids": [f"person.{number}@example.com" for number in range(1000)]}),
    ),
    "an event of 100 KB": ("POST", "/api/v1/customers/5/events", _history()),
    "an identify": ("PUT", "/api/v1/customers/5", orjson.dumps(_trait(5))),
}  # fmt: skip
