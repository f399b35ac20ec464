"""Reads answers: bytes in; calls to the receiver out. This module touches no socket.

llhttp is fed one head at a time, then only the bytes of the body.
* An answer is HTTP/1.1 or 1.0 with a status of 200 to 599. llhttp also takes `RTSP/`, `ICE/`, 0.9, 2.0 and any three digits.
* A bounded number of 1xx answers is skipped; they have no content. 101 is invalid, because we never ask for it (RFC 9110
  section 15.2).
* A transfer coding other than a single `chunked` is invalid (RFC 9112 section 6.1). Trailers are dropped.
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
    """The bytes are not an answer, or its framing is not accepted."""


NOT_AN_ANSWER = (InvalidAnswerError, httptools.HttpParserError, httptools.HttpParserUpgrade)


class ResponseReader:
    """Reads the answers on one connection: one answer for each `begin`."""

    __slots__ = (
        "_body_bytes", "_chunks", "_fields", "_interim", "_kept", "_known", "_left_bytes", "_parser", "_receiver", "_repeated",
        "_searched_bytes", "begun", "complete", "early", "keep", "started",
    )  # fmt: skip

    def __init__(self, known: Known[KnownAnswer]) -> None:
        """Look up heads in `known`, and add new ones to it."""
        self._known = known
        self._receiver: Receiver | None = None
        self._parser: Any = None  # llhttp, if it reads the current answer
        self._fields: dict[bytes, bytes] = DROPPED
        self._repeated = False
        self._interim = 0
        self._kept = bytearray()  # not read yet: part of a head, or a body that takes more than one turn
        self._searched_bytes = 0  # of the kept part of a head, searched in vain for its end
        self._chunks: ChunkedBody | None = None
        self._left_bytes: int | None = None  # still to come of the body; None: the close ends it
        self._body_bytes = 0
        self.begun = False  # at least one byte of the answer has come
        self.early = False  # the answer began before the request was fully written
        self.started = False  # the head of the final answer has been read
        self.complete = False
        self.keep = False  # the connection may be used again

    def begin(self, receiver: Receiver) -> None:
        """Expect an answer, and report it to `receiver`."""
        self._receiver = receiver
        self._interim = 0
        self.begun = self.early = self.started = self.complete = False

    def forget(self) -> None:
        """Ignore all later bytes, and drop the receiver, the parser and the kept bytes."""
        self._receiver = self._parser = None
        self._kept.clear()

    def read(self, data: bytes) -> None:
        """Read for one turn.

        Raises:
            InvalidAnswerError, HttpParserError, HttpParserUpgrade: the bytes are not a valid answer.
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
        """Whether bytes of the body are here that this turn did not read."""
        return self.started and bool(self._kept)

    @property
    def ends_with_close(self) -> bool:
        """Whether only the close ends the answer (RFC 9112 section 6.3, rule 8)."""
        return self.started and self._left_bytes is None and self._chunks is None

    def _advance(self, data: bytes | bytearray) -> int:
        """Read for one turn. Return the index after the last byte read."""
        end = 0 if self.started else self._read_heads(data)
        return self._read_body(data, end) if self.started and end < len(data) else end

    def _read_heads(self, data: bytes | bytearray) -> int:
        """Read interim answers and the head of the final one. Return the index after the last byte read."""
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
            self._fields = DROPPED  # trailers are dropped
            status: int = self._parser.get_status_code()
            if status >= 200:  # noqa: PLR2004  # RFC 9110 section 15: a lower status is interim, this and higher ones are final
                found = self._judge(status, fields, http10=beginning.startswith(HTTP10))
                if self._chunks is None:
                    self._known.keep(head, found)
                self._start(found)
                return end
            self._skip(status, fields)
            start = end

    def _skip(self, status: int, headers: dict[bytes, bytes]) -> None:
        """Skip an interim answer. It has no content, so it must not have fields that frame content (RFC 9110 section 15.2)."""
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
        """Determine where the answer ends (RFC 9112 section 6.3)."""
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
        """Pass the head of the final answer to the receiver."""
        self.keep = answer.keep and not self.early
        self._left_bytes = answer.length
        self.started = True
        if self._receiver is not None:
            self._receiver.answer_started(answer.status, answer.fields, answer.length)

    def _read_body(self, data: bytes | bytearray, start: int) -> int:
        """Pass the body to the receiver; a chunked one through llhttp. Bytes after the body are dropped."""
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
                self.keep = False  # bytes that follow the answer meanwhile would look like the next answer
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

    # Callbacks of llhttp

    def on_header(self, name: bytes, value: bytes) -> None:
        """Keep the first value of a field. A repeated field that frames the answer makes it invalid."""
        name = name.lower()
        if name in self._fields:
            self._repeated = self._repeated or name in _FRAMING
        else:
            self._fields[name] = value.rstrip(b" \t")  # RFC 9110 section 5.5; llhttp strips only the front

    def on_headers_complete(self) -> None:
        """Read the keep-alive flag now: llhttp resets it at the end of a message without a body."""
        self.keep = self._parser.should_keep_alive()

    def on_body(self, data: bytes) -> None:
        """Pass a piece of the body to the receiver."""
        self._body_bytes += len(data)
        if self._receiver is not None:
            self._receiver.answer_body(data)

    def on_message_complete(self) -> None:
        """Note that the answer is complete. It is reported after the whole read is parsed, because more bytes may follow."""
        self.complete = True
        if self._chunks is not None and self._parser is not None:
            self.keep = self.keep and self._parser.should_keep_alive()  # llhttp obeys a trailer that says close
