"""The real process between raw callers and raw origins."""

import base64
import datetime as dt
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from proxy.api.model import Bucket
from proxy.cli.certificates import issue
from tests.conformance.caller import Caller, calling
from tests.conformance.cases import CANARY, READ, Forwarded, get
from tests.conformance.origin import Origin, echo
from tests.running import SECRETS, Sidecar, config, running

# Out of the way: cases follow each other far quicker than an application's calls.
NO_LIMITS = {"buckets": {bucket.value: {"rate_per_second": 100_000.0, "burst": 10_000} for bucket in Bucket}}
# What a sidecar may log however it is spoken to; anything else is a fault of its own.
EVENTS = frozenset(
    {("info", event) for event in ("started", "stopping")}
    | {("warning", event) for event in ("refused", "answer_cut", "unkeyed_hashes")}
)

AUTHORIZATION = base64.b64encode(f"{SECRETS['TEST_SITE_ID']}:{SECRETS['TEST_API_KEY']}".encode())


@dataclass
class Certificates:
    """Files of a CA and a certificate for localhost, and contexts for both ends."""

    folder: Path
    server: ssl.SSLContext
    client: ssl.SSLContext


@pytest.fixture(scope="session")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Certificates:
    """Make them."""
    folder = tmp_path_factory.mktemp("tls")
    issued = issue(dt.datetime.now(dt.UTC))
    for name, content in (("ca.pem", issued.ca), ("server.pem", issued.server), ("server.key", issued.key)):
        (folder / name).write_bytes(content)
    server = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    server.load_cert_chain(folder / "server.pem", folder / "server.key")
    return Certificates(folder, server, ssl.create_default_context(cafile=str(folder / "ca.pem")))


@dataclass
class Place:
    """A sidecar and the origin behind its Track API; `fence` is a connection of its own to the sidecar."""

    sidecar: Sidecar
    origin: Origin
    fence: Caller
    port: int
    fences: int = 0

    def arrives(self, forwarded: Forwarded) -> bytes:
        """Return what a call is when it reaches the origin, byte by byte."""
        return forwarded.arrives(b"127.0.0.1:%d" % self.origin.port, AUTHORIZATION)

    async def arrived(self) -> list[bytes]:
        """Return all that has arrived since last asked, once a call made now has been answered, which is left out.

        What comes even later is returned the next time, where nobody expects it.
        """
        self.fences += 1
        mark = b"X-Request-Id: fence-%d" % self.fences
        await self.fence.send(get(mark))
        told = await self.fence.read()
        assert told is not None
        assert (told.status, told.body) == (200, echo(READ.target))
        assert not self.origin.strays
        arrived = [arrived.data for arrived in self.origin.take()]
        arrived.remove(self.arrives(Forwarded(b"GET", READ.target, b"", mark + b"\r\n")))
        return arrived


@asynccontextmanager
async def between(
    folder: Path,
    origin: Origin,
    certificates: Certificates,
    outbound: dict[str, Any],
    **changes: Any,  # noqa: ANN401  # a free-form configuration
) -> AsyncIterator[Place]:
    """Run a sidecar with both listeners in front of `origin`; whatever it was sent, it must log nothing else than refusals."""
    files = {"certificate": str(certificates.folder / "server.pem"), "key": str(certificates.folder / "server.key")}
    document = config(f"http://127.0.0.1:{origin.port}", limits=NO_LIMITS, **changes)
    document["outbound"] = {"port": 0, "tls": {"port": 0, **files}, **outbound}
    async with running(folder, document) as sidecar:
        port = sidecar.ports["outbound"]
        async with calling(port) as fence:
            yield Place(sidecar, origin, fence, port)
    assert CANARY not in sidecar.log
    assert {(line["level"], line["event"]) for line in sidecar.log_lines()} <= EVENTS, sidecar.log.decode()
