"""One connection of an application: reads requests one at a time and in order, answers them, and enforces deadlines.

A request is read after the one before it has been answered and the caller has taken the answer. So the memory of a connection
is bounded: bytes sent ahead by two reads of the event loop (256 KiB each) and by `inflight_bytes`, answers by the transport's
high-water mark and one more answer.
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

# Above this many unsent bytes the answer pauses. Event loops use this value for plain connections and up to 8 times it for TLS.
WRITE_BUFFER_BYTES = 65_536
LINGER_SECONDS = 2.0
# So many connections over the limit are answered with `overloaded` at the same time. Any others are reset without an answer.
MAX_TURNED_AWAY = 256

_NEVER: Final = float("inf")
_IDLE: Final = Phase.IDLE  # saves the look-up of an enum member


class CallerConnection(asyncio.Protocol, Caller):
    """The asyncio protocol of one application connection."""

    __slots__ = (
        "_chunked_answer", "_closing", "_eof", "_exchange", "_lingered_bytes", "_reader", "_reading_paused", "_scheduled",
        "_server", "_serving", "_timed", "_transport", "_writing_paused", "deadline",
    )  # fmt: skip

    def __init__(self, server: Server) -> None:
        """Serve a connection that one of `server`'s listeners accepted."""
        self._server = server
        self._reader = RequestReader(server, lambda: self._transport.write(heads.CONTINUE))
        self._serving: Message | None = None  # the request being answered
        self._exchange: Exchange | None = None
        self._timed = Phase.IDLE  # the phase of reading that `deadline` was set for
        self._eof = False  # the caller has closed its sending side
        self._closing = False
        self._lingered_bytes = 0
        self._reading_paused = False
        self._scheduled = False  # a turn is scheduled
        self._writing_paused = False
        self._chunked_answer = False
        self.deadline = _NEVER

    # asyncio.Protocol

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Accept the connection, or refuse it when there are too many."""
        self._transport = CorkedTransport(transport, self._server.cork)
        self._transport.set_write_buffer_limits(WRITE_BUFFER_BYTES)
        server = self._server
        server.connections.add(self)
        # A connection from the backlog or a TLS handshake can come after the drain began. It may send a request, but not idle.
        self._set_deadline(server.limits.head_seconds if server.draining else server.limits.idle_seconds)
        excess = len(server.connections) - server.limits.connections
        if excess > MAX_TURNED_AWAY:
            self._transport.reset()
        elif excess > 0:
            self._serve(self._reader.refuse(Reason.OVERLOADED))

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002  # asyncio's signature
        """Forget the connection, and cancel the request that it was waiting for."""
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
        """Answer the requests that came before the caller stopped sending; then close."""
        self._eof = True
        # TLS cannot half-close.
        if self._closing or not self._transport.can_write_eof() or (self._serving is None and not self._reader.kept):
            self.close()
            return False
        if self._serving is None:
            self._soon()
        return True

    def pause_writing(self) -> None:
        """Pause the answer, because the caller reads too slowly. It may take `body_seconds` to read the end of an answer."""
        self._writing_paused = True
        if self._exchange is not None:
            self._exchange.pause()
        elif self._serving is None and not self._closing:
            self._set_deadline(self._server.limits.body_seconds)

    def resume_writing(self) -> None:
        """Continue with the answer, or with the next request."""
        self._writing_paused = False
        if self._exchange is not None:
            self._exchange.resume()
        elif self._serving is None and not self._closing:
            self._time(self._reader.phase)
            if not self._scheduled:
                self._go_on()

    def data_received(self, data: bytes) -> None:
        """Read the next bytes; keep them for later while a request is being answered."""
        if self._closing or self._reader.ended:
            # These bytes are ignored, but closing before they are read would reset the connection (RFC 9112 section 9.6).
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
        # Over TLS, even a read of few bytes may have been thousands of records, and we cannot see how many.
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
        """Read the next request, if the last one is answered and the caller has taken the answer."""
        if self._serving is not None or self._writing_paused or self._closing:
            return
        if self._reader.ended:
            self._end(hear_out=not self._eof)
        else:
            self._read(b"")

    def _soon(self) -> None:
        """Continue in the next turn: a read full of small requests or chunks does not delay others, nor fill the stack."""
        if not self._scheduled:  # at most once a turn
            self._scheduled = True
            asyncio.get_running_loop().call_soon(self._take_turn)

    def _take_turn(self) -> None:
        self._scheduled = False
        self._go_on()

    # Answering. A second answer to a request, or one after its end, is ignored.

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
        """Say whether `message` still waits for its answer. A method, because mypy would narrow a plain comparison."""
        return self._serving is message

    def _refuse(self, reason: Reason, admission: Admission | None, head: RequestHead | None) -> None:
        """Answer with a refusal that the handler knows nothing of."""
        try:
            self._server.handler.refused(reason, admission, head)
        finally:
            self.refuse(reason)

    def refuse(self, reason: Reason) -> None:
        """Answer the request with a refusal; see `Caller.refuse`."""
        message = self._serving
        if message is not None:
            self._transport.write(heads.refusal(reason, self._lines(message), head_only=message.method == "HEAD"))
            self._answered(message, refused=True)

    def answer(self, status: int, lines: bytes, body: bytes) -> None:
        """Answer the request with a whole answer; see `Caller.answer`."""
        message = self._serving
        if message is not None:
            self._transport.write(heads.answer(status, lines, self._lines(message), body))
            self._answered(message, refused=False)

    def start(self, status: int, lines: bytes, length: int | None) -> None:
        """Write the head of an answer; see `Caller.start`."""
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
        """Write a piece of the answer's body; see `Caller.write`."""
        if data and self._serving is not None:
            self._transport.write(b"%x\r\n%b\r\n" % (len(data), data) if self._chunked_answer else data)

    def finish(self) -> None:
        """End the answer that `start` began; see `Caller.finish`."""
        message = self._serving
        if message is not None:
            if self._chunked_answer:
                self._transport.write(heads.LAST_CHUNK)
            self._answered(message, refused=False)

    def abort(self) -> None:
        """Reset the connection in mid-answer; see `Caller.abort`."""
        self._exchange = None
        self._transport.reset()

    def _lines(self, message: Message) -> bytes:
        """Return the sidecar's own header lines: `Date` and, where needed, `Connection`."""
        if self._finished:
            return self._server.date + heads.CLOSE
        return self._server.date + heads.KEEP_ALIVE if message.http10 else self._server.date

    @property
    def _finished(self) -> bool:
        """Whether no request follows the one being answered."""
        reader = self._reader
        return reader.ended or self._server.draining or (self._eof and not reader.kept)

    def _answered(self, message: Message, *, refused: bool) -> None:
        """Continue with the next request, or close."""
        self._serving = self._exchange = None
        server = self._server
        server.held_bytes -= message.held_bytes
        if self._finished:
            # TLS cannot half-close, so over TLS we keep reading only after a refusal, which may come mid-body.
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
        """Whether a request is being read or answered."""
        return not self._closing and (self._serving is not None or self._reader.phase is not Phase.IDLE)

    def expire(self) -> None:
        """Answer or close, because `deadline` has passed."""
        if self._writing_paused or self._transport.get_write_buffer_size():
            self._transport.reset()
        elif self._closing:
            self._transport.abort()
        elif self._reader.phase is not Phase.IDLE:
            self._serve(self._reader.refuse(Reason.REQUEST_TIMEOUT))
        else:
            self.close()

    def shut_down(self) -> None:
        """Answer the waiting request with `shutting_down`, then close."""
        if self._exchange is not None:
            self._exchange.shut_down()
        elif self._serving is None and self.busy:
            self._serve(self._reader.refuse(Reason.SHUTTING_DOWN))
        self.close()

    def close(self) -> None:
        """Close after all written bytes have been sent."""
        if not self._closing:
            self._end(hear_out=False)

    def _end(self, *, hear_out: bool) -> None:
        """Close after all written bytes have been sent; with `hear_out`, keep reading until the caller closes too.

        Otherwise bytes that are still coming would reset the connection, and the caller could lose the answer (RFC 9112
        section 9.6).
        """
        transport = self._transport
        self._closing = True
        transport.flush()  # the answer may still wait for the end of the turn
        # With nothing left to send, we only wait for the other side to close, which many clients never do.
        self._set_deadline(self._server.limits.body_seconds if transport.get_write_buffer_size() else LINGER_SECONDS)
        if not hear_out:
            transport.close()
            return
        if transport.can_write_eof():
            transport.write_eof()
        if self._reading_paused:
            transport.resume_reading()

    def _time(self, phase: Phase) -> None:
        """Set the deadline for a phase of reading."""
        self._timed = phase
        limits = self._server.limits
        self._set_deadline((limits.idle_seconds, limits.head_seconds, limits.body_seconds)[phase])

    def _set_deadline(self, seconds: float) -> None:
        self.deadline = self._server.clock.monotonic() + seconds
