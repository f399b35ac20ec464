"""Regular expressions in time linear in the text, whatever the expression: RE2.

An engine that never backtracks still takes quadratic time to find *every* match of an expression such as `a.*b|a`, since each
search may read to the end of the text. So finds are bounded as well: by how much they could have read in all.
"""

from collections.abc import Iterator, Sequence
from typing import Any

# A text as long as this times its finds is searched to its end; 16 KiB of it however many there are.
WORK_MAX_BYTES = 1 << 28
# Of the program that an expression or all of them together become.
MEMORY_MAX_BYTES = 64 << 20

# In no text that somebody wrote; shows that the expressions are asked at all.
_PROBE = b"\0"


class Expression:
    """One regular expression."""

    __slots__ = ("_compiled", "_group", "grouped")

    def __init__(self, pattern: str) -> None:
        """Compile `pattern`.

        Raises:
            ImportError: RE2 is not installed.
            ValueError: it is not one, or too large; says why without showing it.
        """
        import re2  # noqa: PLC0415 - an extra, loaded where a policy asks for it

        try:
            self._compiled: Any = re2.compile(pattern.encode(), _options(re2))
        except UnicodeEncodeError:
            raise ValueError("holds a lone surrogate") from None
        except re2.error as error:
            (reason,) = error.args
            # What stands behind the colon is a piece of the pattern.
            raise ValueError(reason.partition(b":")[0].decode(errors="replace")) from None
        self._group = min(self._compiled.groups, 1)
        self.grouped = self._group > 0
        """Whether a part of a match may be what counts, with the rest around it."""

    def first(self, data: bytes, start: int) -> tuple[int, int, int] | None:
        """Return the first match from `start` on: where it begins, where its group does, or it itself, and where that ends."""
        match = self._compiled.search(data, start)
        if match is None:
            return None
        begin, end = match.span(self._group)
        return (match.start(), begin, end) if begin >= 0 else (match.start(), *match.span())

    def parts(self, data: bytes) -> Iterator[tuple[int, int]]:
        """Yield every match; from where finding more could take too long, all the rest as one."""
        finds_max = max(WORK_MAX_BYTES // (len(data) + 1), 1)
        for finds, match in enumerate(self._compiled.finditer(data), start=1):
            begin, end = match.span()
            if finds >= finds_max:
                yield begin, len(data)
                return
            if begin < end:
                yield begin, end


class Sieve:
    """Says which of several expressions match a text, at the price of one."""

    __slots__ = ("_set",)

    def __init__(self, patterns: Sequence[str]) -> None:
        """Compile `patterns`, each of which is one.

        Raises:
            ImportError: RE2 is not installed.
            ValueError: they are too large together.
        """
        import re2  # noqa: PLC0415 - see above

        self._set: Any = re2.Set.SearchSet(_options(re2))
        try:
            for pattern in (*patterns, r"\x00"):
                self._set.Add(pattern.encode())
            self._set.Compile()
        except re2.error:
            raise ValueError("too large together") from None
        # A set that ran out of memory would find nothing, and say nothing.
        if not self._set.Match(_PROBE):
            raise ValueError("too large together")

    def matching(self, data: bytes) -> Sequence[int]:
        """Return the places of the expressions that match in their sequence; there may be one place too many."""
        return self._set.Match(data) or ()


def _options(re2: Any) -> Any:  # noqa: ANN401 - RE2's own, which have no types
    options = re2.Options()
    options.log_errors = False  # they would show the pattern
    options.max_mem = MEMORY_MAX_BYTES
    return options
