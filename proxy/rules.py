"""One consistent snapshot of everything that decides on a request."""

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
    """Replaced whole, never changed: a request is decided by one of them from beginning to end.

    `heads` gives, for each upstream, the end of the request line and the header lines that every call to it begins with;
    `body_bytes`, `large_body_bytes` and `depth` bound a body; `inventory` is where fields are written down, if they are;
    `hosts` are the names that requests may be sent to.
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
