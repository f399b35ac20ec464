"""Writes that wait for the end of the turn: their order, their end, and what they must not hold up."""

import asyncio
from collections.abc import Callable

import pytest

from proxy.http1.cork import WAITING_BYTES, Cork, CorkedTransport
from tests.unit.http1.conftest import Loops
from tests.unit.http1.fakes import FakeTransport, until


class Turn:
    """One turn of an event loop, ended by the test."""

    def __init__(self) -> None:
        """Begin it."""
        self.soon: list[Callable[[], None]] = []
        self.cork = Cork(self.soon.append)

    def transport(self) -> tuple[CorkedTransport, FakeTransport]:
        """Return a corked transport and the one below it."""
        below = FakeTransport()
        return CorkedTransport(below, self.cork), below

    def end(self) -> None:
        """Do what was left for the end of the turn."""
        soon = self.soon.copy()
        self.soon.clear()
        for callback in soon:
            callback()


def test_writes_leave_together_at_the_end_of_the_turn() -> None:
    """All connections' writes, each in one piece and in its order, by one callback."""
    turn = Turn()
    first, below_first = turn.transport()
    second, below_second = turn.transport()
    first.write(b"a")
    second.write(b"b")
    first.write(b"c")
    assert below_first.sent == below_second.sent == b""
    assert len(turn.soon) == 1
    assert (first.get_write_buffer_size(), second.get_write_buffer_size()) == (2, 1)
    turn.end()
    assert (below_first.sent, below_second.sent) == (b"ac", b"b")
    assert first.get_write_buffer_size() == 0
    assert not turn.soon
    first.write(b"d")
    turn.end()
    assert below_first.sent == b"acd"


def test_much_is_sent_at_once() -> None:
    """A turn in which much is written holds no more than `WAITING_BYTES` of a connection; its order is kept (promise G12)."""
    turn = Turn()
    transport, below = turn.transport()
    transport.write(b"a")
    transport.write(b"b" * (WAITING_BYTES - 1))
    assert below.sent == b""
    transport.write(b"c")
    assert below.sent == b"a" + b"b" * (WAITING_BYTES - 1) + b"c"
    transport.write(b"d")
    turn.end()
    assert below.sent[-2:] == b"cd"


@pytest.mark.parametrize("end", ["close", "write_eof"])
def test_what_is_pending_leaves_before_the_end(end: str) -> None:
    """Closing, or closing one side, is done behind what was written."""
    turn = Turn()
    transport, below = turn.transport()
    transport.write(b"a")
    getattr(transport, end)()
    assert below.sent == b"a"
    assert below.closing or below.half_closed
    turn.end()
    assert below.sent == b"a"


@pytest.mark.parametrize("end", ["abort", "reset"])
def test_what_is_pending_is_dropped_by_an_abort(end: str) -> None:
    """Nothing of it is sent, neither now nor at the end of the turn."""
    turn = Turn()
    transport, below = turn.transport()
    transport.write(b"a")
    getattr(transport, end)()
    turn.end()
    assert below.sent == b""
    assert below.aborted
    assert below.socket.resets is (end == "reset")
    assert transport.get_write_buffer_size() == 0


def test_a_connection_that_is_lost_meanwhile_holds_nobody_up() -> None:
    """It ended in the turn in which it was written to; the others are written to all the same (promise G11)."""
    turn = Turn()
    transports = [turn.transport() for _ in range(3)]
    for transport, _ in transports:
        transport.write(b"a")
    _, lost = transports[0]
    lost.protocol = asyncio.Protocol()
    lost.lose()
    turn.end()
    assert [below.sent for _, below in transports] == [b"", b"a", b"a"]
    assert transports[0][0].unsent


def test_a_connection_that_cannot_be_written_to_holds_nobody_up() -> None:
    """Whatever it fails with: it is dropped, and the others are written to (promise G11)."""
    turn = Turn()
    transports = [turn.transport() for _ in range(3)]
    for transport, _ in transports:
        transport.write(b"a")

    def fail(_: object) -> None:
        raise OSError

    transports[0][1].write = fail  # type: ignore[method-assign,assignment]  # a fault
    turn.end()
    assert [below.sent for _, below in transports] == [b"", b"a", b"a"]
    assert transports[0][1].aborted


def test_unsent_says_whether_anything_is_on_its_way() -> None:
    """True until the end of the turn, and after it if the very first write failed."""
    turn = Turn()
    transport, below = turn.transport()
    seen = [transport.unsent]
    transport.write(b"a")
    seen.append(transport.unsent)
    turn.end()
    seen.append(transport.unsent)
    below.write = lambda _: below.abort()  # type: ignore[method-assign,assignment]  # as uvloop's does when the kernel refuses
    transport.write(b"a")
    turn.end()
    assert [*seen, transport.unsent] == [False, True, False, True]


def test_what_is_written_while_flushing_leaves_in_the_next_turn() -> None:
    """A write may let another connection go on, and that one write."""
    turn = Turn()
    first, below_first = turn.transport()
    second, below_second = turn.transport()
    first.write(b"a")
    below_first.write = lambda _: second.write(b"b")  # type: ignore[method-assign,assignment]  # resumes what writes there
    turn.end()
    assert below_second.sent == b""
    turn.end()
    assert below_second.sent == b"b"


def test_a_connection_reset_in_the_turn_it_is_written_to(loops: Loops[bytes]) -> None:
    """On real sockets, where writing to a lost connection is an error: the other connection still gets its bytes."""

    async def main() -> bytes:
        loop = asyncio.get_running_loop()
        cork = Cork(loop.call_soon)
        made: list[CorkedTransport] = []

        class Made(asyncio.Protocol):
            def connection_made(self, transport: asyncio.BaseTransport) -> None:
                made.append(CorkedTransport(transport, cork))

        listener = await loop.create_server(Made, "127.0.0.1", 0)
        port = listener.sockets[0].getsockname()[1]
        _, gone = await asyncio.open_connection("127.0.0.1", port)
        await until(lambda: len(made) == 1)
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        await until(lambda: len(made) == 2)
        made[0].abort()  # its end is told before the end of this turn
        for transport in made:
            transport.write(b"hello")
        received = await reader.readexactly(5)
        gone.close()
        writer.close()
        made[1].close()
        listener.close()
        return received

    assert loops(main) == b"hello"
