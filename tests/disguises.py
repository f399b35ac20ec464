"""Values as people and programs write them otherwise: what a detector finds in one form, it is to find in each."""

import re
from collections.abc import Iterator
from decimal import Decimal

# Separators that people put between groups, by what they are; `written` says which are in lists and times, and so are none.
SEPARATORS = {
    "newline": "\n", "line end": "\r\n", "tab": "\t", "two spaces": "  ", "three spaces": "   ", "hyphen": "-", "point": ".",
    "spaced hyphen": " - ", "underscore": "_", "slash": "/", "bar": "|", "spaced bar": " | ", "escaped newline": "\\n",
    "no-break space": "\N{NO-BREAK SPACE}", "thin space": "\N{THIN SPACE}", "ideographic space": "\N{IDEOGRAPHIC SPACE}",
    "line separator": "\N{LINE SEPARATOR}", "next line": "\x85", "en dash": "\N{EN DASH}", "em dash": "\N{EM DASH}",
    "minus": "\N{MINUS SIGN}", "middle dot": "\N{MIDDLE DOT}", "bullet": "\N{BULLET}", "dot operator": "\N{DOT OPERATOR}",
    "katakana middle dot": "\N{KATAKANA MIDDLE DOT}", "full-width stop": "\N{FULLWIDTH FULL STOP}",
    "division slash": "\N{DIVISION SLASH}", "vertical tab": "\v", "form feed": "\f", "undertie": "\N{UNDERTIE}",
    "zero-width and space": "\N{ZERO WIDTH SPACE} \N{ZERO WIDTH SPACE}", "marked space": " \N{COMBINING ACUTE ACCENT}",
}  # fmt: skip
UNSEEN = {
    "zero-width space": "\N{ZERO WIDTH SPACE}", "joiner": "\N{ZERO WIDTH JOINER}", "soft hyphen": "\N{SOFT HYPHEN}",
    "byte order mark": "\N{ZERO WIDTH NO-BREAK SPACE}", "acute": "\N{COMBINING ACUTE ACCENT}",
    "enclosing circle": "\N{COMBINING ENCLOSING CIRCLE}", "keycap": "\N{VARIATION SELECTOR-16}\N{COMBINING ENCLOSING KEYCAP}",
    "strike": "\N{COMBINING LONG STROKE OVERLAY}", "two marks": "\N{COMBINING ACUTE ACCENT}\N{COMBINING GRAVE ACCENT BELOW}",
    "visarga": "\N{DEVANAGARI SIGN VISARGA}",
}  # fmt: skip
# By the character for zero, and full-width for all signs.
_DIGITS = ("\N{ARABIC-INDIC DIGIT ZERO}", "\N{DEVANAGARI DIGIT ZERO}", "\N{MATHEMATICAL BOLD DIGIT ZERO}")

_BETWEEN = re.compile(r"(?<=[0-9A-Za-z)])[ ./-]+(?=[0-9A-Za-z(])")


def separated(value: str, separator: str) -> str:
    """Return a value whose groups have another separator between them."""
    return _BETWEEN.sub(lambda _: separator, value)


def unseen(value: str, between: str) -> str:
    """Return a value with something that is not seen behind each of its characters."""
    return "".join(character + between for character in value)


def in_other_digits(value: str) -> Iterator[str]:
    """Yield a value in digits of other scripts and styles, and in full-width characters."""
    for zero in _DIGITS:
        yield "".join(chr(ord(zero) + int(each)) if "0" <= each <= "9" else each for each in value)
    yield "".join(chr(ord(each) + 0xFEE0) if "!" <= each <= "~" else each for each in value)


def floats(number: str) -> Iterator[str]:
    """Yield a whole number as programs write it that take it for a float."""
    yield from (f"{number}.0", f"{number}.000", f"{number}e0", f"{number}E+00")
    if not number.startswith("0"):
        exponential = f"{Decimal(number):.{len(number) - 1}e}"
        yield from (exponential, exponential.replace("e+", "E"), f"{number[:3]}.{number[3:]}e{len(number) - 3}")
