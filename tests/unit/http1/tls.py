"""TLS for tests: a certificate for localhost made once, and contexts for both ends."""

import datetime as dt
import ssl
import tempfile
from functools import cache
from pathlib import Path

from proxy.cli.certificates import Issued, issue


@cache
def issued() -> Issued:
    """Return a CA and a certificate for localhost."""
    return issue(dt.datetime.now(dt.UTC))


def server_context() -> ssl.SSLContext:
    """Return a server's context with the certificate."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.set_alpn_protocols(["http/1.1"])
    with tempfile.TemporaryDirectory() as folder:
        certificate, key = Path(folder, "server.pem"), Path(folder, "server.key")
        certificate.write_bytes(issued().server)
        key.write_bytes(issued().key)
        context.load_cert_chain(certificate, key)
    return context


def client_context() -> ssl.SSLContext:
    """Return a client's context that trusts the CA and nothing else."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.load_verify_locations(cadata=issued().ca.decode())
    return context
