"""Whether an upstream can be reached, on real sockets."""

import asyncio
import datetime as dt
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import pytest

from proxy.api.model import Upstream
from proxy.cli.certificates import VALID_DAYS, issue
from proxy.cli.findings import Finding, State
from proxy.cli.reach import CERTIFICATE_LEFT_DAYS, reach
from proxy.config.model import Config
from proxy.policy.model import PolicyDocument

DAY_SECONDS = 86_400


@asynccontextmanager
async def listening(tls: ssl.SSLContext | None = None, *, says: bytes = b"", handshake: bool = False) -> AsyncIterator[int]:
    """Take connections on a port until the block ends and each is over; say something, and be told nothing.

    Without `tls`, a `handshake` may be begun all the same.
    """
    over: list[asyncio.Future[bytes]] = []

    async def take(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        over.append(ended := asyncio.get_running_loop().create_future())
        writer.write(says)
        received = b""
        with suppress(OSError):
            received = await reader.read()
        writer.close()
        with suppress(OSError):
            await writer.wait_closed()
        ended.set_result(received)

    server = await asyncio.start_server(take, "127.0.0.1", 0, ssl=tls)
    async with server:
        yield server.sockets[0].getsockname()[1]
        told = await asyncio.gather(*over)
        assert handshake or b"".join(told) == b""


def config(url: str) -> Config:
    """Return a configuration with one upstream."""
    return Config.model_validate({"version": 1, "policy": PolicyDocument(version=1), "upstreams": {"app": {"url": url}}})


class Certified:
    """A certificate for localhost that was made now, and those who serve and trust it."""

    def __init__(self, folder: Path) -> None:
        """Make it in `folder`."""
        self.made = dt.datetime.now(dt.UTC)
        issued = issue(self.made)
        for name, content in (("ca.pem", issued.ca), ("server.pem", issued.server), ("server.key", issued.key)):
            (folder / name).write_bytes(content)
        self.server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.server.load_cert_chain(folder / "server.pem", folder / "server.key")
        self.client = ssl.create_default_context(cafile=folder / "ca.pem")


async def test_an_upstream_without_tls_is_reached() -> None:
    """As only this machine may be; no byte is sent."""
    async with listening() as port:
        finding = await reach(config(f"http://127.0.0.1:{port}"), Upstream.APP, None, 0, 5)
    assert finding == Finding("upstreams.app", State.OK, "reached without TLS, on this machine")


@pytest.mark.parametrize(
    ("days_left", "state"),
    [
        (VALID_DAYS - 1, State.OK),
        (CERTIFICATE_LEFT_DAYS + 1, State.OK),
        (CERTIFICATE_LEFT_DAYS - 1, State.WARNING),
    ],
)
async def test_a_certificate_is_told_with_its_end(tmp_path: Path, days_left: int, state: State) -> None:
    """One that ends within days was forgotten by whoever runs that server."""
    certified = Certified(tmp_path)
    end = certified.made + dt.timedelta(days=VALID_DAYS)
    async with listening(certified.server) as port:
        now = end.timestamp() - days_left * DAY_SECONDS
        finding = await reach(config(f"https://localhost:{port}"), Upstream.APP, certified.client, now, 5)
    assert finding.state is state
    assert finding.detail.startswith(f"reached over TLSv1.3; its certificate is trusted, and good until {end:%Y-%m-%d}")
    assert ("should renew it" in finding.detail) is (state is State.WARNING)


async def test_a_certificate_that_is_not_trusted_is_a_problem(tmp_path: Path) -> None:
    """With the key that says who is."""
    async with listening(Certified(tmp_path).server) as port:
        finding = await reach(config(f"https://localhost:{port}"), Upstream.APP, ssl.create_default_context(), 0, 5)
    assert finding == Finding("upstreams.app", State.PROBLEM, "its certificate is not trusted; check upstreams.app.ca")


async def test_a_server_that_speaks_no_tls_is_a_problem() -> None:
    """It answers a handshake with something else."""
    async with listening(says=b"HTTP/1.1 400 Bad Request\r\n\r\n", handshake=True) as port:
        url = f"https://localhost:{port}"
        finding = await reach(config(url), Upstream.APP, ssl.create_default_context(), 0, 5)
    assert finding.state is State.PROBLEM
    assert finding.detail.startswith("could not be reached (")


async def test_a_server_that_says_nothing_is_a_problem_in_time() -> None:
    """A handshake that never goes on is given up."""
    async with listening(handshake=True) as port:
        url = f"https://localhost:{port}"
        finding = await reach(config(url), Upstream.APP, ssl.create_default_context(), 0, 0.2)
    assert finding == Finding("upstreams.app", State.PROBLEM, "did not answer in time")


async def test_nobody_there_is_a_problem(unused_tcp_port: int) -> None:
    """With the key that says where."""
    finding = await reach(config(f"http://127.0.0.1:{unused_tcp_port}"), Upstream.APP, None, 0, 5)
    detail = "could not be reached (ConnectionRefusedError); check upstreams.app.url"
    assert finding == Finding("upstreams.app", State.PROBLEM, detail)
