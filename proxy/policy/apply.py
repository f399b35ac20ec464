"""Applies a compiled policy to the body of one call.

Most objects of most calls have no key that a rule names. For those the whole check is one set comparison: keys that were found
to match nothing are remembered, and only an object with another key is looked at key by key. The value is changed in place
where nothing was replaced above it; it is ours, decoded for this call.

A rule that changes values passes over what the endpoint table calls an identifier or routing position (`model.Endpoint`), if it
holds a scalar or an array of scalars; an object there is no identifier, and is looked into. Rules that only look (deny, report)
look there as well.
"""

from collections.abc import Callable, Mapping

from proxy.errors import Reason, RefusedError
from proxy.policy.actions import HASH_SUFFIX, MASK, Canonical, Hasher
from proxy.policy.model import Action, Mode
from proxy.policy.positions import Position

# How many keys are remembered, and how long they may be: what callers send must not fill the memory.
KNOWN_KEYS = 4096
KNOWN_KEY_CHARACTERS = 128


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

    __slots__ = ("canonical", "hash_key", "hit", "hit_at_identifier")

    def __init__(self, key: str, hit: Hit, hit_at_identifier: Hit | None, canonical: Canonical) -> None:
        """Decide on `key`; its text is hashed in the form that `canonical` gives it."""
        self.hit = hit
        self.hit_at_identifier = hit_at_identifier
        self.hash_key = key + HASH_SUFFIX
        self.canonical = canonical


class DeniedError(RefusedError):
    """The policy refuses a request."""

    def __init__(self, hits: list[Hit]) -> None:
        """Carry what acted, the refusing rule last."""
        super().__init__(Reason.POLICY_DENIED)
        self.hits = hits


class Matcher:
    """Finds what happens to a key, and remembers it. Endpoints with the same rules share one."""

    __slots__ = ("_fields", "_find", "plain")

    def __init__(self, find: Callable[[str], Field | None]) -> None:
        """Ask `find` about a key that is not remembered."""
        self._find = find
        self._fields: dict[str, Field] = {}
        self.plain: set[str] = set()  # keys known to match nothing

    def field(self, key: str) -> Field | None:
        """Return what happens to `key`, or None for nothing."""
        known = self._fields.get(key)
        if known is not None or key in self.plain:
            return known
        found = self._find(key)
        if len(key) <= KNOWN_KEY_CHARACTERS:
            if found is None:
                if len(self.plain) >= KNOWN_KEYS:
                    self.plain.clear()
                self.plain.add(key)
            else:
                if len(self._fields) >= KNOWN_KEYS:
                    self._fields.clear()
                self._fields[key] = found
        return found


class EndpointPolicy:
    """The rules that hold for one endpoint, ready to be applied."""

    __slots__ = ("_hasher", "_matcher", "_positions")

    def __init__(self, matcher: Matcher, positions: Position, hasher: Hasher) -> None:
        """Apply what `matcher` finds, but for `positions`."""
        self._matcher = matcher
        self._positions = positions
        self._hasher = hasher

    def apply(self, value: object) -> tuple[object, list[Hit]]:
        """Return what may leave of `value`, which is used up, and what acted on it.

        Raises:
            DeniedError: a rule does not let the request leave.
        """
        hits: list[Hit] = []
        if type(value) is dict:
            value = self._object(value, self._positions, hits)
        elif type(value) is list:
            self._array(value, self._positions.elements, hits)
        return value, hits

    def _object(self, value: dict[str, object], position: Position, hits: list[Hit]) -> dict[str, object]:
        plain = self._matcher.plain
        if not plain.issuperset(value):
            field = self._matcher.field
            fields = {key: found for key in value if key not in plain and (found := field(key)) is not None}
            if fields:
                return self._touched(value, fields, position, hits)
        for key, child in value.items():
            kind = type(child)
            if kind is dict:
                value[key] = self._object(child, position.below(key), hits)  # type: ignore[arg-type]  # narrowed by `kind`
            elif kind is list:
                self._array(child, position.below(key).elements, hits)  # type: ignore[arg-type]  # narrowed by `kind`
        return value

    def _array(self, value: list[object], position: Position, hits: list[Hit]) -> None:
        for index, child in enumerate(value):
            kind = type(child)
            if kind is dict:
                value[index] = self._object(child, position, hits)  # type: ignore[arg-type]  # narrowed by `kind`
            elif kind is list:
                self._array(child, position.elements, hits)  # type: ignore[arg-type]  # narrowed by `kind`

    def _touched(
        self, value: dict[str, object], fields: Mapping[str, Field], position: Position, hits: list[Hit]
    ) -> dict[str, object]:
        """Return `value` with its keys in their order, those of `fields` treated as their rules say."""
        kept: dict[str, object] = {}
        hashes: dict[str, object] = {}
        for key, child in value.items():
            field = fields.get(key)
            if field is not None:
                hit = field.hit_at_identifier if position.below(key).exempt and _is_identifier(child) else field.hit
                if hit is not None:
                    hits.append(hit)
                    if hit.enforced:
                        action = hit.action
                        if action is Action.HASH:
                            hashes[field.hash_key] = kept[field.hash_key] = self._hasher.hashed(child, field.canonical)
                        elif action is Action.MASK:
                            kept[key] = MASK
                        elif action is Action.DENY:
                            raise DeniedError(hits)
                        continue
            kind = type(child)
            if kind is dict:
                kept[key] = self._object(child, position.below(key), hits)  # type: ignore[arg-type]  # narrowed by `kind`
            else:
                if kind is list:
                    self._array(child, position.below(key).elements, hits)  # type: ignore[arg-type]  # narrowed by `kind`
                kept[key] = child
        # A hash that the caller sent under the same name must not stand in for the one made here.
        kept.update(hashes)
        return kept


def _is_identifier(value: object) -> bool:
    """Say whether `value` can be an identifier or routing value: a scalar, or an array of scalars."""
    kind = type(value)
    return kind is not dict and (kind is not list or not any(isinstance(element, dict | list) for element in value))  # type: ignore[attr-defined]  # narrowed by `kind`
