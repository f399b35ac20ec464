"""The proxy one would write with aiohttp: its low-level server, one shared client session, the same policy code.

Usage: `python -m bench.aiohttp_peer UPSTREAM_PORT POLICY_FILE`; prints its port.
"""

import asyncio
import base64
import sys
from pathlib import Path

import aiohttp
import orjson
import uvloop
import yaml
from aiohttp import web

from proxy.api.endpoints import ENDPOINTS
from proxy.api.match import Table
from proxy.policy.compile import compile_policy
from proxy.policy.model import PolicyDocument
from proxy.sensitive import Sensitive

AUTHORIZATION = "Basic " + base64.b64encode(b"bench-site:bench-api-key").decode()


async def serve(upstream_port: int, policy_text: str) -> None:
    """Proxy to `upstream_port` until killed."""
    document = PolicyDocument.model_validate(yaml.safe_load(policy_text))
    policy = compile_policy(document, ENDPOINTS, Sensitive(b"bench-pepper-bench"))
    table = Table(ENDPOINTS)
    session = aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0), auto_decompress=False)

    async def handle(request: web.BaseRequest) -> web.Response:
        match = table.match(request.method, request.path_qs.encode())
        value, _ = policy.for_endpoint(match.endpoint.name).apply(orjson.loads(await request.read()))
        async with session.request(
            request.method,
            f"http://127.0.0.1:{upstream_port}{match.target.decode()}",
            data=orjson.dumps(value),
            headers={"Authorization": AUTHORIZATION, "Content-Type": "application/json"},
            allow_redirects=False,
        ) as answer:
            return web.Response(body=await answer.read(), status=answer.status, content_type="application/json")

    runner = web.ServerRunner(web.Server(handle, access_log=None))
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0, backlog=1024)
    await site.start()
    sys.stdout.write(f"{runner.addresses[0][1]}\n")
    sys.stdout.flush()
    await asyncio.Event().wait()


if __name__ == "__main__":
    uvloop.run(serve(int(sys.argv[1]), Path(sys.argv[2]).read_text()))
