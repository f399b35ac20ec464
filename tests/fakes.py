"""What stands in for time, sockets and applications in tests, so that nothing waits and every order of events can be tried.

Each fake holds the one at the other end to its protocol: a call that must not come fails the test.
"""

import heapq
import os
from collections.abc import Callable, Coroutine, Generator, Mapping
from itertools import count
from typing import Any

import orjson
from structlog.typing import FilteringBoundLogger

from proxy import logs
from proxy.api.model import Bucket, Credential, Endpoint, Identifier, Replay, Upstream
from proxy.credentials.keyring import Keyring
from proxy.credentials.model import Authorization, Kind, Version
from proxy.errors import Reason, RefusedError
from proxy.exchange import Failure, Outgoing, Receiver
from proxy.sensitive import Sensitive

# The places of credentials that tests use.
SLOTS = {
    "track": Credential.TRACK,
    "track_next": Credential.TRACK,
    "app": Credential.APP,
    "pipelines": Credential.PIPELINES,
}


class FakeClock:
    """A clock that stands still until it is moved."""

    def __init__(self, now: float = 1000.0) -> None:
        """Start at `now`, on both of its readings."""
        self.now = now

    def monotonic(self) -> float:
        """See `Clock.monotonic`."""
        return self.now

    def wall(self) -> float:
        """See `Clock.wall`."""
        return self.now

    def advance(self, seconds: float) -> None:
        """Let time pass."""
        self.now += seconds


class Timers:
    """The timers of an event loop, over a fake clock: nothing fires but in `advance`."""

    def __init__(self, clock: FakeClock) -> None:
        """Belong to `clock`."""
        self.clock = clock
        self._pending: list[tuple[float, int, Callable[[], None]]] = []
        self._numbers = count()

    def call_later(self, delay: float, callback: Callable[[], None], /) -> None:
        """See `asyncio.loop.call_later`."""
        assert delay >= 0
        heapq.heappush(self._pending, (self.clock.now + delay, next(self._numbers), callback))

    def advance(self, seconds: float) -> None:
        """Let time pass, and call what is due in its order, each at its moment."""
        end = self.clock.now + seconds
        while self._pending and self._pending[0][0] <= end:
            when, _, callback = heapq.heappop(self._pending)
            self.clock.now = max(self.clock.now, when)
            callback()
        self.clock.now = max(self.clock.now, end)

    def __len__(self) -> int:
        """Return how many timers are set."""
        return len(self._pending)


def endpoint(
    name: str = "track.v1.identify",
    *,
    method: str = "PUT",
    upstream: Upstream = Upstream.TRACK,
    credential: Credential = Credential.TRACK,
    bucket: Bucket = Bucket.TRACK,
    replay: Replay = Replay.SAFE,
    event_items: str = "",
    event_id: str = "id",
) -> Endpoint:
    """Return a row of an endpoint table."""
    return Endpoint(
        name=name,
        method=method,
        path="/api/v1/customers/{identifier}",
        upstream=upstream,
        credential=credential,
        bucket=bucket,
        replay=replay,
        path_ids={"identifier": Identifier.SHAPE},
        event_items=event_items,
        event_id=event_id,
    )


def outgoing(row: Endpoint | None = None, body: bytes = b"{}", *, strict: bool = False) -> Outgoing:
    """Return a prepared call."""
    return Outgoing(row or endpoint(), b"PUT /api/v1/customers/5 HTTP/1.1\r\nHost: localhost\r\n", body, strict)


def keyring(
    clock: FakeClock,
    keys: Mapping[str, Authorization],
    *,
    fixed: bool = True,
    grace_seconds: float = 10,
    wanted: Callable[[Credential], None] = lambda _: None,
) -> Keyring:
    """Return the real keyring, holding a version of each slot in `keys`; `fixed` ones are never replaced."""
    ring = Keyring(
        {slot: SLOTS[slot] for slot in keys},
        grace_seconds=grace_seconds,
        max_staleness_seconds=3600,
        clock=clock,
        held=lambda _credential, _key_id: None,
        wanted=wanted,
    )
    for slot, key in keys.items():
        ring.adopt(slot, Version(key, Kind.FILE, fixed=fixed))
    return ring


def authorization(key_id: str = "k1", *, line: bytes = b"Authorization: Basic x\r\n", secret: bytes = b"") -> Authorization:
    """Return a credential that is scrubbed of `secret`."""
    return Authorization(Sensitive(line), key_id, Sensitive(frozenset({secret} - {b""})))


class FakeCaller:
    """An application's connection: takes one whole answer, a refusal or a break, and fails on anything out of order."""

    def __init__(self) -> None:
        """Nothing was answered yet."""
        self.status = 0
        self.lines = b""
        self.length: int | None = None
        self.body = b""
        self.reason: Reason | None = None
        self.ended = ""
        self.begun = False
        self.gone = False
        self.on_write: Callable[[], None] = lambda: None
        self.on_end: Callable[[], None] = lambda: None

    def refuse(self, reason: Reason) -> None:
        """See `Caller.refuse`."""
        self.reason = reason
        self._end("refused", begun=False)

    def answer(self, status: int, lines: bytes, body: bytes) -> None:
        """See `Caller.answer`."""
        self.status, self.lines, self.body, self.length = status, lines, body, len(body)
        self._end("answered", begun=False)

    def start(self, status: int, lines: bytes, length: int | None) -> None:
        """See `Caller.start`."""
        assert not self.ended
        assert not self.begun
        assert not self.gone
        self.begun = True
        self.status, self.lines, self.length = status, lines, length

    def write(self, data: bytes) -> None:
        """See `Caller.write`."""
        assert self.begun
        assert not self.ended
        assert not self.gone
        self.body += data
        self.on_write()

    def finish(self) -> None:
        """See `Caller.finish`."""
        assert self.length in (None, len(self.body))
        self._end("finished", begun=True)

    def abort(self) -> None:
        """See `Caller.abort`."""
        self._end("aborted", begun=True)

    def _end(self, how: str, *, begun: bool) -> None:
        assert not self.ended, f"{how} after {self.ended}"
        assert not self.gone, f"{how} after the caller was gone"
        assert self.begun is begun
        self.ended = how
        self.on_end()


class FakeConnection:
    """A connection to Customer.io, in one of these states: idle, busy, lost."""

    def __init__(self, pool: "FakeConnections", *, used: bool) -> None:
        """Belong to `pool`."""
        self.pool = pool
        self.used = used
        self.state = "held"
        self.paused = False
        self.receiver: Receiver | None = None
        self.sent: list[bytes] = []
        self.on_send: Callable[[], None] = lambda: None

    @property
    def usable(self) -> bool:
        """See `Connection.usable`."""
        return self.state in ("idle", "held")

    def send(self, receiver: Receiver, *pieces: bytes) -> None:
        """See `Connection.send`."""
        assert self.state == "held", f"a request was written to a connection that is {self.state}"
        self.state = "busy"
        self.receiver = receiver
        self.sent.append(b"".join(pieces))
        self.on_send()

    def release(self) -> None:
        """See `Connection.release`."""
        assert self.state in ("held", "lost")
        if self.state == "held":
            self._idle()

    def abandon(self) -> None:
        """See `Connection.abandon`."""
        assert self.state in ("busy", "lost")
        self.state = "lost"
        self.receiver = None

    def pause(self) -> None:
        """See `Connection.pause`."""
        self.paused = True

    def resume(self) -> None:
        """See `Connection.resume`."""
        self.paused = False

    # What Customer.io does.

    def head(self, status: int = 200, headers: Mapping[bytes, bytes] | None = None, length: int | None = None) -> None:
        """Bring the head of an answer."""
        assert self.receiver is not None
        self.receiver.answer_started(status, {b"content-type": b"application/json"} if headers is None else headers, length)

    def piece(self, data: bytes) -> None:
        """Bring a piece of its body, and no more for now."""
        receiver = self.receiver
        assert receiver is not None
        receiver.answer_body(data)
        if self.receiver is receiver:
            receiver.answer_paused()

    def end(self) -> None:
        """Bring its end: the connection is given back, then the receiver is told, as `http1.upstream` does."""
        receiver, self.receiver = self.receiver, None
        assert receiver is not None
        self.used = True
        self._idle()
        receiver.answer_finished()

    def answer(self, status: int = 200, body: bytes = b"{}", headers: Mapping[bytes, bytes] | None = None) -> None:
        """Bring a whole answer in one read."""
        self.head(status, headers, len(body))
        assert self.receiver is not None
        if body:
            self.receiver.answer_body(body)
        self.end()

    def answer_at_once(self, status: int = 200, body: bytes = b"{}", headers: Mapping[bytes, bytes] | None = None) -> None:
        """Bring a whole answer in one read, and tell of it in one call."""
        receiver, self.receiver = self.receiver, None
        assert receiver is not None
        self.used = True
        self._idle()
        receiver.answered(status, {b"content-type": b"application/json"} if headers is None else headers, body)

    def fail(self, failure: Failure) -> None:
        """End without a (whole) answer."""
        receiver, self.receiver = self.receiver, None
        assert receiver is not None
        self.state = "lost"
        receiver.attempt_failed(failure)

    def _idle(self) -> None:
        assert not self.paused, "a connection that reads nothing went back to the pool"
        self.state = "idle"
        self.pool.idle.append(self)


class _Dial:
    """A connection being made; awaiting it hands control back until the test says how it ends."""

    def __init__(self) -> None:
        self.outcome: FakeConnection | Exception | None = None

    def __await__(self) -> Generator[object, None, FakeConnection]:
        yield self
        if isinstance(self.outcome, Exception):
            raise self.outcome
        assert self.outcome is not None
        return self.outcome


class FakeConnections:
    """A pool, and the tasks that wait for it: both are stepped by the test."""

    def __init__(self, idle: int = 0) -> None:
        """Hold `idle` connections that have brought answers before."""
        self.all: list[FakeConnection] = []
        self.idle: list[FakeConnection] = []
        self.dialling: list[tuple[_Dial, Coroutine[object, object, None]]] = []
        self._dial: _Dial | None = None
        for _ in range(idle):
            self.make(used=True)._idle()

    def make(self, *, used: bool = False) -> FakeConnection:
        """Return a new connection."""
        connection = FakeConnection(self, used=used)
        self.all.append(connection)
        return connection

    def take(self) -> FakeConnection | None:
        """See `Connections.take`."""
        if not self.idle:
            return None
        connection = self.idle.pop()
        connection.state = "held"
        return connection

    async def connect(self) -> FakeConnection:
        """See `Connections.connect`."""
        self._dial = _Dial()
        return await self._dial

    def spawn(self, coroutine: Coroutine[object, object, None]) -> None:
        """Run `coroutine` up to where it waits for a connection."""
        coroutine.send(None)
        assert self._dial is not None
        self.dialling.append((self._dial, coroutine))

    def connected(self, *, closed: bool = False) -> FakeConnection:
        """End the oldest dial with a connection; with `closed`, one that the far end closed at once."""
        connection = self.make()
        if closed:
            connection.state = "lost"
        self._finish(connection)
        return connection

    def unreachable(self, error: Exception | None = None) -> None:
        """End the oldest dial with a refusal, or with `error`."""
        self._finish(error or RefusedError(Reason.UPSTREAM_UNREACHABLE))

    def _finish(self, outcome: FakeConnection | Exception) -> None:
        dial, coroutine = self.dialling.pop(0)
        dial.outcome = outcome
        try:
            coroutine.send(None)
        except StopIteration:
            return
        raise AssertionError("the task waits for something else")


class RecordingObserver:
    """Keeps what it is told, in order; endpoints by their name."""

    def __init__(self) -> None:
        """Nothing was told yet."""
        self.events: list[tuple[object, ...]] = []

    def answered(self, endpoint: Endpoint, status: int, key_id: str, seconds: float, started: float) -> None:
        """See `Observer.answered`."""
        if endpoint.credential is not Credential.NONE:
            self.credential_used(endpoint.credential, key_id, accepted=True)
        self.upstream_answered(endpoint, seconds)
        self.forwarded(endpoint, status, started)

    def forwarded(self, endpoint: Endpoint, status: int, started: float) -> None:
        """See `Observer.forwarded`."""
        self.events.append(("forwarded", endpoint.name, status, started))

    def cut(self, reason: Reason, endpoint: Endpoint, status: int, caller: str | None, started: float) -> None:
        """See `Observer.cut`."""
        self.events.append(("cut", reason, endpoint.name, status, caller, started))

    def refused(self, reason: Reason, endpoint: Endpoint | None, caller: str | None, started: float | None) -> None:
        """See `Observer.refused`."""
        self.events.append(("refused", reason, endpoint and endpoint.name, caller, started))

    def upstream_answered(self, endpoint: Endpoint, seconds: float) -> None:
        """See `Observer.upstream_answered`."""
        self.events.append(("upstream_answered", endpoint.name, seconds))

    def credential_used(self, credential: Credential, key_id: str, *, accepted: bool) -> None:
        """See `Observer.credential_used`."""
        self.events.append(("credential_used", credential, key_id, accepted))

    def limited(self, bucket: Bucket, result: str) -> None:
        """See `Observer.limited`."""
        self.events.append(("limited", bucket, result))

    def retried(self, reason: str) -> None:
        """See `Observer.retried`."""
        self.events.append(("retried", reason))

    def swallowed(self, endpoint: Endpoint) -> None:
        """See `Observer.swallowed`."""
        self.events.append(("swallowed", endpoint.name))


class Lines:
    """A log that can be read back: the real logger and writer, on a pipe."""

    def __init__(self) -> None:
        """Open the pipe."""
        self._read, write = os.pipe()
        self._writer = logs.Writer(write)
        os.close(write)
        self._text = b""

    def logger(self, level: str | logs.Threshold = "info", form: str = "json") -> FilteringBoundLogger:
        """Return a logger that writes here."""
        return logs.logger(level, form, self._writer)

    def text(self) -> str:
        """End the log, and return all of it."""
        self._writer.close()
        while self._read >= 0 and (data := os.read(self._read, 65_536)):
            self._text += data
        if self._read >= 0:
            os.close(self._read)
            self._read = -1
        return self._text.decode()

    def events(self) -> list[dict[str, Any]]:
        """End the log, and return its lines, decoded."""
        return [orjson.loads(line) for line in self.text().splitlines()]
