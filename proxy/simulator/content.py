"""The App API for content: campaigns, broadcasts, newsletters, templates, assets, collections and webhooks.

It has every path of the Node SDK. As in `app.py`, answers are fixed and nothing is stored.
"""

from collections.abc import Mapping
from dataclasses import replace
from types import MappingProxyType

from proxy.simulator.app import MESSAGE, PAGES, page, read, remove, write
from proxy.simulator.model import MIB, Check, Json, Media, Row
from proxy.simulator.shapes import any_of, array, digits, fields, json_object, null, text

_NOW = 1_700_000_000
_CAMPAIGN: dict[str, Json] = {"id": 1, "name": "Onboarding", "type": "segment", "state": "running", "created": _NOW}
_ACTION: dict[str, Json] = {"id": 4, "name": "Welcome", "type": "email", "subject": "Hello", "body": "<p>Hello</p>"}
_CONTENT: dict[str, Json] = {"id": 139, "name": "Welcome", "type": "email", "language": "", "subject": "Hello"}
_TRANSACTIONAL: dict[str, Json] = {"id": 3, "name": "Receipt", "type": "email", "created_at": _NOW}
_NEWSLETTER: dict[str, Json] = {"id": 2, "name": "News", "type": "email", "created": _NOW}
_TEST_GROUP: dict[str, Json] = {"id": 9, "label": "A", "winner": False}
_FOLDER: dict[str, Json] = {"id": 11, "name": "Spring", "parent_folder_id": None}
_EMAIL: dict[str, Json] = {"id": 12, "name": "Welcome", "parent_folder_id": 11}
_TRANSLATION: dict[str, Json] = {"language": "fr", "subject": "Bonjour"}
_COMPONENT: dict[str, Json] = {"id": 13, "name": "Header", "tag": "x-header"}
_ASSET: dict[str, Json] = {"id": 14, "name": "logo.png", "content_type": "image/png", "url": "https://assets.example/logo.png"}
_COLLECTION: dict[str, Json] = {"id": 6, "name": "Events", "rows": 1, "bytes": 17, "schema": ["name"], "created_at": _NOW}
_WEBHOOK: dict[str, Json] = {"id": 8, "name": "Reports", "endpoint": "https://hooks.example", "events": [], "disabled": False}
_SNIPPET: dict[str, Json] = {"name": "footer", "value": "<p>Goodbye</p>", "updated_at": _NOW}
_SENDER: dict[str, Json] = {"id": 10, "name": "Ada", "email": "ada@example.com", "template_type": "email"}
_TRIGGER: dict[str, Json] = {"id": "3", "broadcast_id": "2", "created_at": _NOW, "processed_at": _NOW}

_SERIES: dict[str, Json] = {"metric": {"series": {"sent": [1], "delivered": [1], "opened": [0], "clicked": [0]}}}
_LINKS: dict[str, Json] = {
    "links": [{"link": {"id": 1, "href": "https://www.example.com"}, "metric": {"series": {"clicked": [0]}}}]
}
_MESSAGES = page("messages", MESSAGE)
_META: dict[str, Json] = {"page": 1, "limit": 10, "total": 1}

_OPTIONAL = any_of(json_object, null)  # the Node SDK sends `{}` if the application gives no body
_STEPS: Mapping[str, Check] = MappingProxyType({"steps": digits})
_LISTED: Mapping[str, Check] = MappingProxyType({**PAGES, "page": digits})
_JOURNEY: Mapping[str, Check] = MappingProxyType({"start": digits, "end": digits, "resolution": text()})
_VERSION: dict[str, Json] = {"id": 3, "name": "Before the sale", "created_at": _NOW}
_RUN: dict[str, Json] = {"id": "run-1", "state": "finished", "clients": ["gmail"]}
_LIVE: dict[str, Json] = {"instance_id": "order-7", "state": "started"}
_NAMED = fields({"name": text()})
_UPLOAD_BYTES = 10 * MIB

_C = "/v1/campaigns/{campaign_id:int}"
_B = "/v1/broadcasts/{broadcast_id:int}"
_N = "/v1/newsletters/{newsletter_id:int}"
_T = "/v1/transactional/{transactional_id:int}"
_DE = "/v1/design_studio/emails/{email_id}"


def _actions(name: str, base: str) -> tuple[Row, ...]:
    """Return the rows that campaigns and broadcasts share: actions, metrics and messages."""
    action = f"{base}/actions/{{action_id:int}}"
    language = f"{action}/language/{{language}}"
    return (
        read(f"{name}.actions", f"{base}/actions", page("actions", _ACTION)),
        read(f"{name}.action", action, {"action": _ACTION}),
        write(f"{name}.action.update", "PUT", action, _OPTIONAL, reply={"action": _ACTION}),
        read(f"{name}.action.language", language, {"action": _ACTION}),
        write(f"{name}.action.language.update", "PUT", language, _OPTIONAL, reply={"action": _ACTION}),
        read(f"{name}.action.metrics", f"{action}/metrics", _SERIES, _STEPS),
        read(f"{name}.action.links", f"{action}/metrics/links", _LINKS, _STEPS),
        read(f"{name}.metrics", f"{base}/metrics", _SERIES, _STEPS),
        read(f"{name}.links", f"{base}/metrics/links", _LINKS, _STEPS),
        read(f"{name}.messages", f"{base}/messages", _MESSAGES, PAGES),
    )


def _languages(name: str, base: str) -> tuple[Row, ...]:
    """Return the rows for the language variants of a newsletter or of one of its test groups."""
    return (
        write(f"{name}.create", "POST", base, _OPTIONAL, reply={"content": _CONTENT}),
        read(name, f"{base}/{{language}}", {"content": _CONTENT}),
        write(f"{name}.update", "PUT", f"{base}/{{language}}", _OPTIONAL, reply={"content": _CONTENT}),
        remove(f"{name}.delete", f"{base}/{{language}}"),
    )


def _kept(name: str, base: str, item: str, create: Check, *, one: dict[str, Json], listed: Json) -> tuple[Row, ...]:
    """Return the rows to list, create, get, update and delete at `base`; an update answers 204."""
    return (
        read(f"{name}.list", base, listed, _LISTED),
        write(f"{name}.create", "POST", base, create, reply=one),
        read(f"{name}.get", f"{base}/{item}", one),
        write(f"{name}.update", "PUT", f"{base}/{item}", json_object),
        remove(f"{name}.delete", f"{base}/{item}"),
    )


_ASSETS = _kept("app.assets", "/v1/assets/files", "{asset_id}", json_object, one={"asset": _ASSET}, listed={"assets": [_ASSET]})

ROWS: tuple[Row, ...] = (
    read("app.campaigns", "/v1/campaigns", {"campaigns": [_CAMPAIGN]}),
    read("app.campaign", _C, {"campaign": _CAMPAIGN}),
    *_actions("app.campaign", _C),
    read(
        "app.campaign.journeys",
        f"{_C}/journey_metrics",
        {"journey_metric": {"series": {"started": [1], "finished": [1]}}},
        _JOURNEY,
        needs=("start", "end", "resolution"),
    ),
    read("app.broadcast.trigger.status", f"{_C}/triggers/{{trigger_id:int}}", _TRIGGER),
    read("app.broadcast.trigger.errors", f"{_C}/triggers/{{trigger_id:int}}/errors", page("errors"), PAGES),
    read("app.broadcasts", "/v1/broadcasts", {"broadcasts": [_CAMPAIGN]}),
    read("app.broadcast", _B, {"broadcast": _CAMPAIGN}),
    *_actions("app.broadcast", _B),
    read("app.broadcast.triggers", f"{_B}/triggers", {"triggers": [_TRIGGER]}),
    read("app.transactional.list", "/v1/transactional", {"messages": [_TRANSACTIONAL]}),
    read("app.transactional", _T, {"message": _TRANSACTIONAL}),
    read("app.transactional.contents", f"{_T}/contents", {"contents": [_CONTENT]}),
    read("app.transactional.language", f"{_T}/language/{{language}}", {"content": _CONTENT}),
    write("app.transactional.language.update", "PUT", f"{_T}/language/{{language}}", _OPTIONAL, reply={"content": _CONTENT}),
    read("app.transactional.content", f"{_T}/contents/{{content_id:int}}", {"content": _CONTENT}),
    write(
        "app.transactional.content.update", "PUT", f"{_T}/content/{{content_id:int}}", _OPTIONAL, reply={"content": _CONTENT}
    ),
    read("app.transactional.messages", f"{_T}/messages", _MESSAGES, PAGES),
    read("app.transactional.metrics", f"{_T}/metrics", _SERIES, _STEPS),
    read("app.transactional.links", f"{_T}/metrics/links", _LINKS, _STEPS),
    read("app.newsletters", "/v1/newsletters", page("newsletters", _NEWSLETTER), PAGES),
    write("app.newsletter.create", "POST", "/v1/newsletters", _OPTIONAL, reply={"newsletter": _NEWSLETTER}),
    read("app.newsletter", _N, {"newsletter": _NEWSLETTER}),
    remove("app.newsletter.delete", _N),
    read("app.newsletter.contents", f"{_N}/contents", {"contents": [_CONTENT]}),
    read("app.newsletter.content", f"{_N}/contents/{{content_id:int}}", {"content": _CONTENT}),
    write("app.newsletter.content.update", "PUT", f"{_N}/contents/{{content_id:int}}", _OPTIONAL, reply={"content": _CONTENT}),
    read("app.newsletter.content.metrics", f"{_N}/contents/{{content_id:int}}/metrics", _SERIES, _STEPS),
    read("app.newsletter.content.links", f"{_N}/contents/{{content_id:int}}/metrics/links", _LINKS, _STEPS),
    read("app.newsletter.metrics", f"{_N}/metrics", _SERIES, _STEPS),
    read("app.newsletter.links", f"{_N}/metrics/links", _LINKS, _STEPS),
    read("app.newsletter.messages", f"{_N}/messages", _MESSAGES, PAGES),
    write("app.newsletter.send", "POST", f"{_N}/send", _OPTIONAL, reply={"newsletter": _NEWSLETTER}),
    write("app.newsletter.schedule", "POST", f"{_N}/schedule", _OPTIONAL, reply={"newsletter": _NEWSLETTER}),
    *_languages("app.newsletter.language", f"{_N}/language"),
    read("app.newsletter.test_groups", f"{_N}/test_groups", {"test_groups": [_TEST_GROUP]}),
    write("app.newsletter.test_groups.create", "POST", f"{_N}/test_groups", _OPTIONAL, reply={"newsletter": _NEWSLETTER}),
    *_languages("app.newsletter.test_group.language", f"{_N}/test_group/{{test_group_id}}/language"),
    *_kept(
        "app.design.folders",
        "/v1/design_studio/folders",
        "{folder_id}",
        _NAMED,
        one={"folder": _FOLDER},
        listed={"folders": [_FOLDER], "meta": _META},
    ),
    *_kept(
        "app.design.emails",
        "/v1/design_studio/emails",
        "{email_id}",
        _NAMED,
        one={"email": _EMAIL},
        listed={"emails": [_EMAIL], "folders": [_FOLDER], "meta": _META},
    ),
    *_kept(
        "app.design.translations",
        f"{_DE}/languages",
        "{language}",
        fields({"language": text()}),
        one={"email_translation": _TRANSLATION},
        listed={"email_translations": [_TRANSLATION]},
    ),
    read("app.design.versions", f"{_DE}/versions", {"versions": [_VERSION], "meta": _META}, _LISTED),
    write("app.design.version.create", "POST", f"{_DE}/versions", _OPTIONAL, reply={"version": _VERSION}),
    read("app.design.version", f"{_DE}/versions/{{version_id}}", {"version": _VERSION}),
    remove("app.design.version.delete", f"{_DE}/versions/{{version_id}}"),
    write("app.design.version.restore", "POST", f"{_DE}/versions/{{version_id}}/restore", _OPTIONAL, reply={"email": _EMAIL}),
    *(
        write(f"app.design.{step}", "POST", f"{_DE}/{step}", _OPTIONAL, reply={"email": _EMAIL})
        for step in ("link", "preview", "publish")
    ),
    *(
        read(f"app.design.{what}", f"{_DE}/{what}", {what: {}})
        for what in ("publish_status", "review", "render", "unpublished_changes")
    ),
    write("app.design.inbox_previews.create", "POST", f"{_DE}/inbox_previews", _OPTIONAL, reply={"inbox_preview": _RUN}),
    read("app.design.inbox_preview", f"{_DE}/inbox_previews/{{run_id}}", {"inbox_preview": _RUN}),
    read("app.design.inbox_capture", f"{_DE}/inbox_previews/{{run_id}}/captures/{{client_id}}", {"capture": {"url": ""}}),
    *(
        read(f"app.design.inbox_{what}", f"/v1/design_studio/inbox_previews/{what}", {what: []}, _LISTED)
        for what in ("jobs", "clients", "credits")
    ),
    *(
        write(f"app.live_notifications.{step}", "POST", f"/v1/live_notifications/{step}", json_object, reply=_LIVE)
        for step in ("start", "update", "end")
    ),
    read("app.live_notifications.get", "/v1/live_notifications/{instance_id}", _LIVE),
    *_kept(
        "app.design.components",
        "/v1/design_studio/components",
        "{component_id}",
        fields({"name": text(), "tag": text()}),
        one={"component": _COMPONENT},
        listed={"components": [_COMPONENT], "folders": [_FOLDER], "meta": _META},
    ),
    read("app.assets.list", "/v1/assets", {"assets": [_ASSET], "meta": _META}, _LISTED),
    # The only body that is not JSON (Node SDK, `dist/lib/api.js`).
    replace(_ASSETS[1], media=Media.MULTIPART, max_body_bytes=_UPLOAD_BYTES),
    *_ASSETS[2:],
    *_kept(
        "app.asset_folders",
        "/v1/assets/folders",
        "{folder_id}",
        _NAMED,
        one={"folder": _FOLDER},
        listed={"folders": [_FOLDER], "meta": _META},
    ),
    read("app.collections.list", "/v1/collections", {"collections": [_COLLECTION]}),
    write("app.collections.create", "POST", "/v1/collections", _NAMED, reply={"collection": _COLLECTION}),
    read("app.collections.get", "/v1/collections/{id:int}", {"collection": _COLLECTION}),
    write("app.collections.update", "PUT", "/v1/collections/{id:int}", json_object, reply={"collection": _COLLECTION}),
    remove("app.collections.delete", "/v1/collections/{id:int}"),
    read("app.collections.content", "/v1/collections/{id:int}/content", [{"name": "Launch"}]),
    write(
        "app.collections.content.update",
        "PUT",
        "/v1/collections/{id:int}/content",
        array(json_object),
        reply={"collection": _COLLECTION},
    ),
    read("app.webhooks.list", "/v1/reporting_webhooks", {"reporting_webhooks": [_WEBHOOK]}),
    write("app.webhooks.create", "POST", "/v1/reporting_webhooks", fields({"endpoint": text()}), reply=_WEBHOOK),
    read("app.webhooks.get", "/v1/reporting_webhooks/{id:int}", _WEBHOOK),
    write("app.webhooks.update", "PUT", "/v1/reporting_webhooks/{id:int}", json_object, reply=_WEBHOOK),
    remove("app.webhooks.delete", "/v1/reporting_webhooks/{id:int}"),
    read("app.snippets.list", "/v1/snippets", {"snippets": [_SNIPPET]}),
    write(
        "app.snippets.create", "POST", "/v1/snippets", fields({"name": text(), "value": text()}), reply={"snippet": _SNIPPET}
    ),
    write("app.snippets.update", "PUT", "/v1/snippets", fields({"name": text(), "value": text()}), reply={"snippet": _SNIPPET}),
    remove("app.snippets.delete", "/v1/snippets/{name}"),
    read("app.senders.list", "/v1/sender_identities", page("sender_identities", _SENDER), PAGES),
    read("app.senders.get", "/v1/sender_identities/{id:int}", {"sender_identity": _SENDER}),
    read(
        "app.senders.used_by",
        "/v1/sender_identities/{id:int}/used_by",
        {"campaigns": [], "sent_newsletters": [], "draft_newsletters": []},
    ),
)
