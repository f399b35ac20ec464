"""Response heads as bytes: what the sidecar writes to a caller."""

from email.utils import formatdate
from http import HTTPStatus

from proxy.errors import ANSWERS, RETRY_AFTER_SECONDS, RETRYABLE_STATUSES, Answer, Reason, error_body

CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"
END = b"\r\n"
CLOSE = b"Connection: close\r\n"
KEEP_ALIVE = b"Connection: keep-alive\r\n"
CHUNKED = b"Transfer-Encoding: chunked\r\n"
LAST_CHUNK = b"0\r\n\r\n"
JSON = b"Content-Type: application/json\r\n"
FORWARDED = b"X-CIO-Sidecar: forwarded\r\n"

_STATUS_LINES = {status.value: f"HTTP/1.1 {status.value} {status.phrase}\r\n".encode() for status in HTTPStatus}


def status_line(status: int) -> bytes:
    """Return the status line of `status`, with the registered phrase if it has one."""
    return _STATUS_LINES.get(status) or b"HTTP/1.1 %d \r\n" % status


def date(wall_seconds: float) -> bytes:
    """Return the Date header line (RFC 9110 section 6.6.1) for a moment in Unix seconds."""
    return f"Date: {formatdate(wall_seconds, usegmt=True)}\r\n".encode()


def _refusal(reason: Reason, answer: Answer) -> tuple[bytes, bytes]:
    body = error_body(reason.value, answer)
    lines = [status_line(answer.status), JSON, b"X-CIO-Sidecar: refused; reason=%s\r\n" % reason.value.encode()]
    if answer.status in RETRYABLE_STATUSES:
        lines.append(b"Retry-After: %d\r\n" % RETRY_AFTER_SECONDS)
    if answer.status == HTTPStatus.UNAUTHORIZED:
        lines.append(b'WWW-Authenticate: Basic realm="customerio-sidecar"\r\n')  # RFC 9110 section 15.5.2
    lines.append(b"Content-Length: %d\r\n" % len(body))
    return b"".join(lines), body


# Head lines (without Date, Connection and the closing empty line) and body of each refusal.
REFUSALS = {reason: _refusal(reason, answer) for reason, answer in ANSWERS.items()}
