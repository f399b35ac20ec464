"""What the sidecar is measured beside: programs that listen on a free port, each on one core."""

import base64
import os
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import orjson

from bench.work import ENVIRONMENT

HERE = Path(__file__).parent
MODULES = Path("/usr/lib/nginx/modules")
AUTHORIZATION = base64.b64encode(b"bench-site:bench-api-key").decode()
START_SECONDS = 5


def has_nginx() -> bool:
    """Say whether nginx with LuaJIT is here (Debian packages nginx, libnginx-mod-http-lua and lua-cjson)."""
    return shutil.which("nginx") is not None and (MODULES / "ngx_http_lua_module.so").exists()


@contextmanager
def printing_port(command: list[str], core: str) -> Iterator[tuple[int, int]]:
    """Run a program that prints its port; give the port and the process id."""
    with subprocess.Popen(["taskset", "-c", core, *command], stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None  # noqa: S101  # a pipe was asked for
            yield int(process.stdout.readline()), process.pid
        finally:
            process.terminate()


@contextmanager
def nginx(folder: Path, upstream: int, core: str, *, redacting: bool) -> Iterator[tuple[int, int]]:
    """Run nginx with one worker, passing through or redacting; give its port and the process id."""
    folder.mkdir()
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    values = {
        "folder": folder, "modules": MODULES, "lua": HERE / "nginx", "upstream": upstream, "port": port,
        "authorization": AUTHORIZATION, "redact": 'access_by_lua_block { require "redact" () }' if redacting else "",
    }  # fmt: skip
    text = (HERE / "nginx" / "nginx.conf").read_text()
    for name, value in values.items():
        text = text.replace(f"@{name}@", str(value))
    (folder / "nginx.conf").write_text(text)
    command = ["taskset", "-c", core, "nginx", "-p", str(folder), "-c", str(folder / "nginx.conf")]
    with subprocess.Popen(command, stderr=sys.stderr) as process:
        try:
            _wait_for(port)
            yield port, process.pid
        finally:
            process.terminate()


@contextmanager
def sidecar(config: Path, core: str) -> Iterator[tuple[int, int, float]]:
    """Run the sidecar; give its port, its process id and the milliseconds until it was ready."""
    begin = time.perf_counter()
    command = ["taskset", "-c", core, sys.executable, "-m", "proxy", "serve", "--config", str(config)]
    environment = {**os.environ, **ENVIRONMENT}
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment) as process:
        try:
            assert process.stdout is not None  # noqa: S101  # a pipe was asked for
            port = 0
            for line in process.stdout:
                event = orjson.loads(line)
                if event.get("listener") == "outbound":
                    port = event["port"]
                if event["event"] == "ready":
                    break
            yield port, process.pid, (time.perf_counter() - begin) * 1000
        finally:
            process.terminate()


def _wait_for(port: int) -> None:
    """Return once something listens on `port`."""
    end = time.perf_counter() + START_SECONDS
    while True:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
        except OSError:
            if time.perf_counter() > end:
                raise
            time.sleep(0.02)
        else:
            return
