"""Requests whose end could be found in two ways: lengths, codings, chunks, trailers (RFC 9112 sections 6 and 7).

This is where requests are smuggled: one reader sees one request, the next one sees two. A framing that is not understood beyond
doubt is refused and nothing behind it is read.
"""

from proxy.errors import Reason
from tests.conformance.cases import (
    BODY,
    CHUNKED,
    CHUNKS,
    EMPTY,
    HOST,
    JSON,
    LENGTH,
    READ,
    REGION,
    SMUGGLED,
    Answer,
    Case,
    Forwarded,
    Then,
    chunked,
    get,
    good,
    passed,
    put,
    refused,
    request,
)
from tests.conformance.corpus import group, shown

# One chunk that holds a request, and the end of the body.
_HIDDEN = b"%x\r\n%b\r\n0\r\n\r\n" % (len(SMUGGLED), SMUGGLED)


def _coded(name: str, *lines: bytes, body: bytes = CHUNKS + SMUGGLED) -> Case:
    return refused(name, put(*lines, body=body))


BOTH = group(
    "A length beside a transfer coding",
    "RFC 9112 section 6.3, rule 3",
    _coded("CL.TE", b"Content-Length: 6", CHUNKED, body=b"0\r\n\r\nG"),
    _coded("CL.TE with a request in the rest", b"Content-Length: %d" % (5 + len(SMUGGLED)), CHUNKED,
           body=b"0\r\n\r\n" + SMUGGLED),
    _coded("TE.CL", CHUNKED, b"Content-Length: 4", body=_HIDDEN),
    _coded("TE.CL with an exact length", CHUNKED, b"Content-Length: %d" % len(CHUNKS)),
    _coded("a length of nothing", b"Content-Length: 0", CHUNKED),
    _coded("coding in capitals", LENGTH, b"TRANSFER-ENCODING: CHUNKED"),
    _coded("`identity` and a length", LENGTH, b"Transfer-Encoding: identity", body=BODY),
    _coded("no coding and a length", LENGTH, b"Transfer-Encoding:", body=BODY),
    _coded("an unknown coding and a length", LENGTH, b"Transfer-Encoding: xchunked", body=BODY),
    _coded("a coding of another message", LENGTH, CHUNKED, b"Connection: transfer-encoding"),
    refused("on HTTP/1.0", request(b"PUT /api/v1/customers/5 HTTP/1.0", LENGTH, CHUNKED, body=CHUNKS + SMUGGLED)),
)  # fmt: skip

CODINGS = group(
    "Transfer-Encoding",
    "RFC 9112 section 6.1",
    [passed(shown(line), put(line, body=CHUNKS)) for line in (
        b"Transfer-Encoding: Chunked", b"transfer-encoding:CHUNKED", b"Transfer-Encoding: \t chunked",
        b"Transfer-Encoding: chunked  ",
    )],
    [_coded(f"`{value}`", f"Transfer-Encoding: {value}".encode()) for value in (
        "xchunked", "chunkedx", "chunk", '"chunked"', "'chunked'", "chunked;q=1", "chunked;", "chunked chunked", "chunked,",
        ",chunked", "chunked, chunked", "chunked, identity", "identity, chunked", "gzip, chunked", "gzip", "identity",
        "trailers",
        "ｃhunked", "chunke\u0130d",
    )],
    _coded("an empty list", b"Transfer-Encoding: ,"),
    _coded("two lines", CHUNKED, CHUNKED),
    _coded("two lines that disagree", CHUNKED, b"Transfer-Encoding: identity"),
    _coded("two lines, the last one `chunked`", b"Transfer-Encoding: x", b"transfer-encoding: chunked"),
    _coded("vertical tab before it", b"Transfer-Encoding: \x0bchunked"),
    _coded("form feed behind it", b"Transfer-Encoding: chunked\x0c"),
    _coded("NUL behind it", b"Transfer-Encoding: chunked\x00"),
    _coded("CR behind it", b"Transfer-Encoding: chunked\r"),
    _coded("space before the colon", LENGTH, b"Transfer-Encoding : chunked"),
    _coded("tab before the colon", LENGTH, b"Transfer-Encoding\t: chunked"),
    _coded("space before the name", LENGTH, b" Transfer-Encoding: chunked"),
    _coded("NUL in the name", LENGTH, b"Transfer-\x00Encoding: chunked"),
    _coded("space in the name", LENGTH, b"Transfer Encoding: chunked"),
    _coded("on a folded line", LENGTH, b"X: a", b"\tTransfer-Encoding: chunked"),
    _coded("folded", LENGTH, b"Transfer-Encoding:", b" chunked"),
    _coded("behind a bare LF", LENGTH, b"X: a\nTransfer-Encoding: chunked"),
    _coded("behind a bare CR", LENGTH, b"X: a\rTransfer-Encoding: chunked"),
    refused("on HTTP/1.0", request(b"PUT /api/v1/customers/5 HTTP/1.0", CHUNKED, body=CHUNKS + SMUGGLED)),
    passed("another field: `Transfer_Encoding`", good(b"Transfer_Encoding: chunked"), rule="RFC 9110 section 5.1"),
    passed("another field: `X-Transfer-Encoding`", good(b"X-Transfer-Encoding: chunked"), rule="RFC 9110 section 5.1"),
    passed("`TE: trailers, chunked`", good(b"TE: trailers, chunked"), rule="RFC 9110 section 10.1.4"),
    refused(
        "`Content-Encoding: chunked`", good(b"Content-Encoding: chunked"), Reason.UNSUPPORTED_MEDIA, Then.STAYS,
        rule="RFC 9110 section 8.4",
    ),
)  # fmt: skip


def _long(name: str, *lines: bytes, body: bytes = BODY) -> Case:
    return refused(name, put(*lines, body=body + SMUGGLED))


LENGTHS = group(
    "Content-Length",
    "RFC 9110 section 8.6",
    [passed(f"`{value}`", put(f"Content-Length:{value}".encode())) for value in (
        "7", " 7", "  7  ", " 07", " 00000000000000000007",
    )],
    passed("a tab before it", put(b"Content-Length:\t7")),
    [_long(f"`{value}`", f"Content-Length: {value}".encode()) for value in (
        "+7", "-7", "-0", "7 7", "7,7", "7, 7", "7, 8", "7,", "7;", "0x7", "0X7", "7.0", "7e0", "1_0", "seven",
        "7 x", "٧", "７",
        "18446744073709551616", "18446744073709551623", "36893488147419103239", "000000000000000000007",
    )],
    _long("nothing", b"Content-Length:"),
    _long("a space", b"Content-Length: "),
    _long("two spaces", b"Content-Length:  "),
    _long("100 digits", b"Content-Length: " + b"7" * 100),
    _long("two lines", LENGTH, LENGTH),
    _long("two lines that disagree", LENGTH, b"content-length: 8"),
    _long("two lines, one of them empty", b"Content-Length:", LENGTH),
    _long("space before the colon", b"Content-Length : 7"),
    _long("NUL behind it", b"Content-Length: 7\x00"),
    _long("vertical tab before it", b"Content-Length: \x0b7"),
    _long("CR behind it", b"Content-Length: 7\r"),
    _long("folded", b"Content-Length:", b" 7"),
    _long("folded in the number", b"Content-Length: 7", b" 0"),
    refused("2^64 - 1", put(b"Content-Length: 18446744073709551615"), Reason.BODY_TOO_LARGE),
    refused("99999999", put(b"Content-Length: 99999999"), Reason.BODY_TOO_LARGE, rule="`outbound.limits.body_bytes`"),
    refused(
        "one more than is allowed", put(b"Content-Length: 4097", body=b" " * 4097), Reason.BODY_TOO_LARGE, Then.STAYS,
        rule="`outbound.limits.body_bytes`",
    ),
    passed("as much as is allowed", put(b"Content-Length: 4096", body=BODY.ljust(4096)), rule="`outbound.limits.body_bytes`"),
    passed("none, and no body", put(body=b""), EMPTY, rule="RFC 9112 section 6.3, rule 7"),
    passed("`0`", put(b"Content-Length: 0", body=b""), EMPTY),
    passed("`0` on a read", get(b"Content-Length: 0"), READ),
)  # fmt: skip

NONE = group(
    "A request in the place of a body",
    "RFC 9112 section 6.3",
    refused(
        "CL.0: a length where none is expected", get(b"Content-Length: %d" % len(SMUGGLED)) + SMUGGLED,
        Reason.UNSUPPORTED_MEDIA, Then.STAYS,
    ),
    refused(
        "CL.0 with JSON for its type", put(b"Content-Length: %d" % len(SMUGGLED), body=SMUGGLED), Reason.INVALID_JSON,
        Then.STAYS,
    ),
    refused(
        "a body that is refused", put(b"Content-Length: %d" % len(SMUGGLED), body=SMUGGLED, target=b"/nothing"),
        Reason.ENDPOINT_NOT_ALLOWED, Then.STAYS,
    ),
    refused("a chunk that holds a request", chunked(_HIDDEN), Reason.INVALID_JSON, Then.STAYS),
    passed(
        "0.CL: the hidden length is another field", put(b"Content_Length: 7"), EMPTY, Reason.MALFORMED_REQUEST,
        then=Then.CLOSES,
        rule="RFC 9110 section 5.1",
    ),
    passed(
        "no length: what follows is a request", put(body=b"") + request(b"DELETE %b HTTP/1.1" % REGION, b"Host: x"),
        EMPTY, Reason.METHOD_NOT_ALLOWED,
    ),
    passed("a request behind a body", good() + get(), Forwarded(), READ),
)  # fmt: skip

_LONGER = b'{"a":123}'
_EVENTS = b"/api/v1/customers/5/events"


def _again(name: str, sent: bytes, answer: Answer, then: Then = Then.STAYS) -> Case:
    """Return a good call, and one like it."""
    return passed(name, good() + sent, Forwarded(), answer, then=then)


LIKE = group(
    "A head nearly like one that was read before",
    "RFC 9112 section 6.3",
    _again("another length", put(b"Content-Length: 9", body=_LONGER), Forwarded(body=_LONGER)),
    _again("another length, in small letters", put(b"content-length: 9", body=_LONGER), Forwarded(body=_LONGER)),
    _again("a length of nothing", put(b"Content-Length: 0", body=b""), EMPTY),
    _again("the length with a zero before it", put(b"Content-Length: 07"), Forwarded()),
    _again("the length with 18 digits", put(b"Content-Length: %018d" % 7), Forwarded()),
    _again("the length with 19 digits", put(b"Content-Length: %019d" % 7), Forwarded()),
    _again("a space behind the length", put(b"Content-Length: 7 "), Forwarded()),
    _again("no length", put(body=b""), EMPTY),
    _again("chunks", chunked(CHUNKS), Forwarded()),
    _again("another call", request(b"POST %b HTTP/1.1" % _EVENTS, HOST, JSON, LENGTH, body=BODY), Forwarded(b"POST", _EVENTS)),
    _again("another field", good(b"User-Agent: x"), Forwarded(lines=b"User-Agent: x\r\n")),
    _again("a length that is too long", put(b"Content-Length: 4097", body=b" " * 4097), Reason.BODY_TOO_LARGE),
    _again("in HTTP/1.0", good().replace(b"HTTP/1.1", b"HTTP/1.0"), Forwarded(), Then.CLOSES),
    _again("a length without digits", put(b"Content-Length: ", body=BODY), Reason.MALFORMED_REQUEST, Then.CLOSES),
    _again("a length without digits, nor a space", put(b"Content-Length:", body=BODY), Reason.MALFORMED_REQUEST, Then.CLOSES),
    _again("a length with a sign", put(b"Content-Length: +7"), Reason.MALFORMED_REQUEST, Then.CLOSES),
    _again("the length twice", good(LENGTH), Reason.MALFORMED_REQUEST, Then.CLOSES),
    _again("the length twice, in two spellings", good(b"content-length: 7"), Reason.MALFORMED_REQUEST, Then.CLOSES),
    _again("the length and another one", good(b"Content-Length: 9"), Reason.MALFORMED_REQUEST, Then.CLOSES),
    _again("the length and a coding", good(CHUNKED), Reason.MALFORMED_REQUEST, Then.CLOSES),
    _again("the length on a folded line", put(b"Content-Length: 7\r\n 0"), Reason.MALFORMED_REQUEST, Then.CLOSES),
    _again("a space before the version", good().replace(b" HTTP/1.1", b"  HTTP/1.1"), Reason.MALFORMED_REQUEST, Then.CLOSES),
    _again("bare LF for a CRLF", good().replace(b"x\r\n", b"x\n", 1), Reason.MALFORMED_REQUEST, Then.CLOSES),
)  # fmt: skip


def _chunks(name: str, body: bytes) -> Case:
    return refused(name, chunked(body + SMUGGLED))


_END = b"\r\n0\r\n\r\n"
_ONE = b"7\r\n" + BODY + b"\r\n"

CHUNK_SIZES = group(
    "Chunks",
    "RFC 9112 section 7.1",
    [passed(name, chunked(body)) for name, body in (
        ("one chunk", CHUNKS),
        ("a size with zeros before it", b"00000007\r\n" + BODY + _END),
        ("seven chunks", b"".join(b"1\r\n%c\r\n" % byte for byte in BODY) + b"0\r\n\r\n"),
        ("a last size of zeros", _ONE + b"000\r\n\r\n"),
    )],
    passed("a size in capitals", chunked(b"A\r\n" + BODY.ljust(10) + _END)),
    passed("a size in small letters", chunked(b"a\r\n" + BODY.ljust(10) + _END)),
    passed("no chunk but the last", chunked(b"0\r\n\r\n"), EMPTY),
    [_chunks(f"size {shown(size.encode())}", size.encode() + b"\r\n" + BODY + _END) for size in (
        "0x7", "0X7", "x7", "+7", "-7", " 7", "7 ", "7 7", "g", "7h", "7.", "7,", '"7"', "", "٧",
    )],
    _chunks("tab behind the size", b"7\t\r\n" + BODY + _END),
    _chunks("NUL behind the size", b"7\x00\r\n" + BODY + _END),
    _chunks("2^64", b"10000000000000000\r\n" + BODY + _END),
    _chunks("2^64 and the size", b"10000000000000007\r\n" + BODY + _END),
    _chunks("2^128", b"1" + b"0" * 32 + b"\r\n" + BODY + _END),
    _chunks("bare LF behind the size", b"7\n" + BODY + _END),
    _chunks("bare CR behind the size", b"7\r" + BODY + _END),
    _chunks("two CR behind the size", b"7\r\r\n" + BODY + _END),
    _chunks("bare LF behind the data", b"7\r\n" + BODY + b"\n0\r\n\r\n"),
    _chunks("nothing behind the data", b"7\r\n" + BODY + b"0\r\n\r\n"),
    _chunks("two bytes for CRLF", b"7\r\n" + BODY + b"XX0\r\n\r\n"),
    _chunks("data longer than the size", b"6\r\n" + BODY + _END),
    _chunks("data shorter than the size", b"8\r\n" + BODY + _END),
    _chunks("bare LF at the end", _ONE + b"0\r\n\n"),
    _chunks("bare LF for both ends", _ONE + b"0\n\n"),
    _chunks("bare CR at the end", _ONE + b"0\r\n\r\r"),
    refused("one byte more than is allowed", chunked(b"1001\r\n" + b" " * 4097 + _END), Reason.BODY_TOO_LARGE, Then.STAYS,
            rule="`outbound.limits.body_bytes`"),
    refused("far more than is allowed", chunked(b"ffffffff\r\n" + b" " * 1_100_000), Reason.BODY_TOO_LARGE,
            rule="`outbound.limits.body_bytes`"),
)  # fmt: skip

EXTENSIONS = group(
    "Chunk extensions",
    "RFC 9112 section 7.1.1",
    [passed(f"`{extension}`", chunked(b"7" + extension.encode() + b"\r\n" + BODY + _END)) for extension in (
        ";a", ";a=b", ";a=b;c=d", ';a="b c"', ';a="b\\"c"', ";a=0x7",
    )],
    passed("on the last chunk", chunked(_ONE + b"0;a=b\r\n\r\n")),
    passed("4,000 bytes of them", chunked(b"7;" + b"a" * 4000 + b"\r\n" + BODY + _END)),
    _chunks("bare LF in one", b"7;a\n" + BODY + _END),
    _chunks("bare LF instead of one", b"7;\nxx\r\n" + BODY + _END),
    _chunks("bare CR in one", b"7;a\rb\r\n" + BODY + _END),
    _chunks("bare LF in quotes", b'7;a="\n"\r\n' + BODY + _END),
    _chunks("CRLF in quotes", b'7;a="\r\n"\r\n' + BODY + _END),
    _chunks("NUL in one", b"7;a=\x00\r\n" + BODY + _END),
    refused("without an end", chunked(b"7;" + b"a" * 300_000), Reason.BODY_TOO_LARGE, rule="`outbound.limits.head_bytes`"),
    refused("on every chunk", chunked((b"1;" + b"a" * 1000 + b"\r\n \r\n") * 400), Reason.BODY_TOO_LARGE,
            rule="`outbound.limits.head_bytes`"),
)  # fmt: skip

TRAILERS = group(
    "Trailers",
    "RFC 9110 section 6.5.1",
    [passed(f"`{line}`", chunked(_ONE + b"0\r\n" + line.encode() + b"\r\n\r\n")) for line in (
        "X: y", "Host: elsewhere", "Authorization: Bearer x", "Content-Type: text/plain", "Cookie: c=1", "X:",
        "Expect: 100-continue", "TE: chunked",
    )],
    passed("`Connection: close`", chunked(_ONE + b"0\r\nConnection: close\r\n\r\n"), then=Then.CLOSES,
           rule="RFC 9112 section 9.6"),
    passed("three of them", chunked(_ONE + b"0\r\nX: y\r\nX: z\r\nHost: a\r\n\r\n")),
    _chunks("`Content-Length: 1`", _ONE + b"0\r\nContent-Length: 1\r\n\r\n"),
    _chunks("`Transfer-Encoding: chunked`", _ONE + b"0\r\nTransfer-Encoding: chunked\r\n\r\n"),
    _chunks("folded", _ONE + b"0\r\nX: y\r\n z\r\n\r\n"),
    _chunks("bare LF behind one", _ONE + b"0\r\nX: y\n\r\n"),
    _chunks("bare CR in one", _ONE + b"0\r\nX: y\rz\r\n\r\n"),
    _chunks("NUL in one", _ONE + b"0\r\nX: \x00\r\n\r\n"),
    _chunks("space before the colon", _ONE + b"0\r\nX : y\r\n\r\n"),
    _chunks("no colon", _ONE + b"0\r\nX\r\n\r\n"),
    refused("without an end", chunked(_ONE + b"0\r\nX: " + b"a" * 300_000), Reason.BODY_TOO_LARGE,
            rule="`outbound.limits.head_bytes`"),
    refused("thousands of them", chunked(_ONE + b"0\r\n" + b"X: y\r\n" * 50_000), Reason.BODY_TOO_LARGE,
            rule="`outbound.limits.head_bytes`"),
)  # fmt: skip

GROUPS = (BOTH, CODINGS, LENGTHS, NONE, LIKE, CHUNK_SIZES, EXTENSIONS, TRAILERS)
