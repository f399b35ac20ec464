"""The `needs` mark: skip by name and count, fail in CI, run where the thing is; and what counts as the thing."""

import sys
from pathlib import Path

import orjson
import pytest

from tests import needs
from tests.needs import TABLE, Package, Pinned, Program, missing, path_of

pytest_plugins = ["pytester"]

# No program is on this one's PATH, and the packages that pytest itself needs are there.
EXAMPLE = """
import pytest

@pytest.mark.needs("buildah")
def test_missing():
    raise AssertionError("must not run")

@pytest.mark.needs("setpriv", "buildah")
def test_both_missing():
    raise AssertionError("must not run")

@pytest.mark.needs("jsonschema")
def test_present():
    pass
"""
PACKAGES = [name for name, need in TABLE.items() if isinstance(need, Package)]
PROGRAMS = [name for name, need in TABLE.items() if isinstance(need, Program)]
PINNED = [name for name, need in TABLE.items() if isinstance(need, Pinned)]


def run(
    pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch, *arguments: str, ci: str = "", example: str = EXAMPLE
) -> pytest.RunResult:
    """Run `example` in a pytest of its own, with `CI` set to `ci`, where no program is on PATH."""
    monkeypatch.setenv("CI", ci)
    monkeypatch.setenv("PATH", str(pytester.path / "no-programs"))
    monkeypatch.setenv("PYTHONPATH", str(needs.ROOT))
    pytester.makeini("[pytest]\nmarkers = needs(name): see tests/needs.py\n")
    pytester.makepyfile(example)
    return pytester.runpytest_subprocess("-p", "tests.needs", "-ra", *arguments)


def planted(folder: Path, name: str, script: str = "#!/bin/sh\nexit 0\n") -> Path:
    """Put a program into `folder`."""
    folder.mkdir(exist_ok=True)
    program = folder / name
    program.write_text(script)
    program.chmod(0o755)
    return program


@pytest.mark.parametrize("workers", [(), ("-n", "2")], ids=["alone", "with workers"])
def test_a_missing_thing_skips_by_name(
    pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch, workers: tuple[str, ...]
) -> None:
    """Outside CI the test is skipped, the skip names the thing, the others run, and the end says how many lacked it."""
    result = run(pytester, monkeypatch, *workers)
    result.assert_outcomes(passed=1, skipped=2)
    result.stdout.fnmatch_lines(["*SKIPPED*needs setpriv (util-linux has it), buildah*"])
    assert orjson.loads((pytester.path / ".pytest_cache" / "v" / needs.LACKED).read_bytes()) == ["buildah", "setpriv"]
    result.stdout.re_match_lines([r"=+ skipped for want of =+", r" +2 buildah", r" +1 setpriv \(util-linux has it\)"])


@pytest.mark.parametrize("workers", [(), ("-n", "2")], ids=["alone", "with workers"])
def test_a_missing_thing_is_an_error_in_ci(
    pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch, workers: tuple[str, ...]
) -> None:
    """In CI nothing is skipped: the run has an error, which says what is missing."""
    result = run(pytester, monkeypatch, *workers, ci="true")
    result.assert_outcomes(passed=1, errors=2)
    assert result.ret == pytest.ExitCode.TESTS_FAILED
    result.stdout.fnmatch_lines(["*needs setpriv (util-linux has it), buildah*"])


@pytest.mark.parametrize("ci", ["", "true"])
def test_a_name_without_a_row_is_an_error_anywhere(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch, ci: str) -> None:
    """A mark with a name that is misspelt would else skip its test for ever."""
    result = run(pytester, monkeypatch, ci=ci, example=EXAMPLE.replace('"buildah"', '"bildah"', 1))
    result.assert_outcomes(passed=1, errors=1 + (ci == "true"), skipped=ci == "")
    result.stdout.fnmatch_lines(["*needs bildah, which is not in TABLE of tests/needs.py*"])


@pytest.mark.parametrize(
    ("asked", "ran"), [("setpriv", {"test_both_missing"}), ("buildah,helm", {"test_missing", "test_both_missing"})]
)
def test_what_was_skipped_can_be_run_alone(
    pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch, asked: str, ran: set[str]
) -> None:
    """`--needing` selects the tests that need one of the names, and under CI each that still cannot run is an error."""
    result = run(pytester, monkeypatch, f"--needing={asked}", "-v", ci="true")
    result.assert_outcomes(errors=len(ran), deselected=3 - len(ran))
    assert {line.split("::")[1].split()[0] for line in result.outlines if "::" in line and line.startswith("test_")} == ran


@pytest.mark.parametrize("arguments", [("-k", "present"), ("-k", "present", "-p", "no:cacheprovider")])
def test_a_run_that_lacks_nothing_keeps_no_names(
    pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch, arguments: tuple[str, ...]
) -> None:
    """What is kept is of the last run, not of one before; a run without a cache keeps nothing and works."""
    run(pytester, monkeypatch)
    run(pytester, monkeypatch, *arguments).assert_outcomes(passed=1, deselected=2)
    kept = orjson.loads((pytester.path / ".pytest_cache" / "v" / needs.LACKED).read_bytes())
    assert kept == ([] if len(arguments) == len(("-k", "present")) else ["buildah", "setpriv"])


@pytest.mark.parametrize("asked", ["bildah", "luajit"])
def test_asking_for_no_test_at_all_is_an_error(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch, asked: str) -> None:
    """A name that no row has, or no test needs, would else run nothing and pass."""
    result = run(pytester, monkeypatch, f"--needing={asked}")
    assert result.ret == (pytest.ExitCode.USAGE_ERROR if asked not in TABLE else pytest.ExitCode.NO_TESTS_COLLECTED)


@pytest.mark.parametrize("name", PACKAGES)
def test_a_program_is_no_package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    """A program with the name of a package, or of its module, does not satisfy a need for the package, wherever it is."""
    need = TABLE[name]
    assert isinstance(need, Package)
    modules = need.modules or (name,)
    for called in {name, *modules}:
        planted(tmp_path / "bin", called)
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    monkeypatch.setattr(sys, "path", [str(tmp_path / "bin")])
    tops = {module.partition(".")[0] for module in modules}
    for loaded in [loaded for loaded in sys.modules if loaded.partition(".")[0] in tops]:
        monkeypatch.delitem(sys.modules, loaded)
    assert missing([name]) == [name]


@pytest.mark.parametrize("name", PROGRAMS + PINNED)
def test_a_package_is_no_program(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    """A package with the name of a program does not satisfy a need for the program; nor does a folder on PATH."""
    need = TABLE[name]
    package = tmp_path / name
    package.mkdir()
    (package / "__init__.py").write_text("")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setenv("PATH", str(tmp_path))
    if isinstance(need, Pinned):
        monkeypatch.setattr(needs, "TABLE", {name: Pinned(tmp_path, need.source)})
    assert missing([name]) == [name]


@pytest.mark.parametrize("name", PINNED)
def test_a_program_of_the_machine_is_not_the_pinned_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    """Another version of what this checkout pins, on PATH, is not what the tests were written for."""
    planted(tmp_path / "bin", name)
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    monkeypatch.setattr(needs, "TABLE", {name: Pinned(tmp_path / "pinned", "")})
    assert missing([name]) == [name]
    planted(tmp_path / "pinned", name)
    assert missing([name]) == []
    assert path_of(name) == str(tmp_path / "pinned" / name)


@pytest.mark.parametrize("name", PROGRAMS)
@pytest.mark.parametrize(
    ("script", "works"),
    [
        ("#!/bin/sh\nexit 0\n", True),
        ("#!/bin/sh\necho 'pyenv: command not found' >&2\nexit 127\n", False),
        ("#!/bin/sh\necho 'No version is set' >&2\nexit 126\n", False),
        ("#!/no/such/interpreter\n", False),
        ("#!/bin/sh\nkill -9 $$\n", False),
        ("", False),
    ],
    ids=["runs", "a shim without a version", "another shim", "no interpreter", "killed", "empty"],
)
def test_a_program_counts_if_it_runs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, script: str, *, works: bool
) -> None:
    """What is on PATH and cannot run is missing."""
    need = TABLE[name]
    assert isinstance(need, Program)
    planted(tmp_path / "bin", name, script.replace("exit 0", f"exit {need.code}"))
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    assert missing([name]) == ([] if works else [name])


def test_a_program_that_never_answers_is_missing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A shim that asks which version to install, and waits, does not hold the tests."""
    planted(tmp_path / "bin", "buildah", "#!/bin/sh\nexec /bin/sleep 60\n")
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    monkeypatch.setattr(needs, "PROBE_SECONDS", 0.2)
    assert missing(["buildah"]) == ["buildah"]


def test_a_folder_with_the_name_of_a_package_is_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Python imports a folder without code as a namespace; no library is there."""
    (tmp_path / "no_such_package").mkdir()
    monkeypatch.syspath_prepend(tmp_path)
    need = Package("")
    assert not need.present("no_such_package")
    (tmp_path / "no_such_package" / "__init__.py").write_text("")
    assert need.present("no_such_package")


def test_a_missing_thing_says_how_it_is_had() -> None:
    """The reason names the command that installs it, where the machine's own package manager does not."""
    assert needs.described("helm") == "helm (`make tools` builds it where Go is)"
    assert needs.described("buildah") == "buildah"


def test_an_unmarked_need_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    """Asking for the path of a program that is not there is a mistake in the test, not a skip; so is one without a row."""
    monkeypatch.setenv("PATH", "")
    with pytest.raises(LookupError, match=r"needs\(.buildah.\)"):
        path_of("buildah")
    for name in ("no-such-program-anywhere", "jsonschema"):
        with pytest.raises(LookupError, match=f"{name} is no program in TABLE"):
            path_of(name)
