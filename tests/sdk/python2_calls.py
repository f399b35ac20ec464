"""Every public method of the Python SDK before 3, `customerio` 2.4.

Its Track client keeps the answer to itself. An event's data are keyword arguments, so an event has neither id nor timestamp of
its own, and there is no batch.
"""

from dataclasses import replace

from tests.sdk import arrivals as a
from tests.sdk import python_calls as later
from tests.sdk.arrivals import Arrival, Call, Json


def _track(method: str, *args: Json, arrival: Arrival, told: Json = None, **options: Json) -> Call:
    return Call(f"CustomerIO.{method}", args, replace(arrival, answer=told), options)


# The same in both.
_LOCAL = tuple(call for call in later.TRACK if call.arrival is None and call.method != "CustomerIO.close")
_SENDS = tuple(
    call
    for call in later.APP
    if call.method.partition(".")[2] in {"send_email", "send_push", "send_sms", "send_inbox_message", "send_in_app"}
)

CALLS = (
    _track("identify", a.PERSON, arrival=a.IDENTIFY, **a.SEEN),
    _track(
        "track", a.PERSON, "purchased", price=1.5, **a.SEEN,
        arrival=Arrival(f"POST {a.CUSTOMER}/events", {"name": "purchased", "data": {"price": 1.5, **a.LEFT}}),
    ),
    _track("track_anonymous", "a-1", "seen", arrival=a.ANONYMOUS_EVENT, **a.SEEN),
    _track(
        "pageview", a.PERSON, later.PAGE, **a.SEEN,
        arrival=Arrival(f"POST {a.CUSTOMER}/events", {"type": "page", "name": later.PAGE, "data": a.LEFT}),
    ),
    _track(
        "backfill", a.PERSON, "purchased", "1600000000", price=1.5,
        arrival=Arrival(
            f"POST {a.CUSTOMER}/events", {"name": "purchased", "data": {"price": 1.5}, "timestamp": 1_600_000_000}
        ),
    ),
    _track("delete", a.PERSON, arrival=replace(a.DELETE, body={})),
    _track("add_device", a.PERSON, a.TOKEN, "ios", arrival=a.ADD_DEVICE, last_used=a.NOW),
    _track("delete_device", a.PERSON, a.TOKEN, arrival=replace(a.DELETE_DEVICE, body={})),
    _track("suppress", a.PERSON, arrival=a.SUPPRESS),
    _track("unsuppress", a.PERSON, arrival=a.UNSUPPRESS),
    _track("merge_customers", "email", a.PERSON, "id", "6", arrival=a.MERGE),
    _track(
        "send_request", "PUT", "{base}/customers/5", a.SEEN, told="{}",
        arrival=Arrival("PUT /api/v1/customers/5", a.LEFT),
    ),
    *_LOCAL,
    *_SENDS,
    Call("APIClient.send_request", ["GET", "{base}/v1/segments/7", {}], Arrival("GET /v1/segments/7", {})),
)  # fmt: skip
