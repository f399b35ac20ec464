"""`cio-sidecar policy inventory`, run as a process beside a real sidecar."""

import urllib.request
from pathlib import Path

import orjson
import yaml

from tests.unit.cli.conftest import Command, Sidecar, Simulator
from tests.unit.cli.test_keys import SECRETS, written

CALLS = [
    (
        "PUT",
        "/api/v1/customers/5",
        {"plan": "pro-CANARY", "address": {"city": "Paris-CANARY"}, "by": {"ada@example.com-CANARY": 1}},
    ),
    ("POST", "/api/v1/customers/5/events", {"name": "bought-CANARY", "data": {"items": [{"sku": "a-CANARY"}]}}),
]


def send(port: int) -> None:
    """Make the calls through a sidecar."""
    for method, path, body in CALLS:
        headers = {"Content-Type": "application/json"}
        request = urllib.request.Request(f"http://127.0.0.1:{port}{path}", orjson.dumps(body), headers, method=method)
        with urllib.request.urlopen(request, timeout=30) as answer:  # noqa: S310
            assert answer.status == 200


def test_the_fields_that_were_sent_are_shown(command: Command, simulator: Simulator, sidecar: Sidecar, tmp_path: Path) -> None:
    """By path and type, before the policy acts, in columns and as JSON, and no value is; what was written down is known."""
    upstream = simulator("--site-id", SECRETS["SITE"], "--api-key", SECRETS["KEY"])
    policy = {"version": 1, "rules": [{"name": "r", "fields": ["address"], "action": "strip"}], "inventory": {}}
    file = written(tmp_path, upstream, policy=policy)
    ports = sidecar(file, **SECRETS)
    send(ports["outbound"])
    environ = SECRETS | {"CIO_SIDECAR_ADMIN__PORT": str(ports["admin"])}

    table = command("policy", "inventory", "--config", file, **environ)
    assert (table.returncode, table.stderr) == (0, "")
    rows = [line.split() for line in table.stdout.splitlines()[1:]]
    assert [row[:4] for row in rows] == [
        ["track.v1.event", "data", "object", "1"],
        ["track.v1.event", "data.items", "array", "1"],
        ["track.v1.event", "data.items.[]", "object", "1"],
        ["track.v1.event", "data.items.[].sku", "string", "1"],
        ["track.v1.event", "name", "string", "1"],
        ["track.v1.identify", "address", "object", "1"],
        ["track.v1.identify", "address.city", "string", "1"],
        ["track.v1.identify", "by", "object", "1"],
        ["track.v1.identify", "by.*", "integer", "1"],
        ["track.v1.identify", "plan", "string", "1"],
    ]
    assert {row[-1] for row in rows} == {"new"}
    new = command("policy", "inventory", "--new", "--json", "--endpoint", "track.v1.i*", "--config", file, **environ)
    assert new.returncode == 1
    assert {field["endpoint"] for field in orjson.loads(new.stdout)["fields"]} == {"track.v1.identify"}
    everything = command("policy", "inventory", "--json", "--config", file, **environ)
    with urllib.request.urlopen(f"http://127.0.0.1:{ports['admin']}/metrics", timeout=30) as answer:
        metrics = answer.read().decode()
    assert 'cio_sidecar_inventory_new_fields_total{endpoint="track.v1.identify"} 5.0' in metrics
    assert "CANARY" not in table.stdout + everything.stdout + metrics

    (tmp_path / "fields.json").write_text(everything.stdout)
    policy["inventory"] = {"known": "fields.json"}
    file.write_text(yaml.safe_dump(yaml.safe_load(file.read_text()) | {"policy": policy}))
    ports = sidecar(file, **SECRETS)
    send(ports["outbound"])
    environ |= {"CIO_SIDECAR_ADMIN__PORT": str(ports["admin"])}
    assert command("policy", "inventory", "--new", "--config", file, **environ).returncode == 0


def test_without_an_inventory_it_says_how_to_have_one(
    command: Command, simulator: Simulator, sidecar: Sidecar, tmp_path: Path
) -> None:
    """In one line, and exit 1."""
    file = written(tmp_path, simulator())
    ports = sidecar(file, **SECRETS)
    environ = SECRETS | {"CIO_SIDECAR_ADMIN__PORT": str(ports["admin"])}
    done = command("policy", "inventory", "--config", file, **environ)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == "the sidecar keeps no inventory: set policy.inventory to {}, and reload it\n"
