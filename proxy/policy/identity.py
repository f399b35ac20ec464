"""Pseudonyms in place of identifiers: one for a person, wherever and however the person is named (`identifiers:`).

* A pseudonym is HMAC-SHA256 of the identifier's canonical form (`CANONICAL`) under the policy's key: `<key_id>.<hex>`, and for
  an email address `<hex>@<key_id>.invalid`, so that Customer.io still takes it for an email address (customerio-api.md 1.3) and
  no mail can ever reach it (RFC 2606).
* What is one of our pseudonyms already, under this key or a previous one, is left.
* Customer.io's own ids (`cio_…`), device tokens and the like, and addresses that messages go to, are never replaced.
* An identifier that holds an "@" is an address, whatever the position says: it is replaced as one where addresses are.

What a request names in its path, its query and its body (`people.Named`) is replaced in the rest of it as well.
"""

import re
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from typing import Final
from urllib.parse import unquote

from proxy.api.model import Identifier
from proxy.policy.actions import Canonical, HmacHasher, as_it_is, email, phone

# The longest identifier that is looked at closely: Customer.io takes 150 bytes, percent-coded three times as many characters.
LONGEST: Final = 1000
# The longest text that is folded: an address has at most 254 characters (RFC 5321 section 4.5.3.1.3), and normalising marks is
# quadratic.
FOLDED_MAX: Final = 254
# How often a value may be percent-coded and still be seen through.
CODED_MAX: Final = 4
# The fewest digits that tell a phone number from an ordinary number.
PHONE_DIGITS = 7


# Characters that are not seen (Unicode category Cf).
_HIDDEN: Final = {code: None for code in range(0xAD, 0xE0080) if unicodedata.category(chr(code)) == "Cf"}


# What else people put between the digits of a phone number: dashes of every length, and points.
_PHONE_SIGNS: Final = dict.fromkeys((*range(0x2010, 0x2016), 0x2212, 0xB7, 0x2022, 0x2219, 0x22C5, 0x30FB, ord("_")))


def decoded(text: str) -> str:
    """Return a text without its percent-coding, however often it is coded; a long one as it is."""
    if len(text) <= LONGEST:
        for _ in range(CODED_MAX):
            if "%" not in text:
                break
            text = unquote(text)
    return text


def folded(text: str) -> str:
    """Return a text with its full-width letters as ordinary ones, and without hidden characters; a long one as it is."""
    if text.isascii() or len(text) > FOLDED_MAX:
        return text
    return unicodedata.normalize("NFKC", text).translate(_HIDDEN)


def address(text: str) -> str:
    """Return the one spelling of an email address, or nothing where `text` is none.

    Customer.io compares addresses without case; coding, full-width letters and hidden characters make no other person.
    """
    text = folded(decoded(text.strip()))
    return email(text) if "@" in text else ""


def email_form(text: str) -> str:
    """Return the canonical form of what stands where an email address belongs."""
    return address(text) or email(text)


def phone_digits(text: str) -> str:
    """Return the digits of a phone number, or nothing where `text` is none that could be told from an ordinary number."""
    canonical = phone(folded(text)).translate(_PHONE_SIGNS)
    digits = canonical.removeprefix("+")
    return digits if digits.isdecimal() and digits.isascii() and len(digits) >= PHONE_DIGITS else ""


def number(text: str) -> str:
    """Return the one spelling of a phone number: E.164 has a plus, which is often left out."""
    digits = phone_digits(text)
    return f"+{digits}" if digits else phone(text)


CANONICAL: Mapping[Identifier, Canonical] = {
    Identifier.EMAIL: email_form,
    Identifier.ID: as_it_is,
    Identifier.PHONE: number,
    Identifier.ANONYMOUS_ID: as_it_is,
}
# How Customer.io tells the types of identifiers apart where a call does not name them.
_BY_NAME = {"email": Identifier.EMAIL, "cio_id": Identifier.CIO_ID, "phone": Identifier.PHONE}
_OWN_ID = "cio_"
# Positions of these kinds name no person, or are where a message goes to.
NOBODY: Final = (Identifier.ADDRESS, Identifier.OPAQUE)
# The top-level domain under which no mail is delivered (RFC 2606 section 2).
_UNREACHABLE = ".invalid"


def kind_of(kind: Identifier, value: str, id_type: str) -> Identifier:
    """Return the type of an identifier; `id_type` is the call's own word for it, where it has one."""
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
        """Replace identifiers of these `kinds`; `previous` are the ids of keys that were used before."""
        self._hasher = hasher
        # Members of an enumeration are hashed by a call, and compared in a tuple without one.
        self.kinds = tuple(kinds)
        self._key_id = hasher.key_id
        ids = "|".join(map(re.escape, (hasher.key_id, *previous)))
        self._own = re.compile(rf"(?:{ids})\.[0-9a-f]{{8,64}}")
        self._email = re.compile(rf"[0-9a-f]{{8,64}}@(?:{ids}){re.escape(_UNREACHABLE)}")
        self._prefixes = tuple(f"{name}." for name in (hasher.key_id, *previous))

    def changes(self, kind: Identifier) -> bool:
        """Say whether identifiers at a position of this kind are of a type that is replaced, or may be."""
        if kind in (Identifier.SHAPE, Identifier.BY_ID_TYPE):
            return Identifier.ID in self.kinds or Identifier.EMAIL in self.kinds
        return kind in self.kinds

    def typed(self, kind: Identifier, value: str, id_type: str = "") -> Identifier:
        """Return the type by which an identifier is replaced, which is kept if it is none of `kinds`."""
        if kind in NOBODY:
            return kind
        if ("@" in value or "%" in value or not value.isascii()) and Identifier.EMAIL in self.kinds and address(value):
            return Identifier.EMAIL
        return kind_of(kind, value, id_type)

    def of(self, kind: Identifier, value: str, id_type: str = "") -> str:
        """Return the pseudonym of an identifier, or itself where its type is kept."""
        return self.made_of(self.typed(kind, value, id_type), value)

    def made_of(self, kind: Identifier, value: str) -> str:
        """Return the pseudonym of an identifier whose type is known, as `of` does."""
        if kind not in self.kinds or not value or self.made(value):
            return value
        hashed = self._hasher.keyed(CANONICAL[kind](value))
        if kind is not Identifier.EMAIL:
            return hashed
        _, _, digits = hashed.rpartition(".")
        return f"{digits}@{self._key_id}{_UNREACHABLE}"

    def made(self, text: str) -> bool:
        """Say whether `text` is one of our pseudonyms."""
        if "@" in text:
            return self._email.fullmatch(text.strip().lower()) is not None
        return text.startswith(self._prefixes) and self._own.fullmatch(text) is not None
