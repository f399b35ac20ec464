"""Applies everything a policy can say to the body of one call: the long way, for bodies and policies that need it.

`apply` walks bodies for which field names are all there is to look at. This walk also knows selectors (`paths`), detectors,
minimisation (`allow`), JSON held in strings, and parameters of queries and forms; for field names it decides as `apply` does.

What decides on a value, first found first: a rule that names its place (`fields`, `paths`), in file order; then what it is
made of, a structure held in a string being walked like the rest; then detectors in file order, unless a rule that names the
place stood before them. A rule in report mode is counted and decides nothing.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from proxy.api.model import Identifier
from proxy.errors import Reason, RefusedError
from proxy.payload.encode import encode
from proxy.policy.actions import HASH_SUFFIX, MASK, Hasher
from proxy.policy.fields import Choice, DeniedError, Hit, Matcher, is_identifier
from proxy.policy.identity import Pseudonyms
from proxy.policy.minimise import Allowed
from proxy.policy.model import Action
from proxy.policy.positions import NOWHERE, Position
from proxy.policy.selector import Place, Selectors
from proxy.policy.texts import NESTED_MAX, held_json, parameters_treated, spelled

GONE: Any = object()
"""What stands for a value that does not leave."""

Path = tuple[str, ...]
Act = tuple[Hit, Path]
"""What acted, and where: keys, `[]` for an element of an array, `""` for what is inside a string."""

# How deep JSON in a string may be nested; a body itself has a limit of its own.
HELD_DEPTH = 100
ELEMENT, INSIDE = "[]", '""'


class Choices:
    """What decides on a place: anywhere, and where it is an identifier position, which only rules that look may decide on."""

    __slots__ = ("anywhere", "at_identifier")

    def __init__(self, anywhere: Choice | None, at_identifier: Choice | None) -> None:
        """Hold both."""
        self.anywhere = anywhere
        self.at_identifier = at_identifier


class Span(Protocol):
    """A part of a text that a detector found."""

    @property
    def start(self) -> int:
        """Where it begins."""

    @property
    def end(self) -> int:
        """Where it has ended."""

    @property
    def detector(self) -> str:
        """Which one found it."""


class Scanner(Protocol):
    """Looks for what detectors know."""

    def spans(self, text: str) -> Sequence[Span]:
        """Return what is found, in order and apart from one another."""


class Detecting:
    """The detect rules of one endpoint: a scanner, and the rule that each detector belongs to."""

    __slots__ = ("first", "rules", "scanner")

    def __init__(self, scanner: Scanner, rules: Mapping[str, Choice]) -> None:
        """Ask `scanner`, decide by `rules`."""
        self.scanner = scanner
        self.rules = rules
        self.first = min(choice.order for choice in rules.values())


class Identity:
    """What replaces identifiers, and what is told of it."""

    __slots__ = ("hit", "pseudonyms")

    def __init__(self, pseudonyms: Pseudonyms, hit: Hit) -> None:
        """Replace by `pseudonyms`."""
        self.pseudonyms = pseudonyms
        self.hit = hit


class Ruleset:
    """Everything that holds for one endpoint and caller."""

    __slots__ = ("allowed", "detecting", "hasher", "identity", "matcher", "more_than_fields", "places", "positions")

    def __init__(  # noqa: PLR0917 - composed once, in `compile`
        self,
        matcher: Matcher,
        positions: Position,
        hasher: Hasher,
        selectors: Selectors[Choices],
        detecting: Detecting | None,
        allowed: Allowed | None,
        identity: Identity | None,
    ) -> None:
        """Compose; `more_than_fields` is whether there is more to look at than the names of fields."""
        self.matcher = matcher
        self.positions = positions
        self.hasher = hasher
        self.places = selectors.root
        self.detecting = detecting
        self.allowed = allowed
        self.identity = identity
        self.more_than_fields = bool(selectors) or any(part is not None for part in (detecting, allowed, identity))


class Walk:
    """One walk through one body."""

    __slots__ = ("_id_type", "_rules", "acts", "nested")

    def __init__(self, rules: Ruleset, id_type: str = "") -> None:
        """Begin with nothing found; `id_type` is what the call's query says its identifiers are."""
        self._rules = rules
        self._id_type = id_type
        self.acts: list[Act] = []
        self.nested = 0

    def body(self, value: object) -> object:
        """Return what may leave of a body.

        Raises:
            DeniedError: a rule does not let the request leave.
            RefusedError: `too_deep`, where JSON in strings is nested too deep to be looked into.
        """
        rules = self._rules
        kept = self._value(value, rules.positions, rules.places, (), transparent=True)
        return None if kept is GONE else kept

    def _value(self, value: Any, position: Position, place: Place[Choices], path: Path, *, transparent: bool) -> Any:  # noqa: ANN401
        """Return what may leave of a value that no rule names; `transparent` says that minimisation looks inside."""
        kind = type(value)
        if kind is dict:
            return self._object(value, position, place, path, transparent=transparent)
        if kind is list:
            kept = (
                self._value(element, position.elements, place, (*path, ELEMENT), transparent=transparent) for element in value
            )
            return [element for element in kept if element is not GONE]
        if value is None or kind is bool:
            return value
        if position.kind is not None and (identity := self._rules.identity) is not None:
            value = self._named(value, position.kind, identity, path)
            kind = type(value)
        return self._text(value, position, place, path) if kind is str else self._number(value, position, path)

    def _named(self, value: Any, kind: Identifier, identity: Identity, path: Path) -> Any:  # noqa: ANN401
        """Return the pseudonym of an identifier, or itself where its type is kept."""
        text = value if type(value) is str else encode(value).decode()
        pseudonym = identity.pseudonyms.of(kind, text, self._id_type)
        if pseudonym == text:
            return value
        self._note(identity.hit, path)
        return pseudonym if identity.hit.enforced else value

    def _object(
        self, value: dict[str, Any], position: Position, place: Place[Choices], path: Path, *, transparent: bool
    ) -> dict[str, Any]:
        kept: dict[str, Any] = {}
        hashes: dict[str, Any] = {}
        allowed = self._rules.allowed if transparent else None
        for key, child in value.items():
            below, inside = position.below(key), (*path, key)
            looks_inside = transparent
            if allowed is not None:
                if not allowed.keeps(key, below):
                    self._note(allowed.hit, inside)
                    if allowed.hit.enforced:
                        continue
                looks_inside = allowed.looks_inside(key, below)
            further = place.below(key)
            choice = self._choice(key, child, position, below, further)
            if choice is not None:
                self._note(choice.hit, inside)
            if choice is None or not choice.hit.enforced:
                name = self._key(key, inside)
                if name is not GONE:
                    child = self._value(child, below, further, inside, transparent=looks_inside)  # noqa: PLW2901
                    if child is not GONE:
                        kept[name] = child
                continue
            match choice.hit.action:
                case Action.HASH:
                    name = key + HASH_SUFFIX
                    hashes[name] = kept[name] = self._rules.hasher.hashed(child, choice.canonical)
                case Action.MASK:
                    kept[key] = MASK
                case Action.DENY:
                    raise DeniedError([hit for hit, _ in self.acts])
        kept.update(hashes)
        return kept

    def _choice(self, key: str, child: object, position: Position, below: Position, place: Place[Choices]) -> Choice | None:
        """Return the rule that names this place, the first of the file."""
        field = self._rules.matcher.field(key)
        by_name = None if field is None else field.choice_at(position, key, child)
        chosen = place.chosen
        if chosen is None:
            return by_name
        by_place = chosen.at_identifier if below.exempt and is_identifier(child) else chosen.anywhere
        if by_name is None or by_place is None:
            return by_name or by_place
        return by_name if by_name.order < by_place.order else by_place

    # Values that are text

    def _text(self, text: str, position: Position, place: Place[Choices], path: Path) -> Any:  # noqa: ANN401
        """Return what may leave of a text: what is held in it treated, then what detectors find in the rest."""
        inside = (*path, INSIDE)
        if self.nested >= NESTED_MAX:
            if '"' in text or "=" in text:
                raise RefusedError(Reason.TOO_DEEP)
        else:
            self.nested += 1
            if not position.exempt and (held := held_json(text, HELD_DEPTH)) is not None:
                text = self._held(text, held, place, inside)
                self.nested -= 1
                return text
            # At an identifier position only the query of a URL is looked at: a page view's name is one.
            if not position.exempt or "://" in text or text.startswith("/"):
                text = parameters_treated(text, lambda name, value: self._parameter(name, value, place, inside))
            self.nested -= 1
        return self._detected(text, text, position, path)

    def _number(self, number: Any, position: Position, path: Path) -> Any:  # noqa: ANN401
        return self._detected(number, encode(number).decode(), position, path) if self._rules.detecting else number

    def _held(self, text: str, held: object, place: Place[Choices], path: Path) -> str:
        """Return a text with the JSON it holds treated; the very text, if nothing in it changed."""
        before = encode(held)
        kept = self._value(held, NOWHERE, place, path, transparent=False)
        if kept is GONE:
            return ""
        return text if encode(kept) == before else spelled(kept)

    def _parameter(self, name: str, value: str, place: Place[Choices], path: Path) -> tuple[str, str] | None:
        """Return what becomes of a parameter, which is a field like any other."""
        key = name.replace("[", ".").replace("]", "")  # user[ssn]=… as forms write it
        kept = self._object({key: value}, NOWHERE, place, path, transparent=False)
        if not kept:
            return None
        ((now, left),) = kept.items()
        return (name if now == key else now), (left if type(left) is str else encode(left).decode())

    # What detectors find

    def _detected(self, value: Any, text: str, position: Position, path: Path) -> Any:  # noqa: ANN401
        """Return what may leave of a value whose text is `text`, by the detectors."""
        detecting = self._rules.detecting
        if detecting is None:
            return value
        masked: list[str] = []
        done = 0
        for span in detecting.scanner.spans(text):
            choice = detecting.rules[span.detector]
            hit = choice.hit
            if position.exempt and hit.enforced and hit.action is not Action.DENY:
                continue  # an identifier belongs to `identifiers:`
            self._note(hit, path)
            if not hit.enforced:
                continue
            match hit.action:
                case Action.MASK:
                    masked += (text[done : span.start], MASK)
                    done = span.end
                case Action.STRIP:
                    return GONE
                case Action.HASH:
                    return self._rules.hasher.hashed(value, choice.canonical)
                case _:
                    raise DeniedError([hit for hit, _ in self.acts])
        return "".join((*masked, text[done:])) if masked else value

    def _key(self, key: str, path: Path) -> Any:  # noqa: ANN401
        """Return what may leave of a key, which may be personal data itself: an address that leads to its owner's data."""
        if self._rules.detecting is None:
            return key
        kept = self._detected(key, key, NOWHERE, path)
        return kept if kept is GONE or type(kept) is str else str(kept)

    def _note(self, hit: Hit, path: Path) -> None:
        self.acts.append((hit, path))
