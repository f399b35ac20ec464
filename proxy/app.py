"""Composition: the one place that names technologies together. Starts and stops the sidecar in numbered steps."""

import asyncio
import signal
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AsyncExitStack, contextmanager, suppress
from datetime import UTC, datetime
from typing import TextIO

import orjson
import uvloop
from prometheus_client import CollectorRegistry, GCCollector, ProcessCollector
from structlog.typing import FilteringBoundLogger

from proxy import __version__, logs
from proxy.admin.app import build as build_admin
from proxy.admin.serve import serving
from proxy.api.endpoints import ENDPOINTS
from proxy.api.match import UNKNOWN, Table
from proxy.api.model import Bucket, Upstream
from proxy.api.web import Hosts
from proxy.clock import Clock, SystemClock
from proxy.config.known import known_fields
from proxy.config.model import Config
from proxy.config.tls import listener_context, upstream_contexts
from proxy.credentials.keyring import KeyStatus
from proxy.credentials.model import LOCAL, Kind, Provider
from proxy.credentials.resolve import HASH_KEY, resolve
from proxy.credentials.supply import Supply
from proxy.delivery.ports import Timeouts
from proxy.delivery.send import Sender
from proxy.errors import ConfigError
from proxy.http1.caller import CallerConnection
from proxy.http1.cork import Cork
from proxy.http1.pool import Pool
from proxy.http1.server import Server, ServerLimits
from proxy.limits.gcra import Quota
from proxy.limits.memory import MemoryLimiter
from proxy.metrics import Metrics
from proxy.observer import Observer
from proxy.outbound import Outbound
from proxy.payload.oversize import LIMITS
from proxy.pipeline import common_head
from proxy.policy.compile import NO_KEY, Policy, compile_policy
from proxy.policy.inventory import Inventory
from proxy.policy.model import UNKEYED
from proxy.process import keep_memory_private, raise_file_limit, settle_garbage_collector
from proxy.rules import Rules
from proxy.slices import Slices
from proxy.tasks import Tasks

TICK_SECONDS = 0.1
BACKLOG = 1024
# How long the last answers may take to be sent once the drain is over.
CLOSE_SECONDS = 1.0


class Sidecar:
    """One running sidecar: built from a configuration and the secrets it refers to, started and stopped once."""

    def __init__(
        self,
        config: Config,
        providers: Mapping[Kind, Provider],
        log: FilteringBoundLogger,
        out: TextIO,
        clock: Clock,
    ) -> None:
        """Build everything that touches neither a socket nor the event loop, nor a store beyond this machine.

        Raises:
            ConfigError: the parts do not fit together, or a secret that is kept on this machine cannot be used.
        """
        self._config = config
        self._providers = providers
        self._log = log
        self._out = out
        self._clock = clock
        self._secrets = resolve(config, providers, LOCAL, awaiting=True)
        self.registry = CollectorRegistry()
        self._metrics = Metrics(self.registry, __version__)
        ProcessCollector(registry=self.registry)
        GCCollector(registry=self.registry)
        self._observer = Observer(self._metrics, log, clock)
        self._ready = False
        self._stopping = asyncio.Event()
        self._hurrying = asyncio.Event()
        self._hosts = Hosts(config.hosts)
        self._rules = self._built_rules()
        self._upstream_tls = upstream_contexts(config)
        self._listener_tls = listener_context(config)

    def _built_rules(self) -> Rules:
        """Return the rules of the proxied path, with what is known of the secrets they need."""
        config, secrets = self._config, self._secrets
        hash_key = NO_KEY if HASH_KEY in secrets.unread else secrets.hash_key
        policy = compile_policy(config.policy, ENDPOINTS, hash_key)
        rules = Rules(
            table=Table(ENDPOINTS, unknown=config.outbound.unknown_endpoints),
            policy=policy,
            callers=secrets.callers,
            heads={upstream: common_head(config.upstream(upstream).origin.authority) for upstream in Upstream},
            body_bytes=config.outbound.limits.body_bytes,
            large_body_bytes=config.outbound.limits.large_body_bytes,
            depth=config.outbound.limits.depth,
            inventory=self._inventory(policy),
            hosts=self._hosts,
        )
        for hit in rules.policy.hits:
            self._metrics.pii_actions.expect(*hit.labels)  # a counter that begins with its first hit hides it from `rate`
        for endpoint, limits in LIMITS.items():
            for limit in limits.names:
                self._metrics.vendor_limits.expect(endpoint, limit, config.policy.vendor_limits)
        return rules

    def _inventory(self, policy: Policy) -> Inventory | None:
        section = self._config.policy.inventory
        if section is None:
            return None
        known = frozenset() if section.known is None else known_fields(section.known)
        self._observer.inventory_kept(endpoint.name for endpoint in (*ENDPOINTS, *UNKNOWN.values()))
        told = self._observer.field_is_new, self._observer.field_unrecorded
        inventory = Inventory(self._clock.wall, *told, known, policy.inventory_scanner)
        self._metrics.inventory_fields.read = lambda: {(): inventory.fields}
        return inventory

    async def run(self) -> None:
        """Serve until `stop` is called, then drain."""
        config = self._config
        async with AsyncExitStack() as stack:
            tasks = Tasks(self._observer.crashed)
            stack.push_async_callback(tasks.cancel)

            supply = Supply(config, self._providers, self._secrets.versions, self._observer, self._clock)

            # 1. The operator's port first, so that a start can be watched.
            await self._listen_admin(stack, supply.keyring.status)

            # 2. Secrets beyond this machine that nothing can be decided without: until they are read.
            if self._secrets.unread:
                self._secrets = await supply.secrets()
                self._rules = self._built_rules()

            # 3. What requests need: credentials, connections to Customer.io and the path to them.
            await supply.start(stack, tasks.spawn, self._upstream_tls)
            cork = Cork(asyncio.get_running_loop().call_soon)
            pools = {upstream: self._pool(upstream, cork) for upstream in Upstream}
            for pool in pools.values():
                stack.callback(pool.close)
            sender = Sender(
                connections=pools,
                limiter=_limiter(config, self._clock),
                keys=supply.keyring,
                timeouts=Timeouts(config.delivery.timeouts.attempt_seconds, config.delivery.timeouts.total_seconds),
                inflight_bytes=config.outbound.limits.inflight_bytes,
                observer=self._observer,
                clock=self._clock,
                spawn=tasks.spawn,
            )
            self._metrics.credential_staleness.read = supply.staleness
            self._metrics.credential_version_age.read = supply.version_age
            self._metrics.inflight.read = lambda: {(): len(sender.active)}
            slices = Slices(asyncio.get_running_loop().call_soon)
            outbound = Outbound(self._rules, sender, self._observer, self._clock, slices)
            server = Server(outbound, _server_limits(config), self._clock, cork)
            tasks.spawn(self._tick(sender.tick, server.tick, supply.keyring.tick, *(pool.tick for pool in pools.values())))

            # 4. The applications' ports; ready once every credential was read.
            listeners = await self._listen(server)
            self._warn()
            settle_garbage_collector()
            tasks.spawn(self._become_ready(supply))
            await self._stopping.wait()

            # 5. Stop: unready, but accepting for those who have not noticed yet.
            self._ready = False
            drain = config.outbound.drain
            await _until(self._hurrying, drain.accept_seconds)

            # 6. Accept nothing new; every answer now ends its connection.
            for listener in listeners:
                listener.close()
            server.drain()

            # 7. Let what is on its way finish, within bounds.
            finishing = tasks.spawn(self._finish(server))
            await _until(self._hurrying, drain.finish_seconds)
            finishing.cancel()
            if server.busy:
                self._log.warning("drain_cut_short", requests=server.busy)
            server.shut_down()
            await _until(server.empty, CLOSE_SECONDS)
            server.cut_off()

        # 8. The stack closes the admin port, the pools and the tasks, in that order.

    def _pool(self, upstream: Upstream, cork: Cork) -> Pool:
        return Pool(
            self._config.upstream(upstream).origin,
            self._upstream_tls[upstream],
            clock=self._clock,
            cork=cork,
            connections=self._config.delivery.connections,
            connect_seconds=self._config.delivery.timeouts.connect_seconds,
            unreachable=lambda error: self._observer.unreachable(upstream.value, error),
        )

    async def _become_ready(self, supply: Supply) -> None:
        await supply.filled()
        if not self._stopping.is_set():
            self._ready = True
            self._say({"event": "ready"})

    def _warn(self) -> None:
        """Log what works and should be mended all the same."""
        for path in self._secrets.weak:
            self._log.warning("weak_secret", path=path)
        section = self._config.policy.hash
        if section is not None and section.key is None:
            self._log.warning("unkeyed_hashes", path="policy.hash", problem=UNKEYED)

    def stop(self) -> None:
        """Begin to drain; a second call cuts the drain short."""
        if self._stopping.is_set():
            self._hurrying.set()
        self._stopping.set()

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

    async def _listen(self, server: Server) -> list[asyncio.Server]:
        outbound = self._config.outbound
        loop = asyncio.get_running_loop()
        with _binding("outbound.port"):
            plain = await loop.create_server(lambda: CallerConnection(server), outbound.host, outbound.port, backlog=BACKLOG)
        self._say_listening("outbound", plain)
        if outbound.tls is None:
            return [plain]
        with _binding("outbound.tls.port"):
            secure = await loop.create_server(
                lambda: CallerConnection(server),
                outbound.host,
                outbound.tls.port,
                ssl=self._listener_tls,
                ssl_handshake_timeout=outbound.limits.head_seconds,
                backlog=BACKLOG,
            )
        self._say_listening("outbound_tls", secure)
        return [plain, secure]

    async def _listen_admin(self, stack: AsyncExitStack, status: Callable[[], Iterator[KeyStatus]]) -> None:
        admin = self._config.admin
        token = None if admin.token is None else lambda: self._secrets.admin_token
        pages = build_admin(self.registry, lambda: self._ready, token, status, lambda: self._rules.inventory, hosts=self._hosts)
        with _binding("admin.port"):
            host, port = await stack.enter_async_context(serving(pages, admin.host, admin.port))
        self._say({"event": "listening", "listener": "admin", "host": host, "port": port})

    def _say_listening(self, name: str, listener: asyncio.Server) -> None:
        host, port = listener.sockets[0].getsockname()[:2]
        self._say({"event": "listening", "listener": name, "host": host, "port": port})

    def _say(self, event: dict[str, str | int]) -> None:
        at = datetime.fromtimestamp(self._clock.wall(), UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")
        self._out.write(orjson.dumps({**event, "level": "info", "timestamp": at}).decode() + "\n")
        self._out.flush()


def run(config: Config, providers: Mapping[Kind, Provider], strangers: Sequence[str] = ()) -> int:
    """Run a sidecar until SIGTERM or SIGINT has drained it; return the process's exit code.

    `strangers` names variables that look like ours and set nothing: the log warns of them.

    Raises:
        ConfigError: the configuration cannot be served, or an address cannot be listened on.
    """
    log = logs.logger(config.logs.level, config.logs.format)
    logs.take_over(log)
    raise_file_limit()
    if not keep_memory_private():
        log.warning("memory_not_private")
    for name in strangers:
        log.warning("unknown_variable", reference=name, problem="it begins like a setting and sets no key")

    async def serve() -> None:
        sidecar = Sidecar(config, providers, log, sys.stdout, SystemClock())
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, sidecar.stop)
        await sidecar.run()

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


def _limiter(config: Config, clock: Clock) -> MemoryLimiter:
    limits = config.limits
    quotas = {
        bucket: Quota(limits.buckets.of(bucket).rate_per_second, limits.buckets.of(bucket).burst).share(limits.replicas)
        for bucket in Bucket
    }
    return MemoryLimiter(quotas, limits.wait_seconds, clock, asyncio.get_running_loop().call_later)


def _server_limits(config: Config) -> ServerLimits:
    limits = config.outbound.limits
    return ServerLimits(
        head_bytes=limits.head_bytes,
        header_count=limits.header_count,
        connections=limits.connections,
        inflight_bytes=limits.inflight_bytes,
        head_seconds=limits.head_seconds,
        body_seconds=limits.body_seconds,
        idle_seconds=limits.idle_seconds,
    )
