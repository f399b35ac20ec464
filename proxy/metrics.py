"""All metrics, on a registry that is passed in.

The proxied path runs in one thread, so its metrics are plain numbers that a collector reads at a scrape. A labelled `inc` of
the client library costs a microsecond, and a request makes half a dozen. Labels have closed sets of values: endpoint names,
codes, rules and key fingerprints, never an id, a path or a field.

A counter whose labels are known in advance is exposed as zero from the start. Otherwise its first increase would be its first
sample, and `rate` and `increase` of Prometheus would miss it.
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
# Whether the modules of the proxied path, such as this one, were compiled when the package was built (docs/decisions/0008).
COMPILED = not __file__.endswith(".py")
# The sidecar adds fractions of a millisecond, Customer.io answers in tens of milliseconds, and deadlines end at nine seconds.
BUCKETS_SECONDS: Final[tuple[float, ...]] = (
    0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0,
)  # fmt: skip
_BOUNDS = (*map(str, BUCKETS_SECONDS), "+Inf")

# Closed sets of label values that have no enum.
ADMISSIONS = ("admitted", "waited", "refused")
VERDICTS = ("accepted", "rejected")
STAGES = ("admit", "decode", "caller", "inventory", "policy", "encode", "target", "query", "limits", "head", "prepare")
RETRY_REASONS = ("stale_connection", "rejected_key")

Label = str | int
"""A label value, converted to text at the scrape."""


class Count:
    """One number. It is looked up once and increased in place; a plain number in a dict would be looked up twice."""

    __slots__ = ("number",)

    def __init__(self) -> None:
        """Begin with the number zero."""
        self.number = 0


class Counter:
    """Counts by label values: `counter.values[labels].number += 1`."""

    def __init__(self, name: str, help_text: str, labels: tuple[str, ...] = ()) -> None:
        """Describe the metric. The exposition adds `_total` to its name."""
        self._name, self._help, self._labels = name, help_text, labels
        self.values: defaultdict[tuple[Label, ...], Count] = defaultdict(Count)

    def add(self, *labels: Label) -> None:
        """Add one to the count of `labels`."""
        self.values[labels].number += 1

    def expect(self, *labels: Label) -> None:
        """Expose the count of `labels`, even while it is zero."""
        self.values[labels]

    def family(self) -> Metric:
        """Return the current samples."""
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
        """Describe the metric. If `read` is given, it returns the values at a scrape."""
        self._name, self._help, self._labels = name, help_text, labels
        self.read = read
        self.values: dict[tuple[str, ...], float] = {}

    def set(self, value: float, *labels: str) -> None:
        """Set the value of `labels`."""
        self.values[labels] = value

    def family(self) -> Metric:
        """Return the current samples."""
        family = GaugeMetricFamily(PREFIX + self._name, self._help, labels=self._labels)
        samples = self.values if self.read is None else self.read()
        for labels, value in samples.items():
            family.add_metric(labels, value)
        return family


class _Series:
    """The observations of one label: the count in each bucket and above the last one, and the sum in seconds."""

    __slots__ = ("counts", "seconds")

    def __init__(self) -> None:
        self.counts = [0] * len(_BOUNDS)
        self.seconds = 0.0


class Histogram:
    """Observations in seconds by one label."""

    def __init__(self, name: str, help_text: str, label: str) -> None:
        """Describe the metric; `label` is the name of its label."""
        self._name, self._help, self._label = name, help_text, label
        self._series: defaultdict[str, _Series] = defaultdict(_Series)

    def observe(self, label: str, seconds: float) -> None:
        """Add an observation of `seconds`."""
        series = self._series[label]
        series.seconds += seconds
        bucket = 0
        for bound in BUCKETS_SECONDS:  # nearly all are in the first buckets, so a binary search would take longer
            if seconds <= bound:
                break
            bucket += 1
        series.counts[bucket] += 1

    def family(self) -> Metric:
        """Return the current samples."""
        family = HistogramMetricFamily(PREFIX + self._name, self._help, labels=(self._label,))
        for label, series in self._series.items():
            buckets = list(zip(_BOUNDS, accumulate(series.counts), strict=True))
            family.add_metric((label,), buckets, series.seconds)
        return family


class Metrics(Collector):
    """All metrics of a process."""

    def __init__(self, registry: CollectorRegistry, version: str) -> None:
        """Make all metrics, and register this collector with `registry`."""
        self.requests = Counter("requests", "Requests by status code and outcome.", ("endpoint", "code", "outcome"))
        self.refusals = Counter("refusals", "Refusals by their reason.", ("reason",))
        self.request_duration = Histogram(
            "request_duration_seconds", "Seconds from the head of a request to the end of its answer.", "endpoint"
        )
        self.upstream_duration = Histogram(
            "upstream_duration_seconds", "Seconds from sending a call to Customer.io to the end of its answer.", "endpoint"
        )
        self.inflight = Gauge("inflight", "Requests that are being forwarded or answered.")
        self.loop_lag = Gauge("loop_lag_seconds", "Delay of the event loop at its last timer, in seconds.")
        self.pii_actions = Counter(
            "pii_actions", "Actions of the policy; in report mode, actions that it would take.", ("rule", "action", "mode")
        )
        self.vendor_limits = Counter(
            "vendor_limits", "Calls and batch items over a size limit of Customer.io.", ("endpoint", "limit", "mode")
        )
        self.pii_errors = Counter("pii_errors", "Requests refused because a privacy stage failed.", ("stage",))
        self.inventory_new_fields = Counter(
            "inventory_new_fields", "Fields that were seen for the first time, if an inventory is kept.", ("endpoint",)
        )
        self.inventory_fields = Gauge("inventory_fields", "Fields in the inventory, if one is kept.")
        self.inventory_unrecorded = Counter(
            "inventory_unrecorded", "Times that the inventory had no room for a field, or for its name."
        )
        self.credential_requests = Counter(
            "credential_requests", "Uses of a credential, by Customer.io's answer.", ("credential", "key_id", "result")
        )
        self.credential_refresh = Counter("credential_refresh", "Reads of a secret store.", ("store", "result"))
        self.credential_staleness = Gauge(
            "credential_staleness_seconds", "Seconds since its store last confirmed a credential in use.", ("credential",)
        )
        self.credential_version_age = Gauge(
            "credential_version_age_seconds", "Age in seconds of the version in use, if its store has a date.", ("credential",)
        )
        self.ratelimit = Counter("ratelimit", "Calls by the decision of the rate limit.", ("bucket", "result"))
        self.retries = Counter("retries", "Calls sent again.", ("reason",))
        self.lenient_rejections = Counter(
            "lenient_rejections",
            "Pipelines calls rejected upstream and answered 200, because the caller did not ask for strict mode.",
            ("endpoint",),
        )
        self.config_reload = Gauge("config_last_reload_successful", "Whether the last reload of the configuration succeeded.")
        self.build_info = Gauge("build_info", "The running version, and whether it is compiled.", ("version", "compiled"))
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
        """Yield all metric families, at a scrape."""
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
