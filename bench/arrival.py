"""What a proxy lets through, read off the upstream: a peer that does less than it is measured for is found out first."""

import re
import socket
from http import HTTPStatus
from http.client import HTTPResponse
from pathlib import Path

from bench import work
from bench.place import client_context

SHOWN_BYTES = 2000


def hashes(name: str, port: int, upstream: int, tls: Path | None) -> dict[bytes, bytes]:
    """Return the hashes, by field, that reach the upstream when a small call and one of 500 KB are sent to `port`.

    Raises:
        SystemExit: a call was not answered with success, something reached the upstream that must not leave, or something that
            has to did not.
    """
    found: dict[bytes, bytes] = {}
    for request, people in ((work.request(), 1), (work.large_request(), work.PEOPLE)):
        status, answer = _exchange(port, request, tls)
        if status != HTTPStatus.OK:
            raise SystemExit(f"{name} answers {status}:\n{answer.decode()}")
        _, call = _exchange(upstream, b"GET /last HTTP/1.1\r\n\r\n", None)
        found = worked(name, call, people)
    return found


def worked(name: str, call: bytes, people: int) -> dict[bytes, bytes]:
    """Return the hashes, by field, in a `call` about so many `people` as the upstream got it.

    Raises:
        SystemExit: the work was not done, or not for each of them.
    """
    hashes = re.findall(rb'"(\w+)_hash":"(k1\.[0-9a-f]{32})"', call)
    found = dict(hashes)
    complete = set(found) == work.HASHED and len(hashes) == len(work.HASHED) * people
    if not complete or work.INJECTED.encode() not in call or any(text in call for text in work.WITHHELD):
        raise SystemExit(f"{name} does not do the work; the upstream got:\n{call[:SHOWN_BYTES].decode()}")
    return found


def _exchange(port: int, request: bytes, tls: Path | None) -> tuple[int, bytes]:
    """Send one request on a connection of its own; return its answer's status and body."""
    with socket.create_connection(("127.0.0.1", port), timeout=5) as plain:
        context = client_context(tls)
        with context.wrap_socket(plain, server_hostname="127.0.0.1") if context else plain as connection:
            connection.sendall(request)
            with HTTPResponse(connection) as answer:
                answer.begin()
                return answer.status, answer.read()
