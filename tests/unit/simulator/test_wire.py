"""Every kind of fault over a real socket: the bytes that come, and how the connection ends."""

import gzip
import json
import ssl
import time
from collections.abc import AsyncIterator

import pytest

from proxy.simulator.faults import Fault
from proxy.simulator.server import Address, Simulator, serving
from tests.unit.simulator.calls import ROWS, WORKSPACE, well_formed
from tests.unit.simulator.sockets import asked, connected, exchange, taken_apart, written
from tests.unit.simulator.test_faults import LEAST

REGION = well_formed(ROWS["track.v1.region"])
IDENTIFY = well_formed(ROWS["track.v1.identify"])
USUAL = b'{"url":"https://track.customer.io","region":"us","environment_id":12}'


@pytest.fixture
async def simulator() -> Simulator:
    """A simulator of the workspace of these tests."""
    return Simulator(WORKSPACE)


@pytest.fixture
async def address(simulator: Simulator) -> AsyncIterator[Address]:
    """Where it listens."""
    async with serving(simulator) as where:
        yield where


async def test_every_kind_of_fault_is_performed_and_recorded(simulator: Simulator, address: Address) -> None:
    """Whatever fault a request meets, it is recorded with the kind of it, and the next request is served as usual."""
    for kind, least in LEAST.items():
        simulator.clear()
        simulator.script({"fault": {"kind": kind, **least, **({"seconds": 0} if kind == "delay" else {})}})
        async with connected(address) as wire:
            wire.send(written(IDENTIFY, "Connection: close"))
            try:
                await wire.rest()
            except ConnectionResetError:
                assert kind == "reset"
        assert simulator.pending == ()
        assert (await asked(address, REGION)).body == USUAL
        assert [entry.fault for entry in simulator.requests] == [kind, None]


async def test_a_delay_only_takes_time(simulator: Simulator, address: Address) -> None:
    """The usual answer comes, not before its time."""
    simulator.script({"fault": {"kind": "delay", "seconds": 0.05}})
    before = time.monotonic()  # noqa: TID251  # a real wait is measured
    assert (await asked(address, REGION)).body == USUAL
    assert time.monotonic() - before >= 0.05  # noqa: TID251


async def test_a_client_that_leaves_ends_its_delay(simulator: Simulator, address: Address) -> None:
    """Nothing is answered to it, and the simulator does not wait on."""
    simulator.script({"fault": {"kind": "delay", "seconds": 600}})
    async with connected(address) as wire:
        wire.send(written(REGION))
        await simulator.until(lambda came: bool(came) and came[0].complete)
    assert (await asked(address, REGION)).body == USUAL
    assert [entry.status for entry in simulator.requests] == [None, 200]


@pytest.mark.parametrize(("when", "complete"), [("before_body", False), ("after_body", True)])
async def test_a_drop_answers_nothing(simulator: Simulator, address: Address, when: str, complete: bool) -> None:  # noqa: FBT001
    """The connection ends without a byte, before or after the body was read."""
    simulator.script({"fault": {"kind": "drop", "when": when}})
    async with connected(address) as wire:
        wire.send(written(IDENTIFY))
        try:
            assert await wire.rest() == b""
        except ConnectionResetError:
            assert when == "before_body"  # the kernel resets a connection that is closed with bytes unread
    (entry,) = simulator.requests
    assert (entry.status, entry.complete, entry.request.body) == (None, complete, IDENTIFY.body if complete else b"")


async def test_a_drop_before_the_body_does_not_wait_for_it(simulator: Simulator, address: Address) -> None:
    """The head alone is enough."""
    simulator.script({"fault": {"kind": "drop", "when": "before_body"}})
    head = written(IDENTIFY).removesuffix(IDENTIFY.body)
    assert await exchange(address, head) == b""


async def test_a_reset_resets(simulator: Simulator, address: Address) -> None:
    """The client sees the connection reset, not ended."""
    simulator.script({"fault": {"kind": "reset"}})
    async with connected(address) as wire:
        wire.send(written(REGION))
        with pytest.raises(ConnectionResetError):
            await wire.rest()
    assert simulator.requests[0].status is None


async def test_a_half_answer_with_a_length_ends_in_the_middle(simulator: Simulator, address: Address) -> None:
    """The announced length is that of the whole body; half of it comes."""
    simulator.script({"fault": {"kind": "half_answer"}})
    came = taken_apart(await exchange(address, written(REGION)))
    assert came.status == 200
    assert int(came.headers["content-length"]) == len(USUAL)
    assert came.body == USUAL[: (len(USUAL) + 1) // 2]
    assert "connection" not in came.headers


async def test_a_half_answer_in_chunks_has_no_last_one(simulator: Simulator, address: Address) -> None:
    """One whole chunk comes, and then the end of the connection in place of the last chunk."""
    simulator.script({"fault": {"kind": "half_answer", "framing": "chunked"}})
    came = taken_apart(await exchange(address, written(REGION)))
    half = USUAL[: (len(USUAL) + 1) // 2]
    assert came.headers["transfer-encoding"] == "chunked"
    assert came.body == b"%x\r\n%s\r\n" % (len(half), half)


async def test_garbage_is_what_was_scripted(simulator: Simulator, address: Address) -> None:
    """Any bytes up to 255 can be sent in the place of HTTP."""
    simulator.script({"fault": {"kind": "garbage", "text": "\x00\xff nonsense"}})
    assert await exchange(address, written(REGION)) == b"\x00\xff nonsense"
    simulator.script({"fault": {"kind": "garbage"}})
    assert not (await exchange(address, written(REGION))).startswith(b"HTTP/")


async def test_interim_answers_come_first(simulator: Simulator, address: Address) -> None:
    """Each interim answer is a whole head, in order, and then the usual answer comes."""
    simulator.script({"fault": {"kind": "interim", "statuses": [100, 103, 102]}})
    parts = (await exchange(address, written(REGION, "Connection: close"))).split(b"\r\n\r\n")
    assert [part.split()[1] for part in parts[:4]] == [b"100", b"103", b"102", b"200"]
    assert parts[4] == USUAL


async def test_a_slow_body_drips(simulator: Simulator, address: Address) -> None:
    """The head announces the whole body, of which the first drop comes alone."""
    simulator.script({"fault": {"kind": "slow_body", "bytes_per_write": 60, "seconds_between": 0.02}})
    async with connected(address) as wire:
        wire.send(written(REGION, "Connection: close"))
        head = await wire.until(b"\r\n\r\n")
        assert f"Content-Length: {len(USUAL)}".encode() in head
        assert await wire.exactly(60) == USUAL[:60]
        assert await wire.rest() == USUAL[60:]


async def test_a_body_without_length_ends_with_the_connection(simulator: Simulator, address: Address) -> None:
    """There is neither length nor chunking; the connection says that it will close, and does."""
    simulator.script({"fault": {"kind": "no_length"}})
    came = taken_apart(await exchange(address, written(REGION)))
    assert came.body == USUAL
    assert came.headers["connection"] == "close"
    assert not {"content-length", "transfer-encoding"} & set(came.headers)


async def test_gzip_comes_unasked(simulator: Simulator, address: Address) -> None:
    """The answer is coded although the client wants none of it."""
    simulator.script({"fault": {"kind": "gzip"}})
    came = taken_apart(await exchange(address, written(REGION, "Accept-Encoding: identity", "Connection: close")))
    assert came.headers["content-encoding"] == "gzip"
    assert gzip.decompress(came.body) == USUAL


@pytest.mark.parametrize("size", [16, 17, 65_548, 1_000_000])
async def test_a_large_answer_is_json_of_that_size(simulator: Simulator, address: Address, size: int) -> None:
    """It is a JSON document of exactly so many bytes, with its length."""
    simulator.script({"fault": {"kind": "large", "bytes": size}})
    came = await asked(address, REGION)
    assert int(came.headers["content-length"]) == len(came.body) == size
    assert list(json.loads(came.body)) == ["filler"]  # noqa: TID251  # our own output


async def test_a_large_answer_can_be_chunked(simulator: Simulator, address: Address) -> None:
    """Without a length it comes in chunks, with a last one."""
    simulator.script({"fault": {"kind": "large", "bytes": 100_000, "framing": "chunked"}})
    came = await asked(address, REGION)
    assert came.headers["transfer-encoding"] == "chunked"
    assert came.body.endswith(b"\r\n0\r\n\r\n")
    assert came.body.count(b"x") == 100_000 - len(b'{"filler":""}')


async def test_a_large_answer_is_not_built_for_a_client_that_does_not_read(simulator: Simulator, address: Address) -> None:
    """It is sent as the client reads: a client that does not keeps the simulator waiting, not its memory growing."""
    simulator.script({"fault": {"kind": "large", "bytes": 200_000_000}})
    async with connected(address) as wire:
        wire.send(written(REGION))
        await wire.until(b'{"filler":"')
    assert (await asked(address, REGION)).body == USUAL


@pytest.mark.parametrize("seconds", [0, 0.02])
async def test_extra_bytes_follow_a_whole_answer(simulator: Simulator, address: Address, seconds: float) -> None:
    """More comes than was announced, at once or later, and the connection stays open for the next call."""
    simulator.script({"fault": {"kind": "extra_bytes", "text": "surplus", "seconds": seconds}})
    async with connected(address) as wire:
        wire.send(written(REGION))
        assert (await wire.answer()).body == USUAL
        assert await wire.exactly(7) == b"surplus"
        wire.send(written(REGION))
        assert (await wire.answer()).body == USUAL


async def test_extra_bytes_are_a_second_answer_by_default(simulator: Simulator, address: Address) -> None:
    """What a client must never take for the answer to its next call."""
    simulator.script({"fault": {"kind": "extra_bytes"}})
    async with connected(address) as wire:
        wire.send(written(REGION))
        assert (await wire.answer()).body == USUAL
        assert (await wire.answer()).body == b'{"extra":true}'


@pytest.mark.parametrize("seconds", [0, 0.02])
async def test_a_connection_can_close_unannounced(simulator: Simulator, address: Address, seconds: float) -> None:
    """The answer promises to keep the connection, which then ends all the same."""
    simulator.script({"fault": {"kind": "close_after", "seconds": seconds}})
    async with connected(address) as wire:
        wire.send(written(REGION))
        came = await wire.answer()
        assert came.body == USUAL
        assert "connection" not in came.headers
        assert await wire.rest() == b""


async def test_an_early_answer_does_not_wait_for_the_body(simulator: Simulator, address: Address) -> None:
    """It comes while the body is still to be sent, promises to keep the connection, and nothing of the body is recorded."""
    simulator.script({"fault": {"kind": "early", "status": 429}})
    async with connected(address) as wire:
        wire.send(written(IDENTIFY).removesuffix(IDENTIFY.body))
        came = await wire.answer()
        assert (came.status, came.body) == (429, b"{}")
        assert "connection" not in came.headers
        wire.send(IDENTIFY.body)
        wire.send(written(REGION))
        assert (await wire.answer()).body == USUAL
    assert [(entry.status, entry.complete) for entry in simulator.requests] == [(429, False), (200, True)]


async def test_an_echo_can_drip(simulator: Simulator, address: Address) -> None:
    """The secret comes in pieces, so that a scrubber has to look across them."""
    simulator.script({"fault": {"kind": "echo_secret", "bytes_per_write": 7, "seconds_between": 0.001}})
    came = await asked(address, IDENTIFY)
    sent = IDENTIFY.values("authorization")[0]
    assert came.headers["x-echo-authorization"] == sent
    assert sent.encode() in came.body
    assert b"a-site:a-key" in came.body


async def test_a_status_is_sent_as_scripted(simulator: Simulator, address: Address) -> None:
    """Status, body and headers are those of the script."""
    simulator.script(
        {"fault": {"kind": "status", "status": 503, "body": "<html>", "headers": {"Content-Type": "text/html", "X-A": "b"}}}
    )
    came = await asked(address, REGION)
    assert (came.status, came.body, came.headers["content-type"], came.headers["x-a"]) == (503, b"<html>", "text/html", "b")
    simulator.script({"fault": {"kind": "status", "status": 204}})
    came = await asked(address, REGION)
    assert (came.status, came.body) == (204, b"")
    assert "content-length" not in came.headers


async def test_faults_work_over_tls_too(simulator: Simulator, authority: tuple[ssl.SSLContext, ssl.SSLContext]) -> None:
    """What is done to the connection is done below TLS."""
    server, client = authority
    async with serving(simulator, tls=server) as address:
        simulator.script({"fault": {"kind": "reset"}}, {"fault": {"kind": "drop"}}, {"fault": {"kind": "half_answer"}})
        async with connected(address, client) as wire:
            wire.send(written(REGION))
            with pytest.raises(ConnectionResetError):
                await wire.rest()
        assert await exchange(address, written(REGION), client) == b""
        assert taken_apart(await exchange(address, written(REGION), client)).body == USUAL[: (len(USUAL) + 1) // 2]
        assert (await exchange(address, written(REGION, "Connection: close"), client)).endswith(USUAL)


def test_every_kind_has_its_test() -> None:
    """A kind that is added has to be added to these tests too."""
    assert {option.model_fields["kind"].annotation.__args__[0] for option in Fault.__args__} == set(LEAST)
