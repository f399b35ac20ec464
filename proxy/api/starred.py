"""A call as a log may show it: its method and path, with a star in the place of everything that may name a person.

What is shown of a path is what the endpoint table spells, and the first word behind the version, so that somebody can ask for
an endpoint that the table lacks. Everything else is a star: an identifier may look like any word. No query is shown.
"""

import re
from typing import Final

from proxy.api.endpoints import ENDPOINTS
from proxy.api.model import Endpoint

METHODS: Final = frozenset({"CONNECT", "DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT", "TRACE"})
SEGMENTS_MAX: Final = 10
STAR: Final = "*"

_PARAMETER: Final = re.compile(r"\{\w+\}")
_VERSIONS: Final = frozenset({"v1", "v2"})
_WORDS: Final = frozenset(
    segment
    for endpoint in ENDPOINTS
    for template in (endpoint.path, *endpoint.aliases)
    for segment in template.split("/")
    if segment and not _PARAMETER.fullmatch(segment)
)
# How a collection of Customer.io's API is spelt.
_COLLECTION: Final = re.compile(r"[a-z][a-z_]{1,31}")


def starred_row(endpoint: Endpoint) -> str:
    """Return the path of an endpoint of the table."""
    return _PARAMETER.sub(STAR, endpoint.path)


def starred(target: bytes) -> str:
    """Return the path of any request target."""
    path = target.partition(b"?")[0].partition(b"#")[0]
    if not path.startswith(b"/"):
        return STAR
    shown: list[str] = []
    for part in path.split(b"/", SEGMENTS_MAX + 1)[1 : SEGMENTS_MAX + 1]:
        segment = part.decode("latin-1")
        behind_version = bool(shown) and shown[-1] in _VERSIONS and shown[:-1] in ([], ["api"])
        known = not segment or segment in _WORDS or (behind_version and _COLLECTION.fullmatch(segment) is not None)
        shown.append(segment if known else STAR)
    return f"/{'/'.join(shown)}"


def shown_method(method: str) -> str:
    """Return a request's method, if it is one of HTTP's."""
    return method if method in METHODS else STAR
