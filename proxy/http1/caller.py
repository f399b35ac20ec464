"""One connection of an application: its requests one at a time and in order, its answers, its deadlines, its end.

Requests sent ahead (pipelined) wait their turn, and nothing more is read meanwhile, so what waits is bounded by one read of
the event loop (256 KiB) and by `MAX_PIPELINED`.
"""

import asyncio
from collections import deque
from http import HTTPStatus
from typing import cast

from proxy.errors import Reason
from proxy.http1 import heads
from proxy.http1.request import LINGER_BYTES, Message, Phase, RequestReader
from proxy.http1.server import Exchange, Server

MAX_PIPELINED = 32
LINGER_SECONDS = 2.0

_NEVER = float("inf")


class CallerConnection(asyncio.Protocol):
    """The protocol of one application connection."""

    __slots__ = (
        "_ahead", "_chunked_answer", "_closing", "_exchange", "_last", "_lingered_bytes", "_pending", "_reader",
        "_reading_paused", "_server", "_serving", "_timed", "_transport", "_writing_paused", "deadline",
    )  # fmt: skip

    def __init__(self, server: Server) -> None:
        """Belong to `server`."""
        self._server = server
        self._reader = RequestReader(server, self)
        self._serving: Message | None = None  # the request being answered
        self._pending: deque[Message] = deque()  # requests read behind it
        self._exchange: Exchange | None = None
        self._ahead = b""  # what came while a request was being answered
        self._timed: Phase | None = Phase.IDLE  # the phase of reading that `deadline` was set for
        self._last = False  # nothing more will be read
        self._closing = False
        self._lingered_bytes = 0
        self._reading_paused = False
        self._writing_paused = False
        self._chunked_answer = False
        self.deadline = _NEVER

    # asyncio.Protocol

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Take the connection, or refuse it when there are too many."""
        self._transport = cast("asyncio.Transport", transport)  # uvloop's transports have its methods, not its class
        server = self._server
        server.connections.add(self)
        self._set_deadline(server.limits.idle_seconds)
        if len(server.connections) > server.limits.connections:
            self.rejected(Reason.OVERLOADED)

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002  # asyncio's signature
        """Forget the connection, and stop what it was waiting for."""
        self._server.lost(self)
        self._closing = True
        exchange, self._exchange = self._exchange, None
        serving, self._serving = self._serving, None
        for message in (self._reader.message, *self._pending, *((serving,) if serving else ())):
            self._let_go(message)
        self._pending.clear()
        if exchange is not None:
            exchange.cancel()

    def eof_received(self) -> bool:
        """Answer what was asked before the other side stopped sending; then close."""
        self._last = True
        return self._serving is not None and self._transport.can_write_eof()  # TLS knows no half-closed connection

    def pause_writing(self) -> None:
        """Hold the answer back: the caller does not keep up."""
        self._writing_paused = True
        if self._exchange is not None:
            self._exchange.pause()

    def resume_writing(self) -> None:
        """Go on with the answer."""
        self._writing_paused = False
        if self._exchange is not None:
            self._exchange.resume()

    def data_received(self, data: bytes) -> None:
        """Read on, unless a request is being answered."""
        if self._closing:
            self._lingered_bytes += len(data)
            if self._lingered_bytes > LINGER_BYTES:
                self._transport.abort()
        elif self._serving is None:
            self._read(data)
        elif not self._last:
            self._ahead += data
            if not self._reading_paused:
                self._reading_paused = True
                self._transport.pause_reading()

    def _read(self, data: bytes) -> None:
        reader = self._reader
        reader.feed(data)
        if self._closing:
            return
        if reader.rest:
            rest, reader.rest = reader.rest, b""
            if self._serving is None:
                self._read(rest)
                return
            self._ahead = rest + self._ahead
        if self._serving is None:
            phase = reader.phase or (Phase.HEAD if reader.begun else Phase.IDLE)
            if phase is not self._timed:
                self._timed = phase
                limits = self._server.limits
                self._set_deadline((limits.idle_seconds, limits.head_seconds, limits.body_seconds)[phase])

    # What the reader tells (`request.Reads`)

    @property
    def answering(self) -> bool:
        """See `Reads.answering`."""
        return self._serving is not None

    def expected(self) -> None:
        """See `Reads.expected`."""
        self._transport.write(heads.CONTINUE)

    def received(self, message: Message) -> None:
        """See `Reads.received`."""
        if self._last:
            self._let_go(message)
            return
        self._last = not message.keep_alive
        if self._serving is None:
            self._serve(message)
        elif len(self._pending) < MAX_PIPELINED:
            self._pending.append(message)
        else:
            self._let_go(message)
            self.rejected(Reason.OVERLOADED)

    def rejected(self, reason: Reason) -> None:
        """See `Reads.rejected`. Answers that are due before it are given first."""
        if self._last:
            return  # bytes behind the request that ends the connection
        self._last = True
        final = Message(refused=reason)
        if self._reader.phase is not Phase.IDLE:
            message = self._reader.message
            self._let_go(message)
            final.method, final.admitted = message.method, message.admitted
        if self._serving is not None:
            self._pending.append(final)
        else:
            self._serve(final)

    # Answering

    def _serve(self, message: Message) -> None:
        self._serving = message
        self._timed = None
        self.deadline = _NEVER
        handler = self._server.handler
        if message.refused is not None or message.admitted is None:
            reason = message.refused or Reason.INTERNAL
            handler.refused(reason, message.admitted)
            self.refuse(reason)
            return
        pieces, message.pieces = message.pieces, []
        exchange = handler.deliver(message.admitted, pieces[0] if len(pieces) == 1 else b"".join(pieces), self)
        if exchange is not None and self._serving is message:
            self._exchange = exchange
            if self._writing_paused:
                exchange.pause()

    def refuse(self, reason: Reason) -> None:
        """See `Caller.refuse`."""
        lines, body = heads.REFUSALS[reason]
        message = self._serving
        if message is not None and message.method == "HEAD":
            body = b""  # RFC 9110 section 9.3.2
        self._transport.write(b"".join((lines, self._server.date, self._persistence(), heads.END, body)))
        self._answered()

    def answer(self, status: int, lines: bytes, body: bytes) -> None:
        """See `Caller.answer`."""
        # RFC 9110 section 8.6: no length where there can be no content.
        length = b"" if status == HTTPStatus.NO_CONTENT else b"Content-Length: %d\r\n" % len(body)
        self._transport.write(
            b"".join((heads.status_line(status), heads.FORWARDED, lines, length, self._persistence(), heads.END, body))
        )
        self._answered()

    def start(self, status: int, lines: bytes, length: int | None) -> None:
        """See `Caller.start`."""
        message = self._serving
        self._chunked_answer = False
        if length is not None:
            framing = b"Content-Length: %d\r\n" % length
        elif message is not None and message.http10:
            message.keep_alive = False  # RFC 9112 section 6.3: the end of the connection ends the body
            framing = b""
        else:
            self._chunked_answer = True
            framing = heads.CHUNKED
        self._transport.write(
            b"".join((heads.status_line(status), heads.FORWARDED, lines, framing, self._persistence(), heads.END))
        )

    def write(self, data: bytes) -> None:
        """See `Caller.write`."""
        if data:
            self._transport.write(b"%x\r\n%b\r\n" % (len(data), data) if self._chunked_answer else data)

    def finish(self) -> None:
        """See `Caller.finish`."""
        if self._chunked_answer:
            self._transport.write(heads.LAST_CHUNK)
        self._answered()

    def abort(self) -> None:
        """See `Caller.abort`."""
        self._exchange = None
        self._transport.abort()

    def _persistence(self) -> bytes:
        message = self._serving
        if message is None or not message.keep_alive or self._server.draining:
            return heads.CLOSE
        return heads.KEEP_ALIVE if message.http10 else b""

    def _answered(self) -> None:
        """Go on to the next request, or close."""
        message, self._serving = self._serving, None
        self._exchange = None
        if message is None:
            return
        self._let_go(message)
        if self._pending:
            self._serve(self._pending.popleft())
        elif self._last or self._server.draining:
            self._end(linger=message.refused is not None)
        else:
            self._timed = Phase.IDLE
            limits = self._server.limits
            self._set_deadline(limits.body_seconds if self._writing_paused else limits.idle_seconds)
            ahead, self._ahead = self._ahead, b""
            if ahead or self._reader.begun:
                self._read(ahead)
            if self._reading_paused and self._serving is None and not self._closing:
                self._reading_paused = False
                self._transport.resume_reading()

    def _let_go(self, message: Message) -> None:
        self._server.held_bytes -= message.held_bytes
        message.held_bytes = 0
        message.pieces = []

    # Ending

    @property
    def busy(self) -> bool:
        """See `Connection.busy`."""
        return not self._closing and (self._serving is not None or self._reader.begun)

    def expire(self) -> None:
        """See `Connection.expire`."""
        if self._closing or self._writing_paused:
            self._transport.abort()
        elif self._reader.begun:
            self.rejected(Reason.REQUEST_TIMEOUT)
        else:
            self.close()

    def shut_down(self) -> None:
        """See `Connection.shut_down`."""
        if self._exchange is not None:
            self._exchange.shut_down()
        elif self.busy:
            self.rejected(Reason.SHUTTING_DOWN)
        if not self._closing:
            self.close()

    def close(self) -> None:
        """See `Connection.close`."""
        self._end(linger=False)

    def _end(self, *, linger: bool) -> None:
        """Close, after what was written has been sent.

        `linger` reads and drops what is still on its way: closing at once would reset the connection and might take the
        answer with it (RFC 9112 section 9.6).
        """
        self._closing = True
        # With nothing left to send, only the other side's part of a TLS closure is still waited for, which many never give.
        unsent = self._transport.get_write_buffer_size() and not linger
        self._set_deadline(self._server.limits.body_seconds if unsent else LINGER_SECONDS)
        if not linger:
            self._transport.close()
        elif self._transport.can_write_eof():
            self._transport.write_eof()

    def _set_deadline(self, seconds: float) -> None:
        self.deadline = self._server.clock.monotonic() + seconds
