"""An upstream that costs next to nothing: answers `200 {}` to whatever comes, as fast as Python can.

It does not parse HTTP beyond what it takes to find the end of a request; the proxies measured against it send well-formed
requests with a Content-Length, one at a time. `GET /last` gives back the request before it, once, so that a run can look at
what arrived.
"""

import asyncio
import re
import sys
from typing import cast

import uvloop

from bench.place import Place

LAST = b"GET /last "
SMALL_BYTES = 2048
ANSWER = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{}"
_LENGTH = re.compile(rb"content-length: *(\d+)", re.IGNORECASE)


class Sink(asyncio.Protocol):
    """One connection."""

    last = b""  # the newest request of all connections; empty once it was asked for

    def __init__(self) -> None:
        """Begin with nothing read."""
        self._buffer = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the transport."""
        self._transport = cast("asyncio.Transport", transport)  # uvloop's transports have its methods, not its class

    def data_received(self, data: bytes) -> None:
        """Answer every whole request."""
        if data.startswith(LAST):
            last, Sink.last = Sink.last, b""
            self._transport.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%b" % (len(last), last))
            return
        if len(data) < SMALL_BYTES and data.endswith(b"}") and not self._buffer:
            # One small request, as proxies write one: whatever else is looked for is load on the core that measures.
            Sink.last = data
            self._transport.write(ANSWER)
            return
        whole = buffer = self._buffer + data if self._buffer else data
        answers = 0
        while (end := buffer.find(b"\r\n\r\n")) >= 0:
            length = _LENGTH.search(buffer, 0, end)
            total = end + 4 + (int(length[1]) if length else 0)
            if len(buffer) < total:
                break
            buffer = buffer[total:]
            answers += 1
        self._buffer = buffer
        if answers:
            Sink.last = whole
            self._transport.write(ANSWER * answers)


async def serve(place: Place) -> None:
    """Answer until killed."""
    loop = asyncio.get_running_loop()
    server = await loop.create_server(Sink, "127.0.0.1", place.port, backlog=1024, ssl=place.server_context())
    await server.serve_forever()


if __name__ == "__main__":
    uvloop.run(serve(Place.of(sys.argv[1:])))
