"""Structure of bodies: places, pairs, and where rules acted."""

from typing import Any

import orjson
import pytest

from proxy.policy.fields import DeniedError
from tests.unit.policy.test_apply import policy

STRIP = policy({"fields": ["ssn"], "action": "strip"})


def text(value: object) -> str:
    """Return JSON as a string holds it."""
    return orjson.dumps(value).decode()


# Paths


def test_a_path_names_one_place() -> None:
    """And no other with the same key; through arrays, dotted keys and JSON in strings."""
    rule = policy({"paths": ["profile.city", "**.secret.*"], "action": "strip"})
    body = {"city": 1, "profile": [{"city": 2, "a": 3}], "profile.city": 4, "x": {"secret": {"a": 1, "b": [2]}}}
    assert rule.apply(body)[0] == {"city": 1, "profile": [{"a": 3}], "x": {"secret": {}}}
    assert rule.apply({"profile": text({"city": 1})})[0] == {"profile": "{}"}


def test_the_first_rule_of_the_file_decides_whatever_it_names_by() -> None:
    """A path before a field, and a field before a path."""
    by_path = {"paths": ["a.b"], "action": "mask"}
    by_field = {"fields": ["b"], "action": "strip"}
    assert policy(by_path, by_field).apply({"a": {"b": 1}, "b": 2})[0] == {"a": {"b": "[REDACTED]"}}
    assert policy(by_field, by_path).apply({"a": {"b": 1}})[0] == {"a": {}}


def test_a_path_leaves_identifiers_alone_unless_it_only_looks() -> None:
    """As a field does."""
    assert policy({"paths": ["email"], "action": "strip"}).apply({"email": "a@b.c"})[0] == {"email": "a@b.c"}
    assert policy({"paths": ["email"], "action": "strip"}).apply({"email": {"a": 1}})[0] == {}
    with pytest.raises(DeniedError):
        policy({"paths": ["email"], "action": "deny"}).apply({"email": "a@b.c"})


def test_a_path_hashes_under_its_key() -> None:
    """As a field does."""
    assert policy({"paths": ["contact.phone"], "action": "hash"}).apply({"contact": {"phone": "+1-555-0123"}})[0] == {
        "contact": {"phone_hash": "100978d4e704e8c8"}
    }


# Where things were found


def test_each_act_is_told_with_its_path() -> None:
    """Keys, elements, and what is inside a string; for `policy apply --explain`."""
    rules = policy({"fields": ["ssn"], "action": "strip"})
    _, acts = rules.explain({"a": [{"ssn": 1}], "b": text({"ssn": 2}), "c": "/?ssn=3"})
    assert [path for _, path in acts] == [("a", "[]", "ssn"), ("b", '""', "ssn"), ("c", '""', "ssn")]


# Pairs


@pytest.mark.parametrize("name", ["name", "key", "field", "Name", "KEY"])
@pytest.mark.parametrize("action", ["strip", "hash", "mask"])
def test_a_pair_is_a_field_whose_name_stands_beside_its_value(name: str, action: str) -> None:
    """Its value is masked, whatever the action; a pair of another name stays, and so does one that holds no name."""
    rule = policy({"fields": ["ssn"], "action": action})
    body: Any = {"a": [{name: "S-S-N", "value": {"deep": 1}}, {name: "plan", "value": 1}, {name: 5, "value": 1}]}
    kept, hits = rule.apply(body)
    assert kept == {"a": [{name: "S-S-N", "value": "[REDACTED]"}, {name: "plan", "value": 1}, {name: 5, "value": 1}]}
    assert len(hits) == 1


def test_pairs_stand_in_arrays_of_two_as_well() -> None:
    """Where the array around them holds only such arrays; three of them are no pair."""
    assert STRIP.apply({"a": [["ssn", "1"], ["b", 2]]})[0] == {"a": [["ssn", "[REDACTED]"], ["b", 2]]}
    for other in ([["ssn", "1"], ["b", 2, 3]], ["ssn", "1"], [["ssn", "1"], "x"]):
        assert STRIP.apply({"a": other})[0] == {"a": other}


def test_a_pair_may_refuse_or_only_be_counted() -> None:
    """As a field of its name would."""
    pair: Any = {"name": "ssn", "value": 1}
    with pytest.raises(DeniedError):
        policy({"fields": ["ssn"], "action": "deny"}).apply({"a": dict(pair)})
    kept, hits = policy({"fields": ["ssn"], "action": "strip", "mode": "report"}).apply({"a": dict(pair)})
    assert (kept, len(hits)) == ({"a": pair}, 1)


def test_the_name_of_a_pair_is_looked_at_as_well() -> None:
    """A name may hold more than the name of a field; it is no key, which is looked at for itself."""
    both = policy({"fields": ["ssn"], "action": "strip"}, {"detect": ["email"], "action": "mask"})
    assert both.apply({"rows": [["ssn/ada@example.com", 5], ["plan", 1]]})[0] == {
        "rows": [["ssn/[REDACTED]", "[REDACTED]"], ["plan", 1]]
    }
