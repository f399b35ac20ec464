"""Verifies the TLS certificates of the servers that the sidecar calls: Customer.io and all secret stores."""

import ssl
from pathlib import Path


def verifying(authorities: Path | None = None) -> ssl.SSLContext:
    """Return a context for TLS 1.2 or later that verifies certificate and host name, with `authorities` or the system's CAs.

    Only the certificate's subjectAltName counts as the host name. The CN of the subject does not (RFC 9525 section 2), though
    OpenSSL uses it by default if there is no other name.

    Raises:
        OSError: the CA file cannot be read, or has no certificate (as `ssl.SSLError`).
        ValueError: the file's name is not valid.
    """
    context = ssl.create_default_context(cafile=authorities)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.hostname_checks_common_name = False
    return context
