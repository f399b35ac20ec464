"""The identifier and routing positions of an endpoint as a tree, walked beside the body.

A position is written as in `proxy/api/model.py`: dot-separated keys, `*` for any key, `[]` for every element of an array, a
last `**` for everything below. Keys are Customer.io's own and are compared exactly. A dotted key of a body
(`cio_subscription_preferences.topics.news`) is one key that spells several steps.
"""

from collections.abc import Iterable, Mapping
from types import MappingProxyType

from proxy.api.model import Identifier

_NOBODY: Mapping[str, Identifier] = MappingProxyType({})


class Position:
    """One place in a body.

    `exempt` says that rules which change values pass over it, and `kind` which type of identifier stands there, if one does;
    `elements` is the place of its elements; `named` holds the places of keys by their names, and `wide` says that other keys
    may be exempt as well.
    """

    __slots__ = ("_any", "_elsewhere", "elements", "exempt", "kind", "named", "wide")

    def __init__(self, elsewhere: "Position | None" = None, *, exempt: bool = False) -> None:
        """Make a place below which every place is `elsewhere`, by default this one itself."""
        self._elsewhere = elsewhere or self
        self.named: dict[str, Position] = {}
        self._any: Position | None = None
        self.elements = self._elsewhere
        self.exempt = exempt
        self.kind: Identifier | None = None
        self.wide = exempt

    def below(self, key: str) -> "Position":
        """Return the place of `key` in the object that stands here."""
        found = self.named.get(key)
        if found is not None:
            return found
        if "." in key:
            head, _, rest = key.partition(".")
            if head in self.named:
                return self.named[head].below(rest)
        return self._any or self._elsewhere

    def add(self, position: str, kind: Identifier | None, *, exempt: bool = True) -> None:
        """Mark the place that `position` names, seen from here: identifiers of a `kind` stand there, or what routes a call."""
        step, _, rest = position.partition(".")
        if step == "**":
            self._elsewhere = self.elements = EVERYWHERE
            self.wide = True
            return
        key, arrays = step.rstrip("[]"), step.count("[]")
        if key == "*":
            place = self._any = self._any or Position(NOWHERE)
            self.wide = True
        else:
            place = self.named.setdefault(key, Position(NOWHERE))
        for _ in range(arrays):
            # An array of identifiers is as exempt as each of them.
            place.exempt = place.exempt or not rest
            if place.elements is NOWHERE:
                place.elements = Position(NOWHERE)
            place = place.elements
        if rest:
            place.add(rest, kind, exempt=exempt)
        else:
            place.exempt = place.exempt or exempt
            place.kind = kind


NOWHERE = Position()
EVERYWHERE = Position(exempt=True)


def tree(
    routing: Iterable[str], identifiers: Mapping[str, Identifier] = _NOBODY, attributes: Mapping[str, Identifier] = _NOBODY
) -> Position:
    """Return the root of the tree of an endpoint's positions: the body itself. `attributes` are identifiers, and not exempt."""
    root = Position(NOWHERE)
    for position, kind in identifiers.items():
        root.add(position, kind)
    for position, kind in attributes.items():
        root.add(position, kind, exempt=False)
    for position in routing:
        root.add(position, None)
    return root
