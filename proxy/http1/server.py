"""What the connections of the outbound listeners share: limits, deadlines, drain, and the ports to the flow behind them."""

import asyncio
from dataclasses import dataclass
from typing import Protocol

from proxy.clock import Clock
from proxy.errors import Reason
from proxy.exchange import Admission, Caller, RequestHead
from proxy.http1 import heads
from proxy.http1.cork import Cork
from proxy.http1.known import Known, KnownHead


@dataclass(frozen=True, slots=True)
class ServerLimits:
    """Bounds of the listeners: bytes, counts and seconds."""

    head_bytes: int
    header_count: int
    connections: int
    inflight_bytes: int
    head_seconds: float
    body_seconds: float
    idle_seconds: float


class Exchange(Protocol):
    """A request on its way; the connection it came on tells it what happens there."""

    def cancel(self) -> None:
        """Stop: the caller is gone."""

    def shut_down(self) -> None:
        """Stop and answer: the sidecar ends."""

    def pause(self) -> None:
        """Send no more of the answer for now."""

    def resume(self) -> None:
        """Send on."""


class Handler(Protocol):
    """What is done with requests. None of these blocks."""

    def admit(self, head: RequestHead) -> Admission:
        """Accept a request by its head.

        Raises:
            RefusedError: it is not let in.
        """

    def deliver(self, admission: Admission, body: bytes, caller: Caller) -> Exchange | None:
        """Send an accepted request on; it answers through `caller`, now (None) or later."""

    def refused(self, reason: Reason, admission: Admission | None, head: RequestHead | None = None) -> None:
        """Take note of a refusal that the server answers by itself; `head` is of a request that was not let in."""


class Connection(Protocol):
    """One accepted connection, as the server sees it."""

    deadline: float

    @property
    def busy(self) -> bool:
        """Whether a request is in it, read or being answered."""

    def expire(self) -> None:
        """Act on a deadline that has passed."""

    def close(self) -> None:
        """Close once everything written has been sent."""

    def shut_down(self) -> None:
        """Answer what waits, then close."""


class Server:
    """Every connection of the outbound listeners, and what they share."""

    def __init__(self, handler: Handler, limits: ServerLimits, clock: Clock, cork: Cork) -> None:
        """Serve requests to `handler`."""
        self.handler = handler
        self.limits = limits
        self.clock = clock
        self.cork = cork
        self.known: Known[KnownHead] = Known()
        self.connections: set[Connection] = set()
        self.held_bytes = 0  # of requests, from the first read of one until it is answered
        self.draining = False
        self.empty = asyncio.Event()  # set once a drained server has no connection left
        self.date = heads.date(clock.wall())

    def tick(self) -> None:
        """Enforce deadlines; call it a few times a second."""
        self.date = heads.date(self.clock.wall())
        now = self.clock.monotonic()
        for connection in [connection for connection in self.connections if connection.deadline < now]:
            connection.expire()

    def hold(self, size: int) -> bool:
        """Count `size` bytes as held, if there is room for them; say whether there is."""
        held = self.held_bytes + size
        if held > self.limits.inflight_bytes:
            return False
        self.held_bytes = held
        return True

    def let_go(self, size: int) -> None:
        """Count `size` bytes as held no more."""
        self.held_bytes -= size

    def lost(self, connection: Connection) -> None:
        """Forget a connection that is gone."""
        self.connections.discard(connection)
        if self.draining and not self.connections:
            self.empty.set()

    @property
    def busy(self) -> int:
        """The number of connections with a request in them."""
        return sum(connection.busy for connection in self.connections)

    def drain(self) -> None:
        """Close idle connections now and every other one after the answer it waits for."""
        self.draining = True
        if not self.connections:
            self.empty.set()
        for connection in tuple(self.connections):
            if not connection.busy:
                connection.close()

    def shut_down(self) -> None:
        """Answer whatever still waits with `shutting_down`, then close."""
        for connection in tuple(self.connections):
            connection.shut_down()

    def cut_off(self) -> None:
        """End the connections whose other side did not close in time; call it after `shut_down`."""
        for connection in tuple(self.connections):
            connection.expire()
