"""From a request's head and body to the call that leaves, or to a refusal."""

import dataclasses
import gzip
import hashlib
import zlib
from collections.abc import Mapping
from types import ModuleType
from typing import Any

import orjson
import pytest

from proxy.api import match
from proxy.api.endpoints import ENDPOINTS
from proxy.api.match import Table
from proxy.api.model import Upstream
from proxy.api.web import Hosts
from proxy.credentials.callers import ANYONE, Callers
from proxy.errors import Reason, RefusedError
from proxy.exchange import Outgoing, RequestHead
from proxy.metrics import STAGES
from proxy.payload.oversize import LIMITS, NOTHING
from proxy.pipeline import OversizeError, StageError, admit, common_head, prepare
from proxy.policy.compile import compile_policy
from proxy.policy.inventory import Inventory
from proxy.policy.model import PolicyDocument
from proxy.rules import Rules
from proxy.sensitive import Sensitive

JSON = {b"content-type": b"application/json"}
POLICY = {
    "version": 1,
    "hash": {"algorithm": "sha256", "hex_length": 32},
    "rules": [
        {"name": "keyed", "fields": ["phone"], "action": "hash"},
        {"name": "never", "fields": ["ssn"], "action": "strip"},
        {"name": "stop", "fields": ["card"], "action": "deny"},
    ],
}


def rules(callers: Callers | None = None, **changes: Any) -> Rules:  # noqa: ANN401  # fields of Rules
    """Return rules with the whole endpoint table and a policy that strips `ssn` and denies `card`."""
    return dataclasses.replace(
        Rules(
            table=Table(ENDPOINTS, unknown="inspect"),
            policy=compile_policy(PolicyDocument.model_validate(POLICY), ENDPOINTS, None),
            callers=callers or Callers(),
            heads={upstream: common_head(f"{upstream}.example") for upstream in Upstream},
            body_bytes=1000,
            large_body_bytes=5000,
            depth=10,
        ),
        **changes,
    )


RULES = rules()


def sent(
    method: str, target: bytes, body: bytes = b"", headers: Mapping[bytes, bytes] = JSON, among: Rules = RULES
) -> Outgoing:
    """Return the call that leaves for a request."""
    outgoing, _ = prepare(admit(among, RequestHead(method, target, headers), 0.0), body)
    return outgoing


def refused(
    method: str, target: bytes, body: bytes = b"", headers: Mapping[bytes, bytes] = JSON, among: Rules = RULES
) -> Reason:
    """Return why a request is refused."""
    with pytest.raises(RefusedError) as caught:
        sent(method, target, body, headers, among)
    return caught.value.reason


def lines(outgoing: Outgoing) -> list[bytes]:
    """Return the lines of a head; each must end in CRLF."""
    assert outgoing.head.endswith(b"\r\n")
    return outgoing.head[:-2].split(b"\r\n")


# Admission


def test_the_caller_comes_first() -> None:
    """A stranger is told the same of every target, so it learns nothing of what is forwarded."""
    closed = rules(Callers.of([("billing", Sensitive("caller-key"))], frozenset()))
    for target in (b"/api/v1/customers/5", b"/nowhere", b"/../x"):
        with pytest.raises(RefusedError) as caught:
            admit(closed, RequestHead("PUT", target, {}), 0.0)
        assert caught.value.reason is Reason.UNKNOWN_CALLER


def test_a_caller_is_known_by_its_name() -> None:
    """The name, not the key, goes on."""
    closed = rules(Callers.of([("billing", Sensitive("caller-key"))], frozenset()))
    head = RequestHead("PUT", b"/api/v1/customers/5", {b"authorization": b"Bearer caller-key"})
    assert admit(closed, head, 0.0).caller == "billing"
    assert admit(RULES, RequestHead("PUT", b"/api/v1/customers/5", {}), 0.0).caller == ANYONE


@pytest.mark.parametrize(
    ("method", "target", "reason"),
    [
        ("PUT", b"/nowhere", Reason.ENDPOINT_NOT_ALLOWED),
        ("TRACE", b"/api/v1/customers/5", Reason.METHOD_NOT_ALLOWED),
        ("PUT", b"/api/v1/customers/..", Reason.MALFORMED_REQUEST),
    ],
)
def test_what_is_not_forwarded_is_refused_by_its_head(method: str, target: bytes, reason: Reason) -> None:
    """Before any of the body is read."""
    with pytest.raises(RefusedError) as caught:
        admit(RULES, RequestHead(method, target, {}), 0.0)
    assert caught.value.reason is reason


def test_a_send_may_be_larger_than_an_identify() -> None:
    """Attachments and triggers have a cap of their own."""
    assert admit(RULES, RequestHead("PUT", b"/api/v1/customers/5", {}), 0.0).body_bytes == 1000
    assert admit(RULES, RequestHead("POST", b"/v1/send/email", {}), 0.0).body_bytes == 5000


@pytest.mark.parametrize(
    ("headers", "reason"),
    [
        ({b"origin": b"https://evil.example", b"host": b"127.0.0.1:8080"}, Reason.BROWSER_REQUEST),
        ({b"sec-fetch-site": b"same-origin", b"host": b"evil.example"}, Reason.BROWSER_REQUEST),
        ({b"host": b"evil.example"}, Reason.UNKNOWN_HOST),
    ],
)
def test_a_web_page_is_let_in_where_it_would_need_a_key_only(headers: dict[bytes, bytes], reason: Reason) -> None:
    """Nobody's page can use the real key (design 2); where callers show keys of their own, it has none to show."""
    closed = rules(Callers.of([("billing", Sensitive("caller-key"))], frozenset()))
    for method, target in (("PUT", b"/api/v1/customers/5"), ("GET", b"/v1/customers/5/attributes"), ("GET", b"/nowhere")):
        assert refused(method, target, headers=headers) is reason
        assert refused(method, target, headers=headers, among=closed) is Reason.UNKNOWN_CALLER
    head = RequestHead("PUT", b"/api/v1/customers/5", headers | {b"authorization": b"Bearer caller-key"})
    assert admit(closed, head, 0.0).caller == "billing"


def test_a_host_that_the_configuration_lists_is_taken() -> None:
    """Beside those that need no entry."""
    listing = rules(hosts=Hosts(["sidecar.example.com"]))
    head = RequestHead("PUT", b"/api/v1/customers/5", {b"host": b"sidecar.example.com"})
    assert admit(listing, head, 0.0).caller == ANYONE
    with pytest.raises(RefusedError):
        admit(RULES, head, 0.0)


# What leaves


def test_what_leaves_is_rebuilt() -> None:
    """Target from the row, our Host, allowed headers only, and the value that the policy left, written anew (promise G1)."""
    outgoing = sent(
        "PUT",
        b"//api/v1/customers/a%2fb?utm=x",
        b'{ "email": "a@b.c", "ssn": "078-05-1120", "plan": 1.0 }',
        {
            **JSON,
            b"host": b"localhost:8080",
            b"authorization": b"Basic Y2FsbGVyOmtleQ==",
            b"cookie": b"session=1",
            b"x-forwarded-for": b"10.0.0.1",
            b"user-agent": b"Customer.io Python Client/3.2.0",
        },
    )
    assert outgoing.body == b'{"email":"a@b.c","plan":1.0}'
    first, *rest = lines(outgoing)
    assert first == b"PUT /api/v1/customers/a%2Fb HTTP/1.1"
    assert sorted(rest) == [
        b"Accept-Encoding: identity",
        b"Accept: */*",
        b"Content-Length: 28",
        b"Content-Type: application/json",
        b"Host: track.example",
        b"User-Agent: Customer.io Python Client/3.2.0",
    ]
    assert not outgoing.strict


def test_the_policy_says_what_it_did() -> None:
    """What acted is told with the call, to be counted."""
    _, hits = prepare(admit(RULES, RequestHead("PUT", b"/api/v1/customers/5", JSON), 0.0), b'{"a":{"ssn":1}}')
    assert [hit.labels for hit in hits] == [("never", "strip", "enforce")]


def test_a_coded_body_is_looked_into_and_sent_plain() -> None:
    """Compression hides nothing from the policy, and is not claimed of what is sent."""
    outgoing = sent("PUT", b"/api/v1/customers/5", gzip.compress(b'{"ssn":1,"a":2}'), {**JSON, b"content-encoding": b"gzip"})
    assert outgoing.body == b'{"a":2}'
    assert not any(line.lower().startswith(b"content-encoding") for line in lines(outgoing))


def test_a_bomb_is_refused() -> None:
    """The cap holds for what a coded body inflates to (promise G12)."""
    bomb = gzip.compress(b'"' + b"a" * 100_000 + b'"')
    assert len(bomb) < 1000
    assert refused("PUT", b"/api/v1/customers/5", bomb, {**JSON, b"content-encoding": b"gzip"}) is Reason.BODY_TOO_LARGE


@pytest.mark.parametrize(
    ("body", "headers"),
    [
        (b"", {}),
        (b"", JSON),
        (b"", {b"content-type": b"application/x-www-form-urlencoded"}),
        (b"null", {b"content-type": b"text/plain"}),
        (b"null", {}),
    ],
)
def test_nothing_to_send_is_no_fault_of_its_type(body: bytes, headers: dict[bytes, bytes]) -> None:
    """SDKs send empty forms and literal nulls (customerio-api.md 2.2)."""
    assert sent("POST", b"/api/v1/customers/5/suppress", body, headers).body == body


@pytest.mark.parametrize(
    ("body", "headers", "reason"),
    [
        (b"email=a%40b.c", {b"content-type": b"application/x-www-form-urlencoded"}, Reason.UNSUPPORTED_MEDIA),
        (b"{}", {b"content-type": b"multipart/form-data; boundary=x"}, Reason.UNSUPPORTED_MEDIA),
        (b"{}", {}, Reason.UNSUPPORTED_MEDIA),
        (b"{}", {**JSON, b"content-encoding": b"br"}, Reason.UNSUPPORTED_MEDIA),
        (b"{", JSON, Reason.INVALID_JSON),
        (b"[" * 50 + b"]" * 50, JSON, Reason.TOO_DEEP),
        (b'{"a":{"card":1}}', JSON, Reason.POLICY_DENIED),
    ],
)
def test_what_cannot_be_looked_into_does_not_leave(body: bytes, headers: dict[bytes, bytes], reason: Reason) -> None:
    """A form, an unknown coding, broken JSON, a denied field: refused, never passed on as it is (promise G1)."""
    assert refused("PUT", b"/api/v1/customers/5", body, headers) is reason


@pytest.mark.parametrize(("method", "expected"), [("POST", [b"Content-Length: 0"]), ("DELETE", [])])
def test_an_absent_body_is_told_where_one_is_expected(method: str, expected: list[bytes]) -> None:
    """RFC 9110 section 8.6."""
    target = b"/api/v1/customers/5/suppress" if method == "POST" else b"/api/v1/customers/5"
    framing = [line for line in lines(sent(method, target, b"", {})) if line.startswith((b"Content-", b"Transfer-"))]
    assert framing == expected


@pytest.mark.parametrize(
    ("asked", "strict"),
    [
        ({}, False),
        ({b"x-strict-mode": b"0"}, False),
        ({b"x-strict-mode": b"1"}, True),
        ({b"x-strict-mode": b"1", b"connection": b"X-Strict-Mode"}, True),
    ],
)
def test_pipelines_is_always_asked_to_be_strict(asked: dict[bytes, bytes], *, strict: bool) -> None:
    """Otherwise a bad key would look like success; whether the caller asked for it is remembered."""
    outgoing = sent("POST", b"/v1/track", b'{"userId":"5","event":"x"}', {**JSON, **asked})
    assert [line for line in lines(outgoing) if b"Strict" in line] == [b"X-Strict-Mode: 1"]
    assert outgoing.strict is strict


def test_no_other_api_is_asked_to_be_strict() -> None:
    """The header is Pipelines' own; elsewhere it goes on only if the caller sent it."""
    assert not any(b"Strict" in line for line in lines(sent("PUT", b"/api/v1/customers/5", b"{}")))


def test_the_query_of_an_endpoint_the_table_does_not_know_meets_the_policy() -> None:
    """`inspect` sends it on only through decode and policy."""
    outgoing = sent("GET", b"/api/v1/something?ssn=078&plan=a%20b", b"", {})
    assert lines(outgoing)[0] == b"GET /api/v1/something?plan=a%20b HTTP/1.1"
    assert refused("GET", b"/api/v1/something?card=4111", b"", {}) is Reason.POLICY_DENIED
    # As forms write fields of fields; what no rule names keeps its name.
    outgoing = sent("GET", b"/api/v1/something?user[ssn]=078&user%5Bplan%5D=a", b"", {})
    assert lines(outgoing)[0] == b"GET /api/v1/something?user%5Bplan%5D=a HTTP/1.1"


@pytest.mark.needs("detectors")
def test_detectors_that_only_look_see_what_a_target_names() -> None:
    """A card that is somebody's id is one in the path and the query as well, and in any path that the table does not know."""
    card = b"4111%201111%201111%201111"
    looking = [{"name": "count", "detect": ["email"], "action": "mask", "mode": "report"}]
    looking.append({"name": "cards", "detect": ["payment_card"], "action": "deny"})
    stopping = rules(policy=compile_policy(PolicyDocument.model_validate({"version": 1, "rules": looking}), ENDPOINTS, None))
    for method, target in [
        ("PUT", b"/api/v1/customers/" + card),
        ("GET", b"/v1/customers?email=" + card),
        ("GET", b"/api/v1/new/" + card),
    ]:
        assert refused(method, target, b"", JSON, stopping) is Reason.POLICY_DENIED
    head = RequestHead("PUT", b"/api/v1/customers/ada%40example.com", JSON)
    assert [hit.rule for hit in prepare(admit(stopping, head, 0.0), b"{}")[1]] == ["count"]


@pytest.mark.needs("detectors")
def test_a_pseudonym_in_a_target_is_no_find() -> None:
    """What leaves is looked at: the address does not."""
    policy = {
        "version": 1,
        "hash": {"algorithm": "hmac-sha256", "key": "env:KEY", "key_id": "k1"},
        "identifiers": {"email": "hmac"},
        "rules": [{"name": "addresses", "detect": ["email"], "action": "deny"}],
    }
    compiled = compile_policy(PolicyDocument.model_validate(policy), ENDPOINTS, Sensitive(b"pepper" * 8))
    outgoing = sent("PUT", b"/api/v1/customers/ada%40example.com", b"{}", JSON, rules(policy=compiled))
    name = lines(outgoing)[0].split()[1]
    assert b"ada" not in name
    assert lines(sent("PUT", name, b"{}", JSON, rules(policy=compiled)))[0].split()[1] == name


# Customer.io's own limits


def limiting(mode: str, **more: Any) -> Rules:  # noqa: ANN401  # keys of a policy
    """Return rules whose policy looks for them."""
    document = PolicyDocument.model_validate({**POLICY, "vendor_limits": mode, **more})
    return rules(policy=compile_policy(document, ENDPOINTS, None), body_bytes=1_000_000)


def person(identifier: str = "5", **attributes: object) -> dict[str, object]:
    """Return an operation."""
    return {"type": "person", "action": "identify", "identifiers": {"id": identifier}, "attributes": attributes}


LONG = "x" * 1001
BATCH = [person("1"), person("2", a=LONG), person("3", plan="pro", ssn=1), person("4" * 151), person("5")]
ENFORCING = limiting("enforce")


def batch(*items: object) -> bytes:
    """Return the body of a batch."""
    return orjson.dumps({"batch": items})


def oversize(method: str, target: bytes, body: bytes, among: Rules = ENFORCING) -> OversizeError:
    """Return how a call is refused for its size."""
    with pytest.raises(OversizeError) as caught:
        sent(method, target, body, among=among)
    assert caught.value.reason is Reason.VENDOR_LIMIT
    return caught.value


def test_a_call_over_a_limit_does_not_leave_where_limits_are_enforced() -> None:
    """Which limit, and what the policy did before, go with the refusal; with `off` and `report` the call leaves as it is."""
    body = orjson.dumps({"ssn": 1, "a": LONG})
    refusal = oversize("PUT", b"/api/v1/customers/5", body)
    assert [excess.bound.limit for excess in refusal.excesses] == ["attribute_value_bytes"]
    assert [hit.labels for hit in refusal.hits] == [("never", "strip", "enforce")]
    for mode, found in (("report", ["attribute_value_bytes"]), ("off", [])):
        outgoing = sent("PUT", b"/api/v1/customers/5", body, among=limiting(mode))
        assert orjson.loads(outgoing.body) == {"a": LONG}
        assert ([excess.bound.limit for excess in outgoing.excesses], outgoing.withheld) == (found, None)


def test_limits_are_about_what_leaves() -> None:
    """A field that a rule strips makes no call too large; an ordinary call carries nothing of it."""
    outgoing = sent("PUT", b"/api/v1/customers/5", orjson.dumps({"ssn": LONG, "plan": "pro"}), among=ENFORCING)
    assert (outgoing.body, outgoing.excesses, outgoing.withheld) == (b'{"plan":"pro"}', NOTHING, None)


def test_the_person_in_the_path_is_measured_as_it_leaves() -> None:
    """A pseudonym is short, whatever it stands for; without one the id counts, body or none."""
    target = b"/api/v1/customers/" + b"a" * 151
    for body in (b"", b"{}"):
        assert [excess.bound.limit for excess in oversize("POST", target + b"/suppress", body).excesses] == ["id_bytes"]
    keyed = {"algorithm": "hmac-sha256", "key": "env:X", "key_id": "k1"}
    document = PolicyDocument.model_validate(
        {"version": 1, "vendor_limits": "enforce", "hash": keyed, "identifiers": {"id": "hmac"}}
    )
    among = rules(policy=compile_policy(document, ENDPOINTS, Sensitive(b"pepper")))
    assert lines(sent("POST", target + b"/suppress", b"", among=among))[0].startswith(b"POST /api/v1/customers/k1.")


def test_items_over_a_limit_are_taken_out_and_the_rest_leaves() -> None:
    """In its order, under a head that tells its length; the caller's indexes of both are kept."""
    outgoing = sent("POST", b"/api/v2/batch", batch(*BATCH), among=ENFORCING)
    left = [person("1"), person("3", plan="pro"), person("5")]
    assert outgoing.body == batch(*left)
    assert b"Content-Length: %d" % len(outgoing.body) in lines(outgoing)
    assert [(excess.bound.limit, excess.index) for excess in outgoing.excesses] == [
        ("attribute_value_bytes", 1),
        ("id_bytes", 3),
    ]
    assert outgoing.withheld is not None
    assert outgoing.withheld.kept == [0, 2, 4]
    assert [error["batch_index"] for error in outgoing.withheld.errors] == [1, 3]


def test_a_batch_in_report_mode_leaves_whole() -> None:
    """It is only told of."""
    outgoing = sent("POST", b"/api/v2/batch", batch(person("1", a=LONG)), among=limiting("report"))
    assert outgoing.body == batch(person("1", a=LONG))
    assert (len(outgoing.excesses), outgoing.withheld) == (1, None)


def test_a_batch_of_which_nothing_is_left_is_refused() -> None:
    """There is nothing to ask Customer.io."""
    refusal = oversize("POST", b"/api/v2/batch", batch(person("1", a=LONG), person("2", a=LONG)))
    assert [excess.index for excess in refusal.excesses] == [0, 1]


@pytest.mark.parametrize("large", [17, 18, 25], ids=["fits", "does not", "nor by far"])
def test_a_batch_that_is_too_large_leaves_if_its_rest_is_not(large: int) -> None:
    """The limit of the request is held to what is left."""
    filled = {**person("1"), "action": "event", "pad": "x" * 30_000}
    body = batch(*[filled] * large, {**filled, "pad": "x" * 33_000})
    whole = len(batch(*[filled] * large)) <= 512_000
    assert whole is (large == 17)
    if whole:
        assert len(sent("POST", b"/api/v2/batch", body, among=ENFORCING).body) == len(batch(*[filled] * large))
    else:
        limits = [excess.bound.limit for excess in oversize("POST", b"/api/v2/batch", body).excesses]
        assert limits == ["item_bytes", "request_bytes"]


def test_a_pipelines_batch_is_refused_whole() -> None:
    """Pipelines has no answer for an item: one that was taken out would be lost without a word."""
    items = [{"type": "track", "userId": "5", "event": "x"}, {"type": "track", "userId": "5", "event": "x" * 33_000}]
    refusal = oversize("POST", b"/v1/batch", batch(*items))
    assert [(excess.bound.limit, excess.index) for excess in refusal.excesses] == [("item_bytes", 1)]


def test_an_endpoint_without_limits_has_none() -> None:
    """A read, or what the table does not know."""
    for target in (b"/v1/segments", b"/api/v1/something"):
        assert sent("POST", target, orjson.dumps({"a": LONG}), among=ENFORCING).excesses == NOTHING


# Faults of our own


class BrokenError(Exception):
    """A fault whose text quotes data."""


def broken(*_: object, **__: object) -> Any:  # noqa: ANN401  # stands in for any stage
    """Fail."""
    raise BrokenError("a@b.c")


class BrokenMapping(dict[Any, Any]):
    """Fails as soon as it is asked for anything."""

    get = __getitem__ = broken


# What each stage fails with: something below it that is not ours, so that compiled stages fail as well.
BROKEN = [
    ("decode", orjson, "loads"), ("decode", zlib, "decompressobj"), ("policy", hashlib, "sha256"), ("encode", orjson, "dumps"),
    ("query", match, "quote"),
]  # fmt: skip


@pytest.mark.parametrize(("stage", "place", "name"), BROKEN)
def test_a_fault_in_a_stage_refuses_the_request(
    monkeypatch: pytest.MonkeyPatch, stage: str, place: ModuleType, name: str
) -> None:
    """Whatever fails, nothing is forwarded; the stage is told, and has its count from the start (promise G1)."""
    body, headers = b'{"phone":"1"}', JSON
    if place is zlib:
        body, headers = gzip.compress(body), {**JSON, b"content-encoding": b"gzip"}
    among = rules()
    with monkeypatch.context() as broken_place:
        broken_place.setattr(place, name, broken)
        with pytest.raises(StageError) as caught:
            sent("POST", b"/api/v1/something?a=b", body, headers, among)
    assert caught.value.stage == stage
    assert stage in STAGES
    assert "a@b.c" not in str(caught.value)
    assert isinstance(caught.value.fault, BrokenError)


def test_what_is_sent_is_written_down_before_the_policy_acts() -> None:
    """A field that is stripped, and the body of a call that is refused; not one that cannot be read."""
    inventory = Inventory(lambda: 0.0, lambda _: None, lambda: None)
    among = rules(inventory=inventory)
    assert sent("PUT", b"/api/v1/customers/5", b'{"ssn":"1","plan":"pro"}', among=among).body == b'{"plan":"pro"}'
    for body in (b'{"card":"4111"}', b'{"broken'):
        with pytest.raises(RefusedError):
            sent("PUT", b"/api/v1/customers/5", body, among=among)
    sent("POST", b"/api/v1/something", b'{"x":[1]}', among=among)
    sent("DELETE", b"/api/v1/customers/5", among=among)
    assert [(endpoint, seen.path) for endpoint, seen in inventory] == [
        ("track.v1.identify", "card"),
        ("track.v1.identify", "plan"),
        ("track.v1.identify", "ssn"),
        ("unknown.track", "x"),
        ("unknown.track", "x.[]"),
    ]


def test_a_fault_in_the_inventory_refuses_the_request() -> None:
    """It is a stage like the others (promise G1)."""
    inventory = Inventory(lambda: 0.0, broken, lambda: None)
    with pytest.raises(StageError) as caught:
        sent("PUT", b"/api/v1/customers/5", b'{"plan":"pro"}', among=rules(inventory=inventory))
    assert caught.value.stage == "inventory"
    assert "inventory" in STAGES
    assert isinstance(caught.value.fault, BrokenError)


def test_a_fault_in_the_limits_refuses_the_request(monkeypatch: pytest.MonkeyPatch) -> None:
    """A call whose size is not known is not let go (promise G1)."""
    target = b"/api/v1/customers/" + b"a" * 200
    admission = admit(limiting("report"), RequestHead("DELETE", target, {}), 0.0)
    with monkeypatch.context() as broken_place:
        broken_place.setattr(LIMITS["track.v1.delete"], "_place", 100)
        with pytest.raises(StageError) as caught:
            prepare(admission, b"")
    assert caught.value.stage == "limits"
    assert "limits" in STAGES


def test_a_fault_in_the_head_refuses_the_request() -> None:
    """The last stage is held to the same (promise G1)."""
    with pytest.raises(StageError) as caught:
        sent("PUT", b"/api/v1/customers/5", b"{}", among=rules(heads=BrokenMapping()))
    assert caught.value.stage == "head"
    assert "head" in STAGES


# The caller's key in bodies

BILLING, MAIL = "billing-key-0123456789", "mail-key-9876543210"
KEYED = rules(Callers.of([("billing", Sensitive(BILLING)), ("mail", Sensitive(MAIL))], frozenset()))
BY_HEADER = JSON | {b"authorization": b"Bearer " + BILLING.encode()}


@pytest.mark.parametrize(
    "body",
    [
        {"writeKey": BILLING},
        {"context": {"writeKey": BILLING, "ip": "1"}},
        {"batch": [{"writeKey": BILLING, "type": "track"}, {"writeKey": BILLING}]},
        {"batch": [{"context": {"writeKey": BILLING}}]},
        {"writeKey": BILLING, "batch": [{"writeKey": "nobody's"}]},
    ],
)
@pytest.mark.parametrize("target", [b"/v1/identify", b"/v1/batch"])
def test_the_key_in_a_body_says_who_calls(target: bytes, body: dict[str, Any]) -> None:
    """Without the header, on rows of Pipelines; and it never leaves, with or without callers."""
    text = orjson.dumps(body | {"userId": "5"})
    head = RequestHead("POST", target, JSON)
    assert admit(KEYED, head, 0.0).caller is None
    admission = admit(KEYED, head, 0.0)
    outgoing, _ = prepare(admission, text)
    assert admission.caller == "billing"
    for left in (outgoing, sent("POST", target, text), sent("POST", target, text, BY_HEADER, KEYED)):
        assert b"writeKey" not in left.body
        assert b"-key-" not in left.body
        assert orjson.loads(left.body)["userId"] == "5"


@pytest.mark.parametrize(
    "body",
    [
        b"", b"null", b"{}", b"[]", b"{", b'{"writeKey":"wrong"}', b'{"writeKey":5}', b'{"properties":{"writeKey":"%b"}}',
        b'{"writeKey":"%b","batch":[{"writeKey":"mail-key-9876543210"}]}', b'{"writeKey":"%b","writeKey":"wrong"}', b"[" * 5000,
        b'{"writeKey":["%b"]}', b'{"writeKey":"Bearer %b"}',
    ],
)  # fmt: skip
def test_a_stranger_is_told_nothing_else(body: bytes) -> None:
    """Whatever is wrong with a body that names no caller, or two, the answer is 401."""
    text = body.replace(b"%b", BILLING.encode())
    assert refused("POST", b"/v1/track", text, among=KEYED) is Reason.UNKNOWN_CALLER
    assert (
        refused("POST", b"/v1/track", gzip.compress(text), JSON | {b"content-encoding": b"br"}, KEYED) is Reason.UNKNOWN_CALLER
    )


@pytest.mark.parametrize(
    ("method", "target"),
    [
        ("PUT", b"/api/v1/customers/5"),
        ("POST", b"/v1/send/email"),
        ("POST", b"/batch"),
        ("GET", b"/v1/track"),
        ("PUT", b"/nowhere"),
    ],
)
def test_only_rows_of_pipelines_read_a_body_for_it(method: str, target: bytes) -> None:
    """Everywhere else a request without a key is refused by its head, and told the same."""
    with pytest.raises(RefusedError) as caught:
        admit(KEYED, RequestHead(method, target, JSON), 0.0)
    assert caught.value.reason is Reason.UNKNOWN_CALLER


def test_the_header_wins() -> None:
    """A key in it that is nobody's is refused whatever the body says; beside a good one, so is another caller's in the body."""
    named = orjson.dumps({"writeKey": BILLING, "userId": "5"})
    wrong = JSON | {b"authorization": b"Bearer wrong"}
    for headers in (wrong, JSON | {b"authorization": b""}):
        assert refused("POST", b"/v1/track", named, headers, KEYED) is Reason.UNKNOWN_CALLER
    other = orjson.dumps({"batch": [{"context": {"writeKey": MAIL}}]})
    assert refused("POST", b"/v1/batch", other, BY_HEADER, KEYED) is Reason.UNKNOWN_CALLER
    unknown = orjson.dumps({"writeKey": "a real one, by mistake", "userId": "5"})
    assert orjson.loads(sent("POST", b"/v1/track", unknown, BY_HEADER, KEYED).body) == {"userId": "5"}


def test_a_key_elsewhere_does_not_leave() -> None:
    """Masked in a body of any API; in a target the call is refused."""
    text = orjson.dumps({"a": MAIL, "b": [BILLING], "c": f"{MAIL}."})
    for method, target in (
        ("PUT", b"/api/v1/customers/5"),
        ("POST", b"/v1/track"),
        ("POST", b"/v1/send/email"),
        ("POST", b"/api/v9/x"),
    ):
        left = orjson.loads(sent(method, target, text, BY_HEADER, KEYED).body)
        assert left == {"a": "[REDACTED]", "b": ["[REDACTED]"], "c": f"{MAIL}."}
    mail = MAIL.encode()
    for target in (b"/api/v1/customers/" + mail, b"/api/v9/" + mail, b"/api/v9/x?a=" + mail, b"/api/v9/%6d" + mail[1:]):
        assert refused("PUT", target, b"{}", BY_HEADER, KEYED) is Reason.POLICY_DENIED
    assert refused("POST", b"/v1/track?x=" + mail, among=KEYED) is Reason.UNKNOWN_CALLER


def test_a_policy_for_a_caller_holds_for_who_the_body_names() -> None:
    """Who calls is known before the policy is chosen."""
    policy = {
        "version": 1,
        "rules": [{"name": "mail-only", "fields": ["plan"], "action": "strip", "callers": ["mail"]}],
    }
    compiled = compile_policy(PolicyDocument.model_validate(policy), ENDPOINTS, None)
    among = dataclasses.replace(KEYED, policy=compiled)
    for key, plan in ((BILLING, True), (MAIL, False)):
        body = orjson.dumps({"writeKey": key, "userId": "5", "traits": {"plan": "x"}})
        assert (b"plan" in sent("POST", b"/v1/identify", body, among=among).body) is plan
