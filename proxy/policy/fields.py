"""What a policy says about one key: which rule decides on it, and how that is remembered."""

from collections.abc import Callable

from proxy.errors import Reason, RefusedError
from proxy.policy.actions import HASH_SUFFIX, Canonical
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


class Choice:
    """The rule that decides on a place: its order in the file, what it does, and how the place's text is hashed."""

    __slots__ = ("canonical", "hit", "order")

    def __init__(self, order: int, hit: Hit, canonical: Canonical) -> None:
        """Decide by `hit`."""
        self.order = order
        self.hit = hit
        self.canonical = canonical


class Choices:
    """What decides on a place: anywhere, and where it is an identifier position, which only rules that look may decide on."""

    __slots__ = ("anywhere", "at_identifier")

    def __init__(self, anywhere: Choice | None, at_identifier: Choice | None) -> None:
        """Hold both."""
        self.anywhere = anywhere
        self.at_identifier = at_identifier


class Field:
    """What happens to a key: which rule decides on it, at an identifier position and anywhere else, and how it is hashed."""

    __slots__ = ("at_identifier", "canonical", "choice", "dotted", "hash_key", "hit", "hit_at_identifier", "spares")

    def __init__(self, key: str, choice: Choice, at_identifier: Choice | None) -> None:
        """Decide on `key`."""
        self.choice = choice
        self.at_identifier = at_identifier
        self.hit = choice.hit
        self.hit_at_identifier = None if at_identifier is None else at_identifier.hit
        self.spares = self.hit is not self.hit_at_identifier  # whether it matters where the key stands
        self.dotted = "." in key
        self.hash_key = key + HASH_SUFFIX
        self.canonical = choice.canonical

    def choice_at(self, position: Position, key: str, value: object) -> Choice | None:
        """Return which rule decides on `value`, which stands as `key` in the object at `position`, as `hit_at` does."""
        return self.choice if self.hit_at(position, key, value) is self.hit else self.at_identifier

    def hit_at(self, position: Position, key: str, value: object) -> Hit | None:
        """Return which rule decides on `value`, which stands as `key` in the object at `position`."""
        # Nearly no key stands at such a position: most are known not to from their name.
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


def is_identifier(value: object) -> bool:
    """Say whether `value` can be an identifier or routing value: a scalar, or an array of scalars."""
    kind = type(value)
    return kind is not dict and (kind is not list or not any(isinstance(element, dict | list) for element in value))  # type: ignore[attr-defined]  # narrowed by `kind`
