"""Sends one prepared call and brings its answer back: admission, connection, credential, deadlines, one replay.

With a token, a connection and a credential at hand the request is written at once, without a task or a timer of its own;
deadlines are enforced by `Sender.tick`. The credential is added last, here, so that no rule, log or metric ever holds it.
"""

from collections.abc import Callable, Coroutine, Mapping
from enum import Enum, auto
from http import HTTPStatus

from proxy.api import headers as api_headers
from proxy.api.model import Credential, Upstream
from proxy.clock import Clock
from proxy.delivery import answer, replay
from proxy.delivery.ports import Connection, Connections, Injected, Limiter, Observer, Place, Timeouts
from proxy.delivery.scrub import Scrubber, Stream
from proxy.errors import Reason, RefusedError
from proxy.exchange import Caller, Failure, Outgoing

_NOTHING = Injected(b"", "", Scrubber(()))


class Sender:
    """What every exchange shares."""

    def __init__(
        self,
        *,
        connections: Mapping[Upstream, Connections],
        limiter: Limiter,
        credentials: Mapping[Credential, Injected],
        timeouts: Timeouts,
        observer: Observer,
        clock: Clock,
        spawn: Callable[[Coroutine[object, object, None]], object],
    ) -> None:
        """Compose; `spawn` runs a coroutine as a task and holds it."""
        self.connections = connections
        self.limiter = limiter
        self.credentials = {**credentials, Credential.NONE: _NOTHING}
        self.timeouts = timeouts
        self.observer = observer
        self.clock = clock
        self.spawn = spawn
        self.active: set[Exchange] = set()

    def send(self, outgoing: Outgoing, caller: Caller, caller_name: str | None, started: float) -> "Exchange":
        """Send `outgoing` for `caller`; `started` is when its request was let in, in monotonic seconds."""
        exchange = Exchange(self, outgoing, caller, caller_name, started)
        self.active.add(exchange)
        exchange.begin()
        return exchange

    def tick(self) -> None:
        """Enforce deadlines; call it a few times a second."""
        now = self.clock.monotonic()
        for exchange in tuple(self.active):
            if exchange.deadline < now:
                exchange.expire()


class _State(Enum):
    QUEUED = auto()
    CONNECTING = auto()
    SENT = auto()
    ANSWERING = auto()  # the caller has been given the beginning of an answer
    DONE = auto()


class Exchange:
    """One call on its way to Customer.io and back."""

    __slots__ = (
        "_caller", "_caller_name", "_connection", "_held_bytes", "_injected", "_length", "_lines", "_outgoing", "_pieces",
        "_place", "_replayed", "_sender", "_sent_at", "_started", "_state", "_status", "_stream", "_treatment", "deadline",
    )  # fmt: skip

    def __init__(self, sender: Sender, outgoing: Outgoing, caller: Caller, caller_name: str | None, started: float) -> None:
        """Prepare to send; nothing happens before `begin`."""
        self._sender = sender
        self._outgoing = outgoing
        self._caller = caller
        self._caller_name = caller_name
        self._started = started
        self._state = _State.QUEUED
        self._connection: Connection | None = None
        self._place: Place | None = None
        self._injected = _NOTHING
        self._replayed = False
        self._sent_at = 0.0
        self._status = 0
        self._lines = b""
        self._length: int | None = None
        self._treatment: answer.Treatment | answer.Refuse = answer.Treatment.STREAM
        self._pieces: list[bytes] = []
        self._held_bytes = 0
        self._stream: Stream | None = None
        self.deadline = started + sender.timeouts.total_seconds

    # Out

    def begin(self) -> None:
        """Ask for admission; every attempt pays for its quota."""
        sender = self._sender
        bucket = self._outgoing.endpoint.bucket
        if sender.limiter.admit(bucket):
            sender.observer.limited(bucket, "admitted")
            self._attempt()
            return
        self._state = _State.QUEUED
        self._place = sender.limiter.wait(bucket, self._admitted)
        if self._place is None:
            sender.observer.limited(bucket, "refused")
            self._refuse(Reason.RATE_LIMITED)

    def _admitted(self) -> None:
        if self._state is _State.QUEUED:
            self._sender.observer.limited(self._outgoing.endpoint.bucket, "waited")
            self._attempt()

    def _attempt(self) -> None:
        sender = self._sender
        endpoint = self._outgoing.endpoint
        injected = sender.credentials.get(endpoint.credential)
        if injected is None:
            self._refuse(Reason.CREDENTIALS_UNAVAILABLE)
            return
        self._injected = injected
        connections = sender.connections[endpoint.upstream]
        connection = connections.take()
        if connection is None:
            self._state = _State.CONNECTING
            sender.spawn(self._connect(connections))
        else:
            self._write(connection)

    async def _connect(self, connections: Connections) -> None:
        try:
            connection = await connections.connect()
        except RefusedError as refusal:
            if self._state is _State.CONNECTING:
                self._refuse(refusal.reason)
            return
        if self._state is _State.CONNECTING:
            self._write(connection)
        else:
            connection.release()

    def _write(self, connection: Connection) -> None:
        sender = self._sender
        self._state = _State.SENT
        self._connection = connection
        self._sent_at = now = sender.clock.monotonic()
        self.deadline = min(self._started + sender.timeouts.total_seconds, now + sender.timeouts.attempt_seconds)
        outgoing = self._outgoing
        connection.send(self, outgoing.head, self._injected.line, b"\r\n", outgoing.body)

    # Back: what the connection tells (http1.upstream.Receiver)

    def answer_started(self, status: int, headers: Mapping[bytes, bytes], length: int | None) -> None:
        """Decide what becomes of the answer."""
        sender = self._sender
        outgoing = self._outgoing
        self._status = status
        self._length = length
        self._treatment = answer.treat(outgoing.endpoint, status, headers, strict=outgoing.strict)
        self._lines = self._injected.scrubber.whole(api_headers.returned(headers))
        self.deadline = self._started + sender.timeouts.total_seconds
        credential = outgoing.endpoint.credential
        if credential is not Credential.NONE:
            accepted = status != HTTPStatus.UNAUTHORIZED
            sender.observer.credential_used(credential, self._injected.key_id, accepted=accepted)

    def answer_body(self, data: bytes) -> None:
        """Keep a piece until the whole read is parsed, or, of an answer that is held, until its end."""
        if self._treatment is not answer.Treatment.STREAM:
            self._held_bytes += len(data)
            if self._held_bytes > answer.ERROR_BODY_BYTES:
                return
        self._pieces.append(data)

    def answer_paused(self) -> None:
        """Send on what has come so far."""
        if self._treatment is answer.Treatment.STREAM:
            if self._stream is None:
                self._stream = self._injected.scrubber.stream()
                self._state = _State.ANSWERING
                self._caller.start(self._status, self._lines, self._length)
            self._caller.write(self._stream.feed(self._taken()))
        elif self._held_bytes > answer.ERROR_BODY_BYTES and self._connection is not None:
            self._connection.abandon()  # far more than an error has to say: not worth reading to its end
            self.answer_finished()

    def answer_finished(self) -> None:
        """Give the caller the end of its answer, or all of it."""
        self._connection = None
        self._sender.observer.upstream_answered(self._outgoing.endpoint, self._sender.clock.monotonic() - self._sent_at)
        treatment = self._treatment
        if isinstance(treatment, answer.Refuse):
            self._refuse(treatment.reason)
            return
        caller = self._caller
        status, lines = self._status, self._lines
        self._done()
        if self._stream is not None:
            caller.write(self._stream.feed(self._taken()) + self._stream.end())
            caller.finish()
        elif treatment is answer.Treatment.SWALLOW:
            self._sender.observer.swallowed(self._outgoing.endpoint)
            status = HTTPStatus.OK.value
            caller.answer(status, answer.JSON_LINE, b"{}")
        else:
            body = self._injected.scrubber.whole(self._taken())
            if treatment is answer.Treatment.HOLD and (self._held_bytes > answer.ERROR_BODY_BYTES or not answer.is_json(body)):
                lines, body = answer.wrapped(status, lines)
            caller.answer(status, lines, body)
        self._sender.observer.forwarded(self._outgoing.endpoint, status, self._started)

    def attempt_failed(self, failure: Failure) -> None:
        """Send again once if that is certain to do no harm; else say what happened."""
        connection, self._connection = self._connection, None
        if self._state is _State.ANSWERING:
            self._break_off()
        elif failure is not Failure.CLOSED:
            self._refuse(Reason.UPSTREAM_INVALID)
        elif (
            connection is not None
            and connection.used
            and not self._replayed
            and replay.safe(self._outgoing.endpoint, self._outgoing.body)
        ):
            self._replayed = True
            self._sender.observer.retried("stale_connection")
            self.begin()
        else:
            self._refuse(Reason.UPSTREAM_UNREACHABLE)

    # What the caller's connection tells (http1.server.Exchange)

    def cancel(self) -> None:
        """Stop: the caller is gone. A connection in mid-answer is never used again."""
        self._drop()
        self._done()

    def shut_down(self) -> None:
        """Stop and answer: the sidecar ends."""
        self._drop()
        if self._state is _State.ANSWERING:
            self._break_off()
        else:
            self._refuse(Reason.SHUTTING_DOWN)

    def expire(self) -> None:
        """Stop and answer: a deadline has passed."""
        self._drop()
        if self._state is _State.ANSWERING:
            self._break_off()
        else:
            self._refuse(Reason.UPSTREAM_TIMEOUT)

    def pause(self) -> None:
        """Stop reading the answer."""
        if self._connection is not None:
            self._connection.pause()

    def resume(self) -> None:
        """Read on."""
        if self._connection is not None:
            self._connection.resume()

    # Ends

    def _refuse(self, reason: Reason) -> None:
        if self._state is not _State.DONE:
            self._done()
            self._sender.observer.refused(reason, self._outgoing.endpoint, self._caller_name, self._started)
            self._caller.refuse(reason)

    def _break_off(self) -> None:
        """End an answer that has begun and cannot be completed."""
        self._done()
        self._sender.observer.forwarded(self._outgoing.endpoint, self._status, self._started)
        self._caller.abort()

    def _drop(self) -> None:
        if self._connection is not None:
            self._connection.abandon()
            self._connection = None
        if self._place is not None:
            self._place.leave()

    def _done(self) -> None:
        self._state = _State.DONE
        self._sender.active.discard(self)

    def _taken(self) -> bytes:
        pieces, self._pieces = self._pieces, []
        return pieces[0] if len(pieces) == 1 else b"".join(pieces)
