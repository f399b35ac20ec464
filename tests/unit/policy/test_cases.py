"""Cases that a policy is tested with."""

from typing import Any

import pytest
from pydantic import ValidationError

from proxy.policy.cases import CaseFile

CASE: dict[str, Any] = {"name": "a", "endpoint": "PUT /api/v1/customers/5", "body": {"a": 1}, "expect": {"body": {"a": 1}}}


def test_a_case_is_a_call_and_what_becomes_of_it() -> None:
    """The body that leaves, null too, or the code it is refused with."""
    for expect in ({"body": None}, {"body": [1]}, {"refused": "policy_denied"}):
        (case,) = CaseFile.model_validate({"cases": [CASE | {"expect": expect}]}).cases
        assert case.expect.model_dump(exclude_unset=True) == expect
        assert case.rules is None


@pytest.mark.parametrize(
    "change",
    [
        {"expect": {}},
        {"expect": {"body": 1, "refused": "x"}},
        {"endpoint": "customers/5"},
        {"endpoint": "PUT /a b"},
        {"name": ""},
        {"rule": ["a"]},
        {"caller": "two words"},
    ],
)
def test_what_is_no_case_is_refused(change: dict[str, Any]) -> None:
    """A key that is misspelled would test nothing."""
    with pytest.raises(ValidationError):
        CaseFile.model_validate({"cases": [CASE | change]})


def test_a_file_without_cases_is_refused() -> None:
    """It would always pass."""
    with pytest.raises(ValidationError):
        CaseFile.model_validate({"cases": []})
