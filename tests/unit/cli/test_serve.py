"""`cio-sidecar serve`: from a configuration to a running sidecar, or one line."""

import os
import signal
import socket
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import orjson
import pytest

from tests.running import on_an_idle_machine
from tests.unit.cli.conftest import COMMAND_SECONDS, Command

FREE = {"CIO_SIDECAR_OUTBOUND__PORT": "0", "CIO_SIDECAR_ADMIN__PORT": "0"}
KEYED = {"CIO_SIDECAR_CREDENTIALS__APP__API_KEY": "env:APP", "APP": "app-api-key-0123456789"}


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_it_serves_without_a_file_until_it_is_told_to_stop(number: signal.Signals) -> None:
    """On the defaults and the environment; a line of JSON for each listener, then ready; exit 0 when it is asked to end."""
    command = [sys.executable, "-X", "dev", "-W", "error", "-m", "proxy", "serve"]
    environ = {"PATH": os.environ["PATH"], "CIO_SIDECAR_COLOUR": "blue", **FREE, **KEYED}
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=environ) as process:
        assert process.stdout is not None
        said = [orjson.loads(process.stdout.readline()) for _ in range(3)]
        process.send_signal(number)
        rest, errors = process.communicate(timeout=COMMAND_SECONDS)
    assert [event.get("listener", event["event"]) for event in said] == ["admin", "outbound", "ready"]
    assert {event["level"] for event in said} == {"info"}
    assert all(datetime.fromisoformat(event["timestamp"]).tzinfo == UTC for event in said)
    assert (process.returncode, rest) == (0, b"")
    told = on_an_idle_machine(errors.decode()).splitlines()
    logged = [orjson.loads(line) for line in told]
    # The second is of the default policy.
    assert [line["event"] for line in logged] == ["unknown_variable", "unkeyed_hashes", "started", "stopping"]
    assert logged[0]["reference"] == "CIO_SIDECAR_COLOUR"


def test_a_port_that_is_taken_is_told_where_it_was_written(command: Command, tmp_path: Path) -> None:
    """Exit 2, and one line: the place, the key, and the system's reason."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        file = tmp_path / "c.yaml"
        file.write_text(f"version: 1\nadmin: {{port: 0}}\noutbound:\n  port: {port}\n")
        written = command("serve", "--config", file, **KEYED)
        set_ = command("serve", **FREE | KEYED | {"CIO_SIDECAR_OUTBOUND__PORT": str(port)})
    for done, place in ((written, f"{file}:4"), (set_, "CIO_SIDECAR_OUTBOUND__PORT")):
        assert (done.returncode, done.stderr.count("\n")) == (2, 1)
        assert done.stderr.startswith(f"{place}: outbound.port: cannot listen there: ")
        assert done.stderr.lower().endswith("address already in use\n")


@pytest.mark.parametrize(
    ("section", "line"),
    [
        (
            "credentials: {pipelines: {write_key: 'env:WRITE'}}",
            ":2: credentials.pipelines.write_key: the environment variable is not set: WRITE; set it, or use a file: reference",
        ),
        ("outbound: {tls: {certificate: CANARY, key: CANARY}}", ":2: outbound.tls: the certificate and key cannot be read"),
        ("upstreams: {app: {ca: CANARY}}", ":2: upstreams.app.ca: holds no certificates in PEM that can be read"),
        (
            "policy: {version: 1, rules: [{name: a, fields: [b], action: mask, endpoints: [CANARY]}]}",
            ":2: policy.rules.0.endpoints.0: matches no endpoint",
        ),
        ("limits: {backend: redis}", ":2: limits.backend: anything but memory is not available yet; leave it out"),
    ],
)
def test_what_cannot_be_served_is_one_line(command: Command, tmp_path: Path, section: str, line: str) -> None:
    """Secrets, certificates and rules are told as the configuration itself is, before anything is listened on."""
    file = tmp_path / "c.yaml"
    file.write_text(f"version: 1\n{section}\n")
    done = command("serve", "--config", file, **FREE, **KEYED)
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (2, "", 1)
    assert done.stderr.startswith(f"{file}{line}")
    assert "CANARY" not in done.stderr


@pytest.mark.parametrize("section", ["", "credentials:\n  max_version_age_days: 30\n", "credentials: {app: null}\n"])
def test_without_any_credential_it_does_not_start(command: Command, tmp_path: Path, section: str) -> None:
    """It would answer 503 to everything: exit 2, and one line with file, key, what is wrong and what to write."""
    file = tmp_path / "c.yaml"
    file.write_text(f"version: 1\n{section}")
    done = command("serve", "--config", file, **FREE)
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (2, "", 1)
    assert done.stderr.startswith(
        f"{file}:2: credentials: names no credential" if section else f"{file}: credentials: names no"
    )
    assert 'track: {site_id: "env:CIO_SITE_ID", api_key: "env:CIO_API_KEY"}' in done.stderr
    assert command("serve", **FREE).stderr.startswith("credentials: names no credential")
