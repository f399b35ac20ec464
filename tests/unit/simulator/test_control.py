"""The simulator's own endpoints: what arrived, and what is to go wrong, for anybody who can reach the port."""

import json
from collections.abc import AsyncIterator
from typing import Any

import pytest

from proxy.simulator.faults import MAX_SCRIPT_BYTES
from proxy.simulator.model import Received
from proxy.simulator.server import Address, Simulator, serving
from tests.unit.simulator.calls import ROWS, WORKSPACE, well_formed
from tests.unit.simulator.sockets import asked

REQUESTS, FAULTS = "/__simulator__/requests", "/__simulator__/faults"
IDENTIFY = well_formed(ROWS["track.v1.identify"])


@pytest.fixture
async def address() -> AsyncIterator[Address]:
    """Where a simulator listens."""
    async with serving(Simulator(WORKSPACE)) as where:
        yield where


async def ask(address: Address, method: str, path: str, body: bytes = b"") -> tuple[int, Any]:
    """Return the status and the decoded body of a call of the control API."""
    came = await asked(address, Received(method, path, (("Host", "simulator"),), body))
    return came.status, json.loads(came.body)  # noqa: TID251  # our own output


async def test_what_arrived_is_shown_and_forgotten(address: Address) -> None:
    """A recorded request is all there: raw target, headers as they came, body twice, and the answer's status."""
    await asked(address, IDENTIFY)
    status, shown = await ask(address, "GET", REQUESTS)
    assert status == 200
    (entry,) = shown["requests"]
    assert entry["path"] == IDENTIFY.target
    assert entry["headers"][: len(IDENTIFY.headers)] == [list(header) for header in IDENTIFY.headers]
    assert entry["json"]["email"] == "ada@example.com"
    assert (entry["method"], entry["number"], entry["status"]) == ("PUT", 1, 200)
    assert (shown["dropped"], shown["malformed"]) == (0, 0)
    assert await ask(address, "DELETE", REQUESTS) == (200, {})
    assert (await ask(address, "GET", REQUESTS))[1]["requests"] == []


async def test_half_a_pair_and_a_long_number_can_be_shown(address: Address) -> None:
    """What some clients send and most JSON libraries choke on comes through the control API."""
    await asked(
        address, Received("PUT", IDENTIFY.target, IDENTIFY.headers, b'{"a":"\\ud83d","b":123456789012345678901234567890}')
    )
    _, shown = await ask(address, "GET", REQUESTS)
    assert shown["requests"][0]["json"] == {"a": "\ud83d", "b": 123456789012345678901234567890}


async def test_faults_are_scripted_shown_and_forgotten(address: Address) -> None:
    """A script is taken, what is pending can be looked at, and forgotten before it happens."""
    script = b'[{"match":{"method":"PUT"},"times":2,"fault":{"kind":"status","status":503}}]'
    assert await ask(address, "POST", FAULTS, script) == (200, {"pending": 1})
    assert (await asked(address, IDENTIFY)).status == 503
    _, shown = await ask(address, "GET", FAULTS)
    assert shown == {
        "faults": [
            {
                "match": {"method": "PUT", "path_prefix": "/"},
                "times": 1,
                "fault": {"kind": "status", "status": 503, "body": None, "headers": {}},
            }
        ]
    }
    assert await ask(address, "DELETE", FAULTS) == (200, {})
    assert (await asked(address, IDENTIFY)).status == 200


async def test_what_is_shown_can_be_scripted_again(address: Address) -> None:
    """The pending faults are a script themselves."""
    await ask(address, "POST", FAULTS, b'[{"fault":{"kind":"interim"}},{"fault":{"kind":"large","bytes":20}}]')
    _, shown = await ask(address, "GET", FAULTS)
    await ask(address, "DELETE", FAULTS)
    assert await ask(address, "POST", FAULTS, json.dumps(shown["faults"]).encode()) == (200, {"pending": 2})
    assert (await ask(address, "GET", FAULTS))[1] == shown


@pytest.mark.parametrize(
    ("body", "status", "error"),
    [
        (b"{", 400, "Invalid JSON"),
        (b'[{"fault":{"kind":"reset"},"tiems":2}]', 400, "0.tiems: Extra inputs are not permitted"),
        (b" " * (MAX_SCRIPT_BYTES + 1), 413, "a script must not be larger than 16777216 bytes"),
    ],
)
async def test_a_wrong_script_is_told(address: Address, body: bytes, status: int, error: str) -> None:
    """It says what is wrong, and nothing of it is kept."""
    told = await ask(address, "POST", FAULTS, body)
    assert told[0] == status
    assert told[1]["error"].startswith(error)
    assert (await ask(address, "GET", FAULTS))[1] == {"faults": []}


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [("POST", REQUESTS, 405), ("PUT", FAULTS, 405), ("GET", "/__simulator__/", 404), ("GET", "/__simulator__/requests?x", 404)],
)
async def test_there_is_nothing_else(address: Address, method: str, path: str, status: int) -> None:
    """Other calls below the prefix are told what there is."""
    told = await ask(address, method, path)
    assert told[0] == status
    assert list(told[1]) == ["error"]


async def test_control_calls_are_neither_recorded_nor_hit_by_faults(address: Address) -> None:
    """A fault for everything leaves the control API alone, and looking changes nothing."""
    await ask(address, "POST", FAULTS, b'[{"times":5,"fault":{"kind":"reset"}}]')
    assert (await ask(address, "GET", REQUESTS))[1]["requests"] == []
    assert (await ask(address, "GET", FAULTS))[1]["faults"][0]["times"] == 5
