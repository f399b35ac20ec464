"""Selectors of places in a body (`paths` of a rule), which are walked in parallel to the body.

A selector is a list of keys with dots between them. Keys are compared in normal form (`names.normal_form`). `*` is any one key,
and `**` is any number of keys, including none. Arrays need no step: `friends.name` selects the name of every friend, and so
does `friends[].name`, the form of the endpoint table. A key that spells several names (`address.city`) counts both as several
steps and as one step: `address.*` also selects `address: {"city.zip": …}`. JSON in a string is part of the tree.

All selectors of an endpoint form one automaton. A state is built when a body first reaches it. The number of states and their
memory are bounded.
"""

from collections.abc import Callable, Iterable, Mapping
from typing import Generic, TypeVar

from proxy.payload.budget import UNMETERED, Budget
from proxy.policy.names import key_units, normal_form, spelled_names

# Bounds of the remembered states and keys, so that callers cannot fill the memory.
STATES_MAX = 1024
KNOWN_KEYS = 256
KNOWN_KEY_CHARACTERS = 128
STEPS_MAX = 32
# The cost of a step, in units of `payload.budget`.
STEP_UNITS = 4
ANY, DEEP = "*", "**"

T = TypeVar("T")

Steps = tuple[str, ...]


def steps(selector: str) -> Steps:
    """Return the steps of a selector, its keys in normal form.

    Raises:
        ValueError: `selector` is malformed.
    """
    found: list[str] = []
    for part in selector.split("."):
        step = part.removesuffix("[]")
        if step not in (ANY, DEEP):
            step = normal_form(step)
            if not step or "*" in part:
                raise ValueError("must be keys with dots between them, such as attributes.address.city, *.email or **.email")
        found.append(step)
    if len(found) > STEPS_MAX:
        raise ValueError(f"must have at most {STEPS_MAX} steps")
    if found[-1] == DEEP:
        raise ValueError("must end with a key or *")
    return tuple(found)


# The progress of one selector: its number, and how many of its steps are done.
_Cursor = tuple[int, int]


class Place(Generic[T]):
    """A state of the automaton: all places with the same cursors. `chosen` is the result of the selectors that end here."""

    __slots__ = ("_automaton", "_below", "_next", "_other", "chosen", "cursors")

    def __init__(self, automaton: "Selectors[T]", cursors: frozenset[_Cursor], chosen: T | None) -> None:
        """Create the state of `automaton` with the given cursors."""
        self._automaton = automaton
        self.cursors = cursors
        self._below: dict[str, Place[T]] = {}
        self._next: dict[str, Place[T]] = {}  # by steps that occur in a selector
        self._other: Place[T] | None = None  # by any other step
        self.chosen = chosen

    def below(self, key: str, budget: Budget = UNMETERED) -> "Place[T]":
        """Return the place of `key` in the object at this place.

        Raises:
            RefusedError: `too_complex`.
        """
        known = self._below.get(key)
        if known is not None:
            return known
        if not self.cursors:
            return self  # no selector leads further
        budget.spend(key_units(key))
        whole, *steps = spelled_names(key)
        found = self.step(whole)
        if steps:
            stepped = self
            budget.spend(STEP_UNITS * len(steps))
            for step in steps:
                stepped = stepped.step(step)
            found = found.either(stepped)
        if len(key) <= KNOWN_KEY_CHARACTERS:
            if len(self._below) >= KNOWN_KEYS:
                self._below.clear()
            self._below[key] = found
        return found

    def either(self, other: "Place[T]") -> "Place[T]":
        """Return the place with the cursors of both."""
        return self._automaton.place(self.cursors | other.cursors)

    def step(self, step: str) -> "Place[T]":
        """Return the next place after one step, given in normal form."""
        automaton = self._automaton
        if step not in automaton.named:
            if self._other is None:
                self._other = automaton.step(self.cursors, step)
            return self._other
        found = self._next.get(step)
        if found is None:
            found = self._next[step] = automaton.step(self.cursors, step)
        return found


class Selectors(Generic[T]):
    """The automaton of selectors, each with its result; `choose` combines the results of selectors that end at one place."""

    def __init__(self, selectors: Mapping[Steps, T], choose: Callable[[Iterable[T]], T]) -> None:
        """Build the first state, `root`, which is the place of the body itself."""
        self._selectors = tuple(selectors.items())
        self._choose = choose
        self._places: dict[frozenset[_Cursor], Place[T]] = {}
        self.named = frozenset(step for selector in selectors for step in selector)
        """All steps that occur in a selector."""
        self.root = self.place(frozenset((number, 0) for number in range(len(self._selectors))))

    def __bool__(self) -> bool:
        """Return whether there is a selector."""
        return bool(self._selectors)

    def step(self, cursors: frozenset[_Cursor], key: str) -> Place[T]:
        """Return the next place after `key`, given in normal form, for selectors at `cursors`."""
        reached: set[_Cursor] = set()
        for number, behind in cursors:
            selector = self._selectors[number][0]
            if behind == len(selector):
                continue
            expected = selector[behind]
            if expected == DEEP:
                reached.add((number, behind))  # `**` stands for this key as well
                behind += 1  # noqa: PLW2901 - or for no key: the next step is tried too
                while selector[behind] == DEEP:
                    behind += 1  # noqa: PLW2901
                expected = selector[behind]
            if expected in (ANY, key):
                reached.add((number, behind + 1))
        return self.place(frozenset(reached))

    def place(self, cursors: frozenset[_Cursor]) -> Place[T]:
        """Return the state with these cursors, from memory if it is there."""
        known = self._places.get(cursors)
        if known is None:
            if len(self._places) >= STATES_MAX:
                self._places.clear()
            ended = [
                meaning for number, (selector, meaning) in enumerate(self._selectors) if (number, len(selector)) in cursors
            ]
            known = self._places[cursors] = Place(self, cursors, self._choose(ended) if ended else None)
        return known
