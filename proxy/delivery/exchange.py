"""One prepared call on its way to Customer.io and back: admission, connection, credential, deadlines, replays.

With a token, a connection and a credential at hand the request is written at once, without a task or a timer of its own;
deadlines are enforced by `Sender.tick`. The credential is added last, here, so that no rule, log or metric ever holds it.

A call is repeated only where that is certain to do no harm (promise G7): none of its bytes was written, its row says so, or
Customer.io answered 401, before it did anything, and there is another key to try.

Whatever happens on either side, and in whatever order, an exchange ends once: its caller is given one answer, one refusal or
one broken connection (nothing, if it went away), and its connection and its place in a queue are given up.
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

# How often one call is sent again with another key while keys are rejected by turns.
KEY_REPLAYS_MAX = 8
_UNANSWERED = frozenset({Failure.UNSENT, Failure.CLOSED})


class _State(Enum):
    QUEUED = auto()  # for its turn in a rate limit
    KEYLESS = auto()  # for a key that Customer.io takes
    CONNECTING = auto()
    SENT = auto()
    DONE = auto()


# Members of an enumeration take a look-up each.
_QUEUED: Final = _State.QUEUED
_SENT: Final = _State.SENT
_DONE: Final = _State.DONE
_STREAM: Final = Treatment.STREAM


class Exchange(Receiver):
    """One call on its way to Customer.io and back."""

    __slots__ = (
        "_caller", "_caller_name", "_connection", "_ends", "_injected", "_key_replays", "_outgoing", "_paused", "_place",
        "_replayed", "_reply", "_sender", "_sent_at", "_started", "_state", "_trying", "deadline",
    )  # fmt: skip

    def __init__(
        self, sender: Shared, outgoing: Outgoing, caller: Caller, caller_name: str | None, started: float, *, now: float
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
        self._injected = NOTHING
        self._replayed = False
        self._key_replays = 0
        self._trying = False
        self._paused = False
        self._sent_at = 0.0
        self._reply: Reply | None = None

    # Out

    def begin(self, now: float) -> None:
        """Ask for admission; every attempt pays for its quota."""
        sender = self._sender
        endpoint = self._outgoing.endpoint
        injected = sender.key(endpoint.credential)
        if injected is None:  # a call that cannot be sent takes no quota and does not wait
            self._refuse(Reason.CREDENTIALS_UNAVAILABLE)
            return
        if injected.rejected and not self._trying and self._await_key():
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

    def _await_key(self) -> bool:
        """Wait for a key that Customer.io takes, if that is worth while."""
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
        """Decide what becomes of the answer."""
        injected = self._injected
        self._reply = begun(self._outgoing, injected.scrubber, status, headers, length)
        self.deadline = self._ends
        self._sender.key_answered(self._outgoing.endpoint.credential, injected, status, self._sent_at)

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
        """Go on after an answer that cannot be passed on: a 401 says that nothing was done, so the call may be made again."""
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
        """Send again once if that is certain to do no harm (promise G7); else say what happened."""
        connection, self._connection = self._connection, None
        if self._reply is not None and isinstance(self._reply.treatment, Refuse):
            self._unfit(self._reply.treatment.reason)  # the head of the answer was enough to know
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
        elif self._state is _State.KEYLESS:
            self._refuse(Reason.CREDENTIALS_REJECTED)
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
