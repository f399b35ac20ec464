"""The table of Customer.io calls, one row each. A call without a row is not forwarded (`outbound.unknown_endpoints`).

Names have the form `<api>.<version>.<call>`, so that a policy may say `track.*`, `app.v1.send.*` or `pipelines.v1.track`.
`python -m proxy.api.reference` makes the table for users, `docs/endpoints.md`, from these rows.
"""

from proxy.api.content import CONTENT
from proxy.api.live import LIVE
from proxy.api.model import Endpoint
from proxy.api.people import PEOPLE
from proxy.api.pipelines import PIPELINES
from proxy.api.sends import SENDS
from proxy.api.track import TRACK

ENDPOINTS: tuple[Endpoint, ...] = (*TRACK, *SENDS, *LIVE, *PEOPLE, *CONTENT, *PIPELINES)
