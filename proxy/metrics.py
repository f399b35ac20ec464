"""Every instrument, on a registry that is passed in.

The proxied path runs in one thread, so its instruments are plain numbers that a collector reads at a scrape: a labelled
`inc` of the client library costs a microsecond, and a request makes half a dozen. Labels are closed sets: endpoint names,
codes, rules and key fingerprints, never an id, a path or a field.

A count whose labels are known beforehand is exposed as zero from the start. Otherwise its first increase would be its first
sample, and Prometheus' `rate` and `increase` would not see it.
"""

from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from itertools import accumulate
from typing import Final

from prometheus_client import CollectorRegistry
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector

from proxy.api.model import Bucket
from proxy.errors import Reason

PREFIX = "cio_sidecar_"
# Whether the modules of the proxied path, of which this is one, were compiled when the package was built (docs/decisions/0008).
COMPILED = not __file__.endswith(".py")
# Seconds. The sidecar adds fractions of a millisecond; Customer.io answers in tens; deadlines end at nine seconds.
BUCKETS_SECONDS: Final[tuple[float, ...]] = (
    0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0,
)  # fmt: skip
_BOUNDS = (*map(str, BUCKETS_SECONDS), "+Inf")

# The closed sets of label values that have no enumeration of their own.
ADMISSIONS = ("admitted", "waited", "refused")
VERDICTS = ("accepted", "rejected")
STAGES = ("admit", "decode", "caller", "inventory", "policy", "encode", "target", "query", "limits", "head", "prepare")
RETRY_REASONS = ("stale_connection", "rejected_key")

Label = str | int
"""A label value, turned into text at the scrape."""


class Count:
    """One number. Found once and counted up in place, where a plain number would be looked up twice."""

    __slots__ = ("number",)

    def __init__(self) -> None:
        """Begin with zero."""
        self.number = 0


class Counter:
    """Counts by label values: `counter.values[labels].number += 1`."""

    def __init__(self, name: str, help_text: str, labels: tuple[str, ...] = ()) -> None:
        """Describe the metric; `_total` is added to its name by the exposition."""
        self._name, self._help, self._labels = name, help_text, labels
        self.values: defaultdict[tuple[Label, ...], Count] = defaultdict(Count)

    def add(self, *labels: Label) -> None:
        """Count one."""
        self.values[labels].number += 1

    def expect(self, *labels: Label) -> None:
        """Expose the count of `labels` even while it is zero."""
        self.values[labels]

    def family(self) -> Metric:
        """Return the samples of now."""
        family = CounterMetricFamily(PREFIX + self._name, self._help, labels=self._labels)
        for labels, count in self.values.items():
            family.add_metric([str(label) for label in labels], count.number)
        return family


class Gauge:
    """Values read at the scrape, or set, by label values."""

    def __init__(
        self,
        name: str,
        help_text: str,
        labels: tuple[str, ...] = (),
        read: Callable[[], Mapping[tuple[str, ...], float]] | None = None,
    ) -> None:
        """Describe the metric; `read` gives its values."""
        self._name, self._help, self._labels = name, help_text, labels
        self.read = read
        self.values: dict[tuple[str, ...], float] = {}

    def set(self, value: float, *labels: str) -> None:
        """Set the value."""
        self.values[labels] = value

    def family(self) -> Metric:
        """Return the samples of now."""
        family = GaugeMetricFamily(PREFIX + self._name, self._help, labels=self._labels)
        samples = self.values if self.read is None else self.read()
        for labels, value in samples.items():
            family.add_metric(labels, value)
        return family


class _Series:
    """What was observed under one label: how many in each bucket and beyond the last, and the sum of all."""

    __slots__ = ("counts", "seconds")

    def __init__(self) -> None:
        self.counts = [0] * len(_BOUNDS)
        self.seconds = 0.0


class Histogram:
    """Observations in seconds by one label."""

    def __init__(self, name: str, help_text: str, label: str) -> None:
        """Describe the metric."""
        self._name, self._help, self._label = name, help_text, label
        self._series: defaultdict[str, _Series] = defaultdict(_Series)

    def observe(self, label: str, seconds: float) -> None:
        """Add an observation."""
        series = self._series[label]
        series.seconds += seconds
        bucket = 0
        for bound in BUCKETS_SECONDS:  # nearly all fall into one of the first, so that bisecting takes longer
            if seconds <= bound:
                break
            bucket += 1
        series.counts[bucket] += 1

    def family(self) -> Metric:
        """Return the samples of now."""
        family = HistogramMetricFamily(PREFIX + self._name, self._help, labels=(self._label,))
        for label, series in self._series.items():
            buckets = list(zip(_BOUNDS, accumulate(series.counts), strict=True))
            family.add_metric((label,), buckets, series.seconds)
        return family


class Metrics(Collector):
    """All instruments of a process."""

    def __init__(self, registry: CollectorRegistry, version: str) -> None:
        """Register with `registry`."""
        self.requests = Counter("requests", "Requests by what became of them.", ("endpoint", "code", "outcome"))
        self.refusals = Counter("refusals", "Refusals by their reason.", ("reason",))
        self.request_duration = Histogram(
            "request_duration_seconds", "From the request's head to the end of its answer.", "endpoint"
        )
        self.upstream_duration = Histogram(
            "upstream_duration_seconds", "From a call sent to Customer.io to the end of its answer.", "endpoint"
        )
        self.inflight = Gauge("inflight", "Requests on their way to Customer.io or back.")
        self.loop_lag = Gauge("loop_lag_seconds", "How late the event loop last came to a timer.")
        self.pii_actions = Counter(
            "pii_actions", "What the policy did, or in report mode would do.", ("rule", "action", "mode")
        )
        self.vendor_limits = Counter(
            "vendor_limits", "Calls and batch items over a limit of Customer.io's own.", ("endpoint", "limit", "mode")
        )
        self.pii_errors = Counter("pii_errors", "Requests refused because a privacy stage failed.", ("stage",))
        self.inventory_new_fields = Counter(
            "inventory_new_fields", "Fields that no caller had sent before, where an inventory is kept.", ("endpoint",)
        )
        self.inventory_fields = Gauge("inventory_fields", "Fields in the inventory, where one is kept.")
        self.inventory_unrecorded = Counter(
            "inventory_unrecorded", "Times that the inventory had no room for a field, or not for its own name."
        )
        self.credential_requests = Counter(
            "credential_requests", "Uses of a credential by Customer.io's verdict.", ("credential", "key_id", "result")
        )
        self.credential_refresh = Counter("credential_refresh", "Reads of a secret store.", ("store", "result"))
        self.credential_staleness = Gauge(
            "credential_staleness_seconds", "Since its store last confirmed a credential that is in use.", ("credential",)
        )
        self.credential_version_age = Gauge(
            "credential_version_age_seconds", "Since the version in use was made, where its store has a date.", ("credential",)
        )
        self.ratelimit = Counter("ratelimit", "Calls by what the rate limit did with them.", ("bucket", "result"))
        self.retries = Counter("retries", "Calls sent again.", ("reason",))
        self.lenient_rejections = Counter(
            "lenient_rejections", "Pipelines calls rejected upstream and answered 200, as their caller asked.", ("endpoint",)
        )
        self.config_reload = Gauge(
            "config_last_reload_successful", "Whether the configuration in use is the one last asked for."
        )
        self.build_info = Gauge("build_info", "The version that runs, and whether it is compiled.", ("version", "compiled"))
        self._expect()
        self.loop_lag.set(0)
        self.build_info.set(1, version, str(COMPILED).lower())
        self.config_reload.set(1)
        registry.register(self)

    def _expect(self) -> None:
        for reason in Reason:
            self.refusals.expect(reason)
        for bucket in Bucket:
            for result in ADMISSIONS:
                self.ratelimit.expect(bucket, result)
        for stage in STAGES:
            self.pii_errors.expect(stage)
        for cause in RETRY_REASONS:
            self.retries.expect(cause)

    def collect(self) -> Iterator[Metric]:
        """Give every family, at a scrape."""
        instruments: tuple[Counter | Gauge | Histogram, ...] = (
            self.requests, self.refusals, self.request_duration, self.upstream_duration, self.inflight, self.loop_lag,
            self.pii_actions, self.pii_errors, self.inventory_new_fields, self.inventory_fields,
            self.inventory_unrecorded, self.vendor_limits,
            self.credential_requests, self.credential_refresh, self.credential_staleness,
            self.credential_version_age, self.ratelimit, self.retries, self.lenient_rejections, self.config_reload,
            self.build_info,
        )  # fmt: skip
        for instrument in instruments:
            yield instrument.family()
