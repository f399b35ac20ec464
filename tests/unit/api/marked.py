"""Bodies that say of each of their values whether the policy must pass over it."""

from collections.abc import Iterator

from proxy.api.endpoints import ENDPOINTS
from proxy.api.model import Endpoint
from proxy.policy.positions import Position, tree

EXEMPT = "exempt"  # an identifier or routing value
PLAIN = "plain"  # a value that rules may change

BY_NAME = {endpoint.name: endpoint for endpoint in ENDPOINTS}


def row(name: str) -> Endpoint:
    """Return the endpoint called `name`."""
    return BY_NAME[name]


def misjudged(name: str, body: object) -> list[str]:
    """Return the places of `body` that the row called `name` judges other than their marks say."""
    return list(_misjudged(body, tree(BY_NAME[name]), "", exempt=False))


def _misjudged(value: object, position: Position, place: str, *, exempt: bool) -> Iterator[str]:
    if isinstance(value, dict):
        for key, child in value.items():
            below = position.below(key)
            yield from _misjudged(child, below, f"{place}.{key}", exempt=below.exempt)
    elif isinstance(value, list):
        for child in value:
            # An array of single values is as exempt as a single one; an object in it is looked into.
            yield from _misjudged(child, position.elements, f"{place}[]", exempt=exempt)
    elif exempt is not (value == EXEMPT):
        yield place
