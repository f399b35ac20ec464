"""The gates of `make check` that are scripts of ours can fail: each finds a planted fault."""

import re
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.needs import ROOT

# Shaped like a key of Customer.io, and in two pieces so that the scan of this repository passes it over.
KEY = "9f2b7c1de8" + "4a4f06b3d5"


def run(script: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run a gate."""
    return subprocess.run([str(script), *arguments], capture_output=True, text=True, timeout=120, check=False)


@pytest.mark.needs("kingfisher")
@pytest.mark.parametrize("line", [f'CUSTOMERIO_API_KEY = "{KEY}"', f"site_id: {KEY}", f'{{"write_key": "{KEY}"}}'])
def test_the_scan_finds_a_key_and_does_not_print_it(tmp_path: Path, line: str) -> None:
    """A Customer.io key fails the scan, wherever the words that give it away stand, and is not repeated in its output."""
    (tmp_path / "settings.py").write_text(f"{line}\n")
    done = run(ROOT / ".ci" / "secrets", str(tmp_path))
    assert done.returncode not in {0, 2}, done.stderr
    assert KEY not in done.stdout + done.stderr


@pytest.mark.needs("kingfisher")
def test_the_scan_passes_a_placeholder(tmp_path: Path) -> None:
    """A made-up word in place of a key is no finding."""
    (tmp_path / "settings.py").write_text('CUSTOMERIO_API_KEY = "track-api-key"\n')
    done = run(ROOT / ".ci" / "secrets", str(tmp_path))
    assert done.returncode == 0, done.stdout


@pytest.mark.needs("uv")
@pytest.mark.parametrize("stale", [False, True], ids=["as written", "with a package missing"])
def test_the_locks_are_what_would_be_written(tmp_path: Path, stale: bool) -> None:  # noqa: FBT001 - pytest passes it by name
    """A lock that lacks a package which pyproject.toml asks for fails the check; the locks as they are pass it."""
    (tmp_path / ".ci").mkdir()
    (tmp_path / ".venv").symlink_to(ROOT / ".venv")
    for file in (ROOT / ".ci" / "locks", ROOT / "pyproject.toml", *ROOT.glob("requirements*.lock")):
        shutil.copy(file, tmp_path / file.relative_to(ROOT))
    if stale:
        lock = tmp_path / "requirements-gates.lock"
        lock.write_text(re.sub(r"^ruff==.*?(?=^[a-z])", "", lock.read_text(), flags=re.DOTALL | re.MULTILINE))
    done = run(tmp_path / ".ci" / "locks", "check")
    assert (done.returncode == 1) is stale, done.stdout + done.stderr
    assert ("make lock" in done.stderr) is stale
