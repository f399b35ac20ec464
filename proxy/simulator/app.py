"""The App API for people, segments, suppressions, exports and the account: every path of the Node SDK.

Reads return fixed, plausible JSON, because nothing is stored. The checks are those of the SDK itself.
"""

from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType

from proxy.simulator.model import Api, Call, Check, Credential, Envelope, Json, Row, always, anything
from proxy.simulator.shapes import array, digits, fields, json_object, person_id, text

_NOTHING: Mapping[str, Check] = MappingProxyType({})


def write(
    name: str,
    method: str,
    path: str,
    body: Check = anything,
    *,
    reply: Json | Callable[[Call], Json] = None,
    query: Mapping[str, Check] = _NOTHING,
    needs: Sequence[str] = (),
) -> Row:
    """Return the row of an App API endpoint; without a `reply` it answers 204."""
    return Row(
        name,
        method,
        path,
        Api.APP,
        Credential.APP_KEY,
        Envelope.DETAIL,
        body=body,
        reply=reply if callable(reply) else always(reply),
        status=204 if reply is None else 200,
        query=query,
        needs=needs,
    )


def read(
    name: str,
    path: str,
    reply: Json | Callable[[Call], Json],
    query: Mapping[str, Check] = _NOTHING,
    needs: Sequence[str] = (),
) -> Row:
    """Return the row of a GET endpoint with the JSON answer `reply`."""
    return write(name, "GET", path, reply=reply, query=query, needs=needs)


def remove(name: str, path: str) -> Row:
    """Return the row of a DELETE endpoint, which answers 204."""
    return write(name, "DELETE", path)


def page(of: str, *items: Json) -> Json:
    """Return the only page of a list."""
    return {of: list(items), "next": ""}


PAGES: Mapping[str, Check] = MappingProxyType({"limit": digits})
_BY_TYPE: Mapping[str, Check] = MappingProxyType({**PAGES, "id_type": text(allowed=("id", "email", "phone", "cio_id"))})
_OBJECT_BY_TYPE: Mapping[str, Check] = MappingProxyType({**PAGES, "id_type": text(allowed=("object_id", "cio_object_id"))})

_NOW = 1_700_000_000
_PERSON: dict[str, Json] = {"cio_id": "a3000001", "id": "5", "email": "ada@example.com"}
MESSAGE: dict[str, Json] = {"id": "dgOq6QUAAAF5", "type": "email", "customer_identifiers": _PERSON, "created": _NOW}
_ACTIVITY: dict[str, Json] = {"id": "01HF7YAT00TSV4RRFFQ69G5FAV", "type": "event", "name": "purchase", "timestamp": _NOW}
_SEGMENT: dict[str, Json] = {"id": 7, "name": "Regulars", "type": "manual", "state": "finished"}
_EXPORT: dict[str, Json] = {"id": 3, "type": "customers", "status": "done", "created_at": _NOW, "total": 1}
_IMPORT: dict[str, Json] = {"id": 2, "type": "people", "state": "imported", "created_at": _NOW}
_OBJECT: dict[str, Json] = {"object_type_id": "1", "object_id": "acme", "cio_object_id": "obb7fd050101"}
_TOPIC: dict[str, Json] = {"id": 1, "identifier": "topic_1", "name": "News", "subscribed_by_default": True}
_OPTOUT: dict[str, Json] = {"from": "+15550100", "channel": "sms", "created_at": _NOW}
_USED_BY: dict[str, Json] = {"campaigns": [1], "sent_newsletters": [], "draft_newsletters": []}
_SUPPRESSED: dict[str, Json] = {"created": _NOW, "email": "ada@example.com", "reason": "bounced", "status": "5.1.1"}
_SUPPRESSIONS: dict[str, Json] = {"category": "bounces", "suppressions": [_SUPPRESSED]}
_INDEXED = array(fields({"name": text()}), at_least=1, at_most=100)

_CUSTOMER = "/v1/customers/{id}"
_SEGMENT_PATH = "/v1/segments/{id:int}"
_OBJECT_PATH = "/v1/objects/{type_id:int}/{object_id}"
_SUPPRESSION_PATH = "/v1/esp/suppression/{type:suppression}"


def _found(call: Call) -> Json:
    # A raw `+` in a query is a space. The answer is then 200 with an empty list, not an error ("About Customer.io's APIs").
    wanted = call.query["email"]
    return {"results": [] if " " in wanted else [{**_PERSON, "email": wanted}]}


ROWS: tuple[Row, ...] = (
    # People.
    read("app.customers.by_email", "/v1/customers", _found, {"email": text()}, needs=("email",)),
    write(
        "app.customers.search",
        "POST",
        "/v1/customers",
        fields({"filter": json_object}),
        reply={"identifiers": [_PERSON], "ids": ["5"], "next": ""},
        query=PAGES,
    ),
    write(
        "app.customers.attributes_of_many",
        "POST",
        "/v1/customers/attributes",
        fields({"ids": array(person_id, at_least=1, at_most=100)}),
        reply={"customers": [{**_PERSON, "attributes": {"plan": "pro"}}]},
    ),
    read(
        "app.customers.attributes",
        f"{_CUSTOMER}/attributes",
        {"customer": {"id": "5", "identifiers": _PERSON, "attributes": {"plan": "pro"}, "unsubscribed": False, "devices": []}},
        _BY_TYPE,
    ),
    read("app.customers.activities", f"{_CUSTOMER}/activities", page("activities", _ACTIVITY), _BY_TYPE),
    read("app.customers.messages", f"{_CUSTOMER}/messages", page("messages", MESSAGE), _BY_TYPE),
    read(
        "app.customers.relationships",
        f"{_CUSTOMER}/relationships",
        page("cio_relationships", {"identifiers": _OBJECT}),
        _BY_TYPE,
    ),
    read("app.customers.segments", f"{_CUSTOMER}/segments", {"segments": [_SEGMENT]}, _BY_TYPE),
    read(
        "app.customers.preferences",
        f"{_CUSTOMER}/subscription_preferences",
        {"customer": {**_PERSON, "unsubscribed": False, "topics": [_TOPIC]}},
        _BY_TYPE,
    ),
    read("app.customers.optouts", f"{_CUSTOMER}/optouts", {"optouts": [_OPTOUT]}, _BY_TYPE),
    write(
        "app.customers.optouts.update", "PUT", f"{_CUSTOMER}/optouts", fields({"optouts": array(json_object)}), query=_BY_TYPE
    ),
    read("app.optouts", "/v1/optouts", page("optouts", {**_OPTOUT, "identifiers": _PERSON}), PAGES),
    read("app.activities", "/v1/activities", page("activities", _ACTIVITY), _BY_TYPE),
    read("app.topics", "/v1/subscription_topics", {"topics": [_TOPIC]}),
    read("app.channels", "/v1/subscription_channels", {"channels": [{"id": 1, "name": "email"}]}),
    read("app.subscription_token", "/v1/subscription_center/{id}/token", {"token": "c2ltdWxhdGVk"}),
    # Objects.
    read("app.object_types", "/v1/object_types", {"types": [{"id": "1", "name": "Companies", "enabled": True}]}),
    write(
        "app.objects.find",
        "POST",
        "/v1/objects",
        fields({"object_type_id": person_id, "filter": json_object}),
        reply={"identifiers": [_OBJECT], "ids": ["acme"], "next": ""},
        query=PAGES,
    ),
    read(
        "app.objects.attributes",
        f"{_OBJECT_PATH}/attributes",
        {"object": {"identifiers": _OBJECT, "attributes": {"name": "Acme"}}},
        _OBJECT_BY_TYPE,
    ),
    read(
        "app.objects.relationships",
        f"{_OBJECT_PATH}/relationships",
        page("cio_relationships", {"identifiers": _PERSON}),
        _OBJECT_BY_TYPE,
    ),
    # Segments.
    read("app.segments.list", "/v1/segments", {"segments": [_SEGMENT]}),
    write(
        "app.segments.create",
        "POST",
        "/v1/segments",
        fields({"segment": fields({"name": text()})}),
        reply={"segment": _SEGMENT},
    ),
    read("app.segments.get", _SEGMENT_PATH, {"segment": _SEGMENT}),
    remove("app.segments.delete", _SEGMENT_PATH),
    read("app.segments.count", f"{_SEGMENT_PATH}/customer_count", {"count": 1}),
    read(
        "app.segments.members",
        f"{_SEGMENT_PATH}/membership",
        {"ids": ["5"], "identifiers": [_PERSON], "next": ""},
        PAGES,
    ),
    read("app.segments.used_by", f"{_SEGMENT_PATH}/used_by", {"used_by": _USED_BY}),
    # Addresses that the mail provider suppresses.
    read("app.esp.search", "/v1/esp/search_suppression/{email}", _SUPPRESSIONS),
    read("app.esp.list", _SUPPRESSION_PATH, _SUPPRESSIONS, PAGES),
    read(
        "app.esp.list_of_domain",
        "/v1/esp/domains/{domain}/suppression/{type:suppression}",
        {**_SUPPRESSIONS, "next": ""},
        PAGES,
    ),
    write("app.esp.suppress", "POST", f"{_SUPPRESSION_PATH}/{{email}}", reply={}),
    remove("app.esp.unsuppress", f"{_SUPPRESSION_PATH}/{{email}}"),
    # Exports, imports, deliveries.
    read("app.exports.list", "/v1/exports", {"exports": [_EXPORT]}),
    read("app.exports.get", "/v1/exports/{id:int}", {"export": _EXPORT}),
    read("app.exports.download", "/v1/exports/{id:int}/download", {"url": "https://exports.example/3.csv"}),
    write(
        "app.exports.customers", "POST", "/v1/exports/customers", fields({"filters": json_object}), reply={"export": _EXPORT}
    ),
    write(
        "app.exports.deliveries",
        "POST",
        "/v1/exports/deliveries",
        fields({"newsletter_id": person_id}),
        reply={"export": {**_EXPORT, "type": "deliveries"}},
    ),
    write(
        "app.imports.create",
        "POST",
        "/v1/imports",
        fields({"import": fields({"data_file_url": text(), "type": text()})}),
        reply={"import": _IMPORT},
    ),
    read("app.imports.get", "/v1/imports/{id:int}", {"import": _IMPORT}),
    read("app.messages.list", "/v1/messages", page("messages", MESSAGE), PAGES),
    read("app.messages.get", "/v1/messages/{id}", {"message": MESSAGE}),
    read(
        "app.messages.archived",
        "/v1/messages/{id}/archived_message",
        {"archived_message": {"id": "dgOq6QUAAAF5", "body": "Hello", "recipient": "ada@example.com"}},
    ),
    # The account.
    write("app.data_index.attributes", "POST", "/v1/data_index/attributes", fields({"attributes": _INDEXED})),
    write("app.data_index.events", "POST", "/v1/data_index/events", fields({"events": _INDEXED})),
    read("app.workspaces", "/v1/workspaces", {"workspaces": [{"id": 1, "name": "Simulated", "people": 1}]}),
    read("app.ip_addresses", "/v1/info/ip_addresses", {"ip_addresses": ["192.0.2.1", "192.0.2.2"]}),
)
