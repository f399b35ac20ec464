"""Asks Customer.io whether it takes the credentials, over the upstreams that are configured.

Every call is a read that names no person, follows no redirect, and is bounded in time and size. Of what comes back, only the
region and the number of the workspace are shown.
"""

import asyncio
import ssl
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

import aiohttp
import orjson
from yarl import URL

from proxy import __version__
from proxy.api.model import Upstream
from proxy.cli.findings import Finding, State
from proxy.config.model import Config
from proxy.config.tls import upstream_contexts
from proxy.credentials.model import Authorization, Credentials

PROBE_SECONDS = 10
ANSWER_MAX_BYTES = 65_536


@dataclass(frozen=True, slots=True)
class Probe:
    """A read that shows whether a credential is taken, and how a 200 to it is judged."""

    path: str
    rejected: str
    judge: Callable[[Config, bytes], tuple[State, str]]


def _region(config: Config, body: bytes) -> tuple[State, str]:
    """Judge the region that a workspace is kept in (Track API reference, "Find your account region")."""
    try:
        answer = orjson.loads(body)
    except orjson.JSONDecodeError:
        answer = None
    told: Any = answer if isinstance(answer, dict) else {}
    match told.get("region"), told.get("environment_id"):
        case config.region, int(workspace):
            return State.OK, f"accepted for workspace {workspace} in region {config.region}"
        case config.region, _:
            return State.OK, f"accepted in region {config.region}"
        case "us" | "eu" as region, _:
            return State.PROBLEM, f"Customer.io keeps this workspace in region {region}: set `region: {region}`"
        case _:
            return State.PROBLEM, "Customer.io did not say in which region it keeps this workspace; check upstreams.track.url"


def _taken(_config: Config, _body: bytes) -> tuple[State, str]:
    return State.OK, "accepted"


PROBES: Mapping[Upstream, Probe] = MappingProxyType(
    {
        Upstream.TRACK: Probe("/api/v1/accounts/region", "check the site id and the API key, which go together", _region),
        Upstream.APP: Probe("/v1/info/ip_addresses", "check the App API key", _taken),
    }
)


async def probe(config: Config, credentials: Credentials, seconds: float = PROBE_SECONDS) -> list[Finding]:
    """Return what Customer.io says, within `seconds`, about each credential there is.

    Raises:
        ConfigError: a CA file cannot be used.
    """
    contexts = upstream_contexts(config)
    session = aiohttp.ClientSession(
        timeout=aiohttp.ClientTimeout(total=seconds),
        cookie_jar=aiohttp.DummyCookieJar(),
        headers={"User-Agent": f"cio-sidecar/{__version__}", "Accept-Encoding": "identity"},
    )
    async with session:
        held = {Upstream.TRACK: credentials.track, Upstream.APP: credentials.app}
        findings = await asyncio.gather(
            *(
                _ask(session, config, upstream, authorization, contexts[upstream])
                for upstream, authorization in held.items()
                if authorization is not None
            )
        )
    if credentials.pipelines is not None:
        detail = "a Pipelines key cannot be probed: Customer.io has no call that tells whether it is taken"
        findings.append(Finding(f"upstreams.{Upstream.PIPELINES}", State.SKIPPED, detail))
    return findings


async def _ask(
    session: aiohttp.ClientSession,
    config: Config,
    upstream: Upstream,
    authorization: Authorization,
    tls: ssl.SSLContext | None,
) -> Finding:
    url = URL(f"{config.upstream(upstream).origin}{PROBES[upstream].path}", encoded=True)
    header = authorization.line.reveal().decode().partition(":")[2].strip()
    try:
        async with session.get(
            url, headers={"Authorization": header}, allow_redirects=False, ssl=True if tls is None else tls
        ) as response:
            body = bytearray()
            async for piece in response.content.iter_any():
                body += piece
                if len(body) > ANSWER_MAX_BYTES:
                    break
            state, detail = judged(config, PROBES[upstream], response.status, bytes(body))
    except TimeoutError:
        state, detail = State.PROBLEM, "did not answer in time"
    except aiohttp.ClientConnectorCertificateError:
        state, detail = State.PROBLEM, f"its certificate is not trusted; check upstreams.{upstream}.ca"
    except (aiohttp.ClientError, OSError) as error:
        state, detail = State.PROBLEM, f"could not be reached ({type(error).__name__}); check upstreams.{upstream}.url"
    return Finding(f"upstreams.{upstream}", state, f"{detail} (key id {authorization.key_id})")


def judged(config: Config, asked: Probe, status: int, body: bytes) -> tuple[State, str]:
    """Judge an answer of Customer.io."""
    match status:
        case 200:
            return asked.judge(config, body)
        case 401:
            return State.PROBLEM, f"Customer.io rejects it: {asked.rejected}"
        case 403:
            return State.SKIPPED, "Customer.io knows it, and does not let it read; a scope or an address allow-list may be why"
        case 301 | 302 | 303 | 307 | 308:
            return State.PROBLEM, "Customer.io answers with a redirect, as it does in the wrong region: check `region`"
        case _:
            return State.PROBLEM, f"Customer.io answers {status}; try again, or check `upstreams`"
