"""`cio-sidecar policy`, run as a process."""

import subprocess
import sys
from pathlib import Path
from typing import Any

import orjson
import pytest
import yaml

from tests.needs import ROOT
from tests.unit.cli.conftest import COMMAND_SECONDS, Command

POLICY: dict[str, Any] = {
    "version": 1,
    "hash": {"algorithm": "hmac-sha256", "key": "env:PEPPER", "key_id": "k1"},
    "rules": [
        {"name": "never", "fields": ["ssn"], "action": "strip", "reason": "the law"},
        {"name": "contact", "fields": ["phone"], "action": "hash", "reason": "enough to compare"},
        {"name": "no-cards", "fields": ["card"], "action": "deny", "reason": "PCI"},
        {"name": "watched", "paths": ["address.city"], "action": "mask", "mode": "report", "reason": "tried out"},
        {"name": "billing-only", "fields": ["plan"], "action": "mask", "callers": ["billing"], "reason": "a secret"},
    ],
}
PEPPER = {"PEPPER": "pepper-0123456789", "BILLING": "billing-0123456789"}


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """Write a configuration with the policy in it."""
    callers = [{"name": "billing", "key": "env:BILLING"}]
    path = tmp_path / "c.yaml"
    path.write_text(yaml.safe_dump({"version": 1, "policy": POLICY, "outbound": {"callers": callers}}))
    return path


def applied(file: Path, body: bytes, *options: str) -> "subprocess.CompletedProcess[bytes]":
    """Run `policy apply` with a body on standard input."""
    command = [sys.executable, "-X", "dev", "-W", "error", "-m", "proxy", "policy", "apply", "--config", str(file), *options]
    return subprocess.run(command, input=body, capture_output=True, timeout=COMMAND_SECONDS, env=PEPPER, check=False)


def test_what_would_leave_is_printed(file: Path) -> None:
    """As one line of JSON; who calls, and what, decides."""
    body = b'{"ssn":1,"plan":"pro","note":"{\\"ssn\\":2}"}'
    done = applied(file, body, "--endpoint", "PUT /api/v1/customers/5")
    assert (done.returncode, done.stdout, done.stderr) == (0, b'{"plan":"pro","note":"{}"}\n', b"")
    assert orjson.loads(applied(file, body, "--caller", "billing").stdout)["plan"] == "[REDACTED]"


def test_each_act_is_explained(file: Path) -> None:
    """On standard error: the rule, what it did or would do, and where; no value shows."""
    done = applied(file, b'{"a":[{"ssn":"CANARY"}],"address":{"city":"CANARY"}}', "--explain")
    assert done.stderr.decode().splitlines() == ["never: strip: a.[].ssn", "watched: would mask: address.city"]


def test_the_type_that_a_call_gives_its_ids_counts(file: Path) -> None:
    """The members of a segment are email addresses where its query says so."""
    document = yaml.safe_load(file.read_text())
    document["policy"]["identifiers"] = {"email": "hmac"}
    file.write_text(yaml.safe_dump(document))
    for query, ending in (("?id_type=email", "@k1.invalid"), ("", "5")):
        done = applied(file, b'{"ids":["5"]}', "--endpoint", f"POST /api/v1/segments/3/add_customers{query}")
        assert orjson.loads(done.stdout)["ids"][0].endswith(ending)


@pytest.mark.parametrize(
    ("body", "options", "code", "said"),
    [
        (b'{"card":1}', [], 1, "refused: policy_denied (rule no-cards)\n"),
        (b'{"CANARY', [], 1, "refused: invalid_json\n"),
        (b"{}", ["--endpoint", "PUT /CANARY"], 2, "--endpoint: is refused: endpoint_not_allowed; docs/endpoints.md lists what"),
        (b"{}", ["--endpoint", "CANARY"], 2, "--endpoint: is refused: "),
    ],
)
def test_what_would_not_leave_says_why(file: Path, body: bytes, options: list[str], code: int, said: str) -> None:
    """In one line, without a byte of the input."""
    done = applied(file, body, *options)
    assert (done.returncode, done.stdout) == (code, b"")
    assert done.stderr.decode().startswith(said)
    assert b"CANARY" not in done.stderr


def cases(folder: Path, *made: dict[str, Any], **more: Any) -> Path:  # noqa: ANN401 - a file of cases is free-form here
    """Write a file of cases."""
    path = folder / "cases.yaml"
    path.write_text(yaml.safe_dump({"cases": list(made), **more}))
    return path


IDENTIFY = "PUT /api/v1/customers/5"
GOOD = [
    {"name": "ssn goes", "endpoint": IDENTIFY, "body": {"ssn": 1}, "expect": {"body": {}}, "rules": ["never"]},
    {"name": "cards", "endpoint": "POST /v1/track", "body": {"card": 1}, "expect": {"refused": "policy_denied"}},
    {
        "name": "plan",
        "endpoint": IDENTIFY,
        "caller": "billing",
        "body": {"plan": 1},
        "expect": {"body": {"plan": "[REDACTED]"}},
    },
    {"name": "nothing", "endpoint": IDENTIFY, "expect": {"body": None}, "rules": []},
    {"name": "stranger", "endpoint": "PUT /nowhere", "expect": {"refused": "endpoint_not_allowed"}},
]


def test_cases_that_come_out_as_they_should_are_well(command: Command, file: Path, tmp_path: Path) -> None:
    """Exit 0; a rule that no case makes act is told."""
    done = command("policy", "test", "--config", file, cases(tmp_path, *GOOD), **PEPPER)
    assert (done.returncode, done.stderr) == (0, "")
    lines = [line.split()[0] for line in done.stdout.splitlines()]
    assert lines == ["ok"] * 5 + ["warning"] * 2
    assert "rule contact" in done.stdout
    assert "rule watched" in done.stdout


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"expect": {"body": {"ssn": 1}}}, 'expected {"ssn":1}, left {}'),
        ({"expect": {"refused": "policy_denied"}}, "expected to be refused with policy_denied, was forwarded"),
        ({"body": {"card": 1}}, "was refused with policy_denied"),
        ({"rules": ["contact"]}, "expected the rules contact, fired never"),
        ({"rules": []}, "expected the rules none, fired never"),
    ],
)
def test_a_case_that_comes_out_otherwise_is_not_well(
    command: Command, file: Path, tmp_path: Path, change: dict[str, Any], said: str
) -> None:
    """Exit 1, with what was expected and what came."""
    done = command("policy", "test", "--json", "--config", file, cases(tmp_path, GOOD[0] | change), **PEPPER)
    assert done.returncode == 1
    answer = orjson.loads(done.stdout)
    assert answer["ok"] is False
    assert said in answer["findings"][0]["detail"]


def test_a_file_of_cases_may_name_its_policy(command: Command, tmp_path: Path) -> None:
    """Relative to itself; the key of its hashes need not be on this machine."""
    (tmp_path / "p.yaml").write_text(yaml.safe_dump(POLICY))
    case = {"name": "a", "endpoint": IDENTIFY, "body": {"phone": 1}, "expect": {"body": {}}, "rules": ["contact"]}
    done = command("policy", "test", "--json", cases(tmp_path, case, policy="p.yaml"))
    assert done.returncode == 1
    (detail,) = [finding["detail"] for finding in orjson.loads(done.stdout)["findings"] if finding["state"] == "problem"]
    assert detail.startswith('expected {}, left {"phone_hash":"k1.')


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("cases: []\n", "cases.yaml:1: cases: must not be empty"),
        ("cases: [{name: a, endpoint: PUT /a, expect: {}}]\n", "cases.yaml:1: cases.0.expect: takes either body or refused"),
        ("[]\n", "cases.yaml: must be a mapping"),
    ],
)
def test_a_file_that_is_none_is_one_line(command: Command, tmp_path: Path, text: str, said: str) -> None:
    """Exit 2, with file, line and key path."""
    path = tmp_path / "cases.yaml"
    path.write_text(text)
    done = command("policy", "test", path)
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (2, "", 1)
    assert said in done.stderr


READY_MADE = sorted((ROOT / "config" / "policies").glob("*.cases.yaml"))


def test_every_ready_made_policy_has_cases() -> None:
    """A file of them beside each."""
    policies = {path.stem for path in READY_MADE[0].parent.glob("*.yaml") if not path.name.endswith(".cases.yaml")}
    assert {path.name.removesuffix(".cases.yaml") for path in READY_MADE} == policies
    assert len(policies) >= 3


@pytest.mark.parametrize(
    "cases",
    [
        pytest.param(path, id=path.stem, marks=pytest.mark.needs("detectors") if "pci" in path.stem else ())
        for path in READY_MADE
    ],
)
def test_the_cases_of_a_ready_made_policy_pass(command: Command, cases: Path) -> None:
    """Each rule is made to act by one of them."""
    done = command("policy", "test", "--json", cases)
    assert (done.returncode, done.stderr) == (0, "")
    assert {finding["state"] for finding in orjson.loads(done.stdout)["findings"]} == {"ok"}


def test_a_policy_is_looked_over(command: Command, file: Path) -> None:
    """Exit 0 with warnings; what is wrong is exit 2, as when it is served."""
    done = command("policy", "lint", "--config", file, **PEPPER)
    assert (done.returncode, done.stderr) == (0, "")
    assert [line.split()[:2] for line in done.stdout.splitlines()] == [["ok", "policy"], ["warning", "policy.rules.3.mode"]]
    wrong = yaml.safe_load(file.read_text())
    wrong["outbound"] = {}
    file.write_text(yaml.safe_dump(wrong))
    done = command("policy", "lint", "--config", file, **PEPPER)
    assert done.returncode == 2
    assert "policy.rules.4.callers.0: is no caller of outbound.callers" in done.stderr


LONG = {"type": "person", "action": "identify", "identifiers": {"id": "2"}, "attributes": {"note": "CANARY" * 200}}
SHORT = {"type": "person", "action": "identify", "identifiers": {"id": "1"}, "attributes": {}}


def limiting(folder: Path, mode: str) -> Path:
    """Write a configuration whose policy looks for Customer.io's own limits."""
    path = folder / "limits.yaml"
    path.write_text(yaml.safe_dump({"version": 1, "policy": {"version": 1, "vendor_limits": mode}}))
    return path


def test_what_is_over_a_limit_is_shown_as_it_would_be_treated(tmp_path: Path) -> None:
    """Refused, or taken out of a batch, or only told of; by the name of the limit, and nothing of the input."""
    batch = ["--endpoint", "POST /api/v2/batch", "--explain"]
    done = applied(limiting(tmp_path, "enforce"), orjson.dumps(LONG["attributes"]), "--endpoint", IDENTIFY)
    assert (done.returncode, done.stdout, done.stderr) == (1, b"", b"refused: vendor_limit (attribute_value_bytes)\n")
    done = applied(limiting(tmp_path, "enforce"), orjson.dumps({"batch": [SHORT, LONG]}), *batch)
    assert (done.returncode, orjson.loads(done.stdout)) == (0, {"batch": [SHORT]})
    assert done.stderr == b"vendor_limits: taken out: attribute_value_bytes: item 1\n"
    done = applied(limiting(tmp_path, "report"), orjson.dumps({"batch": [SHORT, LONG]}), *batch)
    assert (done.returncode, orjson.loads(done.stdout)) == (0, {"batch": [SHORT, LONG]})
    assert done.stderr == b"vendor_limits: over: attribute_value_bytes: item 1\n"


def test_a_case_may_expect_a_limit(command: Command, tmp_path: Path) -> None:
    """That it refuses a call, or what it leaves of a batch."""
    refused = {
        "name": "long",
        "endpoint": IDENTIFY,
        "body": LONG["attributes"],
        "expect": {"refused": "vendor_limit"},
        "rules": [],
    }
    batch = {
        "name": "rest",
        "endpoint": "POST /api/v2/batch",
        "body": {"batch": [LONG, SHORT]},
        "expect": {"body": {"batch": [SHORT]}},
    }
    file = cases(tmp_path, refused, batch)
    done = command("policy", "test", "--config", limiting(tmp_path, "enforce"), file)
    assert (done.returncode, done.stderr) == (0, "")
    assert [line.split()[0] for line in done.stdout.splitlines()] == ["ok", "ok"]
    done = command("policy", "test", "--config", limiting(tmp_path, "report"), file)
    assert done.returncode == 1


@pytest.mark.parametrize("name", ["default", "gdpr-strict", "pci"])
def test_a_ready_made_policy_is_shown_as_it_was_written(command: Command, name: str) -> None:
    """With its comments, to be copied."""
    done = command("policy", "show", f"builtin:{name}")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == (ROOT / "config" / "policies" / f"{name}.yaml").read_text()
    values = orjson.loads(command("policy", "show", "--json", f"builtin:{name}").stdout)
    assert [rule["name"] for rule in values["rules"]] == [rule["name"] for rule in yaml.safe_load(done.stdout)["rules"]]


def test_the_policy_in_force_is_shown(command: Command, file: Path, tmp_path: Path) -> None:
    """What the environment changes is in it; a file may be named in its place."""
    shown = yaml.safe_load(command("policy", "show", "--config", file, CIO_SIDECAR_POLICY__MODE="report").stdout)
    assert shown == POLICY | {"mode": "report"}
    (tmp_path / "p.yaml").write_text("version: 1\nrules: [{name: a, fields: [b], action: strip}]\n")
    named = yaml.safe_load(command("policy", "show", tmp_path / "p.yaml").stdout)
    assert named == {"version": 1, "mode": "enforce", "rules": [{"name": "a", "fields": ["b"], "action": "strip"}]}


@pytest.mark.parametrize("named", ["builtin:CANARY", "builtin:", "builtin:../policy/pci", "none.yaml"])
def test_a_policy_that_is_not_there_is_one_line(command: Command, named: str) -> None:
    """Of ready-made ones, all there are is said; a name is not a path."""
    for arguments in (("show", named), ("lint", named), ("apply", named)):
        done = command("policy", *arguments)
        assert (done.returncode, done.stdout, done.stderr.count("\n")) == (2, "", 1)
        assert "CANARY" not in done.stderr
        assert ("builtin:default, builtin:gdpr-strict, builtin:pci" in done.stderr) == named.startswith("builtin:")
        assert named.startswith("builtin:") or done.stderr == "none.yaml: there is no such file\n"


def test_a_policy_s_file_is_applied_and_looked_over(command: Command, tmp_path: Path) -> None:
    """Without a configuration that names it."""
    path = tmp_path / "p.yaml"
    path.write_text("version: 1\nrules: [{name: a, fields: [secret], action: strip}]\n")
    command_line = [sys.executable, "-X", "dev", "-W", "error", "-m", "proxy", "policy", "apply", str(path)]
    done = subprocess.run(
        command_line, input=b'{"secret":1,"phone":2}', capture_output=True, timeout=COMMAND_SECONDS, check=False
    )
    assert (done.returncode, done.stdout) == (0, b'{"phone":2}\n')
    looked = command("policy", "lint", path)
    assert looked.stdout.splitlines()[0].split(maxsplit=2) == ["ok", "policy", "1 rules, mode enforce"]
    path.write_text("version: 1\nrules: [{name: a, fields: [b], action: strip, endpoints: [nope]}]\n")
    wrong = command("policy", "lint", path)
    assert (wrong.returncode, wrong.stderr.count("\n")) == (2, 1)
    assert wrong.stderr.startswith(f"{path}:2: rules.0.endpoints.0: matches no endpoint")
