"""The state of a walk through a body: the rules, the budget, and the rules that acted so far."""

from collections.abc import Iterator
from typing import Any

from proxy.payload.budget import Budget
from proxy.policy import texts
from proxy.policy.actions import MASK, Hasher
from proxy.policy.detect import Detecting
from proxy.policy.fields import Choice, Choices, DeniedError, Field, Hit, Matcher, is_identifier
from proxy.policy.minimise import Allowed
from proxy.policy.model import Action
from proxy.policy.names import key_units
from proxy.policy.people import Identity, Named
from proxy.policy.positions import Position
from proxy.policy.selector import Place, Selectors

GONE: Any = object()
"""The marker for a value that is dropped."""

Path = tuple[str, ...]
Act = tuple[Hit, Path]
"""A rule that acted, and the path: keys, `[]` for an element of an array, `""` for the inside of a string."""


class Ruleset:
    """The compiled rules for one endpoint and caller."""

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
        """Store the parts. `thorough` says whether every body needs more than a check of its field names."""
        self.matcher = matcher
        self.positions = positions
        self.hasher = hasher
        self.places = selectors.root
        self.detecting = detecting
        self.allowed = allowed
        self.identity = identity
        self.thorough = bool(selectors) or allowed is not None or identity is not None


class Deciding:
    """The state of one walk, and the decisions that each step needs."""

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
        """Start a walk; `named` holds the people that the call names, if identifiers are replaced.

        `marks` comes from one look at the whole body. None: detectors find nothing in it. Characters: detectors find nothing
        in a text without one of these. `structured` says whether strings may hold structure, such as JSON. `placed` says
        whether acts carry their paths: in a deep body with many finds, the paths take a hundred times the memory of the body.
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

    def _choice(self, key: str, child: object, position: Position, below: Position, place: Place[Choices]) -> Choice | None:
        """Return the first rule of the file that matches this place, by name or by path."""
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
        """Return the decision on a key by its name, or None if no rule matches it."""
        matcher = self._rules.matcher
        if key in matcher.plain:
            return None
        if key not in matcher.known:
            self._budget.spend(key_units(key))
        return matcher.field(key)

    def _detected(self, value: Any, text: str, position: Position, *, number: bool = False) -> Any:  # noqa: ANN401
        """Return the value to send after the detectors; `text` is the value's text. `GONE`: the value is dropped."""
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

    def _looked_at(self, value: object, choice: Choice | None) -> None:
        """Apply the observe-only detect rules that precede the rule of this place to the value that it matches."""
        detecting = self._detecting
        if detecting is None or choice is None or detecting.first > choice.order:
            return
        for text, number in texts_of(value):
            for hit in detecting.find(text, self._budget, exempt=False, number=number, before=choice.order).looked:
                self._note_or_deny(hit)

    def _note(self, hit: Hit) -> None:
        self.acts.append((hit, tuple(self._path) if self._placed else ()))

    def _note_or_deny(self, hit: Hit) -> None:
        """Record a rule that acted.

        Raises:
            DeniedError: the rule refuses the request.
        """
        self._note(hit)
        if hit.enforced and hit.action is Action.DENY:
            raise DeniedError([noted for noted, _ in self.acts])


def texts_of(value: object) -> Iterator[tuple[str, bool]]:
    """Yield every key, string and number in `value` as text, each with whether it is a number."""
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
