"""The decision of a policy on one key: the deciding rule, and the memory of such decisions."""

from collections.abc import Callable

from proxy.errors import Reason, RefusedError
from proxy.policy.actions import HASH_SUFFIX, Canonical
from proxy.policy.model import Action, Mode
from proxy.policy.positions import Position

# Bounds of the remembered keys, so that callers cannot fill the memory with keys of their own.
KNOWN_KEYS = 4096
KNOWN_KEY_CHARACTERS = 128


class Hit:
    """A rule that acted, or in report mode would have. Logs and metrics show only `labels`: rule, action and mode."""

    __slots__ = ("action", "enforced", "labels", "rule")

    def __init__(self, rule: str, action: Action, mode: Mode) -> None:
        """Store the rule's name, action and effective mode."""
        self.rule = rule
        self.action = action
        self.enforced = mode is Mode.ENFORCE
        self.labels = (rule, action.value, mode.value)

    def __eq__(self, other: object) -> bool:
        """Return whether the labels are equal."""
        return isinstance(other, Hit) and self.labels == other.labels

    def __hash__(self) -> int:
        """Return the hash of the labels."""
        return hash(self.labels)

    def __repr__(self) -> str:
        """Return the labels as text."""
        return f"Hit{self.labels}"


class Choice:
    """The rule that decides on a place: its number in the file, its hit, and the canonical form for hashes."""

    __slots__ = ("canonical", "hit", "order")

    def __init__(self, order: int, hit: Hit, canonical: Canonical) -> None:
        """Store the rule's number, its hit and the canonical form."""
        self.order = order
        self.hit = hit
        self.canonical = canonical


class Choices:
    """The deciding rules for a place: one for ordinary positions, one observe-only rule for identifier positions."""

    __slots__ = ("anywhere", "at_identifier")

    def __init__(self, anywhere: Choice | None, at_identifier: Choice | None) -> None:
        """Store both rules; None: no rule decides."""
        self.anywhere = anywhere
        self.at_identifier = at_identifier


class Field:
    """The decision on a key: the deciding rule at identifier positions and elsewhere, and the form in which it is hashed."""

    __slots__ = ("at_identifier", "canonical", "choice", "dotted", "hash_key", "hit", "hit_at_identifier", "spares")

    def __init__(self, key: str, choice: Choice, at_identifier: Choice | None) -> None:
        """Derive from the two rules everything that a call needs to know about `key`."""
        self.choice = choice
        self.at_identifier = at_identifier
        self.hit = choice.hit
        self.hit_at_identifier = None if at_identifier is None else at_identifier.hit
        self.spares = self.hit is not self.hit_at_identifier  # whether identifier positions have another decision
        self.dotted = "." in key
        self.hash_key = key + HASH_SUFFIX
        self.canonical = choice.canonical

    def choice_at(self, position: Position, key: str, value: object) -> Choice | None:
        """Return the rule that decides on the member `key: value` of the object at `position`, or None."""
        return self.choice if self.hit_at(position, key, value) is self.hit else self.at_identifier

    def hit_at(self, position: Position, key: str, value: object) -> Hit | None:
        """Return the hit of the rule that decides on the member `key: value` of the object at `position`, or None."""
        # Few keys are at identifier positions, so the cheap checks by name come first.
        if (
            self.spares
            and (key in position.named or self.dotted or position.wide)
            and position.below(key).exempt
            and is_identifier(value)
        ):
            return self.hit_at_identifier
        return self.hit


class DeniedError(RefusedError):
    """The policy refuses a request."""

    def __init__(self, hits: list[Hit]) -> None:
        """Store the hits of the rules that acted; the refusing rule is the last."""
        super().__init__(Reason.POLICY_DENIED)
        self.hits = hits


class Matcher:
    """Decides on keys by their names, and remembers the decisions. Endpoints with the same rules share one matcher."""

    __slots__ = ("_find", "known", "plain")

    def __init__(self, find: Callable[[str], Field | None]) -> None:
        """Use `find` to decide on a key that is not remembered."""
        self._find = find
        self.known: dict[str, Field] = {}  # keys known to match a rule
        self.plain: set[str] = set()  # keys known to match nothing

    def field(self, key: str) -> Field | None:
        """Return the decision on `key`, which is not in `plain`, or None if no rule matches it."""
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


def is_identifier(value: object) -> bool:
    """Return whether `value` can be an identifier or routing value: a scalar, or an array of scalars."""
    kind = type(value)
    return kind is not dict and (kind is not list or not any(isinstance(element, dict | list) for element in value))  # type: ignore[attr-defined]  # narrowed by `kind`
