"""HTTP with a Vault server: what no real Vault can be brought to do is answered by a server of the test's own."""

import datetime as dt
import logging
import socket
import threading
from collections.abc import Iterator
from itertools import repeat
from pathlib import Path

import pytest

from proxy.cli.certificates import Issued, issue
from proxy.clock import SystemClock
from proxy.config.keys import Vault
from proxy.credentials.model import UnreadableError
from proxy.credentials.vault_http import (
    ANSWER_MAX_BYTES,
    LONG,
    NOT_VAULT,
    REDIRECTED,
    SLOW,
    STATUSES,
    UNREACHABLE,
    UNTRUSTED,
    Adapter,
    Answer,
    Connection,
)
from proxy.sensitive import Sensitive
from tests.vault import Asked, Reply, free_port, standing

TOKEN = "hvs.CANARY-token"
SHORT_SECONDS = 0.3


@pytest.fixture(scope="module")
def issued() -> Issued:
    """Make a CA, and a certificate for this machine that it signed."""
    return issue(dt.datetime.now(dt.UTC))


def connection(url: str, timeout_seconds: float = 5, **settings: object) -> Connection:
    """Return a connection to `url`."""
    vault = Vault.model_validate({"address": url, "auth": {"method": "token", "token": "env:TOKEN"}, **settings})
    return Connection(vault, timeout_seconds, SystemClock())


def ask(url: str, timeout_seconds: float = 5, **settings: object) -> Answer:
    """Return what `url` answers to the holder of `TOKEN`."""
    asking = connection(url, timeout_seconds, **settings)
    with asking.opened():
        return Adapter(asking, Sensitive(TOKEN)).get("/v1/secret/CANARY-path")


def test_a_request_is_what_vault_expects() -> None:
    """Token, namespace and the header against request forgery; JSON, asked for uncoded; nothing else that identifies."""
    with standing(lambda _: Reply(200, b'{"data":{"key":"value"}}')) as stand:
        asking = connection(stand.url, namespace="team/prod")
        with asking.opened():
            assert Adapter(asking, Sensitive(TOKEN)).get("/v1/secret/x", params={}).body == {"data": {"key": "value"}}
            Adapter(asking).login("/v1/auth/approle/login", use_token=True, json={"role_id": "r"})
    read, login = stand.asked
    assert (read.method, read.path, read.body) == ("GET", "/v1/secret/x", b"")
    assert read.headers["x-vault-token"] == TOKEN
    assert read.headers["x-vault-namespace"] == login.headers["x-vault-namespace"] == "team/prod"
    assert read.headers["x-vault-request"] == "true"
    assert read.headers["accept-encoding"] == "identity"
    assert {"authorization", "cookie"}.isdisjoint(read.headers)
    assert (login.method, login.path, login.body) == ("POST", "/v1/auth/approle/login", b'{"role_id":"r"}')
    assert "x-vault-token" not in login.headers


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_redirect_is_not_followed(status: int) -> None:
    """A standby answers with one: the token must not go where it says, not even on the same server."""
    with standing(lambda asked: Reply(status, b"moved", {"Location": f"http://{asked.headers['host']}/elsewhere"})) as stand:
        assert ask(stand.url).problem_at({}) == REDIRECTED
    assert stand.paths == ["GET /v1/secret/CANARY-path"]


@pytest.mark.parametrize("status", sorted({*STATUSES, 400, 403, 404, 418}))
@pytest.mark.parametrize("body", [b'{"errors":["CANARY"]}', b"<html>CANARY", b""])
def test_an_error_is_told_in_fixed_words_and_asked_once(status: int, body: bytes) -> None:
    """Of every status, whatever came with it; nothing is repeated, not even where `Retry-After` asks for it."""
    with standing(lambda _: Reply(status, body, {"Retry-After": "0"})) as stand:
        answer = ask(stand.url)
    forbidden = "forbidden" if status == 403 and b"errors" in body else NOT_VAULT
    assert answer.problem_at({403: "forbidden"}) == STATUSES.get(status, forbidden)
    assert "CANARY" not in repr(answer)
    assert len(stand.asked) == 1


@pytest.mark.parametrize("body", [b"", b"CANARY", b"[1]", b"null", b'{"data":', b"\xff"])
def test_what_is_no_json_object_is_not_vault(body: bytes) -> None:
    """Something else at that address, such as a page for people, is told as that."""
    with standing(lambda _: Reply(200, body)) as stand:
        assert ask(stand.url).problem_at({}) == NOT_VAULT


def test_a_long_answer_is_not_read_to_its_end() -> None:
    """Up to the bound it is; beyond, whether the server says its length or not, no more than the bound is held."""
    with standing(lambda _: Reply(200, b"{}" + b" " * (ANSWER_MAX_BYTES - 2))) as stand:
        assert ask(stand.url) == Answer(200)
    endless: Iterator[bytes] = repeat(b" " * 65_536)
    for headers in ({"Content-Length": str(1 << 40)}, {"Connection": "close"}):
        with standing(lambda _, headers=headers: Reply(200, endless, headers)) as stand:  # type: ignore[misc]  # a default
            assert ask(stand.url).problem == LONG


def test_an_answer_that_breaks_off_is_none() -> None:
    """Half a secret would be a wrong secret."""
    with standing(lambda _: Reply(200, b"{}", {"Content-Length": "100", "Connection": "close"})) as stand:
        assert ask(stand.url).problem == UNREACHABLE


def test_nobody_there_is_told_at_once() -> None:
    """A port at which nobody listens."""
    assert ask(f"http://127.0.0.1:{free_port()}").problem == UNREACHABLE


@pytest.mark.parametrize("tls", [False, True])
def test_every_wait_ends(issued: Issued, tmp_path: Path, *, tls: bool) -> None:
    """The server says nothing at all, or a little again and again."""
    (tmp_path / "ca.pem").write_bytes(issued.ca)
    over = threading.Event()

    def silent(_: Asked) -> Reply:
        over.wait(10)
        return Reply()

    def trickling(_: Asked) -> Reply:
        return Reply(200, iter(lambda: b" " * (not over.wait(SHORT_SECONDS / 10)), b""), {"Content-Length": "1000000"})

    for reply in (silent, trickling):
        with standing(reply, *((issued, tmp_path) if tls else ())) as stand:
            began = SystemClock.monotonic()
            assert ask(stand.url, SHORT_SECONDS, ca=tmp_path / "ca.pem").problem == SLOW
            assert SystemClock.monotonic() - began < SHORT_SECONDS * 10
            over.set()
        over.clear()


def test_the_environment_is_not_asked(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """No proxy, no `.netrc`, no token, namespace or authorities: what is not in the configuration is not used (G10)."""
    (tmp_path / ".netrc").write_text("default login CANARY password CANARY\n")
    (tmp_path / ".vault-token").write_text("CANARY")
    nobody = f"http://127.0.0.1:{free_port()}"
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "http_proxy", "https_proxy", "all_proxy", "VAULT_ADDR"):
        monkeypatch.setenv(name, nobody)
    for name in ("VAULT_TOKEN", "VAULT_NAMESPACE"):
        monkeypatch.setenv(name, "CANARY")
    monkeypatch.setenv("HOME", str(tmp_path))
    with standing(lambda _: Reply()) as stand:
        asking = connection(stand.url)
        with asking.opened():
            assert Adapter(asking).get("/v1/secret/x") == Answer(200)
    assert "CANARY" not in str(stand.asked)


def test_only_the_configured_authorities_are_trusted(issued: Issued, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The system's are not, and a certificate has to name the host, wherever that is."""
    known = socket.getaddrinfo
    (tmp_path / "ca.pem").write_bytes(issued.ca)
    (tmp_path / "other.pem").write_bytes(issue(dt.datetime.now(dt.UTC)).ca)
    with standing(lambda _: Reply(), issued, tmp_path) as stand:
        assert ask(stand.url, ca=tmp_path / "ca.pem") == Answer(200)
        assert ask(stand.url, ca=tmp_path / "other.pem").problem == UNTRUSTED
        assert ask(stand.url).problem == UNTRUSTED
        monkeypatch.setattr(socket, "getaddrinfo", lambda _, *rest: known("127.0.0.1", *rest))
        assert ask(stand.url.replace("127.0.0.1", "vault.test"), ca=tmp_path / "ca.pem").problem == UNTRUSTED
    with standing(lambda _: Reply()) as plain:
        assert ask(plain.url.replace("http:", "https:"), ca=tmp_path / "ca.pem").problem == UNTRUSTED


def test_authorities_are_read_anew_for_every_connection(issued: Issued, tmp_path: Path) -> None:
    """A mounted bundle changes while the sidecar runs; one that is broken then is told, and used again once it is whole."""
    bundle = tmp_path / "bundle.pem"
    bundle.write_bytes(issue(dt.datetime.now(dt.UTC)).ca)
    with standing(lambda _: Reply(), issued, tmp_path) as stand:
        asking = connection(stand.url, ca=bundle)
        bundle.write_bytes(b"CANARY")
        with pytest.raises(UnreadableError, match=r"stores\.vault\.ca") as refused, asking.opened():
            pass
        assert "CANARY" not in str(refused.value)
        bundle.write_bytes(issued.ca)
        with asking.opened():
            assert Adapter(asking).get("/v1/x") == Answer(200)
    bundle.unlink()
    with pytest.raises(OSError, match="No such file"):
        connection(stand.url, ca=bundle)


@pytest.mark.parametrize("body", [b'{"data":{"key":"CANARY"}}', b'{"errors":["CANARY"]}', b"CANARY"])
def test_nothing_prints_a_secret(body: bytes, caplog: pytest.LogCaptureFixture) -> None:
    """Not the token, nor what came back: not in a text of any object, nor in what the libraries log at their lowest level."""
    caplog.set_level(logging.DEBUG)
    with standing(lambda _: Reply(200, body)) as stand:
        asking = connection(stand.url)
        adapter = Adapter(asking, Sensitive(TOKEN))
        with asking.opened():
            answer = adapter.get("/v1/x")
    assert "CANARY" not in f"{adapter!r} {asking!r} {answer!r} {caplog.text}"
