"""Counts events in metrics, and writes refusals and faults to the log."""

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Final

from structlog.typing import FilteringBoundLogger

from proxy.api.model import Bucket, Credential, Endpoint
from proxy.api.starred import shown_method, starred, starred_row
from proxy.clock import Clock
from proxy.credentials.model import Kind, Version
from proxy.delivery import ports
from proxy.errors import ANSWERS, ConfigError, Reason
from proxy.exchange import RequestHead
from proxy.logs import fault
from proxy.metrics import VERDICTS, Metrics
from proxy.payload.oversize import LIMITS, Excess
from proxy.policy.fields import Hit
from proxy.policy.model import Mode

# The endpoint label of a request that matched no endpoint.
UNMATCHED: Final = "none"
_NO_CREDENTIAL: Final = Credential.NONE


class Observer(ports.Observer):
    """The observer of the proxied path. No method waits or raises, even if the log fails."""

    def __init__(self, metrics: Metrics, log: FilteringBoundLogger, clock: Clock) -> None:
        """Count in `metrics`, and write to `log`."""
        self._metrics = metrics
        self._log = log
        self._clock = clock

    def answered(self, endpoint: Endpoint, status: int, key_id: str, seconds: float, started: float) -> None:
        """Count a success that came whole: `credential_used`, `upstream_answered` after `seconds`, and `forwarded`."""
        metrics = self._metrics
        name = endpoint.name
        credential = endpoint.credential
        if credential is not _NO_CREDENTIAL:
            metrics.credential_requests.values[credential, key_id, "accepted"].number += 1
        metrics.requests.values[name, status, "forwarded"].number += 1
        metrics.upstream_duration.observe(name, seconds)
        metrics.request_duration.observe(name, self._clock.monotonic() - started)

    def forwarded(self, endpoint: Endpoint, status: int, started: float) -> None:
        """Count an upstream answer that reached the caller."""
        metrics = self._metrics
        metrics.requests.values[endpoint.name, status, "forwarded"].number += 1
        metrics.request_duration.observe(endpoint.name, self._clock.monotonic() - started)

    def cut(self, reason: Reason, endpoint: Endpoint, status: int, caller: str | None, started: float) -> None:
        """Count an upstream answer of which the caller got only the beginning, and log it."""
        self.forwarded(endpoint, status, started)
        self._log.warning("answer_cut", reason=reason.value, endpoint=endpoint.name, status=status, caller=caller)

    def refused(
        self,
        reason: Reason,
        endpoint: Endpoint | None,
        caller: str | None,
        started: float | None,
        head: RequestHead | None = None,
    ) -> None:
        """Count a refusal, and write its one line; `head` is of a request that has no endpoint."""
        name = UNMATCHED if endpoint is None else endpoint.name
        call: dict[str, str] = {}
        if endpoint is not None:
            call = {"method": endpoint.method, "path": starred_row(endpoint)}
        elif head is not None:
            call = {"method": shown_method(head.method), "path": starred(head.target)}
        status = ANSWERS[reason].status
        self._metrics.requests.add(name, status, "refused")
        self._metrics.refusals.add(reason)
        if started is not None:
            self._metrics.request_duration.observe(name, self._clock.monotonic() - started)
        self._log.warning("refused", reason=reason.value, endpoint=name, **call, status=status, caller=caller)

    def upstream_answered(self, endpoint: Endpoint, seconds: float) -> None:
        """Record the duration of an attempt that was answered."""
        self._metrics.upstream_duration.observe(endpoint.name, seconds)

    def credential_held(self, credential: Credential, key_id: str) -> None:
        """Expose the counters of a credential that calls may carry from now on."""
        for verdict in VERDICTS:
            self._metrics.credential_requests.expect(credential, key_id, verdict)

    def secret_unavailable(self, path: str, problem: str) -> None:
        """Log a secret that is not available yet, and without which no request can be decided."""
        self._log.warning("secret_unavailable", path=path, problem=problem)

    def secrets_changed(self, keys: Sequence[str]) -> None:
        """Log the key paths of secrets that are used from now on in place of others."""
        self._log.info("secrets_changed", keys=", ".join(keys))

    def started(self, version: str) -> None:
        """Log that the listeners accept."""
        self._log.info("started", version=version)

    def stopping(self) -> None:
        """Log that the process was asked to end."""
        self._log.info("stopping")

    def reloaded(self, keys: Sequence[str]) -> None:
        """Log the key paths that changed, none where only what is in a file changed, and note the success."""
        self._metrics.config_reload.set(1)
        self._log.info("reloaded", keys=", ".join(keys))

    def reload_refused(self, problems: Iterable[ConfigError]) -> None:
        """Log each problem of a configuration that is not put in force, and note the failure."""
        self._metrics.config_reload.set(0)
        for problem in problems:
            self._log.error("reload_refused", file=problem.file, path=problem.path, problem=problem.problem)

    def reload_failed(self, error: BaseException) -> None:
        """Log a fault of our own in a reload, and note the failure."""
        self._metrics.config_reload.set(0)
        self._log.error("reload_refused", problem="the sidecar itself failed", **fault(error))

    def store_read(self, source: Kind, slot: str, problem: str) -> None:
        """Count a read of a secret store, and log one that failed."""
        self._metrics.credential_refresh.add(source, "error" if problem else "ok")
        if problem:
            self._log.warning("store_unavailable", store=source.value, credential=slot, problem=problem)

    def version_adopted(self, slot: str, version: Version) -> None:
        """Log a credential that calls carry from now on."""
        key_id = version.authorization.key_id
        self._log.info("credential_adopted", credential=slot, key_id=key_id, store=version.source.value, version=version.name)

    def version_refused(self, slot: str, version: Version, problem: str) -> None:
        """Log a credential that is in a store but is not used."""
        key_id = version.authorization.key_id
        self._log.warning("credential_refused", credential=slot, key_id=key_id, version=version.name, problem=problem)

    def credential_used(self, credential: Credential, key_id: str, *, accepted: bool) -> None:
        """Count a use of a credential, and whether it was accepted."""
        self._metrics.credential_requests.values[credential, key_id, "accepted" if accepted else "rejected"].number += 1

    def limited(self, bucket: Bucket, result: str) -> None:
        """Count a decision of a rate limit: `result` is admitted, waited or refused."""
        self._metrics.ratelimit.values[bucket, result].number += 1

    def retried(self, reason: str) -> None:
        """Count a call that is sent again."""
        self._metrics.retries.add(reason)

    def swallowed(self, endpoint: Endpoint) -> None:
        """Count a rejection by Customer.io that a caller without strict mode does not see."""
        self._metrics.lenient_rejections.add(endpoint.name)

    def policy_acted(self, hits: Iterable[Hit]) -> None:
        """Count the actions of the policy."""
        counts = self._metrics.pii_actions.values
        for hit in hits:
            counts[hit.labels].number += 1

    def policy_kept(self, hits: Iterable[Hit], vendor_limits: Mode) -> None:
        """Note what a policy may do: a counter that begins with its first hit hides it from `rate`."""
        for hit in hits:
            self._metrics.pii_actions.expect(*hit.labels)
        for endpoint, limits in LIMITS.items():
            for limit in limits.names:
                self._metrics.vendor_limits.expect(endpoint, limit, vendor_limits)

    def inventory_kept(self, endpoints: Iterable[str]) -> None:
        """Expose the counters of new fields, because an inventory is kept."""
        self._metrics.inventory_unrecorded.expect()
        for name in endpoints:
            self._metrics.inventory_new_fields.expect(name)

    def field_is_new(self, endpoint: str) -> None:
        """Count a field that was not seen before."""
        self._metrics.inventory_new_fields.add(endpoint)

    def field_unrecorded(self) -> None:
        """Count a field that the inventory has no room for."""
        self._metrics.inventory_unrecorded.add()

    def over_limit(self, endpoint: Endpoint, excesses: Sequence[Excess], mode: Mode, caller: str | None) -> None:
        """Count calls and items over a size limit of Customer.io. If they were not sent, log one line for each limit."""
        limits = Counter(excess.bound.limit.value for excess in excesses)
        for limit, items in limits.items():
            self._metrics.vendor_limits.values[endpoint.name, limit, mode.value].number += items
            if mode is Mode.ENFORCE:
                self._log.warning("over_vendor_limit", endpoint=endpoint.name, limit=limit, items=items, caller=caller)

    def stage_failed(self, stage: str, error: BaseException) -> None:
        """Count and log a fault of the sidecar in a privacy stage."""
        self._metrics.pii_errors.add(stage)
        self._log.error("stage_failed", reason=stage, **fault(error))

    def unreachable(self, upstream: str, error: BaseException) -> None:
        """Log the reason why a connection to Customer.io could not be made."""
        self._log.warning("upstream_unreachable", upstream=upstream, **fault(error))

    def crashed(self, task: str, error: BaseException) -> None:
        """Log the crash of a task."""
        self._log.error("task_crashed", task=task, **fault(error))
