"""The requests of the Go and Ruby SDKs, replayed on raw sockets through the real process, and beside it straight."""

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import orjson
import pytest

from proxy.errors import ANSWERS, Reason
from proxy.simulator.journal import Entry
from tests.running import Sidecar
from tests.sdk.captures import CAPTURES, GO, GO_AGENT, GO_KEYS, RUBY, RUBY_AGENT, URL_SAFE_KEY, Capture
from tests.sdk.clients import PLACEHOLDERS, REAL, Keys
from tests.sdk.conftest import Origin, place
from tests.sdk.test_calls import basic, line_of

pytestmark = pytest.mark.asyncio(loop_scope="session")

ANSWER_SECONDS = 10


@dataclass(frozen=True)
class Answer:
    """What came back; header names are lower-cased."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def json(self) -> Any:  # noqa: ANN401  # any JSON value
        """Return the body decoded."""
        return orjson.loads(self.body)


class Connection:
    """A connection of an SDK."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Speak over these."""
        self._reader = reader
        self._writer = writer

    async def exchange(self, writes: Sequence[bytes]) -> Answer:
        """Write a request piece by piece; return its answer."""
        for data in writes:
            self._writer.write(data)
            await self._writer.drain()
        async with asyncio.timeout(ANSWER_SECONDS):
            head = (await self._reader.readuntil(b"\r\n\r\n")).decode("ascii").splitlines()
            headers = {name.lower(): value for name, _, value in (line.partition(": ") for line in head[1:-1])}
            body = await self._reader.readexactly(int(headers.get("content-length", 0)))
        return Answer(int(head[0].split()[1]), headers, body)


@asynccontextmanager
async def connected(port: int) -> AsyncIterator[Connection]:
    """Hold a connection to a port of this machine."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        yield Connection(reader, writer)
    finally:
        writer.close()
        await writer.wait_closed()


async def replay(capture: Capture, port: int, keys: Keys) -> Answer:
    """Write a request to a new connection; return its answer."""
    async with connected(port) as connection:
        return await connection.exchange(capture.writes(f"127.0.0.1:{port}", keys))


def keys_of(capture: Capture) -> Keys:
    """Return the placeholders of the application; those of the Go one are spelled otherwise in its alphabet."""
    return GO_KEYS if capture.language == "go" else PLACEHOLDERS


def check_arrival(capture: Capture, arrived: Entry) -> None:
    """Check that the call arrived after the policy, with the real credential and nothing of the placeholders."""
    assert capture.arrival is not None
    request = arrived.request
    headers = {name.lower(): value for name, value in request.headers}
    assert len(headers) == len(request.headers)
    assert line_of(f"{request.method} {request.target}") == line_of(capture.arrival.line)
    assert arrived.json == capture.arrival.body
    assert bool(request.body) is bool(capture.body)
    credential = f"Bearer {REAL.app_key}" if capture.is_app else basic(REAL.site_id, REAL.api_key)
    assert headers.get("authorization") == (credential if capture.arrival.credential else None)
    assert headers["user-agent"] == (capture.agent or {"go": GO_AGENT, "ruby": RUBY_AGENT}[capture.language])
    assert headers.get("accept-encoding") == "identity"
    assert headers.get("content-type") == ("application/json" if capture.body else None)


@pytest.mark.parametrize("capture", CAPTURES, ids=lambda capture: capture.name)
async def test_a_captured_request(capture: Capture, origin: Origin, sidecar: Sidecar) -> None:
    """It arrives as the same call that every other SDK makes, and what comes back is what comes back without the sidecar."""
    behind = await replay(capture, place(sidecar).port, keys_of(capture))
    arrived = origin.take()
    straight = await replay(capture, origin.place.port, REAL)
    origin.take()
    assert "content-encoding" not in behind.headers
    if capture.refused:
        answer = ANSWERS[capture.refused]
        assert (behind.status, behind.json["meta"]["error"]) == (answer.status, answer.message)
        assert not arrived
        assert straight.status >= 400
        return
    assert capture.arrival is not None
    (entry,) = arrived
    check_arrival(capture, entry)
    assert (behind.status, behind.headers["x-cio-sidecar"]) == (capture.arrival.status, "forwarded")
    assert straight.status == (capture.straight or behind.status)
    if not capture.straight and "delivery_id" not in behind.json and "id" not in behind.json:  # which are made anew
        assert straight.body == behind.body


async def test_go_keeps_one_connection(origin: Origin, sidecar: Sidecar) -> None:
    """One call after another on one connection, refused ones among them, each with its own answer."""
    port = place(sidecar).port
    statuses = []
    async with connected(port) as connection:
        for capture in GO:
            if capture.refused is not Reason.MALFORMED_REQUEST:  # after which nothing can be told apart any more
                answer = await connection.exchange(capture.writes(f"127.0.0.1:{port}", GO_KEYS))
                statuses.append((capture.name, answer.status))
    assert statuses == [(capture.name, 200) for capture in GO if capture.arrival]
    assert [entry.status for entry in origin.take()] == len(statuses) * [200]


async def test_go_writes_its_credential_in_the_other_alphabet() -> None:
    """The captures are worth replaying: their credential does hold what standard base64 has not."""
    identify = GO[0].writes("127.0.0.1", GO_KEYS)[0]
    assert b"\r\nAuthorization: Basic c2l0ZTprZXk_Pz4-fn4=\r\n" in identify
    assert basic("site", URL_SAFE_KEY) == "Basic c2l0ZTprZXk/Pz4+fn4="


@pytest.mark.parametrize("status", [201, 202, 204, 207])
async def test_a_success_that_go_takes_for_an_error(status: int, origin: Origin, sidecar: Sidecar) -> None:
    """Nothing but 200 is a success to Go, so what Customer.io answers otherwise is told as it is, and not put right."""
    fault = {"kind": "status", "status": status, **({} if status == 204 else {"body": {"status": status}})}
    answers = []
    for port, keys in ((place(sidecar).port, GO_KEYS), (origin.place.port, REAL)):
        origin.simulator.script({"fault": fault})
        answers.append(await replay(GO[0], port, keys))
    assert [answer.status for answer in answers] == [status, status]
    assert answers[0].body == answers[1].body


@pytest.mark.parametrize("capture", [GO[0], RUBY[0]], ids=lambda one: one.name)
async def test_a_stranger_reads_why(capture: Capture, origin: Origin, sidecar: Sidecar) -> None:
    """A key that is no caller's is told where both SDKs look for an error, `meta.error`, and the key is not repeated."""
    strangers = Keys("s", "key-of-a-stranger", "key-of-a-stranger", "key-of-a-stranger")
    answer = await replay(capture, place(sidecar).port, strangers)
    assert answer.status == 401
    assert answer.json["meta"]["error"] == ANSWERS[Reason.UNKNOWN_CALLER].message
    assert b"stranger" not in answer.body
    assert not origin.take()
