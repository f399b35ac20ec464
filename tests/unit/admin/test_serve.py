"""The operator's server on real sockets: whatever comes in, what goes out is JSON and ours, and connections are bounded."""

import asyncio
import contextlib
import logging
import socket
from collections.abc import AsyncIterator

import orjson
import pytest
from aiohttp import web

from proxy.admin import serve
from proxy.admin.serve import serving

CANARY = "canary"
SECONDS = 10


async def page(request: web.BaseRequest) -> web.StreamResponse:
    """Answer 200, or fail."""
    if request.path == "/fail":
        raise ValueError(CANARY)
    if request.path == "/large":
        return web.Response(body=b"x" * 50_000_000)
    return web.json_response({"status": "ok"})


@pytest.fixture
async def port() -> AsyncIterator[int]:
    """Serve `page`."""
    async with serving(page, "127.0.0.1", 0) as (_, port):
        yield port


async def exchange(port: int, data: bytes) -> bytes:
    """Send `data` on a new connection, and return all that comes until it closes."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        writer.write(data)
        async with asyncio.timeout(SECONDS):
            return await reader.read()
    finally:
        writer.close()


def parsed(answer: bytes) -> tuple[int, dict[str, str], bytes]:
    """Return status, headers and body of the one answer there is."""
    head, _, body = answer.partition(b"\r\n\r\n")
    first, *lines = head.decode().split("\r\n")
    headers = dict(line.lower().split(": ", 1) for line in lines)
    return int(first.split()[1]), headers, body


@pytest.mark.parametrize("line", [b"CONNECT e\n\r\n", b"CONNECT z HTTP/2.0\r\nHost: x\r\n\r\n"])
async def test_another_version_has_no_answer(port: int, line: bytes) -> None:
    """The parser below takes HTTP/0.9 and 2.0, whose answers look otherwise: the connection ends, and others go on."""
    with contextlib.suppress(ConnectionError):
        assert await exchange(port, line) == b""
    status, _, _ = parsed(await exchange(port, b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"))
    assert status == 200


async def test_a_connection_carries_one_answer(port: int) -> None:
    """It is closed after it, so no idle one is ever held."""
    status, headers, body = parsed(await exchange(port, b"GET / HTTP/1.1\r\nHost: x\r\n\r\n" * 3))
    assert (status, headers["connection"], body) == (200, "close", b'{"status": "ok"}')


async def test_head_has_the_head_and_no_body(port: int) -> None:
    """Probes may ask so (RFC 9110 section 9.3.2)."""
    status, headers, body = parsed(await exchange(port, b"HEAD / HTTP/1.1\r\nHost: x\r\n\r\n"))
    assert (status, headers["content-length"], body) == (200, "16", b"")


@pytest.mark.parametrize(
    "data",
    [
        b"canary\r\n\r\n",
        b"GET / HTTP/9.9 canary\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: x\r\ncanary\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: x\r\ncanary : x\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: canary\r\nHost: x\r\n\r\n",
        b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: canary\r\n\r\n",
        b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: x\r\nX: " + b"canary" * 5000 + b"\r\n\r\n",
        b"GET /" + b"canary" * 5000 + b" HTTP/1.1\r\nHost: x\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: x\r\n" + b"X: canary\r\n" * 500 + b"\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03canary\r\n\r\n",
        b"GET http://[canary HTTP/1.1\r\nHost: x\r\n\r\n",
    ],
)
async def test_what_cannot_be_read_is_refused_in_our_shape(port: int, data: bytes) -> None:
    """JSON, no byte of the request in it, and the connection closes; the framework's own page says neither."""
    answer = await exchange(port, data)
    status, headers, body = parsed(answer)
    assert (status, headers["content-type"], headers.get("connection", "close")) == (400, "application/json", "close")
    assert orjson.loads(body)["code"] == "malformed_request"
    assert CANARY.encode() not in answer


@pytest.mark.parametrize(
    "rest",
    [
        b"Expect: canary\r\n\r\n",
        b"Upgrade: canary\r\nConnection: upgrade\r\n\r\ncanary",
        b"Expect: 100-continue\r\nContent-Length: 6\r\n\r\ncanary",
        b"Content-Encoding: canary\r\nContent-Length: 6\r\n\r\ncanary",
        b"Content-Length: 6\r\n\r\ncan",
    ],
)
async def test_what_a_page_does_not_need_is_not_looked_at(port: int, rest: bytes) -> None:
    """Expectations, upgrades and bodies change nothing of the answer."""
    status, headers, body = parsed(await exchange(port, b"GET / HTTP/1.1\r\nHost: x\r\n" + rest))
    assert (status, headers["content-type"], body) == (200, "application/json; charset=utf-8", b'{"status": "ok"}')


async def test_a_page_that_fails_is_answered_500_without_its_text(port: int, caplog: pytest.LogCaptureFixture) -> None:
    """Its fault is logged, where logs take text out; the caller learns only that it failed."""
    with caplog.at_level(logging.ERROR):
        answer = await exchange(port, b"GET /fail HTTP/1.1\r\nHost: x\r\n\r\n")
    status, headers, body = parsed(answer)
    assert (status, headers["content-type"], headers["connection"]) == (500, "application/json", "close")
    assert orjson.loads(body)["code"] == "internal"
    assert CANARY.encode() not in answer
    (record,) = caplog.records
    assert record.exc_info is not None
    assert record.exc_info[0] is ValueError
    assert CANARY not in record.getMessage()


@pytest.mark.parametrize("data", [b"", b"GET / HTTP/1.1\r\nHost: x\r\n", b"GET /large HTTP/1.1\r\nHost: x\r\n\r\n"])
async def test_a_connection_ends_in_time_whatever_its_other_side_does(monkeypatch: pytest.MonkeyPatch, data: bytes) -> None:
    """Silence, half a request, or an answer that is not taken: none holds a connection (promise G11)."""
    monkeypatch.setattr(serve, "CONNECTION_SECONDS", 0.1)
    lost = asyncio.Event()
    forget = serve._Connection.connection_lost

    def connection_lost(connection: serve._Connection, error: BaseException | None) -> None:
        forget(connection, error)
        lost.set()

    monkeypatch.setattr(serve._Connection, "connection_lost", connection_lost)
    async with serving(page, "127.0.0.1", 0) as (_, port):
        with socket.create_connection(("127.0.0.1", port)) as client:
            client.sendall(data)  # and nothing is ever read
            async with asyncio.timeout(SECONDS):
                await lost.wait()


async def test_idle_connections_do_not_keep_a_probe_out(monkeypatch: pytest.MonkeyPatch) -> None:
    """Beyond the bound the oldest goes, so a new one is answered at once (promise G12)."""
    monkeypatch.setattr(serve, "MAX_CONNECTIONS", 3)
    async with serving(page, "127.0.0.1", 0) as (_, port):
        idle = [await asyncio.open_connection("127.0.0.1", port) for _ in range(6)]
        status, _, _ = parsed(await exchange(port, b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"))
        assert status == 200
        async with asyncio.timeout(SECONDS):
            for reader, _ in idle[:3]:
                with contextlib.suppress(ConnectionResetError):
                    assert await reader.read() == b""
        for _, writer in idle:
            writer.close()


async def test_an_address_in_use_is_an_error() -> None:
    """The start fails, and says so; nothing half-built stays."""
    async with serving(page, "127.0.0.1", 0) as (host, port):
        with pytest.raises(OSError, match="address already in use"):
            async with serving(page, host, port):
                pass
        assert parsed(await exchange(port, b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"))[0] == 200


async def test_the_end_closes_what_is_open() -> None:
    """After the block nobody listens and no connection is left."""
    async with serving(page, "127.0.0.1", 0) as (_, port):
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
    async with asyncio.timeout(SECONDS):
        assert await reader.read() == b""
    writer.close()
    with pytest.raises(ConnectionRefusedError):
        await asyncio.open_connection("127.0.0.1", port)
