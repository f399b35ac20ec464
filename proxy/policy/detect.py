"""The detect rules of one endpoint and caller: what is found in a text, and which rule decides on it.

Rules are told apart by what they do, and each kind is looked for on its own: report, deny, and change. A find of a rule that
only counts must not hide what another rule would have masked.
"""

from collections.abc import Iterable, Mapping
from typing import NamedTuple

from proxy.errors import ConfigError
from proxy.payload.budget import Budget
from proxy.policy.detectors.model import Span
from proxy.policy.detectors.scanner import Scanner
from proxy.policy.fields import KNOWN_KEY_CHARACTERS, KNOWN_KEYS, Choice, Choices, Hit
from proxy.policy.model import Action

# Stands in for the place of a rule in the file, behind every other.
EVERY = 1 << 30
_SAMPLE = "ada@example.com, 4111 1111 1111 1111, 192.0.2.1"


# Above every number that has fewer digits than a JSON number may have.
_NO_NUMBER = 10**400


def _least_number(scanner: Scanner) -> int:
    if not scanner.numbers:
        return _NO_NUMBER
    return 10 ** (scanner.number_digits_min - 1) if scanner.number_digits_min else 0


class Pass(NamedTuple):
    """One look at a text: what finds, and the rule that each of its detectors belongs to."""

    scanner: Scanner
    rules: Mapping[str, Choice]


class Found(NamedTuple):
    """What was found: which rules looked, in the order in which they tell of it, and which parts of the text change."""

    looked: list[Hit]
    changes: list[tuple[Span, Choice]]


class Detecting:
    """What looks at the values of one endpoint."""

    __slots__ = ("_anywhere", "_at_identifier", "_together", "clear_keys", "first", "least_number", "looks")

    def __init__(self, anywhere: Iterable[Pass], at_identifier: Iterable[Pass], together: Scanner) -> None:
        """Look with the passes `anywhere`, and with `at_identifier` where only rules that change nothing may look.

        `together` is what finds whatever any pass finds: most texts hold nothing, and are looked at once.
        """
        self._anywhere = tuple(anywhere)
        self._together = together
        self._at_identifier = tuple(at_identifier)
        self.looks = bool(self._at_identifier)
        """Whether any of the rules may look at identifiers."""
        self.first = min(choice.order for each in self._anywhere for choice in each.rules.values())
        """Where the first of the rules stands in the file."""
        self.least_number = min(_least_number(scanner) for scanner, _ in self._anywhere)
        """No detector looks at a whole number whose amount is below this."""
        self.clear_keys: set[str] = set()
        """Keys in which nothing is found; most keys are the same ones again."""

    def marks(self, body: bytes) -> str | None:
        """Return what to look for in a JSON text before looking closely; see `Scanner.marks`."""
        found = ""
        clear = True
        for scanner, _ in self._anywhere:
            marks = scanner.marks(body)
            if marks is None:
                continue
            if not marks:
                return ""
            clear = False
            found += marks
        return None if clear else found

    def remember(self, key: str) -> None:
        """Note that nothing is found in a key."""
        if len(key) <= KNOWN_KEY_CHARACTERS:
            if len(self.clear_keys) >= KNOWN_KEYS:
                self.clear_keys.clear()
            self.clear_keys.add(key)

    def find(self, text: str, budget: Budget, *, exempt: bool, number: bool = False, before: int = EVERY) -> Found:
        """Look at a text, which may be a JSON `number`, or stand at an `exempt` position; `before` leaves out later rules.

        Raises:
            RefusedError: `too_complex`.
        """
        looked: list[Hit] = []
        changes: list[tuple[Span, Choice]] = []
        if len(self._anywhere) > 1 and not exempt and not self._together.may_find(text, budget):
            return Found(looked, changes)
        for scanner, rules in self._at_identifier if exempt else self._anywhere:
            if number and not scanner.numbers:
                continue
            for span in scanner.spans(text, budget):
                choice = rules[span.detector]
                if (number and span.detector not in scanner.numbers) or choice.order > before:
                    continue
                if choice.hit.enforced and choice.hit.action is not Action.DENY:
                    changes.append((span, choice))
                else:
                    looked.append(choice.hit)
        return Found(looked, changes)


class Detection:
    """Makes what looks, from the patterns of a policy; scanners that are alike are made once."""

    def __init__(self, patterns: Mapping[str, str]) -> None:
        """Take the users' own `patterns`, by name.

        Raises:
            ConfigError: one is no regular expression, or has the name of a detector.
        """
        self._patterns = patterns
        self._scanners: dict[tuple[str, ...], Scanner] = {}
        for name in patterns:
            self._scanner((name,), f"policy.patterns.{name}")

    def check(self, names: Iterable[str], path: str) -> None:
        """Find what is wrong with the detectors that the rule at `path` names.

        Raises:
            ConfigError: one stands for nothing, or what it needs is not installed.
        """
        for position, name in enumerate(names):
            self._scanner((name,), f"{path}.{position}")

    def scanner(self, names: Iterable[str]) -> Scanner | None:
        """Return what finds all of `names` in one look, or None where there are none.

        Raises:
            ConfigError: they are too many together.
        """
        together = tuple(dict.fromkeys(names))
        return self._scanner(together, "policy.inventory.detect") if together else None

    def detecting(self, choices: Mapping[str, Choices]) -> Detecting | None:
        """Return what looks for the detectors that rules name, or None where none is named.

        Raises:
            ConfigError: they are too many together.
        """
        anywhere = {name: each.anywhere for name, each in choices.items() if each.anywhere is not None}
        at_identifier = {name: each.at_identifier for name, each in choices.items() if each.at_identifier is not None}
        if not anywhere:
            return None
        return Detecting(self._passes(anywhere), self._passes(at_identifier), self._scanner(tuple(anywhere), "policy.rules"))

    def _passes(self, rules: Mapping[str, Choice]) -> Iterable[Pass]:
        kinds: dict[tuple[bool, bool], dict[str, Choice]] = {}
        for name, choice in rules.items():
            enforced = choice.hit.enforced
            kinds.setdefault((enforced, enforced and choice.hit.action is Action.DENY), {})[name] = choice
        for alike in kinds.values():
            yield Pass(self._scanner(tuple(alike), "policy.rules"), alike)

    def _scanner(self, names: tuple[str, ...], path: str) -> Scanner:
        scanner = self._scanners.get(names)
        if scanner is None:
            try:
                scanner = self._scanners[names] = Scanner(names, self._patterns)
                scanner.spans(_SAMPLE, Budget(len(_SAMPLE)))  # RE2 makes a part of its programs when it first finds something
            except ValueError as error:
                raise ConfigError(str(error), path=path) from None
        return scanner
