"""Customer.io's documented size limits, one row for each endpoint.

Each row cites the public reference of its API. If a limit is ambiguous, the larger reading counts, so that the sidecar never
refuses a call that Customer.io accepts. So a KB is 1,024 bytes, the commands among a person's attributes are not counted as
attributes, and an identifier that looks like an email address may have any length, because no limit is documented. The limit of
15 addresses per send is left out, because a count of addresses would need a parser of mail headers.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum, StrEnum, auto
from types import MappingProxyType

EACH = "[]"
"""The suffix of a key in a place that stands for every element of its array."""

_KB = 1024
_MB = 1024 * _KB


class Limit(StrEnum):
    """The names of all limits in metrics and logs."""

    REQUEST_BYTES = "request_bytes"
    ITEM_BYTES = "item_bytes"
    ID_BYTES = "id_bytes"
    ATTRIBUTES = "attributes"
    ATTRIBUTE_NAME_BYTES = "attribute_name_bytes"
    ATTRIBUTE_VALUE_BYTES = "attribute_value_bytes"
    OBJECT_ATTRIBUTES_BYTES = "object_attributes_bytes"
    EVENT_NAME_BYTES = "event_name_bytes"
    EVENT_DATA_BYTES = "event_data_bytes"
    SEGMENT_IDS = "segment_ids"
    PAYLOAD_BYTES = "payload_bytes"
    ATTACHMENTS_BYTES = "attachments_bytes"
    TRIGGER_DATA_BYTES = "trigger_data_bytes"
    TRIGGER_PEOPLE = "trigger_people"


class Measure(Enum):
    """The measured quantity. The bytes of a string are those of its UTF-8, of another value those of the JSON that is sent."""

    SIZE = auto()  # the bytes of the value
    NAMES = auto()  # the bytes of each key of an object
    VALUES = auto()  # the bytes of each member of an object
    COUNT = auto()  # the number of members of an object, or of elements of an array
    ID = auto()  # the bytes of an identifier that is no email address, or of each that an object or array holds
    FILES = auto()  # the bytes of all files that the members of an object encode in base64, together


@dataclass(frozen=True, slots=True)
class Bound:
    """One limit at one place of a body: keys with dots between them, and `[]` after a key for every element of its array.

    `place` "" is the body itself, or the item of a batch. `besides` are members that are not measured.
    """

    limit: Limit
    at_most: int
    measure: Measure
    place: str = ""
    besides: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class CallLimits:
    """The limits of one endpoint's calls, and the page that documents them.

    `identifier` is the parameter of the path that holds a person's identifier. `items` is the array whose elements are each
    checked by `item`. `itemised` says that Customer.io answers for each item separately. `operations` are further limits of an
    item (or of the body, without `items`), by its `type` and `action`; "" is every other action.
    """

    source: str
    call: tuple[Bound, ...] = ()
    identifier: str = ""
    items: str = ""
    item: tuple[Bound, ...] = ()
    itemised: bool = False
    operations: Mapping[str, Mapping[str, tuple[Bound, ...]]] = field(default_factory=lambda: MappingProxyType({}))


_TRACK = "Track API reference, Limits"
_TRACK_V2 = "Track API reference, v2"
_APP = "App API reference, Transactional messages"
_TRIGGER = "App API reference, Trigger broadcast"
_PIPELINES = "Pipelines API reference, Limits"

ID_BYTES = 150


def _ids(*places: str) -> tuple[Bound, ...]:
    return tuple(Bound(Limit.ID_BYTES, ID_BYTES, Measure.ID, place) for place in places)


# Members of an identify that are commands, and not attributes.
_COMMANDS = frozenset({"_timestamp", "_update", "cio_relationships", "cio_subscription_preferences"})


def _attributes(place: str) -> tuple[Bound, ...]:
    return (
        Bound(Limit.ATTRIBUTE_NAME_BYTES, 150, Measure.NAMES, place),
        Bound(Limit.ATTRIBUTE_VALUE_BYTES, 1000, Measure.VALUES, place, _COMMANDS),
        Bound(Limit.ATTRIBUTES, 300, Measure.COUNT, place, _COMMANDS),
    )


_RELATED = "cio_relationships.relationships[]"
_IDENTIFY = (
    *_attributes(""),
    *_ids("id", f"{_RELATED}.identifiers"),
    Bound(Limit.OBJECT_ATTRIBUTES_BYTES, 100 * _KB, Measure.SIZE, f"{_RELATED}.relationship_attributes"),
)
_EVENT = (
    Bound(Limit.EVENT_NAME_BYTES, 100, Measure.SIZE, "name"),
    Bound(Limit.EVENT_DATA_BYTES, 100_000, Measure.SIZE, "data"),
)
_MEMBERS = (Bound(Limit.SEGMENT_IDS, 1000, Measure.COUNT, "ids"), *_ids("ids"))

# An operation has at most 32 KB, so it cannot exceed the 100 KB of an object. The id of a delivery identifies no person.
_WHO = _ids("identifiers", "cio_relationships[].identifiers")
_OPERATIONS: Mapping[str, Mapping[str, tuple[Bound, ...]]] = MappingProxyType(
    {
        "person": {"identify": (*_attributes("attributes"), *_WHO), "merge": _ids("primary", "secondary"), "": _WHO},
        "object": {"": _WHO},
    }
)


def _request(at_most: int) -> Bound:
    return Bound(Limit.REQUEST_BYTES, at_most, Measure.SIZE)


_ENTITY_BYTES = 32 * _KB
_ITEM = (Bound(Limit.ITEM_BYTES, _ENTITY_BYTES, Measure.SIZE),)
_BATCH = (_request(500 * _KB),)

_SEND = CallLimits(
    _APP,
    (
        Bound(Limit.PAYLOAD_BYTES, _MB, Measure.SIZE, besides=frozenset({"attachments"})),
        Bound(Limit.ATTACHMENTS_BYTES, 2 * _MB, Measure.FILES, "attachments"),
        *_ids("identifiers"),
    ),
)
_PEOPLE = ("ids", "emails", "per_user_data")
_BROADCAST = (
    _request(25 * _MB),
    Bound(Limit.TRIGGER_DATA_BYTES, 50_000, Measure.SIZE, "data"),
    *(Bound(Limit.TRIGGER_PEOPLE, 10_000, Measure.COUNT, place) for place in _PEOPLE),
    *_ids("ids", "per_user_data[].id"),
)


def _person(*bounds: Bound) -> CallLimits:
    """Return the row of a call whose path has the identifier of a person."""
    return CallLimits(_TRACK, bounds, identifier="identifier")


VENDOR_LIMITS: Mapping[str, CallLimits] = MappingProxyType(
    {
        "track.v1.identify": _person(*_IDENTIFY),
        "track.v1.delete": _person(),
        "track.v1.suppress": _person(),
        "track.v1.unsuppress": _person(),
        "track.v1.device.add": _person(),
        "track.v1.device.delete": _person(),
        "track.v1.event": _person(*_EVENT),
        "track.v1.anonymous_event": CallLimits(_TRACK, _EVENT),
        "track.v1.merge": CallLimits(_TRACK, _ids("primary", "secondary")),
        "track.v1.segment.add": CallLimits(_TRACK, _MEMBERS),
        "track.v1.segment.remove": CallLimits(_TRACK, _MEMBERS),
        "track.v1.form.submit": CallLimits(_TRACK, _ids("data.id")),
        "track.v2.entity": CallLimits(_TRACK_V2, (_request(_ENTITY_BYTES),), operations=_OPERATIONS),
        "track.v2.batch": CallLimits(_TRACK_V2, _BATCH, items="batch", item=_ITEM, itemised=True, operations=_OPERATIONS),
        **{f"app.v1.send.{name}": _SEND for name in ("email", "push", "sms", "whatsapp", "in_app", "inbox_message")},
        "app.v1.broadcast.trigger": CallLimits(_TRIGGER, _BROADCAST),
        **{
            f"pipelines.v1.{name}": CallLimits(_PIPELINES, (_request(_ENTITY_BYTES),))
            for name in ("identify", "track", "page", "screen", "group", "alias")
        },
        "pipelines.v1.batch": CallLimits(_PIPELINES, _BATCH, items="batch", item=_ITEM),
    }
)
