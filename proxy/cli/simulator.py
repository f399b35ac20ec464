"""`cio-sidecar simulator`: a Customer.io on this machine, to test an application or the sidecar against."""

import asyncio
import signal
import ssl
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Annotated, Literal

import orjson
import typer
import uvloop

from proxy.errors import ConfigError
from proxy.simulator.model import Workspace
from proxy.simulator.server import RECORDED_BYTES, RECORDED_REQUESTS, Simulator, serving

_FILE = {"exists": True, "dir_okay": False, "readable": True}
_PLACEHOLDERS = Workspace()


def simulator(
    *,
    port: Annotated[int, typer.Option(min=0, max=65_535, help="Port to listen on; 0 picks a free one.")],
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
    site_id: Annotated[str, typer.Option(help="Site id of the Track API.")] = _PLACEHOLDERS.site_id,
    api_key: Annotated[str, typer.Option(help="API key of the Track API.")] = _PLACEHOLDERS.api_key,
    app_key: Annotated[str, typer.Option(help="Key of the App API.")] = _PLACEHOLDERS.app_key,
    write_key: Annotated[str, typer.Option(help="Write key of the Pipelines API.")] = _PLACEHOLDERS.write_key,
    region: Annotated[Literal["us", "eu"], typer.Option(help="Region of the workspace.")] = "us",
    environment_id: Annotated[int, typer.Option(min=1, help="Number of the workspace.")] = 1,
    tls_certificate: Annotated[
        Path | None, typer.Option(**_FILE, help="PEM file of the certificate chain; serves TLS.")
    ] = None,
    tls_key: Annotated[Path | None, typer.Option(**_FILE, help="PEM file of the certificate's key.")] = None,
    recorded_requests: Annotated[int, typer.Option(min=1, help="Requests kept; the oldest go first.")] = RECORDED_REQUESTS,
    recorded_bytes: Annotated[int, typer.Option(min=1, help="Bytes of requests kept.")] = RECORDED_BYTES,
) -> None:
    """Run a simulated Customer.io: strict, recording what arrives, and failing on request.

    All three APIs are at one port. GET /__simulator__/requests shows what arrived, POST /__simulator__/faults scripts faults.
    """
    workspace = Workspace(site_id, api_key, app_key, write_key, region, environment_id)
    simulated = Simulator(workspace, recorded_requests=recorded_requests, recorded_bytes=recorded_bytes)
    tls = _tls(tls_certificate, tls_key)
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(_serve(simulated, host, port, tls))


async def _serve(simulated: Simulator, host: str, port: int, tls: ssl.SSLContext | None) -> None:
    """Serve until SIGTERM or SIGINT, saying where in one JSON line once connections are accepted.

    Raises:
        ConfigError: the address cannot be listened on.
    """
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    async with AsyncExitStack() as stack:
        try:
            address = await stack.enter_async_context(serving(simulated, host, port, tls))
        except OSError as error:
            raise ConfigError(f"cannot listen there: {error.strerror or type(error).__name__}", path="--port") from None
        typer.echo(orjson.dumps({"event": "listening", "listener": "simulator", "host": address.host, "port": address.port}))
        await stop.wait()


def _tls(certificate: Path | None, key: Path | None) -> ssl.SSLContext | None:
    """Return what serves TLS with these files, or None without them.

    Raises:
        ConfigError: only one is given, or they cannot be loaded.
    """
    if certificate is None and key is None:
        return None
    if certificate is None or key is None:
        raise ConfigError("go together; give both, or neither", path="--tls-certificate and --tls-key")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.set_alpn_protocols(["http/1.1"])
    try:
        context.load_cert_chain(certificate, key)
    except (OSError, ssl.SSLError):
        problem = "cannot be loaded; give a PEM file of the certificate chain and one of its key"
        raise ConfigError(problem, path="--tls-certificate and --tls-key") from None
    return context
