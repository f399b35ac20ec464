"""Applies everything a policy can say to the body of one call: the long way, for bodies and policies that need it.

`apply` walks bodies for which field names are all there is to look at. This walk also knows selectors (`paths`), detectors,
minimisation (`allow`), pairs of a name and a value, and structure in strings; for field names it decides as `apply` does.

What decides on a value: the first rule of the file that names its place (`fields`, `paths`) takes the whole of it, and of the
detect rules only those that stand before it look at it still, to count or to refuse. A value that no such rule takes is looked
into, a structure held in a string being walked like the rest, and detectors decide on the parts that they find.
A rule in report mode is counted and decides nothing.
"""

from typing import Any, Final

from proxy.policy import texts
from proxy.policy.actions import HASH_SUFFIX, MASK
from proxy.policy.deciding import GONE
from proxy.policy.fields import Choice, Choices, is_identifier
from proxy.policy.minimise import LEADS, STRIPPED, Allowed
from proxy.policy.model import Action
from proxy.policy.positions import NOWHERE, Position
from proxy.policy.selector import Place
from proxy.policy.strings import CLEAR_MAX, Strings

ELEMENT: Final = "[]"

# What it takes, in units of `payload.budget`: to walk an object or array, and for each of its members or elements;
# to replace an identifier, and to look whether a value names somebody.
CONTAINER_UNITS: Final = 5
MEMBER_UNITS: Final = 5
ELEMENT_UNITS: Final = 3
PSEUDONYM_UNITS: Final = 10
NAMED_UNITS: Final = 4
# Elements are paid for so many at a time, so that a long array is treated in slices.
PAID_ELEMENTS: Final = 1024
# Members whose value is the value of a field that another member names.
PAIR_NAMES: Final = ("name", "key", "field")
PAIR_VALUE: Final = "value"
_PAIR_PARTS: Final = 2


class Walk(Strings):
    """One walk through one body."""

    __slots__ = ()

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
                    # A name may be more than a name: `ssn/ada@example.com`.
                    child = [self._value(element[0], elements.elements, place, transparent=False), MASK]
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

    def _key(self, key: str, kept: dict[str, Any]) -> Any:  # noqa: ANN401
        """Return what may leave of a key, which may be personal data itself: an address that leads to its owner's data."""
        detecting = self._detecting
        name: Any = key  # or GONE
        named = self._named
        if named is not None and (pseudonym := named.key(key)) != key:
            self._note(named.identity.hit)
            name = pseudonym if named.identity.hit.enforced else key
        elif self._structured and ('"' in key or ":" in key or "=" in key or "%" in key):
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
