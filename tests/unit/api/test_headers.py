"""Which headers pass."""

import pytest

from proxy.api.headers import VALUE_BYTES, forwarded, is_json, returned

TRACEPARENT = b"00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"


def lines(head: bytes) -> set[bytes]:
    """Return the lines of a head, each of which must end in CRLF."""
    assert head == b"" or head.endswith(b"\r\n")
    return set(head.split(b"\r\n")) - {b""}


# To Customer.io


def test_what_node_sends() -> None:
    """Of the real headers of a call, the library's name and the retry count pass; a body's type goes with the body."""
    assert lines(
        forwarded(
            {
                b"host": b"127.0.0.1:8080",
                b"connection": b"keep-alive",
                b"authorization": b"Basic c2l0ZTprZXk=",
                b"content-type": b"application/json",
                b"user-agent": b"Customer.io Node Client/5.2.0",
                b"content-length": b"17",
                b"x-retry-count": b"2",
                b"accept": b"*/*",
                b"accept-language": b"*",
                b"sec-fetch-mode": b"cors",
                b"accept-encoding": b"gzip, deflate",
            }
        )
    ) == {
        b"User-Agent: Customer.io Node Client/5.2.0",
        b"X-Retry-Count: 2",
    }


def test_everything_that_may_pass() -> None:
    """The whole allow-list, in the shape each header has by its own standard."""
    sent = {
        b"content-type": b"application/json",
        b"user-agent": b"x/1",
        b"x-strict-mode": b"1",
        b"x-retry-count": b"0",
        b"x-workspace-id": b"100",
        b"traceparent": TRACEPARENT,
        b"tracestate": b"rojo=00f067aa0ba902b7, tenant@congo=t61rcWkgMzE",
        b"x-request-id": b"7f3e:01J8/a_b-c.d~e+f==",
    }
    assert lines(forwarded(sent)) == {
        b"User-Agent: x/1",
        b"X-Strict-Mode: 1",
        b"X-Retry-Count: 0",
        b"X-Workspace-Id: 100",
        b"traceparent: " + TRACEPARENT,
        b"tracestate: rojo=00f067aa0ba902b7, tenant@congo=t61rcWkgMzE",
        b"X-Request-Id: 7f3e:01J8/a_b-c.d~e+f==",
    }


@pytest.mark.parametrize(
    "name",
    [
        b"authorization",
        b"proxy-authorization",
        b"proxy-connection",
        b"cookie",
        b"forwarded",
        b"x-forwarded-for",
        b"x-forwarded-host",
        b"x-real-ip",
        b"referer",
        b"origin",
        b"host",
        b"connection",
        b"keep-alive",
        b"te",
        b"trailer",
        b"transfer-encoding",
        b"upgrade",
        b"content-length",
        b"content-encoding",
        b"accept-encoding",
        b"expect",
        b"x-cio-sidecar",
        b"x-http-method-override",
        b"x-customer-email",
    ],
)
def test_what_never_leaves(name: bytes) -> None:
    """The caller's credential, who it is, and how its own connection works end here (promise G4)."""
    assert forwarded({name: b"canary"}) == b""


@pytest.mark.parametrize(
    ("name", "value"),
    [
        (b"x-request-id", b"jo@example.com"),
        (b"x-request-id", b"two words"),
        (b"x-request-id", b"a" * 129),
        (b"x-request-id", b""),
        (b"x-retry-count", b"jo"),
        (b"x-retry-count", b"-1"),
        (b"x-workspace-id", b"100 OR 1"),
        (b"x-strict-mode", b"yes"),
        (b"x-strict-mode", b"2"),
        (b"traceparent", b"canary"),
        (b"traceparent", TRACEPARENT.upper()),
        (b"traceparent", TRACEPARENT + b"-canary"),
        (b"tracestate", b"canary"),
        (b"tracestate", b"email=jo@example.com"),
        (b"tracestate", b"jo.e@example.com=1"),
        (b"user-agent", b"x" * (VALUE_BYTES + 1)),
    ],
)
def test_a_value_that_does_not_fit_its_header_is_dropped(name: bytes, value: bytes) -> None:
    """No policy looks into headers, so one that could hold a person's data does not pass (promise G1)."""
    assert forwarded({name: value}) == b""


@pytest.mark.parametrize("bad", [b"\r", b"\n", b"\r\nAuthorization: Basic eA==", b"\0", b"\x0b", b"\x7f"])
@pytest.mark.parametrize("name", [b"user-agent", b"x-request-id", b"tracestate", b"traceparent", b"content-type"])
def test_no_value_can_end_its_line(name: bytes, bad: bytes) -> None:
    """The parser lets none through; should it ever, the line is dropped, never written."""
    for value in (b"a=1" + bad, bad + b"a=1", TRACEPARENT + bad, b"application/json" + bad, b"application/json;" + bad):
        assert bad not in forwarded({name: value}).replace(b"\r\n", b"")
        assert forwarded({name: value}) == b""


@pytest.mark.parametrize("connection", [b"close, X-Request-Id", b"x-request-id", b"keep-alive,  X-REQUEST-ID ,te"])
def test_what_connection_names_is_for_this_connection_only(connection: bytes) -> None:
    """RFC 9110 section 7.6.1: it goes no further, in either direction."""
    headers = {b"connection": connection, b"x-request-id": b"a", b"user-agent": b"x/1"}
    assert forwarded(headers) == b"User-Agent: x/1\r\n"
    assert returned({b"connection": connection, b"x-request-id": b"a"}) == b""


@pytest.mark.parametrize("connection", [b"keep-alive", b"Keep-Alive", b"close"])
def test_an_ordinary_connection_names_nothing(connection: bytes) -> None:
    """Options of the connection are no header names."""
    assert forwarded({b"connection": connection, b"x-request-id": b"a"}) == b"X-Request-Id: a\r\n"


# To the caller


def test_what_customer_io_answers() -> None:
    """Type, request id, retry and rate limit fields pass; the rest of a real answer does not."""
    assert lines(
        returned(
            {
                b"content-type": b"application/json; charset=utf-8",
                b"x-request-id": b"01J8",
                b"retry-after": b"3",
                b"ratelimit": b"limit=10, remaining=0, reset=1",
                b"ratelimit-policy": b'"default";q=10;w=1',
                b"ratelimit-limit": b"10, 10;w=1",
                b"ratelimit-remaining": b"0",
                b"ratelimit-reset": b"1",
                b"date": b"Thu, 01 Jan 2026 00:00:00 GMT",
                b"server": b"openresty",
                b"via": b"1.1 google",
                b"content-length": b"2",
                b"vary": b"Origin",
                b"cache-control": b"no-cache",
                b"etag": b'W/"1"',
            }
        )
    ) == {
        b"Content-Type: application/json; charset=utf-8",
        b"X-Request-Id: 01J8",
        b"RateLimit: limit=10, remaining=0, reset=1",
        b'RateLimit-Policy: "default";q=10;w=1',
        b"RateLimit-Limit: 10, 10;w=1",
        b"RateLimit-Remaining: 0",
        b"RateLimit-Reset: 1",
        b"Retry-After: 3",
    }


@pytest.mark.parametrize(
    "name",
    [
        b"x-cio-sidecar",
        b"set-cookie",
        b"server",
        b"location",
        b"content-encoding",
        b"content-length",
        b"transfer-encoding",
        b"connection",
        b"keep-alive",
        b"trailer",
        b"upgrade",
        b"alt-svc",
        b"strict-transport-security",
        b"www-authenticate",
        b"authorization",
        b"access-control-allow-origin",
        b"refresh",
    ],
)
def test_what_never_comes_back(name: bytes) -> None:
    """What would send the caller elsewhere, frame its answer, or speak in the sidecar's name ends here."""
    assert returned({name: b"canary"}) == b""


@pytest.mark.parametrize(
    ("value", "told"),
    [
        (b"1", b"1"),
        (b"9", b"9"),
        (b"0", b"1"),
        (b"10", b"9"),
        (b"31", b"9"),  # Node gives up on it
        (b"3600", b"9"),
        (b"9" * 5000, b"9"),
        (b"007", b"7"),
        (b"Thu, 01 Jan 2026 00:00:00 GMT", b"9"),
        (b"", b"9"),
        (b"-5", b"9"),
        (b"1.5", b"9"),
        (b"\xb2", b"9"),
        (b"1\r\nSet-Cookie: a=b", b"9"),
    ],
)
def test_retry_after_stays_within_what_sdks_wait(value: bytes, told: bytes) -> None:
    """Seconds are clamped to 1..9; what is not a number of seconds is told as the longest wait."""
    assert returned({b"retry-after": value}) == b"Retry-After: " + told + b"\r\n"


@pytest.mark.parametrize("name", [b"content-type", b"x-request-id", b"ratelimit", b"ratelimit-limit"])
def test_no_answer_can_end_its_line(name: bytes) -> None:
    """A value with a line break, or one without end, is dropped."""
    assert returned({name: b"a\r\nSet-Cookie: a=b"}) == b""
    assert returned({name: b"a" * (VALUE_BYTES + 1)}) == b""


# Which types are JSON


@pytest.mark.parametrize(
    "content_type",
    [
        b"application/json",
        b"application/json; charset=utf-8",
        b"application/json;charset=utf-8",
        b"Application/JSON; Charset=UTF-8",
        b'application/json; charset="utf-8"',
        b"application/json; charset=utf8",
        b" application/json ",
        b"application/json ; q=1",
        b"application/vnd.customerio.v1+json",
        b"application/problem+json; charset=utf-8",
    ],
)
def test_json(content_type: bytes) -> None:
    """JSON and what is built on it, in UTF-8 by name or by default (RFC 8259 section 8.1)."""
    assert is_json(content_type)


@pytest.mark.parametrize(
    "content_type",
    [
        None,
        b"",
        b"text/plain",
        b"text/json",
        b"application/x-www-form-urlencoded",
        b"multipart/form-data; boundary=application/json",
        b"application/jsonp",
        b"application/json-seq",
        b"application/x-json",
        b"application/jsonx; charset=utf-8",
        b"application/json, text/plain",
        b"text/plain; application/json",
        b"application/+json",
        b"application/json; charset=utf-16",
        b"application/json; charset=iso-8859-1",
        b"application/json; charset=",
        b"application/json; charset=utf-8; charset=utf-16",
        b"application/json;charset = latin1",
    ],
)
def test_not_json(content_type: bytes | None) -> None:
    """What is not looked into is not JSON: no type, another type, another charset, or one of two."""
    assert not is_json(content_type)


def test_who_is_asked_decides_where_a_shape_leaves_room() -> None:
    """Free text is shown, a shape that holds nothing else is not; what must not pass is dropped alone."""
    asked: list[bytes] = []

    def passes(value: bytes) -> bool:
        asked.append(value)
        return value != b"held back"

    fields = {
        b"user-agent": b"held back",
        b"x-request-id": b"order-7",
        b"tracestate": b"a=b",
        b"traceparent": b"00-" + b"a" * 32 + b"-" + b"b" * 16 + b"-01",
        b"x-workspace-id": b"1234567",
        b"x-retry-count": b"2",
    }
    lines = forwarded(fields, passes)
    assert asked == [b"held back", b"order-7", b"a=b"]
    assert b"User-Agent" not in lines
    assert lines.count(b"\r\n") == 5
    forwarded({b"x-request-id": b"6ec0bd7f-11c0-43da-975e-2a8ad9ebae0b"}, passes)
    assert len(asked) == 3
