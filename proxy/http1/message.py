"""One request of an application, while it is read and until it is answered."""

from enum import IntEnum

from proxy.errors import Reason
from proxy.exchange import Admission, RequestHead
from proxy.http1.framing import ChunkedBody


class Phase(IntEnum):
    """How far the next request has been read."""

    IDLE = 0
    HEAD = 1
    BODY = 2


class Message:
    """One request. Only its reader and its connection write to it."""

    __slots__ = (
        "admission", "body", "body_bytes", "cap_bytes", "chunks", "head", "held_bytes", "http10", "left_bytes", "method",
        "refused",
    )  # fmt: skip

    def __init__(self, method: str, *, http10: bool) -> None:
        """Begin with the request line."""
        self.method = method
        self.http10 = http10
        self.admission: Admission | None = None
        self.refused: Reason | None = None
        self.head: RequestHead | None = None  # of a request that was not let in
        self.chunks: ChunkedBody | None = None
        self.left_bytes = 0  # still to come, of a body that is not chunked
        self.body: bytes | bytearray = b""
        self.body_bytes = 0  # read so far, kept or not
        self.cap_bytes = 0
        self.held_bytes = 0  # counted against `inflight_bytes` until the answer is sent

    def add(self, data: bytes | bytearray) -> None:
        """Keep a piece of the body."""
        self.held_bytes += len(data)
        if not self.body:
            self.body = data
        elif isinstance(self.body, bytes):
            # One buffer, not a list of pieces: as a list, a body in chunks of two bytes would take twenty times its size.
            self.body = bytearray(self.body) + data
        else:
            self.body += data
