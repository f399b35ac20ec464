"""Finds the people that one request names, and replaces their identifiers in the whole request.

A raw identifier beside its own pseudonym would reveal the person. So it is not enough to replace the identifier at the position
where Customer.io reads it:

* Identifiers come from the path, the query and the identifier positions of the body. An email address, or a phone number of
  seven digits or more, is then replaced wherever it is a whole value or a key. An id is replaced only under keys for ids
  (`ID_KEYS`), because `5` may also be a quantity.
* Spellings are compared, not bytes: case, white space, percent-coding, full-width letters and the separators of a phone number
  make no difference, and `5` and `"5"` are one id.
* At a position whose type is replaced, only a scalar is legal, or an array of scalars if the table says so. On the way there,
  only objects are legal, and a string that holds JSON is not one. Anything else could hide an identifier, so the call is
  refused. Null and an empty text are always legal. An empty object or array is legal except in place of a scalar.
* For an endpoint that is not in the table, the names of keys tell which values are identifiers (`BY_KEY`).
"""

import re
from collections.abc import Iterator
from typing import Any, Final
from urllib.parse import quote, unquote

from proxy.api.match import Match, encode_query
from proxy.api.model import Endpoint, Identifier
from proxy.api.naming import BY_KEY, ID_KEYS
from proxy.payload.budget import UNMETERED, Budget
from proxy.policy.fields import KNOWN_KEY_CHARACTERS, KNOWN_KEYS, DeniedError, Hit
from proxy.policy.identity import CODED_MAX, LONGEST, NOBODY, PHONE_DIGITS, Pseudonyms, address, folded, phone_digits
from proxy.policy.names import key_units, normal_form
from proxy.policy.positions import NOWHERE, Person, Position
from proxy.policy.texts import NESTED_MAX, digits_of, held_json, pieces_of, spelled

# The costs in units of `payload.budget`: of a check of a member or element, and of an identifier that is recorded.
MEMBER_UNITS: Final = 2
NAMED_UNITS: Final = 22
# JSON text of an object or array. An id may have braces around it, but then it has no quotation marks inside.
_STRUCTURE = re.compile(r"""\s*(?:\[.*\]|\{[^"]*".*\})\s*""", re.DOTALL)
_PHONE_CHARACTERS = 40
_PHONE_BEGINS = frozenset("+(0123456789")
# A smaller number has too few digits for a phone number.
_SMALL = 10 ** (PHONE_DIGITS - 1)
# What Customer.io keeps as the data of an event, and takes for nobody's identifier.
_DATA = re.compile(r"(?:\A|\.)(?:data|properties|context)\.")
_PARAMETER = re.compile(r"\{(\w+)\}")
_PAIRED = frozenset({"name", "key", "field"})
_PAIR_KEYS = 8


class Identity:
    """Replaces identifiers in the calls of one endpoint; `hit` counts the replacements."""

    __slots__ = ("_forms", "_root", "bodiless", "hit", "pseudonyms")

    def __init__(self, pseudonyms: Pseudonyms, hit: Hit, endpoint: Endpoint | None) -> None:
        """Replace identifiers by `pseudonyms`; `endpoint` None stands for calls that are not in the table."""
        self.pseudonyms = pseudonyms
        self.hit = hit
        self.bodiless = endpoint is not None and endpoint.bodiless
        self._forms: dict[str, str] = {}
        self._root = None if endpoint is None else self._tree(endpoint)

    def _tree(self, endpoint: Endpoint) -> Person:
        root = Person()
        for position, kind in (*endpoint.identifiers.items(), *endpoint.naming_attributes.items()):
            reads = position in endpoint.identifiers or not _DATA.search(position)
            if kind not in NOBODY:
                root.place(position, strict=reads and self.pseudonyms.changes(kind)).kind = kind
        for position in endpoint.routing:
            if position.endswith("**"):
                root.place(position).whole = True
        return root

    def form(self, key: str, budget: Budget = UNMETERED) -> str:
        """Return the normal form of a key, and remember it within bounds."""
        known = self._forms.get(key)
        if known is None:
            budget.spend(key_units(key))
            known = normal_form(key)
            if len(key) <= KNOWN_KEY_CHARACTERS:
                if len(self._forms) >= KNOWN_KEYS:
                    self._forms.clear()
                self._forms[key] = known
        return known

    def named(self, match: Match | None, body: object, budget: Budget = UNMETERED) -> "Named":
        """Return the people that a call names in its body and, if `match` is given, in its path and query.

        Raises:
            DeniedError: the value at an identifier position could hide an identifier.
            RefusedError: `too_complex`.
        """
        found = Named(self, "" if match is None else match.query.get("id_type", ""), budget)
        if match is not None:
            for kind, value in parameters(match):
                found.add(kind, value)
            for name, value in match.unnamed_query:
                self._by_keys(BY_KEY.get(self.form(name)), value, found)
        if self._root is None:
            self._by_keys(None, body, found)
        else:
            self._visit(self._root, body, found)
        return found

    def _visit(self, person: Person, value: Any, found: "Named") -> None:  # noqa: ANN401 - JSON
        """Add to `found` the identifiers in a value at the place `person`."""
        kind = type(value)
        if value is None or kind is bool or (kind is str and not value):
            return
        if person.kind is not None:
            if kind is dict or kind is list or (kind is str and _STRUCTURE.fullmatch(value)):
                self._mistyped(person, value, found)
            else:
                found.add(person.kind, value if kind is str else digits_of(value))
        elif person.whole:
            self._conditions(value, found)
        elif person.each is not None and kind is list:
            found.budget.spend(MEMBER_UNITS * len(value))
            for element in value:
                self._visit(person.each, element, found)
        elif person.keys and kind is dict:
            found.budget.spend(MEMBER_UNITS * len(value))
            for key, child in value.items():
                place = self._below(person, key, found.budget)
                if place is not None:
                    self._visit(place, child, found)
        # An empty container holds no identifier. Some clients write an empty object as an array, or an array as an object.
        elif (person.keys or person.each is not None) and value not in ({}, []):
            self._mistyped(person, value, found)

    def _below(self, person: Person, key: str, budget: Budget) -> Person | None:
        """Return the place of a key, or None if the table has none; a dotted key counts as several steps."""
        if not person.keys:
            return None
        place = person.keys.get(self.form(key, budget))
        if place is not None or "." not in key:
            return place
        head, _, rest = key.partition(".")
        place = person.keys.get(self.form(head, budget))
        return None if place is None else self._below(place, rest, budget)

    def _conditions(self, value: Any, found: "Named") -> None:  # noqa: ANN401 - JSON
        """Add to `found` the identifiers in the conditions of a filter: `{field: email, operator: eq, value: …}`."""
        if type(value) is dict:
            found.budget.spend(MEMBER_UNITS * (1 + len(value)))
            field = value.get("field")
            self._by_keys(BY_KEY.get(self.form(field, found.budget)) if type(field) is str else None, value.get("value"), found)
            for child in value.values():
                self._conditions(child, found)
        elif type(value) is list:
            found.budget.spend(MEMBER_UNITS * (1 + len(value)))
            for child in value:
                self._conditions(child, found)

    def _by_keys(self, kind: Identifier | None, value: Any, found: "Named") -> None:  # noqa: ANN401 - JSON
        """Look for identifiers under keys that say so, where no row does; `kind` is what stands here.

        At the place of an identifier, a key may be an address or a phone number itself. Any other key is a name.
        """
        form = type(value)
        if form is dict:
            found.budget.spend(MEMBER_UNITS * (1 + len(value)))
            for key, child in value.items():
                if kind is not None and ("@" in key or phone_digits(key)):
                    found.add(Identifier.EMAIL if "@" in key else Identifier.PHONE, key)
                self._by_keys(BY_KEY.get(self.form(key, found.budget), kind), child, found)
        elif form is list:
            found.budget.spend(MEMBER_UNITS * (1 + len(value)))
            for child in value:
                self._by_keys(kind, child, found)
        elif kind is not None and value is not None and form is not bool:
            found.add(kind, value if form is str else digits_of(value))

    def _mistyped(self, person: Person, value: object, found: "Named") -> None:
        """Treat a value of the wrong shape at the place of an identifier, or on the way to one.

        Where the type is replaced, the call is refused. In the data of an event, identifiers in the value are added to `found`.

        Raises:
            DeniedError: the type is replaced, and the policy is enforced.
        """
        if not person.strict:
            held = held_json(value, found.budget) if isinstance(value, str) else None
            value = value if held is None else held.value
            self._by_keys(person.kind or Identifier.CIO_ID, value, found)
        elif self.hit.enforced:
            raise DeniedError([self.hit])


class Named:
    """The people that one request names, and their pseudonyms."""

    __slots__ = ("_emails", "_given", "_id_type", "_ids", "_phones", "budget", "identity")

    def __init__(self, identity: Identity, id_type: str, budget: Budget) -> None:
        """Start with no people; `id_type` is the call's query parameter of that name, and `budget` pays for the work."""
        self.identity = identity
        self.budget = budget
        self._id_type = id_type
        self._given: dict[str, tuple[Identifier, str]] = {}
        self._emails: dict[str, str] = {}
        self._phones: dict[str, str] = {}
        self._ids: dict[str, str] = {}

    def add(self, kind: Identifier, text: str) -> None:
        """Record `text`, the value at the position of an identifier of this kind."""
        self.budget.spend(NAMED_UNITS)
        pseudonyms = self.identity.pseudonyms
        typed = pseudonyms.typed(kind, text, self._id_type)
        pseudonym = pseudonyms.made_of(typed, text)
        if pseudonym == text or len(text) > LONGEST:
            return
        self._given[text] = kind, pseudonym
        kind = typed
        if kind is Identifier.EMAIL and (form := address(text)):
            self._emails[form] = pseudonym
        elif kind is Identifier.PHONE and (digits := phone_digits(text)):
            self._phones[digits] = pseudonym
        else:
            self._ids[text.strip()] = pseudonym

    def replaced(self, value: Any, position: Position, *, keyed: bool) -> Any:  # noqa: ANN401 - a scalar
        """Return the pseudonym of a text or number, as `pseudonym` does, or the same object if it is not replaced."""
        kind = position.kind
        if kind is None and not keyed:
            if not self._emails and not self._phones:
                return value
            if type(value) is not str and (not self._phones or -_SMALL < value < _SMALL):
                return value
        text = value if type(value) is str else digits_of(value)
        pseudonym = self.pseudonym(kind, text, keyed=keyed)
        if pseudonym == text and position.exempt and kind is not Identifier.ADDRESS:
            # Rules do not apply inside a text at this position, so JSON in it is treated here.
            pseudonym = self._held(text, NESTED_MAX)
        return value if pseudonym == text else pseudonym

    def _held(self, text: str, levels: int) -> str:
        """Return a text that holds JSON with its identifiers replaced, or the same text if there are none."""
        held = held_json(text, self.budget) if levels and _STRUCTURE.fullmatch(text) else None
        if held is None:
            return text
        left = self._inside(held.value, levels - 1, keyed=False)
        return text if held.exact and left == held.value else spelled(left)

    def _inside(self, value: Any, levels: int, *, keyed: bool) -> Any:  # noqa: ANN401 - JSON
        kind = type(value)
        if kind is dict or kind is list:
            self.budget.spend(MEMBER_UNITS * (1 + len(value)))
        if kind is dict:
            return {
                self.key(key): self._inside(child, levels, keyed=self.keyed(key, value, expression=False))
                for key, child in value.items()
            }
        if kind is list:
            return [self._inside(child, levels, keyed=keyed) for child in value]
        if kind is str:
            return self._held(self.pseudonym(None, value, keyed=keyed), levels)
        return value if value is None or kind is bool else self.replaced(value, NOWHERE, keyed=keyed)

    def pseudonym(self, kind: Identifier | None, text: str, *, keyed: bool) -> str:
        """Return the pseudonym that replaces `text`, or `text` itself if it is no identifier that is replaced.

        `kind` is the kind of its position. `keyed` says whether it is the value of a key for ids.
        """
        if kind is Identifier.ADDRESS:
            return text  # the destination of a message must not change
        if kind is not None and kind not in NOBODY:
            given = self._given.get(text)
            if given is not None and given[0] is kind:
                return given[1]
            pseudonym = self.identity.pseudonyms.of(kind, text, self._id_type)
            if pseudonym != text:
                return pseudonym
        plain = text.strip()
        if not plain or len(plain) > LONGEST:
            return text
        coded = 0
        while True:
            if keyed and (found := self._ids.get(plain)):
                break
            if "%" not in plain or coded == CODED_MAX:
                found = self._known(plain)
                break
            plain = unquote(plain).strip()
            coded += 1
        return text if not found else quote(found, safe="") if coded else found

    def may_stand_in(self, text: str) -> bool:
        """Say whether an address or a phone number that the request names may be a piece of `text`."""
        return bool((self._emails and "@" in text) or self._phones)

    def stands_in(self, text: str) -> bool:
        """Say whether somebody whom the request names is a whole piece of `text`, which is a field of a head."""
        if not self.may_stand_in(text) and "%" not in text and not any(found in text for found in self._ids):
            return False
        return any(self.pseudonym(None, piece.text, keyed=True) != piece.text for piece in pieces_of(text, self.budget))

    def key(self, key: str) -> str:
        """Return the pseudonym that replaces a key, which may be an address itself, or the key."""
        return self.pseudonym(None, key, keyed=False)

    def keyed(self, key: str, siblings: dict[str, Any], *, expression: bool) -> bool:
        """Return whether the value of `key` is an id, if it equals an id that the request names.

        In a pair such as `{"field": "id", "operator": "eq", "value": "5"}`, the name among the `siblings` tells the type of
        the value. In the `expression` of a filter, only such pairs count, because a segment has an `id` too.
        """
        form = self.identity.form(key)
        if not expression:
            if form in ID_KEYS:
                return True
            if "." in key and self.identity.form(key.rpartition(".")[2]) in ID_KEYS:
                return True
        return (
            form == "value"
            and len(siblings) <= _PAIR_KEYS
            and any(
                type(beside) is str and self.identity.form(name) in _PAIRED and self.identity.form(beside) in ID_KEYS
                for name, beside in siblings.items()
            )
        )

    def target(self, match: Match) -> bytes:
        """Return the target of a call with pseudonyms in its path and query."""
        endpoint = match.endpoint
        if endpoint.method == "*":
            path = b"/".join(map(self._segment, match.target.split(b"/")))
            return match.target if path == match.target else path
        ids, query = self._replaced(match)
        if ids == match.path_ids and query == match.query:
            return match.target
        path = _PARAMETER.sub(lambda parameter: quote(ids[parameter[1]], safe=""), endpoint.path).encode()
        return path + (b"?" + encode_query(query.items()) if query else b"")

    def left(self, match: Match) -> list[str]:
        """Return the identifiers in the path and query of a call that are neither replaced nor pseudonyms already."""
        ids, query = self._replaced(match)
        now, before = (*ids.values(), *query.values()), (*match.path_ids.values(), *match.query.values())
        made = self.identity.pseudonyms.made
        return [value for value, was in zip(now, before, strict=True) if value == was and not made(value)]

    def _known(self, text: str) -> str:
        """Return the pseudonym of an address or phone number that the request names, or ""."""
        text = folded(text)
        if self._emails and "@" in text:
            return self._emails.get(text.strip().lower(), "")
        if self._phones and len(text) <= _PHONE_CHARACTERS and text[:1] in _PHONE_BEGINS:
            return self._phones.get(phone_digits(text), "")
        return ""

    def _replaced(self, match: Match) -> tuple[dict[str, str], dict[str, str]]:
        endpoint = match.endpoint
        return (
            {name: self._parameter(name, endpoint.path_ids[name], value) for name, value in match.path_ids.items()},
            {name: self._parameter(name, endpoint.query[name], value) for name, value in match.query.items()},
        )

    def _parameter(self, name: str, kind: Identifier, value: str) -> str:
        return self.pseudonym(kind, value, keyed=self.identity.form(name) in ID_KEYS)

    def _segment(self, segment: bytes) -> bytes:
        """Return a segment of an unknown path with its pseudonym: of any address, and of other texts that the call names."""
        text = unquote(segment.decode())
        now = self.pseudonym(Identifier.SHAPE if "@" in text else None, text, keyed=True)
        return segment if now == text else quote(now, safe="").encode()


def parameters(match: Match) -> Iterator[tuple[Identifier, str]]:
    """Yield the kind and value of each parameter in a call's path and query."""
    for values, kinds in ((match.path_ids, match.endpoint.path_ids), (match.query, match.endpoint.query)):
        for name, value in values.items():
            yield kinds[name], value
