"""What a detector is made of, and what is found."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import NamedTuple


class Span(NamedTuple):
    """A part of a text that a detector found: `text[start:end]`."""

    start: int
    end: int
    detector: str


Part = tuple[int, int]
"""Where a part of a text begins and has ended."""

# Gives the parts of a candidate that are what is looked for, best first.
Check = Callable[[str], Iterable[Part]]


@dataclass(frozen=True, slots=True)
class Detector:
    """What finds one kind of thing."""

    pattern: str
    """A regular expression of RE2 for candidates. If its group matches, that is the candidate; the rest stands around it."""
    check: Check | None = None
    """Looks at a candidate closely; None: its shape says enough."""
    joints: bytes = b""
    """What must not join a find to a digit on either side. Letters and digits never stand right beside one."""
    number: bool = False
    """Whether a JSON number can be one."""
    least: int = 1
    """How many characters its shortest find has, at least: of a JSON number, digits."""
    looks: int = 1
    """What a candidate takes at the most, in units of about five microseconds (`bench.dearest`)."""
    tries: Callable[[str], int] | None = None
    """Says cheaply how often a candidate takes `looks`; None: once. One that takes it never is nothing."""
    mark: str = ""
    """A character that is in every find, if one is: a text without it need not be looked at."""
