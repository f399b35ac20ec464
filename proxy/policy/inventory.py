"""Records every field that callers send, by endpoint and path, before the policy acts. It keeps no values.

A key can be personal data itself, so `*` replaces some keys:
* a key that does not look like a field name (`named`), and a key in which a detector finds something;
* all keys of an object that has held more than `MAP_KEYS` different keys. Such an object is a map, and its keys are data. The
  records of its keys are added up at `*`, so the result does not depend on the moment when the object was taken for a map.
The body itself and the objects that only hold attributes are never maps. An object for which the known file lists only `*` is
a map from the start. Otherwise a restart would report its keys as new.

Memory is bounded: by the number of fields, in total and per object, by the total length of their paths, and by the depth of the
search. Fields beyond these bounds are counted, but not recorded under their own names.
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
# With these bounds, the JSON of the inventory is shorter than the bounds of its readers (`cli.running`, `config.known`).
PATHS_MAX_CHARACTERS = 2_000_000
# Further keys of one object share `*`.
BELOW_MAX = 2_000
MAP_KEYS = 64
KEY_MAX_CHARACTERS = 80
KEY_MAX_DIGITS = 4
DEPTH_MAX = 32
# The cost of recording a member or element, in units of `payload.budget`.
MEMBER_UNITS = 8

ANY_KEY: Final = "*"

# The names of types in JSON Schema; a field may have had several.
TYPES: Final = ("object", "array", "string", "integer", "number", "boolean", "null")
_OBJECT, _ARRAY, _STRING, _INTEGER, _NUMBER, _BOOLEAN, _NULL = (1 << place for place in range(len(TYPES)))
_OF: Final = {str: _STRING, int: _INTEGER, float: _NUMBER, bool: _BOOLEAN, type(None): _NULL}

_NAME = re.compile(r"[^\W\d][\w$ .-]*|\$[\w$ .-]*")
_DIGIT = re.compile(r"\d")

Known = AbstractSet[tuple[str, str]]
"""Pairs of endpoint and path: the fields that are not reported as new."""


class Scanner(Protocol):
    """Finds values by detectors; see `detectors.scanner.Scanner`."""

    @property
    def numbers(self) -> AbstractSet[str]:
        """The names of the detectors that scan JSON numbers, too."""

    def marks(self, body: bytes) -> str | None:
        """Return None if the detectors certainly find nothing in a JSON text."""

    def spans(self, text: str, budget: Budget = UNMETERED) -> Sequence[Span]:
        """Return the finds in `text`; raise RefusedError if the work exceeds `budget`."""


class Seen:
    """The record of one field: count, types, first and last time (seconds since the epoch), and finds per detector."""

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
        """Start an empty record; `may_be_map` says whether too many different keys make the field a map."""
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
        """The JSON Schema names of the types that the field has had."""
        return [name for place, name in enumerate(TYPES) if self.types >> place & 1]

    def take(self, other: "Seen") -> None:
        """Add the record of `other` to this one, without the fields below it."""
        self.count += other.count
        self.types |= other.types
        self.first_seen = min(self.first_seen, other.first_seen)
        self.last_seen = max(self.last_seen, other.last_seen)
        for detector, count in other.detectors.items():
            self.detectors[detector] = self.detectors.get(detector, 0) + count


def named(key: str) -> bool:
    """Return whether a key looks like the name of a field, and not like an id, an address, a number or a text."""
    return len(key) <= KEY_MAX_CHARACTERS and _NAME.fullmatch(key) is not None and len(_DIGIT.findall(key)) <= KEY_MAX_DIGITS


class Inventory:
    """The fields seen after the time `since`; `unrecorded` counts the values that were not recorded under their own names."""

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
        """Call `new_field` with the endpoint of each field not in `known`, and `not_recorded` for each unrecorded value.

        `clock` returns seconds since the epoch.
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
        self.merges = 0  # how often an object became a map, and the records of its keys were merged
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
        """Return the record of `key` in the object `parent`, or None if a bound is reached. `key` may be shown to users."""
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
        """Return the record shared by the elements of an array, or None if a bound is reached."""
        if parent.elements is None:
            parent.elements = self._add(endpoint, parent, ELEMENT, now)
        return parent.elements

    def leave_out(self) -> None:
        """Count a value that is not recorded under its own name."""
        self.unrecorded += 1
        self._not_recorded()

    def __iter__(self) -> Iterator[tuple[str, Seen]]:
        """Yield each endpoint with each of its fields, sorted by endpoint and path."""
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
        """Turn an object into a map: remove the records of its keys, and add them up at `*`."""
        keys = [*parent.below.values()]
        self.merges += 1
        parent.below = {}
        parent.merged = True
        for seen in keys:
            self._forget(seen)
        for seen in keys:
            self._fold(endpoint, seen, self.below(endpoint, parent, ANY_KEY, seen.last_seen))

    def _forget(self, seen: Seen) -> None:
        """Subtract a field, and the fields below it, from the totals that bound the memory."""
        self.fields -= 1
        self._path_characters -= len(seen.path)
        for child in _children(seen):
            self._forget(child)

    def _fold(self, endpoint: str, seen: Seen, into: Seen | None) -> None:
        """Add the record of a removed field, and of the fields below it, to `into`."""
        if into is not None:  # never None: the removed records took at least as much room
            into.take(seen)
            if seen.merged and not into.merged:
                self._merge(endpoint, into)
            for key, child in seen.below.items():
                self._fold(endpoint, child, self.below(endpoint, into, key, child.last_seen))
            if seen.elements is not None:
                self._fold(endpoint, seen.elements, self.elements(endpoint, into, seen.elements.last_seen))


class _Visit:
    """The visit of one body, which records its fields."""

    __slots__ = ("_budget", "_endpoint", "_inventory", "_now", "_scanner")

    def __init__(self, inventory: Inventory, endpoint: str, now: float, scanner: Scanner | None, budget: Budget) -> None:
        self._budget = budget
        self._inventory = inventory
        self._endpoint = endpoint
        self._now = now
        self._scanner = scanner

    def look(self, seen: Seen, value: object, depth: int) -> None:
        """Record a value of the field `seen`, and everything in it."""
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
        """Return whether to record the inside of an object or array, and pay its cost in `units`.

        The budget may pause, and then another call may be recorded. If that call turns an object into a map, records that
        this visit still holds may be removed. So the rest of this body is not recorded.
        """
        merges = self._inventory.merges
        self._budget.spend(units)
        if depth < DEPTH_MAX and merges == self._inventory.merges:
            return True
        self._inventory.leave_out()
        return False

    def _below(self, seen: Seen, key: str) -> Seen | None:
        """Return the record of a key that has no record of its own in the object `seen`, or None if a bound is reached."""
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
    """Return the endpoint and path of each object for which `known` lists `*`, and no key by its own name."""
    any_key: set[tuple[str, str]] = set()
    by_name: set[tuple[str, str]] = set()
    for endpoint, path in known:
        steps = path.split(".")
        for place in range(1, len(steps)):
            if steps[place] != ELEMENT:
                (any_key if steps[place] == ANY_KEY else by_name).add((endpoint, ".".join(steps[:place])))
    return any_key - by_name
