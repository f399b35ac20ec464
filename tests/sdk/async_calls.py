"""Every public method of `async-customerio` 2, a client that Customer.io did not write.

It encodes a person's id but for its slashes, and a device token twice; both arrive as it sent them. Its Track client returns
nothing, and its sends name every default.
"""

from collections.abc import Mapping
from typing import Any
from unittest.mock import ANY

from tests.sdk import arrivals as a
from tests.sdk.arrivals import Arrival, Call, Json

PERSON = "jo+e@example.com"
ID = "jo%2Be%40example.com"
CUSTOMER = f"/api/v1/customers/{ID}"
PAGE = "https://shop.example/cart?step=2"
_EMAIL = {"email": PERSON}
_OBJECT = {"object_type_id": "1", "object_id": "acme"}


def _track(
    method: str,
    *args: Json,
    at: str,
    body: Json = None,
    options: Mapping[str, Json] | None = None,
    answer: Json = None,
    **arrival: Any,  # noqa: ANN401  # any field of an arrival
) -> Call:
    return Call(f"AsyncCustomerIO.{method}", args, Arrival(at, body, answer, **arrival), options or {})


_V1 = (
    _track("identify", PERSON, at=f"PUT {CUSTOMER}", body=a.LEFT, options=a.SEEN),
    _track(
        "track", PERSON, "purchased", at=f"POST {CUSTOMER}/events",
        body={"name": "purchased", "data": {"price": 1.5, **a.LEFT}}, options={"price": 1.5, **a.SEEN},
    ),
    _track(
        "track_anonymous", "a-1", "seen", at="POST /api/v1/events",
        body={"name": "seen", "data": a.LEFT, "anonymous_id": "a-1"}, options=a.SEEN,
    ),
    _track(
        "pageview", PERSON, PAGE, at=f"POST {CUSTOMER}/events", body={"type": "page", "name": PAGE, "data": a.LEFT},
        options=a.SEEN,
    ),
    _track(
        "backfill", PERSON, "purchased", {"$datetime": "2020-09-13T12:26:40"}, at=f"POST {CUSTOMER}/events",
        body={"name": "purchased", "data": {"price": 1.5}, "timestamp": 1_600_000_000}, options={"price": 1.5},
    ),
    _track("delete", PERSON, at=f"DELETE {CUSTOMER}"),
    _track(
        "add_device", PERSON, a.TOKEN, "ios", at=f"PUT {CUSTOMER}/devices",
        body={"device": {"id": a.TOKEN, "platform": "ios", "last_used": a.NOW}}, options={"last_used": a.NOW},
    ),
    _track("delete_device", PERSON, a.TOKEN, at=f"DELETE {CUSTOMER}/devices/to%252Fken%253A1"),
    _track("suppress", PERSON, at=f"POST {CUSTOMER}/suppress"),
    _track("unsuppress", PERSON, at=f"POST {CUSTOMER}/unsuppress"),
    _track(
        "merge_customers", "email", PERSON, "id", 6, at="POST /api/v1/merge_customers",
        body={"primary": _EMAIL, "secondary": {"id": 6}},
    ),
    _track("unsubscribe", "d-1", at="POST /unsubscribe/d-1", body={"unsubscribe": True}, credential=False),
    _track(
        "report_metric", "d-1", "opened", at="POST /api/v1/metrics", credential=False,
        body={"delivery_id": "d-1", "metric": "opened", "recipient": PERSON, "timestamp": a.NOW},
        options={"recipient": PERSON, "timestamp": a.NOW},
    ),
    _track(
        "report_push_metric", "d-1", a.TOKEN, "opened", at="POST /api/v1/push/events", credential=False,
        body={"delivery_id": "d-1", "device_id": a.TOKEN, "event": "opened"},
    ),
    _track(
        "add_to_segment", 7, [PERSON], at="POST /api/v1/segments/7/add_customers?id_type=email", body={"ids": [PERSON]},
        options={"id_type": "email"},
    ),
    _track("remove_from_segment", 7, [5], at="POST /api/v1/segments/7/remove_customers", body={"ids": ["5"]}),
    _track("get_region", at="GET /api/v1/accounts/region", answer=ANY),
    _track(
        "submit_form", "f-1", at="POST /api/v1/forms/f-1/submit", body={"data": {**_EMAIL, "first_name": "Ada"}}, status=204,
        options={**_EMAIL, "first_name": "Ada"},
    ),
    _track("send_request", "PUT", "{base}/customers/5", at="PUT /api/v1/customers/5", body=a.LEFT, answer={}, options={
        "json_payload": a.SEEN}),
    Call("AsyncCustomerIO.setup_base_url", ["https://localhost", 8443, "/api/v1"], returns="https://localhost:8443/api/v1"),
    Call("AsyncCustomerIO.close"),
)  # fmt: skip


def _entity(method: str, *args: Json, sent: Mapping[str, Json], options: Mapping[str, Json] | None = None) -> Call:
    return Call(f"AsyncCustomerIO.v2.{method}", args, Arrival("POST /api/v2/entity", sent, None), options or {})


def _person(action: str, **more: Json) -> Mapping[str, Json]:
    return {"type": "person", "action": action, "identifiers": _EMAIL, **more}


def _object(action: str, **more: Json) -> Mapping[str, Json]:
    return {"type": "object", "action": action, "identifiers": _OBJECT, **more}


_WITH_OBJECT = [{"identifiers": _OBJECT}]
_WITH_PERSON = [{"identifiers": _EMAIL}]

_V2 = (
    _entity("send_entity", _person("identify", attributes=a.SEEN), sent=_person("identify", attributes=a.LEFT)),
    Call("AsyncCustomerIO.v2.send_batch", [a.OPERATIONS], a.BATCH),
    Call("AsyncCustomerIO.v2.send_batch", [a.PARTLY], a.BATCH_PARTLY),
    # The same under their old names.
    _track(
        "send_entity", _EMAIL, "person", {"$member": "Actions.identify"}, at="POST /api/v2/entity",
        body=_person("identify", attributes=a.LEFT), options=a.SEEN,
    ),
    _track("send_batch", a.OPERATIONS, at="POST /api/v2/batch", body=a.BATCH.body, answer={}),
    _entity("identify_person", _EMAIL, sent=_person("identify", attributes=a.LEFT), options=a.SEEN),
    _entity("delete_person", _EMAIL, sent=_person("delete")),
    _entity(
        "track_person_event", _EMAIL, "purchased", sent=_person("event", name="purchased", attributes=a.LEFT), options=a.SEEN
    ),
    _entity("person_pageview", _EMAIL, PAGE, sent=_person("page", name=PAGE, attributes={})),
    _entity("person_screen", _EMAIL, "Cart", sent=_person("screen", name="Cart", attributes={})),
    _entity(
        "add_person_device", _EMAIL, a.TOKEN, "ios", sent=_person("add_device", device={"token": a.TOKEN, "platform": "ios"})
    ),
    _entity("delete_person_device", _EMAIL, a.TOKEN, sent=_person("delete_device", device={"token": a.TOKEN})),
    _entity("suppress_person", _EMAIL, sent=_person("suppress")),
    _entity("unsuppress_person", _EMAIL, sent=_person("unsuppress")),
    _entity(
        "merge_persons", _EMAIL, {"id": "6"},
        sent={"type": "person", "action": "merge", "primary": _EMAIL, "secondary": {"id": "6"}},
    ),
    _entity(
        "add_person_relationships", _EMAIL, _WITH_OBJECT, sent=_person("add_relationships", cio_relationships=_WITH_OBJECT)
    ),
    _entity(
        "delete_person_relationships", _EMAIL, _WITH_OBJECT,
        sent=_person("delete_relationships", cio_relationships=_WITH_OBJECT),
    ),
    _entity("identify_object", _OBJECT, sent=_object("identify", attributes={"seats": 3}), options={"seats": 3}),
    _entity("delete_object", _OBJECT, sent=_object("delete")),
    # An action that Customer.io documents for people alone.
    Call(
        "AsyncCustomerIO.v2.track_object_event", [_OBJECT, "renewed"],
        Arrival("POST /api/v2/entity", _object("event", name="renewed", attributes={}), status=400), raises="HTTP 400",
    ),
    _entity(
        "add_object_relationships", _OBJECT, _WITH_PERSON, sent=_object("add_relationships", cio_relationships=_WITH_PERSON)
    ),
    _entity(
        "delete_object_relationships", _OBJECT, _WITH_PERSON,
        sent=_object("delete_relationships", cio_relationships=_WITH_PERSON),
    ),
)  # fmt: skip

_DEFAULTS = {"disable_message_retention": False, "send_to_unsubscribed": True, "queue_draft": False}
_MESSAGE = {"identifiers": _EMAIL, "transactional_message_id": "welcome"}


def _send(method: str, request: str, options: Mapping[str, Json], more: Mapping[str, Json], *then: Json) -> Call:
    made = {"$new": request, "options": {**_MESSAGE, **options, "message_data": a.DATA}, "then": then}
    arrival = a.send(method.removeprefix("send_"), {**_MESSAGE, **options, **more})
    return Call(f"AsyncAPIClient.{method}", [made], arrival)


_TO_ADA = {"to": "Ada <ada@example.com>", "bcc": "archive@example.com", "headers": {"X-Campaign": "spring"}}
_TO_DEVICE = {"to": "last_used", "title": "Hello", "custom_device": {"token": a.TOKEN, "platform": "ios"}}

_SENDS = (
    _send(
        "send_email", "SendEmailRequest", _TO_ADA,
        {**_DEFAULTS, "tracked": True, "disable_css_preprocessing": False, "attachments": {"a.txt": "aGk="}},
        ["attach", "a.txt", "hi"],
    ),
    _send("send_push", "SendPushRequest", _TO_DEVICE, {**_DEFAULTS, "sound": "default"}),
    _send("send_sms", "SendSMSRequest", {"to": "+15550123"}, _DEFAULTS),
    _send("send_whatsapp", "SendWhatsAppRequest", {"to": "+15550123", "tracked": False}, _DEFAULTS),
    _send(
        "send_inbox_message", "SendInboxMessageRequest", {"language": "fr"},
        {"queue_draft": False, "disable_message_retention": False},
    ),
    _send("send_in_app", "SendInAppRequest", {}, {"queue_draft": False, "auto_create": False}),
)  # fmt: skip


def _app(method: str, *args: Json, at: str, body: Json = None, **options: Json) -> Call:
    return Call(f"AsyncAPIClient.{method}", args, Arrival(at, body, ANY, ANY), options)


_C = f"/v1/customers/{ID}"
_T = "/v1/transactional/3"
_BY = {"id_type": "email"}
_PAGES = {"start": "s", "limit": 1}
_BETWEEN = {"start_ts": 1, "end_ts": 2}
_STEPS = {"period": "days", "steps": 1}
_FILTER = {"segment": {"id": 7}}

_READS = (
    _app("customers.get_by_email", PERSON, at=f"GET /v1/customers?email={ID}"),
    _app("customers.search", _FILTER, at="POST /v1/customers?start=s&limit=1", body={"filter": _FILTER}, **_PAGES),
    _app("customers.get_by_ids", [5, "6"], at="POST /v1/customers/attributes", body={"ids": ["5", "6"]}),
    _app("customers.get_attributes", PERSON, at=f"GET {_C}/attributes?id_type=email", **_BY),
    _app("customers.get_segments", PERSON, at=f"GET {_C}/segments?id_type=email", **_BY),
    _app(
        "customers.get_messages", PERSON, at=f"GET {_C}/messages?id_type=email&start=s&limit=1&start_ts=1&end_ts=2",
        **_BY, **_PAGES, **_BETWEEN,
    ),
    _app(
        "customers.get_activities", PERSON, at=f"GET {_C}/activities?id_type=email&start=s&limit=1&type=event&name=n",
        **_BY, **_PAGES, type="event", name="n",
    ),
    _app("customers.get_relationships", PERSON, at=f"GET {_C}/relationships?start=s&limit=1", **_PAGES),
    _app(
        "customers.get_subscription_preferences", PERSON, at=f"GET {_C}/subscription_preferences?id_type=email&language=fr",
        **_BY, language="fr",
    ),
    _app("segments.list", at="GET /v1/segments"),
    _app("segments.get", 7, at="GET /v1/segments/7"),
    _app("segments.create", "Regulars", at="POST /v1/segments", body={"segment": {"name": "Regulars"}}),
    _app("segments.delete", 7, at="DELETE /v1/segments/7"),
    _app("segments.get_customer_count", 7, at="GET /v1/segments/7/customer_count"),
    _app("segments.get_membership", 7, at="GET /v1/segments/7/membership?start=s&limit=1", **_PAGES),
    _app("segments.get_used_by", 7, at="GET /v1/segments/7/used_by"),
    _app("transactional.list", at="GET /v1/transactional"),
    _app("transactional.get", 3, at=f"GET {_T}"),
    _app("transactional.list_variants", 3, at=f"GET {_T}/contents"),
    _app("transactional.update_content", 3, 4, at=f"PUT {_T}/content/4", body={"subject": "Hello"}, subject="Hello"),
    _app("transactional.get_variant", 3, "fr", at=f"GET {_T}/language/fr"),
    _app("transactional.update_variant", 3, "fr", at=f"PUT {_T}/language/fr", body={"subject": "Hello"}, subject="Hello"),
    _app("transactional.get_metrics", 3, at=f"GET {_T}/metrics?period=days&steps=1", **_STEPS),
    _app(
        "transactional.get_link_metrics", 3, at=f"GET {_T}/metrics/links?period=days&steps=1&unique=true",
        **_STEPS, unique=True,
    ),
    _app(
        "transactional.get_deliveries", 3,
        at=f"GET {_T}/messages?start=s&limit=1&metric=sent&state=failed&start_ts=1&end_ts=2&get_tracked_responses=true",
        **_PAGES, metric="sent", state="failed", **_BETWEEN, get_tracked_responses=True,
    ),
    # It asks its own client for the credential, and adds none here.
    Call("AsyncAPIClient.send_request", ["GET", "{base}/v1/segments/7"], raises="HTTP 401"),
    Call("AsyncAPIClient.close"),
)  # fmt: skip

APP = (*_SENDS, *_READS)
CALLS = (*_V1, *_V2, *APP)
