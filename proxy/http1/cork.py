"""Sends what one turn of the event loop writes in one go, at the end of the turn.

A write wakes its reader. Made between the work on one request and the next, each write finds its reader asleep and pays for
waking it; made together, the first wakes it and the others find it awake. That is worth a third of all requests
(docs/performance.md).

Only small writes wait: more than `WAITING_BYTES` of one connection are sent at once, so that a turn in which much is read does
not hold much, and backpressure comes as early as without a cork.
"""

import asyncio
import socket
import struct
from collections.abc import Callable
from contextlib import suppress
from typing import Final, cast

WAITING_BYTES: Final = 65_536

_RESET = struct.pack("ii", 1, 0)  # SO_LINGER on, for no time: closing sends a reset


class Cork:
    """The transports with something to send at the end of this turn."""

    __slots__ = ("_call_soon", "_waiting")

    def __init__(self, call_soon: Callable[[Callable[[], None]], object]) -> None:
        """Flush by `call_soon`, the event loop's."""
        self._call_soon = call_soon
        self._waiting: list[CorkedTransport] = []

    def add(self, transport: "CorkedTransport") -> None:
        """Flush `transport` at the end of this turn."""
        waiting = self._waiting
        waiting.append(transport)
        if len(waiting) == 1:
            self._call_soon(self._flush)

    def _flush(self) -> None:
        waiting, self._waiting = self._waiting, []
        for transport in waiting:
            try:
                transport.flush()
            except Exception:  # noqa: BLE001  # whatever keeps one from being written to, the others still wait
                transport.abort()


class CorkedTransport:
    """A stream transport whose writes wait for the end of the turn; whatever else is asked of it is done in their order."""

    __slots__ = ("_cork", "_pending", "_transport", "is_closing", "unsent")

    def __init__(self, transport: asyncio.BaseTransport, cork: Cork) -> None:
        """Write to `transport`."""
        stream = cast("asyncio.Transport", transport)  # uvloop's transports have its methods, not its class
        self._transport = stream
        self._cork = cork
        self._pending = b""
        self.is_closing = stream.is_closing
        self.unsent = False  # whether nothing of what was written last is on its way

    def write(self, data: bytes) -> None:
        """Send `data` at the end of the turn, or at once if it is much."""
        pending = self._pending
        self._pending = data = pending + data if pending else data
        if len(data) > WAITING_BYTES:
            self.flush()
        elif not pending:
            self.unsent = True
            self._cork.add(self)

    def flush(self) -> None:
        """Send what is pending now. To a transport that is closing nothing is written: one that is closed cannot take it."""
        data = self._pending
        if data:
            self._pending = b""
            if not self.is_closing():
                self._transport.write(data)
            self.unsent = self.is_closing()  # and if only now, the very first write failed

    def get_write_buffer_size(self) -> int:
        """Return how many bytes have not been given to the operating system yet."""
        return len(self._pending) + self._transport.get_write_buffer_size()

    def set_write_buffer_limits(self, high_bytes: int) -> None:
        """Have the protocol hold back above `high_bytes`."""
        self._transport.set_write_buffer_limits(high_bytes)

    def pause_reading(self) -> None:
        """Read no more for now."""
        self._transport.pause_reading()

    def resume_reading(self) -> None:
        """Read again."""
        self._transport.resume_reading()

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
        self._pending = b""
        self._transport.abort()

    def reset(self) -> None:
        """Abort with a reset: a cut answer must not be taken for a whole one, nor the system hold what nobody reads."""
        sock = self._transport.get_extra_info("socket")
        if sock is not None:
            with suppress(OSError):  # macOS: the other side was faster
                sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
        self.abort()
