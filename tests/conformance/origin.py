"""Customer.io as bytes: keeps exactly what arrives, and answers with exactly the bytes, pauses and ends it was scripted to.

It reads only the framing that the sidecar writes, an empty line behind the head and a `Content-Length`, so that a request
which came in two ways of reading cannot be read here in a third: whatever else arrives is kept as `strays`.
"""

import asyncio
import json
import re
import socket
import ssl
import struct
from collections.abc import AsyncIterator, Awaitable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from enum import Enum, auto

HEAD_BYTES = 65_536
# Between two pieces of an answer, so that they come in reads of their own.
PIECE_SECONDS = 0.001
# Of a body that is not read: far less than a large one.
RECEIVE_BYTES = 65_536
CLOSE_SECONDS = 3.0

_LENGTH = re.compile(rb"\r\nContent-Length: (\d+)\r\n")
_RESET = struct.pack("ii", 1, 0)  # SO_LINGER on, for no time: closing sends a reset


class End(Enum):
    """How the origin ends a connection."""

    CLOSE = auto()  # in order: over TLS with close_notify
    CUT = auto()  # over TLS without it (RFC 9112 section 9.8)
    RESET = auto()
    LEFT = auto()  # not at all: it waits until the sidecar does


Step = bytes | float | End  # a piece of an answer, a pause in seconds, an end


@dataclass(frozen=True)
class Script:
    """How one request is answered, step by step. `early`: once its head is there, and its body is not read."""

    steps: tuple[Step, ...]
    early: bool = False
    piece_seconds: float = PIECE_SECONDS

    def by_the_byte(self) -> "Script":
        """Return the same answer in pieces of one byte, as fast as they can be written."""
        steps: list[Step] = []
        for step in self.steps:
            steps += [step[at : at + 1] for at in range(len(step))] if isinstance(step, bytes) else [step]
        return Script(tuple(steps), self.early, piece_seconds=0.0)


@dataclass(frozen=True)
class Arrived:
    """One request, as it arrived; `connection` counts from 0."""

    connection: int
    data: bytes

    @property
    def target(self) -> bytes:
        """What it asks for."""
        return self.data.split(b" ", 2)[1]


def ok(body: bytes, *fields: bytes) -> bytes:
    """Return an ordinary answer."""
    lines = b"".join(line + b"\r\n" for line in (b"Content-Type: application/json", *fields))
    return b"HTTP/1.1 200 OK\r\n%bContent-Length: %d\r\n\r\n%b" % (lines, len(body), body)


def echo(target: bytes) -> bytes:
    """Return the body with which a request is answered that no script is for: its target, in JSON."""
    return json.dumps(target.decode()).encode()


@dataclass
class Origin:
    """One listener; `scripts` holds, by target, how the next requests for it are answered."""

    arrived: list[Arrived] = field(default_factory=list)
    strays: list[bytes] = field(default_factory=list)
    scripts: dict[bytes, list[Script]] = field(default_factory=dict)
    port: int = 0
    connections: int = 0
    read_on: asyncio.Event = field(default_factory=asyncio.Event)
    late_bytes: int = 0  # read of requests behind their answer
    _open: dict[int, asyncio.Event] = field(default_factory=dict)
    _writers: set[asyncio.StreamWriter] = field(default_factory=set)

    def take(self) -> list[Arrived]:
        """Return what has arrived since last asked."""
        arrived, self.arrived = self.arrived, []
        return arrived

    async def ended(self, connection: int) -> None:
        """Wait until a connection has ended, on both sides."""
        async with asyncio.timeout(CLOSE_SECONDS):
            await self._open[connection].wait()

    def has_ended(self, connection: int) -> bool:
        """Say whether a connection has ended."""
        return self._open[connection].is_set()

    def drop(self) -> None:
        """End every connection."""
        for writer in tuple(self._writers):
            writer.transport.abort()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Read and answer the requests of one connection."""
        number = self.connections
        self.connections += 1
        self._open[number] = asyncio.Event()
        self._writers.add(writer)
        try:
            while await self._answer(number, reader, writer):
                pass
        except OSError:
            pass  # the sidecar was done with it
        finally:
            writer.close()
            with suppress(OSError):
                await writer.wait_closed()
            self._writers.discard(writer)
            self._open[number].set()

    async def _answer(self, number: int, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        """Take one request and answer it; say whether another may follow."""
        head = await self._read(reader.readuntil(b"\r\n\r\n"))
        if not head:
            return False
        target = head.split(b" ", 2)[1]
        waiting = self.scripts.get(target)
        script = waiting.pop(0) if waiting else Script((ok(echo(target)),))
        if script.early:
            writer.transport.pause_reading()  # type: ignore[attr-defined]  # a stream's transport can
        length = _LENGTH.search(head)
        body = b""
        if length is not None and not script.early:
            size = int(length[1])
            body = await self._read(reader.readexactly(size))
            if len(body) < size:
                return False
        self.arrived.append(Arrived(number, head + body))
        for step in script.steps:
            if step is End.LEFT:
                await self._left(reader, writer, early=script.early)
                return False
            if isinstance(step, End):
                _end(step, writer)
                return False
            if isinstance(step, bytes):
                writer.write(step)
                await writer.drain()
                step = script.piece_seconds  # noqa: PLW2901  # what a piece amounts to
            if len(script.steps) > 1:
                await asyncio.sleep(step)
        return not script.early

    async def _left(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, *, early: bool) -> None:
        """Wait until the sidecar ends a connection; of a request answered early, read the rest once `read_on` is set."""
        if early:
            await self.read_on.wait()
            writer.transport.resume_reading()  # type: ignore[attr-defined]  # a stream's transport can
        try:
            async with asyncio.timeout(CLOSE_SECONDS):
                while data := await reader.read(HEAD_BYTES):
                    if early:
                        self.late_bytes += len(data)
                    else:
                        self.strays.append(data)
        except TimeoutError:
            self.strays.append(b"a connection without an end")

    async def _read(self, reading: Awaitable[bytes]) -> bytes:
        try:
            return await reading
        except asyncio.IncompleteReadError as error:
            if error.partial:
                self.strays.append(error.partial)
        except asyncio.LimitOverrunError:
            self.strays.append(b"a head without an end")
        return b""


def _end(how: End, writer: asyncio.StreamWriter) -> None:
    if how is End.RESET:
        writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
        writer.transport.abort()
    elif how is End.CUT:
        writer.transport.abort()
    elif writer.can_write_eof():
        writer.write_eof()


@asynccontextmanager
async def serving(tls: ssl.SSLContext | None = None) -> AsyncIterator[Origin]:
    """Serve an origin on a free port."""
    origin = Origin()
    listener = socket.create_server(("127.0.0.1", 0))
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, RECEIVE_BYTES)  # of every connection it accepts
    server = await asyncio.start_server(origin.serve, sock=listener, ssl=tls, limit=HEAD_BYTES)
    origin.port = listener.getsockname()[1]
    async with server:
        yield origin
        server.close()
        origin.drop()
