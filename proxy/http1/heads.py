"""Response heads as bytes, as the sidecar writes them to a caller."""

from email.utils import formatdate
from http import HTTPStatus
from typing import Final

from proxy.errors import ANSWERS, RETRY_AFTER_SECONDS, RETRYABLE, Answer, Reason, error_body

CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"
END: Final = b"\r\n"
CLOSE = b"Connection: close\r\n"
KEEP_ALIVE = b"Connection: keep-alive\r\n"
CHUNKED = b"Transfer-Encoding: chunked\r\n"
LAST_CHUNK = b"0\r\n\r\n"
JSON = b"Content-Type: application/json\r\n"

_NO_CONTENT: Final = 204
_FORWARDED: Final = b"%bX-CIO-Sidecar: forwarded\r\n"
_STATUS_LINES: Final = {status.value: f"HTTP/1.1 {status.value} {status.phrase}\r\n".encode() for status in HTTPStatus}
_FORWARDED_LINES: Final = {status: _FORWARDED % line for status, line in _STATUS_LINES.items()}


def status_line(status: int) -> bytes:
    """Return the status line of `status`, with its registered reason phrase if there is one (RFC 9112 section 4)."""
    return _STATUS_LINES.get(status) or b"HTTP/1.1 %d \r\n" % status


def start(status: int, lines: bytes, rest: bytes) -> bytes:
    """Return the head of an upstream answer: status line, `X-CIO-Sidecar: forwarded`, header `lines`, then the `rest`."""
    return b"".join((_FORWARDED_LINES.get(status) or _FORWARDED % status_line(status), lines, rest, END))


def answer(status: int, lines: bytes, rest: bytes, body: bytes) -> bytes:
    """Return a whole upstream answer. A 204 gets no Content-Length (RFC 9110 section 8.6)."""
    marked = _FORWARDED_LINES.get(status) or _FORWARDED % status_line(status)
    if status == _NO_CONTENT:
        return b"".join((marked, lines, rest, END))
    return b"".join((marked, lines, b"Content-Length: %d\r\n" % len(body), rest, END, body))


def refusal(reason: Reason, rest: bytes, *, head_only: bool) -> bytes:
    """Return a whole refusal. With `head_only` it has no body, as an answer to HEAD (RFC 9110 section 9.3.2)."""
    lines, body = REFUSALS[reason]
    return b"".join((lines, rest, END, b"" if head_only else body))


def date(wall_seconds: float) -> bytes:
    """Return the Date header line (RFC 9110 section 6.6.1) for a time in Unix seconds."""
    return f"Date: {formatdate(wall_seconds, usegmt=True)}\r\n".encode()


def _refusal(reason: Reason, answer: Answer) -> tuple[bytes, bytes]:
    body = error_body(reason.value, answer)
    lines = [status_line(answer.status), JSON, b"X-CIO-Sidecar: refused; reason=%s\r\n" % reason.value.encode()]
    if reason in RETRYABLE:
        lines.append(b"Retry-After: %d\r\n" % RETRY_AFTER_SECONDS)
    if answer.status == HTTPStatus.UNAUTHORIZED:
        lines.append(b'WWW-Authenticate: Basic realm="customerio-sidecar"\r\n')  # RFC 9110 section 15.5.2
    lines.append(b"Content-Length: %d\r\n" % len(body))
    return b"".join(lines), body


# For each refusal: the head lines that never change, and the body.
REFUSALS = {reason: _refusal(reason, answer) for reason, answer in ANSWERS.items()}
