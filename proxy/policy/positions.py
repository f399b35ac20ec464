"""The identifier and routing positions of an endpoint as a tree, which is walked in parallel to the body.

A position is written as in `proxy/api/model.py`: dot-separated keys, `*` for any key, `[]` for every element of an array, and
a final `**` for everything below. Keys are Customer.io's own and are compared exactly. A dotted key of a body
(`cio_subscription_preferences.topics.news`) counts as several steps.
"""

from proxy.api.model import Endpoint, Identifier
from proxy.policy.names import normal_form


class Position:
    """One place in a body.

    * `exempt`: rules that change values skip the place. `opaque`: the place holds an encoded file. `kind`: the type of the
      identifier at the place, or None.
    * `elements`: the place of the elements of an array. `named`: the places of keys by name. `wide`: other keys may be exempt
      as well.
    * Minimisation keeps the values that a call needs. `single`: such a scalar belongs here. `several`: an array of these.
      `whole`: any value. `leads`: an object or array on the way to such a value.
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
        """Create a place. `elsewhere` is the place of every key and element below it, by default this place itself."""
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
        """Return the place of `key` in the object at this place."""
        found = self.named.get(key)
        if found is not None:
            return found
        if "." in key:
            head, _, rest = key.partition(".")
            if head in self.named:
                return self.named[head].below(rest)
        return self._any or self._elsewhere

    def add(self, position: str, kind: Identifier | None, *, exempt: bool = True, needed: bool = True) -> "Position":
        """Mark `position`, relative to this place, as an identifier of a `kind` or, if None, as a routing value; return it.

        `needed` says whether minimisation keeps the value even if its field is not listed.
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
            # An array of identifiers is exempt if each of its elements is.
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


class Person:
    """A place in a body where an identifier may be, or that leads to one.

    Keys are compared in normal form: `traits.Email` is an email address as well.
    """

    __slots__ = ("each", "keys", "kind", "strict", "whole")

    def __init__(self) -> None:
        """Create a place without an identifier and without places below."""
        self.keys: dict[str, Person] = {}
        self.each: Person | None = None
        """The place of each element, if an array belongs here."""
        self.kind: Identifier | None = None
        self.strict = False
        """Whether the type is replaced, so that only a scalar, or a container on the way to one, is legal."""
        self.whole = False
        """Whether the value is a filter expression, whose conditions name people."""

    def place(self, position: str, *, strict: bool = False) -> "Person":
        """Return the place of a position of the endpoint table, relative to this one; `strict` marks all places on the way."""
        self.strict = self.strict or strict
        if position in ("", "**"):
            return self
        step, _, rest = position.partition(".")
        found = self.keys.setdefault(normal_form(step), Person())
        for _ in range(step.count("[]")):
            found.strict = found.strict or strict
            found.each = found.each or Person()
            found = found.each
        return found.place(rest, strict=strict)


def tree(endpoint: Endpoint | None) -> Position:
    """Return the root of the tree of an endpoint's positions: the body itself. An unknown endpoint (None) has no positions."""
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
