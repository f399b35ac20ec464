"""When a configuration is read again, and which files are looked at for it."""

import os
from pathlib import Path

import pytest

from proxy.config.source import SETTLED_SECONDS, Source
from proxy.errors import ConfigError
from tests.fakes import FakeClock

POLICY = "version: 1\nrules: [{name: one, fields: [%s], action: mask}]\n"


class Folder:
    """A configuration in a folder, with a policy of its own."""

    def __init__(self, path: Path) -> None:
        """Write it."""
        self.path = path
        self.write("sidecar.yaml", "version: 1\npolicy: policy.yaml\n")
        self.write("policy.yaml", POLICY % "alpha")
        self.clock = FakeClock()
        self.source = Source(path / "sidecar.yaml", {}, self.clock)

    def write(self, name: str, text: str) -> None:
        """Write a file in place."""
        (self.path / name).write_text(text)

    def looks(self) -> list[bool]:
        """Look three times, with nothing in between."""
        return [self.source.changed() for _ in range(3)]


@pytest.fixture
def folder(tmp_path: Path) -> Folder:
    """Read a configuration once."""
    folder = Folder(tmp_path)
    folder.source.load()
    return folder


def test_what_was_read_has_not_changed(folder: Folder) -> None:
    """However often it is looked at, with other dates, or written again as it was."""
    assert folder.looks() == [False] * 3
    os.utime(folder.path / "policy.yaml", (0, 0))
    folder.write("sidecar.yaml", "version: 1\npolicy: policy.yaml\n")
    assert folder.looks() == [False] * 3


@pytest.mark.parametrize("name", ["sidecar.yaml", "policy.yaml"])
@pytest.mark.parametrize("text", ["", "version: 1\n", None])
def test_a_change_is_told_once_it_has_stayed(folder: Folder, name: str, text: str | None) -> None:
    """Not at the first look, since somebody may still be writing; then until it is read; also of a file that is gone."""
    if text is None:
        (folder.path / name).unlink()
    else:
        folder.write(name, text)
    assert folder.looks() == [False, True, True]


def test_a_file_that_is_still_written_is_waited_for(folder: Folder) -> None:
    """Half of a policy may be a valid policy that lets more leave."""
    for end in range(3):
        folder.write("policy.yaml", POLICY % f"alpha{end}")
        assert not folder.source.changed()
    assert folder.source.changed()


def test_a_change_that_is_taken_back_is_none(folder: Folder) -> None:
    """What counts is what would be read."""
    folder.write("policy.yaml", POLICY % "beta")
    assert not folder.source.changed()
    folder.write("policy.yaml", POLICY % "alpha")
    assert folder.looks() == [False] * 3


def test_the_same_size_and_date_hide_nothing(folder: Folder) -> None:
    """Whoever keeps the date, as `cp -p` and archives do, has changed the file all the same."""
    file = folder.path / "policy.yaml"
    before = file.stat()
    folder.write("policy.yaml", POLICY % "bravo")
    os.utime(file, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert folder.looks() == [False, True, True]


def test_a_link_far_up_the_path_is_followed(tmp_path: Path) -> None:
    """As Kubernetes publishes a ConfigMap: only `..data` changes."""
    for revision, field in (("..1", "alpha"), ("..2", "bravo")):
        (tmp_path / revision).mkdir()
        (tmp_path / revision / "policy.yaml").write_text(POLICY % field)
        (tmp_path / revision / "sidecar.yaml").write_text("version: 1\npolicy: policy.yaml\n")
    (tmp_path / "..data").symlink_to("..1")
    source = Source(tmp_path / "..data" / "sidecar.yaml", {}, FakeClock())
    source.load()
    (tmp_path / "new").symlink_to("..2")
    (tmp_path / "new").rename(tmp_path / "..data")
    assert [source.changed(), source.changed()] == [False, True]


def test_a_refused_file_is_watched_too(folder: Folder) -> None:
    """Also one that is not there yet, which a configuration that was refused names; what it does not name is not."""
    folder.write("sidecar.yaml", "version: 1\npolicy: other.yaml\n")
    with pytest.raises(ConfigError):
        folder.source.load()
    folder.write("policy.yaml", "")
    assert folder.looks() == [False] * 3
    folder.write("other.yaml", POLICY % "alpha")
    assert folder.looks() == [False, True, True]


def test_everything_that_is_read_is_watched(tmp_path: Path) -> None:
    """The certificate and key of the listener, and the fields that the inventory knows."""
    for name in ("c.pem", "k.pem", "known.json"):
        (tmp_path / name).write_text("one")
    (tmp_path / "s.yaml").write_text(
        "version: 1\noutbound: {tls: {certificate: c.pem, key: k.pem}}\npolicy: {version: 1, inventory: {known: known.json}}\n"
    )
    source = Source(tmp_path / "s.yaml", {}, FakeClock())
    for name in ("c.pem", "k.pem", "known.json"):
        source.load()
        (tmp_path / name).write_text("two")
        assert [source.changed(), source.changed()] == [False, True], name


def test_what_has_settled_is_not_read_again(folder: Folder, monkeypatch: pytest.MonkeyPatch) -> None:
    """A look costs one question to the system for each file, unless it was written a moment ago."""
    opened: list[object] = []
    real = os.open

    def noted(path: str, flags: int) -> int:
        opened.append(path)
        return real(path, flags)

    monkeypatch.setattr(os, "open", noted)
    folder.clock.now = (folder.path / "sidecar.yaml").stat().st_ctime + SETTLED_SECONDS + 1
    folder.source.changed()
    assert len(opened) == 2
    folder.source.changed()
    assert len(opened) == 2


def test_without_a_file_nothing_changes() -> None:
    """The environment of a process stays as it is."""
    source = Source(None, {}, FakeClock())
    source.load()
    assert not source.changed()


def test_what_is_no_file_does_not_hold_it_up(folder: Folder) -> None:
    """A named pipe, which nobody writes to, in the place of a file."""
    (folder.path / "policy.yaml").unlink()
    os.mkfifo(folder.path / "policy.yaml")
    assert folder.looks() == [False, True, True]
