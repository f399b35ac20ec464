"""The whole program with its keys in a real Vault."""

import asyncio
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from proxy.errors import Reason
from proxy.simulator.model import Workspace
from tests.flows.conftest import Upstream
from tests.flows.test_credentials import WAIT_SECONDS, identified, metrics, ready, until
from tests.running import SECRETS, Sidecar, config, running
from tests.vault import Server, dev_server

pytestmark = pytest.mark.needs("vault")

PAIR = {"site_id": SECRETS["TEST_SITE_ID"], "api_key": SECRETS["TEST_API_KEY"]}


@pytest.fixture(scope="module")
def vault(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """Run one server for all tests here."""
    with dev_server(tmp_path_factory.mktemp("vault")) as server:
        yield server


def document(url: str, vault: Server, mount: str, **changes: Any) -> dict[str, Any]:  # noqa: ANN401 - a free-form configuration
    """Return a configuration whose Track pair is in Vault, which is asked every second."""
    auth = {"method": "token", "token": "env:VAULT_TOKEN"}
    pair = {name: f"vault:{mount}/customerio#{name}" for name in PAIR}
    stores = {"vault": {"address": vault.url, "auth": auth}, "refresh_seconds": 1}
    return config(url, credentials={"track": pair}, stores=stores, **changes)


def environment(vault: Server) -> dict[str, str]:
    """Return the environment of a sidecar that may read everything."""
    return {"VAULT_TOKEN": vault.token}


async def told(sidecar: Sidecar, event: str) -> None:
    """Wait until the log has a line of this event."""

    async def has() -> bool:
        return any(line["event"] == event for line in sidecar.log_lines())

    await until(has)


async def test_a_sidecar_starts_before_its_key_is_there(
    upstream: Upstream, client: aiohttp.ClientSession, vault: Server, tmp_path: Path
) -> None:
    """It listens, is not ready, and tells callers to come again; once the key is written it serves."""
    mount = vault.kv()
    async with running(tmp_path, document(upstream.url, vault, mount), environment(vault), until="outbound") as sidecar:
        await told(sidecar, "store_unavailable")
        assert not await ready(client, sidecar)
        assert await identified(client, sidecar) == Reason.CREDENTIALS_UNAVAILABLE
        vault.write(mount, "customerio", PAIR)
        async with asyncio.timeout(WAIT_SECONDS):
            await sidecar.heard("ready")
        assert await ready(client, sidecar)
        assert await identified(client, sidecar) == ""
        shown = await metrics(client, sidecar)
    assert 'cio_sidecar_credential_version_age_seconds{credential="track"}' in shown
    assert not any(secret in sidecar.log.decode() + shown for secret in (*SECRETS.values(), vault.token, mount))


async def test_nothing_is_let_in_before_the_policy_has_its_key(
    upstream: Upstream, client: aiohttp.ClientSession, vault: Server, tmp_path: Path
) -> None:
    """Its hashes are made with a secret in Vault: the port opens once that was read; health can be asked before."""
    mount = vault.kv()
    vault.write(mount, "customerio", PAIR)
    policy = {
        "version": 1,
        "hash": {"algorithm": "hmac-sha256", "key": f"vault:{mount}/pepper#key", "key_id": "k1"},
        "rules": [{"name": "contact", "fields": ["phone"], "action": "hash"}],
    }
    asked = document(upstream.url, vault, mount, policy=policy)
    async with running(tmp_path, asked, environment(vault), until="admin") as sidecar:
        await told(sidecar, "secret_unavailable")
        assert set(sidecar.ports) == {"admin"}
        assert not await ready(client, sidecar)
        vault.write(mount, "pepper", {"key": "pepper-CANARY-0123456789"})
        async with asyncio.timeout(WAIT_SECONDS):
            await sidecar.heard("ready")
        async with client.put(f"{sidecar.url}/api/v1/customers/5", json={"phone": "+1-555-0123"}) as answer:
            assert answer.status == 200
    (arrived,) = upstream.simulator.requests
    assert isinstance(arrived.json, dict)
    assert list(arrived.json) == ["phone_hash"]
    assert str(arrived.json["phone_hash"]).startswith("k1.")
    assert "CANARY" not in sidecar.log.decode()


async def test_g7_a_new_version_in_vault_is_used(
    upstream: Upstream, client: aiohttp.ClientSession, vault: Server, tmp_path: Path
) -> None:
    """Site id and key change in one write; the old pair is deleted first, and the call that met it is answered all the same."""
    mount = vault.kv()
    vault.write(mount, "customerio", PAIR)
    newer = Workspace(site_id="another-site-CANARY", api_key="another-key-CANARY")
    async with running(tmp_path, document(upstream.url, vault, mount), environment(vault)) as sidecar:
        assert await identified(client, sidecar) == ""
        upstream.simulator.workspaces = (newer,)
        call = asyncio.get_running_loop().create_task(identified(client, sidecar))
        async with asyncio.timeout(WAIT_SECONDS):
            await upstream.simulator.until(lambda entries: any(entry.status == 401 for entry in entries))
        vault.write(mount, "customerio", {"site_id": newer.site_id, "api_key": newer.api_key})
        assert await call == ""
    adopted = [line["version"] for line in sidecar.log_lines() if line["event"] == "credential_adopted"]
    assert adopted == ["1", "2"]
    assert "CANARY" not in sidecar.log.decode()
