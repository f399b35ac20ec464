"""One connection to Customer.io: sends a request, reads its answer, and knows whether it may be used again.

Rules, because one application must never see another's answer:
* a byte that arrives while no answer is awaited closes the connection;
* leftover bytes behind an answer, an answer that began before the request was fully written, `Connection: close`, an answer
  ended by the close, or any parse error: the connection is not used again;
* 1xx answers are skipped, a bounded number of them; 101 is invalid, we never ask for it (RFC 9110 section 15.2);
* a transfer coding other than a single `chunked` is invalid (RFC 9112 section 6.1); trailers are dropped.
"""

import asyncio
from http import HTTPStatus
from typing import Protocol, cast

import httptools

from proxy.exchange import Failure, Receiver

# An endless header, chunk extension or trailer fires no callback, so raw bytes are counted: this much may come beside
# body data, and eight bytes for each body byte (a chunk of one byte takes six).
OVERHEAD_BYTES = 65_536
OVERHEAD_PER_BODY_BYTE = 8
MAX_INTERIM_ANSWERS = 8


class Owner(Protocol):
    """The pool a connection belongs to."""

    def opened(self, connection: "UpstreamConnection") -> None:
        """Count a connection that was made."""

    def released(self, connection: "UpstreamConnection") -> None:
        """Take back a connection that may be used again."""

    def closed(self, connection: "UpstreamConnection") -> None:
        """Forget a connection that is gone."""


class UpstreamConnection(asyncio.Protocol):
    """The protocol of one upstream connection, driven by llhttp."""

    __slots__ = (
        "_body_bytes",
        "_chunked",
        "_complete",
        "_headers",
        "_interim",
        "_keep",
        "_length",
        "_owner",
        "_parser",
        "_raw_bytes",
        "_receiver",
        "_repeated",
        "_started",
        "_transport",
        "_until_close",
        "opened_at",
        "released_at",
        "used",
    )

    def __init__(self, owner: Owner, opened_at: float) -> None:
        """Belong to `owner`; `opened_at` is in monotonic seconds."""
        self._owner = owner
        self._receiver: Receiver | None = None
        self._parser = httptools.HttpResponseParser(self)
        self._headers: dict[bytes, bytes] = {}
        self._repeated = False
        self._reset()
        self.opened_at = opened_at
        self.released_at = opened_at
        self.used = False

    def _reset(self) -> None:
        self._keep = True
        self._started = False
        self._complete = False
        self._until_close = False
        self._chunked = False
        self._length: int | None = None
        self._raw_bytes = 0
        self._body_bytes = 0
        self._interim = 0

    # What the pool and the sender ask of it.

    @property
    def usable(self) -> bool:
        """Say whether a request may be written now."""
        return self._receiver is None and not self._transport.is_closing()

    def send(self, receiver: Receiver, *pieces: bytes) -> None:
        """Write one request and tell `receiver` of its answer."""
        self._receiver = receiver
        self._reset()
        self._transport.write(b"".join(pieces))

    def release(self) -> None:
        """Go back to the pool unused."""
        if self.usable:
            self._owner.released(self)

    def abandon(self) -> None:
        """Drop the connection and whatever it was answering; nobody is told."""
        self._receiver = None
        self._transport.abort()

    def close(self) -> None:
        """Close an idle connection."""
        self._transport.close()

    def pause(self) -> None:
        """Stop reading: the caller does not keep up."""
        self._transport.pause_reading()

    def resume(self) -> None:
        """Read again."""
        self._transport.resume_reading()

    # asyncio.Protocol

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the transport."""
        self._transport = cast("asyncio.Transport", transport)  # uvloop's transports have its methods, not its class
        self._owner.opened(self)

    def data_received(self, data: bytes) -> None:
        """Parse, then tell the receiver what the bytes amount to."""
        receiver = self._receiver
        if receiver is None:
            self._transport.abort()
            return
        self._raw_bytes += len(data)
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserError:
            self._keep = False
            if not self._complete:
                self._fail(Failure.INVALID)
                return
        if self._receiver is not receiver:  # the receiver gave up on what it was told
            return
        if self._complete:
            self._finish()
        elif self._raw_bytes > OVERHEAD_BYTES + (OVERHEAD_PER_BODY_BYTE + 1) * self._body_bytes:
            self._fail(Failure.INVALID)
        elif self._started:
            receiver.answer_paused()

    def eof_received(self) -> bool:
        """Complete an answer that only the close ends (RFC 9112 section 6.3, rule 8)."""
        if self._receiver is not None and self._until_close:
            self._keep = False
            self._finish()
        return False

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002  # asyncio's signature
        """Tell the receiver that nothing more will come."""
        self._owner.closed(self)
        if self._receiver is not None:
            self._fail(Failure.TRUNCATED if self._raw_bytes else Failure.CLOSED)

    # llhttp's callbacks

    def on_message_begin(self) -> None:
        """Begin an answer; a second one behind the first is leftover bytes."""
        if self._complete:
            self._keep = False
        else:
            self._headers = {}
            self._repeated = False

    def on_header(self, name: bytes, value: bytes) -> None:
        """Keep a header; a repeated one that frames the answer makes it invalid."""
        name = name.lower()
        if name in self._headers:
            self._repeated = self._repeated or name in _FRAMING
        else:
            self._headers[name] = value

    def on_headers_complete(self) -> None:
        """Check the framing and hand the head on."""
        if self._complete:
            return
        headers = self._headers
        self._headers = {}  # trailers land here, unread
        status: int = self._parser.get_status_code()
        if status < HTTPStatus.OK:
            self._interim += 1
            if status == HTTPStatus.SWITCHING_PROTOCOLS or self._interim > MAX_INTERIM_ANSWERS:
                self._invalid()
            return
        coding = headers.get(b"transfer-encoding")
        length = headers.get(b"content-length")
        if self._repeated or (coding is not None and coding.lower() != b"chunked"):
            self._invalid()
            return
        self._keep = self._parser.should_keep_alive() and not self._transport.get_write_buffer_size()
        self._until_close = length is None and coding is None and status not in _BODILESS
        self._started = True
        if self._receiver is not None:
            self._receiver.answer_started(status, headers, None if length is None else int(length))

    def on_body(self, data: bytes) -> None:
        """Hand a piece of the body on."""
        self._body_bytes += len(data)
        if self._receiver is not None:
            self._receiver.answer_body(data)

    def on_message_complete(self) -> None:
        """Note the end; it is told once the whole read is parsed, because leftover bytes may follow."""
        self._complete = self._complete or self._started

    def _invalid(self) -> None:
        # Raised through llhttp, which stops it from reading on; `data_received` turns it into a failure.
        raise _InvalidAnswerError

    def _finish(self) -> None:
        receiver, self._receiver = self._receiver, None
        self.used = True
        if self._keep and not self._transport.is_closing():
            self._owner.released(self)
        else:
            self._transport.close()
        if receiver is not None:
            receiver.answer_finished()

    def _fail(self, failure: Failure) -> None:
        receiver, self._receiver = self._receiver, None
        self._transport.abort()
        if receiver is not None:
            receiver.attempt_failed(failure)


class _InvalidAnswerError(Exception):
    """An answer whose framing we do not accept."""


_FRAMING = frozenset({b"transfer-encoding", b"content-length", b"content-encoding"})
_BODILESS = frozenset({HTTPStatus.NO_CONTENT, HTTPStatus.NOT_MODIFIED})
