"""Applies a compiled policy to the body of one call.

Most objects of most calls have no key that a rule names. For those the whole check is one set comparison: keys that were found
to match nothing are remembered, and only an object with another key is looked at key by key. The value is changed in place
where nothing was replaced above it; it is ours, decoded for this call.

A rule that changes values passes over what the endpoint table calls an identifier or routing position (`model.Endpoint`), if it
holds a scalar or an array of scalars; an object there is no identifier, and is looked into. Rules that only look (deny, report)
look there as well.
"""

from collections.abc import Callable, Mapping
from typing import Any

from proxy.errors import Reason, RefusedError
from proxy.policy.actions import HASH_SUFFIX, MASK, Canonical, Hasher
from proxy.policy.model import Action, Mode
from proxy.policy.positions import Position

# How many keys are remembered, and how long they may be: what callers send must not fill the memory.
KNOWN_KEYS = 4096
KNOWN_KEY_CHARACTERS = 128

# Members of an enumeration take a look-up each, a name of the module a third of one.
_HASH, _MASK, _DENY = Action.HASH, Action.MASK, Action.DENY
_CONTAINERS = frozenset({dict, list})


class Hit:
    """A rule that acted, or in report mode would have. `labels` is all that is ever told of it: rule, action and mode."""

    __slots__ = ("action", "enforced", "labels", "rule")

    def __init__(self, rule: str, action: Action, mode: Mode) -> None:
        """Name what acted."""
        self.rule = rule
        self.action = action
        self.enforced = mode is Mode.ENFORCE
        self.labels = (rule, action.value, mode.value)

    def __eq__(self, other: object) -> bool:
        """Compare what is told."""
        return isinstance(other, Hit) and self.labels == other.labels

    def __hash__(self) -> int:
        """Hash what is told."""
        return hash(self.labels)

    def __repr__(self) -> str:
        """Show what is told."""
        return f"Hit{self.labels}"


class Field:
    """What happens to a key: which rule decides on it, at an identifier position and anywhere else, and how it is hashed."""

    __slots__ = ("canonical", "dotted", "hash_key", "hit", "hit_at_identifier", "spares")

    def __init__(self, key: str, hit: Hit, hit_at_identifier: Hit | None, canonical: Canonical) -> None:
        """Decide on `key`; its text is hashed in the form that `canonical` gives it."""
        self.hit = hit
        self.hit_at_identifier = hit_at_identifier
        self.spares = hit is not hit_at_identifier  # whether it matters where the key stands
        self.dotted = "." in key
        self.hash_key = key + HASH_SUFFIX
        self.canonical = canonical

    def hit_at(self, position: Position, key: str, value: object) -> Hit | None:
        """Return which rule decides on `value`, which stands as `key` in the object at `position`."""
        # Nearly no key stands at such a position: most are known not to from their name.
        if (
            self.spares
            and (key in position.named or self.dotted or position.wide)
            and position.below(key).exempt
            and _is_identifier(value)
        ):
            return self.hit_at_identifier
        return self.hit


class DeniedError(RefusedError):
    """The policy refuses a request."""

    def __init__(self, hits: list[Hit]) -> None:
        """Carry what acted, the refusing rule last."""
        super().__init__(Reason.POLICY_DENIED)
        self.hits = hits


class Matcher:
    """Finds what happens to a key, and remembers it. Endpoints with the same rules share one."""

    __slots__ = ("_find", "known", "plain")

    def __init__(self, find: Callable[[str], Field | None]) -> None:
        """Ask `find` about a key that is not remembered."""
        self._find = find
        self.known: dict[str, Field] = {}  # keys that a rule is known to name
        self.plain: set[str] = set()  # keys known to match nothing

    def field(self, key: str) -> Field | None:
        """Return what happens to `key`, which is not among the plain ones; None for nothing."""
        known = self.known.get(key)
        if known is not None:
            return known
        found = self._find(key)
        if len(key) <= KNOWN_KEY_CHARACTERS:
            if found is None:
                if len(self.plain) >= KNOWN_KEYS:
                    self.plain.clear()
                self.plain.add(key)
            else:
                if len(self.known) >= KNOWN_KEYS:
                    self.known.clear()
                self.known[key] = found
        return found


class EndpointPolicy:
    """The rules that hold for one endpoint, ready to be applied."""

    __slots__ = ("_hashed", "_matcher", "_positions")

    def __init__(self, matcher: Matcher, positions: Position, hasher: Hasher) -> None:
        """Apply what `matcher` finds, but for `positions`."""
        self._matcher = matcher
        self._positions = positions
        self._hashed = hasher.hashed

    def apply(self, value: object) -> tuple[object, list[Hit]]:
        """Return what may leave of `value`, which is used up, and what acted on it.

        Raises:
            DeniedError: a rule does not let the request leave.
        """
        hits: list[Hit] = []
        return (self._inside(value, self._positions, hits) if type(value) in _CONTAINERS else value), hits

    def _inside(self, value: Any, position: Position, hits: list[Hit]) -> object:  # noqa: ANN401  # an object or an array
        """Return what may leave of a container."""
        if type(value) is list:
            elements = position.elements
            for index, child in enumerate(value):
                if type(child) in _CONTAINERS:
                    value[index] = self._inside(child, elements, hits)
            return value
        if not self._matcher.plain.issuperset(value):
            return self._treated(value, position, hits)
        for key, child in value.items():
            if type(child) in _CONTAINERS:
                value[key] = self._inside(child, position.below(key), hits)
        return value

    def _treated(self, value: Mapping[str, object], position: Position, hits: list[Hit]) -> dict[str, object]:
        """Return an object with its keys in their order, those that rules name treated as they say."""
        matcher = self._matcher
        plain, known = matcher.plain, matcher.known
        kept: dict[str, object] = {}
        hashes: dict[str, object] = {}
        for key, child in value.items():
            if key not in plain:
                field = known.get(key) or matcher.field(key)
                if field is not None and (hit := field.hit_at(position, key, child)) is not None:
                    hits.append(hit)
                    if hit.enforced:
                        action = hit.action
                        if action is _HASH:
                            hashes[field.hash_key] = kept[field.hash_key] = self._hashed(child, field.canonical)
                        elif action is _MASK:
                            kept[key] = MASK
                        elif action is _DENY:
                            raise DeniedError(hits)
                        continue
            kept[key] = self._inside(child, position.below(key), hits) if type(child) in _CONTAINERS else child
        # A hash that the caller sent under the same name must not stand in for the one made here.
        kept.update(hashes)
        return kept


def _is_identifier(value: object) -> bool:
    """Say whether `value` can be an identifier or routing value: a scalar, or an array of scalars."""
    kind = type(value)
    return kind is not dict and (kind is not list or not any(isinstance(element, dict | list) for element in value))  # type: ignore[attr-defined]  # narrowed by `kind`
