"""Whatever bytes come in, in whatever reads: the same requests, the same answers, or a documented refusal. Never a hang.

The protocols are driven on fake transports, with a fake clock and the event loop's own turns.
"""

import asyncio
import itertools
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass, replace

import httptools
from hypothesis import example, given, settings
from hypothesis import strategies as st

from proxy.errors import ANSWERS, Reason
from proxy.exchange import Failure
from proxy.http1.cork import Cork
from proxy.http1.framing import CALLS_PER_TURN, STEP_BYTES, STEPS_PER_TURN
from proxy.http1.known import Known, KnownAnswer, KnownHead
from proxy.http1.request import RequestReader
from proxy.http1.response import NOT_AN_ANSWER, ResponseReader
from proxy.http1.server import Server, ServerLimits
from tests.fakes import FakeClock
from tests.unit.http1 import hostile
from tests.unit.http1.fakes import LIMITS, Application, FakeHandler, FakeReceiver, Origin, final, statuses

# The answers of the fake handler, and every status that the sidecar may give by itself.
DOCUMENTED = {200} | {answer.status for answer in ANSWERS.values()}
TOKENS = st.sampled_from(
    [
        b"GET", b"PUT", b"HEAD", b"CONNECT", b" ", b"/a", b"/refuse", b"/fault", b"/later", b" HTTP/1.1", b" HTTP/1.0",
        b" RTSP/1.0", b"\r\n", b"\r\n\r\n", b"\n", b"\r", b"Host: x\r\n", b"Content-Length: ", b"0", b"5", b"a",
        b"Transfer-Encoding: chunked\r\n", b"FFFFFFFFFFFFFFFF", b";", b":", b"Connection: close\r\n", b"\x00", b"\xff",
        b"Connection: upgrade\r\nUpgrade: h2c\r\n", b"Expect: 100-continue\r\n", b"HTTP/1.1 200 OK\r\n", b"0\r\n\r\n",
        b"HTTP/1.1 100 Continue\r\n\r\n", b"GET /a HTTP/1.1\r\nHost: x\r\n\r\n",
        b"PUT /a HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n",
    ]
)  # fmt: skip
ANY_BYTES = st.lists(TOKENS | st.binary(max_size=8), max_size=40).map(b"".join)
CONTENT = st.lists(
    st.sampled_from([b"0\r\n\r\n", b"\r\n\r\n", b"GET / HTTP/1.1\r\n", b"{}"]) | st.binary(max_size=50), max_size=6
).map(b"".join)


@st.composite
def splits(draw: st.DrawFn, data: bytes) -> list[bytes]:
    """Cut `data` into reads, many of them of one byte."""
    pieces = []
    while data:
        cut = draw(st.integers(1, 3) | st.integers(1, len(data)))
        pieces.append(data[:cut])
        data = data[cut:]
    return pieces


@st.composite
def chunked(draw: st.DrawFn, content: bytes) -> bytes:
    """Frame `content` in chunks, with extensions, leading zeros, either case, and trailers."""
    framed = b""
    for chunk in draw(splits(content)):
        size = draw(st.sampled_from([b"%x", b"%X", b"00%x"])) % len(chunk)
        framed += size + draw(st.sampled_from([b"", b";x", b';x="y"'])) + b"\r\n" + chunk + b"\r\n"
    trailers = draw(st.sampled_from([b"", b"", b"T: v\r\n", b"Host: y\r\nT: v\r\n", b"Connection: close\r\n"]))
    return framed + b"0\r\n" + trailers + b"\r\n"


@st.composite
def requests(draw: st.DrawFn) -> bytes:
    """One request that llhttp takes: let in, refused, or too large; framed in either way, or with no body."""
    target = draw(st.sampled_from([b"/a", b"/b?c=d", b"/refuse", b"/fault"]))
    head = draw(st.sampled_from([b"GET ", b"PUT ", b"POST ", b"DELETE "])) + target + b" HTTP/1.1\r\nHost: x\r\n"
    offers = [b"Connection: upgrade\r\nUpgrade: h2c\r\n", b"Expect: 100-continue\r\n"]
    head += draw(st.sampled_from([b"", b"", b"X: y\r\nX: z\r\n", *offers]))
    content = draw(CONTENT | st.just(b"a" * 1200))
    framing = draw(st.sampled_from(["none", "length", "chunked"]))
    if framing == "none":
        return head + b"\r\n"
    if framing == "length":
        return head + b"Content-Length: %d\r\n\r\n" % len(content) + content
    return head + b"Transfer-Encoding: chunked\r\n\r\n" + draw(chunked(content))


STREAMS = st.lists(requests(), min_size=1, max_size=5).map(b"".join)


@dataclass
class Told:
    """What became of a stream of requests."""

    targets: list[bytes]
    bodies: list[bytes]
    refusals: list[Reason]
    answers: bytes
    ended: bool


def ask(pieces: Iterable[bytes], *, end: bool = False, known: Known[KnownHead] | None = None) -> Told:
    """Send `pieces` on one connection, each in a read of its own, as far as they are read; with `end`, then stop sending.

    The server starts with the heads that are `known`, and adds to them.
    """

    async def main() -> Told:
        application = Application(cork=Cork(asyncio.get_running_loop().call_soon))
        if known is not None:
            application.server.known = known
        transport, handler = application.transport, application.handler
        answers = b""
        for piece in pieces:
            answers += await application.settle()
            answered = len(handler.exchanges)
            if not transport.reading and answered:
                handler.exchanges[-1].caller.answer(200, b"", b"")
                answers += await application.settle()
            if transport.closing or transport.half_closed:
                break
            transport.receive(piece)
        answers += await application.settle()
        if end and transport.reading:
            transport.end()
        answers += await application.settle()
        told = Told(handler.targets, handler.bodies, handler.refusals, answers, transport.closing or transport.half_closed)
        # Every deadline passes, and everything that waits is answered: the connection must come to its end.
        for _ in range(100):
            for exchange in handler.exchanges:
                exchange.caller.answer(200, b"", b"")
            answers += await application.settle()
            application.clock.advance(LIMITS.idle_seconds + 1)
            application.server.tick()
            answers += await application.settle()
            if transport.closing:
                break
        assert transport.closing, "the connection hangs"
        transport.lose()
        assert application.server.held_bytes == 0
        assert not application.server.connections
        told.answers = answers
        return told

    with asyncio.Runner() as runner:
        return runner.run(main())


def documented(answers: bytes) -> list[int]:
    """Return the statuses of the final answers, each of them one that the sidecar may give."""
    found = statuses(answers)
    assert set(found) <= DOCUMENTED
    return found


@given(st.data(), STREAMS)
def test_reads_have_no_meaning(data: st.DataObject, stream: bytes) -> None:
    """However a stream of requests is cut into reads, the same requests come in and the same answers go out (RFC 9112)."""
    whole = ask([stream])
    cut = ask(data.draw(splits(stream)))
    assert (cut.targets, cut.bodies, cut.refusals) == (whole.targets, whole.bodies, whole.refusals)
    assert documented(cut.answers) == documented(whole.answers)
    assert whole.targets


@given(STREAMS | ANY_BYTES)
def test_what_is_known_has_no_meaning(stream: bytes) -> None:
    """Whatever comes, it is read in the same way by a server that has seen all of it before and by one that has not."""
    known: Known[KnownHead] = Known()
    assert ask([stream], known=known) == ask([stream], known=known)


@given(STREAMS, st.integers(0, 5))
def test_requests_do_not_see_each_other(stream: bytes, repeated: int) -> None:
    """A stream sent twice on one connection is answered twice the same, unless it ended the connection."""
    once = ask([stream])
    twice = ask([stream * (1 + repeated)])
    if once.ended:
        assert (twice.targets, twice.bodies) == (once.targets, once.bodies)
    else:
        assert twice.targets == once.targets * (1 + repeated)
        assert twice.bodies == once.bodies * (1 + repeated)
        assert documented(twice.answers) == documented(once.answers) * (1 + repeated)


# How much is done in one turn of the event loop

# Pieces of a chunked body, or of what stands in for one, and how often each is repeated.
PIECES = st.sampled_from(
    [
        b"1\r\na\r\n", b"0001\r\na\r\n", b"1;x\r\n\n\r\n", b"4\r\n\r\n\r\n\r\n", b"a\r\n0123456789\r\n",
        b"9\r\n0\r\n\r\nabcd\r\n", b"1388\r\n" + b"\r\n" * 2500 + b"\r\n", b"1388\r\n" + b"x\r\n\r\n" * 1000 + b"\r\n",
        b"1000\r\n" + b"a" * 4096 + b"\r\n",
    ]
)  # fmt: skip
TINY = st.lists(st.tuples(PIECES, st.integers(1, 10_000)), min_size=1, max_size=5).map(
    lambda pieces: b"".join(piece * max(1, size // len(piece)) for piece, size in pieces)
)
ENDS = st.sampled_from([b"0\r\n\r\n", b"0\r\n" + b"a:\r\n" * 300 + b"\r\n", b"0\r\n" + b"a:\r\n" * 3000, b"", b"oops\r\n\r\n"])


def turns(reads: list[bytes], limits: ServerLimits) -> tuple[list[tuple[bytes, Reason | None]], list[bytes]]:
    """Read `reads`; return the requests, and what was read of them in each turn."""
    server = Server(FakeHandler(10_000_000), limits, FakeClock(), Cork(lambda flush: flush()))
    reader = RequestReader(server, lambda: None)
    found, done = [], []
    for read in reads:
        message, data = None, read
        while data or message is not None or reader.unfinished:
            had = bytes(reader.kept) + data
            message = reader.read(data)
            done.append(had[: len(had) - len(reader.kept)])
            data = b""
            if message is not None:
                found.append((bytes(message.body), message.refused))
                server.let_go(message.held_bytes)
                if reader.ended:
                    assert server.held_bytes == 0
                    return found, done
            assert server.held_bytes >= len(reader.kept)
    return found, done


@settings(deadline=None)
@given(st.data(), TINY, ENDS)
def test_any_reads_are_the_same_requests_in_turns_of_bounded_work(data: st.DataObject, body: bytes, end: bytes) -> None:
    """However a body is made and cut: llhttp calls back so often in a turn, and what is read does not depend on turns."""
    limits = replace(LIMITS, inflight_bytes=100_000_000, head_bytes=32_768)
    head = b"PUT /a HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"
    stream = (head + body + end) * 2
    cuts = sorted(data.draw(st.lists(st.integers(0, len(stream)), max_size=8)))
    reads = [stream[start:stop] for start, stop in itertools.pairwise([0, *cuts, len(stream)]) if start < stop]
    whole, _ = turns([stream], limits)
    found, done = turns(reads, limits)
    assert found == whole
    assert b"".join(done) == stream[: sum(map(len, done))]
    calls = hostile.Calls(httptools.HttpRequestParser)
    with suppress(httptools.HttpParserError):
        for turn in done:
            assert len(turn) <= STEP_BYTES * STEPS_PER_TURN + len(head)
            assert calls.of(turn) <= CALLS_PER_TURN + 2  # the head's own fields


class Counted(FakeReceiver):
    """Counts the pieces that it is told of."""

    pieces = 0

    def answer_body(self, data: bytes) -> None:
        """See `Receiver.answer_body`."""
        self.pieces += 1
        super().answer_body(data)

    def count(self) -> int:
        """Return how many came since the last call."""
        pieces, self.pieces = self.pieces, 0
        return pieces


@settings(deadline=None)
@given(st.data(), TINY, ENDS)
def test_an_answer_in_any_reads_is_told_in_turns_of_bounded_work(data: st.DataObject, body: bytes, end: bytes) -> None:
    """What is told of it in a turn is bounded, and what it comes to does not depend on turns."""
    stream = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + body + end
    cuts = sorted(data.draw(st.lists(st.integers(0, len(stream)), max_size=8)))
    outcomes: list[tuple[bytes, bool] | None] = []
    for bounds in ([], cuts):
        reader, told = ResponseReader(Known[KnownAnswer]()), Counted()
        reader.begin(told)
        try:
            for start, stop in itertools.pairwise([0, *bounds, len(stream)]):
                reader.read(stream[start:stop])
                assert told.count() <= CALLS_PER_TURN
                while reader.unfinished and not reader.complete:
                    reader.read(b"")
                    assert told.count() <= CALLS_PER_TURN
        except NOT_AN_ANSWER:
            outcomes.append(None)
        else:
            outcomes.append((told.body, reader.complete))
    assert outcomes[0] == outcomes[1]


@given(st.data(), ANY_BYTES | st.binary(max_size=300), st.booleans())
@example(None, b"PUT /a HTTP/1.1\r\nHost: x\r\nConnection: upgrade\r\nUpgrade: h2c\r\nContent-Length: 5\r\n\r\nGET /", False)
@example(None, b"GET /later HTTP/1.1\r\nHost: x\r\n\r\nGET /later HTTP/1.1\r\nHost: x\r\n\r\n", True)
def test_whatever_comes_is_answered_or_closed(data: st.DataObject | None, stream: bytes, end: bool) -> None:  # noqa: FBT001  # drawn
    """Any bytes, cut anywhere: documented answers, no exception, nothing held, and an end (promises G11 and G12)."""
    whole = ask([stream], end=end)
    assert documented(whole.answers).count(400) <= 1  # what is malformed is the last thing that is read
    if data is not None:
        cut = ask(data.draw(splits(stream)), end=end)
        documented(cut.answers)
        if not end:
            assert cut.bodies == whole.bodies


@given(STREAMS | ANY_BYTES, st.integers(min_value=0))
def test_no_byte_of_a_request_is_echoed(stream: bytes, place: int) -> None:
    """Wherever in a request something stands that must not be seen, no refusal shows it (design 4.3)."""
    place %= len(stream) + 1
    told = ask([stream[:place] + b"CANARY" + stream[place:]])
    # The fake handler's own answers show what it was given.
    assert not any(b"CANARY" in answer for status, answer in final(told.answers) if status != 200)


# Answers


@dataclass(frozen=True)
class Answer:
    """The bytes of an answer, what it says, and whether its connection may be used again."""

    data: bytes
    status: int
    content: bytes
    clean: bool
    ends_with_close: bool = False


@st.composite
def answers(draw: st.DrawFn) -> Answer:
    """One answer that is well-formed, with interim ones before it."""
    status = draw(st.sampled_from([200, 207, 301, 400, 401, 404, 429, 500, 503, 599]))
    data = draw(st.sampled_from([b"", b"HTTP/1.1 100 Continue\r\n\r\n", b"HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n" * 3]))
    closes = draw(st.booleans())
    data += b"HTTP/1.1 %d Some Phrase\r\nX: y\r\n" % status + (b"Connection: close\r\n" if closes else b"")
    content = draw(CONTENT)
    framing = draw(st.sampled_from(["length", "chunked", "close", "none"]))
    if framing == "none":
        return Answer(data.replace(b"1.1 %d " % status, b"1.1 204 ") + b"\r\n", 204, b"", not closes)
    if framing == "close":
        return Answer(data + b"\r\n" + content, status, content, clean=False, ends_with_close=True)
    if framing == "length":
        data += b"Content-Length: %d\r\n\r\n" % len(content) + content
    else:
        data += b"Transfer-Encoding: chunked\r\n\r\n" + draw(chunked(content))
    return Answer(data, status, content, not closes and not data.endswith(b"\r\nConnection: close\r\n\r\n"))


@given(st.data(), answers(), st.sampled_from([b"", b"", b"\r\n", b"x", b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nx"]))
def test_an_answer_is_the_same_in_any_reads(data: st.DataObject, answer: Answer, leftover: bytes) -> None:
    """Cut anywhere, it is told the same; its connection is used again only if it was clean and nothing came behind it."""
    stream = answer.data if answer.ends_with_close else answer.data + leftover
    for pieces in ([stream], data.draw(splits(stream))):
        origin = Origin()
        receiver = origin.ask()
        for piece in pieces:
            if origin.transport.reading:
                origin.transport.receive(piece)
        if answer.ends_with_close:
            assert receiver.outcome is None
            origin.transport.end()
        assert receiver.outcome == (answer.status, answer.content)
        assert (origin.pooled and not origin.transport.closing) is (answer.clean and not leftover)


@given(st.data(), answers(), st.integers(1, 100))
def test_a_cut_answer_is_a_failure(data: st.DataObject, answer: Answer, missing: int) -> None:
    """Any part of an answer, then the end of the connection: never taken for the whole, unless the close ends it."""
    part = answer.data[: max(len(answer.data) - missing, 0)]
    origin = Origin()
    receiver = origin.answer(*data.draw(splits(part)), close=True)
    if receiver.outcome in (Failure.CLOSED, Failure.TRUNCATED):
        assert (receiver.outcome is Failure.CLOSED) is (part == b"")
    else:
        assert answer.ends_with_close
        assert receiver.outcome == (answer.status, answer.content[: len(answer.content) - missing])
    assert not origin.pooled


@given(st.data(), ANY_BYTES | st.binary(max_size=300))
@example(None, b"HTTP/1.1 150 \r\nContent-Length: 5\r\n\r\nhelloHTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
@example(None, b"HTTP/1.1 099 \r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
@example(None, b"HTTP/1.1 101 \r\nConnection: upgrade\r\nUpgrade: x\r\n\r\n")
@example(None, b"HTTP/1.1 204 \r\nContent-Length: 5\r\n\r\n")
def test_whatever_comes_is_an_answer_or_a_failure(data: st.DataObject | None, stream: bytes) -> None:
    """Any bytes, then the end: one outcome, the same in any reads, and no exception; only a clean connection is used again."""
    outcomes = []
    for pieces in ([stream] if stream else [], [] if data is None else data.draw(splits(stream))):
        origin = Origin()
        receiver = origin.ask()
        for piece in pieces:
            if origin.transport.reading:
                origin.transport.receive(piece)
        if origin.pooled:
            # Clean: one byte more would have been noticed.
            again = Origin()
            assert again.answer(stream + b"x").finished
            assert not again.pooled
        if origin.transport.reading:
            origin.transport.end()
        origin.transport.lose()
        assert receiver.outcome is not None
        outcomes.append(receiver.outcome)
    if data is not None:
        assert outcomes[0] == outcomes[1]
