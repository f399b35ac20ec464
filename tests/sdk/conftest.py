"""Real SDKs, the real process, and a simulated Customer.io that can also be spoken to straight, plain and over TLS."""

import ssl
import subprocess
import sys
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from proxy.api.model import Bucket
from proxy.simulator.journal import Entry
from proxy.simulator.model import Workspace
from proxy.simulator.server import Simulator, serving
from tests.running import SECRETS, Sidecar, config, running
from tests.sdk.applications import Applications
from tests.sdk.arrivals import NOW
from tests.sdk.captures import URL_SAFE_KEY
from tests.sdk.clients import BEARER_KEY, PLACEHOLDER, REAL, Place

CALLERS = [
    {"name": "the-application", "key": "env:TEST_PLACEHOLDER"},
    {"name": "the-application-in-go", "key": "env:TEST_PLACEHOLDER_IN_GO"},
    {"name": "the-application-of-pipelines", "key": "env:TEST_PLACEHOLDER_OF_PIPELINES"},
]
# Out of the way: an SDK's calls are far quicker one after another than an application's.
NO_LIMITS = {"buckets": {bucket.value: {"rate_per_second": 100_000.0, "burst": 1000} for bucket in Bucket}}


class _Stopped:
    """A clock that always says the same."""

    def monotonic(self) -> float:
        """See `proxy.clock.Clock`."""
        return 0.0

    def wall(self) -> float:
        """See `proxy.clock.Clock`."""
        return float(NOW)


@dataclass
class Origin:
    """The simulated Customer.io: where it listens, and what arrived there."""

    simulator: Simulator
    place: Place

    def take(self) -> Sequence[Entry]:
        """Return what arrived since last asked."""
        arrived = self.simulator.requests
        self.simulator.clear()
        return arrived


@pytest.fixture(scope="session")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Make the files of `cio-sidecar tls init` with that command."""
    folder = tmp_path_factory.mktemp("tls")
    command = [sys.executable, "-m", "proxy", "tls", "init", str(folder)]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    return folder


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def origin(certificates: Path) -> AsyncIterator[Origin]:
    """Serve one simulator on a plain port and on a TLS port."""
    simulator = Simulator(Workspace(REAL.site_id, REAL.api_key, REAL.app_key, REAL.write_key), clock=_Stopped())
    tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    tls.load_cert_chain(certificates / "server.pem", certificates / "server.key")
    async with serving(simulator) as plain, serving(simulator, tls=tls) as coded:
        yield Origin(simulator, Place(plain.port, coded.port))


@pytest.fixture(autouse=True)
def nothing_pending(request: pytest.FixtureRequest) -> None:
    """Forget what a test before left behind."""
    if "origin" in request.fixturenames:
        request.getfixturevalue("origin").take()


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def applications(certificates: Path) -> AsyncIterator[Applications]:
    """Keep applications for all tests."""
    started = Applications(certificates)
    yield started
    await started.aclose()


def document(origin: Origin, certificates: Path, **changes: Any) -> dict[str, Any]:  # noqa: ANN401  # a free-form configuration
    """Return a configuration with both listeners that knows one caller; `changes` replace whole sections."""
    files = {"certificate": str(certificates / "server.pem"), "key": str(certificates / "server.key")}
    outbound = {"port": 0, "tls": {"port": 0, **files}, "callers": CALLERS}
    return config(origin.place.url, **({"outbound": outbound, "limits": NO_LIMITS} | changes))


def place(sidecar: Sidecar) -> Place:
    """Return where an application finds the sidecar."""
    return Place(sidecar.ports["outbound"], sidecar.ports["outbound_tls"])


ENVIRONMENT = {
    **SECRETS,
    "TEST_PLACEHOLDER": PLACEHOLDER,
    "TEST_PLACEHOLDER_IN_GO": URL_SAFE_KEY,
    "TEST_PLACEHOLDER_OF_PIPELINES": BEARER_KEY,
}


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def sidecar(origin: Origin, certificates: Path, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Sidecar]:
    """Run the sidecar with the default policy in front of the simulator."""
    folder = tmp_path_factory.mktemp("sidecar")
    async with running(folder, document(origin, certificates), ENVIRONMENT) as process:
        yield process
