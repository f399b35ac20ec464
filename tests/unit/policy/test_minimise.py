"""Minimisation."""

import copy
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from proxy.api.endpoints import ENDPOINTS
from proxy.api.model import Endpoint
from proxy.payload.encode import encode
from proxy.policy import minimise
from proxy.policy.apply import EndpointPolicy
from proxy.policy.compile import compile_policy
from proxy.policy.fields import KNOWN_KEY_CHARACTERS, DeniedError, Hit
from proxy.policy.minimise import CONTAINERS, KEPT, STRIPPED, Allowed
from proxy.policy.model import Action, Mode, PolicyDocument
from proxy.policy.positions import NOWHERE
from tests.unit.policy.test_apply import policy


def minimal(*names: str, **settings: Any) -> EndpointPolicy:  # noqa: ANN401 - a document is free-form here
    """Return a policy that lets only `names` leave."""
    return policy(allow={"track.*": list(names)}, **settings)


@pytest.mark.parametrize(
    ("body", "kept"),
    [
        ({"plan": "pro", "secret": 1}, {"plan": "pro"}),
        ({"Plan": "pro", "p_l_a_n": 1}, {"Plan": "pro", "p_l_a_n": 1}),
        (
            {"email": "a@b.c", "ids": ["1"], "prefs": {"topics": {"news": True}, "x": 1}},
            {"email": "a@b.c", "ids": ["1"], "prefs": {"topics": {"news": True}}},
        ),
        ({"identifiers": {"id": "1", "anything": "2"}}, {"identifiers": {"id": "1", "anything": "2"}}),
        ({"attributes": {"plan": "pro", "secret": 1}}, {"attributes": {"plan": "pro"}}),
        ({"batch": [{"attributes": {"plan": 1, "x": 2}, "y": 3}]}, {"batch": [{"attributes": {"plan": 1}}]}),
        ({"plan": {"anything": {"inside": 1}}}, {"plan": {"anything": {"inside": 1}}}),
        ({"other": {"plan": "pro"}}, {}),
        ([{"plan": 1, "x": 2}], [{"plan": 1}]),
    ],
)
def test_only_what_is_named_leaves(body: Any, kept: Any) -> None:  # noqa: ANN401 - JSON
    """With identifiers, routing values and what leads to them; a name lets all that is below it leave."""
    assert minimal("plan").apply(body)[0] == kept


CANARY = "canary-5511"
ROWS = {endpoint.name: endpoint for endpoint in ENDPOINTS}


def real(name: str, *names: str, **settings: Any) -> EndpointPolicy:  # noqa: ANN401 - a document is free-form here
    """Return the policy of an endpoint of the table that lets only `names` leave."""
    document = {"version": 1, "allow": {name: list(names)}, **settings}
    return compile_policy(PolicyDocument.model_validate(document), ENDPOINTS, None).for_endpoint(name)


def places(endpoint: Endpoint) -> set[str]:
    """Return every place that a row names, and all that lead there, as keys with dots."""
    found = set()
    for position in (*endpoint.identifiers, *endpoint.naming_attributes, *endpoint.routing, *endpoint.opaque, *CONTAINERS):
        steps = position.removesuffix(".**").split(".")
        found |= {".".join(steps[:end]) for end in range(1, len(steps) + 1)}
    return found | {""}


def at(place: str, value: object) -> object:
    """Return a body with `value` at a place: in an array where one belongs there."""
    for step in reversed(place.split(".") if place else []):
        value = {step.rstrip("[]").replace("*", "any"): [value] if "[]" in step else value}
    return value


SHAPES: list[Any] = [CANARY, [CANARY], [[CANARY]], [{"plan": 1}, CANARY], 5511, True, [5511], {"x": CANARY}, [{"x": CANARY}],
                     {"x": {"y": [CANARY]}}, '{"plan":"canary-5511"}', {"x.plan": CANARY}, {"x.y": CANARY}]  # fmt: skip


@pytest.mark.parametrize("name", sorted(name for name, row in ROWS.items() if row.method in {"POST", "PUT"}))
def test_nothing_unnamed_leaves_whatever_its_place_and_type(name: str) -> None:
    """At each place of a row and on the way there: no text, number or array that the row does not ask for, and no key."""
    endpoint, policy = ROWS[name], real(name, "plan")
    needed = {*endpoint.identifiers, *endpoint.routing, *endpoint.needed}
    whole = {position.removesuffix(".**") for position in endpoint.routing if position.endswith(".**")}
    for place in places(endpoint):
        if place in whole:
            continue
        for shape in SHAPES:
            single = not isinstance(shape, dict | list)
            asked = place in needed and single
            asked |= f"{place}[]" in needed and isinstance(shape, list) and not any(isinstance(e, dict | list) for e in shape)
            asked |= f"{place}.x" in needed or (
                f"{place}.*" in needed and isinstance(shape, dict) and shape in [*SHAPES[-2:], {"x": CANARY}]
            )
            if asked:
                continue
            kept, hits = policy.apply(copy.deepcopy(at(place, shape)))
            left = encode(kept)
            assert b"5511" not in left, (place, shape, left)
            assert b"true" not in left, (place, shape, left)
            assert hits, (place, shape)


@pytest.mark.parametrize("name", sorted(name for name, row in ROWS.items() if row.identifiers or row.routing))
def test_what_a_call_needs_leaves_without_being_named(name: str) -> None:
    """Every identifier and routing value of a row, alone and in the array that the row says, and all below an expression."""
    endpoint, policy = ROWS[name], real(name)
    for position in (*endpoint.identifiers, *endpoint.routing, *endpoint.needed):
        inner: object = {"and": [{"not": {"any": [1, "x"]}}]} if position.endswith(".**") else "value"
        body = at(position.removesuffix(".**"), inner)
        assert policy.apply(copy.deepcopy(body)) == (body, []), position


RELATED = [{"identifiers": {"object_type_id": "1", "object_id": "a"}, "relationship_attributes": {"x": 1}}]
LEFT = [{"identifiers": {"object_type_id": "1", "object_id": "a"}, "relationship_attributes": {}}]


@pytest.mark.parametrize(
    ("name", "body", "kept"),
    [
        (
            "track.v1.identify",
            {"cio_relationships": {"action": "add_relationships", "relationships": RELATED, "x": 1}},
            {"cio_relationships": {"action": "add_relationships", "relationships": LEFT}},
        ),
        ("track.v2.entity", {"cio_relationships": RELATED}, {"cio_relationships": LEFT}),
        (
            "track.v2.batch",
            {"batch": [{"cio_relationships": [{"identifiers": {"id": "5", "x": 1}}]}, "x", None, [1], {"y": 1}]},
            {"batch": [{"cio_relationships": [{"identifiers": {"id": "5"}}]}, {}]},
        ),
        ("track.v1.identify", {"cio_subscription_preferences": {"topics": {"a": True}, "x": 1}},
         {"cio_subscription_preferences": {"topics": {"a": True}}}),
        ("track.v1.identify", {"cio_subscription_preferences.topics.a": 1, "cio_subscription_preferences.x": 1},
         {"cio_subscription_preferences.topics.a": 1}),
        ("track.v1.device.add", {"device": {"id": "t", "attributes": {"x": 1, "plan": 2}}},
         {"device": {"id": "t", "attributes": {"plan": 2}}}),
        ("track.v1.identify", {"user.plan": 1, "attributes.plan": 2, "plan.x": 3, "p-l-a-n": 4, "attributes.x": 5},
         {"attributes.plan": 2, "plan.x": 3, "p-l-a-n": 4}),
        ("pipelines.v1.track", {"context": {"traits": {"plan": 1, "x": 1}, "ip": 1, "device": {"token": "t", "id": 1}}},
         {"context": {"traits": {"plan": 1}, "device": {"token": "t"}}}),
        ("app.v1.send.email", {"to": "a@b.c", "subject": "s", "body": "b", "message_data": {"x": 1, "plan": 2}, "headers": 1},
         {"to": "a@b.c", "subject": "s", "body": "b", "message_data": {"plan": 2}}),
        ("track.v1.identify", {"plan": '{"a":1}', "other": '{"plan":1}', "data": '{"plan":1}'}, {"plan": '{"a":1}'}),
        ("track.v1.identify", "plan", None),
        ("track.v1.identify", ["plan", {"plan": 1}], [{"plan": 1}]),
    ],
)  # fmt: skip
def test_containers_pass_objects_alone(name: str, body: object, kept: object) -> None:
    """And in them only what is named or needed."""
    assert real(name, "plan").apply(body)[0] == kept


@pytest.mark.parametrize(
    "body",
    [{"ssn": 1}, {"a": {"b": [{"ssn": 1}]}}, {"data": [[{"ssn": 1}]]}, {"data": '{"ssn":1}'}, [['{"ssn":1}']], "x?ssn=1",
     {"context": {"a.ssn": 1}}],
)  # fmt: skip
def test_deny_is_asked_before_anything_is_stripped(body: object) -> None:
    """A field that a rule denies refuses the call, however deep it is in what would not leave; in report mode it is counted."""
    deny = {"name": "no", "fields": ["ssn"], "action": "deny"}
    with pytest.raises(DeniedError) as denial:
        real("track.v1.identify", "plan", rules=[deny]).apply(copy.deepcopy(body))
    assert denial.value.hits[-1].rule == "no"
    _, hits = real("track.v1.identify", "plan", rules=[{**deny, "mode": "report"}]).apply(copy.deepcopy(body))
    assert {hit.rule for hit in hits} == {"allow", "no"}


def test_detectors_and_paths_that_deny_look_at_what_is_stripped() -> None:
    """All that a deny rule can be written by."""
    for deny in ({"detect": ["email"]}, {"paths": ["a.b"]}):
        with pytest.raises(DeniedError):
            real("track.v1.identify", rules=[{"name": "no", "action": "deny", **deny}]).apply({"a": {"b": "ada@example.com"}})


def test_other_rules_are_not_told_of_what_is_stripped() -> None:
    """It does not leave, so they did nothing to it."""
    rules = [{"name": "s", "fields": ["ssn"], "action": "strip"}]
    value, hits = real("track.v1.identify", rules=rules).apply({"a": {"ssn": 1}, "b": 2})
    assert (value, [hit.rule for hit in hits]) == ({}, ["allow", "allow"])


json = st.recursive(
    st.none() | st.booleans() | st.integers(0, 9) | st.text("ab", max_size=2),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["plan", "x", "data", "traits.x", "traits.plan", "device", "attributes", "id"]), inner
        )
    ),
    max_leaves=20,
)


@settings(deadline=None)
@given(json, st.sampled_from(["track.v1.identify", "track.v1.device.add", "track.v2.batch", "pipelines.v1.track"]))
def test_report_and_enforce_count_the_same(body: object, name: str) -> None:
    """Report mode tells of what enforce mode strips, and not of things inside it; and once is enough."""
    kept, enforced = real(name, "plan").apply(copy.deepcopy(body))
    same, reported = real(name, "plan", mode="report").apply(copy.deepcopy(body))
    assert same == body
    assert [(hit.rule, hit.action) for hit in enforced] == [(hit.rule, hit.action) for hit in reported]
    assert real(name, "plan").apply(copy.deepcopy(kept)) == (kept, [])


def test_nothing_named_lets_nothing_leave() -> None:
    """An empty list is not the same as none."""
    assert minimal().apply({"a": 1, "email": "a@b.c"})[0] == {"email": "a@b.c"}


def test_rules_still_hold_for_what_is_allowed() -> None:
    """Minimisation comes first, and each thing it strips is counted under its own name."""
    both = policy({"fields": ["ssn"], "action": "strip"}, allow={"*": ["plan", "ssn"]})
    value, hits = both.apply({"plan": {"ssn": 1, "a": 2}, "b": 3})
    assert value == {"plan": {"a": 2}}
    assert [hit.labels for hit in hits] == [("rule0", "strip", "enforce"), ("allow", "strip", "enforce")]


def test_in_report_mode_it_only_counts() -> None:
    """What would go is told; off is off."""
    value, hits = minimal("plan", mode="report").apply({"plan": 1, "b": {"c": 2}})
    assert value == {"plan": 1, "b": {"c": 2}}
    assert ("allow", "strip", "report") in [hit.labels for hit in hits]
    assert minimal("plan", mode="off").apply({"b": 1}) == ({"b": 1}, [])


def test_what_is_remembered_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    """Keys that callers make up do not fill the memory, and are judged the same when they were forgotten."""
    monkeypatch.setattr(minimise, "KNOWN_KEYS", 10)
    allowed = Allowed(["plan"], Hit("allow", Action.STRIP, Mode.ENFORCE))
    for number in range(100):
        for key, kept in (
            (f"key{number}", False),
            ("P-lan" + "-" * number, True),
            ("x" * 500, False),
            ("plan" + "-" * 500, True),
        ):
            assert allowed.leave(key, 1, NOWHERE) == (KEPT if kept else STRIPPED)
    assert 0 < len(allowed._known) <= 10
    assert max(map(len, allowed._known)) <= KNOWN_KEY_CHARACTERS
