"""Reads secrets from HashiCorp Vault: `vault:MOUNT/PATH#FIELD`, in a KV secrets engine of version 1 or 2.

There is one login. It is renewed in the last third of its lifetime. If it cannot be renewed, and once in a read that Vault
forbids, a new login is made with the current secrets of its references, and the old token is revoked. All of this happens
inside `read`, which makes at most eight requests. hvac builds them, and `vault_http` sends them.

An error is a fixed text that says how to fix the problem. It never quotes Vault.
Vault's API: developer.hashicorp.com/vault/api-docs (auth/…, secret/kv, system/internal-ui-mounts).
"""

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from http import HTTPStatus
from types import MappingProxyType
from urllib.parse import quote

from hvac.api.auth_methods import JWT, AppRole, Kubernetes, Token
from hvac.api.secrets_engines.kv_v1 import KvV1
from hvac.api.secrets_engines.kv_v2 import KvV2

from proxy.clock import Clock
from proxy.config.keys import Vault
from proxy.credentials.model import Document, Kind, Provider, Reference, UnreadableError
from proxy.credentials.vault_http import UNUSABLE_CA, Adapter, Answer, Connection
from proxy.errors import ConfigError
from proxy.sensitive import Sensitive

# The token of the service account in a Pod.
SERVICE_ACCOUNT_TOKEN = Reference(Kind.FILE, "/var/run/secrets/kubernetes.io/serviceaccount/token")
# A text that is valid in a header without encoding.
_HEADER_VALUE = re.compile(r"[!-~]+")

_AT_LOGIN: Mapping[int, str] = MappingProxyType(
    {
        400: "Vault refused the login: check stores.vault.auth, and the bindings of the role",
        403: "Vault forbade the login: check stores.vault.auth, its mount, and the bindings of the role",
        404: "Vault has no such login: check stores.vault.auth.mount and stores.vault.namespace",
    }
)
_AT_READ: Mapping[int, str] = MappingProxyType(
    {
        400: "Vault cannot read that path: correct it, or stores.vault.kv_version",
        403: "Vault forbids the read: a policy must allow it (in KV version 2 the policy's path has data/ after the mount, and "
        "the reference does not)",
        404: "there is no secret at that path: write it, or correct the path (without data/) or stores.vault.kv_version",
    }
)
_ENDED = "Vault does not know the token: it has expired or was revoked; store a new one at stores.vault.auth.token's reference"
_ASSUMED = "; Vault did not report the secrets engine, so KV version 2 at the first part of the path was assumed"


class _ForbiddenError(UnreadableError):
    """The token has expired, or a policy does not allow the read."""


@dataclass(frozen=True, slots=True)
class _Login:
    """A token that is valid until `ends_at` (monotonic seconds). `granted_seconds` is its lifetime, 0 if it never ends."""

    token: Sensitive[str]
    granted_seconds: float
    ends_at: float
    renewable: bool

    def ending(self, now: float) -> bool:
        """Say whether less than a third of its lifetime is left."""
        return self.ends_at - now < self.granted_seconds / 3


@dataclass(frozen=True, slots=True)
class _Place:
    """The place of a document: secrets engine, path, and KV version. `assumed` means that Vault did not report it."""

    mount: str
    path: str
    version: int
    assumed: bool = False


class VaultProvider:
    """Reads secrets from one Vault server."""

    def __init__(self, vault: Vault, timeout_seconds: float, local: Mapping[Kind, Provider], clock: Clock) -> None:
        """Read with the settings in `vault`. The secrets for a login are read by `local`.

        Raises:
            ConfigError: the CA file cannot be used, or the namespace is not valid in a header.
        """
        if vault.namespace and not _HEADER_VALUE.fullmatch(vault.namespace):
            raise ConfigError("holds a character outside ASCII", path="stores.vault.namespace")
        try:
            self._connection = Connection(vault, timeout_seconds, clock)
        except (OSError, ValueError):
            raise ConfigError(UNUSABLE_CA, path="stores.vault.ca") from None
        self._auth, self._kv_version = vault.auth, vault.kv_version
        self._local = local
        self._clock = clock
        self._login: _Login | None = None
        self._places: dict[str, _Place] = {}

    def read(self, document: str) -> Document:
        """Return the secret at the path `document`; see `Provider.read`."""
        if not document.isprintable() or not {"", ".", ".."}.isdisjoint(document.split("/")):
            raise UnreadableError("the path has a part that is empty, only dots, or not printable: correct it")
        with self._connection.opened():
            before = self._login
            login = self._lasting()
            try:
                return self._document(document, login)
            except _ForbiddenError:
                if login.token != (before and before.token):
                    raise
            return self._document(document, self._logged_in())

    # Login

    def _lasting(self) -> _Login:
        """Return a login that is valid for this read, and most likely for the next one."""
        now = self._clock.monotonic()
        login = self._login
        if login is not None and login.ending(now) and login.renewable:
            login = self._login = self._renewed(login, now)
        if login is not None and not login.ending(now):
            return login
        try:
            return self._logged_in()
        except UnreadableError:
            if login is None or login.ends_at <= now:
                raise
        return login

    def _renewed(self, login: _Login, now: float) -> _Login:
        """Return `login` renewed, with the time that Vault grants now. A maximum lifetime makes it ever shorter."""
        answer = Token(Adapter(self._connection, login.token)).renew_self()
        match answer.body:
            case {"auth": {"lease_duration": int(seconds), "renewable": bool(renewable)}}:
                return replace(login, ends_at=now + seconds, renewable=renewable)
        return login

    def _logged_in(self) -> _Login:
        """Return a new login, which replaces the one before.

        Raises:
            UnreadableError: the login failed.
        """
        before, self._login = self._login, self._given() if self._auth.method == "token" else self._asked_for()
        if before is not None and self._auth.method != "token":
            Token(Adapter(self._connection, before.token)).revoke_self()
        return self._login

    def _given(self) -> _Login:
        """Return a login with the configured token. Its lifetime is read from Vault, if the token's policy allows that."""
        token = self._secret("token")
        now = self._clock.monotonic()
        answer = Token(Adapter(self._connection, token)).lookup_self()
        login = _looked_up(answer, token, now)
        if login is None and answer.status == HTTPStatus.FORBIDDEN:
            login = _Login(token, 0, math.inf, renewable=False)
        if login is None:
            raise UnreadableError(answer.problem_at(_AT_LOGIN))
        return login

    def _asked_for(self) -> _Login:
        """Return the login that Vault grants for the current secrets of the references."""
        now = self._clock.monotonic()
        answer = self._answer_to_login()
        login = _granted(answer, now)
        if login is None:
            raise UnreadableError(answer.problem_at(_AT_LOGIN))
        return login

    def _answer_to_login(self) -> Answer:
        auth, adapter = self._auth, Adapter(self._connection)
        mount = (auth.mount or auth.method).strip("/")
        answer: Answer
        match auth.method:
            case "approle":
                role_id, secret_id = self._secret("role_id"), self._secret("secret_id")
                answer = AppRole(adapter).login(role_id.reveal(), secret_id.reveal(), mount_point=mount)
            case "kubernetes":
                answer = Kubernetes(adapter).login(auth.role, self._secret("jwt").reveal(), mount_point=mount)
            case _:
                answer = JWT(adapter).jwt_login(auth.role, self._secret("jwt").reveal(), path=mount)
        return answer

    def _secret(self, key: str) -> Sensitive[str]:
        """Return the current secret of the reference at `key` of the auth section. Only a Pod's token has a default."""
        reference: Reference = getattr(self._auth, key) or SERVICE_ACCOUNT_TOKEN
        try:
            secret = self._local[reference.kind].read(reference.document).secret(reference.field)
        except UnreadableError as error:
            raise UnreadableError(f"stores.vault.auth.{key}: {error}") from None
        if key == "token" and not _HEADER_VALUE.fullmatch(secret.reveal()):
            raise UnreadableError("stores.vault.auth.token: the secret holds a space or a character outside ASCII")
        return secret

    # Document

    def _document(self, document: str, login: _Login) -> Document:
        adapter = Adapter(self._connection, login.token)
        place = self._place(document, adapter)
        answer: Answer
        if place.version == 1:
            answer = KvV1(adapter).read_secret(place.path, mount_point=place.mount)
        else:
            answer = KvV2(adapter).read_secret_version(place.path, mount_point=place.mount, raise_on_deleted_version=True)
        found = (_version_1 if place.version == 1 else _version_2)(answer)
        if found is not None:
            return found
        self._places.pop(document, None)  # before the next read, the engine may be moved or upgraded to version 2
        assumed = _ASSUMED if place.assumed else ""
        if answer.status == HTTPStatus.FORBIDDEN:
            raise _ForbiddenError(_ENDED if _token_unknown(answer) else answer.problem_at(_AT_READ) + assumed)
        if answer.status == HTTPStatus.NOT_FOUND:
            raise UnreadableError(_gone(answer) or answer.problem_at(_AT_READ) + assumed)
        raise UnreadableError(answer.problem_at(_AT_READ))

    def _place(self, document: str, adapter: Adapter) -> _Place:
        """Return the place of `document`, as Vault reports it, or an assumption if Vault does not allow the question."""
        mount, _, path = document.partition("/")
        if self._kv_version != "auto":
            return _Place(mount, path, self._kv_version)
        if document in self._places:
            return self._places[document]
        answer = adapter.get(f"/v1/sys/internal/ui/mounts/{quote(document)}")
        match answer.body:
            case {"data": {"type": "kv" | "generic", "path": str(mounted), "options": options}} if document.startswith(mounted):
                version = 2 if isinstance(options, dict) and options.get("version") == "2" else 1
                place = self._places[document] = _Place(mounted.rstrip("/"), document.removeprefix(mounted), version)
                return place
            case {"data": {"type": str()}}:
                raise UnreadableError("the engine at that path is not a KV secrets engine: correct the path")
        if answer.status == HTTPStatus.FORBIDDEN:
            return _Place(mount, path, 2, assumed=True)
        raise UnreadableError(answer.problem_at(_AT_READ))


# Parsers of answers. Only these functions see an answer, so no frame that raises an error has a variable with a secret.


def _looked_up(answer: Answer, token: Sensitive[str], now: float) -> _Login | None:
    match answer.body:
        case {"data": {"creation_ttl": int(granted), "ttl": int(left), **rest}}:  # a root token has no "renewable"
            return _Login(token, granted, now + left if granted else math.inf, rest.get("renewable") is True)
    return None


def _granted(answer: Answer, now: float) -> _Login | None:
    match answer.body:
        case {"auth": {"client_token": str(token), "lease_duration": int(seconds), "renewable": bool(renewable)}}:
            if _HEADER_VALUE.fullmatch(token):
                return _Login(Sensitive(token), seconds, now + seconds if seconds else math.inf, renewable)
    return None


def _version_1(answer: Answer) -> Document | None:
    match answer.status, answer.body:
        case HTTPStatus.OK, {"data": dict(fields)}:
            return Document(_texts(fields))
    return None


def _version_2(answer: Answer) -> Document | None:
    match answer.status, answer.body:
        case HTTPStatus.OK, {
            "data": {"data": dict(fields), "metadata": {"version": int(version), "created_time": str(created)}}
        }:
            return Document(_texts(fields), str(version), _seconds(created))
    return None


def _texts(fields: Mapping[str, object]) -> Mapping[str, Sensitive[str]]:
    return {name: Sensitive(text) for name, text in fields.items() if isinstance(text, str)}


def _seconds(created: str) -> float | None:
    try:
        return datetime.fromisoformat(created).timestamp()
    except ValueError:
        return None


def _gone(answer: Answer) -> str:
    """Return the problem of a secret whose newest version was deleted or destroyed; an empty text if there never was one."""
    match answer.body:
        case {"data": {"metadata": {"destroyed": True}}}:
            return "the newest version of the secret is destroyed: write a new one"
        case {"data": {"metadata": {"deletion_time": str(deleted)}}} if deleted:
            return "the newest version of the secret is deleted: undelete it, or write a new one"
    return ""


def _token_unknown(answer: Answer) -> bool:
    """Say whether the token is invalid, and not just without permission. Vault 1.11 and later reports the difference."""
    errors = answer.body.get("errors")
    return isinstance(errors, list) and any("invalid token" in str(error) for error in errors)
