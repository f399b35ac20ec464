"""What is measured: one table of programs, and the one way in which each is started, on a core and a port of loopback."""

import os
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from bench import work
from bench.place import Place

ROOT = Path(__file__).resolve().parents[1]
ENVIRONMENTS = ROOT / ".tools" / "bench"
COMPILED = ROOT / ".tools" / "compiled"
NGINX = Path(__file__).parent / "nginx"
MODULES = Path("/usr/lib/nginx/modules")
# wrk, the upstream and the steady load share a core; the proxy under test has the other to itself.
LOAD_CORE, PROXY_CORE = "0", "1"
START_SECONDS = 20


@dataclass(frozen=True, slots=True)
class Peer:
    """One program."""

    name: str
    prepare: Callable[[Place], list[str]]
    """Write what the program reads to its place, and return its command."""
    absent: Callable[[], str | None] = lambda: None
    """Return how to get what this machine lacks for it; None: nothing."""
    redacts: bool = True
    core: str = PROXY_CORE
    asked_for: bool = False
    """It is measured only where it is asked for."""


def _python(module: str, interpreter: str = sys.executable) -> Callable[[Place], list[str]]:
    return lambda place: [interpreter, "-m", f"bench.{module}", *place.arguments()]


def _apart(name: str) -> Peer:
    """Return a Python peer with an environment of its own: what it depends on is not what the sidecar does."""
    environment = ENVIRONMENTS / name

    def absent() -> str | None:
        return None if (environment / ".installed").is_file() else f'`make bench ARGS="--peers {name}"` installs it'

    return Peer(name, _python(f"{name}_peer", str(environment / "bin" / "python")), absent, asked_for=True)


def sidecar(name: str, package: Path | None = None) -> Peer:
    """Return the sidecar with the policy of that name, of this checkout or of another `package`, such as the compiled one."""
    compiled = package == COMPILED

    def absent() -> str | None:
        return None if os.environ.get("COMPILED") or not compiled else "`make bench COMPILED=1` compiles it"

    def prepare(place: Place) -> list[str]:
        (place.folder / "policy.yaml").write_text(work.POLICIES[name])
        config = place.folder / "sidecar.yaml"
        config.write_text(work.config(name, "policy.yaml", place))
        before_checkout = ["env", "PYTHONSAFEPATH=1", f"PYTHONPATH={package}"] if package else []
        return [*before_checkout, sys.executable, "-m", "proxy", "serve", "--config", str(config)]

    return Peer(f"{name}, compiled" if compiled else name, prepare, absent)


def _nginx(name: str, redact: str = "") -> Peer:
    def absent() -> str | None:
        found = shutil.which("nginx") and (MODULES / "ngx_http_lua_module.so").exists()
        return None if found else "Debian packages nginx, libnginx-mod-http-lua and lua-cjson"

    def prepare(place: Place) -> list[str]:
        certificate = "ssl_certificate {}; ssl_certificate_key {};".format(*place.certificate) if place.certificate else ""
        values = {
            "folder": place.folder, "port": place.port, "upstream": place.upstream, "modules": MODULES, "lua": NGINX,
            "authorization": work.INJECTED, "redact": redact, "ssl": "ssl" if certificate else "", "certificate": certificate,
        }  # fmt: skip
        text = (NGINX / "nginx.conf").read_text()
        for key, value in values.items():
            text = text.replace(f"@{key}@", str(value))
        config = place.folder / "nginx.conf"
        config.write_text(text)
        return ["nginx", "-p", str(place.folder), "-c", str(config)]

    return Peer(name, prepare, absent, redacts=bool(redact))


SINK = Peer("direct", _python("sink"), redacts=False, core=LOAD_CORE)
PEERS = (
    SINK,
    Peer("aiohttp", _python("aiohttp_peer")),
    sidecar("sidecar"),
    sidecar("sidecar, full"),
    sidecar("sidecar, full", COMPILED),
    _nginx("nginx"),
    _nginx("nginx+LuaJIT", 'access_by_lua_block { require "access" () }'),
    _apart("fastapi"),
    _apart("mitmproxy"),
)


@dataclass(frozen=True, slots=True)
class Running:
    """A program that accepts connections."""

    port: int
    pid: int
    start_ms: float


@contextmanager
def running(peer: Peer, folder: Path, upstream: int = 0, tls: Path | None = None) -> Iterator[Running]:
    """Run `peer` in a new `folder` until the end of the block.

    Raises:
        SystemExit: it ended, or accepts no connection within `START_SECONDS`; holds what it said.
    """
    folder.mkdir()
    with socket.create_server(("127.0.0.1", 0)) as free:
        place = Place(folder, free.getsockname()[1], upstream, tls)
    command = ["taskset", "-c", peer.core, *peer.prepare(place)]
    said = folder / "said.txt"
    begin = time.perf_counter()
    environment = os.environ | work.ENVIRONMENT
    with (
        said.open("wb") as output,
        subprocess.Popen(command, cwd=ROOT, env=environment, stdout=output, stderr=subprocess.STDOUT) as process,
    ):
        try:
            while not _accepts(place.port):
                if process.poll() is not None or time.perf_counter() > begin + START_SECONDS:
                    raise SystemExit(f"{peer.name} did not start:\n{said.read_text()}")
                time.sleep(0.005)
            yield Running(place.port, process.pid, (time.perf_counter() - begin) * 1000)
        finally:
            process.terminate()


def certificates(folder: Path) -> Path:
    """Make the files by which a caller trusts a server on loopback; return `folder`."""
    command = [sys.executable, "-m", "proxy", "tls", "init", str(folder)]
    subprocess.run(command, cwd=ROOT, check=True, stdout=subprocess.DEVNULL)
    return folder


def _accepts(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port), timeout=1).close()
    except OSError:
        return False
    return True
