"""Both ends of the protocols of `proxy.http1`: transports, applications, handlers and receivers that keep what happens.

The transport behaves as uvloop's do where it matters: it buffers what the other side does not take, calls `pause_writing` from
inside `write`, takes nothing once it is closed for writing, and ends every connection with one `connection_lost`.
"""

import asyncio
import socket
import struct
from collections.abc import Callable, Mapping
from typing import Any

from proxy.api.match import Match, Table
from proxy.credentials.callers import Callers
from proxy.errors import Reason, RefusedError
from proxy.exchange import Admission, Caller, Failure, RequestHead
from proxy.http1.caller import CallerConnection
from proxy.http1.cork import Cork
from proxy.http1.known import Known, KnownAnswer
from proxy.http1.server import Server, ServerLimits
from proxy.http1.upstream import UpstreamConnection
from proxy.policy.compile import compile_policy
from proxy.policy.model import PolicyDocument
from proxy.rules import Rules
from tests.fakes import FakeClock, endpoint

RULES = Rules(  # nothing here looks at them
    table=Table(()), policy=compile_policy(PolicyDocument(version=1), (), None),
    callers=Callers(), heads={}, body_bytes=0, large_body_bytes=0, depth=0,
)  # fmt: skip
# The next request is taken up in a turn of its own, and answered at the end of it.
QUIET_TURNS = 4

LIMITS = ServerLimits(
    head_bytes=2000,
    header_count=20,
    connections=100,
    inflight_bytes=3_000_000,
    head_seconds=10,
    body_seconds=30,
    idle_seconds=600,
)


# Sends at once what the event loop would send at the end of its turn.
AT_ONCE = Cork(lambda flush: flush())


async def until(condition: Callable[[], object]) -> None:
    """Let the event loop turn until `condition` holds; the deadline of the test ends one that never does."""
    while not condition():  # noqa: ASYNC110  # what happens at the other end of a socket sets no event
        await asyncio.sleep(0.001)


class FakeSocket:
    """The socket below a transport."""

    def __init__(self) -> None:
        """Close in the ordinary way, until told otherwise."""
        self.resets = False

    def setsockopt(self, level: int, option: int, value: bytes) -> None:
        """Take `SO_LINGER` of no time, which makes closing a reset."""
        assert (level, option, value) == (socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.resets = True


class FakeTransport(asyncio.Transport):
    """A stream transport whose other side is the test."""

    def __init__(self, *, tls: bool = False) -> None:
        """Begin open, with a far end that takes everything."""
        super().__init__()
        self.protocol: Any = None
        self.sent = b""  # what has reached the other side
        self.buffered = b""
        self.takes = True  # whether the other side reads
        self.reading = True
        self.half_closed = False
        self.closing = False
        self.aborted = False
        self.lost = False
        self.socket = FakeSocket()
        self._tls = tls
        self._paused = False
        self._high = (512 if tls else 64) * 1024  # as uvloop begins

    def connect(self, protocol: Any) -> None:  # noqa: ANN401  # either protocol
        """Give the transport to `protocol`."""
        self.protocol = protocol
        protocol.connection_made(self)

    # What the protocol asks.

    def write(self, data: bytes | bytearray | memoryview) -> None:
        """See `asyncio.WriteTransport.write`."""
        assert not self.half_closed, "write after write_eof"
        assert isinstance(data, bytes)
        if self.lost:
            raise RuntimeError("the handler is closed")
        if self.closing:
            return
        if self.takes:
            self.sent += data
            return
        self.buffered += data
        if len(self.buffered) > self._high and not self._paused:
            self._paused = True
            self.protocol.pause_writing()

    def set_write_buffer_limits(self, high: int | None = None, low: int | None = None) -> None:
        """See `asyncio.WriteTransport.set_write_buffer_limits`."""
        assert high is not None
        assert low is None
        self._high = high

    def get_write_buffer_size(self) -> int:
        """See `asyncio.WriteTransport.get_write_buffer_size`."""
        return len(self.buffered)

    def can_write_eof(self) -> bool:
        """See `asyncio.WriteTransport.can_write_eof`."""
        return not self._tls

    def write_eof(self) -> None:
        """See `asyncio.WriteTransport.write_eof`."""
        assert not self._tls
        self.half_closed = True

    def close(self) -> None:
        """See `asyncio.BaseTransport.close`."""
        self.closing = True
        self.reading = False

    def abort(self) -> None:
        """See `asyncio.WriteTransport.abort`."""
        self.closing = self.aborted = True
        self.reading = False
        self.buffered = b""

    def is_closing(self) -> bool:
        """See `asyncio.BaseTransport.is_closing`."""
        return self.closing

    def pause_reading(self) -> None:
        """See `asyncio.ReadTransport.pause_reading`."""
        self.reading = False

    def resume_reading(self) -> None:
        """See `asyncio.ReadTransport.resume_reading`."""
        self.reading = not self.closing

    def get_extra_info(self, name: str, default: Any = None) -> Any:  # noqa: ANN401  # asyncio's signature
        """See `asyncio.BaseTransport.get_extra_info`."""
        return self.socket if name == "socket" else default

    # What the other side does.

    def receive(self, data: bytes) -> None:
        """Send `data` to the protocol, which must be reading."""
        assert self.reading, "bytes for a protocol that is not reading"
        self.protocol.data_received(data)

    def end(self) -> None:
        """Send no more; close if the protocol does not keep the connection open, as asyncio does."""
        assert self.reading
        self.reading = False
        if not self.protocol.eof_received():
            self.close()

    def drain(self) -> None:
        """Take what is buffered."""
        self.takes = True
        self.sent += self.buffered
        self.buffered = b""
        if self._paused:
            self._paused = False
            self.protocol.resume_writing()

    def lose(self) -> None:
        """Bring the end of the connection."""
        assert not self.lost
        self.closing = self.lost = True
        self.reading = False
        self.protocol.connection_lost(None)

    def taken(self) -> bytes:
        """Return what was sent since the last call."""
        sent, self.sent = self.sent, b""
        return sent


class FakeExchange:
    """A request on its way; keeps what its caller's connection says of it."""

    def __init__(self, caller: Caller) -> None:
        """Answer through `caller`, when the test says so."""
        self.caller = caller
        self.told: list[str] = []

    def cancel(self) -> None:
        """See `Exchange.cancel`."""
        self.told.append("cancel")

    def shut_down(self) -> None:
        """See `Exchange.shut_down`."""
        self.told.append("shut_down")
        self.caller.refuse(Reason.SHUTTING_DOWN)

    def pause(self) -> None:
        """See `Exchange.pause`."""
        self.told.append("pause")

    def resume(self) -> None:
        """See `Exchange.resume`."""
        self.told.append("resume")


class FakeHandler:
    """Keeps what it is given. Targets beginning with `/refuse` are not let in, those with `/later` are answered by the test."""

    def __init__(self, body_bytes: int = 1000) -> None:
        """Let bodies of `body_bytes` in."""
        self.body_bytes = body_bytes
        self.heads: list[RequestHead] = []
        self.bodies: list[bytes] = []
        self.refusals: list[Reason] = []
        self.exchanges: list[FakeExchange] = []
        self.on_deliver: Callable[[], None] = lambda: None

    @property
    def targets(self) -> list[bytes]:
        """The targets that were let in or not, in order."""
        return [head.target for head in self.heads]

    def admit(self, head: RequestHead) -> Admission:
        """See `Handler.admit`."""
        self.heads.append(head)
        if head.target.startswith(b"/refuse"):
            raise RefusedError(Reason.ENDPOINT_NOT_ALLOWED)
        if head.target.startswith(b"/fault"):
            raise ZeroDivisionError
        return Admission(RULES, Match(endpoint(), head.target), head, "anyone", self.body_bytes, started=0.0)

    def deliver(self, admission: Admission, body: bytes, caller: Caller) -> FakeExchange | None:
        """See `Handler.deliver`."""
        self.bodies.append(body)
        self.on_deliver()
        if admission.head.target.startswith(b"/later"):
            self.exchanges.append(FakeExchange(caller))
            return self.exchanges[-1]
        caller.answer(200, b"Content-Type: text/plain\r\n", admission.head.target + b" " + body)
        return None

    def refused(self, reason: Reason, admission: Admission | None, head: RequestHead | None = None) -> None:
        """See `Handler.refused`."""
        assert head is None or admission is None
        assert admission is None or isinstance(admission, Admission)
        self.refusals.append(reason)


class Application:
    """One caller's connection, driven by the test."""

    def __init__(self, *, tls: bool = False, limits: ServerLimits = LIMITS, cork: Cork = AT_ONCE) -> None:
        """Connect."""
        self.handler = FakeHandler()
        self.clock = FakeClock()
        self.server = Server(self.handler, limits, self.clock, cork)
        self.transport = FakeTransport(tls=tls)
        self.connection = CallerConnection(self.server)
        self.transport.connect(self.connection)

    def send(self, data: bytes) -> bytes:
        """Send `data`; return what comes back at once."""
        self.transport.receive(data)
        return self.transport.taken()

    async def exchange(self, data: bytes) -> bytes:
        """Send `data`; return what comes back until nothing happens any more."""
        sent = self.send(data)
        return sent + await self.settle()

    async def settle(self) -> bytes:
        """Let the event loop turn until nothing more is sent; return what was."""
        sent = b""
        quiet_turns = 0
        while quiet_turns < QUIET_TURNS:
            more = self.transport.taken()
            sent += more
            quiet_turns = 0 if more else quiet_turns + 1
            await asyncio.sleep(0)
        return sent

    def wait(self, seconds: float) -> bytes:
        """Let time pass; return what comes."""
        self.clock.advance(seconds)
        self.server.tick()
        return self.transport.taken()


class FakeOwner:
    """A pool that keeps what its connections say."""

    def __init__(self, cork: Cork) -> None:
        """Hold nothing."""
        self.cork = cork
        self.known: Known[KnownAnswer] = Known()
        self.told: list[str] = []

    def opened(self, connection: UpstreamConnection) -> None:
        """See `Owner.opened`."""
        assert connection.usable
        self.told.append("opened")

    def released(self, connection: UpstreamConnection) -> None:
        """See `Owner.released`."""
        assert connection.usable
        self.told.append("released")

    def closed(self, connection: UpstreamConnection) -> None:
        """See `Owner.closed`."""
        assert not connection.usable
        self.told.append("closed")


class FakeReceiver:
    """Takes one whole answer or one failure, and fails on anything out of order."""

    def __init__(self) -> None:
        """Nothing has come yet."""
        self.status = 0
        self.headers: dict[bytes, bytes] = {}
        self.length: int | None = None
        self.body = b""
        self.pauses = 0
        self.finished = False
        self.failure: Failure | None = None
        self.on_start: Callable[[], None] = lambda: None
        self.on_pause: Callable[[], None] = lambda: None

    @property
    def outcome(self) -> tuple[int, bytes] | Failure | None:
        """How it ended: status and body, or why there is none."""
        return (self.status, self.body) if self.finished else self.failure

    def answered(self, status: int, headers: Mapping[bytes, bytes], body: bytes) -> None:
        """See `Receiver.answered`."""
        self.answer_started(status, headers, len(body))
        if body:
            self.answer_body(body)
        self.answer_finished()

    def answer_started(self, status: int, headers: Mapping[bytes, bytes], length: int | None) -> None:
        """See `Receiver.answer_started`."""
        assert not self.status
        assert self.outcome is None
        self.status, self.headers, self.length = status, dict(headers), length
        self.on_start()

    def answer_body(self, data: bytes) -> None:
        """See `Receiver.answer_body`."""
        assert self.status
        assert self.outcome is None
        assert data
        self.body += data

    def answer_paused(self) -> None:
        """See `Receiver.answer_paused`."""
        assert self.status
        assert self.outcome is None
        self.pauses += 1
        self.on_pause()

    def answer_finished(self) -> None:
        """See `Receiver.answer_finished`."""
        assert self.status
        assert self.outcome is None
        assert self.length in (None, len(self.body))
        self.finished = True

    def attempt_failed(self, failure: Failure) -> None:
        """See `Receiver.attempt_failed`."""
        assert self.outcome is None
        self.failure = failure


class Origin:
    """One connection to Customer.io, driven by the test."""

    def __init__(self, *, tls: bool = False, cork: Cork = AT_ONCE) -> None:
        """Connect."""
        self.owner = FakeOwner(cork)
        self.transport = FakeTransport(tls=tls)
        self.connection = UpstreamConnection(self.owner, 0.0)
        self.transport.connect(self.connection)

    def ask(self) -> FakeReceiver:
        """Send a request; return who is told of its answer."""
        receiver = FakeReceiver()
        self.connection.send(receiver, b"GET / HTTP/1.1\r\n", b"Host: x\r\n", b"\r\n")
        return receiver

    def answer(self, *pieces: bytes, close: bool = False) -> FakeReceiver:
        """Send a request and bring `pieces` of an answer, each in a read of its own."""
        receiver = self.ask()
        for piece in pieces:
            if self.transport.reading:
                self.transport.receive(piece)
        if close and self.transport.reading:
            self.transport.end()
            self.transport.lose()
        return receiver

    @property
    def pooled(self) -> bool:
        """Whether the connection has been given back for further requests."""
        return self.owner.told[-1] == "released" and not self.transport.closing


def final(data: bytes) -> list[tuple[int, bytes]]:
    """Return the status and the bytes of each final answer in `data`; each must be framed by its length."""
    found = []
    while data:
        head, separator, rest = data.partition(b"\r\n\r\n")
        assert separator
        line, *lines = head.split(b"\r\n")
        version, status = line.split(b" ")[:2]
        assert version == b"HTTP/1.1"
        headers = {name.lower(): value for name, value in (line.split(b": ", 1) for line in lines)}
        length = int(headers.get(b"content-length", b"0"))
        assert len(rest) >= length
        if int(status) >= 200:
            found.append((int(status), head + separator + rest[:length]))
        else:
            assert (status, lines) == (b"100", [])
        data = rest[length:]
    return found


def statuses(data: bytes) -> list[int]:
    """Return the statuses of the final answers in `data`."""
    return [status for status, _ in final(data)]
