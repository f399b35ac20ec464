"""The TLS that a configuration asks for: towards Customer.io, and for the applications' second listener.

Both ends speak TLS 1.2 or later and HTTP/1.1. Towards Customer.io the certificate and the host name are always verified.
"""

import ssl
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from proxy.api.model import Upstream
from proxy.config.model import Config
from proxy.errors import ConfigError
from proxy.trust import verifying

_PROTOCOLS = ["http/1.1"]


def upstream_contexts(config: Config) -> Mapping[Upstream, ssl.SSLContext | None]:
    """Return what connections to each upstream are secured with; None where they are plain, on loopback.

    Upstreams that trust the same authorities share a context: the system's are many, and slow to load.

    Raises:
        ConfigError: a CA file cannot be used.
    """
    contexts: dict[Upstream, ssl.SSLContext | None] = {}
    made: dict[Path | None, ssl.SSLContext] = {}
    for upstream in Upstream:
        destination = config.upstream(upstream)
        if destination.origin.tls and destination.ca not in made:
            with _usable("holds no certificates in PEM that can be read", f"upstreams.{upstream}.ca"):
                context = made[destination.ca] = verifying(destination.ca)
                context.set_alpn_protocols(_PROTOCOLS)
        contexts[upstream] = made[destination.ca] if destination.origin.tls else None
    return contexts


def listener_context(config: Config) -> ssl.SSLContext | None:
    """Return what the applications' second listener is secured with; None where there is none.

    Raises:
        ConfigError: the certificate or its key cannot be used.
    """
    tls = config.outbound.tls
    if tls is None:
        return None
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.set_alpn_protocols(_PROTOCOLS)
    with _usable("the certificate and key cannot be read, or do not belong together", "outbound.tls"):
        # An encrypted key is refused: without an answer given here, OpenSSL would ask for its password at the terminal.
        context.load_cert_chain(tls.certificate, tls.key, password="")
    return context


class Replaceable:
    """The TLS of a listener, which may change: `context` takes every handshake and begins it with what is in force then."""

    def __init__(self, context: ssl.SSLContext) -> None:
        """Begin with `context`."""
        self.context = self._in_force = context
        # OpenSSL asks at every client hello, with a server name or without.
        context.sni_callback = self._begin

    def replace(self, context: ssl.SSLContext) -> None:
        """Begin handshakes with `context` from now on."""
        self._in_force = context

    def _begin(self, connection: ssl.SSLObject | ssl.SSLSocket, _name: str | None, _context: ssl.SSLContext) -> None:
        connection.context = self._in_force


@contextmanager
def _usable(problem: str, path: str) -> Iterator[None]:
    try:
        yield
    except (OSError, ValueError):  # ssl.SSLError is an OSError
        raise ConfigError(problem, path=path) from None
