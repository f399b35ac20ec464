"""The real command, run as a user runs it, and a real simulated Customer.io to try it on."""

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import orjson
import pytest

from tests.running import on_an_idle_machine

COMMAND_SECONDS = 30
Command = Callable[..., "subprocess.CompletedProcess[str]"]
Simulator = Callable[..., int]
Sidecar = Callable[..., "Ports"]


class Ports(dict[str, int]):
    """The ports of a running sidecar by listener, and what it wrote to its log."""

    log: Path


@pytest.fixture
def command() -> Command:
    """Return what runs `cio-sidecar` with arguments, in an environment of its own, any warning an error."""

    def run(*arguments: str | Path, **environ: str) -> subprocess.CompletedProcess[str]:
        done = subprocess.run(
            [sys.executable, "-X", "dev", "-W", "error", "-m", "proxy", *map(str, arguments)],
            capture_output=True, text=True, timeout=COMMAND_SECONDS, check=False,
            env={"PATH": os.environ["PATH"], **environ},
        )  # fmt: skip
        done.stderr = on_an_idle_machine(done.stderr)
        return done

    return run


@pytest.fixture
def simulator() -> Iterator[Simulator]:
    """Return what starts a simulator with options, and gives its port."""
    processes: list[subprocess.Popen[bytes]] = []

    def start(*options: str | Path) -> int:
        arguments = [sys.executable, "-m", "proxy", "simulator", "--port", "0", *map(str, options)]
        process = subprocess.Popen(arguments, stdout=subprocess.PIPE)
        processes.append(process)
        assert process.stdout is not None
        port: int = orjson.loads(process.stdout.readline())["port"]
        return port

    yield start
    for process in processes:
        process.terminate()
        process.communicate(timeout=COMMAND_SECONDS)


@pytest.fixture
def sidecar(tmp_path: Path) -> Iterator[Sidecar]:
    """Return what starts a sidecar with a configuration, in an environment of its own, and gives its ports once it is ready."""
    processes: list[subprocess.Popen[bytes]] = []

    def start(file: Path, **environ: str) -> Ports:
        ports = Ports()
        ports.log = tmp_path / f"sidecar-{len(processes)}.log"
        with ports.log.open("wb") as log:
            process = subprocess.Popen(
                [sys.executable, "-X", "dev", "-W", "error", "-m", "proxy", "serve", "--config", file],
                stdout=subprocess.PIPE, stderr=log, env={"PATH": os.environ["PATH"], **environ},
            )  # fmt: skip
        processes.append(process)
        assert process.stdout is not None
        for line in process.stdout:
            event = orjson.loads(line)
            if event["event"] == "ready":
                return ports
            ports[event["listener"]] = event["port"]
        raise AssertionError(ports.log.read_text())

    yield start
    for process in processes:
        process.terminate()
        process.communicate(timeout=COMMAND_SECONDS)
        assert process.returncode == 0
