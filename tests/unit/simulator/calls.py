"""A well-formed call for every endpoint of the simulator, and a short way to ask it without a socket."""

import base64
import json
import re
from dataclasses import dataclass, field
from typing import Any

from proxy.simulator.endpoints import ENDPOINTS, TABLE
from proxy.simulator.model import Api, Credential, Json, Received, Row, Workspace
from proxy.simulator.respond import respond

WORKSPACE = Workspace("a-site", "a-key", "an-app-key", "a-write-key", region="us", environment_id=12)
NOW = 1_700_000_000.5
NUMBER = 7
ULID = "01HF7YAT00TSV4RRFFQ69G5FAV"
ROWS = {row.name: row for row in ENDPOINTS}

_SENDS: dict[str, Json] = {"identifiers": {"id": "5"}, "transactional_message_id": "welcome", "message_data": {"name": "Ada"}}
_FORM = (
    b'--b\r\nContent-Disposition: form-data; name="file"; filename="a.png"\r\nContent-Type: image/png\r\n\r\n'
    b"\x89PNG\r\n--b--\r\n"
)

# The body of a well-formed call, by endpoint; what is not here is called with an empty object, or read without a body.
BODIES: dict[str, Json] = {
    "track.v1.identify": {"email": "ada@example.com", "created_at": 1, "_update": True, "plan": "pro"},
    "track.v1.add_device": {"device": {"id": "token", "platform": "ios", "last_used": "1", "attributes": {"a": "b"}}},
    "track.v1.event": {"name": "purchase", "id": ULID, "type": "event", "timestamp": 1, "data": {"price": 1.5}},
    "track.v1.anonymous_event": {"name": "purchase", "anonymous_id": "a1"},
    "track.v1.form": {"data": {"email": "ada@example.com", "name": "Ada"}},
    "track.v1.merge": {"primary": {"id": 5}, "secondary": {"email": "ada@example.com"}},
    "track.v1.metrics": {"delivery_id": "d", "metric": "opened", "timestamp": 1, "recipient": "ada@example.com"},
    "track.v1.push": {"delivery_id": "d", "event": "opened", "device_id": "token", "timestamp": 1},
    "track.v1.segment_add": {"ids": ["1", "2"]},
    "track.v1.segment_remove": {"ids": ["1"]},
    "track.root.unsubscribe": {"unsubscribe": True},
    "track.v2.entity": {"type": "person", "action": "identify", "identifiers": {"id": "5"}, "attributes": {"plan": "pro"}},
    "track.v2.batch": {
        "batch": [
            {"type": "person", "action": "delete", "identifiers": {"phone": "+15550123"}},
            {"type": "object", "action": "delete", "identifiers": {"object_type_id": 1, "object_id": "acme"}},
        ]
    },
    "app.send.email": {**_SENDS, "to": "Ada <ada@example.com>", "headers": {}, "attachments": {"a.txt": "aGk="}},
    "app.send.push": _SENDS,
    "app.send.sms": {**_SENDS, "to": "+15550123"},
    "app.send.whatsapp": _SENDS,
    "app.send.in_app": _SENDS,
    "app.send.inbox_message": {**_SENDS, "send_at": 1_800_000_000},
    "app.broadcast.trigger": {"emails": ["ada@example.com"], "data": {"headline": "Hello"}},
    "app.customers.search": {"filter": {"segment": {"id": 7}}},
    "app.customers.attributes_of_many": {"ids": ["5"]},
    "app.customers.optouts.update": {"optouts": []},
    "app.objects.find": {"object_type_id": "1", "filter": {"and": []}},
    "app.segments.create": {"segment": {"name": "Regulars"}},
    "app.exports.customers": {"filters": {"segment": {"id": 7}}},
    "app.exports.deliveries": {"newsletter_id": 2},
    "app.imports.create": {"import": {"data_file_url": "https://files.example/people.csv", "type": "people"}},
    "app.data_index.attributes": {"attributes": [{"name": "plan"}]},
    "app.data_index.events": {"events": [{"name": "purchase"}]},
    "app.design.folders.create": {"name": "Spring"},
    "app.design.emails.create": {"name": "Welcome"},
    "app.design.translations.create": {"language": "fr"},
    "app.design.components.create": {"name": "Header", "tag": "x-header"},
    "app.asset_folders.create": {"name": "Spring"},
    "app.collections.create": {"name": "Events", "data": []},
    "app.collections.content.update": [{"name": "Launch"}],
    "app.webhooks.create": {"endpoint": "https://hooks.example"},
    "app.snippets.create": {"name": "footer", "value": "<p>Goodbye</p>"},
    "app.snippets.update": {"name": "footer", "value": "<p>Goodbye</p>"},
    "pipelines.identify": {"userId": "5", "traits": {"plan": "pro"}},
    "pipelines.track": {"userId": "5", "event": "Purchased", "properties": {"price": 1}, "integrations": None},
    "pipelines.page": {"anonymousId": "a1", "name": "Home"},
    "pipelines.screen": {"userId": "5", "name": "Home"},
    "pipelines.group": {"userId": "5", "groupId": "g"},
    "pipelines.alias": {"userId": "5", "previousId": "4"},
    "pipelines.batch": {"batch": [{"type": "track", "userId": "5", "event": "Purchased"}], "context": {}},
}
QUERIES = {
    "app.customers.by_email": "?email=ada%2Bnews%40example.com",
    "app.campaign.journeys": "?start=1&end=2&resolution=days",
    "track.v1.segment_add": "?id_type=email",
}


def target(row: Row) -> str:
    """Return a well-formed target for an endpoint."""
    path = re.sub(r"\{(\w+:)?suppression\}", "bounces", row.path)
    path = re.sub(r"\{\w+:int\}", "3", path)
    return re.sub(r"\{[\w:]+\}", "jo%2Be%2Fx%40example.com", path) + QUERIES.get(row.name, "")


def authorization(row: Row, workspace: Workspace = WORKSPACE) -> list[tuple[str, str]]:
    """Return the header that an endpoint wants."""
    if row.credential is Credential.NONE:
        return []
    if row.credential is Credential.APP_KEY:
        return [("Authorization", f"Bearer {workspace.app_key}")]
    site = f"{workspace.site_id}:{workspace.api_key}"
    pair = site if row.credential is Credential.SITE else f"{workspace.write_key}:"
    return [("Authorization", f"Basic {base64.b64encode(pair.encode()).decode()}")]


def encoded(value: Json) -> bytes:
    """Return `value` as a client would send it."""
    return json.dumps(value).encode()


def well_formed(row: Row, workspace: Workspace = WORKSPACE) -> Received:
    """Return a well-formed request to an endpoint, with the strict mode that makes the pipelines say what they think."""
    headers = [("Host", "track.customer.io"), *authorization(row, workspace)]
    if row.api is Api.PIPELINES:
        headers.append(("X-Strict-Mode", "1"))
    if row.name == "app.assets.create":
        return Received(row.method, target(row), (*headers, ("Content-Type", "multipart/form-data; boundary=b")), _FORM)
    if row.method in {"GET", "DELETE"}:
        return Received(row.method, target(row), tuple(headers))
    headers.append(("Content-Type", "application/json"))
    return Received(row.method, target(row), tuple(headers), encoded(BODIES.get(row.name, {})))


@dataclass(frozen=True, slots=True)
class Answer:
    """What was answered: the status, the decoded body (None if empty), and the headers."""

    status: int
    json: Any
    headers: dict[str, str] = field(default_factory=dict)


def ask(request: Received) -> Answer:
    """Return the simulator's answer to a request."""
    found = TABLE.find(request.method, request.target.partition("?")[0])
    reply = respond(found, request, WORKSPACE, NUMBER, NOW)
    return Answer(reply.status, json.loads(reply.body) if reply.body else None, dict(reply.headers))  # noqa: TID251


def call(name: str, body: Json | bytes, path: str | None = None) -> Answer:
    """Return the answer to the well-formed call of endpoint `name` with another body, and perhaps at another target."""
    request = well_formed(ROWS[name])
    data = body if isinstance(body, bytes) else encoded(body)
    return ask(Received(request.method, path or request.target, request.headers, data))
