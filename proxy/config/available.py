"""What the schema describes and this version does not do yet: refused by name, never silently without effect.

A line of `NOT_YET` goes when the machinery it waits for comes.
"""

from collections.abc import Iterator, Mapping
from types import MappingProxyType
from typing import Any

from proxy.config.model import Config
from proxy.config.problems import dotted
from proxy.config.values import KeyPath, Section
from proxy.errors import ConfigError

# For a key that may stand there whatever it says only when it does not stand there at all.
_ABSENT = object()

# Key paths, `*` for every item of a list, and the only value that each may have: the one under which nothing is missing.
NOT_YET: Mapping[str, Any] = MappingProxyType(
    {
        "outbound.callers.*.may_unsuppress": False,
        "limits.backend": "memory",
        "limits.redis": None,
        "delivery.retries": None,
        "delivery.breaker": None,
        "delivery.add_event_ids": False,
        "delivery.spool.mode": "off",
        "delivery.spool.path": None,
        "delivery.spool.max_bytes": _ABSENT,
        "delivery.spool.max_age_seconds": _ABSENT,
        "delivery.spool.key": None,
        "webhooks.routes": (),
        "erasure": None,
    }
)


def unavailable(config: Config) -> Iterator[ConfigError]:
    """Find what `config` asks for that this version does not do."""
    for pattern, harmless in NOT_YET.items():
        for path, value in _given(config, tuple(pattern.split(".")), ()):
            if value != harmless:
                yield ConfigError(f"{note(harmless)}; leave it out", path=dotted(path))


def note(harmless: Any) -> str:  # noqa: ANN401 - a value of the table
    """Return what is said about a key whose only value is `harmless`."""
    if harmless is False or isinstance(harmless, str):
        return f"anything but {str(harmless).lower()} is not available yet"
    return "is not available yet"


def _given(value: Any, keys: tuple[str, ...], path: KeyPath) -> Iterator[tuple[KeyPath, Any]]:  # noqa: ANN401
    """Find what stands at `keys` because somebody wrote it there."""
    if not keys:
        yield path, value
    elif isinstance(value, Section) and keys[0] in value.model_fields_set:
        yield from _given(getattr(value, keys[0]), keys[1:], (*path, keys[0]))
    elif isinstance(value, tuple) and keys[0] == "*":
        for index, item in enumerate(value):
            yield from _given(item, keys[1:], (*path, index))
