"""The gates that are scripts of ours can fail: each finds a planted fault."""

import os
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


# In place of make: tells what it was asked for and whether in CI, says what pytest would say, and fails where it is told to.
MAKE = """\
#!/bin/sh
echo "CI=$CI $*" >>made
echo "=== 1 passed in 1.00s ==="
echo "some more"
case "$*" in $FAILS) exit 3 ;; esac
"""
PARTS = (
    "CI= test",
    "CI=true tools",
    "CI=true check",
    "CI=true test WORKERS=auto ARGS=--dist loadfile --needing helm,vault",
    "CI=true fuzz SECONDS=100",
    "CI=true test COMPILED=1 WORKERS=auto ARGS=",
)


def run_ci(
    folder: Path, *, lacking: str = "helm,vault", fails: str = "none"
) -> tuple[subprocess.CompletedProcess[str], list[str]]:
    """Run .ci/run in a checkout whose make only tells; return how it ended, and what was made."""
    programs = {
        folder / "bin" / "make": MAKE,
        folder / "bin" / "dpkg-query": "#!/bin/sh\necho install ok installed\n",
        folder / ".venv" / "bin" / "python": f"#!/bin/sh\necho {lacking}\n",
    }
    for program, script in programs.items():
        program.parent.mkdir(parents=True, exist_ok=True)
        program.write_text(script)
        program.chmod(0o755)
    (folder / ".ci").mkdir()
    shutil.copy(ROOT / ".ci" / "run", folder / ".ci")
    environment = {"PATH": f"{folder / 'bin'}:{os.environ['PATH']}", "CI": "true", "FAILS": fails}
    done = subprocess.run(
        [str(folder / ".ci" / "run")], capture_output=True, text=True, timeout=120, check=False, env=environment
    )
    return done, (folder / "made").read_text().splitlines()


@pytest.mark.parametrize("lacking", ["helm,vault", ""], ids=["something is skipped", "nothing is"])
def test_ci_runs_the_command_of_the_readme_first(tmp_path: Path, lacking: str) -> None:
    """`make test` as a user has it, before any tool; then what it skipped, where no skip passes. pytest's lines come last."""
    done, made = run_ci(tmp_path, lacking=lacking)
    expected = [part for part in PARTS if lacking or "--needing" not in part]
    assert done.returncode == 0, done.stderr
    assert [line[: len(part)] for line, part in zip(made, expected, strict=True)] == expected
    told = done.stdout.rpartition("some more\n")[2].splitlines()
    assert [line.split("  ")[0] for line in told[::2]] == [
        "make test", "make tools", "make check", *(["what was skipped"] if lacking else []), "fuzzing", "compiled"
    ]  # fmt: skip
    assert set(told[1::2]) == {"=== 1 passed in 1.00s ==="}


@pytest.mark.parametrize("number", range(len(PARTS)))
def test_ci_fails_with_the_part_that_fails(tmp_path: Path, number: int) -> None:
    """Each part can fail the run; none after it is begun, and the end names it."""
    pattern = PARTS[number].partition(" ")[2].replace(" ", "\\ ") + "*"
    done, made = run_ci(tmp_path, fails=pattern if number else "test")
    assert done.returncode == 3
    assert len(made) == number + 1
    assert "failed with 3" in done.stdout.splitlines()[-2]
