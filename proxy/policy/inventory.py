"""What callers send: every field of every endpoint, by its path, as it was before the policy acted. No value is kept.

A key may be a value itself, so not every key is shown: `*` stands for one that looks like no name of a field (`named`), for one
in which a detector finds something, and for all keys of an object that has held more than `MAP_KEYS` different ones, because
such an object is a map and what it maps from is data. The body itself and the objects that only hold attributes are no maps,
however many attributes there are.

Memory is bounded by how many fields are recorded in all and at one place; what was not recorded for that is counted.
"""

import re
from collections.abc import Callable, Iterator, Sequence
from collections.abc import Set as AbstractSet
from typing import Final, Protocol

from proxy.policy.detectors.model import Span
from proxy.policy.minimise import CONTAINERS

FIELDS_MAX = 20_000
BELOW_MAX = 2_000
MAP_KEYS = 64
KEY_MAX_CHARACTERS = 80
KEY_MAX_DIGITS = 4
DEPTH_MAX = 32

ANY_KEY: Final = "*"
ELEMENT: Final = "[]"

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

    def marks(self, body: bytes) -> str | None:
        """Return None where there is certainly nothing to find in a JSON text."""

    def spans(self, text: str) -> Sequence[Span]:
        """Return what is found."""


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


def named(key: str) -> bool:
    """Say whether a key looks like the name of a field, and not like an id, an address, a number or a text."""
    return len(key) <= KEY_MAX_CHARACTERS and _NAME.fullmatch(key) is not None and len(_DIGIT.findall(key)) <= KEY_MAX_DIGITS


class Inventory:
    """The fields that were seen since `since`."""

    __slots__ = ("_clock", "_known", "_new_field", "_not_recorded", "_roots", "_scanner", "fields", "since", "unrecorded")

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
        self._scanner = scanner
        self._roots: dict[str, Seen] = {}
        self.since = clock()
        self.fields = 0
        self.unrecorded = 0

    def saw(self, endpoint: str, value: object, text: bytes) -> None:
        """Record the body of a call; `text` is the JSON text that holds it."""
        root = self._roots.get(endpoint)
        now = self._clock()
        if root is None:
            root = self._roots[endpoint] = Seen("", now, new=False, may_be_map=False)
        scanner = self._scanner
        visit = _Visit(self, endpoint, now, None if scanner is None or scanner.marks(text) is None else scanner)
        visit.look(root, value, 0)

    def add(self, endpoint: str, parent: Seen, name: str, now: float) -> Seen | None:
        """Return a field that is new below `parent`, or None where there is no room for it."""
        if self.fields >= FIELDS_MAX:
            self.leave_out()
            return None
        path = name if not parent.path else f"{parent.path}.{name}"
        new = (endpoint, path) not in self._known
        self.fields += 1
        if new:
            self._new_field(endpoint)
        return Seen(path, now, new=new, may_be_map=name not in CONTAINERS)

    def leave_out(self) -> None:
        """Count a field that is not recorded."""
        self.unrecorded += 1
        self._not_recorded()

    def merge(self, endpoint: str, parent: Seen, now: float) -> Seen | None:
        """Take an object for a map: forget its keys, and return what stands for all of them."""
        self.fields -= sum(1 + _size(child) for child in parent.below.values())
        parent.below = {}
        parent.merged = True
        found = self.add(endpoint, parent, ANY_KEY, now)
        if found is not None:
            parent.below[ANY_KEY] = found
        return found

    def __iter__(self) -> Iterator[tuple[str, Seen]]:
        """Yield every field with its endpoint, in the order of their names."""
        for endpoint in sorted(self._roots):
            for seen in sorted(_under(self._roots[endpoint]), key=lambda seen: seen.path):
                yield endpoint, seen


class _Visit:
    """One look at one body."""

    __slots__ = ("_endpoint", "_inventory", "_now", "_scanner")

    def __init__(self, inventory: Inventory, endpoint: str, now: float, scanner: Scanner | None) -> None:
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
            if depth < DEPTH_MAX:
                for key, child in value.items():
                    below = seen.below.get(key)
                    if below is None:
                        below = self._below(seen, key)
                    if below is not None:
                        self.look(below, child, depth + 1)
        elif isinstance(value, list):
            seen.types |= _ARRAY
            if value and depth < DEPTH_MAX:
                elements = seen.elements
                if elements is None:
                    elements = seen.elements = self._inventory.add(self._endpoint, seen, ELEMENT, self._now)
                if elements is not None:
                    for child in value:
                        self.look(elements, child, depth + 1)
        else:
            seen.types |= _OF[type(value)]
            if self._scanner is not None and value is not None:
                self._find(self._scanner, seen, value)

    def _below(self, seen: Seen, key: str) -> Seen | None:
        """Return where a key is recorded that is not known by its own name at `seen`."""
        spans = () if self._scanner is None else self._scanner.spans(key)
        if seen.merged or spans or not named(key):
            key = ANY_KEY
        elif seen.may_be_map and len(seen.below) >= MAP_KEYS:
            return self._inventory.merge(self._endpoint, seen, self._now)
        found = seen.below.get(key)
        if found is None:
            if len(seen.below) >= BELOW_MAX:
                self._inventory.leave_out()
                return None
            found = self._inventory.add(self._endpoint, seen, key, self._now)
            if found is not None:
                seen.below[key] = found
        if found is not None:
            _count(found, spans)
        return found

    def _find(self, scanner: Scanner, seen: Seen, value: object) -> None:
        if isinstance(value, str):
            text = value
        elif isinstance(value, (int, float)) and not isinstance(value, bool):
            text = str(int(value) if isinstance(value, float) and value.is_integer() else value)
        else:
            return
        _count(seen, scanner.spans(text))


def _count(seen: Seen, spans: Sequence[Span]) -> None:
    for span in spans:
        seen.detectors[span.detector] = seen.detectors.get(span.detector, 0) + 1


def _under(seen: Seen) -> Iterator[Seen]:
    for child in (*seen.below.values(), *(() if seen.elements is None else (seen.elements,))):
        yield child
        yield from _under(child)


def _size(seen: Seen) -> int:
    return sum(1 for _ in _under(seen))
