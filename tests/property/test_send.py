"""Any order of events around calls to Customer.io: each ends once, and nothing is leaked.

The fakes hold both sides to their protocols: a second answer, a write to a caller that is gone, or a connection that is given
back unread fails the test by itself.
"""

import re
from dataclasses import dataclass, field

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from proxy.api.model import Bucket, Credential, Endpoint, Replay, Upstream
from proxy.credentials.model import Kind, Version
from proxy.delivery import replay
from proxy.delivery.answer import UNAUTHORIZED
from proxy.delivery.exchange import Exchange
from proxy.delivery.ports import Timeouts
from proxy.delivery.send import Sender
from proxy.errors import Reason, RefusedError
from proxy.exchange import Failure, Outgoing
from proxy.limits.gcra import Quota
from proxy.limits.memory import MemoryLimiter
from tests.fakes import (
    FakeCaller,
    FakeClock,
    FakeConnection,
    FakeConnections,
    RecordingObserver,
    Timers,
    authorization,
    endpoint,
    keyring,
)

SECRET = b"s3cr3t-key"
LINE = b"Authorization: Basic " + SECRET + b"\r\n"
KEY = authorization(line=LINE, secret=SECRET)
ROWS = (
    endpoint("safe"),
    endpoint("event", replay=Replay.WITH_ID),
    endpoint("send", replay=Replay.NEVER),
    endpoint("lenient", upstream=Upstream.PIPELINES),
    endpoint("bare", credential=Credential.NONE),
    endpoint("keyless", credential=Credential.APP),
)
BODIES = (b"{}", b'{"id":"01HB4HBDKTFWYZCK01DMRSWRFD"}')
PIECES = (b"{}", b"x" * 40_000, SECRET[:4], SECRET[4:], b'"' + SECRET + b'"', b"")


@dataclass(eq=False)
class Call:
    """A call under way, as its caller sees it."""

    outgoing: Outgoing
    caller: FakeCaller
    number: int
    exchange: Exchange | None = None
    failures: list[Failure] = field(default_factory=list)
    rejections: int = 0
    brought: bytes = b""
    slow: bool = False

    def pause(self) -> None:
        """Fall behind."""
        if self.exchange is not None:
            self.slow = True
            self.exchange.pause()

    def resume(self) -> None:
        """Catch up."""
        if self.exchange is not None:
            self.slow = False
            self.exchange.resume()


class Calls(RuleBasedStateMachine):
    """A sender, the calls it was given, and everything that can happen to them."""

    @initialize(idle=st.integers(1, 4), burst=st.integers(1, 4), wait_seconds=st.sampled_from([0, 1, 20]))
    def begin(self, idle: int, burst: int, wait_seconds: float) -> None:
        """Start with a few pooled connections and a bucket that is soon used up."""
        self.clock = FakeClock()
        self.timers = Timers(self.clock)
        self.pool = FakeConnections(idle)
        self.observer = RecordingObserver()
        self.keyring = keyring(self.clock, dict.fromkeys(("track", "track_next", "pipelines"), KEY), fixed=False)
        self.sender = Sender(
            connections=dict.fromkeys(Upstream, self.pool),
            limiter=MemoryLimiter(
                {bucket: Quota(2, burst) for bucket in Bucket}, wait_seconds, self.clock, self.timers.call_later
            ),
            keys=self.keyring,
            inflight_bytes=1_000_000,
            timeouts=Timeouts(attempt_seconds=5, total_seconds=9),
            observer=self.observer,
            clock=self.clock,
            spawn=self.pool.spawn,
        )
        self.calls: list[Call] = []
        self.headed: set[FakeConnection] = set()

    # What applications do

    @rule(
        row=st.sampled_from(ROWS), body=st.sampled_from(BODIES), strict=st.booleans(), chain=st.booleans(), slow=st.booleans()
    )
    def send(self, row: Endpoint, body: bytes, *, strict: bool, chain: bool, slow: bool) -> None:
        """Send a call; when it ends, a `chain`ed one sends another from within, as a pipelined request does.

        A `slow` caller asks for a pause on each write.
        """
        number = len(self.calls)
        head = b"PUT /%d HTTP/1.1\r\n" % number
        call = Call(Outgoing(row, head, body, strict), FakeCaller(), number)
        self.calls.append(call)
        if chain:
            call.caller.on_end = lambda: self.send(row, body, strict=strict, chain=False, slow=slow)
        if slow:
            call.caller.on_write = call.pause
        call.exchange = self.sender.send(call.outgoing, call.caller, "caller", self.clock.now)

    @precondition(lambda self: self.active())
    @rule(which=st.integers(0, 9), how=st.sampled_from(["leave", "cut", "pause", "resume"]))
    def act(self, which: int, how: str) -> None:
        """Leave, be cut short by the drain, fall behind, or catch up."""
        call = self.active()[which % len(self.active())]
        assert call.exchange is not None
        match how:
            case "leave":
                call.caller.gone = True
                call.exchange.cancel()
            case "cut":
                call.exchange.shut_down()
            case "pause":
                call.pause()
            case _:
                call.resume()

    # What Customer.io and the network do

    @precondition(lambda self: self.pool.dialling)
    @rule(how=st.sampled_from(["made", "closed", "refused", "crashed"]))
    def dialled(self, how: str) -> None:
        """End a dial."""
        match how:
            case "made" | "closed":
                self.pool.connected(closed=how == "closed")
            case "refused":
                self.pool.unreachable(RefusedError(Reason.UPSTREAM_UNREACHABLE))
            case _:
                try:
                    self.pool.unreachable(ZeroDivisionError())
                except ZeroDivisionError:
                    return
                raise AssertionError("the crash of a task was swallowed")

    @precondition(lambda self: self.reading())
    @rule(
        which=st.integers(0, 9),
        status=st.sampled_from([200, 204, 301, 400, 401, 429, 500]),
        piece=st.sampled_from(PIECES),
        how=st.sampled_from(["fail", "whole", "part", "part", "end"]),
        failure=st.sampled_from(Failure),
    )
    def answer(self, which: int, status: int, piece: bytes, how: str, failure: Failure) -> None:
        """Bring the next part of an answer, in the only order in which parts can come."""
        connection = self.reading()[which % len(self.reading())]
        headed = connection in self.headed
        call = self.call_on(connection)
        if not headed and how != "fail":
            call.brought = b""
            call.rejections += status == UNAUTHORIZED and call.outgoing.endpoint.credential is not Credential.NONE
        if how == "fail":
            if headed and failure in (Failure.UNSENT, Failure.CLOSED):
                failure = Failure.TRUNCATED
            self.headed.discard(connection)
            call.failures.append(failure)
            connection.fail(failure)
        elif not headed and how == "whole":
            call.brought = piece
            connection.answer(status, piece)
        elif not headed:
            self.headed.add(connection)
            connection.head(status)
        elif how == "end":
            self.headed.discard(connection)
            connection.end()
        else:
            call.brought += piece
            connection.piece(piece)

    @rule(slot=st.sampled_from(["track", "track_next", "pipelines"]), number=st.integers(1, 3))
    def store(self, slot: str, number: int) -> None:
        """Put a key, new or old, into a store."""
        line = b"Authorization: Basic %b%d\r\n" % (SECRET, number)
        self.keyring.adopt(slot, Version(authorization(f"k{number}", line=line, secret=SECRET), Kind.FILE))

    @rule(slot=st.sampled_from(["track", "pipelines"]))
    def try_one(self, slot: str) -> None:
        """Let a call that waits for a key try the keys there are."""
        self.keyring.try_one(slot)

    @rule(seconds=st.sampled_from([0.0, 0.2, 1.0, 4.9, 9.5]))
    def time_passes(self, seconds: float) -> None:
        """Let time pass, and deadlines be looked at."""
        self.timers.advance(seconds)
        self.sender.tick()
        self.keyring.tick()

    # What always holds

    @invariant()
    def every_call_is_on_its_way_or_over(self) -> None:
        """A call that is not active has been answered once, or its caller is gone; an active one has not."""
        active = self.active()
        for call in self.calls:
            assert (call in active) is (not call.caller.ended and not call.caller.gone)

    @invariant()
    def every_busy_connection_has_a_call(self) -> None:
        """No connection is kept by a call that is over, and none by two."""
        busy = [connection for connection in self.pool.all if connection.state not in {"lost", "idle"}]
        receivers = [connection.receiver for connection in busy]
        assert len(set(map(id, receivers))) == len(busy)
        assert {id(receiver) for receiver in receivers} <= {id(exchange) for exchange in self.sender.active}
        assert all(connection.paused is self.call_on(connection).slow for connection in busy)

    @invariant()
    def nothing_secret_is_told(self) -> None:
        """No caller sees the credential its call was sent with (promise G4)."""
        for call in self.calls:
            assert SECRET not in call.caller.body or call.outgoing.endpoint.credential is Credential.NONE

    @invariant()
    def a_success_is_told_whole(self) -> None:
        """What the caller has at the end is what was brought, but for the credential."""
        for call in self.calls:
            if call.caller.ended in ("answered", "finished") and call.caller.status in (200, 204):
                if call.outgoing.endpoint.upstream is Upstream.PIPELINES and call.caller.body == b"{}":
                    continue  # a rejection that a lenient caller is not told of
                bare = call.outgoing.endpoint.credential is Credential.NONE
                assert call.caller.body == (call.brought if bare else call.brought.replace(SECRET, b"*" * len(SECRET)))

    @invariant()
    def nothing_is_sent_twice_that_must_not_be(self) -> None:
        """A call is written again only once after a failure that G7 allows for, and after a 401; each with a credential."""
        requests = [request for connection in self.pool.all for request in connection.sent]
        for call in self.calls:
            written = [request for request in requests if request.startswith(call.outgoing.head)]
            row = call.outgoing.endpoint
            assert len(written) <= 1 + self.may_repeat(call) + call.rejections
            line = b"" if row.credential is Credential.NONE else rb"Authorization: Basic s3cr3t-key\d?\r\n"
            whole = re.escape(call.outgoing.head) + line + re.escape(b"\r\n" + call.outgoing.body)
            assert all(re.fullmatch(whole, request) for request in written)

    @invariant()
    def whoever_waits_for_a_key_is_on_its_way(self) -> None:
        """No place in the queue for a newer key outlives its call."""
        waiting = sum(len(ring.waiting) for ring in self.keyring._rings.values())
        assert waiting <= len(self.sender.active)

    def teardown(self) -> None:
        """Let everything come to its end: nothing may be left."""
        if not hasattr(self, "sender"):
            return
        while self.pool.dialling:
            self.pool.connected()
        for _ in range(40):
            self.time_passes(1)
            while self.pool.dialling:
                self.pool.connected()
        assert self.sender.active == set()
        assert all(connection.state in ("idle", "lost") for connection in self.pool.all)
        assert len(self.timers) == 0
        self.every_call_is_on_its_way_or_over()
        self.nothing_is_sent_twice_that_must_not_be()
        ends = ("forwarded", "cut", "refused")
        told = [event for event in self.observer.events if event[0] in ends]
        assert len(told) == len([call for call in self.calls if call.caller.ended])

    # Who is who

    def active(self) -> list[Call]:
        """Return the calls that are on their way."""
        return [call for call in self.calls if call.exchange in self.sender.active]

    def reading(self) -> list[FakeConnection]:
        """Return the connections on which bytes can arrive."""
        return [connection for connection in self.pool.all if connection.state == "busy" and not connection.paused]

    def call_on(self, connection: FakeConnection) -> Call:
        """Return the call that was last written to `connection`."""
        number = int(connection.sent[-1].split(b" ")[1][1:])
        return self.calls[number]

    @staticmethod
    def may_repeat(call: Call) -> bool:
        """Say whether what happened to `call` allows a second attempt."""
        return any(
            failure is Failure.UNSENT or (failure is Failure.CLOSED and replay.safe(call.outgoing.endpoint, call.outgoing.body))
            for failure in call.failures
        )


TestCalls = Calls.TestCase
TestCalls.settings = settings(max_examples=300, stateful_step_count=40, deadline=None)
