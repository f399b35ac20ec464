"""The connections to one origin. Idle ones are kept for reuse, and the number of all connections is bounded.

A pool dials only the host and port it was built for (promise G10). The newest idle connection is used first. The others grow
old and are closed here, before the far end closes them while a request is under way.
"""

import asyncio
import ssl
from collections.abc import Callable

from proxy.clock import Clock
from proxy.config.origin import Origin
from proxy.delivery.ports import Connections
from proxy.errors import Reason, RefusedError
from proxy.http1.cork import Cork
from proxy.http1.known import Known, KnownAnswer
from proxy.http1.upstream import Owner, UpstreamConnection

# Shorter than the idle timeouts of common load balancers (60 s and more), so that we close first.
MAX_IDLE_SECONDS = 30.0
# A connection is replaced after this time, so that DNS changes take effect.
MAX_AGE_SECONDS = 600.0


class Pool(Connections, Owner):
    """Connections to one origin. Open it inside a running event loop; `close` it when done."""

    def __init__(
        self,
        origin: Origin,
        tls: ssl.SSLContext | None,
        *,
        clock: Clock,
        cork: Cork,
        connections: int,
        connect_seconds: float,
        unreachable: Callable[[BaseException], None],
    ) -> None:
        """Dial `origin`, with `tls` if that is given. TCP and TLS together may take `connect_seconds`.

        At most `connections` connections are open at a time.

        `unreachable` is called with the reason when a connection could not be made.
        """
        self._origin = origin
        self._tls = tls
        self._clock = clock
        self.cork = cork
        self.known: Known[KnownAnswer] = Known()
        self._connections = connections
        self._connect_seconds = connect_seconds
        self._unreachable = unreachable
        self._idle: dict[UpstreamConnection, None] = {}  # the longest idle one first
        self._open: set[UpstreamConnection] = set()
        self._dialling = 0
        self._closed = False

    def change(self, connections: int, connect_seconds: float) -> None:
        """Have other bounds from now on; what is open stays open."""
        self._connections = connections
        self._connect_seconds = connect_seconds

    def take(self) -> UpstreamConnection | None:
        """Return an idle connection that is still usable, or None."""
        idle = self._idle
        while idle:
            connection, _ = idle.popitem()
            now = self._clock.monotonic()
            if (
                connection.usable
                and now - connection.released_at <= MAX_IDLE_SECONDS
                and now - connection.opened_at <= MAX_AGE_SECONDS
            ):
                return connection
            connection.close()
        return None

    async def connect(self) -> UpstreamConnection:
        """Dial a new connection.

        Raises:
            RefusedError: `upstream_unreachable` (connection refused, timeout, or certificate not trusted), or `overloaded`
                (the pool is full or closed).
        """
        if self._closed or len(self._open) + self._dialling >= self._connections:
            raise RefusedError(Reason.OVERLOADED)
        origin = self._origin
        self._dialling += 1
        try:
            async with asyncio.timeout(self._connect_seconds):
                _, connection = await asyncio.get_running_loop().create_connection(
                    lambda: UpstreamConnection(self, self._clock.monotonic()),
                    origin.host,
                    origin.port,
                    ssl=self._tls,
                    server_hostname=origin.host if self._tls else None,
                    # Closing waits for the far end's close_notify, which some servers never send.
                    ssl_shutdown_timeout=self._connect_seconds if self._tls else None,
                )
        except (OSError, ValueError) as error:  # includes SSLError, TimeoutError and names that cannot be resolved
            self._unreachable(error)
            raise RefusedError(Reason.UPSTREAM_UNREACHABLE) from error
        finally:
            self._dialling -= 1
        return connection

    def tick(self) -> None:
        """Close connections that have been idle too long. Call it about every second.

        A connection past its age limit is never taken again, so it also becomes idle for too long.
        """
        now = self._clock.monotonic()
        idle = self._idle
        while idle:
            connection = next(iter(idle))
            if now - connection.released_at <= MAX_IDLE_SECONDS:
                break
            del idle[connection]
            connection.close()

    def close(self) -> None:
        """Close every connection immediately, idle or not."""
        self._closed = True
        for connection in tuple(self._open):
            connection.abandon()
        self._idle.clear()

    def opened(self, connection: UpstreamConnection) -> None:
        """Count a new connection."""
        self._open.add(connection)
        if self._closed:  # closed while this connection was dialled
            connection.abandon()

    def released(self, connection: UpstreamConnection) -> None:
        """Keep a connection for the next request; its last answer was read to the end."""
        if self._closed:
            connection.close()
            return
        connection.released_at = self._clock.monotonic()
        self._idle[connection] = None

    def closed(self, connection: UpstreamConnection) -> None:
        """Forget a connection that is closed."""
        self._open.discard(connection)
        self._idle.pop(connection, None)
