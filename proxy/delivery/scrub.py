r"""Keeps the injected secret out of answers (promise G4), at unchanged length.

A secret is found in each rendering from which it can be read back:

| Rendering       | Found                                                                                          |
| --------------- | ---------------------------------------------------------------------------------------------- |
| raw             | as it is                                                                                       |
| percent-encoded | whichever of its characters are, RFC 3986 section 2.1                                          |
| hex             | in either case, also mixed                                                                     |
| base64          | in both alphabets of RFC 4648, whatever stands before and behind it, padded or not             |
| JSON-escaped    | any of these, whichever characters are, as `\u002B`, `\/` or `\"`; also in JSON held in a string |

All of them are found by undoing: an answer is read once as it is, with JSON's escapes undone, and each of the two with
percent-encoding undone; what remains are few fixed texts to look for. The case of letters is not looked at, for hex has both,
and base64's two alphabets are read as one: this finds a little more than there is, and never less.

What a stream gives does not depend on how it was cut into pieces: it is what `Scrubber.whole` gives for all of it.
"""

import base64
import re
import sys
from collections.abc import Iterable, Sequence
from itertools import groupby
from operator import itemgetter
from typing import Final
from urllib.parse import unquote_to_bytes

# What a secret is replaced by: the first of these bytes that occurs in no secret, so that what is left can never be read as the
# secret again. A credential holds no space (`credentials.model`), so one of them always fits.
FILLERS = (b"*", b" ")

# So many backslashes stand before a character that was escaped twice, in JSON held in a string of JSON; and so many for each
# that is part of a key. More are none of its.
_ESCAPING, _ESCAPED = 3, 4
_PERCENT = re.compile(rb"%([0-9A-Fa-f]{2})")
# Letters of either case are one, and so are base64's two alphabets.
_FOLD: Final = bytes.maketrans(b"ABCDEFGHIJKLMNOPQRSTUVWXYZ-_", b"abcdefghijklmnopqrstuvwxyz+/")
_BACKSLASH: Final = b"\\"
_RUN = re.compile(rb"\\+")
# How much of a text tells that it may be there; 8 bytes of a key are by chance in no answer.
_PIECE_BYTES = 8
# How many places in a text are looked at in one step.
_PLACES: Final = 32
_DIGITS = "0123456789abcdefABCDEF"
_BYTES: Final = {f"{high}{low}".encode(): bytes.fromhex(high + low) for high in _DIGITS for low in _DIGITS}

# What is looked for, and how many characters on either side of it hold bits of the secret beside others (base64).
_Form = tuple[bytes, int, int]
_Span = tuple[int, int]


class Scrubber:
    """Replaces every rendering of a secret by a filler of equal length.

    One scrubber is made per credential; `Stream` holds the state of one answer.
    """

    __slots__ = (
        "_clean", "_coded", "_escaped", "_escapes", "_forms", "_longer_run", "_needles", "_pieces", "_places", "_stride",
        "character_bytes", "filler", "overlap_bytes", "shortest_bytes",
    )  # fmt: skip

    def __init__(self, secrets: Iterable[bytes]) -> None:
        """Look for renderings of `secrets`.

        Raises:
            ValueError: a secret holds a space and one an asterisk.
        """
        hidden = [secret for secret in secrets if secret]
        self._forms = tuple({form: None for secret in hidden for form in _forms(secret) if form[0]})
        texts = {text for text, _, _ in self._forms}
        # Where a text is not, no longer one that holds it is.
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
        # Wherever one of them stands in a text, one of these stands at a multiple of `stride`.
        self.shortest_bytes = shortest = min(map(len, self._needles), default=sys.maxsize)
        size = min(_PIECE_BYTES, shortest - shortest // 4)
        stride = shortest - size + 1
        self._pieces = frozenset(text[place : place + size] for text in self._needles for place in range(len(text) - size + 1))
        places = [slice(place, place + size) for place in range(0, stride * _PLACES, stride)]
        self._places = tuple(itemgetter(*places[: max(count, 2)]) for count in range(_PLACES + 1))
        self._stride = stride
        self._clean = b""
        # A piece may end inside a rendering: this much of its end is held back.
        longest = max((len(text) + before + after for text, before, after in self._forms), default=0)
        self.overlap_bytes = max(longest * self.character_bytes - 1, 0)

    def whole(self, data: bytes) -> bytes:
        """Return `data` without the secret."""
        if len(data) < self.shortest_bytes or not self.suspects(data):
            return data
        return self.filled(data, self.spans(data))

    def lines(self, lines: bytes) -> bytes:
        """Return header lines without the secret. The very object that was looked through last is not looked through again."""
        if lines is self._clean:
            return lines
        scrubbed = self.whole(lines)
        if scrubbed is lines:
            self._clean = lines
        return scrubbed

    def suspects(self, data: bytes) -> bool:
        """Say whether the secret may be in `data`; nearly no answer holds any, and this is several times as fast as `spans`."""
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
        # A look at every thirteenth place or so, for all pieces together: faster than one search for each text.
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
        """Return where renderings are in `data`: the first byte of each, and the one behind its last. They may overlap."""
        found: list[_Span] = []
        plain = (data, range(len(data)), range(1, len(data) + 1))
        for text, starts, ends in (plain, _undone(self._escaped, *plain)):
            self._find(text, starts, ends, found)
            if text.find(b"%") >= 0:
                self._find(*_undone(_PERCENT, text, starts, ends), found)
        return found

    def _find(self, text: bytes, starts: Sequence[int], ends: Sequence[int], found: list[_Span]) -> None:
        """Add where `text` holds the secret; `starts` and `ends` say where its characters stand in the answer."""
        folded = text.translate(_FOLD)
        last = len(text) - 1
        for form, before, after in self._forms:
            place = folded.find(form)
            while place >= 0:
                found.append((starts[max(place - before, 0)], ends[min(place + len(form) - 1 + after, last)]))
                place = folded.find(form, place + 1)

    def filled(self, data: bytes, spans: Iterable[_Span]) -> bytes:
        """Return `data` with filler in place of `spans`, which may reach beyond its end."""
        done = 0
        pieces: list[bytes] = []
        for first, behind in sorted(spans):
            start, end = max(first, done), min(behind, len(data))
            if start < end:
                pieces += (data[done:start], self.filler * (end - start))
                done = end
        return b"".join((*pieces, data[done:])) if pieces else data

    def stream(self) -> "Stream":
        """Begin an answer that comes in pieces."""
        return Stream(self)


class Stream:
    """An answer that comes in pieces."""

    __slots__ = ("_covered", "_given", "_held", "_scrubber")

    def __init__(self, scrubber: Scrubber) -> None:
        """Hold nothing yet."""
        self._scrubber = scrubber
        self._held = b""
        self._given = b""  # what was given last, as it came: an escape may begin there
        self._covered = 0  # how many of the bytes held are part of a rendering that began before them

    def feed(self, data: bytes) -> bytes:
        """Return what can be sent on now."""
        held = self._held + data
        # A rendering that begins before this is here whole, whichever it is.
        return self._give(held, max(len(held) - self._scrubber.overlap_bytes, 0))

    def end(self) -> bytes:
        """Return what was held back."""
        return self._give(self._held, len(self._held))

    def _give(self, held: bytes, cut: int) -> bytes:
        """Return the first `cut` bytes of `held`, scrubbed, and hold the rest."""
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
    """Return what is left of each rendering of `secret` once it is undone, as it is looked for."""
    for text in (secret, secret.translate(None, _BACKSLASH), _unescaped(secret)):
        yield text.translate(_FOLD), 0, 0
    yield secret.hex().encode(), 0, 0
    for shift in range(3):
        coded = base64.b64encode(bytes(shift) + secret + b"\0\0")
        bits, end = 8 * shift, 8 * (shift + len(secret))
        # Of a character at either end only some bits are the secret's.
        yield coded[-(-bits // 6) : end // 6].translate(_FOLD), int(bits % 6 > 0), int(end % 6 > 0)


def _unescaped(data: bytes) -> bytes:
    """Return `data` with JSON's escapes undone, however often they were made, and every other backslash dropped; folded."""
    first, *rest = data.split(b"\\u00")
    pieces = [first]
    for piece in rest:
        byte = _BYTES.get(piece[:2])
        pieces += (b"u00", piece) if byte is None else (byte, piece[2:])
    return b"".join(pieces).translate(_FOLD, _BACKSLASH)


def _undone(
    coded: re.Pattern[bytes], text: bytes, starts: Sequence[int], ends: Sequence[int]
) -> tuple[bytes, Sequence[int], Sequence[int]]:
    """Return `text` with what is `coded` undone, and where its characters stand in the answer. A backslash is none of them."""
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
    """Return a pattern of the two hex digits that stand for each of `letters`, in either case."""
    codes = sorted(f"{letter:02x}" for letter in letters)
    groups = [(high, "".join(code[1] for code in group)) for high, group in groupby(codes, key=lambda code: code[0])]
    return "|".join(f"{_either(high)}{_either(low)}" for high, low in groups).encode() or b"(?!)"


def _either(digits: str) -> str:
    return f"[{digits}{digits.upper()}]"
