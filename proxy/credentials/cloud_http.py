"""The HTTP client through which a cloud's client library sends.

* It sends nothing twice, follows no redirect, and uses no proxy and no `.netrc` from the environment. So a token for a store
  goes only to that store.
* Connecting, waiting for the answer and reading it take at most `stores.timeout_seconds` each. An answer has a size limit.
* Without a usable answer it raises an `UnansweredError`, which passes through the library: no library retries for this type.
  Its fixed text says how to fix the problem.
"""

import logging
from collections.abc import Mapping
from io import BytesIO
from types import MappingProxyType

from urllib3 import BaseHTTPResponse, HTTPHeaderDict, HTTPResponse, PoolManager, Timeout
from urllib3.exceptions import HTTPError, ReadTimeoutError, SSLError

from proxy.clock import Clock
from proxy.trust import verifying

# The largest secret in these stores has 64 KiB. As JSON it stays far below this size limit.
ANSWER_MAX_BYTES = 1 << 20
_CHUNK_BYTES = 1 << 16

SLOW = "{} does not answer in time: check the network path, or raise stores.timeout_seconds"
UNREACHABLE = "{} cannot be reached: check stores.{}.endpoint, name resolution, and the network's rules for outgoing traffic"
UNTRUSTED = "no TLS with {}: its certificate must be from an authority that this machine trusts, and must name the host"
REDIRECTED = "{} answers with a redirect, which the sidecar does not follow: check stores.{}.endpoint"
LONG = f"the answer of {{}} is longer than {ANSWER_MAX_BYTES} bytes: check stores.{{}}.endpoint"
BUSY = "{}'s quota of requests is used up: raise it, or stores.refresh_seconds"
FAILED = "{} failed: see its status page"

# For these statuses the libraries would send again, or follow. They read all other answers.
_STATUSES: Mapping[int, str] = MappingProxyType(
    dict.fromkeys(range(300, 400), REDIRECTED) | {408: SLOW, 429: BUSY} | dict.fromkeys(range(500, 600), FAILED)
)


class UnansweredError(Exception):
    """There is no usable answer. The text says why, and contains nothing of the request or answer."""


class Http:
    """Sends requests to the servers of one cloud."""

    def __init__(self, cloud: str, section: str, timeout_seconds: float, clock: Clock) -> None:
        """Begin without a connection. Error texts name `cloud` and `stores.<section>`."""
        self._named = (cloud, section)
        self._timeout_seconds = timeout_seconds
        self._clock = clock
        self._tls = verifying()

    def send(self, method: str, url: str, headers: Mapping[str, str], body: bytes | str | None) -> HTTPResponse:
        """Return the whole answer, in memory.

        Raises:
            UnansweredError: there is no answer, it is too slow or too large, or its status is 3xx, 408, 429 or 5xx.
        """
        answer: HTTPResponse | str
        try:
            answer = self._answer(method, url, headers, body)
        except SSLError:
            answer = UNTRUSTED
        except ReadTimeoutError:
            answer = SLOW
        except (HTTPError, ValueError):  # ValueError: credentials may contain an invalid URL for their renewal
            answer = UNREACHABLE
        if isinstance(answer, str):
            raise UnansweredError(answer.format(*self._named))
        return answer

    def _answer(self, method: str, url: str, headers: Mapping[str, str], body: bytes | str | None) -> HTTPResponse | str:
        """Use a new connection, because idle ones break silently. Ask for no content coding: a decoded answer could be huge."""
        uncoded = HTTPHeaderDict(headers)
        uncoded["Accept-Encoding"] = "identity"
        timeout = Timeout(connect=self._timeout_seconds, read=self._timeout_seconds)
        with (
            PoolManager(timeout=timeout, ssl_context=self._tls) as pool,
            pool.urlopen(
                method, url, redirect=False, retries=False, preload_content=False, decode_content=False,
                body=body, headers=uncoded,
            ) as response,
        ):  # fmt: skip
            if problem := _STATUSES.get(response.status):
                return problem
            content = self._content(response)
            if isinstance(content, str):
                return content
            kept = HTTPHeaderDict(response.headers)
            kept.discard("Content-Encoding")
            return HTTPResponse(BytesIO(content), kept, response.status, reason=response.reason, preload_content=False)

    def _content(self, response: BaseHTTPResponse) -> bytes | str:
        """Return the body of `response`, or the problem with it."""
        content = bytearray()
        deadline = self._clock.monotonic() + self._timeout_seconds
        while chunk := response.read1(_CHUNK_BYTES):
            content += chunk
            if len(content) > ANSWER_MAX_BYTES:
                return LONG
            if self._clock.monotonic() > deadline:
                return SLOW
        return bytes(content)


def silence(library: str) -> None:
    """Turn off the logs of `library` and its loaded modules: at some levels they contain requests and answers."""
    logging.getLogger(library).setLevel(logging.CRITICAL + 1)
    for name in list(logging.root.manager.loggerDict):
        if name.startswith(f"{library}."):
            logging.getLogger(name).disabled = True
