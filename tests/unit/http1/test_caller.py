"""One connection of an application: order, answers, deadlines, backpressure, and how it ends.

Most of it on a fake transport and a fake clock. What depends on the kernel, on the event loop or on TLS is at the end, on real
sockets, with uvloop's event loop and with asyncio's own.
"""

import asyncio
import gc
import socket
import ssl
import struct
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace

import pytest

from proxy.clock import SystemClock
from proxy.errors import ANSWERS, Reason
from proxy.http1.caller import LINGER_SECONDS, MAX_TURNED_AWAY, WRITE_BUFFER_BYTES, CallerConnection
from proxy.http1.cork import Cork
from proxy.http1.framing import FRAMING_BYTES_PER_TURN, LARGE_READ_BYTES, STEP_BYTES, STEPS_PER_TURN
from proxy.http1.request import LINGER_BYTES
from proxy.http1.server import Server, ServerLimits
from tests.unit.http1 import hostile
from tests.unit.http1.conftest import Loops
from tests.unit.http1.fakes import LIMITS, Application, FakeExchange, FakeHandler, FakeTransport, statuses, until
from tests.unit.http1.tls import client_context, server_context

GET = b"GET /a HTTP/1.1\r\nHost: x\r\n\r\n"
LATER = b"GET /later HTTP/1.1\r\nHost: x\r\n\r\n"
LAST = b"GET /a HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
REFUSED = b"GET /refuse HTTP/1.1\r\nHost: x\r\n\r\n"
PUT = b"PUT /a HTTP/1.1\r\nHost: x\r\n"


def later(application: Application) -> None:
    """Send a request that the test answers."""
    assert application.send(LATER) == b""


# Answers


def test_an_answer_is_framed_and_marked() -> None:
    """Status, the mark of a forwarded answer, a date, its lines, its length, its body; and nothing else."""
    assert Application().send(PUT + b"Content-Length: 2\r\n\r\n{}") == (
        b"HTTP/1.1 200 OK\r\nX-CIO-Sidecar: forwarded\r\nContent-Type: text/plain\r\nContent-Length: 5\r\n"
        b"Date: Thu, 01 Jan 1970 00:16:40 GMT\r\n\r\n/a {}"
    )


def test_a_refusal_is_noted_and_answered() -> None:
    """The handler is told of it; the caller gets the fixed answer, and may go on (design 4.3)."""
    application = Application()
    answer = application.send(REFUSED)
    assert answer.startswith(b"HTTP/1.1 403 Forbidden\r\n")
    assert b"\r\nX-CIO-Sidecar: refused; reason=endpoint_not_allowed\r\n" in answer
    assert b"\r\nConnection: close\r\n" not in answer
    assert application.handler.refusals == [Reason.ENDPOINT_NOT_ALLOWED]
    assert statuses(application.send(GET)) == [200]


def test_an_answer_without_content_has_no_length() -> None:
    """204 has neither length nor body (RFC 9110 section 8.6), and leaves the connection usable."""
    application = Application()
    later(application)
    application.connection.answer(204, b"", b"")
    answer = application.transport.taken()
    assert b"Content-Length" not in answer
    assert answer.endswith(b"\r\n\r\n")
    assert statuses(application.send(GET)) == [200]


def test_an_answer_to_head_has_no_body() -> None:
    """HEAD is never forwarded; its refusal has a length and no body (RFC 9110 section 9.3.2)."""
    answer = Application().send(b"HEAD /refuse HTTP/1.1\r\nHost: x\r\n\r\n")
    assert answer.endswith(b"\r\n\r\n")
    assert b"Content-Length: 0" not in answer
    assert b"Content-Length: " in answer


def test_an_answer_of_known_length_is_streamed() -> None:
    """Pieces go out as they come, under the length that was declared."""
    application = Application()
    later(application)
    caller = application.connection
    caller.start(200, b"A: b\r\n", 6)
    assert b"\r\nContent-Length: 6\r\n" in application.transport.taken()
    caller.write(b"abc")
    caller.write(b"")
    assert application.transport.taken() == b"abc"
    caller.write(b"def")
    caller.finish()
    assert application.transport.taken() == b"def"
    assert statuses(application.send(GET)) == [200]


def test_an_answer_of_unknown_length_is_chunked() -> None:
    """HTTP/1.1 has chunks for it (RFC 9112 section 7.1); an empty piece is not mistaken for the last chunk."""
    application = Application()
    later(application)
    caller = application.connection
    caller.start(200, b"", None)
    head = application.transport.taken()
    assert b"\r\nTransfer-Encoding: chunked\r\n" in head
    assert b"Content-Length" not in head
    caller.write(b"a" * 17)
    caller.write(b"")
    caller.finish()
    assert application.transport.taken() == b"11\r\n" + b"a" * 17 + b"\r\n0\r\n\r\n"
    assert statuses(application.send(GET)) == [200]


def test_to_http_1_0_the_close_ends_an_answer_of_unknown_length() -> None:
    """HTTP/1.0 knows no chunks: the connection ends with the body, even if it was to be kept (RFC 9112 section 6.3, rule 8)."""
    application = Application()
    application.send(b"GET /later HTTP/1.0\r\nConnection: keep-alive\r\n\r\n")
    caller = application.connection
    caller.start(200, b"", None)
    head = application.transport.taken()
    assert b"\r\nConnection: close\r\n" in head
    assert b"Transfer-Encoding" not in head
    caller.write(b"abc")
    caller.finish()
    assert application.transport.taken() == b"abc"
    assert application.transport.half_closed


@pytest.mark.parametrize(
    ("request_head", "line", "closes"),
    [
        (b"GET /a HTTP/1.1\r\nHost: x\r\n\r\n", None, False),
        (b"GET /a HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n", b"close", True),
        (b"GET /a HTTP/1.0\r\n\r\n", b"close", True),
        (b"GET /a HTTP/1.0\r\nConnection: keep-alive\r\n\r\n", b"keep-alive", False),
    ],
)
def test_an_answer_says_whether_the_connection_goes_on(request_head: bytes, line: bytes | None, closes: bool) -> None:  # noqa: FBT001  # a column of the table
    """`Connection` is said where the version's default does not hold (RFC 9112 section 9.3), and is what happens."""
    application = Application()
    answer = application.send(request_head)
    assert (b"\r\nConnection: %b\r\n" % line in answer) if line else b"\r\nConnection:" not in answer
    assert application.transport.half_closed is closes


def test_a_broken_answer_is_a_reset() -> None:
    """A cut answer that only the close would end must not look whole, so the connection is reset, not closed."""
    application = Application()
    application.send(b"GET /later HTTP/1.0\r\n\r\n")
    application.connection.start(200, b"", None)
    application.connection.write(b"abc")
    application.connection.abort()
    assert application.transport.aborted
    assert application.transport.socket.resets


def test_a_second_answer_is_not_heard() -> None:
    """Whoever answers twice, or after the connection is gone, cannot answer somebody else's request."""
    application = Application()
    later(application)
    caller = application.connection
    caller.answer(200, b"", b"")
    application.transport.taken()
    caller.answer(200, b"", b"twice")
    caller.refuse(Reason.INTERNAL)
    caller.start(200, b"", 1)
    caller.write(b"a")
    caller.finish()
    assert application.transport.taken() == b""
    assert statuses(application.send(GET)) == [200]


# Order


async def test_requests_sent_ahead_are_answered_in_order() -> None:
    """The second is read when the first is answered (RFC 9112 section 9.3.2)."""
    application = Application()
    assert await application.exchange(LATER + PUT + b"Content-Length: 1\r\n\r\nb" + GET) == b""
    assert application.handler.targets == [b"/later"]
    application.handler.exchanges[0].caller.answer(200, b"", b"first")
    answers = await application.settle()
    assert [answers.find(body) for body in (b"first", b"/a b", b"/a ")] == sorted(
        answers.find(body) for body in (b"first", b"/a b", b"/a ")
    )
    assert statuses(answers) == [200, 200, 200]


async def test_a_refused_request_does_not_take_the_next_one_with_it() -> None:
    """Two requests in one read, the first refused early: both are answered, in order."""
    assert statuses(await Application().exchange(REFUSED + GET)) == [403, 200]


async def test_what_comes_while_a_request_is_answered_waits() -> None:
    """It is kept, no more is read, and it is answered in its turn; reading goes on afterwards."""
    application = Application()
    later(application)
    application.send(GET[:9])
    reading = application.transport.reading
    application.connection.answer(200, b"", b"")
    assert statuses(await application.settle()) == [200]
    assert (reading, application.transport.reading) == (False, True)
    assert statuses(await application.exchange(GET[9:])) == [200]


async def test_pipelined_requests_are_bounded() -> None:
    """What was sent ahead counts as held; where there is no room the answer ends the connection, and nothing is kept."""
    application = Application()
    later(application)
    application.server.held_bytes = LIMITS.inflight_bytes - 10
    application.send(GET)
    assert application.server.held_bytes == LIMITS.inflight_bytes - 10
    application.connection.answer(200, b"", b"")
    assert b"\r\nConnection: close\r\n" in await application.settle()
    assert application.transport.half_closed


async def test_a_read_full_of_requests_is_answered_one_a_turn() -> None:
    """Thousands of small requests in one read neither deepen the stack nor keep other connections waiting."""
    application = Application()
    count = 5000
    application.send(GET)
    application.transport.receive(REFUSED * count)
    assert len(statuses(application.transport.taken())) == 1
    answered = 1
    while answered < count:
        await asyncio.sleep(0)
        answered += len(statuses(application.transport.taken()))
    assert answered == count
    assert application.server.held_bytes == 0


@pytest.mark.parametrize("data", [b"a" * LARGE_READ_BYTES, b"a" * (LARGE_READ_BYTES - 1)])
async def test_a_connection_is_not_read_again_in_a_turn_that_read_much(data: bytes) -> None:
    """Libuv would go on up to 32 times, and everybody else wait; the next turn reads on."""
    application = Application(limits=replace(LIMITS, inflight_bytes=64_000_000))
    application.handler.body_bytes = 1_000_000
    application.send(PUT + b"Content-Length: 1000000\r\n\r\n")
    for _ in range(3):
        application.transport.receive(data)
        assert application.transport.reading is (len(data) < LARGE_READ_BYTES)
        await asyncio.sleep(0)
        assert application.transport.reading


async def test_over_tls_a_connection_is_read_once_a_turn() -> None:
    """However few bytes came: they may have been as many records."""
    application = Application(tls=True)
    for piece in (GET[:5], GET[5:9]):
        application.transport.receive(piece)
        reading = application.transport.reading
        await asyncio.sleep(0)
        assert (reading, application.transport.reading) == (False, True)
    assert statuses(application.send(GET[9:])) == [200]
    assert application.transport.reading


@pytest.mark.parametrize("shape", hostile.SHAPES)
async def test_callers_are_served_between_the_turns_of_others(shape: str) -> None:
    """Twenty connections with a read full of tiny pieces each: who asks between two turns of theirs is answered at once.

    Each of them is read a little in every turn, and none of it from its socket.
    """
    application = Application(limits=replace(LIMITS, inflight_bytes=64_000_000))
    server = application.server
    application.handler.body_bytes = 1_000_000
    others = [FakeTransport() for _ in range(20)]
    data = PUT + b"Transfer-Encoding: chunked\r\n\r\n" + hostile.body(shape, 262_144)
    for other in others:
        other.connect(CallerConnection(server))
        other.receive(data)
    turns = 0
    while any(not other.reading and not other.closing and not other.half_closed for other in others):
        assert statuses(application.send(GET)) == [200]
        before = server.held_bytes
        await asyncio.sleep(0)
        assert before - server.held_bytes <= len(others) * STEP_BYTES * STEPS_PER_TURN
        turns += 1
    assert turns > 5 or shape not in hostile.TAKE_TURNS
    for other in others:
        other.lose()
    assert server.held_bytes == 0


async def test_reading_on_is_asked_for_once_a_turn() -> None:
    """A caller that stalls and reads again, over and over, gets no more turns than others."""
    application = Application(limits=replace(LIMITS, inflight_bytes=64_000_000))
    application.handler.body_bytes = 1_000_000
    application.transport.receive(PUT + b"Transfer-Encoding: chunked\r\n\r\n" + b"1\r\na\r\n" * 30_000)
    before = application.server.held_bytes
    for _ in range(10):
        application.connection.pause_writing()
        application.connection.resume_writing()
    assert application.server.held_bytes == before
    await asyncio.sleep(0)
    assert 0 < before - application.server.held_bytes <= 2 * (FRAMING_BYTES_PER_TURN + STEP_BYTES)


async def test_a_half_closed_caller_is_answered_after_many_turns() -> None:
    """The end of sending, seen while a body still waits for its turns, does not cut it short."""
    application = Application()
    application.connection.data_received(PUT + b"Transfer-Encoding: chunked\r\n\r\n" + b"1\r\na\r\n" * 1000 + b"0\r\n\r\n")
    assert application.connection.eof_received()
    assert statuses(await application.settle()) == [200]
    assert application.handler.bodies == [b"a" * 1000]
    assert application.transport.closing


async def test_a_deadline_holds_between_turns() -> None:
    """A body that waits for its turn is refused when its time is over, and nothing of it is read or held any more."""
    application = Application(limits=replace(LIMITS, inflight_bytes=64_000_000))
    application.handler.body_bytes = 1_000_000
    application.send(PUT + b"Transfer-Encoding: chunked\r\n\r\n" + b"1\r\na\r\n" * 30_000)
    assert statuses(application.wait(LIMITS.body_seconds + 1)) == [408]
    assert application.server.held_bytes == 0
    assert await application.settle() == b""


async def test_bytes_behind_the_last_request_are_dropped() -> None:
    """`Connection: close` is the end: what follows is not read, and not held (RFC 9112 section 9.6)."""
    application = Application()
    assert await application.exchange(LAST + GET) == application_answer(LAST)
    assert application.handler.targets == [b"/a"]
    application.transport.receive(GET)
    assert await application.settle() == b""
    assert application.server.held_bytes == 0


def application_answer(request: bytes) -> bytes:
    """Return the answer to `request` alone."""
    return Application().send(request)


async def test_100_continue_comes_before_the_answer() -> None:
    """It is sent once the head was accepted, and once the answer before it is out (RFC 9110 section 10.1.1)."""
    application = Application()
    expecting = PUT + b"Expect: 100-continue\r\nContent-Length: 5\r\n\r\n"
    application.send(LATER + expecting)
    application.connection.answer(200, b"", b"")
    assert (await application.settle()).endswith(b"\r\n\r\nHTTP/1.1 100 Continue\r\n\r\n")
    assert statuses(await application.exchange(b"hello")) == [200]


def test_100_continue_is_not_sent_to_who_is_refused() -> None:
    """The refusal is the answer, at once, and the last one: the body may or may not come."""
    application = Application()
    answer = application.send(b"PUT /refuse HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 5\r\n\r\n")
    assert statuses(answer) == [403]
    assert application.transport.half_closed


# Deadlines


@pytest.mark.parametrize(
    ("data", "seconds"),
    [
        (b"G", LIMITS.head_seconds),
        (GET[:-1], LIMITS.head_seconds),
        (PUT + b"Content-Length: 2\r\n\r\n", LIMITS.body_seconds),
        (PUT + b"Content-Length: 2\r\n\r\na", LIMITS.body_seconds),
        (GET + b"G", LIMITS.head_seconds),
    ],
)
async def test_a_request_that_does_not_arrive_in_time_is_answered(data: bytes, seconds: float) -> None:
    """408 at the deadline of the head or of the body, not before; then the connection ends (promise G11)."""
    application = Application()
    await application.exchange(data)
    assert application.wait(seconds - 0.1) == b""
    assert statuses(application.wait(0.2)) == [408]
    assert application.transport.half_closed
    assert application.handler.refusals == [Reason.REQUEST_TIMEOUT]


@pytest.mark.parametrize(("start", "seconds"), [(b"", 10.0), (PUT + b"Content-Length: 900\r\n\r\n", 30.0)])
def test_a_drip_does_not_move_a_deadline(start: bytes, seconds: float) -> None:
    """A phase has one deadline from its first byte on, however often a byte comes (promise G11)."""
    application = Application()
    application.send(start + b"G")
    for _ in range(9):
        assert application.wait(seconds / 10) == b""
        application.send(b"E")
    assert statuses(application.wait(seconds / 10 + 0.1)) == [408]


def test_an_idle_connection_is_closed() -> None:
    """Without a word: nothing was asked (promise G11)."""
    application = Application()
    assert statuses(application.send(GET)) == [200]
    application.wait(LIMITS.idle_seconds - 0.1)
    assert not application.transport.closing
    assert application.wait(0.2) == b""
    assert application.transport.closing


def test_empty_lines_do_not_keep_a_connection() -> None:
    """They are ignored before a request (RFC 9112 section 2.2), and are no sign of one."""
    application = Application()
    for _ in range(6):
        application.wait(100)
        assert not application.transport.closing
        application.send(b"\r\n" * 100)
    application.wait(0.1)
    assert application.transport.closing


def test_an_answer_on_its_way_has_no_deadline_of_the_connection() -> None:
    """While a request is answered its exchange keeps the time."""
    application = Application()
    later(application)
    assert application.wait(100_000) == b""
    assert not application.transport.closing
    application.connection.answer(200, b"", b"")
    assert statuses(application.transport.taken()) == [200]
    application.wait(LIMITS.idle_seconds - 1)
    assert not application.transport.closing


# Who does not read


def test_a_caller_that_does_not_read_stops_its_answer() -> None:
    """A full buffer stops the exchange, an empty one lets it go on: backpressure from caller to upstream."""
    application = Application()
    later(application)
    (exchange,) = application.handler.exchanges
    application.transport.takes = False
    application.connection.start(200, b"", None)
    application.connection.write(b"a" * WRITE_BUFFER_BYTES)
    assert exchange.told == ["pause"]
    application.transport.drain()
    assert exchange.told == ["pause", "resume"]
    application.connection.finish()
    assert application.transport.taken().endswith(b"a\r\n0\r\n\r\n")
    assert statuses(application.send(GET)) == [200]


async def test_a_caller_that_does_not_read_is_not_served_on() -> None:
    """The next request is not even read before the answers have been taken, so they cannot pile up (promise G12)."""
    application = Application()
    later(application)
    application.transport.takes = False
    application.connection.answer(200, b"", b"a" * WRITE_BUFFER_BYTES)
    buffered = len(application.transport.buffered)
    application.transport.receive(REFUSED * 100)
    assert not application.transport.reading
    assert await application.settle() == b""
    assert len(application.transport.buffered) == buffered
    assert application.handler.targets == [b"/later"]
    application.transport.drain()
    assert statuses(await application.settle()) == [200] + [403] * 100
    assert application.transport.reading


def test_a_caller_that_does_not_read_is_let_go() -> None:
    """It has `body_seconds` to take its answer; then the connection is reset and what is buffered is freed (promise G11)."""
    application = Application()
    later(application)
    application.transport.takes = False
    application.connection.answer(200, b"", b"a" * WRITE_BUFFER_BYTES)
    application.wait(LIMITS.body_seconds - 0.1)
    assert not application.transport.closing
    application.wait(0.2)
    assert application.transport.aborted
    assert application.transport.socket.resets


async def test_a_stall_is_noticed_behind_the_cork() -> None:
    """Answers leave at the end of the turn, and only then may be more than is taken: the same deadline, no further request."""
    application = Application(cork=Cork(asyncio.get_running_loop().call_soon))
    application.transport.takes = False
    application.transport.receive(LATER + LATER + REFUSED)
    for _ in range(2):
        application.connection.answer(200, b"", b"a" * (WRITE_BUFFER_BYTES * 2 // 3))
        await asyncio.sleep(0)
        await asyncio.sleep(0)
    assert application.handler.targets == [b"/later", b"/later"]
    application.wait(LIMITS.body_seconds + 0.1)
    assert application.transport.aborted


def test_over_tls_an_answer_is_stopped_as_early() -> None:
    """Event loops let eight times as much pile up before TLS; here a caller costs the same on either port (promise G12)."""
    application = Application(tls=True)
    later(application)
    application.transport.takes = False
    application.connection.start(200, b"", None)
    application.connection.write(b"a" * WRITE_BUFFER_BYTES)
    assert application.handler.exchanges[0].told == ["pause"]


async def test_a_stalled_caller_that_sends_more_than_there_is_room_for_is_closed() -> None:
    """What it sent cannot be kept, so no request follows the answer that it has not taken yet."""
    application = Application()
    later(application)
    application.transport.takes = False
    application.connection.answer(200, b"", b"a" * WRITE_BUFFER_BYTES)
    application.server.held_bytes = LIMITS.inflight_bytes
    application.transport.receive(GET)
    application.transport.drain()
    assert statuses(await application.settle()) == [200]
    assert application.transport.half_closed
    assert application.transport.reading


def test_a_caller_that_reads_again_has_its_idle_time() -> None:
    """The deadline of a stalled answer ends with the stall."""
    application = Application()
    later(application)
    application.transport.takes = False
    application.connection.answer(200, b"", b"a" * WRITE_BUFFER_BYTES)
    application.transport.drain()
    application.wait(LIMITS.idle_seconds - 1)
    assert not application.transport.closing


def test_an_answer_to_a_stalled_caller_begins_stopped() -> None:
    """An exchange that begins while the caller does not read is told so at once."""
    application = Application()
    application.send(b"PUT /later HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\n\r\n")
    application.connection.pause_writing()
    application.send(b"")  # still reading the body
    application.connection.resume_writing()
    application.handler.on_deliver = application.connection.pause_writing
    application.transport.receive(b"a")
    assert application.handler.exchanges[0].told == ["pause"]


# Ends


def test_a_caller_that_goes_away_cancels_its_request() -> None:
    """The exchange is told once, and nothing is held any more."""
    application = Application()
    application.send(b"PUT /later HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nhello" + GET)
    assert application.server.held_bytes == 5 + len(GET)
    application.transport.lose()
    assert application.handler.exchanges[0].told == ["cancel"]
    assert application.server.held_bytes == 0
    assert not application.server.connections


@pytest.mark.parametrize("data", [b"", GET, GET[:5], PUT + b"Content-Length: 9\r\n\r\nhello", GET + GET[:5]])
def test_a_caller_that_goes_away_leaves_nothing_behind(data: bytes) -> None:
    """Whatever was read by then."""
    application = Application()
    application.send(data)
    application.transport.lose()
    assert application.server.held_bytes == 0
    assert not application.server.connections


async def test_a_half_closed_caller_gets_its_answers() -> None:
    """Who stops sending still reads: everything asked before is answered, then the connection closes (RFC 9112 section 9.6)."""
    application = Application()
    application.send(LATER + GET + LATER)
    application.transport.end()
    closing = application.transport.closing
    application.connection.answer(200, b"", b"")
    first, second = (await application.settle()).split(b"\r\n\r\n/a ")
    assert statuses(first + b"\r\n\r\n/a ") == [200, 200]
    assert second == b""
    application.connection.answer(200, b"", b"")
    assert b"\r\nConnection: close\r\n" in await application.settle()
    assert (closing, application.transport.closing) == (False, True)
    assert not application.transport.half_closed


@pytest.mark.parametrize("data", [b"", GET, GET[:5], PUT + b"Content-Length: 9\r\n\r\nhello"])
async def test_a_half_closed_caller_without_a_whole_request_is_closed(data: bytes) -> None:
    """Nothing can complete the request any more."""
    application = Application()
    await application.exchange(data)
    application.transport.end()
    await application.settle()
    assert application.transport.closing


async def test_a_half_closed_caller_is_closed_when_what_it_sent_ahead_is_no_request() -> None:
    """The whole requests are answered; the part of one is not waited for."""
    application = Application()
    application.send(LATER + GET[:5])
    application.transport.end()
    application.connection.answer(200, b"", b"")
    assert statuses(await application.settle()) == [200]
    assert application.transport.closing


def test_a_tls_caller_that_stops_sending_is_gone() -> None:
    """Uvloop and asyncio have no half-closed TLS connection: the connection closes, and with it its request."""
    application = Application(tls=True)
    later(application)
    application.transport.end()
    assert application.transport.closing
    application.transport.lose()
    assert application.handler.exchanges[0].told == ["cancel"]


def test_a_last_answer_is_followed_by_the_end_of_sending_not_of_reading() -> None:
    """Closing at once could be a reset that takes the answer with it (RFC 9112 section 9.6): the caller closes first."""
    application = Application()
    assert statuses(application.send(LAST)) == [200]
    assert application.transport.half_closed
    assert not application.transport.closing
    application.transport.receive(b"more")
    application.transport.end()
    assert application.transport.closing


def test_a_caller_that_never_closes_is_not_waited_for() -> None:
    """`LINGER_SECONDS`, then the connection is dropped (promise G11)."""
    application = Application()
    application.send(LAST)
    application.wait(LINGER_SECONDS - 0.1)
    assert not application.transport.closing
    application.wait(0.2)
    assert application.transport.aborted
    assert not application.transport.socket.resets  # the answer was taken: nothing to free, and nothing to break


async def test_a_last_answer_behind_the_cork_is_waited_for_no_longer() -> None:
    """The end sends what waits for the end of the turn, so it does not look like an answer that is not taken."""
    application = Application(cork=Cork(asyncio.get_running_loop().call_soon))
    assert statuses(application.send(LAST)) == [200]
    application.wait(LINGER_SECONDS + 0.1)
    assert application.transport.aborted


def test_a_caller_that_never_stops_sending_is_not_waited_for() -> None:
    """`LINGER_BYTES` behind the last request, then the connection is reset (promise G11)."""
    application = Application()
    application.send(LAST)
    application.transport.receive(b"a" * LINGER_BYTES)
    assert not application.transport.closing
    application.transport.receive(b"a")
    assert application.transport.aborted


def test_a_last_answer_that_is_not_taken_has_longer() -> None:
    """A slow reader of a large last answer is given `body_seconds`, then reset."""
    application = Application()
    application.send(b"GET /later HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
    application.transport.takes = False
    application.connection.answer(200, b"", b"a" * 1000)
    application.wait(LIMITS.body_seconds - 0.1)
    assert not application.transport.closing
    application.wait(0.2)
    assert application.transport.aborted


def test_over_tls_only_who_is_refused_is_heard_out() -> None:
    """TLS has no half-close: an ordinary last answer closes, a refusal waits for what is still on its way."""
    application = Application(tls=True)
    application.send(LAST)
    assert application.transport.closing
    application = Application(tls=True)
    assert statuses(application.send(b"PUT /a HTTP/1.1\r\nContent-Length: 100\r\n\r\n")) == [400]
    assert not application.transport.closing
    application.transport.receive(b"a" * 100)
    application.wait(LINGER_SECONDS + 0.1)
    assert application.transport.closing


async def test_reading_goes_on_while_a_refused_caller_is_heard_out() -> None:
    """A caller whose requests sent ahead were stopped is read again, or the close would be a reset."""
    application = Application()
    later(application)
    application.server.held_bytes = LIMITS.inflight_bytes
    application.transport.receive(GET)
    assert not application.transport.reading
    application.connection.refuse(Reason.UPSTREAM_TIMEOUT)
    assert application.transport.half_closed
    assert application.transport.reading


# Limits and the end of the server


def test_connections_are_bounded() -> None:
    """Over the limit a caller is told so; far over it, not even that, so that telling cannot be exhausted (promise G12)."""
    application = Application(limits=replace(LIMITS, connections=1))
    more = [FakeTransport() for _ in range(MAX_TURNED_AWAY + 1)]
    for transport in more:
        transport.connect(CallerConnection(application.server))
    assert all(statuses(transport.taken()) == [503] for transport in more[:-1])
    assert more[-1].taken() == b""
    assert more[-1].aborted
    assert application.handler.refusals == [Reason.OVERLOADED] * MAX_TURNED_AWAY
    for transport in more:
        transport.lose()
    late = FakeTransport()
    application.transport.lose()
    late.connect(CallerConnection(application.server))
    assert late.taken() == b""


def test_while_draining_every_answer_is_the_last() -> None:
    """An answer given during the drain says so and ends its connection."""
    application = Application()
    later(application)
    application.server.drain()
    assert not application.transport.closing
    application.connection.answer(200, b"", b"")
    assert b"\r\nConnection: close\r\n" in application.transport.taken()
    assert application.transport.half_closed


@pytest.mark.parametrize("data", [b"", GET])
def test_the_drain_closes_idle_connections(data: bytes) -> None:
    """Nobody is waiting on them."""
    application = Application()
    application.send(data)
    application.server.drain()
    assert application.transport.closing


@pytest.mark.parametrize("data", [GET[:5], PUT + b"Content-Length: 2\r\n\r\n"])
def test_the_drain_lets_a_request_arrive(data: bytes) -> None:
    """What has begun to come in is still answered."""
    application = Application()
    application.send(data)
    application.server.drain()
    rest = GET[5:] if data == GET[:5] else b"{}"
    assert statuses(application.send(rest)) == [200]
    assert application.transport.half_closed


def test_a_connection_that_comes_during_the_drain_may_not_idle() -> None:
    """One from the backlog, or whose TLS handshake took its time: served if it asks at once, closed if not."""
    application = Application()
    application.server.drain()
    transport = FakeTransport()
    transport.connect(CallerConnection(application.server))
    application.wait(LIMITS.head_seconds + 0.1)
    assert transport.closing


@pytest.mark.parametrize("data", [LATER, GET[:5], PUT + b"Content-Length: 2\r\n\r\n"])
def test_shutting_down_answers_what_waits(data: bytes) -> None:
    """503 `shutting_down` to whoever began to ask, and a closed connection for everyone."""
    application = Application()
    application.send(data)
    application.server.shut_down()
    assert statuses(application.transport.taken()) == [503]
    assert application.transport.closing or application.transport.half_closed


def test_shutting_down_closes_an_idle_connection() -> None:
    """Without an answer: nothing was asked."""
    application = Application()
    application.server.shut_down()
    assert application.transport.closing
    assert application.transport.taken() == b""


# Faults of our own


def test_a_fault_of_the_handler_is_answered() -> None:
    """An exception while a request is sent on is 500, and the end of the connection, never a hang (promise G11)."""
    application = Application()

    def fail() -> None:
        raise ZeroDivisionError

    application.handler.on_deliver = fail
    assert statuses(application.send(GET)) == [500]
    assert application.transport.half_closed
    assert application.handler.refusals == [Reason.INTERNAL]


def test_a_refusal_that_cannot_be_noted_is_answered() -> None:
    """A log that cannot be written does not leave a caller without its answer."""
    application = Application()

    def fail(*_: object) -> None:
        raise BrokenPipeError

    application.handler.refused = fail  # type: ignore[method-assign,assignment]  # a fault
    with pytest.raises(BrokenPipeError):
        application.send(REFUSED)
    assert statuses(application.transport.taken()) == [403]


# On real sockets


class Listening:
    """A listener on loopback with deadlines enforced, as `app` composes it."""

    def __init__(self, limits: ServerLimits) -> None:
        """Begin with a handler that keeps what comes."""
        self.handler = FakeHandler(100_000_000)
        self.server = Server(self.handler, limits, SystemClock(), Cork(asyncio.get_running_loop().call_soon))
        self.port = 0


@asynccontextmanager
async def listening(limits: ServerLimits = LIMITS, tls: ssl.SSLContext | None = None) -> AsyncIterator[Listening]:
    """Listen on a free port."""
    here = Listening(limits)
    loop = asyncio.get_running_loop()
    listener = await loop.create_server(lambda: CallerConnection(here.server), "127.0.0.1", 0, ssl=tls)
    here.port = listener.sockets[0].getsockname()[1]

    async def tick() -> None:
        while True:
            await asyncio.sleep(0.02)
            here.server.tick()

    ticking = loop.create_task(tick())
    try:
        yield here
    finally:
        ticking.cancel()
        listener.close()
        for connection in tuple(here.server.connections):
            connection.close()
        await until(lambda: not here.server.connections)
        assert here.server.held_bytes == 0


def test_a_request_split_at_every_byte_over_a_socket(loops: Loops[None]) -> None:
    """Byte by byte over a real connection: the answer is the same."""

    async def main() -> None:
        async with listening() as here:
            reader, writer = await asyncio.open_connection("127.0.0.1", here.port)
            for byte in PUT + b"Connection: close\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\nT: v\r\n\r\n":
                writer.write(bytes([byte]))
                await asyncio.sleep(0)
            assert (await reader.read()).endswith(b"/a hello")
            writer.close()

    loops(main)


def test_half_close_over_a_socket(loops: Loops[None]) -> None:
    """`shutdown(SHUT_WR)` with requests outstanding: all are answered, then the connection closes."""

    async def main() -> None:
        async with listening() as here:
            reader, writer = await asyncio.open_connection("127.0.0.1", here.port)
            writer.write(LATER + GET)
            writer.write_eof()
            await until(lambda: here.handler.exchanges)
            await asyncio.sleep(0.01)
            here.handler.exchanges[0].caller.answer(200, b"", b"late")
            assert statuses(await reader.read()) == [200, 200]
            writer.close()

    loops(main)


def test_a_reset_cancels_the_request(loops: Loops[None]) -> None:
    """A caller that resets its connection while it is answered: the exchange is told, nothing is left."""

    async def main() -> None:
        async with listening() as here:
            sock = await connected(here.port)
            await asyncio.get_running_loop().sock_sendall(sock, LATER)
            await until(lambda: here.handler.exchanges)
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            sock.close()
            await until(lambda: not here.server.connections)
            assert here.handler.exchanges[0].told == ["cancel"]

    loops(main)


async def fill(exchange: FakeExchange) -> int:
    """Begin an answer and write to it until every buffer on the way is full; return how many pieces of 64 KiB that took."""
    exchange.caller.start(200, b"", None)
    for pieces in range(1, 1000):
        exchange.caller.write(b"a" * 65_536)
        await asyncio.sleep(0)
        if exchange.told[-1:] == ["pause"]:
            await asyncio.sleep(0.05)  # the kernel and the other side may still take some
            if exchange.told[-1:] == ["pause"]:
                return pieces
    raise AssertionError("nothing stops the answer")


async def slow_reader(port: int, *, tls: bool) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    """Connect with buffers so small that what is not read soon stops the sender."""
    return await asyncio.open_connection(
        sock=await connected(port, receive_bytes=8192),
        limit=1024,
        ssl=client_context() if tls else None,
        server_hostname="localhost" if tls else None,
    )


async def connected(port: int, receive_bytes: int = 0) -> socket.socket:
    """Return a plain socket to `port`; with `receive_bytes`, one that the kernel keeps about so much for and no more."""
    sock = socket.socket()
    if receive_bytes:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_bytes)
    sock.setblocking(False)
    await asyncio.get_running_loop().sock_connect(sock, ("127.0.0.1", port))
    return sock


@pytest.mark.parametrize("tls", [False, True], ids=["plain", "TLS"])
def test_a_refused_body_does_not_take_the_answer_with_it(loops: Loops[None], tls: bool) -> None:  # noqa: FBT001  # a parameter
    """The answer to a body that is too large reaches a caller that is still sending it (RFC 9112 section 9.6)."""

    async def main() -> None:
        async with listening(tls=server_context() if tls else None) as here:
            reader, writer = await asyncio.open_connection(
                "127.0.0.1", here.port, ssl=client_context() if tls else None, server_hostname="localhost" if tls else None
            )
            size = LINGER_BYTES + 1
            writer.write(b"PUT /refuse HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n" % size)
            for _ in range(4):
                writer.write(b"a" * (size // 8))
                await asyncio.sleep(0.01)
            assert (await reader.readuntil(b"}")).startswith(b"HTTP/1.1 403 ")
            writer.close()

    loops(main)


@pytest.mark.parametrize("tls", [False, True], ids=["plain", "TLS"])
def test_a_slow_reader_over_a_socket(loops: Loops[None], tls: bool) -> None:  # noqa: FBT001  # a parameter
    """A caller that does not read stops its exchange, gets everything once it reads, and what is buffered stays bounded."""

    async def main() -> None:
        async with listening(replace(LIMITS, body_seconds=20), server_context() if tls else None) as here:
            reader, writer = await slow_reader(here.port, tls=tls)
            writer.write(LATER)
            await until(lambda: here.handler.exchanges)
            (exchange,) = here.handler.exchanges
            pieces = await fill(exchange)
            await reader.readuntil(b"\r\n\r\n")
            received = 0
            while exchange.told[-1:] != ["resume"]:
                received += len(await reader.read(65_536))
            exchange.caller.finish()
            rest = b""
            while not rest.endswith(b"\r\n0\r\n\r\n"):
                more = await reader.read(65_536)
                received += len(more)
                rest = (rest + more)[-7:]
            assert received == pieces * (65_536 + len(b"10000\r\n\r\n")) + len(b"0\r\n\r\n")
            writer.close()

    loops(main)


@pytest.mark.parametrize("tls", [False, True], ids=["plain", "TLS"])
def test_a_caller_that_never_reads_is_reset(loops: Loops[None], tls: bool) -> None:  # noqa: FBT001  # a parameter
    """It has `body_seconds`; then the connection is reset, so that the kernel frees its buffers too (promises G11 and G12)."""

    async def main() -> None:
        async with listening(replace(LIMITS, body_seconds=0.1), server_context() if tls else None) as here:
            reader, writer = await slow_reader(here.port, tls=tls)
            writer.write(LATER)
            await until(lambda: here.handler.exchanges)
            (exchange,) = here.handler.exchanges
            await fill(exchange)
            # TLS does not count what it has encrypted, so it needs more behind that to know that it is stopped.
            exchange.caller.write(b"a" * 1_000_000)
            exchange.caller.finish()
            await until(lambda: not here.server.connections)
            with pytest.raises(ConnectionError):
                await reader.readexactly(100_000_000)
            writer.close()

    loops(main)


def test_a_tls_caller_that_stops_sending_over_a_socket(loops: Loops[None]) -> None:
    """close_notify with a request outstanding: the exchange is cancelled and the connection ends."""

    async def main() -> None:
        async with listening(tls=server_context()) as here:
            _, writer = await asyncio.open_connection("127.0.0.1", here.port, ssl=client_context(), server_hostname="localhost")
            writer.write(LATER)
            await until(lambda: here.handler.exchanges)
            writer.close()
            await until(lambda: not here.server.connections)
            assert here.handler.exchanges[0].told == ["cancel"]

    loops(main)


def test_an_answer_that_the_close_ends_reaches_a_tls_caller(loops: Loops[None]) -> None:
    """HTTP/1.0 over TLS: the close_notify comes at once and after the whole body, so the end is known to be the end."""

    async def main() -> None:
        async with listening(tls=server_context()) as here:
            reader, writer = await asyncio.open_connection(
                "127.0.0.1", here.port, ssl=client_context(), server_hostname="localhost"
            )
            writer.write(b"GET /later HTTP/1.0\r\n\r\n")
            await until(lambda: here.handler.exchanges)
            caller = here.handler.exchanges[0].caller
            caller.start(200, b"", None)
            caller.write(b"a" * 1_000_000)
            caller.finish()
            async with asyncio.timeout(LINGER_SECONDS / 2):
                body = (await reader.read()).partition(b"\r\n\r\n")[2]
            assert body == b"a" * 1_000_000
            writer.close()

    loops(main)


def test_a_tls_client_on_the_plain_port_is_told_at_once(loops: Loops[None]) -> None:
    """Its handshake fails without waiting for a deadline."""

    async def main() -> None:
        async with listening() as here:
            with pytest.raises(ssl.SSLError):
                await asyncio.open_connection("127.0.0.1", here.port, ssl=client_context(), server_hostname="localhost")

    loops(main)


def test_every_refusal_can_be_written() -> None:
    """Each reason has an answer that a client can frame."""
    for reason in Reason:
        application = Application()
        later(application)
        application.connection.refuse(reason)
        assert statuses(application.transport.taken()) == [ANSWERS[reason].status]


@pytest.mark.parametrize("tls", [False, True], ids=["plain", "TLS"])
def test_a_connection_that_ended_leaves_no_garbage(loops: Loops[None], tls: bool) -> None:  # noqa: FBT001  # a parameter
    """Nothing of it waits for the garbage collector, which seldom comes: its buffers, over TLS half a megabyte, are free."""

    async def main() -> None:
        async with listening(tls=server_context() if tls else None) as here:
            reader, writer = await asyncio.open_connection(
                "127.0.0.1", here.port, ssl=client_context() if tls else None, server_hostname="localhost" if tls else None
            )
            writer.write(PUT + b"Transfer-Encoding: chunked\r\n\r\n1\r\na\r\n0\r\n\r\n")
            await reader.readuntil(b"/a a")
            assert any(type(each) is CallerConnection for each in gc.get_objects())
            writer.close()
            await until(lambda: not any(type(each) is CallerConnection for each in gc.get_objects()))

    gc.collect()
    gc.disable()
    try:
        loops(main)
    finally:
        gc.enable()
