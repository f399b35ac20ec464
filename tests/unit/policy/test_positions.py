"""Positions as a tree."""

from dataclasses import replace

import pytest

from proxy.policy.positions import EVERYWHERE, NOWHERE, Position, tree
from tests.unit.policy.test_apply import ENDPOINT

ROUTING = (
    "id",
    "identifiers.*",
    "ids[]",
    "batch[].identifiers.email",
    "batch[].name",
    "prefs.topics.*",
    "deep.**",
    "grid[][].x",
    "a.b",
)
TREE = tree(replace(ENDPOINT, identifiers={}, routing=ROUTING, opaque=("files.*",)))


def place(*steps: str) -> Position:
    """Return the place that `steps` lead to; `[]` is an element."""
    position = TREE
    for step in steps:
        position = position.elements if step == "[]" else position.below(step)
    return position


@pytest.mark.parametrize(
    "steps",
    [
        ["id"],
        ["identifiers", "email"],
        ["identifiers", "anything"],
        ["ids"],
        ["ids", "[]"],
        ["batch", "[]", "identifiers", "email"],
        ["batch", "[]", "name"],
        ["prefs", "topics", "news"],
        ["prefs.topics.news"],
        ["prefs", "topics.news"],
        ["deep", "x"],
        ["deep", "x", "y", "[]", "z"],
        ["grid", "[]", "[]", "x"],
        ["a.b"],
    ],
)
def test_what_is_exempt(steps: list[str]) -> None:
    """Each written position, its elements, and its dotted spellings are exempt."""
    assert place(*steps).exempt


@pytest.mark.parametrize(
    "steps",
    [
        [],
        ["ID"],
        ["email"],
        ["identifiers"],
        ["identifiers", "email", "ssn"],
        ["batch"],
        ["batch", "[]"],
        ["batch", "[]", "identifiers"],
        ["batch", "[]", "identifiers", "ssn"],
        ["batch", "name"],
        ["prefs", "topics"],
        ["prefs", "news"],
        ["prefs.news"],
        ["id", "x"],
        ["x", "id"],
        ["x.id"],
        ["grid", "[]", "x"],
        ["a.b", "c"],
        ["a.b.c"],
    ],
)
def test_what_is_not_exempt(steps: list[str]) -> None:
    """Nothing above, below, beside or spelled otherwise than a written position is exempt."""
    assert not place(*steps).exempt


def test_the_ends_of_the_world() -> None:
    """Below what nothing is known of there is nothing known; below `**` everything is exempt."""
    assert NOWHERE.below("x") is NOWHERE
    assert NOWHERE.elements is NOWHERE
    assert EVERYWHERE.below("x").elements is EVERYWHERE


def test_an_opaque_place_is_a_field_like_any_other() -> None:
    """Rules for places take it; only its text is not looked into."""
    assert place("files", "a.txt").opaque
    assert not place("files", "a.txt").exempt
    assert not place("files").opaque
    assert not tree(None).below("files").below("a.txt").opaque
