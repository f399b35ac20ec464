"""What callers send: every field of every endpoint, by its path, as it was before the policy acted. No value is kept.

A key may be a value itself, so not every key is shown: `*` stands for one that looks like no name of a field (`named`), for one
in which a detector finds something, and for all keys of an object that has held more than `MAP_KEYS` different ones, because
such an object is a map and what it maps from is data. What was recorded at its keys is added up at `*`, so that it does not
matter when it was found out. The body itself and the objects that only hold attributes are no maps, however many attributes
there are. An object of which only `*` is known is a map from the start: else a restart would make news of its keys.

Memory is bounded by how many fields are recorded in all and at one place, by how long their paths are together, and by how
deep a body is looked into; whatever was not recorded under its own name for that is counted.
"""

import re
from collections.abc import Callable, Iterator, Sequence
from collections.abc import Set as AbstractSet
from typing import Final, Protocol

from proxy.payload.budget import UNMETERED, Budget
from proxy.policy.detectors.model import Span
from proxy.policy.minimise import CONTAINERS
from proxy.policy.texts import digits_of
from proxy.policy.walk import ELEMENT

FIELDS_MAX = 20_000
# A page of so many fields with such paths, in any script, is shorter than what `cli.running` and `config.known` read.
PATHS_MAX_CHARACTERS = 2_000_000
# Beyond that, keys of one object share `*`.
BELOW_MAX = 2_000
MAP_KEYS = 64
KEY_MAX_CHARACTERS = 80
KEY_MAX_DIGITS = 4
DEPTH_MAX = 32
# What it takes to record a member or element, in units of `payload.budget`.
MEMBER_UNITS = 8

ANY_KEY: Final = "*"

# How JSON Schema calls types; a field may have had several.
TYPES: Final = ("object", "array", "string", "integer", "number", "boolean", "null")
_OBJECT, _ARRAY, _STRING, _INTEGER, _NUMBER, _BOOLEAN, _NULL = (1 << place for place in range(len(TYPES)))
_OF: Final = {str: _STRING, int: _INTEGER, float: _NUMBER, bool: _BOOLEAN, type(None): _NULL}

_NAME = re.compile(r"[^\W\d][\w$ .-]*|\$[\w$ .-]*")
_DIGIT = re.compile(r"\d")

Known = AbstractSet[tuple[str, str]]
"""Endpoints and paths of fields that are no news."""


class Scanner(Protocol):
    """Looks for what detectors know."""

    @property
    def numbers(self) -> AbstractSet[str]:
        """Which detectors look at JSON numbers, too."""

    def marks(self, body: bytes) -> str | None:
        """Return None where there is certainly nothing to find in a JSON text."""

    def spans(self, text: str, budget: Budget = UNMETERED) -> Sequence[Span]:
        """Return what is found; raise RefusedError where that takes more than `budget` allows."""


class Seen:
    """One field: how often it came, as what, when first and last (seconds since the epoch), and what detectors found in it."""

    __slots__ = (
        "below",
        "count",
        "detectors",
        "elements",
        "first_seen",
        "last_seen",
        "may_be_map",
        "merged",
        "new",
        "path",
        "types",
    )

    def __init__(self, path: str, now: float, *, new: bool, may_be_map: bool) -> None:
        """Begin with nothing; `may_be_map` says that too many different keys below it make it one."""
        self.path = path
        self.new = new
        self.may_be_map = may_be_map
        self.merged = False
        self.count = 0
        self.types = 0
        self.first_seen = self.last_seen = now
        self.detectors: dict[str, int] = {}
        self.below: dict[str, Seen] = {}
        self.elements: Seen | None = None

    @property
    def type_names(self) -> list[str]:
        """The types it came as."""
        return [name for place, name in enumerate(TYPES) if self.types >> place & 1]

    def take(self, other: "Seen") -> None:
        """Add what was recorded of `other`, but for what stands below it."""
        self.count += other.count
        self.types |= other.types
        self.first_seen = min(self.first_seen, other.first_seen)
        self.last_seen = max(self.last_seen, other.last_seen)
        for detector, count in other.detectors.items():
            self.detectors[detector] = self.detectors.get(detector, 0) + count


def named(key: str) -> bool:
    """Say whether a key looks like the name of a field, and not like an id, an address, a number or a text."""
    return len(key) <= KEY_MAX_CHARACTERS and _NAME.fullmatch(key) is not None and len(_DIGIT.findall(key)) <= KEY_MAX_DIGITS


class Inventory:
    """The fields that were seen since `since`; `unrecorded` counts how often one was not, or not under its own name."""

    __slots__ = (
        "_clock",
        "_known",
        "_maps",
        "_new_field",
        "_not_recorded",
        "_path_characters",
        "_roots",
        "_scanner",
        "fields",
        "merges",
        "since",
        "unrecorded",
    )

    def __init__(
        self,
        clock: Callable[[], float],
        new_field: Callable[[str], None],
        not_recorded: Callable[[], None],
        known: Known = frozenset(),
        scanner: Scanner | None = None,
    ) -> None:
        """Tell `new_field` of each that is not among the `known` ones, by its endpoint, and `not_recorded` of each left out.

        `clock` gives seconds since the epoch.
        """
        self._clock = clock
        self._new_field = new_field
        self._not_recorded = not_recorded
        self._known = known
        self._maps = _maps(known)
        self._scanner = scanner
        self._roots: dict[str, Seen] = {}
        self._path_characters = 0
        self.since = clock()
        self.fields = 0
        self.merges = 0  # how often an object was taken for a map, and what was below it forgotten
        self.unrecorded = 0

    def change(self, known: Known, scanner: Scanner | None) -> None:
        """Look for other things from now on; what was recorded stays, and is no news any more where it is `known`."""
        self._known = known
        self._maps = _maps(known)
        self._scanner = scanner
        for endpoint, seen in self:
            if (endpoint, seen.path) in known:
                seen.new = False

    def saw(self, endpoint: str, value: object, text: bytes, budget: Budget = UNMETERED) -> None:
        """Record the body of a call; `text` is the JSON text that holds it, and `budget` pays for it.

        Raises:
            RefusedError: `too_complex`.
        """
        root = self._roots.get(endpoint)
        now = self._clock()
        if root is None:
            root = self._roots[endpoint] = Seen("", now, new=False, may_be_map=False)
        scanner = self._scanner
        visit = _Visit(self, endpoint, now, None if scanner is None or scanner.marks(text) is None else scanner, budget)
        visit.look(root, value, 0)

    def below(self, endpoint: str, parent: Seen, key: str, now: float) -> Seen | None:
        """Return where `key`, which may be shown, is recorded at `parent`, or None where there is no room for it."""
        if parent.merged:
            key = ANY_KEY
        elif key != ANY_KEY and key not in parent.below:
            names = len(parent.below) - (ANY_KEY in parent.below)
            if parent.may_be_map and names >= MAP_KEYS:
                self._merge(endpoint, parent)
                key = ANY_KEY
            elif names >= BELOW_MAX:
                self.leave_out()
                key = ANY_KEY
        found = parent.below.get(key)
        if found is None:
            found = self._add(endpoint, parent, key, now)
            if found is not None:
                parent.below[key] = found
        return found

    def elements(self, endpoint: str, parent: Seen, now: float) -> Seen | None:
        """Return where the elements of an array are recorded, or None where there is no room for them."""
        if parent.elements is None:
            parent.elements = self._add(endpoint, parent, ELEMENT, now)
        return parent.elements

    def leave_out(self) -> None:
        """Count what is not recorded under its own name."""
        self.unrecorded += 1
        self._not_recorded()

    def __iter__(self) -> Iterator[tuple[str, Seen]]:
        """Yield every field with its endpoint, in the order of their names."""
        for endpoint in sorted(self._roots):
            for seen in sorted(_under(self._roots[endpoint]), key=lambda seen: seen.path):
                yield endpoint, seen

    def _add(self, endpoint: str, parent: Seen, name: str, now: float) -> Seen | None:
        path = name if not parent.path else f"{parent.path}.{name}"
        if self.fields >= FIELDS_MAX or self._path_characters + len(path) > PATHS_MAX_CHARACTERS:
            self.leave_out()
            return None
        self.fields += 1
        self._path_characters += len(path)
        place = endpoint, path
        new = place not in self._known
        if new:
            self._new_field(endpoint)
        seen = Seen(path, now, new=new, may_be_map=name not in CONTAINERS)
        seen.merged = seen.may_be_map and place in self._maps
        return seen

    def _merge(self, endpoint: str, parent: Seen) -> None:
        """Take an object for a map: its keys are forgotten, and what was recorded at them is what came at `*`."""
        keys = [*parent.below.values()]
        self.merges += 1
        parent.below = {}
        parent.merged = True
        for seen in keys:
            self._forget(seen)
        for seen in keys:
            self._fold(endpoint, seen, self.below(endpoint, parent, ANY_KEY, seen.last_seen))

    def _forget(self, seen: Seen) -> None:
        """Make room of what a field and those below it take."""
        self.fields -= 1
        self._path_characters -= len(seen.path)
        for child in _children(seen):
            self._forget(child)

    def _fold(self, endpoint: str, seen: Seen, into: Seen | None) -> None:
        """Record at `into` what was recorded of a field that is forgotten, and of those below it."""
        if into is not None:  # it never is: what is folded took as much room before
            into.take(seen)
            if seen.merged and not into.merged:
                self._merge(endpoint, into)
            for key, child in seen.below.items():
                self._fold(endpoint, child, self.below(endpoint, into, key, child.last_seen))
            if seen.elements is not None:
                self._fold(endpoint, seen.elements, self.elements(endpoint, into, seen.elements.last_seen))


class _Visit:
    """One look at one body."""

    __slots__ = ("_budget", "_endpoint", "_inventory", "_now", "_scanner")

    def __init__(self, inventory: Inventory, endpoint: str, now: float, scanner: Scanner | None, budget: Budget) -> None:
        self._budget = budget
        self._inventory = inventory
        self._endpoint = endpoint
        self._now = now
        self._scanner = scanner

    def look(self, seen: Seen, value: object, depth: int) -> None:
        """Record a value that stands at `seen`, and everything in it."""
        seen.count += 1
        seen.last_seen = self._now
        if isinstance(value, dict):
            seen.types |= _OBJECT
            if value and self._looks_below(depth, MEMBER_UNITS * len(value)):
                for key, child in value.items():
                    below = seen.below.get(key)
                    if below is None:
                        below = self._below(seen, key)
                    if below is not None:
                        self.look(below, child, depth + 1)
        elif isinstance(value, list):
            seen.types |= _ARRAY
            if value and self._looks_below(depth, MEMBER_UNITS * len(value)):
                elements = self._inventory.elements(self._endpoint, seen, self._now)
                if elements is not None:
                    for child in value:
                        self.look(elements, child, depth + 1)
        else:
            seen.types |= _OF[type(value)]
            if self._scanner is not None and value is not None:
                self._find(self._scanner, seen, value)

    def _looks_below(self, depth: int, units: int) -> bool:
        """Say whether to look into an object or array, which takes so many `units`.

        While the budget pauses, the body of another call may be recorded. If that makes a map of an object, what this visit
        holds of the inventory may be forgotten, so the rest of the body is left out.
        """
        merges = self._inventory.merges
        self._budget.spend(units)
        if depth < DEPTH_MAX and merges == self._inventory.merges:
            return True
        self._inventory.leave_out()
        return False

    def _below(self, seen: Seen, key: str) -> Seen | None:
        """Return where a key is recorded that is not known by its own name at `seen`."""
        spans = () if self._scanner is None else self._scanner.spans(key, self._budget)
        shown = ANY_KEY if spans or not named(key) else key
        found = self._inventory.below(self._endpoint, seen, shown, self._now)
        if found is not None:
            _count(found, spans)
        return found

    def _find(self, scanner: Scanner, seen: Seen, value: object) -> None:
        if isinstance(value, str):
            _count(seen, scanner.spans(value, self._budget))
        elif isinstance(value, (int, float)) and not isinstance(value, bool):
            spans = scanner.spans(digits_of(value), self._budget)
            _count(seen, [span for span in spans if span.detector in scanner.numbers])


def _count(seen: Seen, spans: Sequence[Span]) -> None:
    for span in spans:
        seen.detectors[span.detector] = seen.detectors.get(span.detector, 0) + 1


def _children(seen: Seen) -> Iterator[Seen]:
    yield from seen.below.values()
    if seen.elements is not None:
        yield seen.elements


def _under(seen: Seen) -> Iterator[Seen]:
    for child in _children(seen):
        yield child
        yield from _under(child)


def _maps(known: Known) -> Known:
    """Return the places of the objects of which `*` is known, and no key by its name."""
    any_key: set[tuple[str, str]] = set()
    by_name: set[tuple[str, str]] = set()
    for endpoint, path in known:
        steps = path.split(".")
        for place in range(1, len(steps)):
            if steps[place] != ELEMENT:
                (any_key if steps[place] == ANY_KEY else by_name).add((endpoint, ".".join(steps[:place])))
    return any_key - by_name
