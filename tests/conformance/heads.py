"""Requests with odd heads: request lines, versions, methods, targets, hosts, fields (RFC 9112 sections 2 to 5).

A head that two readers could take for different requests is refused and the connection closed. A well-formed request for
something that is not forwarded is refused too, and the connection stays.
"""

from proxy.errors import Reason
from tests.conformance.cases import (
    BODY,
    HOST,
    JSON,
    LENGTH,
    MALFORMED,
    READ,
    REGION,
    SMUGGLED,
    Case,
    Forwarded,
    Then,
    get,
    good,
    passed,
    put,
    refused,
    request,
)
from tests.conformance.corpus import group, shown

_NOT_ALLOWED = Reason.METHOD_NOT_ALLOWED
HEAD_BYTES = 32_768
HEADER_COUNT = 100


def _read(line: bytes) -> bytes:
    return request(line, HOST)


LINES = group(
    "Request lines",
    "RFC 9112 section 3",
    [refused(name, _read(line)) for name, line in (
        ("two spaces before the target", b"GET  /api/v1/accounts/region HTTP/1.1"),
        ("two spaces before the version", b"GET /api/v1/accounts/region  HTTP/1.1"),
        ("a space before the method", b" GET /api/v1/accounts/region HTTP/1.1"),
        ("a space at the end", b"GET /api/v1/accounts/region HTTP/1.1 "),
        ("tabs for spaces", b"GET\t/api/v1/accounts/region\tHTTP/1.1"),
        ("a space in the target", b"GET /api/v1/accounts/region x HTTP/1.1"),
        ("no target", b"GET HTTP/1.1"),
        ("two spaces for a target", b"GET  HTTP/1.1"),
        ("a method alone", b"GET"),
        ("NUL in the target", b"GET /api/v1/accounts/\x00region HTTP/1.1"),
        ("bare LF in the target", b"GET /api/v1/accounts/region\nX: HTTP/1.1"),
        ("bare LF for a space and a version", b"GET /api/v1/accounts/region\nX:y HTTP/1.1"),
        ("bare CR in the target", b"GET /api/v1/accounts/region\rX: HTTP/1.1"),
        ("two CR at the end", b"GET /api/v1/accounts/region HTTP/1.1\r"),
        ("vertical tab for a space", b"GET\x0b/api/v1/accounts/region HTTP/1.1"),
        ("bytes beyond ASCII in the target", "GET /api/v1/accounts/région HTTP/1.1".encode()),
        ("DEL in the target", b"GET /api/v1/accounts/\x7f HTTP/1.1"),
    )],
    refused("bare LF at the end", b"GET /api/v1/accounts/region HTTP/1.1\nHost: x\r\n\r\n", rule="RFC 9112 section 2.2"),
    refused("bare LF everywhere", b"GET /api/v1/accounts/region HTTP/1.1\nHost: x\n\n\r\n\r\n", rule="RFC 9112 section 2.2"),
    refused("a colon too early", b": x\r\n\r\n"),
    passed("an empty line before it", b"\r\n" + get(), READ, rule="RFC 9112 section 2.2"),
    passed("1,000 empty lines before it", b"\r\n" * 1000 + get(), READ, rule="RFC 9112 section 2.2"),
    passed("an empty line behind a body", good() + b"\r\n" + get(), Forwarded(), READ, rule="RFC 9112 section 2.2"),
)  # fmt: skip

VERSIONS = group(
    "Versions",
    "RFC 9112 section 2.3",
    passed("`HTTP/1.0`", request(b"GET %b HTTP/1.0" % REGION), READ, then=Then.CLOSES, rule="RFC 9112 section 9.3"),
    passed("`HTTP/1.0` with `Connection: keep-alive`", request(b"GET %b HTTP/1.0" % REGION, b"Connection: keep-alive"), READ,
           rule="RFC 9112 section 9.3"),
    passed("`HTTP/1.0` with a body", request(b"PUT /api/v1/customers/5 HTTP/1.0", JSON, LENGTH,
                                             body=BODY), then=Then.CLOSES, rule="RFC 9112 section 9.3"),
    [refused(f"`{version}`", _read(b"GET %b %b" % (REGION, version.encode()))) for version in (
        "HTTP/0.9", "HTTP/1.2", "HTTP/1.10", "HTTP/1.01", "HTTP/01.1", "HTTP/2.0", "HTTP/2", "HTTP/3", "HTTP/1", "HTTP/1.",
        "HTTP/11",
        "http/1.1", "HTTP/1.1x", "HTTP/+1.1", "HTTPS/1.1", "RTSP/1.0", "ICE/1.0", "TTP/1.1", "1.1", "HTTP/1.1;",
    )],
    refused("`SOURCE` and `ICE/1.0`", _read(b"SOURCE %b ICE/1.0" % REGION)),
    refused("`DESCRIBE` and `RTSP/1.0`", _read(b"DESCRIBE %b RTSP/1.0" % REGION)),
    refused("none, as in HTTP/0.9", b"GET %b\r\n\r\n" % REGION),
    refused("none, with fields", _read(b"GET %b" % REGION)),
    refused("the preface of HTTP/2", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + b"\x00\x00\x00\x04\x00\x00\x00\x00\x00",
            rule="RFC 9113 section 3.4"),
)  # fmt: skip


def _never(line: bytes) -> Case:
    sent = request(line + b" HTTP/1.1", HOST)
    return Case(shown(line), (sent,), (_NOT_ALLOWED,), Then.CLOSES, head_only=line.startswith(b"HEAD"))


def _on_customer(method: bytes, *fields: bytes, body: bytes = b"") -> bytes:
    return request(method + b" /api/v1/customers/5 HTTP/1.1", HOST, *fields, body=body)


METHODS = group(
    "Methods",
    "RFC 9110 section 9, endpoint table",
    [_never(line) for line in (
        b"HEAD /api/v1/customers/5", b"OPTIONS /api/v1/customers/5", b"TRACE /api/v1/customers/5",
        b"PROPFIND /api/v1/customers/5",
        b"SEARCH /api/v1/customers/5", b"OPTIONS *", b"CONNECT track.customer.io:443",
    )],
    refused("`CONNECT` with a tunnel behind it", request(b"CONNECT x:443 HTTP/1.1", HOST, body=SMUGGLED), _NOT_ALLOWED),
    refused("`CONNECT` with a length", request(b"CONNECT x:443 HTTP/1.1", HOST, LENGTH, body=BODY), _NOT_ALLOWED),
    refused("`TRACE` with `Max-Forwards: 0`", _on_customer(b"TRACE", b"Max-Forwards: 0"), _NOT_ALLOWED),
    [refused(f"`{method}` where it is not taken", _on_customer(method.encode()), _NOT_ALLOWED, Then.STAYS)
     for method in ("GET", "POST", "PATCH")],
    [refused(shown(method.encode()), _read(f"{method} /api/v1/accounts/region HTTP/1.1".encode())) for method in (
        "get", "Get", "GETX", "FOO", "GE", "G\x00ET", "GET:", "\u0262ET", "PRI", "GET,POST",
    )],
    passed("`X-HTTP-Method-Override: DELETE`", good(b"X-HTTP-Method-Override: DELETE")),
    passed("`DELETE` without a body", _on_customer(b"DELETE"), Forwarded(b"DELETE", body=b"")),
    passed("`DELETE` with a body", _on_customer(b"DELETE", JSON, LENGTH, body=BODY), Forwarded(b"DELETE"),
           rule="RFC 9110 section 9.3.5"),
)  # fmt: skip

_CUSTOMER = b"/api/v1/customers/"


def _sent_as(given: str, sent: str) -> Case:
    return passed(f"`{given}`", good(target=_CUSTOMER + given.encode()), Forwarded(target=_CUSTOMER + sent.encode()))


def _to_segment(query: bytes) -> bytes:
    return request(b"POST /api/v1/segments/3/add_customers%b HTTP/1.1" % query, HOST, JSON, LENGTH, body=BODY)


TARGETS = group(
    "Targets",
    "RFC 9112 section 3.2, endpoint table",
    [_sent_as(given, sent) for given, sent in (
        ("a%2Fb", "a%2Fb"), ("a%2fb", "a%2Fb"), ("%61", "a"), ("a+b", "a%2Bb"), ("a;b=c", "a%3Bb%3Dc"), ("a@b.c", "a%40b.c"),
        ("%252e%252e", "%252e%252e"), ("%25", "%25"), ("a%20b", "a%20b"), ("%c3%a9", "%C3%A9"), ("a%0d%0ab", "a%0D%0Ab"),
        ("a%23b%3Fc", "a%23b%3Fc"), ("...", "..."), ("a:b", "a%3Ab"), ("a\\b", "a%5Cb"), ("%7Eu", "~u"), ("5?x=1&y=2", "5"),
        ("5?", "5"),
        ("5?x=/../", "5"),
    )],
    passed("slashes before the prefix", good(target=b"///api//v1/customers/5")),
    passed("without the prefix", good(target=b"/customers/5")),
    [refused(f"`{target}`", good(target=target.encode()), MALFORMED, Then.STAYS) for target in (
        "http://x/api/v1/customers/5", "https://elsewhere/api/v1/customers/5", "/api/v1/customers/..", "/api/v1/customers/.",
        "/api/v1/customers/%2e%2e", "/api/v1/customers/%2E.", "/api/v1/customers/..%2Fx", "/api/v1/customers/x%2f..",
        "/api/v1/customers/..%5Cx", "/api/v1/../v1/customers/5", "/api/v1/./customers/5", "/../api/v1/customers/5",
        "/api/v1/customers/", "/api/v1/customers//5", "/api/v1//customers/%00", "/api/v1/customers/%00", "/api/v1/customers/%",
        "/api/v1/customers/%4", "/api/v1/customers/%zz", "/api/v1/customers/%u0041", "/api/v1/customers/%ff",
        "/api/v1/customers/%c0%af", "/api/v1/customers/%c0%ae%c0%ae", "/api/v1/customers/%ed%a0%80",
        "/api/v1/customers/%f4%90%80%80",
        "/api/v1/customers/5?x=%00", "/api/v1/customers/5?x=%", "*", "/api/v1/customers/5#x", "/api/v1/customers/5#",
    )],
    [refused(f"`{target}`", good(target=target.encode()), Reason.ENDPOINT_NOT_ALLOWED, Then.STAYS) for target in (
        "//elsewhere/api/v1/customers/5", "/@elsewhere/api/v1/customers/5", "/api\\v1\\customers\\5", "/API/v1/customers/5",
        "/api/v1/customers%2F5", "/api%2Fv1/customers/5", "/", "/api/v3/customers/5", "/api/v1/customers;x/5",
    )],
    [refused(shown(target), good(target=target)) for target in (b"x:80", b"elsewhere:443", b"api/v1/customers/5", b"?x", b"")],
    refused("longer than 8,000 bytes", good(target=_CUSTOMER + b"a" * 8000), MALFORMED, Then.STAYS),
    passed("8,000 bytes", good(target=_CUSTOMER.ljust(8000, b"a")), Forwarded(target=_CUSTOMER.ljust(8000, b"a"))),
    passed("a query parameter that is named", _to_segment(b"?id_type=email&x=1"),
           Forwarded(b"POST", b"/api/v1/segments/3/add_customers?id_type=email")),
    refused("one that is named, twice", _to_segment(b"?id_type=id&id_type=email"), MALFORMED, Then.STAYS),
    refused("more than 64 query parameters", good(target=_CUSTOMER + b"5?" + b"a&" * 65), MALFORMED, Then.STAYS),
)  # fmt: skip

HOSTS = group(
    "Host",
    "RFC 9112 section 3.2",
    [passed(f"`{host}`", put(LENGTH, host=host.encode())) for host in (
        "Host: localhost", "host:x", "HOST:  x  ", "Host:", "Host: 127.0.0.1:8080", "Host: [::1]:8080",
        "Host: track.customer.io", "Host: a_b",
        "Host: x:",
    )],
    refused("none", request(b"GET %b HTTP/1.1" % REGION)),
    [refused(f"`{host}`", put(LENGTH, host=host.encode()), Reason.UNKNOWN_HOST, Then.STAYS, "README: names") for host in (
        "Host: elsewhere.example", "Host: elsewhere.example.:80", "Host: 127.0.0.1.elsewhere.example", "Host: x.customer.io",
        "Host: 127.1", "Host: 0x7f.0.0.1", "Host: %6cocalhost", "Host: a..local",
    )],
    [refused(name, put(LENGTH, host=host)) for name, host in (
        ("two of them", b"Host: x\r\nHost: x"),
        ("two that disagree", b"Host: x\r\nhost: y"),
        ("an empty one and one", b"Host:\r\nHost: x"),
        ("a list", b"Host: x, y"),
        ("a space in it", b"Host: x y"),
        ("a path in it", b"Host: x/y"),
        ("a user in it", b"Host: u@x"),
        ("a fragment in it", b"Host: x#y"),
        ("a query in it", b"Host: x?y"),
        ("a backslash in it", b"Host: x\\y"),
        ("a URL", b"Host: http://x"),
        ("bytes beyond ASCII", "Host: é".encode()),
        ("NUL in it", b"Host: x\x00"),
        ("quotes", b'Host: "x"'),
        ("folded", b"Host: x\r\n y"),
        ("on a folded line", b"X: y\r\n Host: x"),
        ("space before the colon", b"Host : x"),
        ("a port that is no number", b"Host: x:http"),
        ("two ports", b"Host: x:1:2"),
        ("half a bracket", b"Host: [::1"),
        ("brackets around a name", b"Host: [x]"),
        ("a broken escape", b"Host: x%zz"),
    )],
    refused("two of them, on HTTP/1.0", request(b"GET %b HTTP/1.0" % REGION, HOST, HOST)),
)  # fmt: skip

GROUPS = (LINES, VERSIONS, METHODS, TARGETS, HOSTS)
