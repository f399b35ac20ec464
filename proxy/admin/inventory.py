"""`GET /v1/policy/inventory`: every field that callers sent, by endpoint and path, before the policy acted; no value is shown.

{"since": "2026-11-25T08:00:00Z", "unrecorded": 0, "fields": [{"endpoint": "track.v1.identify", "path": "address.city",
"types": ["string"], "count": 12, "detectors": {"email": 1}, "first_seen": "2026-11-25T08:00:01Z",
"last_seen": "2026-11-25T09:00:00Z", "new": true}]}

Sorted by endpoint and path. `types` are JSON Schema's; `detectors` counts what was found in values; `new` says that
`policy.inventory.known` does not hold the field; `unrecorded` counts how often there was no room for a field, or for its own
name.
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
        body = orjson.dumps(shown, option=orjson.OPT_UTC_Z)
        return web.Response(body=body, content_type="application/json", headers={"Cache-Control": "no-store"})

    return inventory


def _shown(endpoint: str, seen: Seen) -> dict[str, object]:
    return {
        "endpoint": endpoint,
        "path": seen.path,
        "types": seen.type_names,
        "count": seen.count,
        "detectors": dict(sorted(seen.detectors.items())),
        "first_seen": _date(seen.first_seen),
        "last_seen": _date(seen.last_seen),
        "new": seen.new,
    }


def _date(seconds: float) -> datetime:
    return datetime.fromtimestamp(int(seconds), UTC)
