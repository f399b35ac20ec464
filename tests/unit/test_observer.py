"""What happens becomes counts and lines; of a request neither shows more than its endpoint."""

import timeit
from collections.abc import Callable
from typing import Any

import orjson
import pytest
from prometheus_client import CollectorRegistry

from proxy.api.model import Bucket, Credential
from proxy.errors import ANSWERS, ConfigError, Reason
from proxy.exchange import RequestHead
from proxy.metrics import Metrics
from proxy.observer import Observer
from proxy.payload.oversize import LIMITS
from proxy.policy.fields import Hit
from proxy.policy.model import Action, Mode
from tests.fakes import FakeClock, Lines, endpoint

ROW = endpoint()


class Seen:
    """An observer, and what it made of what it was told."""

    def __init__(self) -> None:
        """Write to a registry and a log of its own."""
        self.clock = FakeClock()
        self.registry = CollectorRegistry()
        self.log = Lines()
        self.observer = Observer(Metrics(self.registry, "1.2.3"), self.log.logger(), self.clock)

    def count(self, name: str, **labels: str) -> float | None:
        """Return the value of a metric."""
        return self.registry.get_sample_value(f"cio_sidecar_{name}", labels)

    def line(self) -> dict[str, Any]:
        """Return the one line that was logged, without its time."""
        (line,) = self.log.events()
        del line["timestamp"]
        return line


def test_an_answer_is_counted_and_timed_and_not_logged() -> None:
    """What went well leaves no line."""
    seen = Seen()
    seen.clock.advance(0.2)
    seen.observer.forwarded(ROW, 200, 1000.0)
    assert seen.count("requests_total", endpoint=ROW.name, code="200", outcome="forwarded") == 1
    assert seen.count("request_duration_seconds_sum", endpoint=ROW.name) == pytest.approx(0.2)
    assert seen.log.events() == []


@pytest.mark.parametrize("credential", [Credential.TRACK, Credential.NONE])
def test_an_answer_that_came_at_once_counts_like_any_other(credential: Credential) -> None:
    """One call says what three say otherwise."""
    row = endpoint(credential=credential)
    at_once, in_parts = Seen(), Seen()
    for seen in (at_once, in_parts):
        seen.clock.advance(0.2)
    at_once.observer.answered(row, 201, "k1", 0.1, 1000.0)
    if credential is not Credential.NONE:
        in_parts.observer.credential_used(credential, "k1", accepted=True)
    in_parts.observer.upstream_answered(row, 0.1)
    in_parts.observer.forwarded(row, 201, 1000.0)
    samples = [[sample for family in seen.registry.collect() for sample in family.samples] for seen in (at_once, in_parts)]
    assert samples[0] == samples[1]
    assert at_once.count("requests_total", endpoint=row.name, code="201", outcome="forwarded") == 1


@pytest.mark.parametrize("reason", list(Reason))
def test_a_refusal_is_counted_and_has_its_one_line(reason: Reason) -> None:
    """Reason, status, endpoint with its method and path, and the caller's configured name are all there is to say."""
    seen = Seen()
    seen.clock.advance(0.2)
    seen.observer.refused(reason, ROW, "billing", 1000.0)
    status = ANSWERS[reason].status
    assert seen.count("requests_total", endpoint=ROW.name, code=str(status), outcome="refused") == 1
    assert seen.count("refusals_total", reason=reason.value) == 1
    assert seen.count("request_duration_seconds_count", endpoint=ROW.name) == 1
    assert seen.line() == {
        "event": "refused", "level": "warning",
        "reason": reason.value, "endpoint": ROW.name, "status": status, "caller": "billing",
        "method": ROW.method, "path": "/api/v1/customers/*",
    }  # fmt: skip


def test_a_refusal_of_what_has_no_endpoint_is_counted_too() -> None:
    """It is counted under no endpoint, never under the path that was asked for."""
    seen = Seen()
    seen.observer.refused(Reason.MALFORMED_REQUEST, None, None, None)
    assert seen.count("requests_total", endpoint="none", code="400", outcome="refused") == 1
    assert seen.count("request_duration_seconds_count", endpoint="none") is None
    assert (seen.line()["endpoint"], seen.line()["caller"]) == ("none", None)


def test_a_call_that_the_table_lacks_can_be_asked_for() -> None:
    """Its line has the method and the path, with a star for what may name a person, and nothing of the query."""
    seen = Seen()
    head = RequestHead("POST", b"/v1/live_things/CANARY@example.com/begin?token=CANARY", {b"authorization": b"CANARY"})
    seen.observer.refused(Reason.ENDPOINT_NOT_ALLOWED, None, None, None, head)
    line = seen.line()
    assert (line["method"], line["path"]) == ("POST", "/v1/live_things/*/*")
    assert "CANARY" not in str(line)


def test_an_answer_that_was_cut_is_told() -> None:
    """It reached the caller, in part; the operator sees why it did not in full."""
    seen = Seen()
    seen.observer.cut(Reason.UPSTREAM_TIMEOUT, ROW, 200, "billing", 1000.0)
    assert seen.count("requests_total", endpoint=ROW.name, code="200", outcome="forwarded") == 1
    assert seen.count("refusals_total", reason="upstream_timeout") == 0
    assert seen.line() == {
        "event": "answer_cut", "level": "warning",
        "reason": "upstream_timeout", "endpoint": ROW.name, "status": 200, "caller": "billing",
    }  # fmt: skip


def test_a_credential_has_its_counts_before_its_first_use() -> None:
    """The first rejection is an increase."""
    seen = Seen()
    seen.observer.credential_held(Credential.TRACK, "1f2e3d4c")
    labels = {"credential": "track", "key_id": "1f2e3d4c"}
    assert seen.count("credential_requests_total", **labels, result="rejected") == 0
    seen.observer.credential_used(Credential.TRACK, "1f2e3d4c", accepted=False)
    seen.observer.credential_used(Credential.TRACK, "1f2e3d4c", accepted=True)
    assert seen.count("credential_requests_total", **labels, result="rejected") == 1
    assert seen.count("credential_requests_total", **labels, result="accepted") == 1


def test_everything_else_is_counted() -> None:
    """Attempts, admissions, retries, lenient rejections and what the policy did."""
    seen = Seen()
    seen.observer.upstream_answered(ROW, 0.5)
    seen.observer.limited(Bucket.SEND, "waited")
    seen.observer.retried("stale_connection")
    seen.observer.swallowed(ROW)
    seen.observer.policy_acted([Hit("never", Action.STRIP, Mode.REPORT)] * 2)
    assert seen.count("upstream_duration_seconds_sum", endpoint=ROW.name) == 0.5
    assert seen.count("ratelimit_total", bucket="send", result="waited") == 1
    assert seen.count("retries_total", reason="stale_connection") == 1
    assert seen.count("lenient_rejections_total", endpoint=ROW.name) == 1
    assert seen.count("pii_actions_total", rule="never", action="strip", mode="report") == 2
    assert seen.log.events() == []


def test_where_an_inventory_is_kept_its_counts_are_there_before_it_has_fields() -> None:
    """A first new field is an increase from zero, which an alert sees; where none is kept there is nothing."""
    seen = Seen()
    assert seen.count("inventory_unrecorded_total") is None
    assert seen.count("inventory_new_fields_total", endpoint=ROW.name) is None
    seen.observer.inventory_kept([ROW.name, "unknown.track"])
    for name in (ROW.name, "unknown.track"):
        assert seen.count("inventory_new_fields_total", endpoint=name) == 0
    assert seen.count("inventory_unrecorded_total") == 0
    for _ in range(2):
        seen.observer.field_is_new(ROW.name)
    seen.observer.field_unrecorded()
    assert seen.count("inventory_new_fields_total", endpoint=ROW.name) == 2
    assert seen.count("inventory_unrecorded_total") == 1
    assert seen.log.events() == []


def failing() -> Exception:
    """Return an exception that was raised, whose text quotes data."""
    with pytest.raises(ValueError, match="invalid literal") as caught:
        int("a@b.c")
    return caught.value


def test_faults_are_told_by_type_and_place_only() -> None:
    """The text of an exception may quote data, so no line holds it (promise G2)."""
    seen = Seen()
    seen.observer.stage_failed("policy", failing())
    seen.observer.unreachable("track", failing())
    seen.observer.crashed("Sidecar._tick", failing())
    lines = seen.log.events()
    assert [line["event"] for line in lines] == ["stage_failed", "upstream_unreachable", "task_crashed"]
    assert [line["error"] for line in lines] == ["ValueError"] * 3
    assert all(line["where"].startswith("test_observer.py:") for line in lines)
    assert "a@b.c" not in seen.log.text()
    assert seen.count("pii_errors_total", stage="policy") == 1


def test_observing_a_request_costs_next_to_nothing() -> None:
    """All that a forwarded request counts takes a few microseconds: an order of magnitude above what was measured."""
    observer = Observer(Metrics(CollectorRegistry(), "1.2.3"), Lines().logger(), FakeClock())
    hits = [Hit("a", Action.STRIP, Mode.ENFORCE), Hit("b", Action.HASH, Mode.ENFORCE)]

    def request() -> None:
        observer.policy_acted(hits)
        observer.limited(Bucket.TRACK, "admitted")
        observer.credential_used(Credential.TRACK, "1f2e3d4c", accepted=True)
        observer.upstream_answered(ROW, 0.1)
        observer.forwarded(ROW, 200, 1000.0)

    assert min(timeit.repeat(request, number=1000, repeat=5)) / 1000 < 20e-6


def test_what_is_over_a_limit_is_counted_and_where_it_was_kept_back_logged() -> None:
    """A line for each limit, with how many; nothing of the call shows."""
    items = [{"type": "person", "action": "identify", "attributes": {"canary" * 30: 1}}] * 2
    items.append({"type": "person", "action": "identify", "attributes": {"a": "canary" * 300}})
    excesses = LIMITS["track.v2.batch"].excesses({"batch": items}, orjson.dumps({"batch": items}), b"/api/v2/batch")
    row = endpoint("track.v2.batch")
    silent, seen = Seen(), Seen()
    silent.observer.over_limit(row, excesses, Mode.REPORT, "billing")
    assert silent.log.events() == []
    seen.observer.over_limit(row, excesses, Mode.ENFORCE, "billing")
    for told, mode in ((silent, "report"), (seen, "enforce")):
        assert told.count("vendor_limits_total", endpoint=row.name, limit="attribute_name_bytes", mode=mode) == 2
        assert told.count("vendor_limits_total", endpoint=row.name, limit="attribute_value_bytes", mode=mode) == 1
    said = [(line["event"], line["endpoint"], line["limit"], line["items"], line["caller"]) for line in seen.log.events()]
    assert said == [
        ("over_vendor_limit", "track.v2.batch", "attribute_name_bytes", 2, "billing"),
        ("over_vendor_limit", "track.v2.batch", "attribute_value_bytes", 1, "billing"),
    ]
    assert "canary" not in seen.log.text()


def test_a_reload_is_a_line_and_a_metric() -> None:
    """Each problem is a line of its own, by file and key path; a fault of ours tells no text of an exception."""
    seen = Seen()
    states = []
    steps: list[Callable[[], None]] = [
        lambda: seen.observer.reload_refused([ConfigError("is bad", path="a.b", file="f:3"), ConfigError("too", path="c")]),
        lambda: seen.observer.reloaded(["policy", "logs.level"]),
        lambda: seen.observer.reload_failed(ValueError("CANARY")),
        lambda: seen.observer.reloaded([]),
    ]
    for tell in steps:
        tell()
        states.append(seen.count("config_last_reload_successful"))
    assert states == [0, 1, 0, 1]
    lines = seen.log.events()
    assert [(line["event"], line["level"]) for line in lines] == [
        ("reload_refused", "error"), ("reload_refused", "error"), ("reloaded", "info"), ("reload_refused", "error"),
        ("reloaded", "info"),
    ]  # fmt: skip
    assert (lines[0]["file"], lines[0]["path"], lines[0]["problem"]) == ("f:3", "a.b", "is bad")
    assert lines[2]["keys"] == "policy, logs.level"
    assert "CANARY" not in seen.log.text()


def test_start_stop_and_changed_secrets_are_lines() -> None:
    """With the version, and with key paths."""
    seen = Seen()
    seen.observer.started("1.2.3")
    seen.observer.secrets_changed(["admin.token"])
    seen.observer.stopping()
    told = [(line["event"], line.get("version"), line.get("keys")) for line in seen.log.events()]
    assert told == [("started", "1.2.3", None), ("secrets_changed", None, "admin.token"), ("stopping", None, None)]


def test_what_a_policy_may_do_is_counted_from_zero() -> None:
    """Also that of a policy that comes by a reload; what was counted stays."""
    seen = Seen()
    first, second = (Hit(name, Action.STRIP, Mode.ENFORCE) for name in ("first", "second"))
    seen.observer.policy_kept([first], Mode.REPORT)
    seen.observer.policy_acted([first])
    seen.observer.policy_kept([first, second], Mode.ENFORCE)
    counts = [seen.count("pii_actions_total", rule=name, action="strip", mode="enforce") for name in ("first", "second")]
    assert counts == [1, 0]
    name, limits = next(iter(LIMITS.items()))
    assert {seen.count("vendor_limits_total", endpoint=name, limit=next(iter(limits.names)), mode=mode) for mode in Mode} >= {0}
