"""The operator's pages."""

from collections.abc import Callable
from typing import Any

import orjson
import pytest
from aiohttp import web
from aiohttp.test_utils import make_mocked_request
from prometheus_client import CollectorRegistry
from prometheus_client.openmetrics.parser import text_string_to_metric_families as parse_openmetrics
from prometheus_client.parser import text_string_to_metric_families as parse_plain

from proxy.admin.app import build
from proxy.metrics import Metrics

OPENMETRICS = "application/openmetrics-text"
NAMES = {"cio_sidecar_build_info", "cio_sidecar_requests", "cio_sidecar_inflight"}


class Pages:
    """The pages over a registry, of a sidecar that may be ready."""

    def __init__(self) -> None:
        """Be ready."""
        registry = CollectorRegistry()
        Metrics(registry, "1.2.3")
        self.ready = True
        self._handle = build(registry, lambda: self.ready)

    async def get(self, path: str, method: str = "GET", accept: str = "") -> web.Response:
        """Return what is answered."""
        response = await self._handle(make_mocked_request(method, path, headers={"Accept": accept}))
        assert isinstance(response, web.Response)
        return response


def body(response: web.Response) -> Any:  # noqa: ANN401  # any JSON
    """Return the decoded body of a JSON answer."""
    assert response.content_type == "application/json"
    assert isinstance(response.body, bytes)
    return orjson.loads(response.body)


async def test_alive_is_all_that_liveness_says() -> None:
    """It does not depend on readiness: a sidecar that drains must not be restarted."""
    pages = Pages()
    pages.ready = False
    response = await pages.get("/healthz")
    assert (response.status, body(response)) == (200, {"status": "ok"})


async def test_readiness_follows_the_sidecar() -> None:
    """200 while traffic may come, 503 else, looked at each time."""
    pages = Pages()
    response = await pages.get("/readyz")
    assert (response.status, body(response)) == (200, {"status": "ready"})
    pages.ready = False
    response = await pages.get("/readyz")
    assert (response.status, body(response)["code"]) == (503, "not_ready")
    pages.ready = True
    assert (await pages.get("/readyz")).status == 200


@pytest.mark.parametrize(
    ("accept", "kind", "parse"),
    [
        ("", "text/plain", parse_plain),
        ("*/*", "text/plain", parse_plain),
        ("text/html", "text/plain", parse_plain),
        (f"{OPENMETRICS};version=1.0.0;q=0.5,text/plain;version=0.0.4;q=0.3", OPENMETRICS, parse_openmetrics),
        (f"{OPENMETRICS}; version=<script>", OPENMETRICS, parse_openmetrics),
        (f"{OPENMETRICS}; version=x.y", OPENMETRICS, parse_openmetrics),
    ],
)
async def test_metrics_come_in_the_format_that_is_taken(accept: str, kind: str, parse: Callable[[str], Any]) -> None:
    """OpenMetrics if asked for, else the older text; what else the request says is neither followed nor echoed."""
    response = await Pages().get("/metrics", accept=accept)
    assert (response.status, response.content_type) == (200, kind)
    assert "script" not in response.headers["Content-Type"]
    assert isinstance(response.body, bytes)
    assert {family.name for family in parse(response.body.decode())} >= NAMES


@pytest.mark.parametrize("path", ["/", "/metrics/", "/healthz2", "/HEALTHZ", "/%2e%2e/healthz", "/canary@example.com"])
async def test_there_is_nothing_else(path: str) -> None:
    """Every other path is 404 in our shape, and is not echoed."""
    response = await Pages().get(path)
    assert (response.status, body(response)["code"]) == (404, "not_found")
    assert "canary" not in str(response.text)


@pytest.mark.parametrize("path", ["/healthz", "/readyz", "/metrics"])
@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "OPTIONS", "TRACE", "BREW"])
async def test_pages_are_only_read(path: str, method: str) -> None:
    """Anything but GET and HEAD is 405, and says what is taken (RFC 9110 section 15.5.6)."""
    response = await Pages().get(path, method)
    assert (response.status, body(response)["code"]) == (405, "method_not_allowed")
    assert response.headers["Allow"] == "GET, HEAD"
