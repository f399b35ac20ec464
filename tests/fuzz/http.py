"""What well-formed HTTP/1.1 is, read slowly by a reader of its own: the witness for what the sidecar writes."""

import re
from dataclasses import dataclass

from tests.fuzz.engine import Finding

_TOKEN = re.compile(rb"[!#$%&'*+\-.^_`|~0-9A-Za-z]+")
_STATUS = re.compile(rb"HTTP/1\.[01] ([1-5][0-9][0-9]) [\t -~\x80-\xff]*")
_VALUE = re.compile(rb"[\t -~\x80-\xff]*")
_SINGLE = frozenset({b"content-length", b"transfer-encoding", b"content-type"})
_BODILESS = frozenset({204, 304})


@dataclass
class Answer:
    """One answer."""

    status: int
    fields: dict[bytes, bytes]
    body: bytes


def answers(data: bytes, *, whole: bool = True, bodiless: bool = False) -> list[Answer]:
    """Return the final answers in `data`; `whole` says that the last one must have ended, `bodiless` that none has a body.

    Raises:
        Finding: it is not well-formed.
    """
    found = []
    while data:
        head, end, data = data.partition(b"\r\n\r\n")
        if not end:
            raise Finding("an answer's head does not end")
        code, fields = _head(head)
        if code < 200:
            continue
        if b"content-length" in fields and b"transfer-encoding" in fields:
            raise Finding("an answer is framed twice")
        if code in _BODILESS or bodiless:
            body = b""
        elif b"transfer-encoding" in fields:
            body, data = _chunks(data, whole=whole)
        elif b"content-length" in fields:
            size = int(fields[b"content-length"])
            body, data = data[:size], data[size:]
            if whole and len(body) < size:
                raise Finding("an answer is shorter than it says")
        else:
            body, data = data, b""
        found.append(Answer(code, fields, body))
    return found


def _head(head: bytes) -> tuple[int, dict[bytes, bytes]]:
    line, *lines = head.split(b"\r\n")
    status = _STATUS.fullmatch(line)
    if status is None:
        raise Finding("an answer has no status line")
    fields: dict[bytes, bytes] = {}
    for each in lines:
        name, colon, value = each.partition(b":")
        if not colon or not _TOKEN.fullmatch(name) or not _VALUE.fullmatch(value):
            raise Finding("an answer has a malformed header line")
        if name.lower() in fields and name.lower() in _SINGLE:
            raise Finding("an answer repeats a header line")
        fields[name.lower()] = value.strip()
    return int(status[1]), fields


def _chunks(data: bytes, *, whole: bool) -> tuple[bytes, bytes]:
    body = b""
    while True:
        size, end, data = data.partition(b"\r\n")
        if not end:
            if whole:
                raise Finding("a chunked answer does not end")
            return body, b""
        length = int(size, 16)
        if length == 0:
            return body, data[2:]
        body += data[:length]
        data = data[length + 2 :]
