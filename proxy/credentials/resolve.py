"""Reads every secret that a configuration refers to, all at once: a sidecar starts with all of them or not at all.

Where secrets are kept is known only to the providers that are passed in. A problem names the key path and what is wrong, never
the reference: somebody may have pasted the secret itself there.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TypeVar

from proxy.config.model import Config
from proxy.config.outbound import Caller
from proxy.config.problems import dotted, together
from proxy.config.values import references
from proxy.credentials.callers import Callers
from proxy.credentials.model import (
    Authorization,
    Credentials,
    Kind,
    Provider,
    TrackPair,
    UnreadableError,
    app_bearer,
    pipelines_basic,
)
from proxy.errors import ConfigError
from proxy.sensitive import Sensitive

T = TypeVar("T")

# Of secrets that the operator makes up: the shortest that cannot be tried out if its characters are random. A shorter one does
# its work, so it is told and not refused.
STRONG_CHARACTERS = 16
# The keys that give access to Customer.io.
REAL_KEYS = ("credentials.track.api_key", "credentials.app.api_key", "credentials.pipelines.write_key")


@dataclass(frozen=True, slots=True)
class Resolved:
    """The secrets themselves, each in the form it is used in; `weak` names the key paths of those that could be guessed."""

    credentials: Credentials
    callers: Callers
    hash_key: Sensitive[bytes] | None
    admin_token: Sensitive[str] | None
    weak: tuple[str, ...] = ()


def resolve(config: Config, providers: Mapping[Kind, Provider]) -> Resolved:
    """Return the secrets that `config` refers to; `providers` read every kind of reference that it can hold.

    Raises:
        ConfigError: one cannot be read or used; several problems come together as one `InvalidConfigError`.
    """
    secrets = _Secrets(config, providers)
    resolved = Resolved(
        credentials=Credentials(
            track=_track(secrets),
            app=secrets.formed("credentials.app.api_key", app_bearer),
            pipelines=secrets.formed("credentials.pipelines.write_key", pipelines_basic),
        ),
        callers=_callers(config.outbound.named_callers, secrets),
        hash_key=secrets.formed("policy.hash.key", _hash_key),
        admin_token=secrets.formed("admin.token", _token),
        weak=tuple(
            secrets.weak("policy.hash.key", "admin.token", *map(_caller_path, range(len(config.outbound.named_callers))))
        ),
    )
    if secrets.problems:
        raise together(secrets.problems)
    return resolved


class _Secrets:
    """Every secret by its key path, and what is wrong with those that are missing."""

    def __init__(self, config: Config, providers: Mapping[Kind, Provider]) -> None:
        self._secrets: dict[str, Sensitive[str]] = {}
        self.problems: list[ConfigError] = []
        for path, reference in references(config):
            with self.noting(dotted(path)):
                self._secrets[dotted(path)] = providers[reference.kind].read(reference)

    def get(self, path: str) -> Sensitive[str] | None:
        """Return the secret at `path`, if there is one."""
        return self._secrets.get(path)

    def weak(self, *paths: str) -> Iterator[str]:
        """Name those of `paths` at which there is a secret that could be guessed."""
        for path in paths:
            if (secret := self.get(path)) is not None and len(secret.reveal()) < STRONG_CHARACTERS:
                yield path

    def formed(self, path: str, form: Callable[[Sensitive[str]], T]) -> T | None:
        """Return the secret at `path` in its form, if there is one and it has that form."""
        formed: T | None = None
        if (secret := self.get(path)) is not None:
            with self.noting(path):
                formed = form(secret)
        return formed

    @contextmanager
    def noting(self, path: str) -> Iterator[None]:
        """Turn a secret that cannot be read or used into a problem at `path`."""
        try:
            yield
        except UnreadableError as error:
            self.problems.append(ConfigError(str(error), path=path))


def _track(secrets: _Secrets) -> Authorization | None:
    site_id, api_key = secrets.get("credentials.track.site_id"), secrets.get("credentials.track.api_key")
    authorization: Authorization | None = None
    if site_id is not None and api_key is not None:
        with secrets.noting("credentials.track"):
            authorization = TrackPair(site_id, api_key).authorization()
    return authorization


def _callers(named: Sequence[Caller], secrets: _Secrets) -> Callers:
    real = {secrets.get(path) for path in REAL_KEYS} - {None}
    keys: list[tuple[str, Sensitive[str]]] = []
    for index, caller in enumerate(named):
        path = _caller_path(index)
        if (key := secrets.formed(path, _caller_key)) is None:
            continue
        if key in real:
            secrets.problems.append(ConfigError("is a real key of Customer.io, which no application may hold", path=path))
        if key in (earlier for _, earlier in keys):
            secrets.problems.append(ConfigError("is the key of an earlier caller too", path=path))
            continue
        keys.append((caller.name, key))
    return Callers.of(keys, frozenset(caller.name for caller in named if caller.may_unsuppress))


def _caller_path(index: int) -> str:
    return f"outbound.callers.{index}.key"


def _token(secret: Sensitive[str]) -> Sensitive[str]:
    """Return what can stand in an Authorization header as it is."""
    if not all("!" <= character <= "~" for character in secret.reveal()):
        raise UnreadableError("the secret holds a space or a character outside ASCII")
    return secret


def _caller_key(secret: Sensitive[str]) -> Sensitive[str]:
    """Return what an SDK can send as a Basic user too, which a colon would end."""
    if ":" in secret.reveal():
        raise UnreadableError("the caller's key holds a colon, which ends a user name in HTTP Basic")
    return _token(secret)


def _hash_key(secret: Sensitive[str]) -> Sensitive[bytes]:
    return Sensitive(secret.reveal().encode())
