"""The identifier and routing positions of an endpoint as a tree, walked beside the body.

A position is written as in `proxy/api/model.py`: dot-separated keys, `*` for any key, `[]` for every element of an array, a
last `**` for everything below. Keys are Customer.io's own and are compared exactly. A dotted key of a body
(`cio_subscription_preferences.topics.news`) is one key that spells several steps.
"""

from proxy.api.model import Endpoint, Identifier


class Position:
    """One place in a body.

    `exempt` says that rules which change values pass over it, `opaque` that a coded file belongs there, and `kind`
    which type of identifier stands there, if one does;
    `elements` is the place of its elements; `named` holds the places of keys by their names, and `wide` says that other keys
    may be exempt as well.
    Minimisation asks what a call needs: `leads` says that an object or array on the way to such a value stands here, `single`
    that a scalar does, `several` an array of scalars, and `whole` anything at all.
    """

    __slots__ = (
        "_any",
        "_elsewhere",
        "elements",
        "exempt",
        "kind",
        "leads",
        "named",
        "opaque",
        "several",
        "single",
        "whole",
        "wide",
    )

    def __init__(self, elsewhere: "Position | None" = None, *, exempt: bool = False) -> None:
        """Make a place below which every place is `elsewhere`, by default this one itself."""
        self._elsewhere = elsewhere or self
        self.named: dict[str, Position] = {}
        self._any: Position | None = None
        self.elements = self._elsewhere
        self.exempt = exempt
        self.opaque = False
        self.kind: Identifier | None = None
        self.wide = exempt
        self.leads = False
        self.single = False
        self.several = False
        self.whole = exempt

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

    def add(self, position: str, kind: Identifier | None, *, exempt: bool = True, needed: bool = True) -> "Position":
        """Mark the place that `position` names, seen from here: identifiers of a `kind` stand there, or what routes a call.

        `needed` says that what stands there leaves without being allowed by name.
        """
        step, _, rest = position.partition(".")
        self.leads = self.leads or needed
        if step == "**":
            self._elsewhere = self.elements = EVERYWHERE
            self.wide = True
            return EVERYWHERE
        key, arrays = step.rstrip("[]"), step.count("[]")
        if key == "*":
            place = self._any = self._any or Position(NOWHERE)
            self.wide = True
        else:
            place = self.named.setdefault(key, Position(NOWHERE))
        for _ in range(arrays):
            # An array of identifiers is as exempt as each of them.
            place.exempt = place.exempt or (exempt and not rest)
            place.several = place.several or (needed and not rest)
            place.leads = place.leads or (needed and bool(rest))
            if place.elements is NOWHERE:
                place.elements = Position(NOWHERE)
            place = place.elements
        if rest:
            return place.add(rest, kind, exempt=exempt, needed=needed)
        place.exempt = place.exempt or exempt
        place.single = place.single or needed
        place.kind = kind or place.kind
        return place


NOWHERE = Position()
EVERYWHERE = Position(exempt=True)


def tree(endpoint: Endpoint | None) -> Position:
    """Return the root of the tree of an endpoint's positions: the body itself. Of an unknown endpoint none is known."""
    root = Position(NOWHERE)
    if endpoint is None:
        return root
    for position, kind in endpoint.identifiers.items():
        root.add(position, kind)
    for position, kind in endpoint.naming_attributes.items():
        root.add(position, kind, exempt=False, needed=False)
    for position in endpoint.routing:
        root.add(position, None)
    for position in endpoint.needed:
        root.add(position, None, exempt=False)
    for position in endpoint.opaque:
        root.add(position, None, exempt=False, needed=False).opaque = True
    return root
