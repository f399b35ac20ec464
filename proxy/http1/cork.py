"""Delays small writes to the end of the event loop's turn, and then sends them together.

A write wakes the reader on the other side. If each write is made between two requests, its reader is asleep every time, and
each write pays for waking it. If the writes are made together, the first one wakes the reader and the others find it awake.
This raises the request rate by about a third (docs/performance.md).

Only small writes wait: more than `WAITING_BYTES` of one connection are sent immediately. So a turn that reads much does not
hold much, and backpressure comes as early as without the delay.
"""

import asyncio
import socket
import struct
from collections.abc import Callable
from contextlib import suppress
from typing import Final, cast

WAITING_BYTES: Final = 65_536

_RESET = struct.pack("ii", 1, 0)  # SO_LINGER on, with zero seconds: closing sends a reset


class Cork:
    """The transports that have bytes to send at the end of this turn."""

    __slots__ = ("_call_soon", "_waiting")

    def __init__(self, call_soon: Callable[[Callable[[], None]], object]) -> None:
        """Schedule flushes with `call_soon` of the event loop."""
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
            except Exception:  # noqa: BLE001  # a fault of one transport must not stop the others
                transport.abort()


class CorkedTransport:
    """A stream transport whose writes wait for the end of the turn. Other calls keep their order with the writes."""

    __slots__ = ("_cork", "_pending", "_transport", "is_closing", "unsent")

    def __init__(self, transport: asyncio.BaseTransport, cork: Cork) -> None:
        """Wrap `transport`, and add it to `cork` when it has bytes to send."""
        stream = cast("asyncio.Transport", transport)  # uvloop's transports have its methods, not its class
        self._transport = stream
        self._cork = cork
        self._pending = b""
        self.is_closing = stream.is_closing
        self.unsent = False  # whether no byte of the last write has been sent

    def write(self, data: bytes) -> None:
        """Send `data` at the end of the turn, or immediately above `WAITING_BYTES`."""
        pending = self._pending
        self._pending = data = pending + data if pending else data
        if len(data) > WAITING_BYTES:
            self.flush()
        elif not pending:
            self.unsent = True
            self._cork.add(self)

    def flush(self) -> None:
        """Send all pending bytes now. If the transport is closing, drop them: a closed transport cannot take them."""
        data = self._pending
        if data:
            self._pending = b""
            if not self.is_closing():
                self._transport.write(data)
            self.unsent = self.is_closing()  # also true if this write failed and closed the transport

    def get_write_buffer_size(self) -> int:
        """Return the number of bytes that the operating system has not taken yet."""
        return len(self._pending) + self._transport.get_write_buffer_size()

    def set_write_buffer_limits(self, high_bytes: int) -> None:
        """Pause the protocol's writing above `high_bytes` of unsent bytes."""
        self._transport.set_write_buffer_limits(high_bytes)

    def pause_reading(self) -> None:
        """Stop reading until `resume_reading`."""
        self._transport.pause_reading()

    def resume_reading(self) -> None:
        """Start to read the socket again."""
        self._transport.resume_reading()

    def can_write_eof(self) -> bool:
        """Say whether the sending side can be closed alone: over TLS it cannot."""
        return self._transport.can_write_eof()

    def write_eof(self) -> None:
        """Send all written bytes, then close the sending side."""
        self.flush()
        self._transport.write_eof()

    def close(self) -> None:
        """Send all written bytes, then close."""
        self.flush()
        self._transport.close()

    def abort(self) -> None:
        """Close immediately and drop all pending bytes."""
        self._pending = b""
        self._transport.abort()

    def reset(self) -> None:
        """Abort with a reset: a cut answer must not look complete, and the system must not keep bytes that are never read."""
        sock = self._transport.get_extra_info("socket")
        if sock is not None:
            with suppress(OSError):  # on macOS this fails if the other side has closed already
                sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
        self.abort()
