"""The types of secrets: references to them, documents of stores, and finished credentials.

* Configuration holds a `Reference` (where), never a secret (what). An error about one shows its text only through `naming`:
  somebody may have pasted the secret itself there.
* A store gives a `Document`: what stands at one place, read in one go, so that the fields of it are of one version.
* A secret read from anywhere passes `usable` before it is kept.
* An `Authorization` is the finished header line of one credential, with what must not come back of it.

Basic: RFC 7617. Bearer: RFC 6750. The Customer.io Track, App and Pipelines API references say which API takes which.
"""

import base64
import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum, StrEnum, auto
from types import MappingProxyType
from typing import Protocol, Self

from proxy.errors import ConfigError
from proxy.sensitive import Sensitive

# The longest useful secret is a signed token.
SECRET_MAX_BYTES = 8192
# Scrubbing a shorter key from answers would damage ordinary words. Keys of Customer.io have 20 characters or more.
INJECTED_MIN_CHARACTERS = 4
REFERENCE_MAX_CHARACTERS = 1024

# What a shell, Compose and other programs would put a variable's value in the place of.
_EXPANSION = re.compile(r"\$(?:\{([A-Za-z_][A-Za-z0-9_]*)[^}]*\}?|([A-Za-z_][A-Za-z0-9_]*)$)")
NOT_A_REFERENCE = "must be a reference such as env:NAME or file:PATH, not the secret itself"


class Kind(StrEnum):
    """The kinds of secret stores: the part of a reference before its first colon."""

    ENV = "env"
    FILE = "file"
    VAULT = "vault"
    GCP = "gcp"
    AWS_SM = "aws-sm"
    AWS_SSM = "aws-ssm"


# The form of the text after the colon, for each kind.
_LOCATORS: Mapping[Kind, re.Pattern[str]] = MappingProxyType(
    {
        Kind.ENV: re.compile(r"[A-Za-z_][A-Za-z0-9_]*"),
        Kind.FILE: re.compile(r"[^\x00-\x1f\x7f]+"),
        Kind.VAULT: re.compile(r"[^\s/#]+/[^\s#]+#[^\s#]+"),
        Kind.GCP: re.compile(r"projects/[^\s/]+/secrets/[^\s/]+(/versions/[^\s/]+)?"),
        Kind.AWS_SM: re.compile(r"[^\s#]+(#[^\s#]+)?"),
        Kind.AWS_SSM: re.compile(r"/[^\s]+"),
    }
)


# The kinds that are read on this machine: what is wrong with them is known before the sidecar starts.
LOCAL = frozenset({Kind.ENV, Kind.FILE})
# The kinds whose locator may name one field of the document, after a number sign.
_FIELDED = frozenset({Kind.VAULT, Kind.AWS_SM})
# The field name for the whole text of a document.
WHOLE = ""


class UnreadableError(Exception):
    """A secret is not available. The text says why, and contains nothing of the secret."""


class AbsentError(UnreadableError):
    """The file that holds a secret is not there yet; it may come while the sidecar runs."""


class AwaitedError(ConfigError):
    """The only thing wrong with a reference is that its file is absent."""


# Twelve letters and digits in a row, of both kinds, or what begins as keys of Customer.io and others do: names of variables,
# files and settings are made of words.
_LIKE_A_KEY = re.compile(r"(?=[A-Za-z]*[0-9])(?=[0-9]*[A-Za-z])[A-Za-z0-9]{12,}|\b(sk|pk|sa)[-_]")


def naming(problem: str, place: str) -> str:
    """Return `problem` with the variable or path that it is about, unless that looks like a key that was pasted there."""
    return problem if looks_like_a_key(place) else f"{problem}: {place}"


def for_expansion(text: str) -> str:
    """Return what to do about the `${NAME}` or `$NAME` in `text`; empty where there is none."""
    found = _EXPANSION.search(text)
    if found is None:
        return ""
    name = found[1] or found[2]
    return f"a variable is not put in here by $ and its name; use env:{'NAME' if looks_like_a_key(name) else name}"


def looks_like_a_key(place: str) -> bool:
    """Tell whether what stands where a name belongs may be a secret, so that it must not be shown."""
    return not place.isprintable() or _LIKE_A_KEY.search(place) is not None


@dataclass(frozen=True, slots=True)
class Reference:
    """Where one secret is kept. Its text does not print, but by `shown`: it may be a secret pasted by mistake."""

    kind: Kind
    locator: str = field(repr=False)

    @classmethod
    def parse(cls, text: object) -> Self:
        """Parse `text` as a reference.

        Raises:
            ValueError: `text` is not a reference. The message does not show it.
        """
        if isinstance(text, str) and len(text) <= REFERENCE_MAX_CHARACTERS:
            scheme, colon, locator = text.partition(":")
            if colon and scheme in set(Kind) and _LOCATORS[Kind(scheme)].fullmatch(locator):
                return cls(Kind(scheme), locator)
        if isinstance(text, str) and (advice := for_expansion(text.strip())):
            raise ValueError(advice)
        raise ValueError(NOT_A_REFERENCE)

    @property
    def shown(self) -> str:
        """The reference as it may be shown."""
        return f"{self.kind}:{'…' if looks_like_a_key(self.locator) else self.locator}"

    @property
    def document(self) -> str:
        """The name of the document that the store is asked for."""
        return self.locator.partition("#")[0] if self.kind in _FIELDED else self.locator

    @property
    def field(self) -> str:
        """The name of the field that has the secret; `WHOLE` for the whole document."""
        return self.locator.partition("#")[2] if self.kind in _FIELDED else WHOLE


@dataclass(frozen=True, slots=True)
class Document:
    """One version of the secrets that a store keeps at one place.

    `fields` has texts as the store returned them. `version` is the store's name for the version, empty if there is none.
    `created_at` is the version's creation time in seconds since the epoch, None if the store has none. A `fixed` document
    cannot change while the process runs.
    """

    fields: Mapping[str, Sensitive[str]]
    version: str = ""
    created_at: float | None = None
    fixed: bool = False

    def secret(self, field: str) -> Sensitive[str]:
        """Return the secret in `field`.

        Raises:
            UnreadableError: there is no such field, or its text is not usable.
        """
        text = self.fields.get(field)
        if text is None:
            raise UnreadableError("there is no such field in the secret")
        return usable(text.reveal())


class Provider(Protocol):
    """Reads secrets of one kind. A read may block for a bounded time and follows no redirect. One thread calls it at a time."""

    def read(self, document: str) -> Document:
        """Return the document that `Reference.document` names.

        Raises:
            UnreadableError: it is not available now. The text says why, and how to fix it.
        """


def usable(raw: str) -> Sensitive[str]:
    r"""Return the secret in `raw`, without the line ends that editors and `echo` append.

    Raises:
        UnreadableError: it is empty, longer than 8192 bytes, or contains a character that cannot be printed (a control
            character could split a header; a byte-order mark is never part of a key).
    """
    text = raw.rstrip("\r\n")
    if not text:
        raise UnreadableError("the secret is empty")
    if len(text) > SECRET_MAX_BYTES or len(text.encode("utf-8", "surrogatepass")) > SECRET_MAX_BYTES:
        raise UnreadableError(f"the secret is longer than {SECRET_MAX_BYTES} bytes")
    if not text.isprintable():
        raise UnreadableError("the secret holds a character that cannot be printed")
    return Sensitive(text)


def key_id(secret: str) -> str:
    """Return the public fingerprint of `secret`: eight hex digits of a one-way hash."""
    return hashlib.sha256(b"cio-sidecar key id\0" + secret.encode()).hexdigest()[:8]


@dataclass(frozen=True, slots=True)
class Authorization:
    r"""One credential, ready to be sent: its header line (with `\r\n`) and its public fingerprint.

    `hidden` has the texts that no answer may return, in any rendering (`delivery.scrub`): the key, its site id, and both as
    HTTP Basic encodes them.
    """

    line: Sensitive[bytes]
    key_id: str
    hidden: Sensitive[frozenset[bytes]]


@dataclass(frozen=True, slots=True)
class TrackPair:
    """The site id and API key of one Customer.io workspace."""

    site_id: Sensitive[str]
    api_key: Sensitive[str]

    def authorization(self) -> Authorization:
        """Return the pair as HTTP Basic.

        Raises:
            UnreadableError: one of them is not valid in the header.
        """
        site_id, api_key = _field(self.site_id, "site id", minimum=1), _field(self.api_key, "API key")
        if ":" in site_id:
            raise UnreadableError("the site id holds a colon, which ends a user name in HTTP Basic")
        return _basic(f"{site_id}:{api_key}", api_key, site_id)


def app_bearer(key: Sensitive[str]) -> Authorization:
    """Return an App API key as a Bearer token.

    Raises:
        UnreadableError: it is not valid in the header.
    """
    text = _field(key, "App API key")
    return _authorization("Bearer", text, text, text)


def pipelines_basic(key: Sensitive[str]) -> Authorization:
    """Return a Pipelines write key as HTTP Basic with an empty password.

    Raises:
        UnreadableError: it is not valid in the header.
    """
    text = _field(key, "write key")
    if ":" in text:
        raise UnreadableError("the write key holds a colon, which ends a user name in HTTP Basic")
    return _basic(f"{text}:", text)


def _field(secret: Sensitive[str], name: str, *, minimum: int = INJECTED_MIN_CHARACTERS) -> str:
    text = secret.reveal()
    if len(text) < minimum:
        raise UnreadableError(f"the {name} is shorter than {minimum} characters")
    if not all("!" <= character <= "~" for character in text):
        raise UnreadableError(f"the {name} holds a space or a character outside ASCII")
    return text


def _basic(pair: str, *secrets: str) -> Authorization:
    coded = base64.b64encode(pair.encode()).decode()
    return _authorization("Basic", coded, pair, *secrets, coded.rstrip("="))


def _authorization(scheme: str, sent: str, named: str, *secrets: str) -> Authorization:
    line = f"Authorization: {scheme} {sent}\r\n".encode()
    # Scrubbing a shorter site id would damage ordinary words. Together with its key it is still found.
    hidden = frozenset(secret.encode() for secret in secrets if len(secret) >= INJECTED_MIN_CHARACTERS)
    return Authorization(Sensitive(line), key_id(named), Sensitive(hidden))


@dataclass(frozen=True, slots=True)
class Version:
    """One version of one credential. All its parts belong to the same version in the store.

    `source` is the kind of store. `name` is the store's name for the version, empty if there is none. `created_at` is its
    creation time in seconds since the epoch, None if the store has none. A `fixed` version cannot be replaced while the
    process runs.
    """

    authorization: Authorization
    source: Kind
    name: str = ""
    created_at: float | None = None
    fixed: bool = False


class Verdict(Enum):
    """Customer.io's answer to a trial of a credential."""

    ACCEPTED = auto()
    REJECTED = auto()
    UNKNOWN = auto()  # Customer.io could not be asked, or gave no clear answer


@dataclass(frozen=True, slots=True)
class Trial:
    """The result of a trial of a credential. The workspace and region are None if Customer.io did not name them."""

    verdict: Verdict
    workspace: int | None = None
    region: str | None = None


# The result for a credential that no call of Customer.io can test.
UNTRIED = Trial(Verdict.ACCEPTED)
