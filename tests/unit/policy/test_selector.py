"""Selectors of places in a body."""

import tracemalloc
from collections.abc import Iterable

import pytest

from proxy.policy import selector
from proxy.policy.selector import STEPS_MAX, Place, Selectors, steps


def found(selectors: Iterable[str], *path: str) -> str:
    """Return the selectors that end at a path, joined; each means itself."""
    automaton = Selectors({steps(text): text for text in selectors}, "+".join)
    place: Place[str] = automaton.root
    for key in path:
        place = place.below(key)
    return place.chosen or ""


@pytest.mark.parametrize(
    ("text", "path", "ends"),
    [
        ("email", ["email"], True),
        ("email", ["a", "email"], False),
        ("a.b", ["a", "b"], True),
        ("a.b", ["a.b"], True),
        ("a.b", ["a"], False),
        ("a.b", ["a", "b", "c"], False),
        ("*.b", ["x", "b"], True),
        ("*.b", ["b"], False),
        ("*.b", ["x", "y", "b"], False),
        ("**.b", ["b"], True),
        ("**.b", ["x", "y", "b"], True),
        ("**.b", ["x", "b", "y"], False),
        ("a.**.b", ["a", "b"], True),
        ("a.**.b", ["a", "x", "y", "b"], True),
        ("a.**.b", ["x", "a", "b"], False),
        ("**.a.**.b", ["x", "a", "y", "b"], True),
        ("**.**.b", ["b"], True),
        ("a.*", ["a", "anything"], True),
        ("a.*", ["a"], False),
        ("friends[].name", ["friends", "name"], True),
        ("Home-Address.City", ["home_address", "city"], True),
        ("homeaddress.city", ["HomeAddress.CITY"], True),
    ],
)
def test_a_selector_ends_where_it_says(text: str, path: list[str], *, ends: bool) -> None:
    """Keys in normal form, one or any number of them, dotted keys of the body as the steps they spell."""
    assert (found([text], *path) == text) is ends


def test_several_selectors_may_end_at_one_place() -> None:
    """What they mean together is for the caller to say."""
    assert found(["a.b", "*.b", "**.b", "a.c"], "a", "b") == "a.b+*.b+**.b"


@pytest.mark.parametrize(
    "text", ["", ".", "a.", ".a", "a..b", "a.--.b", "**", "a.**", "a*", "a.b*.c", "***", ".".join("a" * (STEPS_MAX + 1))]
)
def test_what_selects_nothing_is_refused(text: str) -> None:
    """With words that do not repeat it."""
    with pytest.raises(ValueError, match="must") as refused:
        steps(text)
    assert "b*" not in str(refused.value)


def test_what_is_remembered_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    """Keys that callers make up do not fill the memory, and lead to the same places when they were forgotten."""
    monkeypatch.setattr(selector, "KNOWN_KEYS", 5)
    monkeypatch.setattr(selector, "STATES_MAX", 3)
    automaton = Selectors({steps(text): text for text in ("**.a.*.b", "x.**.b", "**.y.b")}, "+".join)
    for number in range(50):
        place = automaton.root.below(f"key{number}").below("a").below(f"key{number}")
        assert place.below("b").chosen == "**.a.*.b"
        assert automaton.root.below("x").below("y").below("b").chosen == "x.**.b+**.y.b"
    assert len(automaton.root._below) <= 5
    assert len(automaton._places) <= 3


def test_long_keys_are_not_remembered() -> None:
    """A key may be as long as a body: hundreds of them would be hundreds of megabytes, kept for good."""
    automaton = Selectors({steps("**.x"): "it"}, "+".join)
    tracemalloc.start()
    try:
        for number in range(20):
            assert automaton.root.below(f"{number}" + "k" * 100_000).below("x").chosen == "it"
        assert tracemalloc.get_traced_memory()[0] < 500_000
    finally:
        tracemalloc.stop()


def test_without_selectors_there_is_nothing() -> None:
    """Every place is the same one."""
    nothing: Selectors[str] = Selectors({}, "".join)
    assert not nothing
    assert nothing.root.chosen is None
    assert nothing.root.below("a") is nothing.root
