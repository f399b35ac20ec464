"""Minimisation (`allow`): for an endpoint, only the listed fields are sent; every other field is stripped.

Some places are sent without being listed: the identifiers and routing values of the endpoint table, and the parts that a
message needs (`Position.single`, `several`), if they have the shape that the table gives. Objects and arrays of objects on the
way to such a place are kept, and so are objects that only hold attributes (`CONTAINERS`). So `[email, plan]` means the same
for every version of an API. Inside these objects, too, only listed fields are sent. A text, number or boolean in place of such
an object is stripped.
"""

from collections.abc import Iterable
from typing import Final

from proxy.policy.fields import KNOWN_KEY_CHARACTERS, KNOWN_KEYS, Hit
from proxy.policy.names import normal_form
from proxy.policy.positions import Position

# The keys under which Customer.io's APIs expect the attributes of people, events and objects (Track, App and Pipelines API
# references).
CONTAINERS = frozenset({"attributes", "traits", "data", "properties", "message_data", "batch", "relationship_attributes"})

STRIPPED: Final = 0
LEADS: Final = 1  # an object, or an array of objects, of which a part may be sent
KEPT: Final = 2


class Allowed:
    """The fields that may be sent to one endpoint. Decisions on keys are remembered: a normal form is half of the work."""

    __slots__ = ("_known", "_names", "hit")

    def __init__(self, names: Iterable[str], hit: Hit) -> None:
        """Allow the fields `names`; `hit` counts the fields that are stripped."""
        self._names = frozenset(map(normal_form, names))
        self._known: dict[str, bool] = {}
        self.hit = hit

    def leave(self, key: str, value: object, parent: Position) -> int:
        """Return the decision on the member `key: value` of the object at `parent`: STRIPPED, LEADS or KEPT.

        A dotted key counts as several steps, or as one field if its whole name is listed.
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
