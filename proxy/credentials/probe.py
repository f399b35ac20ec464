"""Shows a credential to Customer.io with a read that names no person.

A call follows no redirect, carries no cookie, and is bounded in time and size. What is made of the answer is for others to
decide: `trial` for the rotation of keys, `cli.probe` for people.
"""

import ssl
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from http import HTTPStatus
from types import MappingProxyType
from typing import Any

import aiohttp
import orjson
from yarl import URL

from proxy import __version__
from proxy.api.model import Credential, Upstream
from proxy.config.model import Config
from proxy.credentials.model import UNTRIED, Authorization, Trial, Verdict

PROBE_SECONDS = 10.0
ANSWER_MAX_BYTES = 65_536

# The read that shows whether a credential is taken. Pipelines has none (customerio-api.md 1.1, 1.6).
PATHS: Mapping[Credential, tuple[Upstream, str]] = MappingProxyType(
    {
        Credential.TRACK: (Upstream.TRACK, "/api/v1/accounts/region"),
        Credential.APP: (Upstream.APP, "/v1/info/ip_addresses"),
    }
)


@dataclass(frozen=True, slots=True)
class Answered:
    """An answer of Customer.io; `date` is its own clock in seconds since the epoch, None where it does not say."""

    status: int
    body: bytes
    date: float | None


class Prober:
    """Asks Customer.io about credentials, over the upstreams that are configured."""

    def __init__(self, session: aiohttp.ClientSession, config: Config, tls: Mapping[Upstream, ssl.SSLContext | None]) -> None:
        """Ask through `session`; `tls` holds the context of each upstream, None where it is plain."""
        self._session = session
        self._config = config
        self._tls = tls

    async def ask(self, credential: Credential, authorization: Authorization) -> Answered:
        """Return what Customer.io answers to a credential of `PATHS`.

        Raises:
            TimeoutError: it does not answer in time.
            aiohttp.ClientError, OSError: it cannot be reached.
        """
        upstream, path = PATHS[credential]
        url = URL(f"{self._config.upstream(upstream).origin}{path}", encoded=True)
        header = authorization.line.reveal().decode().partition(":")[2].strip()
        context = self._tls[upstream]
        async with self._session.get(
            url, headers={"Authorization": header}, allow_redirects=False, ssl=True if context is None else context
        ) as response:
            body = bytearray()
            async for piece in response.content.iter_any():
                body += piece
                if len(body) > ANSWER_MAX_BYTES:
                    break
            return Answered(response.status, bytes(body), _date(response.headers.get("Date")))

    async def trial(self, credential: Credential, authorization: Authorization) -> Trial:
        """Return what comes of trying a credential; never raises for what Customer.io does or does not."""
        if credential not in PATHS:
            return UNTRIED
        try:
            answer = await self.ask(credential, authorization)
        except (TimeoutError, aiohttp.ClientError, OSError):
            return Trial(Verdict.UNKNOWN)
        match answer.status:
            case HTTPStatus.OK | HTTPStatus.FORBIDDEN:  # 403: known, and not let read; a scope or an address allow-list
                return Trial(Verdict.ACCEPTED, *account(answer.body))
            case HTTPStatus.UNAUTHORIZED:
                return Trial(Verdict.REJECTED)
            case _:
                return Trial(Verdict.UNKNOWN)


def account(body: bytes) -> tuple[int | None, str | None]:
    """Return the workspace and region that an answer names (Track API reference, "Find your account region")."""
    try:
        answer: Any = orjson.loads(body)
    except orjson.JSONDecodeError:
        return None, None
    if not isinstance(answer, dict):
        return None, None
    workspace, region = answer.get("environment_id"), answer.get("region")
    return workspace if type(workspace) is int else None, region if region in {"us", "eu"} else None


@asynccontextmanager
async def prober(
    config: Config, tls: Mapping[Upstream, ssl.SSLContext | None], seconds: float = PROBE_SECONDS
) -> AsyncIterator[Prober]:
    """Yield what asks Customer.io, within `seconds` a question; `tls` as `config.tls.upstream_contexts` makes it."""
    session = aiohttp.ClientSession(
        timeout=aiohttp.ClientTimeout(total=seconds),
        cookie_jar=aiohttp.DummyCookieJar(),
        headers={"User-Agent": f"cio-sidecar/{__version__}", "Accept-Encoding": "identity"},
    )
    async with session:
        yield Prober(session, config, tls)


def _date(text: str | None) -> float | None:
    """Return the date of an answer (RFC 9110 section 6.6.1)."""
    try:
        return None if text is None else parsedate_to_datetime(text).timestamp()
    except ValueError:
        return None
