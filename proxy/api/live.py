"""Live notifications: the App API calls that start, change and end what a phone's lock screen shows (customerio-api.md 10.1).

Only the start is documented to name a person. The others are held to the same, whatever clients send.
"""

from proxy.api.model import Identifier
from proxy.api.rows import PERSON_V2, app, below

_PERSON = below("identifiers", {**PERSON_V2, "internal": Identifier.CIO_ID})
_STEPS = ("start", "update", "end")

LIVE = (
    *(
        app(
            f"live_notification.{step}",
            "POST",
            f"/live_notifications/{step}",
            identifiers=_PERSON,
            routing=("instance_id", "device_id"),
            sending=frozenset({"identifiers", "instance_id", "device_id"}),
        )
        for step in _STEPS
    ),
    app("live_notification.get", "GET", "/live_notifications/{instance_id}"),
)
