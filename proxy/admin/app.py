"""The operator's port: liveness, readiness and metrics. None of them needs a token; nothing here shows a secret."""

from collections.abc import Callable

from aiohttp import web
from prometheus_client import CollectorRegistry
from prometheus_client.exposition import choose_encoder

from proxy.errors import Answer, error_body

_NOT_READY = Answer(503, "The sidecar is not ready.")


def build(registry: CollectorRegistry, ready: Callable[[], bool]) -> web.Application:
    """Return the application; `ready` says whether traffic should come."""

    async def healthz(_: web.Request) -> web.Response:
        # Alive means that the event loop turns. Customer.io or a secret store being down is no reason to restart.
        return web.json_response({"status": "ok"})

    async def readyz(_: web.Request) -> web.Response:
        if ready():
            return web.json_response({"status": "ready"})
        return web.json_response(body=error_body("not_ready", _NOT_READY), status=_NOT_READY.status)

    async def metrics(request: web.Request) -> web.Response:
        encode, content_type = choose_encoder(request.headers.get("Accept", ""))
        return web.Response(body=encode(registry), headers={"Content-Type": content_type})

    app = web.Application(middlewares=[_json_errors])
    app.router.add_get("/healthz", healthz)
    app.router.add_get("/readyz", readyz)
    app.router.add_get("/metrics", metrics)
    return app


@web.middleware
async def _json_errors(request: web.Request, handler: Callable[[web.Request], web.StreamResponse]) -> web.StreamResponse:
    """Answer the framework's own errors in our JSON shape."""
    try:
        return await handler(request)  # type: ignore[misc]  # aiohttp types a handler as not awaitable here
    except web.HTTPException as error:
        code = (error.reason or "error").lower().replace(" ", "_")
        body = error_body(code, Answer(error.status, error.reason or "Error"))
        return web.Response(body=body, status=error.status, content_type="application/json")
