"""Bodies that make llhttp call back as often as they can, by the shape of what they are made of, and who counts the calls."""

from collections.abc import Callable

import httptools

# What stands at the beginning of a chunked body, and what is repeated behind it. A chunk of `CONTENT_BYTES` has room for all.
CONTENT_BYTES = 50_000
_OPEN = b"%x\r\n" % CONTENT_BYTES
SHAPES: dict[str, tuple[bytes, bytes]] = {
    "chunks of one byte": (b"", b"1\r\na\r\n"),
    "chunks of one byte with zeros before": (b"", b"001\r\na\r\n"),
    "chunks of one byte with extensions": (b"", b"1;b\r\na\r\n"),
    "chunks of two line feeds": (b"", b"2\r\n\n\n\r\n"),
    "chunks of an empty line": (b"", b"4\r\n\r\n\r\n\r\n"),
    "empty lines in content": (_OPEN, b"\r\n"),
    "ends of bodies in content": (_OPEN, b"0\r\n\r\n"),
    "single bytes between empty lines": (_OPEN, b"x\r\n\r\n"),
    "trailers of one byte": (b"1\r\na\r\n0\r\n", b"a:\r\n"),
    "an endless extension": (b"1\r\na\r\n1;", b"x"),
}
# These neither cost much nor are refused early: a read full of them takes many turns.
TAKE_TURNS = SHAPES.keys() - {"empty lines in content", "trailers of one byte", "an endless extension"}


def body(shape: str, size: int) -> bytes:
    """Return about `size` bytes of a chunked body that does not end."""
    begin, repeated = SHAPES[shape]
    return begin + repeated * (size // len(repeated))


class Calls:
    """An llhttp of its own, which is fed the same bytes and counts what it calls back."""

    def __init__(self, parser: Callable[["Calls"], httptools.HttpRequestParser | httptools.HttpResponseParser]) -> None:
        """Count for a new `parser`."""
        self._parser = parser(self)
        self._count = 0

    def of(self, data: bytes) -> int:
        """Return how often llhttp calls back while it is fed `data`."""
        before = self._count
        self._parser.feed_data(data)
        return self._count - before

    def on_body(self, data: bytes) -> None:  # noqa: ARG002  # httptools' signature
        """Count."""
        self._count += 1

    def on_header(self, name: bytes, value: bytes) -> None:  # noqa: ARG002  # httptools' signature
        """Count."""
        self._count += 1
