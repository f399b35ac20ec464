"""Minimisation: of an endpoint's body only what is named leaves (`allow`); everything else is stripped.

What leaves without being named is a list of places, not of subtrees: the identifiers and routing values of the endpoint table
and what a message is made of (`Position.single`, `several`), of the shape that the table says. The objects and arrays of
objects that lead there pass, and so do those that only hold attributes (`CONTAINERS`), so that `[email, plan]` means the same
for every version of an API. In them only what is named leaves: no text, number or boolean in their place, and no key beside.
"""

from collections.abc import Iterable
from typing import Final

from proxy.policy.fields import KNOWN_KEY_CHARACTERS, KNOWN_KEYS, Hit
from proxy.policy.names import normal_form
from proxy.policy.positions import Position

# Where Customer.io's APIs put the attributes of people, events and objects (customerio-api.md 1.2 to 1.6).
CONTAINERS = frozenset({"attributes", "traits", "data", "properties", "message_data", "batch", "relationship_attributes"})

STRIPPED: Final = 0
LEADS: Final = 1  # an object, or an array of objects, of which some may leave
KEPT: Final = 2


class Allowed:
    """What may leave one endpoint. What is known of a key is remembered: its normal form takes as long as all else."""

    __slots__ = ("_known", "_names", "hit")

    def __init__(self, names: Iterable[str], hit: Hit) -> None:
        """Let `names` leave; `hit` is what acts on everything else."""
        self._names = frozenset(map(normal_form, names))
        self._known: dict[str, bool] = {}
        self.hit = hit

    def leave(self, key: str, value: object, parent: Position) -> int:
        """Return what becomes of `value`, which stands as `key` in the object at `parent`: STRIPPED, LEADS or KEPT.

        A dotted key is as many steps as it spells, or one that is named as a whole.
        """
        if self._named(key):
            return KEPT
        position = parent.below(key)
        kind = type(value)
        if position.whole or (position.single and kind is not dict and kind is not list):
            return KEPT
        if kind is not dict and kind is not list and "." not in key:
            return STRIPPED
        if position.several and isinstance(value, list) and not any(isinstance(each, dict | list) for each in value):
            return KEPT
        place = parent
        if "." in key:
            for step in key.split("."):
                if self._named(step):
                    return KEPT
                place = place.below(step)
                if not place.leads and step not in CONTAINERS:
                    return STRIPPED
        elif not position.leads and key not in CONTAINERS:
            return STRIPPED
        return LEADS if kind is dict or kind is list else STRIPPED

    def _named(self, key: str) -> bool:
        known = self._known.get(key)
        if known is None:
            known = normal_form(key) in self._names
            if len(key) <= KNOWN_KEY_CHARACTERS:
                if len(self._known) >= KNOWN_KEYS:
                    self._known.clear()
                self._known[key] = known
        return known
