"""The Track API, v1 and v2, from its public OpenAPI description (docs.customer.io/files/journeys-track.json).

SDKs also form every path without its `/api/v1` or `/api/v2`, if their base URL lacks it. Metrics and unsubscribe links have no
credential: the delivery id is the secret.
"""

from types import MappingProxyType

from proxy.api.model import Bucket, Credential, Endpoint, Identifier, Replay, Upstream
from proxy.api.rows import BODILESS, NAMING, NOBODY, OBJECT, PERSON, PERSON_V2, Persons, below, kinds, path_kinds

# Customer.io infers the type of the identifier in a v1 path from its shape; a phone number there is an id.
_CUSTOMER = {"identifier": Identifier.SHAPE}
_BESIDE = {"email": Identifier.EMAIL, "phone": Identifier.PHONE}  # `id` is the event's own
_EVENT = ("name", "id", "type", "timestamp", "data.from_address", "data.reply_to")
_MEMBERS = {"ids[]": Identifier.BY_ID_TYPE}
_RECIPIENT = {"data.recipient": Identifier.ADDRESS}  # overrides the destination of the event's messages
# Attributes that decide whether and when a person gets messages; a workspace defines its own `topic_<number>`.
_RESERVED = ("_update", "created_at", "unsubscribed", "cio_subscription_preferences.topics.*")


def _v1(
    name: str,
    method: str,
    path: str,
    *,
    replay: Replay = Replay.SAFE,
    credential: Credential = Credential.TRACK,
    query: str = "",
    identifiers: Persons = NOBODY,
    routing: tuple[str, ...] = (),
    sending: tuple[str, ...] = (),
    naming: Persons = NOBODY,
    bodiless: bool = False,
) -> Endpoint:
    return Endpoint(
        name=f"track.v1.{name}",
        method=method,
        path=f"/api/v1{path}",
        upstream=Upstream.TRACK,
        credential=credential,
        bucket=Bucket.TRACK,
        replay=replay,
        aliases=(path,),
        path_ids=path_kinds(path, _CUSTOMER),
        query=kinds(query.split(), NOBODY),
        identifiers=MappingProxyType(dict(identifiers)),
        routing=routing,
        sending=frozenset(sending),
        naming_attributes=MappingProxyType(dict(naming)),
        bodiless=bodiless or method in BODILESS,
    )


def _v2(name: str, items: str) -> Endpoint:
    """Return the row of `/entity` or `/batch`; `items` is the array of the operations, or "" if the body is one operation."""
    operation = {
        **below("identifiers", PERSON_V2),
        **below("primary", PERSON),
        **below("secondary", PERSON),
        **below("cio_relationships[].identifiers", {**PERSON, "anonymous_id": Identifier.ANONYMOUS_ID}),
        "anonymous_id": Identifier.ANONYMOUS_ID,  # identify_anonymous of an object
        "attributes.recipient": Identifier.ADDRESS,
    }
    routing = (
        "type",
        "action",
        "name",
        "id",
        "timestamp",
        *(f"identifiers.{key}" for key in OBJECT),
        *(f"cio_relationships[].identifiers.{key}" for key in OBJECT),
        "device.token",
        "device.platform",
        "device.last_used",
        "attributes.from_address",
        "attributes.reply_to",
        "attributes.device_token",  # a push that was opened, converted or delivered
        *(f"attributes.{key}" for key in _RESERVED),
    )
    naming = {
        **below("attributes", NAMING),
        "primary.phone": Identifier.PHONE,
        "secondary.phone": Identifier.PHONE,
        "cio_relationships[].identifiers.phone": Identifier.PHONE,
    }
    prefix = f"{items}[]." if items else ""
    return Endpoint(
        name=f"track.v2.{name}",
        method="POST",
        path=f"/api/v2/{name}",
        upstream=Upstream.TRACK,
        credential=Credential.TRACK,
        bucket=Bucket.TRACK,
        replay=Replay.WITH_ID,
        aliases=(f"/{name}",),
        identifiers=MappingProxyType({prefix + position: kind for position, kind in operation.items()}),
        routing=tuple(prefix + position for position in routing),
        naming_attributes=MappingProxyType({prefix + position: kind for position, kind in naming.items()}),
        needed=(f"{prefix}attributes.email",),
        sending=frozenset({"email", "unsubscribed", "cio_subscription_preferences", "identifiers", "device"}),
        event_items=items,
    )


TRACK = (
    _v1("region", "GET", "/accounts/region"),
    _v1(
        "identify",
        "PUT",
        "/customers/{identifier}",
        identifiers={
            **PERSON,
            "anonymous_id": Identifier.ANONYMOUS_ID,
            **below("cio_relationships.relationships[].identifiers", PERSON),
        },
        naming={"phone": Identifier.PHONE},
        routing=(
            *_RESERVED,
            "_timestamp",
            "cio_relationships.action",
            *(f"cio_relationships.relationships[].identifiers.{key}" for key in OBJECT),
        ),
        sending=("email", "unsubscribed", "cio_subscription_preferences"),
    ),
    _v1("delete", "DELETE", "/customers/{identifier}"),
    _v1("suppress", "POST", "/customers/{identifier}/suppress", bodiless=True),
    _v1("unsuppress", "POST", "/customers/{identifier}/unsuppress", bodiless=True),
    _v1(
        "device.add",
        "PUT",
        "/customers/{identifier}/devices",
        routing=("device.id", "device.platform", "device.last_used"),
        sending=("device",),
        naming=NAMING,
    ),
    _v1("device.delete", "DELETE", "/customers/{identifier}/devices/{device_id}"),
    _v1(
        "event",
        "POST",
        "/customers/{identifier}/events",
        replay=Replay.WITH_ID,
        # A screen event may have the id that the person had while anonymous.
        identifiers={**_RECIPIENT, "anonymous_id": Identifier.ANONYMOUS_ID},
        routing=_EVENT,
        naming={**_BESIDE, **below("data", _BESIDE)},
        sending=("recipient", "from_address", "reply_to"),
    ),
    _v1(
        "anonymous_event",
        "POST",
        "/events",
        replay=Replay.WITH_ID,
        identifiers={**_RECIPIENT, "anonymous_id": Identifier.ANONYMOUS_ID},
        routing=_EVENT,
        naming={**_BESIDE, **below("data", _BESIDE)},
        sending=("recipient", "from_address", "reply_to"),
    ),
    _v1(
        "merge",
        "POST",
        "/merge_customers",
        identifiers={**below("primary", PERSON), **below("secondary", PERSON)},
        sending=("primary", "secondary"),
        naming={"primary.phone": Identifier.PHONE, "secondary.phone": Identifier.PHONE},
    ),
    _v1("segment.add", "POST", "/segments/{segment_id}/add_customers", query="id_type", identifiers=_MEMBERS),
    _v1("segment.remove", "POST", "/segments/{segment_id}/remove_customers", query="id_type", identifiers=_MEMBERS),
    # A repeat counts as another submission.
    _v1(
        "form.submit",
        "POST",
        "/forms/{form_id}/submit",
        replay=Replay.NEVER,
        identifiers={"data.id": Identifier.ID, "data.email": Identifier.EMAIL},
        naming={"data.phone": Identifier.PHONE, "data.anonymous_id": Identifier.ANONYMOUS_ID},
    ),
    # Customer.io does not document whether a repeated metric counts twice.
    _v1(
        "metric",
        "POST",
        "/metrics",
        replay=Replay.NEVER,
        credential=Credential.NONE,
        identifiers={"recipient": Identifier.ADDRESS},
        routing=("delivery_id", "metric", "timestamp"),
    ),
    _v1(
        "push_event",
        "POST",
        "/push/events",
        replay=Replay.NEVER,
        credential=Credential.NONE,
        routing=("delivery_id", "event", "device_id", "timestamp"),
    ),
    # The only v1 call at the root of the host.
    Endpoint(
        name="track.v1.unsubscribe",
        method="POST",
        path="/unsubscribe/{delivery_id}",
        upstream=Upstream.TRACK,
        credential=Credential.NONE,
        bucket=Bucket.TRACK,
        replay=Replay.SAFE,
        aliases=("/api/v1/unsubscribe/{delivery_id}",),
        path_ids=path_kinds("/unsubscribe/{delivery_id}", NOBODY),
        routing=("unsubscribe",),
        sending=frozenset({"unsubscribe"}),
    ),
    _v2("entity", items=""),
    _v2("batch", items="batch"),
)
