"""Applies everything a policy can say to the body of one call: the long way, for bodies and policies that need it.

`apply` walks bodies for which field names are all there is to look at. This walk also knows selectors (`paths`), detectors,
minimisation (`allow`), pairs of a name and a value, and structure in strings; for field names it decides as `apply` does.

What decides on a value: the first rule of the file that names its place (`fields`, `paths`) takes the whole of it, and of the
detect rules only those that stand before it look at it still, to count or to refuse. A value that no such rule takes is looked
into, a structure held in a string being walked like the rest, and detectors decide on the parts that they find.
A rule in report mode is counted and decides nothing.
"""

from collections.abc import Callable, Iterator
from typing import Any, Final

from proxy.errors import Reason, RefusedError
from proxy.payload.budget import Budget
from proxy.payload.decode import Held
from proxy.payload.encode import encode
from proxy.policy import texts
from proxy.policy.actions import HASH_SUFFIX, MASK, Hasher
from proxy.policy.detect import Detecting
from proxy.policy.fields import Choice, Choices, DeniedError, Field, Hit, Matcher, is_identifier
from proxy.policy.minimise import LEADS, STRIPPED, Allowed
from proxy.policy.model import Action
from proxy.policy.names import key_units
from proxy.policy.people import Identity, Named
from proxy.policy.positions import NOWHERE, Position
from proxy.policy.selector import Place, Selectors

GONE: Any = object()
"""What stands for a value that does not leave."""

Path = tuple[str, ...]
Act = tuple[Hit, Path]
"""What acted, and where: keys, `[]` for an element of an array, `""` for what is inside a string."""

ELEMENT, INSIDE = "[]", '""'

# What it takes, in units of `payload.budget`: to walk an object or array, and for each of its members or elements; to look into
# a text; to replace an identifier, and to look whether a value names somebody.
CONTAINER_UNITS: Final = 5
MEMBER_UNITS: Final = 5
ELEMENT_UNITS: Final = 3
TEXT_UNITS: Final = 4
PSEUDONYM_UNITS: Final = 10
NAMED_UNITS: Final = 4
# Elements are paid for so many at a time, so that a long array is treated in slices.
PAID_ELEMENTS: Final = 1024
# Short texts and numbers of a body in which nothing was found are remembered until its end.
CLEAR_MAX: Final = 4096
CLEAR_MAX_CHARACTERS: Final = 24
# Members whose value is the value of a field that another member names.
PAIR_NAMES: Final = ("name", "key", "field")
PAIR_VALUE: Final = "value"
_PAIR_PARTS: Final = 2
_NUMBER_STARTS: Final = "+0123456789"


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

    __slots__ = (
        "_budget", "_clear", "_clear_numbers", "_detecting", "_keyed", "_least_number", "_marks", "_named", "_nested", "_path",
        "_placed", "_rules", "_structured", "acts",
    )  # fmt: skip

    def __init__(
        self,
        rules: Ruleset,
        budget: Budget,
        named: Named | None = None,
        marks: str | None = "",
        *,
        structured: bool = True,
        placed: bool = False,
    ) -> None:
        """Begin with nothing found; `named` is who the call names, where identifiers are replaced.

        `marks` tells what is known of the body beforehand: None that there is nothing to detect, characters that a text
        without any of them holds nothing. `structured` says whether strings may hold structure. Only if they are to be
        `placed`, acts are told with their paths: in a deep body with much to find these take a hundred times as much as the
        body.
        """
        self._rules = rules
        self._budget = budget
        self._detecting = None if marks is None else rules.detecting
        self._least_number = 0 if self._detecting is None else self._detecting.least_number
        self._marks = marks or ""
        self._structured = structured
        self._named = named
        self._keyed = False
        self._path: list[str] = []
        self._placed = placed
        self._nested = 0
        self._clear: set[str] = set()
        self._clear_numbers: set[int] = set()
        self.acts: list[Act] = []

    def body(self, value: object) -> object:
        """Return what may leave of a body.

        Raises:
            DeniedError: a rule does not let the request leave.
            RefusedError: `too_deep`, where structure in strings is nested too deep to be looked into; `invalid_json`, where
                JSON in a string cannot be read exactly; `too_complex`.
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
            return self._array(value, position, place, transparent=transparent)
        if value is None or kind is bool:
            return value
        named = self._named
        if named is not None:
            self._budget.spend(NAMED_UNITS if position.kind is None else PSEUDONYM_UNITS)
            left = named.replaced(value, position, keyed=self._keyed)
            if left is not value:
                self._note(named.identity.hit)
                value = left if named.identity.hit.enforced else value
            kind = type(value)
            if kind is str and named.identity.pseudonyms.made(value):
                return value  # what a detector took it for would make one person of all
        if kind is str:
            return self._text(value, position, place)
        if self._detecting is None or (kind is int and -self._least_number < value < self._least_number):
            return value
        if kind is int and value in self._clear_numbers:
            return value
        acts = len(self.acts)
        kept = self._detected(value, texts.digits_of(value), position, number=True)
        if kind is int and len(self.acts) == acts and not position.exempt:
            if len(self._clear_numbers) >= CLEAR_MAX:
                self._clear_numbers.clear()
            self._clear_numbers.add(value)
        return kept

    def _array(self, value: list[Any], position: Position, place: Place[Choices], *, transparent: bool) -> list[Any]:
        self._budget.spend(CONTAINER_UNITS)
        elements = position.elements
        pairs = (
            bool(value) and type(value[0]) is list and all(type(each) is list and len(each) == _PAIR_PARTS for each in value)
        )
        clear, clear_numbers = self._clear, self._clear_numbers
        forgetful = elements.exempt or self._named is not None
        allowed = self._rules.allowed if transparent else None
        kept: list[Any] = []
        self._path.append(ELEMENT)
        for index, element in enumerate(value):
            if not index % PAID_ELEMENTS:
                self._budget.spend(ELEMENT_UNITS * min(PAID_ELEMENTS, len(value) - index))
            child = element
            kind = type(element)
            # What leads to something is an array of objects.
            if allowed is not None and kind is not dict and self._stripped(allowed, "", element, elements, place):
                continue
            known = element in clear if kind is str else kind is int and element in clear_numbers
            if forgetful or not known:
                if pairs and type(element[0]) is str and self._pair(element[0], element[1], NOWHERE):
                    child = [element[0], MASK]
                else:
                    child = self._value(element, elements, place, transparent=transparent and kind is dict)
                if child is GONE:
                    continue
            kept.append(child)
        self._path.pop()
        return kept

    def _object(self, value: dict[str, Any], position: Position, place: Place[Choices], *, transparent: bool) -> dict[str, Any]:
        self._budget.spend(CONTAINER_UNITS + MEMBER_UNITS * len(value))
        kept: dict[str, Any] = {}
        hashes: dict[str, Any] = {}
        plain = self._rules.matcher.plain
        allowed = self._rules.allowed if transparent else None
        paired = len(value) > 1 and self._structured and self._pair_of(value, position)
        named, keyed = self._named, self._keyed
        for key, child in value.items():
            looks_inside = transparent
            if allowed is not None:
                leave = allowed.leave(key, child, position)
                looks_inside = leave == LEADS
                if leave == STRIPPED and self._stripped(allowed, key, {key: child}, position, place):
                    continue
            self._path.append(key)
            below, further = position.below(key), place.below(key, self._budget)
            choice = None
            if key not in plain or further.chosen is not None:
                choice = self._choice(key, child, position, below, further)
            if choice is not None and choice.hit.enforced:
                self._take(key, child, choice, kept, hashes)
            else:
                if choice is not None:
                    self._note(choice.hit)
                name = key if key in hashes else self._key(key, kept)
                if name is not GONE:
                    if named is not None:
                        self._keyed = named.keyed(key, value, expression=below.whole)
                    if paired and key.lower() == PAIR_VALUE:
                        child = MASK  # noqa: PLW2901
                    else:
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
        self._note_or_deny(choice.hit)
        action = choice.hit.action
        if action is Action.STRIP:
            return
        name = key if key in hashes else self._key(key, kept)
        if name is GONE:
            return
        if action is Action.MASK:
            kept[name] = MASK
        else:
            name += HASH_SUFFIX
            while name in hashes:  # two people's keys, which are one now
                name = f"{name} {len(kept) + 1}"
            hashes[name] = kept[name] = self._rules.hasher.hashed(child, choice.canonical, self._budget)

    def _choice(self, key: str, child: object, position: Position, below: Position, place: Place[Choices]) -> Choice | None:
        """Return the rule that names this place, the first of the file."""
        field = self._field(key)
        by_name = None if field is None else field.choice_at(position, key, child)
        chosen = place.chosen
        if chosen is None:
            return by_name
        by_place = chosen.at_identifier if below.exempt and is_identifier(child) else chosen.anywhere
        if by_name is None or by_place is None:
            return by_name or by_place
        return by_name if by_name.order < by_place.order else by_place

    def _field(self, key: str) -> Field | None:
        """Return what rules say of a key."""
        matcher = self._rules.matcher
        if key in matcher.plain:
            return None
        if key not in matcher.known:
            self._budget.spend(key_units(key))
        return matcher.field(key)

    # Pairs: the value of a field that is named beside it

    def _pair_of(self, value: dict[str, Any], position: Position) -> bool:
        """Say whether the member `value` of an object goes, because another member names a field that rules take."""
        if PAIR_VALUE not in value and "Value" not in value and "VALUE" not in value:
            return False
        taken = False
        for key, name in value.items():
            if type(name) is str and key.lower() in PAIR_NAMES:
                taken = self._pair(name, value.get(PAIR_VALUE), position) or taken
        return taken

    def _pair(self, name: str, value: object, position: Position) -> bool:
        """Say whether `value` goes, which is that of the field `name`; it stands in the object at `position`."""
        field = self._field(name)
        choice = None if field is None else field.choice
        if field is not None and position.below(PAIR_VALUE).exempt and is_identifier(value):
            choice = field.at_identifier
        if choice is None:
            return False
        if choice.hit.enforced:
            self._looked_at(value, choice)
        self._note_or_deny(choice.hit)
        return choice.hit.enforced

    # Values that are text

    def _text(self, text: str, position: Position, place: Place[Choices]) -> Any:  # noqa: ANN401
        """Return what may leave of a text: what is held in it treated, then what detectors find in the rest."""
        if position.opaque and texts.coded(text):
            return text
        if position.exempt:
            return self._exempt(text, position, place)
        if text in self._clear:
            return text
        self._budget.spend(TEXT_UNITS)
        acts = len(self.acts)
        left: Any = text
        if self._structured:
            held = texts.held_json(text, self._budget)
            if held is not None:
                return self._held(text, held, place)
            left = self._people(self._parameters(self._named_values(text, place), place))
        left = self._detected(left, left, position)
        if self._structured and left is not GONE and ("%" in left or "+" in left):
            plain = texts.decoded(left, lambda part: self._decoded(part, position, place), self._budget)
            left = GONE if plain is None else plain
        if left is text and len(text) <= CLEAR_MAX_CHARACTERS and len(self.acts) == acts:
            if len(self._clear) >= CLEAR_MAX:
                self._clear.clear()
            self._clear.add(text)
        return left

    def _exempt(self, text: str, position: Position, place: Place[Choices]) -> str:
        """Return what may leave of a text at an identifier position: all but parameters of a URL; a page view's name is one."""
        end = texts.query_at(text) if self._structured else len(text)
        self._detected(text[:end], text[:end], position)
        if end == len(text):
            return text
        query = self._text(text[end:], NOWHERE, place)
        return text[:end] + ("" if query is GONE else query)

    def _held(self, text: str, held: Held, place: Place[Choices]) -> Any:  # noqa: ANN401
        """Return a text with the JSON it holds treated; the very text, if nothing in it changed and nothing was lost."""
        before = encode(held.value) if held.exact else b""
        kept = self._deeper(lambda: self._value(held.value, NOWHERE, place, transparent=False))
        if kept is GONE:
            return ""
        return text if held.exact and encode(kept) == before else texts.spelled(kept)

    def _decoded(self, part: str, position: Position, place: Place[Choices]) -> str | None:
        left = self._deeper(lambda: self._text(part, position, place))
        return None if left is GONE else str(left)

    def _deeper(self, look: Callable[[], Any]) -> Any:  # noqa: ANN401
        """Return what `look` does, at structure that a string holds.

        Raises:
            RefusedError: `too_deep`.
        """
        if self._nested >= texts.NESTED_MAX:
            raise RefusedError(Reason.TOO_DEEP)
        self._nested += 1
        self._path.append(INSIDE)
        kept = look()
        self._path.pop()
        self._nested -= 1
        return kept

    def _named_values(self, text: str, place: Place[Choices]) -> str:
        """Return a text with the values masked that rules take by the quoted names before them."""
        if ":" not in text:
            return text
        pieces: list[str] = []
        done = 0
        for value in texts.named_values(text, lambda name: self._takes(name, place), self._budget):
            self._looked_at(text[value.start : value.end], self._choice_in_text(value.name, place))
            pieces += (text[done : value.start], MASK)
            done = value.end
        return "".join((*pieces, text[done:])) if pieces else text

    def _parameters(self, text: str, place: Place[Choices]) -> str:
        """Return a text with its parameters as rules say."""
        if "=" not in text:
            return text
        pieces: list[str] = []
        done = 0
        for parameter in texts.parameters(text, lambda name: self._takes(texts.field_of(name), place), self._budget):
            key = texts.field_of(parameter.name)
            choice = self._choice_in_text(key, place)
            value = texts.decoded_value(text[parameter.value : parameter.end])
            self._looked_at(value, choice)
            pieces.append(text[done : parameter.start])
            done = parameter.end
            if choice is None or choice.hit.action is Action.STRIP:
                if text[done : done + 1] in ("&", ";"):
                    done += 1  # the separator goes with what it separated
                elif pieces[-1][-1:] in ("&", ";"):
                    pieces[-1] = pieces[-1][:-1]
            elif choice.hit.action is Action.HASH:
                hashed = str(self._rules.hasher.hashed(value, choice.canonical, self._budget))
                pieces.append(f"{texts.coded_value(key + HASH_SUFFIX)}={texts.coded_value(hashed)}")
            else:
                pieces.append(f"{text[parameter.start : parameter.value]}{texts.coded_value(MASK)}")
        return "".join((*pieces, text[done:])) if pieces else text

    def _people(self, text: str) -> str:
        """Return a text with the people replaced whom the request names, where one is a whole piece of it."""
        named = self._named
        if named is None:
            return text
        kept: list[str] = []
        done = 0
        for piece in texts.pieces_of(text, self._budget):
            keyed = bool(piece.name) and named.keyed(piece.name, {}, expression=False)
            if keyed or "@" in piece.text or "%" in piece.text or piece.text[:1] in _NUMBER_STARTS:
                now = named.pseudonym(None, piece.text, keyed=keyed)
                if now != piece.text:
                    self._note(named.identity.hit)
                    if named.identity.hit.enforced:
                        kept += (text[done : piece.start], now)
                        done = piece.end
        return "".join((*kept, text[done:])) if kept else text

    def _takes(self, name: str, place: Place[Choices]) -> bool:
        """Say whether a rule takes what the `name` in a text stands before; count the rule in any case."""
        choice = self._choice_in_text(name, place)
        if choice is None:
            return False
        self._path += (INSIDE, name)
        self._note_or_deny(choice.hit)
        del self._path[-2:]
        return choice.hit.enforced

    def _choice_in_text(self, name: str, place: Place[Choices]) -> Choice | None:
        return self._choice(name, "", NOWHERE, NOWHERE, place.below(name, self._budget))

    # What detectors find

    def _detected(self, value: Any, text: str, position: Position, *, number: bool = False) -> Any:  # noqa: ANN401
        """Return what may leave of a value whose text is `text`, by the detectors."""
        detecting = self._detecting
        if detecting is None or (self._marks and not any(mark in text for mark in self._marks)):
            return value
        looked, changes = detecting.find(text, self._budget, exempt=position.exempt, number=number)
        for hit in looked:
            self._note_or_deny(hit)
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
                    treated = str(self._rules.hasher.hashed(text[start:end], choice.canonical, self._budget))
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
        elif self._structured and ('"' in key or "'" in key or "=" in key or "%" in key):
            name = self._text(key, NOWHERE, self._rules.places)
        if detecting is not None and name is key and key not in detecting.clear_keys:
            told = len(self.acts)
            name = self._detected(key, key, NOWHERE)
            if len(self.acts) == told:
                detecting.remember(key)
        # Two people's keys may have become the same; what stands under them is not.
        while name in kept:
            name = f"{name} {len(kept) + 1}"
        return name

    def _looked_at(self, value: object, choice: Choice | None) -> None:
        """Let the detect rules that stand before the rule of a place look at what it takes."""
        detecting = self._detecting
        if detecting is None or choice is None or detecting.first > choice.order:
            return
        for text, number in texts_of(value):
            for hit in detecting.find(text, self._budget, exempt=False, number=number, before=choice.order).looked:
                self._note_or_deny(hit)

    def _note(self, hit: Hit) -> None:
        self.acts.append((hit, tuple(self._path) if self._placed else ()))

    def _note_or_deny(self, hit: Hit) -> None:
        """Count a rule that acts.

        Raises:
            DeniedError: it refuses the request.
        """
        self._note(hit)
        if hit.enforced and hit.action is Action.DENY:
            raise DeniedError([noted for noted, _ in self.acts])


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
        yield texts.digits_of(value), True
