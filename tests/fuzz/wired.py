"""The proxied path as it is, in one process and without a socket: caller's connection, pipeline, sender, upstream's connection.

Only the transports at both ends, the clock and the pool are the tests' own.
"""

import asyncio
from collections.abc import Callable, Coroutine, Mapping
from typing import Any, TypeVar

from prometheus_client import CollectorRegistry

from proxy.api.endpoints import ENDPOINTS
from proxy.api.match import Table
from proxy.api.model import Bucket, Upstream
from proxy.credentials.callers import Callers
from proxy.credentials.model import Authorization, TrackPair
from proxy.delivery.ports import Timeouts
from proxy.delivery.send import Sender
from proxy.http1.caller import CallerConnection
from proxy.http1.server import Server
from proxy.http1.upstream import UpstreamConnection
from proxy.limits.gcra import Quota
from proxy.limits.memory import MemoryLimiter
from proxy.metrics import Metrics
from proxy.observer import Observer
from proxy.outbound import Outbound
from proxy.pipeline import common_head
from proxy.policy.compile import compile_policy
from proxy.policy.model import PolicyDocument
from proxy.rules import Rules
from proxy.sensitive import Sensitive
from proxy.slices import Slices
from tests.fakes import FakeClock, Lines, Timers, keyring
from tests.fuzz.engine import Finding
from tests.unit.http1.fakes import AT_ONCE, LIMITS, FakeOwner, FakeTransport

T = TypeVar("T")

SITE, KEY = "51te-c4nary-0123456789", "k3y+c4nary/with>all~0123456789"
CALLER_KEY = "ca11er-c4nary-0123456789"
POLICY = {"version": 1, "vendor_limits": "enforce", "rules": [{"name": "never", "fields": ["ssn"], "action": "strip"}]}
RULES = Rules(
    table=Table(ENDPOINTS, unknown="inspect"),
    policy=compile_policy(PolicyDocument.model_validate(POLICY), ENDPOINTS, None),
    callers=Callers.of([("billing", Sensitive(CALLER_KEY))], frozenset()),
    heads={upstream: common_head(f"{upstream}.example") for upstream in Upstream},
    body_bytes=100_000,
    large_body_bytes=200_000,
    depth=50,
)
# More turns than any exchange of messages takes.
TURNS = 12
_RUNNER = asyncio.Runner()


def run(coroutine: Coroutine[Any, Any, T]) -> T:
    """Run a coroutine on the one event loop of all cases."""
    return _RUNNER.run(coroutine)


def key(text: str) -> Authorization:
    """Return the credential that every call carries."""
    return TrackPair(Sensitive(SITE), Sensitive(text)).authorization()


class _Pool:
    """Connections to Customer.io, each a new one, with the test at the other end."""

    def __init__(self) -> None:
        self.transports: list[FakeTransport] = []

    def take(self) -> UpstreamConnection:
        """See `Connections.take`."""
        transport, connection = FakeTransport(), UpstreamConnection(FakeOwner(AT_ONCE), 0.0)
        transport.connect(connection)
        self.transports.append(transport)
        return connection

    async def connect(self) -> UpstreamConnection:
        """See `Connections.connect`."""
        return self.take()


class Wired:
    """One caller's connection through the sidecar."""

    lines = Lines()
    observer = Observer(Metrics(CollectorRegistry(), "1.2.3"), lines.logger(), FakeClock())

    def __init__(self) -> None:
        """Connect."""
        self.clock = FakeClock()
        self.pool = _Pool()
        self.tasks: list[Coroutine[object, object, None]] = []
        self.sender = Sender(
            connections=dict.fromkeys(Upstream, self.pool),
            limiter=MemoryLimiter({bucket: Quota(1e6, 1e6) for bucket in Bucket}, 1, self.clock, Timers(self.clock).call_later),
            keys=keyring(self.clock, {slot: key(KEY) for slot in ("track", "app", "pipelines")}),
            inflight_bytes=1_000_000,
            timeouts=Timeouts(attempt_seconds=5, total_seconds=9),
            observer=self.observer,
            clock=self.clock,
            spawn=self._spawn,
        )
        slices = Slices(asyncio.get_running_loop().call_soon)
        outbound = Outbound(RULES, self.sender, self.observer, self.clock, slices)
        self.server = Server(outbound, LIMITS, self.clock, AT_ONCE)
        self.transport = FakeTransport()
        self.transport.connect(CallerConnection(self.server))

    def _spawn(self, coroutine: Coroutine[object, object, None]) -> None:
        try:
            coroutine.send(None)
        except StopIteration:
            return
        raise AssertionError("a task waits for what never comes")

    async def send(self, pieces: list[bytes], upstream: Callable[[FakeTransport], None]) -> bytes:
        """Send `pieces`, each in a read of its own; `upstream` answers each call; return all that comes back."""
        answered = 0
        for piece in [*pieces, b""]:
            if piece and self.transport.reading:
                self.transport.receive(piece)
            quiet = 0
            while quiet < TURNS:
                await asyncio.sleep(0)
                quiet += 1
                while answered < len(self.pool.transports):
                    answered += 1
                    upstream(self.pool.transports[answered - 1])
                    quiet = 0
                if piece and self.transport.reading:
                    break
        return self.transport.taken()

    async def end(self) -> bytes:
        """Let every deadline pass; return what comes. Nothing may be held, nor be on its way, afterwards."""
        if self.transport.reading:
            self.transport.end()
        for _ in range(3):
            for _ in range(TURNS):
                await asyncio.sleep(0)
            self.clock.advance(700)
            self.sender.tick()
            self.server.tick()
        told = self.transport.taken()
        if not self.transport.lost:
            self.transport.lose()
        for transport in self.pool.transports:
            if not transport.lost:
                transport.lose()
        for _ in range(TURNS):
            await asyncio.sleep(0)
        if self.server.held_bytes or self.sender.held_bytes or self.sender.active:
            raise Finding("something is held for a connection that has ended")
        return told


def documented(fields: Mapping[bytes, bytes], status: int) -> str:
    """Return what an answer says of itself.

    Raises:
        Finding: it says nothing that is documented.
    """
    told = fields.get(b"x-cio-sidecar", b"").decode()
    if told == "forwarded" or (told.startswith("refused; reason=") and status >= 400):
        return told
    raise Finding("an answer does not say where it comes from")
