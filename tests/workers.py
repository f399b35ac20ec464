"""What one process says of the tests, a run with workers (pytest-xdist) says too; it keeps two things to itself.

* A worker that ends after its last test, and not well, is only told on a line in passing.
* What nobody refers to any more is only looked at once a worker has reported its last test. An error there is lost.
"""

import gc
from collections.abc import Iterator
from typing import Any

import pytest

DIED = pytest.StashKey[list[str]]()
# A finaliser may leave more to collect.
COLLECTIONS = 3


@pytest.fixture(scope="session", autouse=True)
def _left_behind() -> Iterator[None]:
    """Collect what is left when everything else is torn down; pytest gives the last test what its finalisers raise."""
    yield
    for _ in range(COLLECTIONS):
        gc.collect()


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: Any, error: object) -> None:  # noqa: ANN401 - pytest-xdist is not typed
    """Remember a worker that did not end well."""
    if error:
        node.config.stash.setdefault(DIED, []).append(node.gateway.id)


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish(session: pytest.Session) -> None:
    """Fail a run one of whose workers did not end well."""
    if DIED in session.config.stash and session.exitstatus == pytest.ExitCode.OK:
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    """Say which workers they were."""
    died = config.stash.get(DIED, None)
    if died:
        terminalreporter.section("workers that died")
        terminalreporter.line(", ".join(died))
