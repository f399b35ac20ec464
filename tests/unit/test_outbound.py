"""What joins the journey of a request to its sending: every fault becomes a refusal."""

from collections import deque
from collections.abc import Callable
from typing import Any

import orjson
import pytest
from prometheus_client import CollectorRegistry

from proxy.api.model import Bucket, Upstream
from proxy.delivery.ports import Timeouts
from proxy.delivery.send import Sender
from proxy.errors import Reason, RefusedError
from proxy.exchange import Admission, RequestHead
from proxy.limits.gcra import Quota
from proxy.limits.memory import MemoryLimiter
from proxy.metrics import Metrics
from proxy.observer import Observer
from proxy.outbound import SLICED_BYTES, Outbound
from proxy.slices import Slices
from tests.fakes import FakeCaller, FakeClock, FakeConnections, Lines, Timers, authorization, keyring
from tests.unit.test_pipeline import JSON, RULES, BrokenMapping, broken, limiting

HEAD = RequestHead("PUT", b"/api/v1/customers/5", JSON)


class Stage:
    """The outbound port between a fake application and a fake connection."""

    def __init__(self) -> None:
        """Hold one pooled connection."""
        clock = FakeClock()
        self.lines = Lines()
        self.registry = CollectorRegistry()
        self.pool = FakeConnections(idle=1)
        observer = Observer(Metrics(self.registry, "1.2.3"), self.lines.logger(), clock)
        sender = Sender(
            connections=dict.fromkeys(Upstream, self.pool),
            limiter=MemoryLimiter({bucket: Quota(10, 10) for bucket in Bucket}, 1, clock, Timers(clock).call_later),
            keys=keyring(clock, {"track": authorization()}),
            inflight_bytes=1_000_000,
            timeouts=Timeouts(attempt_seconds=5, total_seconds=9),
            observer=observer,
            clock=clock,
            spawn=self.pool.spawn,
        )
        self.turns: deque[Callable[[], None]] = deque()
        self.clock = clock
        self.sender = sender
        self.outbound = Outbound(RULES, sender, observer, clock, Slices(self.turns.append))
        self.caller = FakeCaller()

    def deliver(self, body: bytes) -> object:
        """Admit and deliver one request."""
        return self.outbound.deliver(self.outbound.admit(HEAD), body, self.caller)

    def count(self, name: str, **labels: str) -> float | None:
        """Return a counter's value."""
        return self.registry.get_sample_value(f"cio_sidecar_{name}", labels)


def test_a_request_goes_through() -> None:
    """Prepared, written, answered, and what the policy did is counted."""
    stage = Stage()
    exchange = stage.deliver(b'{"ssn":"078-05-1120","plan":"x"}')
    (connection,) = stage.pool.all
    assert connection.sent[0].endswith(b'\r\n\r\n{"plan":"x"}')
    assert exchange is not None
    connection.answer()
    assert stage.caller.status == 200
    assert stage.count("pii_actions_total", rule="never", action="strip", mode="enforce") == 1
    assert stage.count("requests_total", endpoint="track.v1.identify", code="200", outcome="forwarded") == 1
    assert stage.lines.events() == []


@pytest.mark.parametrize(("body", "reason"), [(b"{", Reason.INVALID_JSON), (b'{"card":1}', Reason.POLICY_DENIED)])
def test_a_refusal_is_told_counted_and_logged_once(body: bytes, reason: Reason) -> None:
    """Nothing is written to Customer.io."""
    stage = Stage()
    assert stage.deliver(body) is None
    assert stage.caller.reason is reason
    assert stage.pool.all[0].sent == []
    assert stage.count("refusals_total", reason=reason.value) == 1
    (line,) = stage.lines.events()
    assert (line["event"], line["reason"], line["endpoint"]) == ("refused", reason.value, "track.v1.identify")


def test_a_denial_is_counted_with_the_rule_that_denied() -> None:
    """An operator sees which rule it was."""
    stage = Stage()
    stage.deliver(b'{"card":1}')
    assert stage.count("pii_actions_total", rule="stop", action="deny", mode="enforce") == 1


def test_a_fault_in_a_stage_is_answered_500_and_told_without_its_text(monkeypatch: pytest.MonkeyPatch) -> None:
    """The text of the exception, which quotes an address here, is nowhere (promise G2)."""
    stage = Stage()
    with monkeypatch.context() as broken_place:
        broken_place.setattr(orjson, "loads", broken)
        assert stage.deliver(b"{}") is None
    assert stage.caller.reason is Reason.INTERNAL
    assert stage.pool.all[0].sent == []
    assert stage.count("pii_errors_total", stage="decode") == 1
    fault, _ = stage.lines.events()
    assert (fault["event"], fault["reason"], fault["error"]) == ("stage_failed", "decode", "BrokenError")
    assert fault["where"].startswith("test_pipeline.py:")
    assert "a@b.c" not in stage.lines.text()


def test_a_fault_between_the_stages_is_one_like_any_other() -> None:
    """What comes before the first stage and behind the last is held to the same: answered, counted, and told (promise G1)."""
    stage = Stage()
    admitted = stage.outbound.admit(HEAD)
    head = RequestHead(HEAD.method, HEAD.target, BrokenMapping())
    admission = Admission(RULES, admitted.match, head, admitted.caller, admitted.body_bytes, started=admitted.started)
    assert stage.outbound.deliver(admission, b"{}", stage.caller) is None
    assert stage.caller.reason is Reason.INTERNAL
    assert stage.pool.all[0].sent == []
    assert stage.count("pii_errors_total", stage="prepare") == 1
    fault, _ = stage.lines.events()
    assert (fault["event"], fault["reason"], fault["error"]) == ("stage_failed", "prepare", "BrokenError")


def test_a_fault_at_admission_refuses_the_request() -> None:
    """It is no malformed request, and it is told where to look."""
    stage = Stage()
    with pytest.raises(RefusedError) as caught:
        stage.outbound.admit(RequestHead(HEAD.method, HEAD.target, BrokenMapping()))
    assert caught.value.reason is Reason.INTERNAL
    assert stage.count("pii_errors_total", stage="admit") == 1


def test_a_refusal_at_admission_is_passed_on() -> None:
    """The server answers it, and has it counted."""
    stage = Stage()
    with pytest.raises(RefusedError) as caught:
        stage.outbound.admit(RequestHead("PUT", b"/nowhere", JSON))
    assert caught.value.reason is Reason.ENDPOINT_NOT_ALLOWED
    stage.outbound.refused(Reason.ENDPOINT_NOT_ALLOWED, None)
    assert stage.count("requests_total", endpoint="none", code="403", outcome="refused") == 1


def test_a_refusal_by_the_server_is_counted_under_its_endpoint() -> None:
    """What was admitted has a name and a caller."""
    stage = Stage()
    admission: Admission = stage.outbound.admit(HEAD)
    stage.outbound.refused(Reason.BODY_TOO_LARGE, admission)
    assert stage.count("requests_total", endpoint="track.v1.identify", code="413", outcome="refused") == 1
    (line,) = stage.lines.events()
    assert line["caller"] == "anyone"


def test_what_is_over_a_limit_is_counted_and_told_of() -> None:
    """In report mode the call leaves and there is no line; enforced, it is refused, and a line says why."""
    body = orjson.dumps({"ssn": 1, "a": "x" * 1001})
    stage = Stage()
    stage.outbound.rules = limiting("report")
    assert stage.deliver(body) is not None
    assert stage.count("vendor_limits_total", endpoint="track.v1.identify", limit="attribute_value_bytes", mode="report") == 1
    assert stage.lines.events() == []

    stage = Stage()
    stage.outbound.rules = limiting("enforce")
    assert stage.deliver(body) is None
    assert stage.caller.reason is Reason.VENDOR_LIMIT
    assert stage.pool.all[0].sent == []
    assert stage.count("vendor_limits_total", endpoint="track.v1.identify", limit="attribute_value_bytes", mode="enforce") == 1
    assert stage.count("pii_actions_total", rule="never", action="strip", mode="enforce") == 1
    limit, refusal = stage.lines.events()
    assert (limit["event"], limit["limit"]) == ("over_vendor_limit", "attribute_value_bytes")
    assert (refusal["event"], refusal["reason"]) == ("refused", "vendor_limit")


LARGE = orjson.dumps({"list": [{"ssn": "078-05-1120", "n": number, "text": "x" * 40} for number in range(4000)]})


class Large(Stage):
    """A call with a large body."""

    def __init__(self, body: bytes = LARGE) -> None:
        """Deliver it; nothing is prepared before the first turn."""
        super().__init__()
        assert len(body) > SLICED_BYTES
        self.exchange: Any = self.deliver(body)
        assert not self.pool.all[0].sent

    def turn(self, times: int = 1) -> int:
        """Run turns of the event loop; return how many there were."""
        for done in range(times):
            if not self.turns:
                return done
            self.turns.popleft()()
        return times


def test_g11_a_large_body_is_prepared_in_slices() -> None:
    """Many turns of the loop, then the call is sent with what the policy leaves of it, and answered."""
    stage = Large()
    assert stage.sender.active == {stage.exchange}
    assert stage.turn(10_000) > 5
    (connection,) = stage.pool.all
    assert b"078-05-1120" not in connection.sent[0]
    assert b'"n":3999' in connection.sent[0]
    connection.answer()
    assert stage.caller.status == 200
    assert stage.count("pii_actions_total", rule="never", action="strip", mode="enforce") == 4000
    assert not stage.sender.active


def test_a_large_body_is_refused_as_a_small_one_is() -> None:
    """By the policy, and counted and logged once."""
    stage = Large(LARGE[:-1] + b',"card":1}')
    stage.turn(10_000)
    assert stage.caller.reason is Reason.POLICY_DENIED
    assert [line["reason"] for line in stage.lines.events()] == ["policy_denied"]
    assert not stage.sender.active


@pytest.mark.parametrize("turns", [0, 1, 3])
def test_a_caller_that_goes_away_ends_the_preparation(turns: int) -> None:
    """Nothing is sent, and nothing is held."""
    stage = Large()
    stage.turn(turns)
    stage.exchange.cancel()
    assert not stage.sender.active
    stage.turn(10_000)
    assert not stage.pool.all[0].sent
    assert stage.lines.events() == []


@pytest.mark.parametrize("turns", [0, 1, 3])
@pytest.mark.parametrize(("end", "reason"), [("expire", Reason.OVERLOADED), ("shut_down", Reason.SHUTTING_DOWN)])
def test_what_is_not_prepared_in_time_is_refused(turns: int, end: str, reason: Reason) -> None:
    """At the deadline of a call, or when the sidecar ends: told, counted and logged once, and nothing is sent."""
    stage = Large()
    stage.turn(turns)
    if end == "expire":
        stage.clock.advance(10)
        stage.sender.tick()
    else:
        stage.exchange.shut_down()
    assert stage.caller.reason is reason
    assert [line["reason"] for line in stage.lines.events()] == [reason.value]
    stage.turn(10_000)
    stage.exchange.shut_down()
    stage.exchange.cancel()
    assert len(stage.lines.events()) == 1
    assert not stage.pool.all[0].sent
    assert not stage.sender.active


def test_a_prepared_call_is_its_exchange() -> None:
    """What the connection tells reaches it: a pause from before it was sent, resuming, the end."""
    stage = Large()
    stage.exchange.pause()
    stage.turn(10_000)
    (connection,) = stage.pool.all
    assert connection.paused
    stage.exchange.resume()
    assert not connection.paused
    stage.exchange.shut_down()
    assert stage.caller.reason is Reason.SHUTTING_DOWN
