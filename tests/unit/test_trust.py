"""What a server has to show before a secret is sent to it, asked of real sockets."""

import datetime as dt
import ipaddress
import socket
import ssl
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

from proxy.clock import SystemClock
from proxy.config.keys import Vault
from proxy.config.model import Config
from proxy.config.tls import upstream_contexts
from proxy.credentials.cloud_http import Http
from proxy.credentials.vault_http import UNTRUSTED, Connection
from proxy.policy.model import PolicyDocument
from proxy.trust import verifying

ADDRESS = x509.IPAddress(ipaddress.ip_address("127.0.0.1"))


def certificate(folder: Path, common_name: str, names: Sequence[x509.GeneralName] | None) -> Path:
    """Write a self-made certificate, with its key, that has this CN and these alternative names; None: no extension at all."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common_name)])
    now = dt.datetime.now(dt.UTC)
    builder = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(hours=1))
        .not_valid_after(now + dt.timedelta(days=1))
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
    )
    if names is not None:
        builder = builder.add_extension(x509.SubjectAlternativeName(names), critical=False)
    file = folder / "server.pem"
    file.write_bytes(
        builder.sign(key, hashes.SHA256()).public_bytes(Encoding.PEM)
        + key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    )
    return file


@contextmanager
def serving(file: Path) -> Iterator[int]:
    """Shake hands with everybody who connects, on the port that is yielded."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(file)
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def serve() -> None:
            with suppress(OSError):
                while True:
                    connection, _ = listener.accept()
                    with suppress(OSError), context.wrap_socket(connection, server_side=True) as secured:
                        secured.recv(1)

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        try:
            yield listener.getsockname()[1]
        finally:
            listener.shutdown(socket.SHUT_RDWR)
            thread.join()


def trusted(context: ssl.SSLContext, port: int, host: str = "localhost") -> bool:
    """Say whether a handshake with `host` succeeds."""
    with socket.create_connection(("127.0.0.1", port)) as plain:
        try:
            with context.wrap_socket(plain, server_hostname=host):
                return True
        except ssl.SSLCertVerificationError:
            return False


@pytest.mark.parametrize(
    ("common_name", "names", "good"),
    [
        ("localhost", None, False),
        ("localhost", [ADDRESS], False),
        ("localhost", [x509.RFC822Name("a@localhost")], False),
        ("*", None, False),
        ("elsewhere", [x509.DNSName("localhost")], True),
        ("localhost", [x509.DNSName("elsewhere")], False),
    ],
)
def test_only_the_alternative_names_name_a_host(
    tmp_path: Path, common_name: str, names: Sequence[x509.GeneralName] | None, *, good: bool
) -> None:
    """A CN is not asked, whatever stands or does not stand beside it (RFC 9525 section 2)."""
    file = certificate(tmp_path, common_name, names)
    with serving(file) as port:
        assert trusted(verifying(file), port) is good


def test_openssl_alone_would_have_taken_the_common_name(tmp_path: Path) -> None:
    """The certificate of the test above is good in all else: with the library's default it is taken."""
    file = certificate(tmp_path, "localhost", None)
    with serving(file) as port:
        assert trusted(ssl.create_default_context(cafile=file), port)


def test_an_upstream_needs_an_alternative_name(tmp_path: Path) -> None:
    """The contexts that connections to Customer.io are made with, for each of the three."""
    file = certificate(tmp_path, "localhost", None)
    with serving(file) as port:
        given = {name: {"url": f"https://localhost:{port}", "ca": str(file)} for name in ("track", "app", "pipelines")}
        config = Config.model_validate({"version": 1, "policy": PolicyDocument(version=1), "upstreams": given})
        contexts = upstream_contexts(config)
        assert len(contexts) == 3
        for context in contexts.values():
            assert context is not None
            assert not trusted(context, port)


def test_a_store_needs_an_alternative_name(tmp_path: Path) -> None:
    """Vault gets no token before that; the clouds' clients are made in the same way."""
    file = certificate(tmp_path, "localhost", None)
    with serving(file) as port:
        vault = Vault.model_validate(
            {"address": f"https://localhost:{port}", "ca": str(file), "auth": {"method": "token", "token": "env:TOKEN"}}
        )
        assert Connection(vault, 5, SystemClock()).request("GET", "/v1/x", None, None).problem == UNTRUSTED
    assert Http("AWS", "aws", 5, SystemClock())._tls.hostname_checks_common_name is False


def test_every_context_for_a_server_is_made_here() -> None:
    """Nothing else in the program makes a client's context, which would take what this one refuses."""
    package = Path(__file__).parents[2] / "proxy"
    makers = [
        str(file.relative_to(package))
        for file in package.rglob("*.py")
        if "create_default_context" in file.read_text() or "PROTOCOL_TLS_CLIENT" in file.read_text()
    ]
    assert makers == ["trust.py"]
