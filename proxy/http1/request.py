"""Reading requests: bytes in, requests out, one at a time, accepted or refused. No socket is touched here.

llhttp is fed one message at a time: a head once it is whole, then, where the body is chunked, no more than belongs to that. So
every head is judged in the same way wherever it stands in a read, and what was sent ahead stays bytes until its turn has come.
Fields that llhttp and the rules below have found to be good before are not given to it again (`known`).

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

import re
from collections.abc import Callable
from enum import IntEnum
from typing import Any, Final

import httptools

from proxy.errors import Reason, RefusedError
from proxy.exchange import Fields, RequestHead
from proxy.http1.framing import DROPPED, EMPTY_LINE, MAX_LENGTH_DIGITS, ChunkedBody, without_upgrade
from proxy.http1.known import KnownHead, without_length
from proxy.http1.message import Message
from proxy.http1.server import Server

METHODS = frozenset({"GET", "POST", "PUT", "DELETE", "PATCH"})
# How much of a refused request is still read, so that its sender sees the answer and not a reset (RFC 9112 section 9.6).
LINGER_BYTES: Final = 1_048_576

_HTTP11: Final = b"HTTP/1.1"
_HTTP10: Final = b"HTTP/1.0"
_VERSIONS: Final = frozenset({_HTTP11, _HTTP10})
_VERSION_BYTES: Final = len(_HTTP11)
# Request lines that llhttp has nothing to say about: these methods, and what a path and a query are written with (RFC 3986
# sections 3.3 and 3.4).
_ORDINARY_METHODS: Final = {method.encode(): method for method in METHODS}
_ORDINARY: Final = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~%!$&'()*+,;=:@/?"
_LINE_ENDS: Final = (b"\r", b"\n")
_SINGLE = frozenset(
    {b"host", b"content-length", b"transfer-encoding", b"content-type", b"content-encoding", b"authorization", b"expect"}
)
# RFC 3986 sections 3.2.2 and 3.2.3: a name or an address, or one in brackets; and a port.
_NAME = rb"[\w.~!$&'()*+,;=-]*"
_HOST = re.compile(rb"(?:%b(?:%%[0-9A-Fa-f]{2}%b)*|\[[0-9A-Fa-f:.]+\])(?::[0-9]*)?" % (_NAME, _NAME))


class Phase(IntEnum):
    """How far the next request has been read."""

    IDLE = 0
    HEAD = 1
    BODY = 2


class RequestReader:
    """Reads the requests of one connection with llhttp."""

    __slots__ = (
        "_faulty", "_fields", "_keep_alive", "_message", "_parser", "_proceed", "_repeated", "_server", "_whole", "ended",
        "kept",
    )  # fmt: skip

    def __init__(self, server: Server, proceed: Callable[[], None]) -> None:
        """Read within the limits of `server`; `proceed` tells the sender to go on with a body (RFC 9110 section 10.1.1)."""
        self._server = server
        self._proceed = proceed
        self._parser: Any = None
        self._message: Message | None = None  # whose body is being read
        self._fields: dict[bytes, bytes] = DROPPED
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
        line_end = data.find(b"\r\n")
        parts = data[:line_end].split(b" ")
        if len(parts) != 3 or parts[2] not in _VERSIONS or parts[1].find(b"\n") >= 0:  # noqa: PLR2004  # RFC 9112 section 3
            self._reject(Reason.MALFORMED_REQUEST)
            return b""
        method, target, version = parts
        name = _ORDINARY_METHODS.get(method)
        message = self._message = Message(name or method.decode("latin-1"), http10=version == _HTTP10)
        # All that what llhttp says depends on, if the request line is ordinary.
        block, length = without_length(data[line_end - _VERSION_BYTES : end])
        ordinary = name is not None and target[:1] == b"/" and not target.translate(None, _ORDINARY)
        found = self._server.known.get(block) if ordinary else None
        if found is not None:
            self._whole = not (found.length if length is None else length)
        else:
            found = self._parse(message, data[:end])
            if found is None:
                return b""
            if ordinary and found.plain:
                self._server.known.keep(block, found)
        self._keep_alive = found.keep and name is not None
        self._admit(message, target, found, found.length if length is None else length, begun=end < len(data))
        return data[end:]

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

    def _parse(self, message: Message, head: bytes) -> KnownHead | None:
        """Have llhttp read a head, and judge it; None if it is refused."""
        self._begin()
        upgrade = False
        try:
            self._feed(head)
        except httptools.HttpParserUpgrade:
            upgrade = True
            if message.method != "CONNECT":  # which llhttp is right about: all the rest is another protocol
                self._begin()
                self._feed(without_upgrade(head))
        fields, self._fields = self._fields, DROPPED  # for trailers
        if message.refused is None and (fault := self._fault(message, fields)) is not None:
            self._reject(fault)
        if message.refused is not None or not isinstance(fields, Fields):
            return None
        length = int(fields.pop(b"content-length", b"0"))
        plain = not upgrade and message.chunks is None and b"expect" not in fields
        return KnownHead(fields, length, keep=self._keep_alive, plain=plain)

    def _begin(self) -> None:
        self._parser = httptools.HttpRequestParser(self)
        self._fields = Fields()
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

    def _admit(self, message: Message, target: bytes, head: KnownHead, length: int, *, begun: bool) -> None:
        """Decide on a request by its head, before any of its body is kept; `begun` says that some of it is here already."""
        message.left_bytes = length
        fields = head.fields
        try:
            message.admission = admission = self._server.handler.admit(RequestHead(message.method, target, fields))
            message.cap_bytes = admission.body_bytes
            if length > admission.body_bytes:
                message.refused = Reason.BODY_TOO_LARGE
        except RefusedError as refusal:
            message.refused = refusal.reason
        except Exception:  # noqa: BLE001  # a fault of our own refuses the request, it never forwards it
            message.refused = Reason.INTERNAL
        expects = None if message.http10 or head.plain else fields.get(b"expect")  # RFC 9110 section 10.1.1
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
        if self._faulty or (host is None and not message.http10) or (host and not _HOST.fullmatch(host)):
            return Reason.MALFORMED_REQUEST
        if len(headers.get(b"content-length", b"")) > MAX_LENGTH_DIGITS:
            return Reason.MALFORMED_REQUEST
        if len(headers) + self._repeated > self._server.limits.header_count:
            return Reason.HEADERS_TOO_LARGE
        return None

    def _read_body(self, message: Message, data: bytes) -> bytes:
        """Take what belongs to the body, if it is chunked by way of llhttp; return what follows it."""
        chunks = message.chunks
        if chunks is None:
            left = message.left_bytes
            if len(data) == left and message.refused is None and not message.body and self._server.hold(left):
                message.body = data
                message.body_bytes = message.held_bytes = left
                self._whole = True
                return b""
            body, data = (data, b"") if len(data) <= left else (data[:left], data[left:])
            message.left_bytes = left = left - len(body)
            self.on_body(body)
            if not left:
                self._whole = True
            return data
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
        fields = self._fields
        name = name.lower()
        value = value.rstrip(b" \t")  # RFC 9110 section 5.5; llhttp takes it from the front only
        if name in fields:
            self._repeated += 1
            self._faulty = self._faulty or name in _SINGLE
            if self._repeated > self._server.limits.header_count:
                return
            value = fields[name] + b", " + value
        fields[name] = value

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
        if self._message is not None and self._message.chunks is not None:
            self._keep_alive = self._keep_alive and self._parser.should_keep_alive()  # llhttp heeds a trailer that says close
