"""Finds the values of all detectors in one text.

* Spans are sorted and disjoint. If two finds overlap, the first to begin keeps its whole span; then the longer one, then the
  one whose detector is listed first. The other find keeps the rest of its span. So each byte of every find is in some span.
* A find may hide a value beside it. So the text is scanned again with the finds masked, until no detector finds anything.
  (The user's own patterns may match any text, a mask as well, and are not used again.)
* No text makes a scan fail, and its time is linear in the text. If overlapping candidates would be read too often, the rest of
  the text becomes one find.
* The budget of the body pays for each scan of a text and for each check of a candidate.
* A text without finds is read once, by one automaton for all detectors.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

from proxy.payload.budget import UNMETERED, Budget
from proxy.policy.actions import MASK
from proxy.policy.detectors.catalogue import DETECTORS, detector, installed
from proxy.policy.detectors.fold import Folding, as_it_is, folded
from proxy.policy.detectors.linear import Expression, Sieve
from proxy.policy.detectors.model import Detector, Part, Span
from proxy.policy.detectors.written import EXPONENTIAL, EXPONENTIAL_MIN_CHARACTERS, candidate_of, is_whole, whole
from proxy.policy.model import PATTERN_MAX_CHARACTERS

# The bound of scans of one text. A find of the last scan is extended to the end of the text; ordinary texts need fewer scans.
PASSES = 4
# A find that consists of letters only has at least so many: an Italian tax code may have 16, an AWS key id 20.
LETTERS_MIN = 16

_DIGITS = frozenset(b"0123456789")
_ALPHANUMERIC = _DIGITS | frozenset(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz")
_MASK = MASK.encode()
# In JSON with one of these, the value of a text or number may differ from its spelling: escapes, exponents, characters outside
# ASCII, percent-coding.
_SPELLED_OTHERWISE = r"\\|[0-9][eE]|[^\x00-\x7F]|%[0-9A-Fa-f]{2}"
# The byte that replaces a find before the next scan. Like the brackets of a mask, it is a part of no value.
_BLANK = b"]"
# The letter of a line end or tab that was escaped twice (`\\n`): it is no part of a word.
_ESCAPED = frozenset(b"nrt")
_BACKSLASH, _POINT = ord("\\"), ord(".")
# The bound of bytes read in candidates without a find, as a multiple of the text's length. Only crafted texts exceed it.
REREAD_TIMES = 64
REREAD_MIN_BYTES = 1 << 16
# Costs in units of `payload.budget`: of a scan of a text, of a text that must be folded, and of a check of a candidate, times
# `Detector.looks`. A scan costs one unit more per `CHARACTERS_PER_UNIT` characters. `Detector.tries` costs `GLANCE` checks.
TEXT_UNITS = 5
FOLDED_TEXT_UNITS = 20
LOOK_UNITS = 20
GLANCE = 3
CHARACTERS_PER_UNIT = 16

Find = Callable[[bytes, Budget], Iterable[Part]]
# The properties of a user's own pattern: a find may be of any length, in JSON numbers too.
_ANYTHING = Detector("", number=True, least=0)


class Scanner:
    """Scans texts with the detectors of a policy. It keeps nothing of the texts."""

    __slots__ = (
        "_finds",
        "_folding",
        "_least",
        "_marks",
        "_names",
        "_own",
        "_sieve",
        "_whole",
        "number_digits_min",
        "numbers",
    )

    def __init__(self, names: Sequence[str], patterns: Mapping[str, str]) -> None:
        """Compile `names`: detectors (`catalogue.DETECTORS`), or names of `patterns`, which are the user's regular expressions.

        Raises:
            ValueError: a name is unknown, a pattern is invalid, or a library is missing; one line, without the pattern.
        """
        self._names = tuple(dict.fromkeys(names))
        expressions: list[str] = []
        self._finds: list[Find] = []
        self._own = frozenset(place for place, name in enumerate(self._names) if name in patterns)
        self._marks: list[str] = []
        numbers: dict[str, int] = {}
        least = []
        for name in self._names:
            if name in patterns:
                if name in DETECTORS:
                    raise ValueError(f"pattern {name}: a detector has this name; take another")
                expression, find, known = patterns[name], _own(name, patterns[name]), _ANYTHING
            else:
                expression, find, known = _known(name)
            expressions.append(expression)
            self._finds.append(find)
            self._marks.append(known.mark)
            least.append(min(known.least, EXPONENTIAL_MIN_CHARACTERS) if known.number else known.least)
            if known.number:
                numbers[name] = known.least
        self._least = min(least, default=0)
        self.numbers = frozenset(numbers)
        """The detectors that also scan the JSON text of numbers."""
        self.number_digits_min = min(numbers.values(), default=0)
        """The least number of digits in a JSON number with a find."""
        try:
            self._sieve = installed("detectors", lambda: Sieve(expressions))
        except ValueError as error:
            raise ValueError(f"detectors and patterns are {error}; leave some out") from None
        self._folding = Folding()
        self._whole = Sieve([*expressions, _SPELLED_OTHERWISE])

    def marks(self, body: bytes) -> str | None:
        """Return which keys, strings and numbers of a JSON text need a scan.

        None: no text needs one. Characters: texts that contain one of these characters. "": all texts.
        """
        if self._own:  # a user's own pattern may match the start or end of a text
            return ""
        matching = self._whole.matching(body)
        if not matching:
            return None
        if max(matching) >= len(self._names):
            return ""
        marks = {self._marks[place] for place in matching}
        return "" if "" in marks else "".join(sorted(marks))

    def may_find(self, text: str, budget: Budget) -> bool:
        """Return whether `spans` may find anything in `text`.

        Raises:
            RefusedError: `too_complex`.
        """
        if len(text) < self._least or (len(text) < LETTERS_MIN and text.isalpha() and not self._own):
            return False
        if not text.isascii():
            return True
        budget.spend(TEXT_UNITS + len(text) // CHARACTERS_PER_UNIT)
        return bool(self._sieve.matching(text.encode()))

    def spans(self, text: str, budget: Budget = UNMETERED) -> Sequence[Span]:
        """Return the finds in `text`, sorted and disjoint.

        Raises:
            RefusedError: `too_complex`.
        """
        # Skip texts that are too short, and words: these are most values.
        if len(text) < self._least or (len(text) < LETTERS_MIN and text.isalpha() and not self._own):
            return ()
        if text.isascii():
            budget.spend(TEXT_UNITS + len(text) // CHARACTERS_PER_UNIT)
            data = text.encode()
            matching = self._sieve.matching(data)
            return self._found(data, matching, budget) if matching else ()
        budget.spend(FOLDED_TEXT_UNITS)
        view = folded(text, self._folding, budget)
        found = list(view.in_text(self._found(view.data, self._sieve.matching(view.data), budget)))
        # A user's own pattern may match characters that folding changes.
        if self._own and (raw := as_it_is(text)).data != view.data:
            own = self._own.intersection(self._sieve.matching(raw.data))
            found = self._apart([*found, *raw.in_text(self._found(raw.data, own, budget))])
        return found

    def _found(self, data: bytes, matching: Iterable[int], budget: Budget) -> list[Span]:
        """Return the finds of the detectors with the indexes `matching`, after all scans."""
        found: list[Span] = []
        for left in reversed(range(PASSES)):
            new = self._apart(
                [
                    Span(start, end, self._names[place])
                    for place in matching
                    if place < len(self._names)
                    for start, end in self._finds[place](data, budget)
                ]
            )
            if not new:
                break
            if not left:
                new = [Span(new[0].start, len(data), new[0].detector)]
            found += new
            if len(new) == 1 and new[0].end - new[0].start == len(data):
                break
            data = _blanked(data, new)
            matching = [place for place in self._sieve.matching(data) if place not in self._own]
        return self._apart(found)

    def _apart(self, spans: list[Span]) -> list[Span]:
        """Return spans sorted and disjoint; of overlapping spans, the later one is cut."""
        if len(spans) > 1:
            spans.sort(key=lambda span: (span.start, -span.end, self._names.index(span.detector)))
        apart: list[Span] = []
        done = 0
        for span in spans:
            start, end, name = span
            if end > done:
                apart.append(span if start >= done else Span(done, end, name))
                done = end
        return apart


def _own(name: str, pattern: str) -> Find:
    if len(pattern) > PATTERN_MAX_CHARACTERS:
        raise ValueError(f"pattern {name}: has more than {PATTERN_MAX_CHARACTERS} characters")
    try:
        expression = _compiled(pattern)
    except ValueError as error:
        raise ValueError(f"pattern {name}: {error}") from None

    # A pattern for capital letters must not find the word in a mask.
    return lambda data, _: expression.parts(data.replace(_MASK, _BLANK * len(_MASK)))


def _known(name: str) -> tuple[str, Find, Detector]:
    try:
        known = detector(name)
        pattern = f"{EXPONENTIAL}|{known.pattern}" if known.number else known.pattern
        expression = _compiled(pattern)
    except ValueError as error:
        raise ValueError(f"{name}: {error}") from None
    # A find never touches further letters or digits. A sieve that checks this lets fewer texts through. If the pattern has a
    # group, the text before the group is exempt: in `userSSN: 536904399`, a letter touches the name, but not the number.
    head = "" if expression.grouped else r"(?:^|[^0-9A-Za-z]|\\[nrt])"
    return rf"{head}(?:{pattern})(?:[^0-9A-Za-z]|$)", _finder(known, expression), known


def _compiled(pattern: str) -> Expression:
    return installed("detectors", lambda: Expression(pattern))


def _finder(known: Detector, expression: Expression) -> Find:
    def find(data: bytes, budget: Budget) -> Iterator[Part]:
        at = reread = 0
        reread_max = max(REREAD_TIMES * len(data), REREAD_MIN_BYTES)
        while at < len(data) and (match := expression.first(data, at)) is not None:
            first, start, end = match
            # The candidate has one character for each byte, so that its places are places in the data.
            candidate = None if _joined_before(data, start, known.joints) else candidate_of(data[start:end])
            tries = 0 if candidate is None else 1 if known.tries is None else known.tries(candidate)
            budget.spend(LOOK_UNITS * (tries * known.looks or (GLANCE if known.tries else 1)))
            if reread > reread_max:
                yield start, len(data)
                return
            part = None if candidate is None or not tries else _best(known, expression, candidate, data, start)
            if part is None:
                at = _run_end(data, first, end)
                reread += end - at
            else:
                yield part
                at = part[1]

    return find


def _best(known: Detector, expression: Expression, candidate: str, data: bytes, start: int) -> Part | None:
    """Return the best part of a candidate that is not joined to further digits, or None."""
    parts = _parts(known, expression, candidate)
    return next(
        ((start + head, start + tail) for head, tail in parts if not _joined_after(data, start + tail, known.joints)), None
    )


def _parts(known: Detector, expression: Expression, candidate: str) -> Iterable[Part]:
    if known.check is None:
        return [(0, len(candidate))]
    if not known.number or ("e" not in candidate and "E" not in candidate):
        return known.check(candidate)
    # In exponential form, the check decides on the whole number that the candidate spells.
    digits = whole(candidate)
    if not digits:
        return ()
    every = (0, len(digits))
    match = expression.first(digits.encode(), 0)
    return [(0, len(candidate))] if match is not None and match[1:] == every and every in known.check(digits) else ()


def _joined_before(data: bytes, start: int, joints: bytes) -> bool:
    """Return whether a letter or digit is right before a find, or a digit and one of `joints`."""
    if not start:
        return False
    neighbour, before = data[start - 1], data[start - 2] if start > 1 else None
    if neighbour in _ALPHANUMERIC:
        return neighbour not in _ESCAPED or before != _BACKSLASH
    return neighbour in joints and before in _DIGITS


def _joined_after(data: bytes, end: int, joints: bytes) -> bool:
    """Return whether a letter or digit is right after a find, or one of `joints` and a digit."""
    if end == len(data):
        return False
    neighbour = data[end]
    if neighbour in _ALPHANUMERIC:
        return True
    return neighbour in joints and data[end + 1 : end + 2].isdigit() and not (neighbour == _POINT and is_whole(data, end))


def _run_end(data: bytes, start: int, end: int) -> int:
    """Return the end of the run of letters and digits at `start`, or of the sign there: no candidate can begin within it."""
    at = start + 1
    while data[start] in _ALPHANUMERIC and at < end and data[at] in _ALPHANUMERIC:
        at += 1
    return at


def _blanked(data: bytes, spans: Iterable[Span]) -> bytes:
    blanked = bytearray(data)
    for start, end, _ in spans:
        blanked[start:end] = _BLANK * (end - start)
    return bytes(blanked)
