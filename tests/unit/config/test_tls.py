"""The TLS that a configuration asks for."""

import datetime as dt
import ssl
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.serialization import BestAvailableEncryption, Encoding, PrivateFormat

from proxy.api.model import Upstream
from proxy.cli.certificates import Issued, issue
from proxy.config.model import Config
from proxy.config.tls import Replaceable, listener_context, upstream_contexts
from proxy.errors import ConfigError
from proxy.policy.model import PolicyDocument


@pytest.fixture(scope="module")
def issued() -> Issued:
    """Return a CA and a certificate."""
    return issue(dt.datetime.now(dt.UTC))


def config(**sections: Any) -> Config:  # noqa: ANN401 - a configuration is free-form here
    """Return a configuration with these sections."""
    return Config.model_validate({"version": 1, "policy": PolicyDocument(version=1), **sections})


def listening(folder: Path, issued: Issued, key: bytes | None = None) -> Config:
    """Return a configuration with a second listener."""
    (folder / "server.pem").write_bytes(issued.server)
    (folder / "server.key").write_bytes(issued.key if key is None else key)
    return config(outbound={"tls": {"certificate": str(folder / "server.pem"), "key": str(folder / "server.key")}})


def test_towards_customer_io_the_certificate_and_its_name_are_verified(tmp_path: Path, issued: Issued) -> None:
    """By the system's authorities, or by the ones that are given and no other."""
    (tmp_path / "ca.pem").write_bytes(issued.ca)
    given = config(upstreams={"app": {"ca": str(tmp_path / "ca.pem")}})
    contexts = upstream_contexts(given)
    assert list(contexts) == list(Upstream)
    for context in contexts.values():
        assert context is not None
        assert (context.verify_mode, context.check_hostname) == (ssl.CERT_REQUIRED, True)
        assert context.minimum_version >= ssl.TLSVersion.TLSv1_2
    own = contexts[Upstream.APP]
    assert own is not None
    assert own.cert_store_stats()["x509_ca"] == 1


def test_the_same_authorities_are_loaded_once() -> None:
    """The system's take twenty milliseconds, and memory, each time."""
    contexts = upstream_contexts(config())
    assert len(set(contexts.values())) == 1


def test_a_plain_upstream_has_no_tls() -> None:
    """It is on loopback."""
    contexts = upstream_contexts(config(upstreams={"app": {"url": "http://localhost:1"}}))
    assert contexts[Upstream.APP] is None
    assert contexts[Upstream.TRACK] is not None


@pytest.mark.parametrize("content", [None, b"", b"-----BEGIN CERTIFICATE-----\nx\n-----END CERTIFICATE-----\n"])
def test_a_ca_file_that_cannot_be_used_is_told_by_its_key(tmp_path: Path, content: bytes | None) -> None:
    """Missing, empty, or not PEM; neither the path nor the content is shown."""
    file = tmp_path / "CANARY.pem"
    if content is not None:
        file.write_bytes(content)
    with pytest.raises(ConfigError, match=r"^upstreams\.app\.ca: ") as refused:
        upstream_contexts(config(upstreams={"app": {"ca": str(file)}}))
    assert "CANARY" not in str(refused.value)


def test_a_second_listener_has_its_certificate(tmp_path: Path, issued: Issued) -> None:
    """A context for the server's side."""
    context = listener_context(listening(tmp_path, issued))
    assert context is not None
    assert context.minimum_version >= ssl.TLSVersion.TLSv1_2
    assert listener_context(config()) is None


def test_a_key_of_another_certificate_is_refused(tmp_path: Path, issued: Issued) -> None:
    """It would fail at the first handshake; it is told at start."""
    other = issue(dt.datetime.now(dt.UTC))
    with pytest.raises(ConfigError, match=r"^outbound\.tls: the certificate and key"):
        listener_context(listening(tmp_path, issued, other.key))


def test_an_encrypted_key_is_refused_without_asking_for_its_password(tmp_path: Path, issued: Issued) -> None:
    """A process without a terminal would wait for ever."""
    key = serialization.load_pem_private_key(issued.key, None)
    encrypted = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, BestAvailableEncryption(b"password"))
    with pytest.raises(ConfigError, match=r"^outbound\.tls: "):
        listener_context(listening(tmp_path, issued, encrypted))


def test_a_missing_file_is_told_by_its_key() -> None:
    """Without the path."""
    with pytest.raises(ConfigError, match=r"^outbound\.tls: ") as refused:
        listener_context(config(outbound={"tls": {"certificate": "CANARY.pem", "key": "CANARY.key"}}))
    assert "CANARY" not in str(refused.value)


def presented(context: ssl.SSLContext, authority: bytes, name: str | None) -> bool:
    """Say whether a client that trusts `authority` takes the certificate that a server with `context` shows it."""
    client = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    client.check_hostname = False
    client.load_verify_locations(cadata=authority.decode())
    to_server, to_client = ssl.MemoryBIO(), ssl.MemoryBIO()
    ends = (
        client.wrap_bio(to_client, to_server, server_hostname=name),
        context.wrap_bio(to_server, to_client, server_side=True),
    )
    for _ in range(4):
        for end in ends:
            try:
                end.do_handshake()
            except ssl.SSLWantReadError:
                pass
            except ssl.SSLCertVerificationError:
                return False
    assert ends[0].getpeercert() is not None
    return True


@pytest.mark.parametrize("name", ["localhost", None])
def test_what_replaces_a_context_takes_the_next_handshake(tmp_path: Path, issued: Issued, name: str | None) -> None:
    """With a server name in the client hello or without; and again, as often as it is replaced."""
    other = issue(dt.datetime.now(dt.UTC))
    contexts = []
    for number, certificate in enumerate((issued, other)):
        folder = tmp_path / str(number)
        folder.mkdir()
        context = listener_context(listening(folder, certificate))
        assert context is not None
        contexts.append(context)
    tls = Replaceable(contexts[0])
    for context, authority, stranger in (
        (contexts[0], issued.ca, other.ca),
        (contexts[1], other.ca, issued.ca),
        (contexts[0], issued.ca, other.ca),
    ):
        tls.replace(context)
        assert presented(tls.context, authority, name)
        assert not presented(tls.context, stranger, name)
