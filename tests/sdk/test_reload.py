"""The configuration is reloaded under two real SDKs that never stop calling: no call fails (promise G5).

The SDKs do not repeat anything by themselves, so a call that fails anywhere shows. `SOAK_RELOADS` sets how many reloads there
are (`make soak`).
"""

import asyncio
from collections.abc import Mapping
from pathlib import Path
from random import Random  # noqa: TID251 - made from a seed
from typing import Any

import pytest

from proxy.simulator.server import Simulator, serving
from tests.flows.conftest import WORKSPACE
from tests.flows.test_reload import RELOADS, SEED, Operator, decided, masking
from tests.running import config, running
from tests.sdk.conftest import NO_LIMITS
from tests.sdk.test_rotation import Load, loaded

RELOAD_SECONDS = 5
GOOD: list[Mapping[str, Any]] = [
    {"policy": masking("alpha")},
    {"policy": masking("beta")},
    {"policy": masking("alpha") | {"inventory": {"detect": ["email"]}}},
    {"limits": NO_LIMITS | {"wait_seconds": 5}, "delivery": {"timeouts": {"total_seconds": 8}}},
    {"limits": NO_LIMITS, "delivery": {"connections": 100}, "stores": {"refresh_seconds": 1}},
]


@pytest.mark.needs("customerio-node")
@pytest.mark.timeout(60 + RELOADS * RELOAD_SECONDS)
async def test_g5_reloads_under_load_cost_no_call(tmp_path: Path) -> None:
    """Good ones, and every class of fault; each call that arrives was decided by one of the two policies."""
    simulator = Simulator(WORKSPACE)
    load = Load(attributes={"alpha": "1", "beta": "2"})
    async with serving(simulator) as address:
        document = config(address.url, policy=masking("alpha"), limits=NO_LIMITS)
        async with running(tmp_path, document) as sidecar, loaded(sidecar, 1, load):
            operator, chance = Operator(sidecar, tmp_path, document), Random(SEED)  # noqa: S311 - it chooses what is tried
            for _ in range(RELOADS):
                before = load.calls
                await operator.attempt(chance, GOOD)
                assert load.failures == []
                async with asyncio.timeout(RELOAD_SECONDS):
                    while load.calls == before:  # noqa: ASYNC110 - an application does not tell
                        await asyncio.sleep(0.01)
    assert load.failures == []
    assert len(decided(simulator.requests)) >= min(RELOADS, 2)
