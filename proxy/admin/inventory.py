"""`GET /v1/policy/inventory`: every field that callers sent, by endpoint and path, before the policy acted; no value is shown.

{"since": "2026-11-25T08:00:00Z", "unrecorded": 0, "fields": [{"endpoint": "track.v1.identify", "path": "address.city",
"types": ["string"], "count": 12, "detectors": {"email": 1}, "first_seen": "2026-11-25T08:00:01Z",
"last_seen": "2026-11-25T09:00:00Z", "new": true}]}

`types` are JSON Schema's; `detectors` counts what was found in values; `new` says that `policy.inventory.known` does not hold
the field; `unrecorded` counts what there was no room for.
"""

from collections.abc import Callable
from datetime import UTC, datetime

import orjson
from aiohttp import web

from proxy.policy.inventory import Inventory, Seen

PATH = "/v1/policy/inventory"


def page(
    kept: Callable[[], Inventory | None], refuse: Callable[[str], web.Response]
) -> Callable[[web.BaseRequest], web.Response]:
    """Return what answers with the inventory that is `kept`, or refuses where none is."""

    def inventory(_: web.BaseRequest) -> web.Response:
        found = kept()
        if found is None:
            return refuse("inventory_off")
        shown = {
            "since": _date(found.since),
            "unrecorded": found.unrecorded,
            "fields": [_shown(endpoint, seen) for endpoint, seen in found],
        }
        return web.Response(body=orjson.dumps(shown), content_type="application/json", headers={"Cache-Control": "no-store"})

    return inventory


def _shown(endpoint: str, seen: Seen) -> dict[str, object]:
    return {
        "endpoint": endpoint,
        "path": seen.path,
        "types": seen.type_names,
        "count": seen.count,
        "detectors": seen.detectors,
        "first_seen": _date(seen.first_seen),
        "last_seen": _date(seen.last_seen),
        "new": seen.new,
    }


def _date(seconds: float) -> str:
    return datetime.fromtimestamp(int(seconds), UTC).isoformat().replace("+00:00", "Z")
