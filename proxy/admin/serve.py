"""An aiohttp server for the few who may come: its connections are few and short, and its errors are ours.

* aiohttp answers what it cannot parse with text that quotes it; here every answer is JSON, and none holds a byte of a request.
* A connection carries one request and ends after `CONNECTION_SECONDS`, whatever its other side does (promise G11). Of more
  than `MAX_CONNECTIONS` the oldest is closed, so that idle ones never keep a probe out.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import cast

from aiohttp import HttpVersion10, HttpVersion11, web

from proxy.errors import Answer, error_body

MAX_CONNECTIONS = 64
# Longer than a scrape may take.
CONNECTION_SECONDS = 30.0
# What is still on its way of a request whose answer needs none of it.
LINGER_SECONDS = 1.0
SHUTDOWN_SECONDS = 1.0

# What becomes of a request that never reaches a page, or makes one fail, by its public code.
MALFORMED = "malformed_request", Answer(400, "The request is not well-formed HTTP.")
FAILED = "internal", Answer(500, "The sidecar could not make this page.")

_VERSIONS = (HttpVersion10, HttpVersion11)

Handle = Callable[[web.BaseRequest], Awaitable[web.StreamResponse]]


@asynccontextmanager
async def serving(handle: Handle, host: str, port: int) -> AsyncIterator[tuple[str, int]]:
    """Serve `handle` until the block ends; yield the host and port, of which port 0 picks a free one.

    Raises:
        OSError: the address cannot be listened on.
    """

    async def once(request: web.BaseRequest) -> web.StreamResponse:
        if request.version not in _VERSIONS and request.transport is not None:
            request.transport.abort()  # the parser takes others too, one of none for 0.9, and would answer in them
        response = await handle(request)
        response.force_close()
        return response

    runner = web.ServerRunner(_Server(once), shutdown_timeout=SHUTDOWN_SECONDS)
    await runner.setup()
    try:
        await web.TCPSite(runner, host, port).start()
        address = runner.addresses[0]
        yield address[0], address[1]
    finally:
        await runner.cleanup()


class _Server(web.Server):
    """Makes the protocol of each connection."""

    def __call__(self) -> web.RequestHandler:
        return _Connection(self)

    def make_room(self) -> None:
        """Close the oldest connection if there are too many."""
        connections = self.connections
        if len(connections) > MAX_CONNECTIONS and (transport := connections[0].transport) is not None:
            transport.abort()


class _Connection(web.RequestHandler):
    """One connection."""

    def __init__(self, server: _Server) -> None:
        self._server = server
        self._end: asyncio.TimerHandle | None = None
        super().__init__(
            server,
            loop=asyncio.get_running_loop(),
            access_log=None,  # type: ignore[arg-type]  # how aiohttp is told not to keep one
            lingering_time=LINGER_SECONDS,
        )

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)
        self._end = self._loop.call_later(CONNECTION_SECONDS, cast("asyncio.Transport", transport).abort)
        self._server.make_room()

    def connection_lost(self, exc: BaseException | None) -> None:
        if self._end is not None:
            self._end.cancel()
        super().connection_lost(exc)

    def handle_error(
        self,
        request: web.BaseRequest,
        status: int = 500,
        exc: BaseException | None = None,
        message: str | None = None,  # noqa: ARG002  # quotes the request
    ) -> web.StreamResponse:
        """Answer what could not be parsed (400), and what failed (500)."""
        code, answer = MALFORMED if status == MALFORMED[1].status else FAILED
        if answer is FAILED[1]:
            self.logger.error("a page failed", exc_info=exc)
        if request.writer.output_size > 0:
            raise ConnectionError("an answer has begun already")
        response = web.Response(status=answer.status, body=error_body(code, answer), content_type="application/json")
        response.force_close()
        return response
