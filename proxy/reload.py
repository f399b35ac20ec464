"""Takes a changed configuration, or changed secrets, into force while the sidecar runs (promise G5).

What is new is read and built beside what is in force, and put in its place in one turn of the event loop. A fault in it changes
nothing, and is told in the log and in `config_last_reload_successful`.
"""

import asyncio
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass

from proxy.api.model import Upstream
from proxy.clock import Clock
from proxy.config.changes import changed
from proxy.config.model import Config
from proxy.config.problems import dotted, each
from proxy.config.source import Source
from proxy.config.tls import Replaceable
from proxy.config.values import references
from proxy.credentials.model import Kind, Provider
from proxy.credentials.resolve import Resolved
from proxy.credentials.supply import Supply
from proxy.delivery.send import Sender
from proxy.errors import ConfigError
from proxy.http1.pool import Pool
from proxy.http1.server import Server
from proxy.limits.memory import MemoryLimiter
from proxy.logs import Threshold
from proxy.observer import Observer
from proxy.outbound import Outbound
from proxy.snapshot import Snapshot

# How often files are looked at. A change is taken once a file has stayed the same from one look to the next: half of a policy
# may be a valid policy.
LOOK_SECONDS = 1.0

Providers = Callable[[Config], Mapping[Kind, Provider]]
"""Makes what reads the secrets of a configuration, or raises ConfigError."""
Build = Callable[[Config, Mapping[Kind, Provider], Resolved], Snapshot]


@dataclass(frozen=True, slots=True)
class Parts:
    """Everything that works by what a snapshot says."""

    outbound: Outbound
    server: Server
    sender: Sender
    pools: Mapping[Upstream, Pool]
    limiter: MemoryLimiter
    supply: Supply
    tls: Replaceable | None
    threshold: Threshold

    def put(self, new: Snapshot) -> None:
        """Work by `new` from now on. Connections, buckets, keys and the inventory's fields stay; requests under way, too."""
        config = new.config
        inventory = new.rules.inventory
        if inventory is not None:
            inventory.change(new.known, new.rules.policy.inventory_scanner)
        self.outbound.rules = new.rules
        self.server.limits = new.server_limits
        self.server.known.clear()  # what was found out from heads holds on to the rules it was found by
        self.sender.timeouts = new.timeouts
        self.sender.inflight_bytes = config.outbound.limits.inflight_bytes
        for pool in self.pools.values():
            pool.change(config.delivery.connections, config.delivery.timeouts.connect_seconds)
        self.limiter.change(new.quotas, config.limits.wait_seconds)
        self.supply.change(config, new.providers, new.secrets.versions)
        if self.tls is not None and new.listener_tls is not None:
            self.tls.replace(new.listener_tls)
        self.threshold.set(config.logs.level)


class Reload:
    """Watches a configuration and its secrets."""

    def __init__(
        self,
        source: Source,
        providers: Providers,
        supply: Supply,
        *,
        asked: asyncio.Event,
        current: Callable[[], Snapshot],
        build: Build,
        put: Callable[[Snapshot], None],
        observer: Observer,
        clock: Clock,
    ) -> None:
        """Compare what `source` and the stores have with the `current` snapshot; `build` another one and `put` it in force.

        Whoever sets `asked` wants that now.
        """
        self._source = source
        self._providers = providers
        self._supply = supply
        self._asked = asked
        self._current = current
        self._build = build
        self._put = put
        self._observer = observer
        self._clock = clock

    async def run(self) -> None:
        """Watch until cancelled."""
        refreshed = self._clock.monotonic()
        while True:
            with suppress(TimeoutError):
                async with asyncio.timeout(LOOK_SECONDS):
                    await self._asked.wait()
            if self._asked.is_set() or await self._changed():
                self._asked.clear()
                await self.reload()
            if self._clock.monotonic() - refreshed >= self._current().config.stores.refresh_seconds:
                await self.refresh()
                refreshed = self._clock.monotonic()

    async def _changed(self) -> bool:
        """Look at the files. Never raises: whatever is wrong with a look, the next one is to come."""
        try:
            return await asyncio.to_thread(self._source.changed)
        except Exception as error:  # noqa: BLE001  # as below
            self._observer.crashed("look", error)
            return False

    async def reload(self) -> None:
        """Put in force what the files say now, or tell why not. Never raises."""
        try:
            loaded = await asyncio.to_thread(self._source.load)
            with loaded.places.placing():
                current, config = self._current(), loaded.config
                keys = changed(current.config, config)
                providers = current.providers
                if _stores(config) != _stores(current.config):
                    providers = await asyncio.to_thread(self._providers, config)
                secrets = await self._supply.resolved(config, providers, current.secrets)
                self._put(await asyncio.to_thread(self._build, config, providers, secrets))
        except ConfigError as error:
            self._observer.reload_refused(each(error))
        except Exception as error:  # noqa: BLE001  # a fault of our own; what is in force stays in force
            self._observer.reload_failed(error)
        else:
            self._observer.reloaded(keys)

    async def refresh(self) -> None:
        """Put in force the secrets of policy, callers and admin as their stores have them now. Never raises.

        Where one cannot be read or used, the last good one stays.
        """
        try:
            current = self._current()
            config = current.config
            secrets = await self._supply.resolved(config, current.providers, current.secrets)
            for problem in secrets.outdated:
                self._observer.secret_unavailable(problem.path, problem.problem)
            before, after = current.secrets.secrets, secrets.secrets
            keys = [dotted(path) for path, where in references(config) if before.get(where) != after.get(where)]
            if keys:
                self._put(await asyncio.to_thread(self._build, config, current.providers, secrets))
                self._observer.secrets_changed(keys)
        except ConfigError as error:
            for problem in each(error):
                self._observer.secret_unavailable(problem.path, problem.problem)
        except Exception as error:  # noqa: BLE001  # as above
            self._observer.crashed("refresh", error)


def _stores(config: Config) -> tuple[object, ...]:
    """Return what the providers of a configuration are made from."""
    stores = config.stores
    kinds = frozenset(reference.kind for _, reference in references(config))
    return stores.vault, stores.gcp, stores.aws, stores.timeout_seconds, kinds
