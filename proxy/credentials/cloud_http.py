"""HTTP with the servers of a cloud, for its client library to send through.

* Nothing is sent twice, no redirect is followed, and no proxy and no `.netrc` is taken from the environment: a token for a
  store goes to that store.
* Connecting, waiting for the answer and reading it take `stores.timeout_seconds` each at most; an answer's size is bounded.
* Where there is no answer to use, an `UnansweredError` goes through the library: it is of a kind that no library sends again
  for, and its fixed text tells what to do next.
"""

import logging
from collections.abc import Mapping
from io import BytesIO
from types import MappingProxyType

from urllib3 import BaseHTTPResponse, HTTPHeaderDict, HTTPResponse, PoolManager, Timeout
from urllib3.exceptions import HTTPError, ReadTimeoutError, SSLError

from proxy.clock import Clock
from proxy.trust import verifying

# The largest secret of the stores has 64 KiB; coded as JSON it stays far below this.
ANSWER_MAX_BYTES = 1 << 20
_CHUNK_BYTES = 1 << 16

SLOW = "{} does not answer in time: look at the way there, or raise stores.timeout_seconds"
UNREACHABLE = "{} cannot be reached: check stores.{}.endpoint, name resolution, and what the network lets out"
UNTRUSTED = "no TLS with {}: its certificate must be of an authority that this machine trusts, and name the host"
REDIRECTED = "{} redirects, which is not followed: check stores.{}.endpoint"
LONG = f"the answer of {{}} is longer than {ANSWER_MAX_BYTES} bytes: check stores.{{}}.endpoint"
BUSY = "{}'s quota of requests is used up: raise it, or stores.refresh_seconds"
FAILED = "{} failed: its status page may say why"

# What the libraries would send again for, or follow. The rest is theirs to read.
_STATUSES: Mapping[int, str] = MappingProxyType(
    dict.fromkeys(range(300, 400), REDIRECTED) | {408: SLOW, 429: BUSY} | dict.fromkeys(range(500, 600), FAILED)
)


class UnansweredError(Exception):
    """There is no answer to use; the text says why, and holds nothing of request or answer."""


class Http:
    """Requests to one cloud."""

    def __init__(self, cloud: str, section: str, timeout_seconds: float, clock: Clock) -> None:
        """Say `cloud` and `stores.<section>` where something is wrong."""
        self._named = (cloud, section)
        self._timeout_seconds = timeout_seconds
        self._clock = clock
        self._tls = verifying()

    def send(self, method: str, url: str, headers: Mapping[str, str], body: bytes | str | None) -> HTTPResponse:
        """Return the answer, whole and in memory, whatever its status but one that stands for no answer.

        Raises:
            UnansweredError: there is none, or none to use.
        """
        answer: HTTPResponse | str
        try:
            answer = self._answer(method, url, headers, body)
        except SSLError:
            answer = UNTRUSTED
        except ReadTimeoutError:
            answer = SLOW
        except (HTTPError, ValueError):  # a URL may not be one: credentials can name where they are renewed
            answer = UNREACHABLE
        if isinstance(answer, str):
            raise UnansweredError(answer.format(*self._named))
        return answer

    def _answer(self, method: str, url: str, headers: Mapping[str, str], body: bytes | str | None) -> HTTPResponse | str:
        """Connect anew, because an idle connection is cut without a word; ask for what is not coded, because decoding grows."""
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
        """Return what is in `response`, or what is wrong with it."""
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
    """Let `library`, and all of it that is loaded, log nothing: at some levels it logs what was sent and what came back."""
    logging.getLogger(library).setLevel(logging.CRITICAL + 1)
    for name in list(logging.root.manager.loggerDict):
        if name.startswith(f"{library}."):
            logging.getLogger(name).disabled = True
