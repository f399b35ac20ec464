"""What the user of each SDK is told when something goes wrong behind it, how often it tries, and how it would be without."""

import asyncio
import base64
import re
from collections import Counter
from collections.abc import AsyncIterator, Iterable, Mapping
from pathlib import Path
from typing import Any

import aiohttp
import orjson
import pytest
import pytest_asyncio

from proxy.api.model import Bucket
from proxy.errors import ANSWERS, RETRY_AFTER_SECONDS, RETRYABLE, Reason, error_body
from proxy.simulator.journal import Entry
from tests.needs import missing
from tests.running import SECRETS, Sidecar, running
from tests.sdk import arrivals
from tests.sdk.applications import Applications, Outcome, running_application
from tests.sdk.arrivals import Call, Json
from tests.sdk.clients import PLACEHOLDERS, REAL, Keys, Place
from tests.sdk.conftest import ENVIRONMENT, NO_LIMITS, Origin, document, place
from tests.sdk.failures import (
    BODY_BYTES,
    COMPARED,
    DENIED_FIELD,
    ELSEWHERE,
    FAILURES,
    RATE_LIMITED,
    REJECTED,
    Failure,
    Straight,
    usual_repeats,
)
from tests.sdk.sdks import CDP_NODE, CDP_PYTHON, SDKS, Sdk, each_sdk

pytestmark = pytest.mark.asyncio(loop_scope="session")

# One send now and then: the next is refused for longer than an SDK takes to make it, and not for longer than it waits.
SLOW_SENDS = {**NO_LIMITS["buckets"], Bucket.SEND.value: {"rate_per_second": 1.25, "burst": 1}}
TURN_SECONDS = 10
# Far more than a call of an SDK can meet.
ALWAYS = 100
# Enough to see whether an SDK repeats a call.
REPEATS = 1


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def strict(origin: Origin, certificates: Path, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Sidecar]:
    """Run a sidecar that denies a field, does not wait long, and lets few sends through."""
    file = document(
        origin,
        certificates,
        policy={"version": 1, "rules": [{"name": "none-of-theirs", "fields": [DENIED_FIELD], "action": "deny"}]},
        delivery={"timeouts": {"connect_seconds": 0.6, "attempt_seconds": 0.6, "total_seconds": 1.2}},
        limits={"buckets": SLOW_SENDS, "wait_seconds": 0},
    )
    file["outbound"]["limits"] = {"body_bytes": BODY_BYTES}
    async with running(tmp_path_factory.mktemp("strict"), file, ENVIRONMENT) as process:
        yield process


async def answered(sidecar: Sidecar) -> int:
    """Return how many requests the sidecar has answered so far."""
    async with aiohttp.ClientSession() as session, session.get(f"{sidecar.admin_url}/metrics") as answer:
        text = await answer.text()
    return sum(int(float(value)) for value in re.findall(r"^cio_sidecar_requests_total{.*} (\S+)$", text, re.MULTILINE))


def identify(sdk: Sdk, attributes: Mapping[str, Json] | None = None) -> Call:
    """Return the SDK's own call to identify a person who is named after it."""
    assert sdk.identify is not None
    return sdk.identify(sdk.name, {"plan": f"plan-of-{sdk.name}", **(attributes or {})})


def check_told(sdk: Sdk, status: int, message: str, outcome: Outcome, origin: Origin) -> None:
    """Check that what the SDK raised is what its row says, and that the whole of it holds nothing else of ours."""
    assert re.fullmatch(sdk.said(status, message), outcome["text"].strip(), re.DOTALL), (sdk.name, outcome["text"])
    assert outcome.get("status") in {None, status}
    printed = outcome["printed"]
    secrets = list(SECRETS.values())
    secrets += [base64.b64encode(f"{user}:{key}".encode()).decode() for user in secrets for key in (*secrets, "")]
    assert not [unsaid for unsaid in (*secrets, f":{origin.place.port}") if unsaid in printed]
    assert echoed(sdk, outcome) <= sdk.echoes


def echoed(sdk: Sdk, outcome: Outcome) -> set[str]:
    """Return what of the call stands in what the user of `sdk` reads."""
    parts = {"person": f"/{sdk.name}", "attributes": f"plan-of-{sdk.name}"}
    return {name for name, text in parts.items() if text in outcome["text"]}


def anywhere(outcome: Outcome, at: Place) -> Any:  # noqa: ANN401  # whatever the SDK returned
    """Return what the SDK returned, but for headers, or what it raised, without the address that it names."""
    if "text" in outcome:
        return re.sub(rf"(127\.0\.0\.1|localhost)(:|', port=)({at.port}|{at.tls_port})", "ADDRESS", outcome["text"])
    value = outcome["returned"]
    if isinstance(value, list):  # of the Pipelines SDK: the message, which has a time and an id of its own
        return True
    return {**value, "headers": None} if isinstance(value, dict) and "headers" in value else value


class Trial:
    """One failure, put to several SDKs at once, first behind the sidecar and then straight."""

    def __init__(self, failure: Failure, origin: Origin, applications: Applications) -> None:
        """Try `failure`."""
        self._failure = failure
        self._origin = origin
        self._applications = applications

    async def __call__(self, sdks: Iterable[Sdk], at: Place, keys: Keys) -> tuple[dict[Sdk, Outcome], dict[Sdk, list[Entry]]]:
        """Return what each is told, and what arrived of it."""
        sdks = tuple(sdks)
        self._origin.take()
        if self._failure.fault:
            fault = self._failure.fault(self._origin.place.tls_url)
            for sdk in sdks:
                prefix = "/v1/" if sdk in {CDP_PYTHON, CDP_NODE} else f"/api/v1/customers/{sdk.name}"
                self._origin.simulator.script({"times": ALWAYS, "match": {"path_prefix": prefix}, "fault": fault})
        outcomes = await asyncio.gather(*(self._call(sdk, at, keys) for sdk in sdks))
        arrived = self._origin.take()
        of_each = {sdk: [entry for entry in arrived if _is_from(sdk, entry)] for sdk in sdks}
        return dict(zip(sdks, outcomes, strict=True)), of_each

    async def _call(self, sdk: Sdk, at: Place, keys: Keys) -> Outcome:
        application = await self._applications.using(sdk, at, keys)
        await application.make_clients(sdk.clients(at, keys, sdk.retries(REPEATS)))
        return await application.call(identify(sdk, self._failure.attributes))


def _is_from(sdk: Sdk, entry: Entry) -> bool:
    agent = next((value for name, value in entry.request.headers if name.lower() == "user-agent"), "")
    if sdk in {CDP_PYTHON, CDP_NODE}:
        return agent.startswith(sdk.agent)
    return entry.request.target.rpartition("/")[2] == sdk.name


# The two Pipelines SDKs call the same path, so not both at once.
GROUPS = (tuple(sdk for sdk in COMPARED if sdk is not CDP_NODE), (CDP_NODE,))


@pytest.mark.parametrize("failure", FAILURES, ids=lambda failure: failure.name)
async def test_a_failure(failure: Failure, origin: Origin, strict: Sidecar, applications: Applications) -> None:
    """Each SDK that is there reads the fixed text of the sidecar or what Customer.io said; without the sidecar, as listed."""
    trial = Trial(failure, origin, applications)
    for group in GROUPS:
        sdks = [sdk for sdk in group if not missing(sdk.needs)]
        before = await answered(strict)
        outcomes, arrived = await trial(sdks, place(strict), failure.keys)
        requests = {sdk: 1 + (REPEATS if failure.repeated(sdk) else 0) for sdk in sdks}
        for sdk, outcome in outcomes.items():
            told = failure.outcome(sdk)
            assert ("returned" in outcome) is (told.status in sdk.takes), (sdk.name, outcome)
            if "raised" in outcome and told.message:
                check_told(sdk, told.status, told.message, outcome, origin)
        assert await answered(strict) - before == sum(requests.values())
        for sdk, entries in arrived.items():
            least = requests[sdk] * failure.leaves
            assert least <= len(entries) <= least * (1 + failure.sent_again), sdk.name

        compared = [sdk for sdk in sdks if failure.goes(sdk) not in {Straight.NOT_COMPARED, Straight.HANGS}]
        straight, beside = await trial(compared, origin.place, REAL)
        for sdk, outcome in straight.items():
            check_straight(failure, sdk, anywhere(outcome, origin.place), anywhere(outcomes[sdk], place(strict)))
            assert "raised" in outcome or failure.goes(sdk) is not Straight.FAILS
            assert "returned" in outcome or failure.goes(sdk) is not Straight.WORKS
            if failure.goes(sdk) is Straight.SAME:
                assert len(beside[sdk]) == requests[sdk], sdk.name


def check_straight(failure: Failure, sdk: Sdk, straight: Any, behind: Any) -> None:  # noqa: ANN401  # whatever an SDK returns
    """Check that without the sidecar it goes as the row says."""
    way = failure.goes(sdk)
    assert (straight == behind) is (way is Straight.SAME), (sdk.name, way, straight, behind)


@pytest.mark.parametrize("failure", [one for one in FAILURES if one.straight is Straight.FOLLOWS], ids=lambda one: one.name)
@pytest.mark.parametrize("sdk", each_sdk(COMPARED))
async def test_a_redirect_is_followed_only_straight(
    failure: Failure, sdk: Sdk, origin: Origin, strict: Sidecar, applications: Applications
) -> None:
    """Behind the sidecar no SDK gets to see the other address; without it, those that are listed go there."""
    assert failure.fault is not None
    went = []
    for at, keys in ((place(strict), PLACEHOLDERS), (origin.place, REAL)):
        origin.take()
        origin.simulator.script({"fault": failure.fault(origin.place.tls_url)})
        application = await applications.using(sdk, at, keys)
        await application.make_clients(sdk.clients(at, keys, sdk.retries(0)))
        await application.call(identify(sdk))
        # Node up to 4.4 writes the body of the redirect where a request should be.
        malformed = origin.simulator.malformed > 0
        went.append(malformed or any(ELSEWHERE in entry.request.target for entry in origin.take()))
    assert went == [False, failure.goes(sdk) is Straight.FOLLOWS]


@pytest.mark.parametrize("reason", Reason)
async def test_every_refusal_is_readable(reason: Reason, origin: Origin, applications: Applications) -> None:
    """Whatever the sidecar refuses for, the very answer that it gives is one that each SDK can read and tell its user."""
    answer = ANSWERS[reason]
    wait = {"Retry-After": str(RETRY_AFTER_SECONDS)} if reason in RETRYABLE else {}
    body = orjson.loads(error_body(reason.value, answer))
    fault = {"kind": "status", "status": answer.status, "body": body, "headers": wait}
    origin.simulator.script({"times": ALWAYS, "fault": fault})

    async def call(sdk: Sdk) -> Outcome:
        application = await applications.using(sdk, origin.place, REAL)
        await application.make_clients(sdk.clients(origin.place, REAL, sdk.retries(0)))
        return await application.call(identify(sdk))

    sdks = [sdk for sdk in COMPARED if not missing(sdk.needs)]
    for sdk, outcome in zip(sdks, await asyncio.gather(*map(call, sdks)), strict=True):
        assert "raised" in outcome, (sdk.name, outcome)
        assert re.fullmatch(sdk.said(answer.status, answer.message), outcome["text"].strip(), re.DOTALL), outcome["text"]
        assert echoed(sdk, outcome) <= sdk.echoes


@pytest.mark.parametrize("sdk", each_sdk(COMPARED))
async def test_what_an_sdk_repeats_of_the_call(sdk: Sdk, strict: Sidecar, origin: Origin, applications: Applications) -> None:
    """What stands of the call in an error is the SDK's own doing, and exactly what is listed for it."""
    application = await applications.using(sdk, place(strict), PLACEHOLDERS)
    await application.make_clients(sdk.clients(place(strict), PLACEHOLDERS, sdk.retries(0)))
    origin.simulator.script({"fault": {"kind": "unauthorized"}})
    outcomes = [await application.call(identify(sdk)), await application.call(identify(sdk, {DENIED_FIELD: "flu"}))]
    assert set().union(*(echoed(sdk, outcome) for outcome in outcomes)) == sdk.echoes


@pytest.mark.parametrize("sdk", each_sdk(sdk for sdk in SDKS if any("send" in call.method for call in sdk.calls)))
async def test_a_rate_limit_is_told_and_waited_out(sdk: Sdk, strict: Sidecar, origin: Origin, certificates: Path) -> None:
    """A refused call says why; an SDK that knows Retry-After waits as long as it is told, and its user notices nothing."""
    send = next(call for call in sdk.calls if call.arrival and call.arrival.line == arrivals.SEND_IN_APP.line)
    async with (
        running_application(sdk, place(strict), PLACEHOLDERS, certificates, sdk.retries(0)) as impatient,
        running_application(sdk, place(strict), PLACEHOLDERS, certificates) as patient,
    ):
        async with asyncio.timeout(TURN_SECONDS):  # until the next turn is as far away as it gets
            while "raised" in await impatient.call(send):
                pass
        origin.take()
        outcome = await impatient.call(send)
        check_told(sdk, RATE_LIMITED.told.status, RATE_LIMITED.told.message, outcome, origin)
        assert not origin.take()
        if RATE_LIMITED.told.status not in sdk.repeats - sdk.only_puts:
            return
        before = await answered(strict)
        outcome = await patient.call(send)
        assert "returned" in outcome, outcome
        assert await answered(strict) - before == 2
        assert len(origin.take()) == 1


async def test_the_usual_number_of_tries(strict: Sidecar, origin: Origin, certificates: Path) -> None:
    """Left to its own settings, an SDK repeats a refused call as often as its row says; most wait a second each time."""
    sdks = [sdk for sdk in COMPARED if sdk is not CDP_PYTHON and not missing(sdk.needs)]

    async def call(sdk: Sdk) -> Outcome:
        async with running_application(sdk, place(strict), PLACEHOLDERS, certificates) as application:
            return await application.call(identify(sdk))

    origin.simulator.script({"times": ALWAYS, "fault": {"kind": "unauthorized"}})
    outcomes = await asyncio.gather(*map(call, sdks))
    assert all("raised" in outcome for outcome in outcomes)
    arrived = origin.take()
    tries = Counter(sdk.name for sdk in sdks for entry in arrived if _is_from(sdk, entry))
    assert tries == {sdk.name: 1 + usual_repeats(sdk, REJECTED) for sdk in sdks}


@pytest.mark.needs(*CDP_PYTHON.needs)
async def test_the_tries_that_take_too_long_to_wait_for() -> None:
    """Python's Pipelines SDK waits up to minutes between its tries; that many are what it is set to."""
    program = "from customerio import analytics; print(analytics.max_retries)"
    process = await asyncio.create_subprocess_exec(CDP_PYTHON.command[0], "-c", program, stdout=asyncio.subprocess.PIPE)
    printed, _ = await process.communicate()
    assert int(printed) == usual_repeats(CDP_PYTHON, REJECTED)
