"""Transactional sends and broadcast triggers of the App API (App API reference).

The real Track host serves the sends too. The simulator serves all APIs on one port.
"""

import base64
import json
from collections.abc import Iterator, Mapping
from dataclasses import replace
from email.utils import getaddresses
from functools import partial

from proxy.simulator.model import MIB, Api, Call, Check, Credential, Envelope, Json, Problem, Row
from proxy.simulator.shapes import (
    PERSON,
    any_of,
    array,
    at_least_one,
    at_most_bytes,
    base64_text,
    both,
    email,
    exactly_one,
    fields,
    integer,
    json_object,
    null,
    size_bytes,
    string,
    text,
    values_of,
)

PAYLOAD_BYTES = MIB  # without attachments
ATTACHMENTS_BYTES = 2 * MIB
RECIPIENTS = 15
TRIGGER_BYTES = 25 * MIB
TRIGGER_DATA_BYTES = 50_000
TRIGGER_PEOPLE = 10_000

_MESSAGE_ID = any_of(text(), integer)
_COMMON: Mapping[str, Check] = {"message_data": json_object, "send_at": integer, "language": string}
_WITH_TEMPLATE = fields({"identifiers": exactly_one(PERSON), "transactional_message_id": _MESSAGE_ID}, _COMMON)
_EMAIL_FIELDS = fields(
    {"to": text(), "identifiers": exactly_one(PERSON)},
    {
        **_COMMON,
        "cc": string,
        "bcc": string,
        "transactional_message_id": _MESSAGE_ID,
        "headers": any_of(json_object, text()),
        "attachments": values_of(base64_text),
    },
)
# Without a template, the call must contain the message itself.
_CONTENT = any_of(at_least_one("transactional_message_id"), fields({"from": text(), "subject": text(), "body": text()}))
_PUSH = both(
    fields({"identifiers": exactly_one(PERSON)}, {**_COMMON, "transactional_message_id": _MESSAGE_ID}),
    at_least_one("transactional_message_id", "custom_payload"),
)


def _recipients(_field: str, value: Json) -> Iterator[Problem]:
    named = [value.get(name) for name in ("to", "cc", "bcc")] if isinstance(value, dict) else []
    if len(getaddresses([str(one) for one in named if one])) > RECIPIENTS:
        yield Problem("to", f"with cc and bcc must not name more than {RECIPIENTS} recipients")


def _sizes(_field: str, value: Json) -> Iterator[Problem]:
    attachments = value.get("attachments") if isinstance(value, dict) else None
    files = list(attachments.values()) if isinstance(attachments, dict) else []
    attached = sum(len(base64.b64decode(file)) for file in files if isinstance(file, str))
    if attached > ATTACHMENTS_BYTES:
        yield Problem("attachments", f"must not be larger than {ATTACHMENTS_BYTES} bytes", "too_large", 413)
    rest = {name: member for name, member in value.items() if name != "attachments"} if isinstance(value, dict) else {}
    if size_bytes(rest) > PAYLOAD_BYTES:
        yield Problem("body", f"must not be larger than {PAYLOAD_BYTES} bytes without attachments", "too_large", 413)


_EMAIL = both(_EMAIL_FIELDS, _CONTENT, _recipients, _sizes)
_TEMPLATED = both(_WITH_TEMPLATE, _sizes)


def _queued(call: Call) -> Json:
    name = json.dumps([call.workspace.environment_id, call.number]).encode()
    answer: dict[str, Json] = {"delivery_id": base64.urlsafe_b64encode(name).decode(), "queued_at": int(call.now)}
    if isinstance(call.body, dict) and call.body.get("send_at") is not None:
        answer["send_at"] = call.body["send_at"]
    return answer


def _unprocessable(check: Check) -> Check:
    """Return `check` with status 422 for its problems, the status of the broadcast trigger."""

    def told(field: str, value: Json) -> Iterator[Problem]:
        return (replace(problem, status=422) for problem in check(field, value))

    return told


_AUDIENCES = ("recipients", "ids", "emails", "per_user_data", "data_file_url")


def _audience(_field: str, value: Json) -> Iterator[Problem]:
    named = [name for name in _AUDIENCES if isinstance(value, dict) and value.get(name) is not None]
    if len(named) > 1:
        yield Problem(named[1], f"cannot be given beside {named[0]}")


def _filled(field: str, value: Json) -> Iterator[Problem]:
    """Refuse an empty object, as the real service does (customerio/customerio-node issue 220)."""
    yield from json_object(field, value)
    if value == {}:
        yield Problem(field, "must not be empty")


_TRIGGER = any_of(
    both(
        fields(
            optional={
                "data": both(_filled, at_most_bytes(TRIGGER_DATA_BYTES)),
                "recipients": _filled,
                "ids": array(PERSON["id"], at_least=1, at_most=TRIGGER_PEOPLE),
                "emails": array(email, at_least=1, at_most=TRIGGER_PEOPLE),
                "per_user_data": array(
                    both(exactly_one({"id": PERSON["id"], "email": email}), fields(optional={"data": json_object})),
                    at_least=1,
                    at_most=TRIGGER_PEOPLE,
                ),
                "data_file_url": text(),
            }
        ),
        _audience,
    ),
    null,
)


def _triggered(call: Call) -> Json:
    return {"id": call.number}


_send = partial(
    Row,
    method="POST",
    api=Api.APP,
    credential=Credential.APP_KEY,
    errors=Envelope.META_ERROR,
    reply=_queued,
    max_body_bytes=4 * MIB,  # the payload, and the attachments as base64
    too_large_status=413,
)

_TRIGGER_ROW = Row(
    "app.broadcast.trigger",
    "POST",
    "/v1/campaigns/{broadcast_id:int}/triggers",
    Api.APP,
    Credential.APP_KEY,
    Envelope.DETAIL,
    body=_unprocessable(_TRIGGER),
    reply=_triggered,
    max_body_bytes=TRIGGER_BYTES,
    too_large_status=413,
)

ROWS: tuple[Row, ...] = (
    _send("app.send.email", path="/v1/send/email", body=_EMAIL),
    _send("app.send.push", path="/v1/send/push", body=both(_PUSH, _sizes)),
    _send("app.send.sms", path="/v1/send/sms", body=_TEMPLATED),
    _send("app.send.whatsapp", path="/v1/send/whatsapp", body=_TEMPLATED),
    _send("app.send.in_app", path="/v1/send/in_app", body=_TEMPLATED),
    _send("app.send.inbox_message", path="/v1/send/inbox_message", body=_TEMPLATED),
    _TRIGGER_ROW,
    # The path of the Node SDK up to 4.4.
    replace(_TRIGGER_ROW, name="app.broadcast.trigger.before", path="/v1/api/campaigns/{broadcast_id:int}/triggers"),
)
