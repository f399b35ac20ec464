"""Sends what one turn of the event loop writes in one go, at the end of the turn.

A write wakes its reader. Written one by one, between the work on one request and the next, each write finds its reader asleep
and pays for waking it; written together, the first wakes it and the others find it awake. On loopback and between two busy
processes this is worth a third of all requests (docs/performance.md).
"""

import asyncio
from collections.abc import Callable


class Cork:
    """The transports with something to send at the end of this turn."""

    __slots__ = ("_call_soon", "_waiting")

    def __init__(self, call_soon: Callable[[Callable[[], None]], object]) -> None:
        """Flush by `call_soon`, the event loop's."""
        self._call_soon = call_soon
        self._waiting: list[CorkedTransport] = []

    def add(self, transport: "CorkedTransport") -> None:
        """Flush `transport` at the end of this turn."""
        if not self._waiting:
            self._call_soon(self._flush)
        self._waiting.append(transport)

    def _flush(self) -> None:
        waiting, self._waiting = self._waiting, []
        for transport in waiting:
            transport.flush()


class CorkedTransport:
    """A stream transport whose writes wait for the end of the turn; whatever else is asked of it is done in order."""

    __slots__ = ("_cork", "_pending", "_transport", "is_closing", "pause_reading", "resume_reading")

    def __init__(self, transport: asyncio.Transport, cork: Cork) -> None:
        """Write to `transport`."""
        self._transport = transport
        self._cork = cork
        self._pending: list[bytes] = []
        self.is_closing = transport.is_closing
        self.pause_reading = transport.pause_reading
        self.resume_reading = transport.resume_reading

    def write(self, data: bytes) -> None:
        """Send `data` at the end of the turn."""
        pending = self._pending
        if not pending:
            self._cork.add(self)
        pending.append(data)

    def flush(self) -> None:
        """Send what is pending now."""
        pending = self._pending
        if pending:
            self._pending = []
            self._transport.write(pending[0] if len(pending) == 1 else b"".join(pending))

    @property
    def unsent_bytes(self) -> int:
        """What has not been given to the operating system yet."""
        return sum(map(len, self._pending)) + self._transport.get_write_buffer_size()

    def can_write_eof(self) -> bool:
        """Say whether the sending side can be closed by itself."""
        return self._transport.can_write_eof()

    def write_eof(self) -> None:
        """Close the sending side behind what was written."""
        self.flush()
        self._transport.write_eof()

    def close(self) -> None:
        """Close behind what was written."""
        self.flush()
        self._transport.close()

    def abort(self) -> None:
        """Close at once; what is pending is dropped."""
        self._pending = []
        self._transport.abort()
