"""The columns of the endpoint table in `endpoints.py`.

A *position* describes places in a JSON body: dot-separated keys, `*` for any key, `[]` after a key for every element of its
array, and a final `**` for everything below. `batch[].identifiers.*` is every identifier of every batch item. Rules that change
values skip positions, so a row lists exact keys wherever Customer.io's reference does.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from types import MappingProxyType


class Upstream(StrEnum):
    """Customer.io's three APIs, each with hosts of its own: `track.`, `api.` and `cdp.customer.io`, or their EU hosts."""

    TRACK = "track"
    APP = "app"
    PIPELINES = "pipelines"


class Credential(StrEnum):
    """The credential of a call, and the form of its `Authorization` header."""

    TRACK = "track"  # Authorization: Basic site_id:api_key
    APP = "app"  # Authorization: Bearer app_key
    PIPELINES = "pipelines"  # Authorization: Basic write_key:
    NONE = "none"  # delivery metrics and unsubscribe links have no credential


class Bucket(StrEnum):
    """The rate limit of Customer.io that a call counts against; the App API limits sends and broadcasts separately."""

    TRACK = "track"
    APP = "app"
    SEND = "send"
    BROADCAST = "broadcast"
    PIPELINES = "pipelines"


class Replay(StrEnum):
    """Whether a call may be sent again if it is unknown whether the first one arrived."""

    SAFE = "safe"  # an upsert, a delete or a read
    WITH_ID = "with_id"  # Customer.io drops repeats if every event of the call has an id
    NEVER = "never"  # a repeat sends or submits twice


class Identifier(StrEnum):
    """The kind of identifier at a position; it decides the canonical form."""

    ID = "id"
    EMAIL = "email"
    CIO_ID = "cio_id"
    PHONE = "phone"
    ANONYMOUS_ID = "anonymous_id"
    ADDRESS = "address"  # the destination of a message: addresses as in mail headers, a phone number, or a device token
    SHAPE = "shape"  # Customer.io infers the type from the value: email-like, cio_…, else id
    BY_ID_TYPE = "by_id_type"  # the type in the call's query parameter `id_type`, else id
    OPAQUE = "opaque"  # routes the call but identifies no person: device token, delivery id, campaign number


@dataclass(frozen=True, slots=True)
class Endpoint:
    """One row of the table: all facts about one Customer.io call.

    `path` is the canonical template of the target; its `{…}` segments are the keys of `path_ids`. `aliases` are further
    templates of the same call, with the same parameters, that SDKs form. `query` lists the query parameters that are forwarded;
    others are dropped. `identifiers` are the positions that identify a person, and `routing` those that define the call.
    """

    name: str
    method: str
    path: str
    upstream: Upstream
    credential: Credential
    bucket: Bucket
    replay: Replay
    aliases: tuple[str, ...] = ()
    path_ids: Mapping[str, Identifier] = field(default_factory=lambda: MappingProxyType({}))
    query: Mapping[str, Identifier] = field(default_factory=lambda: MappingProxyType({}))
    identifiers: Mapping[str, Identifier] = field(default_factory=lambda: MappingProxyType({}))
    routing: tuple[str, ...] = ()
    # Attributes that are identifiers as well, and identifiers that SDKs repeat at other places than the one Customer.io reads.
    # Rules treat them as ordinary fields, and `identifiers:` treats them as identifiers.
    naming_attributes: Mapping[str, Identifier] = field(default_factory=lambda: MappingProxyType({}))
    # Other parts of a message. Rules treat them as ordinary fields, but minimisation keeps them without a listing.
    needed: tuple[str, ...] = ()
    # Texts that should be encoded files (base64). If they are, nothing inside is searched. Rules treat the field as ordinary.
    opaque: tuple[str, ...] = ()
    # The fields that a message needs: a rule that strips, hashes or masks one of them here needs `force: true`.
    sending: frozenset[str] = frozenset()
    # The array of the events whose ids make the call safe to repeat ("": the body itself), for Replay.WITH_ID.
    event_items: str = ""
    event_id: str = "id"
    # Customer.io documents no body. A body that clients send may identify the person in the path, so it is not forwarded.
    bodiless: bool = False
    # The positions where clients put their own key into the body. It is the caller's credential, and never forwarded.
    caller_keys: tuple[str, ...] = ()
    # Sends with attachments and broadcast triggers have the larger size limit `large_body_bytes`.
    large_body: bool = False
