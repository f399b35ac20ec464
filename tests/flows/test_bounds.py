"""G11: it answers or closes within its deadlines whatever either side does. G12: memory is bounded by configuration."""

import asyncio
import re
import socket
from contextlib import suppress
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from proxy.errors import Reason
from tests.flows.conftest import Upstream
from tests.flows.test_answers import IDENTIFY, refusal
from tests.running import config, raw, running

CALL_SECONDS = 2  # far more than a call takes, far less than one took that waited for everybody else
SLACK_SECONDS = 3  # of a busy machine; deadlines below are much shorter than what they replace
HEAD = b"PUT /api/v1/customers/5 HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"


def bounded(upstream: Upstream, **limits: Any) -> dict[str, Any]:  # noqa: ANN401  # limits are numbers of several kinds
    """Return a configuration with short deadlines."""
    document = config(upstream.url)
    short = {"head_seconds": 0.3, "body_seconds": 0.3, "idle_seconds": 0.5}
    document["outbound"] = {"port": 0, "limits": short | limits}
    document["delivery"] = {"timeouts": {"connect_seconds": 0.3, "attempt_seconds": 0.5, "total_seconds": 1.0}}
    return document


@pytest.mark.parametrize(
    ("sent", "reason"),
    [
        (b"PUT /api/v1", Reason.REQUEST_TIMEOUT),
        (HEAD, Reason.REQUEST_TIMEOUT),
        (HEAD + b"Content-Length: 10\r\n\r\n{", Reason.REQUEST_TIMEOUT),
        (HEAD + b"Transfer-Encoding: chunked\r\n\r\n1\r\n{\r\n", Reason.REQUEST_TIMEOUT),
        (b"", None),
        (HEAD + b"Content-Length: 2\r\n\r\n{}", None),
    ],
    ids=["request line", "head", "body", "chunked body", "nothing", "idle after an answer"],
)
async def test_g11_a_caller_that_stops_is_let_go(
    sent: bytes, reason: Reason | None, upstream: Upstream, tmp_path: Path
) -> None:
    """In whatever phase a caller falls silent, it is answered where it began to ask, and the connection ends in time."""
    async with running(tmp_path, bounded(upstream)) as sidecar:
        async with asyncio.timeout(0.5 + SLACK_SECONDS):
            answer = await raw(sidecar.ports["outbound"], sent)
    if reason is None:
        assert b"refused" not in answer
    else:
        assert b"HTTP/1.1 408" in answer
        assert b"Connection: close" in answer


async def test_g11_a_drip_does_not_hold_a_connection(upstream: Upstream, tmp_path: Path) -> None:
    """A byte now and then does not push a deadline away: it holds for the whole head."""
    async with running(tmp_path, bounded(upstream)) as sidecar:
        reader, writer = await asyncio.open_connection("127.0.0.1", sidecar.ports["outbound"])

        async def drip() -> None:
            for byte in HEAD * 10:
                writer.write(bytes([byte]))
                await asyncio.sleep(0.02)

        dripping = asyncio.get_running_loop().create_task(drip())
        answer = await asyncio.wait_for(reader.read(), 0.3 + SLACK_SECONDS)
        assert b"HTTP/1.1 408" in answer
        dripping.cancel()
        writer.close()


@pytest.mark.parametrize(
    "fault",
    [
        {"kind": "delay", "seconds": 30},
        {"kind": "slow_body", "seconds_between": 5},
        {"kind": "large", "bytes": 100_000},
    ],
    ids=["no answer", "slow body", "fast body"],
)
async def test_g11_an_upstream_that_stops_is_given_up(
    fault: dict[str, Any], upstream: Upstream, client: aiohttp.ClientSession, tmp_path: Path
) -> None:
    """An answer that does not come, or does not end, is 504 or a broken connection in time, never a whole-looking half."""
    async with running(tmp_path, bounded(upstream)) as sidecar:
        upstream.simulator.script({"fault": fault})
        try:
            async with asyncio.timeout(1 + SLACK_SECONDS), client.put(sidecar.url + IDENTIFY, json={}) as answer:
                body = await answer.read()
        except aiohttp.ClientError:
            assert fault["kind"] == "slow_body"
        else:
            if fault["kind"] == "large":
                assert (answer.status, len(body)) == (200, 100_000)
            else:
                assert refusal(answer.status, answer.headers, body) == Reason.UPSTREAM_TIMEOUT


async def test_g11_an_upstream_that_cannot_be_reached(client: aiohttp.ClientSession, tmp_path: Path) -> None:
    """Refused connections are told at once, and one that never opens within its deadline."""
    with socket.socket() as refusing, socket.socket() as silent:
        refusing.bind(("127.0.0.1", 0))
        silent.bind(("127.0.0.1", 0))
        silent.listen(0)
        # A full backlog answers no further SYN.
        fillers = [socket.socket() for _ in range(4)]
        for filler in fillers:
            filler.setblocking(False)
            filler.connect_ex(silent.getsockname())
        for listener, expected in ((refusing, Reason.UPSTREAM_UNREACHABLE), (silent, Reason.UPSTREAM_UNREACHABLE)):
            document = config(f"http://127.0.0.1:{listener.getsockname()[1]}")
            document["delivery"] = {"timeouts": {"connect_seconds": 0.3, "attempt_seconds": 0.5, "total_seconds": 1.0}}
            async with (
                running(tmp_path, document) as sidecar,
                asyncio.timeout(1 + SLACK_SECONDS),
                client.put(sidecar.url + IDENTIFY, json={}) as answer,
            ):
                assert refusal(answer.status, answer.headers, await answer.read()) == expected
        for filler in fillers:
            filler.close()


async def test_g12_connections_are_counted(upstream: Upstream, tmp_path: Path) -> None:
    """One connection more than configured is refused in our shape; when one ends, the next is taken."""
    async with running(tmp_path, bounded(upstream, connections=3, idle_seconds=30)) as sidecar:
        port = sidecar.ports["outbound"]
        held = [await asyncio.open_connection("127.0.0.1", port) for _ in range(3)]
        for reader, writer in held:  # each is in use before the next one comes
            writer.write(HEAD + b"Content-Length: 2\r\n\r\n{}")
            await reader.readuntil(b"{}")
        assert b"HTTP/1.1 503" in await raw(port, b"")
        held[0][1].close()
        await held[0][1].wait_closed()
        answer = b""
        for _ in range(50):
            answer = await raw(port, HEAD + b"Content-Length: 2\r\nConnection: close\r\n\r\n{}")
            if b"HTTP/1.1 200" in answer:
                break
        assert b"HTTP/1.1 200" in answer
        for _, writer in held[1:]:
            writer.close()


async def test_g12_connections_to_customer_io_are_as_many_as_configured(
    upstream: Upstream, client: aiohttp.ClientSession, tmp_path: Path
) -> None:
    """While so many calls wait for answers, one more is refused as overloaded; once they are answered, it is sent."""
    document = config(upstream.url, delivery={"connections": 2})
    async with running(tmp_path, document) as sidecar:
        upstream.simulator.script({"times": 2, "fault": {"kind": "delay", "seconds": 1}})
        tasks = [asyncio.get_running_loop().create_task(client.put(sidecar.url + IDENTIFY, json={})) for _ in range(2)]
        while await inflight(client, sidecar.admin_url) < len(tasks):
            pass
        async with client.put(sidecar.url + IDENTIFY, json={}) as answer:
            assert refusal(answer.status, answer.headers, await answer.read()) == Reason.OVERLOADED
        for task in tasks:
            assert (await task).status == 200
        async with client.put(sidecar.url + IDENTIFY, json={}) as answer:
            assert answer.status == 200


async def test_g12_bodies_in_flight_are_bounded(upstream: Upstream, tmp_path: Path) -> None:
    """Sixty callers that each hold most of a large body do not make the process grow by more than it was configured to hold."""
    mebibyte = 1024 * 1024
    limits = {
        "body_bytes": 2 * mebibyte,
        "large_body_bytes": 2 * mebibyte,
        "inflight_bytes": 8 * mebibyte,
        "body_seconds": 20,
        "idle_seconds": 30,
    }
    async with running(tmp_path, bounded(upstream, **limits)) as sidecar:
        before = resident_bytes(sidecar.process.pid)
        callers = []
        for _ in range(60):
            reader, writer = await asyncio.open_connection("127.0.0.1", sidecar.ports["outbound"])
            writer.write(HEAD + b"Content-Length: %d\r\n\r\n" % (2 * mebibyte) + b" " * (2 * mebibyte - 1))
            callers.append((reader, writer))
        await asyncio.gather(*(writer.drain() for _, writer in callers))
        grown = resident_bytes(sidecar.process.pid) - before
        answers = []
        for reader, writer in callers:  # none could end before, so all of them were in flight together
            writer.write(b" ")
            answers.append(await reader.readuntil(b"\r\n\r\n"))
            writer.close()
    assert sum(b"reason=overloaded" in answer for answer in answers) > 60 / 2
    assert grown < 60 * 2 * mebibyte / 3, f"{grown / mebibyte:.0f} MiB"


async def test_g12_a_slow_reader_holds_back_the_upstream(
    upstream: Upstream, client: aiohttp.ClientSession, tmp_path: Path
) -> None:
    """A caller that does not read makes the sidecar stop reading too, and is let go by the deadline."""
    mebibyte = 1024 * 1024
    async with running(tmp_path, bounded(upstream)) as sidecar:
        before = resident_bytes(sidecar.process.pid)
        upstream.simulator.script({"times": 20, "fault": {"kind": "large", "bytes": 16 * mebibyte}})
        connections = []
        for _ in range(20):
            reader, writer = await asyncio.open_connection("127.0.0.1", sidecar.ports["outbound"], limit=1024)
            writer.write(HEAD + b"Content-Length: 2\r\n\r\n{}")
            await reader.readuntil(b"\r\n\r\n")
            connections.append((reader, writer))
        grown = resident_bytes(sidecar.process.pid) - before
        assert grown < 20 * 16 * mebibyte / 4, f"{grown / mebibyte:.0f} MiB"
        while await inflight(client, sidecar.admin_url):
            pass
        for reader, writer in connections:
            with pytest.raises((asyncio.IncompleteReadError, ConnectionError)):
                await asyncio.wait_for(reader.readexactly(16 * mebibyte), 1 + 10 * SLACK_SECONDS)
            writer.close()


async def test_g11_callers_that_send_chunks_of_one_byte_keep_nobody_waiting(
    upstream: Upstream, client: aiohttp.ClientSession, tmp_path: Path
) -> None:
    """Twenty that never stop, and one whose calls are each answered while they send on; before, it waited for ten seconds."""
    writers: dict[int, asyncio.StreamWriter] = {}

    async def flood(number: int) -> None:
        while True:
            _, writer = await asyncio.open_connection("127.0.0.1", sidecar.ports["outbound"])
            writers[number] = writer
            writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 65_536)
            with suppress(ConnectionError):  # the body was refused, as too large
                writer.write(HEAD + b"Transfer-Encoding: chunked\r\n\r\n")
                while True:
                    writer.write(b"1\r\n \r\n" * 40_000)
                    await writer.drain()
            writer.close()

    def held_back() -> int:
        return sum(writer.transport.get_write_buffer_size() > 0 for writer in writers.values())

    async with running(tmp_path, config(upstream.url)) as sidecar:
        floods = [asyncio.get_running_loop().create_task(flood(number)) for number in range(20)]
        while held_back() < len(floods):  # noqa: ASYNC110  # a full socket sets no event
            await asyncio.sleep(0.01)
        for _ in range(5):
            async with asyncio.timeout(CALL_SECONDS), client.put(sidecar.url + IDENTIFY, json={}) as answer:
                assert answer.status == 200
        assert held_back() > len(floods) / 2
        for task in floods:
            task.cancel()
        await asyncio.gather(*floods, return_exceptions=True)
        for writer in writers.values():
            writer.transport.abort()


async def inflight(client: aiohttp.ClientSession, admin_url: str) -> float:
    """Return how many requests are on their way."""
    async with client.get(admin_url + "/metrics") as answer:
        found = re.search(r"^cio_sidecar_inflight (\S+)$", await answer.text(), re.MULTILINE)
    assert found is not None
    return float(found[1])


def resident_bytes(pid: int) -> int:
    """Return the resident memory of a process."""
    found = re.search(r"VmRSS:\s+(\d+) kB", Path(f"/proc/{pid}/status").read_text())
    return int(found[1]) * 1024 if found else 0
