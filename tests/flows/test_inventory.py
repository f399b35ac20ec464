"""What callers send, as the running program tells it: on its page, its command line and its metrics, and no value is there."""

import asyncio
import gzip
import os
import sys
from pathlib import Path
from typing import Any

import aiohttp
import orjson
import pytest

from tests.flows.conftest import Upstream
from tests.running import SECRETS, Sidecar, config, on_an_idle_machine, running

TOKEN = "admin-token-CANARY-0123456789"
ENVIRONMENT = SECRETS | {"TEST_ADMIN_TOKEN": TOKEN}
COMMAND_SECONDS = 30
C = "jo.canary@example.com"
CARD = "4111 1111 1111 1111"
# People as keys, one by one and many together.
PEOPLE = {f"{number}{C}": {"score": number} for number in range(3)}
FRIENDS = {f"canary {chr(97 + number // 26)}{chr(97 + number % 26)}": {"since": C} for number in range(70)}
IDENTIFY = ("PUT", "/api/v1/customers/5")

# Method, path and body.
Call = tuple[str, str, object]
CALLS: list[Call] = [
    (*IDENTIFY, {"email": C, "plan": f"canary {CARD}", "ssn": "canary", "address": {"city": "canary"}}),
    (*IDENTIFY, {"by": PEOPLE, "orders": {"2026-canary-11-25": 1, "+15550123 canary": 1}}),
    (*IDENTIFY, {"friends": FRIENDS, "tags": ["canary", C, 4111111111111111], "held": orjson.dumps({"canary": 1}).decode()}),
    ("POST", "/api/v1/customers/5/events", {"name": "canary", "data": {"items": [{"sku": "canary"}, {"sku": None}]}}),
    ("POST", "/api/v1/forms/f/submit", {"denied": "canary"}),
    ("POST", "/api/v1/canary", {"unknown": "canary"}),
]
EXPECTED = {
    ("track.v1.event", "data", "object", ""),
    ("track.v1.event", "data.items", "array", ""),
    ("track.v1.event", "data.items.[]", "object", ""),
    ("track.v1.event", "data.items.[].sku", "string null", ""),
    ("track.v1.event", "name", "string", ""),
    ("track.v1.form.submit", "denied", "string", ""),
    ("track.v1.identify", "address", "object", ""),
    ("track.v1.identify", "address.city", "string", ""),
    ("track.v1.identify", "by", "object", ""),
    ("track.v1.identify", "by.*", "object", "email"),
    ("track.v1.identify", "by.*.score", "integer", ""),
    ("track.v1.identify", "email", "string", "email"),
    ("track.v1.identify", "friends", "object", ""),
    ("track.v1.identify", "friends.*", "object", ""),
    ("track.v1.identify", "friends.*.since", "string", "email"),
    ("track.v1.identify", "held", "string", ""),
    ("track.v1.identify", "orders", "object", ""),
    ("track.v1.identify", "orders.*", "integer", ""),
    ("track.v1.identify", "plan", "string", "payment_card"),
    ("track.v1.identify", "ssn", "string", ""),
    ("track.v1.identify", "tags", "array", ""),
    ("track.v1.identify", "tags.[]", "string integer", "email payment_card"),
    ("unknown.track", "unknown", "string", ""),
}


def document(upstream: str, **inventory: object) -> dict[str, Any]:
    """Return a configuration that keeps an inventory, under a policy that strips a field and refuses another."""
    rules = [
        {"name": "never", "fields": ["ssn"], "action": "strip"},
        {"name": "stop", "fields": ["denied"], "action": "deny"},
    ]
    return config(
        upstream,
        policy={"version": 1, "rules": rules, "inventory": inventory},
        admin={"port": 0, "token": "env:TEST_ADMIN_TOKEN"},
        outbound={"port": 0, "unknown_endpoints": "inspect"},
    )


async def call(client: aiohttp.ClientSession, sidecar: Sidecar, made: Call, *, coded: bool = False) -> str:
    """Make a call; return what the sidecar says became of it."""
    method, path, body = made
    data = orjson.dumps(body)
    headers = {"Content-Type": "application/json"} | ({"Content-Encoding": "gzip"} if coded else {})
    async with client.request(
        method, sidecar.url + path, data=gzip.compress(data) if coded else data, headers=headers
    ) as answer:
        return answer.headers["X-CIO-Sidecar"]


async def shown(client: aiohttp.ClientSession, sidecar: Sidecar, page: str, token: str = "") -> bytes:
    """Return a page of the operator's."""
    async with client.get(sidecar.admin_url + page, headers={"Authorization": f"Bearer {token}"} if token else {}) as answer:
        assert answer.status == 200
        return await answer.read()


async def command(folder: Path, sidecar: Sidecar, *options: str) -> tuple[int | None, str, str]:
    """Run `policy inventory` beside a sidecar; return its exit code and what it printed."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-X", "dev", "-W", "error", "-m", "proxy", "policy", "inventory", "--config", folder / "sidecar.yaml",
        *options,
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
        env={**os.environ, **ENVIRONMENT, "CIO_SIDECAR_ADMIN__PORT": str(sidecar.ports["admin"])},
    )  # fmt: skip
    async with asyncio.timeout(COMMAND_SECONDS):
        out, err = await process.communicate()
    return process.returncode, out.decode(), on_an_idle_machine(err.decode())


@pytest.mark.needs("detectors")
async def test_what_is_sent_is_shown_and_no_value_is(upstream: Upstream, client: aiohttp.ClientSession, tmp_path: Path) -> None:
    """Every field by path, type and finds, of calls that left and of one that was refused, plain and coded (promise G2)."""
    async with running(tmp_path, document(upstream.url, detect=["email", "payment_card"]), ENVIRONMENT) as sidecar:
        for coded in (False, True):
            became = [await call(client, sidecar, made, coded=coded) for made in CALLS]
            assert became == ["forwarded"] * 4 + ["refused; reason=policy_denied", "forwarded"]
        page = await shown(client, sidecar, "/v1/policy/inventory", TOKEN)
        metrics = (await shown(client, sidecar, "/metrics")).decode()
        _, table, said = await command(tmp_path, sidecar)
        _, text, _ = await command(tmp_path, sidecar, "--json")
    fields = orjson.loads(page)["fields"]
    places = {(each["endpoint"], each["path"], " ".join(each["types"]), " ".join(each["detectors"])) for each in fields}
    assert places == EXPECTED
    assert len(fields) == len(places)
    assert orjson.loads(text)["fields"] == fields
    counts = {each["path"]: each["count"] for each in fields}
    assert (counts["plan"], counts["denied"], counts["by.*"], counts["friends.*"]) == (2, 2, 2 * len(PEOPLE), 2 * len(FRIENDS))
    rows = [line.split()[:2] for line in table.splitlines()[1:]]
    assert rows == [[each["endpoint"], each["path"]] for each in fields]
    assert said == ""
    assert f"cio_sidecar_inventory_fields {len(EXPECTED)}.0" in metrics
    assert "cio_sidecar_inventory_unrecorded_total 0.0" in metrics
    assert 'cio_sidecar_inventory_new_fields_total{endpoint="unknown.track"} 1.0' in metrics
    for told in (page.decode(), metrics, table, text, said, sidecar.log.decode()):
        assert "canary" not in told.lower()
        assert "4111" not in told
        assert "@" not in told


async def test_what_was_looked_at_is_no_news_after_a_restart(
    upstream: Upstream, client: aiohttp.ClientSession, tmp_path: Path
) -> None:
    """The command writes the file of known fields; maps of people alarm nobody, and one new field does: count and exit code."""
    async with running(tmp_path, document(upstream.url), ENVIRONMENT) as sidecar:
        for made in CALLS:
            await call(client, sidecar, made)
        code, _, _ = await command(tmp_path, sidecar, "--new")
        assert code == 1
        _, text, _ = await command(tmp_path, sidecar, "--json")
    (tmp_path / "fields.json").write_text(text)
    async with running(tmp_path, document(upstream.url, known="fields.json"), ENVIRONMENT) as sidecar:
        for made in CALLS:
            await call(client, sidecar, made)
        code, table, _ = await command(tmp_path, sidecar, "--new")
        assert (code, len(table.splitlines())) == (0, 1)
        new = 'cio_sidecar_inventory_new_fields_total{endpoint="track.v1.identify"}'
        assert f"{new} 0.0" in (await shown(client, sidecar, "/metrics")).decode()
        await call(client, sidecar, (*IDENTIFY, {"friends": {"another": {"phone": "canary"}}}))
        code, table, _ = await command(tmp_path, sidecar, "--new", "--endpoint", "track.v1.*")
        assert (code, table.splitlines()[1].split()[:2]) == (1, ["track.v1.identify", "friends.*.phone"])
        assert f"{new} 1.0" in (await shown(client, sidecar, "/metrics")).decode()


async def test_a_file_of_known_fields_that_is_none_stops_the_start(upstream: Upstream, tmp_path: Path) -> None:
    """In one line with its key, so that nobody waits for alarms that cannot come."""
    (tmp_path / "fields.json").write_text('{"fields": "canary"}')
    with pytest.raises(AssertionError, match=r"policy\.inventory\.known: .*fields\.json: is no inventory") as refused:
        async with running(tmp_path, document(upstream.url, known="fields.json"), ENVIRONMENT):
            pass
    assert "canary" not in str(refused.value)
