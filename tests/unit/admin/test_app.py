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
from proxy.api.model import Credential
from proxy.api.web import Hosts
from proxy.credentials.keyring import KeyStatus, State
from proxy.credentials.model import Kind
from proxy.metrics import Metrics
from proxy.policy.inventory import Inventory
from proxy.sensitive import Sensitive

OPENMETRICS = "application/openmetrics-text"
TOKEN = "token-canary-0123"
KEY = KeyStatus(Credential.APP, "app", "a1b2c3d4", State.ACTIVE, Kind.ENV, "", None, None, None)
BEHIND_TOKEN = ("/v1/keys", "/v1/policy/inventory")
NAMES = {"cio_sidecar_build_info", "cio_sidecar_requests", "cio_sidecar_inflight"}


class Pages:
    """The pages over a registry, of a sidecar that may be ready."""

    def __init__(self, *, with_token: bool = True) -> None:
        """Be ready, and have a token configured, which was read."""
        registry = CollectorRegistry()
        Metrics(registry, "1.2.3")
        self.ready = True
        self.inventory: Inventory | None = Inventory(lambda: 0.0, lambda _: None, lambda: None)
        self.token: Sensitive[str] | None = Sensitive(TOKEN)
        self._handle = build(
            registry,
            lambda: self.ready,
            (lambda: self.token) if with_token else None,
            lambda: [KEY],
            lambda: self.inventory,
            hosts=Hosts(["sidecar.example.com"]),
        )

    async def get(
        self, path: str, method: str = "GET", accept: str = "", authorization: str | None = None, host: str | None = None
    ) -> web.Response:
        """Return what is answered."""
        headers = {"Accept": accept} | ({} if authorization is None else {"Authorization": authorization})
        headers |= {} if host is None else {"Host": host}
        response = await self._handle(make_mocked_request(method, path, headers=headers))
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


@pytest.mark.parametrize("path", ["/healthz", "/readyz", "/metrics", "/nothing", *BEHIND_TOKEN])
async def test_a_page_of_elsewhere_reads_nothing_here(path: str) -> None:
    """A name that somebody else could make mean this machine is refused, on every page, with or without the token."""
    pages = Pages()
    for host in ("evil.example", "evil.example:9090", "localhost@evil.example", "127.0.0.1.nip.io", "é.example"):
        response = await pages.get(path, host=host, authorization=f"Bearer {TOKEN}")
        assert (response.status, body(response)["code"]) == (421, "unknown_host")
    for host in ("127.0.0.1:9090", "cio-sidecar", "cio.shop.svc.cluster.local", "sidecar.example.com"):
        assert (await pages.get(path, host=host, authorization=f"Bearer {TOKEN}")).status != 421


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


@pytest.mark.parametrize("path", ["/healthz", "/readyz", "/metrics", *BEHIND_TOKEN])
@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "OPTIONS", "TRACE", "BREW"])
async def test_pages_are_only_read(path: str, method: str) -> None:
    """Anything but GET and HEAD is 405, and says what is taken (RFC 9110 section 15.5.6)."""
    response = await Pages().get(path, method)
    assert (response.status, body(response)["code"]) == (405, "method_not_allowed")
    assert response.headers["Allow"] == "GET, HEAD"


async def test_keys_are_shown_to_who_bears_the_token() -> None:
    """To GET and HEAD alike."""
    for method in ("GET", "HEAD"):
        response = await Pages().get("/v1/keys", method, authorization=f"Bearer {TOKEN}")
        assert response.status == 200
        assert [key["key_id"] for key in body(response)["keys"]] == ["a1b2c3d4"]


async def test_the_inventory_is_shown_to_who_bears_the_token() -> None:
    """As it is at that time; where none is kept, what to do about it."""
    pages = Pages()
    assert pages.inventory is not None
    for fields in (0, 1):
        response = await pages.get("/v1/policy/inventory", authorization=f"Bearer {TOKEN}")
        assert (response.status, len(body(response)["fields"])) == (200, fields)
        pages.inventory.saw("track.v1.identify", {"plan": 1}, b'{"plan":1}')
    pages.inventory = None
    response = await pages.get("/v1/policy/inventory", authorization=f"Bearer {TOKEN}")
    assert (response.status, body(response)["code"]) == (404, "inventory_off")


@pytest.mark.parametrize("path", BEHIND_TOKEN)
@pytest.mark.parametrize("authorization", [None, "Bearer", "Bearer canary", f"Basic {TOKEN}", f"Bearer {TOKEN}x"])
async def test_they_are_shown_to_nobody_else(path: str, authorization: str | None) -> None:
    """401 with what is wanted (RFC 9110 section 11.6.1), and nothing of what came."""
    response = await Pages().get(path, authorization=authorization)
    assert (response.status, body(response)["code"]) == (401, "unauthorized")
    assert response.headers["WWW-Authenticate"] == 'Bearer realm="cio-sidecar"'
    assert "canary" not in str(response.text)


@pytest.mark.parametrize("path", BEHIND_TOKEN)
@pytest.mark.parametrize("authorization", [None, "Bearer ", f"Bearer {TOKEN}", "Bearer None"])
async def test_without_a_token_there_is_none_of_them(path: str, authorization: str | None) -> None:
    """404 where none is configured, whatever is shown: everything but health and metrics is off."""
    response = await Pages(with_token=False).get(path, authorization=authorization)
    assert (response.status, body(response)["code"]) == (404, "not_found")


@pytest.mark.parametrize("authorization", [None, "Bearer ", f"Bearer {TOKEN}", "Bearer None"])
async def test_a_token_that_was_not_read_yet_opens_nothing(authorization: str | None) -> None:
    """503 until its store has given it, then as ever."""
    pages = Pages()
    pages.token = None
    response = await pages.get("/v1/keys", authorization=authorization)
    assert (response.status, body(response)["code"]) == (503, "not_ready")
    pages.token = Sensitive(TOKEN)
    assert (await pages.get("/v1/keys", authorization=f"Bearer {TOKEN}")).status == 200
