"""The parts of a detector, and the shape of a find."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import NamedTuple


class Span(NamedTuple):
    """A part of a text that a detector found: `text[start:end]`."""

    start: int
    end: int
    detector: str


Part = tuple[int, int]
"""The start and end of a part of a text, as in a slice."""

# Returns the parts of a candidate that are valid finds, the best first.
Check = Callable[[str], Iterable[Part]]


@dataclass(frozen=True, slots=True)
class Detector:
    """A detector of one kind of value."""

    pattern: str
    """A regular expression (RE2) for candidates. If its group matches, the group is the candidate; else the whole match is."""
    check: Check | None = None
    """Returns the valid parts of a candidate; None: the pattern is enough."""
    joints: bytes = b""
    """Characters that must not join a find to a digit on either side. Letters and digits may never touch a find."""
    number: bool = False
    """Whether a JSON number can be one."""
    least: int = 1
    """A lower bound of the length of a find, in characters; for a JSON number, in digits."""
    looks: int = 1
    """The greatest cost of one check of a candidate, in units of about five microseconds (`bench.dearest`)."""
    tries: Callable[[str], int] | None = None
    """Returns cheaply how many checks a candidate needs, each at the cost of `looks`; 0: it is no find. None: always one."""
    mark: str = ""
    """A character that every find contains, so that texts without it are skipped; "": there is none."""
