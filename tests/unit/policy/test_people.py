"""Who a request names, and what is replaced of them in the rest of it."""

from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy.api.endpoints import ENDPOINTS
from proxy.api.match import Table
from proxy.api.model import Identifier
from proxy.payload.encode import encode
from proxy.policy import people
from proxy.policy.actions import HmacHasher
from proxy.policy.compile import compile_policy
from proxy.policy.fields import KNOWN_KEY_CHARACTERS, DeniedError
from proxy.policy.identity import Pseudonyms
from proxy.policy.model import PolicyDocument
from proxy.sensitive import Sensitive

KEY = Sensitive(b"pepper-0123456789")
ALL = ("id", "email", "phone", "anonymous_id")
TABLE = Table(ENDPOINTS, unknown="inspect")
NAMED = Pseudonyms(HmacHasher(KEY, "k2", 32), [Identifier.ID, Identifier.EMAIL, Identifier.PHONE, Identifier.ANONYMOUS_ID], [])
MAIL, NUMBER, NAME, ANON = "ada@example.com", "+15550123456", "u-77", "anon-9"
EMAIL, PHONE = NAMED.of(Identifier.EMAIL, MAIL), NAMED.of(Identifier.PHONE, NUMBER)
ID, ANONYMOUS = NAMED.of(Identifier.ID, NAME), NAMED.of(Identifier.ANONYMOUS_ID, ANON)


def document(*kinds: str, **settings: Any) -> dict[str, Any]:  # noqa: ANN401 - a document is free-form here
    """Return a policy that replaces identifiers of these kinds."""
    hashing = {"algorithm": "hmac-sha256", "key": "env:X", "key_id": "k2"}
    return {"version": 1, "hash": hashing, "identifiers": dict.fromkeys(kinds or ALL, "hmac"), **settings}


def sent(call: str, body: Any = None, *kinds: str, **settings: Any) -> tuple[str, Any]:  # noqa: ANN401 - JSON
    """Return the target and the body that leave."""
    method, _, target = call.partition(" ")
    match = TABLE.match(method, target.encode())
    policy = compile_policy(PolicyDocument.model_validate(document(*kinds, **settings)), ENDPOINTS, KEY)
    chosen = policy.for_endpoint(match.endpoint.name)
    named = chosen.named(match, body)
    kept, _ = chosen.apply(body, named=named)
    return chosen.target(match, named)[0].decode(), kept


IDENTIFY, EVENT = "PUT /api/v1/customers/u-77", "POST /api/v1/customers/u-77/events"


@pytest.mark.parametrize(
    ("call", "body"),
    [
        (IDENTIFY, {"email": [MAIL]}),
        (IDENTIFY, {"Email": [MAIL]}),
        (IDENTIFY, {"email": {"address": MAIL}}),
        (IDENTIFY, {"email": []}),
        (IDENTIFY, {"email": '["ada@example.com"]'}),
        (IDENTIFY, {"id": ' {"id":"u-77"}'}),
        (IDENTIFY, {"phone": "[15550123456]"}),
        (IDENTIFY, {"id": [NAME]}),
        (IDENTIFY, [{"email": MAIL}]),
        (IDENTIFY, MAIL),
        (IDENTIFY, 5550123456),
        ("POST /v1/identify", {"userId": [NAME]}),
        ("POST /v1/identify", {"USER_ID": [NAME]}),
        ("POST /v1/identify", {"userId": {"id": NAME}}),
        ("POST /v1/identify", {"userId": NAME, "traits": encode({"email": MAIL}).decode()}),
        ("POST /v1/identify", {"userId": NAME, "traits": [{"email": MAIL}]}),
        ("POST /v1/identify", {"traits.email": [MAIL]}),
        ("POST /v1/batch", {"batch": {"userId": NAME}}),
        ("POST /v1/batch", {"batch": [MAIL]}),
        ("POST /v1/batch", {"batch": [[{"userId": NAME}]]}),
        ("POST /v1/batch", {"batch": encode([{"userId": NAME}]).decode()}),
        ("POST /api/v1/merge_customers", {"primary": {"email": [MAIL]}}),
        ("POST /api/v1/merge_customers", {"primary": MAIL}),
        ("POST /api/v1/segments/7/add_customers", {"ids": NAME}),
        ("POST /api/v1/segments/7/add_customers", {"ids": [[NAME]]}),
        ("POST /api/v1/segments/7/add_customers", {"ids": [{"id": NAME}]}),
        ("POST /api/v1/segments/7/add_customers?id_type=email", {"ids": MAIL}),
        ("POST /v1/campaigns/7/triggers", {"ids": NAME}),
        ("POST /v1/campaigns/7/triggers", {"emails": MAIL}),
        ("POST /v1/campaigns/7/triggers", {"emails": [[MAIL]]}),
        ("POST /v1/campaigns/7/triggers", {"per_user_data": {"id": NAME}}),
        ("POST /v1/campaigns/7/triggers", {"per_user_data": [[{"id": NAME}]]}),
        ("POST /v1/campaigns/7/triggers", {"per_user_data": [NAME]}),
        ("POST /api/v2/entity", {"identifiers": encode({"email": MAIL}).decode()}),
        ("POST /api/v2/entity", {"identifiers": [{"email": MAIL}]}),
        ("POST /api/v2/entity", {"identifiers": 5}),
        ("POST /api/v2/entity", {"identifiers": {"email": {"a": MAIL}}}),
        ("POST /api/v2/entity", {"cio_relationships": {"identifiers": {"id": NAME}}}),
        ("POST /v1/send/email", {"to": "x", "identifiers": MAIL}),
        ("POST /v1/customers/attributes", {"ids": NAME}),
    ],
)
def test_a_shape_that_could_hide_an_identifier_is_refused(call: str, body: Any) -> None:  # noqa: ANN401 - JSON
    """At an identifier position only a scalar, or what the table says, may stand, and only objects lead there."""
    with pytest.raises(DeniedError):
        sent(call, body)
    _, kept = sent(call, body, mode="report")
    assert kept == body


def test_at_a_position_of_a_kept_type_any_shape_may_stand() -> None:
    """Ids are kept, so nothing is refused; an address in their place is still one."""
    assert sent(IDENTIFY, {"id": ["5", {"x": MAIL}], "phone": [NUMBER]}, "email")[1] == {
        "id": ["5", {"x": EMAIL}],
        "phone": [NUMBER],
    }
    assert sent(IDENTIFY, {"email": [MAIL, {"id": "5"}]}, "phone")[1] == {"email": [MAIL, {"id": "5"}]}
    assert sent("POST /v1/customers/attributes", {"ids": MAIL}, "email")[1] == {"ids": EMAIL}


@pytest.mark.parametrize(
    ("call", "body"),
    [
        (IDENTIFY, {"email": None, "id": "", "traits": 5, "ok": True}),
        (IDENTIFY, {}),
        (IDENTIFY, []),
        (IDENTIFY, None),
        (IDENTIFY, ""),
        ("POST /api/v2/entity", {"identifiers": [], "attributes": None, "cio_relationships": {}}),
        ("POST /v1/batch", {"batch": []}),
        ("POST /v1/batch", {"batch": [None, {}, ""]}),
        ("POST /api/v1/segments/7/add_customers", {"ids": []}),
        ("POST /api/v1/segments/7/add_customers", {"ids": None}),
    ],
)
def test_nothing_hides_nothing(call: str, body: Any) -> None:  # noqa: ANN401 - JSON
    """Null, an empty text, and an empty object or array, which some languages write for one another, are legal."""
    assert sent(call, body)[1] == body


@pytest.mark.parametrize(
    ("call", "body", "kept"),
    [
        ("PUT /api/v1/customers/u-77/devices", {"device": {"id": "t"}, "id": NAME}, {"device": {"id": "t"}, "id": ID}),
        ("PUT /api/v1/customers/u-77/devices", {"device": {"id": "t"}, "email": MAIL}, {"device": {"id": "t"}, "email": EMAIL}),
        ("POST /api/v1/customers/u-77/suppress", {"email": MAIL}, {}),
        ("POST /api/v1/customers/u-77/unsuppress", {"email": MAIL}, {}),
        ("POST /api/v1/customers/u-77/suppress", {}, {}),
        ("DELETE /api/v1/customers/u-77", {"email": MAIL}, {}),
        ("DELETE /api/v1/customers/u-77", None, None),
        ("GET /v1/customers/u-77/attributes", {"email": MAIL}, {}),
        (
            EVENT,
            {"name": "s", "type": "screen", "anonymous_id": ANON},
            {"name": "s", "type": "screen", "anonymous_id": ANONYMOUS},
        ),
        (EVENT, {"name": "s", "data": {"email": MAIL}}, {"name": "s", "data": {"email": EMAIL}}),
        (
            EVENT,
            {"name": "s", "data": {"user_id": NAME, "amount": NAME}},
            {"name": "s", "data": {"user_id": ID, "amount": NAME}},
        ),
        (IDENTIFY, {"email": MAIL, "backup": MAIL.upper() + " "}, {"email": EMAIL, "backup": EMAIL}),
        (IDENTIFY, {"email": MAIL, "a": {"b": [MAIL, 1]}}, {"email": EMAIL, "a": {"b": [EMAIL, 1]}}),
        (IDENTIFY, {"email": MAIL, "a": "ada%40example.com"}, {"email": EMAIL, "a": EMAIL.replace("@", "%40")}),
        (IDENTIFY, {"email": MAIL, "a": "ada%2540example.com"}, {"email": EMAIL, "a": EMAIL.replace("@", "%40")}),
        (IDENTIFY, {"email": MAIL, "a": '{"x":"ada@example.com"}'}, {"email": EMAIL, "a": f'{{"x":"{EMAIL}"}}'}),
        (IDENTIFY, {"email": MAIL, "a": "ａｄａ＠example.com"}, {"email": EMAIL, "a": EMAIL}),
        (IDENTIFY, {"email": MAIL, MAIL: 1}, {"email": EMAIL, EMAIL: 1}),
        (IDENTIFY, {"Email": MAIL, "x": MAIL}, {"Email": EMAIL, "x": EMAIL}),
        (IDENTIFY, {"id": MAIL}, {"id": EMAIL}),
        (IDENTIFY, {"id": "{6B29FC40-CA47}"}, {"id": NAMED.of(Identifier.ID, "{6B29FC40-CA47}")}),
        (IDENTIFY, {"phone": NUMBER, "x": 15550123456}, {"phone": PHONE, "x": PHONE}),
        (IDENTIFY, {"phone": NUMBER, "x": "+1 (555) 012-3456"}, {"phone": PHONE, "x": PHONE}),
        (IDENTIFY, {"phone": "555", "x": "555", "y": 555}, {"phone": NAMED.of(Identifier.PHONE, "555"), "x": "555", "y": 555}),
        (IDENTIFY, {"x": {"customer_id": NAME}, "userId": [NAME]}, {"x": {"customer_id": ID}, "userId": [ID]}),
        (IDENTIFY, {"pairs": [{"name": "user_id", "value": NAME}]}, {"pairs": [{"name": "user_id", "value": ID}]}),
        ("POST /v1/group", {"userId": NAME, "traits": {"email": MAIL}}, {"userId": ID, "traits": {"email": EMAIL}}),
        ("POST /v1/track", {"userId": NAME, "traits": {"Email": MAIL}}, {"userId": ID, "traits": {"Email": EMAIL}}),
        ("POST /v1/alias", {"userId": NAME, "traits": {"id": NAME}}, {"userId": ID, "traits": {"id": ID}}),
        ("POST /v1/track", {"context": {"traits": {"email": MAIL}}}, {"context": {"traits": {"email": EMAIL}}}),
        ("POST /v1/track", {"properties": {"email": MAIL}}, {"properties": {"email": EMAIL}}),
        ("POST /v1/track", {"context": MAIL}, {"context": EMAIL}),
        ("POST /v1/track", {"context": {"traits": [MAIL]}}, {"context": {"traits": [EMAIL]}}),
        ("POST /v1/track", {"properties": {"email": [MAIL]}}, {"properties": {"email": [EMAIL]}}),
        ("POST /v1/batch", {"batch": [{"properties": {"email": MAIL}}]}, {"batch": [{"properties": {"email": EMAIL}}]}),
        (
            "POST /v1/batch",
            {"context": {"traits": {"id": NAME}}, "batch": []},
            {"context": {"traits": {"id": ID}}, "batch": []},
        ),
        (
            "POST /v1/batch",
            {"batch": [{"userId": NAME}, {"traits": {"email": MAIL}}, {"properties": {"a": MAIL, "customerId": NAME}}]},
            {"batch": [{"userId": ID}, {"traits": {"email": EMAIL}}, {"properties": {"a": EMAIL, "customerId": ID}}]},
        ),
        (
            "POST /api/v2/entity",
            {"identifiers": {"email": MAIL}, "attributes": {"id": NAME, "anonymous_id": ANON, "phone": NUMBER}},
            {"identifiers": {"email": EMAIL}, "attributes": {"id": ID, "anonymous_id": ANONYMOUS, "phone": PHONE}},
        ),
        ("POST /v1/send/email", {"to": MAIL, "identifiers": {"email": MAIL}}, {"to": MAIL, "identifiers": {"email": EMAIL}}),
        (
            "POST /v1/send/email",
            {"to": MAIL, "identifiers": {"email": MAIL}, "message_data": {"mail": MAIL}},
            {"to": MAIL, "identifiers": {"email": EMAIL}, "message_data": {"mail": EMAIL}},
        ),
        (
            "POST /v1/customers",
            {"filter": {"and": [{"attribute": {"field": "email", "operator": "eq", "value": MAIL}}, {"segment": {"id": 5}}]}},
            {"filter": {"and": [{"attribute": {"field": "email", "operator": "eq", "value": EMAIL}}, {"segment": {"id": 5}}]}},
        ),
        (
            "POST /v1/customers",
            {"filter": {"or": [{"attribute": {"field": "id", "operator": "eq", "value": 5}}, {"segment": {"id": 5}}]}},
            {
                "filter": {
                    "or": [
                        {"attribute": {"field": "id", "operator": "eq", "value": NAMED.of(Identifier.ID, "5")}},
                        {"segment": {"id": 5}},
                    ]
                }
            },
        ),
    ],
)
def test_a_raw_identifier_does_not_stand_beside_its_pseudonym(call: str, body: Any, kept: Any) -> None:  # noqa: ANN401
    """Whatever else of a request says who it is about is replaced as well, or dropped where no body belongs."""
    assert sent(call, body)[1] == kept


@pytest.mark.parametrize(
    ("call", "body", "target"),
    [
        ("PUT /api/v1/customers/15550123456", {"phone": NUMBER}, f"/api/v1/customers/{PHONE}"),
        ("PUT /api/v1/customers/ada%2540example.com", {}, "/api/v1/customers/" + EMAIL.replace("@", "%40")),
        ("DELETE /api/v1/customers/u-77/devices/ada%40example.com", None, None),
        ("GET /v1/customers/15550123456/attributes?id_type=phone", None, f"/v1/customers/{PHONE}/attributes?id_type=phone"),
    ],
)
def test_in_paths_it_is_as_in_bodies(call: str, body: Any, target: str | None) -> None:  # noqa: ANN401 - JSON
    """With ids kept, an address or a phone number in their place is still one; a device token is left."""
    assert sent(call, body, "email", "phone")[0] == (target or call.partition(" ")[2])


def test_what_is_held_at_a_routing_position_is_replaced() -> None:
    """No rule looks into the name of an event, and its text may be JSON, in JSON."""
    held = encode({"a": encode([MAIL, {"user_id": NAME, "n": 15550123456}]).decode(), MAIL: 1.0}).decode()
    inner = encode([EMAIL, {"user_id": ID, "n": PHONE}]).decode()
    body = {"name": held, "email": MAIL, "phone": NUMBER, "data": {"recipient": MAIL}}
    assert sent(EVENT, body)[1] == {
        "name": encode({"a": inner, EMAIL: 1.0}).decode(),
        "email": EMAIL,
        "phone": PHONE,
        "data": {"recipient": MAIL},
    }
    same = {"name": '{ "a" : 1.0 }', "email": MAIL}
    assert sent(EVENT, same)[1] == {**same, "email": EMAIL}


def test_of_an_unknown_endpoint_keys_say_who_is_named() -> None:
    """There is no table to go by; a path holds who is named in the body, and addresses."""
    target, kept = sent("POST /v1/new/u-77/x/ada%40example.com", {"identifiers": {"email": MAIL}, "who": {"user_id": NAME}})
    assert kept == {"identifiers": {"email": EMAIL}, "who": {"user_id": ID}}
    assert target == f"/v1/new/{ID}/x/{EMAIL.replace('@', '%40')}"


def test_one_person_has_one_pseudonym_over_calls_and_types() -> None:
    """A number and its text, an address in any case and coding, a phone number with and without its plus."""
    assert sent(IDENTIFY, {"id": 5})[1] == sent(IDENTIFY, {"id": "5"})[1] == sent(IDENTIFY, {"id": 5.0})[1]
    assert sent(IDENTIFY, {"phone": 15550123456})[1] == sent(IDENTIFY, {"phone": NUMBER})[1]
    assert sent(IDENTIFY, {"email": "Ada%40Example.com"})[1] == sent(IDENTIFY, {"email": MAIL})[1]


def test_a_pseudonym_that_comes_back_is_left() -> None:
    """An application may name people by what it sees in Customer.io."""
    body = {"email": EMAIL, "id": ID, "phone": PHONE, "other": EMAIL}
    assert sent(IDENTIFY, body)[1] == body


def test_what_is_remembered_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    """Keys that callers make up do not fill the memory."""
    monkeypatch.setattr(people, "KNOWN_KEYS", 10)
    identity = compile_policy(PolicyDocument.model_validate(document()), ENDPOINTS, KEY).for_endpoint("track.v1.identify")
    found = identity.named(None, {f"Key {number}" + "x" * (number % 2 * 500): 1 for number in range(100)})
    assert found is not None
    assert 0 < len(found.identity._forms) <= 10
    assert max(map(len, found.identity._forms)) <= KNOWN_KEY_CHARACTERS


def test_a_key_that_names_somebody_is_still_looked_at_where_identifiers_are_only_counted() -> None:
    """A policy in report mode may have a rule that enforces."""
    rule = {"name": "no", "detect": ["email"], "action": "mask", "mode": "enforce"}
    kept = sent(IDENTIFY, {"email": MAIL, MAIL: 1}, mode="report", rules=[rule])[1]
    assert kept == {"email": MAIL, "[REDACTED]": 1}


@pytest.mark.parametrize("note", [f"Ada <{MAIL}>", f"see x/{MAIL}/orders", f"call {NUMBER} now", f"a;{MAIL};b"])
@pytest.mark.parametrize("beside", ["none", "x=1"])
def test_a_piece_of_a_text_is_replaced_whatever_else_the_body_holds(note: str, beside: str) -> None:
    """What its bytes say of structure must not decide on it."""
    body = {"email": MAIL, "phone": NUMBER, "note": note, "beside": beside}
    chosen = compile_policy(PolicyDocument.model_validate(document()), ENDPOINTS, KEY).for_endpoint("track.v1.identify")
    kept, _ = chosen.apply(dict(body), text=orjson.dumps(body))
    assert isinstance(kept, dict)
    assert kept["note"] == note.replace(MAIL, EMAIL).replace(NUMBER, PHONE)


@given(
    st.lists(
        st.sampled_from(
            ["", " ", "-", ".", "/", "(", ")", "_", *"\u2010\u2011\u2012\u2013\u2014\u2015\u2212\u00b7\u2022\u00a0\u3000"]
        ),
        min_size=10,
        max_size=10,
    )
)
def test_no_separator_hides_a_phone_number(between: list[str]) -> None:
    """Of those that people write."""
    digits = NUMBER.removeprefix("+")
    spelled = "+" + "".join(map("".join, zip(digits, [*between, ""], strict=False)))
    assert sent(IDENTIFY, {"phone": NUMBER, "note": spelled})[1] == {"phone": PHONE, "note": PHONE}
