"""Where an HTTP server is: the scheme, host and port of a URL that has nothing else."""

from dataclasses import dataclass
from typing import Annotated, Self
from urllib.parse import urlsplit

from pydantic import PlainSerializer, PlainValidator
from pydantic.json_schema import WithJsonSchema

from proxy.config.values import host_name, is_loopback

_DEFAULT_PORTS = {True: 443, False: 80}
_NOT_A_URL = "must be a URL such as https://host:port"


@dataclass(frozen=True, slots=True)
class Origin:
    """One HTTP server, spoken to over TLS unless it is on loopback."""

    host: str
    port: int
    tls: bool

    @classmethod
    def parse(cls, text: object) -> Self:
        """Return the origin that a URL names.

        Raises:
            ValueError: it is not an https URL (plain http only to loopback) of a host and perhaps a port, and nothing else.
        """
        if not isinstance(text, str) or not text.isascii() or not text.isprintable() or " " in text:
            raise ValueError(_NOT_A_URL)
        try:
            parts = urlsplit(text)
            host, port = parts.hostname, parts.port
        except ValueError:
            raise ValueError(_NOT_A_URL) from None
        if parts.scheme not in {"http", "https"} or not host or port == 0 or parts.netloc.endswith(":"):
            raise ValueError(_NOT_A_URL)
        if "@" in parts.netloc:
            raise ValueError("must not hold a user name or password")
        if parts.path not in {"", "/"} or "?" in text or "#" in text:
            raise ValueError("must end after the host and port: the sidecar forms the paths itself")
        tls = parts.scheme == "https"
        if not tls and not is_loopback(host):
            raise ValueError("must be https: plain http is for loopback only")
        return cls(host_name(host), port or _DEFAULT_PORTS[tls], tls)

    @property
    def authority(self) -> str:
        """The value of the Host header (RFC 9112 section 3.2): no port where it is the scheme's own."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == _DEFAULT_PORTS[self.tls] else f"{host}:{self.port}"

    def __str__(self) -> str:
        """Return the URL, without a slash at its end."""
        return f"{'https' if self.tls else 'http'}://{self.authority}"


def _origin(value: object) -> Origin:
    return value if isinstance(value, Origin) else Origin.parse(value)


OriginUrl = Annotated[
    Origin,
    PlainValidator(_origin),
    PlainSerializer(str),
    WithJsonSchema({"type": "string", "format": "uri", "examples": ["https://track.customer.io"]}),
]
