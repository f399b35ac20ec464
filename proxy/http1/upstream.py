"""One connection to Customer.io: sends a request, reads its answer, and knows whether it may be used again.

Rules, because one application must never see another's answer:
* a byte that arrives while no answer is awaited closes the connection;
* leftover bytes behind an answer, an answer that began before the request was fully written, `Connection: close`, an answer
  ended by the close, content where none may be, or any parse error: the connection is not used again;
* an answer is HTTP/1.1 or 1.0 with a status of 200 to 599: llhttp also takes `RTSP/`, `ICE/`, 0.9, 2.0 and any three digits;
* 1xx answers are skipped, a bounded number of them, none with content; 101 is invalid, we never ask for it (RFC 9110
  section 15.2);
* a transfer coding other than a single `chunked` is invalid (RFC 9112 section 6.1); trailers are dropped.
"""

import asyncio
from http import HTTPStatus
from typing import Any, Protocol

import httptools

from proxy.delivery.ports import Connection
from proxy.exchange import Failure, Fields, Receiver
from proxy.http1.cork import Cork, CorkedTransport
from proxy.http1.framing import DROPPED, EMPTY_LINE, MAX_LENGTH_DIGITS, ChunkedBody
from proxy.http1.known import Known, KnownAnswer

HEAD_BYTES = 65_536
MAX_INTERIM_ANSWERS = 8
MAX_STATUS = 599  # RFC 9110 section 15


class Owner(Protocol):
    """The pool a connection belongs to."""

    __slots__ = ()

    cork: Cork
    known: Known[KnownAnswer]

    def opened(self, connection: "UpstreamConnection") -> None:
        """Count a connection that was made."""

    def released(self, connection: "UpstreamConnection") -> None:
        """Take back a connection that may be used again."""

    def closed(self, connection: "UpstreamConnection") -> None:
        """Forget a connection that is gone."""


class UpstreamConnection(asyncio.Protocol, Connection):
    """The protocol of one upstream connection, driven by llhttp."""

    __slots__ = (
        "_body_bytes", "_chunks", "_complete", "_fields", "_head", "_interim", "_keep", "_left_bytes", "_owner", "_parser",
        "_receiver", "_repeated", "_started", "_transport", "opened_at", "released_at", "used",
    )  # fmt: skip

    def __init__(self, owner: Owner, opened_at: float) -> None:
        """Belong to `owner`; `opened_at` is in monotonic seconds."""
        self._owner = owner
        self._receiver: Receiver | None = None
        self._parser: Any = None  # of the answer that is being read, if llhttp reads it
        self._fields: dict[bytes, bytes] = DROPPED
        self._repeated = False
        self._head: bytes | None = None  # what has come of an answer's head; None: nothing has come at all
        self._interim = 0
        self._started = False  # the head of the final answer is read
        self._complete = False
        self._keep = False
        self._chunks: ChunkedBody | None = None
        self._left_bytes: int | None = None  # of a body with a length; None: the close ends it
        self._body_bytes = 0
        self.opened_at = opened_at
        self.released_at = opened_at
        self.used = False

    # What the pool and the sender ask of it.

    @property
    def usable(self) -> bool:
        """Say whether a request may be written now."""
        return self._receiver is None and not self._transport.is_closing()

    def send(self, receiver: Receiver, *pieces: bytes) -> None:
        """Write one request; its answer, or its failure, is told to `receiver` once this has returned."""
        transport = self._transport
        self._receiver = receiver
        self._head = None
        self._started = self._complete = False
        transport.write(b"".join(pieces))
        if transport.is_closing():
            asyncio.get_running_loop().call_soon(self._lost)  # nothing may be left that would tell of it

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
        self._transport = CorkedTransport(transport, self._owner.cork)
        self._owner.opened(self)

    def data_received(self, data: bytes) -> None:
        """Parse, then tell the receiver what the bytes amount to."""
        receiver = self._receiver
        if receiver is None:
            self._transport.abort()
            return
        if self._transport.unsent:  # nothing was asked yet, so this answers nothing
            self._fail(Failure.UNSENT)
            return
        if self._head is None and self._read_whole(data, receiver):
            return
        try:
            if not self._started:
                data = self._read_heads(data)
            if data:
                self._read_body(data)
        except Exception as error:
            self._fail(Failure.INVALID)
            if not isinstance(error, _NOT_AN_ANSWER) or isinstance(error, httptools.HttpParserCallbackError):
                raise  # a fault of the receiver, which was told; the event loop reports it
            return
        if self._receiver is not receiver:  # it gave up on what it was told
            return
        if self._complete:
            self._finish()
        elif self._started:
            receiver.answer_paused()

    def eof_received(self) -> bool:
        """Complete an answer that only the close ends (RFC 9112 section 6.3, rule 8)."""
        if self._receiver is not None and self._started and self._left_bytes is None and self._chunks is None:
            self._keep = False
            self._finish()
        return False

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002  # asyncio's signature
        """Tell the receiver that nothing more will come."""
        self._owner.closed(self)
        self._lost()

    def _lost(self) -> None:
        if self._receiver is None:
            return
        if self._transport.unsent:
            self._fail(Failure.UNSENT)
        else:
            self._fail(Failure.CLOSED if self._head is None else Failure.TRUNCATED)

    def _read_whole(self, data: bytes, receiver: Receiver) -> bool:
        """Read an answer that is here from end to end and whose head is known; say whether it was one."""
        end = data.find(EMPTY_LINE) + len(EMPTY_LINE)
        known = self._owner.known.get(data[:end])
        if known is None or known.length != len(data) - end or not known.keep or self._transport.get_write_buffer_size():
            return False
        self._receiver = None
        self._interim = 0
        self.used = True
        self._owner.released(self)
        receiver.answered(known.status, known.fields, data[end:])
        return True

    def _read_heads(self, data: bytes) -> bytes:
        """Read interim answers and the head of the final one; return what follows it."""
        if self._head:
            data = self._head + data
        end = data.find(EMPTY_LINE) + len(EMPTY_LINE)
        known = self._owner.known.get(data[:end])
        if known is not None:
            self._head = b""
            self._chunks = None
            self._complete = known.length == 0
            self._start(known)
            return data[end:]
        while True:
            version = data[:9]
            if version not in _VERSIONS and not any(each.startswith(version) for each in _VERSIONS):
                raise _InvalidAnswerError
            end = data.find(EMPTY_LINE)
            if end < 0:
                if len(data) > HEAD_BYTES:
                    raise _InvalidAnswerError
                self._head = data
                return b""
            if end > HEAD_BYTES:
                raise _InvalidAnswerError
            end += len(EMPTY_LINE)
            fields = self._fields = Fields()
            self._repeated = False
            self._parser = httptools.HttpResponseParser(self)
            self._parser.feed_data(data[:end])
            self._fields = DROPPED  # for trailers
            status: int = self._parser.get_status_code()
            if status >= 200:  # noqa: PLR2004  # RFC 9110 section 15: an answer is interim below, final from there on
                self._head = b""
                found = self._judge(status, fields, http10=version == _HTTP10)
                if self._chunks is None:
                    self._owner.known.keep(data[:end], found)
                self._start(found)
                return data[end:]
            self._skip(status, fields)
            data = data[end:]

    def _skip(self, status: int, headers: dict[bytes, bytes]) -> None:
        """Pass over an interim answer. It has no content, so nothing that frames content (RFC 9110 section 15.2)."""
        self._interim += 1
        if (
            status < HTTPStatus.CONTINUE
            or status == HTTPStatus.SWITCHING_PROTOCOLS
            or self._interim > MAX_INTERIM_ANSWERS
            or not _FRAMING.isdisjoint(headers)
        ):
            raise _InvalidAnswerError
        self._complete = False

    def _judge(self, status: int, fields: Fields, *, http10: bool) -> KnownAnswer:
        """Find where the answer ends (RFC 9112 section 6.3)."""
        coding = fields.get(b"transfer-encoding")
        length = fields.get(b"content-length")
        if status > MAX_STATUS or self._repeated or (length is not None and len(length) > MAX_LENGTH_DIGITS):
            raise _InvalidAnswerError
        if coding is not None and (http10 or coding.lower() != b"chunked"):
            raise _InvalidAnswerError
        keep = self._keep
        left = None if length is None else int(length)
        self._chunks = None
        if status in _WITHOUT_CONTENT:
            keep = keep and coding is None and not left
            left = 0
        elif coding is not None:
            self._chunks = ChunkedBody(HEAD_BYTES)
            self._body_bytes = 0
        return KnownAnswer(status, fields, left, keep=keep)

    def _start(self, answer: KnownAnswer) -> None:
        """Hand the head of the final answer on."""
        self._keep = answer.keep and not self._transport.get_write_buffer_size()
        self._left_bytes = answer.length
        self._interim = 0
        self._started = True
        if self._receiver is not None:
            self._receiver.answer_started(answer.status, answer.fields, answer.length)

    def _read_body(self, data: bytes) -> None:
        """Hand on what belongs to the body, if it is chunked by way of llhttp; bytes behind it are none of ours."""
        chunks = self._chunks
        if chunks is not None:
            start = 0
            for end in chunks.ends(data):
                self._parser.feed_data(data[start:end])
                start = end
                if self._complete:
                    self._keep = self._keep and end == len(data)
                    return
            if chunks.excessive(len(data), self._body_bytes):
                raise _InvalidAnswerError
            return
        left = self._left_bytes
        if left is not None:
            if len(data) > left:
                self._keep = False
                data = data[:left]
            self._left_bytes = left = left - len(data)
            self._complete = not left
        if data:
            self.on_body(data)

    # llhttp's callbacks

    def on_header(self, name: bytes, value: bytes) -> None:
        """Keep a header; a repeated one that frames the answer makes it invalid."""
        name = name.lower()
        if name in self._fields:
            self._repeated = self._repeated or name in _FRAMING
        else:
            self._fields[name] = value.rstrip(b" \t")  # RFC 9110 section 5.5; llhttp takes it from the front only

    def on_headers_complete(self) -> None:
        """Ask what llhttp forgets when a message without a body ends."""
        self._keep = self._parser.should_keep_alive()

    def on_body(self, data: bytes) -> None:
        """Hand a piece of the body on."""
        self._body_bytes += len(data)
        if self._receiver is not None:
            self._receiver.answer_body(data)

    def on_message_complete(self) -> None:
        """Note the end; it is told once the whole read is parsed, because leftover bytes may follow."""
        self._complete = True
        if self._chunks is not None:
            self._keep = self._keep and self._parser.should_keep_alive()  # llhttp heeds a trailer that says close

    def _finish(self) -> None:
        receiver, self._receiver = self._receiver, None
        self.used = True
        if self._keep:
            self._owner.released(self)
        elif self._transport.get_write_buffer_size():
            self._transport.abort()  # of a request that was answered early, the rest may never be read (promise G11)
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


_NOT_AN_ANSWER = (_InvalidAnswerError, httptools.HttpParserError, httptools.HttpParserUpgrade)
_HTTP11, _HTTP10 = b"HTTP/1.1 ", b"HTTP/1.0 "
_VERSIONS = (_HTTP11, _HTTP10)
_FRAMING = frozenset({b"transfer-encoding", b"content-length", b"content-encoding"})
_WITHOUT_CONTENT = frozenset({HTTPStatus.NO_CONTENT.value, HTTPStatus.NOT_MODIFIED.value})
