"""Every public method of the Node SDK, `customerio-node` 5, that writes to people; `node_reads.py` has the rest."""

from collections.abc import Mapping
from typing import Any
from unittest.mock import ANY

from proxy.errors import ANSWERS, Reason
from tests.sdk import arrivals as a
from tests.sdk.arrivals import Arrival, Call, Json

PAGE = "https://shop.example/cart?step=2"
METRIC = {"delivery_id": "d-1", "metric": "opened", "timestamp": a.NOW, "recipient": "ada@example.com"}
PUSH_EVENT = {"delivery_id": "d-1", "event": "opened", "device_id": a.TOKEN, "timestamp": a.NOW}
FORM = {"email": "ada@example.com", "first_name": "Ada"}
STAMP = {"messageId": "m-1", "timestamp": "2026-01-02T03:04:05.000Z"}


def _track(method: str, *args: Json, arrival: Arrival) -> Call:
    return Call(f"TrackClient.{method}", args, arrival)


def _send(method: str, request: str, arrival: Arrival, options: Mapping[str, Json], *then: Json) -> Call:
    made = {"$new": request, "args": [{**options, "message_data": a.DATA}], "then": then}
    return Call(f"APIClient.{method}", [made], arrival)


def _pipeline(method: str, sent: dict[str, Any], left: dict[str, Any] | None = None) -> Call:
    """Return a call of the Pipelines client; it adds its own name to the context."""
    arrives = {**(left or sent), **STAMP, "context": {"library": {"name": "customerio-node", "version": ANY}}}
    return Call(f"PipelinesClient.{method}", [{**sent, **STAMP}], Arrival(f"POST /v1/{method}", arrives, {}))


TRACK = (
    _track("identify", a.PERSON, a.SEEN, arrival=a.IDENTIFY),
    _track("destroy", a.PERSON, arrival=a.DELETE),
    _track("suppress", a.PERSON, arrival=a.SUPPRESS),
    _track("unsuppress", a.PERSON, arrival=a.UNSUPPRESS),
    _track(
        "track", a.PERSON, {"name": "purchased", "data": {"price": 1.5, **a.SEEN}, "id": a.ULID, "timestamp": a.NOW},
        arrival=a.EVENT,
    ),
    _track("trackAnonymous", "a-1", {"name": "seen", "data": a.SEEN}, arrival=a.ANONYMOUS_EVENT),
    _track(
        "trackPageView", a.PERSON, PAGE,
        arrival=Arrival(f"POST {a.CUSTOMER}/events", {"type": "page", "name": PAGE}, {}),
    ),
    _track("trackPush", PUSH_EVENT, arrival=Arrival("POST /api/v1/push/events", PUSH_EVENT, {}, credential=False)),
    _track("addDevice", a.PERSON, a.TOKEN, "ios", {"last_used": a.NOW}, arrival=a.ADD_DEVICE),
    _track("deleteDevice", a.PERSON, a.TOKEN, arrival=a.DELETE_DEVICE),
    _track("batch", a.OPERATIONS, arrival=a.BATCH),
    _track("batch", a.PARTLY, arrival=a.BATCH_PARTLY),
    _track("mergeCustomers", "email", a.PERSON, "id", "6", arrival=a.MERGE),
    _track(
        "getAccountRegion",
        arrival=Arrival(
            "GET /api/v1/accounts/region",
            answer={"url": "https://track.customer.io", "region": "us", "environment_id": 1},
        ),
    ),
    _track(
        "entity", a.OPERATIONS[0],
        arrival=Arrival("POST /api/v2/entity", {**a.OPERATIONS[0], "attributes": a.LEFT}, {}),
    ),
    _track(
        "addCustomersToSegment", 7, [a.PERSON], "email",
        arrival=Arrival("POST /api/v1/segments/7/add_customers?id_type=email", {"ids": [a.PERSON]}, {}),
    ),
    _track(
        "removeCustomersFromSegment", 7, ["5"],
        arrival=Arrival("POST /api/v1/segments/7/remove_customers", {"ids": ["5"]}, {}),
    ),
    _track("submitForm", "f/1", FORM, arrival=Arrival("POST /api/v1/forms/f%2F1/submit", {"data": FORM}, {}, 204)),
    _track("reportMetric", METRIC, arrival=Arrival("POST /api/v1/metrics", METRIC, {}, credential=False)),
    _track(
        "unsubscribe", "d/1", arrival=Arrival("POST /unsubscribe/d%2F1", {"unsubscribe": True}, {}, credential=False)
    ),
)  # fmt: skip

SENDS = (
    _send("sendEmail", "SendEmailRequest", a.SEND_EMAIL, a.EMAIL, ["attach", "a.txt", "hi"]),
    _send("sendPush", "SendPushRequest", a.SEND_PUSH, {**a.PUSH, "device": {"token": a.TOKEN, "platform": "ios"}}),
    _send("sendSMS", "SendSMSRequest", a.SEND_SMS, {**a.MESSAGE, "to": "+15550123"}),
    _send("sendWhatsApp", "SendWhatsAppRequest", a.SEND_WHATSAPP, {**a.MESSAGE, "to": "+15550123", "tracked": False}),
    _send("sendInboxMessage", "SendInboxMessageRequest", a.SEND_INBOX_MESSAGE, {**a.MESSAGE, "language": "fr"}),
    _send("sendInApp", "SendInAppRequest", a.SEND_IN_APP, a.MESSAGE),
    Call(
        "APIClient.triggerBroadcast",
        [7, {"headline": "Hello", **a.SEEN}, {"per_user_data": [{"id": "5", "data": {"voucher": 1, "ssn": "000-00-0000"}}]}],
        Arrival(
            "POST /v1/campaigns/7/triggers",
            {
                "data": {"headline": "Hello", "first_name": "Ada", "plan": "pro", "phone": "+1-555-0123"},
                "per_user_data": [{"id": "5", "data": {"voucher": 1}}],
            },
            lambda number: {"id": number},
        ),
    ),
    # The one body of the SDK that is no JSON (multipart), so that no policy could look into it.
    Call(
        "APIClient.createAsset",
        [{"data": {"$bytes": "GIF89a"}, "filename": "logo.gif"}],
        raises=ANSWERS[Reason.UNSUPPORTED_MEDIA].message,
    ),
)

PIPELINES = (
    _pipeline("identify", {"userId": "5", "traits": a.SEEN}, {"userId": "5", "traits": a.LEFT}),
    _pipeline(
        "track",
        {"userId": "5", "event": "purchased", "properties": {"price": 1.5, **a.SEEN}},
        {"userId": "5", "event": "purchased", "properties": {"price": 1.5, **a.LEFT}},
    ),
    _pipeline("page", {"anonymousId": "a-1", "name": "Cart", "properties": {"url": PAGE}}),
    _pipeline("screen", {"userId": "5", "name": "Cart"}),
    _pipeline("group", {"userId": "5", "groupId": "acme", "traits": {"seats": 3}}),
    _pipeline("alias", {"userId": "5", "previousId": "a-1"}),
    Call(
        "PipelinesClient.batch",
        [[{"type": "identify", "userId": "5", "traits": a.SEEN, **STAMP}]],
        Arrival(
            "POST /v1/batch",
            {"batch": [{"type": "identify", "userId": "5", "traits": a.LEFT, **STAMP, "context": ANY}]},
            {},
        ),
    ),
)
