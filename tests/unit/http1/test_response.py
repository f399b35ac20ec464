"""Answers without a connection: what is told of bytes; `test_upstream` has what becomes of the connection."""

from contextlib import suppress

import pytest

from proxy.http1.known import Known, KnownAnswer
from proxy.http1.response import HEAD_BYTES, NOT_AN_ANSWER, ResponseReader
from tests.unit.http1.fakes import FakeReceiver

HEAD = b"HTTP/1.1 200 OK\r\nX: y\r\n"
FRAMES = {
    "length": b"Content-Length: 5\r\n\r\nhello",
    "chunked": b"Transfer-Encoding: chunked\r\n\r\n2\r\nhe\r\n3;x\r\nllo\r\n0\r\nT: v\r\n\r\n",
    "close": b"\r\nhello",
}


def reading(known: Known[KnownAnswer] | None = None) -> tuple[ResponseReader, FakeReceiver]:
    """Return a reader that awaits an answer, and who is told of it."""
    reader, receiver = ResponseReader(Known() if known is None else known), FakeReceiver()
    reader.begin(receiver)
    return reader, receiver


@pytest.mark.parametrize("framing", FRAMES)
@pytest.mark.parametrize("before", [b"", b"HTTP/1.1 103 Early Hints\r\nX: z\r\n\r\n"])
def test_an_answer_cut_anywhere_is_the_same(framing: str, before: bytes) -> None:
    """In one read, in two cut anywhere, or byte by byte, and whether its head is known or not."""
    data = before + HEAD + FRAMES[framing]
    known: Known[KnownAnswer] = Known()
    cuts = [[data[:cut], data[cut:]] for cut in range(1, len(data))]
    for pieces in ([data], *cuts, [data[at : at + 1] for at in range(len(data))]):
        reader, receiver = reading(known)
        for piece in pieces:
            reader.read(piece)
        assert (receiver.status, receiver.body) == (200, b"hello")
        assert (reader.complete, reader.ends_with_close) == (framing != "close", framing == "close")
        assert reader.keep is (framing != "close")
        assert not reader.unfinished


def test_a_head_that_comes_byte_by_byte_is_read_to_its_bound() -> None:
    """The largest head there may be, in 65,536 reads; one byte more is no answer."""
    start = HEAD + b"Content-Length: 0\r\nX: "
    rest = b"a" * (HEAD_BYTES - len(start) - 4)
    for more, whole in ((b"\r\n\r\n", True), (b"a\r\n\r\n", False)):
        reader, receiver = reading()
        with suppress(*NOT_AN_ANSWER):
            for byte in start + rest + more:
                reader.read(bytes([byte]))
        assert reader.complete is whole
        assert receiver.status == (200 if whole else 0)


def test_who_gave_up_is_told_nothing_more() -> None:
    """What was to be read of the answer is let go."""
    reader, receiver = reading()
    reader.read(HEAD + b"Transfer-Encoding: chunked\r\n\r\n" + b"1\r\na\r\n" * 3000)
    before, told = reader.unfinished, receiver.body
    reader.forget()
    assert (before, reader.unfinished) == (True, False)
    reader.read(b"")
    assert receiver.body == told
