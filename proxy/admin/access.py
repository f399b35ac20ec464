"""Who may see the pages that need the admin token (RFC 6750 section 2.1)."""

import hmac
from collections.abc import Callable, Mapping
from types import MappingProxyType

from aiohttp import web

from proxy.sensitive import Sensitive

CHALLENGE: Mapping[str, str] = MappingProxyType({"WWW-Authenticate": 'Bearer realm="cio-sidecar"'})

Token = Callable[[], Sensitive[str] | None]
"""Gives the admin token; None until it was read from its store."""


def bears(request: web.BaseRequest, token: Sensitive[str]) -> bool:
    """Tell whether a request carries `token`, in a time that does not depend on how much of it is right."""
    carried = request.headers.getall("Authorization", [])
    if len(carried) != 1:
        return False
    scheme, _, credentials = carried[0].partition(" ")
    given = credentials.strip(" ").encode("utf-8", "surrogateescape")
    return hmac.compare_digest(given, token.reveal().encode()) and scheme.lower() == "bearer"
