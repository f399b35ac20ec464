"""What is said of each kind of store."""

import shlex
import subprocess
from pathlib import Path

import pytest

from proxy.api.model import Credential
from proxy.cli.instructions import MAKING, writing
from proxy.credentials.model import Authorization, Kind, Reference
from proxy.credentials.slots import Secrets, Slot


def unused(_: Secrets) -> Authorization:
    """Stand in for what makes a header of secrets."""
    raise AssertionError


def told(**parts: str) -> list[str]:
    """Return what is said of a credential whose parts are kept at references."""
    slot = Slot("track", Credential.TRACK, {name: Reference.parse(text) for name, text in parts.items()}, unused)
    return list(writing(slot))


def commands(**parts: str) -> list[str]:
    """Return the commands in it."""
    return [line.strip() for text in told(**parts) for line in text.splitlines() if line.startswith("  ")]


def test_every_credential_and_every_store_is_known() -> None:
    """One that is added cannot be forgotten here."""
    assert set(MAKING) == set(Credential) - {Credential.NONE}
    references = {
        Kind.ENV: "env:A",
        Kind.FILE: "file:/a",
        Kind.VAULT: "vault:a/b#c",
        Kind.GCP: "gcp:projects/p/secrets/s",
        Kind.AWS_SM: "aws-sm:a",
        Kind.AWS_SSM: "aws-ssm:/a",
    }
    assert set(references) == set(Kind)
    assert all(told(api_key=reference) for reference in references.values())


@pytest.mark.parametrize(
    ("parts", "expected"),
    [
        (
            {"site_id": "vault:secret/customerio#site", "api_key": "vault:secret/customerio#key"},
            ["vault kv patch secret/customerio site=NEW_SITE_ID key=-"],
        ),
        ({"api_key": "vault:kv/a b;c#key".replace(" ", "")}, ["vault kv patch 'kv/ab;c' key=-"]),
        (
            {"site_id": "vault:secret/a#id", "api_key": "vault:secret/b#key"},
            ["vault kv patch secret/a id=-", "vault kv patch secret/b key=-"],
        ),
        (
            {"site_id": "aws-sm:prod/cio#site", "api_key": "aws-sm:prod/cio#key"},
            ["aws secretsmanager put-secret-value --secret-id prod/cio --secret-string file://NEW_SECRET"],
        ),
        (
            {"api_key": "aws-ssm:/prod/cio"},
            ["aws ssm put-parameter --overwrite --type SecureString --name /prod/cio --value file://NEW_VALUE"],
        ),
        (
            {"api_key": "gcp:projects/p/secrets/s/versions/latest"},
            ["gcloud secrets versions add s --project p --data-file -"],
        ),
        ({"api_key": "file:/run/a b"}, ["(umask 077; cat > '/run/a b.new') && mv '/run/a b.new' '/run/a b'"]),
        ({"api_key": "env:CIO_KEY"}, []),
    ],
)
def test_the_literal_command_is_told(parts: dict[str, str], expected: list[str]) -> None:
    """With the place as it is configured, quoted for a shell; what is kept together is written together."""
    assert commands(**parts) == expected


@pytest.mark.parametrize(
    ("parts", "said"),
    [
        ({"a": "vault:a/b#c"}, "KV version 1 has no patch"),
        ({"a": "aws-sm:a#c", "b": "aws-sm:a#d"}, "JSON: c and d, and every other field of the secret"),
        ({"api_key": "aws-sm:a"}, "from a file that holds the new API key"),
        ({"a": "gcp:projects/p/secrets/s/versions/3"}, "A reference that names one version will go on doing so"),
        ({"site_id": "file:/a"}, "the new site id from standard input"),
        ({"a": "file:/a"}, "Where Kubernetes mounts files, change the Secret"),
        ({"write_key": "env:A"}, "the new write key, where A is set"),
        ({"a": "env:A"}, "so restart the sidecar"),
    ],
)
def test_what_else_there_is_to_know_is_told(parts: dict[str, str], said: str) -> None:
    """What would lose other secrets, and what does not take effect by itself."""
    assert said in "\n".join(told(**parts))


def test_a_note_is_told_once() -> None:
    """And only where it applies."""
    pair = told(site_id="file:/a", api_key="file:/b")
    assert (len(pair), pair[-1].startswith("Where Kubernetes")) == (3, True)
    assert "one version" not in "\n".join(told(a="gcp:projects/p/secrets/s"))


def test_the_command_for_a_file_puts_it_there_whole(tmp_path: Path) -> None:
    """Run as it is told, in a folder whose name needs quoting: readable by its owner alone, and nothing is left beside it."""
    folder = tmp_path / "it's a folder"
    folder.mkdir()
    (folder / "key").write_text("old")
    (command,) = commands(api_key=f"file:{folder / 'key'}")
    subprocess.run(["sh", "-c", command], input="new-key\n", text=True, timeout=10, check=True)
    assert (folder / "key").read_text() == "new-key\n"
    assert (folder / "key").stat().st_mode & 0o777 == 0o600
    assert [path.name for path in folder.iterdir()] == ["key"]


def test_no_command_holds_a_key() -> None:
    """A history of commands and a list of processes would keep it: it comes from standard input or a file."""
    for parts in (
        {"site_id": "vault:s/c#site_id", "api_key": "vault:s/c#api_key"},
        {"write_key": "aws-sm:a"},
        {"write_key": "aws-ssm:/a"},
        {"write_key": "gcp:projects/p/secrets/s"},
        {"write_key": "file:/a"},
    ):
        (command,) = commands(**parts)
        words = shlex.split(command)
        assert not any("KEY" in word for word in words)
        assert any(word in ("-", "cat") or word.endswith("=-") or word.startswith("file://NEW_") for word in words)
