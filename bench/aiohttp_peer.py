"""The proxy one would write with aiohttp: its low-level server, one shared client session, the same policy code."""

import asyncio
import sys

import aiohttp
import uvloop
from aiohttp import web

from bench import work
from bench.place import Place
from bench.redaction import redaction


async def serve(place: Place) -> None:
    """Proxy until killed."""
    redacted = redaction()
    session = aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0), auto_decompress=False)

    async def handle(request: web.BaseRequest) -> web.Response:
        target, body = redacted(request.method, request.path_qs.encode(), await request.read())
        async with session.request(
            request.method,
            f"http://127.0.0.1:{place.upstream}{target}",
            data=body,
            headers={"Authorization": work.INJECTED, "Content-Type": "application/json"},
            allow_redirects=False,
        ) as answer:
            return web.Response(body=await answer.read(), status=answer.status, content_type="application/json")

    runner = web.ServerRunner(web.Server(handle, access_log=None))
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", place.port, backlog=1024, ssl_context=place.server_context()).start()
    await asyncio.Event().wait()


if __name__ == "__main__":
    uvloop.run(serve(Place.of(sys.argv[1:])))
