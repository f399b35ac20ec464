"""What `docs/sdks.md` lists as different from calling Customer.io itself, and what it says is not the sidecar's doing."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from proxy.errors import ANSWERS, Reason
from tests.running import Sidecar
from tests.sdk.applications import Applications, running_application
from tests.sdk.arrivals import IDENTIFY, Call
from tests.sdk.clients import BEARER_KEY, PLACEHOLDERS, REAL, Keys
from tests.sdk.conftest import Origin, place
from tests.sdk.failures import STRANGER
from tests.sdk.sdks import (
    ASYNC,
    CDP_NODE,
    CDP_NODE_TLS,
    CDP_PYTHON,
    CDP_PYTHON_GZIP,
    NODE,
    NODE4,
    NODE4_4,
    NODE_TLS,
    PYTHON,
    PYTHON2,
    PYTHON_PLAIN,
    Sdk,
    each_sdk,
)
from tests.sdk.test_calls import basic

pytestmark = pytest.mark.asyncio(loop_scope="session")


@pytest.mark.parametrize("sdk", each_sdk([NODE]))
async def test_assets_are_uploaded_only_without_the_sidecar(sdk: Sdk, origin: Origin, applications: Applications) -> None:
    """The one call that is refused (`node_calls.py`) is a good one: Customer.io takes it."""
    (call,) = (call for call in sdk.calls if call.method == "APIClient.createAsset")
    outcome = await (await applications.using(sdk, origin.place, REAL)).call(call)
    assert outcome["returned"]["asset"]["name"] == "logo.png"
    (arrived,) = origin.take()
    assert (arrived.endpoint, arrived.status) == ("app.assets.create", 200)


async def test_a_batch_of_python_needs_tls_anyway(origin: Origin, applications: Applications) -> None:
    """Where `base_url` was set and nobody speaks TLS at the client's port, `batch()` fails without the sidecar as with it."""
    (call,) = (call for call in PYTHON_PLAIN.calls if call.method == "CustomerIO.batch")
    outcome = await (await applications.using(PYTHON_PLAIN, origin.place, REAL)).call(call)
    assert call.raises in outcome["text"]
    assert not origin.take()


async def test_python_is_given_few_headers(origin: Origin, sidecar: Sidecar, applications: Applications) -> None:
    """The response that the Track client returns says that it was forwarded, and nothing of what served it."""
    (call,) = (call for call in PYTHON.calls if call.arrival is IDENTIFY)
    behind = await (await applications.using(PYTHON, place(sidecar), PLACEHOLDERS)).call(call)
    straight = await (await applications.using(PYTHON, origin.place, REAL)).call(call)
    origin.take()
    headers = behind["returned"]["headers"]
    assert headers.keys() == {"X-CIO-Sidecar", "Content-Type", "Content-Length", "Date"}
    assert (headers["X-CIO-Sidecar"], headers["Content-Type"]) == ("forwarded", "application/json")
    assert "Server" in straight["returned"]["headers"]


@pytest.mark.parametrize("sdk", each_sdk([NODE]))
async def test_an_error_in_html_stops_node_only_without_the_sidecar(
    sdk: Sdk, origin: Origin, sidecar: Sidecar, certificates: Path
) -> None:
    """Straight, one page of HTML fails the call for good; through the sidecar the SDK can read it, and calls again."""
    (call,) = (call for call in sdk.calls if call.arrival is IDENTIFY)
    page = {"fault": {"kind": "status", "status": 503, "body": "<html>"}}
    outcomes = []
    for where, keys in ((origin.place, REAL), (place(sidecar), PLACEHOLDERS)):
        origin.simulator.script(page)
        async with running_application(sdk, where, keys, certificates, sdk.retries(1)) as application:
            outcomes.append((await application.call(call), len(origin.take())))
    (straight, one), (behind, two) = outcomes
    assert (straight["raised"], one) == ("Error", 1)
    assert straight["text"].startswith("Unable to parse JSON")
    assert (behind, two) == ({"returned": {}}, 2)


@pytest.mark.parametrize("strict", [False, True], ids=["lenient", "strict"])
@pytest.mark.parametrize("sdk", each_sdk([NODE]))
async def test_pipelines_says_as_much_as_it_was_asked_to(
    sdk: Sdk, *, strict: bool, origin: Origin, sidecar: Sidecar, certificates: Path
) -> None:
    """The sidecar's own strict mode does not show: what Pipelines rejects is told only to who asked for it, as without."""
    call = Call("PipelinesClient.identify", [{"userId": "5", "traits": "no object"}])
    told = []
    for where, keys in ((origin.place, REAL), (place(sidecar), PLACEHOLDERS)):
        async with running_application(sdk, where, keys, certificates, {"strictMode": strict}) as application:
            told.append(await application.call(call))
    assert [arrived.status for arrived in origin.take()] == [400 if strict else 200, 400]
    straight, behind = ({key: value for key, value in outcome.items() if key != "printed"} for outcome in told)
    assert straight == behind
    assert ("raised" in straight) is strict


@pytest.mark.parametrize("sdk", each_sdk([NODE]))
async def test_pipelines_hides_a_bad_key_only_without_the_sidecar(
    sdk: Sdk, origin: Origin, sidecar: Sidecar, certificates: Path
) -> None:
    """Straight, a key that is none is answered as a good one, and the calls are lost; the sidecar says so."""
    call = next(call for call in sdk.calls if call.method == "PipelinesClient.identify")
    async with running_application(sdk, origin.place, STRANGER, certificates, sdk.retries(0)) as application:
        assert await application.call(call) == {"returned": {}}
    origin.simulator.script({"fault": {"kind": "unauthorized"}})
    async with running_application(sdk, place(sidecar), PLACEHOLDERS, certificates, sdk.retries(0)) as application:
        outcome = await application.call(call)
    assert (outcome["status"], outcome["text"]) == (503, ANSWERS[Reason.CREDENTIALS_REJECTED].message)
    origin.take()


@pytest.mark.parametrize(
    ("sdk", "options", "end"),
    [
        pytest.param(sdk, options, end, id=sdk.name, marks=pytest.mark.needs(*sdk.needs))
        for sdk, options, end in (
            (CDP_PYTHON, {"upload_interval": 0.5}, "Client.flush"),
            (CDP_NODE, {"maxEventsInBatch": 10}, "Analytics.closeAndFlush"),
        )
    ],
)
async def test_pipelines_sends_events_together(
    sdk: Sdk, options: Mapping[str, Any], end: str, *, origin: Origin, sidecar: Sidecar, certificates: Path
) -> None:
    """As these SDKs do unless told otherwise: one request of many calls, each of them seen by the policy, in their order."""
    people = ["5", "6", "7"]
    async with running_application(sdk, place(sidecar), PLACEHOLDERS, certificates, options) as application:
        for person in people:
            assert sdk.identify is not None
            queued = replace(sdk.identify(person, {"ssn": "000-00-0000", "plan": person}), settle="")
            assert "returned" in await application.call(queued)
        assert await application.call(Call(end)) == {"returned": None}
    (arrived,) = origin.take()
    body: Any = arrived.json
    assert [(item["userId"], item["traits"]) for item in body["batch"]] == [(person, {"plan": person}) for person in people]
    assert arrived.status == 200


@pytest.mark.parametrize("sdk", each_sdk([CDP_PYTHON]))
async def test_a_pipelines_key_that_is_sent_as_a_bearer_token(
    sdk: Sdk, origin: Origin, sidecar: Sidecar, certificates: Path
) -> None:
    """A placeholder of the newer shape is a caller's key as well, and the real one goes out in its place as ever."""
    assert sdk.identify is not None
    keys = Keys("", "", "", BEARER_KEY)
    async with running_application(sdk, place(sidecar), keys, certificates) as application:
        assert "returned" in await application.call(sdk.identify("5", {"plan": "pro"}))
    (arrived,) = origin.take()
    assert ("Authorization", basic(REAL.write_key, "")) in arrived.request.headers
    assert BEARER_KEY not in str(arrived.request)


@pytest.mark.parametrize(
    ("sdk", "reason"),
    [
        pytest.param(sdk, reason, id=sdk.name, marks=pytest.mark.needs(*sdk.needs))
        for sdk, reason in (
            *((sdk, "CERTIFICATE_VERIFY_FAILED") for sdk in (PYTHON, PYTHON2, ASYNC, CDP_PYTHON_GZIP)),
            *((sdk, "SELF_SIGNED_CERT_IN_CHAIN") for sdk in (NODE_TLS, NODE4, NODE4_4, CDP_NODE_TLS)),
        )
    ],
)
async def test_an_application_that_was_not_told_whom_to_trust(sdk: Sdk, reason: str, origin: Origin, sidecar: Sidecar) -> None:
    """Without the CA file in its environment an application sends nothing, and its user reads why."""
    assert sdk.identify is not None
    async with running_application(sdk, place(sidecar), PLACEHOLDERS, None, sdk.retries(0)) as application:
        outcome = await application.call(sdk.identify("5", {"plan": "pro"}))
    assert reason in outcome["printed"]
    assert not origin.take()
