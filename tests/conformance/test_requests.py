"""The request corpus against the real process: what is not understood beyond doubt never reaches Customer.io.

Of each case: the answers, in order; whether the connection takes another request; and byte by byte what arrives upstream. A
request stands right behind each case, so nothing of a case can be taken for the beginning of another request unnoticed.
"""

import asyncio
import ssl
from collections import Counter
from collections.abc import AsyncIterator, Mapping

import pytest
import pytest_asyncio

from tests.conformance import connections, fields, framing, heads
from tests.conformance.caller import Caller, Told, calling
from tests.conformance.cases import READ, Answer, Case, Forwarded, Then, get
from tests.conformance.conftest import Certificates, Place, between
from tests.conformance.corpus import by_name
from tests.conformance.origin import echo, serving

pytestmark = pytest.mark.asyncio(loop_scope="module")

# Enough to be far over every limit of one request, little enough to be sent in no time.
LIMITS = {"body_bytes": 4096, "large_body_bytes": 4096, "head_seconds": 20, "body_seconds": 20, "idle_seconds": 60}
HURRIED = {"head_seconds": 1.0, "body_seconds": 1.0, "idle_seconds": 1.5}
# Longer ones take too long byte by byte.
DRIP_BYTES = 3000
AT_ONCE = 400

_MARK = b"X-Request-Id: behind"
BEHIND = get(_MARK)
ARRIVES_BEHIND = Forwarded(b"GET", READ.target, b"", _MARK + b"\r\n")


ALL = by_name((*framing.GROUPS, *heads.GROUPS, *fields.GROUPS, *connections.GROUPS))
SILENT = {name: case for name, case in ALL.items() if case.then is Then.SILENT}
CASES = {name: case for name, case in ALL.items() if case.then is not Then.SILENT}
SHORT = {name: case for name, case in CASES.items() if sum(map(len, case.sent)) <= DRIP_BYTES}


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def place(certificates: Certificates, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Place]:
    """Run one sidecar for all cases."""
    async with (
        serving() as origin,
        between(tmp_path_factory.mktemp("sidecar"), origin, certificates, {"limits": LIMITS}) as place,
    ):
        yield place


def told_as(told: Told | None, expected: Answer) -> bool:
    """Say whether an answer is the expected one."""
    if told is None:
        return False
    if isinstance(expected, Forwarded):
        return (told.status, told.body) == (200, echo(expected.target)) and told.reason is None
    return told.status == expected if isinstance(expected, int) else told.reason is expected


async def play(case: Case, caller: Caller, *, by_the_byte: bool = False) -> None:
    """Send a case and what stands behind it, and check what comes back."""
    send = caller.drip if by_the_byte else caller.send
    followed = case.then in {Then.STAYS, Then.CLOSES}
    told: list[Told | None] = []
    *before, last = case.sent
    for piece in before:
        await send(piece)
        told.append(await caller.read())
    await send(last + BEHIND if followed else last)
    if case.then is Then.HALF_CLOSED:
        caller.half_close()
    while len(told) < len(case.answers):
        told.append(await caller.read(head_only=case.head_only))
    for answer, expected in zip(told, case.answers, strict=True):
        assert told_as(answer, expected), (case.name, answer, expected)
    if case.then is Then.STAYS:
        told.append(await caller.read())
        assert told_as(told[-1], ARRIVES_BEHIND), (case.name, told[-1])
    else:
        behind = await caller.read()
        assert behind is None, (case.name, behind)
    # It says so when it closes, but for a caller that has said so first (RFC 9112 section 9.6).
    closing = [answer.closes for answer in told if answer is not None]
    assert not any(closing[:-1]), case.name
    if followed:
        assert closing[-1] is (case.then is Then.CLOSES), case.name


def arrivals(case: Case) -> list[Forwarded]:
    """Return what must arrive of a case and of what stands behind it."""
    return [*case.forwarded, ARRIVES_BEHIND] if case.then is Then.STAYS else case.forwarded


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
async def test_a_request_comes_to_its_outcome(case: Case, place: Place) -> None:
    """In one piece with the request behind it: answered as the corpus says, and nothing else arrives upstream."""
    async with calling(place.port) as caller:
        try:
            await play(case, caller)
        finally:
            arrived = await place.arrived()
    assert arrived == [place.arrives(forwarded) for forwarded in arrivals(case)]


@pytest.mark.parametrize("case", SHORT.values(), ids=SHORT)
async def test_byte_by_byte_it_is_the_same(case: Case, place: Place) -> None:
    """However the bytes are cut into packets, the outcome is the same."""
    async with calling(place.port) as caller:
        try:
            await play(case, caller, by_the_byte=True)
        finally:
            arrived = await place.arrived()
    assert arrived == [place.arrives(forwarded) for forwarded in arrivals(case)]


async def test_one_connection_takes_them_all(place: Place) -> None:
    """All cases that leave their connection open, on one and twice over: nothing of one request is left to the next."""
    lasting = [case for case in CASES.values() if case.then is Then.STAYS] * 2
    async with calling(place.port) as caller:
        for case in lasting:
            await play(case, caller)
    expected = [place.arrives(forwarded) for case in lasting for forwarded in arrivals(case)]
    assert await place.arrived() == expected


async def at_once(cases: Mapping[str, Case], port: int, tls: ssl.SSLContext | None = None) -> dict[str, object]:
    """Play all cases at the same time; return what went wrong, by name."""
    room = asyncio.Semaphore(AT_ONCE)

    async def one(case: Case) -> None:
        async with room, calling(port, tls) as caller:
            await play(case, caller)

    outcomes = await asyncio.gather(*map(one, cases.values()), return_exceptions=True)
    return {name: outcome for name, outcome in zip(cases, outcomes, strict=True) if outcome is not None}


async def test_over_tls_it_is_the_same(place: Place, certificates: Certificates) -> None:
    """All cases at once over TLS, which has no half-closed connection: the same answers, and the same arrives upstream."""
    secured = {name: case for name, case in CASES.items() if case.then is not Then.HALF_CLOSED}
    assert await at_once(secured, place.sidecar.ports["outbound_tls"], certificates.client) == {}
    expected = Counter(place.arrives(forwarded) for case in secured.values() for forwarded in arrivals(case))
    assert Counter(await place.arrived()) == expected


async def test_a_caller_that_falls_silent_is_let_go(
    certificates: Certificates, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """Wherever a caller stops, a deadline ends its connection: with an answer where it has begun to ask."""
    folder = tmp_path_factory.mktemp("hurried")
    async with serving() as origin, between(folder, origin, certificates, {"limits": HURRIED}) as place:
        assert await at_once(SILENT, place.port) == {}
        expected = Counter(place.arrives(forwarded) for case in SILENT.values() for forwarded in case.forwarded)
        # The fence has been let go as well.
        assert Counter(arrived.data for arrived in origin.take()) == expected
        assert not origin.strays
