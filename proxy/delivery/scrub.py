"""Keeps the injected secret out of answers (promise G4), at unchanged length.

What a stream gives does not depend on how it was cut into pieces: it is what `Scrubber.whole` gives for all of it.
"""

import re
from collections.abc import Iterable

# What a secret is replaced by: the first of these bytes that occurs in no rendering of it, so that what is left can never
# be read as the secret again. A credential holds no space (`credentials.model`), so one of them always fits.
FILLERS = (b"*", b" ")


class Scrubber:
    """Replaces every rendering of a secret by a filler of equal length.

    One scrubber is made per credential; `Stream` holds the state of one answer.
    """

    __slots__ = ("_clean", "filler", "overlap_bytes", "pattern", "renderings", "shortest_bytes")

    def __init__(self, renderings: Iterable[bytes]) -> None:
        """Look for `renderings`; longer ones first, so that a part never hides the whole.

        Raises:
            ValueError: a rendering holds a space and one an asterisk.
        """
        ordered = sorted({rendering for rendering in renderings if rendering}, key=len, reverse=True)
        # Searched for one by one: several times as fast as one search with the pattern, and nearly no answer holds any.
        self.renderings = tuple(ordered)
        self.pattern = re.compile(b"|".join(map(re.escape, ordered)))
        self.filler = next((filler for filler in FILLERS if not any(filler in rendering for rendering in ordered)), b"")
        if not self.filler:
            raise ValueError("no filler can stand for this secret")
        self.shortest_bytes = len(ordered[-1]) if ordered else 0
        self._clean = b""
        # A piece may end inside a rendering: this much of its end is held back.
        self.overlap_bytes = len(ordered[0]) - 1 if ordered else 0

    def whole(self, data: bytes) -> bytes:
        """Return `data` without the secret."""
        if len(data) < self.shortest_bytes:
            return data
        for rendering in self.renderings:
            if rendering in data:
                return self.pattern.sub(self.filled, data)
        return data

    def lines(self, lines: bytes) -> bytes:
        """Return header lines without the secret. The very object that was looked through last is not looked through again."""
        if lines is self._clean:
            return lines
        scrubbed = self.whole(lines)
        if scrubbed is lines:
            self._clean = lines
        return scrubbed

    def filled(self, match: re.Match[bytes]) -> bytes:
        """Return what stands in place of a rendering."""
        return self.filler * len(match[0])

    def stream(self) -> "Stream":
        """Begin an answer that comes in pieces."""
        return Stream(self)


class Stream:
    """An answer that comes in pieces."""

    __slots__ = ("_held", "_scrubber")

    def __init__(self, scrubber: Scrubber) -> None:
        """Hold nothing yet."""
        self._scrubber = scrubber
        self._held = b""

    def feed(self, data: bytes) -> bytes:
        """Return what can be sent on now."""
        scrubber = self._scrubber
        data = self._held + data
        # A rendering that begins before this is here whole, whichever it is.
        cut = max(len(data) - scrubber.overlap_bytes, 0)
        done = 0
        scrubbed: list[bytes] = []
        if any(rendering in data for rendering in scrubber.renderings):
            for match in scrubber.pattern.finditer(data):
                if match.start() >= cut:
                    break
                scrubbed += (data[done : match.start()], scrubber.filled(match))
                done = match.end()
        cut = max(cut, done)
        self._held = data[cut:]
        return b"".join((*scrubbed, data[done:cut]))

    def end(self) -> bytes:
        """Return what was held back."""
        held, self._held = self._held, b""
        return self._scrubber.whole(held)
