"""Structure inside strings: JSON, whole or in pieces; the parameters of a query or a form; percent-coding.

Field names reach into all of it. A string in which nothing is changed stays as it was, unless reading it lost something.

* A string that is a JSON object, array or string is walked as a part of the body (`held_json`).
* In any other text, a quoted name and a colon stand before a value (`named_values`): JSON that was cut or joined, that stands
  in a log line or behind a byte-order mark, Python's repr.
* `name=value` is a parameter (`parameters`). Parts of a text that are percent-coded are decoded (`decoded`).
"""

import re
from collections.abc import Callable, Iterator
from typing import Any, Final, NamedTuple
from urllib.parse import quote, quote_plus, unquote, unquote_plus, unquote_to_bytes

from proxy.errors import Reason, RefusedError
from proxy.payload.budget import Budget
from proxy.payload.decode import Held, parse_held
from proxy.payload.encode import encode

# How often structure is looked for inside structure that a string held.
NESTED_MAX = 4
# How deep JSON in a string may be nested; a body itself has a limit of its own.
HELD_DEPTH = 100

# What it takes, in units of `payload.budget`: to try to read a text as JSON, for each sign of a value in it, and for how many
# of its characters one more; to look at what a colon or an equals sign may follow, and at a name; to decode a part.
HELD_UNITS: Final = 20
HELD_VALUE_UNITS: Final = 4
HELD_CHARACTERS_PER_UNIT: Final = 4
# Reading cannot be interrupted: so many signs of values take about 50 ms.
HELD_SIGNS_MAX: Final = 300_000
SIGN_UNITS: Final = 4
NAME_UNITS: Final = 20
TOKEN_UNITS: Final = 4
ESCAPE_UNITS: Final = 6
PART_UNITS: Final = 30
CHARACTERS_PER_UNIT: Final = 4
# A regular expression reads at most about so much of a text before it is paid for.
WINDOW_CHARACTERS: Final = 1 << 15

_BASE64 = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/-_=\r\n"
_JSON_SPACE = " \t\r\n"
_ENDS: Final = {"{": "}", "[": "]", '"': '"'}


def may_be_structured(body: bytes) -> bool:
    """Say whether a string of `body`, which is JSON text, may hold structure, or whether it may hold pairs; most do neither.

    JSON needs a bracket or an escaped quotation mark, a name in other quotes a colon behind them, a parameter an equals sign,
    percent-coding its sign. Any of them may be written as an escape. A pair has a member called `value`, or is an array in an
    array.
    """
    # One byte is found many times as fast as two; `in` would raise and catch an error, as bytes may be asked for numbers.
    if (
        body.find(b"=") >= 0
        or body.find(b"%") >= 0
        or body.find(b'"[') >= 0
        or body.find(b'"{') >= 0
        or body.find(b'" ') >= 0
        or body.find(b"`") >= 0
        or body.find(b"alue") >= 0
        or body.find(b"ALUE") >= 0
        or body.find(b"[[") >= 0
        or body.find(b"[ ") >= 0
        or body.find(b"[\n") >= 0
        or body.find(b"[\r") >= 0
        or body.find(b"[\t") >= 0
    ):
        return True
    if body.find(b"\\") >= 0 and (
        body.find(b'\\"') >= 0 or body.find(b"\\u") >= 0 or body.find(b"\\\\") >= 0 or _SPACE_FIRST.search(body) is not None
    ):
        return True
    if body.find(b"'") >= 0 and _QUOTE_BEFORE_COLON.search(body) is not None:
        return True
    if body.find(b"&") >= 0 and _ENTITY.search(body) is not None:
        return True
    return not body.isascii() and _OTHER_QUOTES.search(body) is not None


_SPACE_FIRST = re.compile(rb'"\\[nrt]')
_QUOTE_BEFORE_COLON = re.compile(rb"'(?:\s|\\[nrt])*:")
_ENTITY = re.compile(rb"&(?:quot|apos|#(?:34|39|x22|x27));")
# Quotation marks of typographers (U+2018 to U+201F, and their full-width forms), white space that is not ASCII, and U+FEFF.
_OTHER_QUOTES = re.compile(rb"\xe2\x80|\xc2[\x85\xa0\xab\xbb]|\xef\xbb\xbf|\xef\xbc|\xe3\x80|\xe1\x9a\x80|\xe2\x81")


def coded(text: str) -> bool:
    """Say whether `text` is of the characters of base64 alone (RFC 4648), in lines or not, as a coded file is."""
    return text.isascii() and not text.encode().translate(None, _BASE64)


def held_json(text: str, budget: Budget) -> Held | None:
    """Return the array, object or string that `text` spells in JSON, or None.

    Raises:
        RefusedError: `invalid_json` or `too_deep`, where the same is refused in a body (`decode.parse`); `too_complex`.
    """
    bare = text.strip(_JSON_SPACE)
    end = _ENDS.get(bare[:1])
    if end is None or len(bare) < 2 or bare[-1] != end:  # noqa: PLR2004  # its brackets
        return None
    signs = bare.count(",") + bare.count(":") + bare.count("[") + bare.count("{")
    if signs > HELD_SIGNS_MAX:
        raise RefusedError(Reason.TOO_COMPLEX)
    budget.spend(HELD_UNITS + HELD_VALUE_UNITS * signs + len(bare) // HELD_CHARACTERS_PER_UNIT)
    return parse_held(bare, HELD_DEPTH)


def spelled(value: object) -> str:
    """Return the JSON text of `value`, as a string holds it."""
    return encode(value).decode()


def digits_of(number: Any) -> str:  # noqa: ANN401 - int or float: an int that became a float would lose digits
    """Return the JSON text of a number; a float that is whole (4.0, 4e15) is the integer it stands for."""
    if isinstance(number, float):
        return spelled(int(number) if number.is_integer() else number)
    return str(number) if -_PLAIN < number < _PLAIN else spelled(number)


_PLAIN: Final = 10**15

# Names in quotes. A quotation mark may stand behind backslashes, be doubled, or be spelled as an escape or an entity.

_CLOSERS: Final = {
    '"': '"',
    "'": "'",
    "`": "`",
    "\u201d": "\u201c",  # English
    "\u2019": "\u2018",
    "\u201c": "\u201e",  # German
    "\xbb": "\xab",  # French
    "\uff02": "\uff02",  # full-width
    "\uff07": "\uff07",
}
_OPENERS: Final = frozenset({*_CLOSERS.values(), *_CLOSERS})
_SPELLED_QUOTES: Final = ("u0022", "u0027", "&quot;", "&apos;", "&#34;", "&#39;", "&#x22;", "&#x27;", "%22", "%27")
# At most so many quotation marks in a row are one: those of Python's longest, or a doubled one around nothing.
_RUN_MAX: Final = 4
_APOSTROPHES: Final = ("'", "\u2019")
_ESCAPED_SPACE: Final = frozenset({"n", "r", "t"})
_GROUPS: Final = {"{": "}", "[": "]", "(": ")"}
_IN_GROUP = re.compile("[\\[\\](){}\\\\" + "".join(_OPENERS) + "]")
_BARE_END = re.compile(r"[,\]\})\r\n(\[{]")
_PREFIX = re.compile(r"[bBuUrRfF]{1,2}(?=[\"'])")
_ESCAPE = re.compile(r"\\u([0-9A-Fa-f]{4})")


class Value(NamedTuple):
    """A value that a quoted name stands before: `text[start:end]` is what is masked, and `after` is where it has ended."""

    name: str
    start: int
    end: int
    after: int


def named_values(text: str, names: Callable[[str], bool], budget: Budget) -> Iterator[Value]:
    """Yield each value in `text` whose quoted name is one that `names` says yes to; a value in such a value is not looked at.

    Raises:
        RefusedError: `too_complex`.
    """
    at = 0
    while (colon := text.find(":", at)) >= 0:
        budget.spend(SIGN_UNITS)
        name = _quoted_before(text, at, colon)
        at = colon + 1
        if name is not None:
            budget.spend(NAME_UNITS + len(name))
            if names(name):
                start, end, after = _value_at(text, at, budget)
                yield Value(name, start, end, after)
                at = max(after, at)


def _quoted_before(text: str, begin: int, colon: int) -> str | None:
    """Return the name in quotes that ends before a colon and begins behind `begin`; whatever stands there is read once."""
    end = begin + len(text[begin:colon].rstrip())
    closing = _closing(text, end)
    if closing is None:
        return None
    token, opener = closing
    for _ in range(2 * _RUN_MAX):
        if not text.endswith(token, begin, end):
            break
        end -= len(token)
    end = begin + len(text[begin:end].rstrip("\\"))
    start = text.rfind(opener, begin, end)
    # Without a mark before it, it was taken for the one that closes the value before.
    name = text[begin if start < 0 else start + len(opener) : end]
    if "\\" in name:
        if len(name) > WINDOW_CHARACTERS:
            raise RefusedError(Reason.TOO_COMPLEX)
        name = _ESCAPE.sub(lambda escape: chr(int(escape[1], 16)), name).replace("\\", "")
    return name


def _closing(text: str, end: int) -> tuple[str, str] | None:
    """Return the quotation mark that ends at `end`, and the one that a name in such quotes begins with."""
    last = text[end - 1 : end]
    opener = _CLOSERS.get(last)
    if opener is not None:
        return last, opener
    if last in ";27":
        for token in _SPELLED_QUOTES:
            if text.endswith(token, 0, end):
                return token, token
    return None


def _value_at(text: str, at: int, budget: Budget) -> tuple[int, int, int]:
    """Return where the value that begins at `at` or behind it begins and ends, and where what belongs to it has ended."""
    size = len(text)
    while at < size and (text[at].isspace() or (text[at] == "\\" and text[at + 1 : at + 2] in _ESCAPED_SPACE)):
        at += 1 if text[at].isspace() else 2
    if at < size and text[at] in "bBuUrRfF" and (prefix := _PREFIX.match(text, at)):
        at = prefix.end()
    start = at
    while at < size and text[at] == "\\":
        at += 1
    backslashes = at - start
    token = _opening(text, at)
    if token is not None:
        return _quoted(text, at, token, backslashes, budget, grouped=False)
    if start < size and text[start] in _GROUPS:
        end = _group_end(text, start, budget)
        return start, end, end
    end = start
    while (stop := _BARE_END.search(text, end)) is not None:
        budget.spend(TOKEN_UNITS)
        if text[stop.start()] not in _GROUPS:
            return start, stop.start(), stop.start()
        end = _group_end(text, stop.start(), budget)  # `datetime.date(1990, 1, 1)`
    return start, size, size


def _opening(text: str, at: int) -> str | None:
    if text[at : at + 1] in _OPENERS and at < len(text):
        return text[at]
    if text[at : at + 1] in ("u", "&", "%"):
        return next((token for token in _SPELLED_QUOTES if text.startswith(token, at)), None)
    return None


def _quoted(text: str, at: int, token: str, backslashes: int, budget: Budget, *, grouped: bool) -> tuple[int, int, int]:
    r"""Return the inside of a quoted string whose mark is at `at`, behind so many backslashes, and where it has ended.

    A mark closes if as many backslashes stand before it, or fewer: those of what is around it. As many marks close as opened.
    `"a\\"` is the end of a string in JSON, and goes on in Python's repr of JSON. It is taken for an end if the string is
    `grouped` with others, whose marks could be mistaken. Otherwise too much is masked rather than too little.
    """
    closer = next((close for close, opens in _CLOSERS.items() if opens == token), token)
    width = 1
    while width < _RUN_MAX and text.startswith(token, at + width * len(token)):
        width += 1
    start = at + width * len(token)
    if token == closer and width % 2 == 0 and (width > 2 or start == len(text) or text[start] in ",}]) \t\r\n:;&\\"):  # noqa: PLR2004
        return start - len(token), start - len(token), start  # nothing stands in it
    turns = 2 * (backslashes + 1)
    place = start
    while (found := text.find(closer, place)) >= 0:
        before = found
        while before > start and text[before - 1] == "\\":
            before -= 1
        budget.spend(TOKEN_UNITS)
        escapes = found - before
        if escapes <= backslashes or (grouped and escapes % turns == backslashes):
            run = 1
            while run < width and text.startswith(closer, found + run * len(closer)):
                run += 1
            if run == width:
                return start, before, found + width * len(closer)
        place = found + len(closer)
    return start, len(text), len(text)


def _group_end(text: str, start: int, budget: Budget) -> int:
    """Return where the group ends whose bracket is at `start`; without its match, the end of the text."""
    open_brackets: list[str] = []
    at = start
    while (found := _IN_GROUP.search(text, at)) is not None:
        budget.spend(TOKEN_UNITS)
        sign, at = found[0], found.end()
        if sign == "\\":
            at += 1
        elif sign in _GROUPS:
            open_brackets.append(_GROUPS[sign])
        elif sign in _CLOSERS:
            # A mark between letters is an apostrophe.
            if sign in _APOSTROPHES and text[found.start() - 1 : found.start()].isalnum():
                continue
            *_, at = _quoted(text, found.start(), sign, 0, budget, grouped=True)
        elif open_brackets and sign == open_brackets[-1]:
            open_brackets.pop()
            if not open_brackets:
                return at
    return len(text)


# Parameters: in a URL, a form, a cookie, or the middle of a text. What stands before a name says where it begins.
_BEFORE = r"?&;#\s\"'<>({,|="
_NAME = re.compile(rf"(?:(?<=[{_BEFORE}}})])|\A)([^{_BEFORE}}})]+)=")
# What else may stand before a name: a separator that was coded (`hello%26ssn=5`), a sign or a bracket that is part of no name.
_BEFORE_NAME = re.compile(r"[^\w.\-\[\]:/\\|>]+|\](?=[^\[\].])")
# How often a name may be percent-coded.
_DECODINGS_MAX: Final = 4
# A value that a rule takes goes on to the next parameter: `ssn=536;90-4399`, `ssn=536 90 4399`. It ends before the quotation
# mark that closes an attribute of HTML, and at the end of a line.
_VALUE_END = re.compile(rf"[&#\r\n]|[\"']\s*/?>|[;,|\s](?=[^{_BEFORE}}})]+=)")


class Parameter(NamedTuple):
    """A parameter of a text: its name, decoded, and where name and value stand."""

    name: str
    start: int
    value: int
    end: int


def parameters(text: str, names: Callable[[str], bool], budget: Budget) -> Iterator[Parameter]:
    """Yield each parameter of `text` whose name is one that `names` says yes to.

    Raises:
        RefusedError: `too_complex`.
    """
    at = until = 0
    while (found := _search(_NAME, text, at, until, budget)) is not None:
        match, until = found
        spelled_name = match[1]
        budget.spend(NAME_UNITS + len(spelled_name) // CHARACTERS_PER_UNIT)
        at = match.end()
        for name in _names_of(spelled_name):
            if names(name):
                end = _VALUE_END.search(text, at)
                stop = len(text) if end is None else end.start()
                start = at - 1 - len(name) if spelled_name.endswith(name) else match.start(1)
                yield Parameter(name, start, at, stop)
                at = stop
                break


def _names_of(spelled_name: str) -> Iterator[str]:
    """Yield what may be the name of a parameter: all that stands before its equals sign, then what is apart from the rest."""
    name = unquote_plus(spelled_name) if "%" in spelled_name or "+" in spelled_name else spelled_name
    yield name
    for _ in range(_DECODINGS_MAX):
        if "%" not in name:
            break
        name = unquote(name)
    if _BEFORE_NAME.search(name) is not None:
        parts = list(filter(None, _BEFORE_NAME.split(name)))
        if parts:
            yield parts[-1]


_QUERY = re.compile(r"[?#;]")


def query_at(text: str) -> int:
    """Return where the parameters of a URL begin; the end of a text that is none, or has no parameters."""
    found = _QUERY.search(text) if "://" in text or text.startswith("/") else None
    return len(text) if found is None else found.end()


def field_of(name: str) -> str:
    """Return the key that the name of a parameter spells: `user[ssn]`, as forms write it, is `user.ssn`."""
    return name.replace("[", ".").replace("]", "")


def decoded_value(text: str) -> str:
    """Return what the value of a parameter stands for."""
    return unquote_plus(text) if "%" in text or "+" in text else text


def coded_value(text: str) -> str:
    """Return `text` as the name or value of a parameter."""
    return quote_plus(text, errors="surrogatepass")


# What percent-coding in a text never reaches across: `https://x/u/ada%40example.com/orders`.
_ACROSS = r"\s/?&;#=\"'<>,"
_PART = re.compile(rf"(?<![^{_ACROSS}])[^{_ACROSS}%+]*[%+][^{_ACROSS}]*")
_BOUNDARY = re.compile(rf"[{_ACROSS}]")


def in_parts(text: str) -> bool:
    """Say whether something in `text` separates parts that are decoded each by itself."""
    return _BOUNDARY.search(text) is not None


_PIECE = re.compile(rf"[^{_ACROSS}]+")


class Piece(NamedTuple):
    """A piece of a text between separators; `name` is the piece before the equals sign that it stands behind, if any."""

    name: str
    text: str
    start: int
    end: int


def pieces_of(text: str, budget: Budget) -> Iterator[Piece]:
    """Yield the pieces of `text`.

    Raises:
        RefusedError: `too_complex`.
    """
    before = ""
    for match in _PIECE.finditer(text):
        budget.spend(SIGN_UNITS)
        piece = match[0]
        yield Piece(before if text[match.start() - 1 : match.start()] == "=" else "", piece, match.start(), match.end())
        before = piece


def _search(pattern: re.Pattern[str], text: str, at: int, until: int, budget: Budget) -> tuple[re.Match[str], int] | None:
    """Return the first match from `at`, and the end of its window; up to `until` the text is paid for."""
    while at < len(text):
        if at >= until:
            until = _window(text, at, budget)
        match = pattern.search(text, at, until)
        if match is not None:
            return match, until
        at = until
    return None


def _window(text: str, at: int, budget: Budget) -> int:
    """Return up to where to read on from `at`: a separator, or the end."""
    boundary = _BOUNDARY.search(text, at + WINDOW_CHARACTERS)
    until = len(text) if boundary is None else boundary.end()
    budget.spend((until - at) // CHARACTERS_PER_UNIT)
    return until


def _unquoted(part: str, budget: Budget) -> str:
    """Return `part` without its percent-coding, as `unquote` does; a long one is decoded a window at a time."""
    if len(part) <= WINDOW_CHARACTERS:
        return unquote(part)
    data = part.encode("utf-8", "surrogatepass")
    pieces: list[bytes] = []
    at = 0
    while at < len(data):
        end = at + WINDOW_CHARACTERS
        if (sign := data.rfind(b"%", end - 2, end)) >= 0 and end < len(data):
            end = sign  # the digits behind it are in the next window
        budget.spend((end - at) // CHARACTERS_PER_UNIT)
        pieces.append(unquote_to_bytes(data[at:end]))
        at = end
    return b"".join(pieces).decode("utf-8", "replace")


def undone(text: str, budget: Budget) -> str:
    """Return `text` with its percent-coding and its JSON escapes undone, as `undone.Undone` does.

    Raises:
        RefusedError: `too_complex`.
    """
    plain = _unquoted(text, budget) if "%" in text else text
    if "\\u" not in plain:
        return plain
    budget.spend(ESCAPE_UNITS * plain.count("\\u"))
    return _ESCAPES.sub(lambda escape: chr(int(escape[1], 16)), plain)


_ESCAPES = re.compile(r"\\+u([0-9A-Fa-f]{4})")


def decoded(text: str, treat: Callable[[str], str | None], budget: Budget) -> str | None:
    """Return `text` with each of its percent-coded parts as `treat` leaves it; None where `treat` gives None.

    Behind an equals sign a plus is a space, as forms have it.

    Raises:
        RefusedError: `too_complex`.
    """
    pieces: list[str] = []
    done = at = until = 0
    while (found := _search(_PART, text, at, until, budget)) is not None:
        match, until = found
        budget.spend(PART_UNITS)
        part, at = match[0], match.end()
        form = "+" in part and text[match.start() - 1 : match.start()] == "="
        plain = _unquoted(part.replace("+", " ") if form else part, budget)
        if plain == part:
            continue
        left = treat(plain)
        if left is None:
            return None
        if left != plain:
            coded_part = quote_plus(left, errors="surrogatepass") if form else quote(left, safe="", errors="surrogatepass")
            pieces += (text[done : match.start()], coded_part)
            done = at
    return "".join((*pieces, text[done:])) if pieces else text
