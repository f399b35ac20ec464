"""`cio-sidecar keys status`, run as a process beside a real sidecar; and what is judged well."""

import urllib.error
import urllib.request
from dataclasses import replace
from pathlib import Path
from typing import Any

import orjson
import pytest
import yaml

from proxy.api.model import Credential
from proxy.cli.findings import State as Judgement
from proxy.cli.keys import judge, overdue
from proxy.config.model import Config
from proxy.credentials.keyring import KeyStatus, State
from proxy.credentials.model import Kind, TrackPair
from proxy.policy.model import PolicyDocument
from proxy.sensitive import Sensitive
from tests.unit.cli.conftest import Command, Sidecar, Simulator

SECRETS = {"SITE": "site-CANARY-0", "KEY": "track-CANARY-0", "TOKEN": "token-CANARY-0123456789"}
KEY_ID = TrackPair(Sensitive(SECRETS["SITE"]), Sensitive(SECRETS["KEY"])).authorization().key_id
PAIR = {"site_id": "env:SITE", "api_key": "env:KEY"}
DAY = 86_400


def written(folder: Path, upstream: int = 1, **changes: Any) -> Path:  # noqa: ANN401 - a configuration is free-form here
    """Write a configuration on free ports."""
    document = {
        "version": 1,
        "upstreams": {name: {"url": f"http://127.0.0.1:{upstream}"} for name in ("track", "app", "pipelines")},
        "outbound": {"port": 0},
        "admin": {"port": 0, "token": "env:TOKEN"},
        "credentials": {"track": PAIR},
    }
    file = folder / "c.yaml"
    file.write_text(yaml.safe_dump(document | changes))
    return file


def call(port: int) -> int:
    """Make a call through a sidecar; return its status."""
    url = f"http://127.0.0.1:{port}/api/v1/customers/5"
    headers = {"Content-Type": "application/json"}
    request = urllib.request.Request(url, b"{}", headers, method="PUT")
    try:
        with urllib.request.urlopen(request, timeout=30) as answer:  # noqa: S310
            return int(answer.status)
    except urllib.error.HTTPError as error:
        with error:
            return error.code


def test_the_keys_of_a_running_sidecar_are_shown(
    command: Command, simulator: Simulator, sidecar: Sidecar, tmp_path: Path
) -> None:
    """By their ids, in columns or as JSON; no secret is in any of it, nor in the sidecar's log (promise G2)."""
    file = written(tmp_path, simulator("--site-id", SECRETS["SITE"], "--api-key", SECRETS["KEY"]))
    ports = sidecar(file, **SECRETS)
    environ = SECRETS | {"CIO_SIDECAR_ADMIN__PORT": str(ports["admin"])}
    done = command("keys", "status", "--config", file, **environ)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == (
        "slot   key id    state   kept in  version  made  confirmed  last used\n"
        f"track  {KEY_ID}  active  env      -        -     -          -\n"
    )
    assert call(ports["outbound"]) == 200
    told = command("keys", "status", "--json", "--config", file, **environ)
    assert (told.returncode, told.stderr) == (0, "")
    answer = orjson.loads(told.stdout)
    (key,) = answer["keys"]
    assert 0 <= key.pop("last_used_seconds") < 30
    assert key == {
        "credential": "track",
        "slot": "track",
        "key_id": KEY_ID,
        "state": "active",
        "source": "env",
        "version": "",
        "version_age_seconds": None,
        "staleness_seconds": None,
    }
    assert answer["ok"] is True
    assert [finding["state"] for finding in answer["findings"]] == ["ok"]
    assert "CANARY" not in done.stdout + told.stdout + ports.log.read_text()


def test_a_rejected_key_is_not_well(command: Command, simulator: Simulator, sidecar: Sidecar, tmp_path: Path) -> None:
    """Exit 1, with what to do below the table."""
    file = written(tmp_path, simulator("--site-id", SECRETS["SITE"], "--api-key", "another-key"))
    ports = sidecar(file, **SECRETS)
    assert call(ports["outbound"]) == 503
    done = command("keys", "status", "--config", file, **SECRETS, CIO_SIDECAR_ADMIN__PORT=str(ports["admin"]))
    assert (done.returncode, done.stderr) == (1, "")
    (row,) = (line for line in done.stdout.splitlines() if line.startswith("track"))
    assert row.split()[2] == "rejected"
    assert f"problem  credentials.track  Customer.io rejects key {KEY_ID}" in done.stdout
    assert "CANARY" not in done.stdout + ports.log.read_text()


def test_what_cannot_be_asked_is_one_line(command: Command, sidecar: Sidecar, tmp_path: Path, unused_tcp_port: int) -> None:
    """Exit 1 where the sidecar does not say, 2 where the configuration does not."""
    file = written(tmp_path)
    ports = sidecar(file, **SECRETS)
    here, nowhere = ({"CIO_SIDECAR_ADMIN__PORT": str(port)} for port in (ports["admin"], unused_tcp_port))
    (tmp_path / "w").mkdir()
    without_token = written(tmp_path / "w", admin={"port": 1})
    for config, environ, code, said in (
        (file, SECRETS | nowhere, 1, "no sidecar answers at "),
        (file, SECRETS | here | {"TOKEN": "wrong-CANARY"}, 1, "the sidecar has another admin.token"),
        (file, SECRETS, 2, ": admin.port: is 0"),
        (without_token, SECRETS, 2, ": admin.token: is not set"),
        (file, here, 2, ": admin.token: the environment variable is not set"),
    ):
        done = command("keys", "status", "--config", config, **environ)
        assert (done.returncode, done.stdout) == (code, "")
        assert said in done.stderr
        assert code == 1 or done.stderr.startswith(f"{config}:")
        assert done.stderr.count("\n") == 1
        assert "CANARY" not in done.stderr


def config(**credentials: Any) -> Config:  # noqa: ANN401 - a configuration is free-form here
    """Return a configuration with credentials, whose stores are read every 10 s and trusted for 100 s."""
    return Config.model_validate(
        {
            "version": 1,
            "policy": PolicyDocument(version=1),
            "credentials": {"track": PAIR, **credentials},
            "stores": {"refresh_seconds": 10, "max_staleness_seconds": 100},
        }
    )


KEY = KeyStatus(Credential.TRACK, "track", "new", State.ACTIVE, Kind.FILE, "7", None, 5.0, None)
OLD = replace(KEY, key_id="old", state=State.DRAINING)


@pytest.mark.parametrize(
    ("keys", "state", "said"),
    [
        ([KEY], Judgement.OK, "key new is active"),
        ([KEY, OLD], Judgement.OK, "key new is active"),
        ([KEY, replace(OLD, state=State.REJECTED)], Judgement.OK, "key new is active"),
        ([replace(KEY, state=State.STANDBY)], Judgement.OK, "key new is standby"),
        ([], Judgement.PROBLEM, "no key is in use"),
        ([replace(KEY, slot="app")], Judgement.PROBLEM, "no key is in use"),
        ([OLD], Judgement.PROBLEM, "no key is in use"),
        ([replace(KEY, state=State.REJECTED)], Judgement.PROBLEM, "Customer.io rejects key new, and there is no newer one"),
        ([replace(KEY, state=State.REJECTED), OLD], Judgement.PROBLEM, "Customer.io rejects key new"),
        ([replace(KEY, staleness_seconds=30.0)], Judgement.OK, "key new is active"),
        ([replace(KEY, staleness_seconds=30.1)], Judgement.WARNING, "for 30 seconds"),
        ([replace(KEY, staleness_seconds=30.1)], Judgement.WARNING, "no longer used after 100 seconds"),
        ([replace(KEY, staleness_seconds=100.1)], Judgement.PROBLEM, "it is no longer used"),
        ([replace(KEY, version_age_seconds=90.0 * DAY)], Judgement.OK, "key new is active"),
        ([replace(KEY, version_age_seconds=91.0 * DAY)], Judgement.WARNING, "91 days old"),
    ],
)
def test_each_credential_is_judged_by_its_newest_key(keys: list[KeyStatus], state: Judgement, said: str) -> None:
    """What it replaced is on its way out, and is no reason to worry."""
    (finding,) = judge(config(), keys)
    assert (finding.subject, finding.state, said in finding.detail) == ("credentials.track", state, True), finding.detail


def test_every_credential_that_is_configured_is_judged() -> None:
    """The second live pair too; what is not configured is not missed."""
    subjects = {finding.subject: finding.state for finding in judge(config(track_next=PAIR), [KEY])}
    assert subjects == {"credentials.track": Judgement.OK, "credentials.track_next": Judgement.PROBLEM}


def test_two_things_can_be_wrong_with_a_key() -> None:
    """Each is told."""
    key = replace(KEY, staleness_seconds=50.0, version_age_seconds=100.0 * DAY)
    assert [finding.state for finding in judge(config(), [key])] == [Judgement.WARNING, Judgement.WARNING]


@pytest.mark.parametrize(
    ("slot", "how"),
    [("app", "`cio-sidecar rotate --credential app` shows how"), ("track_next", "write a new pair to its store")],
)
def test_an_old_version_is_told_with_what_to_do(slot: str, how: str) -> None:
    """By the schedule of the configuration; where the store has no date nothing is told."""
    (finding,) = overdue(config(max_version_age_days=30), slot, 31.0 * DAY)
    assert (finding.subject, finding.detail.endswith(how)) == (f"credentials.{slot}", True)
    assert "31 days old, and credentials.max_version_age_days is 30" in finding.detail
    assert list(overdue(config(max_version_age_days=30), slot, 30.0 * DAY)) == []
    assert list(overdue(config(), slot, None)) == []
