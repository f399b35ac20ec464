"""Reading requests: what llhttp leaves to us is decided, each point by a test of its name."""

import time
from dataclasses import replace

import httptools
import pytest

from proxy.errors import Reason
from proxy.http1.framing import CALLS_PER_TURN, STEP_BYTES, STEPS_PER_TURN
from proxy.http1.message import Message, Phase
from proxy.http1.request import LINGER_BYTES, RequestReader
from proxy.http1.server import Server
from tests.fakes import FakeClock
from tests.unit.http1 import hostile
from tests.unit.http1.fakes import AT_ONCE, LIMITS, FakeHandler

GET = b"GET /a HTTP/1.1\r\nHost: x\r\n\r\n"
PUT = b"PUT /a HTTP/1.1\r\nHost: x\r\n"
CHUNKED = PUT + b"Transfer-Encoding: chunked\r\n\r\n"
MALFORMED = Reason.MALFORMED_REQUEST
READ_BYTES = 262_144


class Reading:
    """A reader, and what it told."""

    def __init__(self, body_bytes: int = 1000) -> None:
        """Begin a connection."""
        self.handler = FakeHandler(body_bytes)
        self.server = Server(self.handler, LIMITS, FakeClock(), AT_ONCE)
        self.told: list[str] = []
        self.reader = RequestReader(self.server, lambda: self.told.append("continue"))

    def feed(self, *pieces: bytes) -> list[Message]:
        """Read `pieces`, and what is kept; return the requests."""
        found = []
        for piece in pieces:
            message = self.reader.read(piece)
            while message is not None or self.reader.unfinished:
                if message is not None:
                    found.append(message)
                message = self.reader.read(b"")
        return found


def one(*pieces: bytes, body_bytes: int = 1000) -> Message:
    """Return the one request in `pieces`."""
    (message,) = Reading(body_bytes).feed(*pieces)
    return message


def refused(*pieces: bytes) -> Reason | None:
    """Return why the one request in `pieces` is refused."""
    return one(*pieces).refused


def ends(*pieces: bytes) -> tuple[Reason | None, bool]:
    """Return why the first request in `pieces` is refused, and whether nothing is read behind it."""
    reading = Reading()
    return reading.feed(*pieces)[0].refused, reading.reader.ended


# What is read


def test_a_request_is_read_as_it_is() -> None:
    """Method, target, fields and body reach the handler; names in lower case, values without the space around them."""
    reading = Reading()
    (message,) = reading.feed(
        b"PUT /a%20b?c HTTP/1.1\r\nHost: x\r\nX-One: \t 1 \t\r\nEMPTY:\r\nContent-Length: 5 \r\n\r\nhello"
    )
    (head,) = reading.handler.heads
    assert (head.method, head.target) == ("PUT", b"/a%20b?c")
    assert head.headers == {b"host": b"x", b"x-one": b"1", b"empty": b""}
    assert (message.refused, message.body, message.http10) == (None, b"hello", False)
    assert not reading.reader.ended


@pytest.mark.parametrize(
    "body", [b"5\r\nhello\r\n0\r\n\r\n", b"1;x=y\r\nh\r\n4\r\nello\r\n00\r\n\r\n", b"005\r\nhello\r\n0;x\r\n\r\n"]
)
def test_a_chunked_body_is_read(body: bytes) -> None:
    """Chunks are joined, their extensions ignored (RFC 9112 section 7.1.1)."""
    message = one(CHUNKED + body)
    assert (message.refused, bytes(message.body)) == (None, b"hello")


def test_trailers_are_dropped() -> None:
    """A trailer is no field of the request, and may not name one that frames it (RFC 9110 section 6.5.1)."""
    reading = Reading()
    (message,) = reading.feed(CHUNKED + b"1\r\na\r\n0\r\nHost: y\r\nAuthorization: z\r\nAuthorization: z\r\n\r\n")
    assert (message.refused, message.body) == (None, b"a")
    assert reading.handler.heads[0].headers == {b"host": b"x", b"transfer-encoding": b"chunked"}
    assert refused(CHUNKED + b"1\r\na\r\n0\r\nContent-Length: 1\r\n\r\n") is MALFORMED


@pytest.mark.parametrize(
    "data",
    [
        PUT + b"Content-Length: 5\r\n\r\nhello",
        CHUNKED + b"5;x=y\r\nhello\r\n0\r\nT: v\r\n\r\n",
        b"\r\n\r\n" + GET,
        PUT + b"Connection: upgrade\r\nUpgrade: h2c\r\nContent-Length: 5\r\n\r\nhello",
        b"GET /a HTTP/1.0\r\n\r\n",
        b"PUT /refuse HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nhello",
        PUT + b"Expect: 200-ok\r\nContent-Length: 5\r\n\r\nhello",
        b"GET /a RTSP/1.0\r\nHost: x\r\n\r\n",
    ],
)
def test_a_request_split_at_every_byte_is_the_same(data: bytes) -> None:
    """Reads have no meaning: whole, in two pieces cut anywhere, or byte by byte, a request is the same, or refused the same."""
    whole = one(data)
    splits = [[data[:cut], data[cut:]] for cut in range(1, len(data))] + [[data[at : at + 1] for at in range(len(data))]]
    for pieces in splits:
        message = one(*pieces)
        assert (message.refused, message.body, message.method) == (whole.refused, whole.body, whole.method)


def test_requests_sent_ahead_wait_as_bytes() -> None:
    """One request is read at a time; what follows is kept, counted, and not looked into before it is asked for."""
    reading = Reading()
    first = reading.reader.read(GET + PUT + b"Content-Length: 1\r\n\r\na" + CHUNKED + b"1\r\nb\r\n0\r\n\r\n" + GET[:5])
    assert first is not None
    assert reading.handler.targets == [b"/a"]
    assert len(reading.reader.kept) == reading.server.held_bytes > 0
    assert [bytes(message.body) for message in reading.feed(b"")] == [b"a", b"b"]
    assert reading.reader.kept == GET[:5]
    phase = reading.reader.phase
    assert [message.method for message in reading.feed(GET[5:])] == ["GET"]
    assert (phase, reading.reader.phase) == (Phase.HEAD, Phase.IDLE)


def test_pipelined_requests_are_bounded() -> None:
    """Requests sent ahead for which there is no room are not read: the connection ends with the one before them."""
    reading = Reading()
    reading.server.held_bytes = LIMITS.inflight_bytes - 10
    (message,) = reading.feed(GET + GET)
    assert message.refused is None
    assert reading.reader.ended
    assert reading.server.held_bytes == LIMITS.inflight_bytes - 10


def test_what_was_kept_is_let_go_where_there_is_no_room_for_more() -> None:
    """Once the rest of what was sent ahead cannot be kept, its beginning is of no use."""
    reading = Reading()
    reading.reader.keep(GET[:5])
    reading.server.held_bytes = LIMITS.inflight_bytes
    reading.reader.keep(GET[5:])
    assert reading.reader.ended
    assert reading.server.held_bytes == LIMITS.inflight_bytes - 5
    reading.reader.keep(GET)
    assert reading.server.held_bytes == LIMITS.inflight_bytes - 5


def test_the_first_of_pipelined_requests_may_be_refused() -> None:
    """A refused request is read to its end, so the one behind it is still understood (RFC 9112 section 9.3.2)."""
    reading = Reading()
    messages = reading.feed(b"PUT /refuse HTTP/1.1\r\nHost: x\r\nContent-Length: 40\r\n\r\n" + GET.ljust(40) + GET)
    assert [message.refused for message in messages] == [Reason.ENDPOINT_NOT_ALLOWED, None]
    assert reading.handler.targets == [b"/refuse", b"/a"]


def test_what_is_pipelined_is_judged_as_strictly() -> None:
    """The second request of a read is looked at like the first, whatever the first one's body holds."""
    for body in (b"hello", b" RTSP/"):
        first = PUT + b"Content-Length: %d\r\n\r\n%b" % (len(body), body)
        assert [message.refused for message in Reading().feed(first + GET)] == [None, None]
        assert [message.refused for message in Reading().feed(first + b"GET /a RTSP/1.0\r\nHost: x\r\n\r\n")] == [
            None,
            MALFORMED,
        ]


# The request line


def test_a_missing_version_is_refused() -> None:
    """HTTP/0.9 is not spoken, nor what llhttp takes for it: a line feed in the target (RFC 9112 section 3)."""
    assert refused(b"GET /a\r\nHost: x\r\n\r\n") is MALFORMED
    assert refused(b"GET /a\nHost:x HTTP/1.1\r\n\r\n") is MALFORMED
    assert refused(b"GET /a\nX: HTTP/1.1\r\nHost: x\r\n\r\n") is MALFORMED
    assert refused(b"GET /a\rHost:x HTTP/1.1\r\n\r\n") is MALFORMED


@pytest.mark.parametrize("line", [b"GET /a RTSP/1.0", b"POST /a RTSP/1.0", b"SOURCE /a ICE/1.0"])
def test_rtsp_and_ice_are_refused(line: bytes) -> None:
    """Llhttp speaks them too; here they are no requests."""
    assert refused(line + b"\r\nHost: x\r\n\r\n") is MALFORMED


@pytest.mark.parametrize("version", [b"HTTP/0.9", b"HTTP/1.2", b"HTTP/2.0", b"HTTP/1.10", b"http/1.1", b"HTTP/1.1 ", b"HTTP/1"])
def test_other_versions_are_refused(version: bytes) -> None:
    """The protocol is HTTP/1.1 or HTTP/1.0 and spelled so (RFC 9112 section 2.3)."""
    assert refused(b"GET /a " + version + b"\r\nHost: x\r\n\r\n") is MALFORMED


@pytest.mark.parametrize(
    "data",
    [
        b"GET  /a HTTP/1.1\r\nHost: x\r\n\r\n",
        b"GET /a  HTTP/1.1\r\nHost: x\r\n\r\n",
        b"GET /a b HTTP/1.1\r\nHost: x\r\n\r\n",
        b" GET /a HTTP/1.1\r\nHost: x\r\n\r\n",
        b"GET\t/a HTTP/1.1\r\nHost: x\r\n\r\n",
        b"get /a HTTP/1.1\r\nHost: x\r\n\r\n",
        b"GETX /a HTTP/1.1\r\nHost: x\r\n\r\n",
        b"\xffET /a HTTP/1.1\r\nHost: x\r\n\r\n",
        b"GET /\x00 HTTP/1.1\r\nHost: x\r\n\r\n",
        b"GET /\xff HTTP/1.1\r\nHost: x\r\n\r\n",
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n",
    ],
)
def test_a_request_line_has_three_parts(data: bytes) -> None:
    """One space between method, target and version, each of its own characters (RFC 9112 section 3)."""
    assert ends(data) == (MALFORMED, True)


def test_a_tls_handshake_is_refused_at_once() -> None:
    """A client that speaks TLS to the plain port sends no empty line and waits: it is answered without waiting for one."""
    assert refused(b"\x16\x03\x01\x02\x00") is MALFORMED


@pytest.mark.parametrize("method", [b"HEAD", b"OPTIONS", b"TRACE", b"PROPFIND"])
def test_a_method_that_is_never_forwarded_ends_the_connection(method: bytes) -> None:
    """The handler says what it thinks of it; behind it nothing is read."""
    reading = Reading()
    (message,) = reading.feed(method + b" /refuse HTTP/1.1\r\nHost: x\r\n\r\n" + GET)
    assert (message.method, message.refused) == (method.decode(), Reason.ENDPOINT_NOT_ALLOWED)
    assert reading.reader.ended


@pytest.mark.parametrize("rest", [b"\r\n", b"Content-Length: 9\r\n\r\n", b"\r\n" + GET])
def test_connect_opens_no_tunnel(rest: bytes) -> None:
    """CONNECT is one request without a body, and all that follows it is dropped (RFC 9110 section 9.3.6)."""
    reading = Reading()
    (message,) = reading.feed(b"CONNECT /refuse HTTP/1.1\r\nHost: x\r\n" + rest)
    assert (message.method, message.refused, message.body) == ("CONNECT", Reason.ENDPOINT_NOT_ALLOWED, b"")
    assert reading.reader.ended
    assert len(reading.handler.heads) == 1


# Fields


@pytest.mark.parametrize(
    "fields",
    [
        b"",
        b"Host: x\r\nHost: x\r\n",
        b"Host: x\r\nhost: y\r\n",
        b"Host: a b\r\n",
        b"Host: x, y\r\n",
        b"Host: x/y\r\n",
        b"Host: x:y\r\n",
        b"Host: x:1:2\r\n",
        b"Host: [x]\r\n",
        b"Host: %4\r\n",
        b"Host: \xe9\r\n",
    ],
)
def test_a_missing_or_repeated_host_is_refused(fields: bytes) -> None:
    """HTTP/1.1 has one Host, and it looks like one (RFC 9112 section 3.2)."""
    assert ends(b"GET /a HTTP/1.1\r\n" + fields + b"\r\n" + GET) == (MALFORMED, True)


@pytest.mark.parametrize("host", [b"", b"x", b"localhost:8080", b"[::1]:8080", b"127.0.0.1", b"a_b.example", b"a%2Db:", b":80"])
def test_any_one_host_will_do(host: bytes) -> None:
    """Applications reach the sidecar by whatever name; an empty one is legal (RFC 9112 section 3.2)."""
    assert refused(b"GET /a HTTP/1.1\r\nHost: " + host + b"\r\n\r\n") is None


def test_http_1_0_needs_no_host() -> None:
    """Only HTTP/1.1 brought it (RFC 9112 section 3.2); more than one is still refused."""
    assert refused(b"GET /a HTTP/1.0\r\n\r\n") is None
    assert refused(b"GET /a HTTP/1.0\r\nHost: x\r\nHost: x\r\n\r\n") is MALFORMED


@pytest.mark.parametrize("name", [b"Authorization", b"Content-Type", b"Content-Encoding", b"Expect"])
def test_what_decides_on_a_request_occurs_once(name: bytes) -> None:
    """Two credentials, types or codings could be read in two ways."""
    assert refused(PUT + name + b": a\r\n" + name.lower() + b": a\r\n\r\n") is MALFORMED


def test_other_repeated_fields_are_one_list() -> None:
    """A list may be spread over lines (RFC 9110 section 5.3)."""
    reading = Reading()
    reading.feed(b"GET /a HTTP/1.1\r\nHost: x\r\nConnection: a\r\nX: 1\r\nconnection: b\r\n\r\n")
    assert reading.handler.heads[0].headers == {b"host": b"x", b"connection": b"a, b", b"x": b"1"}


@pytest.mark.parametrize(
    "field",
    [
        b"A: b\r\n c",
        b"A: b\r\n\tc",
        b"A: b\x00c",
        b"A: b\rc",
        b"A: b\nc: d",
        b"A: b\x0bc",
        b"A: b\x7fc",
        b"A : b",
        b" A: b",
        b"A(b: c",
        b"A\xff: b",
        b": b",
        b"A",
        b"A: b\n",
    ],
)
def test_a_field_that_could_be_read_in_two_ways_is_refused(field: bytes) -> None:
    """Folded lines, control characters, bare CR or LF, odd names (RFC 9112 sections 2.2 and 5, RFC 9110 section 5.5)."""
    assert ends(b"GET /a HTTP/1.1\r\nHost: x\r\n" + field + b"\r\n\r\n" + GET) == (MALFORMED, True)


def test_bytes_beyond_ascii_are_values() -> None:
    """They are opaque (RFC 9110 section 5.5); whoever passes a field on looks at its shape."""
    reading = Reading()
    reading.feed(b"GET /a HTTP/1.1\r\nHost: x\r\nX: \xff\r\n\r\n")
    assert reading.handler.heads[0].headers[b"x"] == b"\xff"


def test_an_endless_field_value_is_cut_off() -> None:
    """Llhttp tells of a field when it ends; raw bytes are counted, so one that does not end is refused at `head_bytes`."""
    piece = b"a" * 500
    reading = Reading()
    messages = reading.feed(b"GET /a HTTP/1.1\r\nHost: x\r\nX: ", *[piece] * 10)
    assert [message.refused for message in messages] == [Reason.HEADERS_TOO_LARGE]
    assert reading.server.held_bytes == 0
    assert refused(b"GET /a HTTP/1.1\r\nHost: x\r\nX: " + piece * 10 + b"\r\n\r\n") is Reason.HEADERS_TOO_LARGE
    assert refused(b"GET /" + piece * 10) is Reason.HEADERS_TOO_LARGE


def test_a_head_of_exactly_the_limit_is_read() -> None:
    """`head_bytes` is the size of a head that passes; one byte more does not."""
    start, end = b"GET /a HTTP/1.1\r\nHost: x\r\nX: ", b"\r\n\r\n"
    value = b"a" * (LIMITS.head_bytes - len(start) - len(end))
    assert refused(start + value + end) is None
    assert refused(start + value + b"a" + end) is Reason.HEADERS_TOO_LARGE


def test_the_number_of_fields_is_limited() -> None:
    """`header_count` counts lines, repeated ones too."""
    for more in (b"X-%d: 1\r\n", b"X: %d\r\n"):
        fields = b"".join(more % number for number in range(LIMITS.header_count - 1))
        assert refused(b"GET /a HTTP/1.1\r\nHost: x\r\n" + fields + b"\r\n") is None
        assert refused(b"GET /a HTTP/1.1\r\nHost: x\r\n" + fields + more % 99 + b"\r\n") is Reason.HEADERS_TOO_LARGE


def test_a_field_repeated_without_end_costs_no_more_than_its_bytes() -> None:
    """A head of the largest size that can be configured, full of one field, is refused in the time it takes to read it."""
    server = Server(FakeHandler(), replace(LIMITS, head_bytes=1_048_576), FakeClock(), AT_ONCE)
    begin = time.perf_counter()
    message = RequestReader(server, lambda: None).read(b"GET /a HTTP/1.1\r\nHost: x\r\n" + b"a:\r\n" * 250_000 + b"\r\n")
    assert time.perf_counter() - begin < 5
    assert message is not None
    assert message.refused is Reason.HEADERS_TOO_LARGE


# Framing


@pytest.mark.parametrize(
    "coding", [b"gzip", b"gzip, chunked", b"chunked, chunked", b"chunked, gzip", b"identity", b"", b"xchunked"]
)
def test_any_transfer_coding_but_a_single_chunked_is_refused(coding: bytes) -> None:
    """Whoever knows another coding sees other ends (RFC 9112 section 6.1): refused, and nothing is read behind it."""
    assert ends(PUT + b"Transfer-Encoding: " + coding + b"\r\n\r\n0\r\n\r\n" + GET) == (MALFORMED, True)


def test_a_repeated_transfer_encoding_is_refused() -> None:
    """Two lines of it are a list of two codings (RFC 9110 section 5.3)."""
    assert ends(PUT + b"Transfer-Encoding: chunked\r\n" * 2 + b"\r\n0\r\n\r\n") == (MALFORMED, True)


@pytest.mark.parametrize("coding", [b"chunked", b"Chunked", b"CHUNKED  "])
def test_chunked_in_any_case_is_read(coding: bytes) -> None:
    """Codings are case-insensitive (RFC 9112 section 7)."""
    assert one(PUT + b"Transfer-Encoding: " + coding + b"\r\n\r\n1\r\na\r\n0\r\n\r\n").body == b"a"


def test_chunked_on_http_1_0_is_refused() -> None:
    """HTTP/1.0 has no codings: the framing is faulty, the connection ends (RFC 9112 section 6.1)."""
    assert ends(b"PUT /a HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n") == (MALFORMED, True)


@pytest.mark.parametrize(
    "fields", [b"Content-Length: 5\r\nTransfer-Encoding: chunked", b"Transfer-Encoding: chunked\r\nContent-Length: 5"]
)
def test_a_length_beside_a_coding_is_refused(fields: bytes) -> None:
    """Both together are how requests are smuggled (RFC 9112 section 6.3, rule 3)."""
    assert ends(PUT + fields + b"\r\n\r\n0\r\n\r\n" + GET) == (MALFORMED, True)


@pytest.mark.parametrize(
    "length",
    [
        b"+5",
        b"-5",
        b"5 5",
        b"5, 5",
        b"5,5",
        b"0x5",
        b"1_0",
        b"",
        b"five",
        b"5\r\nContent-Length: 5",
        b"5\r\nContent-Length: 6",
        b"18446744073709551616",
        b"9" * 5000,
        b"0" * 5000 + b"5",
        b"0" * 21,
    ],
)
def test_a_length_is_digits_and_occurs_once(length: bytes) -> None:
    """Signs, lists, other bases, overflow: none of them is a length (RFC 9110 section 8.6)."""
    data = PUT + b"Content-Length: " + length + b"\r\n\r\nhello" + GET
    reason, ended = ends(data)
    assert reason is (Reason.HEADERS_TOO_LARGE if len(data) > LIMITS.head_bytes else MALFORMED)
    assert ended


@pytest.mark.parametrize("length", [b"5", b"   5", b"5  ", b"05", b"00000000000000000005"])
def test_a_length_may_have_space_around_and_zeros_before(length: bytes) -> None:
    """Both are in the grammar (RFC 9110 sections 5.5 and 8.6)."""
    assert one(PUT + b"Content-Length: " + length + b"\r\n\r\nhello").body == b"hello"


def test_the_largest_length_is_too_large() -> None:
    """A length that only just fits 64 bits is a length, and refused as what it is."""
    assert ends(PUT + b"Content-Length: 18446744073709551615\r\n\r\n") == (Reason.BODY_TOO_LARGE, True)


@pytest.mark.parametrize(
    "body",
    [
        b"0x5\r\nhello\r\n0\r\n\r\n",
        b"+5\r\nhello\r\n0\r\n\r\n",
        b"-5\r\nhello\r\n0\r\n\r\n",
        b" 5\r\nhello\r\n0\r\n\r\n",
        b"5 \r\nhello\r\n0\r\n\r\n",
        b"5\nhello\r\n0\r\n\r\n",
        b"5;a\nhello\r\n0\r\n\r\n",
        b"5\r\nhello\n0\r\n\r\n",
        b"5\r\nhello0\r\n\r\n",
        b"\r\nhello\r\n0\r\n\r\n",
        b"g\r\nhello\r\n0\r\n\r\n",
        b"1FFFFFFFFFFFFFFFF\r\nhello",
        b"5\r\nhello\r\n0\r\n\n",
        b"5\r\nhello\r\n0\r\nT: v\n\r\n",
    ],
)
def test_a_chunk_has_a_size_in_hexadecimal_and_ends_with_crlf(body: bytes) -> None:
    """No prefix, sign, space, bare line feed or overflow (RFC 9112 section 7.1)."""
    assert ends(CHUNKED + body) == (MALFORMED, True)


def test_a_chunk_larger_than_can_be_is_refused_when_it_comes() -> None:
    """A huge size is only a promise; what counts is what arrives."""
    reading = Reading()
    messages = reading.feed(CHUNKED + b"FFFFFFFFFFFFFFFF\r\n", *[b"a" * READ_BYTES] * 5)
    assert [message.refused for message in messages] == [Reason.BODY_TOO_LARGE]
    assert reading.server.held_bytes == 0


def test_an_endless_chunk_extension_is_cut_off() -> None:
    """An extension fires no callback; raw bytes are counted (RFC 9112 section 7.1.1)."""
    assert ends(CHUNKED + b"1;", *[b"x" * 500] * 10) == (Reason.BODY_TOO_LARGE, True)


def test_many_chunk_extensions_are_cut_off() -> None:
    """A byte of body now and then does not pay for extensions."""
    assert ends(CHUNKED, *[b"1;" + b"x" * 1000 + b"\r\na\r\n"] * 100) == (Reason.BODY_TOO_LARGE, True)


@pytest.mark.parametrize("trailer", [b"T: " + b"x" * 500, b"T: x\r\n" * 100])
def test_an_endless_trailer_is_cut_off(trailer: bytes) -> None:
    """A trailer is bounded like a head, however large the body before it was, and is not kept (RFC 9112 section 7.1.2)."""
    reading = Reading(100_000)
    body = b"186A0\r\n" + b"a" * 100_000 + b"\r\n0\r\n"
    messages = reading.feed(CHUNKED + body, *[trailer] * 10)
    assert [message.refused for message in messages] == [Reason.BODY_TOO_LARGE]
    assert reading.server.held_bytes == 0


def test_a_body_in_chunks_of_one_byte_is_read() -> None:
    """Small chunks are legal; their framing is allowed for."""
    assert bytes(one(CHUNKED + b"1\r\na\r\n" * 1000 + b"0\r\n\r\n").body) == b"a" * 1000


def test_a_body_full_of_empty_lines_is_read() -> None:
    """What looks like the end of a body inside a chunk is content."""
    content = b"0\r\n\r\nGET /b HTTP/1.1\r\nHost: x\r\n\r\n" * 10
    reading = Reading()
    first, second = reading.feed(CHUNKED + b"%x\r\n%b\r\n0\r\n\r\n" % (len(content), content) + GET)
    assert (bytes(first.body), second.method) == (content, "GET")
    assert reading.handler.targets == [b"/a", b"/a"]


# How much is done in one turn


@pytest.mark.parametrize("shape", hostile.SHAPES)
def test_no_turn_has_llhttp_call_back_more_than_its_bound(shape: str) -> None:
    """Of a read as large as an event loop makes it, so much is parsed in a turn, the rest kept and counted until its turn."""
    reading, calls = Reading(body_bytes=1_000_000), hostile.Calls(httptools.HttpRequestParser)
    data = CHUNKED + hostile.body(shape, READ_BYTES)
    read_bytes = turns = 0
    message = reading.reader.read(data)
    while True:
        turns += 1
        done_bytes = len(data) - len(reading.reader.kept)
        if message is not None:  # refused for good: mostly framing
            break
        assert reading.server.held_bytes >= len(reading.reader.kept)
        assert calls.of(data[read_bytes:done_bytes]) <= CALLS_PER_TURN + 3  # the head's own fields
        assert done_bytes - read_bytes <= STEP_BYTES * STEPS_PER_TURN
        read_bytes = done_bytes
        if not reading.reader.unfinished:
            break
        message = reading.reader.read(b"")
    assert turns > 5 or shape not in hostile.TAKE_TURNS
    reading.reader.close()
    assert reading.server.held_bytes == 0


def test_an_ordinary_chunked_body_is_read_in_one_turn() -> None:
    """Chunks of a kilobyte, as many as come in one read, wait for no other turn."""
    reading = Reading(body_bytes=1_000_000)
    chunk = b"400\r\n" + b"a" * 1024 + b"\r\n"
    message = reading.reader.read(CHUNKED + chunk * (READ_BYTES // len(chunk)) + b"0\r\n\r\n")
    assert message is not None
    assert message.body_bytes == 1024 * (READ_BYTES // len(chunk))


def test_what_waits_for_a_turn_needs_room() -> None:
    """Where there is none for the rest of a read, the request is refused as overloaded, and nothing of it stays."""
    reading = Reading()
    reading.server.held_bytes = LIMITS.inflight_bytes - 1000
    message = reading.reader.read(CHUNKED + b"1\r\na\r\n" * 5000)
    assert message is not None
    assert (message.refused, reading.reader.ended) == (Reason.OVERLOADED, True)
    assert reading.server.held_bytes == LIMITS.inflight_bytes - 1000


@pytest.mark.parametrize("size", [1, 7, LIMITS.head_bytes])
def test_empty_lines_before_a_request_are_bounded(size: int) -> None:
    """As many bytes of them as a head may have are passed over (RFC 9112 section 2.2); more are no way to begin."""
    lines = b"\r\n" * (LIMITS.head_bytes // 2)
    reading = Reading()
    for _ in range(2):  # each request may have them
        (message,) = reading.feed(*(lines[at : at + size] for at in range(0, len(lines), size)), GET)
        assert message.refused is None
    (message,) = reading.feed(*(lines[at : at + size] for at in range(0, len(lines), size)), b"\n")
    assert (message.refused, reading.reader.ended) == (Reason.MALFORMED_REQUEST, True)


def test_a_head_that_comes_byte_by_byte_is_neither_copied_nor_searched_again() -> None:
    """The largest head that can be configured, in a million reads: half a terabyte of work if each began from the start."""
    size = 1_048_576
    server = Server(FakeHandler(), replace(LIMITS, head_bytes=size), FakeClock(), AT_ONCE)
    reader = RequestReader(server, lambda: None)
    start = b"GET /a HTTP/1.1\r\nHost: x\r\nX: "
    assert reader.read(start) is None
    for _ in range(size - len(start) - 4):
        assert reader.read(b"a") is None
    assert server.held_bytes == size - 4
    message = reader.read(b"\r\n\r\n")
    assert message is not None
    assert message.refused is None
    assert server.held_bytes == 0


def test_requests_sent_ahead_are_not_copied_for_each_of_them() -> None:
    """A hundred thousand of them, kept at once: a hundred gigabytes of work if each moved the ones behind it."""
    reading = Reading()
    count = LIMITS.inflight_bytes // len(GET)
    message = reading.reader.read(GET * count)
    for left in range(count - 1, 0, -1):
        assert message is not None
        assert len(reading.reader.kept) == left * len(GET)
        message = reading.reader.read(b"")
    assert reading.reader.read(b"") is None
    assert reading.server.held_bytes == 0


# Upgrades and expectations


@pytest.mark.parametrize(
    "body", [b"Content-Length: 5\r\n\r\nhello", b"Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n"]
)
def test_an_upgrade_is_ignored_and_its_body_read(body: bytes) -> None:
    """Java's client offers h2c with every plain request (RFC 9110 section 7.8): its body is a body, not another request."""
    reading = Reading()
    first, second = reading.feed(
        PUT + b"Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: x\r\n" + body + GET
    )
    assert (first.refused, bytes(first.body)) == (None, b"hello")
    assert (second.method, second.refused) == ("GET", None)
    assert reading.handler.targets == [b"/a", b"/a"]


def test_an_upgraded_body_is_not_taken_for_a_request() -> None:
    """A body that looks like a request stays a body."""
    reading = Reading()
    (message,) = reading.feed(PUT + b"Connection: upgrade\r\nUpgrade: x\r\nContent-Length: %d\r\n\r\n" % len(GET) + GET)
    assert message.body == GET
    assert reading.handler.targets == [b"/a"]


def test_100_continue_is_sent_after_the_head_was_accepted() -> None:
    """Caller, endpoint and length first; only then is the body asked for (RFC 9110 section 10.1.1)."""
    reading = Reading()
    head = PUT + b"Expect: 100-Continue\r\nContent-Length: 5\r\n\r\n"
    assert reading.feed(head) == []
    assert reading.told == ["continue"]
    assert [message.body for message in reading.feed(b"hello")] == [b"hello"]


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"PUT /refuse HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 5\r\n\r\n", Reason.ENDPOINT_NOT_ALLOWED),
        (PUT + b"Expect: 100-continue\r\nContent-Length: 1001\r\n\r\n", Reason.BODY_TOO_LARGE),
        (PUT + b"Expect: something\r\nContent-Length: 5\r\n\r\n", MALFORMED),
        (PUT + b"Expect: \r\nContent-Length: 5\r\n\r\n", MALFORMED),
    ],
)
def test_who_expects_100_continue_and_is_refused_hears_it_at_once(data: bytes, reason: Reason) -> None:
    """No body is asked for, and none is waited for: whether it comes is not known, so the connection ends."""
    reading = Reading()
    (message,) = reading.feed(data)
    assert (message.refused, reading.told, reading.reader.ended) == (reason, [], True)


@pytest.mark.parametrize(
    "data",
    [
        PUT + b"Expect: 100-continue\r\nContent-Length: 5\r\n\r\nh",
        PUT + b"Expect: 100-continue\r\n\r\n",
        PUT + b"Expect: 100-continue\r\nContent-Length: 0\r\n\r\n",
        b"PUT /a HTTP/1.0\r\nExpect: 100-continue\r\nContent-Length: 5\r\n\r\n",
    ],
)
def test_100_continue_is_not_sent_for_nothing(data: bytes) -> None:
    """Not when the body is on its way, not without one, never to HTTP/1.0 (RFC 9110 section 10.1.1)."""
    reading = Reading()
    reading.feed(data)
    assert reading.told == []


# Caps and refusals


def test_a_body_too_large_by_its_length_is_refused_before_it_is_kept() -> None:
    """The length decides; the body is read and dropped, so that the connection stays usable."""
    reading = Reading()
    assert reading.feed(PUT + b"Content-Length: 1001\r\n\r\n" + b"a" * 1000) == []
    assert reading.server.held_bytes == 0
    assert [message.refused for message in reading.feed(b"a" + GET)] == [Reason.BODY_TOO_LARGE, None]


def test_a_body_too_large_by_its_chunks_is_refused_where_it_grows_too_large() -> None:
    """Without a length the bytes are counted, and let go."""
    reading = Reading()
    assert reading.feed(CHUNKED + b"3e8\r\n" + b"a" * 1000 + b"\r\n") == []
    assert reading.server.held_bytes == 1000
    assert reading.feed(b"1\r\na\r\n") == []
    assert reading.server.held_bytes == 0
    assert [message.refused for message in reading.feed(b"0\r\n\r\n" + GET)] == [Reason.BODY_TOO_LARGE, None]


def test_a_refused_body_is_not_read_for_ever() -> None:
    """More than `LINGER_BYTES` of a refused body are not waited for, by length or by count."""
    head = b"PUT /refuse HTTP/1.1\r\nHost: x\r\n"
    assert ends(head + b"Content-Length: %d\r\n\r\n" % (LINGER_BYTES + 1)) == (Reason.ENDPOINT_NOT_ALLOWED, True)
    pieces = [b"%x\r\n" % READ_BYTES + b"a" * READ_BYTES + b"\r\n"] * (LINGER_BYTES // READ_BYTES + 1)
    assert ends(head + b"Transfer-Encoding: chunked\r\n\r\n", *pieces) == (Reason.ENDPOINT_NOT_ALLOWED, True)


def test_bodies_in_flight_are_bounded() -> None:
    """A body for which there is no room is refused as overloaded, and what was kept of it is let go (promise G12)."""
    reading = Reading()
    reading.server.held_bytes = LIMITS.inflight_bytes - 500
    assert reading.feed(PUT + b"Content-Length: 600\r\n\r\n" + b"a" * 500) == []
    assert reading.server.held_bytes == LIMITS.inflight_bytes
    assert reading.feed(b"a" * 99) == []
    assert reading.server.held_bytes == LIMITS.inflight_bytes - 500
    assert [message.refused for message in reading.feed(b"a" + GET)] == [Reason.OVERLOADED, None]


def test_heads_in_flight_are_bounded() -> None:
    """Part of a head is held like part of a body (promise G12)."""
    reading = Reading()
    reading.server.held_bytes = LIMITS.inflight_bytes - 5
    (message,) = reading.feed(GET[:6])
    assert (message.refused, reading.reader.ended) == (Reason.OVERLOADED, True)
    assert reading.server.held_bytes == LIMITS.inflight_bytes - 5


def test_a_fault_of_the_handler_refuses_the_request() -> None:
    """Whatever goes wrong while a request is judged, it is refused as internal, never forwarded."""
    reading = Reading()
    assert [message.refused for message in reading.feed(b"GET /fault HTTP/1.1\r\nHost: x\r\n\r\n" + GET)] == [
        Reason.INTERNAL,
        None,
    ]


def test_what_was_refused_first_stays_the_reason() -> None:
    """A request that is refused, then too slow, is answered with what was wrong with it."""
    reading = Reading()
    reading.feed(b"PUT /refuse HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nh")
    assert reading.reader.refuse(Reason.REQUEST_TIMEOUT).refused is Reason.ENDPOINT_NOT_ALLOWED


def test_a_closed_reader_holds_nothing() -> None:
    """Wherever reading was, nothing is counted as held once it ends."""
    for data in (GET[:6], PUT + b"Content-Length: 9\r\n\r\nhello", GET + GET):
        reading = Reading()
        message = reading.reader.read(data)
        assert reading.server.held_bytes > 0
        reading.reader.close()
        assert reading.server.held_bytes == 0
        assert (message is None) is (data != GET + GET)


# What ends a connection


def test_a_trailer_that_says_close_ends_the_connection() -> None:
    """To llhttp it would make the next request an error, though trailers are to be ignored (RFC 9110 section 6.5.1)."""
    reading = Reading()
    messages = reading.feed(CHUNKED + b"1\r\na\r\n0\r\nConnection: close\r\n\r\n" + GET)
    assert [(message.refused, message.body) for message in messages] == [(None, b"a")]
    assert reading.reader.ended


@pytest.mark.parametrize(
    ("head", "ended"),
    [
        (b"GET /a HTTP/1.1\r\nHost: x\r\n", False),
        (b"GET /a HTTP/1.1\r\nHost: x\r\nConnection: close\r\n", True),
        (b"GET /a HTTP/1.1\r\nHost: x\r\nConnection: keep-alive, Close\r\n", True),
        (b"GET /a HTTP/1.1\r\nHost: x\r\nConnection: a\r\nConnection: close\r\n", True),
        (b"GET /a HTTP/1.0\r\n", True),
        (b"GET /a HTTP/1.0\r\nConnection: keep-alive\r\n", False),
    ],
)
def test_the_last_request_of_a_connection(head: bytes, ended: bool) -> None:  # noqa: FBT001  # a column of the table
    """HTTP/1.1 goes on unless told otherwise, HTTP/1.0 the other way round (RFC 9112 section 9.3)."""
    reading = Reading()
    messages = reading.feed(head + b"\r\n" + b"PUT /b HTTP/1.1\r\nHost: x\r\n\r\n")
    assert reading.reader.ended is ended
    assert [message.method for message in messages] == (["GET"] if ended else ["GET", "PUT"])
    assert reading.feed(GET) == [] or not ended
