"""The allow-lists of headers, one per direction. A header that is not listed is dropped.

A value passes only in the shape that the standard of its header defines: a trace context is hexadecimal, a retry count is a
small number. Another value is dropped, and the call goes on. Most shapes leave no room for personal data. A few do
(`User-Agent`, a request id of an unusual kind, `tracestate`). These values pass only if the policy accepts them.

These headers are not listed, so they never pass: `Authorization`, `Cookie` and `Set-Cookie`, `Forwarded` and `X-Forwarded-*`,
hop-by-hop fields (RFC 9110 section 7.6.1) and the fields that `Connection` lists, `Content-Encoding`, `Location`, `Server`, and
`X-CIO-Sidecar`, which only the sidecar sets. Caching fields do not pass either: an answer may hold personal data, and no SDK
caches answers.
"""

import re
from collections.abc import Callable, Mapping

# A longer value is dropped. W3C Trace Context 3.3.1.5 asks to pass a tracestate of up to 512 characters; no other header
# needs more.
VALUE_BYTES = 512
# Customer.io's SDKs sleep exactly as long as `Retry-After` says, while their own timeout is ten seconds (Python, Node, Ruby).
RETRY_AFTER_MIN_SECONDS = 1
RETRY_AFTER_MAX_SECONDS = 9

# The lower-case name, the start of the line, the shape of the value, and the narrower shape that has no room for other data.
_Header = tuple[bytes, bytes, re.Pattern[bytes], re.Pattern[bytes]]


def _header(name: str, shape: bytes, closed: bytes | None = None) -> _Header:
    return name.lower().encode(), f"{name}: ".encode(), re.compile(shape), re.compile(shape if closed is None else closed)


_NUMBER = rb"[0-9]{1,9}"
# Fewer digits than a national id (eight or more) or a phone number with its prefix (more than seven).
_WORKSPACE = rb"[0-9]{1,7}"
_RETRIES = rb"[0-9]{1,4}"
_NEVER = rb"(?!)"
_TEXT = rb"[\t -~\x80-\xff]*"  # a field value, RFC 9110 section 5.5
_REQUEST_ID = rb"[A-Za-z0-9._~:/+=-]{1,128}"
# A UUID by its version and variant (RFC 9562 section 4), a trace id or a ULID. It must have a letter: digits alone could be
# another number.
_USUAL_ID = (
    rb"(?=.*[A-Za-z])(?:[0-9A-Fa-f]{8}-[0-9A-Fa-f]{4}-[1-8][0-9A-Fa-f]{3}-[89ABab][0-9A-Fa-f]{3}-[0-9A-Fa-f]{12}"
    rb"|[0-9A-Fa-f]{32}|[0-7][0-9A-HJKMNP-TV-Za-hjkmnp-tv-z]{25})"
)
_TRACEPARENT = rb"[0-9a-f]{2}-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}"  # W3C Trace Context 3.2
_TRACESTATE_MEMBER = rb"[a-z0-9][a-z0-9_*/@-]*=[!-+\--<>?A-~]+"  # 3.3.1.3; values without `@`, so that no email address fits

_FORWARDED = (
    _header("User-Agent", _TEXT, _NEVER),
    _header("X-Strict-Mode", rb"[01]"),
    _header("X-Retry-Count", _RETRIES),
    _header("X-Workspace-Id", _WORKSPACE),
    _header("X-Request-Id", _REQUEST_ID, _USUAL_ID),
    _header("traceparent", _TRACEPARENT),
    _header("tracestate", rb"%b(?:[ \t]*,[ \t]*%b)*" % (_TRACESTATE_MEMBER, _TRACESTATE_MEMBER), _NEVER),
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


def forwarded(headers: Mapping[bytes, bytes], passes: Callable[[bytes], bool] | None = None) -> bytes:
    """Return the header lines to send upstream, each with CRLF; the names in `headers` are lower-cased.

    `passes` decides on each value whose shape has room for other data. `Content-Type` is never among the lines: the body is
    encoded anew, and its type is set then.
    """
    return _passed(headers, _FORWARDED, _named(headers), passes)


def returned(headers: Mapping[bytes, bytes]) -> bytes:
    """Return the header lines of an answer for the caller, each with CRLF; the names in `headers` are lower-cased.

    `Retry-After` is clamped. A date in it would need a clock to become seconds, so it is replaced by the longest wait.
    """
    named = _named(headers)
    lines = _passed(headers, _RETURNED, named)
    value = headers.get(b"retry-after")
    if value is not None:
        seconds = int(value) if re.fullmatch(_NUMBER, value) else RETRY_AFTER_MAX_SECONDS
        lines += b"Retry-After: %d\r\n" % min(max(seconds, RETRY_AFTER_MIN_SECONDS), RETRY_AFTER_MAX_SECONDS)
    return lines


def is_json(content_type: bytes | None) -> bool:
    """Return whether a `Content-Type` means JSON in UTF-8, the only format in which rules can apply."""
    if content_type in _JSON_TYPES:
        return True
    if content_type is None or not _JSON.match(content_type):
        return False
    return all(charset.lower() in (b"utf-8", b"utf8") for charset in _CHARSET.findall(content_type))


def _named(headers: Mapping[bytes, bytes]) -> frozenset[bytes]:
    """Return the names of the fields that `Connection` lists: they are for this connection only."""
    connection = headers.get(b"connection")
    if connection is None or connection == b"keep-alive":
        return frozenset()
    return frozenset(name.strip().lower() for name in connection.split(b","))


def _passed(
    headers: Mapping[bytes, bytes],
    allowed: tuple[_Header, ...],
    named: frozenset[bytes],
    passes: Callable[[bytes], bool] | None = None,
) -> bytes:
    lines = b""
    for key, start, shape, closed in allowed:
        value = headers.get(key)
        if value is None or len(value) > VALUE_BYTES or key in named or not shape.fullmatch(value):
            continue
        if passes is None or closed.fullmatch(value) or passes(value):
            lines += start + value + b"\r\n"
    return lines
