"""Callers' keys where clients put them beside the header: out of bodies they are taken or masked, in targets they are refused.

Segment's clients write the key into every body as `writeKey`; the endpoint table says where (customerio-api.md 10.2). There it
says who calls, and never leaves (promise G4). Anywhere else a configured key that is long enough to be one is masked where it
is a whole value, for it can only stand there by mistake.

A body is looked through only if its bytes say that a key may be in it.
"""

from collections.abc import Collection, Sequence
from typing import Any, Final
from urllib.parse import unquote

from proxy.api.match import Match
from proxy.api.model import Endpoint
from proxy.credentials.callers import Callers
from proxy.policy.actions import MASK

_WRITE_KEY: Final = b"writeKey"
# How JSON may spell a letter otherwise (RFC 8259 section 7).
_ESCAPED: Final = b"\\u"


def may_be_shown(text: bytes) -> bool:
    """Say whether a JSON text may have a key at one of the places, for certain only where it says no."""
    return _WRITE_KEY in text or _ESCAPED in text


def taken_out(endpoint: Endpoint, value: object) -> set[str]:
    """Take the callers' keys out of `value`, where the endpoint has them, and return those that are texts."""
    found: set[str] = set()
    for position in endpoint.caller_keys:
        _take(value, position.replace("[]", "").split("."), found)
    return found


def _take(value: object, keys: Sequence[str], found: set[str]) -> None:
    """Take out what stands at a position. A list stands for its elements, also where a client has one and should not."""
    if isinstance(value, list):
        for element in value:
            _take(element, keys, found)
    elif isinstance(value, dict) and keys[0] in value:
        if len(keys) > 1:
            _take(value[keys[0]], keys[1:], found)
        elif isinstance(key := value.pop(keys[0]), str):
            found.add(key)


def masked(callers: Callers, value: Any) -> Any:  # noqa: ANN401  # any JSON
    """Return `value`, which is used up, without a caller's key as a whole value."""
    if not isinstance(value, dict | list):
        return MASK if value in callers.hidden else value
    _mask(value, callers.hidden)
    return value


def _mask(value: dict[str, Any] | list[Any], hidden: Collection[object]) -> None:
    if isinstance(value, dict):
        for key, child in value.items():
            if isinstance(child, dict | list):
                _mask(child, hidden)
            elif child in hidden:
                value[key] = MASK
    else:
        for index, child in enumerate(value):
            if isinstance(child, dict | list):
                _mask(child, hidden)
            elif child in hidden:
                value[index] = MASK


def in_target(callers: Callers, match: Match) -> bool:
    """Say whether a caller's key is a whole value of a target: an id in its path, a parameter, or a segment without a name."""
    hidden = callers.hidden
    if not hidden.isdisjoint(match.path_ids.values()) or not hidden.isdisjoint(match.query.values()):
        return True
    if match.endpoint.method != "*":
        return False
    parameters = (part for parameter in match.unnamed_query for part in parameter)
    return not hidden.isdisjoint((*map(unquote, match.target.decode().split("/")), *parameters))
