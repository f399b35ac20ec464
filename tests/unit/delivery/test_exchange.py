"""One call to Customer.io and back, over connections, clocks and callers that do what each test says."""

from collections.abc import Callable, Mapping
from dataclasses import replace

import orjson
import pytest

from proxy.api.model import Bucket, Credential, Endpoint, Replay, Upstream
from proxy.credentials.model import Authorization, Kind, Version
from proxy.delivery.answer import HELD_BATCH_BYTES, HELD_BYTES, NOT_JSON_CODE
from proxy.delivery.exchange import KEY_REPLAYS_MAX, Exchange
from proxy.delivery.ports import Timeouts
from proxy.delivery.send import Sender
from proxy.delivery.withheld import Withheld
from proxy.errors import Reason, RefusedError
from proxy.exchange import Failure
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
    outgoing,
)

SECRET = b"s3cr3t-key"
LINE = b"Authorization: Basic " + SECRET + b"\r\n"
KEY = authorization(line=LINE, secret=SECRET)
EVENT = endpoint("track.v1.event", replay=Replay.WITH_ID)
SEND = endpoint("app.v1.send.email", replay=Replay.NEVER)


# So much that its end is not waited for.
LARGE = b"x" * (HELD_BYTES + 1)


class Stage:
    """A sender among fakes."""

    def __init__(
        self,
        *,
        idle: int = 0,
        rate: float = 1000,
        burst: float = 100,
        wait_seconds: float = 2,
        keys: Mapping[str, Authorization] | None = None,
        grace_seconds: float = 10,
    ) -> None:
        """Hold `idle` pooled connections; admit `rate` calls a second; with `keys`, they are of a store that may have newer."""
        self.clock = FakeClock()
        self.keyring = (
            keyring(self.clock, {"track": KEY})
            if keys is None
            else keyring(self.clock, keys, fixed=False, grace_seconds=grace_seconds)
        )
        self.timers = Timers(self.clock)
        self.pool = FakeConnections(idle)
        self.observer = RecordingObserver()
        quotas = {bucket: Quota(rate, burst) for bucket in Bucket}
        self.sender = Sender(
            connections=dict.fromkeys(Upstream, self.pool),
            limiter=MemoryLimiter(quotas, wait_seconds, self.clock, self.timers.call_later),
            keys=self.keyring,
            inflight_bytes=1_000_000,
            timeouts=Timeouts(attempt_seconds=5, total_seconds=9),
            observer=self.observer,
            clock=self.clock,
            spawn=self.pool.spawn,
        )
        self.caller = FakeCaller()

    def send(self, row: Endpoint | None = None, body: bytes = b"{}", *, strict: bool = False) -> Exchange:
        """Send a call for the stage's caller."""
        return self.sender.send(outgoing(row, body, strict=strict), self.caller, "billing", self.clock.now)

    def sent(self, row: Endpoint | None = None, body: bytes = b"{}", *, strict: bool = False) -> FakeConnection:
        """Send a call over a pooled connection, and return that."""
        (connection,) = self.pool.idle
        self.send(row, body, strict=strict)
        assert connection.state == "busy"
        return connection

    def only(self) -> Exchange:
        """Return the one exchange that is on its way."""
        (exchange,) = self.sender.active
        assert isinstance(exchange, Exchange)
        return exchange

    def ended(self) -> str:
        """Return how the caller's answer ended so far."""
        return self.caller.ended

    def over(self, *, refused: Reason | None = None) -> None:
        """Check that nothing is left of the call, and how it ended."""
        assert self.sender.active == set()
        assert [connection.state for connection in self.pool.all if connection.state in ("busy", "held")] == []
        assert self.caller.reason is refused


def reading(connection: FakeConnection) -> bool:
    """Say whether what arrives on `connection` is read."""
    return not connection.paused


def test_a_call_is_written_at_once() -> None:
    """With a token, a connection and a credential at hand there is no task and no timer."""
    stage = Stage(idle=1)
    connection = stage.sent(body=b'{"plan":"x"}')
    assert connection.sent == [outgoing().head + LINE + b"\r\n" + b'{"plan":"x"}']
    assert (stage.pool.dialling, len(stage.timers)) == ([], 0)


def test_an_answer_reaches_the_caller() -> None:
    """Status and body as they came, headers by allow-list, and the connection is back before the caller is told."""
    stage = Stage(idle=1)
    connection = stage.sent()
    stage.clock.advance(0.25)
    connection.answer(200, b'{"ok":1}', {b"content-type": b"application/json", b"set-cookie": b"a=b"})
    assert (stage.ended(), stage.caller.status, stage.caller.body) == ("answered", 200, b'{"ok":1}')
    assert stage.caller.lines == b"Content-Type: application/json\r\n"
    assert stage.pool.idle == [connection]
    stage.over()
    assert stage.observer.events == [
        ("limited", Bucket.TRACK, "admitted"),
        ("credential_used", Credential.TRACK, "k1", True),
        ("upstream_answered", "track.v1.identify", 0.25),
        ("forwarded", "track.v1.identify", 200, stage.clock.now - 0.25),
    ]


def test_a_long_answer_is_streamed_without_the_secret() -> None:
    """What has come is passed on read by read, scrubbed, at the declared length."""
    stage = Stage(idle=1)
    connection = stage.sent()
    body = LARGE + SECRET + b"y" * 500
    connection.head(200, length=len(body))
    connection.piece(body[: len(LARGE) + 5])
    assert stage.caller.begun
    connection.piece(body[len(LARGE) + 5 :])
    connection.end()
    assert stage.ended() == "finished"
    assert stage.caller.body == body.replace(SECRET, b"*" * len(SECRET))
    stage.over()


def test_a_call_without_a_credential_carries_none() -> None:
    """Delivery metrics go out bare, whatever the caller sent, and are no use of a credential."""
    stage = Stage(idle=1)
    row = endpoint("track.v1.metrics", credential=Credential.NONE)
    connection = stage.sent(row)
    assert connection.sent == [outgoing().head + b"\r\n{}"]
    connection.answer()
    assert stage.ended() == "answered"
    assert not [event for event in stage.observer.events if event[0] == "credential_used"]


# Connecting


def test_without_an_idle_connection_one_is_made() -> None:
    """The call waits for it and is written then."""
    stage = Stage()
    stage.send()
    connection = stage.pool.connected()
    assert connection.state == "busy"
    connection.answer()
    assert stage.caller.status == 200
    stage.over()


@pytest.mark.parametrize("reason", [Reason.UPSTREAM_UNREACHABLE, Reason.OVERLOADED])
def test_a_connection_that_cannot_be_made_is_told(reason: Reason) -> None:
    """The caller learns what the pool says."""
    stage = Stage()
    stage.send()
    stage.pool.unreachable(RefusedError(reason))
    stage.over(refused=reason)
    assert stage.observer.events[-1] == ("refused", reason, "track.v1.identify", "billing", stage.clock.now)


def test_a_fault_while_connecting_is_told_at_once_and_reported() -> None:
    """The caller does not wait for its deadline, and the task's crash is not swallowed."""
    stage = Stage()
    stage.send()
    with pytest.raises(ZeroDivisionError):
        stage.pool.unreachable(ZeroDivisionError())
    stage.over(refused=Reason.INTERNAL)


def test_a_connection_closed_as_soon_as_it_was_made_is_not_written_to() -> None:
    """Nobody would ever tell of its end; the call would hang until its deadline."""
    stage = Stage()
    stage.send()
    connection = stage.pool.connected(closed=True)
    assert connection.sent == []
    stage.over(refused=Reason.UPSTREAM_UNREACHABLE)


@pytest.mark.parametrize("closed", [False, True])
def test_a_caller_that_leaves_while_connecting_leaves_the_connection_to_others(*, closed: bool) -> None:
    """It was made for nothing, but it is not lost."""
    stage = Stage()
    exchange = stage.send()
    exchange.cancel()
    stage.caller.gone = True
    connection = stage.pool.connected(closed=closed)
    assert connection.sent == []
    assert stage.pool.idle == ([] if closed else [connection])
    stage.over()


@pytest.mark.parametrize("failing", [False, True])
def test_a_call_that_expired_while_connecting_is_answered_once(*, failing: bool) -> None:
    """What comes of the connection later changes nothing."""
    stage = Stage()
    stage.send()
    stage.clock.advance(5.1)
    stage.sender.tick()
    assert stage.caller.reason is Reason.UPSTREAM_TIMEOUT
    if failing:
        stage.pool.unreachable()
    else:
        stage.pool.connected()
    stage.over(refused=Reason.UPSTREAM_TIMEOUT)


# Credentials


def test_a_call_whose_credential_is_missing_takes_no_quota() -> None:
    """It is refused at once; the calls that can be sent do not wait behind it."""
    stage = Stage(idle=1, burst=1)
    stage.send(endpoint(credential=Credential.APP))
    stage.over(refused=Reason.CREDENTIALS_UNAVAILABLE)
    assert ("limited", Bucket.TRACK, "admitted") not in stage.observer.events
    stage.caller = FakeCaller()
    stage.sent().answer()
    assert stage.caller.status == 200


def test_a_credential_that_went_away_while_waiting_is_missed() -> None:
    """It is looked for again when the turn comes."""
    stage = Stage(idle=2, burst=1)
    stage.send()
    waiting = FakeCaller()
    stage.sender.send(outgoing(), waiting, None, 0)
    del stage.keyring.in_force[Credential.TRACK]
    stage.timers.advance(0.1)
    assert waiting.reason is Reason.CREDENTIALS_UNAVAILABLE


def test_a_rejected_credential_is_counted_and_answered_503() -> None:
    """The key id shows which one; the caller is told to try again."""
    stage = Stage(idle=1)
    stage.sent().answer(401, b'{"meta":{"error":"unauthorized"}}')
    stage.over(refused=Reason.CREDENTIALS_REJECTED)
    assert ("credential_used", Credential.TRACK, "k1", False) in stage.observer.events


NEXT = authorization("k2", line=b"Authorization: Basic next\r\n")
NEWER = authorization("k3", line=b"Authorization: Basic newer\r\n")


def headers_of(connection: FakeConnection) -> list[bytes]:
    """Return the credential of each request that was written to `connection`."""
    return [next(line for line in sent.split(b"\r\n") if line.startswith(b"Authorization")) for sent in connection.sent]


@pytest.mark.parametrize("row", [endpoint(), EVENT, SEND], ids=lambda row: row.name)
def test_a_rejected_call_is_sent_again_with_the_other_pair(row: Endpoint) -> None:
    """G7: Customer.io did nothing, so even a send may be repeated; the pair that works carries the next call at once."""
    stage = Stage(idle=1, keys={"track": KEY, "track_next": NEXT})
    connection = stage.sent(replace(row, credential=Credential.TRACK))
    connection.answer(401)
    assert stage.ended() == ""
    connection.answer(200, b'{"ok":1}')
    assert (stage.caller.status, stage.caller.body) == (200, b'{"ok":1}')
    stage.caller = FakeCaller()
    stage.sent().answer()
    assert headers_of(connection) == [LINE.strip(), *[b"Authorization: Basic next"] * 2]
    assert ("retried", "rejected_key") in stage.observer.events
    stage.over()


def test_a_rejected_call_waits_for_a_newer_key() -> None:
    """The key was revoked before its store was updated: the call is sent as soon as the store has another."""
    stage = Stage(idle=1, keys={"track": KEY})
    connection = stage.sent()
    connection.answer(401)
    assert stage.ended() == ""
    stage.clock.advance(3)
    stage.sender.tick()
    stage.keyring.adopt("track", Version(NEWER, Kind.FILE))
    connection.answer()
    assert stage.caller.status == 200
    assert headers_of(connection)[-1] == b"Authorization: Basic newer"
    stage.over()


def test_a_call_that_comes_while_every_key_is_rejected_waits_too() -> None:
    """It is not sent with a key that is known to be rejected, and takes no quota while it waits."""
    stage = Stage(idle=1, keys={"track": KEY})
    connection = stage.sent()
    connection.answer(401)
    late = FakeCaller()
    stage.sender.send(outgoing(), late, None, stage.clock.now)
    assert len(connection.sent) == 1
    stage.keyring.adopt("track", Version(NEWER, Kind.FILE))
    stage.pool.connected().answer()
    connection.answer()
    assert (stage.caller.status, late.status) == (200, 200)


@pytest.mark.parametrize(("grace_seconds", "ends"), [(2, 2), (60, 9)])
def test_a_call_waits_no_longer_than_it_may(grace_seconds: float, ends: float) -> None:
    """The grace of a rotation or the call's own total, whichever is over first: 503 `credentials_rejected`."""
    stage = Stage(idle=1, keys={"track": KEY}, grace_seconds=grace_seconds)
    stage.sent().answer(401)
    stage.clock.advance(ends - 0.1)
    stage.sender.tick()
    assert stage.ended() == ""
    stage.clock.advance(0.2)
    stage.sender.tick()
    stage.over(refused=Reason.CREDENTIALS_REJECTED)
    assert len(stage.keyring._rings[Credential.TRACK].waiting) == 0


def test_once_it_was_waited_for_in_vain_calls_are_answered_at_once() -> None:
    """They go out all the same: Customer.io may take the key again, and then every call does."""
    stage = Stage(idle=1, keys={"track": KEY}, grace_seconds=1)
    connection = stage.sent()
    connection.answer(401)
    stage.clock.advance(1.1)
    stage.sender.tick()
    for status, reason in ((401, Reason.CREDENTIALS_REJECTED), (200, None)):
        stage.caller = FakeCaller()
        stage.sent().answer(status)
        stage.over(refused=reason)
    assert not stage.keyring.in_force[Credential.TRACK].rejected


def test_one_of_those_that_wait_tries_the_key_again() -> None:
    """A rejection may have been passing: when one call gets through, all do."""
    stage = Stage(idle=1, keys={"track": KEY})
    connection = stage.sent()
    connection.answer(401)
    late = FakeCaller()
    stage.sender.send(outgoing(), late, None, stage.clock.now)
    stage.clock.advance(0.1)
    stage.keyring.try_one("track")
    assert len(connection.sent) == 2
    connection.answer()
    stage.pool.connected().answer() if stage.pool.dialling else connection.answer()
    assert (stage.caller.status, late.status) == (200, 200)
    stage.over()


@pytest.mark.parametrize("end", [Exchange.cancel, Exchange.shut_down], ids=["cancel", "shut_down"])
def test_a_call_that_ends_while_it_waits_for_a_key_gives_its_place_up(end: Callable[[Exchange], None]) -> None:
    """A newer key finds nobody, and sends nothing."""
    stage = Stage(idle=1, keys={"track": KEY})
    exchange = stage.send()
    (connection,) = [one for one in stage.pool.all if one.state == "busy"]
    connection.answer(401)
    if end is Exchange.cancel:
        stage.caller.gone = True
    end(exchange)
    stage.keyring.adopt("track", Version(NEWER, Kind.FILE))
    assert len(connection.sent) == 1
    assert stage.sender.active == set()


def test_keys_that_are_rejected_by_turns_do_not_go_round_for_ever() -> None:
    """One call is sent again so often and no more, whatever is said of the keys meanwhile."""
    stage = Stage(idle=1, keys={"track": KEY, "track_next": NEXT})
    connection = stage.sent()
    while not stage.ended():
        for key in stage.keyring._rings[Credential.TRACK].keys:
            key.injected.rejected = False
        connection.answer(401)
    assert len(connection.sent) == KEY_REPLAYS_MAX + 1
    stage.over(refused=Reason.CREDENTIALS_REJECTED)


def test_a_rejection_that_breaks_off_is_one_all_the_same() -> None:
    """Its head was enough to know."""
    stage = Stage(idle=1, keys={"track": KEY, "track_next": NEXT})
    connection = stage.sent()
    connection.head(401, length=100)
    connection.fail(Failure.TRUNCATED)
    stage.pool.connected().answer()
    assert stage.caller.status == 200


def test_a_rejection_that_comes_too_late_is_not_repeated() -> None:
    """A call that is out of time ends, though its answer was a 401 and there is another key."""
    stage = Stage(idle=1, keys={"track": KEY, "track_next": NEXT})
    connection = stage.sent()
    connection.head(401, length=100)
    stage.clock.advance(9.1)
    stage.sender.tick()
    stage.over(refused=Reason.CREDENTIALS_REJECTED)
    assert len(connection.sent) == 1


def test_a_key_is_known_by_its_last_use() -> None:
    """So that it can be told when a replaced one is no longer needed."""
    stage = Stage(idle=1)
    stage.clock.advance(5)
    stage.sent().answer()
    assert stage.keyring.in_force[Credential.TRACK].used_at == stage.clock.now


# Answers that are not passed on as they are


def test_a_redirect_is_answered_502() -> None:
    """An SDK never sees where to go; the connection is fit for use."""
    stage = Stage(idle=1)
    stage.sent().answer(301, b"", {b"location": b"https://elsewhere.example/"})
    stage.over(refused=Reason.UPSTREAM_REDIRECT)
    assert len(stage.pool.idle) == 1


def test_a_coded_answer_is_answered_502() -> None:
    """Its body never reaches the caller."""
    stage = Stage(idle=1)
    stage.sent().answer(200, b"\x1f\x8b", {b"content-encoding": b"gzip"})
    stage.over(refused=Reason.UPSTREAM_INVALID)
    assert stage.caller.body == b""


@pytest.mark.parametrize("end", ["fail", "expire"])
def test_the_head_of_an_answer_that_is_not_passed_on_is_enough(end: str) -> None:
    """A redirect that is cut off or never ends is told as a redirect all the same."""
    stage = Stage(idle=1)
    connection = stage.sent()
    connection.head(302, length=1000)
    connection.piece(b"x")
    if end == "fail":
        connection.fail(Failure.TRUNCATED)
    else:
        stage.clock.advance(9.1)
        stage.sender.tick()
    stage.over(refused=Reason.UPSTREAM_REDIRECT)


def test_an_endless_error_is_not_read_to_its_end() -> None:
    """After more than an error has to say, its connection is dropped and the caller told (promise G12)."""
    stage = Stage(idle=1)
    connection = stage.sent()
    connection.head(500)
    for _ in range(1 + HELD_BYTES // 16_384):
        assert connection.state == "busy"
        connection.piece(b"x" * 16_384)
    assert connection.state == "lost"
    assert (stage.caller.status, orjson.loads(stage.caller.body)["code"]) == (500, NOT_JSON_CODE)
    stage.over()


def test_a_lenient_pipelines_rejection_is_counted() -> None:
    """The caller is told 200, as without the sidecar; the operator sees that calls are rejected."""
    stage = Stage(idle=1)
    row = endpoint("pipelines.v1.track", upstream=Upstream.PIPELINES)
    stage.sent(row).answer(400, b"nonsense")
    assert (stage.caller.status, stage.caller.body) == (200, b"{}")
    assert ("swallowed", "pipelines.v1.track") in stage.observer.events
    assert stage.observer.events[-1][:3] == ("forwarded", "pipelines.v1.track", 200)
    stage.over()


def test_a_strict_pipelines_rejection_is_passed_on() -> None:
    """Who asked for strict answers is told."""
    stage = Stage(idle=1)
    row = endpoint("pipelines.v1.track", upstream=Upstream.PIPELINES)
    stage.sent(row, strict=True).answer(400, b'{"error":"x"}')
    assert (stage.caller.status, stage.caller.body) == (400, b'{"error":"x"}')


# Connections that fail (promise G7)


@pytest.mark.parametrize(
    ("row", "body", "failure"),
    [
        (endpoint(), b"{}", Failure.CLOSED),
        (EVENT, b'{"id":"01HB4HBDKTFWYZCK01DMRSWRFD"}', Failure.CLOSED),
        (SEND, b"{}", Failure.UNSENT),
        (EVENT, b"{}", Failure.UNSENT),
    ],
)
def test_a_stale_connection_is_replayed_if_that_does_no_harm(row: Endpoint, body: bytes, failure: Failure) -> None:
    """A row that is replay-safe, or a request of which no byte was written, goes out once more, on a new connection."""
    stage = Stage(idle=2)
    stage.send(row, body)
    (stale,) = [connection for connection in stage.pool.all if connection.state == "busy"]
    stale.fail(failure)
    assert not stage.ended()
    assert len(stage.pool.idle) == 1  # the other idle one may be as stale
    fresh = stage.pool.connected()
    assert fresh.sent == stale.sent
    assert ("retried", "stale_connection") in stage.observer.events
    fresh.answer()
    assert stage.caller.status == 200
    stage.over()


@pytest.mark.parametrize(("row", "body"), [(SEND, b"{}"), (EVENT, b"{}")])
def test_a_call_that_may_have_been_taken_is_not_sent_twice(row: Endpoint, body: bytes) -> None:
    """A message is not sent again, and an event without an id not counted twice, on the chance that nothing arrived."""
    stage = Stage(idle=1)
    stage.sent(row, body).fail(Failure.CLOSED)
    stage.over(refused=Reason.UPSTREAM_UNREACHABLE)
    assert stage.pool.dialling == []


@pytest.mark.parametrize("failure", [Failure.CLOSED, Failure.UNSENT])
def test_a_new_connection_that_closes_is_not_stale(failure: Failure) -> None:
    """Where a connection never worked, Customer.io is unwell, and sending again is no remedy."""
    stage = Stage()
    stage.send()
    stage.pool.connected().fail(failure)
    stage.over(refused=Reason.UPSTREAM_UNREACHABLE)


def test_a_call_is_replayed_once() -> None:
    """The second connection that closes is the last."""
    stage = Stage(idle=1)
    stage.sent().fail(Failure.CLOSED)
    fresh = stage.pool.connected()
    fresh.used = True
    fresh.fail(Failure.CLOSED)
    stage.over(refused=Reason.UPSTREAM_UNREACHABLE)


def test_a_replay_pays_for_its_quota() -> None:
    """A call sent twice counts twice against the limit (promise G6)."""
    stage = Stage(idle=1, burst=1, rate=10)
    stage.sent().fail(Failure.CLOSED)
    assert stage.pool.dialling == []
    stage.timers.advance(0.11)
    stage.pool.connected().answer()
    assert stage.caller.status == 200
    assert [event[2] for event in stage.observer.events if event[0] == "limited"] == ["admitted", "waited"]


@pytest.mark.parametrize("failure", [Failure.TRUNCATED, Failure.INVALID])
def test_an_answer_that_is_none_is_not_replayed(failure: Failure) -> None:
    """Customer.io took the call; what came back is told as it is."""
    stage = Stage(idle=1)
    stage.sent().fail(failure)
    stage.over(refused=Reason.UPSTREAM_INVALID)


@pytest.mark.parametrize("failure", list(Failure))
def test_an_answer_that_has_begun_is_broken_off(failure: Failure) -> None:
    """A cut answer must not be taken for a whole one, and is never begun again."""
    stage = Stage(idle=1)
    connection = stage.sent()
    connection.head(200, length=len(LARGE) + 10)
    connection.piece(LARGE)
    connection.fail(failure)
    assert stage.ended() == "aborted"
    assert stage.observer.events[-1] == (
        "cut", Reason.UPSTREAM_INVALID, "track.v1.identify", 200, "billing", stage.clock.now,
    )  # fmt: skip
    stage.over()


@pytest.mark.parametrize("failure", [Failure.TRUNCATED, Failure.INVALID])
def test_an_answer_that_was_held_and_fails_is_refused(failure: Failure) -> None:
    """Nothing of it reached the caller, so the caller gets an answer that it can read."""
    stage = Stage(idle=1)
    connection = stage.sent()
    connection.head(500)
    connection.piece(b'{"meta":')
    connection.fail(failure)
    stage.over(refused=Reason.UPSTREAM_INVALID)


# Rate limits


def test_a_call_waits_for_its_turn() -> None:
    """A short wait serves SDKs that do not retry a 429."""
    stage = Stage(idle=2, burst=1, rate=10)
    stage.send()
    waiting = FakeCaller()
    stage.sender.send(outgoing(), waiting, "billing", stage.clock.now)
    assert len(stage.pool.idle) == 1
    stage.timers.advance(0.11)
    assert stage.pool.idle == []
    assert stage.observer.events[-1] == ("limited", Bucket.TRACK, "waited")


def test_a_call_whose_turn_would_come_too_late_is_answered_429() -> None:
    """It is told at once."""
    stage = Stage(idle=2, burst=1, rate=0.1)
    stage.send()
    late = FakeCaller()
    stage.sender.send(outgoing(), late, "billing", stage.clock.now)
    assert late.reason is Reason.RATE_LIMITED
    assert ("limited", Bucket.TRACK, "refused") in stage.observer.events


def test_a_call_that_is_out_of_time_in_the_queue_is_answered_429() -> None:
    """Customer.io was never asked: it is not the one that did not answer in time."""
    stage = Stage(idle=2, burst=1, rate=0.1, wait_seconds=60)
    stage.send()
    waiting = FakeCaller()
    stage.sender.send(outgoing(), waiting, "billing", stage.clock.now)
    stage.clock.advance(9.1)
    stage.sender.tick()
    assert waiting.reason is Reason.RATE_LIMITED
    stage.timers.advance(60)
    assert len(stage.pool.idle) == 1  # its place was given up: nothing is sent for it


@pytest.mark.parametrize("end", [Exchange.cancel, Exchange.shut_down, Exchange.expire])
def test_a_call_that_ends_in_the_queue_gives_its_place_up(end: Callable[[Exchange], None]) -> None:
    """Whoever waits behind it moves on."""
    stage = Stage(idle=3, burst=1, rate=10)
    stage.send()
    first, second = FakeCaller(), FakeCaller()
    leaving = stage.sender.send(outgoing(), first, None, stage.clock.now)
    stage.sender.send(outgoing(body=b'"second"'), second, None, stage.clock.now)
    end(leaving)
    stage.timers.advance(0.11)
    assert any(b'"second"' in request for connection in stage.pool.all for request in connection.sent)


@pytest.mark.parametrize("strict", [False, True])
@pytest.mark.parametrize("headers", [None, {b"content-encoding": b"gzip"}, {b"x-request-id": SECRET, b"retry-after": b"99"}])
@pytest.mark.parametrize(
    "body", [b"", b"not json", b'{"echo":"' + SECRET + b'"}', LARGE], ids=["none", "text", "echo", "large"]
)
@pytest.mark.parametrize("status", [200, 204, 301, 400, 401, 500, 600])
@pytest.mark.parametrize(
    "row",
    [
        endpoint(),
        endpoint("pipelines.v1.track", upstream=Upstream.PIPELINES),
        endpoint("track.v1.metric", credential=Credential.NONE),
    ],
)
def test_an_answer_told_in_one_call_is_the_same_answer(
    row: Endpoint, status: int, body: bytes, headers: dict[bytes, bytes] | None, *, strict: bool
) -> None:
    """Caller and observer are told what they are told of one that comes in parts (promise G4 among it)."""
    at_once, in_parts = Stage(idle=1), Stage(idle=1)
    at_once.sent(row, strict=strict).answer_at_once(status, body, headers)
    in_parts.sent(row, strict=strict).answer(status, body, headers)
    for attribute in ("ended", "status", "lines", "body", "reason"):
        assert getattr(at_once.caller, attribute) == getattr(in_parts.caller, attribute)
    assert at_once.caller.ended
    assert row.credential is Credential.NONE or SECRET not in at_once.caller.lines + at_once.caller.body
    assert at_once.observer.events == in_parts.observer.events
    assert not at_once.sender.active


# Deadlines (promise G11)


def test_no_answer_within_an_attempt_is_answered_504() -> None:
    """The head of an answer has `attempt_seconds`; the connection, on which it may yet come, is dropped."""
    stage = Stage(idle=1)
    connection = stage.sent()
    stage.clock.advance(4.9)
    stage.sender.tick()
    assert not stage.ended()
    stage.clock.advance(0.2)
    stage.sender.tick()
    assert connection.state == "lost"
    stage.over(refused=Reason.UPSTREAM_TIMEOUT)


def test_an_answer_that_has_begun_has_until_the_end_of_the_total() -> None:
    """The last byte has `total_seconds`; then the caller's connection breaks."""
    stage = Stage(idle=1)
    connection = stage.sent()
    stage.clock.advance(4.9)
    connection.head(200, length=len(LARGE) + 10)
    connection.piece(LARGE)
    stage.clock.advance(4.0)
    stage.sender.tick()
    assert not stage.ended()
    stage.clock.advance(0.2)
    stage.sender.tick()
    assert stage.ended() == "aborted"
    assert connection.state == "lost"
    stage.over()


def test_waiting_connecting_and_attempts_share_one_total() -> None:
    """An attempt that begins late has what is left, and no more."""
    stage = Stage(burst=1, rate=0.2, wait_seconds=10)
    stage.sender.send(outgoing(), FakeCaller(), None, stage.clock.now)
    started = stage.clock.now
    stage.send()
    stage.timers.advance(5.1)  # its turn came at 5.0, so five seconds from there would be too many
    assert len(stage.pool.dialling) == 2
    stage.clock.now = started + 9.1
    stage.sender.tick()
    stage.over(refused=Reason.UPSTREAM_TIMEOUT)


def test_a_replay_has_an_attempt_of_its_own_within_the_total() -> None:
    """The time of the connection that was stale is not counted twice."""
    stage = Stage(idle=1)
    connection = stage.sent()
    stage.clock.advance(3)
    connection.fail(Failure.CLOSED)
    fresh = stage.pool.connected()
    stage.clock.advance(4.9)
    stage.sender.tick()
    assert not stage.ended()
    stage.clock.advance(1.2)
    stage.sender.tick()
    assert fresh.state == "lost"
    stage.over(refused=Reason.UPSTREAM_TIMEOUT)


def test_a_request_that_arrived_slowly_still_has_its_time() -> None:
    """How long a body may take is the server's to limit; what the total covers begins when the call can be sent."""
    stage = Stage(idle=1)
    stage.sender.send(outgoing(), stage.caller, None, stage.clock.now - 25)
    stage.sender.tick()
    stage.pool.all[0].answer()
    assert stage.caller.status == 200
    assert stage.observer.events[-1] == ("forwarded", "track.v1.identify", 200, stage.clock.now - 25)


# What the caller's connection does


def test_a_caller_that_leaves_takes_its_connection_along() -> None:
    """An answer that nobody takes must not be read by the next call; nobody is answered any more."""
    stage = Stage(idle=1)
    connection = stage.sent()
    exchange = stage.only()
    exchange.cancel()
    stage.caller.gone = True
    assert connection.state == "lost"
    assert stage.ended() == ""
    stage.over()


def test_a_caller_that_leaves_in_mid_answer_takes_its_connection_along() -> None:
    """The same, once the answer has begun."""
    stage = Stage(idle=1)
    connection = stage.sent()
    connection.head(200, length=len(LARGE) + 10)
    connection.piece(LARGE)
    exchange = stage.only()
    exchange.cancel()
    assert connection.state == "lost"
    assert stage.ended() == ""
    stage.over()


def test_a_slow_caller_stops_the_reading() -> None:
    """Backpressure reaches Customer.io, and ends with the caller's catching up."""
    stage = Stage(idle=1)
    connection = stage.sent()
    exchange = stage.only()
    connection.head(200, length=len(LARGE) + 1000)
    stage.caller.on_write = exchange.pause
    connection.piece(LARGE)
    assert not reading(connection)
    exchange.resume()
    assert reading(connection)
    stage.caller.on_write = lambda: None
    connection.piece(b"x" * 1000)
    connection.end()
    assert len(stage.caller.body) == len(LARGE) + 1000
    stage.over()


def test_a_caller_that_was_slow_before_its_connection_was_made_stops_the_reading_too() -> None:
    """With an earlier answer still unsent, the next one is not read into memory (promise G12)."""
    stage = Stage()
    exchange = stage.send()
    exchange.pause()
    connection = stage.pool.connected()
    assert not reading(connection)
    exchange.resume()
    assert reading(connection)
    connection.answer()
    stage.over()


def test_a_caller_that_caught_up_before_its_connection_was_made_stops_nothing() -> None:
    """A pause that is over leaves no trace."""
    stage = Stage()
    exchange = stage.send()
    exchange.pause()
    exchange.resume()
    assert reading(stage.pool.connected())


def test_a_slow_caller_is_remembered_through_a_replay() -> None:
    """The new connection is paused as the stale one was."""
    stage = Stage(idle=1)
    connection = stage.sent()
    exchange = stage.only()
    exchange.pause()
    connection.fail(Failure.CLOSED)
    assert not reading(stage.pool.connected())


# Shutting down


def test_shutting_down_answers_a_call_that_waits() -> None:
    """Its connection, on which an answer may yet come, is dropped."""
    stage = Stage(idle=1)
    connection = stage.sent()
    exchange = stage.only()
    exchange.shut_down()
    assert connection.state == "lost"
    stage.over(refused=Reason.SHUTTING_DOWN)


def test_shutting_down_breaks_an_answer_off() -> None:
    """What has begun cannot become a refusal."""
    stage = Stage(idle=1)
    connection = stage.sent()
    connection.head(200, length=len(LARGE) + 10)
    connection.piece(LARGE)
    exchange = stage.only()
    exchange.shut_down()
    assert stage.ended() == "aborted"
    assert stage.observer.events[-1][:2] == ("cut", Reason.SHUTTING_DOWN)
    stage.over()


@pytest.mark.parametrize("streamed", [False, True])
@pytest.mark.parametrize("end", [Exchange.cancel, Exchange.shut_down, Exchange.expire])
def test_what_is_over_ends_once(end: Callable[[Exchange], None], *, streamed: bool) -> None:
    """An ended exchange takes no further notice of its caller, of deadlines or of the drain."""
    stage = Stage(idle=1)
    connection = stage.sent()
    exchange = stage.only()
    if streamed:
        connection.head()
        connection.piece(b"{}")
        connection.end()
    else:
        connection.answer()
    events = list(stage.observer.events)
    end(exchange)
    exchange.pause()
    exchange.resume()
    assert stage.observer.events == events
    assert connection.state == "idle"
    stage.over()


def test_bodies_on_their_way_are_bounded_together() -> None:
    """What there is no room for is refused before it waits for anything, and an ended call makes room (promise G12)."""
    stage = Stage(idle=1)
    first = stage.sent(body=b"x" * 999_999)
    first_caller, stage.caller = stage.caller, FakeCaller()
    stage.send(body=b"yy")
    assert stage.caller.reason is Reason.OVERLOADED
    assert (first_caller.ended, stage.pool.dialling) == ("", [])
    stage.caller = FakeCaller()
    first.answer()
    assert stage.sender.held_bytes == 0
    stage.send(body=b"y" * 1_000_000)
    assert stage.caller.reason is None


# A batch that items were taken out of

OURS = {"batch_index": 0, "reason": "too_large", "field": "", "message": "ours"}
BATCH = endpoint("track.v2.batch", method="POST", replay=Replay.WITH_ID, event_items="batch")
REST = b'{"batch":[{"id":"01HB4HBDKTFWYZCK01DMRSWRFD"}]}'


def rest(stage: Stage) -> FakeConnection:
    """Send a batch whose first item was taken out, and return its connection."""
    call = outgoing(BATCH, REST)
    call.withheld = Withheld([1], [OURS])
    stage.sender.send(call, stage.caller, "billing", stage.clock.now)
    return stage.pool.all[-1]


@pytest.mark.parametrize("whole", [True, False], ids=["in one call", "in parts"])
@pytest.mark.parametrize(
    ("status", "body", "told", "errors"),
    [
        (200, b"{}", 207, [OURS]),
        (200, b"<html>", 207, [OURS]),
        (207, b'{"errors":[{"batch_index":0}]}', 207, [OURS, {"batch_index": 1}]),
        (400, b'{"errors":[{"batch_index":0}]}', 400, [OURS, {"batch_index": 1}]),
        (400, b'{"errors":[{"reason":"x"}]}', 400, [{"reason": "x"}]),
        (429, b'{"errors":[{"batch_index":0}]}', 429, [{"batch_index": 0}]),
        (503, b'{"errors":[]}', 503, []),
    ],
)
def test_the_answer_to_a_rest_is_that_to_the_whole(
    status: int, body: bytes, told: int, errors: list[object], *, whole: bool
) -> None:
    """However it comes in; it is counted as what the caller was told, and the connection is used again."""
    stage = Stage(idle=1)
    connection = rest(stage)
    (connection.answer_at_once if whole else connection.answer)(status, body)
    assert (stage.caller.status, orjson.loads(stage.caller.body)["errors"]) == (told, errors)
    assert ("forwarded", "track.v2.batch", told, stage.clock.now) in stage.observer.events
    assert stage.pool.idle == [connection]
    stage.over()


@pytest.mark.parametrize("whole", [True, False], ids=["in one call", "in parts"])
def test_an_answer_to_a_rest_that_cannot_be_told_is_refused(*, whole: bool) -> None:
    """Whatever stands in it, indexes of another batch than the caller's never reach it."""
    stage = Stage(idle=1)
    connection = rest(stage)
    (connection.answer_at_once if whole else connection.answer)(207, b'{"errors":[{"batch_index":1}]}')
    stage.over(refused=Reason.UPSTREAM_INVALID)


def test_an_answer_to_a_rest_without_end_is_given_up() -> None:
    """It is not read any further than there could be errors (promise G12)."""
    stage = Stage(idle=1)
    connection = rest(stage)
    connection.head(207)
    connection.piece(b"x" * HELD_BATCH_BYTES)
    assert stage.caller.reason is None
    connection.piece(b"x")
    assert connection.state == "lost"
    stage.over(refused=Reason.UPSTREAM_INVALID)


def test_a_rest_whose_answer_breaks_off_is_refused() -> None:
    """Nothing of it was given."""
    stage = Stage(idle=1)
    connection = rest(stage)
    connection.head(207)
    connection.piece(b'{"errors":[')
    connection.fail(Failure.TRUNCATED)
    stage.over(refused=Reason.UPSTREAM_INVALID)


def test_a_rest_is_replayed_by_what_was_sent_of_it() -> None:
    """Its events carry ids, so it may be sent again, and its answer is still told of the whole."""
    stage = Stage(idle=1)
    rest(stage).fail(Failure.CLOSED)
    again = stage.pool.connected()
    assert again.sent[0].endswith(REST)
    again.answer_at_once(200)
    assert stage.caller.status == 207
    stage.over()
