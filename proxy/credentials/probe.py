"""Tests a credential with a read from Customer.io that names no person.

A call follows no redirect, sends no cookie, and has a bounded duration and size. `trial` judges the answer for the rotation of
keys, and `cli.probe` for people.
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

# The read that shows whether Customer.io accepts a credential. Pipelines has no read (Customer.io Pipelines API reference).
PATHS: Mapping[Credential, tuple[Upstream, str]] = MappingProxyType(
    {
        Credential.TRACK: (Upstream.TRACK, "/api/v1/accounts/region"),
        Credential.APP: (Upstream.APP, "/v1/info/ip_addresses"),
    }
)


@dataclass(frozen=True, slots=True)
class Answered:
    """An answer of Customer.io. `date` is its Date header in seconds since the epoch, or None."""

    status: int
    body: bytes
    date: float | None


class Prober:
    """Asks Customer.io about credentials, at the configured upstreams."""

    def __init__(self, session: aiohttp.ClientSession, config: Config, tls: Mapping[Upstream, ssl.SSLContext | None]) -> None:
        """Ask through `session`. `tls` has the context of each upstream, None for plain HTTP."""
        self._session = session
        self._config = config
        self._tls = tls

    async def ask(self, credential: Credential, authorization: Authorization) -> Answered:
        """Return Customer.io's answer to a read with a credential of `PATHS`.

        Raises:
            TimeoutError: Customer.io does not answer in time.
            aiohttp.ClientError, OSError: Customer.io cannot be reached.
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
        """Return the result of a trial of a credential. No behaviour of Customer.io makes this raise."""
        if credential not in PATHS:
            return UNTRIED
        try:
            answer = await self.ask(credential, authorization)
        except (TimeoutError, aiohttp.ClientError, OSError):
            return Trial(Verdict.UNKNOWN)
        match answer.status:
            case HTTPStatus.OK | HTTPStatus.FORBIDDEN:  # 403: a valid key without permission for this read
                return Trial(Verdict.ACCEPTED, *account(answer.body))
            case HTTPStatus.UNAUTHORIZED:
                return Trial(Verdict.REJECTED)
            case _:
                return Trial(Verdict.UNKNOWN)


def account(body: bytes) -> tuple[int | None, str | None]:
    """Return the workspace and region in an answer (Track API reference, "Find your account region"); None if missing."""
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
    """Yield a `Prober` with a timeout of `seconds` for each question. `tls` comes from `config.tls.upstream_contexts`."""
    session = aiohttp.ClientSession(
        timeout=aiohttp.ClientTimeout(total=seconds),
        cookie_jar=aiohttp.DummyCookieJar(),
        headers={"User-Agent": f"cio-sidecar/{__version__}", "Accept-Encoding": "identity"},
    )
    async with session:
        yield Prober(session, config, tls)


def _date(text: str | None) -> float | None:
    """Return a Date header value (RFC 9110 section 6.6.1) in seconds since the epoch, or None."""
    try:
        return None if text is None else parsedate_to_datetime(text).timestamp()
    except ValueError:
        return None
