"""The whole configuration: its sections, and what must hold between them (design 4.2).

Every value in it can be meant: what cannot is refused while it is built. `load` builds it; nothing changes it afterwards.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, Self

from pydantic import model_validator

from proxy.api.model import Upstream
from proxy.config.delivery import ORIGINS, Delivery, Limits, Region, Upstreams
from proxy.config.inbound import Erasure, Webhooks
from proxy.config.keys import CredentialsSection, Stores
from proxy.config.operations import Admin, Logs
from proxy.config.origin import Origin
from proxy.config.outbound import Outbound
from proxy.config.values import Section
from proxy.policy.model import PolicyDocument


@dataclass(frozen=True, slots=True)
class Destination:
    """Where the calls of one API go. `ca` is trusted in place of the system's certificate authorities."""

    origin: Origin
    ca: Path | None


class Config(Section):
    """A configuration that can be served."""

    version: Literal[1]
    """The version of this schema."""
    region: Region = "us"
    """Where the Customer.io account is kept. The wrong one sends personal data to the wrong continent."""
    upstreams: Upstreams = Upstreams()
    outbound: Outbound = Outbound()
    admin: Admin = Admin()
    credentials: CredentialsSection = CredentialsSection()
    stores: Stores = Stores()
    policy: PolicyDocument
    """The policy itself, the path of the file that holds it, or builtin:default, builtin:gdpr-strict or builtin:pci."""
    limits: Limits = Limits()
    delivery: Delivery = Delivery()
    webhooks: Webhooks = Webhooks()
    erasure: Erasure | None = None
    logs: Logs = Logs()

    @model_validator(mode="after")
    def _ports_apart(self) -> Self:
        taken: dict[int, str] = {}
        for key, port in self._ports():
            if port and port in taken:
                raise ValueError(f"{key} must not be the same as {taken[port]}")
            taken[port] = key
        return self

    def _ports(self) -> Iterator[tuple[str, int]]:
        """Name every port that is listened on."""
        yield "outbound.port", self.outbound.port
        if self.outbound.tls is not None:
            yield "outbound.tls.port", self.outbound.tls.port
        yield "admin.port", self.admin.port
        if self.webhooks.routes:
            yield "webhooks.port", self.webhooks.port

    @property
    def hosts(self) -> tuple[str, ...]:
        """The names that a request's Host may have beside private ones: Customer.io's, and those that are configured."""
        origins = [origin for region in ORIGINS.values() for origin in region.values()]
        origins += [self.upstream(upstream).origin for upstream in Upstream]
        return (*self.outbound.hosts, *dict.fromkeys(origin.host for origin in origins))

    def upstream(self, upstream: Upstream) -> Destination:
        """Return where the calls of an API go: to the region's own origin, unless `upstreams` says otherwise."""
        section = self.upstreams.of(upstream)
        return Destination(section.url or ORIGINS[self.region][upstream], section.ca)
