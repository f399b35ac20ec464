"""Pseudonyms in place of identifiers (`identifiers:`). All spellings of one identifier give one pseudonym.

* A pseudonym is HMAC-SHA256 of the identifier's canonical form (`CANONICAL`) under the policy's key: `<key_id>.<hex>`. The
  pseudonym of an email address is `<hex>@<key_id>.invalid`: Customer.io reads an identifier with an "@" as an email address
  (Track API reference), and no mail is delivered to `.invalid` (RFC 2606).
* A pseudonym of our own, under this key or a previous one, stays unchanged.
* Customer.io's own ids (`cio_…`), device tokens and similar values, and the addresses of messages are never replaced.
* An identifier with an "@" is an email address at every position. It is replaced if email addresses are replaced.

An identifier from the path, the query or the body (`people.Named`) is replaced in the rest of the request as well.
"""

import re
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from typing import Final
from urllib.parse import unquote

from proxy.api.model import Identifier
from proxy.policy.actions import Canonical, HmacHasher, as_it_is, email, phone

# Longer texts are no identifiers: Customer.io accepts 150 bytes, which percent-coding turns into 450 characters.
LONGEST: Final = 1000
# The longest text that is folded: an address has at most 254 characters (RFC 5321 section 4.5.3.1.3), and normalisation of
# combining marks takes quadratic time.
FOLDED_MAX: Final = 254
# How many layers of percent-coding are decoded.
CODED_MAX: Final = 4
# A number with fewer digits is not taken for a phone number.
PHONE_DIGITS = 7


# Invisible characters (Unicode category Cf).
_HIDDEN: Final = {code: None for code in range(0xAD, 0xE0080) if unicodedata.category(chr(code)) == "Cf"}


# What else people put between the digits of a phone number: dashes of every length, and points.
_PHONE_SIGNS: Final = dict.fromkeys((*range(0x2010, 0x2016), 0x2212, 0xB7, 0x2022, 0x2219, 0x22C5, 0x30FB, ord("_")))


def decoded(text: str) -> str:
    """Return a text with up to `CODED_MAX` layers of percent-coding decoded; a text over `LONGEST` is returned unchanged."""
    if len(text) <= LONGEST:
        for _ in range(CODED_MAX):
            if "%" not in text:
                break
            text = unquote(text)
    return text


def folded(text: str) -> str:
    """Return a text in NFKC (full-width letters become ASCII) without invisible characters; over `FOLDED_MAX`, unchanged."""
    if text.isascii() or len(text) > FOLDED_MAX:
        return text
    return unicodedata.normalize("NFKC", text).translate(_HIDDEN)


def address(text: str) -> str:
    """Return the canonical form of an email address, or "" if `text` is none.

    Customer.io compares addresses without case. Percent-coding, full-width letters and invisible characters do not make
    another person.
    """
    text = folded(decoded(text.strip()))
    return email(text) if "@" in text else ""


def email_form(text: str) -> str:
    """Return the canonical form of a value at the position of an email address, even if it is none."""
    return address(text) or email(text)


def phone_digits(text: str) -> str:
    """Return the digits of a phone number, or nothing where `text` is none that could be told from an ordinary number."""
    canonical = phone(folded(text)).translate(_PHONE_SIGNS)
    digits = canonical.removeprefix("+")
    return digits if digits.isdecimal() and digits.isascii() and len(digits) >= PHONE_DIGITS else ""


def number(text: str) -> str:
    """Return the canonical form of a phone number: its digits after a plus, as in E.164. Callers often omit the plus."""
    digits = phone_digits(text)
    return f"+{digits}" if digits else phone(text)


CANONICAL: Mapping[Identifier, Canonical] = {
    Identifier.EMAIL: email_form,
    Identifier.ID: as_it_is,
    Identifier.PHONE: number,
    Identifier.ANONYMOUS_ID: as_it_is,
}
# The types of identifiers by the value of the query parameter `id_type`.
_BY_NAME = {"email": Identifier.EMAIL, "cio_id": Identifier.CIO_ID, "phone": Identifier.PHONE}
_OWN_ID = "cio_"
# Values of these kinds identify no person, or are the destination of a message.
NOBODY: Final = (Identifier.ADDRESS, Identifier.OPAQUE)
# The top-level domain under which no mail is delivered (RFC 2606 section 2).
_UNREACHABLE = ".invalid"


def kind_of(kind: Identifier, value: str, id_type: str) -> Identifier:
    """Return the type of an identifier; `id_type` is the call's query parameter of that name, or ""."""
    if kind is Identifier.BY_ID_TYPE:
        return _BY_NAME.get(id_type, Identifier.ID)
    if kind is Identifier.SHAPE:
        if "@" in value:
            return Identifier.EMAIL
        return Identifier.CIO_ID if value.startswith(_OWN_ID) else Identifier.ID
    return kind


class Pseudonyms:
    """Makes the pseudonyms of some types of identifiers."""

    __slots__ = ("_email", "_hasher", "_key_id", "_own", "_prefixes", "kinds")

    def __init__(self, hasher: HmacHasher, kinds: Iterable[Identifier], previous: Sequence[str]) -> None:
        """Replace identifiers of these `kinds`; `previous` are the ids of earlier keys."""
        self._hasher = hasher
        # A tuple is faster than a set: a set calls the `__hash__` of the enumeration, which is Python code.
        self.kinds = tuple(kinds)
        self._key_id = hasher.key_id
        ids = "|".join(map(re.escape, (hasher.key_id, *previous)))
        self._own = re.compile(rf"(?:{ids})\.[0-9a-f]{{8,64}}")
        self._email = re.compile(rf"[0-9a-f]{{8,64}}@(?:{ids}){re.escape(_UNREACHABLE)}")
        self._prefixes = tuple(f"{name}." for name in (hasher.key_id, *previous))

    def changes(self, kind: Identifier) -> bool:
        """Return whether an identifier at a position of this kind may be of a type that is replaced."""
        if kind in (Identifier.SHAPE, Identifier.BY_ID_TYPE):
            return Identifier.ID in self.kinds or Identifier.EMAIL in self.kinds
        return kind in self.kinds

    def typed(self, kind: Identifier, value: str, id_type: str = "") -> Identifier:
        """Return the type of an identifier. Only identifiers of the types in `kinds` are replaced."""
        if kind in NOBODY:
            return kind
        if ("@" in value or "%" in value or not value.isascii()) and Identifier.EMAIL in self.kinds and address(value):
            return Identifier.EMAIL
        return kind_of(kind, value, id_type)

    def of(self, kind: Identifier, value: str, id_type: str = "") -> str:
        """Return the pseudonym of an identifier, or the identifier itself if its type is kept."""
        return self.made_of(self.typed(kind, value, id_type), value)

    def made_of(self, kind: Identifier, value: str) -> str:
        """Return the pseudonym of an identifier of the type `kind`, or the identifier itself if the type is kept."""
        if kind not in self.kinds or not value or self.made(value):
            return value
        hashed = self._hasher.keyed(CANONICAL[kind](value))
        if kind is not Identifier.EMAIL:
            return hashed
        _, _, digits = hashed.rpartition(".")
        return f"{digits}@{self._key_id}{_UNREACHABLE}"

    def made(self, text: str) -> bool:
        """Return whether `text` is a pseudonym of our own."""
        if "@" in text:
            return self._email.fullmatch(text.strip().lower()) is not None
        return text.startswith(self._prefixes) and self._own.fullmatch(text) is not None
