"""One connection to Customer.io: sends a request, reads its answer, and decides whether the connection may be used again.

An application must never see the answer to another application's request. So
* a byte that arrives while no answer is expected closes the connection;
* the connection is not used again after any of these: extra bytes after an answer, an answer that began before the request was
  fully written, a chunked answer that took more than one turn of the event loop, `Connection: close`, an answer that the close
  ended, content where none is allowed, or bytes that are not an answer (`response`).
"""

import asyncio
from typing import Protocol

import httptools

from proxy.delivery.ports import Connection
from proxy.exchange import Failure, Receiver
from proxy.http1.cork import Cork, CorkedTransport
from proxy.http1.framing import EMPTY_LINE, LARGE_READ_BYTES
from proxy.http1.known import Known, KnownAnswer
from proxy.http1.response import NOT_AN_ANSWER, ResponseReader


class Owner(Protocol):
    """The pool that a connection belongs to."""

    __slots__ = ()

    cork: Cork
    known: Known[KnownAnswer]

    def opened(self, connection: "UpstreamConnection") -> None:
        """Count a new connection."""

    def released(self, connection: "UpstreamConnection") -> None:
        """Take back a connection that may be used again."""

    def closed(self, connection: "UpstreamConnection") -> None:
        """Forget a connection that is closed."""


class UpstreamConnection(asyncio.Protocol, Connection):
    """The asyncio protocol of one upstream connection."""

    __slots__ = (
        "_gone", "_owner", "_paused", "_reader", "_reading_on", "_receiver", "_scheduled", "_transport", "opened_at",
        "released_at", "used",
    )  # fmt: skip

    def __init__(self, owner: Owner, opened_at: float) -> None:
        """Report to `owner`. `opened_at` is in monotonic seconds."""
        self._owner = owner
        self._reader = ResponseReader(owner.known)
        self._receiver: Receiver | None = None
        self._paused = False  # by the receiver
        # The bytes here take more than one turn. The socket is not read until they are done.
        self._reading_on = False
        self._scheduled = False  # a turn is scheduled
        self._gone = False
        self.opened_at = opened_at
        self.released_at = opened_at
        self.used = False

    # Called by the pool and the sender

    @property
    def usable(self) -> bool:
        """Say whether a request may be written now."""
        return self._receiver is None and not self._transport.is_closing()

    def send(self, receiver: Receiver, *pieces: bytes) -> None:
        """Write one request. Its answer or its failure is reported to `receiver`, after this has returned."""
        transport = self._transport
        self._receiver = receiver
        self._reader.begin(receiver)
        transport.write(b"".join(pieces))
        if transport.is_closing():
            asyncio.get_running_loop().call_soon(self._lost)  # `connection_lost` may have been called already

    def release(self) -> None:
        """Return to the pool unused."""
        if self.usable:
            self._owner.released(self)

    def abandon(self) -> None:
        """Abort the connection and its current answer, without a report to the receiver."""
        self._told()
        self._transport.abort()

    def close(self) -> None:
        """Close an idle connection."""
        self._transport.close()

    def pause(self) -> None:
        """Stop reading, because the caller reads too slowly."""
        self._paused = True
        if not self._gone:
            self._transport.pause_reading()

    def resume(self) -> None:
        """Start to read the socket again."""
        self._paused = False
        if self._reading_on:
            self._soon()
        elif not self._gone:
            self._transport.resume_reading()

    # asyncio.Protocol

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the transport, and report the connection to the owner."""
        self._transport = CorkedTransport(transport, self._owner.cork)
        self._owner.opened(self)

    def data_received(self, data: bytes) -> None:
        """Parse the bytes, and report the answer to the receiver."""
        receiver = self._receiver
        if receiver is None:
            self._transport.abort()
            return
        if self._transport.unsent:  # no request was sent yet, so this is not its answer
            self._fail(Failure.UNSENT)
            return
        reader = self._reader
        if not reader.begun and self._read_whole(data, receiver):
            return
        if not reader.started and self._transport.get_write_buffer_size():
            reader.early = True
        self._read(data, receiver)

    def eof_received(self) -> bool:
        """Complete an answer that ends with the close."""
        if self._receiver is not None and self._reader.ends_with_close:
            self._reader.keep = False
            self._finish()
        return False

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002  # asyncio's signature
        """Report the loss to the receiver, after the bytes that came before it."""
        self._gone = True
        self._owner.closed(self)
        if not self._reading_on:
            self._lost()

    def _lost(self) -> None:
        if self._receiver is None:
            return
        if self._transport.unsent:
            self._fail(Failure.UNSENT)
        else:
            self._fail(Failure.TRUNCATED if self._reader.begun else Failure.CLOSED)

    def _read_whole(self, data: bytes, receiver: Receiver) -> bool:
        """Read an answer that is complete and has a known head. Return False if it is not."""
        end = data.find(EMPTY_LINE) + len(EMPTY_LINE)
        known = self._owner.known.get(data[:end])
        if known is None or known.length != len(data) - end or not known.keep or self._transport.get_write_buffer_size():
            return False
        self._receiver = None
        self.used = True
        self._owner.released(self)
        receiver.answered(known.status, known.fields, data[end:])
        return True

    def _read(self, data: bytes, receiver: Receiver) -> None:
        """Read for one turn."""
        reader = self._reader
        try:
            reader.read(data)
        except Exception as error:
            self._fail(Failure.INVALID)
            if not isinstance(error, NOT_AN_ANSWER) or isinstance(error, httptools.HttpParserCallbackError):
                raise  # a fault of the receiver: it has been told, and the event loop reports the error
            return
        if self._receiver is not receiver:  # the receiver abandoned the connection
            return
        if reader.complete:
            self._finish()
            return
        if reader.unfinished or len(data) >= LARGE_READ_BYTES:
            if not self._reading_on:
                self._reading_on = True
                self._transport.pause_reading()
            self._soon()
        elif self._reading_on:
            self._reading_on = False
            if self._gone:
                self._lost()
                return
            if not self._paused:
                self._transport.resume_reading()
        if reader.started:
            receiver.answer_paused()

    def _soon(self) -> None:
        """Continue in the next turn, so that an answer in small chunks does not delay other connections."""
        if not self._scheduled:
            self._scheduled = True
            asyncio.get_running_loop().call_soon(self._take_turn)

    def _take_turn(self) -> None:
        self._scheduled = False
        receiver = self._receiver
        if receiver is not None and not self._paused:
            self._read(b"", receiver)

    def _told(self) -> Receiver | None:
        """Detach the receiver, and return it."""
        receiver, self._receiver = self._receiver, None
        self._reader.forget()
        return receiver

    def _finish(self) -> None:
        receiver = self._told()
        self.used = True
        if self._reader.keep:
            self._owner.released(self)
        elif self._transport.get_write_buffer_size():
            self._transport.abort()  # answered early: the upstream may never read the rest of the request (promise G11)
        else:
            self._transport.close()
        if receiver is not None:
            receiver.answer_finished()

    def _fail(self, failure: Failure) -> None:
        receiver = self._told()
        self._transport.abort()
        if receiver is not None:
            receiver.attempt_failed(failure)
