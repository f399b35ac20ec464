"""Every public method of every SDK, unmodified, through the real process, and beside it straight to Customer.io."""

import base64
import re
from typing import Any
from urllib.parse import parse_qsl

import orjson
import pytest

from proxy.simulator.journal import Entry
from tests.running import Sidecar
from tests.sdk.applications import Applications, Outcome
from tests.sdk.arrivals import Call
from tests.sdk.clients import PLACEHOLDER, PLACEHOLDERS, REAL
from tests.sdk.conftest import Origin, place
from tests.sdk.sdks import Sdk, each_call, each_sdk

pytestmark = pytest.mark.asyncio(loop_scope="session")


def basic(user: str, password: str) -> str:
    """Return a Basic credential."""
    return "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()


# What the client of each class has to arrive with.
CREDENTIALS = {
    **dict.fromkeys(("CustomerIO", "TrackClient", "AsyncCustomerIO"), basic(REAL.site_id, REAL.api_key)),
    **dict.fromkeys(("APIClient", "AsyncAPIClient"), f"Bearer {REAL.app_key}"),
    **dict.fromkeys(("PipelinesClient", "Client", "analytics", "Analytics"), basic(REAL.write_key, "")),
}


def line_of(text: str) -> tuple[str, list[tuple[str, str]]]:
    """Return method and path as they are, and the query in no order."""
    path, _, query = text.partition("?")
    return path, sorted(parse_qsl(query, keep_blank_values=True, strict_parsing=bool(query)))


def value_of(outcome: Outcome) -> tuple[int | None, Any]:
    """Return the status and the decoded body that the SDK returned; only Python's Track client gives the status."""
    assert "returned" in outcome, outcome
    value = outcome["returned"]
    if isinstance(value, dict) and value.keys() == {"status", "body", "headers"}:
        return value["status"], orjson.loads(value["body"] or "null")
    return None, value


def check_answer(call: Call, outcome: Outcome, arrived: Entry) -> tuple[int | None, Any]:
    """Check that the SDK returned what Customer.io answered, or raised because of it; return status and value."""
    assert call.arrival is not None
    if call.raises:
        assert call.raises in outcome["text"]
        assert arrived.status == call.arrival.status
        return arrived.status, outcome["text"]
    status, value = value_of(outcome)
    assert status in {None, arrived.status}
    assert arrived.status == call.arrival.status
    answer = call.arrival.answer
    assert value == (answer(arrived.number) if callable(answer) else answer)
    return arrived.status, value


@pytest.mark.parametrize(("sdk", "call"), each_call())
async def test_a_call(sdk: Sdk, call: Call, origin: Origin, sidecar: Sidecar, applications: Applications) -> None:
    """What arrives is the call after the policy, with the real credential; what returns is what returns without the sidecar."""
    behind = await applications.using(sdk, place(sidecar), PLACEHOLDERS)
    outcome = await behind.call(call)
    if call.arrival is None:
        assert not origin.take()
        if call.raises:
            assert call.raises in outcome["text"]
        else:
            assert outcome == {"returned": behind.based(call.returns, call)}
        await behind.make_clients()  # some of these change their client
        return
    (arrived,) = origin.take()
    request = arrived.request
    assert line_of(f"{request.method} {request.target}") == line_of(call.arrival.line)
    assert arrived.json == call.arrival.body
    headers = {name.lower(): value for name, value in request.headers}
    assert len(headers) == len(request.headers)
    credential = CREDENTIALS[call.method.partition(".")[0]] if call.arrival.credential else None
    assert headers.get("authorization") == credential
    assert PLACEHOLDER not in str(request.headers)
    assert headers["user-agent"].startswith(sdk.agent)
    returned = check_answer(call, outcome, arrived)

    straight = await applications.using(sdk, origin.place, REAL)
    outcome = await straight.call(call)
    (arrived,) = origin.take()
    assert line_of(f"{arrived.request.method} {arrived.request.target}") == line_of(call.arrival.straight or call.arrival.line)
    beside = check_answer(call, outcome, arrived)
    if not callable(call.arrival.answer):
        assert returned == beside


@pytest.mark.parametrize("sdk", each_sdk())
async def test_no_public_method_is_missing(sdk: Sdk, origin: Origin, applications: Applications) -> None:
    """The table of calls holds every method that the installed SDK lets an application call, and no other."""
    straight = await applications.using(sdk, origin.place, REAL)
    public = await straight.public()
    private = {name for file in sdk.types for name in re.findall(r"^\s+private (\w+);$", file.read_text(), re.MULTILINE)}
    assert {call.method for call in sdk.calls} == {name for name in public if name.partition(".")[2] not in private}
