"""`@pytest.mark.needs("helm")`: a test that drives a real thing runs where the thing is, and says so where not.

* On a developer's machine a missing thing skips the test, by name, with the way to get it, and the run ends with how many.
* Under `CI=true` it is an error: there everything has to be installed, and a skip would hide that nothing ran.

`TABLE` holds every name that a mark may use, as one kind: a program never stands in for a package of the same name, nor the
reverse. `python -m tests.needs` prints the names for want of which the last run skipped tests, and `--needing NAMES` runs the
tests that need one of them, and no others. So what one run skips, a later one can run once the things are there.
"""

import functools
import importlib.util
import os
import shutil
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Protocol

import orjson
import pytest

from bench import lua

ROOT = Path(__file__).resolve().parents[1]
ENVIRONMENT = Path(sys.executable).parent
TOOLS = ROOT / ".tools" / "bin"
NODE_MODULES = ROOT / "tests" / "sdk" / "node_modules"
# An environment for each Python SDK that cannot share the tests' own.
PYTHON_SDKS = ROOT / ".tools" / "sdk"
# What stands in for the Dockerfile's base image.
BASE = ROOT / ".tools" / "python-base.tar"

PROBE_SECONDS = 20
MISSING = "missing"
# Where pytest's cache keeps what the last run lacked.
LACKED = "needs/lacked"


class Need(Protocol):
    """A kind of thing that a test can need; `source` says how it is had, if there is more to say than its name."""

    @property
    def source(self) -> str:
        """See the class."""

    def present(self, name: str) -> bool:
        """Say whether it is on this machine."""


@dataclass(frozen=True)
class Program:
    """A program of the machine, on `PATH`. It counts if it runs: `probe` are arguments with which it exits with `code` at once.

    A version manager's shim is on `PATH` and runs nothing until somebody has chosen a version.
    """

    probe: tuple[str, ...] = ("--version",)
    code: int = 0
    source: str = ""

    def present(self, name: str) -> bool:
        """See `Need`."""
        found = self.path(name)
        return found is not None and _exit_code(found, *self.probe) == self.code

    def path(self, name: str) -> str | None:
        """Return where it is, or None."""
        return shutil.which(name)


@dataclass(frozen=True)
class Pinned:
    """A program in a version of our choice, in a folder of this checkout; another one of the machine does not stand in."""

    folder: Path
    source: str

    def present(self, name: str) -> bool:
        """See `Need`."""
        return self.path(name) is not None

    def path(self, name: str) -> str | None:
        """Return where it is, or None."""
        return shutil.which(name, path=str(self.folder))


@dataclass(frozen=True)
class Package:
    """What is imported: every one of `modules`, or the module with the name of the need."""

    source: str
    modules: tuple[str, ...] = ()

    def present(self, name: str) -> bool:
        """See `Need`."""
        return all(map(_importable, self.modules or (name,)))


@dataclass(frozen=True)
class NodePackage:
    """A package that Node imports from `NODE_MODULES`."""

    folder: str
    source: str = "`make sdk` installs it where npm is"

    def present(self, _: str) -> bool:
        """See `Need`."""
        return TABLE["node"].present("node") and (NODE_MODULES / self.folder).is_dir()


@dataclass(frozen=True)
class State:
    """Neither: something about this machine that `holds` says."""

    holds: Callable[[], bool]
    source: str = ""

    def present(self, _: str) -> bool:
        """See `Need`."""
        return self.holds()


@functools.cache
def _exit_code(*command: str) -> int | None:
    """Return what a command exits with, or None if it does not start, or does not end."""
    try:
        done = subprocess.run(
            command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
            timeout=PROBE_SECONDS, check=False,
        )  # fmt: skip
    except (OSError, subprocess.TimeoutExpired):
        return None
    return done.returncode


def _importable(module: str) -> bool:
    try:
        spec = importlib.util.find_spec(module)
    except ModuleNotFoundError:  # a package around it
        return False
    return spec is not None and spec.origin is not None  # a folder without code has no origin


def _luajit() -> bool:
    try:
        lua.Lua()
    except lua.LuaError:
        return False
    return True


def _python_sdk(environment: str) -> State:
    return State((PYTHON_SDKS / environment / ".installed").is_file, "`make sdk` installs it")


_UTIL_LINUX = Program(source="util-linux has it")
_BUILT = Pinned(TOOLS, "`make tools` builds it where Go is")
_GATE = Pinned(ENVIRONMENT, "`make gates` installs it")
_EXTRA = "`make extras` installs it"

TABLE: Mapping[str, Need] = MappingProxyType(
    {
        # programs
        "buildah": Program(),
        "node": Program(("-e", "fetch"), source="version 18 or newer"),  # what has no fetch is too old
        "openssl": Program(("version",)),
        "promtool": Program(source="Debian's package prometheus has it"),
        "setpriv": _UTIL_LINUX,
        "taskset": _UTIL_LINUX,
        "unshare": _UTIL_LINUX,
        "wrk": Program(("-v",), code=1),
        "helm": _BUILT,
        "kingfisher": _GATE,
        "kubeconform": _BUILT,
        "lint-imports": Pinned(ENVIRONMENT, "`make install` installs it"),
        "uv": _GATE,
        "vault": _BUILT,
        "vault-plugin-auth-kubernetes": _BUILT,
        # packages
        "botocore": Package(_EXTRA),
        "detectors": Package("`make extras` installs their libraries", ("phonenumbers", "re2", "stdnum")),
        "google-cloud-secret-manager": Package(_EXTRA, ("google.cloud.secretmanager_v1",)),
        "jsonschema": Package("`make install` installs it"),
        "kubernetes-schemas": Package("`make gates` installs them", ("kubernetes_validate",)),
        "moto": Package(_EXTRA),
        "cdp-analytics-node": NodePackage("@customerio/cdp-analytics-node"),
        "customerio-node": NodePackage("customerio-node"),
        "customerio-node-4": NodePackage("customerio-node-4"),
        "customerio-node-4.4": NodePackage("customerio-node-4.4"),
        # neither
        "async-customerio": _python_sdk("async-customerio"),
        "customerio-2": _python_sdk("customerio-2"),
        "customerio-cdp-analytics": _python_sdk("cdp-analytics"),
        "luajit": State(_luajit, lua.SOURCE),
        "python-base": State(BASE.is_file, "`make tools` makes it as root where debootstrap is"),
        "root": State(lambda: os.geteuid() == 0),
    }
)


def path_of(program: str) -> str:
    """Return the path of a `program` that the calling test is marked as needing.

    Raises:
        LookupError: it is missing, so the mark is too; or it is no program in `TABLE`.
    """
    need = TABLE.get(program)
    if not isinstance(need, Program | Pinned):
        raise LookupError(f"{program} is no program in TABLE of tests/needs.py")  # noqa: TRY004 - of a name, not of a type
    found = need.path(program)
    if found is None:
        raise LookupError(f"{program} is missing; mark the test with @pytest.mark.needs({program!r})")
    return found


def missing(names: Iterable[str]) -> list[str]:
    """Return those of `names` that are not on this machine."""
    return [name for name in names if not TABLE[name].present(name)]


def described(name: str) -> str:
    """Return `name` with the way to get it; without one, the machine's own package manager has it."""
    source = TABLE[name].source
    return f"{name} ({source})" if source else name


def in_ci() -> bool:
    """Say whether a missing thing is an error here."""
    return os.environ.get("CI", "").lower() in {"1", "true"}


def names_of(item: pytest.Item) -> list[str]:
    """Return what a test is marked as needing."""
    return [str(name) for mark in item.iter_markers("needs") for name in mark.args]


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add `--needing`."""
    parser.addoption("--needing", default="", metavar="NAMES", help="run only tests that need one of these, joined by commas")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out what `--needing` does not ask for."""
    asked = set(filter(None, config.getoption("needing").split(",")))
    if unknown := asked - TABLE.keys():
        raise pytest.UsageError(f"--needing: {', '.join(sorted(unknown))} is not in TABLE of tests/needs.py")
    if asked:
        left_out = [item for item in items if asked.isdisjoint(names_of(item))]
        items[:] = [item for item in items if not asked.isdisjoint(names_of(item))]
        config.hook.pytest_deselected(items=left_out)


def pytest_runtest_setup(item: pytest.Item) -> None:
    """Skip, or in CI fail, a test whose needs are not met. A name that no row has fails it anywhere."""
    names = names_of(item)
    if unknown := [name for name in names if name not in TABLE]:
        pytest.fail(f"needs {', '.join(unknown)}, which is not in TABLE of tests/needs.py", pytrace=False)
    absent = missing(names)
    if not absent:
        return
    reason = "needs " + ", ".join(map(described, absent))
    if in_ci():
        pytest.fail(reason, pytrace=False)
    item.user_properties.extend((MISSING, name) for name in absent)
    pytest.skip(reason)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    """Say how many tests were skipped for want of each thing, and keep the names."""
    skipped = [report for report in terminalreporter.stats.get("skipped", ()) if isinstance(report, pytest.TestReport)]
    counts = Counter(str(value) for report in skipped for key, value in report.user_properties if key == MISSING)
    if config.pluginmanager.hasplugin("cacheprovider") and config.cache is not None:
        config.cache.set(LACKED, sorted(counts))
    if counts:
        terminalreporter.section("skipped for want of")
        for name, count in counts.most_common():
            terminalreporter.line(f"{count:6} {described(name)}")


if __name__ == "__main__":
    sys.stdout.write(",".join(orjson.loads((ROOT / ".pytest_cache" / "v" / LACKED).read_bytes())) + "\n")
