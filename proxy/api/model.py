"""What one Customer.io endpoint is: the columns of the table in `endpoints.py`.

A *position* names a place in a JSON body: dot-separated keys, `*` for any key, `[]` after a key for every element of its
array, and a last `**` for everything below. `batch[].identifiers.*` is every identifier of every batch item. Positions are
exempt from the rules that change values, so a row names exact keys wherever Customer.io's reference does.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from types import MappingProxyType


class Upstream(StrEnum):
    """The three origins of Customer.io (customerio-api.md 1.1)."""

    TRACK = "track"
    APP = "app"
    PIPELINES = "pipelines"


class Credential(StrEnum):
    """Which secret a call carries, and in which form (customerio-api.md 1.1)."""

    TRACK = "track"  # Authorization: Basic site_id:api_key
    APP = "app"  # Authorization: Bearer app_key
    PIPELINES = "pipelines"  # Authorization: Basic write_key:
    NONE = "none"  # delivery metrics and unsubscribe links are unauthenticated


class Bucket(StrEnum):
    """Which of Customer.io's rate limits a call counts against (customerio-api.md 1.1)."""

    TRACK = "track"
    APP = "app"
    SEND = "send"
    BROADCAST = "broadcast"
    PIPELINES = "pipelines"


class Replay(StrEnum):
    """When a call whose outcome is unknown may be sent again (customerio-api.md 8)."""

    SAFE = "safe"  # an upsert, a delete or a read
    WITH_ID = "with_id"  # deduplicated upstream when every event it holds carries an id
    NEVER = "never"  # a repeat sends or submits twice


class Identifier(StrEnum):
    """What kind of identifier a position holds; decides its canonical form."""

    ID = "id"
    EMAIL = "email"
    CIO_ID = "cio_id"
    PHONE = "phone"
    ANONYMOUS_ID = "anonymous_id"
    ADDRESS = "address"  # where a message goes: addresses as mail headers write them, a phone number, or a device token
    SHAPE = "shape"  # Customer.io infers the type from the value: email-like, cio_…, else id
    BY_ID_TYPE = "by_id_type"  # named by the call's `id_type` query parameter, else id
    OPAQUE = "opaque"  # routes the call but names no person: device token, delivery id, campaign number


@dataclass(frozen=True, slots=True)
class Endpoint:
    """One row: everything the sidecar knows about one Customer.io call.

    `path` is the canonical template sent upstream; its `{…}` segments are the keys of `path_ids`. `aliases` are further
    templates accepted for the same call (same parameters), because SDKs form them. `query` names the only query parameters
    that are sent on. `identifiers` are the positions that name a person, `routing` those that say what the call does.
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
    # Attributes that are identifiers as well, and identifiers beside the place where Customer.io reads them, as SDKs send them.
    # They are fields to every rule, and people's names to `identifiers:`.
    naming_attributes: Mapping[str, Identifier] = field(default_factory=lambda: MappingProxyType({}))
    # What a message is made of besides: fields to every rule, but minimisation lets them leave without being named.
    needed: tuple[str, ...] = ()
    # Texts in which nothing is looked for if they are coded files, as they should be (base64). What holds them is any field.
    opaque: tuple[str, ...] = ()
    # Field names a send depends on: a rule that strips, hashes or masks one of them here needs `force: true`.
    sending: frozenset[str] = frozenset()
    # Where the events of a call sit whose `id` makes it safe to repeat ("" is the body itself), for Replay.WITH_ID.
    event_items: str = ""
    event_id: str = "id"
    # Customer.io documents no body. What clients send there may name the person of the path.
    bodiless: bool = False
    # Where clients put the key of who calls into the body. It is the caller's credential, and never sent on.
    caller_keys: tuple[str, ...] = ()
    # Sends with attachments and broadcast triggers outgrow the ordinary cap (`large_body_bytes`).
    large_body: bool = False
