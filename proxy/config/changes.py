"""Which keys differ between two configurations, and whether a running sidecar can take them (design 4.2).

`LIVE` and `NEEDS_RESTART` divide every key of the configuration between them; a test walks the model. A key path stands for
everything below it, unless a longer one stands in either table. What stands in neither needs a restart.
"""

from collections.abc import Iterable, Iterator
from typing import Final

from proxy.config.model import Config
from proxy.config.problems import dotted
from proxy.config.values import KeyPath, Section
from proxy.errors import ConfigError

LIVE: Final = frozenset(
    {
        "outbound.tls.certificate", "outbound.tls.key", "outbound.unknown_endpoints", "outbound.hosts", "outbound.callers",
        "outbound.limits", "outbound.drain", "admin.token", "credentials", "stores", "policy", "limits.replicas",
        "limits.buckets", "limits.wait_seconds", "delivery.timeouts", "delivery.connections", "logs.level",
    }
)  # fmt: skip

# Sockets that are open, where calls go, and what is not available yet. `outbound.tls` is the listener itself: added or removed.
NEEDS_RESTART: Final = frozenset(
    {
        "version", "region", "upstreams", "outbound.host", "outbound.port", "outbound.tls", "outbound.tls.port", "admin.host",
        "admin.port", "limits.backend", "limits.redis", "delivery.retries", "delivery.breaker", "delivery.add_event_ids",
        "delivery.spool", "webhooks", "erasure", "logs.format",
    }
)  # fmt: skip

_TABLES: Final = LIVE | NEEDS_RESTART


def changed(old: Config, new: Config) -> tuple[str, ...]:
    """Return the key paths of what differs, as they stand in the two tables; a key of neither by its own path."""
    return tuple(_changed(old, new, ()))


def refused(paths: Iterable[str]) -> list[ConfigError]:
    """Return a problem for each of these changes that needs a restart."""
    return [ConfigError("needs a restart", path=path) for path in paths if path not in LIVE]


def is_divided(name: str) -> bool:
    """Tell whether a table holds a key below `name`, so that the keys of this section are looked at one by one."""
    return not name or any(path.startswith(f"{name}.") for path in _TABLES)


def _changed(old: object, new: object, path: KeyPath) -> Iterator[str]:
    if old == new:
        return
    name = dotted(path)
    if isinstance(old, Section) and isinstance(new, Section) and (is_divided(name) or name not in _TABLES):
        for key in type(old).model_fields:
            yield from _changed(getattr(old, key), getattr(new, key), (*path, key))
    else:
        yield name
