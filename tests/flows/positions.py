"""Where a person's data can stand in a call to Customer.io: written by hand from the vendor's API reference, call by call.

Each body holds a canary as the value of a field that the policy under test names, in the spelling that stands there. The calls
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


def broken(c: str) -> dict[str, str]:
    """Return texts that hold the canary `c` in JSON that a strict reader would not take whole, by what is the matter."""
    held_ssn = held({"ssn": c, "plan": "pro"})
    return {
        "a repeated key": f'{{"p":{held_ssn},"p":1}}',
        "cut off": held_ssn[:-8],
        "joined": held({"a": 1}) + held_ssn,
        "text behind it": held_ssn + " (end)",
        "text before it": "payload: " + held_ssn,
        "a byte-order mark": "\ufeff" + held_ssn,
        "a no-break space": "\xa0" + held_ssn,
        "a trailing comma": f'{{"ssn":{held(c)},}}',
        "lines of it": held({"a": 1}) + "\n" + held_ssn + "\n",
        "a call around it": f"callback({held_ssn});",
        "Python's repr": repr({"ssn": c, "plan": "pro"}),
        "repr of bytes": repr({"ssn": c.encode("latin-1", "ignore") if c.isascii() else c, "n": None}),
        "two levels of quoting": held(held_ssn),
        "quoted in a line of a log": 'body="' + held_ssn.replace('"', '\\"') + '"',
        "quoted twice in a line of a log": 'body="' + held_ssn.replace('"', '\\\\\\"') + '"',
        "doubled marks": '"' + held_ssn.replace('"', '""') + '"',
        "entities": held_ssn.replace('"', "&quot;"),
        "escaped marks": held_ssn.replace('"', "\\u0022"),
        "a number that overflows beside it": f'{{"ssn":{held(c)},"n":1e-400}}',
        "typographic marks": f"“ssn”: “{c}”",
        "not closed": '{"ssn":"' + c,
        "an array": f'{{"ssn":["a",{held(c)}],"b":1',
        "an object": f'{{"ssn":{{"a":{held(c)}}},"b":1',
    }


def coded(text: str) -> str:
    """Return a text as the value of a parameter holds it."""
    return quote(text, safe="")


IDENTIFY = ("PUT", "/api/v1/customers/5")
EVENT = ("POST", "/api/v1/customers/5/events")
V2 = ("POST", "/api/v2/entity")
BATCH = ("POST", "/api/v2/batch")
SEND = ("POST", "/v1/send/email")


def positions(c: str) -> list[Position]:
    """Return every position, each with the canary `c` in it."""
    return [
        Position("identify: top level", *IDENTIFY, {"ssn": c, "plan": "pro"}),
        Position("identify: nested object", *IDENTIFY, {"profile": {"private": {"ssn": c}}}),
        Position("identify: object as value", *IDENTIFY, {"ssn": {"last4": c}}),
        Position("identify: array as value", *IDENTIFY, {"ssn": [c, "x", [c]]}),
        Position("identify: in an array of objects", *IDENTIFY, {"cards": [{"card_number": c}, {"card_number": c}]}),
        Position("identify: in an array of arrays", *IDENTIFY, {"m": [[{"ssn": c}]]}),
        Position("identify: dotted key", *IDENTIFY, {"profile.ssn": c}),
        Position("identify: dotted key, name first", *IDENTIFY, {"ssn.last4": c}),
        Position("identify: camel case", *IDENTIFY, {"cardNumber": c}),
        Position("identify: upper case and dashes", *IDENTIFY, {"CARD-NUMBER": c}),
        Position("identify: full-width letters", *IDENTIFY, {"ｓｓｎ": c}),
        Position("identify: zero-width character", *IDENTIFY, {"ss\u200bn": c}),
        Position("identify: an object at the email's place", *IDENTIFY, {"email": {"ssn": c}}),
        Position("identify: relationship attributes", *IDENTIFY, {
            "cio_relationships": {"action": "add_relationships", "relationships": [
                {"identifiers": {"object_type_id": "1", "object_id": "a"}, "relationship_attributes": {"ssn": c}}]},
        }),
        Position("identify: beside subscription preferences", *IDENTIFY, {
            "cio_subscription_preferences": {"topics": {"topic_1": True}, "ssn": c}}),
        Position("identify: without the version prefix", "PUT", "/customers/5", {"ssn": c}),
        Position("identify: doubled slash", "PUT", "//api/v1/customers/5", {"ssn": c}),
        Position("event: data", *EVENT, {"name": "bought", "data": {"ssn": c}}),
        Position("event: data, deep", *EVENT, {"name": "bought", "data": {"a": {"b": [{"c": {"password": c}}]}}}),
        Position("event: beside data", *EVENT, {"name": "bought", "ssn": c, "data": {}}),
        Position("event: page view", *EVENT, {"name": "https://example.com/", "type": "page", "data": {"ssn": c}}),
        Position("anonymous event: data", "POST", "/api/v1/events", {
            "name": "seen", "anonymous_id": "a1", "data": {"ssn": c}}),
        Position("invite event: data", "POST", "/api/v1/events", {
            "name": "invited", "data": {"recipient": "a@example.com", "ssn": c}}),
        Position("device: attributes", "PUT", "/api/v1/customers/5/devices", {
            "device": {"id": "t1", "platform": "ios", "attributes": {"ssn": c}}}),
        Position("merge: beside an identifier", "POST", "/api/v1/merge_customers", {
            "primary": {"id": "5", "ssn": c}, "secondary": {"id": "6"}}),
        Position("segment: beside ids", "POST", "/api/v1/segments/3/add_customers", {"ids": ["5"], "ssn": c}),
        Position("form: data", "POST", "/api/v1/forms/f1/submit", {"data": {"email": "a@example.com", "ssn": c}}),
        Position("metrics: beside the metric", "POST", "/api/v1/metrics", {
            "delivery_id": "d1", "metric": "opened", "timestamp": 1700000000, "ssn": c}),
        Position("push event: beside the event", "POST", "/api/v1/push/events", {
            "delivery_id": "d1", "event": "opened", "device_id": "t1", "timestamp": 1700000000, "ssn": c}),
        Position("push event at the host root", "POST", "/push/events", {
            "delivery_id": "d1", "event": "opened", "device_id": "t1", "timestamp": 1700000000, "ssn": c}),
        Position("v2 identify: attributes", *V2, entity(action="identify", attributes={"ssn": c})),
        Position("v2 identify: beside identifiers", *V2, entity(action="identify", attributes={}, ssn=c)),
        Position("v2 identify: inside identifiers", *V2, {
            "type": "person", "action": "identify", "identifiers": {"id": "5", "nested": {"ssn": c}}, "attributes": {}}),
        Position("v2 event: attributes", *V2, entity(action="event", name="bought", attributes={"ssn": c})),
        Position("v2 relationships", *V2, entity(action="add_relationships", cio_relationships=[
            {"identifiers": {"object_type_id": "1", "object_id": "a"}, "relationship_attributes": {"ssn": c}}])),
        Position("v2 device: attributes", *V2, entity(action="add_device", device={
            "token": "t1", "platform": "ios", "attributes": {"ssn": c}})),
        Position("v2 object: attributes", *V2, {
            "type": "object", "action": "identify", "identifiers": {"object_type_id": "1", "object_id": "a"},
            "attributes": {"ssn": c}}),
        Position("v2 batch: an item", *BATCH, {"batch": [
            entity(action="identify", attributes={"plan": "pro"}), entity(action="identify", attributes={"ssn": c})]}),
        Position("v2 batch: beside the items", *BATCH, {"batch": [entity(action="identify", attributes={})], "ssn": c}),
        Position("send email: message data", *SEND, email(message_data={"ssn": c})),
        Position("send email: message data, deep", *SEND, email(message_data={"order": {"items": [{"password": c}]}})),
        Position("send email: headers", *SEND, email(headers={"ssn": c})),
        Position("send on the host of Track", "POST", "/v1/send/push", {
            "to": "all", "identifiers": {"id": "5"}, "transactional_message_id": "1", "message_data": {"ssn": c}}),
        Position("send sms: message data", "POST", "/v1/send/sms", {
            "to": "+15550123", "identifiers": {"id": "5"}, "transactional_message_id": "1", "message_data": {"ssn": c}}),
        Position("broadcast: data", "POST", "/v1/campaigns/7/triggers", {"ids": ["5"], "data": {"ssn": c}}),
        Position("broadcast: per user data", "POST", "/v1/campaigns/7/triggers", {
            "per_user_data": [{"id": "5", "data": {"ssn": c}}, {"email": "a@example.com", "data": {"ssn": c}}]}),
        Position("pipelines identify: traits", "POST", "/v1/identify", {"userId": "5", "traits": {"ssn": c}}),
        Position("pipelines identify: address in traits", "POST", "/v1/identify", {
            "userId": "5", "traits": {"address": {"ssn": c}}}),
        Position("pipelines track: properties", "POST", "/v1/track", {
            "userId": "5", "event": "bought", "properties": {"ssn": c}}),
        Position("pipelines track: context", "POST", "/v1/track", {
            "userId": "5", "event": "bought", "properties": {}, "context": {"traits": {"ssn": c}}}),
        Position("pipelines track: device in context", "POST", "/v1/track", {
            "userId": "5", "event": "bought", "properties": {}, "context": {"device": {"id": "d", "ssn": c}}}),
        Position("pipelines page: properties", "POST", "/v1/page", {"userId": "5", "name": "home", "properties": {"ssn": c}}),
        Position("pipelines screen: properties", "POST", "/v1/screen", {
            "userId": "5", "name": "home", "properties": {"ssn": c}}),
        Position("pipelines group: traits", "POST", "/v1/group", {"userId": "5", "groupId": "g", "traits": {"ssn": c}}),
        Position("pipelines alias: beside ids", "POST", "/v1/alias", {"userId": "5", "previousId": "4", "ssn": c}),
        Position("pipelines batch: an item", "POST", "/v1/batch", {"batch": [
            {"type": "identify", "userId": "5", "traits": {"ssn": c}},
            {"type": "track", "userId": "5", "event": "bought", "properties": {"x": [{"ssn": c}]}}]}),
        Position("pipelines batch: context of the batch", "POST", "/v1/batch", {
            "batch": [{"type": "identify", "userId": "5", "traits": {}}], "context": {"traits": {"ssn": c}}}),
        *(Position(f"identify: JSON in a text, {what}", *IDENTIFY, {"note": text}) for what, text in broken(c).items()),
        *(Position(f"identify: {key} as a key", *IDENTIFY, {key: c}) for key in (
            "user[ssn]", "ssn[0]", "user/ssn", "user:ssn", "%73sn", "user．ssn", "\\u0073sn", "user\\ssn")),
        *(Position(f"identify: a pair with {name}", *IDENTIFY, {"fields": [{name: "SSN", "value": c}, {name: "a", "value": 1}]})
          for name in ("name", "key", "field", "Name")),
        Position("identify: pairs in arrays", *IDENTIFY, {"fields": [["ssn", c], ["plan", "pro"]]}),
        Position("identify: pairs in JSON in a string", *IDENTIFY, {"fields": held([{"name": "ssn", "value": c}])}),
        *(Position(f"event: a parameter with {what} inside", *EVENT, {
            "name": "seen", "data": {"href": f"/a?ssn=1{mark}{c}&b=1"}})
          for what, mark in {"a semicolon": ";", "a space": " ", "a mark": '"', "an apostrophe": "'", "a sign": "="}.items()),
        Position("event: a parameter behind others", *EVENT, {"name": "seen", "data": {"text": f"a=b=ssn={coded(c)}"}}),
        Position("identify: JSON in a key", *IDENTIFY, {held({"ssn": c}): 1}),
        Position("identify: JSON in a string", *IDENTIFY, {"profile": held({"ssn": c, "plan": "pro"})}),
        Position("identify: JSON in a string, spaced", *IDENTIFY, {
            "profile": ' \n{ "a" : [ { "card-number" : "' + c + '" } ] }'}),
        Position("identify: JSON in a string in a string", *IDENTIFY, {"profile": held({"a": held([{"ssn": c}])})}),
        Position("identify: JSON of JSON", *IDENTIFY, {"profile": held(held({"ssn": c}))}),
        Position("identify: a query string", *IDENTIFY, {"signup": f"plan=pro&ssn={c}"}),
        Position("identify: a URL", *IDENTIFY, {"href": f"https://example.com/a?ssn={c}&plan=pro#top"}),
        Position("identify: a URL in a URL", *IDENTIFY, {"href": f"https://x/?next={coded(f'https://x/?ssn={c}')}"}),
        Position("identify: JSON in a URL", *IDENTIFY, {"href": f"https://x/?q={coded(held({'ssn': c}))}"}),
        Position("identify: a URL in a text", *IDENTIFY, {"note": f"see https://example.com/?card_number={c} please"}),
        Position("page view: its name is a URL", *EVENT, {"type": "page", "name": f"https://example.com/?ssn={c}", "data": {}}),
        Position("pipelines page: context.page.url", "POST", "/v1/page", {
            "userId": "5", "name": "home", "context": {"page": {"url": f"https://example.com/?user[ssn]={c}"}}}),
        Position("pipelines track: JSON in a property", "POST", "/v1/track", {
            "userId": "5", "event": "bought", "properties": {"raw": held({"password": c})}}),
    ]  # fmt: skip


POSITIONS = positions(CANARY)
