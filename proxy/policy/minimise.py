"""Minimisation: of an endpoint's body only what is named leaves (`allow`); everything else is stripped.

What makes a call what it is stays without being named: identifier and routing positions, and the objects that lead to them.
Objects that only hold attributes (`CONTAINERS`) are looked into, so that `[email, plan]` means the same for every version of
an API.
"""

from collections.abc import Iterable

from proxy.policy.fields import KNOWN_KEY_CHARACTERS, KNOWN_KEYS, Hit
from proxy.policy.names import normal_form
from proxy.policy.positions import Position

# Where Customer.io's APIs put the attributes of people, events and objects (customerio-api.md 1.2 to 1.6).
CONTAINERS = frozenset({"attributes", "traits", "data", "properties", "message_data", "batch", "relationship_attributes"})


class Allowed:
    """What may leave one endpoint. What is known of a key is remembered: its normal form takes as long as all else."""

    __slots__ = ("_known", "_names", "hit")

    def __init__(self, names: Iterable[str], hit: Hit) -> None:
        """Let `names` leave; `hit` is what acts on everything else."""
        self._names = frozenset(map(normal_form, names))
        self._known: dict[str, bool] = {}
        self.hit = hit

    def keeps(self, key: str, position: Position) -> bool:
        """Say whether `key`, which stands at `position`, may leave, or something in it may."""
        return position.exempt or position.wide or bool(position.named) or key in CONTAINERS or self._named(key)

    def looks_inside(self, key: str, position: Position) -> bool:
        """Say whether what is in the object at `key` is minimised as well, because its own name lets nothing leave."""
        return not self._named(key) and not position.exempt

    def _named(self, key: str) -> bool:
        known = self._known.get(key)
        if known is None:
            known = normal_form(key) in self._names
            if len(key) <= KNOWN_KEY_CHARACTERS:
                if len(self._known) >= KNOWN_KEYS:
                    self._known.clear()
                self._known[key] = known
        return known
