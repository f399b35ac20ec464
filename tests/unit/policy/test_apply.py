"""A compiled policy applied to bodies."""

from typing import Any

import orjson
import pytest

from proxy.api.model import Bucket, Credential, Endpoint, Identifier, Replay, Upstream
from proxy.errors import Reason
from proxy.policy.apply import EndpointPolicy
from proxy.policy.compile import compile_policy
from proxy.policy.fields import DeniedError, Hit
from proxy.policy.model import Action, Mode, PolicyDocument

ENDPOINT = Endpoint(
    "track.v1.identify",
    "PUT",
    "/api/v1/customers/{identifier}",
    Upstream.TRACK,
    Credential.TRACK,
    Bucket.TRACK,
    Replay.SAFE,
    identifiers={"email": Identifier.EMAIL, "identifiers.*": Identifier.ID, "ids[]": Identifier.ID},
    routing=("prefs.topics.*",),
)
SHA = {"algorithm": "sha256", "hex_length": 16}


def policy(*rules: dict[str, Any], **settings: Any) -> EndpointPolicy:  # noqa: ANN401  # a document is free-form here
    """Return the policy of `rules` for `ENDPOINT`; each is named by its order."""
    named = [{"name": f"rule{order}"} | rule for order, rule in enumerate(rules)]
    document = PolicyDocument.model_validate({"version": 1, "hash": SHA, "rules": named} | settings)
    return compile_policy(document, [ENDPOINT], None).for_endpoint(ENDPOINT.name)


STRIP = policy({"fields": ["ssn"], "action": "strip"})
HASH = policy({"fields": ["phone"], "action": "hash"})
MASK = policy({"fields": ["phone"], "action": "mask"})
SECRET = {"ssn": 1}


def test_the_seed_vector() -> None:
    """The published example: phone is hashed, ssn disappears, email, first_name and plan stay."""
    both = policy({"fields": ["ssn"], "action": "strip"}, {"fields": ["phone"], "action": "hash"})
    person = {"email": "a@b.c", "ssn": "000-00-0000", "first_name": "Ada", "phone": "+1-555-0123", "plan": "pro"}
    value, hits = both.apply(person)
    assert value == {"email": "a@b.c", "first_name": "Ada", "phone_hash": "100978d4e704e8c8", "plan": "pro"}
    assert [hit.rule for hit in hits] == ["rule0", "rule1"]


@pytest.mark.parametrize("key", ["a", "phone"])
def test_the_deepest_body_there_can_be_is_looked_into_to_its_end(key: str) -> None:
    """At the highest `outbound.limits.depth` a body is too deep neither for a rule nor for the stack, by level or whole."""
    body: object = {"phone": "1"}
    for _ in range(249):
        body = {key: body}
    value, hits = HASH.apply(body)
    assert b'"phone":' not in orjson.dumps(value)
    assert [hit.rule for hit in hits] == ["rule0"]


@pytest.mark.parametrize(
    ("body", "kept"),
    [
        ({"ssn": 1, "a": 2}, {"a": 2}),
        ({"a": {"b": {"ssn": {"x": 1}}}}, {"a": {"b": {}}}),
        ({"a": [{"ssn": 1}, [{"ssn": 2, "b": 3}], 4]}, {"a": [{}, [{"b": 3}], 4]}),
        ([{"ssn": 1}, {"b": 1}], [{}, {"b": 1}]),
        ([[{"ssn": 1}]], [[{}]]),
        ({"S-S-N": 1, "s_s_n": 2, "Ssn": 3, "ｓｓｎ": 4}, {}),
        ({"user.ssn": 1, "ssn.last4": 2, "s.sn": 3, "a.b": 4}, {"a.b": 4}),
        ({"email": {"ssn": 1}}, {"email": {}}),
        ({"identifiers": {"email": {"ssn": 1}, "ssn": "5"}}, {"identifiers": {"email": {}, "ssn": "5"}}),
        ({"ids": [{"ssn": 1}, "5"]}, {"ids": [{}, "5"]}),
        ("ssn", "ssn"),
        (None, None),
        (5, 5),
    ],
)
def test_strip_at_any_depth(body: object, kept: object) -> None:
    """A named key goes wherever it stands and however it is spelled; an object at an identifier's place is looked into."""
    assert STRIP.apply(body)[0] == kept


@pytest.mark.parametrize(
    ("body", "kept"),
    [
        ({"phone": None}, {"phone_hash": None}),
        ({"phone": "+1-555-0123", "phone_hash": "forged"}, {"phone_hash": "100978d4e704e8c8"}),
        ({"phone_hash": "forged", "phone": "+1-555-0123"}, {"phone_hash": "100978d4e704e8c8"}),
        ({"phone": ["+1-555-0123", None]}, {"phone_hash": ["100978d4e704e8c8", None]}),
        ({"home.phone": "+1-555-0123"}, {"home.phone_hash": "100978d4e704e8c8"}),
        ({"Phone": "+1-555-0123"}, {"Phone_hash": "100978d4e704e8c8"}),
    ],
)
def test_hash_replaces_the_key(body: dict[str, Any], kept: dict[str, Any]) -> None:
    """Key k becomes k_hash; one that the caller sent under that name is overwritten, whatever the order."""
    assert HASH.apply(body)[0] == kept


def test_an_object_is_hashed_as_one_value() -> None:
    """Whatever stands in it, an object gives one string, the same for any order of its keys."""
    one = HASH.apply({"phone": {"a": 1, "ssn": 2}})[0]
    other = HASH.apply({"phone": {"ssn": 2, "a": 1}})[0]
    assert one == other
    assert isinstance(one, dict)
    assert isinstance(one["phone_hash"], str)


@pytest.mark.parametrize("value", ["+1-555-0123", 5, None, ["a"], {"b": "c"}])
def test_mask_keeps_the_key(value: object) -> None:
    """The value is replaced as a whole, whatever it was."""
    assert MASK.apply({"a": 1, "phone": value})[0] == {"a": 1, "phone": "[REDACTED]"}


def test_deny_refuses_the_whole_request() -> None:
    """One denied field anywhere refuses everything, and says by which rule."""
    deny = policy({"fields": ["ssn"], "action": "deny"})
    with pytest.raises(DeniedError) as caught:
        deny.apply({"a": [{"b": {"ssn": None}}]})
    assert caught.value.reason is Reason.POLICY_DENIED
    assert caught.value.hits == [Hit("rule0", Action.DENY, Mode.ENFORCE)]
    assert deny.apply({"a": 1}) == ({"a": 1}, [])


def test_keys_keep_their_order() -> None:
    """A hash stands where its field stood; nothing else moves."""
    value, _ = policy({"fields": ["b"], "action": "hash"}, {"fields": ["d"], "action": "strip"}).apply(
        dict.fromkeys("abcde", "x")
    )
    assert isinstance(value, dict)
    assert list(value) == ["a", "b_hash", "c", "e"]


@pytest.mark.parametrize("action", ["strip", "hash", "mask"])
def test_identifier_and_routing_positions_are_not_changed(action: str) -> None:
    """Scalars and arrays of scalars at such a position stay, under exactly that spelling and there only."""
    rule = policy({"fields": ["email", "ids", "news", "id"], "action": action})
    body = {
        "email": "a@b.c",
        "identifiers": {"id": "5", "email": "a@b.c"},
        "ids": ["1", 2, None],
        "prefs": {"topics": {"news": True}},
    }
    assert rule.apply(body) == (body, [])
    assert rule.apply({"prefs.topics.news": False}) == ({"prefs.topics.news": False}, [])
    for elsewhere in (
        {"Email": "a@b.c"},
        {"x": {"email": "a@b.c"}},
        {"identifiers": {"x": {"email": "a"}}},
        {"email": {"email": "a"}},
    ):
        value, hits = rule.apply(elsewhere)
        assert hits
        assert "a@b.c" not in str(value)


@pytest.mark.parametrize(("action", "mode"), [("deny", "enforce"), ("strip", "report"), ("hash", "report"), ("deny", "report")])
def test_rules_that_only_look_look_at_identifiers_too(action: str, mode: str) -> None:
    """Deny and report see every position."""
    rule = policy({"fields": ["email"], "action": action, "mode": mode})
    try:
        value, hits = rule.apply({"email": "a@b.c"})
    except DeniedError as error:
        hits, value = error.hits, {"email": "a@b.c"}
    assert [hit.rule for hit in hits] == ["rule0"]
    assert value == {"email": "a@b.c"}


def test_a_looking_rule_decides_where_a_changing_one_may_not() -> None:
    """At an identifier the first rule that may look there wins; elsewhere the first rule of all."""
    both = policy({"fields": ["prefs"], "action": "strip"}, {"fields": ["news"], "action": "deny"})
    assert both.apply({"prefs.x.news": True})[0] == {}
    with pytest.raises(DeniedError):
        both.apply({"prefs.topics.news": True})


def test_report_changes_nothing_and_looks_below() -> None:
    """A rule in report mode counts what it would do, and what stands below is still treated."""
    rules = policy({"fields": ["contact"], "action": "strip", "mode": "report"}, {"fields": ["ssn"], "action": "strip"})
    value, hits = rules.apply({"contact": {"ssn": 1, "a": [{"ssn": 2}]}})
    assert value == {"contact": {"a": [{}]}}
    assert [(hit.rule, hit.enforced) for hit in hits] == [("rule0", False), ("rule1", True), ("rule1", True)]


def test_off_does_nothing_at_all() -> None:
    """Neither acts nor counts; a rule's own mode wins over the policy's."""
    assert policy({"fields": ["ssn"], "action": "strip", "mode": "off"}).apply(dict(SECRET)) == (SECRET, [])
    assert policy({"fields": ["ssn"], "action": "strip"}, mode="off").apply(dict(SECRET)) == (SECRET, [])
    assert policy({"fields": ["ssn"], "action": "strip", "mode": "enforce"}, mode="off").apply(dict(SECRET))[0] == {}
    assert policy({"fields": ["ssn"], "action": "strip"}, mode="report").apply(dict(SECRET))[0] == SECRET


def test_the_first_rule_wins() -> None:
    """Of two rules that match a dotted key, the one that stands first decides."""
    assert policy({"fields": ["a"], "action": "mask"}, {"fields": ["b"], "action": "strip"}).apply({"b.a": 1})[0] == {
        "b.a": "[REDACTED]"
    }
    assert policy({"fields": ["b"], "action": "strip"}, {"fields": ["a"], "action": "mask"}).apply({"b.a": 1})[0] == {}
