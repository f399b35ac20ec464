"""Selectors of places in a body, as `paths` of a rule holds them, walked beside the body.

A selector is keys with dots between them. A key is compared in normal form (`names.normal_form`), `*` is any one key, and `**`
any number of keys, none too. Arrays are passed through: `friends.name` is the name of every friend, and so is
`friends[].name`, as the endpoint table writes it. A key that spells several names (`address.city`) is as
many steps, and one step as well: `address.*` selects `address: {"city.zip": …}` too. JSON held in a string is part of the tree.

All selectors of an endpoint are one automaton, whose states are made when a body first leads there; both their number and
their memory are bounded.
"""

from collections.abc import Callable, Iterable, Mapping
from typing import Generic, TypeVar

from proxy.payload.budget import UNMETERED, Budget
from proxy.policy.names import key_units, normal_form, spelled_names

# How many states, and how many keys of each, are remembered, and how long they may be: what callers send must not fill the
# memory.
STATES_MAX = 1024
KNOWN_KEYS = 256
KNOWN_KEY_CHARACTERS = 128
STEPS_MAX = 32
# What a step takes, in units of `payload.budget`.
STEP_UNITS = 4
ANY, DEEP = "*", "**"

T = TypeVar("T")

Steps = tuple[str, ...]


def steps(selector: str) -> Steps:
    """Return the steps of a selector, its keys in normal form.

    Raises:
        ValueError: it is none.
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


# Where a selector stands: which one, and how many of its steps lie behind.
_Cursor = tuple[int, int]


class Place(Generic[T]):
    """A place in a body, as far as selectors can tell it from others. `chosen` is what the selectors that end here mean."""

    __slots__ = ("_automaton", "_below", "_next", "_other", "chosen", "cursors")

    def __init__(self, automaton: "Selectors[T]", cursors: frozenset[_Cursor], chosen: T | None) -> None:
        """Belong to `automaton`."""
        self._automaton = automaton
        self.cursors = cursors
        self._below: dict[str, Place[T]] = {}
        self._next: dict[str, Place[T]] = {}  # by the steps that some selector names
        self._other: Place[T] | None = None  # by any other step
        self.chosen = chosen

    def below(self, key: str, budget: Budget = UNMETERED) -> "Place[T]":
        """Return the place of `key` in the object that stands here.

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
        """Return the place that is both."""
        return self._automaton.place(self.cursors | other.cursors)

    def step(self, step: str) -> "Place[T]":
        """Return the place that one step, in normal form, leads to."""
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
    """Selectors, each with what it means; of several that end at one place, `choose` says what they mean together."""

    def __init__(self, selectors: Mapping[Steps, T], choose: Callable[[Iterable[T]], T]) -> None:
        """Stand at the root of a body."""
        self._selectors = tuple(selectors.items())
        self._choose = choose
        self._places: dict[frozenset[_Cursor], Place[T]] = {}
        self.named = frozenset(step for selector in selectors for step in selector)
        """Every step that some selector names."""
        self.root = self.place(frozenset((number, 0) for number in range(len(self._selectors))))

    def __bool__(self) -> bool:
        """Whether there is any."""
        return bool(self._selectors)

    def step(self, cursors: frozenset[_Cursor], key: str) -> Place[T]:
        """Return the place that `key`, in normal form, leads to."""
        reached: set[_Cursor] = set()
        for number, behind in cursors:
            selector = self._selectors[number][0]
            if behind == len(selector):
                continue
            expected = selector[behind]
            if expected == DEEP:
                reached.add((number, behind))  # one more key that it stands for
                behind += 1  # noqa: PLW2901 - or none: the step after it is tried too
                while selector[behind] == DEEP:
                    behind += 1  # noqa: PLW2901
                expected = selector[behind]
            if expected in (ANY, key):
                reached.add((number, behind + 1))
        return self.place(frozenset(reached))

    def place(self, cursors: frozenset[_Cursor]) -> Place[T]:
        """Return the place where selectors stand at `cursors`."""
        known = self._places.get(cursors)
        if known is None:
            if len(self._places) >= STATES_MAX:
                self._places.clear()
            ended = [
                meaning for number, (selector, meaning) in enumerate(self._selectors) if (number, len(selector)) in cursors
            ]
            known = self._places[cursors] = Place(self, cursors, self._choose(ended) if ended else None)
        return known
