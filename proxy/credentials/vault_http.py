"""HTTP with a Vault server, for hvac to speak through.

* An answer is a value, and no exception gets out: those of the libraries hold URLs, tokens and Vault's own words. What is said
  of a failure is a fixed text that tells what to do next.
* Nothing is repeated, no redirect is followed, and nothing is taken from the environment: no proxy, no token, no `.netrc`.
* Connecting, waiting for the answer and reading it take `stores.timeout_seconds` each at most; an answer's size is bounded.

Statuses: developer.hashicorp.com/vault/api-docs#http-status-codes and /vault/api-docs/system/health.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

import orjson
from urllib3 import BaseHTTPResponse, HTTPConnectionPool, HTTPSConnectionPool, Timeout
from urllib3.exceptions import HTTPError, ReadTimeoutError, SSLError

from proxy.clock import Clock
from proxy.config.keys import Vault
from proxy.credentials.model import UnreadableError
from proxy.sensitive import Sensitive
from proxy.trust import verifying

# Vault keeps no entry over 1 MiB by default; a secret of ours has some hundred bytes.
ANSWER_MAX_BYTES = 1 << 20
_CHUNK_BYTES = 1 << 16

UNUSABLE_CA = "holds no certificates in PEM that can be read"
UNREACHABLE = "Vault cannot be reached: check stores.vault.address, and the way there"
UNTRUSTED = "no TLS with Vault: check that stores.vault.ca signed its certificate, and that the certificate names the host"
SLOW = "Vault does not answer in time: look at its load, or raise stores.timeout_seconds"
LONG = f"Vault's answer is longer than {ANSWER_MAX_BYTES} bytes: keep less in one secret"
NOT_VAULT = "what answers is not a Vault server: check stores.vault.address"
REDIRECTED = (
    "a standby Vault, or what stands before it, redirects, which is not followed: set stores.vault.address to the active "
    "server, or to a load balancer that finds it"
)

# What statuses mean whatever was asked for. Not every one of these comes from Vault itself, so not every one comes as JSON.
STATUSES: Mapping[int, str] = MappingProxyType(
    dict.fromkeys((301, 302, 303, 307, 308), REDIRECTED)
    | {
        412: "the Vault server is a standby that has not caught up yet; it will",
        429: "Vault's quota of requests is used up: raise it, or stores.refresh_seconds",
        472: "the Vault server is a standby for disaster recovery: set stores.vault.address to the active cluster",
        473: "the Vault server is a performance standby: set stores.vault.address to the active server",
        500: "Vault failed: its log says why",
        501: "Vault is not initialised: initialise it",
        502: "Vault, or what stands before it, cannot reach what it needs: their logs say what",
        503: "Vault is sealed, not initialised, or in maintenance: unseal it",
        504: "Vault does not answer what stands before it: look at its load",
    }
)


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back. Where it was nothing usable, `problem` says why."""

    status: int = 0
    body: Mapping[str, Any] = field(default_factory=dict, repr=False)
    problem: str = ""

    def problem_at(self, meanings: Mapping[int, str]) -> str:
        """Return what is wrong with it, where `meanings` are those of the statuses that depend on what was asked for."""
        return self.problem or meanings.get(self.status) or STATUSES.get(self.status) or NOT_VAULT


class Connection:
    """Requests to one Vault server, one at a time."""

    def __init__(self, vault: Vault, timeout_seconds: float, clock: Clock) -> None:
        """Connect to nothing yet.

        Raises:
            OSError, ValueError: the file of authorities cannot be used.
        """
        self._origin, self._ca = vault.address, vault.ca
        self._timeout_seconds = timeout_seconds
        self._clock = clock
        self._headers = {"Content-Type": "application/json", "X-Vault-Request": "true"}
        if vault.namespace:
            self._headers["X-Vault-Namespace"] = vault.namespace
        self._pool = self._new_pool()

    def _new_pool(self) -> HTTPConnectionPool:
        timeout = Timeout(connect=self._timeout_seconds, read=self._timeout_seconds)
        if not self._origin.tls:
            return HTTPConnectionPool(self._origin.host, self._origin.port, timeout=timeout)
        return HTTPSConnectionPool(self._origin.host, self._origin.port, timeout=timeout, ssl_context=verifying(self._ca))

    @contextmanager
    def opened(self) -> Iterator[None]:
        """Connect anew for this block: the authorities may have changed, and an idle connection is cut without a word.

        Raises:
            UnreadableError: the file of authorities cannot be used now.
        """
        pool = None
        with suppress(OSError, ValueError):
            pool = self._new_pool()
        if pool is None:
            raise UnreadableError(f"stores.vault.ca {UNUSABLE_CA}")
        with pool as self._pool:
            yield

    def request(self, method: str, path: str, token: Sensitive[str] | None, content: object) -> Answer:
        """Return what Vault answers; `content` is sent as JSON unless it is None."""
        headers = self._headers if token is None else self._headers | {"X-Vault-Token": token.reveal()}
        body = None if content is None else orjson.dumps(content)
        try:
            with self._pool.urlopen(
                method, path, body, headers, retries=False, redirect=False, preload_content=False, decode_content=False
            ) as response:
                return self._answer(response)
        except SSLError:
            return Answer(problem=UNTRUSTED)
        except ReadTimeoutError:
            return Answer(problem=SLOW)
        except HTTPError:
            return Answer(problem=UNREACHABLE)

    def _answer(self, response: BaseHTTPResponse) -> Answer:
        content = bytearray()
        deadline = self._clock.monotonic() + self._timeout_seconds
        while chunk := response.read1(_CHUNK_BYTES):
            content += chunk
            if len(content) > ANSWER_MAX_BYTES:
                return Answer(problem=LONG)
            if self._clock.monotonic() > deadline:
                return Answer(problem=SLOW)
        body = None
        with suppress(orjson.JSONDecodeError):
            body = orjson.loads(content)
        if isinstance(body, dict):
            return Answer(response.status, body)
        return Answer(response.status, problem=STATUSES.get(response.status, NOT_VAULT))


@dataclass(frozen=True, slots=True)
class Adapter:
    """What hvac's methods speak through, as the holder of `token`; they pass keywords beside those that are named here."""

    connection: Connection
    token: Sensitive[str] | None = None

    def get(self, url: str, **_: object) -> Answer:
        """Return what Vault answers to GET."""
        return self.connection.request("GET", url, self.token, None)

    def post(self, url: str, json: object = None, **_: object) -> Answer:
        """Return what Vault answers to POST."""
        return self.connection.request("POST", url, self.token, json)

    login = post
