"""What an application asks of Customer.io, and what must arrive there: the words of the tables, and the calls that SDKs share.

The default policy is in force, so a person's `phone` arrives as a hash and an `ssn` does not arrive. Identifiers are the
awkward kind, and arrive in their one canonical spelling.
"""

import base64
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from unittest.mock import ANY

Json = Any

# What the simulator's clock says, always.
NOW = 1_700_000_000
ULID = "01HF7YAT00TSV4RRFFQ69G5FAV"


@dataclass(frozen=True)
class Arrival:
    """One request at Customer.io, and its answer.

    `line` is method and target, `straight` the same where the SDK alone spells it otherwise. `body` is the decoded JSON (None:
    empty), `answer` what the SDK returns: the decoded JSON, or a function that makes it of the number of the request. `ANY`, as
    answer or status, need only be the same as without the sidecar. `credential` says whether the call has one; a few are open
    to everyone.
    """

    line: str
    body: Json = None
    answer: Json | Callable[[int], Json] = field(default_factory=lambda: ANY)
    status: Json = 200
    credential: bool = True
    straight: str = ""


@dataclass(frozen=True)
class Call:
    """One use of a public method of an SDK, `CLASS.METHOD`.

    Without an `arrival` nothing leaves the application: it `returns` a value. Where it `raises`, that text is part of what its
    user reads. `{base}` in `returns` and `args` is the client's own base URL. `settle` is how the application waits for what an
    SDK sends later: the method that does, or `event`.
    """

    method: str
    args: Sequence[Json] = ()
    arrival: Arrival | None = None
    options: Mapping[str, Json] = field(default_factory=dict)
    returns: Json = None
    raises: str = ""
    settle: str = ""


PERSON = "jo+e/5@example.com"
TOKEN = "to/ken:1"
ID = "jo%2Be%2F5%40example.com"
CUSTOMER = f"/api/v1/customers/{ID}"

# One person as the application tells of them, and as they leave.
SEEN = {"first_name": "Ada", "plan": "pro", "phone": "+1-555-0123", "ssn": "000-00-0000"}
LEFT = {"first_name": "Ada", "plan": "pro", "phone_hash": "100978d4e704e8c8"}

IDENTIFY = Arrival(f"PUT {CUSTOMER}", LEFT, {})
DELETE = Arrival(f"DELETE {CUSTOMER}", None, {})
EVENT = Arrival(
    f"POST {CUSTOMER}/events", {"name": "purchased", "data": {"price": 1.5, **LEFT}, "id": ULID, "timestamp": NOW}, {}
)
ANONYMOUS_EVENT = Arrival("POST /api/v1/events", {"name": "seen", "data": LEFT, "anonymous_id": "a-1"}, {})
ADD_DEVICE = Arrival(f"PUT {CUSTOMER}/devices", {"device": {"id": TOKEN, "platform": "ios", "last_used": NOW}}, {})
DELETE_DEVICE = Arrival(f"DELETE {CUSTOMER}/devices/to%2Fken%3A1", None, {})
SUPPRESS = Arrival(f"POST {CUSTOMER}/suppress", {}, {})
UNSUPPRESS = Arrival(f"POST {CUSTOMER}/unsuppress", {}, {})
MERGE = Arrival("POST /api/v1/merge_customers", {"primary": {"email": PERSON}, "secondary": {"id": "6"}}, {})

OPERATIONS = [
    {"type": "person", "action": "identify", "identifiers": {"email": PERSON}, "attributes": SEEN},
    {"type": "person", "action": "delete", "identifiers": {"id": "6"}},
]
BATCH = Arrival("POST /api/v2/batch", {"batch": [{**OPERATIONS[0], "attributes": LEFT}, OPERATIONS[1]]}, {})
# One item is wrong, the other accepted: the answer says which.
PARTLY = [OPERATIONS[1], {"type": "person", "action": "event", "identifiers": {"id": "5"}}]
BATCH_PARTLY = Arrival(
    "POST /api/v2/batch",
    {"batch": PARTLY},
    {"errors": [{"reason": "required", "field": "name", "message": "name is required", "batch_index": 1}]},
    207,
)


def queued(number: int) -> Json:
    """Return what a send answers: the simulator names a delivery after the request."""
    name = base64.urlsafe_b64encode(json.dumps([1, number]).encode()).decode()
    return {"delivery_id": name, "queued_at": NOW}


# What every send is given. A send keeps the phone number, which may be what it is sent to.
MESSAGE = {"identifiers": {"email": PERSON}, "transactional_message_id": "welcome"}
DATA = {"name": "Ada", "phone": "+1-555-0123", "password": "not-a-real-one"}
DATA_LEFT = {"name": "Ada", "phone": "+1-555-0123"}
EMAIL = {**MESSAGE, "to": "Ada <ada@example.com>", "headers": {"X-Campaign": "spring"}, "bcc": "archive@example.com"}


def send(kind: str, body: Mapping[str, Json]) -> Arrival:
    """Return the arrival of a send that is given `DATA`."""
    return Arrival(f"POST /v1/send/{kind}", {**body, "message_data": DATA_LEFT}, queued)


PUSH = {**MESSAGE, "to": "last_used", "title": "Hello", "message": "There", "link": "app://home"}
SEND_EMAIL = send("email", {**EMAIL, "attachments": {"a.txt": "aGk="}})
SEND_PUSH = send("push", {**PUSH, "custom_device": {"token": TOKEN, "platform": "ios"}})
SEND_SMS = send("sms", {**MESSAGE, "to": "+15550123"})
SEND_WHATSAPP = send("whatsapp", {**MESSAGE, "to": "+15550123", "tracked": False})
SEND_INBOX_MESSAGE = send("inbox_message", {**MESSAGE, "language": "fr"})
SEND_IN_APP = send("in_app", MESSAGE)
