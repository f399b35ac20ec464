"""An open-loop load of a steady rate: requests leave on schedule, whether or not earlier ones were answered.

Latency is counted from the moment a request was due, so a stall shows in every request it delayed.
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


async def load(port: int, tls: ssl.SSLContext | None, request: bytes, rate: float, seconds: float) -> list[float]:
    """Return the latencies, in seconds, of `rate * seconds` requests."""
    loop = asyncio.get_running_loop()
    latencies: list[float] = []
    open_lanes = [
        (await loop.create_connection(lambda: Lane(request, latencies), "127.0.0.1", port, ssl=tls))[1] for _ in range(LANES)
    ]
    total = int(rate * seconds)
    begin = time.perf_counter() + 0.05
    for number in range(total):
        due = begin + number / rate
        wait = due - time.perf_counter()
        if wait > 0:
            await asyncio.sleep(wait)
        open_lanes[number % LANES].send(due)
    for _ in range(50):
        if len(latencies) == total:
            break
        await asyncio.sleep(0.1)
    return latencies


if __name__ == "__main__":
    _port, _rate, _seconds, *_tls = sys.argv[1:]
    _context = client_context(Path(_tls[0]) if _tls else None)
    _latencies = uvloop.run(load(int(_port), _context, sys.stdin.buffer.read(), float(_rate), float(_seconds)))
    sys.stdout.buffer.write(orjson.dumps(_latencies))
