"""Applies everything a policy can say to the body of one call: the long way, for bodies and policies that need it.

`apply` walks bodies for which field names are all there is to look at. This walk also knows selectors (`paths`), detectors,
minimisation (`allow`), JSON held in strings, and parameters of queries and forms; for field names it decides as `apply` does.

What decides on a value: the first rule of the file that names its place (`fields`, `paths`) takes the whole of it, and of the
detect rules only those that stand before it look at it still, to count or to refuse. A value that no such rule takes is looked
into, a structure held in a string being walked like the rest, and detectors decide on the parts that they find.
A rule in report mode is counted and decides nothing.
"""

from collections.abc import Iterator
from typing import Any

from proxy.api.model import Identifier
from proxy.errors import Reason, RefusedError
from proxy.payload.encode import encode
from proxy.policy.actions import HASH_SUFFIX, MASK, Hasher
from proxy.policy.detect import Detecting
from proxy.policy.fields import Choice, Choices, DeniedError, Hit, Matcher, is_identifier
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
            if kind is str and identity.pseudonyms.made(value):
                return value  # what a detector took it for would make one person of all
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
            if choice is None or not choice.hit.enforced:
                if choice is not None:
                    self._note(choice.hit, inside)
                name = self._key(key, kept, inside)
                if name is not GONE:
                    child = self._value(child, below, further, inside, transparent=looks_inside)  # noqa: PLW2901
                    if child is not GONE:
                        kept[name] = child
                continue
            self._looked_at(child, choice, inside)
            self._note(choice.hit, inside)
            if choice.hit.action is Action.DENY:
                raise DeniedError([hit for hit, _ in self.acts])
            if choice.hit.action is Action.STRIP or (name := self._key(key, kept, inside)) is GONE:
                continue
            if choice.hit.action is Action.MASK:
                kept[name] = MASK
            else:
                hashes[name + HASH_SUFFIX] = kept[name + HASH_SUFFIX] = self._rules.hasher.hashed(child, choice.canonical)
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
        if position.opaque:
            return text
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
        if self._rules.detecting is None:
            return number
        return self._detected(number, _digits(number), position, path, number=True)

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

    def _detected(self, value: Any, text: str, position: Position, path: Path, *, number: bool = False) -> Any:  # noqa: ANN401
        """Return what may leave of a value whose text is `text`, by the detectors."""
        detecting = self._rules.detecting
        if detecting is None:
            return value
        looked, changes = detecting.find(text, exempt=position.exempt, number=number)
        for hit in looked:
            self._refuse_or_note(hit, path)
        if not changes:
            return value
        pieces: list[str] = []
        done = 0
        for (start, end, _), choice in changes:
            self._note(choice.hit, path)
            match choice.hit.action:
                case Action.STRIP:
                    return GONE
                case Action.HASH:
                    treated = str(self._rules.hasher.hashed(text[start:end], choice.canonical))
                case _:
                    treated = MASK
            pieces += (text[done:start], treated)
            done = end
        return "".join((*pieces, text[done:]))

    def _key(self, key: str, kept: dict[str, Any], path: Path) -> Any:  # noqa: ANN401
        """Return what may leave of a key, which may be personal data itself: an address that leads to its owner's data."""
        if self._rules.detecting is None:
            return key
        name = treated = self._detected(key, key, NOWHERE, path)
        # Two people's keys may have become the same; what stands under them is not.
        while name in kept:
            name = f"{treated} {len(kept) + 1}"
            treated = name
        return name

    def _looked_at(self, value: object, choice: Choice, path: Path) -> None:
        """Let the detect rules that stand before the rule of a place look at what it takes."""
        detecting = self._rules.detecting
        if detecting is None or detecting.first > choice.order:
            return
        for text, number in _texts(value):
            for hit in detecting.find(text, exempt=False, number=number, before=choice.order).looked:
                self._refuse_or_note(hit, path)

    def _refuse_or_note(self, hit: Hit, path: Path) -> None:
        self._note(hit, path)
        if hit.enforced:
            raise DeniedError([hit for hit, _ in self.acts])

    def _note(self, hit: Hit, path: Path) -> None:
        self.acts.append((hit, path))


def _texts(value: object) -> Iterator[tuple[str, bool]]:
    """Yield every key, string and number in `value` as text, and whether it is a number."""
    if type(value) is dict:
        for key, child in value.items():
            yield key, False
            yield from _texts(child)
    elif type(value) is list:
        for element in value:
            yield from _texts(element)
    elif type(value) is str:
        yield value, False
    elif value is not None and type(value) is not bool:
        yield _digits(value), True


def _digits(number: Any) -> str:  # noqa: ANN401 - int or float
    """Return the JSON text of a number; a float that is whole (4.0, 4e15) is the integer it stands for."""
    return encode(int(number) if type(number) is float and number.is_integer() else number).decode()
