"""One consistent snapshot of all settings that decide on a request."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from proxy.api.match import Table
from proxy.api.model import Upstream
from proxy.api.web import Hosts
from proxy.credentials.callers import Callers
from proxy.policy.compile import Policy
from proxy.policy.inventory import Inventory


@dataclass(frozen=True, slots=True)
class Rules:
    """The snapshot. It is replaced as a whole and never changed, so one snapshot decides on a request from beginning to end.

    `heads` has, for each upstream, the end of the request line and the first header lines of every call. `body_bytes`,
    `large_body_bytes` and `depth` are the size limits of a body. `inventory` records fields, if it is configured. `hosts` are
    the names that the Host of a request may have.
    """

    table: Table
    policy: Policy
    callers: Callers
    heads: Mapping[Upstream, bytes]
    body_bytes: int
    large_body_bytes: int
    depth: int
    inventory: Inventory | None = None
    hosts: Hosts = field(default_factory=Hosts)
