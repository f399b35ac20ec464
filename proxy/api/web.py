"""What a web page must not do with the real key: requests that a browser makes for one, and names that it could be served by.

A page of anywhere may send some requests to a port of the machine that its browser runs on, without asking first (Fetch
standard, "CORS-safelisted"). And where its own name is made to mean that machine (DNS rebinding), the browser takes the port
for the page's own server, and shows it every answer. No such name is one of these:

* an IP literal (RFC 3986 section 3.2.2), in brackets where it has colons; other spellings of numbers are none;
* a name without a dot, which public DNS has none of, and names below `PRIVATE`, which it never will have;
* what the configuration lists, and Customer.io's own, for where its names are made to mean the sidecar.
"""

import ipaddress
import re
from collections.abc import Iterable, Mapping

# RFC 6761 (localhost), RFC 6762 (local), ICANN resolution 2024.07.29.06 (internal), Kubernetes' DNS specification (svc, and
# cluster.local of services and pods).
PRIVATE = (".localhost", ".local", ".internal", ".svc", ".cluster.local")

# A host and a port (RFC 9112 section 3.2). Of a name, letters, digits, hyphens and underscores: Compose has names with those.
_AUTHORITY = re.compile(r"(?:\[([0-9A-Fa-f:.]+)\]|([A-Za-z0-9_-]+(?:\.[A-Za-z0-9_-]+)*\.?))?(?::[0-9]*)?")


def from_page(headers: Mapping[bytes, bytes]) -> bool:
    """Say whether a browser makes this request for a page; `headers` has lower-cased names.

    Browsers say which page's it is (Fetch standard, `Origin`), or how far the page is (Fetch Metadata, `Sec-Fetch-Site`):
    `none` is what a person typed. Node's `fetch` only says how it fetches.
    """
    return b"origin" in headers or headers.get(b"sec-fetch-site", b"none") != b"none"


class Hosts:
    """The names that a request's `Host` may have."""

    __slots__ = ("_names",)

    def __init__(self, names: Iterable[str] = ()) -> None:
        """Take `names` beside those that are always taken."""
        self._names = frozenset(name.lower().removesuffix(".") for name in names)

    def takes(self, host: bytes | None) -> bool:
        """Say whether a request with this `Host` is taken; HTTP/1.0 has none, and an empty one names nothing."""
        if not host:
            return True
        authority = _AUTHORITY.fullmatch(host.decode("latin-1"))
        if authority is None:
            return False
        address, text = authority.groups()
        if address is not None:
            return _is_address(address, 6)
        if text is None:
            return False
        if _is_address(text, 4):
            return True
        name = text.lower().removesuffix(".")
        return "." not in name or name.endswith(PRIVATE) or name in self._names


def _is_address(text: str, version: int) -> bool:
    try:
        return ipaddress.ip_address(text).version == version
    except ValueError:
        return False
