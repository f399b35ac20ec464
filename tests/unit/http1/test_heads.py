"""Response heads as bytes."""

from http import HTTPStatus

import httptools
import orjson
import pytest

from proxy.errors import ANSWERS, RETRYABLE, Reason
from proxy.http1 import heads


class Read:
    """An answer as another parser reads it: llhttp, strict."""

    def __init__(self, data: bytes) -> None:
        """Read `data`, which must be one whole answer."""
        self.headers: dict[str, str] = {}
        self.body = b""
        self.complete = 0
        parser = httptools.HttpResponseParser(self)
        parser.feed_data(data)
        self.status: int = parser.get_status_code()
        assert self.complete == 1

    def on_header(self, name: bytes, value: bytes) -> None:
        """Keep a header, which must not repeat."""
        assert name.decode() not in self.headers
        self.headers[name.decode()] = value.decode()

    def on_body(self, data: bytes) -> None:
        """Keep a piece of the body."""
        self.body += data

    def on_message_complete(self) -> None:
        """Count the end."""
        self.complete += 1


@pytest.mark.parametrize("reason", Reason)
def test_a_refusal_is_the_documented_answer(reason: Reason) -> None:
    """Status, JSON in the shape that satisfies every SDK, the reason in `X-CIO-Sidecar`, and what the status asks for (4.3)."""
    read = Read(heads.refusal(reason, heads.CLOSE, head_only=False))
    answer = ANSWERS[reason]
    assert read.status == answer.status
    document = orjson.loads(read.body)
    assert document["code"] == reason.value
    assert document["meta"] == {"error": answer.message, "errors": [answer.message]}
    assert read.headers.pop("X-CIO-Sidecar") == f"refused; reason={reason.value}"
    assert read.headers.pop("Content-Type") == "application/json"
    assert read.headers.pop("Content-Length") == str(len(read.body))
    assert read.headers.pop("Connection") == "close"
    assert read.headers.pop("Retry-After", None) == ("1" if reason in RETRYABLE else None)
    challenge = read.headers.pop("WWW-Authenticate", None)
    assert (challenge is not None) is (answer.status == HTTPStatus.UNAUTHORIZED)  # RFC 9110 section 15.5.2
    assert read.headers == {}


def test_a_refusal_of_head_keeps_its_length() -> None:
    """HEAD is told what GET would be, without the body (RFC 9110 section 9.3.2)."""
    whole = heads.refusal(Reason.METHOD_NOT_ALLOWED, b"", head_only=False)
    assert whole.startswith(heads.refusal(Reason.METHOD_NOT_ALLOWED, b"", head_only=True))
    assert heads.refusal(Reason.METHOD_NOT_ALLOWED, b"", head_only=True).endswith(b"\r\n\r\n")


@pytest.mark.parametrize(("status", "line"), [(200, b"200 OK"), (207, b"207 Multi-Status"), (599, b"599 "), (522, b"522 ")])
def test_an_answer_has_its_status_line(status: int, line: bytes) -> None:
    """The registered phrase, or none, but always the space before it (RFC 9112 section 4)."""
    data = heads.answer(status, b"A: b\r\n", b"", b"{}")
    assert data == b"HTTP/1.1 " + line + b"\r\nX-CIO-Sidecar: forwarded\r\nA: b\r\nContent-Length: 2\r\n\r\n{}"
    assert Read(data).body == b"{}"
    assert heads.start(status, b"A: b\r\n", b"C: d\r\n") == (
        b"HTTP/1.1 " + line + b"\r\nX-CIO-Sidecar: forwarded\r\nA: b\r\nC: d\r\n\r\n"
    )


def test_an_answer_without_content_has_no_length() -> None:
    """204 has none, nor a body (RFC 9110 section 8.6)."""
    read = Read(heads.answer(204, b"", b"", b"ignored"))
    assert read.headers == {"X-CIO-Sidecar": "forwarded"}
    assert heads.answer(204, b"", b"", b"ignored").endswith(b"\r\n\r\n")


def test_a_chunk_can_be_ended() -> None:
    """The last chunk and no trailer (RFC 9112 section 7.1)."""
    read = Read(heads.start(200, b"", heads.CHUNKED) + b"2\r\n{}\r\n" + heads.LAST_CHUNK)
    assert read.body == b"{}"


def test_a_date_is_a_header_line() -> None:
    """In the one format that may be sent (RFC 9110 section 5.6.7)."""
    assert heads.date(784_111_777.9) == b"Date: Sun, 06 Nov 1994 08:49:37 GMT\r\n"
