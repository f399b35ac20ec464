"""Composition: the one place that names technologies together. Starts and stops the sidecar in numbered steps."""

import asyncio
import signal
import sys
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import AsyncExitStack, contextmanager, suppress
from datetime import UTC, datetime
from typing import TextIO

import orjson
import uvloop
from aiohttp import web
from prometheus_client import CollectorRegistry, GCCollector, ProcessCollector
from structlog.typing import FilteringBoundLogger

from proxy import __version__, logs
from proxy.admin.app import build as build_admin
from proxy.admin.serve import serving
from proxy.api.endpoints import ENDPOINTS
from proxy.api.match import UNKNOWN
from proxy.api.model import Upstream
from proxy.clock import Clock, SystemClock
from proxy.config.model import Config
from proxy.config.source import Source
from proxy.config.tls import Replaceable, upstream_contexts
from proxy.credentials.keyring import KeyStatus
from proxy.credentials.model import LOCAL, Kind, Provider
from proxy.credentials.resolve import Resolved, resolve
from proxy.credentials.supply import Supply
from proxy.delivery.send import Sender
from proxy.errors import ConfigError
from proxy.http1.caller import CallerConnection
from proxy.http1.cork import Cork
from proxy.http1.pool import Pool
from proxy.http1.server import Server
from proxy.limits.memory import MemoryLimiter
from proxy.metrics import Metrics
from proxy.observer import Observer
from proxy.outbound import Outbound
from proxy.policy.inventory import Inventory, Known, Scanner
from proxy.policy.model import UNKEYED
from proxy.process import keep_memory_private, raise_file_limit, settle_garbage_collector
from proxy.reload import Parts, Providers, Reload
from proxy.slices import Slices
from proxy.snapshot import Snapshot, build
from proxy.tasks import Tasks

TICK_SECONDS = 0.1
BACKLOG = 1024
# How long the last answers may take to be sent once the drain is over.
CLOSE_SECONDS = 1.0


class Sidecar:
    """One running sidecar: built from a configuration and the secrets it refers to, started and stopped once."""

    def __init__(  # noqa: PLR0917 - what it is made of
        self,
        config: Config,
        providers: Mapping[Kind, Provider],
        log: FilteringBoundLogger,
        threshold: logs.Threshold,
        out: TextIO,
        clock: Clock,
    ) -> None:
        """Build everything that touches neither a socket nor the event loop, nor a store beyond this machine.

        Raises:
            ConfigError: the parts do not fit together, or a secret that is kept on this machine cannot be used.
        """
        self._log = log
        self._threshold = threshold
        self._out = out
        self._clock = clock
        self.registry = CollectorRegistry()
        self._metrics = Metrics(self.registry, __version__)
        ProcessCollector(registry=self.registry)
        GCCollector(registry=self.registry)
        self._observer = Observer(self._metrics, log, clock)
        self._ready = False
        self._stopping = asyncio.Event()
        self._hurrying = asyncio.Event()
        self._reloading = asyncio.Event()
        self._inventory: Inventory | None = None
        self._snapshot = self._built(config, providers, resolve(config, providers, LOCAL, awaiting=True))
        self._upstream_tls = upstream_contexts(config)

    def _built(self, config: Config, providers: Mapping[Kind, Provider], secrets: Resolved) -> Snapshot:
        """Return what a configuration comes to, with the inventory that is kept already, if there is one."""
        told, kept = (self._observer.field_is_new, self._observer.field_unrecorded), self._inventory

        def inventory(known: Known, scanner: Scanner | None) -> Inventory:
            return Inventory(self._clock.wall, *told, known, scanner) if kept is None else kept

        return build(config, providers, secrets, inventory)

    def _put_in_force(self, new: Snapshot, status: Callable[[], Iterator[KeyStatus]]) -> None:
        """Decide by `new` from now on, show it, and say what works in it and should be mended all the same."""
        self._snapshot, rules = new, new.rules
        self._inventory = inventory = rules.inventory
        token = None if new.config.admin.token is None else lambda: self._snapshot.secrets.admin_token
        self._pages = build_admin(self.registry, lambda: self._ready, token, status, lambda: inventory, hosts=rules.hosts)
        self._observer.policy_kept(rules.policy.hits, rules.policy.vendor_limits)
        if inventory is not None:
            self._observer.inventory_kept(endpoint.name for endpoint in (*ENDPOINTS, *UNKNOWN.values()))
        self._metrics.inventory_fields.read = None if inventory is None else lambda: {(): inventory.fields}

    async def run(self, source: Source, providers: Providers) -> None:
        """Serve until `stop` is called, then drain; take into force what `source` comes to hold meanwhile."""
        config = self._snapshot.config
        async with AsyncExitStack() as stack:
            tasks = Tasks(self._observer.crashed)
            stack.push_async_callback(tasks.cancel)

            supply = Supply(config, self._snapshot.providers, self._snapshot.secrets.versions, self._observer, self._clock)

            # 1. The operator's port first, so that a start can be watched.
            self._put_in_force(self._snapshot, supply.keyring.status)
            await self._listen_admin(stack)

            # 2. Secrets beyond this machine that nothing can be decided without: until they are read.
            if self._snapshot.secrets.unread:
                found = self._built(config, self._snapshot.providers, await supply.secrets())
                self._put_in_force(found, supply.keyring.status)

            # 3. What requests need: credentials, connections to Customer.io and the path to them.
            await supply.start(stack, tasks.spawn, self._upstream_tls)
            loop = asyncio.get_running_loop()
            cork = Cork(loop.call_soon)
            pools = {upstream: self._pool(upstream, cork) for upstream in Upstream}
            for pool in pools.values():
                stack.callback(pool.close)
            limiter = MemoryLimiter(self._snapshot.quotas, config.limits.wait_seconds, self._clock, loop.call_later)
            sender = Sender(
                connections=pools,
                limiter=limiter,
                keys=supply.keyring,
                timeouts=self._snapshot.timeouts,
                inflight_bytes=config.outbound.limits.inflight_bytes,
                observer=self._observer,
                clock=self._clock,
                spawn=tasks.spawn,
            )
            self._metrics.credential_staleness.read = supply.staleness
            self._metrics.credential_version_age.read = supply.version_age
            self._metrics.inflight.read = lambda: {(): len(sender.active)}
            outbound = Outbound(self._snapshot.rules, sender, self._observer, self._clock, Slices(loop.call_soon))
            server = Server(outbound, self._snapshot.server_limits, self._clock, cork)
            tasks.spawn(self._tick(sender.tick, server.tick, supply.keyring.tick, *(pool.tick for pool in pools.values())))

            # 4. The applications' ports; ready once every credential was read.
            tls = None if self._snapshot.listener_tls is None else Replaceable(self._snapshot.listener_tls)
            listeners = await self._listen(server, tls)
            self._warn()
            settle_garbage_collector()
            self._observer.started(__version__)
            tasks.spawn(self._become_ready(supply))

            # 5. From here on, what changes in files and stores is taken into force.
            parts = Parts(outbound, server, sender, pools, limiter, supply, tls, self._threshold)
            reloading = tasks.spawn(self._reload(parts, source, providers).run())
            await self._stopping.wait()

            # 6. Stop: unready, but accepting for those who have not noticed yet.
            self._observer.stopping()
            reloading.cancel()
            self._ready = False
            drain = self._snapshot.config.outbound.drain
            await _until(self._hurrying, drain.accept_seconds)

            # 7. Accept nothing new; every answer now ends its connection.
            for listener in listeners:
                listener.close()
            server.drain()

            # 8. Let what is on its way finish, within bounds.
            finishing = tasks.spawn(self._finish(server))
            await _until(self._hurrying, drain.finish_seconds)
            finishing.cancel()
            if server.busy:
                self._log.warning("drain_cut_short", requests=server.busy)
            server.shut_down()
            await _until(server.empty, CLOSE_SECONDS)
            server.cut_off()

        # 9. The stack closes the admin port, the pools and the tasks, in that order.

    def _reload(self, parts: Parts, source: Source, providers: Providers) -> Reload:
        """Return what watches `source` and the stores, and puts what changes there in force."""

        def put(new: Snapshot) -> None:
            parts.put(new)
            self._put_in_force(new, parts.supply.keyring.status)
            self._warn()

        return Reload(
            source,
            providers,
            parts.supply,
            asked=self._reloading,
            current=lambda: self._snapshot,
            build=self._built,
            put=put,
            observer=self._observer,
            clock=self._clock,
        )

    def _pool(self, upstream: Upstream, cork: Cork) -> Pool:
        return Pool(
            self._snapshot.config.upstream(upstream).origin,
            self._upstream_tls[upstream],
            clock=self._clock,
            cork=cork,
            connections=self._snapshot.config.delivery.connections,
            connect_seconds=self._snapshot.config.delivery.timeouts.connect_seconds,
            unreachable=lambda error: self._observer.unreachable(upstream.value, error),
        )

    async def _become_ready(self, supply: Supply) -> None:
        await supply.filled()
        if not self._stopping.is_set():
            self._ready = True
            self._say({"event": "ready"})

    def _warn(self) -> None:
        """Log what works and should be mended all the same."""
        for path in self._snapshot.secrets.weak:
            self._log.warning("weak_secret", path=path)
        section = self._snapshot.config.policy.hash
        if section is not None and section.key is None:
            self._log.warning("unkeyed_hashes", path="policy.hash", problem=UNKEYED)

    def stop(self) -> None:
        """Begin to drain; a second call cuts the drain short."""
        if self._stopping.is_set():
            self._hurrying.set()
        self._stopping.set()

    def reload(self) -> None:
        """Take what the files say now into force, as soon as everything is there that it is put into."""
        self._reloading.set()

    async def _tick(self, *ticks: Callable[[], None]) -> None:
        """Enforce every deadline, and measure how late the event loop is. A fault in one tick stops no other."""
        while True:
            before = self._clock.monotonic()
            await asyncio.sleep(TICK_SECONDS)
            self._metrics.loop_lag.set(max(0.0, self._clock.monotonic() - before - TICK_SECONDS))
            for tick in ticks:
                try:
                    tick()
                except Exception as error:  # noqa: BLE001  # whatever it is, the next deadline has to be enforced
                    self._observer.crashed("tick", error)

    async def _finish(self, server: Server) -> None:
        """End the drain as soon as nothing is on its way."""
        await server.empty.wait()
        self._hurrying.set()

    async def _listen(self, server: Server, tls: Replaceable | None) -> list[asyncio.Server]:
        outbound = self._snapshot.config.outbound
        loop = asyncio.get_running_loop()
        with _binding("outbound.port"):
            plain = await loop.create_server(lambda: CallerConnection(server), outbound.host, outbound.port, backlog=BACKLOG)
        self._say_listening("outbound", plain)
        if outbound.tls is None or tls is None:
            return [plain]
        with _binding("outbound.tls.port"):
            secure = await loop.create_server(
                lambda: CallerConnection(server),
                outbound.host,
                outbound.tls.port,
                ssl=tls.context,
                ssl_handshake_timeout=outbound.limits.head_seconds,
                backlog=BACKLOG,
            )
        self._say_listening("outbound_tls", secure)
        return [plain, secure]

    async def _listen_admin(self, stack: AsyncExitStack) -> None:
        admin = self._snapshot.config.admin

        def handle(request: web.BaseRequest) -> Awaitable[web.StreamResponse]:
            return self._pages(request)

        with _binding("admin.port"):
            host, port = await stack.enter_async_context(serving(handle, admin.host, admin.port))
        self._say({"event": "listening", "listener": "admin", "host": host, "port": port})

    def _say_listening(self, name: str, listener: asyncio.Server) -> None:
        host, port = listener.sockets[0].getsockname()[:2]
        self._say({"event": "listening", "listener": name, "host": host, "port": port})

    def _say(self, event: dict[str, str | int]) -> None:
        at = datetime.fromtimestamp(self._clock.wall(), UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")
        self._out.write(orjson.dumps({**event, "level": "info", "timestamp": at}).decode() + "\n")
        self._out.flush()


def run(
    config: Config, known: Mapping[Kind, Provider], source: Source, providers: Providers, strangers: Sequence[str] = ()
) -> int:
    """Run a sidecar until SIGTERM or SIGINT has drained it; return the process's exit code. SIGHUP reloads.

    `config` is what `source` held at first, and `known` are its `providers`.

    `strangers` names variables that look like ours and set nothing: the log warns of them.

    Raises:
        ConfigError: the configuration cannot be served, or an address cannot be listened on.
    """
    threshold = logs.Threshold(config.logs.level)
    log = logs.logger(threshold, config.logs.format)
    logs.take_over(log)
    raise_file_limit()
    if not keep_memory_private():
        log.warning("memory_not_private")
    for name in strangers:
        log.warning("unknown_variable", reference=name, problem="it begins like a setting and sets no key")

    async def serve() -> None:
        sidecar = Sidecar(config, known, log, threshold, sys.stdout, SystemClock())
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, sidecar.stop)
        loop.add_signal_handler(signal.SIGHUP, sidecar.reload)
        await sidecar.run(source, providers)

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(serve())
    return 0


async def _until(event: asyncio.Event, seconds: float) -> None:
    """Wait for `event`, but no longer than so many seconds."""
    with suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            await event.wait()


@contextmanager
def _binding(path: str) -> Iterator[None]:
    """Say which key an address that cannot be listened on comes from."""
    try:
        yield
    except OSError as error:
        raise ConfigError(f"cannot listen there: {error.strerror or type(error).__name__}", path=path) from error
