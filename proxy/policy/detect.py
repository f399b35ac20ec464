"""The detect rules of one endpoint and caller: what detectors find in a text, and which rule decides on each find.

Rules that report, rules that deny and rules that change values scan the text separately. Otherwise a find of a report rule
could hide an overlapping value that another rule has to mask.
"""

from collections.abc import Iterable, Mapping
from typing import NamedTuple

from proxy.errors import ConfigError
from proxy.payload.budget import Budget
from proxy.policy.detectors.model import Span
from proxy.policy.detectors.scanner import Scanner
from proxy.policy.fields import KNOWN_KEY_CHARACTERS, KNOWN_KEYS, Choice, Choices, Hit
from proxy.policy.model import Action

# A rule number that is greater than that of every rule.
EVERY = 1 << 30
_SAMPLE = "ada@example.com, 4111 1111 1111 1111, 192.0.2.1"


# Greater than every number in a body: a JSON number may not have so many digits.
_NO_NUMBER = 10**400


def _least_number(scanner: Scanner) -> int:
    if not scanner.numbers:
        return _NO_NUMBER
    return 10 ** (scanner.number_digits_min - 1) if scanner.number_digits_min else 0


class Pass(NamedTuple):
    """One scan of a text: a scanner, and the deciding rule for each of its detectors."""

    scanner: Scanner
    rules: Mapping[str, Choice]


class Found(NamedTuple):
    """The result of a scan: the hits of observe-only rules in text order, and the spans to change, each with its rule."""

    looked: list[Hit]
    changes: list[tuple[Span, Choice]]


class Detecting:
    """Scans the values of one endpoint for one caller."""

    __slots__ = ("_anywhere", "_at_identifier", "_together", "clear_keys", "first", "least_number", "looks")

    def __init__(self, anywhere: Iterable[Pass], at_identifier: Iterable[Pass], together: Scanner) -> None:
        """Scan with the passes `anywhere`, and at identifier positions with `at_identifier`, which holds observe-only rules.

        `together` holds the detectors of all passes. Most texts hold nothing, and one scan with it is enough for them.
        """
        self._anywhere = tuple(anywhere)
        self._together = together
        self._at_identifier = tuple(at_identifier)
        self.looks = bool(self._at_identifier)
        """Whether a rule applies at identifier positions."""
        self.first = min(choice.order for each in self._anywhere for choice in each.rules.values())
        """The number of the first detect rule in the file."""
        self.least_number = min(_least_number(scanner) for scanner, _ in self._anywhere)
        """Detectors skip a whole number whose absolute value is below this."""
        self.clear_keys: set[str] = set()
        """Keys in which detectors find nothing. They are remembered because most calls repeat the same keys."""

    def marks(self, body: bytes) -> str | None:
        """Return which texts of a JSON body need a scan, for all passes; see `Scanner.marks` for the result."""
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
        """Remember that detectors find nothing in `key`."""
        if len(key) <= KNOWN_KEY_CHARACTERS:
            if len(self.clear_keys) >= KNOWN_KEYS:
                self.clear_keys.clear()
            self.clear_keys.add(key)

    def find(self, text: str, budget: Budget, *, exempt: bool, number: bool = False, before: int = EVERY) -> Found:
        """Scan a text, which may be a JSON `number` or at an `exempt` position; rules after the number `before` do not count.

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
    """Builds the scanners of a policy; equal scanners are built once."""

    def __init__(self, patterns: Mapping[str, str]) -> None:
        """Compile the user's `patterns`, by name.

        Raises:
            ConfigError: a pattern is no regular expression, or has the name of a detector.
        """
        self._patterns = patterns
        self._scanners: dict[tuple[str, ...], Scanner] = {}
        for name in patterns:
            self._scanner((name,), f"policy.patterns.{name}")

    def check(self, names: Iterable[str], path: str) -> None:
        """Check the detector names in the list at the key `path` of the policy.

        Raises:
            ConfigError: a detector is unknown, or its library is not installed.
        """
        for position, name in enumerate(names):
            self._scanner((name,), f"{path}.{position}")

    def scanner(self, names: Iterable[str]) -> Scanner | None:
        """Return one scanner for all detectors in `names`, or None if there are none.

        Raises:
            ConfigError: together they exceed the memory bound of RE2.
        """
        together = tuple(dict.fromkeys(names))
        return self._scanner(together, "policy.inventory.detect") if together else None

    def detecting(self, choices: Mapping[str, Choices]) -> Detecting | None:
        """Return the passes for the detectors in `choices`, or None if there are none.

        Raises:
            ConfigError: together they exceed the memory bound of RE2.
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
                scanner.spans(_SAMPLE, Budget(len(_SAMPLE)))  # RE2 builds a part of its programs at the first find
            except ValueError as error:
                raise ConfigError(str(error), path=path) from None
        return scanner
