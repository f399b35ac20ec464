r"""How names of fields are compared, and which names a key spells.

Two names are one if their normal forms are: NFKC, case-folded, letters and digits only. `creditCard`, `Credit-Card` and
`CREDIT_CARD` share one; full-width letters and zero-width characters hide nothing.

A key may spell several names: `user.ssn`, `user[ssn]`, `ssn[0]`, `user/ssn`. It may spell them in code: `%73sn`, `\u0073sn`.
"""

import re
import unicodedata
from typing import Final
from urllib.parse import unquote

# What stands between the names that a key spells. A colon, a bar and the like are no part of any name that people give.
_BETWEEN: Final = str.maketrans(dict.fromkeys("[]/\\:|>=&;?#,", "."))
# An ASCII name keeps its letters and digits. What is listed becomes nothing; the point stays.
_ASCII_DROPPED: Final = {code: None for code in range(128) if not chr(code).isalnum() and chr(code) != "."}
# How often a key may be percent-coded; what is left coded after that is compared as it stands.
_DECODINGS_MAX: Final = 4
_ESCAPE = re.compile(r"\\u([0-9A-Fa-f]{4})")
# Unicode's stream-safe text format (UAX 15 section 13) allows 30 combining marks in a row. Normalisation sorts each run of them
# by insertion, so a longer run takes time that grows with its square. U+034F ends a run and changes no name.
_MARKS_MAX: Final = 30
_ENDS_RUN: Final = "\u034f"
# Characters whose compatibility form is long, and how long it is. All others have at most eight.
_LONG_FORMS: Final = (("\ufdfa", 18),)

# What it takes to find out what a key spells, in units of `payload.budget`: for any key, for how many
# characters of one in ASCII one more, and for each character of another.
KEY_UNITS: Final = 3
CHARACTERS_PER_UNIT: Final = 2
OTHER_CHARACTER_UNITS: Final = 4
# Comparing one key cannot be interrupted: one with so many characters, some of them coded or not in ASCII, takes about 30 ms.
LONG_KEY_CHARACTERS: Final = 65_536
TOO_MANY_UNITS: Final = 1 << 40


def normal_form(name: str) -> str:
    """Return the form in which field names are compared: NFKC, case-folded, letters and digits only."""
    if name.isascii():
        if name.isalnum():
            return name.lower()
        return name.lower().translate(_ASCII_DROPPED).replace(".", "")
    return "".join(filter(str.isalnum, _folded(name)))


def spelled_names(key: str) -> list[str]:
    """Return the normal forms of the names that `key` spells: first the whole, then each part, in order.

    A key without parts gives one name. Parts that hold no letter or digit are left out.
    """
    if key.isascii() and key.isalnum():
        return [key.lower()]
    if key.isascii() and "%" not in key and "\\" not in key:
        parts = key.lower().translate(_BETWEEN).translate(_ASCII_DROPPED)
    else:
        parts = "".join(each for each in _folded(_plain(key)).translate(_BETWEEN) if each == "." or each.isalnum())
    if "." not in parts:
        return [parts]
    return [parts.replace(".", ""), *filter(None, parts.split("."))]


def key_units(key: str) -> int:
    """Return what it takes to compare `key`, in units of `payload.budget`."""
    if key.isascii() and "%" not in key and "\\u" not in key:
        return KEY_UNITS + len(key) // CHARACTERS_PER_UNIT
    if len(key) > LONG_KEY_CHARACTERS:
        return TOO_MANY_UNITS
    return KEY_UNITS + OTHER_CHARACTER_UNITS * (len(key) + sum(length * key.count(form) for form, length in _LONG_FORMS))


def _plain(key: str) -> str:
    r"""Return `key` without percent-coding and without `\u` escapes."""
    for _ in range(_DECODINGS_MAX):
        plain = unquote(key) if "%" in key else key
        if "\\u" in plain:
            plain = _ESCAPE.sub(lambda escape: chr(int(escape[1], 16)), plain)
        if plain == key:
            break
        key = plain
    return key


def _folded(name: str) -> str:
    name = _stream_safe(name)
    return unicodedata.normalize("NFKC", _stream_safe(unicodedata.normalize("NFKC", name).casefold()))


def _stream_safe(text: str) -> str:
    """Return `text` with its runs of combining marks cut into runs of at most `_MARKS_MAX`."""
    if len(text) <= _MARKS_MAX:
        return text
    pieces: list[str] = []
    done = run = 0
    for place, mark in enumerate(map(unicodedata.combining, text)):
        if not mark:
            run = 0
        elif run < _MARKS_MAX:
            run += 1
        else:
            pieces.append(text[done:place])
            done = place
            run = 1
    if not pieces:
        return text
    return _ENDS_RUN.join((*pieces, text[done:]))
