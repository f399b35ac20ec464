"""What the SDKs for Go and Ruby write, which no registry within reach has: replayed byte for byte, but for host and key.

The heads were captured from Go's `net/http` and Ruby's `Net::HTTP`, order and all, the requests from the SDKs
(customerio-api.md 2.1, 2.2, 2.4 and 2.5): Go writes head and body at once and keeps its connection, Ruby writes them apart, on
a new connection for each call.
"""

import base64
import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from proxy.errors import Reason
from tests.sdk import arrivals as a
from tests.sdk.arrivals import Arrival
from tests.sdk.clients import Keys

# The caller of the tests whose key shows the base64 alphabet: `c2l0ZTprZXk_Pz4-fn4=` where others write `c2l0ZTprZXk/Pz4+fn4=`.
URL_SAFE_KEY = "key??>>~~"
GO_KEYS = Keys("site", URL_SAFE_KEY, URL_SAFE_KEY, URL_SAFE_KEY)

GO_AGENT = "Customer.io Go Client/3.8.0"
RUBY_AGENT = "Customer.io Ruby Client/6.2.0"


@dataclass(frozen=True)
class Capture:
    """One request of an SDK.

    `line` is method and target, `body` the text of the body (None: none). `arrival` is what comes of it behind the sidecar, or
    `refused` why nothing does. `straight` is the status that Customer.io itself gives, where that is another.
    """

    name: str
    language: str
    line: str
    body: str | None
    arrival: Arrival | None = None
    refused: Reason | None = None
    straight: int | None = None
    agent: str = ""
    form: bool = False

    @property
    def is_app(self) -> bool:
        """Whether it calls the App API."""
        return self.line.partition(" ")[2].startswith("/v1/")

    def writes(self, host: str, keys: Keys) -> Sequence[bytes]:
        """Return what is written to the connection, in pieces."""
        head, body = _head(self, host, keys), (self.body or "").encode()
        text = "".join(f"{line}\r\n" for line in (*head, "")).encode()
        return [text + body] if self.language == "go" else [text, body]


def _head(capture: Capture, host: str, keys: Keys) -> Sequence[str]:
    first, length = f"{capture.line} HTTP/1.1", len((capture.body or "").encode())
    if capture.language == "go":
        typed = capture.body is not None
        return (
            first,
            f"Host: {host}",
            f"User-Agent: {capture.agent or GO_AGENT}",
            *([f"Content-Length: {length}"] * typed),
            f"Authorization: {_credential(capture, keys, base64.urlsafe_b64encode)}",
            *(["Content-Type: application/json"] * typed),
            "Accept-Encoding: gzip",
        )
    authorization = f"Authorization: {_credential(capture, keys, base64.b64encode)}"
    agent = f"User-Agent: {capture.agent or RUBY_AGENT}"
    form = "Content-Type: application/x-www-form-urlencoded"
    if capture.body:
        kind = form if capture.form else "Content-Type: application/json"
        return first, agent, authorization, kind, f"Host: {host}", f"Content-Length: {length}"
    if capture.line.startswith("POST "):
        return first, agent, authorization, f"Host: {host}", "Content-Length: 0", form
    return first, agent, authorization, f"Host: {host}"


def _credential(capture: Capture, keys: Keys, encode: Any) -> str:  # noqa: ANN401  # one of base64's functions
    if capture.is_app:
        return f"Bearer {keys.app_key}"
    return f"Basic {encode(f'{keys.site_id}:{keys.api_key}'.encode()).decode()}"


def _go(name: str, line: str, body: str | None = None, **rest: Any) -> Capture:  # noqa: ANN401  # any field of a capture
    return Capture(f"go-{name}", "go", line, body, **rest)


def _ruby(name: str, line: str, body: str | None = None, **rest: Any) -> Capture:  # noqa: ANN401  # any field of a capture
    return Capture(f"ruby-{name}", "ruby", line, body, **rest)


# Go leaves `$ & + : = @` in a path as they are (`url.PathEscape`).
_GO_ID = "a@b+c=d&e$f:g%2Fh%20i%25j%21%2A~%C3%A9%E6%BC%A2"
_GO_ID_ARRIVED = "a%40b%2Bc%3Dd%26e%24f%3Ag%2Fh%20i%25j%21%2A~%C3%A9%E6%BC%A2"
# json.Marshal sorts keys and escapes what HTML would read.
_GO_SEEN = '{"first_name":"Ada","note":"\\u003cb\\u003e \\u0026","phone":"+1-555-0123","plan":"pro","ssn":"000-00-0000"}'
_GO_LEFT = {**a.LEFT, "note": "<b> &"}
_GO_VALUES = (
    '{"at":"2026-01-02T03:04:05.000000006Z","big":9007199254740993,"data":"aGk=","huge":123456789012345678901,"one":1e+21}'
)
_MESSAGE = {"identifiers": {"email": "ada@example.com"}, "transactional_message_id": "welcome"}
_EMAIL = {**_MESSAGE, "to": "Ada <ada@example.com>", "message_data": a.DATA}
_EMAIL_LEFT = {**_EMAIL, "message_data": a.DATA_LEFT}
_TRIGGER = {"data": {"headline": "Hello", "ssn": "000-00-0000"}, "ids": ["5"]}


def _compact(value: Any) -> str:  # noqa: ANN401  # any JSON value
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


GO = (
    _go(
        "identify", f"PUT /api/v1/customers/{_GO_ID}", _GO_SEEN,
        arrival=Arrival(f"PUT /api/v1/customers/{_GO_ID_ARRIVED}", _GO_LEFT),
    ),
    _go("identify-without-attributes", "PUT /api/v1/customers/5", "null", arrival=Arrival("PUT /api/v1/customers/5", None)),
    _go(
        "identify-values", "PUT /api/v1/customers/5", _GO_VALUES,
        arrival=Arrival("PUT /api/v1/customers/5", {
            "at": "2026-01-02T03:04:05.000000006Z", "big": 9007199254740993, "data": "aGk=", "huge": 123456789012345678901,
            "one": 1e21,
        }),
    ),
    # `WithURL` with a slash at its end.
    _go(
        "identify-behind-a-slash", "PUT //api/v1/customers/5", '{"plan":"pro"}', straight=404,
        arrival=Arrival("PUT /api/v1/customers/5", {"plan": "pro"}),
    ),
    _go(
        "track", f"POST /api/v1/customers/{_GO_ID}/events",
        f'{{"data":{{"price":1.5,"ssn":"000-00-0000"}},"id":"{a.ULID}","name":"purchased","timestamp":{a.NOW}}}',
        arrival=Arrival(
            f"POST /api/v1/customers/{_GO_ID_ARRIVED}/events",
            {"data": {"price": 1.5}, "id": a.ULID, "name": "purchased", "timestamp": a.NOW},
        ),
    ),
    _go(
        "track-without-data", "POST /api/v1/customers/5/events", '{"data":null,"name":"purchased"}',
        arrival=Arrival("POST /api/v1/customers/5/events", {"data": None, "name": "purchased"}),
    ),
    _go("track-of-dots", "POST /api/v1/customers/../events", '{"data":null,"name":"seen"}', refused=Reason.MALFORMED_REQUEST),
    _go(
        "track-anonymous", "POST /api/v1/events", '{"anonymous_id":"a-1","data":{"page":"/"},"name":"seen"}',
        arrival=Arrival("POST /api/v1/events", {"anonymous_id": "a-1", "data": {"page": "/"}, "name": "seen"}),
    ),
    # The time a device was last used is text.
    _go(
        "add-device", "PUT /api/v1/customers/5/devices",
        f'{{"device":{{"id":"{a.TOKEN}","platform":"ios","last_used":"{a.NOW}","attributes":{{"phone":"+1-555-0123"}}}}}}',
        arrival=Arrival("PUT /api/v1/customers/5/devices", {"device": {
            "id": a.TOKEN, "platform": "ios", "last_used": str(a.NOW), "attributes": {"phone_hash": a.LEFT["phone_hash"]}}}),
    ),
    _go(
        "add-device-without-attributes", "PUT /api/v1/customers/5/devices",
        '{"device":{"id":"t","platform":"android","attributes":null}}',
        arrival=Arrival("PUT /api/v1/customers/5/devices", {"device": {"id": "t", "platform": "android", "attributes": None}}),
    ),
    _go(
        "delete-device", "DELETE /api/v1/customers/5/devices/to%2Fken:1",
        arrival=Arrival("DELETE /api/v1/customers/5/devices/to%2Fken%3A1"),
    ),
    _go("delete", f"DELETE /api/v1/customers/{_GO_ID}", arrival=Arrival(f"DELETE /api/v1/customers/{_GO_ID_ARRIVED}")),
    # Where older ones have no body, they do not say who they are either.
    _go(
        "delete-by-an-older-one", "DELETE /api/v1/customers/5", agent="Go-http-client/1.1",
        arrival=Arrival("DELETE /api/v1/customers/5"),
    ),
    _go(
        "merge", "POST /api/v1/merge_customers", '{"primary":{"email":"ada@example.com"},"secondary":{"id":"6"}}',
        arrival=Arrival("POST /api/v1/merge_customers", {"primary": {"email": "ada@example.com"}, "secondary": {"id": "6"}}),
    ),
    _go(
        "add-to-segment", "POST /api/v1/segments/7/add_customers?id_type=email", '{"ids":["ada@example.com"]}',
        arrival=Arrival("POST /api/v1/segments/7/add_customers?id_type=email", {"ids": ["ada@example.com"]}),
    ),
    _go("send-email", "POST /v1/send/email", _compact(_EMAIL), arrival=Arrival("POST /v1/send/email", _EMAIL_LEFT)),
    _go(
        "send-push", "POST /v1/send/push", _compact({**_MESSAGE, "to": "all", "custom_device": {
            "token": "t", "platform": "ios", "attributes": None}}),
        arrival=Arrival("POST /v1/send/push", {**_MESSAGE, "to": "all", "custom_device": {
            "token": "t", "platform": "ios", "attributes": None}}),
    ),
    _go(
        "trigger", "POST /v1/campaigns/7/triggers", _compact(_TRIGGER),
        arrival=Arrival("POST /v1/campaigns/7/triggers", {"data": {"headline": "Hello"}, "ids": ["5"]}),
    ),
)  # fmt: skip

_RUBY_ID = "jo%2Be%2Fx%20y%40ex.com%21%2A%27%28%29~%C3%A9%E6%BC%A2"
_RUBY_PERSON = "jo+e/x y@ex.com!*'()~é漢"
_RUBY_EVENT = f'{{"name":"purchased","data":{{"price":1.5,"timestamp":{a.NOW},"ssn":"000-00-0000"}},"timestamp":{a.NOW}}}'
_DEVICE = {"device": {"last_used": a.NOW, "id": a.TOKEN, "platform": "ios"}}
_PUSH_EVENT = {"delivery_id": "d-1", "event": "opened", "device_id": a.TOKEN, "timestamp": a.NOW}

RUBY = (
    # The identifier is in the path and once more among the attributes.
    _ruby(
        "identify", f"PUT /api/v1/customers/{_RUBY_ID}", _compact({"id": _RUBY_PERSON, "email": "ada@example.com", **a.SEEN}),
        arrival=Arrival(f"PUT /api/v1/customers/{_RUBY_ID}", {"id": _RUBY_PERSON, "email": "ada@example.com", **a.LEFT}),
    ),
    _ruby(
        "identify-by-cio-id", "PUT /api/v1/customers/cio_03000001", '{"cio_id":"03000001","joined":"1970-01-01 00:00:00 UTC"}',
        arrival=Arrival(
            "PUT /api/v1/customers/cio_03000001", {"cio_id": "03000001", "joined": "1970-01-01 00:00:00 UTC"}
        ),
    ),
    _ruby(
        "identify-by-an-older-one", "PUT /api/v1/customers/ada@example.com", '{"id":"ada@example.com","plan":"pro"}',
        agent="Ruby", arrival=Arrival("PUT /api/v1/customers/ada%40example.com", {"id": "ada@example.com", "plan": "pro"}),
    ),
    # Before 3 it could be told to send forms, which no policy looks into.
    _ruby(
        "identify-by-form", "PUT /api/v1/customers/5", "plan=pro&ssn=000-00-0000", form=True, straight=400,
        refused=Reason.UNSUPPORTED_MEDIA,
    ),
    _ruby(
        "track", f"POST /api/v1/customers/{_RUBY_ID}/events", _RUBY_EVENT,
        arrival=Arrival(
            f"POST /api/v1/customers/{_RUBY_ID}/events",
            {"name": "purchased", "data": {"price": 1.5, "timestamp": a.NOW}, "timestamp": a.NOW},
        ),
    ),
    _ruby(
        "track-anonymous", "POST /api/v1/events", '{"anonymous_id":"a-1","name":"seen","data":{}}',
        arrival=Arrival("POST /api/v1/events", {"anonymous_id": "a-1", "name": "seen", "data": {}}),
    ),
    # An empty form, by its label, and no body at all.
    _ruby(
        "suppress", f"POST /api/v1/customers/{_RUBY_ID}/suppress",
        arrival=Arrival(f"POST /api/v1/customers/{_RUBY_ID}/suppress"),
    ),
    _ruby(
        "unsuppress", f"POST /api/v1/customers/{_RUBY_ID}/unsuppress",
        arrival=Arrival(f"POST /api/v1/customers/{_RUBY_ID}/unsuppress"),
    ),
    _ruby("delete", f"DELETE /api/v1/customers/{_RUBY_ID}", arrival=Arrival(f"DELETE /api/v1/customers/{_RUBY_ID}")),
    _ruby(
        "add-device", "PUT /api/v1/customers/5/devices", _compact(_DEVICE),
        arrival=Arrival("PUT /api/v1/customers/5/devices", _DEVICE),
    ),
    _ruby(
        "delete-device", "DELETE /api/v1/customers/5/devices/to%2Fken%3A1",
        arrival=Arrival("DELETE /api/v1/customers/5/devices/to%2Fken%3A1"),
    ),
    _ruby(
        "merge", "POST /api/v1/merge_customers", '{"primary":{"id":"5"},"secondary":{"cio_id":"03000001"}}',
        arrival=Arrival("POST /api/v1/merge_customers", {"primary": {"id": "5"}, "secondary": {"cio_id": "03000001"}}),
    ),
    # At the root of the host, beside the API; no credential is asked for, and one is given all the same.
    _ruby(
        "push-metric", "POST /push/events", _compact(_PUSH_EVENT),
        arrival=Arrival("POST /api/v1/push/events", _PUSH_EVENT, credential=False),
    ),
    _ruby(
        "batch", "POST /api/v2/batch", _compact({"batch": a.OPERATIONS}), arrival=Arrival("POST /api/v2/batch", a.BATCH.body)
    ),
    _ruby(
        "batch-partly", "POST /api/v2/batch", _compact({"batch": a.PARTLY}),
        arrival=Arrival("POST /api/v2/batch", {"batch": a.PARTLY}, status=207),
    ),
    # What was not given is sent empty.
    _ruby(
        "send-email", "POST /v1/send/email", _compact({**_EMAIL, "attachments": {}, "headers": {}}),
        arrival=Arrival("POST /v1/send/email", {**_EMAIL_LEFT, "attachments": {}, "headers": {}}),
    ),
    _ruby(
        "trigger", "POST /v1/campaigns/7/triggers", _compact(_TRIGGER),
        arrival=Arrival("POST /v1/campaigns/7/triggers", {"data": {"headline": "Hello"}, "ids": ["5"]}),
    ),
)  # fmt: skip

CAPTURES = (*GO, *RUBY)
