"""What a call holds around its body: path, query and header fields, under a policy."""

from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy.api.endpoints import ENDPOINTS
from proxy.api.match import Match, Table
from proxy.api.model import Endpoint
from proxy.credentials.callers import Callers
from proxy.envelope import fields_sent, query_sent, target_sent, without_people
from proxy.payload.budget import unmetered
from proxy.policy.apply import EndpointPolicy
from proxy.policy.compile import compile_policy
from proxy.policy.fields import DeniedError, Hit
from proxy.policy.model import PolicyDocument
from proxy.sensitive import Sensitive

DETECTORS = ["email", "payment_card", "iban", "us_ssn", "ipv4", "ipv6"]
TABLE = Table(ENDPOINTS, unknown="inspect")
(TRACK,) = [endpoint for endpoint in ENDPOINTS if endpoint.name == "track.v1.identify"]
(PIPELINES,) = [endpoint for endpoint in ENDPOINTS if endpoint.name == "pipelines.v1.track"]
UUID = "6ec0bd7f-11c0-43da-975e-2a8ad9ebae0b"


def policy(*rules: Mapping[str, Any], endpoint: str = TRACK.name) -> EndpointPolicy:
    """Return a policy with these rules."""
    document = {
        "version": 1,
        "hash": {"algorithm": "sha256"},
        "rules": [{"name": f"r{n}", **rule} for n, rule in enumerate(rules)],
    }
    return compile_policy(PolicyDocument.model_validate(document), ENDPOINTS, None).for_endpoint(endpoint)


MASKING = policy({"detect": DETECTORS, "action": "mask"})
COUNTING = policy({"detect": DETECTORS, "action": "mask", "mode": "report"})
DENYING = policy({"detect": DETECTORS, "action": "deny"})


def sent(
    fields: Mapping[str, str], by: EndpointPolicy = MASKING, callers: Callers | None = None, endpoint: Endpoint = TRACK
) -> tuple[list[str], list[Hit]]:
    """Return the header lines that leave, and what acted."""
    hits: list[Hit] = []
    encoded = {name.encode(): value.encode() for name, value in fields.items()}
    lines = fields_sent(by, callers or Callers(), endpoint, encoded).lines(hits)
    return lines.decode().splitlines(), hits


# Header fields


@pytest.mark.parametrize(
    "value",
    [
        "Customer.io Python Client/3.2.0", "Customer.io Go Client/3.6.2", "axios/1.7.9", "node", "Ruby", "Go-http-client/1.1",
        "python-requests/2.32.3", "Java/17.0.9", "customerio-cdp-analytics-python/1.1.0", "Mozilla/5.0 (X11; Linux x86_64)",
    ],
)  # fmt: skip
@pytest.mark.parametrize("by", [MASKING, DENYING], ids=["mask", "deny"])
def test_a_library_s_name_passes(value: str, by: EndpointPolicy) -> None:
    """What SDKs call themselves holds nothing that detectors find."""
    assert sent({"user-agent": value}, by) == ([f"User-Agent: {value}"], [])


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("user-agent", "shop/1.0 (ada@example.com)"),
        ("user-agent", "shop ada%40example.com"),
        ("user-agent", "shop 4111 1111 1111 1111"),
        ("user-agent", "shop (from 192.0.2.17)"),
        ("x-request-id", "4111-1111-1111-1111"),
        ("x-request-id", "4111111111111111"),
        ("x-request-id", "user:536-90-4399"),
        ("x-request-id", "ip=192.0.2.17"),
        ("tracestate", "shop=4111111111111111"),
        ("tracestate", "a=b,shop=536-90-4399"),
    ],
)
def test_a_field_with_a_find_is_dropped_counted_or_refused(name: str, value: str) -> None:
    """As the rule says: one that changes drops it, one in report mode counts, one that denies refuses the request."""
    others = {"traceparent": f"00-{'a' * 32}-{'b' * 16}-01"}
    lines, hits = sent({name: value} | others)
    assert lines == [f"traceparent: {others['traceparent']}"]
    assert {hit.action for hit in hits} == {"mask"}
    lines, counted = sent({name: value} | others, COUNTING)
    assert any(value in line for line in lines)
    assert {hit.labels[0] for hit in counted} == {"r0"}
    assert not any(hit.enforced for hit in counted)
    with pytest.raises(DeniedError) as denied:
        sent({name: value}, DENYING)
    assert [hit.action for hit in denied.value.hits][-1] == "deny"


@pytest.mark.parametrize("digits", ["536904399", "12345678", "4111111111111111", "0123456789"])
@pytest.mark.parametrize("name", ["x-workspace-id", "x-retry-count"])
def test_a_number_that_could_name_a_person_does_not_fit(name: str, digits: str) -> None:
    """The shape leaves no room, so no rule has to look: eight digits and more are none of Customer.io's."""
    assert sent({name: digits}, policy()) == ([], [])


@given(st.uuids(version=4) | st.uuids(version=1))
def test_a_uuid_is_never_taken_for_anything_else(value: object) -> None:
    """Tracing does not break by chance: a shape that leaves no room is not looked at. Twelve digits in a row occur."""
    for text in (str(value), str(value).upper(), str(value).replace("-", "")):
        if any(letter.isalpha() for letter in text):
            assert sent({"x-request-id": text}, DENYING) == ([f"X-Request-Id: {text}"], [])


def test_usual_request_ids_pass() -> None:
    """UUID, trace id, ULID, and words."""
    for value in (
        UUID,
        "4bf92f3577b34da6a3ce929d0e0e4736",
        "01ARZ3NDEKTSV4RRFFQ69G5FAV",
        "req-7",
        "a:b/c+d=",
        "Root=1-67891233-abcdef012345678912345678",
    ):
        assert sent({"x-request-id": value}, DENYING)[0] == [f"X-Request-Id: {value}"]


def test_a_callers_key_in_a_field_does_not_leave() -> None:
    """Wherever it stands in it."""
    callers = Callers.of([("billing", Sensitive("billing-key-0123456789"))], frozenset())
    for name in ("user-agent", "x-request-id", "tracestate"):
        for value in ("{}", "a={}", "a={}=b"):
            held = value.format("billing-key-0123456789")
            assert sent({name: held}, policy(), callers) == ([], [])


def test_strict_mode_is_ours_to_say() -> None:
    """Once, on Pipelines, whatever the caller says."""
    for fields in ({}, {"x-strict-mode": "0"}, {"x-strict-mode": "1", "connection": "x-strict-mode"}):
        assert sent(fields, endpoint=PIPELINES)[0] == ["X-Strict-Mode: 1"]


# The path of an unknown endpoint


def match(path: str) -> Match:
    """Return what a target is."""
    return TABLE.match("POST", path.encode())


UNKNOWN_RULES: list[dict[str, Any]] = [
    {"fields": ["ssn"], "action": "strip"}, {"fields": ["phone"], "action": "hash"}, {"detect": DETECTORS, "action": "mask"},
]  # fmt: skip


@pytest.mark.parametrize(
    "path",
    [
        "/api/v9/x/ssn/536-90-4399", "/api/v9/x/SSN/5", "/api/v9/x/s%73n/5", "/api/v9/x;ssn=5", "/api/v9/x;a=b;phone=5",
        "/api/v9/user.ssn/5", "/api/v9/x/ssn%2F5", "/api/v9/ssn:5", "/api/v9/x/a&ssn/5", "/api/v9/x(ssn=5)",
        "/api/v9/ada@example.com", "/api/v9/ada%40example.com/x", "/api/v9/4111111111111111", "/v1/x/4111-1111-1111-1111/y",
        "/v1/x/192.0.2.17", "/v1/x/4111%201111%201111%201111", "/v1/x/" + quote('{"ssn":1}', safe=""), "/v1/x/a%3Fssn=5",
    ],
)  # fmt: skip
def test_every_rule_sees_the_path_of_an_unknown_endpoint(path: str) -> None:
    """It cannot be changed, so what would change it refuses the call; in report mode it is counted and sent."""
    hits: list[Hit] = []
    with pytest.raises(DeniedError):
        target_sent(policy(*UNKNOWN_RULES, endpoint="unknown.track"), match(path), None, unmetered(), hits)
    assert hits
    counting = policy(*(rule | {"mode": "report"} for rule in UNKNOWN_RULES), endpoint="unknown.track")
    counted: list[Hit] = []
    assert target_sent(counting, match(path), None, unmetered(), counted) == match(path).target
    assert set(counted)
    assert len(set(counted)) == len(counted)


@pytest.mark.parametrize(
    "path", ["/api/v9/x/y", "/api/v9/customers/5", f"/v1/x/{UUID}", "/v1/x;a=b/c", "/api/v9/ssn", "/v1/%C3%A9"]
)
def test_an_ordinary_path_passes(path: str) -> None:
    """A name without a value is a word."""
    hits: list[Hit] = []
    assert (
        target_sent(policy(*UNKNOWN_RULES, endpoint="unknown.track"), match(path), None, unmetered(), hits)
        == match(path).target
    )
    assert hits == []


def test_a_path_that_the_table_knows_is_left_to_identifiers() -> None:
    """Its id is an identifier: only a rule that looks, looks at it."""
    hits: list[Hit] = []
    target = TABLE.match("PUT", b"/api/v1/customers/ada@example.com")
    assert target_sent(MASKING, target, None, unmetered(), hits) == b"/api/v1/customers/ada%40example.com"
    assert hits == []
    with pytest.raises(DeniedError):
        target_sent(DENYING, target, None, unmetered(), hits)


def test_a_query_that_no_row_names_is_seen_as_a_body() -> None:
    """Parameters are stripped, hashed and masked."""
    hits: list[Hit] = []
    made = policy(*UNKNOWN_RULES, endpoint="unknown.track")
    parameters = [("ssn", "5"), ("a", "ada@example.com"), ("b", "c")]
    assert query_sent(made, parameters, None, unmetered(), hits) == b"?a=%5BREDACTED%5D&b=c"
    assert len(hits) == 2


def test_a_pair_in_a_query_is_a_pair() -> None:
    """`name` and `value` are parameters; in whatever order, and a name behind a coded separator is a name."""
    made = policy(*UNKNOWN_RULES, endpoint="unknown.track")
    assert query_sent(made, [("value", "5"), ("name", "ssn")], None, unmetered(), []) == b"?value=%5BREDACTED%5D&name=ssn"
    assert query_sent(made, [("name", "plan"), ("value", "5")], None, unmetered(), []) == b"?name=plan&value=5"
    assert query_sent(made, [("a&ssn", "5"), ("b", "5")], None, unmetered(), []) == b"?b=5"


NAMING = "POST", b"/api/v1/customers/u-77/events"


@pytest.mark.parametrize("line", ["User-Agent: ada@example.com", "User-Agent: App/1 <ADA%40example.com>", "X-Request-Id: u-77",
                                  "tracestate: a=b,id=u-77"])  # fmt: skip
def test_nobody_whom_a_call_names_is_named_in_its_fields(line: str) -> None:
    """A raw identifier beside its pseudonym would name the person again; other fields stay."""
    document = {"version": 1, "identifiers": {"id": "hmac", "email": "hmac"},
                "hash": {"algorithm": "hmac-sha256", "key": "env:X", "key_id": "k1"}}  # fmt: skip
    made = compile_policy(PolicyDocument.model_validate(document), ENDPOINTS, Sensitive(b"k" * 32))
    match = TABLE.match(*NAMING)
    named = made.for_endpoint(match.endpoint.name).named(match, {"name": "x", "data": {"email": "ada@example.com"}})
    assert named is not None
    hits: list[Hit] = []
    others = b"User-Agent: App/u-7\r\nX-Retry-Count: 77\r\n"
    assert without_people(named, others + line.encode() + b"\r\n", hits) == others
    assert hits == [named.identity.hit]
    assert without_people(named, others, hits) == others
    assert len(hits) == 1


def test_a_callers_key_in_a_field_may_be_percent_coded() -> None:
    """It can be read back."""
    callers = Callers.of([("billing", Sensitive("billing-key-0123456789"))], frozenset())
    assert sent({"user-agent": "%62illing-key-0123456789"}, policy(), callers) == ([], [])
