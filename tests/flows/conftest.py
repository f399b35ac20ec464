"""The whole program between a test and a simulated Customer.io."""

from collections.abc import AsyncIterator
from dataclasses import dataclass

import aiohttp
import pytest

from proxy.simulator.model import Workspace
from proxy.simulator.server import Simulator, serving
from tests.running import SECRETS

WORKSPACE = Workspace(
    site_id=SECRETS["TEST_SITE_ID"],
    api_key=SECRETS["TEST_API_KEY"],
    app_key=SECRETS["TEST_APP_KEY"],
    write_key=SECRETS["TEST_WRITE_KEY"],
)


@dataclass
class Upstream:
    """A simulated Customer.io: where it listens, and what arrived there."""

    simulator: Simulator
    url: str


@pytest.fixture
async def upstream() -> AsyncIterator[Upstream]:
    """Serve a simulator that knows the secrets of `tests.running`."""
    simulator = Simulator(WORKSPACE)
    async with serving(simulator) as address:
        yield Upstream(simulator, address.url)


@pytest.fixture
async def client() -> AsyncIterator[aiohttp.ClientSession]:
    """Open an HTTP client that changes nothing of what it is told to send."""
    async with aiohttp.ClientSession(auto_decompress=False, skip_auto_headers=["User-Agent", "Accept-Encoding"]) as session:
        yield session
