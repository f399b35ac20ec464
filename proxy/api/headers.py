"""Which headers pass, in both directions: two allow-lists. Whatever is not named here ends at the sidecar.

The policy looks into bodies, not into headers, so a value passes only in the shape that its header's own standard gives it: a
trace context is hexadecimal, a retry count a number. What does not fit is dropped, never refused. Free text is left to
`User-Agent`, which names the library.

Never passed, because not listed: `Authorization`, `Cookie` and `Set-Cookie`, `Forwarded` and `X-Forwarded-*`, hop-by-hop
fields (RFC 9110 section 7.6.1; with them what `Connection` names), `Content-Encoding`, `Location`, `Server`, and
`X-CIO-Sidecar`, which is ours to say. Caching fields stay behind too: an answer may hold a person's data, and no SDK keeps one.
"""

import re
from collections.abc import Mapping

# A longer value is dropped; W3C Trace Context 3.3.1.5 asks that tracestate pass up to 512, and nothing else needs more.
VALUE_BYTES = 512
# SDKs sleep for exactly as long as they are told, and their callers wait ten seconds at most (customerio-api.md 2.3).
RETRY_AFTER_MIN_SECONDS = 1
RETRY_AFTER_MAX_SECONDS = 9

_Header = tuple[bytes, bytes, re.Pattern[bytes]]  # its key, the beginning of its line, the shape of its value


def _header(name: str, shape: bytes) -> _Header:
    return name.lower().encode(), f"{name}: ".encode(), re.compile(shape)


_NUMBER = rb"[0-9]{1,9}"
_TEXT = rb"[\t -~\x80-\xff]*"  # a field value, RFC 9110 section 5.5
_REQUEST_ID = rb"[A-Za-z0-9._~:/+=-]{1,128}"
_TRACEPARENT = rb"[0-9a-f]{2}-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}"  # W3C Trace Context 3.2
_TRACESTATE_MEMBER = rb"[a-z0-9][a-z0-9_*/@-]*=[!-+\--<>?A-~]+"  # 3.3.1.3; in values without `@`, so that no address fits

_FORWARDED = (
    _header("User-Agent", _TEXT),
    _header("X-Strict-Mode", rb"[01]"),
    _header("X-Retry-Count", _NUMBER),
    _header("X-Workspace-Id", _NUMBER),
    _header("X-Request-Id", _REQUEST_ID),
    _header("traceparent", _TRACEPARENT),
    _header("tracestate", rb"%b(?:[ \t]*,[ \t]*%b)*" % (_TRACESTATE_MEMBER, _TRACESTATE_MEMBER)),
)
_RETURNED = (
    _header("Content-Type", _TEXT),
    _header("X-Request-Id", _REQUEST_ID),
    _header("RateLimit", _TEXT),
    _header("RateLimit-Policy", _TEXT),
    _header("RateLimit-Limit", _TEXT),
    _header("RateLimit-Remaining", _NUMBER),
    _header("RateLimit-Reset", _NUMBER),
)

_JSON_TYPES = frozenset({b"application/json", b"application/json; charset=utf-8", b"application/json;charset=utf-8"})
# RFC 8259 section 11, and any type built on it (RFC 6839 section 3.1).
_JSON = re.compile(rb"\s*application/(?:[\w!#$&^.+-]+\+)?json\s*(?:;|\Z)", re.IGNORECASE)
_CHARSET = re.compile(rb";\s*charset\s*=\s*\"?([^\s;\"]*)", re.IGNORECASE)


def forwarded(headers: Mapping[bytes, bytes]) -> bytes:
    """Return the lines of a request's headers that are sent on; names are lower-cased, each line ends in CRLF.

    `Content-Type` is not among them: a body is serialised anew, and its type goes with it.
    """
    return _passed(headers, _FORWARDED, _named(headers))


def returned(headers: Mapping[bytes, bytes]) -> bytes:
    """Return the lines of an answer's headers that the caller is given; names are lower-cased, each line ends in CRLF.

    `Retry-After` is clamped. As a date it cannot be measured without a clock, and is told as the longest wait.
    """
    named = _named(headers)
    lines = _passed(headers, _RETURNED, named)
    value = headers.get(b"retry-after")
    if value is not None:
        seconds = int(value) if re.fullmatch(_NUMBER, value) else RETRY_AFTER_MAX_SECONDS
        lines += b"Retry-After: %d\r\n" % min(max(seconds, RETRY_AFTER_MIN_SECONDS), RETRY_AFTER_MAX_SECONDS)
    return lines


def is_json(content_type: bytes | None) -> bool:
    """Say whether a `Content-Type` names JSON in UTF-8, the only text that is looked into."""
    if content_type in _JSON_TYPES:
        return True
    if content_type is None or not _JSON.match(content_type):
        return False
    return all(charset.lower() in (b"utf-8", b"utf8") for charset in _CHARSET.findall(content_type))


def _named(headers: Mapping[bytes, bytes]) -> frozenset[bytes]:
    """Return the names of fields that the sender meant for this connection only."""
    connection = headers.get(b"connection")
    if connection is None or connection == b"keep-alive":
        return frozenset()
    return frozenset(name.strip().lower() for name in connection.split(b","))


def _passed(headers: Mapping[bytes, bytes], allowed: tuple[_Header, ...], named: frozenset[bytes]) -> bytes:
    lines = b""
    for key, start, shape in allowed:
        value = headers.get(key)
        if value is not None and len(value) <= VALUE_BYTES and key not in named and shape.fullmatch(value):
            lines += start + value + b"\r\n"
    return lines
