"""The whole configuration."""

from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from proxy.api.model import Upstream
from proxy.config.delivery import ORIGINS
from proxy.config.model import Config, Destination
from proxy.config.origin import Origin
from proxy.policy.model import PolicyDocument

POLICY = PolicyDocument(version=1)


def config(**sections: Any) -> Config:  # noqa: ANN401 - a configuration is free-form here
    """Return a configuration with these sections."""
    return Config.model_validate({"version": 1, "policy": POLICY, **sections})


@pytest.mark.parametrize("region", ["us", "eu"])
@pytest.mark.parametrize("upstream", Upstream)
def test_calls_go_to_the_region_s_own_origin(region: str, upstream: Upstream) -> None:
    """Without overrides, over TLS that the system's authorities vouch for."""
    assert config(region=region).upstream(upstream) == Destination(ORIGINS["us" if region == "us" else "eu"][upstream], None)


def test_one_upstream_can_be_overridden_alone() -> None:
    """A URL, a CA, or both; the others stay where they were."""
    changed = config(
        region="eu",
        upstreams={"track": {"url": "http://127.0.0.1:9", "ca": "ca.pem"}, "app": {"ca": "ca.pem"}},
    )
    assert changed.upstream(Upstream.TRACK) == Destination(Origin("127.0.0.1", 9, tls=False), Path("ca.pem"))
    assert changed.upstream(Upstream.APP) == Destination(ORIGINS["eu"][Upstream.APP], Path("ca.pem"))
    assert changed.upstream(Upstream.PIPELINES) == Destination(ORIGINS["eu"][Upstream.PIPELINES], None)


@pytest.mark.parametrize(
    "sections",
    [
        {"admin": {"port": 8080}},
        {"outbound": {"port": 9090}},
        {"outbound": {"tls": {"port": 9090, "certificate": "a", "key": "b"}}},
    ],
)
def test_no_port_is_listened_on_twice(sections: dict[str, Any]) -> None:
    """The second listener would fail when it starts; it is told before."""
    with pytest.raises(ValidationError, match=r"admin\.port must not be the same as outbound\."):
        config(**sections)


def test_ports_that_nothing_listens_on_are_not_taken() -> None:
    """Port 0 is any free one, and webhooks without routes listen nowhere."""
    assert config(outbound={"port": 0}, admin={"port": 0}).admin.port == 0
    assert config(admin={"port": 8081}).admin.port == 8081


@pytest.mark.parametrize("sections", [{"version": 2}, {"version": "1"}, {"region": "US"}, {"listen": {}}, {"policy": "a.yaml"}])
def test_what_is_not_in_the_schema_is_refused(sections: dict[str, Any]) -> None:
    """A path in the place of the policy is for `load` alone to follow."""
    with pytest.raises(ValidationError):
        config(**sections)


def test_requests_may_be_sent_to_the_names_of_customer_io() -> None:
    """Of both regions, wherever calls go; and of what is dialled or configured in their place."""
    made = config(outbound={"hosts": ["sidecar.example.com"]}, upstreams={"app": {"url": "https://customer-io.example.com"}})
    names = {"track", "api", "cdp", "track-eu", "api-eu", "cdp-eu"}
    assert set(made.hosts) == {f"{name}.customer.io" for name in names} | {"sidecar.example.com", "customer-io.example.com"}
