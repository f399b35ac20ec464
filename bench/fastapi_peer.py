"""The proxy one would write with FastAPI: uvicorn on httptools and uvloop, one shared httpx client, the same policy code."""

import sys

import httpx  # type: ignore[import-not-found]  # in an environment of its own
import uvicorn  # type: ignore[import-not-found]  # in an environment of its own
from fastapi import FastAPI, Request, Response  # type: ignore[import-not-found]  # in an environment of its own

from bench import work
from bench.place import Place
from bench.redaction import redaction

# For each request httpx looks at each connection that it holds: with eight it does twice what it does without a limit.
CONNECTIONS = 8
METHODS = ["DELETE", "GET", "PATCH", "POST", "PUT"]


def serve(place: Place) -> None:
    """Proxy until killed, in one worker."""
    redacted = redaction()
    client = httpx.AsyncClient(
        base_url=f"http://127.0.0.1:{place.upstream}",
        headers={"Authorization": work.INJECTED, "Content-Type": "application/json"},
        limits=httpx.Limits(max_connections=CONNECTIONS),
        trust_env=False,
    )

    async def handle(request: Request) -> Response:
        asked = request.scope["raw_path"] + (b"?" + query if (query := request.scope["query_string"]) else b"")
        target, body = redacted(request.method, asked, await request.body())
        answer = await client.request(request.method, target, content=body)
        return Response(answer.content, answer.status_code, media_type="application/json")

    application = FastAPI(openapi_url=None)
    application.add_api_route("/{path:path}", handle, methods=METHODS)
    certificate, key = place.certificate or (None, None)
    uvicorn.run(
        application, host="127.0.0.1", port=place.port, http="httptools", loop="uvloop", access_log=False, log_level="warning",
        ssl_certfile=certificate, ssl_keyfile=key,
    )  # fmt: skip


if __name__ == "__main__":
    serve(Place.of(sys.argv[1:]))
