"""Texts as detectors look at them: digits and letters of every width and style as ASCII, with nothing unseen in between.

* Decimal digits of any script, and letters and signs whose compatibility form (Unicode NFKC) is one ASCII character, are that
  character; any dash is a hyphen, any space a space.
* Characters that are not seen are left out: format characters (zero-width ones, soft hyphens, marks of direction), variation
  selectors.
* A lone surrogate, which UTF-8 cannot hold, is U+FFFD.

One character never becomes two, so every place in the folded text is a place in the text.
"""

import re
import unicodedata
from collections.abc import Iterable, Iterator

from proxy.policy.detectors.model import Span

# How many characters are remembered: what callers send must not fill the memory.
KNOWN_CHARACTERS = 4096

_REPLACEMENT = 0xFFFD
_VARIATION_SELECTORS = frozenset({0x034F, *range(0xFE00, 0xFE10), *range(0xE0100, 0xE01F0)})
_BY_CATEGORY = {"Cs": _REPLACEMENT, "Pd": ord("-"), "Zl": ord(" "), "Zp": ord(" "), "Zs": ord(" ")}
_MINUS = 0x2212
_SURROGATES = re.compile("[\ud800-\udfff]")


class FoldingError(Exception):
    """A fault of our own."""


class Folding(dict[int, int | None]):
    """What each character becomes, for `str.translate`: worked out once, and remembered."""

    def __missing__(self, code: int) -> int | None:
        """Work out what becomes of a character.

        Raises:
            FoldingError: a look-up failed. `str.translate` would take its error for a character that stays as it is.
        """
        try:
            folded = _folded(code)
            if len(self) < KNOWN_CHARACTERS:
                self[code] = folded
        except LookupError as error:
            raise FoldingError from error
        return folded


def _folded(code: int) -> int | None:
    character = chr(code)
    category = unicodedata.category(character)
    if category == "Cf" or code in _VARIATION_SELECTORS:
        return None
    if code == _MINUS:
        return ord("-")
    if category in _BY_CATEGORY:
        return _BY_CATEGORY[category]
    digit = unicodedata.decimal(character, None)
    if digit is not None:
        return ord("0") + digit
    form = unicodedata.normalize("NFKC", character)
    return ord(form) if len(form) == 1 and form.isascii() else code


class View:
    """A text in UTF-8, and the way back from places in it to places in the text that it was made from."""

    __slots__ = ("_kept", "data")

    def __init__(self, text: str, kept: list[int] | None = None) -> None:
        """Show `text`, which holds no lone surrogate; `kept` are the places of its characters in the one it was made from."""
        self.data = text.encode()
        self._kept = kept

    def in_text(self, spans: Iterable[Span]) -> Iterator[Span]:
        """Yield `spans` of `data`, sorted and apart from one another, by their places in the text."""
        kept = self._kept
        at = characters = 0
        for start, end, detector in spans:
            first = characters + len(self.data[at:start].decode(errors="ignore"))
            at, characters = end, first + len(self.data[start:end].decode(errors="ignore"))
            if first < characters:
                yield (
                    Span(first, characters, detector) if kept is None else Span(kept[first], kept[characters - 1] + 1, detector)
                )


def folded(text: str, folding: Folding) -> View:
    """Return `text` folded."""
    plain = text.translate(folding)
    if len(plain) == len(text):
        return View(plain)
    return View(plain, [place for place, character in enumerate(text) if folding[ord(character)] is not None])


def as_it_is(text: str) -> View:
    """Return `text` itself, but for lone surrogates."""
    return View(_SURROGATES.sub(chr(_REPLACEMENT), text))
