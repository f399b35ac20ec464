"""`@pytest.mark.needs("helm")`: a test that drives a real program runs where the program is, and says so where not.

* On a developer's machine a missing program skips the test, by name, with the way to get it.
* Under `CI=true` it is an error: there everything has to be installed, and a skip would hide that nothing ran.

A name is a program, looked for in the virtual environment, in `.tools/bin` and on `PATH`, unless `NAMED` says otherwise.
"""

import importlib.util
import os
import shutil
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from types import MappingProxyType

import pytest

from bench import lua

ROOT = Path(__file__).resolve().parents[1]
PLACES = (Path(sys.executable).parent, ROOT / ".tools" / "bin")
NODE_MODULES = ROOT / "tests" / "sdk" / "node_modules"
# An environment for each Python SDK that cannot share the tests' own.
PYTHON_SDKS = ROOT / ".tools" / "sdk"
# What stands in for the Dockerfile's base image.
BASE = ROOT / ".tools" / "python-base.tar"


def _python_sdk(environment: str) -> Callable[[], bool]:
    return (PYTHON_SDKS / environment / ".installed").is_file


def _node_sdk(package: str) -> Callable[[], bool]:
    return lambda: find("node") is not None and (NODE_MODULES / package).is_dir()


def _package(name: str) -> Callable[[], bool]:
    def installed() -> bool:
        try:
            return importlib.util.find_spec(name) is not None
        except ModuleNotFoundError:  # a package around it
            return False

    return installed


def _luajit() -> bool:
    try:
        lua.Lua()
    except lua.LuaError:
        return False
    return True


# Things that are no program on a path.
NAMED: Mapping[str, Callable[[], bool]] = MappingProxyType(
    {
        "async-customerio": _python_sdk("async-customerio"),
        "cdp-analytics-node": _node_sdk("@customerio/cdp-analytics-node"),
        "customerio-2": _python_sdk("customerio-2"),
        "customerio-cdp-analytics": _python_sdk("cdp-analytics"),
        "customerio-node": _node_sdk("customerio-node"),
        "customerio-node-4": _node_sdk("customerio-node-4"),
        "customerio-node-4.4": _node_sdk("customerio-node-4.4"),
        "botocore": _package("botocore"),
        "detectors": lambda: all(_package(name)() for name in ("phonenumbers", "re2", "stdnum")),
        "google-cloud-secret-manager": _package("google.cloud.secretmanager_v1"),
        "kubernetes-schemas": _package("kubernetes_validate"),
        "luajit": _luajit,
        "moto": _package("moto"),
        "python-base": BASE.is_file,
        "root": lambda: os.geteuid() == 0,
    }
)

# How a missing thing is had; a name that is not here is installed by the machine's own package manager.
SOURCES: Mapping[str, str] = MappingProxyType(
    {
        "async-customerio": "`make sdk` installs it",
        "botocore": "`make extras` installs it",
        "cdp-analytics-node": "`make sdk` installs it where npm is",
        "customerio-2": "`make sdk` installs it",
        "customerio-cdp-analytics": "`make sdk` installs it",
        "customerio-node": "`make sdk` installs it where npm is",
        "customerio-node-4": "`make sdk` installs it where npm is",
        "customerio-node-4.4": "`make sdk` installs it where npm is",
        "detectors": "`make extras` installs their libraries",
        "google-cloud-secret-manager": "`make extras` installs it",
        "helm": "`make tools` builds it where Go is",
        "jsonschema": "`make gates` installs it",
        "kingfisher": "`make gates` installs it",
        "kubeconform": "`make tools` builds it where Go is",
        "kubernetes-schemas": "`make gates` installs them",
        "luajit": lua.SOURCE,
        "moto": "`make extras` installs it",
        "promtool": "Debian's package prometheus has it",
        "python-base": "`make tools` makes it as root where debootstrap is",
        "uv": "`make gates` installs it",
        "vault": "`make tools` builds it where Go is",
        "vault-plugin-auth-kubernetes": "`make tools` builds it where Go is",
    }
)


def find(program: str) -> str | None:
    """Return the path of `program`, or None where it is missing."""
    for place in PLACES:
        if found := shutil.which(program, path=str(place)):
            return found
    return shutil.which(program)


def path_of(program: str) -> str:
    """Return the path of a `program` that the calling test is marked as needing.

    Raises:
        LookupError: it is missing, so the mark is too.
    """
    found = find(program)
    if found is None:
        raise LookupError(f"{program} is missing; mark the test with @pytest.mark.needs({program!r})")
    return found


def missing(names: tuple[str, ...]) -> list[str]:
    """Return those of `names` that are not on this machine, each with the way to get it."""
    absent = [name for name in names if not (NAMED[name]() if name in NAMED else find(name))]
    return [f"{name} ({SOURCES[name]})" if name in SOURCES else name for name in absent]


def in_ci() -> bool:
    """Say whether a missing program is an error here."""
    return os.environ.get("CI", "").lower() in {"1", "true"}


def pytest_runtest_setup(item: pytest.Item) -> None:
    """Skip, or in CI fail, a test whose needs are not met."""
    names = tuple(str(name) for mark in item.iter_markers("needs") for name in mark.args)
    absent = missing(names)
    if not absent:
        return
    reason = "needs " + ", ".join(absent)
    if in_ci():
        pytest.fail(reason, pytrace=False)
    pytest.skip(reason)
