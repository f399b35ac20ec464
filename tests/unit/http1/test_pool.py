"""The connections to one origin: reuse, limits, age, and whom they are made to."""

import asyncio
import gc
import ssl
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import cast

import pytest

from proxy.clock import SystemClock
from proxy.config.origin import Origin
from proxy.errors import Reason, RefusedError
from proxy.http1.cork import Cork
from proxy.http1.pool import MAX_AGE_SECONDS, MAX_IDLE_SECONDS, Pool
from proxy.http1.upstream import UpstreamConnection
from tests.fakes import FakeClock
from tests.unit.http1.conftest import Loops
from tests.unit.http1.fakes import AT_ONCE, FakeReceiver, FakeTransport, until
from tests.unit.http1.tls import client_context, server_context

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}"
NOWHERE = Origin("127.0.0.1", 1, tls=False)


class Filled:
    """A pool whose connections the test makes, and the clock it reads."""

    def __init__(self) -> None:
        """Begin empty."""
        self.clock = FakeClock()
        self.pool = Pool(
            NOWHERE, None, clock=self.clock, cork=AT_ONCE, connections=1000, connect_seconds=1.0, unreachable=self._unreachable
        )

    @staticmethod
    def _unreachable(error: BaseException) -> None:
        raise AssertionError(error)

    def dial(self) -> UpstreamConnection:
        """Return a connection as a dial would: open, in the hands of whoever asked for it."""
        connection = UpstreamConnection(self.pool, self.clock.monotonic())
        FakeTransport().connect(connection)
        return connection

    def idle(self) -> UpstreamConnection:
        """Return a connection that has brought an answer and gone back."""
        connection = self.dial()
        answer(connection)
        return connection


def transport_of(connection: UpstreamConnection) -> FakeTransport:
    """Return the transport below a connection."""
    transport = connection._transport._transport
    assert isinstance(transport, FakeTransport)
    return transport


def answer(connection: UpstreamConnection, data: bytes = OK) -> FakeReceiver:
    """Send a request and bring its answer."""
    receiver = FakeReceiver()
    connection.send(receiver, b"GET / HTTP/1.1\r\n\r\n")
    transport_of(connection).receive(data)
    return receiver


# Reuse


def test_a_clean_connection_is_used_again() -> None:
    """The same one, in one pair of hands at a time."""
    filled = Filled()
    assert filled.pool.take() is None
    connection = filled.idle()
    assert filled.pool.take() is connection
    assert filled.pool.take() is None
    assert answer(connection).outcome == (200, b"{}")
    assert filled.pool.take() is connection


def test_the_newest_is_used_first() -> None:
    """So that the others grow old and are closed before the far end does it."""
    filled = Filled()
    first, second = filled.idle(), filled.idle()
    assert filled.pool.take() is second
    assert filled.pool.take() is first


@pytest.mark.parametrize(
    "data",
    [OK + b"x", OK.replace(b"OK\r\n", b"OK\r\nConnection: close\r\n"), b"HTTP/1.1 204 X\r\nContent-Length: 2\r\n\r\n"],
)
def test_a_connection_that_is_not_clean_is_not_used_again(data: bytes) -> None:
    """Leftover bytes, a close that was announced, content where none may be."""
    filled = Filled()
    connection = filled.dial()
    assert answer(connection, data).finished
    assert filled.pool.take() is None
    assert transport_of(connection).closing


def test_any_byte_on_an_idle_connection_closes_it() -> None:
    """It answers nothing, so it must not answer the next request."""
    filled = Filled()
    connection = filled.idle()
    transport_of(connection).receive(b"H")
    assert filled.pool.take() is None
    assert transport_of(connection).aborted


def test_a_connection_that_closed_while_idle_is_not_taken() -> None:
    """Whether its end has been told yet or not."""
    filled = Filled()
    told, closing = filled.idle(), filled.idle()
    transport_of(told).lose()
    transport_of(closing).end()
    assert filled.pool.take() is None


def test_a_connection_that_closes_in_use_is_forgotten() -> None:
    """It does not come back."""
    filled = Filled()
    connection = filled.dial()
    receiver = FakeReceiver()
    connection.send(receiver, b"")
    transport_of(connection).lose()
    assert receiver.failure is not None
    assert filled.pool.take() is None


# Limits of time


def test_an_idle_connection_is_closed_after_its_idle_time() -> None:
    """At `MAX_IDLE_SECONDS`, from when it was last used."""
    filled = Filled()
    connection = filled.idle()
    filled.clock.advance(MAX_IDLE_SECONDS - 1)
    filled.pool.tick()
    assert filled.pool.take() is connection
    answer(connection)
    filled.clock.advance(MAX_IDLE_SECONDS)
    filled.pool.tick()
    assert not transport_of(connection).closing
    filled.clock.advance(0.1)
    filled.pool.tick()
    assert transport_of(connection).closing
    assert filled.pool.take() is None


def test_idle_connections_are_closed_oldest_first_and_no_others() -> None:
    """A tick closes those whose time is up."""
    filled = Filled()
    old = [filled.idle() for _ in range(3)]
    filled.clock.advance(MAX_IDLE_SECONDS)
    new = filled.idle()
    filled.clock.advance(1)
    filled.pool.tick()
    assert [transport_of(connection).closing for connection in (*old, new)] == [True, True, True, False]
    assert filled.pool.take() is new


def test_an_idle_connection_past_its_time_is_not_taken() -> None:
    """Even where no tick has come by: after the machine slept, say."""
    filled = Filled()
    connection = filled.idle()
    filled.clock.advance(MAX_IDLE_SECONDS + 1)
    assert filled.pool.take() is None
    assert transport_of(connection).closing


def test_an_old_connection_is_not_taken() -> None:
    """At `MAX_AGE_SECONDS`, however busy, so that a change of DNS is followed."""
    filled = Filled()
    connection = filled.idle()
    for _ in range(int(MAX_AGE_SECONDS / 20)):
        filled.clock.advance(20)
        filled.pool.tick()
        assert filled.pool.take() is connection
        answer(connection)
    filled.clock.advance(1)
    assert filled.pool.take() is None
    assert transport_of(connection).closing


def test_a_thousand_connections_may_end_at_once() -> None:
    """Closing and losing each of them costs the same, so that an upstream's restart does not stop the event loop."""
    filled = Filled()
    connections = [filled.idle() for _ in range(1000)]
    begin = time.perf_counter()
    for connection in connections:
        transport_of(connection).lose()
    assert time.perf_counter() - begin < 0.1
    assert filled.pool.take() is None


# The end


def test_a_closed_pool_drops_its_connections() -> None:
    """Idle or not; what comes back to it is closed, what is dialled meanwhile is dropped."""
    filled = Filled()
    idle, busy = filled.idle(), filled.dial()
    receiver = FakeReceiver()
    busy.send(receiver, b"")
    held = filled.dial()
    filled.pool.close()
    assert transport_of(idle).aborted
    assert transport_of(busy).aborted
    assert transport_of(held).aborted
    assert receiver.outcome is None
    assert filled.pool.take() is None
    assert transport_of(filled.dial()).aborted


async def test_a_closed_pool_dials_nobody() -> None:
    """It refuses."""
    filled = Filled()
    filled.pool.close()
    with pytest.raises(RefusedError) as caught:
        await filled.pool.connect()
    assert caught.value.reason is Reason.OVERLOADED


# Dialling, over real sockets


class Far:
    """A server that answers every request, and counts its connections."""

    def __init__(self) -> None:
        """Nobody came yet."""
        self.port = 0
        self.connections = 0
        self.open = 0

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Answer until the other side closes."""
        self.connections += 1
        self.open += 1
        try:
            while await reader.readuntil(b"\r\n\r\n"):
                writer.write(OK)
        except (asyncio.IncompleteReadError, ConnectionError):
            self.open -= 1
            writer.close()


@asynccontextmanager
async def far(tls: ssl.SSLContext | None = None) -> AsyncIterator[Far]:
    """Run such a server."""
    here = Far()
    server = await asyncio.start_server(here.serve, "127.0.0.1", 0, ssl=tls)
    here.port = server.sockets[0].getsockname()[1]
    yield here
    await until(lambda: not here.open)
    server.close()


def pool_of(
    origin: Origin,
    tls: ssl.SSLContext | None = None,
    errors: list[BaseException] | None = None,
    seconds: float = 5,
    connections: int = 1000,
) -> Pool:
    """Return a pool that appends to `errors` why a dial failed; without `errors`, none may."""

    def unreachable(error: BaseException) -> None:
        if errors is None:
            raise AssertionError from error
        errors.append(error)

    cork = Cork(asyncio.get_running_loop().call_soon)
    return Pool(
        origin,
        tls,
        clock=SystemClock(),
        cork=cork,
        connections=connections,
        connect_seconds=seconds,
        unreachable=unreachable,
    )


async def ask(connection: UpstreamConnection) -> FakeReceiver:
    """Send a request, and wait for its end."""
    receiver = FakeReceiver()
    connection.send(receiver, b"GET / HTTP/1.1\r\n\r\n")
    await until(lambda: receiver.outcome is not None)
    return receiver


@pytest.mark.parametrize("tls", [False, True], ids=["plain", "TLS"])
def test_a_connection_is_dialled_once_and_reused(loops: Loops[None], tls: bool) -> None:  # noqa: FBT001  # a parameter
    """Plain, or over TLS to the name that the certificate has."""

    async def main() -> None:
        async with far(server_context() if tls else None) as there:
            origin = Origin("localhost" if tls else "127.0.0.1", there.port, tls=tls)
            pool = pool_of(origin, client_context() if tls else None)
            connection = await pool.connect()
            for _ in range(3):
                assert (await ask(connection)).outcome == (200, b"{}")
                assert pool.take() is connection
            assert there.connections == 1
            pool.close()

    loops(main)


def test_a_certificate_for_another_name_is_not_trusted(loops: Loops[None]) -> None:
    """TLS is verified with the server's name: the right CA is not enough."""

    async def main() -> None:
        context = server_context()
        async with far(context) as there:
            errors: list[BaseException] = []
            pool = pool_of(Origin("127.0.0.2", there.port, tls=True), client_context(), errors)
            server = await asyncio.start_server(there.serve, "127.0.0.2", there.port, ssl=context)
            with pytest.raises(RefusedError) as caught:
                await pool.connect()
            assert caught.value.reason is Reason.UPSTREAM_UNREACHABLE
            assert isinstance(errors[0], ssl.SSLCertVerificationError)
            assert "127.0.0.2" in str(errors[0])
            server.close()

    loops(main)


def test_an_unknown_certificate_authority_is_not_trusted(loops: Loops[None]) -> None:
    """Nothing is ever sent to a server that cannot prove who it is."""

    async def main() -> None:
        async with far(server_context()) as there:
            errors: list[BaseException] = []
            context = ssl.create_default_context()
            pool = pool_of(Origin("localhost", there.port, tls=True), context, errors)
            with pytest.raises(RefusedError) as caught:
                await pool.connect()
            assert caught.value.reason is Reason.UPSTREAM_UNREACHABLE
            assert isinstance(errors[0], ssl.SSLCertVerificationError)
            assert there.connections == 0

    loops(main)


def test_a_dial_has_a_deadline(loops: Loops[None]) -> None:
    """For TCP and TLS together: a server that accepts and says nothing is given up, and its connection is closed."""

    async def main() -> None:
        closed = asyncio.Event()

        async def silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            while await reader.read(1000):
                pass
            closed.set()
            writer.close()

        server = await asyncio.start_server(silent, "127.0.0.1", 0)
        port = server.sockets[0].getsockname()[1]
        errors: list[BaseException] = []
        pool = pool_of(Origin("localhost", port, tls=True), client_context(), errors, seconds=0.1)
        with pytest.raises(RefusedError) as caught:
            await pool.connect()
        assert caught.value.reason is Reason.UPSTREAM_UNREACHABLE
        assert isinstance(errors[0], TimeoutError)
        await closed.wait()
        server.close()

    loops(main)


def test_a_closed_tls_connection_is_not_waited_for(loops: Loops[None]) -> None:
    """A far end that never gives its part of the closure holds a place in the pool for `connect_seconds`, not for ever."""

    async def main() -> None:
        async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await reader.readuntil(b"\r\n\r\n")
            writer.write(OK)
            cast("asyncio.Transport", writer.transport).pause_reading()
            await until(lambda: not pool._open)
            writer.transport.abort()

        server = await asyncio.start_server(serve, "127.0.0.1", 0, ssl=server_context())
        port = server.sockets[0].getsockname()[1]
        pool = pool_of(Origin("localhost", port, tls=True), client_context(), seconds=0.5)
        connection = await pool.connect()
        assert (await ask(connection)).finished
        connection.close()
        assert pool._open
        async with asyncio.timeout(5):
            await until(lambda: not pool._open)
        server.close()

    loops(main)


@pytest.mark.parametrize("host", ["127.0.0.1", "x" * 64 + ".invalid"])
def test_who_cannot_be_dialled_is_unreachable(loops: Loops[None], host: str) -> None:
    """A refused connection, or a name that can be none: both are told, and refused the same."""

    async def main() -> None:
        errors: list[BaseException] = []
        pool = pool_of(Origin(host, 1, tls=False), errors=errors)
        with pytest.raises(RefusedError) as caught:
            await pool.connect()
        assert caught.value.reason is Reason.UPSTREAM_UNREACHABLE
        assert len(errors) == 1

    loops(main)


def test_connections_are_bounded(loops: Loops[None]) -> None:
    """Open ones and dials together: at the limit a request is refused, and room is made by whoever ends (promise G12)."""

    async def main() -> None:
        async with far() as there:
            pool = pool_of(Origin("127.0.0.1", there.port, tls=False), connections=3)
            first = await pool.connect()
            dials = await asyncio.gather(*(pool.connect() for _ in range(3)), return_exceptions=True)
            assert [isinstance(dial, RefusedError) and dial.reason for dial in dials] == [False, False, Reason.OVERLOADED]
            first.abandon()
            await until(lambda: there.open == 2)
            assert (await ask(await pool.connect())).finished
            pool.close()

    loops(main)


@pytest.mark.parametrize("tls", [False, True], ids=["plain", "TLS"])
def test_a_connection_that_ended_leaves_no_garbage(loops: Loops[None], tls: bool) -> None:  # noqa: FBT001  # a parameter
    """Nothing of it waits for the garbage collector, which seldom comes."""

    def some() -> bool:
        return any(type(each) is UpstreamConnection for each in gc.get_objects())

    async def main() -> None:
        async with far(server_context() if tls else None) as there:
            origin = Origin("localhost" if tls else "127.0.0.1", there.port, tls=tls)
            pool = pool_of(origin, client_context() if tls else None)
            assert (await ask(await pool.connect())).outcome == (200, b"{}")
            assert some()
            pool.close()
            await until(lambda: not some())

    gc.collect()
    gc.disable()
    try:
        loops(main)
    finally:
        gc.enable()


async def test_other_bounds_hold_for_what_is_dialled_then() -> None:
    """A reload closes no connection: what is open over a smaller bound stays, and nothing is dialled until there is room."""
    filled = Filled()
    idle = [filled.idle() for _ in range(2)]
    filled.pool.change(2, 0.5)
    with pytest.raises(RefusedError) as caught:
        await filled.pool.connect()
    assert caught.value.reason is Reason.OVERLOADED
    assert [filled.pool.take(), filled.pool.take()] == idle[::-1]
