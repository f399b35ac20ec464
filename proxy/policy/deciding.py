"""What every step of a walk through a body decides by: the rules, the budget, and what acted so far."""

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
"""What stands for a value that does not leave."""

Path = tuple[str, ...]
Act = tuple[Hit, Path]
"""What acted, and where: keys, `[]` for an element of an array, `""` for what is inside a string."""


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


class Deciding:
    """The state of one walk, and what it asks of the rules."""

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
