"""The simulator as a server: every endpoint over a real socket, and everything that arrives on record."""

import asyncio
import logging
import ssl
from collections.abc import AsyncIterator

import pytest

from proxy.simulator import server
from proxy.simulator.endpoints import ENDPOINTS
from proxy.simulator.faults import ScriptError
from proxy.simulator.model import Received, Workspace
from proxy.simulator.server import Address, Simulator, serving
from tests.unit.simulator.calls import NOW, ROWS, WORKSPACE, well_formed
from tests.unit.simulator.sockets import asked, connected, exchange, taken_apart, written

REGION = well_formed(ROWS["track.v1.region"])
IDENTIFY = well_formed(ROWS["track.v1.identify"])
TRACK = well_formed(ROWS["pipelines.track"])


class StoppedClock:
    """A clock that stands still."""

    def monotonic(self) -> float:
        """Return no time at all."""
        return 0

    def wall(self) -> float:
        """Return the time of these tests."""
        return NOW


@pytest.fixture
async def simulator() -> Simulator:
    """A simulator of the workspace of these tests."""
    return Simulator(WORKSPACE, clock=StoppedClock())


@pytest.fixture
async def address(simulator: Simulator) -> AsyncIterator[Address]:
    """Where it listens."""
    async with serving(simulator) as where:
        yield where


async def test_every_endpoint_is_served(simulator: Simulator, address: Address) -> None:
    """A well-formed call of each endpoint, all on one connection, is answered and recorded as it was sent."""
    async with connected(address) as wire:
        for row in ENDPOINTS:
            request = well_formed(row)
            wire.send(written(request))
            if row.status == 204:
                assert (await wire.until(b"\r\n\r\n")).startswith(b"HTTP/1.1 204 "), row.name
            else:
                assert (await wire.answer()).status == row.status, row.name
            (entry,) = simulator.requests
            assert (entry.endpoint, entry.status, entry.complete) == (row.name, row.status, True)
            kept = [header for header in entry.request.headers if header[0] != "Content-Length"]
            assert Received(entry.request.method, entry.request.target, tuple(kept), entry.request.body) == request
            simulator.clear()


async def test_answers_are_json_from_the_simulator(address: Address) -> None:
    """An answer says what it is and who gave it."""
    came = await asked(address, REGION)
    assert (came.status, came.headers["content-type"], came.headers["server"]) == (
        200,
        "application/json",
        "customerio-simulator",
    )


async def test_the_clock_is_the_one_given(address: Address) -> None:
    """Deliveries are queued at the time that the simulator is told."""
    assert b'"queued_at":1700000000' in (await asked(address, well_formed(ROWS["app.send.sms"]))).body


async def test_refused_requests_are_recorded_too(simulator: Simulator, address: Address) -> None:
    """Unknown paths, wrong credentials and wrong bodies are on record, with what was answered."""
    await asked(address, Received("GET", "/nowhere?a=%20+b", (("Host", "x"),)))
    await asked(address, Received("PUT", IDENTIFY.target, (("Host", "x"), ("aUtHoRiZaTiOn", "Basic eDp5")), b"{}"))
    await asked(address, Received("PUT", IDENTIFY.target, IDENTIFY.headers, b"{"))
    assert [(entry.request.target, entry.endpoint, entry.status) for entry in simulator.requests] == [
        ("/nowhere?a=%20+b", None, 404),
        (IDENTIFY.target, "track.v1.identify", 401),
        (IDENTIFY.target, "track.v1.identify", 400),
    ]
    assert ("aUtHoRiZaTiOn", "Basic eDp5") in simulator.requests[1].request.headers


async def test_an_absolute_target_is_recorded_as_it_came(simulator: Simulator, address: Address) -> None:
    """The request line is a fact: a target in absolute form is no path of ours, and stays visible."""
    came = await asked(address, Received("GET", "http://evil.example/api/v1/accounts/region", (("Host", "x"),)))
    assert came.status == 404
    assert simulator.requests[0].request.target == "http://evil.example/api/v1/accounts/region"


async def test_a_body_in_chunks_is_recorded_without_them(simulator: Simulator, address: Address) -> None:
    """Chunking is framing, not content."""
    head = written(Received("PUT", IDENTIFY.target, IDENTIFY.headers), "Transfer-Encoding: chunked", "Connection: close")
    came = taken_apart(await exchange(address, head + b'5\r\n{"a":\r\n2\r\n1}\r\n0\r\n\r\n'))
    assert came.status == 200
    assert simulator.requests[0].request.body == b'{"a":1}'


async def test_a_coded_body_is_recorded_coded(simulator: Simulator, address: Address) -> None:
    """What is kept is what came over the wire; inside it can be seen all the same."""
    import gzip

    body = gzip.compress(TRACK.body)
    came = await asked(address, Received("POST", TRACK.target, (*TRACK.headers, ("Content-Encoding", "gzip")), body))
    assert came.status == 200
    (entry,) = simulator.requests
    assert entry.request.body == body
    assert entry.json == {"userId": "5", "event": "Purchased", "properties": {"price": 1}, "integrations": None}


async def test_continue_is_sent_to_who_waits_for_it(address: Address) -> None:
    """A client that asks before it sends its body is told to go on."""
    async with connected(address) as wire:
        wire.send(written(IDENTIFY, "Expect: 100-continue").removesuffix(IDENTIFY.body))
        assert await wire.until(b"\r\n\r\n") == b"HTTP/1.1 100 Continue\r\n\r\n"
        wire.send(IDENTIFY.body)
        assert (await wire.answer()).status == 200


async def test_a_body_that_never_ends_is_recorded_as_far_as_it_came(simulator: Simulator, address: Address) -> None:
    """A client that goes away in the middle leaves what it had sent, marked as incomplete and unanswered."""
    async with connected(address) as wire:
        wire.send(written(IDENTIFY)[:-5])
        await simulator.until(bool)
    (entry,) = await simulator.until(lambda came: came[0].request.body != b"")
    assert (entry.request.body, entry.complete, entry.status) == (IDENTIFY.body[:-5], False, None)


async def test_a_body_that_does_not_come_in_time_ends_the_connection(
    simulator: Simulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The wait for a body is bounded; what came of it is refused like any other body."""
    monkeypatch.setattr(server, "BODY_SECONDS", 0.05)
    monkeypatch.setattr(server, "LINGER_SECONDS", 0.05)
    async with serving(simulator) as address:
        came = taken_apart(await exchange(address, written(IDENTIFY)[:-5]))
    assert (came.status, came.headers["connection"]) == (400, "close")
    assert (simulator.requests[0].complete, simulator.requests[0].status) == (False, 400)


async def test_a_body_over_every_limit_is_not_read_to_its_end(simulator: Simulator, address: Address) -> None:
    """What is read is bounded whatever is announced, the refusal comes, and the connection ends."""
    size = server.BODY_BYTES + 1_000_000
    head = written(Received("POST", "/v1/campaigns/3/triggers", well_formed(ROWS["app.broadcast.trigger"]).headers))
    async with connected(address) as wire:
        wire.send(head.removesuffix(b"\r\n") + f"Content-Length: {size}\r\n\r\n".encode() + b" " * (server.BODY_BYTES + 1))
        came = taken_apart(await wire.until(b"}]}"))
    assert (came.status, came.headers["connection"]) == (413, "close")
    (entry,) = simulator.requests
    assert not entry.complete
    assert server.BODY_BYTES < len(entry.request.body) < size


@pytest.mark.parametrize(
    "data", [b"nonsense\r\n\r\n", b"GET / HTTP/1.1\r\nHost: x\r\nContent-Length: a\r\n\r\n", b"\x16\x03\x01\r\n\r\n"]
)
async def test_what_is_no_http_is_counted(simulator: Simulator, address: Address, data: bytes) -> None:
    """Bytes that are no request are refused, counted, and neither recorded nor logged."""
    assert (await exchange(address, data)).startswith(b"HTTP/1.0 400 ")
    assert (simulator.malformed, simulator.requests) == (1, ())


async def test_nothing_is_logged(address: Address, caplog: pytest.LogCaptureFixture) -> None:
    """Neither good nor bad requests nor bytes that are no HTTP leave a line anywhere."""
    caplog.set_level(logging.DEBUG)
    await asked(address, IDENTIFY)
    await exchange(address, b"ada@example.com\r\n\r\n")
    assert "ada" not in caplog.text
    assert not [record for record in caplog.records if record.name != "asyncio"]


async def test_a_fault_of_the_simulator_is_told_without_data(
    simulator: Simulator, address: Address, monkeypatch: pytest.MonkeyPatch
) -> None:
    """If the simulator itself breaks, the answer says which kind of error, and where, and quotes nothing."""

    def breaks(*_: object) -> None:
        raise KeyError("ada@example.com")

    monkeypatch.setattr(server, "respond", breaks)
    came = await asked(address, IDENTIFY)
    assert came.status == 500
    assert came.body.startswith(b'{"meta":{"error":"the simulator failed: KeyError at test_server.py:')
    assert b"ada" not in came.body
    assert simulator.requests[0].complete


async def test_the_record_is_bounded() -> None:
    """The oldest requests are forgotten and counted."""
    simulator = Simulator(WORKSPACE, recorded_requests=2)
    async with serving(simulator) as address:
        for _ in range(5):
            await asked(address, REGION)
    assert [entry.number for entry in simulator.requests] == [4, 5]
    assert simulator.dropped == 3


async def test_faults_can_be_scripted_in_the_process(simulator: Simulator, address: Address) -> None:
    """A test that serves the simulator itself scripts it without the control API, with the same strictness."""
    simulator.script({"fault": {"kind": "unauthorized"}}, {"fault": {"kind": "rate_limited"}})
    assert [(await asked(address, REGION)).status for _ in range(3)] == [401, 429, 200]
    with pytest.raises(ScriptError, match=r"0\.fault: Input tag"):
        simulator.script({"fault": {"kind": "mood"}})
    simulator.script({"times": 9, "fault": {"kind": "reset"}})
    simulator.clear()
    assert (simulator.pending, simulator.requests) == ((), ())


async def test_placeholders_are_the_default() -> None:
    """Without a workspace the documented placeholder credentials are the right ones."""
    async with serving(Simulator()) as address:
        assert (await asked(address, well_formed(ROWS["track.v1.identify"], Workspace()))).status == 200
        assert (await asked(address, IDENTIFY)).status == 401


async def test_it_serves_tls(simulator: Simulator, authority: tuple[ssl.SSLContext, ssl.SSLContext]) -> None:
    """With a context the same port speaks TLS, and says so in its URL."""
    tls, client = authority
    async with serving(simulator, tls=tls) as address:
        assert address.url == f"https://127.0.0.1:{address.port}"
        assert (await exchange(address, written(IDENTIFY, "Connection: close"), client)).startswith(b"HTTP/1.1 200 ")
    assert simulator.requests[0].endpoint == "track.v1.identify"


async def test_it_stops_in_bounded_time_whatever_is_pending(simulator: Simulator) -> None:
    """Idle connections, and answers that are being delayed, end with the server."""
    simulator.script({"fault": {"kind": "delay", "seconds": 600}})
    async with asyncio.timeout(10):
        async with serving(simulator) as address:
            waiting = asyncio.ensure_future(exchange(address, written(REGION)))  # noqa: TID251  # a client beside the test
            await simulator.until(bool)
        assert await waiting == b""
        with pytest.raises(ConnectionRefusedError):
            await exchange(address, b"")


async def test_an_address_in_use_is_an_oserror(address: Address) -> None:
    """Who starts it learns that the port is taken."""
    with pytest.raises(OSError, match="address already in use"):
        async with serving(Simulator(), port=address.port):
            pass


def test_an_ipv6_address_has_its_brackets() -> None:
    """The URL can be used as it is."""
    assert Address("::1", 8080, tls=False).url == "http://[::1]:8080"
