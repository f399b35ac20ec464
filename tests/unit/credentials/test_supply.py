"""The credentials of one sidecar, with real stores, a real event loop and a simulated Customer.io."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import pytest
from prometheus_client import CollectorRegistry

from proxy.api.model import Credential, Upstream
from proxy.clock import SystemClock
from proxy.config.model import Config
from proxy.credentials.file import FileProvider
from proxy.credentials.keyring import State
from proxy.credentials.model import Document, Kind, Provider, UnreadableError
from proxy.credentials.resolve import resolve
from proxy.credentials.supply import Alarm, Supply
from proxy.errors import ConfigError
from proxy.metrics import Metrics
from proxy.observer import Observer
from proxy.policy.model import PolicyDocument
from proxy.sensitive import Sensitive
from proxy.simulator.model import Workspace
from proxy.simulator.server import Simulator, serving
from proxy.tasks import Tasks
from tests.fakes import Lines

WAIT_SECONDS = 20
PAIR = Workspace(site_id="site-CANARY", api_key="key-CANARY-1", environment_id=7)


class Broken:
    """A store that is down until it is repaired."""

    def __init__(self) -> None:
        """Be down."""
        self.document: Document | None = None
        self.asked = 0

    def read(self, document: str) -> Document:
        """See `Provider.read`."""
        assert document.startswith("projects/")
        self.asked += 1
        if self.document is None:
            raise UnreadableError("the store is down")
        return self.document


class Stage:
    """A supply, what it is told by its stores, and what it logs."""

    def __init__(self, url: str, credentials: Mapping[str, Any], **sections: Any) -> None:  # noqa: ANN401
        """Configure these credentials."""
        self.lines = Lines()
        self.gcp = Broken()
        self.config = Config.model_validate(
            {
                "version": 1,
                "policy": PolicyDocument(version=1),
                "upstreams": {name: {"url": url} for name in ("track", "app", "pipelines")},
                "credentials": credentials,
                "stores": {"refresh_seconds": 1, "max_staleness_seconds": 1.5},
                **sections,
            }
        )
        self.providers: Mapping[Kind, Provider] = {Kind.FILE: FileProvider(), Kind.GCP: self.gcp}
        self.registry = CollectorRegistry()
        self.observer = Observer(Metrics(self.registry, "1"), self.lines.logger(), SystemClock())

    def reads(self, result: str) -> float:
        """Return how many reads of the store that may be down had this result."""
        labels = {"store": "gcp", "result": result}
        return self.registry.get_sample_value("cio_sidecar_credential_refresh_total", labels) or 0

    def supply(self) -> Supply:
        """Return the supply, with what is on this machine read already."""
        known = resolve(self.config, self.providers, frozenset({Kind.FILE}))
        return Supply(self.config, self.providers, known.versions, self.observer, SystemClock())

    async def started(self, stack: AsyncExitStack, tasks: Tasks) -> Supply:
        """Return a supply that watches its stores until the test ends."""
        supply = self.supply()
        await supply.start(stack, tasks.spawn, dict.fromkeys(Upstream))
        return supply


@pytest.fixture
async def running() -> AsyncIterator[tuple[AsyncExitStack, Tasks]]:
    """Run tasks until the test ends; none may crash."""
    crashed: list[BaseException] = []
    tasks = Tasks(lambda _, error: crashed.append(error))
    async with AsyncExitStack() as stack, asyncio.timeout(WAIT_SECONDS):
        stack.push_async_callback(tasks.cancel)
        yield stack, tasks
    assert crashed == []


def written(folder: Path, workspace: Workspace = PAIR) -> dict[str, str]:
    """Write a pair into files; return where it is."""
    (folder / "site_id").write_text(workspace.site_id)
    (folder / "api_key").write_text(workspace.api_key)
    return {name: f"file:{folder / name}" for name in ("site_id", "api_key")}


async def until(holds: Any) -> None:  # noqa: ANN401 - any question
    """Let the loop turn until something holds; the fixture bounds the wait."""
    while not holds():  # noqa: ASYNC110 - what is waited for tells nobody
        await asyncio.sleep(0.01)


async def test_what_was_read_already_is_in_force_at_once(tmp_path: Path) -> None:
    """Without a turn of the loop, so that a sidecar whose secrets are on its machine starts at once."""
    supply = Stage("http://127.0.0.1:1", {"track": written(tmp_path)}).supply()
    assert Credential.TRACK in supply.keyring.in_force
    await supply.filled()


async def test_a_store_that_is_down_at_the_start_is_asked_until_it_answers(running: tuple[AsyncExitStack, Tasks]) -> None:
    """Nothing is in force until then; what it says is told without a secret (G2)."""
    stage = Stage("http://127.0.0.1:1", {"app": {"api_key": "gcp:projects/p/secrets/s"}})
    supply = await stage.started(*running)
    filled = asyncio.get_running_loop().create_task(supply.filled())
    await until(lambda: stage.gcp.asked > 1)
    assert not filled.done()
    stage.gcp.document = Document({"": Sensitive("app-key-CANARY")}, "3", SystemClock().wall() - 100)
    await filled
    assert supply.keyring.in_force[Credential.APP].key_id
    assert 100 <= supply.version_age()["app",] < 110
    assert 0 <= supply.staleness()["app",] < 10
    told = stage.lines.text()
    assert '"store_unavailable"' in told
    assert '"credential_adopted"' in told
    assert "CANARY" not in told
    counted = {result: stage.reads(result) for result in ("ok", "error")}
    assert counted["ok"] >= 1
    assert counted["error"] >= 2


async def test_a_new_pair_is_tried_and_used(tmp_path: Path, running: tuple[AsyncExitStack, Tasks]) -> None:
    """From the file to the keyring, by way of Customer.io; a rejection makes the store be read at once."""
    simulator = Simulator(PAIR)
    async with serving(simulator) as address:
        stage = Stage(address.url, {"track": written(tmp_path)})
        supply = await stage.started(*running)
        old = supply.keyring.in_force[Credential.TRACK]
        newer = Workspace(site_id="site-CANARY", api_key="key-CANARY-2", environment_id=7)
        simulator.workspaces = (newer,)
        written(tmp_path, newer)
        assert not supply.keyring.rejected(Credential.TRACK, old)
        await until(lambda: supply.keyring.in_force[Credential.TRACK] is not old)
    assert {key.state for key in supply.keyring.status()} == {State.ACTIVE, State.REJECTED}
    assert "CANARY" not in stage.lines.text()


async def test_a_store_that_is_gone_too_long_leaves_nothing_in_force(
    tmp_path: Path, running: tuple[AsyncExitStack, Tasks]
) -> None:
    """And its return brings the key back."""
    stage = Stage("http://127.0.0.1:1", {"track": written(tmp_path)})
    supply = await stage.started(*running)
    (tmp_path / "api_key").rename(tmp_path / "hidden")

    def gone() -> bool:
        supply.keyring.tick()
        return Credential.TRACK not in supply.keyring.in_force

    await until(gone)
    (tmp_path / "hidden").rename(tmp_path / "api_key")
    await until(lambda: supply.keyring.held("track") is not None)


@pytest.mark.usefixtures("running")
async def test_other_secrets_are_waited_for() -> None:
    """A key that nothing can be decided without is asked for until it is there; credentials are not waited for with it."""
    hashing = {"algorithm": "hmac-sha256", "key": "gcp:projects/p/secrets/pepper", "key_id": "k1"}
    policy = PolicyDocument.model_validate({"version": 1, "hash": hashing})
    stage = Stage("http://127.0.0.1:1", {"app": {"api_key": "file:/nowhere"}}, policy=policy)
    supply = Supply(stage.config, stage.providers, {}, stage.observer, SystemClock())
    secrets = asyncio.get_running_loop().create_task(supply.secrets())
    await until(lambda: stage.gcp.asked > 0)
    stage.gcp.document = Document({"": Sensitive("pepper-CANARY")})
    assert (await secrets).hash_key == Sensitive(b"pepper-CANARY")
    assert '"secret_unavailable"' in (told := stage.lines.text())
    assert "CANARY" not in told


async def test_an_alarm_cuts_a_wait_short() -> None:
    """The one there is, or the next one; never the one after, and never below the least."""
    alarm = Alarm()
    alarm.ring()
    await alarm.wait(0, 1000)
    await alarm.wait(0, 0.01)
    waiting = asyncio.get_running_loop().create_task(alarm.wait(0, 1000))
    await asyncio.sleep(0.01)
    alarm.ring()
    await waiting
    began = asyncio.get_running_loop().time()
    alarm.ring()
    await alarm.wait(0.05, 0.05)
    assert asyncio.get_running_loop().time() - began >= 0.05


def named(stage: Stage, credentials: Mapping[str, Any]) -> Config:
    """Return the stage's configuration with other credentials."""
    section = type(stage.config.credentials).model_validate(credentials, context={})
    return stage.config.model_copy(update={"credentials": section})


async def test_a_slot_that_stays_goes_on_as_it_was(tmp_path: Path, running: tuple[AsyncExitStack, Tasks]) -> None:
    """Its key and its watch; a slot that comes has its key at once, and one that goes is asked about no more."""
    stage = Stage("http://127.0.0.1:1", {"track": written(tmp_path)})
    supply = await stage.started(*running)
    before, watching = supply.keyring.in_force[Credential.TRACK], dict(supply._watching)
    (tmp_path / "app").write_text("app-key-CANARY")
    config = named(stage, {"track": written(tmp_path), "app": {"api_key": f"file:{tmp_path / 'app'}"}})
    secrets = await supply.resolved(config, stage.providers, resolve(stage.config, stage.providers))
    supply.change(config, stage.providers, secrets.versions)
    assert supply.keyring.in_force[Credential.TRACK] is before
    assert Credential.APP in supply.keyring.in_force
    assert supply._watching["track"] is watching["track"]
    await supply.filled()
    supply.change(named(stage, {}), stage.providers, {})
    await until(watching["track"][1].done)
    assert supply.keyring.in_force == {}
    await supply.filled()


async def test_a_key_that_moved_is_tried_before_it_is_used(tmp_path: Path, running: tuple[AsyncExitStack, Tasks]) -> None:
    """A slot that names another place keeps its key until Customer.io has taken the other, which no other workspace's is."""
    simulator = Simulator(PAIR)
    async with serving(simulator) as address:
        stage = Stage(address.url, {"track": written(tmp_path)})
        supply = await stage.started(*running)
        old = supply.keyring.in_force[Credential.TRACK]
        moved = Workspace(site_id="site-CANARY", api_key="key-CANARY-2", environment_id=7)
        foreign = Workspace(site_id="site-CANARY", api_key="key-CANARY-3", environment_id=8)
        simulator.workspaces = (PAIR, moved, foreign)
        for name, workspace in (("foreign", foreign), ("moved", moved)):
            (tmp_path / name).mkdir()
            config = named(stage, {"track": written(tmp_path / name, workspace)})
            secrets = await supply.resolved(config, stage.providers, resolve(stage.config, stage.providers))
            supply.change(config, stage.providers, secrets.versions)
            assert supply.keyring.in_force[Credential.TRACK] is old
            if name == "foreign":
                await until(lambda: len(simulator.requests) > 1)  # that of the key in use, and its own
        await until(lambda: supply.keyring.in_force[Credential.TRACK] is not old)
        assert {key.key_id for key in supply.keyring.status()} == {old.key_id, supply.keyring.in_force[Credential.TRACK].key_id}
    assert "CANARY" not in stage.lines.text()


async def test_where_stores_change_everything_is_read_anew(tmp_path: Path) -> None:
    """What another store gave is no last good value of this one."""
    stage = Stage("http://127.0.0.1:1", {"track": written(tmp_path)})
    supply = stage.supply()
    secrets = resolve(stage.config, stage.providers)
    (tmp_path / "api_key").unlink()
    await supply.resolved(stage.config, stage.providers, secrets)
    with pytest.raises(ConfigError, match="no such file"):
        await supply.resolved(stage.config, dict(stage.providers), secrets)


async def test_a_key_that_grew_stale_does_not_come_back_by_a_reload(tmp_path: Path) -> None:
    """Only its store brings it back."""
    stage = Stage("http://127.0.0.1:1", {"track": written(tmp_path)})
    supply = stage.supply()
    versions = {"track": supply.keyring.held("track")}
    supply.keyring.change({"track": Credential.TRACK}, grace_seconds=1, max_staleness_seconds=-1)
    supply.keyring.tick()
    assert supply.keyring.in_force == {}
    supply.change(stage.config, stage.providers, {name: version for name, version in versions.items() if version is not None})
    assert supply.keyring.in_force == {}
