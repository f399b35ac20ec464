"""`make test` has workers: the run ends as it would in one process, and not well if a worker dies."""

import pytest

from tests.needs import ROOT

pytest_plugins = ["pytester"]

DIES_IN_A_TEST = """
import os

def test_that_ends_its_worker():
    os._exit(0)

def test_another():
    pass
"""
DIES_AT_THE_END = """
import atexit, os
import pytest

class Dies:
    def pytest_sessionfinish(self):
        os._exit(0)

@pytest.fixture(autouse=True)
def _armed(request):
    plugins = request.config.pluginmanager
    plugins.hasplugin("dies") or plugins.register(Dies(), "dies")

def test_one():
    pass

def test_another():
    pass
"""
LEAVES_AN_ERROR = """
class Broken:
    def __del__(self):
        raise ValueError("nobody catches this")

def test_one():
    broken = Broken()
    broken.cycle = broken

def test_another():
    pass
"""
LEAVES_AN_OPEN_FILE = """
def test_one():
    kept = [open(__file__)]
    kept.append(kept)

def test_another():
    pass
"""
WARNS = """
import warnings

def test_one():
    warnings.warn("anything")

def test_another():
    pass
"""
PASSES = """
def test_one():
    pass

def test_another():
    pass
"""


def run(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch, example: str, workers: int) -> pytest.RunResult:
    """Run `example` as `make test` does."""
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    pytester.makeini("[pytest]\nfilterwarnings = error\nasyncio_default_fixture_loop_scope = function\n")
    pytester.makepyfile(example)
    return pytester.runpytest_subprocess("-p", "tests.workers", "-n", str(workers), "--maxprocesses=4", "--dist=worksteal")


@pytest.mark.parametrize("workers", [0, 2])
@pytest.mark.parametrize("example", [LEAVES_AN_ERROR, LEAVES_AN_OPEN_FILE, WARNS], ids=["error", "open file", "warning"])
def test_a_warning_is_an_error(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch, example: str, workers: int) -> None:
    """`filterwarnings = error` holds in workers, also for what is only found once the last test has ended."""
    result = run(pytester, monkeypatch, example, workers)
    assert result.ret == pytest.ExitCode.TESTS_FAILED
    assert sum(result.parseoutcomes().get(outcome, 0) for outcome in ("failed", "error", "errors")) == 1


@pytest.mark.parametrize("example", [DIES_IN_A_TEST, DIES_AT_THE_END], ids=["in a test", "at the end"])
def test_a_worker_that_dies_fails_the_run(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch, example: str) -> None:
    """Even if it says that all is well, and whether or not it still had a test to run; the end says which it was."""
    result = run(pytester, monkeypatch, example, workers=2)
    assert result.ret == pytest.ExitCode.TESTS_FAILED
    result.stdout.re_match_lines([r"=+ workers that died =+", r"gw\d+(, gw\d+)*$"])


@pytest.mark.parametrize("workers", [0, 2])
def test_a_run_without_a_fault_ends_well(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch, workers: int) -> None:
    """Nothing of this fails tests that pass."""
    result = run(pytester, monkeypatch, PASSES, workers)
    assert result.ret == pytest.ExitCode.OK
    result.assert_outcomes(passed=2)
