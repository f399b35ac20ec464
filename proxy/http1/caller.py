"""One connection of an application: its requests one at a time and in order, its answers, its deadlines, its end.

A request is read when the one before it has been answered and the caller has taken the answer, so what one connection can
make the sidecar hold is bounded: what it sent ahead by two reads of the event loop (256 KiB each) and by `inflight_bytes`,
its answers by the transport's high-water mark and one answer more.
"""

import asyncio
from typing import Final

from proxy.errors import Reason
from proxy.exchange import Admission, Caller, RequestHead
from proxy.http1 import heads
from proxy.http1.cork import CorkedTransport
from proxy.http1.framing import LARGE_READ_BYTES
from proxy.http1.message import Message, Phase
from proxy.http1.request import LINGER_BYTES, RequestReader
from proxy.http1.server import Exchange, Server

# More of an answer stops it. Event loops use as much for plain connections, for TLS up to eight times that.
WRITE_BUFFER_BYTES = 65_536
LINGER_SECONDS = 2.0
# Connections over the limit that are told so at any one time; more are dropped without a word.
MAX_TURNED_AWAY = 256

_NEVER: Final = float("inf")
_IDLE: Final = Phase.IDLE  # a member of an enumeration takes a look-up


class CallerConnection(asyncio.Protocol, Caller):
    """The protocol of one application connection."""

    __slots__ = (
        "_chunked_answer", "_closing", "_eof", "_exchange", "_lingered_bytes", "_reader", "_reading_paused", "_scheduled",
        "_server", "_serving", "_timed", "_transport", "_writing_paused", "deadline",
    )  # fmt: skip

    def __init__(self, server: Server) -> None:
        """Belong to `server`."""
        self._server = server
        self._reader = RequestReader(server, lambda: self._transport.write(heads.CONTINUE))
        self._serving: Message | None = None  # the request being answered
        self._exchange: Exchange | None = None
        self._timed = Phase.IDLE  # the phase of reading that `deadline` was set for
        self._eof = False  # the caller sends no more
        self._closing = False
        self._lingered_bytes = 0
        self._reading_paused = False
        self._scheduled = False  # to go on in the next turn
        self._writing_paused = False
        self._chunked_answer = False
        self.deadline = _NEVER

    # asyncio.Protocol

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Take the connection, or turn it away when there are too many."""
        self._transport = CorkedTransport(transport, self._server.cork)
        self._transport.set_write_buffer_limits(WRITE_BUFFER_BYTES)
        server = self._server
        server.connections.add(self)
        # One that comes after the drain began, from the backlog or a TLS handshake, has time for a request, not to idle.
        self._set_deadline(server.limits.head_seconds if server.draining else server.limits.idle_seconds)
        excess = len(server.connections) - server.limits.connections
        if excess > MAX_TURNED_AWAY:
            self._transport.reset()
        elif excess > 0:
            self._serve(self._reader.refuse(Reason.OVERLOADED))

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002  # asyncio's signature
        """Forget the connection, and stop what it was waiting for."""
        self._closing = True
        self._server.lost(self)
        self._reader.close()
        exchange, self._exchange = self._exchange, None
        serving, self._serving = self._serving, None
        if serving is not None:
            self._server.let_go(serving.held_bytes)
        if exchange is not None:
            exchange.cancel()

    def eof_received(self) -> bool:
        """Answer what was asked before the caller stopped sending; then close."""
        self._eof = True
        # TLS knows no half-closed connection.
        if self._closing or not self._transport.can_write_eof() or (self._serving is None and not self._reader.kept):
            self.close()
            return False
        if self._serving is None:
            self._soon()
        return True

    def pause_writing(self) -> None:
        """Hold the answer back: the caller does not keep up. It has `body_seconds` for the end of one."""
        self._writing_paused = True
        if self._exchange is not None:
            self._exchange.pause()
        elif self._serving is None and not self._closing:
            self._set_deadline(self._server.limits.body_seconds)

    def resume_writing(self) -> None:
        """Go on with the answer, or with the next request."""
        self._writing_paused = False
        if self._exchange is not None:
            self._exchange.resume()
        elif self._serving is None and not self._closing:
            self._time(self._reader.phase)
            if not self._scheduled:
                self._go_on()

    def data_received(self, data: bytes) -> None:
        """Read on, unless a request is being answered."""
        if self._closing or self._reader.ended:
            # Nobody reads this, but closing before it is read would reset the connection (RFC 9112 section 9.6).
            self._lingered_bytes += len(data)
            if self._lingered_bytes > LINGER_BYTES:
                self._transport.reset()
        elif self._serving is None and not self._writing_paused and not self._reading_paused:
            self._read(data)
        else:
            self._reader.keep(data)
            self._pause_reading()

    # Reading

    def _read(self, data: bytes) -> None:
        reader = self._reader
        message = reader.read(data)
        if message is not None:
            self._serve(message)
            return
        unfinished = reader.unfinished
        if self._eof and not unfinished:
            self.close()
            return
        phase = reader.phase
        if phase is not self._timed:
            self._time(phase)
        # Over TLS a read of few bytes may have been thousands of records, and there is no telling.
        if unfinished or len(data) >= LARGE_READ_BYTES or (data and not self._transport.can_write_eof()):
            self._pause_reading()
            self._soon()
        elif self._reading_paused:
            self._reading_paused = False
            self._transport.resume_reading()

    def _pause_reading(self) -> None:
        if not self._reading_paused:
            self._reading_paused = True
            self._transport.pause_reading()

    def _go_on(self) -> None:
        """Take up the next request, if the last one is answered and the caller has taken the answer."""
        if self._serving is not None or self._writing_paused or self._closing:
            return
        if self._reader.ended:
            self._end(hear_out=not self._eof)
        else:
            self._read(b"")

    def _soon(self) -> None:
        """Go on in a turn of its own: a read full of small requests or chunks delays nobody else, and the stack stays flat."""
        if not self._scheduled:  # once a turn, whoever else asks for it
            self._scheduled = True
            asyncio.get_running_loop().call_soon(self._take_turn)

    def _take_turn(self) -> None:
        self._scheduled = False
        self._go_on()

    # Answering. Whoever answers a request a second time, or after its end, is not heard.

    def _serve(self, message: Message) -> None:
        self._serving = message
        self.deadline = _NEVER  # the exchange has its own
        admission = message.admission
        if message.refused is not None or admission is None:
            self._refuse(message.refused or Reason.INTERNAL, admission, message.head)
            return
        body = message.body
        if type(body) is not bytes:
            body = bytes(body)
        message.body = b""
        try:
            exchange = self._server.handler.deliver(admission, body, self)
        except Exception:  # noqa: BLE001  # a fault of our own: whatever it is, the caller is answered
            self._reader.ended = True  # who knows what is still on its way to this connection
            self._refuse(Reason.INTERNAL, admission, None)
            return
        if exchange is not None and self._is_serving(message):
            self._exchange = exchange
            if self._writing_paused:
                exchange.pause()

    def _is_serving(self, message: Message) -> bool:
        """Say whether `message` still waits for its answer, whatever a type checker makes of an assignment further up."""
        return self._serving is message

    def _refuse(self, reason: Reason, admission: Admission | None, head: RequestHead | None) -> None:
        """Answer with a refusal that the handler knows nothing of."""
        try:
            self._server.handler.refused(reason, admission, head)
        finally:
            self.refuse(reason)

    def refuse(self, reason: Reason) -> None:
        """See `Caller.refuse`."""
        message = self._serving
        if message is not None:
            self._transport.write(heads.refusal(reason, self._lines(message), head_only=message.method == "HEAD"))
            self._answered(message, refused=True)

    def answer(self, status: int, lines: bytes, body: bytes) -> None:
        """See `Caller.answer`."""
        message = self._serving
        if message is not None:
            self._transport.write(heads.answer(status, lines, self._lines(message), body))
            self._answered(message, refused=False)

    def start(self, status: int, lines: bytes, length: int | None) -> None:
        """See `Caller.start`."""
        message = self._serving
        if message is None:
            return
        self._chunked_answer = length is None and not message.http10
        if length is not None:
            framing = b"Content-Length: %d\r\n" % length
        elif self._chunked_answer:
            framing = heads.CHUNKED
        else:
            self._reader.ended = True  # RFC 9112 section 6.3: the end of the connection ends the body
            framing = b""
        self._transport.write(heads.start(status, lines, framing + self._lines(message)))

    def write(self, data: bytes) -> None:
        """See `Caller.write`."""
        if data and self._serving is not None:
            self._transport.write(b"%x\r\n%b\r\n" % (len(data), data) if self._chunked_answer else data)

    def finish(self) -> None:
        """See `Caller.finish`."""
        message = self._serving
        if message is not None:
            if self._chunked_answer:
                self._transport.write(heads.LAST_CHUNK)
            self._answered(message, refused=False)

    def abort(self) -> None:
        """See `Caller.abort`."""
        self._exchange = None
        self._transport.reset()

    def _lines(self, message: Message) -> bytes:
        """Return the header lines that are ours."""
        if self._finished:
            return self._server.date + heads.CLOSE
        return self._server.date + heads.KEEP_ALIVE if message.http10 else self._server.date

    @property
    def _finished(self) -> bool:
        """Whether the request being answered is the last one."""
        reader = self._reader
        return reader.ended or self._server.draining or (self._eof and not reader.kept)

    def _answered(self, message: Message, *, refused: bool) -> None:
        """Go on to the next request, or close."""
        self._serving = self._exchange = None
        server = self._server
        server.held_bytes -= message.held_bytes
        if self._finished:
            # TLS has no half-closed connection: there only who is refused, maybe in the middle of a body, is heard out.
            self._end(hear_out=not self._eof and (refused or self._transport.can_write_eof()))
            return
        self._timed = _IDLE
        limits = server.limits
        seconds = limits.body_seconds if self._writing_paused else limits.idle_seconds
        self.deadline = server.clock.monotonic() + seconds
        if self._reader.kept or self._reading_paused:
            self._soon()

    # Ending

    @property
    def busy(self) -> bool:
        """See `Connection.busy`."""
        return not self._closing and (self._serving is not None or self._reader.phase is not Phase.IDLE)

    def expire(self) -> None:
        """See `Connection.expire`."""
        if self._writing_paused or self._transport.get_write_buffer_size():
            self._transport.reset()
        elif self._closing:
            self._transport.abort()
        elif self._reader.phase is not Phase.IDLE:
            self._serve(self._reader.refuse(Reason.REQUEST_TIMEOUT))
        else:
            self.close()

    def shut_down(self) -> None:
        """See `Connection.shut_down`."""
        if self._exchange is not None:
            self._exchange.shut_down()
        elif self._serving is None and self.busy:
            self._serve(self._reader.refuse(Reason.SHUTTING_DOWN))
        self.close()

    def close(self) -> None:
        """See `Connection.close`."""
        if not self._closing:
            self._end(hear_out=False)

    def _end(self, *, hear_out: bool) -> None:
        """Close behind what was written; with `hear_out`, read on until the caller closes too.

        What is still on its way would otherwise reset the connection, and might take the answer with it (RFC 9112 section 9.6).
        """
        transport = self._transport
        self._closing = True
        transport.flush()  # the answer itself still waits for the end of the turn
        # With nothing left to send, only the other side's part of a closure is still waited for, which many never give.
        self._set_deadline(self._server.limits.body_seconds if transport.get_write_buffer_size() else LINGER_SECONDS)
        if not hear_out:
            transport.close()
            return
        if transport.can_write_eof():
            transport.write_eof()
        if self._reading_paused:
            transport.resume_reading()

    def _time(self, phase: Phase) -> None:
        """Set the deadline of a phase of reading."""
        self._timed = phase
        limits = self._server.limits
        self._set_deadline((limits.idle_seconds, limits.head_seconds, limits.body_seconds)[phase])

    def _set_deadline(self, seconds: float) -> None:
        self.deadline = self._server.clock.monotonic() + seconds
