"""The sections `upstreams`, `limits` and `delivery`."""

from typing import Any

import pytest
from pydantic import ValidationError

from proxy.api.model import Bucket, Upstream
from proxy.config.delivery import ORIGINS, Buckets, Delivery, Limits, Quota, Timeouts, Upstreams
from proxy.config.outbound import OutboundLimits


def test_each_region_has_its_own_three_origins() -> None:
    """The hosts are those of Customer.io (customerio-api.md 1.1), all of them over TLS."""
    hosts = {region: {upstream: origin.host for upstream, origin in origins.items()} for region, origins in ORIGINS.items()}
    assert hosts == {
        "us": {Upstream.TRACK: "track.customer.io", Upstream.APP: "api.customer.io", Upstream.PIPELINES: "cdp.customer.io"},
        "eu": {
            Upstream.TRACK: "track-eu.customer.io",
            Upstream.APP: "api-eu.customer.io",
            Upstream.PIPELINES: "cdp-eu.customer.io",
        },
    }
    assert all((origin.port, origin.tls) == (443, True) for origins in ORIGINS.values() for origin in origins.values())


def test_every_upstream_has_a_section() -> None:
    """An upstream that is added to the table cannot be forgotten here."""
    assert set(Upstreams.model_fields) == set(Upstream)
    assert all(Upstreams().of(upstream).url is None for upstream in Upstream)


def test_every_bucket_has_customer_io_s_documented_quota() -> None:
    """A bucket that is added cannot be forgotten either; design 4.2 has the figures."""
    assert {bucket: Buckets().of(bucket).model_dump() for bucket in Bucket} == {
        Bucket.TRACK: {"rate_per_second": 1000, "burst": 100},
        Bucket.APP: {"rate_per_second": 10, "burst": 10},
        Bucket.SEND: {"rate_per_second": 1000, "burst": 100},
        Bucket.BROADCAST: {"rate_per_second": 0.1, "burst": 1},
        Bucket.PIPELINES: {"rate_per_second": 1000, "burst": 100},
    }


def test_a_bucket_may_give_one_of_its_values() -> None:
    """The other keeps its own bucket's default, not another's."""
    buckets = Buckets.model_validate({"app": {"burst": 3}, "broadcast": {"rate_per_second": 1}})
    assert buckets.app == Quota(rate_per_second=10, burst=3)
    assert buckets.broadcast == Quota(rate_per_second=1, burst=1)
    assert buckets.track == Quota(rate_per_second=1000, burst=100)


@pytest.mark.parametrize(
    "limits",
    [
        {"replicas": 0},
        {"wait_seconds": 61},
        {"wait_seconds": -1},
        {"backend": "disk"},
        {"buckets": 5},
        {"buckets": {"track": 5}},
        {"buckets": {"tracks": {"burst": 1}}},
        {"buckets": {"track": {"burst": 0}}},
        {"buckets": {"track": {"burst": 1.5}}},
        {"buckets": {"track": {"rate_per_second": 0}}},
        {"buckets": {"track": {"rate_per_second": float("inf")}}},
        {"buckets": {"track": {"per_second": 1}}},
        {"redis": {"url": "redis://user:secret@host"}},
        {"redis": {"url": "http://host"}},
    ],
)
def test_an_impossible_limit_is_refused(limits: dict[str, Any]) -> None:
    """No quota admits nothing or everything, and a URL holds no password."""
    with pytest.raises(ValidationError):
        Limits.model_validate(limits)


def test_by_default_every_application_s_connection_can_have_one_to_customer_io() -> None:
    """A call takes one for as long as it lasts, so a slow Customer.io alone is no reason to refuse."""
    assert Delivery().connections == OutboundLimits().connections


@pytest.mark.parametrize("connections", [0, -1, 65_536, 1.5, "many"])
def test_an_impossible_number_of_connections_is_refused(connections: object) -> None:
    """None at all, or more than there are ports to dial from."""
    with pytest.raises(ValidationError):
        Delivery.model_validate({"connections": connections})


def test_the_default_deadlines_end_before_the_sdks_do() -> None:
    """SDKs give up after ten seconds (customerio-api.md 2.3)."""
    assert Timeouts().model_dump() == {"connect_seconds": 2, "attempt_seconds": 5, "total_seconds": 9}


@pytest.mark.parametrize(
    "timeouts",
    [{"attempt_seconds": 10}, {"connect_seconds": 6}, {"total_seconds": 4}, {"connect_seconds": 0}, {"total_seconds": 301}],
)
def test_deadlines_are_in_order(timeouts: dict[str, Any]) -> None:
    """A connection fits into an attempt, and an attempt into the whole."""
    with pytest.raises(ValidationError):
        Timeouts.model_validate(timeouts)


def test_nothing_is_repeated_kept_or_added_by_default() -> None:
    """What has no machinery yet is off."""
    delivery = Delivery()
    assert (delivery.retries, delivery.breaker, delivery.add_event_ids, delivery.spool.mode) == (None, None, False, "off")


@pytest.mark.parametrize(
    "delivery",
    [
        {"retries": {"attempts": 0}},
        {"retries": {"budget_ratio": 2}},
        {"breaker": {"failures": 0}},
        {"spool": {"mode": "sometimes"}},
        {"spool": {"mode": False}},
        {"spool": {"max_bytes": 5}},
        {"spool": {"key": "a-secret"}},
    ],
)
def test_what_comes_later_has_its_rules_already(delivery: dict[str, Any]) -> None:
    """A part that is not available yet is validated all the same."""
    with pytest.raises(ValidationError):
        Delivery.model_validate(delivery)
