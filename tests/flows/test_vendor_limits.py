"""Customer.io's own limits, through the whole program and the official SDK, before a simulator that has them too."""

import asyncio
import subprocess
import sys
from pathlib import Path
from typing import Any

import aiohttp
import orjson
import pytest
from customerio import CustomerIO, CustomerIOException

from tests.flows.conftest import Upstream
from tests.flows.test_answers import refusal
from tests.running import Sidecar, config, running

BATCH = "/api/v2/batch"
LIMITED = {"version": 1, "vendor_limits": "enforce"}


def person(identifier: str, **attributes: object) -> dict[str, Any]:
    """Return an operation."""
    return {"type": "person", "action": "identify", "identifiers": {"id": identifier}, "attributes": attributes}


LONG = person("2", note="CANARY" * 200)
NAMELESS = {"type": "person", "action": "event", "identifiers": {"id": "4"}}
MIXED = [person("1", plan="pro"), LONG, person("3"), NAMELESS, person("5" * 151), person("6")]


def sent(upstream: Upstream) -> list[Any]:
    """Return the bodies that arrived."""
    return [arrived.json for arrived in upstream.simulator.requests]


async def samples(sidecar: Sidecar, client: aiohttp.ClientSession) -> list[str]:
    """Return the counts of limits that were met."""
    async with client.get(f"{sidecar.admin_url}/metrics") as answer:
        lines = (await answer.text()).splitlines()
    return [line for line in lines if line.startswith("cio_sidecar_vendor_limits_total{") and not line.endswith(" 0.0")]


def batched(port: int, operations: list[dict[str, Any]]) -> tuple[int, Any]:
    """Send a batch with the SDK, and return status and body of the answer it returns."""
    with_sdk = CustomerIO("placeholder", "placeholder", host="localhost", port=port, retries=0)
    try:
        response = with_sdk.batch(operations)
        return response.status_code, response.json()
    finally:
        with_sdk.close()


async def test_the_sdk_is_told_of_a_batch_what_customer_io_would_have_told(
    upstream: Upstream, client: aiohttp.ClientSession, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two items held back by the sidecar and one refused upstream: one 207, in the indexes of the application's own list."""
    subprocess.run([sys.executable, "-m", "proxy", "tls", "init", str(tmp_path / "tls")], check=True, stdout=subprocess.DEVNULL)  # noqa: ASYNC221  # nothing else runs yet
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(tmp_path / "tls" / "bundle.pem"))
    monkeypatch.setenv("NO_PROXY", "localhost,127.0.0.1")
    document = config(upstream.url, policy=LIMITED)
    document["outbound"]["tls"] = {"port": 0, "certificate": "tls/server.pem", "key": "tls/server.key"}
    async with running(tmp_path, document) as sidecar:
        port = sidecar.ports["outbound_tls"]
        status, body = await asyncio.to_thread(batched, port, MIXED)
        assert status == 207
        assert [(error["batch_index"], error["reason"], error["field"]) for error in body["errors"]] == [
            (1, "too_large", "attributes"),
            (3, "required", "name"),
            (4, "too_large", "identifiers"),
        ]
        assert sent(upstream) == [{"batch": [MIXED[0], MIXED[2], MIXED[3], MIXED[5]]}]
        # Customer.io takes all that it is sent, and the application hears of the rest all the same.
        assert await asyncio.to_thread(batched, port, [LONG, person("7")]) == (
            207,
            {"errors": [{**body["errors"][0], "batch_index": 0}]},
        )
        assert await asyncio.to_thread(batched, port, [person("8")]) == (200, {})
        with pytest.raises(CustomerIOException, match=r"400.*vendor_limit"):
            await asyncio.to_thread(batched, port, [LONG, LONG])
        assert len(sent(upstream)) == 3
        prefix = 'cio_sidecar_vendor_limits_total{endpoint="track.v2.batch",limit='
        assert await samples(sidecar, client) == [
            prefix + '"attribute_value_bytes",mode="enforce"} 4.0',
            prefix + '"id_bytes",mode="enforce"} 1.0',
        ]
    events = [(line["event"], line.get("limit"), line.get("items")) for line in sidecar.log_lines()]
    assert ("over_vendor_limit", "attribute_value_bytes", 2) in events
    assert b"CANARY" not in sidecar.log


@pytest.mark.parametrize(
    ("fault", "expected"),
    [
        ({"kind": "status", "status": 200, "body": "plain text"}, (207, [0])),
        ({"kind": "slow_body", "seconds_between": 0.01}, (207, [0])),
        ({"kind": "status", "status": 400, "body": {"errors": [{"batch_index": 0, "reason": "x"}]}}, (400, [0, 1])),
        ({"kind": "status", "status": 429, "body": {"errors": []}}, (429, [])),
    ],
    ids=["no JSON", "in pieces", "refused", "throttled"],
)
async def test_any_answer_to_a_rest_is_that_to_the_whole(
    fault: dict[str, Any], expected: tuple[int, list[int]], upstream: Upstream, client: aiohttp.ClientSession, tmp_path: Path
) -> None:
    """An answer of the upstream, whatever became of it on the way back; and nothing that was left out looks done."""
    async with running(tmp_path, config(upstream.url, policy=LIMITED)) as sidecar:
        upstream.simulator.script({"times": 10, "fault": fault})
        async with client.post(sidecar.url + BATCH, json={"batch": [LONG, person("1")]}) as answer:
            assert answer.headers["X-CIO-Sidecar"] == "forwarded"
            assert answer.headers["Content-Type"] == "application/json"
            indexes = [error["batch_index"] for error in orjson.loads(await answer.read())["errors"]]
            assert (answer.status, indexes) == expected


async def test_a_partial_success_without_its_errors_is_no_answer(
    upstream: Upstream, client: aiohttp.ClientSession, tmp_path: Path
) -> None:
    """Nobody could say which of the items it is about."""
    async with running(tmp_path, config(upstream.url, policy=LIMITED)) as sidecar:
        upstream.simulator.script({"times": 10, "fault": {"kind": "status", "status": 207, "body": "plain text"}})
        async with client.post(sidecar.url + BATCH, json={"batch": [LONG, person("1")]}) as answer:
            assert refusal(answer.status, answer.headers, await answer.read()) == "upstream_invalid"


@pytest.mark.parametrize("mode", ["report", "enforce", None])
async def test_a_single_call_is_refused_here_or_there(
    mode: str | None, upstream: Upstream, client: aiohttp.ClientSession, tmp_path: Path
) -> None:
    """Enforced, it never reaches Customer.io; otherwise it does, which has the same limit, and the default is to count."""
    policy = {"version": 1} if mode is None else {"version": 1, "vendor_limits": mode}
    async with running(tmp_path, config(upstream.url, policy=policy)) as sidecar:
        async with client.put(sidecar.url + "/api/v1/customers/5", json=LONG["attributes"]) as answer:
            body = await answer.read()
            assert answer.status == 400
            if mode == "enforce":
                assert refusal(answer.status, answer.headers, body) == "vendor_limit"
            else:
                assert answer.headers["X-CIO-Sidecar"] == "forwarded"
            assert b"CANARY" not in body
        assert len(sent(upstream)) == (0 if mode == "enforce" else 1)
        name = 'cio_sidecar_vendor_limits_total{endpoint="track.v1.identify",limit="attribute_value_bytes",mode="%s"} 1.0'
        assert await samples(sidecar, client) == [name % (mode or "report")]
