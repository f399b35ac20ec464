"""Structure inside strings: JSON that is held in one, and the parameters of a query or a form.

Both are what field names reach into as well. A string in which nothing is changed stays exactly as it was.
"""

import re
from collections.abc import Callable
from typing import Any
from urllib.parse import quote, quote_plus, unquote, unquote_plus

from proxy.errors import Reason, RefusedError
from proxy.payload.decode import parse
from proxy.payload.encode import encode

# How often JSON is looked for inside JSON that was held in a string.
NESTED_MAX = 4

_BASE64 = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/-_=\r\n"
# What percent-coding in a text never reaches across: `https://x/u/ada%40example.com/orders`.
_SEPARATORS = re.compile(r"([\s/?&;#=]+)")
_SURROGATES = range(0xD800, 0xE000)
_BEGINS_JSON = re.compile(r"[ \t\r\n]*[\[{\"]")
# A parameter in a URL, a form, or the middle of a text: what stands around it says where it ends. A name without a value is
# none.
_PARAMETER = re.compile(r"(?:(?<=[?&;#\s])|\A)([^=&?;#\s]{1,512})=([^&;#\s]*)")


def may_be_structured(body: bytes) -> bool:
    """Say whether a string of `body`, which is JSON text, may hold JSON or parameters; most bodies have none that could.

    JSON with a key needs a quotation mark inside a string, a parameter an equals sign; either may be an escape.
    """
    # One byte is found many times as fast as two; `in` would raise and catch an error, as bytes may be asked for numbers.
    return body.find(b"=") >= 0 or (body.find(b"\\") >= 0 and (body.find(b'\\"') >= 0 or body.find(b"\\u00") >= 0))


def coded(text: str) -> bool:
    """Say whether `text` is of the characters of base64 alone (RFC 4648), in lines or not, as a coded file is."""
    return text.isascii() and not text.encode().translate(None, _BASE64)


def held_json(text: str, max_depth: int) -> object:
    """Return the array, object or string that `text` spells in JSON, or None.

    Raises:
        RefusedError: `too_deep` beyond `max_depth` nested arrays and objects.
    """
    if '"' not in text or not _BEGINS_JSON.match(text):
        return None
    try:
        return parse(text.encode(), max_depth)
    except UnicodeEncodeError:  # a lone surrogate: an escape of it may still be JSON to whoever reads it
        return parse_escaped(text, max_depth)
    except RefusedError as refusal:
        if refusal.reason is Reason.TOO_DEEP:
            raise
        return None


def parse_escaped(text: str, max_depth: int) -> object:
    """Return what `held_json` returns for a text with lone surrogates, which are no UTF-8."""
    escaped = "".join(f"\\u{ord(each):04x}" if ord(each) in _SURROGATES else each for each in text)
    try:
        return parse(escaped.encode(), max_depth)
    except RefusedError as refusal:
        if refusal.reason is Reason.TOO_DEEP:
            raise
        return None


def field_of(name: str) -> str:
    """Return the key that the name of a parameter spells: `user[ssn]`, as forms write it, is `user.ssn`."""
    return name.replace("[", ".").replace("]", "")


def spelled(value: object) -> str:
    """Return the JSON text of `value`, as a string holds it."""
    return encode(value).decode()


def digits_of(number: Any) -> str:  # noqa: ANN401 - int or float: an int that became a float would lose digits
    """Return the JSON text of a number; a float that is whole (4.0, 4e15) is the integer it stands for."""
    return spelled(int(number) if type(number) is float and number.is_integer() else number)


# What becomes of a parameter: its new name and value (as they are, not coded), None where it goes, or the same pair.
Treat = Callable[[str, str], tuple[str, str] | None]


def parameters_treated(text: str, treat: Treat) -> str:
    """Return `text` with each of its parameters as `treat` says; names and values are decoded for it."""
    if "=" not in text:
        return text
    pieces: list[str] = []
    done = 0
    for match in _PARAMETER.finditer(text):
        name, value = unquote_plus(match[1]), unquote_plus(match[2])
        treated = treat(name, value)
        if treated == (name, value):
            continue
        pieces.append(text[done : match.start()])
        done = match.end()
        if treated is not None:
            pieces.append("=".join(quote_plus(part, errors="surrogatepass") for part in treated))
        elif text[done : done + 1] in ("&", ";"):
            done += 1  # the separator goes with what it separated
        elif pieces[-1][-1:] in ("&", ";"):
            pieces[-1] = pieces[-1][:-1]
    if not pieces:
        return text
    pieces.append(text[done:])
    return "".join(pieces)


def decoded_treated(text: str, treat: Callable[[str], Any], gone: object) -> Any:  # noqa: ANN401 - a text, or `gone`
    """Return `text` with each percent-coded piece as `treat` leaves what it stands for; `gone` where `treat` says so."""
    pieces = _SEPARATORS.split(text)
    for place, piece in enumerate(pieces):
        plain = unquote(piece) if "%" in piece else piece
        if plain != piece:
            left = treat(plain)
            if left is gone:
                return gone
            if left != plain:
                pieces[place] = quote(left, safe="", errors="surrogatepass")
    return "".join(pieces)
