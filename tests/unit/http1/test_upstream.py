"""One connection to Customer.io: which answers are answers, and after which the connection may be used again."""

import asyncio
import ssl
from collections.abc import Awaitable, Callable

import pytest

from proxy.exchange import Failure
from proxy.http1.cork import Cork
from proxy.http1.framing import CALLS_PER_TURN, LARGE_READ_BYTES
from proxy.http1.response import HEAD_BYTES, HEAD_LINES, MAX_INTERIM_ANSWERS
from proxy.http1.upstream import UpstreamConnection
from tests.unit.http1 import hostile
from tests.unit.http1.conftest import Loops
from tests.unit.http1.fakes import FakeOwner, FakeReceiver, Origin, until
from tests.unit.http1.tls import client_context, server_context

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}"
CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
UNTIL_CLOSE = b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\n\r\n"
CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"


def outcome(*pieces: bytes, close: bool = False) -> tuple[tuple[int, bytes] | Failure | None, bool]:
    """Return what becomes of an answer, and whether its connection is used again."""
    origin = Origin()
    receiver = origin.answer(*pieces, close=close)
    return receiver.outcome, origin.pooled


# Answers


def test_a_request_is_written_as_it_is() -> None:
    """In one write, all pieces of it."""
    origin = Origin()
    origin.ask()
    assert origin.transport.sent == b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"


def test_an_answer_is_told_with_its_head_and_body() -> None:
    """Status, lower-cased headers without the space around their values, the declared length, the body."""
    receiver = Origin().answer(b"HTTP/1.1 404 Not Found\r\nX-One: \t 1 \t\r\nX-Two:\r\nContent-Length: 2 \r\n\r\n{}")
    assert receiver.outcome == (404, b"{}")
    assert receiver.headers == {b"x-one": b"1", b"x-two": b"", b"content-length": b"2"}
    assert (receiver.length, receiver.pauses) == (2, 0)


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (OK, (200, b"{}")),
        (b"HTTP/1.1 200\r\nContent-Length: 0\r\n\r\n", (200, b"")),
        (b"HTTP/1.1 599 \r\nContent-Length: 2\r\n\r\n{}", (599, b"{}")),
        (CHUNKED + b"1;x=y\r\n{\r\n1\r\n}\r\n0\r\nT: v\r\n\r\n", (200, b"{}")),
        (b"HTTP/1.1 204 No Content\r\n\r\n", (204, b"")),
        (b"HTTP/1.1 304 Not Modified\r\n\r\n", (304, b"")),
        (b"HTTP/1.0 200 OK\r\nConnection: keep-alive\r\nContent-Length: 2\r\n\r\n{}", (200, b"{}")),
        (CONTINUE + b"HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n" + OK, (200, b"{}")),
        (b"HTTP/1.1 200 OK\r\nConnection: upgrade\r\nUpgrade: h2c\r\nContent-Length: 2\r\n\r\n{}", (200, b"{}")),
    ],
)
def test_a_clean_answer_leaves_a_clean_connection(data: bytes, expected: tuple[int, bytes]) -> None:
    """In one read, in two cut anywhere, or byte by byte, an answer is the same, and its connection is pooled."""
    splits = [[data], *([data[:cut], data[cut:]] for cut in range(1, len(data))), [bytes([byte]) for byte in data]]
    for pieces in splits:
        assert outcome(*pieces) == (expected, True), pieces


def test_a_connection_is_used_again_and_again() -> None:
    """Nothing of an answer is left for the next one."""
    origin = Origin()
    for data, expected in (
        (CHUNKED + b"2\r\n{}\r\n0\r\n\r\n", (200, b"{}")),
        (b"HTTP/1.1 204 No Content\r\n\r\n", (204, b"")),
        (CONTINUE + OK, (200, b"{}")),
        (OK, (200, b"{}")),
    ):
        assert not origin.connection.used or origin.pooled
        receiver = origin.answer(data)
        assert receiver.outcome == expected
        assert origin.connection.used
    assert origin.owner.told == ["opened"] + ["released"] * 4


def test_a_body_ended_by_the_close_is_complete_only_without_another_end() -> None:
    """Neither length nor chunks: the close ends it, and the connection with it (RFC 9112 section 6.3, rule 8)."""
    assert outcome(UNTIL_CLOSE, b"abc", b"def", close=True) == ((200, b"abcdef"), False)
    assert outcome(UNTIL_CLOSE, close=True) == ((200, b""), False)
    assert outcome(OK[:-1], close=True) == (Failure.TRUNCATED, False)
    assert outcome(CHUNKED + b"1\r\n{\r\n", close=True) == (Failure.TRUNCATED, False)
    assert outcome(CHUNKED + b"1\r\n{\r\n0\r\n", close=True) == (Failure.TRUNCATED, False)
    assert outcome(UNTIL_CLOSE[:-2], close=True) == (Failure.TRUNCATED, False)
    assert outcome(b"HTTP/1.1 200 OK\n\nabc", close=True) == (Failure.TRUNCATED, False)


def test_a_body_ended_by_a_break_is_not_complete() -> None:
    """A reset is no end of a body."""
    origin = Origin()
    receiver = origin.answer(UNTIL_CLOSE, b"abc")
    origin.transport.lose()
    assert receiver.outcome is Failure.TRUNCATED


def test_a_connection_that_closes_before_an_answer() -> None:
    """`CLOSED`: whether the request was processed is not known."""
    assert outcome(close=True) == (Failure.CLOSED, False)
    origin = Origin()
    receiver = origin.ask()
    origin.transport.lose()
    assert receiver.outcome is Failure.CLOSED


@pytest.mark.parametrize("status", [100, 102, 103, 150, 199])
def test_interim_answers_are_skipped(status: int) -> None:
    """Whatever they are, the final answer follows them (RFC 9110 section 15.2)."""
    assert outcome(b"HTTP/1.1 %d \r\nX: y\r\n\r\n" % status + OK) == ((200, b"{}"), True)


def test_interim_answers_are_bounded() -> None:
    """`MAX_INTERIM_ANSWERS` of them, whatever reads they come in: a server that sends ten thousand has no answer."""
    assert outcome(CONTINUE * MAX_INTERIM_ANSWERS + OK) == ((200, b"{}"), True)
    assert outcome(CONTINUE * 10_000 + OK) == (Failure.INVALID, False)
    assert outcome(*[CONTINUE] * 10_000, OK) == (Failure.INVALID, False)


@pytest.mark.parametrize(
    ("field", "content"),
    [
        (b"Content-Length: 5", b"hello"),
        (b"Content-Length: 0", b""),
        (b"Content-Length: %d" % len(OK), b""),
        (b"Transfer-Encoding: chunked", b"0\r\n\r\n"),
    ],
)
def test_an_interim_answer_has_no_content(field: bytes, content: bytes) -> None:
    """Llhttp would read it as part of the answer that follows (RFC 9110 section 8.6, RFC 9112 section 6.1)."""
    assert outcome(b"HTTP/1.1 150 \r\n" + field + b"\r\n\r\n" + content + OK) == (Failure.INVALID, False)


@pytest.mark.parametrize(
    "head", [b"HTTP/1.1 101 Switching Protocols\r\n", b"HTTP/1.1 101 \r\nConnection: upgrade\r\nUpgrade: x\r\n"]
)
def test_switching_protocols_is_invalid(head: bytes) -> None:
    """We never ask for it (RFC 9110 section 15.2.2)."""
    assert outcome(head + b"\r\n" + OK) == (Failure.INVALID, False)


@pytest.mark.parametrize("status", [b"000", b"099", b"99", b"1000", b"600", b"999", b"-20", b"2x0", b"", b"20 0"])
def test_a_status_is_100_to_599(status: bytes) -> None:
    """Llhttp takes any three digits, and below 200 for interim (RFC 9110 section 15)."""
    assert outcome(b"HTTP/1.1 " + status + b" X\r\nContent-Length: 2\r\n\r\n{}" + OK) == (Failure.INVALID, False)
    assert outcome(b"HTTP/1.1 " + status + b" X\r\n\r\n" + OK) == (Failure.INVALID, False)


@pytest.mark.parametrize(
    "version", [b"RTSP/1.0", b"ICE/1.0", b"HTTP/0.9", b"HTTP/2.0", b"HTTP/1.2", b"http/1.1", b"", b"\r\nHTTP/1.1"]
)
def test_an_answer_is_http_1(version: bytes) -> None:
    """Neither another protocol that llhttp knows, nor another version, nor anything before it; interim answers or not."""
    data = version + b" 200 OK\r\nContent-Length: 2\r\n\r\n{}"
    assert outcome(data) == (Failure.INVALID, False)
    assert outcome(*(bytes([byte]) for byte in data)) == (Failure.INVALID, False)
    assert outcome(CONTINUE + data) == (Failure.INVALID, False)


@pytest.mark.parametrize(
    "data",
    [
        b"\x16\x03\x01 this is no HTTP\r\n\r\n",
        b"HTTP/1.1 200 OK\nContent-Length: 2\r\n\r\n{}",
        b"HTTP/1.1 200 OK\r\nContent-Length: 2\n\r\n{}\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nA: b\r\n c\r\nContent-Length: 2\r\n\r\n{}",
        b"HTTP/1.1 200 OK\r\nA: \x00\r\nContent-Length: 2\r\n\r\n{}",
        b"HTTP/1.1 200 OK\r\nA : b\r\nContent-Length: 2\r\n\r\n{}",
        b"HTTP/1.1 200 OK\r\nContent-Length: +2\r\n\r\n{}",
        b"HTTP/1.1 200 OK\r\nContent-Length: 2, 2\r\n\r\n{}",
        b"HTTP/1.1 200 OK\r\nContent-Length: 18446744073709551616\r\n\r\n{}",
        b"HTTP/1.1 200 OK\r\nContent-Length: " + b"0" * 30 + b"2\r\n\r\n{}",
        b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 2\r\n\r\n{}",
        b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\n{}",
        b"HTTP/1.1 200 OK\r\nContent-Encoding: a\r\nContent-Encoding: b\r\nContent-Length: 2\r\n\r\n{}",
        CHUNKED + b"0x2\r\n{}\r\n0\r\n\r\n",
        CHUNKED + b"2 \r\n{}\r\n0\r\n\r\n",
        CHUNKED + b"2\r\n{}0\r\n\r\n",
        CHUNKED + b"2\n{}\r\n0\r\n\r\n",
        CHUNKED + b"1FFFFFFFFFFFFFFFF\r\n",
        CHUNKED + b"2\r\n{}\r\n0\r\nContent-Length: 2\r\n\r\n",
    ],
)
def test_what_is_no_answer_is_invalid(data: bytes) -> None:
    """Garbage, bare line feeds, folded lines, lengths and chunks that could be read in two ways (RFC 9112)."""
    assert outcome(data) == (Failure.INVALID, False)


@pytest.mark.parametrize(
    "coding", [b"gzip", b"gzip, chunked", b"chunked, chunked", b"identity", b"chunked\r\nTransfer-Encoding: chunked"]
)
def test_any_transfer_coding_but_a_single_chunked_is_invalid(coding: bytes) -> None:
    """We ask for none, and could not scrub it (RFC 9112 section 6.1)."""
    assert outcome(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: " + coding + b"\r\n\r\n0\r\n\r\n") == (Failure.INVALID, False)


def test_chunked_on_http_1_0_is_invalid() -> None:
    """HTTP/1.0 has no codings (RFC 9112 section 6.1)."""
    assert outcome(CHUNKED.replace(b"1.1", b"1.0") + b"0\r\n\r\n") == (Failure.INVALID, False)


@pytest.mark.parametrize(
    "fields", [b"Content-Length: 2\r\nTransfer-Encoding: chunked", b"Transfer-Encoding: chunked\r\nContent-Length: 2"]
)
def test_a_length_beside_a_coding_is_invalid(fields: bytes) -> None:
    """Both together are how answers are smuggled (RFC 9112 section 6.3, rule 3)."""
    assert outcome(b"HTTP/1.1 200 OK\r\n" + fields + b"\r\n\r\n0\r\n\r\n") == (Failure.INVALID, False)


@pytest.mark.parametrize("end", [b"a" * HEAD_BYTES, b"a: b\r\n" * (HEAD_BYTES // 6), b"a" * HEAD_BYTES + b"\r\n\r\n"])
def test_an_endless_head_is_cut_off(end: bytes) -> None:
    """A header that does not end fires no callback; raw bytes are counted."""
    start = b"HTTP/1.1 200 OK\r\nX: "
    assert outcome(start + end) == (Failure.INVALID, False)
    assert outcome(start, *(end[at : at + 10_000] for at in range(0, len(end), 10_000))) == (Failure.INVALID, False)


@pytest.mark.parametrize("endless", [b"1;" + b"x" * 10_000, b"0\r\nT: " + b"x" * 10_000, b"0\r\n" + b"T: x\r\n" * 1000])
async def test_an_endless_extension_or_trailer_is_cut_off(endless: bytes) -> None:
    """Whatever content came before it (RFC 9112 sections 7.1.1 and 7.1.2); trailers are not kept."""
    content = b"%x\r\n" % 1_000_000 + b"a" * 1_000_000 + b"\r\n"
    more = endless.rpartition(b"\r\n")[2] if b"T: x\r\n" not in endless else b"T: x\r\n"
    origin = Origin()
    receiver = origin.ask()
    origin.transport.receive(CHUNKED + content)
    for piece in (endless, *[more] * (2 * HEAD_BYTES // len(more))):
        await until(lambda: origin.transport.reading or origin.transport.closing)
        if origin.transport.closing:
            break
        origin.transport.receive(piece)
    assert receiver.outcome is Failure.INVALID


# Which connection is used again


@pytest.mark.parametrize(
    "leftover", [b"H", b"\r\n", b"\n", OK, b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\npoisoned!", b"\x00"]
)
@pytest.mark.parametrize("answer", [OK, CHUNKED + b"2\r\n{}\r\n0\r\n\r\n", b"HTTP/1.1 204 No Content\r\n\r\n"])
def test_leftover_bytes_behind_an_answer_end_the_connection(answer: bytes, leftover: bytes) -> None:
    """They belong to no request of ours, and must not become another application's answer; empty lines are bytes too."""
    expected = (204, b"") if b" 204 " in answer else (200, b"{}")
    assert outcome(answer + leftover) == (expected, False)
    origin = Origin()
    receiver = origin.answer(answer)
    assert (receiver.outcome, origin.pooled) == (expected, True)
    origin.transport.receive(leftover)
    assert origin.transport.aborted


def test_a_byte_on_an_idle_connection_closes_it() -> None:
    """Nothing was asked, so nothing can be answered: neither before the first request nor between two."""
    for origin in (Origin(), Origin()):
        if origin.connection.used:
            origin.answer(OK)
        origin.transport.receive(b"H")
        assert origin.transport.aborted
        assert not origin.connection.usable


def test_an_answer_before_the_request_was_written_ends_the_connection() -> None:
    """Whoever answers early may not read the rest of the request, and take it for the next one (RFC 9112 section 9.5)."""
    origin = Origin()
    origin.transport.takes = False
    receiver = origin.answer(OK)
    assert receiver.outcome == (200, b"{}")
    assert not origin.pooled
    assert origin.transport.closing


@pytest.mark.parametrize(
    "head",
    [
        b"HTTP/1.1 200 OK\r\nConnection: close\r\n",
        b"HTTP/1.1 200 OK\r\nConnection: keep-alive, Close\r\n",
        b"HTTP/1.0 200 OK\r\n",
    ],
)
def test_an_answer_that_says_close_ends_the_connection(head: bytes) -> None:
    """It is complete, and the last one (RFC 9112 section 9.6)."""
    assert outcome(head + b"Content-Length: 2\r\n\r\n{}") == ((200, b"{}"), False)


@pytest.mark.parametrize("trailer", [b"Connection: close", b"Proxy-Connection: close"])
def test_a_trailer_that_says_close_ends_the_connection(trailer: bytes) -> None:
    """To llhttp it would make the next answer an error, though trailers are to be ignored (RFC 9110 section 6.5.1)."""
    assert outcome(CHUNKED + b"2\r\n{}\r\n0\r\n" + trailer + b"\r\n\r\n") == ((200, b"{}"), False)
    assert outcome(CHUNKED + b"2\r\n{}\r\n0\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\n") == ((200, b"{}"), True)


@pytest.mark.parametrize("status", [204, 304])
@pytest.mark.parametrize("field", [b"Content-Length: 2", b"Transfer-Encoding: chunked"])
def test_content_where_none_may_be_ends_the_connection(status: int, field: bytes) -> None:
    """204 and 304 end with their head (RFC 9112 section 6.3, rule 1); who frames content there may also send it."""
    receiver = Origin().answer(b"HTTP/1.1 %d X\r\n" % status + field + b"\r\n\r\n")
    assert receiver.outcome == (status, b"")
    assert outcome(b"HTTP/1.1 %d X\r\n" % status + field + b"\r\n\r\n{}") == ((status, b""), False)
    assert outcome(b"HTTP/1.1 %d X\r\n" % status + field + b"\r\n\r\n") == ((status, b""), False)
    assert outcome(b"HTTP/1.1 %d X\r\nContent-Length: 0\r\n\r\n" % status) == ((status, b""), True)


def test_an_abandoned_answer_ends_the_connection() -> None:
    """A caller gone in mid-answer: what is still to come must reach nobody, and nobody is told of the end."""
    origin = Origin()
    receiver = origin.answer(CHUNKED + b"1\r\n{\r\n")
    origin.connection.abandon()
    assert origin.transport.aborted
    assert not origin.connection.usable
    origin.transport.protocol.data_received(b"1\r\n}\r\n0\r\n\r\n")
    origin.transport.lose()
    assert receiver.outcome is None
    assert origin.owner.told == ["opened", "closed"]


@pytest.mark.parametrize(("when", "data"), [("on_start", OK), ("on_start", OK[:-1]), ("on_pause", OK[:-1])])
def test_an_answer_may_be_abandoned_while_it_is_told(when: str, data: bytes) -> None:
    """The receiver has seen enough: it is told nothing more, and the connection is not used again."""
    origin = Origin()
    receiver = origin.ask()
    setattr(receiver, when, origin.connection.abandon)
    origin.transport.receive(data)
    assert (receiver.status, receiver.outcome, receiver.pauses) == (200, None, int(when == "on_pause"))
    assert origin.transport.aborted
    origin.transport.lose()
    assert receiver.outcome is None
    assert origin.owner.told == ["opened", "closed"]


def test_a_connection_taken_in_vain_goes_back() -> None:
    """Unused and still open, it serves the next request; closed meanwhile, it does not."""
    origin = Origin()
    origin.connection.release()
    assert origin.pooled
    assert not origin.connection.used
    gone = Origin()
    gone.transport.lose()
    gone.connection.release()
    assert gone.owner.told == ["opened", "closed"]


def test_a_tls_break_is_no_end() -> None:
    """Only a close_notify is told as the end of a body; a connection that just breaks is a truncated answer."""
    origin = Origin(tls=True)
    receiver = origin.answer(UNTIL_CLOSE, b"abc")
    origin.transport.lose()
    assert receiver.outcome is Failure.TRUNCATED


# A connection that turns out closed


async def test_a_request_to_a_closed_connection_is_unsent() -> None:
    """Not a byte of it is written; who sent it is told, after `send` has returned, and once."""
    origin = Origin()
    origin.transport.lose()
    receiver = origin.ask()
    before = receiver.outcome
    await asyncio.sleep(0)
    assert (before, receiver.outcome) == (None, Failure.UNSENT)
    assert origin.transport.sent == b""


async def test_a_request_to_a_closing_connection_is_unsent_once() -> None:
    """The end of the connection tells it, and nothing tells it again."""
    origin = Origin()
    origin.transport.close()
    receiver = origin.ask()
    origin.transport.lose()
    assert receiver.outcome is Failure.UNSENT
    await asyncio.sleep(0)


async def test_an_abandoned_request_to_a_closed_connection_is_told_of_nothing() -> None:
    """Whoever gave it up does not hear of it."""
    origin = Origin()
    origin.transport.lose()
    receiver = origin.ask()
    origin.connection.abandon()
    await asyncio.sleep(0)
    assert receiver.outcome is None


async def test_a_request_whose_first_write_fails_is_unsent() -> None:
    """A reset that the kernel knew of: the very first byte was refused."""
    origin = Origin()
    origin.transport.write = lambda _: origin.transport.abort()  # type: ignore[method-assign,assignment]  # uvloop's failing write
    receiver = origin.ask()
    origin.transport.lose()
    assert receiver.outcome is Failure.UNSENT


async def test_a_byte_before_the_request_was_written_is_no_answer() -> None:
    """A server gives up an idle connection with a 408, in the very turn in which it is taken: `UNSENT`, and never sent."""
    origin = Origin(cork=Cork(asyncio.get_running_loop().call_soon))
    receiver = origin.ask()
    origin.transport.receive(b"HTTP/1.1 408 Request Timeout\r\nConnection: close\r\nContent-Length: 0\r\n\r\n")
    assert receiver.outcome is Failure.UNSENT
    assert origin.transport.aborted
    await asyncio.sleep(0)
    assert origin.transport.sent == b""


async def test_a_connection_that_ends_before_the_request_was_written_is_unsent() -> None:
    """Its end came in the very turn in which it was taken: nothing was sent, so everything may be sent again."""
    origin = Origin(cork=Cork(asyncio.get_running_loop().call_soon))
    receiver = origin.ask()
    origin.transport.end()
    await asyncio.sleep(0)
    origin.transport.lose()
    assert receiver.outcome is Failure.UNSENT
    assert origin.transport.sent == b""


# Backpressure and faults


def test_what_has_come_is_told_at_the_end_of_each_read() -> None:
    """So that it is passed on, and may stop the reading."""
    origin = Origin()
    receiver = origin.ask()
    receiver.on_pause = origin.connection.pause
    origin.transport.receive(b"HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nab")
    assert (receiver.pauses, receiver.body) == (1, b"ab")
    assert not origin.transport.reading
    origin.connection.resume()
    origin.transport.receive(b"cd")
    origin.connection.resume()
    origin.transport.receive(b"ef")
    assert receiver.outcome == (200, b"abcdef")
    assert receiver.pauses == 2


async def test_an_answer_is_not_read_on_in_a_turn_that_read_much() -> None:
    """The next turn does, unless the receiver has held it back; and the connection is as good as any."""
    origin = Origin()
    receiver = origin.ask()
    origin.transport.receive(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % (3 * LARGE_READ_BYTES))
    origin.transport.receive(b"a" * LARGE_READ_BYTES)
    reading = [origin.transport.reading]
    origin.connection.pause()
    await asyncio.sleep(0)
    reading.append(origin.transport.reading)
    origin.connection.resume()
    await asyncio.sleep(0)
    assert [*reading, origin.transport.reading] == [False, False, True]
    origin.transport.receive(b"a" * LARGE_READ_BYTES)
    await asyncio.sleep(0)
    origin.transport.receive(b"a" * LARGE_READ_BYTES)
    assert receiver.outcome == (200, b"a" * 3 * LARGE_READ_BYTES)
    assert origin.pooled


@pytest.mark.parametrize("shape", hostile.SHAPES)
async def test_an_answer_in_tiny_pieces_takes_many_turns(shape: str) -> None:
    """In each turn so much is parsed; nothing is taken from the socket meanwhile, and the connection is not used again."""

    class Counting(FakeReceiver):
        pieces = 0

        def answer_body(self, data: bytes) -> None:
            assert data
            self.pieces += 1

    origin = Origin()
    receiver = Counting()
    origin.connection.send(receiver, b"GET / HTTP/1.1\r\n\r\n")
    data = CHUNKED + hostile.body(shape, 262_144)
    origin.transport.receive(data)
    turns, before = 1, 0
    while not origin.transport.reading and not origin.transport.closing:
        assert receiver.pieces - before <= CALLS_PER_TURN
        before = receiver.pieces
        await asyncio.sleep(0)
        turns += 1
    assert receiver.pieces - before <= CALLS_PER_TURN
    assert turns > 5 or shape not in hostile.TAKE_TURNS
    assert receiver.pieces > 0
    assert not origin.pooled


TINY = CHUNKED + b"1\r\na\r\n" * 3000 + b"0\r\n\r\n"


async def test_an_answer_of_many_turns_waits_for_who_does_not_keep_up() -> None:
    """Held back, nothing of it is told, however many turns pass; then it goes on to its end."""
    origin = Origin()
    receiver = origin.ask()
    receiver.on_pause = origin.connection.pause
    origin.transport.receive(TINY)
    for _ in range(10):
        told = receiver.body
        for _ in range(5):
            await asyncio.sleep(0)
        assert receiver.body == told
        origin.connection.resume()
        origin.connection.resume()
        await asyncio.sleep(0)
        assert len(receiver.body) - len(told) <= CALLS_PER_TURN
    assert receiver.outcome == (200, b"a" * 3000)
    assert origin.transport.closing


@pytest.mark.parametrize(
    ("data", "expected"), [(TINY, (200, b"a" * 3000)), (TINY[:-1], Failure.TRUNCATED)], ids=["whole", "cut"]
)
async def test_what_came_before_the_end_of_a_connection_is_still_told(data: bytes, expected: object) -> None:
    """A connection that ends while an answer waits for its turns: its outcome is what has come, not when it was read."""
    origin = Origin()
    receiver = origin.ask()
    origin.transport.receive(data)
    origin.transport.lose()
    await until(lambda: receiver.outcome)
    assert receiver.outcome == expected
    origin.connection.pause()
    origin.connection.resume()


async def test_an_answer_may_be_abandoned_between_its_turns() -> None:
    """Nobody is told any more, and nothing of it is read."""
    origin = Origin()
    receiver = origin.ask()
    origin.transport.receive(TINY)
    told = receiver.body
    origin.connection.abandon()
    for _ in range(10):
        await asyncio.sleep(0)
    assert (receiver.outcome, receiver.body) == (None, told)
    assert origin.transport.aborted


async def test_bytes_behind_an_answer_of_many_turns_are_nobodys() -> None:
    """They end the connection, whether they were read with it or not."""
    origin = Origin()
    receiver = origin.ask()
    origin.transport.receive(TINY + OK)
    await until(lambda: receiver.outcome)
    assert receiver.outcome == (200, b"a" * 3000)
    assert not origin.pooled


def test_a_head_of_many_lines_is_no_answer() -> None:
    """Llhttp calls back for each of them."""
    head = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n"
    assert outcome(head + b"a:\r\n" * (HEAD_LINES - 3) + b"\r\n") == ((200, b""), True)
    assert outcome(head + b"a:\r\n" * (HEAD_LINES - 2) + b"\r\n") == (Failure.INVALID, False)


@pytest.mark.parametrize("when", ["on_start", "on_pause"])
def test_a_fault_of_the_receiver_fails_the_attempt(when: str) -> None:
    """It is told that there is no answer, the connection is dropped, and the fault is not swallowed."""

    def fail() -> None:
        raise ZeroDivisionError

    origin = Origin()
    receiver = origin.ask()
    setattr(receiver, when, fail)
    with pytest.raises(ZeroDivisionError):
        origin.transport.receive(OK[:-1])
    if when == "on_start":
        assert receiver.outcome is Failure.INVALID
    assert origin.transport.aborted or when == "on_pause"


def test_a_fault_inside_llhttp_is_not_swallowed() -> None:
    """A piece of the body that the receiver fails on: the same."""

    class Failing(FakeReceiver):
        def answer_body(self, data: bytes) -> None:
            raise ZeroDivisionError(len(data))

    origin = Origin()
    receiver = Failing()
    origin.connection.send(receiver, b"x")
    with pytest.raises(Exception, match="callback error") as caught:
        origin.transport.receive(CHUNKED + b"2\r\n{}\r\n0\r\n\r\n")
    assert isinstance(caught.value.__context__, ZeroDivisionError)
    assert receiver.outcome is Failure.INVALID
    assert origin.transport.aborted


# On real sockets


Serve = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


def ask(loops: Loops[FakeReceiver], serve: Serve, *, tls: bool = False, body: bytes = b"") -> FakeReceiver:
    """Send a request over a real connection to a server made of `serve`; return who was told of the answer."""

    async def main() -> FakeReceiver:
        loop = asyncio.get_running_loop()
        served = asyncio.Event()

        async def serving(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            try:
                await serve(reader, writer)
            finally:
                served.set()

        server = await asyncio.start_server(serving, "127.0.0.1", 0, ssl=server_context() if tls else None)
        owner = FakeOwner(Cork(loop.call_soon))
        _, connection = await loop.create_connection(
            lambda: UpstreamConnection(owner, 0.0),
            *server.sockets[0].getsockname()[:2],
            ssl=client_context() if tls else None,
            server_hostname="localhost" if tls else None,
        )
        receiver = FakeReceiver()
        connection.send(receiver, b"PUT / HTTP/1.1\r\n\r\n", body)
        await until(lambda: receiver.outcome is not None)
        if owner.told[-1] == "released":
            connection.close()
        await until(lambda: owner.told[-1] == "closed")
        await served.wait()
        server.close()
        return receiver

    return loops(main)


@pytest.mark.parametrize("tls", [False, True], ids=["plain", "TLS"])
def test_a_large_answer_over_a_socket(loops: Loops[FakeReceiver], tls: bool) -> None:  # noqa: FBT001  # a parameter
    """In as many reads as it takes, plain or encrypted."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 5000000\r\n\r\n" + b"a" * 5_000_000)
        await writer.drain()
        await reader.read()
        writer.close()

    assert ask(loops, serve, tls=tls).outcome == (200, b"a" * 5_000_000)


@pytest.mark.parametrize("tls", [False, True], ids=["plain", "TLS"])
def test_an_answer_that_the_close_ends_over_a_socket(loops: Loops[FakeReceiver], tls: bool) -> None:  # noqa: FBT001  # a parameter
    """A close, over TLS with its close_notify, ends the body."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(UNTIL_CLOSE + b"abc")
        writer.close()

    assert ask(loops, serve, tls=tls).outcome == (200, b"abc")


@pytest.mark.parametrize("loops", ["uvloop"], indirect=True)
def test_a_tls_answer_cut_without_a_close_notify(loops: Loops[FakeReceiver]) -> None:
    """Somebody on the way who cuts the connection must not make a part look whole (RFC 9112 section 9.8).

    asyncio's own TLS tells a cut as an end; the program runs on uvloop's.
    """

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(UNTIL_CLOSE + b"abc")
        await asyncio.sleep(0.05)
        writer.transport.abort()

    assert ask(loops, serve, tls=True).outcome is Failure.TRUNCATED


def test_a_reset_over_a_socket(loops: Loops[FakeReceiver]) -> None:
    """Before an answer it is `CLOSED`, inside one `TRUNCATED`."""

    async def before(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.transport.abort()

    async def inside(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(OK[:-1])
        await writer.drain()
        writer.transport.abort()

    assert ask(loops, before).outcome is Failure.CLOSED
    assert ask(loops, inside).outcome is Failure.TRUNCATED


def test_an_early_answer_over_a_socket(loops: Loops[FakeReceiver]) -> None:
    """A server that answers a large request without reading it: the answer counts, the connection does not."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(OK)
        await asyncio.sleep(0.1)
        writer.close()

    assert ask(loops, serve, body=b"a" * 20_000_000).outcome == (200, b"{}")


def test_tls_contexts_verify() -> None:
    """The contexts of these tests are as strict as the ones of the program, or they would prove nothing."""
    context = client_context()
    assert context.check_hostname
    assert context.verify_mode is ssl.CERT_REQUIRED
