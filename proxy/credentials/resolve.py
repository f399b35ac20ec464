"""Reads all secrets that a configuration refers to, and reports all problems together.

Where secrets are kept is known only to the providers that are passed in. A problem names the key path and what is wrong,
and of the reference no more than `model.naming` does: somebody may have pasted the secret itself there.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Final, TypeVar

from proxy.config.model import Config
from proxy.config.outbound import Caller
from proxy.config.problems import dotted, each, together
from proxy.config.values import references
from proxy.credentials.callers import Callers
from proxy.credentials.model import AbsentError, AwaitedError, Kind, Provider, Reference, UnreadableError, Version
from proxy.credentials.slots import read, slots
from proxy.errors import ConfigError
from proxy.sensitive import Sensitive

T = TypeVar("T")

# A random secret of this length cannot be guessed by trying. A shorter one works, so it causes a warning and not an error.
STRONG_CHARACTERS = 16
# The section of the keys of Customer.io. `slots` reads them, because they change while the sidecar runs.
_CREDENTIALS = "credentials"
HASH_KEY, ADMIN_TOKEN = "policy.hash.key", "admin.token"


@dataclass(frozen=True, slots=True)
class Resolved:
    """The secrets, each in the form in which it is used.

    `versions` holds the credentials by their slot. `weak` names the key paths of secrets that could be guessed, `unread` those
    that were not asked for. `secrets` are all but the credentials, as they were read; `outdated` are the problems of those that
    could not be read now, so that an earlier reading stands.
    """

    versions: Mapping[str, Version]
    callers: Callers
    hash_key: Sensitive[bytes] | None
    admin_token: Sensitive[str] | None
    weak: tuple[str, ...] = ()
    unread: tuple[str, ...] = ()
    secrets: Mapping[Reference, Sensitive[str]] = field(default_factory=dict, repr=False)
    outdated: tuple[ConfigError, ...] = ()


@dataclass(frozen=True, slots=True)
class Held:
    """What was read before from the same stores.

    `secrets` stand in where a store fails now; slots in `versions` are not read again (None: there is no version of one).
    """

    secrets: Mapping[Reference, Sensitive[str]] = field(default_factory=lambda: MappingProxyType({}), repr=False)
    versions: Mapping[str, Version | None] = field(default_factory=lambda: MappingProxyType({}))


NOTHING_HELD: Final = Held()


def resolve(
    config: Config,
    providers: Mapping[Kind, Provider],
    kinds: frozenset[Kind] = frozenset(Kind),
    *,
    versions: bool = True,
    awaiting: bool = False,
    held: Held = NOTHING_HELD,
) -> Resolved:
    """Return the secrets of `config` that are in stores of `kinds`, with or without the `versions` of credentials.

    `awaiting` counts secrets whose files are absent as not asked for: somebody waits for them.

    Raises:
        ConfigError: a secret cannot be read or used. Several problems are raised as one `InvalidConfigError`.
    """
    secrets = _Secrets(config, providers, kinds, held.secrets, awaiting=awaiting)
    found: dict[str, Version] = {}
    for slot in slots(config):
        if slot.name in held.versions:
            if (version := held.versions[slot.name]) is not None:
                found[slot.name] = version
        elif versions and {part.kind for part in slot.parts.values()} <= kinds:
            with secrets.noting():
                found[slot.name] = read(slot, providers)
    resolved = Resolved(
        versions=found,
        callers=_callers(config.outbound.named_callers, secrets, found.values()),
        hash_key=secrets.formed(HASH_KEY, _hash_key),
        admin_token=secrets.formed(ADMIN_TOKEN, _token),
        weak=tuple(secrets.weak(HASH_KEY, ADMIN_TOKEN, *map(_caller_path, range(len(config.outbound.named_callers))))),
        unread=tuple(secrets.unread),
        secrets=secrets.read,
        outdated=tuple(secrets.outdated),
    )
    if secrets.problems:
        raise together(secrets.problems)
    return resolved


class _Secrets:
    """All secrets except credentials, by key path, and the problems with those that are missing."""

    def __init__(
        self,
        config: Config,
        providers: Mapping[Kind, Provider],
        kinds: frozenset[Kind],
        held: Mapping[Reference, Sensitive[str]],
        *,
        awaiting: bool,
    ) -> None:
        self._awaiting = awaiting
        self._secrets: dict[str, Sensitive[str]] = {}
        self.read: dict[Reference, Sensitive[str]] = {}
        self.outdated: list[ConfigError] = []
        self.problems: list[ConfigError] = []
        self.unread: list[str] = []
        for path, reference in references(config):
            if path[0] == _CREDENTIALS:
                continue
            if reference.kind not in kinds:
                self.unread.append(dotted(path))
                continue
            try:
                secret = providers[reference.kind].read(reference.document).secret(reference.field)
            except UnreadableError as error:
                problem = ConfigError(str(error), path=dotted(path))
                if awaiting and isinstance(error, AbsentError):
                    self.unread.append(dotted(path))
                    continue
                if reference not in held:
                    self.problems.append(problem)
                    continue
                self.outdated.append(problem)
                secret = held[reference]
            self._secrets[dotted(path)] = self.read[reference] = secret

    def get(self, path: str) -> Sensitive[str] | None:
        """Return the secret at `path`, or None."""
        return self._secrets.get(path)

    def weak(self, *paths: str) -> Iterator[str]:
        """Yield each of `paths` whose secret could be guessed."""
        for path in paths:
            if (secret := self.get(path)) is not None and len(secret.reveal()) < STRONG_CHARACTERS:
                yield path

    def formed(self, path: str, form: Callable[[Sensitive[str]], T]) -> T | None:
        """Return the secret at `path`, converted by `form`; None if it is missing or `form` rejects it."""
        formed: T | None = None
        if (secret := self.get(path)) is not None:
            with self.noting(path):
                formed = form(secret)
        return formed

    @contextmanager
    def noting(self, path: str = "") -> Iterator[None]:
        """Record an error about a secret as a problem, at `path` unless the error has its own path."""
        try:
            yield
        except AbsentError as error:
            if self._awaiting:
                self.unread.append(path)
            else:
                self.problems.append(ConfigError(str(error), path=path))
        except UnreadableError as error:
            self.problems.append(ConfigError(str(error), path=path))
        except ConfigError as error:
            self.problems += (one for one in each(error) if not (self._awaiting and isinstance(one, AwaitedError)))


def _callers(named: Sequence[Caller], secrets: _Secrets, versions: Iterable[Version]) -> Callers:
    real = frozenset().union(*(version.authorization.hidden.reveal() for version in versions))
    keys: list[tuple[str, Sensitive[str]]] = []
    for index, caller in enumerate(named):
        path = _caller_path(index)
        if (key := secrets.formed(path, _caller_key)) is None:
            continue
        if key.reveal().encode() in real:
            secrets.problems.append(ConfigError("is a real key of Customer.io, which no application may have", path=path))
        if key in (earlier for _, earlier in keys):
            secrets.problems.append(ConfigError("is also the key of an earlier caller", path=path))
            continue
        keys.append((caller.name, key))
    return Callers.of(keys, frozenset(caller.name for caller in named if caller.may_unsuppress))


def _caller_path(index: int) -> str:
    return f"outbound.callers.{index}.key"


def _token(secret: Sensitive[str]) -> Sensitive[str]:
    """Return `secret` if it is valid in an Authorization header without encoding."""
    if not all("!" <= character <= "~" for character in secret.reveal()):
        raise UnreadableError("the secret holds a space or a character outside ASCII")
    return secret


def _caller_key(secret: Sensitive[str]) -> Sensitive[str]:
    """Return `secret` if an SDK can also send it as a Basic user name, which a colon would end."""
    if ":" in secret.reveal():
        raise UnreadableError("the caller's key holds a colon, which ends a user name in HTTP Basic")
    return _token(secret)


def _hash_key(secret: Sensitive[str]) -> Sensitive[bytes]:
    return Sensitive(secret.reveal().encode())
