"""Regular expressions (RE2) that take time linear in the text for every expression.

An engine that never backtracks still takes quadratic time to find *every* match of an expression such as `a.*b|a`, because each
search may read to the end of the text. So the number of finds is bounded as well, by the bytes that they could have read.
"""

from collections.abc import Iterator, Sequence
from typing import Any

# The bound of the text's length times its finds. A text of up to 16 KiB is always searched to its end.
WORK_MAX_BYTES = 1 << 28
# The bound of the compiled program of one expression, or of all expressions of a sieve.
MEMORY_MAX_BYTES = 64 << 20

# A byte that a sieve always matches. It shows that the sieve works.
_PROBE = b"\0"


class Expression:
    """One compiled regular expression over UTF-8 bytes."""

    __slots__ = ("_compiled", "_group", "grouped")

    def __init__(self, pattern: str) -> None:
        """Compile `pattern`.

        Raises:
            ImportError: RE2 is not installed.
            ValueError: it is no regular expression, or too large; the text gives the reason without the pattern.
        """
        import re2  # noqa: PLC0415 - an extra, loaded where a policy asks for it

        try:
            self._compiled: Any = re2.compile(pattern.encode(), _options(re2))
        except UnicodeEncodeError:
            raise ValueError("holds a lone surrogate") from None
        except re2.error as error:
            (reason,) = error.args
            # The text after the colon is a piece of the pattern.
            raise ValueError(reason.partition(b":")[0].decode(errors="replace")) from None
        self._group = min(self._compiled.groups, 1)
        self.grouped = self._group > 0
        """Whether the expression has a group. If the group matches, only the group is the find."""

    def first(self, data: bytes, start: int) -> tuple[int, int, int] | None:
        """Return the first match from `start` on: the start of the match, then start and end of its group or of the match."""
        match = self._compiled.search(data, start)
        if match is None:
            return None
        begin, end = match.span(self._group)
        return (match.start(), begin, end) if begin >= 0 else (match.start(), *match.span())

    def parts(self, data: bytes) -> Iterator[tuple[int, int]]:
        """Yield the start and end of every match. Once the work reaches its bound, the rest of the text is one match."""
        finds_max = max(WORK_MAX_BYTES // (len(data) + 1), 1)
        for finds, match in enumerate(self._compiled.finditer(data), start=1):
            begin, end = match.span()
            if finds >= finds_max:
                yield begin, len(data)
                return
            if begin < end:
                yield begin, end


class Sieve:
    """Tells which of several expressions match a text, in one search."""

    __slots__ = ("_set",)

    def __init__(self, patterns: Sequence[str]) -> None:
        """Compile `patterns`, each of which is a valid regular expression.

        Raises:
            ImportError: RE2 is not installed.
            ValueError: together they are too large.
        """
        import re2  # noqa: PLC0415 - see above

        self._set: Any = re2.Set.SearchSet(_options(re2))
        try:
            for pattern in (*patterns, r"\x00"):
                self._set.Add(pattern.encode())
            self._set.Compile()
        except re2.error:
            raise ValueError("too large together") from None
        # A set that ran out of memory matches nothing, without an error.
        if not self._set.Match(_PROBE):
            raise ValueError("too large together")

    def matching(self, data: bytes) -> Sequence[int]:
        """Return the indexes of the patterns that match. The index after the last pattern may occur, too: it is the probe."""
        return self._set.Match(data) or ()


def _options(re2: Any) -> Any:  # noqa: ANN401 - RE2's own, which have no types
    options = re2.Options()
    options.log_errors = False  # the log would show the pattern
    options.max_mem = MEMORY_MAX_BYTES
    return options
