"""The `needs` mark: skip by name, fail in CI, run where the program is."""

import pytest

from tests.needs import find, missing, path_of

pytest_plugins = ["pytester"]

EXAMPLE = """
import pytest

@pytest.mark.needs("no-such-program-anywhere")
def test_missing():
    raise AssertionError("must not run")

@pytest.mark.needs("python3")
def test_present():
    pass
"""


def run(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch, ci: str) -> pytest.RunResult:
    """Run `EXAMPLE` in a pytest of its own, with `CI` set to `ci`."""
    monkeypatch.setenv("CI", ci)
    pytester.makeini("[pytest]\nmarkers = needs(tool): see tests/needs.py\n")
    pytester.makepyfile(EXAMPLE)
    return pytester.runpytest_subprocess("-p", "tests.needs", "-ra")


@pytest.fixture(autouse=True)
def _importable(monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> None:
    """Let the inner pytest import this project's plugin."""
    monkeypatch.setenv("PYTHONPATH", str(request.config.rootpath))


def test_a_missing_program_skips_by_name(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> None:
    """Outside CI the test is skipped, the skip names the program, and the others run."""
    result = run(pytester, monkeypatch, ci="")
    result.assert_outcomes(passed=1, skipped=1)
    result.stdout.fnmatch_lines(["*SKIPPED*needs no-such-program-anywhere*"])


def test_a_missing_program_is_an_error_in_ci(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> None:
    """In CI nothing is skipped: the run has an error, which says which program is missing."""
    result = run(pytester, monkeypatch, ci="true")
    result.assert_outcomes(passed=1, errors=1)
    result.stdout.fnmatch_lines(["*needs no-such-program-anywhere*"])


def test_a_missing_program_says_how_it_is_had(monkeypatch: pytest.MonkeyPatch) -> None:
    """The reason names the command that installs the program."""
    monkeypatch.setattr("tests.needs.PLACES", ())
    monkeypatch.setenv("PATH", "")
    assert missing(("helm",)) == ["helm (`make tools` builds it where Go is)"]


def test_the_virtual_environment_comes_first() -> None:
    """A program of the virtual environment is found without it being activated."""
    assert find("pytest") == path_of("pytest")


def test_an_unmarked_need_is_an_error() -> None:
    """Asking for the path of a program that is not there is a mistake in the test, not a skip."""
    with pytest.raises(LookupError, match="no-such-program-anywhere"):
        path_of("no-such-program-anywhere")
