"""Keys are rotated under two real SDKs that never stop calling: no call fails (promise G7).

The pair is kept as Kubernetes mounts a Secret: files below a link that is swapped. The SDKs do not repeat anything by
themselves, so a call that fails anywhere shows. `SOAK_ROTATIONS` sets how many rotations there are (`make soak`).
"""

import asyncio
import base64
import os
import secrets
import shutil
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field, replace
from http import HTTPStatus
from itertools import count
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from proxy.simulator.journal import Entry
from proxy.simulator.model import Workspace
from proxy.simulator.server import Simulator, serving
from tests.running import Sidecar, config, running
from tests.sdk.applications import Application, running_application
from tests.sdk.clients import PLACEHOLDERS, Place
from tests.sdk.conftest import NO_LIMITS
from tests.sdk.sdks import NODE, PYTHON_PLAIN, Sdk

ROTATIONS = int(os.environ.get("SOAK_ROTATIONS", "50"))
# What an application does between two calls: nothing in a soak. Else it leaves a core to the tests beside this one.
PAUSE_SECONDS = 0 if "SOAK_ROTATIONS" in os.environ else 0.02
# A rotation takes a read of the store at most, every second here, and what the case itself waits for.
ROTATION_SECONDS = 20
SDKS = (PYTHON_PLAIN, NODE)


def mounted(folder: Path, **files: str) -> None:
    """Put files into a mounted Secret as the kubelet does: all of them change at once."""
    folder.mkdir(exist_ok=True)
    data = folder / f"..{secrets.token_hex(8)}"
    data.mkdir()
    for name, text in files.items():
        (data / name).write_text(f"{text}\n")
    before = (folder / "..data").readlink() if (folder / "..data").is_symlink() else None
    (folder / "..next").symlink_to(data.name)
    (folder / "..next").replace(folder / "..data")
    for name in files:
        if not (folder / name).is_symlink():
            (folder / name).symlink_to(f"..data/{name}")
    if before is not None:
        shutil.rmtree(folder / before)


@dataclass
class Company:
    """A Customer.io workspace, the store that keeps its pair, and the pairs made so far."""

    simulator: Simulator
    store: Path
    numbers: Iterator[int] = field(default_factory=count)

    def make(self) -> Workspace:
        """Make a pair at Customer.io, beside those there are."""
        number = next(self.numbers)
        pair = replace(self.simulator.workspace, site_id=f"site-CANARY-{number}", api_key=f"api-key-CANARY-{number}")
        self.simulator.workspaces = (*self.simulator.workspaces, pair)
        return pair

    def keep_only(self, pair: Workspace) -> None:
        """Delete every pair but one at Customer.io."""
        self.simulator.workspaces = (pair,)

    def write(self, pair: Workspace) -> None:
        """Write a pair to the store."""
        mounted(self.store, site_id=pair.site_id, api_key=pair.api_key)

    async def used(self, pair: Workspace) -> None:
        """Wait until a call of an application was taken with this pair."""
        await self.until(lambda entry: is_call(entry) and carries(entry, pair) and entry.status == HTTPStatus.OK)

    async def rejected(self) -> None:
        """Wait until a call of an application was rejected."""
        await self.until(lambda entry: is_call(entry) and entry.status == HTTPStatus.UNAUTHORIZED)

    async def asked_about(self, pair: Workspace) -> None:
        """Wait until the sidecar has shown this pair to Customer.io."""
        await self.until(lambda entry: not is_call(entry) and carries(entry, pair) and entry.status is not None)

    async def until(self, holds: Callable[[Entry], bool]) -> None:
        """Wait for a request of this kind from now on."""
        seen = len(self.simulator.requests) + self.simulator.dropped

        def came(entries: Sequence[Entry]) -> bool:
            new = len(entries) + self.simulator.dropped - seen
            return any(map(holds, entries[len(entries) - new :])) if new > 0 else False

        async with asyncio.timeout(ROTATION_SECONDS):
            await self.simulator.until(came)


def is_call(entry: Entry) -> bool:
    """Tell a call of an application from the sidecar's own question about a pair."""
    return entry.endpoint != "track.v1.region"


def carries(entry: Entry, pair: Workspace) -> bool:
    """Say whether a request came with this pair."""
    token = base64.b64encode(f"{pair.site_id}:{pair.api_key}".encode()).decode()
    return ("Authorization", f"Basic {token}") in entry.request.headers


async def ordinary(company: Company, pair: Workspace) -> None:
    """Write the new pair, see it used, delete the old one."""
    company.write(pair)
    await company.used(pair)


async def revoked_first(company: Company, pair: Workspace) -> None:
    """Delete the old pair before the store has the new one: calls wait."""
    company.keep_only(pair)
    await company.rejected()
    company.write(pair)
    await company.used(pair)


async def store_down(company: Company, pair: Workspace) -> None:
    """Lose the store, then get it back with the new pair in it."""
    hidden = company.store.with_name("hidden")
    company.store.rename(hidden)
    await asyncio.sleep(0.1)
    mounted(hidden, site_id=pair.site_id, api_key=pair.api_key)
    hidden.rename(company.store)
    await company.used(pair)


async def store_down_and_revoked(company: Company, pair: Workspace) -> None:
    """Delete the old pair while the store is down."""
    hidden = company.store.with_name("hidden")
    company.store.rename(hidden)
    company.keep_only(pair)
    await company.rejected()
    mounted(hidden, site_id=pair.site_id, api_key=pair.api_key)
    hidden.rename(company.store)
    await company.used(pair)


async def half_written(company: Company, pair: Workspace) -> None:
    """Write the new site id before the new key."""
    old = company.simulator.workspace
    mounted(company.store, site_id=pair.site_id, api_key=old.api_key)
    await company.asked_about(replace(pair, api_key=old.api_key))
    company.write(pair)
    await company.used(pair)


async def wrong_workspace(company: Company, pair: Workspace) -> None:
    """Write the pair of another workspace, and then the right one."""
    stranger = replace(pair, site_id=f"other-{pair.site_id}", environment_id=pair.environment_id + 1)
    company.simulator.workspaces = (*company.simulator.workspaces, stranger)
    company.write(stranger)
    await company.asked_about(stranger)
    company.write(pair)
    await company.used(pair)
    assert not any(is_call(entry) and carries(entry, stranger) for entry in company.simulator.requests)


async def flapping(company: Company, pair: Workspace) -> None:
    """Write the new pair, the old one, and the new one again; Customer.io rejects a call now and then for no reason."""
    old = company.simulator.workspace
    for one in (pair, old, pair):
        company.write(one)
        company.simulator.script({"match": {"method": "PUT"}, "fault": {"kind": "unauthorized"}})
        await company.used(one)


CASES: tuple[Callable[[Company, Workspace], Awaitable[None]], ...] = (
    ordinary,
    revoked_first,
    store_down,
    store_down_and_revoked,
    half_written,
    wrong_workspace,
    flapping,
)


@dataclass
class Load:
    """Applications that call all the time, and what failed."""

    calls: int = 0
    failures: list[str] = field(default_factory=list)
    attributes: Mapping[str, str] = field(default_factory=lambda: {"plan": "pro"})
    stopping: bool = False

    async def apply(self, sdk: Sdk, application: Application) -> None:
        """Call until told to stop."""
        assert sdk.identify is not None
        while not self.stopping:
            outcome = await application.call(sdk.identify(f"person-{self.calls}", dict(self.attributes)))
            self.calls += 1
            if "raised" in outcome:
                self.failures.append(f"{sdk.name}: {outcome['text']}")
            await asyncio.sleep(PAUSE_SECONDS)


@asynccontextmanager
async def loaded(sidecar: Sidecar, count: int = 2, load: Load | None = None) -> AsyncIterator[Load]:
    """Let `count` applications of each SDK call until the block ends."""
    load = load or Load()
    place = Place(sidecar.ports["outbound"], 0)
    async with AsyncExitStack() as stack:
        applications = [
            (sdk, await stack.enter_async_context(running_application(sdk, place, PLACEHOLDERS, None, sdk.retries(0))))
            for sdk in SDKS
            for _ in range(count)
        ]
        async with asyncio.TaskGroup() as tasks:
            for sdk, application in applications:
                tasks.create_task(load.apply(sdk, application))
            try:
                yield load
            finally:
                load.stopping = True


def document(url: str, store: Path, **changes: Any) -> dict[str, Any]:  # noqa: ANN401 - a configuration is free-form here
    """Return a configuration whose Track pair is in a mounted Secret that is read every second."""
    pair = {"site_id": f"file:{store}/site_id", "api_key": f"file:{store}/api_key"}
    return config(
        url,
        credentials={"track": pair},
        stores={"refresh_seconds": 1},
        limits=NO_LIMITS,
        delivery={"timeouts": {"total_seconds": 9}},
        **changes,
    )


@pytest.mark.needs("customerio-node")
@pytest.mark.timeout(60 + ROTATIONS * ROTATION_SECONDS)
async def test_g7_rotations_under_load_cost_no_call(tmp_path: Path) -> None:
    """Ordinary ones and every kind of mishap; the wrong workspace sees no call; nothing secret is told anywhere (G2)."""
    simulator = Simulator(Workspace(site_id="site-CANARY", api_key="api-key-CANARY", environment_id=7))
    company = Company(simulator, tmp_path / "secret")
    company.write(simulator.workspace)
    async with (
        serving(simulator) as address,
        running(tmp_path, document(address.url, company.store), {}) as sidecar,
        loaded(sidecar) as load,
    ):
        for number in range(ROTATIONS):
            case = CASES[number % len(CASES)]
            pair = company.make()
            before = load.calls
            await case(company, pair)
            company.keep_only(pair)
            await company.used(pair)
            assert load.failures == [], case.__name__
            assert load.calls > before
        metrics = await text(f"{sidecar.admin_url}/metrics")
    assert load.failures == []
    shown = sidecar.log.decode() + metrics
    assert "CANARY" not in shown
    assert shown.count('result="accepted"') > min(ROTATIONS, 2)


async def text(url: str) -> str:
    """Return what is at `url`."""
    async with aiohttp.ClientSession() as session, session.get(url) as response:
        return await response.text()
