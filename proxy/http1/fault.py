"""Faults in request heads that llhttp accepts. The end of the body may then be uncertain, so the connection is closed too.

* `Host` occurs exactly once in HTTP/1.1 and has the form of a host and port (RFC 9112 section 3.2).
* A field that frames or authenticates a message occurs at most once (`SINGLE`).
* The only transfer coding is a single `chunked`, and HTTP/1.0 has none (RFC 9112 section 6.1).
"""

import re
from collections.abc import Mapping
from typing import Final

from proxy.http1.framing import MAX_LENGTH_DIGITS

SINGLE: Final = frozenset(
    {b"host", b"content-length", b"transfer-encoding", b"content-type", b"content-encoding", b"authorization", b"expect"}
)
# RFC 3986 sections 3.2.2 and 3.2.3: a name, an address, or an address in brackets; then an optional port.
_NAME: Final = rb"[\w.~!$&'()*+,;=-]*"
_HOST: Final = re.compile(rb"(?:%b(?:%%[0-9A-Fa-f]{2}%b)*|\[[0-9A-Fa-f:.]+\])(?::[0-9]*)?" % (_NAME, _NAME))


def faulty(fields: Mapping[bytes, bytes], *, http10: bool) -> bool:
    """Say whether a field contradicts another or the version, or is malformed. Each of `SINGLE` occurs at most once here."""
    coding = fields.get(b"transfer-encoding")
    if coding is not None and (http10 or coding.lower() != b"chunked"):
        return True
    host = fields.get(b"host")
    if (host is None and not http10) or (host and not _HOST.fullmatch(host)):
        return True
    return len(fields.get(b"content-length", b"")) > MAX_LENGTH_DIGITS
