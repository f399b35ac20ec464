"""What a policy says about one key, and how that is remembered."""

import pytest

from proxy.policy import fields
from proxy.policy.fields import Choice, Field, Hit, is_identifier
from proxy.policy.model import Action, Mode
from proxy.policy.positions import NOWHERE, tree
from tests.unit.policy.test_apply import ENDPOINT, policy


def test_what_is_remembered_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    """Keys that callers make up do not fill the memory, and are judged the same when they were forgotten."""
    monkeypatch.setattr(fields, "KNOWN_KEYS", 10)
    rule = policy({"fields": ["ssn"], "action": "strip"})
    for number in range(100):
        assert rule.apply({f"key{number}": 1, f"x{number}.ssn": 2, "x" * 500: 3, "s" * 500 + ".ssn": 4})[0] == {
            f"key{number}": 1, "x" * 500: 3,
        }  # fmt: skip
    matcher = rule._matcher
    assert len(matcher.plain) <= 10
    assert len(matcher.known) <= 10
    assert max(map(len, matcher.plain)) <= fields.KNOWN_KEY_CHARACTERS


def test_at_an_identifier_position_another_rule_decides() -> None:
    """The one that only looks, or none; anywhere else, and for an object, the first of the file."""
    changing = Choice(0, Hit("a", Action.STRIP, Mode.ENFORCE), str)
    looking = Choice(1, Hit("b", Action.DENY, Mode.ENFORCE), str)
    field = Field("email", changing, looking)
    exempt = tree(ENDPOINT)
    assert field.choice_at(exempt, "email", "a@b.c") is looking
    assert field.choice_at(exempt, "email", {"a": 1}) is changing
    assert field.choice_at(NOWHERE, "email", "a@b.c") is changing
    assert Field("email", changing, None).choice_at(exempt, "email", "a@b.c") is None


@pytest.mark.parametrize(
    ("value", "can"), [("a", True), (1, True), (None, True), (["a", 1], True), ([], True), ({}, False), ([[]], False)]
)
def test_an_identifier_is_a_scalar_or_scalars(value: object, *, can: bool) -> None:
    """Anything else is looked into."""
    assert is_identifier(value) is can
