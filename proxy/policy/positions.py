"""The identifier and routing positions of an endpoint as a tree, walked beside the body.

A position is written as in `proxy/api/model.py`: dot-separated keys, `*` for any key, `[]` for every element of an array, a
last `**` for everything below. Keys are Customer.io's own and are compared exactly. A dotted key of a body
(`cio_subscription_preferences.topics.news`) is one key that spells several steps.
"""

from collections.abc import Iterable


class Position:
    """One place in a body.

    `exempt` says that rules which change values pass over it; `elements` is the place of its elements; `named` holds the
    places of keys by their names, and `wide` says that other keys may be exempt as well.
    """

    __slots__ = ("_any", "_elsewhere", "elements", "exempt", "named", "wide")

    def __init__(self, elsewhere: "Position | None" = None, *, exempt: bool = False) -> None:
        """Make a place below which every place is `elsewhere`, by default this one itself."""
        self._elsewhere = elsewhere or self
        self.named: dict[str, Position] = {}
        self._any: Position | None = None
        self.elements = self._elsewhere
        self.exempt = exempt
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

    def add(self, position: str) -> None:
        """Mark the place that `position` names, seen from here."""
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
            place.add(rest)
        else:
            place.exempt = True


NOWHERE = Position()
EVERYWHERE = Position(exempt=True)


def tree(positions: Iterable[str]) -> Position:
    """Return the root of the tree of `positions`: the body itself."""
    root = Position(NOWHERE)
    for position in positions:
        root.add(position)
    return root
