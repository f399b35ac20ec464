"""`cio-sidecar tls init`, and what trusts its files."""

import socket
import ssl
import stat
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from proxy.config.load import load
from proxy.config.tls import listener_context
from tests.needs import path_of
from tests.unit.cli.conftest import Command

FILES = {"ca.pem": 0o644, "server.pem": 0o644, "server.key": 0o600, "bundle.pem": 0o644}


@pytest.fixture
def folder(command: Command, tmp_path: Path) -> Path:
    """Return a folder with the files."""
    done = command("tls", "init", tmp_path / "tls")
    assert (done.returncode, done.stderr) == (0, "")
    return tmp_path / "tls"


@contextmanager
def listening(folder: Path) -> Iterator[int]:
    """Serve one TLS handshake after the other with the files, as `serve` would; give the port."""
    config = load(
        None,
        {
            "CIO_SIDECAR_OUTBOUND__TLS__CERTIFICATE": str(folder / "server.pem"),
            "CIO_SIDECAR_OUTBOUND__TLS__KEY": str(folder / "server.key"),
        },
    ).config
    context = listener_context(config)
    assert context is not None
    with socket.create_server(("127.0.0.1", 0)) as server:

        def serve() -> None:
            while True:
                try:
                    connection, _ = server.accept()
                    with connection, context.wrap_socket(connection, server_side=True) as secure:
                        secure.recv(4096)
                        secure.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok")
                except ssl.SSLError:
                    continue
                except OSError:
                    return

        thread = threading.Thread(target=serve)
        thread.start()
        yield server.getsockname()[1]
        server.shutdown(socket.SHUT_RDWR)
        thread.join()


def handshake(port: int, authorities: Path, name: str, flags: ssl.VerifyFlags = ssl.VerifyFlags(0)) -> None:  # noqa: B008
    """Connect as a strict client does."""
    context = ssl.create_default_context(cafile=authorities)
    context.verify_flags |= flags
    with socket.create_connection(("127.0.0.1", port)) as plain, context.wrap_socket(plain, server_hostname=name) as secure:
        secure.sendall(b"GET / HTTP/1.1\r\n\r\n")
        assert secure.recv(4096).endswith(b"ok")


def test_four_files_are_written_with_their_modes(folder: Path) -> None:
    """And nothing else; the key is for its owner alone."""
    assert {path.name: stat.S_IMODE(path.stat().st_mode) for path in folder.iterdir()} == FILES


@pytest.mark.parametrize("name", ["localhost", "127.0.0.1", "::1"])
def test_a_strict_client_trusts_the_server(folder: Path, name: str) -> None:
    """With the flags that Python 3.13 sets by default, the host name checked, and either file as the authorities."""
    strict = ssl.VERIFY_X509_STRICT | ssl.VERIFY_X509_PARTIAL_CHAIN
    with listening(folder) as port:
        for authorities in ("ca.pem", "bundle.pem"):
            handshake(port, folder / authorities, name, strict)
            handshake(port, folder / authorities, name, ssl.VERIFY_X509_STRICT)


def test_nobody_else_trusts_it_and_it_is_nobody_else(folder: Path, command: Command, tmp_path: Path) -> None:
    """Not under another name, and not for who trusts another CA of the same making."""
    command("tls", "init", tmp_path / "other")
    with listening(folder) as port:
        with pytest.raises(ssl.SSLCertVerificationError, match="Hostname mismatch"):
            handshake(port, folder / "ca.pem", "track.customer.io")
        with pytest.raises(ssl.SSLCertVerificationError):
            handshake(port, tmp_path / "other" / "ca.pem", "localhost")


@pytest.mark.needs("openssl")
@pytest.mark.parametrize("names", [["-verify_hostname", "localhost"], ["-verify_ip", "127.0.0.1"], ["-verify_ip", "::1"]])
def test_openssl_s_strict_check_passes(folder: Path, names: list[str]) -> None:
    """`openssl verify -x509_strict`."""
    done = subprocess.run(
        [path_of("openssl"), "verify", "-x509_strict", "-purpose", "sslserver", *names, "-CAfile", "ca.pem", "server.pem"],
        cwd=folder, capture_output=True, text=True, timeout=30, check=False,
    )  # fmt: skip
    assert (done.returncode, done.stdout) == (0, "server.pem: OK\n"), done.stderr


@pytest.mark.needs("node")
def test_node_trusts_the_server(folder: Path) -> None:
    """With NODE_EXTRA_CA_CERTS, as the command advises; and not without it."""
    script = """
        fetch(process.argv[1]).then(async (r) => console.log(await r.text()), (e) => console.log(e.cause.code))
    """
    with listening(folder) as port:
        for environ, said in (({"NODE_EXTRA_CA_CERTS": str(folder / "ca.pem")}, "ok"), ({}, "SELF_SIGNED_CERT_IN_CHAIN")):
            done = subprocess.run(
                [path_of("node"), "--input-type=module", "-e", script, "--", f"https://localhost:{port}/"],
                capture_output=True, text=True, timeout=30, check=True, env=environ,
            )  # fmt: skip
            assert done.stdout.strip() == said


def test_requests_trusts_the_server(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The library under the Python SDK, with REQUESTS_CA_BUNDLE, as the command advises."""
    import requests  # comes with the SDK

    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(folder / "bundle.pem"))
    with listening(folder) as port:
        assert requests.get(f"https://localhost:{port}/", timeout=10).text == "ok"


def test_the_bundle_holds_the_system_s_authorities_too(folder: Path) -> None:
    """REQUESTS_CA_BUNDLE replaces the authorities of the whole application, which speaks to others as well."""
    system = ssl.get_default_verify_paths().cafile
    assert system is not None, "this system has no authorities to compare with"
    assert (folder / "bundle.pem").read_bytes() == Path(system).read_bytes().rstrip() + b"\n" + (folder / "ca.pem").read_bytes()


def test_what_is_there_is_kept_unless_told_otherwise(folder: Path, command: Command) -> None:
    """A second run would take trust away from every application that was given the first CA."""
    before = {path.name: path.read_bytes() for path in folder.iterdir()}
    done = command("tls", "init", folder)
    assert (done.returncode, done.stdout) == (2, "")
    assert (
        done.stderr == f"{folder}: holds ca.pem, server.pem, server.key, bundle.pem already; --force replaces what is there\n"
    )
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == before
    assert command("tls", "init", folder, "--force").returncode == 0
    after = {path.name: path.read_bytes() for path in folder.iterdir()}
    assert after.keys() == before.keys()
    assert all(after[name] != before[name] for name in before)


def test_one_file_is_enough_to_refuse(command: Command, tmp_path: Path) -> None:
    """Also a link that leads nowhere; nothing is written beside it."""
    (tmp_path / "server.key").symlink_to("elsewhere")
    done = command("tls", "init", tmp_path)
    assert done.returncode == 2
    assert done.stderr == f"{tmp_path}: holds server.key already; --force replaces what is there\n"
    assert [path.name for path in tmp_path.iterdir()] == ["server.key"]


def test_force_replaces_a_link_and_not_what_it_leads_to(command: Command, tmp_path: Path) -> None:
    """A key is never written to where somebody else decided."""
    (tmp_path / "victim").write_text("untouched")
    (tmp_path / "tls").mkdir()
    (tmp_path / "tls" / "server.key").symlink_to("../victim")
    assert command("tls", "init", tmp_path / "tls", "--force").returncode == 0
    assert (tmp_path / "victim").read_text() == "untouched"
    assert not (tmp_path / "tls" / "server.key").is_symlink()


def test_a_folder_that_cannot_be_written_is_one_line(command: Command, tmp_path: Path) -> None:
    """With the reason."""
    (tmp_path / "file").touch()
    done = command("tls", "init", tmp_path / "file" / "tls")
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == f"{tmp_path}/file/tls: cannot be written to: Not a directory\n"


def test_the_advice_is_what_to_set(command: Command, tmp_path: Path) -> None:
    """For the configuration, for the Python SDK and for Node's, with the folder's full path."""
    done = command("tls", "init", tmp_path / "with space")
    assert f"certificate: {tmp_path}/with space/server.pem" in done.stdout
    assert f"REQUESTS_CA_BUNDLE='{tmp_path}/with space'/bundle.pem" in done.stdout
    assert f"NODE_EXTRA_CA_CERTS='{tmp_path}/with space'/ca.pem" in done.stdout
    assert "https://localhost:8443/api/v1" in done.stdout
