"""Reading requests: bytes in, accepted or refused requests out. No socket is touched here.

What llhttp leaves to us, and what is decided here:
* the protocol is HTTP and the version 1.0 or 1.1: llhttp also takes `RTSP/`, `ICE/`, no version at all and 2.0, so the end
  of the request line is compared (RFC 9112 section 2.3);
* `Host` occurs exactly once in HTTP/1.1 (RFC 9112 section 3.2); what frames or authenticates a message at most once;
* the only transfer coding is a single `chunked`, and never on HTTP/1.0 (RFC 9112 section 6.1);
* raw bytes are counted, because an endless header, chunk extension or trailer fires no callback; trailers are dropped;
* `Upgrade` is ignored, as RFC 9110 section 7.8 allows;
* a refusal waits for the end of the request, so that the connection stays usable, unless the rest is too much to read.
"""

from enum import IntEnum
from typing import Protocol

import httptools

from proxy.errors import Reason, RefusedError
from proxy.exchange import Admission, RequestHead
from proxy.http1.server import Server

METHODS = frozenset({"GET", "POST", "PUT", "DELETE", "PATCH"})
# How much of a refused request is still read, so that its sender sees the answer and not a reset (RFC 9112 section 9.6).
LINGER_BYTES = 1_048_576
# Bytes of framing that may come for each byte of body: a chunk of one byte takes six.
OVERHEAD_PER_BODY_BYTE = 8

_SINGLE = frozenset(
    {b"host", b"content-length", b"transfer-encoding", b"content-type", b"content-encoding", b"authorization", b"expect"}
)


class Phase(IntEnum):
    """How far the next request has been read."""

    IDLE = 0
    HEAD = 1
    BODY = 2


class Message:
    """One request: as far as it was read, then as it is answered."""

    __slots__ = (
        "admitted", "body_bytes", "cap_bytes", "chunked", "held_bytes", "http10", "keep_alive", "method", "pieces", "refused",
    )  # fmt: skip

    def __init__(self, refused: Reason | None = None) -> None:
        """Begin a request, or make the one that stands for a refusal."""
        self.method = ""
        self.http10 = False
        self.keep_alive = False
        self.chunked = False
        self.admitted: Admission | None = None
        self.refused = refused
        self.cap_bytes = 0
        self.body_bytes = 0
        self.held_bytes = 0  # counted against `inflight_bytes` until the answer is sent
        self.pieces: list[bytes] = []


class Reads(Protocol):
    """Whose bytes are read."""

    def received(self, message: Message) -> None:
        """Take a whole request, accepted or refused."""

    def rejected(self, reason: Reason) -> None:
        """Refuse what is being read, for good: the reader is not fed again."""

    def expected(self) -> None:
        """Tell the other side to go on with its body (RFC 9110 section 10.1.1)."""

    @property
    def answering(self) -> bool:
        """Whether an earlier request is still being answered."""


class RequestReader:
    """Reads the requests of one connection with llhttp."""

    __slots__ = (
        "_connection", "_data", "_fresh", "_headers", "_line", "_parser", "_raw_bytes", "_rejected", "_repeated", "_server",
        "_url", "message", "phase", "rest",
    )  # fmt: skip

    def __init__(self, server: Server, connection: Reads) -> None:
        """Read for `connection` within the limits of `server`."""
        self._server = server
        self._connection = connection
        self._parser = httptools.HttpRequestParser(self)
        self._headers: dict[bytes, bytes] = {}
        self._repeated = 0
        self._url = b""
        self._raw_bytes = 0  # of the message being read
        self._fresh = False  # whether that message begins with the bytes being fed
        self._line = b""  # a request line that has not ended yet
        self._data = b""  # what llhttp is being fed
        self._rejected = False
        self.rest = b""  # what was given but not read, because a request has to be answered first
        self.message = Message()
        self.phase = Phase.IDLE

    def feed(self, data: bytes) -> None:
        """Read `data`; whole requests, or a rejection, go to the connection before this returns."""
        if self.phase is Phase.IDLE:
            data = self._whole_line(data)
            self._raw_bytes = 0
            self._fresh = True
        limits = self._server.limits
        if self.phase is not Phase.BODY and len(data) > (room := limits.head_bytes - self._raw_bytes):
            # Never parse more of a head than a head may have.
            self._parse(data[:room])
            if self._rejected:
                return
            data = data[room:]
            if self._connection.answering:
                self.rest += data
                return
            if self.phase is Phase.HEAD:
                self._reject(Reason.HEADERS_TOO_LARGE)
                return
        if data:
            self._parse(data)
        message = self.message
        if self.phase is Phase.BODY and message.chunked and not self._rejected:
            framing = self._raw_bytes - message.body_bytes
            if framing > limits.head_bytes + OVERHEAD_PER_BODY_BYTE * message.body_bytes:
                self._reject(Reason.BODY_TOO_LARGE)

    @property
    def begun(self) -> bool:
        """Whether part of a request has been read."""
        return self.phase is not Phase.IDLE or bool(self._line)

    def _whole_line(self, data: bytes) -> bytes:
        """Return the bytes to parse once they hold a whole HTTP/1.x request line; until then keep them, return nothing."""
        if self._line:
            data = self._line + data
            self._line = b""
        elif data[:1] in (b"\r", b"\n"):
            data = data.lstrip(b"\r\n")  # RFC 9112 section 2.2: empty lines before a request are ignored
        end = data.find(b"\n")
        if end >= 0 and data[max(end - 10, 0) : end + 1] in (b" HTTP/1.1\r\n", b" HTTP/1.0\r\n"):
            return data
        if end >= 0:
            self._reject(Reason.MALFORMED_REQUEST)
        elif len(data) > self._server.limits.head_bytes:
            self._reject(Reason.HEADERS_TOO_LARGE)
        else:
            self._line = data
        return b""

    def _parse(self, data: bytes) -> None:
        self._raw_bytes += len(data)
        self._data = data
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserUpgrade as upgrade:
            self._parser = httptools.HttpRequestParser(self)
            self.rest += data[upgrade.args[0] :]
        except httptools.HttpParserError:
            self._reject(Reason.MALFORMED_REQUEST)
        self._data = b""

    def _reject(self, reason: Reason) -> None:
        if not self._rejected:
            self._rejected = True
            self._connection.rejected(reason)

    # llhttp's callbacks. An exception must not pass through them: what is wrong is kept in the message.

    def on_message_begin(self) -> None:
        """Begin a request."""
        if not self._fresh:
            self._raw_bytes = 0
        self._fresh = False
        self.phase = Phase.HEAD
        self.message = Message()
        self._headers = {}
        self._repeated = 0
        self._url = b""

    def on_url(self, url: bytes) -> None:
        """Keep a piece of the request target."""
        self._url += url

    def on_header(self, name: bytes, value: bytes) -> None:
        """Keep a header line; the first of a name counts. Trailers land in a dictionary nobody reads."""
        name = name.lower()
        if name in self._headers:
            self._repeated += 1
            if name in _SINGLE:
                self.message.refused = Reason.MALFORMED_REQUEST
        else:
            self._headers[name] = value

    def on_headers_complete(self) -> None:
        """Decide on the request by its head, before any of its body is kept."""
        message = self.message
        headers, self._headers = self._headers, {}
        parser = self._parser
        message.method = parser.get_method().decode("ascii")
        message.http10 = parser.get_http_version() == "1.0"
        message.keep_alive = parser.should_keep_alive() and message.method in METHODS
        self.phase = Phase.BODY
        if message.refused is None:
            message.refused = self._framing_fault(message, headers)
        if message.refused is None:
            try:
                message.admitted = self._server.handler.admit(RequestHead(message.method, self._url, headers))
                message.cap_bytes = message.admitted.body_bytes
            except RefusedError as refusal:
                message.refused = refusal.reason
            except Exception:  # noqa: BLE001  # a fault of our own refuses the request, it never forwards it
                message.refused = Reason.INTERNAL
        length = int(headers.get(b"content-length", b"0"))
        if message.refused is None and length > message.cap_bytes:
            message.refused = Reason.BODY_TOO_LARGE
        expects = headers.get(b"expect")
        if expects is not None and message.refused is None:
            if expects.lower() != b"100-continue":
                message.refused = Reason.MALFORMED_REQUEST
            elif not message.http10 and not self._connection.answering and (length or message.chunked):
                self._connection.expected()
        if message.refused is not None and (expects is not None or length > LINGER_BYTES):
            self._reject(message.refused)

    def _framing_fault(self, message: Message, headers: dict[bytes, bytes]) -> Reason | None:
        limits = self._server.limits
        coding = headers.get(b"transfer-encoding")
        if coding is not None:
            message.chunked = True
            if message.http10 or coding.lower() != b"chunked":
                return Reason.MALFORMED_REQUEST
        if not message.http10 and (b"host" not in headers or self._parser.get_http_version() != "1.1"):
            return Reason.MALFORMED_REQUEST
        if len(headers) + self._repeated > limits.header_count:
            return Reason.HEADERS_TOO_LARGE
        if self._connection.answering:
            # Read behind another request: neither its request line nor the size of its head was looked at by `feed`.
            if b" RTSP/" in self._data or b" ICE/" in self._data:
                return Reason.MALFORMED_REQUEST
            if sum(map(len, headers)) + sum(map(len, headers.values())) > limits.head_bytes:
                return Reason.HEADERS_TOO_LARGE
        return None

    def on_body(self, data: bytes) -> None:
        """Keep a piece of the body, within the caps."""
        message = self.message
        size = len(data)
        message.body_bytes += size
        if message.refused is None:
            server = self._server
            if message.body_bytes > message.cap_bytes:
                message.refused = Reason.BODY_TOO_LARGE
            elif server.held_bytes + size > server.limits.inflight_bytes:
                message.refused = Reason.OVERLOADED
            else:
                server.held_bytes += size
                message.held_bytes += size
                message.pieces.append(data)
                return
        if message.body_bytes > message.cap_bytes + LINGER_BYTES:
            self._reject(message.refused)

    def on_message_complete(self) -> None:
        """Hand the request over."""
        self.phase = Phase.IDLE
        if not self._rejected:
            self._connection.received(self.message)
