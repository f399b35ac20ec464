"""Identifiers and values as they are hard to carry: through the real process as straight, or refused and told."""

import gzip
import json
from collections.abc import Iterator
from dataclasses import replace
from typing import Any
from urllib.parse import quote, unquote

import pytest

from proxy.errors import ANSWERS, Reason
from proxy.simulator.journal import Entry
from tests.running import Sidecar
from tests.sdk.applications import Applications, Outcome
from tests.sdk.arrivals import Call, Json
from tests.sdk.clients import PLACEHOLDERS, REAL
from tests.sdk.conftest import Origin, place
from tests.sdk.sdks import ASYNC, Sdk, each_sdk
from tests.sdk.values import (
    DOTS,
    IDENTIFYING,
    NAN,
    NODES,
    PEOPLE,
    PIPELINES,
    TOO_LONG,
    TRACK,
    VALUES,
    WITH_DOT_SEGMENTS,
    WITH_SLASHES,
    Raises,
    Refused,
    Value,
)

pytestmark = pytest.mark.asyncio(loop_scope="session")


class Both:
    """An application behind the sidecar, and the same one without it."""

    def __init__(self, sdk: Sdk, applications: Applications, origin: Origin, sidecar: Sidecar) -> None:
        """Speak of `sdk`."""
        self._sdk = sdk
        self._applications = applications
        self._origin = origin
        self._sidecar = sidecar

    async def behind(self, call: Call) -> tuple[Outcome, list[Entry]]:
        """Return what the application behind the sidecar is told, and what arrived."""
        application = await self._applications.using(self._sdk, place(self._sidecar), PLACEHOLDERS)
        return await application.call(call), list(self._origin.take())

    async def straight(self, call: Call) -> tuple[Outcome, list[Entry]]:
        """Return the same without the sidecar."""
        application = await self._applications.using(self._sdk, self._origin.place, REAL)
        return await application.call(call), list(self._origin.take())


def each_with(sdks: tuple[Sdk, ...], values: tuple[Json, ...]) -> list[Any]:
    """Return every SDK with every value as a test's two parameters."""
    return [
        pytest.param(sdk, value, id=f"{sdk.name}-{ascii(value)[:40]}", marks=pytest.mark.needs(*sdk.needs))
        for sdk in sdks
        for value in values
    ]


def identify(sdk: Sdk, person: Json, **attributes: Json) -> Call:
    """Return the call of `sdk` that tells of a person."""
    assert sdk.identify is not None
    return sdk.identify(person, attributes or {"plan": "pro"})


def pairs() -> Iterator[Any]:
    """Give each person to each SDK that puts them into a path, but a slash to none that leaves it as it is."""
    yield from each_with(TRACK, PEOPLE)
    yield from each_with(tuple(sdk for sdk in TRACK if sdk is not ASYNC), WITH_SLASHES)


@pytest.mark.parametrize(("sdk", "person"), list(pairs()))
async def test_an_identifier_in_a_path(
    sdk: Sdk, person: Json, origin: Origin, sidecar: Sidecar, applications: Applications
) -> None:
    """However an SDK spells it, Customer.io is asked for that person in the one spelling, and the answer is the same."""
    both = Both(sdk, applications, origin, sidecar)
    behind, (arrived,) = await both.behind(identify(sdk, person))
    straight, (beside,) = await both.straight(identify(sdk, person))
    assert arrived.request.target == "/api/v1/customers/" + quote(str(person), safe="")
    assert unquote(beside.request.target.removeprefix("/api/v1/customers/")) == str(person)
    assert (arrived.status, beside.status) == (200, 200)
    assert ("returned" in behind, "returned" in straight) == (True, True)


@pytest.mark.parametrize(("sdk", "person"), each_with(PIPELINES, (*PEOPLE, *WITH_SLASHES, *WITH_DOT_SEGMENTS, *DOTS)))
async def test_an_identifier_in_a_body(
    sdk: Sdk, person: Json, origin: Origin, sidecar: Sidecar, applications: Applications
) -> None:
    """Any text arrives as it is."""
    both = Both(sdk, applications, origin, sidecar)
    _, (arrived,) = await both.behind(identify(sdk, person))
    _, (beside,) = await both.straight(identify(sdk, person))
    bodies: list[Any] = [arrived.json, beside.json]
    assert [body["batch"][0]["userId"] for body in bodies] == [person, person]


@pytest.mark.parametrize(("sdk", "person"), each_with(tuple(sdk for sdk in TRACK if sdk is not ASYNC), WITH_DOT_SEGMENTS))
async def test_an_identifier_with_a_dot_segment(
    sdk: Sdk, person: Json, origin: Origin, sidecar: Sidecar, applications: Applications
) -> None:
    """It is refused, because what stands before Customer.io may fold it away, and the call would be about somebody else."""
    behind, arrived = await Both(sdk, applications, origin, sidecar).behind(identify(sdk, person))
    assert not arrived
    assert ANSWERS[Reason.MALFORMED_REQUEST].message in behind["text"]


@pytest.mark.parametrize(("sdk", "person"), [*each_with(TRACK, DOTS), *each_with((ASYNC,), WITH_SLASHES)])
async def test_an_identifier_that_the_sdk_breaks(
    sdk: Sdk, person: Json, origin: Origin, sidecar: Sidecar, applications: Applications
) -> None:
    """What an SDK turns into another path fails straight as behind the sidecar, which does not guess who was meant."""
    both = Both(sdk, applications, origin, sidecar)
    behind, arrived = await both.behind(identify(sdk, person))
    straight, beside = await both.straight(identify(sdk, person))
    assert not arrived
    assert [entry.status for entry in beside] == [404]
    assert "raised" in behind
    assert "raised" in straight


@pytest.mark.parametrize("sdk", each_sdk(TRACK))
async def test_an_identifier_that_is_too_long(sdk: Sdk, origin: Origin, sidecar: Sidecar, applications: Applications) -> None:
    """Customer.io says so, and its words are what the user reads."""
    both = Both(sdk, applications, origin, sidecar)
    outcomes = [await both.behind(identify(sdk, TOO_LONG)), await both.straight(identify(sdk, TOO_LONG))]
    for outcome, (arrived,) in outcomes:
        assert arrived.status == 400
        assert "150 bytes" in outcome["text"]


@pytest.mark.parametrize(("sdk", "attributes"), [*each_with(TRACK, ({},)), *each_with(NODES, (None,))])
async def test_a_person_without_attributes(
    sdk: Sdk, attributes: Json, origin: Origin, sidecar: Sidecar, applications: Applications
) -> None:
    """Whatever the SDK makes of nothing, an empty object, `null` or no body at all, arrives as it made it."""
    call = Call("TrackClient.identify", ["5", attributes]) if sdk in NODES else identify(sdk, "5")
    both = Both(sdk, applications, origin, sidecar)
    behind, (arrived,) = await both.behind(replace(call, options={}))
    straight, (beside,) = await both.straight(replace(call, options={}))
    assert arrived.request.body == beside.request.body
    assert arrived.status == beside.status
    assert ("returned" in behind) is ("returned" in straight)


def attribute_of(entry: Entry) -> str:
    """Return the attribute `value` that arrived, as text: so 1 is neither 1.0 nor True, and the word NaN is to be seen."""
    data = entry.request.body
    if ("Content-Encoding", "gzip") in entry.request.headers:
        data = gzip.decompress(data)
    body = json.loads(data)  # noqa: TID251  # what is no JSON is looked for
    return json.dumps((body["batch"][0]["traits"] if "batch" in body else body)["value"])


def cases() -> list[Any]:
    """Return every SDK with every value as a test's two parameters."""
    every = ((sdk, value) for value in VALUES for sdk in IDENTIFYING)
    return [
        pytest.param(sdk, value, id=f"{sdk.name}-{value.name}", marks=pytest.mark.needs(*sdk.needs)) for sdk, value in every
    ]


@pytest.mark.parametrize(("sdk", "value"), cases())
async def test_a_value(sdk: Sdk, value: Value, origin: Origin, sidecar: Sidecar, applications: Applications) -> None:
    """What an SDK makes of a value arrives as it made it, to the type and the last digit; what it cannot send, it says."""
    both = Both(sdk, applications, origin, sidecar)
    call = identify(sdk, "5", value=value.given)
    sent = value.sent_by(sdk)
    outcome, arrived = await both.behind(call)
    if isinstance(sent, Raises):
        straight, beside = await both.straight(call)
        assert not [*arrived, *beside]
        assert sent.text in outcome.get("text", "")
        assert sent.text in straight.get("text", "")
    elif isinstance(sent, Refused):
        assert not arrived
        assert ANSWERS[sent.reason].message in outcome["text"]
        assert (await both.straight(call))[0].keys() == {"returned"}
    else:
        assert "returned" in outcome, outcome
        _, beside = await both.straight(call)
        text = json.dumps(sent).replace(f'"{NAN}"', NAN)
        assert [attribute_of(entry) for entry in beside] == [text]
        assert [attribute_of(entry) for entry in arrived] == [text.replace(NAN, "null")]
