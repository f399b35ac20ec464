"""What is read anew, and when it is put in force; what it then does to a running sidecar is in `flows/test_reload.py`."""

import asyncio
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest
from prometheus_client import CollectorRegistry

from proxy.cli.stores import providers
from proxy.clock import SystemClock
from proxy.config.model import Config
from proxy.config.source import Source
from proxy.credentials.model import LOCAL, Kind, Provider
from proxy.credentials.resolve import Resolved, resolve
from proxy.credentials.supply import Supply
from proxy.metrics import Metrics
from proxy.observer import Observer
from proxy.policy.inventory import Inventory
from proxy.reload import Reload
from proxy.snapshot import Snapshot, build
from tests.fakes import Lines

CONFIG = "version: 1\nadmin: {token: 'file:token'}\n"


class Stage:
    """A configuration in a folder, and what became of it."""

    def __init__(self, folder: Path) -> None:
        """Put it in force as it is at first."""
        self.folder = folder
        self.write("token", "the-first-token-CANARY")
        self.write("sidecar.yaml", CONFIG)
        self.fault: Exception | None = None
        self.made = 0
        self.asked = asyncio.Event()
        self.changed = asyncio.Event()
        self.log = Lines()
        self.registry = CollectorRegistry()
        clock = SystemClock()
        source = Source(folder / "sidecar.yaml", {}, clock)
        config = source.load().config
        known = providers(config, {})
        self.snapshots = [self._build(config, known, resolve(config, known, LOCAL))]
        observer = Observer(Metrics(self.registry, "1"), self.log.logger(), clock)
        self.reload = Reload(
            source,
            self._providers,
            Supply(config, known, {}, observer, clock),
            asked=self.asked,
            current=lambda: self.snapshots[-1],
            build=self._build,
            put=self._put,
            observer=observer,
            clock=clock,
        )

    def write(self, name: str, text: str) -> None:
        """Write a file."""
        (self.folder / name).write_text(text)

    def _providers(self, config: Config) -> Mapping[Kind, Provider]:
        self.made += 1
        return providers(config, {})

    def _build(self, config: Config, known: Mapping[Kind, Provider], secrets: Resolved) -> Snapshot:
        if self.fault is not None:
            raise self.fault
        return build(config, known, secrets, lambda *_: Inventory(lambda: 0.0, lambda _: None, lambda: None))

    def _put(self, new: Snapshot) -> None:
        self.snapshots.append(new)
        self.changed.set()

    def told(self) -> list[str]:
        """End the log; return its events."""
        text = self.log.text()
        assert "CANARY" not in text
        return [line["event"] for line in self.log.events()]

    def success(self) -> float | None:
        """Return the metric."""
        return self.registry.get_sample_value("cio_sidecar_config_last_reload_successful")


async def test_a_good_configuration_is_put_in_force_whole(tmp_path: Path) -> None:
    """One snapshot with everything in it; what reads secrets is kept where nothing about stores changed."""
    stage = Stage(tmp_path)
    stage.write("other", "another-token-CANARY")
    stage.write("sidecar.yaml", "version: 1\nadmin: {token: 'file:other'}\noutbound: {limits: {depth: 5}}\n")
    await stage.reload.reload()
    first, second = stage.snapshots
    assert (second.rules.depth, second.secrets.admin_token) != (first.rules.depth, first.secrets.admin_token)
    assert (second.providers is first.providers, stage.made) == (True, 0)
    assert (stage.success(), stage.told()) == (1, ["reloaded"])


async def test_other_stores_are_made_anew(tmp_path: Path) -> None:
    """Where, and how, they are asked may have changed."""
    stage = Stage(tmp_path)
    stage.write("sidecar.yaml", CONFIG + "stores: {timeout_seconds: 1}\n")
    await stage.reload.reload()
    assert (len(stage.snapshots), stage.made) == (2, 1)
    assert stage.snapshots[1].providers is not stage.snapshots[0].providers


@pytest.mark.parametrize(
    ("text", "events"),
    [
        ("version: 2\n", ["reload_refused"]),
        (CONFIG + "region: eu\nwebhooks: {port: 1}\n", ["reload_refused"] * 2),
        (CONFIG.replace("token'", "nowhere'"), ["reload_refused"]),
        (CONFIG + "stores: {vault: {address: 'https://v', auth: {method: token, token: 'env:T'}}}\n", ["reload_refused"]),
        (CONFIG + "policy: {version: 1, allow: {x.y: [a]}}\n", ["reload_refused"]),
    ],
)  # fmt: skip
async def test_g5_a_bad_one_changes_nothing(tmp_path: Path, text: str, events: list[str]) -> None:
    """Wherever its fault shows; and the next good one is taken."""
    stage = Stage(tmp_path)
    stage.write("sidecar.yaml", text)
    await stage.reload.reload()
    assert (len(stage.snapshots), stage.success()) == (1, 0)
    stage.write("sidecar.yaml", CONFIG)
    await stage.reload.reload()
    assert (len(stage.snapshots), stage.success()) == (2, 1)
    assert stage.told() == [*events, "reloaded"]


async def test_a_fault_of_our_own_changes_nothing(tmp_path: Path) -> None:
    """In a reload and in a refresh; what the exception says is not told."""
    stage = Stage(tmp_path)
    stage.fault = ValueError("CANARY")
    await stage.reload.reload()
    assert (len(stage.snapshots), stage.success()) == (1, 0)
    stage.write("token", "another-token-CANARY")
    await stage.reload.refresh()
    assert len(stage.snapshots) == 1
    assert stage.told() == ["reload_refused", "task_crashed"]


async def test_a_secret_is_taken_when_it_changes_and_only_then(tmp_path: Path) -> None:
    """Nothing is built anew for one that is as it was; one that is gone or unusable leaves the last good one."""
    stage = Stage(tmp_path)
    await stage.reload.refresh()
    assert len(stage.snapshots) == 1
    stage.write("token", "another-token-CANARY")
    await stage.reload.refresh()
    assert stage.snapshots[1].secrets.admin_token != stage.snapshots[0].secrets.admin_token
    for text in ("", "has a space CANARY", None):
        if text is None:
            (tmp_path / "token").unlink()
        else:
            stage.write("token", text)
        await stage.reload.refresh()
        assert len(stage.snapshots) == 2
    # A reload of anything else is not kept up by it.
    stage.write("sidecar.yaml", CONFIG + "logs: {level: error}\n")
    await stage.reload.reload()
    assert stage.snapshots[2].secrets.admin_token == stage.snapshots[1].secrets.admin_token
    assert stage.success() == 1
    assert stage.told() == ["secrets_changed", *["secret_unavailable"] * 3, "reloaded"]


async def test_it_acts_when_asked_and_when_a_file_or_a_secret_changes(tmp_path: Path) -> None:
    """One after the other, in one task."""
    stage = Stage(tmp_path)
    stage.write("sidecar.yaml", CONFIG + "stores: {refresh_seconds: 1}\n")
    stage.asked.set()
    watching = asyncio.get_running_loop().create_task(stage.reload.run())
    try:
        async with asyncio.timeout(20):
            for name, text in (
                (None, ""),
                ("sidecar.yaml", CONFIG + "stores: {refresh_seconds: 1.5}\n"),
                ("token", "next-CANARY"),
            ):
                if name is not None:
                    stage.write(name, text)
                await stage.changed.wait()
                stage.changed.clear()
    finally:
        watching.cancel()
        await asyncio.gather(watching, return_exceptions=True)
    assert stage.told() == ["reloaded", "reloaded", "secrets_changed"]


async def test_a_look_that_fails_is_not_the_last(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is told; the next one finds what changed."""
    stage = Stage(tmp_path)
    looks: Iterator[bool | ValueError] = iter([ValueError("CANARY"), True])

    def look(_: Source) -> bool:
        found = next(looks, False)
        if isinstance(found, ValueError):
            raise found
        return found

    monkeypatch.setattr(Source, "changed", look)
    watching = asyncio.get_running_loop().create_task(stage.reload.run())
    async with asyncio.timeout(20):
        await stage.changed.wait()
    watching.cancel()
    await asyncio.gather(watching, return_exceptions=True)
    assert stage.told() == ["task_crashed", "reloaded"]
