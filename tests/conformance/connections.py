"""Connections used in odd ways: sent ahead, upgraded, half-closed, fallen silent, spoken to in another protocol.

Requests are answered one at a time and in order; one that cannot be understood is the last one.
"""

from proxy.errors import Reason
from tests.conformance.caller import CONTINUE
from tests.conformance.cases import (
    BODY,
    CHUNKED,
    CHUNKS,
    EMPTY,
    HOST,
    LENGTH,
    MALFORMED,
    READ,
    REGION,
    TARGET,
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

_EXPECT = b"Expect: 100-continue"
_NOWHERE = good(target=b"/nothing")
_BROKEN = put(b"Content-Length: x")
_KEPT = request(b"GET %b HTTP/1.0" % REGION, b"Connection: keep-alive")

EXPECT = group(
    "Expect",
    "RFC 9110 section 10.1.1",
    Case("a body that waits", (put(LENGTH, _EXPECT, body=b""), BODY), (CONTINUE, Forwarded()), Then.STAYS),
    Case("a chunked body that waits", (put(CHUNKED, _EXPECT, body=b""), CHUNKS), (CONTINUE, Forwarded()), Then.STAYS),
    Case("in capitals", (put(LENGTH, b"EXPECT: 100-CONTINUE", body=b""), BODY), (CONTINUE, Forwarded()), Then.STAYS),
    passed("no body", put(_EXPECT, body=b""), EMPTY),
    passed("a length of nothing", put(b"Content-Length: 0", _EXPECT, body=b""), EMPTY),
    passed("on HTTP/1.0", request(b"PUT %b HTTP/1.0" % TARGET, b"Content-Type: application/json", LENGTH, _EXPECT, body=BODY),
           then=Then.CLOSES),
    refused("a call that is not forwarded", put(LENGTH, _EXPECT, target=b"/nothing", body=b""), Reason.ENDPOINT_NOT_ALLOWED),
    refused("a body that is too long", put(b"Content-Length: 4097", _EXPECT, body=b""), Reason.BODY_TOO_LARGE),
    [refused(shown(value.encode()), put(LENGTH, f"Expect: {value}".encode())) for value in (
        "200-ok", "100-continue, x", "100-continue;q=1", "100", "100 continue", '"100-continue"', "",
    )],
)  # fmt: skip


UPGRADES = group(
    "Upgrades",
    "RFC 9110 section 7.8",
    [passed(name, good(*fields)) for name, fields in (
        ("`h2c`", (b"Connection: Upgrade, HTTP2-Settings", b"Upgrade: h2c", b"HTTP2-Settings: AAMAAABkAAQAAP__")),
        ("`websocket`", (b"Connection: upgrade", b"Upgrade: websocket", b"Sec-WebSocket-Key: x", b"Sec-WebSocket-Version: 13")),
        ("`TLS/1.2`", (b"Connection: upgrade", b"Upgrade: TLS/1.2")),
        ("not said in `Connection`", (b"Upgrade: h2c",)),
        ("said in `Connection` alone", (b"Connection: upgrade",)),
        ("two of them", (b"Connection: upgrade", b"Upgrade: h2c", b"Upgrade: websocket")),
        ("an empty one", (b"Connection: upgrade", b"Upgrade:")),
    )],
    passed("with a chunked body", put(CHUNKED, b"Connection: upgrade", b"Upgrade: h2c", body=CHUNKS)),
    passed("with a request behind it", good(b"Connection: upgrade", b"Upgrade: h2c") + get(), Forwarded(), READ),
    passed("on a read", get(b"Connection: upgrade", b"Upgrade: h2c"), READ),
    refused("with a bad length", put(b"Content-Length: +7", b"Connection: upgrade", b"Upgrade: h2c")),
    refused("with a length and a coding", put(LENGTH, CHUNKED, b"Connection: upgrade", b"Upgrade: h2c", body=CHUNKS)),
    refused("folded", good(b"Connection: upgrade", b"Upgrade:", b" h2c")),
)  # fmt: skip

AHEAD = group(
    "Requests sent ahead",
    "RFC 9112 section 9.3.2",
    passed("10 reads", get() * 10, *[READ] * 10),
    passed("100 writes", good() * 100, *[Forwarded()] * 100),
    passed("reads and writes", (get() + good() + chunked(CHUNKS)) * 5, *[READ, Forwarded(), Forwarded()] * 5),
    passed("not forwarded, in the middle", good() + _NOWHERE + good(), Forwarded(), Reason.ENDPOINT_NOT_ALLOWED, Forwarded()),
    passed("no JSON, in the middle", good() + put(LENGTH, body=b"{broken") + good(), Forwarded(), Reason.INVALID_JSON,
           Forwarded()),
    passed("malformed, in the middle", good() + _BROKEN + good(), Forwarded(), MALFORMED, then=Then.CLOSES),
    passed("a bad chunk, in the middle", good() + chunked(b"x\r\n\r\n") + good(), Forwarded(), MALFORMED, then=Then.CLOSES),
    passed("not taken, in the middle", good() + request(b"TRACE / HTTP/1.1", HOST) + good(), Forwarded(),
           Reason.METHOD_NOT_ALLOWED, then=Then.CLOSES),
    passed("one that says close, in the middle", good() + get(b"Connection: close") + good(), Forwarded(), READ,
           then=Then.CLOSES),
    passed("HTTP/1.0, in the middle", good() + request(b"GET %b HTTP/1.0" % REGION) + good(), Forwarded(), READ,
           then=Then.CLOSES),
    passed("behind one that says close", get(b"Connection: close") + good() * 3, READ, then=Then.CLOSES),
    passed("behind a close among others", get(b"Connection: x, CLOSE ,y") + good(), READ, then=Then.CLOSES),
    passed("behind a close on a line of its own", get(b"Connection: x", b"Connection: close") + good(), READ, then=Then.CLOSES),
    passed("50 reads in HTTP/1.0, kept open", _KEPT * 50, *[READ] * 50),
    passed("100, forwarded and refused in turn", (good() + _NOWHERE) * 50, *(Forwarded(), Reason.ENDPOINT_NOT_ALLOWED) * 50),
    passed("100 reads and a malformed one", get() * 100 + b"x\r\n\r\n", *[READ] * 100, MALFORMED, then=Then.CLOSES),
)  # fmt: skip

OTHERS = group(
    "Other protocols on the plain port",
    "RFC 9112 section 3",
    [refused(name, data) for name, data in (
        ("TLS", bytes.fromhex("1603010200010001fc0303") + b"\x00" * 500),
        ("SSL 2", bytes.fromhex("802e0100020015000000100100800700c0")),
        ("PROXY protocol 2", b"\r\n\r\n\x00\r\nQUIT\n\x21\x11\x00\x0c\x7f\x00\x00\x01\x7f\x00\x00\x01\x00\x50\x1f\x90" + get()),
        ("PROXY protocol 1", b"PROXY TCP4 127.0.0.1 127.0.0.1 80 8080\r\n" + get()),
        ("SSH", b"SSH-2.0-OpenSSH_9.2\r\n" + get()),
        ("SMTP", b"EHLO x\r\nMAIL FROM:<a@b.c>\r\n\r\n"),
        ("Redis", b"*1\r\n$4\r\nPING\r\n"),
        ("memcached", b"stats\r\n\r\n"),
        ("NULs", b"\x00" * 100),
        ("a byte-order mark", b"\xef\xbb\xbf" + get()),
        ("UTF-16", get().decode().encode("utf-16-le") + b"\r\n\r\n"),
    )],
)  # fmt: skip

HALF_CLOSED = group(
    "Callers that stop sending",
    "RFC 9112 section 9.6",
    [Case(name, (sent,), answers, Then.HALF_CLOSED) for name, sent, answers in (
        ("at once", b"", ()),
        ("behind an empty line", b"\r\n", ()),
        ("in a request line", b"PUT /api", ()),
        ("in the fields", put(LENGTH)[:40], ()),
        ("before the empty line", put(LENGTH, body=b"")[:-2], ()),
        ("before the body", put(LENGTH, body=b""), ()),
        ("in the body", good()[:-1], ()),
        ("in a chunk", chunked(b"7\r\n{"), ()),
        ("before the last chunk", chunked(CHUNKS[:-5]), ()),
        ("before the last CRLF", chunked(CHUNKS[:-2]), ()),
        ("behind a request", good(), (Forwarded(),)),
        ("behind three", good() * 3, (Forwarded(),) * 3),
        ("behind one and in the next", good() + good()[:-1], (Forwarded(),)),
        ("behind a refused one", _NOWHERE, (Reason.ENDPOINT_NOT_ALLOWED,)),
        ("behind a malformed one", _BROKEN, (MALFORMED,)),
    )],
)  # fmt: skip

SILENT = group(
    "Callers that fall silent",
    "RFC 9110 section 15.5.9, promise G11",
    [Case(name, (sent,), answers, Then.SILENT) for name, sent, answers in (
        ("at once", b"", ()),
        ("behind empty lines", b"\r\n" * 10, ()),
        ("in a request line", b"PUT /api", (Reason.REQUEST_TIMEOUT,)),
        ("in the fields", put(LENGTH)[:40], (Reason.REQUEST_TIMEOUT,)),
        ("before the empty line", put(LENGTH, body=b"")[:-2], (Reason.REQUEST_TIMEOUT,)),
        ("before the body", put(LENGTH, body=b""), (Reason.REQUEST_TIMEOUT,)),
        ("in the body", good()[:-1], (Reason.REQUEST_TIMEOUT,)),
        ("in a chunk", chunked(b"7\r\n{"), (Reason.REQUEST_TIMEOUT,)),
        ("in a chunk's size", chunked(b"7"), (Reason.REQUEST_TIMEOUT,)),
        ("before the last chunk", chunked(CHUNKS[:-5]), (Reason.REQUEST_TIMEOUT,)),
        ("before the last CRLF", chunked(CHUNKS[:-2]), (Reason.REQUEST_TIMEOUT,)),
        ("in a trailer", chunked(CHUNKS[:-2] + b"X: y"), (Reason.REQUEST_TIMEOUT,)),
        ("where 100 Continue was sent", put(LENGTH, _EXPECT, body=b""), (CONTINUE, Reason.REQUEST_TIMEOUT)),
        ("in the body of a refused call", _NOWHERE[:-1], (Reason.ENDPOINT_NOT_ALLOWED,)),
        ("behind an answer", good(), (Forwarded(),)),
        ("behind an answer, in the next request", good() + good()[:-1], (Forwarded(), Reason.REQUEST_TIMEOUT)),
        ("in SSH", b"SSH-2.0-OpenSSH_9.2\r\n", (Reason.REQUEST_TIMEOUT,)),
    )],
)  # fmt: skip

GROUPS = (EXPECT, UPGRADES, AHEAD, OTHERS, HALF_CLOSED, SILENT)
