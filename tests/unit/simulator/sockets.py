"""A client that speaks bytes: what it sends is exactly what is sent, what it gives back exactly what came."""

import asyncio
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

from proxy.simulator.model import Received
from proxy.simulator.server import Address

WAIT_SECONDS = 10


@dataclass(frozen=True, slots=True)
class Came:
    """One answer, taken apart: its head's lines, and the bytes that followed the head."""

    status: int
    headers: dict[str, str]
    body: bytes


def taken_apart(data: bytes) -> Came:
    """Return the answer that `data` begins with, and everything after its head."""
    head, _, body = data.partition(b"\r\n\r\n")
    first, *lines = head.decode("latin-1").split("\r\n")
    return Came(int(first.split()[1]), {name.lower(): value for name, value in (line.split(": ", 1) for line in lines)}, body)


def written(request: Received, *more: str) -> bytes:
    """Return a request as bytes, with a length and with `more` header lines."""
    lines = [f"{request.method} {request.target} HTTP/1.1", *(f"{name}: {value}" for name, value in request.headers)]
    if request.body:
        lines.append(f"Content-Length: {len(request.body)}")
    return "\r\n".join([*lines, *more, "", ""]).encode() + request.body


class Wire:
    """One connection."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Speak over these."""
        self._reader = reader
        self._writer = writer

    def send(self, data: bytes) -> None:
        """Send bytes."""
        self._writer.write(data)

    async def until(self, end: bytes) -> bytes:
        """Return what comes, up to and with `end`."""
        async with asyncio.timeout(WAIT_SECONDS):
            return await self._reader.readuntil(end)

    async def exactly(self, size: int) -> bytes:
        """Return the next `size` bytes."""
        async with asyncio.timeout(WAIT_SECONDS):
            return await self._reader.readexactly(size)

    async def rest(self) -> bytes:
        """Return what comes until the other side closes."""
        async with asyncio.timeout(WAIT_SECONDS):
            return await self._reader.read()

    async def answer(self) -> Came:
        """Return the next answer that has a length."""
        head = await self.until(b"\r\n\r\n")
        came = taken_apart(head)
        return Came(came.status, came.headers, await self.exactly(int(came.headers["content-length"])))


@asynccontextmanager
async def connected(address: Address, tls: ssl.SSLContext | None = None) -> AsyncIterator[Wire]:
    """Connect to a simulator until the block ends."""
    name = "localhost" if tls else None
    reader, writer = await asyncio.open_connection(address.host, address.port, ssl=tls, server_hostname=name)
    try:
        yield Wire(reader, writer)
    finally:
        writer.transport.abort()


async def exchange(address: Address, data: bytes, tls: ssl.SSLContext | None = None) -> bytes:
    """Send `data` on a connection of its own and return all that comes until the other side closes."""
    async with connected(address, tls) as wire:
        wire.send(data)
        return await wire.rest()


async def asked(address: Address, request: Received) -> Came:
    """Send a whole request on a connection of its own and return the answer."""
    return taken_apart(await exchange(address, written(request, "Connection: close")))
