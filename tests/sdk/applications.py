"""Applications that use an SDK, as processes of their own: they are given an address, keys and a CA file, and nothing else."""

import asyncio
import json
import os
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

from tests.sdk.arrivals import Call
from tests.sdk.clients import Clients, Keys, Place
from tests.sdk.sdks import Sdk

CALL_SECONDS = 30
LINE_BYTES = 1024 * 1024

Outcome = Mapping[str, Any]
"""`returned` is what the SDK returned; else `raised` names what it raised, `text` is its message and `printed` all of it."""


class Application:
    """A running application."""

    def __init__(self, process: asyncio.subprocess.Process, clients: Clients) -> None:
        """Speak to `process`."""
        self._process = process
        self._clients = clients

    def based(self, value: Any, call: Call) -> Any:  # noqa: ANN401  # any argument of an SDK
        """Return `value` with `{base}` as the base URL of the client that makes `call`."""
        base = self._clients[call.method.partition(".")[0]].get("base", "")
        return value.replace("{base}", base) if isinstance(value, str) else value

    async def make_clients(self, clients: Clients | None = None) -> None:
        """Make every client anew, or others in their place."""
        self._clients = clients or self._clients
        for name, spec in self._clients.items():
            await self._ask({"make": name, **spec})

    async def public(self) -> set[str]:
        """Return the public methods of every client, as `CLASS.METHOD`."""
        return {f"{name}.{method}" for name in self._clients for method in (await self._ask({"public": name}))["returned"]}

    async def call(self, call: Call) -> Outcome:
        """Make a call; return what came of it."""
        args = [self.based(value, call) for value in call.args]
        return await self._ask({"call": call.method, "args": args, "options": dict(call.options), "settle": call.settle})

    async def _ask(self, order: Mapping[str, Any]) -> Outcome:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps(order).encode() + b"\n")
        async with asyncio.timeout(CALL_SECONDS):
            line = await self._process.stdout.readline()
        assert line, "the application ended"
        outcome: Outcome = json.loads(line)  # noqa: TID251  # an application may say what orjson cannot read
        return outcome


@asynccontextmanager
async def running_application(
    sdk: Sdk, place: Place, keys: Keys, certificates: Path | None, options: Mapping[str, Any] | None = None
) -> AsyncIterator[Application]:
    """Run an application that uses `sdk`, with options of that SDK, until the block ends."""
    process = await asyncio.create_subprocess_exec(
        *sdk.command, stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, limit=LINE_BYTES,
        env=environment(certificates),
    )  # fmt: skip
    assert process.stdin is not None
    try:
        application = Application(process, sdk.clients(place, keys, options or {}))
        await application.make_clients()
        yield application
    finally:
        process.stdin.close()
        async with asyncio.timeout(CALL_SECONDS):
            await process.wait()


def environment(certificates: Path | None) -> dict[str, str]:
    """Return the whole environment of an application: no secret, no proxy, and the CA files, if any, as docs/sdks.md says."""
    files = {"REQUESTS_CA_BUNDLE": "bundle.pem", "SSL_CERT_FILE": "bundle.pem", "NODE_EXTRA_CA_CERTS": "ca.pem"}
    trusted = files if certificates else {}
    return {"PATH": os.environ["PATH"], **{name: f"{certificates}/{file}" for name, file in trusted.items()}}


class Applications:
    """Applications that are started when first asked for, and kept until the end."""

    def __init__(self, certificates: Path) -> None:
        """Start none yet."""
        self._certificates = certificates
        self._running: dict[tuple[str, Place], Application] = {}
        self._stack = AsyncExitStack()

    async def using(self, sdk: Sdk, place: Place, keys: Keys) -> Application:
        """Return the application that uses `sdk` at `place`."""
        key = (sdk.name, place)
        if key not in self._running:
            started = running_application(sdk, place, keys, self._certificates)
            self._running[key] = await self._stack.enter_async_context(started)
        return self._running[key]

    async def aclose(self) -> None:
        """End all of them."""
        await self._stack.aclose()
