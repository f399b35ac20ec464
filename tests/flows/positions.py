"""Where a person's data can stand in a call to Customer.io: written by hand from the vendor's API reference, call by call.

Each body holds `CANARY` as the value of a field that the policy under test names, in the spelling that stands there. The calls
are well-formed otherwise: what is checked is that the value does not leave, not that a broken call is refused.
"""

import json
from dataclasses import dataclass
from urllib.parse import quote

CANARY = "canary-9f83b1-gehört-nicht-hinaus"
ULID = "01J9ZQ5V7Y3Q8W2N4M6K8T0R1S"

FIELDS = ("ssn", "card_number", "password")


@dataclass(frozen=True)
class Position:
    """One place: a call whose body holds the canary there."""

    name: str
    method: str
    path: str
    body: object


def entity(**operation: object) -> dict[str, object]:
    """Return a v2 operation on person 5."""
    return {"type": "person", "identifiers": {"id": "5"}, **operation}


def email(**fields: object) -> dict[str, object]:
    """Return a transactional email."""
    return {
        "to": "a@example.com", "identifiers": {"id": "5"}, "transactional_message_id": "1", "message_data": {}, **fields,
    }  # fmt: skip


def held(value: object) -> str:
    """Return JSON as a string holds it."""
    return json.dumps(value, ensure_ascii=False)


def coded(text: str) -> str:
    """Return a text as the value of a parameter holds it."""
    return quote(text, safe="")


C = CANARY
IDENTIFY = ("PUT", "/api/v1/customers/5")
EVENT = ("POST", "/api/v1/customers/5/events")
V2 = ("POST", "/api/v2/entity")
BATCH = ("POST", "/api/v2/batch")
SEND = ("POST", "/v1/send/email")

POSITIONS = [
    Position("identify: top level", *IDENTIFY, {"ssn": C, "plan": "pro"}),
    Position("identify: nested object", *IDENTIFY, {"profile": {"private": {"ssn": C}}}),
    Position("identify: object as value", *IDENTIFY, {"ssn": {"last4": C}}),
    Position("identify: array as value", *IDENTIFY, {"ssn": [C, "x", [C]]}),
    Position("identify: in an array of objects", *IDENTIFY, {"cards": [{"card_number": C}, {"card_number": C}]}),
    Position("identify: in an array of arrays", *IDENTIFY, {"m": [[{"ssn": C}]]}),
    Position("identify: dotted key", *IDENTIFY, {"profile.ssn": C}),
    Position("identify: dotted key, name first", *IDENTIFY, {"ssn.last4": C}),
    Position("identify: camel case", *IDENTIFY, {"cardNumber": C}),
    Position("identify: upper case and dashes", *IDENTIFY, {"CARD-NUMBER": C}),
    Position("identify: full-width letters", *IDENTIFY, {"ｓｓｎ": C}),
    Position("identify: zero-width character", *IDENTIFY, {"ss\u200bn": C}),
    Position("identify: an object at the email's place", *IDENTIFY, {"email": {"ssn": C}}),
    Position("identify: relationship attributes", *IDENTIFY, {
        "cio_relationships": {"action": "add_relationships", "relationships": [
            {"identifiers": {"object_type_id": "1", "object_id": "a"}, "relationship_attributes": {"ssn": C}}]},
    }),
    Position("identify: beside subscription preferences", *IDENTIFY, {
        "cio_subscription_preferences": {"topics": {"topic_1": True}, "ssn": C}}),
    Position("identify: without the version prefix", "PUT", "/customers/5", {"ssn": C}),
    Position("identify: doubled slash", "PUT", "//api/v1/customers/5", {"ssn": C}),
    Position("event: data", *EVENT, {"name": "bought", "data": {"ssn": C}}),
    Position("event: data, deep", *EVENT, {"name": "bought", "data": {"a": {"b": [{"c": {"password": C}}]}}}),
    Position("event: beside data", *EVENT, {"name": "bought", "ssn": C, "data": {}}),
    Position("event: page view", *EVENT, {"name": "https://example.com/", "type": "page", "data": {"ssn": C}}),
    Position("anonymous event: data", "POST", "/api/v1/events", {
        "name": "seen", "anonymous_id": "a1", "data": {"ssn": C}}),
    Position("invite event: data", "POST", "/api/v1/events", {
        "name": "invited", "data": {"recipient": "a@example.com", "ssn": C}}),
    Position("device: attributes", "PUT", "/api/v1/customers/5/devices", {
        "device": {"id": "t1", "platform": "ios", "attributes": {"ssn": C}}}),
    Position("merge: beside an identifier", "POST", "/api/v1/merge_customers", {
        "primary": {"id": "5", "ssn": C}, "secondary": {"id": "6"}}),
    Position("segment: beside ids", "POST", "/api/v1/segments/3/add_customers", {"ids": ["5"], "ssn": C}),
    Position("form: data", "POST", "/api/v1/forms/f1/submit", {"data": {"email": "a@example.com", "ssn": C}}),
    Position("metrics: beside the metric", "POST", "/api/v1/metrics", {
        "delivery_id": "d1", "metric": "opened", "timestamp": 1700000000, "ssn": C}),
    Position("push event: beside the event", "POST", "/api/v1/push/events", {
        "delivery_id": "d1", "event": "opened", "device_id": "t1", "timestamp": 1700000000, "ssn": C}),
    Position("push event at the host root", "POST", "/push/events", {
        "delivery_id": "d1", "event": "opened", "device_id": "t1", "timestamp": 1700000000, "ssn": C}),
    Position("v2 identify: attributes", *V2, entity(action="identify", attributes={"ssn": C})),
    Position("v2 identify: beside identifiers", *V2, entity(action="identify", attributes={}, ssn=C)),
    Position("v2 identify: inside identifiers", *V2, {
        "type": "person", "action": "identify", "identifiers": {"id": "5", "nested": {"ssn": C}}, "attributes": {}}),
    Position("v2 event: attributes", *V2, entity(action="event", name="bought", attributes={"ssn": C})),
    Position("v2 relationships", *V2, entity(action="add_relationships", cio_relationships=[
        {"identifiers": {"object_type_id": "1", "object_id": "a"}, "relationship_attributes": {"ssn": C}}])),
    Position("v2 device: attributes", *V2, entity(action="add_device", device={
        "token": "t1", "platform": "ios", "attributes": {"ssn": C}})),
    Position("v2 object: attributes", *V2, {
        "type": "object", "action": "identify", "identifiers": {"object_type_id": "1", "object_id": "a"},
        "attributes": {"ssn": C}}),
    Position("v2 batch: an item", *BATCH, {"batch": [
        entity(action="identify", attributes={"plan": "pro"}), entity(action="identify", attributes={"ssn": C})]}),
    Position("v2 batch: beside the items", *BATCH, {"batch": [entity(action="identify", attributes={})], "ssn": C}),
    Position("send email: message data", *SEND, email(message_data={"ssn": C})),
    Position("send email: message data, deep", *SEND, email(message_data={"order": {"items": [{"password": C}]}})),
    Position("send email: headers", *SEND, email(headers={"ssn": C})),
    Position("send on the host of Track", "POST", "/v1/send/push", {
        "to": "all", "identifiers": {"id": "5"}, "transactional_message_id": "1", "message_data": {"ssn": C}}),
    Position("send sms: message data", "POST", "/v1/send/sms", {
        "to": "+15550123", "identifiers": {"id": "5"}, "transactional_message_id": "1", "message_data": {"ssn": C}}),
    Position("broadcast: data", "POST", "/v1/campaigns/7/triggers", {"ids": ["5"], "data": {"ssn": C}}),
    Position("broadcast: per user data", "POST", "/v1/campaigns/7/triggers", {
        "per_user_data": [{"id": "5", "data": {"ssn": C}}, {"email": "a@example.com", "data": {"ssn": C}}]}),
    Position("pipelines identify: traits", "POST", "/v1/identify", {"userId": "5", "traits": {"ssn": C}}),
    Position("pipelines identify: address in traits", "POST", "/v1/identify", {
        "userId": "5", "traits": {"address": {"ssn": C}}}),
    Position("pipelines track: properties", "POST", "/v1/track", {"userId": "5", "event": "bought", "properties": {"ssn": C}}),
    Position("pipelines track: context", "POST", "/v1/track", {
        "userId": "5", "event": "bought", "properties": {}, "context": {"traits": {"ssn": C}}}),
    Position("pipelines track: device in context", "POST", "/v1/track", {
        "userId": "5", "event": "bought", "properties": {}, "context": {"device": {"id": "d", "ssn": C}}}),
    Position("pipelines page: properties", "POST", "/v1/page", {"userId": "5", "name": "home", "properties": {"ssn": C}}),
    Position("pipelines screen: properties", "POST", "/v1/screen", {"userId": "5", "name": "home", "properties": {"ssn": C}}),
    Position("pipelines group: traits", "POST", "/v1/group", {"userId": "5", "groupId": "g", "traits": {"ssn": C}}),
    Position("pipelines alias: beside ids", "POST", "/v1/alias", {"userId": "5", "previousId": "4", "ssn": C}),
    Position("pipelines batch: an item", "POST", "/v1/batch", {"batch": [
        {"type": "identify", "userId": "5", "traits": {"ssn": C}},
        {"type": "track", "userId": "5", "event": "bought", "properties": {"x": [{"ssn": C}]}}]}),
    Position("pipelines batch: context of the batch", "POST", "/v1/batch", {
        "batch": [{"type": "identify", "userId": "5", "traits": {}}], "context": {"traits": {"ssn": C}}}),
    Position("identify: JSON in a string", *IDENTIFY, {"profile": held({"ssn": C, "plan": "pro"})}),
    Position("identify: JSON in a string, spaced", *IDENTIFY, {"profile": ' \n{ "a" : [ { "card-number" : "' + C + '" } ] }'}),
    Position("identify: JSON in a string in a string", *IDENTIFY, {"profile": held({"a": held([{"ssn": C}])})}),
    Position("identify: JSON of JSON", *IDENTIFY, {"profile": held(held({"ssn": C}))}),
    Position("identify: a query string", *IDENTIFY, {"signup": f"plan=pro&ssn={C}"}),
    Position("identify: a URL", *IDENTIFY, {"href": f"https://example.com/a?ssn={C}&plan=pro#top"}),
    Position("identify: a URL in a URL", *IDENTIFY, {"href": f"https://x/?next={coded(f'https://x/?ssn={C}')}"}),
    Position("identify: JSON in a URL", *IDENTIFY, {"href": f"https://x/?q={coded(held({'ssn': C}))}"}),
    Position("identify: a URL in a text", *IDENTIFY, {"note": f"see https://example.com/?card_number={C} please"}),
    Position("page view: its name is a URL", *EVENT, {"type": "page", "name": f"https://example.com/?ssn={C}", "data": {}}),
    Position("pipelines page: context.page.url", "POST", "/v1/page", {
        "userId": "5", "name": "home", "context": {"page": {"url": f"https://example.com/?user[ssn]={C}"}}}),
    Position("pipelines track: JSON in a property", "POST", "/v1/track", {
        "userId": "5", "event": "bought", "properties": {"raw": held({"password": C})}}),
]  # fmt: skip
