"""Which keys differ between two configurations, and whether a running sidecar can take them (design 4.2).

`LIVE` and `NEEDS_RESTART` divide every key of the configuration between them; a test walks the model. A key path stands for
everything below it, unless a longer one stands in either table. What stands in neither needs a restart.
"""

from collections.abc import Iterator
from typing import Final

from proxy.config.model import Config
from proxy.config.problems import dotted, together
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
    """Return the key paths of what differs, as they stand in `LIVE`.

    Raises:
        ConfigError: something differs that needs a restart; several problems come together as one `InvalidConfigError`.
    """
    paths = tuple(differing(old, new))
    if problems := [ConfigError("needs a restart", path=path) for path in paths if path not in LIVE]:
        raise together(problems)
    return paths


def differing(old: object, new: object, path: KeyPath = ()) -> Iterator[str]:
    """Find the key paths of what differs between two values at `path`, as they stand in the tables, or the keys themselves."""
    if old == new:
        return
    name = dotted(path)
    if isinstance(old, Section) and isinstance(new, Section) and (_is_divided(name) or name not in _TABLES):
        for key in type(old).model_fields:
            yield from differing(getattr(old, key), getattr(new, key), (*path, key))
    else:
        yield name


def _is_divided(name: str) -> bool:
    """Tell whether a table holds a key below `name`, so that the keys of this section are looked at one by one."""
    return not name or any(path.startswith(f"{name}.") for path in _TABLES)
