"""Sends one prepared call and brings its answer back: admission, connection, credential, deadlines, one replay.

With a token, a connection and a credential at hand the request is written at once, without a task or a timer of its own;
deadlines are enforced by `Sender.tick`. The credential is added last, here, so that no rule, log or metric ever holds it.

Whatever happens on either side, and in whatever order, an exchange ends once: its caller is given one answer, one refusal or
one broken connection (nothing, if it went away), and its connection and its place in a queue are given up.
"""

from collections.abc import Callable, Coroutine, Mapping
from enum import Enum, auto

from proxy.api.model import Credential, Upstream
from proxy.clock import Clock
from proxy.delivery import replay
from proxy.delivery.answer import UNAUTHORIZED, Refuse, Treatment, treat
from proxy.delivery.ports import Connection, Connections, Injected, Limiter, Observer, Place, Timeouts
from proxy.delivery.reply import Reply, answer_lines
from proxy.delivery.scrub import Scrubber
from proxy.errors import Reason, RefusedError
from proxy.exchange import Caller, Failure, Outgoing

_NOTHING = Injected(b"", "", Scrubber(()))
_UNANSWERED = frozenset({Failure.UNSENT, Failure.CLOSED})


class Sender:
    """What every exchange shares."""

    def __init__(
        self,
        *,
        connections: Mapping[Upstream, Connections],
        limiter: Limiter,
        credentials: Mapping[Credential, Injected],
        timeouts: Timeouts,
        inflight_bytes: int,
        observer: Observer,
        clock: Clock,
        spawn: Callable[[Coroutine[object, object, None]], object],
    ) -> None:
        """Compose; `spawn` runs a coroutine as a task, holds it, and reports its crash.

        `inflight_bytes` bounds the bodies on their way together: what arrived coded may have grown since the server counted it.
        """
        self.connections = connections
        self.limiter = limiter
        self.credentials = {**credentials, Credential.NONE: _NOTHING}
        for credential, injected in credentials.items():
            observer.credential_held(credential, injected.key_id)
        self.timeouts = timeouts
        self.inflight_bytes = inflight_bytes
        self.held_bytes = 0
        self.observer = observer
        self.clock = clock
        self.spawn = spawn
        self.active: set[Exchange] = set()

    def send(self, outgoing: Outgoing, caller: Caller, caller_name: str | None, started: float) -> "Exchange":
        """Send `outgoing` for `caller`; `started` is when its request was let in, in monotonic seconds."""
        now = self.clock.monotonic()
        exchange = Exchange(self, outgoing, caller, caller_name, started, now=now)
        self.active.add(exchange)
        self.held_bytes += len(outgoing.body)
        exchange.begin(now)
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
    DONE = auto()


# Members of an enumeration take a look-up each.
_QUEUED, _SENT, _DONE, _STREAM = _State.QUEUED, _State.SENT, _State.DONE, Treatment.STREAM


class Exchange:
    """One call on its way to Customer.io and back."""

    __slots__ = (
        "_caller", "_caller_name", "_connection", "_ends", "_injected", "_outgoing", "_paused", "_place", "_replayed", "_reply",
        "_sender", "_sent_at", "_started", "_state", "deadline",
    )  # fmt: skip

    def __init__(
        self, sender: Sender, outgoing: Outgoing, caller: Caller, caller_name: str | None, started: float, *, now: float
    ) -> None:
        """Prepare to send; nothing happens before `begin`."""
        self._sender = sender
        self._outgoing = outgoing
        self._caller = caller
        self._caller_name = caller_name
        self._started = started
        # Waiting, connecting, every attempt and the whole answer end by then. The deadlines of the request itself, which may
        # have arrived slowly, are the server's.
        self._ends = self.deadline = now + sender.timeouts.total_seconds
        self._state = _QUEUED
        self._connection: Connection | None = None
        self._place: Place | None = None
        self._injected = _NOTHING
        self._replayed = False
        self._paused = False
        self._sent_at = 0.0
        self._reply: Reply | None = None

    # Out

    def begin(self, now: float) -> None:
        """Ask for admission; every attempt pays for its quota."""
        sender = self._sender
        endpoint = self._outgoing.endpoint
        if endpoint.credential not in sender.credentials:  # a call that cannot be sent takes no quota and does not wait
            self._refuse(Reason.CREDENTIALS_UNAVAILABLE)
            return
        if sender.held_bytes > sender.inflight_bytes:  # there is no room for its body
            self._refuse(Reason.OVERLOADED)
            return
        bucket = endpoint.bucket
        if sender.limiter.admit(bucket):
            sender.observer.limited(bucket, "admitted")
            self._attempt(now)
            return
        self._state = _State.QUEUED
        self.deadline = self._ends
        self._place = sender.limiter.wait(bucket, self._admitted)
        if self._place is None:
            self._crowded_out()

    def _admitted(self) -> None:
        self._place = None
        self._sender.observer.limited(self._outgoing.endpoint.bucket, "waited")
        self._attempt(self._sender.clock.monotonic())

    def _attempt(self, now: float) -> None:
        sender = self._sender
        endpoint = self._outgoing.endpoint
        injected = sender.credentials.get(endpoint.credential)
        if injected is None:
            self._refuse(Reason.CREDENTIALS_UNAVAILABLE)
            return
        self._injected = injected
        deadline = now + sender.timeouts.attempt_seconds
        self.deadline = deadline if deadline < self._ends else self._ends  # noqa: FURB136  # `min` costs three times as much
        connections = sender.connections[endpoint.upstream]
        # Where one idle connection was stale, the next may be as well: a replay gets a new one.
        connection = None if self._replayed else connections.take()
        if connection is None:
            self._state = _State.CONNECTING
            sender.spawn(self._connect(connections))
        else:
            self._write(connection, now)

    async def _connect(self, connections: Connections) -> None:
        try:
            connection = await connections.connect()
        except RefusedError as refusal:
            self._refuse(refusal.reason)
        except Exception:
            self._refuse(Reason.INTERNAL)
            raise
        else:
            if self._state is not _State.CONNECTING:
                connection.release()
            elif connection.usable:
                self._write(connection, self._sender.clock.monotonic())
            else:  # closed by the far end as soon as it was made: nobody would tell of it any more
                self._refuse(Reason.UPSTREAM_UNREACHABLE)

    def _write(self, connection: Connection, now: float) -> None:
        self._state = _SENT
        self._connection = connection
        self._sent_at = now
        outgoing = self._outgoing
        if self._paused:  # by the answer to an earlier request
            connection.pause()
        connection.send(self, outgoing.head, self._injected.line, b"\r\n", outgoing.body)

    # Back: what the connection tells (`exchange.Receiver`)

    def answered(self, status: int, headers: Mapping[bytes, bytes], body: bytes) -> None:
        """Give the caller its answer."""
        outgoing = self._outgoing
        endpoint = outgoing.endpoint
        if self._state is not _SENT or treat(endpoint, status, headers, strict=outgoing.strict) is not _STREAM:
            self.answer_started(status, headers, len(body))
            if body:
                self.answer_body(body)
            self.answer_finished()
            return
        self._connection = None
        sender = self._sender
        injected = self._injected
        scrubber = injected.scrubber
        seconds = sender.clock.monotonic() - self._sent_at
        self._done()
        self._caller.answer(status, scrubber.lines(answer_lines(headers)), scrubber.whole(body))
        sender.observer.answered(endpoint, status, injected.key_id, seconds, self._started)

    def answer_started(self, status: int, headers: Mapping[bytes, bytes], length: int | None) -> None:
        """Decide what becomes of the answer."""
        endpoint = self._outgoing.endpoint
        injected = self._injected
        treatment = treat(endpoint, status, headers, strict=self._outgoing.strict)
        self._reply = Reply(treatment, injected.scrubber, status, answer_lines(headers), length)
        self.deadline = self._ends
        credential = endpoint.credential
        if credential is not Credential.NONE:
            self._sender.observer.credential_used(credential, injected.key_id, accepted=status != UNAUTHORIZED)

    def answer_body(self, data: bytes) -> None:
        """Keep a piece."""
        if self._reply is not None:
            self._reply.take(data)

    def answer_paused(self) -> None:
        """Send on what has come so far."""
        if self._reply is None or self._connection is None:
            return
        if self._reply.oversized:
            self._connection.abandon()  # not worth reading to its end
            self.answer_finished()
        else:
            self._reply.pass_on(self._caller)

    def answer_finished(self) -> None:
        """Give the caller the end of its answer, or all of it."""
        reply = self._reply
        if reply is None:
            return
        self._connection = None
        sender = self._sender
        endpoint = self._outgoing.endpoint
        sender.observer.upstream_answered(endpoint, sender.clock.monotonic() - self._sent_at)
        if isinstance(reply.treatment, Refuse):
            self._refuse(reply.treatment.reason)
            return
        if reply.treatment is Treatment.SWALLOW:
            sender.observer.swallowed(endpoint)
        self._done()
        status = reply.finish(self._caller)
        sender.observer.forwarded(endpoint, status, self._started)

    def attempt_failed(self, failure: Failure) -> None:
        """Send again once if that is certain to do no harm (promise G7); else say what happened."""
        connection, self._connection = self._connection, None
        if failure not in _UNANSWERED or self._reply is not None:
            self._fail(Reason.UPSTREAM_INVALID)
        elif (
            connection is not None
            and connection.used
            and not self._replayed
            and (failure is Failure.UNSENT or replay.safe(self._outgoing.endpoint, self._outgoing.body))
        ):
            self._replayed = True
            self._sender.observer.retried("stale_connection")
            self.begin(self._sender.clock.monotonic())
        else:
            self._fail(Reason.UPSTREAM_UNREACHABLE)

    # What the caller's connection tells (`http1.server.Exchange`)

    def cancel(self) -> None:
        """Stop: the caller is gone. A connection in mid-answer is never used again."""
        self._drop()
        self._done()

    def shut_down(self) -> None:
        """Stop and answer: the sidecar ends."""
        self._drop()
        self._fail(Reason.SHUTTING_DOWN)

    def expire(self) -> None:
        """Stop and answer: a deadline has passed."""
        self._drop()
        if self._state is _State.QUEUED:
            self._crowded_out()
        else:
            self._fail(Reason.UPSTREAM_TIMEOUT)

    def pause(self) -> None:
        """Stop reading the answer, or do not begin to."""
        self._paused = True
        if self._connection is not None:
            self._connection.pause()

    def resume(self) -> None:
        """Read on."""
        self._paused = False
        if self._connection is not None:
            self._connection.resume()

    # Ends

    def _crowded_out(self) -> None:
        self._sender.observer.limited(self._outgoing.endpoint.bucket, "refused")
        self._refuse(Reason.RATE_LIMITED)

    def _fail(self, reason: Reason) -> None:
        """End without a whole answer."""
        reply = self._reply
        if reply is None:
            self._refuse(reason)
        elif isinstance(reply.treatment, Refuse):
            self._refuse(reply.treatment.reason)  # the head of the answer was enough to know
        elif not reply.begun:
            self._refuse(reason)
        elif self._state is not _State.DONE:
            self._done()
            self._sender.observer.cut(reason, self._outgoing.endpoint, reply.status, self._caller_name, self._started)
            self._caller.abort()

    def _refuse(self, reason: Reason) -> None:
        if self._state is not _State.DONE:
            self._done()
            self._sender.observer.refused(reason, self._outgoing.endpoint, self._caller_name, self._started)
            self._caller.refuse(reason)

    def _drop(self) -> None:
        if self._connection is not None:
            self._connection.abandon()
            self._connection = None
        if self._place is not None:
            self._place.leave()
            self._place = None

    def _done(self) -> None:
        if self._state is not _DONE:
            self._state = _DONE
            self._sender.active.discard(self)
            self._sender.held_bytes -= len(self._outgoing.body)
