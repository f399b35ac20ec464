"""Everything that one configuration, with its secrets, comes to: built whole, beside whatever is in force."""

import ssl
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from proxy.api.endpoints import ENDPOINTS
from proxy.api.match import Table
from proxy.api.model import Bucket, Upstream
from proxy.api.web import Hosts
from proxy.config.known import known_fields
from proxy.config.model import Config
from proxy.config.tls import listener_context
from proxy.credentials.model import Kind, Provider
from proxy.credentials.resolve import HASH_KEY, Resolved
from proxy.delivery.ports import Timeouts
from proxy.http1.server import ServerLimits
from proxy.limits.gcra import Quota
from proxy.pipeline import common_head
from proxy.policy.compile import NO_KEY, compile_policy
from proxy.policy.inventory import Inventory, Known, Scanner
from proxy.rules import Rules

Inventories = Callable[[Known, Scanner | None], Inventory]
"""Gives the inventory that is kept already, or a new one that begins with these settings."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Snapshot:
    """What is decided by one configuration. It is replaced whole and never changed.

    `providers` read its secrets; `known` are the fields that are no news to the inventory in `rules`.
    """

    config: Config
    providers: Mapping[Kind, Provider]
    secrets: Resolved
    rules: Rules
    known: Known
    listener_tls: ssl.SSLContext | None

    @property
    def quotas(self) -> Mapping[Bucket, Quota]:
        """This replica's share of every rate limit."""
        limits = self.config.limits
        given = {bucket: limits.buckets.of(bucket) for bucket in Bucket}
        return {bucket: Quota(quota.rate_per_second, quota.burst).share(limits.replicas) for bucket, quota in given.items()}

    @property
    def server_limits(self) -> ServerLimits:
        """The bounds of the listeners."""
        limits = self.config.outbound.limits
        return ServerLimits(
            head_bytes=limits.head_bytes,
            header_count=limits.header_count,
            connections=limits.connections,
            inflight_bytes=limits.inflight_bytes,
            head_seconds=limits.head_seconds,
            body_seconds=limits.body_seconds,
            idle_seconds=limits.idle_seconds,
        )

    @property
    def timeouts(self) -> Timeouts:
        """How long a call may take."""
        return Timeouts(self.config.delivery.timeouts.attempt_seconds, self.config.delivery.timeouts.total_seconds)


def build(config: Config, providers: Mapping[Kind, Provider], secrets: Resolved, inventories: Inventories) -> Snapshot:
    """Return what `config` comes to with what is known of its `secrets`. Takes a while; changes nothing.

    Raises:
        ConfigError: the parts do not fit together, or a file that `config` names cannot be used.
    """
    policy = compile_policy(config.policy, ENDPOINTS, NO_KEY if HASH_KEY in secrets.unread else secrets.hash_key)
    section = config.policy.inventory
    known = frozenset() if section is None or section.known is None else known_fields(section.known)
    rules = Rules(
        table=Table(ENDPOINTS, unknown=config.outbound.unknown_endpoints),
        policy=policy,
        callers=secrets.callers,
        heads={upstream: common_head(config.upstream(upstream).origin.authority) for upstream in Upstream},
        body_bytes=config.outbound.limits.body_bytes,
        large_body_bytes=config.outbound.limits.large_body_bytes,
        depth=config.outbound.limits.depth,
        inventory=None if section is None else inventories(known, policy.inventory_scanner),
        hosts=Hosts(config.hosts),
    )
    return Snapshot(
        config=config, providers=providers, secrets=secrets, rules=rules, known=known, listener_tls=listener_context(config)
    )
