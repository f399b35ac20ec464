"""The Pipelines API (customerio-api.md 1.6; its vendor OpenAPI).

Its paths are taken under `/v1` only: without it, `/batch` is the Track API's. Every call is a `messageId` apart from its
repeat, and SDKs keep it across their retries.
"""

from types import MappingProxyType

from proxy.api.model import Bucket, Credential, Endpoint, Identifier, Replay, Upstream
from proxy.api.rows import NAMING, below

# Where Customer.io is the destination, an email-like userId is an email, and cio_… a cio_id: as in a Track v1 path.
_PERSON = {"userId": Identifier.SHAPE, "anonymousId": Identifier.ANONYMOUS_ID}
# Clients put the person's identifiers into any of these, in any kind of call (customerio-api.md 10.3).
_CONTEXT = below("context.traits", NAMING)
_NAMING = {**below("traits", NAMING), **_CONTEXT, "properties.email": Identifier.EMAIL, "properties.phone": Identifier.PHONE}
_COMMON = (
    "type",
    "messageId",
    "timestamp",
    "originalTimestamp",
    "sentAt",
    "context.device.token",
    "context.device.type",
)
# Where Segment's clients put it, each its own (customerio-api.md 10.2). A call that is no batch may hold one all the same.
_CALLER_KEYS = ("writeKey", "context.writeKey", "batch[].writeKey", "batch[].context.writeKey")
# What each kind of call adds. An `event` may be a command, such as `User Deleted` or `Device Created or Updated`.
_ALIAS = {"previousId": Identifier.SHAPE}
_ROUTING = {
    "identify": (),
    "track": ("event",),
    "page": ("name",),
    "screen": ("name",),
    "group": ("groupId", "objectTypeId", "traits.objectTypeId", "traits.object_type_id"),
    "alias": (),
}


def _row(name: str, *, items: str = "") -> Endpoint:
    kinds = _ROUTING if items else {name: _ROUTING[name]}
    persons = {**_PERSON, **(_ALIAS if "alias" in kinds else {})}
    routing = dict.fromkeys([*_COMMON, *(position for added in kinds.values() for position in added)])
    prefix = f"{items}[]." if items else ""
    return Endpoint(
        name=f"pipelines.v1.{name}",
        method="POST",
        path=f"/v1/{name}",
        upstream=Upstream.PIPELINES,
        credential=Credential.PIPELINES,
        bucket=Bucket.PIPELINES,
        replay=Replay.WITH_ID,
        identifiers=MappingProxyType({prefix + position: kind for position, kind in persons.items()}),
        # A batch is also stamped as a whole.
        routing=(*(prefix + position for position in routing), *(("messageId", "sentAt", "timestamp") if items else ())),
        # Some clients give a batch a context of its own.
        naming_attributes=MappingProxyType(
            {prefix + position: kind for position, kind in _NAMING.items()} | (_CONTEXT if items else {})
        ),
        needed=(f"{prefix}traits.email",) if "identify" in kinds else (),
        sending=frozenset({"userId", "anonymousId"} | ({"email"} if "identify" in kinds else set())),
        caller_keys=_CALLER_KEYS,
        event_items=items,
        event_id="messageId",
    )


PIPELINES = (*(_row(name) for name in _ROUTING), _row("batch", items="batch"))
