"""The written forms of numbers: separators between digits, and whole numbers in exponential form.

In a pattern, `~` marks a separator. Texts were folded before (`fold`), so the patterns need to list only a few signs.
"""

import re

# Spaces, line ends, tabs and other control characters, or a line end or tab that was escaped twice.
_BLANK = r"(?:[\x00-\x20\x7F]|\\[nrt])"
# Folding turns any bullet into a bar (`fold`). Commas, colons and semicolons are missing: they occur in lists and times.
_ANY = r"(?:[\x00-\x20\x7F._/|-]|\\[nrt]){1,3}"
_KINDS = (f"{_BLANK}{{1,3}}", f"{_BLANK}?-{{1,2}}{_BLANK}?", r"\.", "_{1,2}", "/{1,2}", rf"{_BLANK}?\|{_BLANK}?")

# The exponential form, in which programs and spreadsheets write long numbers: `4.111111111111111e15`, `536904399e0`.
EXPONENTIAL = r"[0-9]{1,19}\.[0-9]{6,19}[eE]\+?[0-9]{1,2}|[0-9]{9,19}[eE]\+?0{1,2}"
EXPONENTIAL_MIN_CHARACTERS = len("1.234567e8")
_EXPONENTIAL = re.compile(r"([0-9]+)(?:\.([0-9]+))?[eE]\+?([0-9]+)")
# The end of a whole number that is written as a float.
_NOTHING_BEHIND = re.compile(rb"\.0{1,20}(?![0-9A-Za-z])")

# For a check, every blank, underscore and bar (a folded bullet) becomes a space.
_SPACE = ord(" ")
_SPACED = bytes(_SPACE if byte <= _SPACE or byte in b"\x7f|_" else byte for byte in range(256))
_ESCAPED = re.compile(rb"\\[nrt]")


def separated(pattern: str) -> str:
    """Return `pattern` with none to three separators of any kinds at each `~`."""
    return pattern.replace("~", f"(?:{_ANY})?")


def apart(pattern: str) -> str:
    """Return `pattern` with one to three separators of any kinds at each `~`."""
    return pattern.replace("~", _ANY)


def alike(pattern: str) -> str:
    """Return `pattern` with separators of one kind at every `~`."""
    return "|".join(pattern.replace("~", f"(?:{kind})") for kind in _KINDS)


def candidate_of(data: bytes) -> str:
    """Return the text for a check, with one character for each byte: every blank becomes a space."""
    if b"\\" in data:
        data = _ESCAPED.sub(b"  ", data)
    return data.translate(_SPACED).decode("latin-1")


def whole(text: str) -> str | None:
    """Return the digits of the whole number that the exponential form `text` spells, or None if it spells none.

    Leading zeros stay if the exponent is 0.
    """
    match = _EXPONENTIAL.fullmatch(text)
    if match is None:
        return None
    before, behind, exponent = match[1], match[2] or "", int(match[3])
    if behind[exponent:].strip("0"):
        return None
    digits = before + behind[:exponent].ljust(exponent, "0")
    return digits.lstrip("0") if exponent else digits


def is_whole(data: bytes, end: int) -> bool:
    """Return whether only a point and zeros follow a number that ends at `end`."""
    return _NOTHING_BEHIND.match(data, end) is not None
