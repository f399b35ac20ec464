"""What a configuration comes to, before anything works by it."""

from pathlib import Path
from typing import Any

import pytest

from proxy.api.model import Bucket
from proxy.cli.stores import providers
from proxy.config.model import Config
from proxy.credentials.resolve import resolve
from proxy.errors import ConfigError
from proxy.policy.inventory import Inventory, Known, Scanner
from proxy.policy.model import PolicyDocument
from proxy.snapshot import Snapshot, build


def built(policy: dict[str, Any] | None = None, kept: Inventory | None = None, **sections: Any) -> Snapshot:  # noqa: ANN401
    """Build a configuration with these sections, where an inventory may be kept already."""
    document = PolicyDocument.model_validate({"version": 1} | (policy or {}))
    config = Config.model_validate({"version": 1, "policy": document, **sections})
    known = providers(config, {})

    def inventory(told: Known, scanner: Scanner | None) -> Inventory:
        return Inventory(lambda: 0.0, lambda _: None, lambda: None, told, scanner) if kept is None else kept

    return build(config, known, resolve(config, known), inventory)


def test_every_bound_is_the_configured_one() -> None:
    """In the shapes that the parts take them in; a replica has its share of a rate."""
    limits = {
        "head_bytes": 2048, "header_count": 9, "body_bytes": 1024, "large_body_bytes": 4096, "depth": 7, "connections": 3,
        "inflight_bytes": 2_097_152, "head_seconds": 1, "body_seconds": 2, "idle_seconds": 4,
    }  # fmt: skip
    snapshot = built(
        outbound={"limits": limits, "hosts": ["a.example.com"]},
        limits={"replicas": 2, "buckets": {"track": {"rate_per_second": 10, "burst": 4}}},
        delivery={"timeouts": {"total_seconds": 6, "attempt_seconds": 3}},
    )
    server = snapshot.server_limits
    assert {name: getattr(server, name) for name in limits if hasattr(server, name)} == {
        name: value for name, value in limits.items() if name not in {"body_bytes", "large_body_bytes", "depth"}
    }
    rules = snapshot.rules
    assert (rules.body_bytes, rules.large_body_bytes, rules.depth) == (1024, 4096, 7)
    assert rules.hosts.takes(b"a.example.com")
    assert (snapshot.quotas[Bucket.TRACK].rate_per_second, snapshot.quotas[Bucket.TRACK].burst) == (5, 2)
    assert set(snapshot.quotas) == set(Bucket)
    assert (snapshot.timeouts.total_seconds, snapshot.timeouts.attempt_seconds) == (6, 3)
    assert snapshot.listener_tls is None


def test_an_inventory_that_is_kept_is_kept_on() -> None:
    """And is not changed by being built into what may be refused yet."""
    kept = Inventory(lambda: 0.0, lambda _: None, lambda: None)
    kept.saw("track.v1.identify", {"plan": 1}, b'{"plan":1}')
    snapshot = built({"inventory": {"detect": ["email"]}}, kept)
    assert snapshot.rules.inventory is kept
    kept.saw("track.v1.identify", {"mail": "a@b.com"}, b'{"mail":"a@b.com"}')
    assert not any(seen.detectors for _, seen in kept)
    assert built({}, kept).rules.inventory is None
    assert built({"inventory": {}}).rules.inventory is not None


@pytest.mark.parametrize(
    ("policy", "sections", "path"),
    [
        ({"rules": [{"name": "a", "fields": ["b"], "action": "mask", "endpoints": ["no.such"]}]}, {}, "rules.0.endpoints.0"),
        ({"inventory": {"known": "/nowhere"}}, {}, "policy.inventory.known"),
        ({}, {"outbound": {"tls": {"certificate": "/nowhere", "key": "/nowhere"}}}, "outbound.tls"),
    ],
)
def test_what_does_not_fit_is_told_by_its_key(policy: dict[str, Any], sections: dict[str, Any], path: str) -> None:
    """Whatever only shows once the parts are put together."""
    with pytest.raises(ConfigError) as raised:
        built(policy, **sections)
    assert raised.value.path.endswith(path)


def test_a_snapshot_has_the_fields_that_are_no_news(tmp_path: Path) -> None:
    """They are put into the inventory together with everything else."""
    known = tmp_path / "known.json"
    known.write_text('{"fields": [{"endpoint": "track.v1.identify", "path": "plan"}]}')
    assert built({"inventory": {"known": str(known)}}).known == {("track.v1.identify", "plan")}
