"""`cio-sidecar tls init`: the files with which an application's SDK trusts the sidecar, and nothing else new."""

import datetime as dt
import os
import shlex
import ssl
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import typer

from proxy.cli.certificates import issue
from proxy.clock import SystemClock
from proxy.errors import ConfigError

# Where systems keep the certificate authorities they trust, beside the place that OpenSSL was built to look in.
SYSTEM_BUNDLES = (
    "/etc/ssl/certs/ca-certificates.crt",  # Debian and its kin, Alpine
    "/etc/pki/tls/certs/ca-bundle.crt",  # Fedora and its kin
    "/etc/ssl/cert.pem",  # macOS, BSD
)
PUBLIC, PRIVATE = 0o644, 0o600

ADVICE = """\
Wrote ca.pem, server.pem, server.key and bundle.pem to {folder}; good until {until:%Y-%m-%d}.

Configuration:  outbound: {{tls: {{port: 8443, certificate: {folder}/server.pem, key: {folder}/server.key}}}}
Python SDK:     export REQUESTS_CA_BUNDLE={shell}/bundle.pem
                CustomerIO("any", "any", host="localhost", port=8443)
Node SDK:       export NODE_EXTRA_CA_CERTS={shell}/ca.pem
                new TrackClient("any", "any", {{url: "https://localhost:8443/api/v1"}})"""


def init(folder: Path, *, force: bool) -> None:
    """Write the files and say what to set.

    Raises:
        ConfigError: one of them is there already and `force` is not given, or they cannot be written.
    """
    issued = issue(dt.datetime.fromtimestamp(SystemClock().wall(), dt.UTC))
    system = _system_authorities()
    files = {
        "ca.pem": (issued.ca, PUBLIC),
        "server.pem": (issued.server, PUBLIC),
        "server.key": (issued.key, PRIVATE),
        "bundle.pem": (system + issued.ca, PUBLIC),
    }
    try:
        folder.mkdir(parents=True, exist_ok=True)
        there = [name for name in files if os.path.lexists(folder / name)]
        if there and not force:
            raise ConfigError(f"holds {', '.join(there)} already; --force replaces what is there", file=str(folder))
        with _written(folder, files) as temporary:
            for name, path in temporary.items():
                path.replace(folder / name)
    except OSError as error:
        raise ConfigError(f"cannot be written to: {error.strerror or type(error).__name__}", file=str(folder)) from None
    place = folder.resolve()
    typer.echo(ADVICE.format(folder=place, shell=shlex.quote(str(place)), until=issued.until))
    if not system:
        typer.echo("No certificate authorities of this system were found: bundle.pem holds only the new one.", err=True)


@contextmanager
def _written(folder: Path, files: dict[str, tuple[bytes, int]]) -> Iterator[dict[str, Path]]:
    """Give complete files, each under a name of its own and with its mode from the first byte on; clean up what is left."""
    temporary: dict[str, Path] = {}
    try:
        for name, (content, mode) in files.items():
            descriptor, made = tempfile.mkstemp(dir=folder, prefix=f".{name}.")  # readable by nobody else
            temporary[name] = Path(made)
            with os.fdopen(descriptor, "wb") as file:
                file.write(content)
                os.fchmod(file.fileno(), mode)
                file.flush()
                os.fsync(file.fileno())
        yield temporary
    finally:
        for path in temporary.values():
            path.unlink(missing_ok=True)


def _system_authorities() -> bytes:
    """Return the certificate authorities that this system trusts, as PEM; empty where none are found."""
    for place in (ssl.get_default_verify_paths().cafile, *SYSTEM_BUNDLES):
        if place and (bundle := Path(place)).is_file():
            return bundle.read_bytes().rstrip() + b"\n"
    return b""
