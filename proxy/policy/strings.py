"""Applies the rules to the texts of a body: structure inside a text is part of the body, and detectors scan the rest."""

from collections.abc import Callable
from typing import Any, Final

from proxy.errors import Reason, RefusedError
from proxy.payload.decode import Held
from proxy.payload.encode import encode
from proxy.policy import texts
from proxy.policy.actions import HASH_SUFFIX, MASK
from proxy.policy.deciding import GONE, Deciding
from proxy.policy.fields import Choice, Choices
from proxy.policy.model import Action
from proxy.policy.positions import NOWHERE, Position
from proxy.policy.selector import Place
from proxy.policy.undone import Undone

INSIDE: Final = '""'
# The cost of a search for structure in a text, in units of `payload.budget`.
TEXT_UNITS: Final = 4
# Bounds of the short texts and numbers without a find that are remembered until the end of the body.
CLEAR_MAX: Final = 4096
CLEAR_MAX_CHARACTERS: Final = 24
_OPENING: Final = ("{", "[", '"')
_NUMBER_STARTS: Final = "+0123456789"


def _holds_nothing(text: str) -> bool:
    """Return whether a text holds no field names. The result for such a text does not depend on its place in the body."""
    return "=" not in text and ":" not in text and "%" not in text and text.lstrip()[:1] not in _OPENING


class Strings(Deciding):
    """The part of a walk that treats the texts of one body."""

    __slots__ = ()

    def _value(self, value: Any, position: Position, place: Place[Choices], *, transparent: bool) -> Any:  # noqa: ANN401
        """Return the value to send, or `GONE`; `Walk` implements it."""
        raise NotImplementedError

    def _text(self, text: str, position: Position, place: Place[Choices]) -> Any:  # noqa: ANN401
        """Return the text to send, or `GONE`: rules apply to the structure in it, then detectors scan the rest."""
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
        elif self._named is not None and self._named.may_stand_in(text):
            left = self._people(text)
        left = self._detected(left, left, position)
        if self._structured and left is not GONE and ("%" in left or "+" in left):
            plain = texts.decoded(left, lambda part: self._decoded(part, position, place), self._budget)
            left = GONE if plain is None else plain
        if (
            self._detecting is not None
            and self._structured
            and left is not GONE
            and (("%" in left and texts.in_parts(left)) or "\\u" in left)
        ):
            left = self._detected_in_code(left)
        if left is text and len(text) <= CLEAR_MAX_CHARACTERS and len(self.acts) == acts and _holds_nothing(text):
            if len(self._clear) >= CLEAR_MAX:
                self._clear.clear()
            self._clear.add(text)
        return left

    def _detected_in_code(self, text: str) -> Any:  # noqa: ANN401
        """Return what may leave of a text, by what detectors find in it as it reads with its codes undone."""
        detecting = self._detecting
        plain = texts.undone(text, self._budget)
        if detecting is None or plain == text:
            return text
        looked, changes = detecting.find(plain, self._budget, exempt=False)
        if not looked and not changes:  # as nearly always: where it stood need not be known
            return text
        undone = Undone(text, self._budget)
        for hit in looked:
            if hit.enforced:  # what is only counted was counted where nothing is coded
                self._note_or_deny(hit)
        pieces: list[str] = []
        done = 0
        for (start, end, _), choice in changes:
            # Coded twice, in two ways: all of it goes.
            place = undone.coded(start, end) if undone.text == plain else (0, len(text))
            self._note(choice.hit)
            if choice.hit.action is Action.STRIP:
                return GONE
            if place[0] < done:  # one run of codes holds the end of one and the beginning of the next: the mask stands for both
                done = max(done, place[1])
                continue
            found = plain[start:end]
            hashed = choice.hit.action is Action.HASH
            pieces += (
                text[done : place[0]],
                str(self._rules.hasher.hashed(found, choice.canonical, self._budget)) if hashed else MASK,
            )
            done = place[1]
        return "".join((*pieces, text[done:])) if pieces else text

    def _exempt(self, text: str, position: Position, place: Place[Choices]) -> str:
        """Return the text to send at an identifier position. Only the parameters of a URL may change.

        The name of a page view is such a URL.
        """
        end = texts.query_at(text) if self._structured else len(text)
        self._detected(text[:end], text[:end], position)
        if end == len(text):
            return text
        query = self._text(text[end:], NOWHERE, place)
        return text[:end] + ("" if query is GONE else query)

    def _held(self, text: str, held: Held, place: Place[Choices]) -> Any:  # noqa: ANN401
        """Return a text with the rules applied to the JSON in it, or the same text if nothing in it changed."""
        before = encode(held.value) if held.exact else b""
        kept = self._deeper(lambda: self._value(held.value, NOWHERE, place, transparent=False))
        if kept is GONE:
            return ""
        return text if held.exact and encode(kept) == before else texts.spelled(kept)

    def _decoded(self, part: str, position: Position, place: Place[Choices]) -> str | None:
        left = self._deeper(lambda: self._text(part, position, place))
        return None if left is GONE else str(left)

    def _deeper(self, look: Callable[[], Any]) -> Any:  # noqa: ANN401
        """Return the result of `look`, called one level of nested structure deeper.

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
        """Return a text in which a value is masked if a rule matches the quoted name before it."""
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
        """Return a text with the actions of the matching rules applied to its parameters (`name=value`)."""
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
                    done += 1  # drop the separator together with the parameter
                elif pieces[-1][-1:] in ("&", ";"):
                    pieces[-1] = pieces[-1][:-1]
            elif choice.hit.action is Action.HASH:
                hashed = str(self._rules.hasher.hashed(value, choice.canonical, self._budget))
                pieces.append(f"{texts.coded_value(key + HASH_SUFFIX)}={texts.coded_value(hashed)}")
            else:
                pieces.append(f"{text[parameter.start : parameter.value]}{texts.coded_value(MASK)}")
        return "".join((*pieces, text[done:])) if pieces else text

    def _people(self, text: str) -> str:
        """Return a text in which each whole piece that names a person of the request is replaced by the pseudonym."""
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
        """Return whether a rule changes the value of the field `name` in a text; record the rule in any case."""
        choice = self._choice_in_text(name, place)
        if choice is None:
            return False
        self._path += (INSIDE, name)
        self._note_or_deny(choice.hit)
        del self._path[-2:]
        return choice.hit.enforced

    def _choice_in_text(self, name: str, place: Place[Choices]) -> Choice | None:
        return self._choice(name, "", NOWHERE, NOWHERE, place.below(name, self._budget))
