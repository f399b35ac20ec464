r"""Removes the injected secret from answers (promise G4), without a change of length.

A secret is found in each rendering from which it can be read back:

| Rendering       | Found                                                                                            |
| --------------- | ------------------------------------------------------------------------------------------------ |
| raw             | unchanged                                                                                        |
| percent-encoded | any subset of its characters, RFC 3986 section 2.1                                               |
| hex             | upper case, lower case or mixed                                                                  |
| base64          | both alphabets of RFC 4648, at every alignment, with and without padding                         |
| JSON-escaped    | any of these, any subset of characters, as `\u002B`, `\/` or `\"`; also in JSON held in a string |

An answer is searched four times: as received, with JSON escapes decoded, and each of these with percent-encoding decoded. So
only a few fixed texts have to be searched for. The search ignores case, because hex has both cases, and reads the two base64
alphabets as one. It may find a little too much, but never too little.

The output of a stream does not depend on how the input is cut into pieces: it equals `Scrubber.whole` of the whole input.
"""

import base64
import re
import sys
from collections.abc import Iterable, Sequence
from itertools import groupby
from operator import itemgetter
from typing import Final
from urllib.parse import unquote_to_bytes

# A secret is replaced by the first of these bytes that occurs in no secret, so that the result can never contain the secret.
# A credential contains no space (`credentials.model`), so there is always one.
FILLERS = (b"*", b" ")

# The number of backslashes before a character that is escaped twice, in JSON held in a JSON string; and the number for each
# backslash that is part of a key. A longer run is not part of a rendering.
_ESCAPING, _ESCAPED = 3, 4
_PERCENT = re.compile(rb"%([0-9A-Fa-f]{2})")
# Folds upper case to lower case, and base64's URL-safe alphabet to the standard one.
_FOLD: Final = bytes.maketrans(b"ABCDEFGHIJKLMNOPQRSTUVWXYZ-_", b"abcdefghijklmnopqrstuvwxyz+/")
_BACKSLASH: Final = b"\\"
_RUN = re.compile(rb"\\+")
# The size of the pieces that a quick check looks for. 8 bytes of a key do not occur in an answer by chance.
_PIECE_BYTES = 8
# The number of places in a text that one step of the quick check compares.
_PLACES: Final = 32
_DIGITS = "0123456789abcdefABCDEF"
_BYTES: Final = {f"{high}{low}".encode(): bytes.fromhex(high + low) for high in _DIGITS for low in _DIGITS}

# The text to search for, and the number of characters before and after it that hold some bits of the secret (base64).
_Form = tuple[bytes, int, int]
_Span = tuple[int, int]


class Scrubber:
    """Replaces every rendering of a secret by filler of equal length.

    One scrubber is made per credential; `Stream` holds the state of one answer.
    """

    __slots__ = (
        "_clean", "_coded", "_escaped", "_escapes", "_forms", "_longer_run", "_needles", "_pieces", "_places", "_stride",
        "character_bytes", "filler", "overlap_bytes", "shortest_bytes",
    )  # fmt: skip

    def __init__(self, secrets: Iterable[bytes]) -> None:
        """Prepare the search for renderings of `secrets`.

        Raises:
            ValueError: every filler occurs in a secret (one has a space, and one has an asterisk).
        """
        hidden = [secret for secret in secrets if secret]
        self._forms = tuple({form: None for secret in hidden for form in _forms(secret) if form[0]})
        texts = {text for text, _, _ in self._forms}
        # If a text does not occur, no longer text that contains it occurs. So the shortest texts are enough for a check.
        self._needles = tuple(sorted(text for text in texts if not any(other in text for other in texts if other != text)))
        backslashes = _ESCAPING + _ESCAPED * max((len(run) for secret in hidden for run in _RUN.findall(secret)), default=0)
        self._longer_run = _BACKSLASH * (backslashes + 1)
        self._escaped = re.compile(rb"\\{1,%d}(?:u00([0-9A-Fa-f]{2})|([^\\]))" % backslashes, re.DOTALL)
        # Each of the three characters of `%2B` may be escaped.
        self.character_bytes = len("%2b") * (backslashes + len("u002b"))
        letters = {code for code in range(256) if any(_FOLD[code] in text for text in texts)}
        self._escapes = re.compile(rb"\\u00(?:%b)" % _codes(letters | {ord("%")}))
        self._coded = re.compile(b"%%(?:%b)" % _codes(letters))
        self.filler = next((filler for filler in FILLERS if not any(filler in secret for secret in hidden)), b"")
        if not self.filler:
            raise ValueError("no filler can stand for this secret")
        # If a needle occurs in a text, one of these pieces occurs at a multiple of `stride`.
        self.shortest_bytes = shortest = min(map(len, self._needles), default=sys.maxsize)
        size = min(_PIECE_BYTES, shortest - shortest // 4)
        stride = shortest - size + 1
        self._pieces = frozenset(text[place : place + size] for text in self._needles for place in range(len(text) - size + 1))
        places = [slice(place, place + size) for place in range(0, stride * _PLACES, stride)]
        self._places = tuple(itemgetter(*places[: max(count, 2)]) for count in range(_PLACES + 1))
        self._stride = stride
        self._clean = b""
        # A piece of a stream may end inside a rendering, so this many bytes at its end are held back.
        longest = max((len(text) + before + after for text, before, after in self._forms), default=0)
        self.overlap_bytes = max(longest * self.character_bytes - 1, 0)

    def whole(self, data: bytes) -> bytes:
        """Return `data` without the secret."""
        if len(data) < self.shortest_bytes or not self.suspects(data):
            return data
        return self.filled(data, self.spans(data))

    def lines(self, lines: bytes) -> bytes:
        """Return header lines without the secret. The object that was last found clean is not searched again."""
        if lines is self._clean:
            return lines
        scrubbed = self.whole(lines)
        if scrubbed is lines:
            self._clean = lines
        return scrubbed

    def suspects(self, data: bytes) -> bool:
        """Say whether `data` may contain the secret. Hardly any answer does, and this is several times as fast as `spans`."""
        text = data.translate(_FOLD, _BACKSLASH)
        if self._holds(text):
            return True
        if text.find(b"%") >= 0 and self._holds_coded(text):
            return True
        if data.find(_BACKSLASH) < 0:
            return False
        if data.find(self._longer_run) >= 0:
            return True
        if data.find(b"\\u00") < 0 or self._escapes.search(data) is None:
            return False
        text = _unescaped(data)
        return self._holds(text) or (text.find(b"%") >= 0 and self._holds_coded(text))

    def _holds(self, text: bytes) -> bool:
        # Compares about every thirteenth place with all pieces together: faster than one search for each text.
        pieces, block = self._pieces, self._stride * _PLACES
        if len(text) <= block:
            if pieces.isdisjoint(self._places[-(-len(text) // self._stride)](text)):
                return False
        else:
            look = self._places[_PLACES]
            if all(pieces.isdisjoint(look(text[place : place + block + _PIECE_BYTES])) for place in range(0, len(text), block)):
                return False
        return any(needle in text for needle in self._needles)

    def _holds_coded(self, text: bytes) -> bool:
        return self._coded.search(text) is not None and self._holds(unquote_to_bytes(text).translate(_FOLD, _BACKSLASH))

    def spans(self, data: bytes) -> list[_Span]:
        """Return the start and end index of each rendering in `data`. They may overlap."""
        found: list[_Span] = []
        plain = (data, range(len(data)), range(1, len(data) + 1))
        for text, starts, ends in (plain, _undone(self._escaped, *plain)):
            self._find(text, starts, ends, found)
            if text.find(b"%") >= 0:
                self._find(*_undone(_PERCENT, text, starts, ends), found)
        return found

    def _find(self, text: bytes, starts: Sequence[int], ends: Sequence[int], found: list[_Span]) -> None:
        """Add the spans of the secret in `text` to `found`. `starts` and `ends` map its characters to indexes in the answer."""
        folded = text.translate(_FOLD)
        last = len(text) - 1
        for form, before, after in self._forms:
            place = folded.find(form)
            while place >= 0:
                found.append((starts[max(place - before, 0)], ends[min(place + len(form) - 1 + after, last)]))
                place = folded.find(form, place + 1)

    def filled(self, data: bytes, spans: Iterable[_Span]) -> bytes:
        """Return `data` with filler in place of `spans`. A span may go past the end of `data`."""
        done = 0
        pieces: list[bytes] = []
        for first, behind in sorted(spans):
            start, end = max(first, done), min(behind, len(data))
            if start < end:
                pieces += (data[done:start], self.filler * (end - start))
                done = end
        return b"".join((*pieces, data[done:])) if pieces else data

    def stream(self) -> "Stream":
        """Return a new `Stream` for an answer that comes in pieces."""
        return Stream(self)


class Stream:
    """Scrubs one answer that comes in pieces."""

    __slots__ = ("_covered", "_given", "_held", "_scrubber")

    def __init__(self, scrubber: Scrubber) -> None:
        """Begin an answer, with no bytes held back."""
        self._scrubber = scrubber
        self._held = b""
        self._given = b""  # the last bytes before `_held`, unscrubbed: an escape may begin there
        self._covered = 0  # so many of the first bytes of `_held` belong to a rendering that began earlier

    def feed(self, data: bytes) -> bytes:
        """Add `data`; return the scrubbed bytes that can be sent now."""
        held = self._held + data
        # Every rendering that begins before this index is here completely.
        return self._give(held, max(len(held) - self._scrubber.overlap_bytes, 0))

    def end(self) -> bytes:
        """Return the bytes that were held back, scrubbed."""
        return self._give(self._held, len(self._held))

    def _give(self, held: bytes, cut: int) -> bytes:
        """Return the first `cut` bytes of `held`, scrubbed, and hold back the rest."""
        scrubber = self._scrubber
        data = self._given + held
        offset = len(self._given)
        spans = [(0, self._covered)]
        if scrubber.suspects(data):
            spans += [(start - offset, end - offset) for start, end in scrubber.spans(data) if offset <= start < offset + cut]
        self._covered = max(max(end for _, end in spans) - cut, 0)
        self._held = held[cut:]
        self._given = data[: offset + cut][-scrubber.character_bytes :]
        return scrubber.filled(held[:cut], spans)


def _forms(secret: bytes) -> Iterable[_Form]:
    """Return the texts to search for: each rendering of `secret`, decoded and folded."""
    for text in (secret, secret.translate(None, _BACKSLASH), _unescaped(secret)):
        yield text.translate(_FOLD), 0, 0
    yield secret.hex().encode(), 0, 0
    for shift in range(3):
        coded = base64.b64encode(bytes(shift) + secret + b"\0\0")
        bits, end = 8 * shift, 8 * (shift + len(secret))
        # The characters at both ends may hold only some bits of the secret.
        yield coded[-(-bits // 6) : end // 6].translate(_FOLD), int(bits % 6 > 0), int(end % 6 > 0)


def _unescaped(data: bytes) -> bytes:
    """Return `data` folded, with JSON escapes decoded at every level of escaping, and without any other backslash."""
    first, *rest = data.split(b"\\u00")
    pieces = [first]
    for piece in rest:
        byte = _BYTES.get(piece[:2])
        pieces += (b"u00", piece) if byte is None else (byte, piece[2:])
    return b"".join(pieces).translate(_FOLD, _BACKSLASH)


def _undone(
    coded: re.Pattern[bytes], text: bytes, starts: Sequence[int], ends: Sequence[int]
) -> tuple[bytes, Sequence[int], Sequence[int]]:
    """Return `text` with matches of `coded` decoded, and the new `starts` and `ends`. A decoded backslash is dropped."""
    done = 0
    undone = bytearray()
    first: list[int] = []
    behind: list[int] = []
    for match in coded.finditer(text):
        start, end = match.span()
        undone += text[done:start]
        first += starts[done:start]
        behind += ends[done:start]
        done = end
        code = match[1]
        byte = match[2] if code is None else _BYTES[code]
        if byte != _BACKSLASH:
            undone += byte
            first.append(starts[start])
            behind.append(ends[end - 1])
    return bytes(undone + text[done:]), [*first, *starts[done:]], [*behind, *ends[done:]]


def _codes(letters: Iterable[int]) -> bytes:
    """Return a pattern that matches the two hex digits of each of `letters`, in either case."""
    codes = sorted(f"{letter:02x}" for letter in letters)
    groups = [(high, "".join(code[1] for code in group)) for high, group in groupby(codes, key=lambda code: code[0])]
    return "|".join(f"{_either(high)}{_either(low)}" for high, low in groups).encode() or b"(?!)"


def _either(digits: str) -> str:
    return f"[{digits}{digits.upper()}]"
