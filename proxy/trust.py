"""How a server that the sidecar calls proves who it is: Customer.io, and every store of secrets."""

import ssl
from pathlib import Path


def verifying(authorities: Path | None = None) -> ssl.SSLContext:
    """Return a context for TLS 1.2 or later that verifies certificate and host name by `authorities`, or by the system's.

    A host is only what the certificate's subjectAltName says. The CN of its subject names nothing (RFC 9525 section 2), though
    OpenSSL takes it where there is no other name.

    Raises:
        OSError: the file of authorities cannot be read, or holds none (as `ssl.SSLError`).
        ValueError: the file's name cannot be one.
    """
    context = ssl.create_default_context(cafile=authorities)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.hostname_checks_common_name = False
    return context
