"""The HTTP client through which hvac talks to a Vault server.

* Every answer is returned as a value, and no exception leaves: exceptions of the libraries contain URLs, tokens and Vault's
  texts. An error is a fixed text that says how to fix the problem.
* It repeats nothing, follows no redirect, and uses nothing from the environment: no proxy, no token, no `.netrc`.
* Connecting, waiting for the answer and reading it take at most `stores.timeout_seconds` each. An answer has a size limit.

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

# By default, Vault stores no entry over 1 MiB. Our secrets have a few hundred bytes.
ANSWER_MAX_BYTES = 1 << 20
_CHUNK_BYTES = 1 << 16

UNUSABLE_CA = "holds no certificates in PEM that can be read"
UNREACHABLE = "Vault cannot be reached: check stores.vault.address, and the network path"
UNTRUSTED = "no TLS with Vault: check that stores.vault.ca signed its certificate, and that the certificate names the host"
SLOW = "Vault does not answer in time: check its load, or raise stores.timeout_seconds"
LONG = f"Vault's answer is longer than {ANSWER_MAX_BYTES} bytes: keep less in one secret"
NOT_VAULT = "the server that answers is not Vault: check stores.vault.address"
REDIRECTED = (
    "a standby Vault or a proxy answers with a redirect, which the sidecar does not follow: set stores.vault.address to the "
    "active server, or to a load balancer that finds it"
)

# The meaning of statuses that does not depend on the request. Some come from a proxy and not from Vault, so not all are JSON.
STATUSES: Mapping[int, str] = MappingProxyType(
    dict.fromkeys((301, 302, 303, 307, 308), REDIRECTED)
    | {
        412: "the Vault server is a standby that has not caught up yet: wait",
        429: "Vault's quota of requests is used up: raise it, or stores.refresh_seconds",
        472: "the Vault server is a standby for disaster recovery: set stores.vault.address to the active cluster",
        473: "the Vault server is a performance standby: set stores.vault.address to the active server",
        500: "Vault failed: see its log",
        501: "Vault is not initialised: initialise it",
        502: "Vault, or a proxy in front of it, cannot reach a server that it needs: see their logs",
        503: "Vault is sealed, not initialised, or in maintenance: unseal it",
        504: "Vault does not answer the proxy in front of it: check its load",
    }
)


@dataclass(frozen=True, slots=True)
class Answer:
    """An answer of Vault. If it is not usable, `problem` says why."""

    status: int = 0
    body: Mapping[str, Any] = field(default_factory=dict, repr=False)
    problem: str = ""

    def problem_at(self, meanings: Mapping[int, str]) -> str:
        """Return the problem of this answer. `meanings` has the meaning of statuses that depend on the request."""
        return self.problem or meanings.get(self.status) or STATUSES.get(self.status) or NOT_VAULT


class Connection:
    """Sends requests to one Vault server, one at a time."""

    def __init__(self, vault: Vault, timeout_seconds: float, clock: Clock) -> None:
        """Prepare requests to the server in `vault`, without connecting.

        Raises:
            OSError, ValueError: the CA file cannot be used.
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
        """Use new connections in this block: the CA file may have changed, and idle connections break silently.

        Raises:
            UnreadableError: the CA file cannot be used now.
        """
        pool = None
        with suppress(OSError, ValueError):
            pool = self._new_pool()
        if pool is None:
            raise UnreadableError(f"stores.vault.ca {UNUSABLE_CA}")
        with pool as self._pool:
            yield

    def request(self, method: str, path: str, token: Sensitive[str] | None, content: object) -> Answer:
        """Send a request, and return the answer. `content` is sent as JSON unless it is None."""
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
    """The adapter for hvac's methods, with `token`. hvac passes more keywords than are named here."""

    connection: Connection
    token: Sensitive[str] | None = None

    def get(self, url: str, **_: object) -> Answer:
        """Send a GET request, and return the answer."""
        return self.connection.request("GET", url, self.token, None)

    def post(self, url: str, json: object = None, **_: object) -> Answer:
        """Send a POST request, and return the answer."""
        return self.connection.request("POST", url, self.token, json)

    login = post
