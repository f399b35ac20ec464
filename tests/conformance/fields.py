"""Requests with odd fields, with too many or too long ones, and with such as must not reach Customer.io (RFC 9110 section 5).

A field that could be read in two ways is refused and the connection closed. Whatever is well-formed passes, and of it only what
the sidecar's allow-list names is sent on.
"""

from proxy.errors import Reason
from tests.conformance.cases import HOST, LENGTH, MALFORMED, REGION, Case, Then, get, good, passed, put, refused, request
from tests.conformance.corpus import group
from tests.conformance.heads import HEAD_BYTES, HEADER_COUNT

LINES = group(
    "Fields that could be read in two ways",
    "RFC 9112 section 5",
    [refused(name, good(line)) for name, line in (
        ("folded with a space", b"X: a\r\n b"),
        ("folded with a tab", b"X: a\r\n\tb"),
        ("folded over an empty value", b"X:\r\n b"),
        ("a folded line of spaces", b"X: a\r\n   "),
        ("space before the colon", b"X : a"),
        ("tab before the colon", b"X\t: a"),
        ("space before the name", b" X: a"),
        ("no colon", b"X"),
        ("no name", b": a"),
        ("a space in the name", b"X Y: a"),
        ("bytes beyond ASCII in the name", "é: a".encode()),
        ("NUL in the name", b"X\x00: a"),
        ("DEL in the name", b"X\x7f: a"),
        ("bare LF in the name", b"X\nY: a"),
        ("bare CR in the name", b"X\rY: a"),
    )],
    [refused(f"`{mark}` in the name", good(b"X%cY: a" % mark.encode())) for mark in '()<>@,;\\"/[]?={}'],
    [refused(f"{name} in the value", good(b"X: a%bb" % byte), rule="RFC 9110 section 5.5") for name, byte in (
        ("NUL", b"\x00"), ("SOH", b"\x01"), ("backspace", b"\x08"), ("vertical tab", b"\x0b"), ("form feed", b"\x0c"),
        ("escape", b"\x1b"), ("unit separator", b"\x1f"), ("DEL", b"\x7f"),
    )],
    [refused(name, good(line), rule="RFC 9112 section 2.2") for name, line in (
        ("bare LF in the value", b"X: a\nY: b"),
        ("bare CR in the value", b"X: a\rY: b"),
        ("bare CR at the end", b"X: a\r"),
        ("bare LF at the end", b"X: a\n"),
        ("bare CR before the name", b"\rX: a"),
        ("bare LF before the name", b"\nX: a"),
    )],
    refused("bare LF ends the head", get()[:-2] + b"\n\r\n\r\n", rule="RFC 9112 section 2.2"),
    refused("folded, as the first field", request(b"GET %b HTTP/1.1" % REGION, b" X: a", HOST), rule="RFC 9112 section 2.2"),
)  # fmt: skip


def _kept(line: str) -> Case:
    return passed(f"`{line}`", good(line.encode()), lines=f"{line}\r\n".encode())


def _dropped(line: str) -> Case:
    return passed(f"`{line}`", good(line.encode()))


NAMES = group(
    "Fields that are sent on",
    "field allow-list",
    [_kept(line) for line in (
        "User-Agent: python/3", "X-Strict-Mode: 1", "X-Retry-Count: 2", "X-Workspace-Id: 12", "X-Request-Id: a-b",
        f"traceparent: 00-{'a' * 32}-{'b' * 16}-01", "tracestate: a=b,c=d",
    )],
    passed("a name in capitals", good(b"USER-AGENT:x"), lines=b"User-Agent: x\r\n"),
    passed("space around a value", good(b"User-Agent: \t x \t "), lines=b"User-Agent: x\r\n"),
    passed("a tab in a value", good(b"User-Agent: x\ty"), lines=b"User-Agent: x\ty\r\n"),
    passed("bytes beyond ASCII in a value", good(b"User-Agent: \xe9\xff"), lines=b"User-Agent: \xe9\xff\r\n",
           rule="RFC 9110 section 5.5"),
    passed("one on two lines", good(b"User-Agent: x", b"user-agent: y"), lines=b"User-Agent: x, y\r\n",
           rule="RFC 9110 section 5.3"),
)  # fmt: skip

DROPPED = group(
    "Fields that are not sent on",
    "field allow-list",
    [_dropped(line) for line in (
        "Accept: text/html", "Accept-Encoding: gzip", "Cookie: c=1", "Referer: http://x/", "Sec-Fetch-Mode: cors",
        "Sec-Fetch-Site: none",
        "Range: bytes=0-1",
        "If-Match: x", "Forwarded: for=192.0.2.1", "X-Forwarded-For: 192.0.2.1", "X-Forwarded-Host: elsewhere", "Via: 1.1 x",
        "X-Original-URL: /admin", "X-Rewrite-URL: /admin", "X-CIO-Sidecar: forwarded", "Authorization: Bearer placeholder",
        "Date: x", "!#$%&'*+-.^_`|~: x", "X: a: b", "X:", "Content-Length-X: 9", "Content-Language: en",
        "X-Strict-Mode: yes", "X-Retry-Count: -1", "X-Retry-Count: 12345", "X-Workspace-Id: 12345678",
        "X-Request-Id: a b", "traceparent: 00-x", "tracestate: a=b@c",
    )],
    passed("a value of 513 bytes", good(b"User-Agent: " + b"a" * 513)),
    passed("one that may occur once, on two lines", good(b"X-Request-Id: a", b"X-Request-Id: b")),
    [passed(f"`{line}`", good(line.encode()), rule="RFC 9110 section 7.6.1") for line in (
        "Keep-Alive: timeout=5", "Proxy-Authorization: Basic x", "Proxy-Connection: keep-alive", "TE: trailers",
        "Trailer: Host",
        "Connection: keep-alive", "Connection: host", "Connection: content-length", "Connection: authorization, x",
        "Connection:",
        "Connection: ,", 'Connection: "', "Max-Forwards: 0",
    )],
    passed("what `Connection` names", good(b"User-Agent: x", b"Connection: User-Agent"), rule="RFC 9110 section 7.6.1"),
    passed("what `Connection` names among others", good(b"User-Agent: x", b"Connection: a", b"connection:user-agent ,b"),
           rule="RFC 9110 section 7.6.1"),
)  # fmt: skip

PAGES = group(
    "Requests that a browser makes for a page",
    "Fetch standard",
    [refused(f"`{line}`", good(line.encode()), Reason.BROWSER_REQUEST, Then.STAYS) for line in (
        "Origin: http://x", "Origin: null", "origin:", "Sec-Fetch-Site: cross-site", "Sec-Fetch-Site: same-site",
        "Sec-Fetch-Site: same-origin", "Sec-Fetch-Site:",
    )],
)  # fmt: skip

ONCE = group(
    "Fields that may occur once",
    "RFC 9110 section 5.3",
    [refused(f"`{name}`, twice", good(f"{name}: {value}".encode(), f"{name.lower()}: {value}".encode())) for name, value in (
        ("Authorization", "Basic YTpi"), ("Content-Encoding", "identity"), ("Expect", "100-continue"),
    )],
    refused("`Content-Type`, twice", good(b"content-type: application/json")),
    refused("`Content-Type`, twice, two types", good(b"Content-Type: text/plain")),
)  # fmt: skip


def _filled(size: int) -> bytes:
    """Return a call whose head has `size` bytes."""
    start = put(LENGTH, b"X: ", body=b"")
    return put(LENGTH, b"X: " + b"a" * (size - len(start)))


def _counted(count: int, line: bytes) -> bytes:
    """Return a call with `count` fields; three of them are its own."""
    return good(*[line % number for number in range(count - 3)])


LIMITS = group(
    "How much a head may hold",
    "`outbound.limits`",
    passed(f"{HEAD_BYTES:,} bytes", _filled(HEAD_BYTES)),
    refused(f"{HEAD_BYTES + 1:,} bytes", _filled(HEAD_BYTES + 1), Reason.HEADERS_TOO_LARGE),
    passed(f"{HEADER_COUNT} fields", _counted(HEADER_COUNT, b"X-%d: a")),
    refused(f"{HEADER_COUNT + 1} fields", _counted(HEADER_COUNT + 1, b"X-%d: a"), Reason.HEADERS_TOO_LARGE),
    refused(f"{HEADER_COUNT + 1} fields, all of one name", _counted(HEADER_COUNT + 1, b"X: %d"), Reason.HEADERS_TOO_LARGE),
    refused("10,000 empty fields", good(*[b"X:"] * 10_000), Reason.HEADERS_TOO_LARGE),
    refused("a value without an end", b"GET / HTTP/1.1\r\nX: " + b"a" * 100_000, Reason.HEADERS_TOO_LARGE),
    refused("a name without an end", b"GET / HTTP/1.1\r\n" + b"a" * 100_000, Reason.HEADERS_TOO_LARGE),
    refused("a target without an end", b"GET /" + b"a" * 100_000, Reason.HEADERS_TOO_LARGE),
    refused("a method without an end", b"G" * 100_000, Reason.HEADERS_TOO_LARGE),
    refused("a request line of 30,000 bytes", request(b"GET /%b HTTP/1.1" % (b"a" * 30_000), HOST), MALFORMED, Then.STAYS,
            rule="RFC 9112 section 3"),
)  # fmt: skip

GROUPS = (LINES, NAMES, DROPPED, PAGES, ONCE, LIMITS)
