"""The real program, run by tests as a user runs it: as a process, configured by a file, spoken to over sockets."""

import asyncio
import os
import re
import signal
import ssl
import sys
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import orjson
import yaml

START_SECONDS = 20
STOP_SECONDS = 40

# What the sidecar is given in place of real secrets; tests look for these where they must not be.
SECRETS = {
    "TEST_SITE_ID": "site-0123456789",
    "TEST_API_KEY": "track-api-key-0123456789",
    "TEST_APP_KEY": "app-api-key-0123456789",
    "TEST_WRITE_KEY": "write-key-0123456789",
}
CREDENTIALS = {
    "track": {"site_id": "env:TEST_SITE_ID", "api_key": "env:TEST_API_KEY"},
    "app": {"api_key": "env:TEST_APP_KEY"},
    "pipelines": {"write_key": "env:TEST_WRITE_KEY"},
}


# In Python's development mode asyncio warns of a turn that took long, as any does on a busy machine: a line of the log, or of
# text where a command has none.
_SLOW_TURN = re.compile(r'^(?:\{"library":"asyncio".*"level":"warning".*|Executing <.* took \d+\.\d+ seconds)\n', re.MULTILINE)


def on_an_idle_machine(said: str) -> str:
    """Return what a program said, without what it says on a busy machine only."""
    return _SLOW_TURN.sub("", said)


@dataclass
class Sidecar:
    """A running sidecar: its ports by listener, and everything it printed."""

    process: asyncio.subprocess.Process
    ports: dict[str, int] = field(default_factory=dict)
    log: bytearray = field(default_factory=bytearray)

    async def heard(self, *events: str) -> None:
        """Read what it says, until it is one of `events`: `ready`, or the name of a listener.

        Raises:
            AssertionError: it ended before.
        """
        assert self.process.stdout is not None
        async with asyncio.timeout(START_SECONDS):
            async for line in self.process.stdout:
                event = orjson.loads(line)
                if event["event"] == "listening":
                    self.ports[event["listener"]] = event["port"]
                if not {event["event"], event.get("listener")}.isdisjoint(events):
                    return
            await self.process.wait()
            raise AssertionError(f"the sidecar did not start:\n{self.log.decode()}")

    @property
    def url(self) -> str:
        """The plain outbound address."""
        return f"http://127.0.0.1:{self.ports['outbound']}"

    @property
    def admin_url(self) -> str:
        """The operator's address."""
        return f"http://127.0.0.1:{self.ports['admin']}"

    def log_lines(self) -> list[dict[str, Any]]:
        """Return the log so far, decoded."""
        return [orjson.loads(line) for line in on_an_idle_machine(self.log.decode()).splitlines() if line.startswith("{")]

    async def stop(self) -> int:
        """Ask it to end as Kubernetes does; return its exit code."""
        if self.process.returncode is None:
            self.process.send_signal(signal.SIGTERM)
        async with asyncio.timeout(STOP_SECONDS):
            return await self.process.wait()


def config(upstream: str, **changes: Any) -> dict[str, Any]:  # noqa: ANN401  # a configuration is free-form here
    """Return a configuration whose three upstreams are `upstream`, on free ports; `changes` replace whole sections."""
    return {
        "version": 1,
        "upstreams": {name: {"url": upstream} for name in ("track", "app", "pipelines")},
        "outbound": {"port": 0},
        "admin": {"port": 0},
        "credentials": CREDENTIALS,
    } | changes


@asynccontextmanager
async def running(
    folder: Path, document: Mapping[str, Any], environment: Mapping[str, str] = SECRETS, until: str = "ready"
) -> AsyncIterator[Sidecar]:
    """Run the sidecar with `document`, from what it says first (`Sidecar.heard`) until the block ends; it must end well."""
    file = folder / "sidecar.yaml"
    file.write_text(yaml.safe_dump(dict(document)))
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-X", "dev", "-W", "error", "-m", "proxy", "serve", "--config", str(file),
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE, env={**os.environ, **environment},
    )  # fmt: skip
    assert process.stderr is not None
    sidecar = Sidecar(process)
    reader = asyncio.get_running_loop().create_task(_collect(process.stderr, sidecar.log))
    try:
        await sidecar.heard(until)
        yield sidecar
    finally:
        code = await sidecar.stop()
        await reader
        assert code == 0, f"exit code {code}:\n{sidecar.log.decode()}"


async def _collect(stream: asyncio.StreamReader, into: bytearray) -> None:
    while data := await stream.read(65_536):
        into += data


async def raw(port: int, data: bytes, *, tls: ssl.SSLContext | None = None) -> bytes:
    """Send `data` on a new connection and return everything that comes back until the other side closes."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port, ssl=tls, server_hostname="localhost" if tls else None)
    try:
        writer.write(data)
        async with asyncio.timeout(START_SECONDS):
            return await reader.read()
    finally:
        writer.close()
