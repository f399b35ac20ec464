"""Reading requests: bytes in, requests out, one at a time, accepted or refused. No socket is touched here.

llhttp is fed one message at a time: a head once it is whole, then no more than belongs to its body. So every head is judged in
the same way wherever it stands in a read, and what was sent ahead stays bytes until its turn has come.

What llhttp leaves to us, and what is decided here:
* the request line has three parts and names HTTP/1.1 or HTTP/1.0: llhttp also takes `RTSP/`, `ICE/`, no version at all, 2.0,
  and a bare line feed in place of the version (RFC 9112 sections 2.3 and 3);
* `Host` occurs exactly once in HTTP/1.1 and looks like one (RFC 9112 section 3.2); what frames or authenticates a message, at
  most once; other repeated fields are one list (RFC 9110 section 5.3);
* the only transfer coding is a single `chunked`, and never on HTTP/1.0 (RFC 9112 section 6.1);
* raw bytes are counted, because an endless field, chunk extension or trailer fires no callback; trailers are dropped;
* an offer to upgrade is ignored and the body behind it read (RFC 9110 section 7.8), which llhttp would not do;
* a refusal waits for the end of the request, so that the connection stays usable, unless that end is uncertain or too far.
"""

from collections.abc import Callable
from enum import IntEnum

import httptools

from proxy.errors import Reason, RefusedError
from proxy.exchange import RequestHead
from proxy.http1.framing import DROPPED, EMPTY_LINE, MAX_LENGTH_DIGITS, ChunkedBody, without_upgrade
from proxy.http1.message import Message
from proxy.http1.server import Server

METHODS = frozenset({"GET", "POST", "PUT", "DELETE", "PATCH"})
# How much of a refused request is still read, so that its sender sees the answer and not a reset (RFC 9112 section 9.6).
LINGER_BYTES = 1_048_576

_HTTP11, _HTTP10 = b"HTTP/1.1", b"HTTP/1.0"
_LINE_ENDS = (b"\r", b"\n")
_SINGLE = frozenset(
    {b"host", b"content-length", b"transfer-encoding", b"content-type", b"content-encoding", b"authorization", b"expect"}
)
# RFC 3986 section 3.2.2: a name, an address, an address in brackets; and a port.
_HOST = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~%!$&'()*+,;=:[]"


class Phase(IntEnum):
    """How far the next request has been read."""

    IDLE = 0
    HEAD = 1
    BODY = 2


class RequestReader:
    """Reads the requests of one connection with llhttp."""

    __slots__ = (
        "_faulty", "_headers", "_keep_alive", "_message", "_parser", "_proceed", "_repeated", "_server", "_whole", "ended",
        "kept",
    )  # fmt: skip

    def __init__(self, server: Server, proceed: Callable[[], None]) -> None:
        """Read within the limits of `server`; `proceed` tells the sender to go on with a body (RFC 9110 section 10.1.1)."""
        self._server = server
        self._proceed = proceed
        self._parser = httptools.HttpRequestParser(self)
        self._message: Message | None = None  # whose body is being read
        self._headers: dict[bytes, bytes] = DROPPED
        self._faulty = False
        self._repeated = 0
        self._keep_alive = False
        self._whole = False
        self.kept = b""  # what has not been read yet: part of a head, or requests sent ahead
        self.ended = False  # whether no request follows the last one returned

    def read(self, data: bytes) -> Message | None:
        """Read on; return the next request once it is whole, or refused for good. None: more bytes are needed.

        What is left of `data` is kept for the next call.
        """
        if self.ended:
            return None
        if self.kept:
            data = self.kept + data
            self.forget()
        if self._message is None:
            data = self._read_head(data)
        message = self._message
        if message is not None and data and not self._whole:
            data = self._read_body(message, data)
        if not self._whole:
            return None
        self._message = None
        self._whole = False
        if not self._keep_alive:
            self.ended = True
        elif data:
            self.keep(data)
        return message

    def keep(self, data: bytes) -> None:
        """Keep bytes whose turn has not come. Where there is no room for them, no further request is read."""
        if self.ended:
            return
        if self._server.hold(len(data)):
            self.kept += data
        else:
            self.forget()
            self.ended = True

    def forget(self) -> None:
        """Let go of what is kept."""
        self._server.let_go(len(self.kept))
        self.kept = b""

    def refuse(self, reason: Reason) -> Message:
        """End reading; return the request that is being read, refused."""
        message = self._reject(reason)
        self._message = None
        self.ended = True
        return message

    def close(self) -> None:
        """End reading; nothing is held any more."""
        self.refuse(Reason.INTERNAL)

    @property
    def phase(self) -> Phase:
        """How far the next request has been read."""
        if self._message is not None:
            return Phase.BODY
        return Phase.HEAD if self.kept else Phase.IDLE

    def _read_head(self, data: bytes) -> bytes:
        """Judge the head that `data` begins with, if it is whole; return what follows it."""
        if data[:1] in _LINE_ENDS:
            data = data.lstrip(b"\r\n")  # RFC 9112 section 2.2: empty lines before a request are ignored
        end = data.find(EMPTY_LINE) + len(EMPTY_LINE)
        if end < len(EMPTY_LINE) or end > self._server.limits.head_bytes:
            self._await_head(data)
            return b""
        head, data = data[:end], data[end:]
        line = head[: head.find(b"\r\n")]
        parts = line.split(b" ")
        if len(parts) != 3 or parts[2] not in (_HTTP11, _HTTP10) or b"\n" in line:  # noqa: PLR2004  # RFC 9112 section 3
            self._reject(Reason.MALFORMED_REQUEST)
            return b""
        message = self._message = Message(parts[0].decode("latin-1"), http10=parts[2] == _HTTP10)
        self._begin()
        try:
            self._feed(head)
        except httptools.HttpParserUpgrade:
            self._parser = httptools.HttpRequestParser(self)
            if message.method != "CONNECT":  # which llhttp is right about: all the rest is another protocol
                self._begin()
                self._feed(without_upgrade(head))
        headers, self._headers = self._headers, DROPPED
        if message.refused is None:
            self._judge(message, parts[1], headers, begun=bool(data))
        return data

    def _await_head(self, data: bytes) -> None:
        """Keep a head that is not whole yet, if it can become one."""
        if not data:
            return
        if not data[:1].isalpha():
            self._reject(Reason.MALFORMED_REQUEST)  # a TLS handshake, say: its sender waits, and never sends an empty line
        elif len(data) > self._server.limits.head_bytes:
            self._reject(Reason.HEADERS_TOO_LARGE)
        else:
            self.keep(data)
            if self.ended:
                self._reject(Reason.OVERLOADED)

    def _begin(self) -> None:
        self._headers = {}
        self._faulty = False
        self._repeated = 0
        self._keep_alive = False
        self._whole = False

    def _feed(self, data: bytes) -> None:
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserError:
            self._reject(Reason.MALFORMED_REQUEST)

    def _reject(self, reason: Reason) -> Message:
        """Refuse the request for good: nothing more of it, or behind it, is read."""
        message = self._message = self._message or Message("", http10=False)
        self._drop(message, message.refused or reason)
        self._keep_alive = False
        self._whole = True
        self.forget()
        return message

    def _drop(self, message: Message, reason: Reason) -> None:
        message.refused = reason
        message.body = b""
        self._server.let_go(message.held_bytes)
        message.held_bytes = 0

    def _judge(self, message: Message, target: bytes, headers: dict[bytes, bytes], *, begun: bool) -> None:
        """Decide on a request by its head, before any of its body is kept; `begun` says that some of it is here already."""
        fault = self._fault(message, headers)
        if fault is not None:
            self._reject(fault)
            return
        length = int(headers.get(b"content-length", b"0"))
        message.left_bytes = length
        self._keep_alive = self._keep_alive and message.method in METHODS
        try:
            message.admission = admission = self._server.handler.admit(RequestHead(message.method, target, headers))
            message.cap_bytes = admission.body_bytes
            if length > message.cap_bytes:
                message.refused = Reason.BODY_TOO_LARGE
        except RefusedError as refusal:
            message.refused = refusal.reason
        except Exception:  # noqa: BLE001  # a fault of our own refuses the request, it never forwards it
            message.refused = Reason.INTERNAL
        expects = None if message.http10 else headers.get(b"expect")  # RFC 9110 section 10.1.1
        if expects is not None and message.refused is None:
            if expects.lower() != b"100-continue":
                message.refused = Reason.MALFORMED_REQUEST
            elif not self._whole and not begun:
                self._proceed()
        if message.refused is not None and (expects is not None or length > LINGER_BYTES):
            self._reject(message.refused)

    def _fault(self, message: Message, headers: dict[bytes, bytes]) -> Reason | None:
        """Return what is wrong with a head that llhttp takes. Its end may be uncertain, so the connection ends with it."""
        coding = headers.get(b"transfer-encoding")
        if coding is not None:
            if message.http10 or coding.lower() != b"chunked":
                return Reason.MALFORMED_REQUEST
            message.chunks = ChunkedBody(self._server.limits.head_bytes)
        host = headers.get(b"host")
        if self._faulty or (host is None and not message.http10) or (host and host.translate(None, _HOST)):
            return Reason.MALFORMED_REQUEST
        if len(headers.get(b"content-length", b"")) > MAX_LENGTH_DIGITS:
            return Reason.MALFORMED_REQUEST
        if len(headers) + self._repeated > self._server.limits.header_count:
            return Reason.HEADERS_TOO_LARGE
        return None

    def _read_body(self, message: Message, data: bytes) -> bytes:
        """Feed llhttp what belongs to the body; return what follows it."""
        chunks = message.chunks
        if chunks is None:
            left = message.left_bytes
            message.left_bytes = left - len(data)
            self._feed(data[:left])
            return data[left:]
        start = 0
        for end in chunks.ends(data):
            self._feed(data[start:end])
            start = end
            if self._whole:
                return data[start:]
        if chunks.excessive(len(data), message.body_bytes):
            self._reject(Reason.BODY_TOO_LARGE)
        return b""

    # llhttp's callbacks. An exception must not pass through them: what is wrong is kept in the message.

    def on_header(self, name: bytes, value: bytes) -> None:
        """Keep a field."""
        headers = self._headers
        name = name.lower()
        value = value.rstrip(b" \t")  # RFC 9110 section 5.5; llhttp takes it from the front only
        if name in headers:
            self._repeated += 1
            self._faulty = self._faulty or name in _SINGLE
            if self._repeated > self._server.limits.header_count:
                return
            value = headers[name] + b", " + value
        headers[name] = value

    def on_headers_complete(self) -> None:
        """Ask what llhttp forgets when a message without a body ends."""
        self._keep_alive = self._parser.should_keep_alive()

    def on_body(self, data: bytes) -> None:
        """Keep a piece of the body, within the caps."""
        message = self._message
        assert message is not None  # noqa: S101  # a body belongs to a request
        message.body_bytes += len(data)
        excess = message.body_bytes - message.cap_bytes
        if message.refused is not None:
            if excess > LINGER_BYTES:
                self._reject(message.refused)
        elif excess > 0:
            self._drop(message, Reason.BODY_TOO_LARGE)
        elif self._server.hold(len(data)):
            message.add(data)
        else:
            self._drop(message, Reason.OVERLOADED)

    def on_message_complete(self) -> None:
        """Note the end."""
        self._whole = True
