"""The sections `upstreams`, `limits` and `delivery`: where calls go, how fast, and how long they may take."""

from collections.abc import Mapping
from typing import Annotated, Any, Literal, Self

from pydantic import Field, model_validator

from proxy.api.model import Bucket, Upstream
from proxy.config.origin import Origin, OriginUrl
from proxy.config.values import LocalPath, SecretReference, Section

MEBIBYTE = 1024 * 1024

Region = Literal["us", "eu"]

# customerio-api.md 1.1
ORIGINS: Mapping[Region, Mapping[Upstream, Origin]] = {
    "us": {
        Upstream.TRACK: Origin("track.customer.io", 443, tls=True),
        Upstream.APP: Origin("api.customer.io", 443, tls=True),
        Upstream.PIPELINES: Origin("cdp.customer.io", 443, tls=True),
    },
    "eu": {
        Upstream.TRACK: Origin("track-eu.customer.io", 443, tls=True),
        Upstream.APP: Origin("api-eu.customer.io", 443, tls=True),
        Upstream.PIPELINES: Origin("cdp-eu.customer.io", 443, tls=True),
    },
}


class UpstreamSection(Section):
    """One of the three origins of Customer.io, where it is not the region's own."""

    url: OriginUrl | None = None
    """null: the region's own. Plain http to loopback only."""
    ca: LocalPath | None = None
    """PEM; trusted in place of the system's certificate authorities."""


class Upstreams(Section):
    """Overrides of the origins that `region` implies."""

    track: UpstreamSection = UpstreamSection()
    app: UpstreamSection = UpstreamSection()
    pipelines: UpstreamSection = UpstreamSection()

    def of(self, upstream: Upstream) -> UpstreamSection:
        """Return what is said about `upstream`."""
        section: UpstreamSection = getattr(self, upstream.value)
        return section


class Quota(Section):
    """What one rate limit of Customer.io admits."""

    rate_per_second: Annotated[float, Field(gt=0, le=1_000_000)]
    """How many calls a second, over time."""
    burst: Annotated[int, Field(ge=1, le=1_000_000)]
    """How many calls at once."""


# Customer.io's documented limits; the burst is a tenth of a second's worth where a second has that many.
QUOTAS: Mapping[Bucket, Quota] = {
    Bucket.TRACK: Quota(rate_per_second=1000, burst=100),
    Bucket.APP: Quota(rate_per_second=10, burst=10),
    Bucket.SEND: Quota(rate_per_second=1000, burst=100),
    Bucket.BROADCAST: Quota(rate_per_second=0.1, burst=1),
    Bucket.PIPELINES: Quota(rate_per_second=1000, burst=100),
}


class Buckets(Section):
    """The quota of every rate limit."""

    track: Quota = QUOTAS[Bucket.TRACK]
    app: Quota = QUOTAS[Bucket.APP]
    send: Quota = QUOTAS[Bucket.SEND]
    broadcast: Quota = QUOTAS[Bucket.BROADCAST]
    pipelines: Quota = QUOTAS[Bucket.PIPELINES]

    @model_validator(mode="before")
    @classmethod
    def _half_given(cls, value: Any) -> Any:  # noqa: ANN401 - anything the file may hold
        """Let a bucket that gives only one of its two values keep the default of the other."""
        if not isinstance(value, Mapping):
            return value
        return {
            key: {**QUOTAS[Bucket(key)].model_dump(), **quota} if key in set(Bucket) and isinstance(quota, Mapping) else quota
            for key, quota in value.items()
        }

    def of(self, bucket: Bucket) -> Quota:
        """Return the quota of `bucket`."""
        quota: Quota = getattr(self, bucket.value)
        return quota


class Redis(Section):
    """A Redis server that shares rate limits between replicas."""

    url: Annotated[str, Field(pattern=r"^rediss?://[^\s@]+$", max_length=1024)]
    """Without a password, which is a secret."""


class Limits(Section):
    """How fast calls go out."""

    backend: Literal["memory", "redis"] = "memory"
    """Where the state is kept; redis: shared by all replicas."""
    replicas: Annotated[int, Field(ge=1, le=1000)] = 1
    """Without Redis, each of them takes its share of every quota."""
    redis: Redis | None = None
    """The server for `backend: redis`."""
    buckets: Buckets = Buckets()
    wait_seconds: Annotated[float, Field(ge=0, le=60)] = 2
    """How long a call may wait for its turn; then it is refused."""


class Timeouts(Section):
    """How long one call may take. SDKs give up after ten seconds."""

    connect_seconds: Annotated[float, Field(gt=0, le=300)] = 2
    """For TCP and TLS together."""
    attempt_seconds: Annotated[float, Field(gt=0, le=300)] = 5
    """From the start of an attempt to the head of its answer."""
    total_seconds: Annotated[float, Field(gt=0, le=300)] = 9
    """From the request's arrival to the end of its answer."""

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        if self.attempt_seconds > self.total_seconds:
            raise ValueError("attempt_seconds must not be more than total_seconds")
        if self.connect_seconds > self.attempt_seconds:
            raise ValueError("connect_seconds must not be more than attempt_seconds")
        return self


class Retries(Section):
    """How often a call whose answer was a fault of the moment is sent again."""

    attempts: Annotated[int, Field(ge=1, le=10)] = 3
    """How often a call is sent at most."""
    budget_ratio: Annotated[float, Field(ge=0, le=1)] = 0.1
    """How many repeats there may be for each call."""


class Breaker(Section):
    """When calls to an upstream that only fails are refused at once."""

    failures: Annotated[int, Field(ge=1, le=1000)] = 5
    """How many failures in a row make it refuse."""
    open_seconds: Annotated[float, Field(gt=0, le=3600)] = 10
    """How long it refuses before it tries again."""


class Spool(Section):
    """Calls kept on disk while they cannot be delivered."""

    mode: Literal["off", "on_failure", "always"] = "off"
    """When a call is kept."""
    path: LocalPath | None = None
    """The database."""
    max_bytes: Annotated[int, Field(ge=MEBIBYTE)] = 1024 * MEBIBYTE
    """How large it may grow."""
    max_age_seconds: Annotated[float, Field(gt=0)] = 259_200
    """How old a kept call may get."""
    key: SecretReference | None = None
    """What it is encrypted with."""


class Delivery(Section):
    """How a call is brought to Customer.io."""

    timeouts: Timeouts = Timeouts()
    connections: Annotated[int, Field(ge=1, le=65_535)] = 10_000
    """Open at once to each origin, and each a file descriptor; a call that finds none free is refused as overloaded."""
    retries: Retries | None = None
    """null: one attempt."""
    breaker: Breaker | None = None
    """null: none."""
    add_event_ids: bool = False
    """Give events without an id one, so that a repeat of ours is deduplicated."""
    spool: Spool = Spool()
