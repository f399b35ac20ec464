"""Keeps the injected secret out of answers (promise G4), at unchanged length."""

import re
from collections.abc import Iterable


class Scrubber:
    """Replaces every rendering of a secret by asterisks of equal length, over the pieces of a stream.

    One scrubber is made per credential; `Stream` holds the state of one answer.
    """

    __slots__ = ("_pattern", "_shortest", "overlap_bytes")

    def __init__(self, renderings: Iterable[bytes]) -> None:
        """Look for `renderings`; longer ones first, so that a part never hides the whole."""
        ordered = sorted({rendering for rendering in renderings if rendering}, key=len, reverse=True)
        self._pattern = re.compile(b"|".join(map(re.escape, ordered))) if ordered else None
        self._shortest = len(ordered[-1]) if ordered else 0
        # A piece may end inside a rendering: this much of its end is held back.
        self.overlap_bytes = len(ordered[0]) - 1 if ordered else 0

    def whole(self, data: bytes) -> bytes:
        """Return `data` without the secret."""
        if self._pattern is None or len(data) < self._shortest:
            return data
        return self._pattern.sub(_asterisks, data)

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
        # Scrubbing what was held back once more is harmless: asterisks match no rendering.
        data = self._scrubber.whole(self._held + data)
        keep = self._scrubber.overlap_bytes
        cut = max(len(data) - keep, 0)
        self._held = data[cut:]
        return data[:cut]

    def end(self) -> bytes:
        """Return what was held back."""
        held, self._held = self._held, b""
        return held


def _asterisks(match: re.Match[bytes]) -> bytes:
    return b"*" * len(match[0])
