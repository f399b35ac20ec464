"""Calls that reach every line of the privacy stages between them, and the policies that they meet.

Small on purpose: each is sent thousands of times. `CANARY` stands in every one, so that it is in hand wherever something fails.
"""

import gzip
import json
import zlib
from dataclasses import dataclass, field
from typing import Any

from proxy.api.vendor_limits import Limit
from tests.flows.positions import CANARY, held

C = CANARY
HMAC = {"algorithm": "hmac-sha256", "key": "env:X", "key_id": "k2", "previous": [{"key": "env:Y", "key_id": "k1"}]}
POLICIES: dict[str, dict[str, Any]] = {
    # Field names alone: the short way.
    "fields": {
        "version": 1,
        "hash": {"algorithm": "sha256"},
        "rules": [
            {"name": "look", "fields": ["email"], "action": "strip", "mode": "report", "endpoints": ["track.v1.*"]},
            {"name": "never", "fields": ["ssn", "email"], "action": "strip", "force": True},
            {"name": "contact", "fields": ["phone"], "action": "hash"},
            {"name": "note", "fields": ["note"], "action": "mask"},
            {"name": "card", "fields": ["card"], "action": "deny"},
        ],
    },
    # Everything a policy can say: the long way.
    "everything": {
        "version": 1,
        "hash": HMAC,
        "identifiers": {"id": "hmac", "email": "hmac", "phone": "hmac"},
        "allow": {
            "track.v1.segment.add": [],
            "track.v1.identify": [
                "plan", "phone", "note", "raw", "form", "url", "deep", "friends", "home", "count", "age", "list", "secret",
                "card", "vip", "mobile",
            ],
        },
        "rules": [
            {"name": "billing", "fields": ["plan"], "action": "mask", "callers": ["billing"]},
            {"name": "home", "paths": ["home.*.city", "friends[].name", "**.street", "vip"], "action": "strip"},
            {"name": "where", "paths": ["home.**.city", "note", "friends.**.deep.**.**.x"], "action": "hash"},
            {"name": "see", "paths": ["id", "email"], "action": "deny", "mode": "report"},
            {"name": "never", "fields": ["ssn"], "action": "strip"},
            {"name": "contact", "fields": ["phone", "mobile", "note"], "action": "hash"},
            {"name": "secret", "fields": ["secret"], "action": "mask"},
            {"name": "card", "fields": ["card"], "action": "deny"},
        ],
    },
    # Values by what they are made of, and all that a detector may decide.
    "detectors": {
        "version": 1,
        "hash": HMAC,
        "identifiers": {"email": "hmac"},
        "patterns": {"badge": "B-[0-9]{4}|\u00ab", "any": "x*"},
        "rules": [
            {"name": "see", "detect": ["badge", "any"], "action": "deny", "mode": "report"},
            {"name": "stop", "detect": ["uk_nino"], "action": "deny"},
            {"name": "named", "fields": ["phone", "note"], "action": "hash"},
            {"name": "also-named", "fields": ["secret"], "action": "mask"},
            {"name": "billing", "fields": ["plan"], "action": "strip", "callers": ["billing"]},
            {"name": "gone", "detect": ["ipv4", "ipv6"], "action": "strip"},
            {"name": "for-billing", "detect": ["national_id:NL", "phone:GB"], "action": "mask", "callers": ["billing"]},
            {"name": "hashed", "detect": ["iban", "phone:US"], "action": "hash"},
            {"name": "masked", "detect": [
                "payment_card", "us_ssn:bare", "us_itin", "uk_nhs", "national_id:BE", "national_id:SE", "national_id:ES",
            ], "action": "mask"},
        ],
    },
    # By itself: it alone takes as long to compile as all else together.
    "email": {
        "version": 1,
        "hash": HMAC,
        "rules": [
            {"name": "see", "detect": ["payment_card", "phone"], "action": "mask", "mode": "report"},
            {"name": "hashed", "detect": ["email"], "action": "hash"},
        ],
    },
    # What is written down before anything acts.
    "inventory": {
        "version": 1,
        "patterns": {"badge": "B-[0-9]{4}"},
        "inventory": {"detect": ["badge"]},
        "rules": [{"name": "never", "fields": ["ssn"], "action": "strip"}],
    },
    # What is too large for Customer.io, by limits as small as these calls (`SMALL`).
    "limits": {"version": 1, "vendor_limits": "enforce", "rules": [{"name": "never", "fields": ["ssn"], "action": "strip"}]},
    # One type alone.
    "numbers": {"version": 1, "hash": HMAC, "identifiers": {"id": "hmac", "phone": "hmac"}},
    # A policy that looks, and changes nothing.
    "report": {
        "version": 1,
        "mode": "report",
        "hash": HMAC,
        "identifiers": {"id": "hmac", "email": "hmac"},
        "allow": {"track.v1.identify": ["plan"]},
        "rules": [{"name": "never", "fields": ["ssn"], "paths": ["a.b"], "action": "strip"}],
    },
}  # fmt: skip
SMALL: dict[Limit, int] = dict.fromkeys(Limit, 100) | {
    Limit.REQUEST_BYTES: 900, Limit.ITEM_BYTES: 300, Limit.ID_BYTES: 12, Limit.ATTRIBUTES: 3, Limit.ATTRIBUTE_NAME_BYTES: 16,
    Limit.ATTRIBUTE_VALUE_BYTES: 80, Limit.SEGMENT_IDS: 3, Limit.ATTACHMENTS_BYTES: 40, Limit.PAYLOAD_BYTES: 300,
}  # fmt: skip
# The keys of the callers, by their names.
CALLERS = {"billing": "billing-key-0123456789", "shop": "shop-key-0123456789"}
BILLING, SHOP = CALLERS.values()
STRANGER = "nobody's key"


@dataclass(frozen=True)
class Call:
    """A request, the policy it meets, and who sends it; without a caller there is no header that says who."""

    name: str
    policy: str
    method: str
    target: str
    body: bytes = b""
    headers: dict[str, str] = field(default_factory=dict)
    caller: str = "shop"

    def request(self) -> bytes:
        """Return what the caller's connection brings."""
        key = {"Authorization": f"Bearer {CALLERS.get(self.caller, STRANGER)}"} if self.caller else {}
        fields = {
            "Host": "localhost", **key, "Content-Type": "application/json", "Content-Length": str(len(self.body)),
            **self.headers,
        }  # fmt: skip
        lines = "".join(f"{name}: {value}\r\n" for name, value in fields.items())
        return f"{self.method} {self.target} HTTP/1.1\r\n{lines}\r\n".encode() + self.body


def text(value: object) -> bytes:
    """Return JSON; with escapes only for lone surrogates, because they take the long way."""
    try:
        return json.dumps(value, ensure_ascii=False).encode()
    except UnicodeEncodeError:
        return json.dumps(value).encode()


GZIP, DEFLATE = {"Content-Encoding": "gzip"}, {"Content-Encoding": "deflate"}
PERSON = "/api/v1/customers/5"
NESTED: Any = {"ssn": C}
for _ in range(6):
    NESTED = held({"x": NESTED})
BATCH = {
    "batch": [
        {
            "type": "person", "action": "identify", "identifiers": {"email": "A@b.c"}, "attributes": {"email": C, "ssn": C},
            "cio_relationships": [{"identifiers": {"object_type_id": "1", "object_id": "a"}}],
        },
        {"type": "person", "action": "event", "identifiers": {"id": "5"}, "name": "x", "attributes": {"phone": C, "note": [C]}},
    ],
}  # fmt: skip

CALLS = (
    # What is sent at all
    Call("written down", "inventory", "PUT", PERSON, text({
        "ssn": C, "a": [C, 1, 2.0, 2.5, True, None, {"b": C}], "e": [], "badge": "B-1234", "by": {"B-1234": C, f"{C}@": 1},
        "map": {"a": {"x": [1]}, "b": C, "c": C, "d": C, "f": C}, "deep": {"deep": {"deep": {"deep": C}}},
        "a1": 1, "a2": 1, "a3": 1, "a4": 1, "a5": 1, "a6": 1, "a7": 1, "a8": 1,
    })),
    Call("too much to write down", "inventory", "PUT", PERSON, text({
        "ssn": C, "x": {"y": {"z": {}, "list": [[C]]}}, "data": {letter: {"x": C} for letter in "abcdefgh"},
        "traits": {letter: {"x": C} for letter in "abcdefgh"}, "attributes": {letter: {"x": [C]} for letter in "abcdefgh"},
    })),
    Call("maps in a map", "inventory", "PUT", PERSON, text({
        "ssn": C, "map": {"a": {"x": C, "y": C, "z": C, "w": C}, "b": {"x": "B-1234"}, "c": [C], "d": C},
    })),
    # Too large for Customer.io
    *(
        Call(f"too large: {name}", "limits", method, target, text(body))
        for name, method, target, body in (
            ("nothing", "PUT", PERSON, {"ssn": C, "plan": "pro", "id": "5", "é": "è" * 20, "n": 5}),
            ("names known", "PUT", PERSON, {"ssn": C, "a": C, "b": C, "c": 1, "_update": True}),
            ("name", "PUT", PERSON, {"ssn": C, "é" * 9: C}),
            ("many names", "PUT", PERSON, {"ssn": C, "a": 1, "b": [C], "c": "a" * 16, "aa": 1, "ab": 1}),
            ("value", "PUT", PERSON, {"ssn": C, "a": [C, C, C, C]}),
            ("number", "PUT", PERSON, {"ssn": C, "a": 10**99}),
            ("id", "PUT", PERSON, {"ssn": C, "id": "é" * 7, "plan": C}),
            ("id that is a number", "PUT", PERSON, {"ssn": C, "id": 10**14}),
            ("id in the path", "PUT", f"/api/v1/customers/{'5' * 200}", {"ssn": C}),
            ("related", "PUT", PERSON, {"ssn": C, "cio_relationships": {"relationships": [
                {"identifiers": {"object_id": "a@" * 9, "object_type_id": 1}, "relationship_attributes": {"x": C}},
                {"identifiers": {"object_id": "a" * 19}}]}}),
            ("related, otherwise", "PUT", PERSON, {"ssn": C, "x": C, "cio_relationships": {"relationships": C}}),
            ("data", "POST", "/api/v1/customers/5/events", {"ssn": C, "name": "x", "data": {"a": C, "b": C, "c": C}}),
            ("members", "POST", "/api/v1/segments/3/add_customers", {"ssn": C, "ids": ["1", "2", "3", "4"]}),
            ("members' ids", "POST", "/api/v1/segments/3/add_customers", {"ssn": C, "ids": ["a" * 13, C]}),
            ("no members", "POST", "/api/v1/segments/3/add_customers", [C, C, C]),
            ("entity", "POST", "/api/v2/entity", {"ssn": C, "x": [C] * 30}),
            ("send", "POST", "/v1/send/email", {"ssn": C, "to": "a@b.c", "message_data": {"x": [C] * 9}}),
            ("files", "POST", "/v1/send/email", {
                "ssn": C, "to": "a@b.c", "message_data": {"x": [C] * 6},
                "attachments": {"a": "YWJj" * 20, "b": 1, "c": "YQ=="}}),
            ("small files", "POST", "/v1/send/email", {
                "ssn": C, "message_data": {"x": [C] * 3}, "attachments": {"a": "YWJj" * 9}}),
            ("batch: some items", "POST", "/api/v2/batch", {"batch": [
                {"type": "person", "action": "identify", "identifiers": {"id": "5"}, "attributes": {"ssn": C, "a": C}},
                {"type": "person", "action": "identify", "identifiers": {"id": "é" * 9}, "attributes": {"a": C}},
                {"type": "person", "action": "merge", "primary": {"id": "5"}, "secondary": {"id": "6"}},
                {"type": "person", "action": "event", "attributes": {"a": [C] * 8}, "name": 'x"'},
                {"type": "object", "action": "identify", "identifiers": {"object_id": "1"}, "x": "a" * 200}, C]}),
            ("batch: all items", "POST", "/api/v2/batch", {"batch": [{"type": "person", "x": [C] * 9}]}),
            ("batch: as a whole", "POST", "/api/v2/batch", {"batch": [{"type": "person", "x": [C] * 4}] * 6}),
            ("batch: small", "POST", "/api/v2/batch", {"batch": [{"type": "person"}]}),
            ("batch: small items", "POST", "/api/v2/batch", {"batch": [{"type": "person", "x": C}] * 2}),
            ("batch: none", "POST", "/api/v2/batch", {"x": [C] * 4}),
            ("batch: tiny items", "POST", "/api/v2/batch", {"batch": [5, C]}),
            ("batch: nothing", "POST", "/api/v2/batch", []),
            ("pipelines", "POST", "/v1/batch", {"batch": [
                {"type": "track", "userId": "5", "event": "x", "properties": {"x": [C] * 9}}]}),
        )
    ),
    # Without the canary, which is not ASCII: the one look at the whole body
    Call("addresses alone", "email", "PUT", PERSON, text({
        "note": "to ada@example.com", "plan": "pro x", "n": 5, "several": [{"a": 1}, {"a": 1}, {"b": 1, "c": 2}]})),
    Call("keys that become the same", "detectors", "PUT", PERSON, text({
        "phone.4111111111111111": C, "phone.378282246310005": C, "note": C, "note_hash": C})),
    Call("too often nearly an address", "email", "PUT", PERSON, text({"x": f"a@b.co {'a_' * 30}@x.png"})),
    Call("nothing to find", "email", "PUT", PERSON, text({"plan": "pro", "n": 5})),
    # The short way
    Call("fields", "fields", "PUT", PERSON, text({
        "email": f"{C}@b.c", "ssn": C,
        "phone": [C, None, 1, True, {"b": [1, 1.5, C, 1e25, 1e20, 1e-7, 0.0, False, None], "a": 0.5}], "note": C,
        "plan": [C, {"x": C, "y": {"ssn": C}}, [[1]]], "a.ssn": 1, "a.b": 1, "phone_hash": C, "": C,
        "cio_subscription_preferences.topics.phone": C, "cio_subscription_preferences": {"topics": {"email": C}},
    })),
    Call("nothing named", "fields", "PUT", PERSON, text({"plan": C, "x": {"y": [C, {"z": C}]}})),
    Call("fields, seen before", "fields", "POST", "/api/v2/batch", text(BATCH)),
    Call("fields, and strings that hold something", "fields", "PUT", PERSON, text({"raw": held({"ssn": C}), "x": 2})),
    Call("fields, no object", "fields", "PUT", PERSON, text(C)),
    Call("denied", "fields", "PUT", PERSON, text({"ssn": C, "x": {"card": C}})),
    Call("pipelines", "fields", "POST", "/v1/identify", text({"userId": "5", "traits": {"email": C, "ssn": C}})),
    Call("large numbers", "fields", "PUT", PERSON,
         b'{"n":123456789012345678901234567890,"f":1.5,"ssn":NaN,"s":"%b"}' % C.encode()),
    Call("lone surrogates", "fields", "PUT", PERSON, text({"s": "\ud83d", "phone": ["\ud83d", {"\ud83d": "\ud83d" + C}]})),
    Call("gzip", "fields", "PUT", PERSON, gzip.compress(text({"ssn": C})), GZIP),
    Call("deflate", "fields", "PUT", PERSON, zlib.compress(text({"ssn": C})), DEFLATE),
    Call("identity", "fields", "PUT", PERSON, text({"ssn": C}), {"Content-Encoding": "identity"}),
    Call("nothing to send", "fields", "POST", f"{PERSON}/suppress", b"", {"X-Note": C.encode("ascii", "ignore").decode()}),
    Call("nothing to send, said as a form", "fields", "POST", f"{PERSON}/suppress", b"null", {"Content-Type": "text/plain"}),
    Call("an endpoint that nobody knows", "fields", "POST", f"/api/v1/x?ssn=1&phone={C[:6]}&a=b&n=1", text({"ssn": C})),
    # What is refused
    Call("a form", "fields", "PUT", PERSON, C.encode(), {"Content-Type": "application/x-www-form-urlencoded"}),
    Call("an unknown coding", "fields", "PUT", PERSON, C.encode(), {"Content-Encoding": "br"}),
    Call("broken gzip", "fields", "PUT", PERSON, C.encode(), GZIP),
    Call("cut gzip", "fields", "PUT", PERSON, gzip.compress(text({"ssn": C}))[:-4], GZIP),
    Call("a bomb", "fields", "PUT", PERSON, gzip.compress(text({"ssn": C * 1000})), GZIP),
    Call("no JSON", "fields", "PUT", PERSON, b'{"ssn":"' + C.encode()),
    Call("infinity", "fields", "PUT", PERSON, b"[Infinity, 1]"),
    Call("overflow", "fields", "PUT", PERSON, b"[1e999, 12345678901234567890]"),
    Call("too deep", "fields", "PUT", PERSON, b'[["' + C.encode() + b'"],' + b"[" * 20 + b"]" * 20 + b"]"),
    Call("too deep for any decoder", "fields", "PUT", PERSON, b"[" * 5000),
    Call("a stranger", "fields", "PUT", PERSON, text({"ssn": C}), {}, "stranger"),
    Call("deep in width only", "fields", "PUT", PERSON, text([[1]] * 30)),
    # Callers' keys
    Call("a key in the body", "fields", "POST", "/v1/batch", text({"writeKey": BILLING, "batch": [
        {"writeKey": 5, "context": {"writeKey": BILLING}, "type": "track", "userId": "5", "event": "x",
         "properties": {"ssn": C, "copy": SHOP, "copies": [SHOP, [SHOP], 1]}}]}), {}, ""),
    Call("two keys in the body", "fields", "POST", "/v1/track", text({
        "writeKey": BILLING, "context": {"writeKey": SHOP}, "x": C}), {}, ""),
    Call("no key at all", "fields", "POST", "/v1/track", text({"userId": C}), {}, ""),
    Call("no key at all, elsewhere", "fields", "PUT", PERSON, text({"x": C}), {}, ""),
    Call("a key alone", "fields", "PUT", PERSON, text(SHOP), {"User-Agent": C}),
    Call("a key in a path", "fields", "PUT", f"/api/v1/customers/{SHOP}", text({"x": C})),
    Call("a key in a path that nobody knows", "fields", "POST", f"/api/v1/x/{SHOP}?a=b", text({"x": C})),
    # The long way
    Call("everything", "everything", "PUT", f"{PERSON}", text({
        "email": f"{C}@B.c", "id": 5, "anonymous_id": C, "plan": C, "ssn": C, "phone": "+1 (2)", "other": C, "vip": C,
        "cio_relationships": {"relationships": [{"identifiers": {"object_id": "1"}, "relationship_attributes": {"ssn": C}}]},
        "note": "k1." + "0" * 32, "secret": C, "home": {"a": {"city": C, "street": C}, "b": {"c": {"city": {"x": C}}}},
        "friends": [{"name": C, "plan": "x"}, [{"name": C}], {"deep": {"a": {"b": {"x": C}}}}, None, True, 1.5], "a.b": 1,
        "attributes": {"plan": 1, "other": C}, "count": 1, "age": True, "list": [C], "phone_hash": C, "mobile": None,
    })),
    Call("everything, for billing", "everything", "PUT", "/api/v1/customers/a%40b.c", text({"plan": C, "ssn": C}), {},
         "billing"),
    Call("everything, for billing, unknown", "everything", "POST", "/api/v1/x?plan=1", text({"plan": C}), {}, "billing"),
    Call("a batch, for billing", "everything", "POST", "/api/v2/batch", text(BATCH), {}, "billing"),
    Call("a trigger, for billing", "everything", "POST", "/v1/campaigns/1/triggers", text({
        "recipients": {"or": [{"phone": C}]}, "emails": [f"{C}@b.c"], "data": {"phone": C}}), {}, "billing"),
    Call("strings that hold something", "everything", "PUT", PERSON, text({
        "raw": held({"ssn": C, "plan": held([{"phone": C}, C])}), "form": f"user[ssn]={C}&a=2&mobile=1;ssn=2;b=3&ssn=4",
        "url": f"https://x/?ssn={C}#ssn={C}", "email": f"https://x/?ssn={C}",
        "list": [held(C), '{"', '["\ud83d"]', "[1]", "a=b"],
        "deep": held({"x": 1}), "plan": '"' + "[" * 101, "note": "=", "home": {"x.city": C, "y": held({"city": C})},
    })[:-1].replace(b'"plan": ', b'"other": ') + b"}"),
    Call("too much in strings", "everything", "PUT", PERSON, text({"deep": NESTED})),
    Call("too deep in a string", "everything", "PUT", PERSON, text({"plan": '["' + C + '",' + "[" * 200 + "]" * 201})),
    Call("too deep in a string with a surrogate", "everything", "PUT", PERSON,
         text({"plan": '["\ud83d",' + "[" * 200 + "]" * 201})),
    Call("no JSON in a string with a surrogate", "everything", "PUT", PERSON, text({"plan": '["\ud83d' + C, "ssn": 1})),
    Call("denied on the long way", "everything", "PUT", PERSON, text({"ssn": C, "card": C})),
    Call("pseudonyms in a query", "everything", "GET", "/v1/customers/5/attributes?id_type=email", b""),
    Call("pseudonyms in a batch", "everything", "POST", "/api/v2/batch", text(BATCH)),
    Call("pseudonyms that stand already", "everything", "PUT", f"/api/v1/customers/k1.{'0' * 32}", text(
        {"email": f"{'0' * 32}@k2.invalid", "id": "", "cio_id": "cio_1", "phone": f"k2.{'0' * 32}"})),
    Call("Customer.io's own id", "everything", "DELETE", "/api/v1/customers/cio_5"),
    Call("members by their type", "everything", "POST", "/api/v1/segments/1/add_customers?id_type=email",
         text({"ids": [f"{C}@b.c"]})),
    Call("who is named, in all of a call", "everything", "POST", "/api/v2/entity", text({
        "identifiers": {"email": f"{C}%40b.c"}, "attributes": {
            "phone": "+1 555 0123", "x": f"{C}@B.C ", "y": [15550123, f"{C}%40b.c", "%2B15550123"], f"{C}@b.c": 1,
            "z": "+1 555 0124"},
        "name": held({"a": [f"{C}@b.c", 1.5, None, held([15550123])]}), "pair": {"name": "user_id", "value": C}, "my.id": 1,
    })),
    Call("a name that holds nobody", "everything", "POST", "/api/v2/entity", text({
        "name": held([C]), "identifiers": {"id": 5}})),
    Call("JSON text in place of an object", "everything", "POST", "/api/v2/entity", text({"identifiers": held({"email": C})})),
    Call("an array in place of a number", "numbers", "PUT", "/api/v1/customers/a%40b.c", text({"phone": [C], "id": C})),
    Call("kept addresses of any shape", "numbers", "POST", "/v1/campaigns/1/triggers", text({
        "emails": f"{C}@b.c", "ids": [5], "per_user_data": [{"email": [C, {"x": 1}]}]})),
    Call("a body where none belongs", "everything", "POST", f"{PERSON}/suppress", text({"email": C})),
    Call("only text", "everything", "PUT", PERSON, text(True)),
    Call("a filter", "everything", "POST", "/v1/customers", text({"filter": {"and": [
        {"attribute": {"field": "id", "value": [C, 5]}}, {"segment": {"id": 5}}]}})),
    Call("allowed in part", "everything", "PUT", PERSON, text({
        "x.plan": C, "attributes.plan": C, "attributes.x": C, "plan.x": 1})),
    # Texts
    Call("names in quotes", "everything", "PUT", PERSON, text({"raw": [
        f"log: {{'ssn': '{C}', 'a': 1}}", f'x {{\\"ssn\\":\\"{C}\\"}} y', f"\u201cssn\u201d: \u201c{C}\u201d x",
        f"'ssn': b'{C}'",
        f"&quot;ssn&quot;:&quot;{C}&quot; x", f"\\u0022ssn\\u0022:\\u0022{C}", f'""ssn"":""{C}"",', '"ssn":"", x',
        f"\"ssn\":{{'a':\"}}{C}\", 'b': [1], c: it's \\\\ ]}},\"x\":1", f"'ssn': date(1, 2), {C}"[:20],
        f"'ssn': {C}", f"'ssn': {C}, x",
        f"'s\\u0073n':\\n '{C}", f'"ssn":[1,"{C}"', '"a":"ssn" :1', "12:30, a:b", f'"ssn":"a\\"{C}" x',
    ]})),
    Call("a name in quotes that must not leave", "everything", "PUT", PERSON, text({"raw": f"log: 'card': '{C}'"})),
    Call("pairs", "everything", "PUT", PERSON, text({
        "raw": [{"name": "ssn", "value": C}, {"name": "a", "value": 1}, {"key": 5, "value": 1}],
        "list": [["ssn", C], ["a", 1]]})),
    Call("an array that leads nowhere", "everything", "PUT", PERSON, text({"attributes": [C, {"plan": 1}]})),
    Call("a pair in a filter", "everything", "POST", "/v1/customers", text({"filter": {"and": [
        {"attribute": {"field": "ssn", "value": C}}]}})),
    Call("a pair that must not leave", "everything", "PUT", PERSON, text({"raw": {"field": "card", "value": C}})),
    Call("parameters by every action", "everything", "PUT", PERSON, text({
        "url": f"?secret={C}&a=1", "form": ["same", "same"], "deep": {"a": "same", "b": "same"}, "note": f"a+b={C}"})),
    Call("people in a text", "everything", "PUT", PERSON, text({
        "email": "a@b.c", "url": f"https://x/?user_id=5&to=a%40b.c&a={C}", "raw": "a=a@b.c"})),
    Call("a page view", "everything", "POST", f"{PERSON}/events", text({
        "name": f"https://x/?ssn={C}&a=1", "type": "page", "data": {}})),
    Call("names in code", "everything", "PUT", PERSON, text({"raw": {
        "s\\u0073n": C, "%73sn": C, "a\u00e9" + "\u0301" * 40 + "\u0316\u00e9": C}})),
    Call("what JSON in a string loses", "everything", "PUT", PERSON, text({"raw": [
        '{"ssn":"' + C + '","a":1.10,"b":1e-400,"c":NaN,"d":1,"d":2}', "[1e-99999999999999999999999]", '{"a":Infinity}', '["a]',
        '{"a" 1}']})),
    Call("JSON in a string that overflows", "everything", "PUT", PERSON, text({"raw": '{"ssn":"' + C + '","a":1e400}'})),
    Call("JSON in a string with too long a number", "everything", "PUT", PERSON, text({
        "raw": '{"ssn":"' + C + '","a":' + "1" * 4301 + "}"})),
    Call("JSON in a string without an end", "everything", "PUT", PERSON, text({"ssn": C, "raw": "[" * 1200 + "]" * 1200})),
    Call("a number that may overflow", "fields", "PUT", PERSON, (
        b'{"ssn":"' + C.encode() + b'","n":12345678901234567890,"x":1e100}')),
    Call("too much work", "detectors", "PUT", PERSON, text({"x": f"{C} " + "(212) 555-0199, " * 300})),
    # Detectors
    Call("numbers in other forms", "detectors", "PUT", PERSON, text({
        "x": [f"{C} 4.111111111111111e15 1e5 1.5e3", "4111\\n1111\\n1111\\n1111", "4111 1111 1111 1111\u0301", "10.1.2.3"],
        "y": ["4111111111111111.0", "0000 0000 0000 0000", "0000000000000000"]})),
    Call("what is not found", "email", "PUT", PERSON, text({
        "x": [f"{C} +999 999 999 999", "+1 212 555 (0123", "plain", "+0 000 000"], "n": [5, 4111111111111112, 4111111111111112],
        "m": 4111111111111112, "o": 4111111111111112})),
    Call("detectors", "detectors", "PUT", PERSON, text({
        "card": "4111 1111 1111 1111 2025", "n": [4111111111111111, 4111111111111112, 536904399, 1.5], "email": "A@b.c",
        "id": 5, "text": f"{C} \u00e9crit: 536-90-4399 & 4111\u200b111111111111 \u2212 \uff11 B\u20111234",
        "ids": ["943 476 5919", "400 000 0004", "912-70-1234", "85.07.30-033.28", "811218-9876", "12345678Z", "BG123456A"],
        "iban": ["GB82 WEST 1234 5698 7654 32", "GB82 WEST 1234 5698 7654 33"], "ip": "10.1.2.3", "v6": "fe80::1 ::1",
        "at": "12:30:45 Abc::Dead", "phone": "+1 212 555 0123", "tel": "call (212) 555-0123", "badge": "B-1234",
        "10.1.2.3": 1, "10.1.2.4": {"phone": 1}, "note": "B-1234", "raw": held("10.1.2.3"),
        "10.1.2.3.phone": 1, "hidden": "\u00abB-1234", "secret": {"a": ["x", 5, None]},
    })),
    Call("detectors, and a lone surrogate", "detectors", "PUT", PERSON, text({"x": "10.1.2.3 \ud83d", "y": C})),
    Call("addresses", "email", "PUT", PERSON, text({"x": f"{C}: a@b.co, logo@2x.png", "a@b.co": 1, "A@b.co": 1})),
    Call("candidates that overlap", "email", "PUT", PERSON, text({"x": f"{C} a@b.co {'a_' * 60}@x.png"})),
    Call("percent-coding", "email", "PUT", PERSON, text({"x": f"https://x/{C}/a%40b.co/a%20b"})),
    Call("percent-coding that goes", "detectors", "PUT", PERSON, text({"x": f"{C} 10%2E1.2.3", "y": C})),
    Call("a badge in a path", "detectors", "PUT", "/api/v1/customers/B-1234", text({
        "4111 1111 1111 1111.phone": C, "5500 0000 0000 0004.phone": 1})),
    Call("a number in a path that must not leave", "detectors", "PUT", "/api/v1/customers/AB123456C", text({"x": C})),
    Call("a path that nobody knows", "detectors", "POST", "/api/v1/x/B-1234", text({"x": C})),
    Call("an address in a path that nobody knows", "detectors", "POST", "/api/v1/x;a=b/10.1.2.3", text({"x": C})),
    Call("fields that hold something", "detectors", "PUT", PERSON, text({"x": C}), {
        "User-Agent": "x 10.1.2.3", "X-Request-Id": "B-1234", "tracestate": f"a={SHOP}"}),
    Call("a field that must not leave", "detectors", "PUT", PERSON, text({"x": C}), {"X-Request-Id": "AB123456C"}),
    *(
        Call(f"coded in part: {name}", "detectors", "PUT", PERSON, text({"x": found, "y": C}))
        for name, found in (
            ("masked", f"{C} %34111 1111 1111 111%31%2C%35500 0000 0000 0004"), ("whole", f"a%2C4111 1111 1111 1111 {C}"),
            ("gone", f"{C} 10\\u002e1.2.3, B-123%34"), ("hashed", f"{C} GB82 WEST 1234 5698 7654 3%32"),
            ("denied", f"{C} AB 12 34 56 %43"), ("found twice", f"{C} 4111 1111 1111 111%31 5500 0000 0000 000%34"),
            ("coded twice", f"{C} 4111 1111 1111 111%5Cu0031"),
        )
    ),
    Call("a person in a header field", "everything", "PUT", "/api/v1/customers/a%40b.c", text({"x": C}), {
        "User-Agent": "x a@b.c", "X-Request-Id": "y"}),
    Call("people in a header field, only counted", "report", "PUT", "/api/v1/customers/a%40b.c", text({"x": C}), {
        "User-Agent": "x a@b.c"}),
    Call("an address as a key of an event", "everything", "POST", f"{PERSON}/events", text({
        "name": "x", "data": {"email": {f"{C}@b.c": 1, "+15550123": 2}}})),
    Call("a parameter behind coded signs", "everything", "PUT", PERSON, text({
        "url": f"hello%2526ssn={C}", "raw": f"a%2526b={C}"})),
    Call("people in a plain text", "everything", "PUT", "/api/v1/customers/a%40b.c", text({"list": f"to a@b.c {C}"})),
    Call("percent-coding of nothing", "email", "PUT", PERSON, text({"x": [f"{C} a%20b/c", f"{C} 5% /"]})),
    *(
        Call(f"a name in quotes alone: {name}", "everything", "PUT", PERSON, text({"raw": raw}))
        for name, raw in (("single", f"'ssn': {C}"), ("entity", f"&quot;ssn&quot;: {C}"), ("escaped", f'x"ssn": {C}'))
    ),
    Call("detectors deny", "detectors", "PUT", PERSON, text({"phone": {"a": C, "b": "AB 12 34 56 C"}})),
    Call("a message, for billing", "detectors", "POST", "/v1/send/email", text({
        "to": "a@b.co", "identifiers": {"email": "a@b.co"}, "attachments": {"a.txt": "MTAuMS4yLjM="}, "body": C,
    }), {}, "billing"),
    Call("report", "report", "PUT", PERSON, text({"email": f"{C}@b.c", "ssn": C, "a": {"b": {"c": C}}, "other": C})),
)  # fmt: skip
