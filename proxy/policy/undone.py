r"""A text with its percent-coding and its JSON escapes undone, and the way back to where its characters stood.

Pieces of a text that are coded are decoded each by itself (`texts.decoded`). What a detector finds may be coded in part only,
and reach across what separates pieces: `4111 1111 1111 111%31`, or `ada\u0040example.com` in JSON that was cut.
"""

import re
from bisect import bisect_right
from urllib.parse import unquote

from proxy.payload.budget import Budget

# What it takes to undo one code, in units of `payload.budget`; and for how many characters of a text one more.
CODE_UNITS = 6
CHARACTERS_PER_UNIT = 8

_CODE = re.compile(r"(?:%[0-9A-Fa-f]{2})+|\\+u([0-9A-Fa-f]{4})")


class Undone:
    """The text, and where codes stood."""

    __slots__ = ("_coded_ends", "_coded_starts", "_ends", "_starts", "text")

    def __init__(self, coded: str, budget: Budget) -> None:
        """Undo every code in `coded`, once.

        Raises:
            RefusedError: `too_complex`.
        """
        self._starts: list[int] = []
        self._ends: list[int] = []
        self._coded_starts: list[int] = []
        self._coded_ends: list[int] = []
        budget.spend(len(coded) // CHARACTERS_PER_UNIT)
        pieces: list[str] = []
        done = length = 0
        for code in _CODE.finditer(coded):
            budget.spend(CODE_UNITS)
            start, end = code.span()
            plain = unquote(code[0]) if code[1] is None else chr(int(code[1], 16))
            pieces += (coded[done:start], plain)
            length += start - done
            self._starts.append(length)
            length += len(plain)
            self._ends.append(length)
            self._coded_starts.append(start)
            self._coded_ends.append(end)
            done = end
        self.text = "".join((*pieces, coded[done:])) if pieces else coded

    def coded(self, start: int, end: int) -> tuple[int, int]:
        """Return where `text[start:end]` stood. A code that it begins or ends inside of belongs to it as a whole."""
        first, last = bisect_right(self._starts, start) - 1, bisect_right(self._starts, end - 1) - 1
        inside = first >= 0 and start < self._ends[first]
        if inside:
            begin = self._coded_starts[first]
        else:
            begin = start if first < 0 else start - self._ends[first] + self._coded_ends[first]
        return begin, end if last < 0 else self._coded_ends[last] + max(end - self._ends[last], 0)
