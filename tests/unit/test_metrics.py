"""Metrics as Prometheus reads them: names, labels, formats."""

import os
import subprocess
from collections.abc import Callable, Iterable

import pytest
from prometheus_client import CollectorRegistry, Metric
from prometheus_client.exposition import generate_latest as plain_text
from prometheus_client.openmetrics.exposition import generate_latest as openmetrics_text
from prometheus_client.openmetrics.parser import text_string_to_metric_families as parse_openmetrics
from prometheus_client.parser import text_string_to_metric_families as parse_plain

from proxy.api.model import Bucket
from proxy.errors import Reason
from proxy.metrics import ADMISSIONS, BUCKETS_SECONDS, STAGES, Counter, Gauge, Histogram, Metrics
from tests.needs import path_of

# Design 4.4, as far as its machinery is there; and what design 2.8 has counted beside it.
LABELS = {
    "cio_sidecar_requests": {"endpoint", "code", "outcome"},
    "cio_sidecar_refusals": {"reason"},
    "cio_sidecar_request_duration_seconds": {"endpoint"},
    "cio_sidecar_upstream_duration_seconds": {"endpoint"},
    "cio_sidecar_inflight": set(),
    "cio_sidecar_loop_lag_seconds": set(),
    "cio_sidecar_pii_actions": {"rule", "action", "mode"},
    "cio_sidecar_vendor_limits": {"endpoint", "limit", "mode"},
    "cio_sidecar_pii_errors": {"stage"},
    "cio_sidecar_inventory_new_fields": {"endpoint"},
    "cio_sidecar_inventory_fields": set(),
    "cio_sidecar_inventory_unrecorded": set(),
    "cio_sidecar_credential_refresh": {"store", "result"},
    "cio_sidecar_credential_requests": {"credential", "key_id", "result"},
    "cio_sidecar_credential_staleness_seconds": {"credential"},
    "cio_sidecar_credential_version_age_seconds": {"credential"},
    "cio_sidecar_ratelimit": {"bucket", "result"},
    "cio_sidecar_retries": {"reason"},
    "cio_sidecar_lenient_rejections": {"endpoint"},
    "cio_sidecar_config_last_reload_successful": set(),
    "cio_sidecar_build_info": {"version", "compiled"},
}
Parser = Callable[[str], Iterable[Metric]]
FORMATS = [(plain_text, parse_plain), (openmetrics_text, parse_openmetrics)]


def used() -> CollectorRegistry:
    """Return a registry on which everything was counted once, with labels that need escaping."""
    registry = CollectorRegistry()
    metrics = Metrics(registry, "1.2.3")
    metrics.requests.add("track.v1.identify", 200, "forwarded")
    metrics.refusals.add(Reason.RATE_LIMITED)
    metrics.request_duration.observe("track.v1.identify", 0.003)
    metrics.upstream_duration.observe("track.v1.identify", 99)
    metrics.inflight.read = lambda: {(): 3}
    metrics.pii_actions.add('a "rule"\\\n', "strip", "enforce")
    metrics.vendor_limits.add("track.v1.identify", "attributes", "report")
    metrics.pii_errors.add("policy")
    metrics.inventory_new_fields.add("track.v1.identify")
    metrics.inventory_fields.read = lambda: {(): 12}
    metrics.inventory_unrecorded.add()
    metrics.credential_requests.add("track", "1f2e3d4c", "accepted")
    metrics.credential_refresh.add("vault", "ok")
    metrics.credential_staleness.read = lambda: {("track",): 3.5}
    metrics.credential_version_age.read = lambda: {("track_next",): 86_400.0}
    metrics.ratelimit.add(Bucket.TRACK, "admitted")
    metrics.retries.add("stale_connection")
    metrics.lenient_rejections.add("pipelines.v1.track")
    return registry


@pytest.mark.parametrize(("write", "parse"), FORMATS)
def test_every_metric_has_the_name_and_labels_it_is_known_by(write: Callable[..., bytes], parse: Parser) -> None:
    """Dashboards and alerts are written against these (design 4.4); nothing else is exposed, in either format."""
    families = list(parse(write(used()).decode()))
    labels = {family.name: {label for sample in family.samples for label in sample.labels} - {"le"} for family in families}
    assert labels == LABELS
    assert all(family.documentation for family in families)


@pytest.mark.parametrize(("write", "parse"), FORMATS)
def test_label_values_survive_the_format(write: Callable[..., bytes], parse: Parser) -> None:
    """A rule's name may hold what the format has to escape."""
    rules = {sample.labels.get("rule") for family in parse(write(used()).decode()) for sample in family.samples}
    assert 'a "rule"\\\n' in rules


@pytest.mark.needs("promtool")
def test_the_page_passes_prometheus_own_check() -> None:
    """`promtool check metrics` finds nothing to say about names, types or help."""
    done = subprocess.run(
        [path_of("promtool"), "check", "metrics"], input=plain_text(used()), capture_output=True, timeout=30, check=False
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, b"", b"")


def test_what_can_be_counted_is_there_before_it_happens() -> None:
    """A first refusal is an increase from zero, which an alert sees, and not a new series, which it does not."""
    registry = CollectorRegistry()
    Metrics(registry, "1.2.3")
    expected = [
        *(("refusals_total", {"reason": reason.value}) for reason in Reason),
        *(("ratelimit_total", {"bucket": bucket.value, "result": result}) for bucket in Bucket for result in ADMISSIONS),
        *(("pii_errors_total", {"stage": stage}) for stage in STAGES),
        ("retries_total", {"reason": "stale_connection"}),
    ]
    assert [registry.get_sample_value(f"cio_sidecar_{name}", labels) for name, labels in expected] == [0] * len(expected)


def test_a_new_process_says_what_runs() -> None:
    """Version and configuration are there at the first scrape."""
    registry = CollectorRegistry()
    Metrics(registry, "1.2.3")
    compiled = "true" if os.environ.get("COMPILED") else "false"  # `make test COMPILED=1`
    assert registry.get_sample_value("cio_sidecar_build_info", {"version": "1.2.3", "compiled": compiled}) == 1
    assert registry.get_sample_value("cio_sidecar_config_last_reload_successful") == 1
    assert registry.get_sample_value("cio_sidecar_loop_lag_seconds") == 0


def test_expecting_a_count_does_not_reset_it() -> None:
    """A credential that is held again keeps its counts."""
    counter = Counter("x", "x", ("a",))
    counter.add("b")
    counter.expect("b")
    assert {labels: count.number for labels, count in counter.values.items()} == {("b",): 1}


def test_a_label_is_one_whatever_type_it_was_counted_by() -> None:
    """An enumeration's member and its text are the same series."""
    counter = Counter("x", "x", ("a",))
    counter.add(Reason.INTERNAL)
    counter.add("internal")
    assert [(sample.labels, sample.value) for sample in counter.family().samples] == [({"a": "internal"}, 2)]


def test_a_gauge_is_read_at_the_scrape() -> None:
    """What is in flight is not counted twice, it is looked at."""
    gauge = Gauge("x", "x")
    assert gauge.family().samples == []
    now = [1.0]
    gauge.read = lambda: {(): now[0]}
    assert [sample.value for sample in gauge.family().samples] == [1]
    now[0] = 2
    assert [sample.value for sample in gauge.family().samples] == [2]


@pytest.mark.parametrize(
    ("seconds", "bound"), [(0.0, "0.0005"), (0.0005, "0.0005"), (0.00051, "0.001"), (10.0, "10.0"), (10.1, "+Inf")]
)
def test_an_observation_lands_in_its_bucket(seconds: float, bound: str) -> None:
    """Bounds are inclusive, buckets cumulative, and nothing falls out at the end."""
    histogram = Histogram("x", "x", "endpoint")
    histogram.observe("a", seconds)
    counts = {sample.labels["le"]: sample.value for sample in histogram.family().samples if sample.name.endswith("_bucket")}
    at = list(counts).index(bound)
    assert list(counts.values()) == [0] * at + [1] * (len(BUCKETS_SECONDS) + 1 - at)


def test_a_histogram_counts_and_sums() -> None:
    """Averages can be taken, by endpoint."""
    histogram = Histogram("x", "x", "endpoint")
    for endpoint, seconds in (("a", 0.25), ("a", 0.5), ("b", 1.0)):
        histogram.observe(endpoint, seconds)
    samples = {(sample.name, sample.labels["endpoint"]): sample.value for sample in histogram.family().samples}
    assert samples["cio_sidecar_x_count", "a"] == 2
    assert samples["cio_sidecar_x_sum", "a"] == 0.75
    assert samples["cio_sidecar_x_count", "b"] == 1
