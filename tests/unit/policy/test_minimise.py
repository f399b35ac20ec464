"""Minimisation."""

from typing import Any

import pytest

from proxy.policy import minimise
from proxy.policy.apply import EndpointPolicy
from proxy.policy.fields import KNOWN_KEY_CHARACTERS, Hit
from proxy.policy.minimise import Allowed
from proxy.policy.model import Action, Mode
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
            assert allowed.keeps(key, NOWHERE) is kept
            assert allowed.looks_inside(key, NOWHERE) is not kept
    assert 0 < len(allowed._known) <= 10
    assert max(map(len, allowed._known)) <= KNOWN_KEY_CHARACTERS
