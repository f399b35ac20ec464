"""Keeps callers' keys from leaving in bodies and targets: in bodies they are removed or masked, in targets they are refused.

Segment's clients write the key into every body as `writeKey`: at the top level, in `context` and in batch items. The endpoint
table has these positions. There the key identifies the caller, and is removed (promise G4). Anywhere else, a long configured
key is masked if it is a whole value, because it can only be there by mistake.

A body is searched only if its bytes say that a key may be in it.
"""

from collections.abc import Collection, Sequence
from typing import Any, Final
from urllib.parse import unquote

from proxy.api.match import Match
from proxy.api.model import Endpoint
from proxy.credentials.callers import Callers
from proxy.policy.actions import MASK

_WRITE_KEY: Final = b"writeKey"
# The beginning of the other JSON spelling of a letter (RFC 8259 section 7).
_ESCAPED: Final = b"\\u"


def may_be_shown(text: bytes) -> bool:
    """Say whether a JSON text may have a `writeKey`. Only False is certain."""
    return _WRITE_KEY in text or _ESCAPED in text


def taken_out(endpoint: Endpoint, value: object) -> set[str]:
    """Remove the callers' keys from `value`, at the endpoint's positions, and return those that are texts."""
    found: set[str] = set()
    for position in endpoint.caller_keys:
        _take(value, position.replace("[]", "").split("."), found)
    return found


def _take(value: object, keys: Sequence[str], found: set[str]) -> None:
    """Remove the value at a position. A list means each of its elements, even where the endpoint has no list."""
    if isinstance(value, list):
        for element in value:
            _take(element, keys, found)
    elif isinstance(value, dict) and keys[0] in value:
        if len(keys) > 1:
            _take(value[keys[0]], keys[1:], found)
        elif isinstance(key := value.pop(keys[0]), str):
            found.add(key)


def masked(callers: Callers, value: Any) -> Any:  # noqa: ANN401  # any JSON
    """Return `value` with callers' keys masked where they are whole values. It may change `value` itself."""
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
    """Say whether a caller's key is a whole value in a target: an id in the path, a parameter, or an unknown path segment."""
    hidden = callers.hidden
    if not hidden.isdisjoint(match.path_ids.values()) or not hidden.isdisjoint(match.query.values()):
        return True
    if match.endpoint.method != "*":
        return False
    parameters = (part for parameter in match.unnamed_query for part in parameter)
    return not hidden.isdisjoint((*map(unquote, match.target.decode().split("/")), *parameters))
