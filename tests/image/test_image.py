"""The image, built from the Dockerfile by a real builder and run as Kubernetes would run it.

Where no registry of images is reached, `.ci/python-base` makes the base image from Debian's packages.
"""

import asyncio
import re
import shutil
import subprocess
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any
from urllib.request import urlopen

import orjson
import pytest
from packaging.requirements import Requirement

import proxy
from tests.needs import BASE, ROOT, path_of

BUILD_SECONDS = 600

# The first test waits for the build, which compiles the policy.
pytestmark = [
    pytest.mark.needs("buildah", "python-base", "root", "setpriv", "unshare"),
    pytest.mark.timeout(BUILD_SECONDS + 60),
]

START_SECONDS = 30
BASE_IMAGE = "localhost/python-base"
IMAGE = "localhost/customerio-sidecar"
USER = 65532
# A root file system as a Pod with `readOnlyRootFilesystem` sees it: nothing can be written, and nothing is root's own.
SEALED = f"""
mount --rbind "$0" "$0" && mount --rbind /proc "$0/proc" && mount -o remount,ro,bind "$0" || exit 125
exec chroot "$0" setpriv --reuid {USER} --regid {USER} --clear-groups --no-new-privs --bounding-set=-all -- "$@"
"""


class Builder:
    """buildah with a store of its own."""

    def __init__(self, store: Path) -> None:
        """Keep everything in `store`."""
        self._command = [
            path_of("buildah"), "--root", str(store / "root"), "--runroot", str(store / "run"), "--storage-driver", "vfs"
        ]  # fmt: skip

    def run(self, *arguments: str) -> str:
        """Return what a command prints on standard output."""
        done = subprocess.run([*self._command, *arguments], capture_output=True, text=True, timeout=BUILD_SECONDS, check=False)
        assert done.returncode == 0, f"buildah {arguments[0]}:\n{done.stdout[-3000:]}\n{done.stderr[-3000:]}"
        return done.stdout.strip()


@pytest.fixture(scope="module")
def builder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Builder]:
    """A builder that has the base image and has built the Dockerfile on it."""
    store = tmp_path_factory.mktemp("images")
    builder = Builder(store)
    empty = builder.run("from", "scratch")
    builder.run("add", "--quiet", empty, str(BASE), "/")
    builder.run("config", "--env", "PATH=/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", empty)
    builder.run("commit", "--quiet", "--rm", empty, BASE_IMAGE)
    builder.run(
        "build", "--isolation", "chroot", "--network", "host", "--pull-never", "--format", "docker",
        "--build-arg", f"PYTHON_IMAGE={BASE_IMAGE}", "--build-arg", f"COMPILER_IMAGE={BASE_IMAGE}", "--tag", IMAGE, str(ROOT),
    )  # fmt: skip
    yield builder
    builder.run("rm", "--all")
    shutil.rmtree(store)


@pytest.fixture(scope="module")
def configuration(builder: Builder) -> dict[str, Any]:
    """What the image says about how it is to be run."""
    inspected: dict[str, Any] = orjson.loads(builder.run("inspect", "--type", "image", IMAGE))["Docker"]["config"]
    return inspected


@pytest.fixture(scope="module")
def root(builder: Builder) -> Path:
    """The image's file system."""
    return Path(builder.run("mount", builder.run("from", IMAGE)))


def command(root: Path, configuration: dict[str, Any], *arguments: str) -> list[str]:
    """Return the command that runs `arguments` in the sealed image with its own environment and nothing else."""
    return [
        "env", "-i", *configuration["Env"],
        path_of("unshare"), "--mount", "--ipc", "--uts", "sh", "-c", SEALED, str(root), *arguments,
    ]  # fmt: skip


def output(root: Path, configuration: dict[str, Any], *arguments: str) -> str:
    """Return what a command in the sealed image prints."""
    done = subprocess.run(
        command(root, configuration, *arguments), capture_output=True, text=True, timeout=START_SECONDS, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


@asynccontextmanager
async def running(command: list[str]) -> AsyncIterator[asyncio.subprocess.Process]:
    """Run a command until the block ends; SIGTERM must end it well."""
    process = await asyncio.create_subprocess_exec(*command, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE)
    try:
        yield process
    finally:
        process.terminate()
        _, log = await asyncio.wait_for(process.communicate(), START_SECONDS)
        assert process.returncode == 0, log.decode()


def test_the_installed_command_runs(root: Path, configuration: dict[str, Any]) -> None:
    """The entry point comes from the installed wheel, and tells the version of this checkout."""
    assert output(root, configuration, *configuration["Entrypoint"], "--version").split()[-1] == proxy.__version__
    found = output(root, configuration, "python", "-c", "import proxy; print(proxy.__file__)")
    assert found.startswith("/opt/cio-sidecar/lib/")


def test_the_proxied_path_is_compiled(root: Path, configuration: dict[str, Any]) -> None:
    """The image holds what is fastest, as `build_info` tells."""
    assert output(root, configuration, "python", "-c", "from proxy.metrics import COMPILED; print(COMPILED)") == "True"


def test_it_runs_as_nobody_in_particular(configuration: dict[str, Any]) -> None:
    """The image's user is not root, and is a number, so that `runAsNonRoot` can tell."""
    assert configuration["User"] == f"{USER}:{USER}"


def test_the_labels_tell_this_version(configuration: dict[str, Any]) -> None:
    """The version label does not lag behind the program."""
    assert configuration["Labels"]["org.opencontainers.image.version"] == proxy.__version__


def test_it_holds_what_the_lock_names_and_nothing_else(root: Path, configuration: dict[str, Any]) -> None:
    """Every distribution in the image stands in requirements.lock in that version; there is no pip to add one."""
    script = 'from importlib.metadata import distributions\nfor d in distributions(): print(f"{d.name.lower()}=={d.version}")'
    installed = set(output(root, configuration, "python", "-c", script).replace("_", "-").split())
    locked = re.findall(r"^([a-z0-9.-]+==[^ ]+)(?: ; (.+?))? \\$", (ROOT / "requirements.lock").read_text(), re.MULTILINE)
    applying = {pin for pin, marker in locked if not marker or _applies(marker)}
    assert installed == applying | {f"customerio-sidecar=={proxy.__version__}"}
    everything = output(root, configuration, "/usr/local/bin/python3", "-c", script)
    assert everything == ""


def test_no_source_and_no_build_tool_is_left(root: Path) -> None:
    """The final stage has the installed program only."""
    assert not [name for name in ("src", "build", "dist") if (root / name).exists()]


async def test_it_serves_from_a_read_only_root(root: Path, configuration: dict[str, Any]) -> None:
    """Entrypoint and command start a sidecar that answers, unprivileged, where nothing can be written; SIGTERM ends it well."""
    folder = root / "etc" / "cio-sidecar"
    folder.mkdir(exist_ok=True)
    (folder / "site_id").write_text("image-site-id")
    (folder / "api_key").write_text("image-api-key")
    (folder / "sidecar.yaml").write_text(
        "version: 1\noutbound: {port: 0}\nadmin: {port: 0}\n"
        'credentials: {track: {site_id: "file:site_id", api_key: "file:api_key"}}\n'
    )
    async with running(command(root, configuration, *configuration["Entrypoint"], *configuration["Cmd"])) as process:
        assert process.stdout is not None
        ports: dict[str, int] = {}
        async with asyncio.timeout(START_SECONDS):
            async for line in process.stdout:
                event = orjson.loads(line)
                if event["event"] == "ready":
                    break
                ports[event["listener"]] = event["port"]
        assert await asyncio.to_thread(_status, f"http://127.0.0.1:{ports['admin']}/readyz") == 200


def test_the_dockerfile_names_the_python_that_is_tested() -> None:
    """The base images are of one version, and of the minor version and the Debian release that the stand-in has."""
    dockerfile = (ROOT / "Dockerfile").read_text()
    images = r"^ARG PYTHON_IMAGE=python:(3\.11\.\d+)-slim-bookworm\nARG COMPILER_IMAGE=python:\1-bookworm$"
    assert re.search(images, dockerfile, re.MULTILINE)
    assert "suite=bookworm" in (ROOT / ".ci" / "python-base").read_text()


def _status(url: str) -> int:
    with urlopen(url, timeout=START_SECONDS) as answer:  # noqa: S310 - our own loopback address
        status: int = answer.status
    return status


def _applies(marker: str) -> bool:
    """Tell whether a marker holds on Linux with CPython 3.11, which is what the image has."""
    parsed = Requirement(f"x ; {marker}").marker
    assert parsed is not None
    return parsed.evaluate({"sys_platform": "linux", "python_full_version": "3.11.2", "python_version": "3.11"})
