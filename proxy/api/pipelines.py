"""The Pipelines API, from its public OpenAPI description.

Its paths are accepted only under `/v1`, because `/batch` without it belongs to the Track API. The `messageId` of a call tells a
repeat from a new call: SDKs keep it across their retries.
"""

from types import MappingProxyType

from proxy.api.model import Bucket, Credential, Endpoint, Identifier, Replay, Upstream
from proxy.api.rows import NAMING, below

# Customer.io reads a userId like the identifier in a Track v1 path: an email-like one is an email, and cio_… a cio_id.
_PERSON = {"userId": Identifier.SHAPE, "anonymousId": Identifier.ANONYMOUS_ID}
# Clients put identifiers of the person into any of these positions, in every kind of call.
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
# The positions where Segment-compatible clients put the key. A call that is no batch may also have a `batch`.
_CALLER_KEYS = ("writeKey", "context.writeKey", "batch[].writeKey", "batch[].context.writeKey")
# The further positions of each kind of call. An `event` may be a command, such as `User Deleted`.
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
        # A batch as a whole has an id and times as well.
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
