"""Which application is calling: the placeholder key of its SDK against the configured callers.

The key is what the SDK was given in place of the real one: the Basic password, else the Basic user, else the Bearer token.
Base64 is taken in both alphabets, padded or not, because official clients differ in it.

Keys are compared as SHA-256 digests, so that the time a comparison takes says nothing about the key. Long ones are kept as they
are too, to be found where they must not leave (`shown`).
"""

import base64
import binascii
import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Self
from urllib.parse import quote

from proxy.sensitive import Sensitive

# What an application is called where nobody is told apart. A configured caller cannot have this name.
ANYONE = "anyone"
# A shorter key could be an ordinary word of a body.
HIDDEN_MIN_BYTES = 16
# Up to so many keys are looked for in the bytes of a body; of more, its values are looked up instead.
_SOUGHT = 8
# A longer header is refused unread: no SDK key comes near.
AUTHORIZATION_MAX_BYTES = 8192


class DuplicateKeyError(Exception):
    """Two callers have the same key; `names` says which."""

    def __init__(self, first: str, second: str) -> None:
        """Name the two callers."""
        super().__init__(first, second)
        self.names = (first, second)


@dataclass(frozen=True, slots=True)
class Callers:
    """The applications that may call. Without any, everyone may, as `ANYONE`."""

    _names: Mapping[bytes, str] = field(default_factory=lambda: MappingProxyType({}), repr=False)
    _unsuppressing: frozenset[str] = frozenset()
    hidden: frozenset[object] = field(default=frozenset(), repr=False)
    """The values by which a key that is long enough stands in JSON: as text, and where it is a number, as that."""
    _sought: tuple[bytes, ...] = field(default=(), repr=False)

    @classmethod
    def of(cls, keys: Sequence[tuple[str, Sensitive[str]]], unsuppressing: frozenset[str]) -> Self:
        """Return the callers with these names and keys.

        Raises:
            DuplicateKeyError: a key names two callers.
        """
        names: dict[bytes, str] = {}
        for name, key in keys:
            digest = _digest(key.reveal().encode())
            if digest in names:
                raise DuplicateKeyError(names[digest], name)
            names[digest] = name
        long = [text for _, key in keys if len(text := key.reveal()) >= HIDDEN_MIN_BYTES]
        sought = dict.fromkeys(spelled.encode() for text in long for spelled in (text, quote(text, safe="")))  # as targets do
        numbers = [int(text) for text in long if text.isdecimal() and text[0] != "0"]
        return cls(MappingProxyType(names), unsuppressing, frozenset([*long, *numbers]), tuple(sought))

    def caller_of(self, authorization: bytes | None) -> str | None:
        """Return the name of the caller whose `Authorization` value this is, or None for a stranger."""
        if not self._names:
            return ANYONE
        key = presented_key(authorization)
        return None if key is None else self._names.get(_digest(key))

    def named_by(self, keys: Iterable[str]) -> set[str]:
        """Return the names of the callers whose keys are among `keys`."""
        digests = (_digest(key.encode("utf-8", "surrogatepass")) for key in keys if len(key) <= AUTHORIZATION_MAX_BYTES)
        return {self._names[digest] for digest in digests if digest in self._names}

    def may_be_in(self, text: bytes, target: bytes = b"") -> bool:
        """Say whether a JSON text, or a target, may hold one of the keys in `hidden`; for certain only where it says no."""
        sought = self._sought
        if len(sought) > _SOUGHT or b"\\" in text:
            return bool(sought)
        for key in sought:  # noqa: SIM110  # a generator takes three times as long
            if key in text or key in target:
                return True
        return False

    @property
    def named(self) -> bool:
        """Whether a caller has to show a key."""
        return bool(self._names)

    def may_unsuppress(self, name: str) -> bool:
        """Tell whether this caller may lift the suppression of an erased person."""
        return name in self._unsuppressing


def presented_key(authorization: bytes | None) -> bytes | None:
    """Return the key in an `Authorization` value, or None where there is none to be read."""
    if authorization is None or len(authorization) > AUTHORIZATION_MAX_BYTES:
        return None
    scheme, _, rest = authorization.strip(b" \t").partition(b" ")
    credentials = rest.strip(b" \t")
    match scheme.lower():
        case b"bearer":
            return credentials or None
        case b"basic":
            user, _, password = _base64_decoded(credentials).partition(b":")
            return password or user or None
        case _:
            return None


def _base64_decoded(text: bytes) -> bytes:
    """Return the decoded bytes; nothing where `text` is not base64."""
    standard = text.rstrip(b"=").replace(b"-", b"+").replace(b"_", b"/")
    try:
        return base64.b64decode(standard + b"=" * (-len(standard) % 4), validate=True)
    except binascii.Error:
        return b""


def _digest(key: bytes) -> bytes:
    return hashlib.sha256(key).digest()
