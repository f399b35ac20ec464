"""Folds texts for the detectors: letters and digits of every width and style become ASCII, and invisible characters go.

* A decimal digit of any script becomes an ASCII digit. A letter or sign whose compatibility form (Unicode NFKC) is one ASCII
  character becomes that character. Any dash becomes a hyphen, any space a space, and any bullet a bar.
* Invisible characters are removed: format characters (zero-width characters, soft hyphens, marks of direction) and variation
  selectors. Combining marks, which can follow any digit, are removed as well; marks right after a find belong to the find.
* A lone surrogate, which UTF-8 cannot encode, becomes U+FFFD.

One character never becomes two, so every place in the folded text corresponds to a place in the original text.
"""

import re
import unicodedata
from collections.abc import Iterable, Iterator, Mapping
from types import MappingProxyType

from proxy.payload.budget import UNMETERED, Budget
from proxy.policy.detectors.model import Span

# The bound of the remembered characters, so that callers cannot fill the memory.
KNOWN_CHARACTERS = 4096
# So many characters are folded at a time; characters that are not remembered take about 1 microsecond each.
WINDOW_CHARACTERS = 16_384
# For how many characters it takes one unit of `payload.budget`.
CHARACTERS_PER_UNIT = 2

_REPLACEMENT = 0xFFFD
_VARIATION_SELECTORS = frozenset({0x034F, *range(0xFE00, 0xFE10), *range(0xE0100, 0xE01F0)})
_BY_CATEGORY: Mapping[str, int | None] = MappingProxyType(
    {
        "Cf": None, "Mc": None, "Me": None, "Mn": None, "Cs": _REPLACEMENT,
        "Pc": ord("_"), "Pd": ord("-"), "Zl": ord(" "), "Zp": ord(" "), "Zs": ord(" "),
    }
)  # fmt: skip
# No detector finds a value with a bar in it, so a bullet right before an address is not taken for a part of the address.
_SIGNS: Mapping[str, int] = MappingProxyType(
    dict.fromkeys(
        "\u00B7\u2022\u2023\u2043\u204C\u204D\u2219\u22C5\u25AA\u25AB\u25A0\u25A1\u25CF\u25CB\u25E6\u25C6"
        "\u25C7\u30FB\u16EB\u2E31\u2027\u2756\u27A2\u27A4\u2981\u29BE\u29BF\uFF5C\u00A6\u2223\u2758",
        ord("|"),
    )
    | dict.fromkeys("\u2044\u2215\u29F8\u2571", ord("/"))
    | dict.fromkeys("\u2212\u02D7\u207B\u208B\u2500\u2501", ord("-"))
    | {"\x85": ord(" ")}
)  # fmt: skip
_SURROGATES = re.compile("[\ud800-\udfff]")


class FoldingError(Exception):
    """A fault in the folding itself, not in a text."""


class Folding(dict[int, int | None]):
    """The folding table for `str.translate`: each entry is computed at its first use, and remembered within a bound."""

    def __missing__(self, code: int) -> int | None:
        """Return the folded form of a character, or None if it is removed.

        Raises:
            FoldingError: a look-up failed. `str.translate` would ignore its LookupError and keep the character.
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
    if code in _VARIATION_SELECTORS:
        return None
    if category in _BY_CATEGORY and code >= 0x80:  # noqa: PLR2004 - ASCII stays as it is
        return _BY_CATEGORY[category]
    digit = unicodedata.decimal(character, None)
    if digit is not None:
        return ord("0") + digit
    form = unicodedata.normalize("NFKC", character)
    return ord(form) if len(form) == 1 and form.isascii() else _SIGNS.get(form, code)


class View:
    """A folded text in UTF-8, with the mapping from its places to the places in the original text."""

    __slots__ = ("_kept", "_text", "data")

    def __init__(self, plain: str, text: str, kept: list[int] | None = None) -> None:
        """Encode `plain`, which has no lone surrogate; `kept`: the places of its characters in `text`, if some were removed."""
        self.data = plain.encode()
        self._text = text
        self._kept = kept

    def in_text(self, spans: Iterable[Span]) -> Iterator[Span]:
        """Yield `spans` of `data`, which are sorted and disjoint, as spans of the original text."""
        kept = self._kept
        at = characters = 0
        for start, end, detector in spans:
            first = characters + len(self.data[at:start].decode(errors="ignore"))
            at, characters = end, first + len(self.data[start:end].decode(errors="ignore"))
            if first < characters:
                if kept is None:
                    yield Span(first, characters, detector)
                else:
                    yield Span(kept[first], _marked_end(self._text, kept[characters - 1] + 1), detector)


def folded(text: str, folding: Folding, budget: Budget = UNMETERED) -> View:
    """Return `text` folded.

    Raises:
        RefusedError: `too_complex`.
    """
    windows = [text[at : at + WINDOW_CHARACTERS] for at in range(0, len(text), WINDOW_CHARACTERS)]
    pieces: list[str] = []
    for window in windows:
        budget.spend(len(window) // CHARACTERS_PER_UNIT)
        pieces.append(window.translate(folding))
    plain = "".join(pieces)
    if len(plain) == len(text):
        return View(plain, text)
    kept: list[int] = []
    for number, window in enumerate(windows):
        budget.spend(len(window) // CHARACTERS_PER_UNIT)
        begin = number * WINDOW_CHARACTERS
        kept += [place for place, character in enumerate(window, begin) if folding[ord(character)] is not None]
    return View(plain, text, kept)


def as_it_is(text: str) -> View:
    """Return the view of `text` without folding; only lone surrogates become U+FFFD."""
    return View(_SURROGATES.sub(chr(_REPLACEMENT), text), text)


def _marked_end(text: str, end: int) -> int:
    """Return the end of the combining marks that start at `end`."""
    while end < len(text) and unicodedata.category(text[end]).startswith("M"):
        end += 1
    return end
