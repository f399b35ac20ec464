"""Reads requests: bytes in; requests out, one at a time, accepted or refused. This module touches no socket.

llhttp is fed one message at a time: a head once it is complete, then a chunked body, and no byte after it. So each head is
judged in the same way wherever it occurs in a read, and bytes sent ahead are not parsed before their turn. Fields that llhttp
and the rules below have accepted before are not parsed again (`known`).

llhttp leaves these rules to us:
* the request line has three parts and names HTTP/1.1 or HTTP/1.0: llhttp also takes `RTSP/`, `ICE/`, no version at all, 2.0,
  and a bare line feed in place of the version (RFC 9112 sections 2.3 and 3);
* faulty fields are refused (`fault`); the values of a repeated field become one list (RFC 9110 section 5.3);
* raw bytes are counted, because an endless field, chunk extension or trailer causes no callback; trailers are dropped;
* an offer to upgrade is ignored and the body is read (RFC 9110 section 7.8), which llhttp would not do;
* a refusal is sent after the end of the request, so that the connection stays usable, unless that end is uncertain or too far.
"""

from collections.abc import Callable
from typing import Any, Final

import httptools

from proxy.errors import Reason, RefusedError
from proxy.exchange import Fields, RequestHead
from proxy.http1.fault import SINGLE, faulty
from proxy.http1.framing import DROPPED, EMPTY_LINE, ChunkedBody, without_upgrade
from proxy.http1.known import KnownHead, without_length
from proxy.http1.line import HTTP10, ORDINARY, ORDINARY_METHODS, VERSION_BYTES, VERSIONS
from proxy.http1.message import Message, Phase
from proxy.http1.server import Server

# So much of a refused request is still read, so that its sender sees the answer and not a reset (RFC 9112 section 9.6).
LINGER_BYTES: Final = 1_048_576

_LINE_ENDS: Final = (b"\r", b"\n")


def _nothing() -> None:
    """Do nothing, after the connection has been closed."""


class RequestReader:
    """Reads the requests of one connection with llhttp."""

    __slots__ = (
        "_faulty", "_fields", "_keep_alive", "_message", "_parser", "_proceed", "_repeated", "_searched_bytes", "_server",
        "_skipped_bytes", "_whole", "ended", "kept",
    )  # fmt: skip

    def __init__(self, server: Server, proceed: Callable[[], None]) -> None:
        """Read within the limits of `server`. `proceed` sends 100 Continue (RFC 9110 section 10.1.1)."""
        self._server = server
        self._proceed = proceed
        self._parser: Any = None
        self._message: Message | None = None  # whose body is being read
        self._fields: dict[bytes, bytes] = DROPPED
        self._faulty = self._keep_alive = self._whole = False
        self._repeated = 0
        self._searched_bytes = self._skipped_bytes = 0  # searched in vain for the end of a head; empty lines before the head
        # Bytes not read yet: of a head, of a body that takes more than a turn, or of requests sent ahead. Shortened in place.
        self.kept = bytearray()
        self.ended = False  # whether no request follows the last one returned

    def read(self, data: bytes) -> Message | None:
        """Read for one turn. Return the next request when it is complete, or refused before its end.

        The rest of `data` is kept for the next call. None means that more bytes or (`unfinished`) another turn are needed.
        """
        if self.ended:
            return None
        kept = self.kept
        if kept:
            self._server.let_go(len(kept))
            kept += data
            del kept[: self._advance(kept)]
        else:
            end = self._advance(data)
            if end < len(data):
                kept += data[end:]
        if kept and not self._server.hold(len(kept)):
            kept.clear()
            if self._whole:
                self._keep_alive = False
            else:
                self._reject(Reason.OVERLOADED)
        if not self._whole:
            return None
        message, self._message = self._message, None
        self._whole = False
        if not self._keep_alive:
            self.ended = True
            self.forget()
        return message

    def keep(self, data: bytes) -> None:
        """Keep bytes for a later turn. If there is no room for them, no further request is read."""
        if self.ended:
            return
        if self._server.hold(len(data)):
            self.kept += data
        else:
            self.forget()
            self.ended = True

    def forget(self) -> None:
        """Drop the bytes that are kept."""
        self._server.let_go(len(self.kept))
        self.kept.clear()

    def refuse(self, reason: Reason) -> Message:
        """End reading. Return the request that was being read, as refused."""
        message = self._reject(reason)
        self._message = None
        self.ended = True
        self.forget()
        return message

    def close(self) -> None:
        """End reading, and drop everything that is held and every reference to the connection."""
        self.refuse(Reason.INTERNAL)
        self._parser = None
        self._proceed = _nothing

    @property
    def phase(self) -> Phase:
        """How far the next request has been read: idle, head or body."""
        if self._message is not None:
            return Phase.BODY
        return Phase.HEAD if self.kept else Phase.IDLE

    @property
    def unfinished(self) -> bool:
        """Whether bytes of the body are here that this turn did not read."""
        return self._message is not None and bool(self.kept)

    def _advance(self, data: bytes | bytearray) -> int:
        """Read the next request for one turn. Return the index after the last byte read."""
        end = 0 if self._message is not None else self._read_head(data)
        message = self._message
        if message is not None and end < len(data) and not self._whole:
            end = self._read_body(message, data, end)
        return end

    def _read_head(self, data: bytes | bytearray) -> int:
        """Judge the head at the beginning of `data`, if it is complete. Return the index after it."""
        start = 0
        if data[:1] in _LINE_ENDS:
            start = len(data) - len(data.lstrip(b"\r\n"))  # RFC 9112 section 2.2: empty lines before a request are ignored
            self._skipped_bytes += start
            if self._skipped_bytes > self._server.limits.head_bytes:
                self._reject(Reason.MALFORMED_REQUEST)
                return len(data)
        end = data.find(EMPTY_LINE, start or self._searched_bytes) + len(EMPTY_LINE)
        if end < len(EMPTY_LINE) or end - start > self._server.limits.head_bytes:
            self._await_head(data, start)
            return start
        self._searched_bytes = self._skipped_bytes = 0
        head = data if type(data) is bytes and not start else bytes(data[start:end])
        line_end = head.find(b"\r\n")
        parts = head[:line_end].split(b" ")
        if len(parts) != 3 or parts[2] not in VERSIONS or parts[1].find(b"\n") >= 0:  # noqa: PLR2004  # RFC 9112 section 3
            self._reject(Reason.MALFORMED_REQUEST)
            return end
        method, target, version = parts
        name = ORDINARY_METHODS.get(method)
        message = self._message = Message(name or method.decode("latin-1"), http10=version == HTTP10)
        # If the request line is ordinary, the result of llhttp depends on these bytes only.
        block, length = without_length(head[line_end - VERSION_BYTES : end - start])
        ordinary = name is not None and target[:1] == b"/" and not target.translate(None, ORDINARY)
        found = self._server.known.get(block) if ordinary else None
        if found is not None:
            self._whole = not (found.length if length is None else length)
        else:
            found = self._parse(message, head[: end - start])
            if found is None:
                return end
            if ordinary and found.plain:
                self._server.known.keep(block, found)
        self._keep_alive = found.keep and name is not None
        self._admit(message, target, found, found.length if length is None else length, begun=end < len(data))
        return end

    def _await_head(self, data: bytes | bytearray, start: int) -> None:
        """Refuse the bytes from `start` if they cannot become a head."""
        size = len(data) - start
        if not size:
            return
        if not data[start : start + 1].isalpha():
            self._reject(Reason.MALFORMED_REQUEST)  # such as a TLS handshake: its sender waits and never sends an empty line
        elif size > self._server.limits.head_bytes:
            self._reject(Reason.HEADERS_TOO_LARGE)
        else:
            self._searched_bytes = max(size - len(EMPTY_LINE) + 1, 0)

    def _parse(self, message: Message, head: bytes) -> KnownHead | None:
        """Parse a head with llhttp, and judge it. Return None if it is refused."""
        # The first and the last line are not fields. llhttp makes a callback for each other line before we can refuse.
        if head.count(b"\n") > self._server.limits.header_count + 2:
            self._reject(Reason.HEADERS_TOO_LARGE)
            return None
        self._begin()
        upgrade = False
        try:
            self._feed(head)
        except httptools.HttpParserUpgrade:
            upgrade = True
            if message.method != "CONNECT":  # after CONNECT, the rest is indeed another protocol
                self._begin()
                self._feed(without_upgrade(head))
        fields, self._fields = self._fields, DROPPED  # trailers are dropped
        if message.refused is None:
            if self._faulty or faulty(fields, http10=message.http10):
                self._reject(Reason.MALFORMED_REQUEST)
            elif len(fields) + self._repeated > self._server.limits.header_count:
                self._reject(Reason.HEADERS_TOO_LARGE)
            elif b"transfer-encoding" in fields:
                message.chunks = ChunkedBody(self._server.limits.head_bytes)
        if message.refused is not None or not isinstance(fields, Fields):
            return None
        length = int(fields.pop(b"content-length", b"0"))
        plain = not upgrade and message.chunks is None and b"expect" not in fields
        return KnownHead(fields, length, keep=self._keep_alive, plain=plain)

    def _begin(self) -> None:
        self._parser = httptools.HttpRequestParser(self)
        self._fields = Fields()
        self._faulty = self._keep_alive = self._whole = False
        self._repeated = 0

    def _feed(self, data: bytes | bytearray) -> None:
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserError:
            self._reject(Reason.MALFORMED_REQUEST)

    def _reject(self, reason: Reason) -> Message:
        """Refuse the request, and parse no more bytes of it or after it."""
        message = self._message = self._message or Message("", http10=False)
        self._drop(message, message.refused or reason)
        self._keep_alive = False
        self._whole = True
        return message

    def _drop(self, message: Message, reason: Reason) -> None:
        message.refused = reason
        message.body = b""
        self._server.let_go(message.held_bytes)
        message.held_bytes = 0

    def _admit(self, message: Message, target: bytes, head: KnownHead, length: int, *, begun: bool) -> None:
        """Decide on a request by its head, before its body is kept. `begun` says that part of the body has already come."""
        message.left_bytes = length
        asked = RequestHead(message.method, target, head.fields)
        try:
            message.admission = admission = self._server.handler.admit(asked)
            message.cap_bytes = admission.body_bytes
            if length > admission.body_bytes:
                message.refused = Reason.BODY_TOO_LARGE
        except RefusedError as refusal:
            message.refused, message.head = refusal.reason, asked
        except Exception:  # noqa: BLE001  # a fault of our own refuses the request, it never forwards it
            message.refused = Reason.INTERNAL
        expects = None if message.http10 or head.plain else head.fields.get(b"expect")  # RFC 9110 section 10.1.1
        if expects is not None and message.refused is None:
            if expects.lower() != b"100-continue":
                message.refused = Reason.MALFORMED_REQUEST
            elif not self._whole and not begun:
                self._proceed()
        if message.refused is not None and (expects is not None or length > LINGER_BYTES):
            self._reject(message.refused)

    def _read_body(self, message: Message, data: bytes | bytearray, start: int) -> int:
        """Read the body from `start` on; a chunked one through llhttp. Return the index after the last byte read."""
        chunks = message.chunks
        if chunks is not None:
            return self._read_chunks(message, chunks, data, start)
        left = message.left_bytes
        if len(data) - start == left and message.refused is None and not message.body and self._server.hold(left):
            message.body = data[start:]
            message.body_bytes = message.held_bytes = left
            self._whole = True
            return len(data)
        body = data[start : start + left]
        message.left_bytes = left = left - len(body)
        self.on_body(body)
        if not left:
            self._whole = True
        return start + len(body)

    def _read_chunks(self, message: Message, chunks: ChunkedBody, data: bytes | bytearray, start: int) -> int:
        chunks.begin_turn()
        while start < len(data) and not chunks.turn_over:
            end = chunks.step(data, start)
            self._feed(data[start:end])
            if self._whole:
                return end
            if chunks.excessive(end - start, message.body_bytes):
                self._reject(Reason.BODY_TOO_LARGE)
                return end
            start = end
        return start

    # Callbacks of llhttp. They must not raise: a fault is recorded in the message.

    def on_header(self, name: bytes, value: bytes) -> None:
        """Keep a field; join the values of a repeated field."""
        fields = self._fields
        name = name.lower()
        value = value.rstrip(b" \t")  # RFC 9110 section 5.5; llhttp strips only the front
        if name in fields:
            self._repeated += 1
            self._faulty = self._faulty or name in SINGLE
            if self._repeated > self._server.limits.header_count:
                return
            value = fields[name] + b", " + value
        fields[name] = value

    def on_headers_complete(self) -> None:
        """Read the keep-alive flag now: llhttp resets it at the end of a message without a body."""
        self._keep_alive = self._parser.should_keep_alive()

    def on_body(self, data: bytes | bytearray) -> None:
        """Keep a piece of the body, within the size limits."""
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
        """Note that the message is complete."""
        self._whole = True
        if self._message is not None and self._message.chunks is not None:
            self._keep_alive = self._keep_alive and self._parser.should_keep_alive()  # llhttp obeys a trailer that says close
