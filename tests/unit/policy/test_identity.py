"""Pseudonyms in place of identifiers."""

from typing import Any

import pytest

from proxy.api.endpoints import ENDPOINTS
from proxy.api.match import Table
from proxy.api.model import Identifier
from proxy.policy.actions import HmacHasher
from proxy.policy.compile import Policy, compile_policy
from proxy.policy.identity import Pseudonyms, kind_of
from proxy.policy.model import PolicyDocument
from proxy.sensitive import Sensitive

KEY = Sensitive(b"pepper-0123456789")
ALL = ("id", "email", "phone", "anonymous_id")
NAMED = Pseudonyms(HmacHasher(KEY, "k2", 32), [Identifier.ID, Identifier.EMAIL, Identifier.PHONE], ["k1"])
EMAIL, ID = NAMED.of(Identifier.EMAIL, "ada@example.com"), NAMED.of(Identifier.ID, "5")
TABLE = Table(ENDPOINTS)


def policy(*kinds: str, **settings: Any) -> Policy:  # noqa: ANN401 - a document is free-form here
    """Return a policy that replaces identifiers of these kinds."""
    hashing = {"algorithm": "hmac-sha256", "key": "env:X", "key_id": "k2"}
    document = {"version": 1, "hash": hashing, "identifiers": dict.fromkeys(kinds or ALL, "hmac"), **settings}
    return compile_policy(PolicyDocument.model_validate(document), ENDPOINTS, KEY)


def sent(call: str, body: Any = None, *kinds: str) -> tuple[str, Any]:  # noqa: ANN401 - JSON
    """Return the target and the body that leave."""
    method, _, target = call.partition(" ")
    match = TABLE.match(method, target.encode())
    chosen = policy(*kinds).for_endpoint(match.endpoint.name)
    named = chosen.named(match, body)
    kept, _ = chosen.apply(body, named=named)
    return chosen.target(match, named)[0].decode(), kept


def test_a_pseudonym_keeps_its_type() -> None:
    """An email address stays one to Customer.io, where no mail can reach; anything else has the key's id before it."""
    assert EMAIL.endswith("@k2.invalid")
    assert len(EMAIL.partition("@")[0]) == 32
    assert ID.startswith("k2.")
    assert len(ID) == 35


@pytest.mark.parametrize("spelling", ["ada@example.com", " Ada@Example.COM ", "ADA@EXAMPLE.COM"])
def test_one_person_has_one_pseudonym_however_they_are_spelled(spelling: str) -> None:
    """In Customer.io an email address has no case."""
    assert NAMED.of(Identifier.EMAIL, spelling) == EMAIL
    assert NAMED.of(Identifier.PHONE, "+1 (555) 0123") == NAMED.of(Identifier.PHONE, "+15550123")


@pytest.mark.parametrize(
    ("kind", "value"),
    [
        (Identifier.EMAIL, EMAIL),
        (Identifier.EMAIL, "0123456789abcdef0123456789abcdef@k1.invalid"),
        (Identifier.ID, ID),
        (Identifier.ID, "k1.0123456789abcdef0123456789abcdef"),
        (Identifier.ID, ""),
        (Identifier.CIO_ID, "cio_03000001"),
        (Identifier.SHAPE, "cio_03000001"),
        (Identifier.ADDRESS, "ada@example.com"),
        (Identifier.OPAQUE, "token"),
        (Identifier.ANONYMOUS_ID, "anon-1"),
    ],
)
def test_what_is_left_alone(kind: Identifier, value: str) -> None:
    """Our own pseudonyms, of a key before too; Customer.io's ids; where messages go; kinds that are kept."""
    assert NAMED.of(kind, value) == value


@pytest.mark.parametrize(
    ("kind", "value", "id_type", "found"),
    [
        (Identifier.SHAPE, "a@b.c", "", Identifier.EMAIL),
        (Identifier.SHAPE, "5", "", Identifier.ID),
        (Identifier.SHAPE, "cio_1", "", Identifier.CIO_ID),
        (Identifier.BY_ID_TYPE, "x", "email", Identifier.EMAIL),
        (Identifier.BY_ID_TYPE, "x", "cio_id", Identifier.CIO_ID),
        (Identifier.BY_ID_TYPE, "a@b.c", "", Identifier.ID),
        (Identifier.PHONE, "x", "email", Identifier.PHONE),
    ],
)
def test_the_type_is_told_as_customer_io_tells_it(kind: Identifier, value: str, id_type: str, found: Identifier) -> None:
    """By its shape, or by the call's own word."""
    assert kind_of(kind, value, id_type) is found


@pytest.mark.parametrize(
    ("call", "body", "target", "kept"),
    [
        (
            "PUT /api/v1/customers/ada%40example.com",
            {"email": "ada@example.com"},
            "/api/v1/customers/{email}",
            {"email": EMAIL},
        ),
        ("PUT /customers/5", {"id": 5, "email": None}, "/api/v1/customers/{id}", {"id": ID, "email": None}),
        ("DELETE /api/v1/customers/5", None, "/api/v1/customers/{id}", None),
        (
            "POST /api/v1/merge_customers",
            {"primary": {"email": "ada@example.com"}, "secondary": {"id": "5"}},
            "/api/v1/merge_customers",
            {"primary": {"email": EMAIL}, "secondary": {"id": ID}},
        ),
        (
            "POST /api/v1/segments/7/add_customers?id_type=email",
            {"ids": ["ada@example.com"]},
            "/api/v1/segments/7/add_customers?id_type=email",
            {"ids": [EMAIL]},
        ),
        (
            "POST /api/v2/entity",
            {
                "type": "person",
                "action": "identify",
                "identifiers": {"email": "ada@example.com"},
                "attributes": {"email": "ada@example.com"},
            },
            "/api/v2/entity",
            {"type": "person", "action": "identify", "identifiers": {"email": EMAIL}, "attributes": {"email": EMAIL}},
        ),
        (
            "POST /v1/identify",
            {"userId": "5", "traits": {"email": "ada@example.com"}},
            "/v1/identify",
            {"userId": ID, "traits": {"email": EMAIL}},
        ),
        (
            "POST /v1/send/email",
            {"to": "ada@example.com", "identifiers": {"email": "ada@example.com"}},
            "/v1/send/email",
            {"to": "ada@example.com", "identifiers": {"email": EMAIL}},
        ),
        ("GET /v1/customers?email=ada%40example.com", None, "/v1/customers?email={email}", None),
    ],
)
def test_one_person_has_one_pseudonym_wherever_they_are_named(call: str, body: Any, target: str, kept: Any) -> None:  # noqa: ANN401
    """In the path, the query, the body, both sides of a merge, a segment's members and Pipelines: always the same."""
    spelled = {"email": EMAIL.replace("@", "%40"), "id": ID}
    assert sent(call, body) == (target.format(**spelled), kept)


def test_kinds_are_chosen_one_by_one() -> None:
    """Emails may be replaced and ids kept."""
    target, kept = sent("PUT /api/v1/customers/5", {"email": "ada@example.com", "id": "5"}, "email")
    assert (target, kept) == ("/api/v1/customers/5", {"email": EMAIL, "id": "5"})


def test_in_report_mode_it_only_counts() -> None:
    """Body and path are told, and left."""
    chosen = policy(mode="report").for_endpoint("track.v1.identify")
    match = TABLE.match("PUT", b"/api/v1/customers/5")
    named = chosen.named(match, {"email": "ada@example.com"})
    value, hits = chosen.apply({"email": "ada@example.com"}, named=named)
    target, more = chosen.target(match, named)
    assert (value, target) == ({"email": "ada@example.com"}, b"/api/v1/customers/5")
    assert {hit.labels for hit in (*hits, *more)} == {("identifiers", "hash", "report")}
