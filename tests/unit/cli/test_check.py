"""`cio-sidecar check`, run as a process."""

import datetime as dt
from pathlib import Path
from typing import Any

import orjson
import pytest
import yaml

from proxy.cli import check
from proxy.cli.certificates import VALID_DAYS, issue
from proxy.cli.check import inspect
from proxy.cli.findings import Finding, State
from proxy.config.load import load
from proxy.credentials.env import EnvProvider
from proxy.credentials.model import Document, Kind, UnreadableError
from proxy.sensitive import Sensitive
from tests.needs import ROOT
from tests.unit.cli.conftest import Command, Simulator

SECRETS = {
    "SITE": "site-CANARY-0",
    "KEY": "track-CANARY-0",
    "APP": "app-CANARY-01",
    "WRITE": "write-CANARY-0",
    "BILLING": "billing-CANARY-0123",
    "PEPPER": "pepper-CANARY-0123",
    "TOKEN": "token-CANARY-0123",
}
OPTIONS = (
    "--site-id", SECRETS["SITE"], "--api-key", SECRETS["KEY"], "--app-key", SECRETS["APP"], "--write-key", SECRETS["WRITE"],
    "--environment-id", "77",
)  # fmt: skip
DOCUMENT: dict[str, Any] = {
    "version": 1,
    "credentials": {
        "track": {"site_id": "env:SITE", "api_key": "env:KEY"},
        "app": {"api_key": "env:APP"},
        "pipelines": {"write_key": "env:WRITE"},
    },
    "outbound": {"callers": [{"name": "billing", "key": "env:BILLING"}]},
    "admin": {"token": "env:TOKEN"},
    "policy": {
        "version": 1,
        "mode": "report",
        "hash": {"algorithm": "hmac-sha256", "key": "env:PEPPER", "key_id": "k1"},
        "rules": [{"name": "contact", "fields": ["phone"], "action": "hash", "endpoints": ["track.*"]}],
    },
}


def written(folder: Path, **changes: Any) -> Path:  # noqa: ANN401 - a configuration is free-form here
    """Write the document with some sections changed."""
    file = folder / "c.yaml"
    file.write_text(yaml.safe_dump(DOCUMENT | changes))
    return file


def upstreams(port: int, scheme: str = "http", **more: str) -> dict[str, Any]:
    """Return three upstreams at one port."""
    return {name: {"url": f"{scheme}://localhost:{port}", **more} for name in ("track", "app", "pipelines")}


def test_everything_that_is_well_is_told(command: Command, tmp_path: Path) -> None:
    """Offline: the configuration, every secret by its key's id, callers, policy. Exit 0; no secret and no reference shows."""
    done = command("check", "--offline", "--config", written(tmp_path), **SECRETS)
    assert (done.returncode, done.stderr) == (0, "")
    assert [line.split()[:2] for line in done.stdout.splitlines()] == [
        ["ok", "configuration"],
        ["ok", "credentials.track"],
        ["ok", "credentials.app"],
        ["ok", "credentials.pipelines"],
        ["ok", "outbound.callers"],
        ["ok", "policy.hash.key"],
        ["ok", "admin.token"],
        ["ok", "policy"],
    ]
    assert "1 rules, mode report" in done.stdout
    assert "CANARY" not in done.stdout
    assert "env:" not in done.stdout


def test_customer_io_is_asked(command: Command, simulator: Simulator, tmp_path: Path) -> None:
    """Without --offline, over the configured upstream; a program reads the answer as JSON."""
    file = written(tmp_path, upstreams=upstreams(simulator(*OPTIONS)))
    done = command("check", "--json", "--config", file, **SECRETS)
    assert (done.returncode, done.stderr) == (0, "")
    told = orjson.loads(done.stdout)
    assert told["ok"] is True
    details = {finding["subject"]: (finding["state"], finding["detail"]) for finding in told["findings"]}
    assert details["credentials.track"][1].startswith("accepted for workspace 77 in region us")
    assert details["credentials.app"][1].startswith("accepted")
    assert details["credentials.pipelines"][0] == "skipped"
    assert {details[f"upstreams.{name}"][0] for name in ("track", "app", "pipelines")} == {"ok"}
    assert details["clock"][0] == "ok"
    assert "CANARY" not in done.stdout


def test_customer_io_is_asked_over_tls(command: Command, simulator: Simulator, tmp_path: Path) -> None:
    """With the upstream's own CA; connections are closed in order, or the interpreter would warn."""
    assert command("tls", "init", tmp_path / "tls").returncode == 0
    port = simulator(*OPTIONS, "--tls-certificate", tmp_path / "tls/server.pem", "--tls-key", tmp_path / "tls/server.key")
    done = command("check", "--config", written(tmp_path, upstreams=upstreams(port, "https", ca="tls/ca.pem")), **SECRETS)
    assert (done.returncode, done.stderr) == (0, "")
    assert "ok       upstreams.track         reached over TLSv1.3; its certificate is trusted, and good until 2" in done.stdout
    assert "accepted for workspace 77" in done.stdout


def test_a_rejected_key_is_not_well(command: Command, simulator: Simulator, tmp_path: Path) -> None:
    """Exit 1, and the finding says which key and what to look at."""
    file = written(tmp_path, upstreams=upstreams(simulator(*OPTIONS)))
    done = command("check", "--config", file, **SECRETS | {"APP": "another-CANARY"})
    assert (done.returncode, done.stderr) == (1, "")
    (line,) = (line for line in done.stdout.splitlines() if line.startswith("problem"))
    assert line.split()[1] == "credentials.app"
    assert "check the App API key" in line
    assert "CANARY" not in done.stdout


def test_a_missing_secret_is_not_well_and_nobody_is_asked(command: Command, tmp_path: Path) -> None:
    """Exit 1: every key path with its line, and no connection to anywhere."""
    file = written(tmp_path, upstreams=upstreams(1))
    done = command(
        "check", "--config", file, **{name: value for name, value in SECRETS.items() if name not in {"KEY", "TOKEN"}}
    )
    assert (done.returncode, done.stderr) == (1, "")
    problems = [line.split(maxsplit=2) for line in done.stdout.splitlines() if line.startswith("problem")]
    line = file.read_text().splitlines().index("    api_key: env:KEY") + 1
    assert [problem[1] for problem in problems] == ["admin.token", "credentials.track.api_key"]
    assert (
        problems[1][2].strip() == f"the environment variable is not set: KEY; set it, or use a file: reference ({file}:{line})"
    )
    assert "upstreams" not in done.stdout


def test_an_invalid_configuration_is_no_finding(command: Command, tmp_path: Path) -> None:
    """Exit 2 and one line, as for `serve`; with --json too."""
    done = command("check", "--json", "--config", written(tmp_path, region="mars"), **SECRETS)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.endswith("region: must be 'us' or 'eu'\n")


@pytest.mark.parametrize(
    ("changes", "subject", "said"),
    [
        ({"credentials": {}}, "credentials", "none is configured"),
        (
            {"outbound": {"tls": {"certificate": "none.pem", "key": "none.key"}}},
            "outbound.tls",
            "the certificate and key cannot be read",
        ),
        ({"upstreams": {"app": {"ca": "none.pem"}}}, "upstreams.app.ca", "no certificates in PEM"),
        (
            {"policy": {"version": 1, "rules": [{"name": "a", "fields": ["b"], "action": "mask", "endpoints": ["nope.*"]}]}},
            "policy.rules.0.endpoints.0",
            "matches no endpoint",
        ),
    ],
)
def test_what_serve_would_stumble_over_is_found(tmp_path: Path, changes: dict[str, Any], subject: str, said: str) -> None:
    """Each part that is built from the configuration is built, and its problem is told with its place."""
    findings, _ = inspect(load(written(tmp_path, **changes), {}), SECRETS, now=0)
    (problem,) = (finding for finding in findings if finding.state is State.PROBLEM)
    assert problem.subject == subject
    assert said in problem.detail
    assert subject == "credentials" or f"({tmp_path}/c.yaml:" in problem.detail


def test_a_policy_is_judged_even_without_its_secret(tmp_path: Path) -> None:
    """A pipeline that has no secrets finds both problems, and not a third that follows from the first."""
    policy = DOCUMENT["policy"] | {"rules": [{"name": "a", "fields": ["b"], "action": "hash", "endpoints": ["nope.*"]}]}
    environ = {name: value for name, value in SECRETS.items() if name != "PEPPER"}
    findings, secrets = inspect(load(written(tmp_path, policy=policy), {}), environ, now=0)
    assert secrets is None
    problems = {finding.subject for finding in findings if finding.state is State.PROBLEM}
    assert problems == {"policy.hash.key", "policy.rules.0.endpoints.0"}


def test_a_certificate_that_has_ended_is_found(tmp_path: Path) -> None:
    """And one that has not is told with its last day."""
    made = dt.datetime(2026, 1, 1, tzinfo=dt.UTC)
    issued = issue(made)
    (tmp_path / "server.pem").write_bytes(issued.server)
    (tmp_path / "server.key").write_bytes(issued.key)
    file = written(tmp_path, outbound={"tls": {"certificate": "server.pem", "key": "server.key"}})
    for day, finding in (
        (VALID_DAYS - 1, Finding("outbound.tls", State.OK, "the certificate is good until 2028-01-01")),
        (
            VALID_DAYS,
            Finding(
                "outbound.tls",
                State.PROBLEM,
                "the certificate ended on 2028-01-01; `cio-sidecar tls init --force` makes another",
            ),
        ),
    ):
        findings, _ = inspect(load(file, {}), SECRETS, (made + dt.timedelta(days=day)).timestamp())
        assert finding in findings


PAIR = {"site_id": "env:SITE", "api_key": "env:KEY"}


def of_track(tmp_path: Path, track: dict[str, str], **more: Any) -> list[Finding]:  # noqa: ANN401 - a configuration is free-form here
    """Return what is found offline about the first pair."""
    file = written(tmp_path, credentials={"track": track, **more})
    return [finding for finding in inspect(load(file, {}), SECRETS, now=0)[0] if finding.subject == "credentials.track"]


def test_every_slot_is_told_by_its_name(command: Command, simulator: Simulator, tmp_path: Path) -> None:
    """The second live pair too, which must be of the same workspace; nothing is said of it where there is none."""
    credentials = {"track": PAIR, "track_next": {"site_id": "env:SITE", "api_key": "env:APP"}}
    file = written(tmp_path, credentials=credentials, upstreams=upstreams(simulator(*OPTIONS)))
    done = command("check", "--config", file, **SECRETS)
    assert (done.returncode, done.stderr) == (1, "")
    told = [line.split(maxsplit=2) for line in done.stdout.splitlines() if "credentials." in line]
    assert [(state, subject) for state, subject, _ in told] == [
        ("ok", "credentials.track"),
        ("ok", "credentials.track_next"),
        ("skipped", "credentials.app"),
        ("skipped", "credentials.pipelines"),
        ("ok", "credentials.track"),
        ("problem", "credentials.track_next"),
    ]
    assert told[-1][2].startswith("Customer.io rejects it")
    assert "CANARY" not in done.stdout


def test_a_pair_that_is_kept_apart_is_told(tmp_path: Path) -> None:
    """Its halves may be read from two versions. Files of one folder are mounted together, and the environment never changes."""
    for folder in ("one", "two"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "site_id").write_text("site-CANARY")
        (tmp_path / folder / "api_key").write_text("key-CANARY")
    together = {"site_id": "file:one/site_id", "api_key": "file:one/api_key"}
    assert [finding.state for finding in of_track(tmp_path, together)] == [State.OK]
    assert [finding.state for finding in of_track(tmp_path, PAIR)] == [State.OK]
    read, apart = of_track(tmp_path, {"site_id": "file:one/site_id", "api_key": "file:two/api_key"})
    assert (read.state, apart.state) == (State.OK, State.WARNING)
    assert "keep both in one secret, or in files of one folder" in apart.detail


class Store:
    """A remote store that holds some documents, each as a version with a date."""

    def __init__(self, **documents: Document) -> None:
        """Hold `documents`."""
        self.documents = documents

    def read(self, document: str) -> Document:
        """See `Provider.read`."""
        if document not in self.documents:
            raise UnreadableError("there is no such secret: write it")
        return self.documents[document]


def kept(created_at: float | None = None) -> Document:
    """Return a pair in one document."""
    fields = {"site_id": Sensitive("site-CANARY"), "api_key": Sensitive("key-CANARY-0")}
    return Document(fields, version="7", created_at=created_at)


def remote(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, store: Store, now: float = 0, **track: str) -> list[Finding]:
    """Return what is found offline with a pair, and a second one, in a remote store."""
    monkeypatch.setattr(check, "providers", lambda _config, environ: {Kind.ENV: EnvProvider(environ), Kind.AWS_SM: store})
    pair = track or {"site_id": "aws-sm:pair#site_id", "api_key": "aws-sm:pair#api_key"}
    second = {"site_id": "aws-sm:next#site_id", "api_key": "aws-sm:next#api_key"}
    file = written(tmp_path, credentials={"track": pair, "track_next": second})
    findings, _ = inspect(load(file, {}), SECRETS, now)
    assert "CANARY" not in repr(findings)
    return findings


def test_a_version_is_told_with_its_age(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """And one that is older than the schedule with what to do; where the store has no date nothing is said of it."""
    days = 86_400
    findings = remote(monkeypatch, tmp_path, Store(pair=kept(created_at=5 * days), next=kept()), now=95 * days + 1)
    first, late, second = (finding for finding in findings if finding.subject.startswith("credentials.track"))
    assert first.detail.endswith(", version 7, 90 days old)")
    assert (late.subject, late.state) == ("credentials.track", State.WARNING)
    assert "90 days old, and credentials.max_version_age_days is 90: `cio-sidecar rotate --credential track`" in late.detail
    assert (second.subject, second.state) == ("credentials.track_next", State.OK)
    assert second.detail.endswith(", version 7)")


def test_each_remote_store_is_told(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """It is well where anything could be read from it; what could not be is told by its key as well."""

    def of_store(store: Store) -> Finding:
        (finding,) = (each for each in remote(monkeypatch, tmp_path, store) if each.subject.startswith("stores."))
        return finding

    assert of_store(Store(pair=kept(), next=kept())) == Finding("stores.aws", State.OK, "aws-sm: 2 of 2 secrets read")
    assert of_store(Store(pair=kept())) == Finding("stores.aws", State.OK, "aws-sm: 1 of 2 secrets read")
    assert of_store(Store()) == Finding("stores.aws", State.PROBLEM, "aws-sm: 0 of 2 secrets read")
    problems = {finding.subject for finding in remote(monkeypatch, tmp_path, Store()) if finding.state is State.PROBLEM}
    assert problems == {"stores.aws", "credentials.track.site_id", "credentials.track_next.site_id"}


@pytest.mark.parametrize(
    ("outbound", "said"),
    [
        ({}, "everyone on this machine may call"),
        ({"callers": "any"}, "everyone who reaches the port may call"),
        ({"callers": [{"name": "a", "key": "env:BILLING"}, {"name": "b", "key": "env:TOKEN"}]}, "2 told apart by their keys"),
    ],
)
def test_who_may_call_is_said(tmp_path: Path, outbound: dict[str, Any], said: str) -> None:
    """Without names, which are the operator's own."""
    findings, _ = inspect(load(written(tmp_path, outbound=outbound), {}), SECRETS, now=0)
    assert Finding("outbound.callers", State.OK, said) in findings


# What config/sidecar.yaml and config/minimal.yaml say they need.
EXAMPLES = {
    "minimal.yaml": {"CIO_SITE_ID", "CIO_API_KEY"},
    "sidecar.yaml": {"CIO_SITE_ID", "CIO_API_KEY", "CIO_APP_KEY", "CIO_WRITE_KEY", "BILLING_KEY"},
}


@pytest.mark.parametrize("name", EXAMPLES)
def test_the_examples_pass_with_the_environment_they_ask_for(command: Command, name: str) -> None:
    """With exactly what their comments name, and not with less."""
    file = ROOT / "config" / name
    environ = {variable: f"{variable.lower()}-0123456789" for variable in EXAMPLES[name]}
    assert all(variable in file.read_text() for variable in environ)
    done = command("check", "--offline", "--config", file, **environ)
    assert (done.returncode, done.stderr) == (0, ""), done.stdout
    environ.popitem()
    assert command("check", "--offline", "--config", file, **environ).returncode == 1


def test_every_line_of_the_full_example_may_be_used(command: Command, tmp_path: Path) -> None:
    """The keys that stand in comments pass as well."""
    text = (ROOT / "config" / "sidecar.yaml").read_text()
    body = text[text.index("version: 1") :]
    for comment in ("# upstreams:", "#   track: {", "#   app: {", "#   pipelines: {", "  # tls:", "  #   port", "  #   cert",
                    "  #   key", "  # token:"):  # fmt: skip
        assert comment in body
        body = body.replace(comment, comment.replace("# ", "", 1))
    (tmp_path / "c.yaml").write_text(body.replace("policies/", f"{ROOT}/config/policies/"))
    assert command("tls", "init", tmp_path / "tls").returncode == 0
    environ = {name: f"{name.lower()}-0123456789" for name in (*EXAMPLES["sidecar.yaml"], "CIO_SIDECAR_ADMIN_TOKEN")}
    done = command("check", "--offline", "--config", tmp_path / "c.yaml", **environ)
    assert (done.returncode, done.stderr) == (0, ""), done.stdout
    assert "outbound.tls" in done.stdout
    assert "admin.token" in done.stdout
