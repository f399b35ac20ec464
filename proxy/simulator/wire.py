"""Sends an answer, well-formed or in the way of a fault.

aiohttp frames well-formed answers. Other bytes are written to the transport directly.
"""

import asyncio
import gzip
import socket
import struct
from collections.abc import Iterator

from aiohttp import web
from aiohttp.abc import AbstractStreamWriter

from proxy.simulator.faults import (
    CloseAfter,
    Drop,
    EchoSecret,
    ExtraBytes,
    Fault,
    Garbage,
    Gzip,
    HalfAnswer,
    Interim,
    Large,
    NoLength,
    Reset,
    SlowBody,
)
from proxy.simulator.model import Reply

_SERVER = "customerio-simulator"
_PIECE_BYTES = 65_536
_INTERIM = {
    100: b"HTTP/1.1 100 Continue\r\n\r\n",
    102: b"HTTP/1.1 102 Processing\r\n\r\n",
    103: b"HTTP/1.1 103 Early Hints\r\nLink: </hint>; rel=preload\r\n\r\n",
}
CONTINUE = _INTERIM[100]


async def perform(fault: Fault | None, reply: Reply, request: web.BaseRequest) -> web.StreamResponse:
    """Return the response that sends `reply` to the client in the way of `fault`."""
    match fault:
        case Drop() | Garbage() | HalfAnswer() | NoLength():
            return _ByHand(_mangled(fault, reply))
        case Reset():
            return _Reset()
        case ExtraBytes(text=text, seconds=0):
            # With one write, both probably arrive in one read.
            whole = _head(reply, f"Content-Length: {len(reply.body)}") + reply.body
            return _ByHand(whole + _latin(text), close=False)
        case ExtraBytes(text=text, seconds=seconds):
            return _AndThen(reply, _latin(text), seconds)
        case CloseAfter(seconds=seconds):
            return _AndThen(reply, b"", seconds)
        case Gzip():
            coded = Reply(reply.status, gzip.compress(reply.body, mtime=0), reply.headers)
            return _usual(coded.having({"Content-Encoding": "gzip"}))
        case Interim(statuses=statuses):
            write_past(request, b"".join(_INTERIM[status] for status in statuses))
        case SlowBody(bytes_per_write=size, seconds_between=seconds):
            return await _drip(reply, size, seconds, request)
        case EchoSecret(bytes_per_write=int(size), seconds_between=seconds):
            return await _drip(reply, size, seconds, request)
        case Large(bytes=size, framing=framing):
            return await _large(size, framing, request)
        case _:
            pass
    return _usual(reply)


def _mangled(fault: Drop | Garbage | HalfAnswer | NoLength, reply: Reply) -> bytes:
    """Return the bytes to send before the connection closes."""
    match fault:
        case Drop():
            return b""
        case Garbage(text=text):
            return _latin(text)
        case NoLength():
            return _head(reply, "Connection: close") + reply.body
        case HalfAnswer(framing=framing):
            body = reply.body or b"{}"
            half = body[: (len(body) + 1) // 2]
            if framing == "chunked":
                # A complete chunk, without the last chunk that would end the body.
                return _head(reply, "Transfer-Encoding: chunked") + f"{len(half):x}\r\n".encode() + half + b"\r\n"
            return _head(reply, f"Content-Length: {len(body)}") + half


def _latin(text: str) -> bytes:
    return text.encode("latin-1", "replace")


def answers(fault: Fault | None) -> bool:
    """Return whether a request with `fault` gets a status."""
    return not isinstance(fault, Drop | Reset | Garbage)


def write_past(request: web.BaseRequest, data: bytes) -> None:
    """Write bytes to the connection without aiohttp, before the answer."""
    if request.transport is not None:
        request.transport.write(data)


def _headers(reply: Reply) -> dict[str, str]:
    return {"Server": _SERVER, **reply.headers}


def _usual(reply: Reply) -> web.Response:
    return web.Response(status=reply.status, body=reply.body, headers=_headers(reply))


def _head(reply: Reply, *more: str) -> bytes:
    lines = [f"HTTP/1.1 {reply.status} ", *(f"{name}: {value}" for name, value in _headers(reply).items()), *more, "", ""]
    return "\r\n".join(lines).encode("latin-1")


async def _drip(reply: Reply, size: int, seconds: float, request: web.BaseRequest) -> web.StreamResponse:
    pieces = (reply.body[start : start + size] for start in range(0, len(reply.body), size))
    return await _stream(reply, len(reply.body), pieces, seconds, request)


async def _large(size: int, framing: str, request: web.BaseRequest) -> web.StreamResponse:
    reply = Reply(200, headers={"Content-Type": "application/json"})
    return await _stream(reply, size if framing == "length" else None, _filler(size), 0, request)


def _filler(size: int) -> Iterator[bytes]:
    """Yield a JSON document of exactly `size` bytes."""
    start, end = b'{"filler":"', b'"}'
    yield start
    left = size - len(start) - len(end)
    piece = b"x" * _PIECE_BYTES
    while left > 0:
        yield piece[:left]
        left -= _PIECE_BYTES
    yield end


async def _stream(
    reply: Reply, length: int | None, pieces: Iterator[bytes], seconds: float, request: web.BaseRequest
) -> web.StreamResponse:
    """Send `pieces` one by one, with back pressure from the client; chunked if there is no `length`."""
    response = web.StreamResponse(status=reply.status, headers=_headers(reply))
    if length is None:
        response.enable_chunked_encoding()
    else:
        response.content_length = length
    await response.prepare(request)
    for piece in pieces:
        await response.write(piece)
        if seconds:
            await asyncio.sleep(seconds)
    await response.write_eof()
    return response


class _ByHand(web.StreamResponse):
    """A response of raw bytes, after which the connection is closed if `close` is true."""

    def __init__(self, data: bytes, *, close: bool = True) -> None:
        super().__init__()
        self._data = data
        self._closes = close

    @property
    def keep_alive(self) -> bool:
        """Whether aiohttp keeps the connection open."""
        return not self._closes

    async def prepare(self, request: web.BaseRequest) -> None:
        """Write the bytes; aiohttp calls this method to send the head."""
        if request.transport is not None:
            request.transport.write(self._data)
            self._closes = self._closes or not request.keep_alive
            if self._closes:
                request.transport.close()

    async def write_eof(self, data: bytes = b"") -> None:
        """Do nothing, because `prepare` wrote all bytes."""


class _Reset(_ByHand):
    """A response that sends nothing and resets the connection."""

    def __init__(self) -> None:
        super().__init__(b"")

    async def prepare(self, request: web.BaseRequest) -> None:
        """Reset the connection, with RST instead of FIN."""
        if request.transport is not None:
            # A linger time of zero makes the kernel send RST instead of FIN (socket(7), SO_LINGER).
            plain = request.transport.get_extra_info("socket")
            plain.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            request.transport.abort()


class _AndThen(web.Response):
    """A complete answer, followed by more bytes on the same connection, or by its end if there are no bytes."""

    def __init__(self, reply: Reply, data: bytes, seconds: float) -> None:
        super().__init__(status=reply.status, body=reply.body, headers=_headers(reply))
        self._then = data
        self._seconds = seconds
        self._transport: asyncio.Transport | None = None

    async def prepare(self, request: web.BaseRequest) -> AbstractStreamWriter | None:
        """Start the answer, and remember its connection."""
        self._transport = request.transport
        return await super().prepare(request)

    async def write_eof(self, data: bytes = b"") -> None:
        """End the answer, and schedule the bytes or the close that follow."""
        await super().write_eof(data)
        asyncio.get_running_loop().call_later(self._seconds, self._finish)

    def _finish(self) -> None:
        if self._transport is None or self._transport.is_closing():
            return
        if self._then:
            self._transport.write(self._then)
        else:
            self._transport.close()
