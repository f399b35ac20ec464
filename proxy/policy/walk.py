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

from proxy.errors import Reason, RefusedError
from proxy.payload.encode import encode
from proxy.policy.actions import HASH_SUFFIX, MASK, Hasher
from proxy.policy.detect import Detecting
from proxy.policy.fields import Choice, Choices, DeniedError, Hit, Matcher, is_identifier
from proxy.policy.minimise import LEADS, STRIPPED, Allowed
from proxy.policy.model import Action
from proxy.policy.people import Identity, Named
from proxy.policy.positions import NOWHERE, Position
from proxy.policy.selector import Place, Selectors
from proxy.policy.texts import NESTED_MAX, coded, decoded_treated, digits_of, field_of, held_json, parameters_treated, spelled

GONE: Any = object()
"""What stands for a value that does not leave."""

Path = tuple[str, ...]
Act = tuple[Hit, Path]
"""What acted, and where: keys, `[]` for an element of an array, `""` for what is inside a string."""

# How deep JSON in a string may be nested; a body itself has a limit of its own.
HELD_DEPTH = 100
ELEMENT, INSIDE = "[]", '""'


class Ruleset:
    """Everything that holds for one endpoint and caller."""

    __slots__ = ("allowed", "detecting", "hasher", "identity", "matcher", "places", "positions", "thorough")

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
        """Compose; `thorough` is whether there is more to look at in every body than the names of fields."""
        self.matcher = matcher
        self.positions = positions
        self.hasher = hasher
        self.places = selectors.root
        self.detecting = detecting
        self.allowed = allowed
        self.identity = identity
        self.thorough = bool(selectors) or allowed is not None or identity is not None


class Walk:
    """One walk through one body."""

    __slots__ = ("_detecting", "_keyed", "_marks", "_named", "_path", "_placed", "_rules", "acts", "nested")

    def __init__(self, rules: Ruleset, named: Named | None = None, marks: str | None = "", *, placed: bool = False) -> None:
        """Begin with nothing found; `named` is who the call names, where identifiers are replaced.

        `marks` tells what is known of the body beforehand: None that there is nothing to detect, characters that a text
        without any of them holds nothing. Only if they are to be `placed`, acts are told with their paths: in a deep body with
        much to find these take a hundred times as much as the body.
        """
        self._rules = rules
        self._detecting = None if marks is None else rules.detecting
        self._marks = marks or ""
        if self._detecting is not None:
            self._detecting.begin()
        self._named = named
        self._keyed = False
        self._path: list[str] = []
        self._placed = placed
        self.acts: list[Act] = []
        self.nested = 0

    def body(self, value: object) -> object:
        """Return what may leave of a body.

        Raises:
            DeniedError: a rule does not let the request leave.
            RefusedError: `too_deep`, where JSON in strings is nested too deep to be looked into.
        """
        rules = self._rules
        allowed = rules.allowed
        if allowed is not None and not isinstance(value, dict | list | None):
            value = None if self._stripped(allowed, "", value, rules.positions, rules.places) else value
        kept = self._value(value, rules.positions, rules.places, transparent=True)
        named = self._named
        if named is not None and named.identity.bodiless and kept and kept is not GONE:
            self._note(named.identity.hit)
            return {} if named.identity.hit.enforced else kept
        return None if kept is GONE else kept

    def _value(self, value: Any, position: Position, place: Place[Choices], *, transparent: bool) -> Any:  # noqa: ANN401
        """Return what may leave of a value that no rule names; `transparent` says that minimisation looks inside."""
        kind = type(value)
        if kind is dict:
            return self._object(value, position, place, transparent=transparent)
        if kind is list:
            elements = position.elements
            self._path.append(ELEMENT)
            allowed = self._rules.allowed if transparent else None
            if allowed is not None:
                # What leads to something is an array of objects.
                value = [each for each in value if type(each) is dict or not self._stripped(allowed, "", each, elements, place)]
            kept = [self._value(each, elements, place, transparent=transparent and type(each) is dict) for each in value]
            self._path.pop()
            return [element for element in kept if element is not GONE]
        if value is None or kind is bool:
            return value
        named = self._named
        if named is not None:
            left = named.replaced(value, position, keyed=self._keyed)
            if left is not value:
                self._note(named.identity.hit)
                value = left if named.identity.hit.enforced else value
            kind = type(value)
            if kind is str and named.identity.pseudonyms.made(value):
                return value  # what a detector took it for would make one person of all
        if kind is str:
            return self._text(value, position, place)
        return value if self._detecting is None else self._detected(value, digits_of(value), position, number=True)

    def _object(self, value: dict[str, Any], position: Position, place: Place[Choices], *, transparent: bool) -> dict[str, Any]:
        kept: dict[str, Any] = {}
        hashes: dict[str, Any] = {}
        plain = self._rules.matcher.plain
        allowed = self._rules.allowed if transparent else None
        named, keyed = self._named, self._keyed
        for key, child in value.items():
            looks_inside = transparent
            if allowed is not None:
                leave = allowed.leave(key, child, position)
                looks_inside = leave == LEADS
                if leave == STRIPPED and self._stripped(allowed, key, {key: child}, position, place):
                    continue
            self._path.append(key)
            below, further = position.below(key), place.below(key)
            choice = None
            if key not in plain or further.chosen is not None:
                choice = self._choice(key, child, position, below, further)
            if choice is not None and choice.hit.enforced:
                self._take(key, child, choice, kept, hashes)
            else:
                if choice is not None:
                    self._note(choice.hit)
                name = key if (self._detecting is None and named is None) or key in hashes else self._key(key, kept)
                if name is not GONE:
                    if named is not None:
                        self._keyed = named.keyed(key, value, expression=below.whole)
                    child = self._value(child, below, further, transparent=looks_inside)  # noqa: PLW2901
                    if child is not GONE:
                        kept[name] = child
            self._path.pop()
        self._keyed = keyed
        # A hash that the caller sent under the same name must not stand in for the one made here.
        kept.update(hashes)
        return kept

    def _stripped(self, allowed: Allowed, key: str, value: Any, position: Position, place: Place[Choices]) -> bool:  # noqa: ANN401
        """Tell that minimisation strips a value, and say whether it goes; rules that deny are asked first."""
        self.acts.append((allowed.hit, tuple(filter(None, (*self._path, key))) if self._placed else ()))
        if not allowed.hit.enforced:
            return False
        told = len(self.acts)
        self._value(value, position, place, transparent=False)
        # What other rules did to it is not told: it does not leave.
        self.acts[told:] = [act for act in self.acts[told:] if act[0].action is Action.DENY]
        return True

    def _take(self, key: str, child: object, choice: Choice, kept: dict[str, Any], hashes: dict[str, Any]) -> None:
        """Do to a value what the rule of its place says."""
        self._looked_at(child, choice)
        self._note(choice.hit)
        action = choice.hit.action
        if action is Action.DENY:
            raise self._denied()
        if action is Action.STRIP:
            return
        name = key if (self._detecting is None and self._named is None) or key in hashes else self._key(key, kept)
        if name is GONE:
            return
        if action is Action.MASK:
            kept[name] = MASK
        else:
            name += HASH_SUFFIX
            while name in hashes:  # two people's keys, which are one now
                name = f"{name} {len(kept) + 1}"
            hashes[name] = kept[name] = self._rules.hasher.hashed(child, choice.canonical)

    def _choice(self, key: str, child: object, position: Position, below: Position, place: Place[Choices]) -> Choice | None:
        """Return the rule that names this place, the first of the file."""
        matcher = self._rules.matcher
        field = None if key in matcher.plain else matcher.field(key)
        by_name = None if field is None else field.choice_at(position, key, child)
        chosen = place.chosen
        if chosen is None:
            return by_name
        by_place = chosen.at_identifier if below.exempt and is_identifier(child) else chosen.anywhere
        if by_name is None or by_place is None:
            return by_name or by_place
        return by_name if by_name.order < by_place.order else by_place

    # Values that are text

    def _text(self, text: str, position: Position, place: Place[Choices]) -> Any:  # noqa: ANN401
        """Return what may leave of a text: what is held in it treated, then what detectors find in the rest."""
        if position.opaque and coded(text):
            return text
        if '"' in text or "=" in text:
            if self.nested >= NESTED_MAX:
                raise RefusedError(Reason.TOO_DEEP)
            self._path.append(INSIDE)
            self.nested += 1
            held = None if position.exempt else held_json(text, HELD_DEPTH)
            if held is not None:
                text = self._held(text, held, place)
            # At an identifier position only the query of a URL is looked at: a page view's name is one.
            elif not position.exempt or "://" in text or text.startswith("/"):
                text = parameters_treated(text, lambda name, value: self._parameter(name, value, place))
            self.nested -= 1
            self._path.pop()
            if held is not None:
                return text
        if self._detecting is None:
            return text
        left: Any = text
        if "%" in text:
            left = decoded_treated(text, lambda plain: self._detected(plain, plain, position), GONE)
        return GONE if left is GONE else self._detected(left, left, position)

    def _held(self, text: str, held: object, place: Place[Choices]) -> str:
        """Return a text with the JSON it holds treated; the very text, if nothing in it changed."""
        before = encode(held)
        kept = self._value(held, NOWHERE, place, transparent=False)
        if kept is GONE:
            return ""
        return text if encode(kept) == before else spelled(kept)

    def _parameter(self, name: str, value: str, place: Place[Choices]) -> tuple[str, str] | None:
        """Return what becomes of a parameter, which is a field like any other."""
        key = field_of(name)
        kept = self._object({key: value}, NOWHERE, place, transparent=False)
        if not kept:
            return None
        ((now, left),) = kept.items()
        return (name if now == key else now), (left if type(left) is str else encode(left).decode())

    # What detectors find

    def _detected(self, value: Any, text: str, position: Position, *, number: bool = False) -> Any:  # noqa: ANN401
        """Return what may leave of a value whose text is `text`, by the detectors."""
        detecting = self._detecting
        if detecting is None or (self._marks and not any(mark in text for mark in self._marks)):
            return value
        looked, changes = detecting.find(text, exempt=position.exempt, number=number)
        for hit in looked:
            self._note_or_refuse(hit)
        if not changes:
            return value
        pieces: list[str] = []
        done = 0
        for (start, end, _), choice in changes:
            self._note(choice.hit)
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

    def _key(self, key: str, kept: dict[str, Any]) -> Any:  # noqa: ANN401
        """Return what may leave of a key, which may be personal data itself: an address that leads to its owner's data."""
        detecting = self._detecting
        name: Any = key  # or GONE
        named = self._named
        if named is not None and (pseudonym := named.key(key)) != key:
            self._note(named.identity.hit)
            name = pseudonym if named.identity.hit.enforced else key
        if detecting is not None and name is key and key not in detecting.clear_keys:
            told = len(self.acts)
            name = self._detected(key, key, NOWHERE)
            if len(self.acts) == told:
                detecting.remember(key)
        # Two people's keys may have become the same; what stands under them is not.
        while name in kept:
            name = f"{name} {len(kept) + 1}"
        return name

    def _looked_at(self, value: object, choice: Choice) -> None:
        """Let the detect rules that stand before the rule of a place look at what it takes."""
        detecting = self._detecting
        if detecting is None or detecting.first > choice.order:
            return
        for text, number in texts_of(value):
            for hit in detecting.find(text, exempt=False, number=number, before=choice.order).looked:
                self._note_or_refuse(hit)

    def _note(self, hit: Hit) -> None:
        self.acts.append((hit, tuple(self._path) if self._placed else ()))

    def _note_or_refuse(self, hit: Hit) -> None:
        self._note(hit)
        if hit.enforced:
            raise self._denied()

    def _denied(self) -> DeniedError:
        return DeniedError([hit for hit, _ in self.acts])


def texts_of(value: object) -> Iterator[tuple[str, bool]]:
    """Yield every key, string and number in `value` as text, and whether it is a number."""
    if type(value) is dict:
        for key, child in value.items():
            yield key, False
            yield from texts_of(child)
    elif type(value) is list:
        for element in value:
            yield from texts_of(element)
    elif type(value) is str:
        yield value, False
    elif value is not None and type(value) is not bool:
        yield digits_of(value), True
