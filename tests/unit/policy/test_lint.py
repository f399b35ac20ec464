"""What is allowed in a policy and seldom meant."""

from typing import Any

import pytest

from proxy.policy.detectors.catalogue import DETECTORS
from proxy.policy.lint import warnings
from proxy.policy.model import PolicyDocument

HASH = {"algorithm": "sha256", "hex_length": 16}
RULE: dict[str, Any] = {"name": "a", "fields": ["ssn"], "action": "strip", "reason": "the law"}


def found(*rules: dict[str, Any], **settings: Any) -> list[str]:  # noqa: ANN401 - a document is free-form here
    """Return the key paths that are warned of."""
    named = [rule | {"name": f"rule{index}"} for index, rule in enumerate(rules)]
    return [warned.path for warned in warnings(PolicyDocument.model_validate({"version": 1, "rules": named, **settings}))]


def test_a_policy_that_means_what_it_says_is_not_warned_of() -> None:
    """Enforced, with reasons."""
    assert found(RULE) == []


@pytest.mark.parametrize(
    ("rule", "path"),
    [
        ({"mode": "report"}, "policy.rules.0.mode"),
        ({"mode": "off"}, "policy.rules.0.mode"),
        ({"reason": None}, "policy.rules.0"),
        ({"fields": ["ssn", "S-S-N"]}, "policy.rules.0.fields.1"),
    ],
)
def test_each_habit_is_told_at_its_key(rule: dict[str, Any], path: str) -> None:
    """What still leaves, what nobody will understand, what says a thing twice."""
    assert found(RULE | rule) == [path]


def test_hashes_without_a_key_and_policies_that_only_look_are_told() -> None:
    """They hide nothing, or change nothing."""
    assert found(RULE | {"action": "hash"}, hash=HASH) == ["policy.hash"]
    assert found(RULE, hash=HASH) == []
    assert found(RULE, mode="report") == ["policy.mode"]


def test_limits_that_are_not_even_counted_are_told() -> None:
    """Otherwise `report` costs nothing and is the default."""
    assert found(RULE, vendor_limits="off") == ["policy.vendor_limits"]
    assert found(RULE, vendor_limits="enforce") == found(RULE, vendor_limits="report") == []


@pytest.mark.parametrize(
    ("rule", "allow", "paths"),
    [
        ({"action": "deny"}, {"track.v1.identify": ["plan"]}, ["policy.rules.0"]),
        ({"action": "deny"}, {"pipelines.*": ["ssn"]}, ["policy.rules.0"]),
        ({"action": "deny", "endpoints": ["app.*"]}, {"track.*": ["plan"]}, []),
        ({"action": "deny"}, None, []),
        ({"action": "strip"}, {"*": ["plan"]}, []),
        ({"action": "deny", "fields": [], "detect": ["email"]}, {"*": []}, ["policy.rules.0"]),
    ],
)
def test_where_a_call_is_refused_for_what_would_be_stripped(
    rule: dict[str, Any], allow: dict[str, list[str]] | None, paths: list[str]
) -> None:
    """`deny` is asked before `allow` strips, which somebody who writes both may not expect."""
    assert found(RULE | rule, allow=allow) == paths


@pytest.mark.parametrize(
    ("detectors", "patterns", "paths"), [(20, 5, []), (21, 0, ["policy.rules"]), (6, 6, ["policy.rules"]), (0, 0, [])]
)
def test_a_policy_that_costs_much_is_told(detectors: int, patterns: int, paths: list[str]) -> None:
    """What is looked for in every text is paid from the budget of each body."""
    named = {f"p{number}": "x" for number in range(patterns)}
    known = [name for name in DETECTORS if ":XX" not in name][: detectors - patterns]
    rule = RULE | ({"fields": [], "detect": [*named, *known]} if detectors else {})
    assert found(rule, patterns=named) == paths
