"""Every Customer.io call the sidecar knows, one row each. What has no row is not forwarded (`outbound.unknown_endpoints`).

Names are `<api>.<version>.<call>`, so that a policy may say `track.*`, `app.v1.send.*` or `pipelines.v1.track`. The table for
users, `docs/endpoints.md`, is made from these rows by `python -m proxy.api.reference`.
"""

from proxy.api.content import CONTENT
from proxy.api.live import LIVE
from proxy.api.model import Endpoint
from proxy.api.people import PEOPLE
from proxy.api.pipelines import PIPELINES
from proxy.api.sends import SENDS
from proxy.api.track import TRACK

ENDPOINTS: tuple[Endpoint, ...] = (*TRACK, *SENDS, *LIVE, *PEOPLE, *CONTENT, *PIPELINES)
