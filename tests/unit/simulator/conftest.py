"""Every test with a socket runs on both event loops: tests serve the simulator on asyncio's, the command on uvloop."""

import asyncio
import datetime as dt
import ssl
from collections.abc import Callable, Mapping

import pytest
import uvloop

from proxy.cli.certificates import issue


def pytest_asyncio_loop_factories(
    config: pytest.Config,  # noqa: ARG001  # the names are the hook's
    item: pytest.Item,  # noqa: ARG001
) -> Mapping[str, Callable[[], asyncio.AbstractEventLoop]]:
    """Name the loops."""
    return {"asyncio": asyncio.new_event_loop, "uvloop": uvloop.new_event_loop}


@pytest.fixture(scope="session")
def authority(tmp_path_factory: pytest.TempPathFactory) -> tuple[ssl.SSLContext, ssl.SSLContext]:
    """Contexts of a server for localhost, and of a client that trusts it and nobody else."""
    issued = issue(dt.datetime.now(dt.UTC))
    certificate, key = (tmp_path_factory.mktemp("tls") / name for name in ("server.pem", "server.key"))
    certificate.write_bytes(issued.server)
    key.write_bytes(issued.key)
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(certificate, key)
    return server, ssl.create_default_context(cadata=issued.ca.decode())
