"""Connects the parts that supply credentials: stores read in a thread, trials over HTTP, and a keyring that is kept filled."""

import asyncio
import ssl
from collections.abc import Callable, Coroutine, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import AsyncExitStack, suppress
from itertools import count
from secrets import SystemRandom
from typing import TypeVar

from proxy.api.model import Credential, Upstream
from proxy.clock import Clock
from proxy.config.model import Config
from proxy.config.problems import each
from proxy.credentials.keyring import Keyring
from proxy.credentials.model import Kind, Provider, Version
from proxy.credentials.probe import Prober, prober
from proxy.credentials.resolve import Held, Resolved, resolve
from proxy.credentials.slots import Slot, read, slots
from proxy.credentials.watch import BACKOFF_SECONDS, Rules, Watch, Workspace
from proxy.errors import ConfigError
from proxy.observer import Observer

T = TypeVar("T")
Spawn = Callable[[Coroutine[object, object, None]], "asyncio.Task[None]"]

# The start does not wait for a standby slot.
STANDBY = frozenset({"track_next"})


class Supply:
    """Keeps the credentials of one sidecar as new as in their stores."""

    def __init__(
        self,
        config: Config,
        providers: Mapping[Kind, Provider],
        versions: Mapping[str, Version],
        observer: Observer,
        clock: Clock,
    ) -> None:
        """Begin with the `versions` that have been read already, by slot name."""
        self._config = config
        self._providers = providers
        self._observer = observer
        self._slots = tuple(slots(config))
        self._alarms = {slot.name: Alarm() for slot in self._slots}
        # One thread: a store gets one request at a time, and providers need not be thread-safe.
        self._thread = ThreadPoolExecutor(1, "stores")
        self._adopted = asyncio.Event()
        self.keyring = Keyring(
            {slot.name: slot.credential for slot in self._slots},
            grace_seconds=config.credentials.rotation_grace_seconds,
            max_staleness_seconds=config.stores.max_staleness_seconds,
            clock=clock,
            held=self._held,
            wanted=self._wanted,
        )
        self._workspaces = {credential: Workspace() for credential in Credential}
        self._watching: dict[str, tuple[Slot, asyncio.Task[None]]] = {}
        self._spawn: Spawn | None = None
        self._ask: Prober | None = None
        self._adopt_first(versions)

    def _adopt_first(self, versions: Mapping[str, Version]) -> None:
        """Use versions of slots that have none."""
        for name, version in versions.items():
            # A second pair is tried first: it may be of another workspace.
            if name not in STANDBY and self.keyring.held(name) is None:
                self.keyring.adopt(name, version)

    def _held(self, credential: Credential, key_id: str) -> None:
        self._observer.credential_held(credential, key_id)
        self._adopted.set()

    def _wanted(self, credential: Credential) -> None:
        for slot in self._slots:
            if slot.credential is credential:
                self._alarms[slot.name].ring()

    async def secrets(self) -> Resolved:
        """Return all secrets except credentials. Wait until all of them are available."""
        for failures in count():
            try:
                return await self._blocking(lambda: resolve(self._config, self._providers, versions=False))
            except ConfigError as error:
                for problem in each(error):
                    self._observer.secret_unavailable(problem.path, problem.problem)
            await asyncio.sleep(min(self._config.stores.refresh_seconds, BACKOFF_SECONDS * 2.0 ** min(failures, 30)))
        raise AssertionError("counting ends")

    async def resolved(self, config: Config, providers: Mapping[Kind, Provider], secrets: Resolved) -> Resolved:
        """Return the secrets that `config` refers to, read anew; `secrets` are those in force.

        The credentials of slots that stay as they are have a watch of their own, and are not read. Where a store that is still
        the same one fails, the secret that it gave before is still good.

        Raises:
            ConfigError: one cannot be read or used.
        """
        held = Held()
        if providers is self._providers:
            known = {slot.name: self.keyring.held(slot.name) for slot in slots(config) if slot in self._slots}
            held = Held(secrets.secrets, known)
        return await self._blocking(lambda: resolve(config, providers, held=held))

    def change(self, config: Config, providers: Mapping[Kind, Provider], versions: Mapping[str, Version]) -> None:
        """Supply what `config` names from now on; `versions` are of its slots.

        A slot that has a key keeps it until its new store's one was tried, as at any rotation (`watch`).
        """
        keeps = providers is self._providers and _rules(config) == _rules(self._config)
        before, self._slots = self._slots, tuple(slots(config))
        self._config, self._providers = config, providers
        for slot in self._slots:
            self._alarms.setdefault(slot.name, Alarm())
        self.keyring.change(
            {slot.name: slot.credential for slot in self._slots},
            grace_seconds=config.credentials.rotation_grace_seconds,
            max_staleness_seconds=config.stores.max_staleness_seconds,
        )
        # A key that was dropped because no store confirmed it is not one that was read just now.
        self._adopt_first(
            {slot.name: versions[slot.name] for slot in self._slots if slot not in before if slot.name in versions}
        )
        for name, (slot, watching) in tuple(self._watching.items()):
            if not keeps or slot not in self._slots:
                del self._watching[name]
                watching.cancel()
        self._watch()
        self._adopted.set()

    async def start(self, stack: AsyncExitStack, spawn: Spawn, tls: Mapping[Upstream, ssl.SSLContext | None]) -> None:
        """Fill the keyring and keep it filled until `stack` is closed."""
        stack.callback(self._thread.shutdown, wait=False, cancel_futures=True)
        self._ask = await stack.enter_async_context(prober(self._config, tls, self._config.delivery.timeouts.attempt_seconds))
        self._spawn = spawn
        self._watch()

    def _watch(self) -> None:
        """Watch every slot that is not watched yet."""
        if self._spawn is None or self._ask is None:
            return
        for slot in self._slots:
            if slot.name not in self._watching:
                watch = Watch(
                    slot,
                    self.keyring,
                    _rules(self._config),
                    self._workspaces[slot.credential],
                    read=self._read,
                    attempt=self._ask.trial,
                    alarm=self._alarms[slot.name],
                    observer=self._observer,
                    random=SystemRandom().random,
                )
                self._watching[slot.name] = slot, self._spawn(watch.run())

    async def filled(self) -> None:
        """Return once every credential that calls carry was read."""
        while any(self.keyring.held(slot.name) is None for slot in self._slots if slot.name not in STANDBY):
            self._adopted.clear()
            await self._adopted.wait()

    def staleness(self) -> Mapping[tuple[str, ...], float]:
        """Return, for each slot, the seconds since its store last confirmed the version in use."""
        status = self.keyring.status(replaced=False)
        return {(key.slot,): key.staleness_seconds for key in status if key.staleness_seconds is not None}

    def version_age(self) -> Mapping[tuple[str, ...], float]:
        """Return, for each slot whose store has dates, the age of its version in seconds."""
        status = self.keyring.status(replaced=False)
        return {(key.slot,): key.version_age_seconds for key in status if key.version_age_seconds is not None}

    async def _read(self, slot: Slot) -> Version:
        return await self._blocking(lambda: read(slot, self._providers))

    async def _blocking(self, call: Callable[[], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._thread, call)


def _rules(config: Config) -> Rules:
    return Rules(config.credentials.workspace, config.region, config.stores.refresh_seconds)


class Alarm:
    """A wait that can be cut short; see `watch.Alarm`."""

    def __init__(self) -> None:
        """Begin without a pending ring."""
        self._event = asyncio.Event()

    def ring(self) -> None:
        """End the current wait early, or the next one."""
        self._event.set()

    async def wait(self, least_seconds: float, most_seconds: float) -> None:
        """Wait until `ring`, but at least `least_seconds` and at most `most_seconds`."""
        await asyncio.sleep(least_seconds)
        with suppress(TimeoutError):
            async with asyncio.timeout(most_seconds - least_seconds):
                await self._event.wait()
        self._event.clear()
