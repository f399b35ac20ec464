"""One snapshot decides on a request from beginning to end."""

import dataclasses

import pytest

from tests.unit.test_pipeline import RULES


@pytest.mark.parametrize("name", [field.name for field in dataclasses.fields(RULES)])
def test_a_snapshot_does_not_change(name: str) -> None:
    """A reload replaces it whole; a request under way keeps the one it began with (promise G5)."""
    with pytest.raises(dataclasses.FrozenInstanceError):
        setattr(RULES, name, None)
