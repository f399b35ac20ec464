"""Finds out which application is calling, by the placeholder key of its SDK.

An SDK is configured with a placeholder in place of the real key. It sends it as the Basic password, otherwise the Basic user,
otherwise the Bearer token. Both base64 alphabets are accepted, with and without padding, because official clients differ.

Keys are compared as SHA-256 digests, so that the duration of a comparison reveals nothing about the key. Long keys are also
kept as text, to be found in bodies and targets, where they must not leave (`shown`).
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

# The name of every application if no callers are configured. A configured caller cannot have this name.
ANYONE = "anyone"
# A shorter key could be an ordinary word in a body.
HIDDEN_MIN_BYTES = 16
# Up to this many keys are searched for in the bytes of a body. With more keys, the values of every body are looked up instead.
_SOUGHT = 8
# A longer header is not read. The keys of SDKs are far shorter.
AUTHORIZATION_MAX_BYTES = 8192


class DuplicateKeyError(Exception):
    """Two callers have the same key; `names` are their names."""

    def __init__(self, first: str, second: str) -> None:
        """Hold the names of the two callers."""
        super().__init__(first, second)
        self.names = (first, second)


@dataclass(frozen=True, slots=True)
class Callers:
    """The applications that may call. If none are configured, every application may call, as `ANYONE`."""

    _names: Mapping[bytes, str] = field(default_factory=lambda: MappingProxyType({}), repr=False)
    _unsuppressing: frozenset[str] = frozenset()
    hidden: frozenset[object] = field(default=frozenset(), repr=False)
    """The JSON values of long keys: as text and, if the key is a number, as a number too."""
    _sought: tuple[bytes, ...] = field(default=(), repr=False)

    @classmethod
    def of(cls, keys: Sequence[tuple[str, Sensitive[str]]], unsuppressing: frozenset[str]) -> Self:
        """Return the callers with these names and keys.

        Raises:
            DuplicateKeyError: two callers have the same key.
        """
        names: dict[bytes, str] = {}
        for name, key in keys:
            digest = _digest(key.reveal().encode())
            if digest in names:
                raise DuplicateKeyError(names[digest], name)
            names[digest] = name
        long = [text for _, key in keys if len(text := key.reveal()) >= HIDDEN_MIN_BYTES]
        sought = dict.fromkeys(spelled.encode() for text in long for spelled in (text, quote(text, safe="")))  # as in targets
        numbers = [int(text) for text in long if text.isdecimal() and text[0] != "0"]
        return cls(MappingProxyType(names), unsuppressing, frozenset([*long, *numbers]), tuple(sought))

    def caller_of(self, authorization: bytes | None) -> str | None:
        """Return the name of the caller with this `Authorization` value, or None if it is unknown."""
        if not self._names:
            return ANYONE
        key = presented_key(authorization)
        return None if key is None else self._names.get(_digest(key))

    def named_by(self, keys: Iterable[str]) -> set[str]:
        """Return the names of the callers whose keys are among `keys`."""
        digests = (_digest(key.encode("utf-8", "surrogatepass")) for key in keys if len(key) <= AUTHORIZATION_MAX_BYTES)
        return {self._names[digest] for digest in digests if digest in self._names}

    def may_be_in(self, text: bytes, target: bytes = b"") -> bool:
        """Say whether a JSON text or a target may contain a key in `hidden`. Only False is certain."""
        sought = self._sought
        if len(sought) > _SOUGHT or b"\\" in text:
            return bool(sought)
        for key in sought:  # noqa: SIM110  # a generator would take three times as long
            if key in text or key in target:
                return True
        return False

    def stand_in(self, text: bytes) -> bool:
        """Say whether `text` contains one of the long keys."""
        return any(key in text for key in self._sought)

    @property
    def named(self) -> bool:
        """Whether callers are configured, so that a caller must send a key."""
        return bool(self._names)

    def may_unsuppress(self, name: str) -> bool:
        """Say whether this caller may lift the suppression of an erased person."""
        return name in self._unsuppressing


def presented_key(authorization: bytes | None) -> bytes | None:
    """Return the key in an `Authorization` value, or None if there is none."""
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
    """Return the decoded bytes; no bytes if `text` is not base64."""
    standard = text.rstrip(b"=").replace(b"-", b"+").replace(b"_", b"/")
    try:
        return base64.b64decode(standard + b"=" * (-len(standard) % 4), validate=True)
    except binascii.Error:
        return b""


def _digest(key: bytes) -> bytes:
    return hashlib.sha256(key).digest()
