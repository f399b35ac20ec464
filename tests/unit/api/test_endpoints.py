"""The table as a whole."""

import re
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from customerio import APIClient, CustomerIO

from proxy.api.endpoints import ENDPOINTS
from proxy.api.match import Table
from proxy.api.model import Endpoint, Upstream
from proxy.simulator.endpoints import TABLE as SIMULATED
from proxy.simulator.endpoints import Found

TABLE = Table(ENDPOINTS)
NODE_CALLS = [
    tuple(line.split())
    for line in (Path(__file__).parent / "node_calls.txt").read_text().splitlines()
    if not line.startswith("#")
]
_STUDIO = "/v1/design_studio/emails/7"
# What the vendor's published specification has and no SDK calls, and query parameters that none sends (customerio-api.md 10.1).
SPECIFIED = (
    *(f"POST /v1/live_notifications/{step}" for step in ("start", "update", "end")),
    "GET /v1/live_notifications/order-7",
    "GET /v1/optouts?from=%2B15550100&start=a&limit=5",
    "GET /v1/customers/ada%40example.com/optouts?id_type=email",
    "PUT /v1/customers/5/optouts?id_type=id",
    "GET /v1/transactional/3/contents/5",
    f"GET {_STUDIO}/versions",
    f"POST {_STUDIO}/versions",
    f"GET {_STUDIO}/versions/3",
    f"DELETE {_STUDIO}/versions/3",
    f"POST {_STUDIO}/versions/3/restore",
    *(f"POST {_STUDIO}/{step}" for step in ("link", "preview", "publish", "inbox_previews")),
    *(f"GET {_STUDIO}/{what}" for what in ("publish_status", "review", "render", "unpublished_changes")),
    f"GET {_STUDIO}/inbox_previews/run",
    f"GET {_STUDIO}/inbox_previews/run/captures/gmail",
    *(f"GET /v1/design_studio/inbox_previews/{what}" for what in ("jobs", "clients", "credits")),
    *(f"GET {_STUDIO}/inbox_previews/{what}" for what in ("jobs", "clients", "credits")),
    "GET /v1/campaigns/1/journey_metrics?start=1&end=2&resolution=days&res=days",
    *(f"GET /v1/newsletters/2/{what}?type=email" for what in ("metrics", "contents/3/metrics", "contents/3/metrics/links")),
    *(f"GET /v1/broadcasts/2/actions/4/{what}?type=email" for what in ("metrics", "metrics/links")),
    "GET /v1/campaigns/1/actions/4/metrics/links?type=email",
    "GET /v1/broadcasts/2/messages?state=sent",
)
_NAME = re.compile(r"(?:track\.v[12]|app\.v1|pipelines\.v1)(?:\.[a-z0-9_]+)+")
_STEP = r"(?:[A-Za-z0-9_]+(?:\[\])?|\*)"
_POSITION = re.compile(rf"{_STEP}(?:\.{_STEP})*(?:\.\*\*)?")


def test_names_are_unique_and_begin_with_their_api() -> None:
    """A policy may name one endpoint, or all of an API by a glob."""
    names = [endpoint.name for endpoint in ENDPOINTS]
    assert len(set(names)) == len(names)
    for endpoint in ENDPOINTS:
        assert _NAME.fullmatch(endpoint.name), endpoint.name
        assert endpoint.name.split(".")[0] == endpoint.upstream.value


def test_names_of_the_contract() -> None:
    """Names that configurations in the documentation use."""
    assert {"track.v1.identify", "app.v1.send.email", "app.v1.broadcast.trigger", "pipelines.v1.track"} <= {
        endpoint.name for endpoint in ENDPOINTS
    }


@pytest.mark.parametrize("endpoint", ENDPOINTS, ids=lambda endpoint: endpoint.name)
def test_templates_and_parameters_belong_together(endpoint: Endpoint) -> None:
    """Path and aliases take the same parameters, each a whole segment, and the row says what each one holds."""
    for template in (endpoint.path, *endpoint.aliases):
        assert template.startswith("/")
        segments = template[1:].split("/")
        assert all(re.fullmatch(r"[a-z0-9_]+|\{[a-z_]+\}", segment) for segment in segments)
        assert [segment[1:-1] for segment in segments if segment.startswith("{")] == list(endpoint.path_ids)


@pytest.mark.parametrize("endpoint", ENDPOINTS, ids=lambda endpoint: endpoint.name)
def test_positions_are_well_formed(endpoint: Endpoint) -> None:
    """A position that no engine can read would exempt nothing, and nobody would notice."""
    for position in (*endpoint.identifiers, *endpoint.routing):
        assert _POSITION.fullmatch(position), position
    assert not set(endpoint.identifiers) & set(endpoint.routing)


def test_wildcards_stand_only_where_keys_cannot_be_named() -> None:
    """Exempt positions are holes in the policy, so they are exact but for recursive filters and a workspace's own topics."""
    wild = {position for endpoint in ENDPOINTS for position in (*endpoint.identifiers, *endpoint.routing) if "*" in position}
    assert wild == {
        "recipients.**",
        "filter.**",
        "filters.**",
        "cio_subscription_preferences.topics.*",
        "attributes.cio_subscription_preferences.topics.*",
        "batch[].attributes.cio_subscription_preferences.topics.*",
    }


@pytest.mark.parametrize(("call", "method", "target"), NODE_CALLS, ids=[call for call, *_ in NODE_CALLS])
def test_every_call_of_node_is_taken_whole(call: str, method: str, target: str) -> None:
    """Each public method of the official Node SDK finds its API, and reaches Customer.io with every parameter it sent."""
    match = TABLE.match(method, target.encode())
    client = {"TrackClient": Upstream.TRACK, "APIClient": Upstream.APP, "PipelinesClient": Upstream.PIPELINES}
    assert match.endpoint.upstream is client[call.split(".", maxsplit=1)[0]]
    sent, rebuilt = urlsplit(target), urlsplit(match.target.decode())
    assert rebuilt.path == sent.path
    assert sorted(rebuilt.query.split("&")) == sorted(sent.query.split("&"))


def test_every_row_is_called_by_an_official_sdk_or_specified() -> None:
    """The table holds nothing that nobody calls: each row is a hole to keep watch over."""
    calls = [*(call[1:] for call in NODE_CALLS), *(call.split() for call in SPECIFIED)]
    called = {TABLE.match(method, target.encode()).endpoint.name for method, target in calls}
    assert called == {endpoint.name for endpoint in ENDPOINTS}


class _TrackCalls(CustomerIO):  # type: ignore[misc]  # the SDK has no types
    """The real SDK, up to where it would send."""

    def send_request(self, method: str, url: str, _data: object) -> str:
        """Return what would be sent."""
        return f"{method} {urlsplit(url).path}"


class _AppCalls(APIClient):  # type: ignore[misc]  # the SDK has no types
    """The real SDK, up to where it would send."""

    def __init__(self, url: str) -> None:
        """Be told where the sidecar is."""
        super().__init__("key", url=url)
        self.sent = ""

    def send_request(self, method: str, url: str, _data: object) -> "_AppCalls":
        """Keep what would be sent."""
        self.sent = f"{method} {urlsplit(url).path}"
        return self

    def json(self) -> dict[str, object]:
        """Answer."""
        return {}


PYTHON_TRACK = {
    "identify": (("jo@ex.com",), "track.v1.identify"),
    "track": (("5", "signup"), "track.v1.event"),
    "track_anonymous": (("anon", "signup"), "track.v1.anonymous_event"),
    "pageview": (("5", "https://example.com/?email=jo@ex.com"), "track.v1.event"),
    "backfill": (("5", "signup", 1), "track.v1.event"),
    "delete": (("5",), "track.v1.delete"),
    "add_device": (("5", "token", "ios"), "track.v1.device.add"),
    "delete_device": (("5", "to/ken"), "track.v1.device.delete"),
    "suppress": (("5",), "track.v1.suppress"),
    "unsuppress": (("5",), "track.v1.unsuppress"),
    "merge_customers": (("id", "5", "email", "jo@ex.com"), "track.v1.merge"),
    "batch": (([{"type": "person"}],), "track.v2.batch"),
}


@pytest.mark.parametrize("method", PYTHON_TRACK)
def test_every_track_call_of_python(method: str) -> None:
    """Each call of the Python SDK's Track client finds its row."""
    arguments, name = PYTHON_TRACK[method]
    verb, path = getattr(_TrackCalls("site", "key", host="localhost", port=8443), method)(*arguments).split(" ")
    match = TABLE.match(verb, path.encode())
    assert (match.endpoint.name, match.target) == (name, path.encode())


@pytest.mark.parametrize("base", ["http://127.0.0.1:8080", "http://127.0.0.1:8080/"])
@pytest.mark.parametrize("kind", ["email", "push", "sms", "whatsapp", "in_app", "inbox_message"])
def test_every_send_of_python(kind: str, base: str) -> None:
    """Each send of the Python SDK finds its row, with or without a slash at the end of its `url`."""
    client = _AppCalls(base)
    getattr(client, f"send_{kind}")({})
    verb, path = client.sent.split(" ")
    match = TABLE.match(verb, path.encode())
    assert (match.endpoint.name, match.target) == (f"app.v1.send.{kind}", f"/v1/send/{kind}".encode())


@pytest.mark.parametrize("call", SPECIFIED)
def test_a_call_that_is_specified_is_taken_whole(call: str) -> None:
    """Path and query alike."""
    method, target = call.split()
    assert TABLE.match(method, target.encode()).target.decode() == target


@pytest.mark.parametrize("endpoint", ENDPOINTS, ids=lambda endpoint: endpoint.name)
def test_the_simulator_knows_every_row(endpoint: Endpoint) -> None:
    """Users test against it."""
    path = endpoint.path.replace("{suppression_type}", "bounces")
    assert isinstance(SIMULATED.find(endpoint.method, re.sub(r"\{\w+\}", "7", path)), Found)
