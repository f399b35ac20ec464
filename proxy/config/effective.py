"""A configuration as it would be written: every value in force, and references to secrets, never the secrets."""

from typing import Any

from proxy.api.model import Upstream
from proxy.config.available import NOT_YET
from proxy.config.model import Config
from proxy.config.values import SHOWN
from proxy.policy.model import PolicyDocument


def policy_in_force(document: PolicyDocument) -> dict[str, Any]:
    """Return what a policy says, ready to be written: its version and mode, and all that is not a default."""
    return {"version": document.version, "mode": document.mode.value} | document.model_dump(
        mode="json", exclude_defaults=True, context={SHOWN: True}
    )


def in_force(config: Config) -> dict[str, Any]:
    """Return every key that this version uses with its value, ready to be written; upstreams with the URLs of the region."""
    written = config.model_dump(mode="json", context={SHOWN: True})
    for upstream in Upstream:
        written["upstreams"][upstream.value]["url"] = str(config.upstream(upstream).origin)
    for pattern in NOT_YET:
        _leave_out(written, pattern.split("."))
    return written | {"policy": policy_in_force(config.policy)}


def _leave_out(written: dict[str, Any], path: list[str]) -> None:
    """Take out the key at `path`, whose `*` stands for every item of a list; and a mapping that holds nothing else."""
    key, *rest = path
    inner = written.get(key)
    if not rest:
        written.pop(key, None)
    elif rest[0] == "*":
        for item in inner if isinstance(inner, list) else ():
            _leave_out(item, rest[1:])
    elif isinstance(inner, dict):
        _leave_out(inner, rest)
        if not inner:
            del written[key]
