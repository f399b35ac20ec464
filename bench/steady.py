"""An open-loop load of a steady rate: requests leave on schedule, whether or not earlier ones were answered.

Latency is counted from the moment a request was due, so a stall shows in every request it delayed. Large requests, every
`LARGE_EVERY`th where there are some, have connections of their own, so that small ones wait for them in the server alone.
"""

import asyncio
import ssl
import sys
import time
from pathlib import Path
from typing import cast

import orjson
import uvloop

from bench.place import client_context

LANES = 16
LARGE_LANES = 8
LARGE_EVERY = 100
ANSWER_END = b"\r\n\r\n{}"


class Lane(asyncio.Protocol):
    """One keep-alive connection; a request due while another is out waits in line."""

    def __init__(self, request: bytes, latencies: list[float]) -> None:
        """Send `request`, note the seconds each takes."""
        self._request = request
        self._latencies = latencies
        self._due: list[float] = []
        self._buffer = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the transport."""
        self._transport = cast("asyncio.Transport", transport)  # uvloop's transports have its methods, not its class

    def send(self, due: float) -> None:
        """Send one request that was due at `due`."""
        self._due.append(due)
        if len(self._due) == 1:
            self._write()

    def _write(self) -> None:
        self._transport.write(self._request)

    def data_received(self, data: bytes) -> None:
        """Note the latency once the answer is whole."""
        self._buffer += data
        if self._buffer.endswith(ANSWER_END):
            if not self._buffer.startswith(b"HTTP/1.1 200"):
                raise SystemExit(f"not a success: {self._buffer[:80]!r}")
            self._buffer = b""
            self._latencies.append(time.perf_counter() - self._due.pop(0))
            if self._due:
                self._write()


async def load(
    port: int, request: bytes, large: bytes, rate: float, seconds: float, *, tls: ssl.SSLContext | None
) -> list[float]:
    """Return the latencies, in seconds, of `rate * seconds` requests; those of `large` ones come on top and are not told."""
    loop = asyncio.get_running_loop()
    latencies: list[float] = []
    apart: list[float] = []

    async def lanes(count: int, content: bytes, into: list[float]) -> list[Lane]:
        return [
            (await loop.create_connection(lambda: Lane(content, into), "127.0.0.1", port, ssl=tls))[1] for _ in range(count)
        ]

    open_lanes = await lanes(LANES, request, latencies)
    large_lanes = await lanes(LARGE_LANES, large, apart) if large else []
    total = int(rate * seconds)
    begin = time.perf_counter() + 0.05
    for number in range(total):
        due = begin + number / rate
        wait = due - time.perf_counter()
        if wait > 0:
            await asyncio.sleep(wait)
        open_lanes[number % LANES].send(due)
        if large_lanes and number % LARGE_EVERY == 0:
            large_lanes[number // LARGE_EVERY % LARGE_LANES].send(due)
    for _ in range(50):
        if len(latencies) == total:
            break
        await asyncio.sleep(0.1)
    return latencies


if __name__ == "__main__":
    _port, _rate, _seconds, *_tls = sys.argv[1:]
    _context = client_context(Path(_tls[0]) if _tls else None)
    _request, _, _large = sys.stdin.buffer.read().partition(b"\0")
    _latencies = uvloop.run(load(int(_port), _request, _large, float(_rate), float(_seconds), tls=_context))
    sys.stdout.buffer.write(orjson.dumps(_latencies))
