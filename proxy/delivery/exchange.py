"""Sends one prepared call to Customer.io and returns its answer: rate limit, connection, credential, deadlines, replays.

If a rate token, a connection and a credential are ready, the request is written immediately, without its own task or timer.
`Sender.tick` enforces deadlines. The credential is added last, here, so that no rule, log or metric ever holds it.

A call is repeated only if a repeat is certain to do no harm (promise G7): none of its bytes was written, its endpoint is safe
to replay, or Customer.io answered 401, so it processed nothing, and there is another key to try.

An exchange ends exactly once, in any order of events: its caller gets one answer, one refusal or one broken connection
(nothing if the caller is gone), and the exchange gives up its connection and its place in a queue.
"""

from collections.abc import Mapping
from enum import Enum, auto
from typing import Final

from proxy.delivery import replay
from proxy.delivery.answer import Refuse, Treatment, treat
from proxy.delivery.ports import Connection, Connections, Place
from proxy.delivery.reply import Reply, answer_lines, begun
from proxy.delivery.shared import NOTHING, Shared
from proxy.errors import Reason, RefusedError
from proxy.exchange import Caller, Failure, Outgoing, Receiver

# One call is sent again with another key at most this often, in case keys are rejected in turns.
KEY_REPLAYS_MAX = 8
_UNANSWERED = frozenset({Failure.UNSENT, Failure.CLOSED})


class _State(Enum):
    QUEUED = auto()  # waits in the queue of a rate limit
    KEYLESS = auto()  # waits for a key that Customer.io accepts
    CONNECTING = auto()
    SENT = auto()
    DONE = auto()


# Constants save the look-up of an enum member.
_QUEUED: Final = _State.QUEUED
_SENT: Final = _State.SENT
_DONE: Final = _State.DONE
_STREAM: Final = Treatment.STREAM


class Exchange(Receiver):
    """One call to Customer.io, from its admission to the end of its answer."""

    __slots__ = (
        "_caller", "_caller_name", "_connection", "_ends", "_injected", "_key_replays", "_outgoing", "_paused", "_place",
        "_replayed", "_reply", "_sender", "_sent_at", "_started", "_state", "_trying", "deadline",
    )  # fmt: skip

    def __init__(
        self, sender: Shared, outgoing: Outgoing, caller: Caller, caller_name: str | None, started: float, *, now: float
    ) -> None:
        """Prepare to send. Nothing happens before `begin`."""
        self._sender = sender
        self._outgoing = outgoing
        self._caller = caller
        self._caller_name = caller_name
        self._started = started
        # Waiting, connecting, every attempt and the whole answer must end by then. The server has its own deadlines for
        # reading the request, which may arrive slowly.
        self._ends = self.deadline = now + sender.timeouts.total_seconds
        self._state = _QUEUED
        self._connection: Connection | None = None
        self._place: Place | None = None
        self._injected = NOTHING
        self._replayed = False
        self._key_replays = 0
        self._trying = False
        self._paused = False
        self._sent_at = 0.0
        self._reply: Reply | None = None

    # Out

    def begin(self, now: float) -> None:
        """Ask the rate limiter for admission. Every attempt takes a rate token."""
        sender = self._sender
        endpoint = self._outgoing.endpoint
        injected = sender.key(endpoint.credential)
        if injected is None:  # a call that cannot be sent takes no rate token and does not wait
            self._refuse(Reason.CREDENTIALS_UNAVAILABLE)
            return
        if injected.rejected and not self._trying and self._await_key():
            return
        if sender.held_bytes > sender.inflight_bytes:  # no room for its body
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

    def _await_key(self) -> bool:
        """Wait for a key that Customer.io accepts, if one may come. Return whether the call waits."""
        waiting = self._sender.keys.wait(self._outgoing.endpoint.credential, self._key_ready)
        if waiting is None:
            return False
        self._state = _State.KEYLESS
        self._place, ends = waiting
        self.deadline = min(ends, self._ends)
        return True

    def _key_ready(self) -> None:
        self._place = None
        self._trying = True
        self.begin(self._sender.clock.monotonic())

    def _admitted(self) -> None:
        self._place = None
        self._sender.observer.limited(self._outgoing.endpoint.bucket, "waited")
        self._attempt(self._sender.clock.monotonic())

    def _attempt(self, now: float) -> None:
        sender = self._sender
        endpoint = self._outgoing.endpoint
        injected = sender.key(endpoint.credential)
        if injected is None:
            self._refuse(Reason.CREDENTIALS_UNAVAILABLE)
            return
        injected.used_at = now
        self._injected = injected
        deadline = now + sender.timeouts.attempt_seconds
        self.deadline = deadline if deadline < self._ends else self._ends  # noqa: FURB136  # `min` costs three times as much
        connections = sender.connections[endpoint.upstream]
        # If one idle connection was stale, the next one may be stale too. So a replay gets a new connection.
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
            else:  # the far end has closed it already, so it would report nothing
                self._refuse(Reason.UPSTREAM_UNREACHABLE)

    def _write(self, connection: Connection, now: float) -> None:
        self._state = _SENT
        self._connection = connection
        self._sent_at = now
        outgoing = self._outgoing
        if self._paused:  # the caller still reads the answer to an earlier request
            connection.pause()
        connection.send(self, outgoing.head, self._injected.line, b"\r\n", outgoing.body)

    # Back: reports of the connection (`exchange.Receiver`)

    def answered(self, status: int, headers: Mapping[bytes, bytes], body: bytes) -> None:
        """Answer the caller with an answer that came whole."""
        outgoing = self._outgoing
        endpoint = outgoing.endpoint
        plain = self._state is _SENT and outgoing.withheld is None
        if not plain or treat(endpoint, status, headers, strict=outgoing.strict) is not _STREAM:
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
        if injected.rejected:
            sender.keys.accepted(endpoint.credential, injected, self._sent_at)
        sender.observer.answered(endpoint, status, injected.key_id, seconds, self._started)

    def answer_started(self, status: int, headers: Mapping[bytes, bytes], length: int | None) -> None:
        """Decide, from its head, how the answer is passed on."""
        injected = self._injected
        self._reply = begun(self._outgoing, injected.scrubber, status, headers, length)
        self.deadline = self._ends
        self._sender.key_answered(self._outgoing.endpoint.credential, injected, status, self._sent_at)

    def answer_body(self, data: bytes) -> None:
        """Keep a piece of the answer's body."""
        if self._reply is not None:
            self._reply.take(data)

    def answer_paused(self) -> None:
        """Pass on the part of the answer that has come so far."""
        if self._reply is None or self._connection is None:
            return
        if self._reply.oversized:
            self._connection.abandon()  # too large to be read to its end
            self.answer_finished()
        else:
            self._reply.pass_on(self._caller)

    def answer_finished(self) -> None:
        """Send the caller the end of the answer, or the whole answer."""
        reply = self._reply
        if reply is None:
            return
        self._connection = None
        sender = self._sender
        endpoint = self._outgoing.endpoint
        sender.observer.upstream_answered(endpoint, sender.clock.monotonic() - self._sent_at)
        reply.settle()
        if isinstance(reply.treatment, Refuse):
            self._unfit(reply.treatment.reason)
            return
        if reply.treatment is Treatment.SWALLOW:
            sender.observer.swallowed(endpoint)
        self._done()
        status = reply.finish(self._caller)
        sender.observer.forwarded(endpoint, status, self._started)

    def _unfit(self, reason: Reason) -> None:
        """Continue after an answer that cannot be passed on. A 401 was not processed, so the call may be sent again."""
        if reason is not Reason.CREDENTIALS_REJECTED or self._state is _DONE:
            self._refuse(reason)
            return
        keys = self._sender.keys
        self._reply = None
        self._trying = False
        another = keys.rejected(self._outgoing.endpoint.credential, self._injected)
        if self._key_replays < KEY_REPLAYS_MAX and (another or self._await_key()):
            self._key_replays += 1
            self._sender.observer.retried("rejected_key")
            if another:
                self.begin(self._sender.clock.monotonic())
        else:
            self._refuse(reason)

    def attempt_failed(self, failure: Failure) -> None:
        """Send again, once, if that is certain to do no harm (promise G7). Otherwise refuse the call."""
        connection, self._connection = self._connection, None
        if self._reply is not None and isinstance(self._reply.treatment, Refuse):
            self._unfit(self._reply.treatment.reason)  # the head of the answer decided already
        elif failure not in _UNANSWERED or self._reply is not None:
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

    # Reports of the caller's connection (`http1.server.Exchange`)

    def cancel(self) -> None:
        """Stop, because the caller is gone. A connection in mid-answer is never used again."""
        self._drop()
        self._done()

    def shut_down(self) -> None:
        """Stop and answer, because the sidecar is shutting down."""
        self._drop()
        self._fail(Reason.SHUTTING_DOWN)

    def expire(self) -> None:
        """Stop and answer, because a deadline has passed."""
        self._drop()
        if self._state is _State.QUEUED:
            self._crowded_out()
        elif self._state is _State.KEYLESS:
            self._refuse(Reason.CREDENTIALS_REJECTED)
        else:
            self._fail(Reason.UPSTREAM_TIMEOUT)

    def pause(self) -> None:
        """Stop reading the answer, also one that has not begun."""
        self._paused = True
        if self._connection is not None:
            self._connection.pause()

    def resume(self) -> None:
        """Continue to read the answer."""
        self._paused = False
        if self._connection is not None:
            self._connection.resume()

    # Ends

    def _crowded_out(self) -> None:
        self._sender.observer.limited(self._outgoing.endpoint.bucket, "refused")
        self._refuse(Reason.RATE_LIMITED)

    def _fail(self, reason: Reason) -> None:
        """End without a whole answer: refuse the call, or break off an answer that has begun."""
        reply = self._reply
        if reply is None:
            self._refuse(reason)
        elif isinstance(reply.treatment, Refuse):
            self._refuse(reply.treatment.reason)  # the head of the answer decided already
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
