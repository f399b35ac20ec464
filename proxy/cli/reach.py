"""Whether an upstream can be reached, and what its certificate says: a connection that carries no request."""

import asyncio
import datetime as dt
import ssl
from contextlib import suppress

from proxy.api.model import Upstream
from proxy.cli.findings import Finding, State
from proxy.config.model import Config

# Certificates of public servers are replaced some weeks before they end; one that has less left was forgotten.
CERTIFICATE_LEFT_DAYS = 7


async def reach(config: Config, upstream: Upstream, tls: ssl.SSLContext | None, now: float, seconds: float) -> Finding:
    """Connect to `upstream` within `seconds`, over TLS unless `tls` is None; `now` in seconds since the epoch."""
    origin = config.upstream(upstream).origin
    subject = f"upstreams.{upstream}"
    try:
        async with asyncio.timeout(seconds):
            _, writer = await asyncio.open_connection(origin.host, origin.port, ssl=tls)
    except TimeoutError:
        return Finding(subject, State.PROBLEM, "did not answer in time")
    except ssl.SSLCertVerificationError:
        return Finding(subject, State.PROBLEM, f"its certificate is not trusted; check {subject}.ca")
    except OSError as error:
        return Finding(subject, State.PROBLEM, f"could not be reached ({type(error).__name__}); check {subject}.url")
    try:
        secured: ssl.SSLObject | None = writer.get_extra_info("ssl_object")
        if secured is None:
            return Finding(subject, State.OK, "reached without TLS, on this machine")
        return Finding(subject, *_certified(secured, now))
    finally:
        await _close(writer)


def _certified(secured: ssl.SSLObject, now: float) -> tuple[State, str]:
    """Judge the certificate that was verified (RFC 5280 section 4.1.2.5)."""
    certificate = secured.getpeercert() or {}
    end = ssl.cert_time_to_seconds(str(certificate["notAfter"]))
    day = f"{dt.datetime.fromtimestamp(end, dt.UTC):%Y-%m-%d}"
    told = f"reached over {secured.version()}; its certificate is trusted, and good until {day}"
    if end - now > CERTIFICATE_LEFT_DAYS * 86_400:
        return State.OK, told
    return State.WARNING, f"{told}: whoever runs that server should renew it"


async def _close(writer: asyncio.StreamWriter) -> None:
    """End the connection; how the other side takes it is of no interest."""
    writer.close()
    with suppress(TimeoutError, OSError):
        async with asyncio.timeout(1):
            await writer.wait_closed()
            return
    writer.transport.abort()
