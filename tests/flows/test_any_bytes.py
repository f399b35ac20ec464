"""Whatever bytes come in, the answer is a documented one and the process lives; and splits of the stream change nothing."""

import re
import socket
import subprocess
import sys
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import orjson
import pytest
import yaml
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from proxy.errors import ANSWERS
from tests.running import SECRETS, config

DOCUMENTED = {answer.status for answer in ANSWERS.values()} | {100, 200, 502}
HEAD = b"PUT /api/v1/customers/5 HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
PIECES = [
    b"PUT /api/v1/customers/5 HTTP/1.1\r\n", b"POST /v1/batch HTTP/1.0\r\n", b"GET / HTTP/1.1\r\n", b"Host: x\r\n",
    b"\r\n", b"\n", b"\r", b"Content-Length: 2\r\n", b"Content-Length: 02\r\n", b"Content-Length: -1\r\n",
    b"Transfer-Encoding: chunked\r\n", b"Transfer-Encoding: gzip\r\n", b"Expect: 100-continue\r\n",
    b"Connection: close\r\n", b"Connection: upgrade\r\nUpgrade: x\r\n", b"Content-Encoding: gzip\r\n", b"2\r\n{}\r\n",
    b"0\r\n\r\n", b"0\r\nTrailer: x\r\n\r\n", b"{}", b"ffffffffffffffff\r\n", b"1;x=y\r\n", b"\0", b"\xff", b" ", b": ",
]  # fmt: skip


@pytest.fixture(scope="module")
def port(tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    """Run one sidecar for all examples; it must still be there at the end, and end well."""
    folder = tmp_path_factory.mktemp("any")
    document = config("http://127.0.0.1:1")
    document["outbound"] = {"port": 0, "limits": {"head_seconds": 0.2, "body_seconds": 0.2, "idle_seconds": 0.2}}
    (folder / "sidecar.yaml").write_text(yaml.safe_dump(document))
    command = [sys.executable, "-X", "dev", "-W", "error", "-m", "proxy", "serve", "--config", str(folder / "sidecar.yaml")]
    with (
        Path(folder / "log").open("wb") as log,
        subprocess.Popen(command, stdout=subprocess.PIPE, stderr=log, env={"PATH": "/usr/bin", **SECRETS}) as process,
    ):
        assert process.stdout is not None
        found = 0
        for line in process.stdout:
            event = orjson.loads(line)
            if event.get("listener") == "outbound":
                found = event["port"]
            if event["event"] == "ready":
                break
        yield found
        assert process.poll() is None
        process.terminate()
        assert process.wait(10) == 0
    events = [orjson.loads(line)["event"] for line in (folder / "log").read_bytes().splitlines() if line.startswith(b"{")]
    assert set(events) <= {"refused", "upstream_unreachable", "unkeyed_hashes", "started", "stopping"}


def exchange(port: int, pieces: list[bytes]) -> bytes:
    """Send `pieces` one by one, end the sending side, and return all that comes back."""
    answer = b""
    with socket.create_connection(("127.0.0.1", port), timeout=10) as connection:
        try:
            for piece in pieces:
                connection.sendall(piece)
            connection.shutdown(socket.SHUT_WR)
            while data := connection.recv(65_536):
                answer += data
        except ConnectionError:
            pass  # it closed while we were still sending, which it may
    return answer


def statuses(answer: bytes) -> list[int]:
    """Return the status of each answer in `answer`, each checked to be whole and documented."""
    found = []
    while answer:
        head, end, rest = answer.partition(b"\r\n\r\n")
        assert end, answer
        status = int(re.fullmatch(rb"HTTP/1\.1 (\d{3}) [^\r\n]*", head.split(b"\r\n")[0])[1])  # type: ignore[index]  # else it fails
        assert status in DOCUMENTED
        found.append(status)
        length = re.search(rb"\r\nContent-Length: (\d+)", head)
        size = int(length[1]) if length else 0
        if status != 100:
            assert len(rest) >= size
            assert size == 0 or orjson.loads(rest[:size])["code"]
        answer = rest[size:]
    return found


@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(data=st.lists(st.sampled_from(PIECES) | st.binary(max_size=20), max_size=12))
@example(data=[HEAD + b"Content-Length: 2\r\n\r\n{}" * 2])
@example(data=[b"\r\n" * 100 + HEAD + b"Transfer-Encoding: chunked\r\n\r\n" + b"1\r\n{\r\n1\r\n}\r\n0\r\nX: y\r\n\r\n"])
def test_any_bytes_get_a_documented_answer(port: int, data: list[bytes]) -> None:
    """Each answer is whole, its status one of the table, its body our JSON; nothing else comes back, and the process lives."""
    statuses(exchange(port, [b"".join(data)]))
    assert statuses(exchange(port, [HEAD + b"Content-Length: 2\r\nConnection: close\r\n\r\n{}"])) == [502]


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(cuts=st.lists(st.integers(1, 400), max_size=8), chunked=st.booleans())
def test_any_split_of_the_stream_gives_the_same_answers(port: int, cuts: list[int], *, chunked: bool) -> None:
    """Three requests on one connection are answered the same, however the bytes arrive."""
    framing = b'Transfer-Encoding: chunked\r\n\r\n7\r\n{"a":1}\r\n0\r\n\r\n' if chunked else b'Content-Length: 7\r\n\r\n{"a":1}'
    stream = HEAD + framing + b"GET /nothing HTTP/1.1\r\nHost: x\r\n\r\n" + HEAD + framing
    bounds = sorted({0, len(stream), *(cut % len(stream) for cut in cuts)})
    pieces = [stream[start:end] for start, end in pairwise(bounds)]
    assert statuses(exchange(port, pieces)) == [502, 403, 502]
