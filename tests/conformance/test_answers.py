"""The corpus of answers against the real process: what the application is told, and whether the connection is used on.

Behind each answer another call is made. It must get its own answer, on the same connection exactly where the corpus says so;
where it does not, the sidecar must have closed the connection, so that none is left behind.
"""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass, replace

import orjson
import pytest
import pytest_asyncio

from proxy.delivery.answer import NOT_JSON_CODE
from proxy.errors import Reason
from tests.conformance import answers, endings
from tests.conformance.answers import BrokenOff, Case, Passed, Wrapped
from tests.conformance.caller import BrokenOffError, Caller, Told, calling
from tests.conformance.cases import HOST, JSON, get, good, request
from tests.conformance.conftest import Certificates, Place, between
from tests.conformance.corpus import by_name
from tests.conformance.origin import Origin, Script, ok, serving

pytestmark = pytest.mark.asyncio(loop_scope="module")

MEBIBYTE = 1024 * 1024
LIMITS = {"body_bytes": 16 * MEBIBYTE, "large_body_bytes": 16 * MEBIBYTE}
HURRIED = {"timeouts": {"connect_seconds": 1.0, "attempt_seconds": 1.0, "total_seconds": 1.5}}
DRIP_BYTES = 1000
# The answer to the call behind a case: it leaves no connection for the next case.
BEHIND = Script((ok(b'"behind"', b"Connection: close"),))
FRAMING = {"Content-Length", "Transfer-Encoding"}

CASES = by_name((*answers.GROUPS, *endings.GROUPS))
TLS = by_name([endings.TLS])


def cut_anywhere(case: Case) -> bool:
    """Say whether a case is the same byte by byte, and soon done."""
    return not case.whole and sum(len(step) for step in case.script.steps if isinstance(step, bytes)) <= DRIP_BYTES


SHORT = {name: case for name, case in CASES.items() if cut_anywhere(case)}


@dataclass
class Upstreams:
    """The sidecar, and the origins of its Track API (plain) and of its Pipelines API (TLS)."""

    place: Place
    plain: Origin
    secure: Origin

    async def play(self, case: Case) -> None:
        """Play a case to the Track API."""
        await played(case, self.place.port, self.plain, get())

    async def play_secure(self, case: Case) -> None:
        """Play a case to the Pipelines API."""
        call, behind = (
            request(b"POST /v1/%b HTTP/1.1" % name, HOST, JSON, b"Content-Length: 2", body=b"{}")
            for name in (b"track", b"identify")
        )
        await played(replace(case, sent=call), self.place.port, self.secure, behind)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def upstreams(certificates: Certificates, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Upstreams]:
    """Run one sidecar for all cases."""
    folder = tmp_path_factory.mktemp("sidecar")
    async with serving() as plain, serving(certificates.server) as secure:
        urls = {
            "track": {"url": f"http://127.0.0.1:{plain.port}"},
            "pipelines": {"url": f"https://localhost:{secure.port}", "ca": str(certificates.folder / "ca.pem")},
        }
        async with between(folder, plain, certificates, {"limits": LIMITS}, upstreams=urls) as place:
            yield Upstreams(place, plain, secure)


def check(told: Told, expected: Passed | Wrapped | Reason) -> None:
    """Check what the application is told: an answer of Customer.io's and no more of it than may pass, or a refusal."""
    assert not told.closes
    if isinstance(expected, Reason):
        assert told.reason is expected
        return
    fields = {name: value for name, value in told.fields.items() if name not in FRAMING}
    assert fields.pop("X-CIO-Sidecar") == "forwarded"
    assert fields.pop("Date").endswith(" GMT")
    assert told.status == expected.status
    if isinstance(expected, Passed):
        assert (told.body, fields) == (expected.body, dict(expected.fields))
    else:
        assert orjson.loads(told.body)["code"] == NOT_JSON_CODE
        assert fields == {"Content-Type": "application/json"}


async def read(case: Case, caller: Caller) -> None:
    """Read the answer to a call, and check that it is what the case says."""
    if isinstance(case.told, BrokenOff):
        with pytest.raises(BrokenOffError) as caught:
            await caller.read()
        assert caught.value.body in b"".join(step for step in case.script.steps if isinstance(step, bytes))
    else:
        told = await caller.read()
        assert told is not None
        check(told, case.told)


async def play(case: Case, port: int, origin: Origin, behind: bytes) -> None:
    """Have `case` answer a call, make the call `behind`, and check what arrived on which connection."""
    origin.take()
    origin.read_on.clear()
    origin.late_bytes = 0
    async with calling(port) as caller:
        if case.used:
            await caller.send(good(target=b"/api/v1/customers/before"))
            assert await caller.read() is not None
        before = [arrived.connection for arrived in origin.take()]
        origin.scripts[target(case.sent)] = [case.script] if case.again is None else [case.script, case.again]
        await caller.send(case.sent)
        await read(case, caller)
    origin.read_on.set()
    calls = origin.take()
    assert [call.data for call in calls] == [calls[0].data] * (1 + (case.again is not None))
    connections = [call.connection for call in calls]
    assert not case.used or connections[0] in before
    for connection in connections[:-1] if case.reused else connections:
        await origin.ended(connection)
    origin.scripts[target(behind)] = [BEHIND]
    async with calling(port) as caller:
        await caller.send(behind)
        told = await caller.read()
    assert told is not None
    assert (told.status, told.body) == (200, b'"behind"')
    (last,) = origin.take()
    assert (last.connection == connections[-1]) is case.reused
    assert not origin.strays
    assert origin.late_bytes < endings.LARGE_BYTES  # what is left of a request is not sent behind its answer


async def played(case: Case, port: int, origin: Origin, behind: bytes) -> None:
    """Play a case, and leave nothing of one that failed to the next one."""
    try:
        await play(case, port, origin, behind)
    except BaseException:
        await clean(port, origin, behind)
        raise


async def clean(port: int, origin: Origin, behind: bytes) -> None:
    """End what is open at the origin, and have the sidecar notice."""
    origin.drop()
    origin.strays.clear()
    origin.scripts = {target(behind): [BEHIND] * 2}
    async with calling(port) as caller:
        await caller.send(behind)
        await caller.read()


def target(call: bytes) -> bytes:
    """Return what a call is for."""
    return call.split(b" ", 2)[1]


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
async def test_an_answer_comes_to_its_outcome(case: Case, upstreams: Upstreams) -> None:
    """The application is told what the corpus says, and the next call is answered by its own answer."""
    await upstreams.play(case)


@pytest.mark.parametrize("case", SHORT.values(), ids=SHORT)
async def test_byte_by_byte_it_is_the_same(case: Case, upstreams: Upstreams) -> None:
    """However an answer is cut into packets, the outcome is the same."""
    await upstreams.play(replace(case, script=case.script.by_the_byte()))


async def test_one_connection_brings_them_all(upstreams: Upstreams) -> None:
    """All answers that leave their connection open, on one and twice over: nothing of one answer is left to the next."""
    lasting = [case for case in CASES.values() if case.reused and not case.used] * 2
    origin = upstreams.plain
    async with calling(upstreams.place.port) as caller:
        for case in lasting:
            origin.scripts[target(case.sent)] = [case.script]
            await caller.send(case.sent)
            await read(case, caller)
        calls = origin.take()
        origin.scripts[target(get())] = [BEHIND]
        await caller.send(get())
        assert await caller.read() is not None
    calls += origin.take()
    assert len(calls) == len(lasting) + 1
    assert len({call.connection for call in calls}) == 1


@pytest.mark.parametrize("case", TLS.values(), ids=TLS)
async def test_tls_that_is_cut_is_no_end(case: Case, upstreams: Upstreams) -> None:
    """Over TLS only `close_notify` ends a body that has no length; a connection that is cut has cut the answer."""
    await upstreams.play_secure(case)


async def test_an_answer_that_takes_its_time(certificates: Certificates, tmp_path_factory: pytest.TempPathFactory) -> None:
    """All at once: what comes in time passes, however slowly; what does not is given up, told to the caller and let go."""
    folder = tmp_path_factory.mktemp("hurried")
    async with serving() as origin, between(folder, origin, certificates, {"limits": LIMITS}, delivery=HURRIED) as place:

        async def one(number: int, case: Case) -> None:
            slow = b"/api/v1/customers/slow-%d" % number
            origin.scripts[slow] = [case.script]
            async with calling(place.port) as caller:
                await caller.send(case.sent.replace(target(case.sent), slow, 1))
                await read(case, caller)
            if case.script.early:
                origin.read_on.set()
            (connection,) = [arrived.connection for arrived in origin.arrived if arrived.target == slow]
            if case.reused:
                assert not origin.has_ended(connection)
            else:
                await origin.ended(connection)

        await asyncio.gather(*[one(number, case) for number, case in enumerate(endings.SLOW.cases)])
        assert len(origin.take()) == len(endings.SLOW.cases)
        assert not origin.strays
