"""Transactional sends and broadcast triggers: the App API calls that send messages to people.

Customer.io cannot tell a repeat from a second message, so no such call is sent twice. Customer.io serves `/v1/send/*` on its
Track host too, but documents only the App host.
"""

from types import MappingProxyType

from proxy.api.model import Bucket, Credential, Endpoint, Identifier, Replay, Upstream
from proxy.api.rows import NOBODY, PERSON_V2, Persons, below, path_kinds

_SENDING = ("to", "identifiers", "transactional_message_id")


def _send(
    name: str,
    *,
    to: Persons = NOBODY,
    routing: tuple[str, ...] = (),
    opaque: tuple[str, ...] = (),
    needed: tuple[str, ...] = (),
    sending: tuple[str, ...] = (),
) -> Endpoint:
    return Endpoint(
        name=f"app.v1.send.{name}",
        method="POST",
        path=f"/v1/send/{name}",
        upstream=Upstream.APP,
        credential=Credential.APP,
        bucket=Bucket.SEND,
        replay=Replay.NEVER,
        identifiers=MappingProxyType({**below("identifiers", PERSON_V2), **to}),
        routing=("transactional_message_id", "send_at", *routing),
        opaque=opaque,
        needed=needed,
        sending=frozenset((*_SENDING, *sending)),
        large_body=True,
    )


SENDS = (
    _send(
        "email",
        to={"to": Identifier.ADDRESS, "cc": Identifier.ADDRESS, "bcc": Identifier.ADDRESS},
        routing=("from", "reply_to"),
        opaque=("attachments.*",),
        needed=("subject", "body"),
        sending=("cc", "bcc", "from", "reply_to", "subject", "body"),
    ),
    _send(
        "push",
        # `to` is a device token, or `all` or `last_used` for the person's devices.
        routing=("to", "custom_device.token", "custom_device.platform", "custom_device.last_used"),
        sending=("custom_device",),
    ),
    _send("sms", to={"to": Identifier.ADDRESS}, routing=("from",), sending=("from",)),
    _send("whatsapp", to={"to": Identifier.ADDRESS}, routing=("from",), sending=("from",)),
    _send("in_app"),
    _send("inbox_message"),
    Endpoint(
        name="app.v1.broadcast.trigger",
        method="POST",
        path="/v1/campaigns/{broadcast_id}/triggers",
        upstream=Upstream.APP,
        credential=Credential.APP,
        bucket=Bucket.BROADCAST,
        replay=Replay.NEVER,
        aliases=("/v1/api/campaigns/{broadcast_id}/triggers",),  # Node up to 4.4
        path_ids=path_kinds("{broadcast_id}", NOBODY),
        identifiers=MappingProxyType(
            {
                "ids[]": Identifier.ID,
                "emails[]": Identifier.EMAIL,
                "per_user_data[].id": Identifier.ID,
                "per_user_data[].email": Identifier.EMAIL,
            }
        ),
        # The audience is an expression of and, or and not at any depth. A changed operand would send to other people.
        routing=("recipients.**", "data_file_url"),
        sending=frozenset({"ids", "emails", "per_user_data", "recipients", "data_file_url"}),
        large_body=True,
    ),
)
