"""Pseudonyms in place of identifiers: one for a person, wherever and however the person is named (`identifiers:`).

* A pseudonym is HMAC-SHA256 of the identifier's canonical form (`canonical`) under the policy's key: `<key_id>.<hex>`, and for
  an email address `<hex>@<key_id>.invalid`, so that Customer.io still takes it for an email address (customerio-api.md 1.3) and
  no mail can ever reach it (RFC 2606).
* What is one of our pseudonyms already, under this key or a previous one, is left.
* Customer.io's own ids (`cio_…`), device tokens and the like, and addresses that messages go to, are never replaced.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from urllib.parse import quote

from proxy.api.match import Match, encode_query
from proxy.api.model import Identifier
from proxy.policy.actions import Canonical, HmacHasher, as_it_is, email, phone

CANONICAL: Mapping[Identifier, Canonical] = {
    Identifier.EMAIL: email,
    Identifier.ID: as_it_is,
    Identifier.PHONE: phone,
    Identifier.ANONYMOUS_ID: as_it_is,
}
# How Customer.io tells the types of identifiers apart where a call does not name them.
_BY_NAME = {"email": Identifier.EMAIL, "cio_id": Identifier.CIO_ID}
_OWN_ID = "cio_"
# The top-level domain under which no mail is delivered (RFC 2606 section 2).
_UNREACHABLE = ".invalid"
_PARAMETER = re.compile(r"\{(\w+)\}")


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

    __slots__ = ("_email", "_hasher", "_key_id", "_kinds", "_own", "_prefixes")

    def __init__(self, hasher: HmacHasher, kinds: Iterable[Identifier], previous: Sequence[str]) -> None:
        """Replace identifiers of these `kinds`; `previous` are the ids of keys that were used before."""
        self._hasher = hasher
        self._kinds = frozenset(kinds)
        self._key_id = hasher.key_id
        ids = "|".join(map(re.escape, (hasher.key_id, *previous)))
        self._own = re.compile(rf"(?:{ids})\.[0-9a-f]{{8,64}}")
        self._email = re.compile(rf"[0-9a-f]{{8,64}}@(?:{ids}){re.escape(_UNREACHABLE)}")
        self._prefixes = tuple(f"{name}." for name in (hasher.key_id, *previous))

    def of(self, kind: Identifier, value: str, id_type: str = "") -> str:
        """Return the pseudonym of an identifier, or itself where its type is kept."""
        kind = kind_of(kind, value, id_type)
        if kind not in self._kinds or not value:
            return value
        if kind is Identifier.EMAIL:
            if self._email.fullmatch(value.strip().lower()):
                return value
            _, _, digits = self._hasher.text(value, email).rpartition(".")
            return f"{digits}@{self._key_id}{_UNREACHABLE}"
        return value if self._own.fullmatch(value) else self._hasher.text(value, CANONICAL[kind])

    def made(self, text: str) -> bool:
        """Say whether `text` is one of our pseudonyms."""
        if text.endswith(_UNREACHABLE):
            return self._email.fullmatch(text) is not None
        return text.startswith(self._prefixes) and self._own.fullmatch(text) is not None

    def target(self, match: Match) -> bytes:
        """Return the target of a call with pseudonyms in its path and query."""
        endpoint = match.endpoint
        ids, query = self._named(match)
        if ids == match.path_ids and query == match.query:
            return match.target
        path = _PARAMETER.sub(lambda parameter: quote(ids[parameter[1]], safe=""), endpoint.path).encode()
        return path + (b"?" + encode_query(query.items()) if query else b"")

    def left(self, match: Match) -> list[str]:
        """Return the identifiers in the path and query of a call that are kept, and are no pseudonyms."""
        ids, query = self._named(match)
        now, before = (*ids.values(), *query.values()), (*match.path_ids.values(), *match.query.values())
        return [value for value, was in zip(now, before, strict=True) if value == was and not self.made(value)]

    def _named(self, match: Match) -> tuple[dict[str, str], dict[str, str]]:
        endpoint, id_type = match.endpoint, match.query.get("id_type", "")
        return (
            {name: self.of(endpoint.path_ids[name], value, id_type) for name, value in match.path_ids.items()},
            {name: self.of(endpoint.query[name], value, id_type) for name, value in match.query.items()},
        )
