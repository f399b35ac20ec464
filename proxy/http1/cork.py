"""Sends what one turn of the event loop writes in one go, at the end of the turn.

A write wakes its reader. Made between the work on one request and the next, each write finds its reader asleep and pays for
waking it; made together, the first wakes it and the others find it awake. That is worth a third of all requests
(docs/performance.md).
"""

import asyncio
from collections.abc import Callable
from typing import cast


class Cork:
    """The transports with something to send at the end of this turn."""

    __slots__ = ("_call_soon", "_waiting")

    def __init__(self, call_soon: Callable[[Callable[[], None]], object]) -> None:
        """Flush by `call_soon`, the event loop's."""
        self._call_soon = call_soon
        self._waiting: list[CorkedTransport] = []

    def add(self, transport: "CorkedTransport") -> None:
        """Flush `transport` at the end of this turn."""
        self._waiting.append(transport)
        if len(self._waiting) == 1:
            self._call_soon(self._flush)

    def _flush(self) -> None:
        waiting, self._waiting = self._waiting, []
        for transport in waiting:
            transport.flush()


class CorkedTransport:
    """A stream transport whose writes wait for the end of the turn; whatever else is asked of it is done in their order."""

    __slots__ = (
        "_cork",
        "_pending",
        "_transport",
        "can_write_eof",
        "get_extra_info",
        "is_closing",
        "pause_reading",
        "resume_reading",
        "unsent",
    )

    def __init__(self, transport: asyncio.BaseTransport, cork: Cork) -> None:
        """Write to `transport`."""
        stream = cast("asyncio.Transport", transport)  # uvloop's transports have its methods, not its class
        self._transport = stream
        self._cork = cork
        self._pending: list[bytes] = []
        self.unsent = False  # whether nothing of what was written last is on its way
        self.can_write_eof = stream.can_write_eof
        self.get_extra_info = stream.get_extra_info
        self.is_closing = stream.is_closing
        self.pause_reading = stream.pause_reading
        self.resume_reading = stream.resume_reading

    def set_write_buffer_limits(self, high_bytes: int) -> None:
        """Have the protocol hold back above `high_bytes`."""
        self._transport.set_write_buffer_limits(high_bytes)

    def write(self, data: bytes) -> None:
        """Send `data` at the end of the turn."""
        pending = self._pending
        pending.append(data)
        if len(pending) == 1:
            self.unsent = True
            self._cork.add(self)

    def flush(self) -> None:
        """Send what is pending now."""
        pending = self._pending
        if pending:
            self._pending = []
            self._transport.write(pending[0] if len(pending) == 1 else b"".join(pending))
            self.unsent = self._transport.is_closing()  # the very first write failed

    def get_write_buffer_size(self) -> int:
        """Return how many bytes have not been given to the operating system yet."""
        return sum(map(len, self._pending)) + self._transport.get_write_buffer_size()

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
