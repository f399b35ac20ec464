"""Secrets kept in files."""

import os
from pathlib import Path

import pytest

from proxy.credentials.file import FileProvider
from proxy.credentials.model import SECRET_MAX_BYTES, WHOLE, AbsentError, Provider, UnreadableError
from proxy.sensitive import Sensitive


def read(path: Path) -> Sensitive[str]:
    """Read the secret at `path`; the provider meets its protocol."""
    provider: Provider = FileProvider()
    return provider.read(str(path)).secret(WHOLE)


def test_a_file_holds_the_secret(tmp_path: Path) -> None:
    """Without line ends, up to the longest secret."""
    for content, secret in (
        (b"secret", "secret"),
        (b"secret\r\n", "secret"),
        (b"x" * SECRET_MAX_BYTES + b"\r\n", "x" * SECRET_MAX_BYTES),
    ):
        (tmp_path / "key").write_bytes(content)
        assert read(tmp_path / "key").reveal() == secret


def test_a_mounted_secret_is_a_link_to_a_link(tmp_path: Path) -> None:
    """Kubernetes swaps `..data` when a Secret changes: the file is read anew at every call."""
    for version in ("one", "two"):
        (tmp_path / version).mkdir()
        (tmp_path / version / "key").write_text(version)
    (tmp_path / "..data").symlink_to("one")
    (tmp_path / "key").symlink_to("..data/key")
    assert read(tmp_path / "key").reveal() == "one"
    (tmp_path / "next").symlink_to("two")
    (tmp_path / "next").replace(tmp_path / "..data")
    assert read(tmp_path / "key").reveal() == "two"


def test_a_file_that_cannot_be_used_says_why(tmp_path: Path) -> None:
    """Missing, no file, too long, empty or not text; without a word of its content."""
    os.mkfifo(tmp_path / "pipe")
    contents = {"long": b"C" * (SECRET_MAX_BYTES + 3), "empty": b"\n", "binary": b"CANARY\xff", "control": b"CANARY\x1b"}
    for name, content in contents.items():
        (tmp_path / name).write_bytes(content)
    for name, problem in {
        "none": f"there is no such file: {tmp_path}/none",
        "empty/none": "there is no such file",
        ".": "not a regular file",
        "pipe": f"not a regular file: {tmp_path}/pipe",
        "long": "longer than",
        "empty": "is empty",
        "binary": f"UTF-8 text: {tmp_path}/binary",
        "control": "cannot be printed",
    }.items():
        with pytest.raises(UnreadableError, match=problem) as refused:
            read(tmp_path / name)
        assert "CANARY" not in str(refused.value)
        assert not isinstance(refused.value.__context__, UnicodeError)  # which holds what it could not read


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read every file")
def test_a_file_that_may_not_be_read_says_so(tmp_path: Path) -> None:
    """A secret mounted for another user."""
    (tmp_path / "key").touch(0)
    with pytest.raises(UnreadableError, match="no permission to read the file"):
        read(tmp_path / "key")


def test_only_a_file_that_is_absent_may_come(tmp_path: Path) -> None:
    """A mount that is late is waited for; a folder in its place is a mistake."""
    (tmp_path / "dangling").symlink_to("nowhere")
    for name, absent in {"none": True, "dangling": True, "none/key": True, ".": False}.items():
        with pytest.raises(UnreadableError) as refused:
            read(tmp_path / name)
        assert isinstance(refused.value, AbsentError) == absent


def test_a_key_that_was_pasted_in_the_place_of_a_path_is_not_shown(tmp_path: Path) -> None:
    """The reference `file:8b4be41e9a1e4a1fb3c0` is a path by its form (promise G2)."""
    with pytest.raises(UnreadableError, match=r"^there is no such file$"):
        read(tmp_path / "8b4be41e9a1e4a1fb3c0")
