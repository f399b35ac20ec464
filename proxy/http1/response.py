"""Reading answers: bytes in, and whoever asked is told what they amount to. No socket is touched here.

llhttp is fed one head at a time, then no more than belongs to the body.
* An answer is HTTP/1.1 or 1.0 with a status of 200 to 599: llhttp also takes `RTSP/`, `ICE/`, 0.9, 2.0 and any three digits;
* 1xx answers are skipped, a bounded number of them, none with content; 101 is invalid, we never ask for it (RFC 9110
  section 15.2);
* a transfer coding other than a single `chunked` is invalid (RFC 9112 section 6.1); trailers are dropped.
"""

from http import HTTPStatus
from typing import Any, Final

import httptools

from proxy.exchange import Fields, Receiver
from proxy.http1.framing import DROPPED, EMPTY_LINE, MAX_LENGTH_DIGITS, ChunkedBody
from proxy.http1.known import Known, KnownAnswer
from proxy.http1.line import HTTP10, VERSIONS

HEAD_BYTES: Final = 65_536
HEAD_LINES: Final = 6000
MAX_INTERIM_ANSWERS: Final = 8
MAX_STATUS: Final = 599  # RFC 9110 section 15

_BEGINNINGS: Final = tuple(version + b" " for version in sorted(VERSIONS))
_BEGINNING_BYTES: Final = len(_BEGINNINGS[0])
_FRAMING: Final = frozenset({b"transfer-encoding", b"content-length", b"content-encoding"})
_WITHOUT_CONTENT: Final = frozenset({HTTPStatus.NO_CONTENT.value, HTTPStatus.NOT_MODIFIED.value})


class InvalidAnswerError(Exception):
    """An answer whose framing we do not accept."""


NOT_AN_ANSWER = (InvalidAnswerError, httptools.HttpParserError, httptools.HttpParserUpgrade)


class ResponseReader:
    """Reads the answers on one connection, one for each `begin`."""

    __slots__ = (
        "_body_bytes", "_chunks", "_fields", "_interim", "_kept", "_known", "_left_bytes", "_parser", "_receiver", "_repeated",
        "_searched_bytes", "begun", "complete", "early", "keep", "started",
    )  # fmt: skip

    def __init__(self, known: Known[KnownAnswer]) -> None:
        """Take heads for what they are in `known`, and add to it."""
        self._known = known
        self._receiver: Receiver | None = None
        self._parser: Any = None  # of the answer that is being read, if llhttp reads it
        self._fields: dict[bytes, bytes] = DROPPED
        self._repeated = False
        self._interim = 0
        self._kept = bytearray()  # what has not been read yet: part of a head, or a body that takes more than one turn
        self._searched_bytes = 0  # of what is kept of a head, without its end
        self._chunks: ChunkedBody | None = None
        self._left_bytes: int | None = None  # of a body with a length; None: the close ends it
        self._body_bytes = 0
        self.begun = False  # something of the answer has come
        self.early = False  # and it came before the request was written
        self.started = False  # the head of the final answer is read
        self.complete = False
        self.keep = False  # the connection may be used again

    def begin(self, receiver: Receiver) -> None:
        """Await an answer for `receiver`."""
        self._receiver = receiver
        self._interim = 0
        self.begun = self.early = self.started = self.complete = False

    def forget(self) -> None:
        """Tell nobody of what comes, and hold nothing of it, nor what refers back to this."""
        self._receiver = self._parser = None
        self._kept.clear()

    def read(self, data: bytes) -> None:
        """Read on, for one turn.

        Raises:
            InvalidAnswerError, HttpParserError, HttpParserUpgrade: it is no answer.
            Exception: a fault of the receiver.
        """
        self.begun = True
        kept = self._kept
        if kept:
            kept += data
            end = self._advance(kept)
            del kept[:end]
        else:
            end = self._advance(data)
            if end < len(data):
                kept += data[end:]

    @property
    def unfinished(self) -> bool:
        """Whether more of the body is here than was read of it in one turn."""
        return self.started and bool(self._kept)

    @property
    def ends_with_close(self) -> bool:
        """Whether only the close ends the answer (RFC 9112 section 6.3, rule 8)."""
        return self.started and self._left_bytes is None and self._chunks is None

    def _advance(self, data: bytes | bytearray) -> int:
        """Read one turn's worth; return where it ends."""
        end = 0 if self.started else self._read_heads(data)
        return self._read_body(data, end) if self.started and end < len(data) else end

    def _read_heads(self, data: bytes | bytearray) -> int:
        """Read interim answers and the head of the final one; return where what was read ends."""
        start = 0
        while True:
            end = data.find(EMPTY_LINE, start or self._searched_bytes) + len(EMPTY_LINE)
            if end < len(EMPTY_LINE):
                beginning = bytes(data[start : start + _BEGINNING_BYTES])
                if len(data) - start > HEAD_BYTES or not any(each.startswith(beginning) for each in _BEGINNINGS):
                    raise InvalidAnswerError
                self._searched_bytes = max(len(data) - start - len(EMPTY_LINE) + 1, 0)
                return start
            self._searched_bytes = 0
            head = bytes(data[start:end])
            known = self._known.get(head)
            if known is not None:
                self._chunks = None
                self.complete = known.length == 0
                self._start(known)
                return end
            beginning = head[:_BEGINNING_BYTES]
            if beginning not in _BEGINNINGS or len(head) > HEAD_BYTES or head.count(b"\n") > HEAD_LINES:
                raise InvalidAnswerError
            fields = self._fields = Fields()
            self._repeated = False
            self._parser = httptools.HttpResponseParser(self)
            self._parser.feed_data(head)
            self._fields = DROPPED  # for trailers
            status: int = self._parser.get_status_code()
            if status >= 200:  # noqa: PLR2004  # RFC 9110 section 15: an answer is interim below, final from there on
                found = self._judge(status, fields, http10=beginning.startswith(HTTP10))
                if self._chunks is None:
                    self._known.keep(head, found)
                self._start(found)
                return end
            self._skip(status, fields)
            start = end

    def _skip(self, status: int, headers: dict[bytes, bytes]) -> None:
        """Pass over an interim answer. It has no content, so nothing that frames content (RFC 9110 section 15.2)."""
        self._interim += 1
        if (
            status < HTTPStatus.CONTINUE
            or status == HTTPStatus.SWITCHING_PROTOCOLS
            or self._interim > MAX_INTERIM_ANSWERS
            or not _FRAMING.isdisjoint(headers)
        ):
            raise InvalidAnswerError
        self.complete = False

    def _judge(self, status: int, fields: Fields, *, http10: bool) -> KnownAnswer:
        """Find where the answer ends (RFC 9112 section 6.3)."""
        coding = fields.get(b"transfer-encoding")
        length = fields.get(b"content-length")
        if status > MAX_STATUS or self._repeated or (length is not None and len(length) > MAX_LENGTH_DIGITS):
            raise InvalidAnswerError
        if coding is not None and (http10 or coding.lower() != b"chunked"):
            raise InvalidAnswerError
        keep = self.keep
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
        self.keep = answer.keep and not self.early
        self._left_bytes = answer.length
        self.started = True
        if self._receiver is not None:
            self._receiver.answer_started(answer.status, answer.fields, answer.length)

    def _read_body(self, data: bytes | bytearray, start: int) -> int:
        """Hand on what belongs to the body, if it is chunked by way of llhttp; bytes behind it are none of ours."""
        chunks = self._chunks
        if chunks is not None:
            return self._read_chunks(chunks, data, start)
        left = self._left_bytes
        body = data[start:]
        if left is not None:
            if len(body) > left:
                self.keep = False
                body = body[:left]
            self._left_bytes = left = left - len(body)
            self.complete = not left
        if body:
            self.on_body(bytes(body))
        return len(data)

    def _read_chunks(self, chunks: ChunkedBody, data: bytes | bytearray, start: int) -> int:
        chunks.begin_turn()
        while start < len(data) and self._receiver is not None:
            if chunks.turn_over:
                self.keep = False  # what comes behind the answer meanwhile would be taken for the next one
                return start
            end = chunks.step(data, start)
            self._parser.feed_data(data[start:end])
            if self.complete:
                self.keep = self.keep and end == len(data)
                return len(data)
            if chunks.excessive(end - start, self._body_bytes):
                raise InvalidAnswerError
            start = end
        return start

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
        self.keep = self._parser.should_keep_alive()

    def on_body(self, data: bytes) -> None:
        """Hand a piece of the body on."""
        self._body_bytes += len(data)
        if self._receiver is not None:
            self._receiver.answer_body(data)

    def on_message_complete(self) -> None:
        """Note the end; it is told once the whole read is parsed, because leftover bytes may follow."""
        self.complete = True
        if self._chunks is not None and self._parser is not None:
            self.keep = self.keep and self._parser.should_keep_alive()  # llhttp heeds a trailer that says close
