"""The operator's port: liveness, readiness and metrics, and behind the admin token what is below `/v1/`.

Without a token nothing but the first three is there. Nothing here shows a secret.
"""

from collections.abc import Callable, Iterable, Mapping
from types import MappingProxyType

from aiohttp import web
from prometheus_client import CollectorRegistry
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4
from prometheus_client.exposition import generate_latest as plain_text
from prometheus_client.openmetrics.exposition import CONTENT_TYPE_LATEST as OPENMETRICS
from prometheus_client.openmetrics.exposition import generate_latest as openmetrics_text

from proxy.admin import inventory, keys
from proxy.admin.access import CHALLENGE, Token, bears
from proxy.admin.serve import Handle
from proxy.api.web import Hosts
from proxy.credentials.keyring import KeyStatus
from proxy.errors import ANSWERS, Answer, Reason, error_body
from proxy.policy.inventory import Inventory

METHODS = frozenset({"GET", "HEAD"})

Page = Callable[[web.BaseRequest], web.Response]

# Every answer that is not a page, by its public code.
ERRORS: Mapping[str, Answer] = MappingProxyType(
    {
        "unauthorized": Answer(401, "The page needs the admin token, as a Bearer token."),
        "not_found": Answer(
            404, "There is no such page; there are /healthz, /readyz and /metrics, and with a token what is below /v1/."
        ),
        "inventory_off": Answer(404, "No inventory is kept; set policy.inventory, and reload."),
        "method_not_allowed": Answer(405, "The page only takes GET and HEAD."),
        Reason.UNKNOWN_HOST.value: ANSWERS[Reason.UNKNOWN_HOST],
        "not_ready": Answer(503, "The sidecar is not ready."),
    }
)


def build(
    registry: CollectorRegistry,
    ready: Callable[[], bool],
    token: Token | None,
    status: Callable[[], Iterable[KeyStatus]],
    kept: Callable[[], Inventory | None],
    *,
    hosts: Hosts,
) -> Handle:
    """Return what answers requests.

    `ready` says whether traffic should come; `token` is None where none is configured; `status` describes the keys,
    `kept` gives the inventory, if there is one; `hosts` are the names that the port may be asked by: no page may read here.
    """

    def healthz(_: web.BaseRequest) -> web.Response:
        # Alive means that the event loop turns. Customer.io or a secret store being down is no reason to restart.
        return web.json_response({"status": "ok"})

    def readyz(_: web.BaseRequest) -> web.Response:
        return web.json_response({"status": "ready"}) if ready() else refusal("not_ready")

    def metrics(request: web.BaseRequest) -> web.Response:
        if "application/openmetrics-text" in request.headers.get("Accept", ""):
            text: bytes = openmetrics_text(registry)  # type: ignore[no-untyped-call]  # the library leaves it untyped
            return web.Response(body=text, headers={"Content-Type": OPENMETRICS})
        return web.Response(body=plain_text(registry), headers={"Content-Type": CONTENT_TYPE_PLAIN_0_0_4})

    pages: dict[str, Page] = {"/healthz": healthz, "/readyz": readyz, "/metrics": metrics}
    if token is not None:
        behind_token: Mapping[str, Page] = {keys.PATH: keys.page(status), inventory.PATH: inventory.page(kept, refusal)}
        pages |= {path: _guarded(page, token) for path, page in behind_token.items()}

    async def handle(request: web.BaseRequest) -> web.StreamResponse:
        host = request.headers.get("Host")
        if not hosts.takes(None if host is None else host.encode("utf-8", "surrogateescape")):
            return refusal("unknown_host")
        page = pages.get(request.path)
        if page is None:
            return refusal("not_found")
        if request.method not in METHODS:
            return refusal("method_not_allowed", {"Allow": ", ".join(sorted(METHODS))})  # RFC 9110 section 15.5.6
        return page(request)

    return handle


def _guarded(page: Page, token: Token) -> Page:
    """Return `page` for those who bear the token."""

    def guarded(request: web.BaseRequest) -> web.Response:
        known = token()
        if known is None:
            return refusal("not_ready")
        return page(request) if bears(request, known) else refusal("unauthorized", CHALLENGE)

    return guarded


def refusal(code: str, headers: Mapping[str, str] = MappingProxyType({})) -> web.Response:
    """Return the answer that stands for `code` in `ERRORS`."""
    answer = ERRORS[code]
    body = error_body(code, answer)
    return web.Response(status=answer.status, body=body, content_type="application/json", headers=headers)
