"""The Track API, version 1 (Track API reference, v1; docs.customer.io/files/journeys-track.json)."""

from collections.abc import Iterator, Mapping
from functools import partial
from types import MappingProxyType

from proxy.simulator.model import Api, Call, Check, Credential, Envelope, Json, Problem, Row
from proxy.simulator.shapes import (
    PERSON,
    any_of,
    array,
    at_least_one,
    at_most_bytes,
    boolean,
    both,
    email,
    exactly_one,
    fields,
    integer,
    json_object,
    null,
    person_id,
    size_bytes,
    string,
    text,
    ulid,
    values_of,
)

ATTRIBUTES = 300
ATTRIBUTE_NAME_BYTES = 150
ATTRIBUTE_VALUE_BYTES = 1000

# Reserved members of an identify (Track API reference). The size limit of an attribute does not apply to them.
_RESERVED = frozenset({"cio_relationships", "cio_subscription_preferences"})

PLATFORM = text(allowed=("ios", "android"))
EVENT_TYPE = text(allowed=("event", "page", "screen"))
# Customer.io's Go client sends this number as a string.
LAST_USED = any_of(integer, text())


def attributes(field: str, value: Json) -> Iterator[Problem]:
    """Check a person's attributes: their number, the length of their names and the size of their values."""
    if not isinstance(value, dict):
        yield Problem(field or "body", "must be a JSON object")
        return
    if len(value) > ATTRIBUTES:
        yield Problem(field or "body", f"must not hold more than {ATTRIBUTES} attributes", "too_large")
    if any(size_bytes(name) > ATTRIBUTE_NAME_BYTES for name in value):
        yield Problem(field or "body", f"has an attribute name longer than {ATTRIBUTE_NAME_BYTES} bytes", "too_large")
    if any(size_bytes(member) > ATTRIBUTE_VALUE_BYTES for name, member in value.items() if name not in _RESERVED):
        yield Problem(field or "body", f"has an attribute value larger than {ATTRIBUTE_VALUE_BYTES} bytes", "too_large")


_RELATIONSHIPS = fields(
    required={"action": text(), "relationships": array(fields(required={"identifiers": json_object}))},
)

# Customer.io's Go client sends null for a person without attributes.
_IDENTIFY = any_of(
    both(
        attributes,
        fields(optional={"_timestamp": integer, "_update": boolean, "email": email, "cio_relationships": _RELATIONSHIPS}),
    ),
    null,
)

EVENT_DATA_BYTES = 100_000
_EVENT_MEMBERS: Mapping[str, Check] = MappingProxyType(
    {
        "id": ulid,
        "type": EVENT_TYPE,
        "timestamp": integer,
        "anonymous_id": person_id,
        "data": both(json_object, at_most_bytes(EVENT_DATA_BYTES)),
    }
)
_EVENT = fields(required={"name": text(max_bytes=100)}, optional=_EVENT_MEMBERS)

_DEVICE = fields(
    required={
        "device": fields(
            required={"id": text(), "platform": PLATFORM},
            optional={"last_used": LAST_USED, "attributes": json_object},
        )
    }
)
_MERGE = fields(required={"primary": exactly_one(PERSON), "secondary": exactly_one(PERSON)})
_SEGMENT_IDS = fields(required={"ids": array(person_id, at_least=1, at_most=1000)})
_ID_TYPE: Mapping[str, Check] = MappingProxyType({"id_type": text(allowed=("id", "email", "cio_id"))})
_FORM = fields(required={"data": both(values_of(text()), at_least_one("email", "id"))})

METRICS = ("bounced", "clicked", "converted", "deferred", "delivered", "dropped", "opened", "spammed")
_METRIC = fields(
    required={"delivery_id": text(), "metric": text(allowed=METRICS)},
    optional={"timestamp": integer, "recipient": any_of(string, integer), "reason": string, "href": string},
)
# No field is required: the Track API reference requires none, and the Node SDK sends `{}` by default.
_PUSH = fields(
    optional={
        "delivery_id": text(),
        "event": text(allowed=("opened", "converted", "delivered")),
        "device_id": text(),
        "timestamp": integer,
    }
)
_UNSUBSCRIBE = fields(required={"unsubscribe": boolean})


def _region(call: Call) -> Json:
    workspace = call.workspace
    return {
        "url": f"https://{workspace.host(Api.TRACK)}",
        "region": workspace.region,
        "environment_id": workspace.environment_id,
    }


_row = partial(Row, api=Api.TRACK, credential=Credential.SITE, errors=Envelope.META_ERRORS)
_PERSON = "/api/v1/customers/{identifier:person}"
_SEGMENT = "/api/v1/segments/{segment_id:int}"
_OPEN = Credential.NONE

ROWS: tuple[Row, ...] = (
    _row("track.v1.region", "GET", "/api/v1/accounts/region", reply=_region),
    _row("track.v1.identify", "PUT", _PERSON, body=_IDENTIFY),
    _row("track.v1.delete", "DELETE", _PERSON),
    _row("track.v1.add_device", "PUT", f"{_PERSON}/devices", body=_DEVICE),
    _row("track.v1.delete_device", "DELETE", f"{_PERSON}/devices/{{device_id}}"),
    _row("track.v1.suppress", "POST", f"{_PERSON}/suppress"),
    _row("track.v1.unsuppress", "POST", f"{_PERSON}/unsuppress"),
    _row("track.v1.event", "POST", f"{_PERSON}/events", body=_EVENT),
    _row("track.v1.anonymous_event", "POST", "/api/v1/events", body=_EVENT),
    _row("track.v1.form", "POST", "/api/v1/forms/{form_id}/submit", body=_FORM, status=204),
    _row("track.v1.merge", "POST", "/api/v1/merge_customers", body=_MERGE, errors=Envelope.META_ERROR),
    _row("track.v1.metrics", "POST", "/api/v1/metrics", body=_METRIC, credential=_OPEN),
    _row("track.v1.push", "POST", "/api/v1/push/events", body=_PUSH, credential=_OPEN),
    _row("track.root.push", "POST", "/push/events", body=_PUSH, credential=_OPEN),
    _row("track.v1.segment_add", "POST", f"{_SEGMENT}/add_customers", body=_SEGMENT_IDS, query=_ID_TYPE),
    _row("track.v1.segment_remove", "POST", f"{_SEGMENT}/remove_customers", body=_SEGMENT_IDS, query=_ID_TYPE),
    _row("track.root.unsubscribe", "POST", "/unsubscribe/{delivery_id}", body=_UNSUBSCRIBE, credential=_OPEN),
)
