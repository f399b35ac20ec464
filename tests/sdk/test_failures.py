"""What the user of each SDK is told when something goes wrong behind it, and how often the SDK tries."""

import asyncio
import base64
import re
from collections.abc import AsyncIterator, Iterator, Mapping
from pathlib import Path
from typing import Any

import aiohttp
import pytest
import pytest_asyncio

from proxy.api.model import Bucket
from tests.needs import missing
from tests.running import SECRETS, Sidecar, running
from tests.sdk import arrivals
from tests.sdk.applications import Outcome, running_application
from tests.sdk.arrivals import Call
from tests.sdk.conftest import ENVIRONMENT, NO_LIMITS, Origin, document, place
from tests.sdk.failures import DENIED_FIELD, FAILURES, RATE_LIMITED, USUAL_REPEATS, Failure
from tests.sdk.sdks import NODE, PLACEHOLDERS, PYTHON, PYTHON_PLAIN, REAL, SDKS, Place, Sdk, each_sdk

pytestmark = pytest.mark.asyncio(loop_scope="module")

# One send now and then: the next is refused for longer than an SDK takes to make it, and not for longer than it waits.
SLOW_SENDS = {**NO_LIMITS["buckets"], Bucket.SEND.value: {"rate_per_second": 1.25, "burst": 1}}
TURN_SECONDS = 10
# Far more than a call of an SDK can meet.
ALWAYS = 100


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def strict(origin: Origin, certificates: Path, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Sidecar]:
    """Run a sidecar that denies a field, does not wait long, and lets few sends through."""
    file = document(
        origin,
        certificates,
        policy={"version": 1, "rules": [{"name": "none-of-theirs", "fields": [DENIED_FIELD], "action": "deny"}]},
        delivery={"timeouts": {"connect_seconds": 0.6, "attempt_seconds": 0.6, "total_seconds": 1.2}},
        limits={"buckets": SLOW_SENDS, "wait_seconds": 0},
    )
    async with running(tmp_path_factory.mktemp("strict"), file, ENVIRONMENT) as process:
        yield process


@pytest.fixture(autouse=True)
def nothing_pending(origin: Origin) -> None:
    """Forget what a test before left behind."""
    origin.take()


async def answered(sidecar: Sidecar) -> int:
    """Return how many requests the sidecar has answered so far."""
    async with aiohttp.ClientSession() as session, session.get(f"{sidecar.admin_url}/metrics") as answer:
        text = await answer.text()
    return sum(int(float(value)) for value in re.findall(r"^cio_sidecar_requests_total{.*} (\S+)$", text, re.MULTILINE))


def identify(sdk: Sdk, attributes: Mapping[str, Any] | None = None, person: str = arrivals.PERSON) -> Call:
    """Return the SDK's own call to identify a person."""
    attributes = attributes or {"plan": "pro"}
    (call,) = (call for call in sdk.calls if call.arrival is arrivals.IDENTIFY)
    args = [person] if call.options else [person, attributes]
    return Call(call.method, args, options=attributes if call.options else {})


def check_told(sdk: Sdk, failure: Failure, outcome: Outcome, origin: Origin) -> None:
    """Check that what the SDK raised is what its row says, and that the whole of it holds nothing else of ours."""
    assert re.fullmatch(sdk.said(failure.status, failure.message), outcome["text"], re.DOTALL), outcome["text"]
    assert outcome.get("status") in {None, failure.status}
    printed = outcome["printed"]
    secrets = list(SECRETS.values())
    secrets += [base64.b64encode(f"{user}:{key}".encode()).decode() for user in secrets for key in (*secrets, "")]
    assert not [unsaid for unsaid in (*secrets, f":{origin.place.port}") if unsaid in printed]


def anywhere(text: str, at: Place) -> str:
    """Return `text` without the address it names."""
    return re.sub(rf"(127\.0\.0\.1|localhost)(:|', port=)({at.port}|{at.tls_port})", "ADDRESS", text)


def cases() -> Iterator[Any]:
    """Give every failure of every SDK; how a Node SDK reaches the sidecar changes nothing of what it makes of an answer."""
    for failure in FAILURES:
        for sdk in (PYTHON, PYTHON_PLAIN, NODE):
            yield pytest.param(failure, sdk, id=f"{failure.name}-{sdk.name}", marks=pytest.mark.needs(*sdk.needs))


@pytest.mark.parametrize(("failure", "sdk"), list(cases()))
async def test_a_failure_is_told(failure: Failure, sdk: Sdk, origin: Origin, strict: Sidecar, certificates: Path) -> None:
    """The SDK's user reads the fixed text of the sidecar or what Customer.io said, after as many tries as the SDK makes."""
    call = identify(sdk, failure.attributes)
    before = await answered(strict)
    script: dict[str, Any] = {"times": ALWAYS, "fault": failure.fault}
    if failure.fault:
        origin.simulator.script(script)
    async with running_application(sdk, place(strict), failure.keys, certificates, sdk.retries(failure.repeats)) as application:
        outcome = await application.call(call)
    check_told(sdk, failure, outcome, origin)
    text = anywhere(outcome["text"], place(strict))
    requests = failure.requests(sdk)
    assert await answered(strict) - before == requests
    assert len(origin.take()) == (requests if failure.leaves else 0)
    if failure.as_before:
        if failure.fault:
            origin.simulator.script(script)
        async with running_application(sdk, origin.place, REAL, certificates, sdk.retries(failure.repeats)) as application:
            outcome = await application.call(call)
        assert anywhere(outcome["text"], origin.place) == text
        assert len(origin.take()) == requests


@pytest.mark.parametrize("sdk", each_sdk())
async def test_a_rate_limit_is_told_and_waited_out(sdk: Sdk, strict: Sidecar, origin: Origin, certificates: Path) -> None:
    """A refused call says why; an SDK that knows Retry-After waits as long as it is told, and its user notices nothing."""
    send = next(call for call in sdk.calls if call.arrival is arrivals.SEND_IN_APP)
    async with (
        running_application(sdk, place(strict), PLACEHOLDERS, certificates, sdk.retries(0)) as impatient,
        running_application(sdk, place(strict), PLACEHOLDERS, certificates) as patient,
    ):
        async with asyncio.timeout(TURN_SECONDS):  # until the next turn is as far away as it gets
            while "raised" in await impatient.call(send):
                pass
        origin.take()
        outcome = await impatient.call(send)
        check_told(sdk, RATE_LIMITED, outcome, origin)
        assert not origin.take()
        if RATE_LIMITED.status not in sdk.repeats:
            return
        before = await answered(strict)
        outcome = await patient.call(send)
        assert "returned" in outcome, outcome
        assert await answered(strict) - before == 2
        assert len(origin.take()) == 1


async def test_the_usual_number_of_tries(strict: Sidecar, origin: Origin, certificates: Path) -> None:
    """Left to its own settings, an SDK that repeats a refused call does so three times, a second apart."""
    sdks = [sdk for sdk in SDKS if not missing(sdk.needs)]

    async def call(sdk: Sdk) -> Outcome:
        async with running_application(sdk, place(strict), PLACEHOLDERS, certificates) as application:
            return await application.call(identify(sdk, person=sdk.name))

    origin.simulator.script({"times": ALWAYS, "fault": {"kind": "unauthorized"}})
    outcomes = await asyncio.gather(*map(call, sdks))
    assert all("raised" in outcome for outcome in outcomes)
    targets = [entry.request.target.rpartition("/")[2] for entry in origin.take()]
    assert {sdk.name: targets.count(sdk.name) for sdk in sdks} == {
        sdk.name: 1 + USUAL_REPEATS * (503 in sdk.repeats) for sdk in sdks
    }
