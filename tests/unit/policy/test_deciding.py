"""What a walk decides by."""

from typing import Any

import pytest

from proxy.errors import Reason, RefusedError
from proxy.payload.budget import Budget
from proxy.policy.deciding import texts_of
from proxy.policy.fields import DeniedError
from tests.unit.policy.test_apply import policy


def test_every_text_and_number_is_yielded() -> None:
    """Keys too, at any depth; what is whole as a float is the integer that it stands for."""
    value: Any = {"a": [1, 4.0, None, True, {"b": "c"}], "d": 1.5}
    assert list(texts_of(value)) == [
        ("a", False), ("1", True), ("4", True), ("b", False), ("c", False), ("d", False), ("1.5", True),
    ]  # fmt: skip


def test_a_refusal_tells_what_acted_before_it() -> None:
    """The rule that refuses is the last one."""
    rules = policy(
        {"fields": ["a"], "action": "strip"},
        {"fields": ["b"], "action": "mask", "mode": "report"},
        {"paths": ["c"], "action": "deny"},
    )
    with pytest.raises(DeniedError) as denied:
        rules.apply({"a": 1, "b": 2, "c": 3})
    assert [(hit.action, hit.enforced) for hit in denied.value.hits] == [("strip", True), ("mask", False), ("deny", True)]


@pytest.mark.parametrize(
    "body", [{f"key{n}": n for n in range(300)}, {"a": [{}] * 300}, {"a": ["x=1"] * 300}, {"phone": [1] * 300}]
)
def test_g11_a_walk_is_paid_for(body: Any) -> None:  # noqa: ANN401 - JSON
    """Members, elements, texts and hashes: whatever a body is made of, it uses its budget up if that is small."""
    budget = Budget(0)
    budget.left = 100
    with pytest.raises(RefusedError) as refused:
        policy({"fields": ["phone"], "action": "hash"}, {"paths": ["x.y"], "action": "strip"}).apply(body, budget=budget)
    assert refused.value.reason is Reason.TOO_COMPLEX
