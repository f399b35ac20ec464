"""Every public method of the Python SDK, `customerio` 3: how an application calls it, and what must come of it."""

from collections.abc import Mapping
from dataclasses import replace

from tests.sdk import arrivals as a
from tests.sdk.arrivals import Arrival, Call, Json

PAGE = "https://shop.example/cart?step=2"


def _track(method: str, *args: Json, arrival: Arrival, **options: Json) -> Call:
    return Call(f"CustomerIO.{method}", args, arrival, options)


def _local(method: str, *args: Json, returns: Json = None) -> Call:
    return Call(f"CustomerIO.{method}", args, returns=returns)


def _send(method: str, request: str, arrival: Arrival, options: Mapping[str, Json], *then: Json) -> Call:
    made = {"$new": request, "options": {**options, "message_data": a.DATA}, "then": then}
    return Call(f"APIClient.{method}", [made], arrival)


TRACK = (
    _track("identify", a.PERSON, arrival=a.IDENTIFY, **a.SEEN),
    _track(
        "track", a.PERSON, "purchased", {"price": 1.5, **a.SEEN}, arrival=a.EVENT, id=a.ULID, timestamp=a.NOW,
    ),
    _track("track_anonymous", "a-1", "seen", a.SEEN, arrival=a.ANONYMOUS_EVENT),
    _track(
        "pageview", a.PERSON, PAGE,
        arrival=Arrival(f"POST {a.CUSTOMER}/events", {"type": "page", "name": PAGE, "data": a.LEFT}, {}),
        **a.SEEN,
    ),
    _track(
        "backfill", a.PERSON, "purchased", "1600000000",
        arrival=Arrival(
            f"POST {a.CUSTOMER}/events", {"name": "purchased", "data": {"price": 1.5}, "timestamp": 1_600_000_000}, {}
        ),
        price=1.5,
    ),
    # It sends an empty object where the Node SDK sends nothing.
    _track("delete", a.PERSON, arrival=replace(a.DELETE, body={})),
    _track("add_device", a.PERSON, a.TOKEN, "ios", arrival=a.ADD_DEVICE, last_used=a.NOW),
    _track("delete_device", a.PERSON, a.TOKEN, arrival=replace(a.DELETE_DEVICE, body={})),
    _track("suppress", a.PERSON, arrival=a.SUPPRESS),
    _track("unsuppress", a.PERSON, arrival=a.UNSUPPRESS),
    _track("merge_customers", "email", a.PERSON, "id", 6, arrival=replace(
        a.MERGE, body={"primary": {"email": a.PERSON}, "secondary": {"id": 6}})),
    _track("send_request", "PUT", "{base}/customers/5", a.SEEN, arrival=Arrival("PUT /api/v1/customers/5", a.LEFT, {})),
    _local("get_customer_query_string", a.PERSON, returns=f"{{base}}/customers/{a.ID}"),
    _local("get_event_query_string", a.PERSON, returns=f"{{base}}/customers/{a.ID}/events"),
    _local("get_events_query_string", returns="{base}/events"),
    _local("get_device_query_string", a.PERSON, returns=f"{{base}}/customers/{a.ID}/devices"),
    _local("is_valid_id_type", "email", returns=True),
    _local("setup_base_url"),
    _local("close"),
)  # fmt: skip

BATCHES = (
    _track("batch", a.OPERATIONS, arrival=a.BATCH),
    _track("batch", a.PARTLY, arrival=a.BATCH_PARTLY),
)
# Whatever `base_url` says, it posts to https at the client's `host` and `port`, where nobody speaks TLS.
NO_BATCH = (Call("CustomerIO.batch", [a.OPERATIONS], raises="SSLError"),)

APP = (
    _send("send_email", "SendEmailRequest", a.SEND_EMAIL, a.EMAIL, ["attach", "a.txt", "hi"]),
    _send("send_push", "SendPushRequest", a.SEND_PUSH, {**a.PUSH, "device": {"token": a.TOKEN, "platform": "ios"}}),
    _send("send_sms", "SendSMSRequest", a.SEND_SMS, {**a.MESSAGE, "to": "+15550123"}),
    _send("send_whatsapp", "SendWhatsAppRequest", a.SEND_WHATSAPP, {**a.MESSAGE, "to": "+15550123", "tracked": False}),
    _send("send_inbox_message", "SendInboxMessageRequest", a.SEND_INBOX_MESSAGE, {**a.MESSAGE, "language": "fr"}),
    _send("send_in_app", "SendInAppRequest", a.SEND_IN_APP, a.MESSAGE),
    # A send may also be a plain mapping.
    Call("APIClient.send_in_app", [{**a.MESSAGE, "message_data": a.DATA}], a.SEND_IN_APP),
    Call(
        "APIClient.send_request", ["GET", "{base}/v1/segments/7", {}], Arrival("GET /v1/segments/7", {})
    ),
    Call("APIClient.close"),
)  # fmt: skip

OVER_TLS = (*TRACK, *BATCHES, *APP)
PLAIN = (*TRACK, *NO_BATCH, *APP)
