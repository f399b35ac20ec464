"""Two calls are never mixed up: whatever both sides do at the same time, each answer is the one to its own request.

Several applications call at once, some sending ahead, some leaving early, while the origin answers in pieces, late, with bytes
too many, or not to the end. Every request and every answer carries a tag of its own, and a strange tag anywhere fails.
"""

import asyncio
import itertools
import json
from collections.abc import AsyncIterator
from dataclasses import dataclass

import pytest
import pytest_asyncio
from hypothesis import example, given, settings
from hypothesis import strategies as st

from proxy.errors import Reason
from tests.conformance.answers import INTRUDER, answer, sized
from tests.conformance.caller import BrokenOffError, Caller, Told, calling
from tests.conformance.cases import HOST, JSON, Forwarded, request
from tests.conformance.conftest import Certificates, Place, between
from tests.conformance.origin import End, Script, Step, echo, serving

pytestmark = pytest.mark.asyncio(loop_scope="module")

# The longer one is passed on before it is whole.
SIZES = (1, 5, 10_000)
FAULTS = ("closed before it", "reset before it", "cut", "reset in it", "no HTTP")
FAULTY = frozenset({Reason.UPSTREAM_INVALID, Reason.UPSTREAM_UNREACHABLE})

# A call is repeated once at most.
MOST_TIMES = 2

_numbers = itertools.count()
_open: dict[bytes, int] = {}  # how often each call may still arrive


@dataclass(frozen=True)
class Plan:
    """How one call is answered: `size` counts repeats of its tag, `cuts` are places in percent, `fault` is what goes wrong."""

    size: int = 1
    framing: str = "length"
    cuts: tuple[int, ...] = ()
    pause_seconds: float = 0.0
    interim: bool = False
    behind: bytes = b""
    close: bool = False
    fault: str | None = None


@dataclass(frozen=True)
class Visit:
    """One connection of an application: `ahead` sends all calls at once, `leaves` closes it after so many answers."""

    plans: tuple[Plan, ...]
    ahead: bool = False
    leaves: int | None = None


plans = st.builds(
    Plan,
    size=st.sampled_from(SIZES),
    framing=st.sampled_from(["length", "chunked", "close"]),
    cuts=st.lists(st.integers(0, 100), max_size=3).map(tuple),
    pause_seconds=st.sampled_from([0.0, 0.001, 0.003]),
    interim=st.booleans(),
    behind=st.sampled_from([b"", b"", b"\r\n", INTRUDER, INTRUDER[:10], b"HTTP/1.1 100 Continue\r\n\r\n"]),
    close=st.booleans(),
    fault=st.none() | st.none() | st.sampled_from(FAULTS),
)
visits = st.builds(
    Visit,
    plans=st.lists(plans, min_size=1, max_size=5).map(tuple),
    ahead=st.booleans(),
    leaves=st.none() | st.none() | st.integers(0, 3),
)


@dataclass(frozen=True)
class Call:
    """One call: its tag and its plan."""

    tag: str
    plan: Plan

    @property
    def forwarded(self) -> Forwarded:
        """What reaches the origin."""
        return Forwarded(
            target=f"/api/v1/customers/{self.tag}".encode(), body=json.dumps({"tag": self.tag}, separators=(",", ":")).encode()
        )

    @property
    def sent(self) -> bytes:
        """What the application sends."""
        body = self.forwarded.body
        line = b"PUT %b HTTP/1.1" % self.forwarded.target
        return request(line, HOST, JSON, b"Content-Length: %d" % len(body), body=body)

    @property
    def body(self) -> bytes:
        """What it is answered with."""
        return json.dumps([self.tag] * self.plan.size).encode()

    def script(self) -> Script:
        """Return how it is answered."""
        plan = self.plan
        if plan.fault in {"closed before it", "reset before it"}:
            return Script((plan.pause_seconds, End.CLOSE if plan.fault == "closed before it" else End.RESET))
        data = b"HTTP/1.1 103 Early Hints\r\n\r\n" if plan.interim else b""
        if plan.fault == "no HTTP":
            return Script((data, plan.pause_seconds, b"oops\r\n\r\n" + INTRUDER, End.CLOSE))
        if plan.framing == "length":
            data += sized(self.body)
        elif plan.framing == "chunked":
            data += answer(b"Transfer-Encoding: chunked", body=b"%x\r\n%b\r\n0\r\n\r\n" % (len(self.body), self.body))
        else:
            data += answer(body=self.body)
        if plan.fault:
            data = data[:-1]
            end = [End.RESET if plan.fault == "reset in it" or plan.framing == "close" else End.CLOSE]
        else:
            end = [End.CLOSE] if plan.framing == "close" or plan.close else []
        # What stands behind the answer comes in one piece with its end, or it would be for nobody to tell whose it is.
        last = len(data) - 1
        if plan.framing != "close" and plan.fault is None and plan.size < max(SIZES):
            data += plan.behind
        bounds = sorted({0, len(data), *(cut * last // 100 for cut in plan.cuts)})
        steps: list[Step] = []
        for start, stop in itertools.pairwise(bounds):
            steps += (data[start:stop], plan.pause_seconds)
        return Script((*steps, *end))


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def place(certificates: Certificates, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Place]:
    """Run one sidecar for all examples."""
    async with serving() as origin, between(tmp_path_factory.mktemp("sidecar"), origin, certificates, {}) as place:
        yield place


def check(call: Call, told: Told) -> None:
    """Check that an answer is the one to its call, or a refusal that its plan explains."""
    if told.reason is not None:
        assert told.reason in FAULTY
        assert call.plan.fault, call
        return
    # A call that was sent again got the origin's ordinary answer, which is its target.
    assert told.body in {call.body, echo(call.forwarded.target)}, (call, told.body[:100])
    assert told.body == call.body or call.plan.fault


async def visit(calls: list[Call], planned: Visit, caller: Caller) -> int:
    """Make the calls of one connection; return how many were answered."""
    if planned.ahead:
        await caller.send(b"".join(call.sent for call in calls))
    for number, call in enumerate(calls):
        if number == planned.leaves:
            return number
        if not planned.ahead:
            await caller.send(call.sent)
        try:
            told = await caller.read()
        except BrokenOffError as broken:
            assert call.plan.fault
            assert call.body.startswith(broken.body)  # noqa: PT017  # not every call is broken off
            return number
        assert told is not None, call
        check(call, told)
    return len(calls)


# Everything that needs no rare coincidence, on one connection and on two.
_OTHERS = (Plan(behind=INTRUDER), Plan(), Plan(behind=b"\r\n", framing="chunked"), Plan(close=True), Plan())


@settings(max_examples=80, deadline=None)
@given(planned=st.lists(visits, min_size=1, max_size=4))
@example(planned=[Visit(_OTHERS, ahead=True), Visit(_OTHERS)])
@example(planned=[Visit((Plan(fault=fault), Plan())) for fault in FAULTS])
@example(planned=[Visit((Plan(), Plan(fault=fault, size=SIZES[-1]), Plan()), ahead=True) for fault in FAULTS])
@example(planned=[Visit((Plan(pause_seconds=0.003, cuts=(50,)), Plan()), ahead=True, leaves=0), Visit((Plan(),) * 5)])
async def test_each_answer_is_the_one_to_its_request(planned: list[Visit], place: Place) -> None:
    """Every caller gets its own answers in its own order, or a refusal; and every request arrives as it was sent."""
    calls = [[Call(f"tag-{next(_numbers)}", plan) for plan in each.plans] for each in planned]
    place.origin.scripts = {call.forwarded.target: [call.script()] for each in calls for call in each}

    async def one(made: list[Call], each: Visit) -> int:
        async with calling(place.port) as caller:
            return await visit(made, each, caller)

    # A call of a caller that left may arrive when the example is over.
    _open.update({place.arrives(call.forwarded): MOST_TIMES for each in calls for call in each})
    answered = await asyncio.gather(*map(one, calls, planned))
    arrived = await place.arrived()
    for each in arrived:
        _open[each] -= 1
        assert _open[each] >= 0, each
    for made, count in zip(calls, answered, strict=True):
        assert {place.arrives(call.forwarded) for call in made[:count]} <= set(arrived)
