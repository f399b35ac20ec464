"""Protects the real key from web pages: recognises requests of browsers, and host names that a page could use.

A page from any site may send some requests to a port of the machine of its browser, without a preflight (Fetch standard,
"CORS-safelisted"). In DNS rebinding, the page's own host name resolves to that machine. Then the browser treats the port as the
page's own server, and the page can read every answer. So only these values of `Host` are accepted:

* an IP literal (RFC 3986 section 3.2.2), in brackets if it has colons; other spellings of addresses are not accepted;
* a name without a dot, and names below `PRIVATE`, because public DNS has neither;
* the names in the configuration, and Customer.io's own names, for networks that resolve these to the sidecar.
"""

import ipaddress
import re
from collections.abc import Iterable, Mapping

# RFC 6761 (localhost), RFC 6762 (local), ICANN resolution 2024.07.29.06 (internal), Kubernetes' DNS specification (svc, and
# cluster.local of services and pods).
PRIVATE = (".localhost", ".local", ".internal", ".svc", ".cluster.local")

# A host and a port (RFC 9112 section 3.2). A name may have underscores, because names of Compose services have them.
_AUTHORITY = re.compile(r"(?:\[([0-9A-Fa-f:.]+)\]|([A-Za-z0-9_-]+(?:\.[A-Za-z0-9_-]+)*\.?))?(?::[0-9]*)?")


def from_page(headers: Mapping[bytes, bytes]) -> bool:
    """Return whether a browser makes this request for a page; the names in `headers` are lower-cased.

    Browsers send the origin of the page (Fetch standard, `Origin`) or its relation to the target (Fetch Metadata,
    `Sec-Fetch-Site`), which is `none` for an address that the user typed. Node's `fetch` sends neither.
    """
    return b"origin" in headers or headers.get(b"sec-fetch-site", b"none") != b"none"


class Hosts:
    """The accepted values of a request's `Host`."""

    __slots__ = ("_names",)

    def __init__(self, names: Iterable[str] = ()) -> None:
        """Accept `names` in addition to the names that are always accepted."""
        self._names = frozenset(name.lower().removesuffix(".") for name in names)

    def takes(self, host: bytes | None) -> bool:
        """Return whether this `Host` is accepted. None (HTTP/1.0) and an empty value are, because they name no host."""
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
