"""The section `outbound`."""

from typing import Any

import pytest
from pydantic import ValidationError

from proxy.config.outbound import Outbound, OutboundLimits

CALLER = {"name": "billing", "key": "env:BILLING_KEY"}
TLS = {"certificate": "a.pem", "key": "a.key"}


def test_everyone_on_this_machine_may_call_by_default() -> None:
    """The default listens on loopback and tells nobody apart."""
    outbound = Outbound()
    assert (outbound.host, outbound.callers, outbound.named_callers) == ("127.0.0.1", (), ())


@pytest.mark.parametrize("callers", ["any", [CALLER]])
def test_another_address_needs_a_word_about_callers(callers: object) -> None:
    """Who listens beyond loopback either names the callers or says that anyone may call."""
    with pytest.raises(ValidationError, match="name callers, or set callers: any"):
        Outbound.model_validate({"host": "0.0.0.0"})
    assert Outbound.model_validate({"host": "0.0.0.0", "callers": callers}).host == "0.0.0.0"


def test_further_hosts_are_names() -> None:
    """Without a port, a scheme or a wildcard, which would name more than is meant."""
    assert Outbound.model_validate({"hosts": ["sidecar.example.com", "10.0.0.1"]}).hosts == ("sidecar.example.com", "10.0.0.1")
    for wrong in ("sidecar.example.com:80", "https://sidecar.example.com", "*.example.com", "", "user@host", "a%2eb"):
        with pytest.raises(ValidationError, match="must be a host name or an IP address"):
            Outbound.model_validate({"hosts": [wrong]})


def test_any_names_nobody() -> None:
    """`callers: any` tells nobody apart."""
    assert Outbound.model_validate({"callers": "any"}).named_callers == ()


@pytest.mark.parametrize(
    "document",
    [
        {"callers": "all"},
        {"callers": {"name": "a"}},
        {"callers": [CALLER, CALLER]},
        {"callers": [CALLER | {"name": "anyone"}]},
        {"callers": [CALLER | {"name": "two words"}]},
        {"callers": [{"name": "a"}]},
        {"callers": [CALLER | {"key": "placeholder"}]},
        {"port": -1},
        {"port": 65_536},
        {"port": 8443, "tls": TLS},
        {"tls": {"certificate": "a.pem"}},
        {"unknown_endpoints": "allow"},
        {"drain": {"finish_seconds": -1}},
        {"limits": {"depth": 251}},
        {"limits": {"head_bytes": 0}},
        {"limits": {"head_seconds": 0}},
        {"limits": {"body_seconds": None}},
        {"limits": {"body_bytes": 8_000_000}},
        {"limits": {"large_body_bytes": 67_108_864, "inflight_bytes": 1_048_576}},
    ],
)
def test_what_cannot_be_meant_is_refused(document: dict[str, Any]) -> None:
    """No limit is without bound, none contradicts another, and no caller is ambiguous."""
    with pytest.raises(ValidationError):
        Outbound.model_validate(document)


def test_two_free_ports_are_not_the_same_port() -> None:
    """Port 0 picks a free one for each listener."""
    assert Outbound.model_validate({"port": 0, "tls": TLS | {"port": 0}}).port == 0


def test_the_default_limits_are_the_contract_s() -> None:
    """Design 4.2."""
    assert OutboundLimits().model_dump() == {
        "head_bytes": 32_768, "header_count": 100, "body_bytes": 1_048_576, "large_body_bytes": 4_194_304, "depth": 100,
        "connections": 10_000, "inflight_bytes": 67_108_864, "head_seconds": 10, "body_seconds": 30, "idle_seconds": 600,
    }  # fmt: skip
