"""More answers: how connections end, heads that are none, fields and statuses that do not pass, answers that come too early."""

from proxy.errors import Reason
from tests.conformance.answers import (
    CHUNKS,
    HEAD_BYTES,
    INTRUDER,
    INVALID,
    LARGE,
    OK,
    UNREACHABLE,
    BrokenOff,
    Case,
    Outcome,
    Passed,
    Wrapped,
    answer,
    chunked,
    ends,
    invalid,
    passes,
    sized,
)
from tests.conformance.cases import HOST, JSON, put, request
from tests.conformance.corpus import group, shown
from tests.conformance.origin import End, Script, Step

_UNTIL_CLOSE = answer(body=b"{}")
_TIMEOUT = sized(b"", b"Connection: close", status=b"408 Request Timeout")
_EVENT = request(b"POST /api/v1/customers/5/events HTTP/1.1", HOST, JSON, b"Content-Length: 12", body=b'{"name":"x"}')
# More than the system holds of what was written and not read yet.
LARGE_BYTES = 8_000_000
_LARGE_CALL = put(b"Content-Length: %d" % LARGE_BYTES, body=b'{"a":"%b"}' % (b"a" * (LARGE_BYTES - 8)))

CONNECTIONS = group(
    "How a connection ends",
    "RFC 9112 sections 6.3 and 9",
    ends("a body ended by the close", _UNTIL_CLOSE, End.CLOSE),
    ends("no body, ended by the close", answer(), End.CLOSE, told=Passed(body=b"")),
    ends("a large body ended by the close", answer(body=LARGE), End.CLOSE, told=Passed(body=LARGE)),
    invalid("a body ended by a reset", _UNTIL_CLOSE, 0.1, End.RESET),
    ends("`Connection: close`", sized(b"{}", b"Connection: close")),
    ends("`Connection: x, Close`", sized(b"{}", b"Connection: x, Close")),
    ends("`Connection: close` on a second line", sized(b"{}", b"Connection: x", b"Connection: close")),
    passes("`Connection: keep-alive`", sized(b"{}", b"Connection: keep-alive", b"Keep-Alive: timeout=5")),
    ends("`Connection: close` in a trailer", chunked(b"2\r\n{}\r\n0\r\nConnection: close\r\n\r\n")),
    passes("an upgrade that nobody asked for", sized(b"{}", b"Connection: upgrade", b"Upgrade: h2c")),
    ends("HTTP/1.0", sized(b"{}", version=b"HTTP/1.0")),
    ends("HTTP/1.0, ended by the close", answer(body=b"{}", version=b"HTTP/1.0"), End.CLOSE),
    passes("HTTP/1.0 with `Connection: keep-alive`", sized(b"{}", b"Connection: keep-alive", version=b"HTTP/1.0")),
    ends("closed behind the answer", OK, End.CLOSE),
    ends("closed while idle", OK, 0.05, End.CLOSE),
    ends("reset while idle", OK, 0.05, End.RESET),
    ends("another answer while idle", OK, 0.05, INTRUDER, End.LEFT),
    ends("a byte while idle", OK, 0.05, b"\n", End.LEFT),
    ends("an interim answer while idle", OK, 0.05, b"HTTP/1.1 100 Continue\r\n\r\n", End.LEFT),
    ends("408 while idle, as load balancers send it", OK, 0.05, _TIMEOUT, End.CLOSE),
    Case("closed before the answer", Script((End.CLOSE,)), UNREACHABLE, reused=False),
    Case("reset before the answer", Script((End.RESET,)), UNREACHABLE, reused=False),
    Case("a used one closed before the answer", Script((End.CLOSE,)), Passed(), reused=True, used=True, again=Script((OK,)),
         rule="RFC 9110 section 9.2.2, promise G7"),
    Case("a used one reset before the answer", Script((End.RESET,)), Passed(), reused=True, used=True, again=Script((OK,)),
         rule="RFC 9110 section 9.2.2, promise G7"),
    Case("a used one closed, and the next one too", Script((End.CLOSE,)), UNREACHABLE, reused=False, used=True,
         again=Script((End.CLOSE,)), rule="promise G7"),
    Case("a used one closed under a call that may not be repeated", Script((End.CLOSE,)), UNREACHABLE, reused=False, used=True,
         sent=_EVENT, rule="RFC 9110 section 9.2.2, promise G7"),
    Case("a used one closed inside its answer", Script((OK[:20], End.CLOSE)), INVALID, reused=False, used=True,
         rule="promise G7"),
)  # fmt: skip

_STATUS_LINES = (
    b"HTTP/1.2 200 OK", b"HTTP/2.0 200 OK", b"HTTP/2 200 OK", b"HTTP/0.9 200 OK", b"HTTP/1.10 200 OK", b"http/1.1 200 OK",
    b"RTSP/1.0 200 OK", b"ICY 200 OK", b"HTTP/1.1  200 OK", b"HTTP/1.1\t200 OK", b" HTTP/1.1 200 OK", b"HTTP/1.1 20 OK",
    b"HTTP/1.1 2000 OK", b"HTTP/1.1 0200 OK", b"HTTP/1.1 +200 OK", b"HTTP/1.1 2x0 OK", b"HTTP/1.1 099 OK", b"HTTP/1.1 000 OK",
    b"HTTP/1.1 600 OK", b"HTTP/1.1 999 OK", b"HTTP/1.1 OK", b"HTTP/1.1", b"HTTP/1.1 200\x00OK", b"HTTP/1.1 200 OK\rX: y",
    b"HTTP/1.1 -200 OK", "HTTP/1.1 ２００ OK".encode(),
)  # fmt: skip

HEADS = group(
    "Heads of answers",
    "RFC 9112 sections 2.2, 4 and 5",
    [passes(shown(line), line + b"\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{}") for line in (
        b"HTTP/1.1 200 OK", b"HTTP/1.1 200 ", b"HTTP/1.1 200 Tr\xe8s bien", b"HTTP/1.1 200 a\tb",
    )],
    [invalid(shown(line), line + b"\r\nContent-Length: 2\r\n\r\n{}") for line in _STATUS_LINES],
    [invalid(name, answer(line, b"Content-Length: 2", body=b"{}")) for name, line in (
        ("a folded line", b"X: a\r\n b"), ("a folded line with a tab", b"X: a\r\n\tb"), ("space before a colon", b"X : a"),
        ("no colon", b"X"),
        ("no name", b": a"), ("NUL in a value", b"X: \x00"), ("NUL in a name", b"X\x00: a"),
        ("bare LF in a value", b"X: a\nY: b"),
        ("bare CR in a value", b"X: a\rY: b"), ("a control character in a value", b"X: \x0b"), ("a space in a name", b"X Y: a"),
    )],
    invalid("bare LF for every CRLF", OK.replace(b"\r\n", b"\n"), End.CLOSE),
    invalid("bare LF at the end of the head", b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\n{}", End.CLOSE),
    invalid("an empty line before it", b"\r\n" + OK),
    invalid("a body without a head", b"<html>oops</html>"),
    invalid("a head that is cut", OK[:30], End.CLOSE),
    invalid("a head that is reset", OK[:30], 0.05, End.RESET),
    invalid("one byte", b"H", End.CLOSE),
    invalid("a request", b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"),
    invalid("SSH", b"SSH-2.0-OpenSSH_9.2\r\n"),
    invalid("TLS", bytes.fromhex("15030300020228")),
    invalid("HTTP/2", b"\x00\x00\x12\x04\x00\x00\x00\x00\x00"),
    invalid("NULs", b"\x00" * 1000),
    passes("64 KiB of head", answer(b"X: " + b"a" * (HEAD_BYTES - 79), b"Content-Length: 2", body=b"{}")),
    invalid("more than 64 KiB of head", sized(b"{}", b"X: " + b"a" * HEAD_BYTES), rule="promise G12"),
    invalid("a value without an end", b"HTTP/1.1 200 OK\r\nX: " + b"a" * 400_000, rule="promise G12"),
    passes("5,000 fields", answer(*[b"X: y"] * 5000, b"Content-Length: 2", body=b"{}")),
)  # fmt: skip


def _stripped(line: str) -> Case:
    return passes(f"`{line}`", sized(b"{}", line.encode()))


_JSON_TYPE = ("Content-Type", "application/json")


def _kept(line: str, *fields: tuple[str, str]) -> Case:
    name, _, value = line.partition(": ")
    return passes(
        f"`{line}` is passed on", sized(b"{}", line.encode()), told=Passed(fields=(_JSON_TYPE, *(fields or ((name, value),))))
    )


FIELDS = group(
    "Fields of answers",
    "field allow-list, RFC 9110 section 7.6.1",
    [_stripped(line) for line in (
        "Set-Cookie: a=b", "X-CIO-Sidecar: spooled", "x-cio-sidecar: refused; reason=internal", "Server: x", "Via: 1.1 x",
        "Location: /x",
        "WWW-Authenticate: Basic", "Strict-Transport-Security: max-age=1", "Access-Control-Allow-Origin: *",
        "Keep-Alive: timeout=5",
        "Proxy-Connection: keep-alive", "Proxy-Authenticate: Basic", "TE: trailers", "Trailer: X", "Cache-Control: public",
        "ETag: x",
        "Content-Encoding: identity", "Content-Location: /x", "Alt-Svc: h3", "Refresh: 0", "Upgrade: h2c", "Date: x",
        "Content-Language: en",
        "X-Request-Id: a b", "RateLimit-Reset: soon", "Authorization: Basic x", "Connection: keep-alive",
    )],
    [_kept(line) for line in (
        "X-Request-Id: a-b", "RateLimit-Remaining: 3", "RateLimit-Limit: 10, 10;w=1", "RateLimit-Reset: 1",
    )],
    [_kept(f"Retry-After: {value}", ("Retry-After", told)) for value, told in (
        ("3", "3"), ("0", "1"), ("300", "9"), ("-1", "9"), ("Wed, 21 Oct 2015 07:28:00 GMT", "9"), ("9999999999999", "9"),
        ("1e3", "9"),
    )],
    passes("what `Connection` names", sized(b"{}", b"X-Request-Id: a", b"Connection: keep-alive, x-request-id")),
    passes("a second `Content-Type`", sized(b"{}", b"Content-Type: text/html")),
    passes("a type with bytes beyond ASCII", sized(b"{}").replace(b"application/json", b"text/\xe9"),
           told=Passed(fields=(("Content-Type", "text/é"),))),
    passes("no type", b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}", told=Passed(fields=())),
    [passes(f"`Content-Encoding: {coding}`", sized(b"{}", f"Content-Encoding: {coding}".encode()), told=INVALID) for coding in (
        "gzip", "br", "deflate", "identity, gzip", "x", "",
    )],
    invalid("two `Content-Encoding`", sized(b"{}", b"Content-Encoding: identity", b"Content-Encoding: gzip")),
)  # fmt: skip

_302 = b"302 Found"

STATUSES = group(
    "Statuses of answers",
    "RFC 9110 section 15",
    [passes(f"{status}", sized(b"{}", status=b"%d X" % status), told=Passed(status)) for status in (
        200, 201, 202, 203, 206, 226, 299, 400, 402, 403, 404, 407, 409, 413, 418, 421, 426, 429, 431, 499, 500, 502, 503, 504,
        511, 599,
    )],
    [passes(f"{status}", sized(b"{}", b"Location: http://elsewhere/", status=b"%d X" % status), told=Reason.UPSTREAM_REDIRECT)
     for status in (300, 301, 302, 303, 305, 307, 308, 399)],
    passes("302 with a coded body", sized(b"\x1f\x8b", b"Content-Encoding: gzip", status=_302), told=Reason.UPSTREAM_REDIRECT),
    passes("302 with a chunked body", answer(b"Transfer-Encoding: chunked", status=_302, body=CHUNKS),
           told=Reason.UPSTREAM_REDIRECT),
    ends("302 with a body that is cut", answer(b"Content-Length: 3", status=_302, body=b"{}"), End.CLOSE,
         told=Reason.UPSTREAM_REDIRECT),
    passes("401", sized(b"{}", status=b"401 Unauthorized"), told=Reason.CREDENTIALS_REJECTED),
    passes("401 with a page", sized(b"<html>", status=b"401 Unauthorized"), told=Reason.CREDENTIALS_REJECTED),
    passes("400 with a page", sized(b"<html>", status=b"400 Bad Request"), told=Wrapped(400)),
    passes("500 with nothing", sized(b"", status=b"500 Oops"), told=Wrapped(500)),
    passes("503 with JSON that is cut", sized(b'{"a":', status=b"503 Oops"), told=Wrapped(503)),
    passes("502 with JSON that is none", sized(b"NaN", status=b"502 Oops"), told=Wrapped(502)),
    ends("500 with far too much", sized(LARGE, status=b"500 Oops"), told=Wrapped(500)),
    invalid("500 with a body that is cut", answer(b"Content-Length: 3", status=b"500 Oops", body=b"{}"), End.CLOSE),
    passes("200 with a page", sized(b"<html>"), told=Passed(body=b"<html>")),
)  # fmt: skip

EARLY = group(
    "Answers before the request is written",
    "RFC 9112 section 9.3",
    [Case(name, Script(steps, early=True), told, reused=False, sent=_LARGE_CALL, whole=True) for name, steps, told in (
        ("413, and the rest is not read", (sized(b"{}", status=b"413 Too Large"), End.LEFT), Passed(413)),
        ("200, and the rest is not read", (OK, End.LEFT), Passed()),
        ("413 in pieces", (sized(b"{}", status=b"413 Too Large")[:-1], 0.05, b"}", End.LEFT), Passed(413)),
        ("413 and the end", (sized(b"{}", status=b"413 Too Large"), End.CLOSE), Passed(413)),
        ("no HTTP, and the rest is not read", (b"oops", End.LEFT), INVALID),
        ("a redirect, and the rest is not read", (sized(b"{}", status=b"302 Found"), End.LEFT), Reason.UPSTREAM_REDIRECT),
        ("a large answer that is cut", (sized(LARGE)[:-1], End.CLOSE), BrokenOff()),
    )],
)  # fmt: skip

GROUPS = (CONNECTIONS, HEADS, FIELDS, STATUSES, EARLY)


def _dripped(data: bytes, seconds: float) -> tuple[bytes | float, ...]:
    """Return `data` in twenty pieces, with a pause behind each."""
    size = -(-len(data) // 20)
    return tuple(step for at in range(0, len(data), size) for step in (data[at : at + size], seconds))


_TOO_LATE = Reason.UPSTREAM_TIMEOUT


def _late(name: str, *steps: Step, told: Outcome = _TOO_LATE) -> Case:
    return ends(name, *steps, End.LEFT, told=told)


# With half a second to the head of an answer, and one second to its end.
SLOW = group(
    "Answers that take their time",
    "promise G11",
    passes("a head in pieces, in time", *_dripped(answer(b"Content-Length: 2"), 0.005), b"{}"),
    passes("a body in pieces, in time", *_dripped(sized(LARGE[:101] + b'"'), 0.01), told=Passed(body=LARGE[:101] + b'"')),
    _late("nothing"),
    _late("half a head", OK[:20]),
    _late("a head in pieces, too late", *_dripped(answer(b"Content-Length: 2"), 0.1)),
    _late("a head without its body", answer(b"Content-Length: 2")),
    _late("half a body", OK[:-1]),
    _late("a body in pieces, too late", *_dripped(sized(LARGE[:101] + b'"'), 0.1)),
    _late("a chunk without the last one", chunked(CHUNKS[:-5])),
    _late("chunks without an end", chunked(b""), *(b"1\r\n \r\n", 0.05) * 40),
    _late("extensions without an end", chunked(b"2;"), *(b"a", 0.05) * 40),
    _late("trailers without an end", chunked(CHUNKS[:-2]), *(b"X: y\r\n", 0.05) * 40),
    _late("a body that only a close would end", answer(body=b"{}")),
    _late("interim answers", *(b"HTTP/1.1 103 Early Hints\r\n\r\n", 0.1) * 6),
    _late("a redirect without its body", answer(b"Content-Length: 2", status=b"302 Found"), told=Reason.UPSTREAM_REDIRECT),
    _late("401 without its body", answer(b"Content-Length: 2", status=b"401 No"), told=Reason.CREDENTIALS_REJECTED),
    _late("a large body that stops", sized(LARGE)[:-1], told=BrokenOff()),
    _late("a large body in pieces", sized(LARGE)[:100_000], *_dripped(LARGE[:80], 0.1), told=BrokenOff()),
    Case("a request that is not read", Script((End.LEFT,), early=True), _TOO_LATE, reused=False, sent=_LARGE_CALL),
)  # fmt: skip

TLS = group(
    "TLS that ends without saying so",
    "RFC 9112 section 9.8",
    ends("a body ended by the close", _UNTIL_CLOSE, End.CLOSE),
    invalid("a body ended by a cut", _UNTIL_CLOSE, End.CUT),
    invalid("no body, and a cut", answer(), End.CUT),
    ends("a large body ended by a cut", answer(body=LARGE), End.CUT, told=BrokenOff()),
    ends("a whole body and a cut", OK, End.CUT),
    invalid("a cut in a body", OK[:-1], End.CUT),
    invalid("a close in a body", OK[:-1], End.CLOSE),
    invalid("a cut in a head", OK[:20], End.CUT),
    invalid("a cut before the last chunk", chunked(CHUNKS[:-5]), End.CUT),
    invalid("a cut in the last chunk", chunked(CHUNKS[:-1]), End.CUT),
    ends("all chunks and a cut", chunked(CHUNKS), End.CUT),
    ends("a cut in a large body", sized(LARGE)[:-1], End.CUT, told=BrokenOff()),
    ends("a cut before the answer", End.CUT, told=UNREACHABLE),
    passes("an ordinary answer", OK),
    ends("another answer while idle", OK, 0.05, INTRUDER, End.LEFT),
)  # fmt: skip
