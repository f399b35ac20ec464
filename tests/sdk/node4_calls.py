"""Every public method of the Node SDK before 5, `customerio-node` 4.

4.4 and 4.5 differ in what they send: 4.4 puts an id into a path of the App API as it is, and triggers a broadcast at a path
that Customer.io has since moved. (4.4 is what npm installs where Node is older than 22.)
"""

from dataclasses import replace

from tests.sdk import arrivals as a
from tests.sdk import node_calls as later
from tests.sdk import node_reads
from tests.sdk.arrivals import Arrival, Call, Json

_NO_MORE_IN_4 = frozenset(
    f"TrackClient.{method}"
    for method in (
        "batch", "entity", "getAccountRegion", "addCustomersToSegment", "removeCustomersFromSegment", "submitForm",
        "reportMetric", "unsubscribe",
    )
)  # fmt: skip
_APP = frozenset(
    f"APIClient.{method}"
    for method in (
        "sendEmail", "sendPush", "sendSMS", "sendInboxMessage", "sendInApp", "getCustomersByEmail", "listExports", "getExport",
        "downloadExport", "createCustomersExport", "createDeliveriesExport",
    )
)  # fmt: skip
_TRIGGER = next(call for call in later.SENDS if call.method == "APIClient.triggerBroadcast")


def _attributes(person: Json, at: str, straight: str = "") -> Call:
    line = "GET /v1/customers/{}/attributes?id_type=email"
    arrival = Arrival(line.format(at), straight=line.format(straight) if straight else "")
    return Call("APIClient.getAttributes", [person, "email"], arrival)


_BOTH = (
    *(call for call in later.TRACK if call.method not in _NO_MORE_IN_4),
    *(call for call in (*later.SENDS, *node_reads.READS) if call.method in _APP),
)
assert _TRIGGER.arrival is not None
CALLS = (*_BOTH, _TRIGGER, _attributes(a.PERSON, a.ID))
CALLS_OF_4_4 = (
    *_BOTH,
    replace(_TRIGGER, arrival=replace(_TRIGGER.arrival, straight="POST /v1/api/campaigns/7/triggers")),
    _attributes("jo+e@example.com", "jo%2Be%40example.com", "jo+e@example.com"),
)
