"""The budget of work of a body."""

import pytest

from proxy.errors import Reason, RefusedError
from proxy.payload.budget import SLICE_UNITS, UNITS, UNITS_PER_BYTE, Budget, unmetered


def test_g11_a_body_that_needs_more_than_its_budget_is_refused() -> None:
    """A constant and so much for each byte may be spent, and not one unit more."""
    budget = Budget(1000)
    budget.spend(UNITS + 1000 * UNITS_PER_BYTE)
    with pytest.raises(RefusedError) as refused:
        budget.spend(1)
    assert refused.value.reason is Reason.TOO_COMPLEX


def test_g11_work_pauses_between_slices() -> None:
    """However finely work is paid for, no more than a slice and one payment lie between two pauses."""
    pauses: list[int] = []
    budget = Budget(1_000_000, lambda: pauses.append(budget.left))
    before = budget.left
    while budget.left > 100:
        budget.spend(97)
    assert pauses
    for left in pauses:
        assert before - left <= SLICE_UNITS + 97
        before = left
    assert before <= SLICE_UNITS + 97


def test_what_is_unmetered_has_no_end() -> None:
    """Work on what a configuration holds is not refused."""
    budget = unmetered()
    budget.spend(10**15)
