"""The state that all connections of the outbound listeners share: limits, deadlines, drain, and the request handler."""

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
    """Limits of the listeners, in bytes, counts and seconds (docs/configuration.md, `outbound.limits`)."""

    head_bytes: int
    header_count: int
    connections: int
    inflight_bytes: int
    head_seconds: float
    body_seconds: float
    idle_seconds: float


class Exchange(Protocol):
    """A request that is being forwarded. The caller's connection reports its own events to it."""

    def cancel(self) -> None:
        """Stop, because the caller is gone."""

    def shut_down(self) -> None:
        """Stop and answer, because the sidecar is shutting down."""

    def pause(self) -> None:
        """Stop sending the answer until `resume`."""

    def resume(self) -> None:
        """Continue to send the answer."""


class Handler(Protocol):
    """Decides on requests and forwards them. No method blocks."""

    def admit(self, head: RequestHead) -> Admission:
        """Accept a request by its head.

        Raises:
            RefusedError: the request is refused.
        """

    def deliver(self, admission: Admission, body: bytes, caller: Caller) -> Exchange | None:
        """Forward an accepted request. It answers through `caller`: before this returns (None), or later."""

    def refused(self, reason: Reason, admission: Admission | None, head: RequestHead | None = None) -> None:
        """Take note of a refusal that the server answers by itself; `head` is of a request that was not let in."""


class Connection(Protocol):
    """One accepted connection, as the server sees it."""

    deadline: float

    @property
    def busy(self) -> bool:
        """Whether a request is being read or answered."""

    def expire(self) -> None:
        """Answer or close, because `deadline` has passed."""

    def close(self) -> None:
        """Close after all written bytes have been sent."""

    def shut_down(self) -> None:
        """Answer the waiting request, then close."""


class Server:
    """All connections of the outbound listeners, and their shared state."""

    def __init__(self, handler: Handler, limits: ServerLimits, clock: Clock, cork: Cork) -> None:
        """Pass requests to `handler`."""
        self.handler = handler
        self.limits = limits
        self.clock = clock
        self.cork = cork
        self.known: Known[KnownHead] = Known()
        self.connections: set[Connection] = set()
        self.held_bytes = 0  # of all requests, each from its first byte until it is answered
        self.draining = False
        self.empty = asyncio.Event()  # set when the server is draining and has no connection left
        self.date = heads.date(clock.wall())

    def tick(self) -> None:
        """Enforce deadlines. Call it a few times a second."""
        self.date = heads.date(self.clock.wall())
        now = self.clock.monotonic()
        for connection in [connection for connection in self.connections if connection.deadline < now]:
            connection.expire()

    def hold(self, size: int) -> bool:
        """Count `size` bytes as held, and return True; return False if they would exceed `inflight_bytes`."""
        held = self.held_bytes + size
        if held > self.limits.inflight_bytes:
            return False
        self.held_bytes = held
        return True

    def let_go(self, size: int) -> None:
        """Stop counting `size` bytes as held."""
        self.held_bytes -= size

    def lost(self, connection: Connection) -> None:
        """Forget a connection that is closed."""
        self.connections.discard(connection)
        if self.draining and not self.connections:
            self.empty.set()

    @property
    def busy(self) -> int:
        """The number of connections on which a request is being read or answered."""
        return sum(connection.busy for connection in self.connections)

    def drain(self) -> None:
        """Close idle connections now, and each other connection after its current answer."""
        self.draining = True
        if not self.connections:
            self.empty.set()
        for connection in tuple(self.connections):
            if not connection.busy:
                connection.close()

    def shut_down(self) -> None:
        """Answer every waiting request with `shutting_down`, then close all connections."""
        for connection in tuple(self.connections):
            connection.shut_down()

    def cut_off(self) -> None:
        """End the connections that the callers did not close in time. Call it after `shut_down`."""
        for connection in tuple(self.connections):
            connection.expire()
