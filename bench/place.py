"""Where a program of the bench runs, as its starter tells it and as it reads it from its command line.

Only the standard library is imported: this is read in every peer's own environment.
"""

import ssl
from dataclasses import dataclass
from pathlib import Path
from typing import Self


@dataclass(frozen=True, slots=True)
class Place:
    """What one program is told."""

    folder: Path
    """The program's own, for what it has to write."""
    port: int
    """On loopback, where it is to listen."""
    upstream: int
    """The port on loopback that it sends calls on to, without TLS."""
    tls: Path | None
    """The files of `cio-sidecar tls init`: callers speak TLS. None: they do not."""

    def arguments(self) -> list[str]:
        """Return the command line that `of` reads."""
        return [str(self.folder), str(self.port), str(self.upstream), *([str(self.tls)] if self.tls else [])]

    @classmethod
    def of(cls, arguments: list[str]) -> Self:
        """Read what `arguments` returned."""
        folder, port, upstream, *tls = arguments
        return cls(Path(folder), int(port), int(upstream), Path(tls[0]) if tls else None)

    @property
    def certificate(self) -> tuple[Path, Path] | None:
        """The server's certificate and its key, where callers speak TLS."""
        return (self.tls / "server.pem", self.tls / "server.key") if self.tls else None

    def server_context(self) -> ssl.SSLContext | None:
        """Return what callers are spoken to with."""
        if self.certificate is None:
            return None
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        context.load_cert_chain(*self.certificate)
        return context


def client_context(tls: Path | None) -> ssl.SSLContext | None:
    """Return what a caller speaks with, which trusts the authority in `tls` and no other."""
    return ssl.create_default_context(cafile=tls / "ca.pem") if tls else None
