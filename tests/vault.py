"""A real Vault for tests, which `@pytest.mark.needs("vault")` marks, and what can stand around one.

A provider of identities that signs tokens, a relay that is slow, and a server that answers what no real Vault can be made to.
"""

import base64
import os
import socket
import ssl
import subprocess
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import count
from pathlib import Path
from typing import Any
from urllib.parse import quote

import orjson
import urllib3
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from proxy.cli.certificates import Issued
from proxy.clock import SystemClock
from tests.needs import path_of

START_SECONDS = 30
STOP_SECONDS = 10
# Somebody else may take the port between its choice and the start.
START_ATTEMPTS = 3
ROOT_TOKEN = "root-token-for-tests"
_NUMBERS = count(1)


def unique(name: str) -> str:
    """Return a name that nothing in this process has yet: tests share a server, and nothing on it."""
    return f"{name}-{next(_NUMBERS)}"


@dataclass
class Server:
    """A running Vault: where it listens, and its root token."""

    url: str
    token: str
    ca: Path | None = None

    def api(self, path: str, content: object = None, *, method: str | None = None, token: str | None = None) -> dict[str, Any]:
        """Return what Vault answers to its root, or else to `token`; it must not be an error."""
        status, answer = self.ask(path, content, method=method, token=token)
        assert status < 300, f"{path}: {status} {answer}"
        return answer

    def ask(
        self, path: str, content: object = None, *, method: str | None = None, token: str | None = None
    ) -> tuple[int, dict[str, Any]]:
        """Return the status and the body of what Vault answers, whatever it is."""
        pool = urllib3.PoolManager(ca_certs=str(self.ca) if self.ca else None)
        with pool:
            answer = pool.request(
                method or ("GET" if content is None else "POST"), f"{self.url}/v1/{path}",
                body=None if content is None else orjson.dumps(content),
                headers={"X-Vault-Token": self.token if token is None else token}, retries=False, timeout=10,
            )  # fmt: skip
        return answer.status, orjson.loads(answer.data) if answer.data else {}

    def unseal(self, key: str) -> None:
        """Unseal it, and wait until it serves: it is the only one that can lead, and has to find that out."""
        self.api("sys/unseal", {"key": key}, method="PUT")
        until(lambda: self.ask("sys/mounts")[0] == 200)

    def kv(self, version: int = 2, path: str = "") -> str:
        """Mount a KV engine; return where."""
        mount = path or unique(f"kv{version}")
        self.api(f"sys/mounts/{quote(mount)}", {"type": "kv", "options": {"version": str(version)}})
        return mount

    def write(self, mount: str, path: str, fields: Mapping[str, object]) -> None:
        """Write a version of a secret of a KV 2 engine."""
        self.api(f"{mount}/data/{path}", {"data": fields})

    def policy(self, *paths: str) -> str:
        """Make a policy that allows to read these paths; return its name."""
        name = unique("policy")
        rules = "\n".join(f'path "{path}" {{ capabilities = ["read"] }}' for path in paths)
        self.api(f"sys/policies/acl/{name}", {"policy": rules})
        return name

    def issue(self, *policies: str, **properties: object) -> str:
        """Return a token with these policies and properties."""
        made = self.api("auth/token/create", {"policies": policies, **properties})
        return str(made["auth"]["client_token"])

    def tokens(self, policy: str) -> list[dict[str, Any]]:
        """Return what Vault knows of each service token with this policy."""
        found = []
        for accessor in self.api("auth/token/accessors", method="LIST")["data"]["keys"]:
            status, answer = self.ask("auth/token/lookup-accessor", {"accessor": accessor})
            if status == 200 and policy in answer["data"]["policies"]:
                found.append(answer["data"])
        return found

    def app_role(self, policy: str, **properties: object) -> tuple[str, dict[str, str]]:
        """Mount AppRole with one role of this policy; return where, and the environment that holds its ids."""
        mount = unique("approle")
        self.api(f"sys/auth/{mount}", {"type": "approle"})
        self.api(f"auth/{mount}/role/sidecar", {"token_policies": [policy], **properties})
        role_id = unique("CANARY-role-id")
        self.api(f"auth/{mount}/role/sidecar/role-id", {"role_id": role_id})
        return mount, {"ROLE_ID": role_id, "SECRET_ID": self.secret_id(mount)}

    def secret_id(self, mount: str) -> str:
        """Make a secret id of the role; return it."""
        secret_id = unique("CANARY-secret-id")
        self.api(f"auth/{mount}/role/sidecar/custom-secret-id", {"secret_id": secret_id})
        return secret_id


@contextmanager
def dev_server(folder: Path, *, kubernetes: bool = False) -> Iterator[Server]:
    """Run a Vault in memory, unsealed; with the plugin for Kubernetes logins if asked to."""
    options: list[str] = []
    if kubernetes:
        plugin = Path(path_of("vault-plugin-auth-kubernetes"))
        plugins = folder / "plugins"
        plugins.mkdir()
        (plugins / plugin.name).write_bytes(plugin.read_bytes())
        (plugins / plugin.name).chmod(0o755)
        options = [f"-dev-plugin-dir={plugins}"]
    with _started(
        lambda port: ["-dev", f"-dev-listen-address=127.0.0.1:{port}", f"-dev-root-token-id={ROOT_TOKEN}",
                      "-dev-no-store-token", *options],
        marker="Development mode should NOT be used",
    ) as port:  # fmt: skip
        yield Server(f"http://127.0.0.1:{port}", ROOT_TOKEN)


@contextmanager
def stored_server(folder: Path, issued: Issued, port: int = 0) -> Iterator[Server]:
    """Run a Vault that keeps its data in `folder` and speaks TLS. It starts sealed; the first time, not even initialised."""
    for name, content in (("ca.pem", issued.ca), ("server.pem", issued.server), ("server.key", issued.key)):
        (folder / name).write_bytes(content)
    (folder / "data").mkdir(exist_ok=True)

    def options(chosen: int) -> list[str]:
        (folder / "vault.hcl").write_text(
            f'storage "raft" {{\n path = "{folder}/data"\n performance_multiplier = 1\n}}\n'
            f'api_addr = "https://127.0.0.1:{chosen}"\ncluster_addr = "https://127.0.0.1:{free_port()}"\n'
            f'listener "tcp" {{\n address = "127.0.0.1:{chosen}"\n tls_cert_file = "{folder}/server.pem"\n'
            f' tls_key_file = "{folder}/server.key"\n}}\ndisable_mlock = true\n'
        )
        return [f"-config={folder}/vault.hcl"]

    with _started(options, marker="Vault server started!", port=port) as chosen:
        yield Server(f"https://127.0.0.1:{chosen}", "", folder / "ca.pem")


@contextmanager
def _started(options: Callable[[int], list[str]], marker: str, port: int = 0) -> Iterator[int]:
    said: list[str] = []
    for _ in range(START_ATTEMPTS):
        said.clear()
        chosen = port or free_port()
        process = subprocess.Popen(
            [path_of("vault"), "server", "-log-level=warn", *options(chosen)],
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
            env={"PATH": os.defpath},  # no variable for Vault, and no proxy
        )  # fmt: skip
        ready = threading.Event()
        reader = threading.Thread(target=_collect, args=(process, marker, said, ready), daemon=True)
        reader.start()
        try:
            ready.wait(START_SECONDS)
            if any(marker in line for line in said):
                yield chosen
                return
        finally:
            process.terminate()
            try:
                process.wait(STOP_SECONDS)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
            reader.join(STOP_SECONDS)
            assert process.stdout is not None
            process.stdout.close()
    raise AssertionError(f"Vault did not start:\n{''.join(said)}")


def _collect(process: "subprocess.Popen[str]", marker: str, said: list[str], ready: threading.Event) -> None:
    """Read what the server says, so that it never waits for room to say it; it is ready once it says `marker`."""
    assert process.stdout is not None
    for line in process.stdout:
        said.append(line)
        if marker in line:
            ready.set()
    ready.set()  # it ended


def free_port() -> int:
    """Return a port that nobody listens at."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return int(listener.getsockname()[1])


def until(condition: Callable[[], bool], seconds: float = 10) -> None:
    """Wait for something that happens in another process, which tells nobody."""
    end = SystemClock.monotonic() + seconds
    while not condition():
        assert SystemClock.monotonic() < end, "it did not happen"
        time.sleep(0.05)


class Signer:
    """Who signs JSON Web Tokens (RFC 7519) with RS256: an identity provider."""

    def __init__(self) -> None:
        """Make a key."""
        self._key = rsa.generate_private_key(public_exponent=65_537, key_size=2048)

    @property
    def public_pem(self) -> str:
        """What checks its signatures."""
        return self._key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()

    def token(self, **claims: object) -> str:
        """Return a token that is good for ten minutes."""
        now = int(SystemClock.wall())
        parts = ({"alg": "RS256", "typ": "JWT"}, {"iat": now, "nbf": now - 10, "exp": now + 600, **claims})
        text = b".".join(_base64url(orjson.dumps(part)) for part in parts)
        return (text + b"." + _base64url(self._key.sign(text, padding.PKCS1v15(), SHA256()))).decode()


def _base64url(data: bytes) -> bytes:
    return base64.urlsafe_b64encode(data).rstrip(b"=")


@dataclass(frozen=True)
class Asked:
    """A request that arrived: method and path, headers by lower-case name, body."""

    method: str
    path: str
    headers: Mapping[str, str]
    body: bytes


@dataclass(frozen=True)
class Reply:
    """What is answered; the parts of a body are sent as they come."""

    status: int = 200
    body: bytes | Iterable[bytes] = b"{}"
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass
class Stand:
    """An HTTP server in the test that answers as told; what was asked is kept."""

    reply: Callable[[Asked], Reply]
    url: str = ""
    asked: list[Asked] = field(default_factory=list)

    @property
    def paths(self) -> list[str]:
        """What was asked for, in order."""
        return [f"{asked.method} {asked.path}" for asked in self.asked]


@contextmanager
def standing(reply: Callable[[Asked], Reply], issued: Issued | None = None, folder: Path | None = None) -> Iterator[Stand]:
    """Run a `Stand` until the block ends; over TLS if a certificate, and a folder to put it in, are given."""
    stand = Stand(reply)
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(_Handler, stand))
    if issued is not None and folder is not None:
        (folder / "stand.pem").write_bytes(issued.server + issued.key)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(folder / "stand.pem")
        server.socket = context.wrap_socket(server.socket, server_side=True)
    stand.url = f"{'https' if issued else 'http'}://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    try:
        yield stand
    finally:
        server.shutdown()
        server.server_close()
        thread.join(STOP_SECONDS)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def __init__(self, stand: Stand, *args: Any) -> None:  # noqa: ANN401 - as the standard library passes them
        self._stand = stand
        super().__init__(*args)

    def _answer(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", "0")))
        asked = Asked(self.command, self.path, {name.lower(): value for name, value in self.headers.items()}, body)
        self._stand.asked.append(asked)
        reply = self._stand.reply(asked)
        parts = [reply.body] if isinstance(reply.body, bytes) else reply.body
        length = {"Content-Length": str(len(reply.body))} if isinstance(reply.body, bytes) else {}
        with suppress(OSError):  # the other side may not wait for all of it
            self.send_response_only(reply.status)
            for name, value in (length | dict(reply.headers)).items():
                self.send_header(name, value)
            self.end_headers()
            for part in parts:
                self.wfile.write(part)

    do_GET = do_POST = do_PUT = _answer  # noqa: N815 - as the standard library looks for them

    def log_message(self, *_: object) -> None:
        """Say nothing."""


class Relay:
    """A TCP relay to a server that can stop relaying what comes back, for a while or for good."""

    def __init__(self, port: int) -> None:
        """Relay to `port` of this machine."""
        self._target = port
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._open: list[socket.socket] = []
        self.port = int(self._listener.getsockname()[1])
        self.flowing = threading.Event()
        self.flowing.set()
        self.delay_seconds = 0.0
        self._threads = [threading.Thread(target=self._accept, daemon=True)]
        self._threads[0].start()

    def close(self) -> None:
        """End, with every connection."""
        self.flowing.set()
        for end in (self._listener, *self._open):
            with suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)
            end.close()
        for thread in self._threads:
            thread.join(STOP_SECONDS)

    def _accept(self) -> None:
        with suppress(OSError):  # closed
            while True:
                near, _ = self._listener.accept()
                far = socket.create_connection(("127.0.0.1", self._target))
                self._open += [near, far]
                self._threads += [
                    threading.Thread(target=self._copy, args=(near, far, False), daemon=True),
                    threading.Thread(target=self._copy, args=(far, near, True), daemon=True),
                ]
                for thread in self._threads[-2:]:
                    thread.start()

    def _copy(self, source: socket.socket, to: socket.socket, back: bool) -> None:  # noqa: FBT001 - a direction
        with suppress(OSError):  # an end is gone, and so is the other then
            while data := source.recv(65_536):
                if back:
                    self.flowing.wait()
                    time.sleep(self.delay_seconds)
                to.sendall(data)
            to.shutdown(socket.SHUT_WR)
