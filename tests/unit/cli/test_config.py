"""`cio-sidecar config init` and `config show`, run as a process."""

from pathlib import Path

import orjson
import pytest
import yaml

from tests.unit.cli.conftest import Command

KEYS = {"CIO_SITE_ID": "site-CANARY-0123456789", "CIO_API_KEY": "key-CANARY-0123456789"}


def test_a_configuration_to_begin_with_is_written_and_passes(command: Command, tmp_path: Path) -> None:
    """With comments; nothing needs to be changed in it but the keys be set, and what to do next is said."""
    file = tmp_path / "sidecar.yaml"
    done = command("config", "init", file)
    assert (done.returncode, done.stderr) == (0, "")
    assert f"Wrote {file}" in done.stdout
    assert f"cio-sidecar check --config {file}" in done.stdout
    checked = command("check", "--offline", "--config", file, **KEYS)
    assert (checked.returncode, checked.stderr) == (0, ""), checked.stdout
    comments = [line for line in file.read_text().splitlines() if line.lstrip().startswith("#")]
    assert len(comments) > 20


def test_every_line_of_it_may_be_used(command: Command, tmp_path: Path) -> None:
    """What stands in comments as a setting is one."""
    file = tmp_path / "sidecar.yaml"
    assert command("config", "init", file).returncode == 0
    text = file.read_text()
    for comment in ("# app:", "# pipelines:", "# tls:", "# callers:", "#   - {name", "# token:"):
        assert comment in text
        text = text.replace(comment, comment.removeprefix("# ") if comment.startswith("# ") else comment.replace("#", " ", 1))
    file.write_text(text)
    done = command("config", "show", "--json", "--config", file)
    assert (done.returncode, done.stderr) == (0, "")
    shown = orjson.loads(done.stdout)
    assert shown["admin"]["token"] == "env:CIO_SIDECAR_ADMIN_TOKEN"
    assert shown["outbound"]["callers"][0]["name"] == "billing"
    assert shown["credentials"]["pipelines"] == {"write_key": "env:CIO_WRITE_KEY"}


def test_nothing_is_replaced_unasked(command: Command, tmp_path: Path) -> None:
    """Exit 2 and one line, and the file is as it was; --force replaces it."""
    file = tmp_path / "sidecar.yaml"
    file.write_text("mine")
    done = command("config", "init", file)
    assert (done.returncode, done.stdout, done.stderr) == (2, "", f"{file}: is there already; --force replaces it\n")
    assert file.read_text() == "mine"
    assert command("config", "init", "--force", file).returncode == 0
    assert file.read_text() != "mine"
    done = command("config", "init", tmp_path / "none" / "sidecar.yaml")
    assert (done.returncode, done.stderr) == (2, f"{tmp_path}/none/sidecar.yaml: there is no such file or folder\n")


@pytest.mark.parametrize("options", [(), ("--json",)])
def test_what_is_in_force_is_shown_without_secrets(command: Command, tmp_path: Path, options: tuple[str, ...]) -> None:
    """The environment counts, references are shown, and no value of one is; secrets need not even be there."""
    file = tmp_path / "sidecar.yaml"
    assert command("config", "init", file).returncode == 0
    done = command("config", "show", *options, "--config", file, **KEYS, CIO_SIDECAR_REGION="eu")
    assert (done.returncode, done.stderr) == (0, "")
    assert "CANARY" not in done.stdout
    shown = yaml.safe_load(done.stdout)
    assert shown["credentials"]["track"] == {"site_id": "env:CIO_SITE_ID", "api_key": "env:CIO_API_KEY"}
    assert shown["upstreams"]["app"]["url"] == "https://api-eu.customer.io"
    assert shown["outbound"]["limits"]["depth"] == 100
    assert shown["policy"]["rules"]
    assert command("config", "show", *options, "--config", file).stdout.count("eu") < done.stdout.count("eu")
