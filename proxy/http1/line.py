"""Request lines: the methods and versions that are served, and the ordinary lines that llhttp would always accept."""

from typing import Final

METHODS: Final = frozenset({"GET", "POST", "PUT", "DELETE", "PATCH"})
HTTP11: Final = b"HTTP/1.1"
HTTP10: Final = b"HTTP/1.0"
VERSIONS: Final = frozenset({HTTP11, HTTP10})
VERSION_BYTES: Final = len(HTTP11)
# A line is ordinary if it has one of these methods, and only characters of a path and a query (RFC 3986 sections 3.3 and 3.4).
ORDINARY_METHODS: Final = {method.encode(): method for method in METHODS}
ORDINARY: Final = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~%!$&'()*+,;=:@/?"
