"""`GET /v1/keys`: every key of Customer.io that the sidecar holds, by its fingerprint; no part of one is shown.

{"keys": [{"credential": "track", "slot": "track", "key_id": "a1b2c3d4", "state": "active", "source": "vault", "version": "7",
"version_age_seconds": 864000.0, "staleness_seconds": 12.5, "last_used_seconds": 0.25}]}

In the order in which calls prefer them, those in force first. An age is null where there is none: the store has no dates, the
key cannot change while the process runs, it was never used.
"""

from collections.abc import Callable, Iterable
from dataclasses import asdict

import orjson
from aiohttp import web

from proxy.credentials.keyring import KeyStatus

PATH = "/v1/keys"
# Ages are told to the millisecond.
_DIGITS = 3


def page(status: Callable[[], Iterable[KeyStatus]]) -> Callable[[web.BaseRequest], web.Response]:
    """Return what answers with `status`."""

    def keys(_: web.BaseRequest) -> web.Response:
        body = orjson.dumps({"keys": [_shown(key) for key in status()]})
        return web.Response(body=body, content_type="application/json", headers={"Cache-Control": "no-store"})

    return keys


def _shown(key: KeyStatus) -> dict[str, object]:
    return {name: round(value, _DIGITS) if isinstance(value, float) else value for name, value in asdict(key).items()}
