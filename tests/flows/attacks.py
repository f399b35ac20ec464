"""What an attacker from outside would send, as raw bytes to a real process: `python -m tests.flows.attacks [WORD…]`.

Each attack says which bytes it sends and what must not be seen of it. Asked for by words of their names, or all, they are run
against one `serve` process under a policy with all its parts; what leaked, hung or held others is printed. `test_attacks.py`
runs the same list.
"""

import asyncio
import contextlib
import gzip
import json
import re
import sys
import tempfile
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from itertools import cycle
from pathlib import Path
from typing import Any

from bench.hostile import FAMILIES, FRAMES
from tests.fuzz import replies, wired
from tests.fuzz.disguises import BROKEN, CARRIERS, NAMES, WRAPS
from tests.fuzz.forms import seen
from tests.running import SECRETS, Sidecar, config, running

CANARY = "0utside-c4nary-z"
PERSON = "c4nary.person@example.com"
BYSTANDER = "bystander"
TOKEN = "t0ken-c4nary-0123456789"
SECONDS = 8.0
# The longest that somebody else may wait, on a machine that does other things too; promise G11 says 0.1.
WAIT_SECONDS = 0.5
HELD_BYTES = 262_144
POLICY = {
    "version": 1,
    "hash": {"algorithm": "hmac-sha256", "key": "env:TEST_PEPPER", "key_id": "k1"},
    "identifiers": {"id": "hmac", "email": "hmac", "phone": "hmac", "anonymous_id": "hmac"},
    "allow": {"track.v1.form.submit": ["plan"]},
    "rules": [
        {"name": "never", "fields": ["ssn"], "action": "strip"},
        {"name": "contact", "fields": ["mobile"], "action": "hash"},
        {"name": "masked", "fields": ["note"], "action": "mask"},
        {"name": "stop", "fields": ["religion"], "action": "deny"},
        {"name": "found", "detect": ["payment_card", "us_ssn"], "action": "mask"},
    ],
}
ENVIRONMENT = {
    **SECRETS, "TEST_SITE_ID": wired.SITE, "TEST_API_KEY": wired.KEY, "TEST_PEPPER": "p" * 40, "TEST_TOKEN": TOKEN,
}  # fmt: skip


@dataclass(frozen=True)
class Attack:
    """What is sent, in pieces, and what must not be seen: in what leaves, and in what comes back."""

    name: str
    pieces: Sequence[bytes]
    secrets: tuple[str, ...] = (CANARY,)
    forwarded: bool | None = None
    """Whether it must be forwarded, or must not; None: either."""
    listener: str = "outbound"


def call(body: object, method: str = "POST", target: str = "/api/v1/customers/5/events", *fields: str) -> bytes:
    """Return a request with a body, given as bytes or as a value."""
    data = body if isinstance(body, bytes) else json.dumps(body, ensure_ascii=False).encode("utf-8", "surrogatepass")
    lines = [
        f"{method} {target} HTTP/1.1", "Host: localhost", "Authorization: Basic eDp5", "Content-Type: application/json",
        f"Content-Length: {len(data)}", "Connection: close", *fields,
    ]  # fmt: skip
    return "\r\n".join([*lines, "", ""]).encode() + data


PLACES: tuple[tuple[str, str, Callable[[object], object]], ...] = (
    ("PUT", "/api/v1/customers/5", lambda value: {"profile": value}),
    ("POST", "/api/v1/customers/5/events", lambda value: {"name": "x", "data": {"extra": value}}),
    ("POST", "/api/v2/batch", lambda value: {"batch": [
        {"type": "person", "action": "identify", "identifiers": {"id": "5"}, "attributes": {"extra": value}}]}),
    ("POST", "/v1/track", lambda value: {"userId": "5", "event": "x", "properties": {"extra": value}}),
)  # fmt: skip


def disguised() -> Iterator[Attack]:
    """Yield a field under a rule in every disguise, at changing places, under every action."""
    fields, places = cycle(("ssn", "mobile", "note", "religion")), cycle(PLACES)

    def at(name: str, value: object) -> Attack:
        method, target, around = next(places)
        return Attack(name, [call(around(value), method, target)])

    for wrap, wrapped in {**WRAPS, **BROKEN}.items():
        yield at(f"field in {wrap}", wrapped({next(fields): CANARY}))
    for carrier, carried in CARRIERS.items():
        yield at(f"field as {carrier}", carried("ssn", f"536;{CANARY}"))
    for spelling, name in NAMES.items():
        yield at(f"field called {spelling}", {name: CANARY})
    packed = gzip.compress(b'{"ssn":"%b"}' % CANARY.encode())
    yield Attack("field in gzip", [call(packed, "PUT", "/api/v1/customers/5", "Content-Encoding: gzip")])
    for coding in ("br", "zstd", "gzip, gzip", "x-gzip", "identity, gzip"):
        yield Attack(f"body coded as {coding}", [
            call({"ssn": CANARY}, "PUT", "/api/v1/customers/5", f"Content-Encoding: {coding}")])  # fmt: skip
    for kind in ("text/plain", "application/x-www-form-urlencoded", "application/json; charset=utf-16", "multipart/form-data"):
        data = call({"ssn": CANARY}, "PUT", "/api/v1/customers/5").replace(b"application/json", kind.encode())
        yield Attack(f"body of type {kind}", [data])
    yield Attack("body in UTF-16", [call(json.dumps({"ssn": CANARY}).encode("utf-16"))])
    yield Attack("body behind a BOM", [call(b'\xef\xbb\xbf{"ssn":"%b"}' % CANARY.encode())])
    yield Attack("two values in a body", [call(b'{} {"ssn":"%b"}' % CANARY.encode())])
    yield Attack("a key twice in a body", [call(b'{"ssn":"%b","ssn":1}' % CANARY.encode())])


def minimised() -> Iterator[Attack]:
    """Yield what nobody named, where only `plan` may leave."""
    shapes: dict[str, Any] = {
        "text at a container": {"data": CANARY}, "array at a container": {"data": [CANARY]}, "a string": CANARY,
        "an array": [CANARY], "object at a container": {"data": {"x": CANARY}}, "traits": {"traits": CANARY},
        "below an identifier": {"data": {"email": {"x": CANARY}}}, "batch": {"batch": [CANARY]}, "context": {"context": CANARY},
        "a key": {CANARY: 1}, "in what is named": {"plan ": {"x": 1}, "Data": CANARY},
    }  # fmt: skip
    for name, body in shapes.items():
        yield Attack(f"allow: {name}", [call(body, "POST", "/api/v1/forms/f1/submit")])


def named() -> Iterator[Attack]:
    """Yield a person who is replaced, named where and as nobody should be."""
    person, path = (PERSON,), f"/api/v1/customers/{PERSON.replace('@', '%40')}"
    bodies: dict[str, tuple[str, str, object]] = {
        "list": ("PUT", "/api/v1/customers/5", {"email": [PERSON]}),
        "object": ("PUT", "/api/v1/customers/5", {"email": {"x": PERSON}}),
        "userId as list": ("POST", "/v1/track", {"userId": [PERSON], "event": "x"}),
        "identifiers as text": ("POST", "/api/v2/entity", {
            "type": "person", "action": "identify", "identifiers": json.dumps({"email": PERSON})}),
        "ids as text": ("POST", "/api/v1/segments/1/add_customers?id_type=email", {"ids": PERSON}),
        "ids in lists": ("POST", "/api/v1/segments/1/add_customers?id_type=email", {"ids": [[PERSON]]}),
        "beside itself": ("PUT", path, {"contact": PERSON}), "beside itself, in capitals": ("PUT", path, {"x": PERSON.upper()}),
        "suppress": ("POST", f"{path}/suppress", {"email": PERSON}), "delete": ("DELETE", path, {"email": PERSON}),
        "device": ("PUT", f"{path}/devices", {"device": {"id": "t", "platform": "ios"}, "id": PERSON}),
        "traits.email": ("POST", "/v1/group", {"userId": PERSON, "groupId": "g", "traits": {"email": PERSON}}),
        "context": ("POST", "/v1/track", {"userId": PERSON, "event": "x", "context": {"traits": {"email": PERSON}}}),
        "alias": ("POST", "/v1/alias", {"userId": "5", "previousId": PERSON, "traits": {"email": PERSON}}),
        "per_user_data as object": ("POST", "/v1/campaigns/7/triggers", {"per_user_data": {"email": PERSON}}),
    }  # fmt: skip
    for name, (method, target, body) in bodies.items():
        yield Attack(f"person: {name}", [call(body, method, target)], person)
    key = {"writeKey": CANARY}
    yield Attack("writeKey in a body", [call({"userId": "5", **key, "context": key}, "POST", "/v1/identify")])
    yield Attack("writeKey in a batch", [call({"batch": [{"type": "track", **key}]}, "POST", "/v1/batch")])
    cards = {"a": "4111\t1111\t1111\t1111 4111\u00b71111\u00b71111\u00b71111"}
    yield Attack("card with separators", [call({"name": "x", "data": cards})], ("4111111111111111",))


def framed() -> Iterator[Attack]:
    """Yield requests that are read in two ways, or never end."""
    start = b"PUT /api/v1/customers/5 HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
    inner = b"PUT /api/v1/customers/" + CANARY.encode() + b" HTTP/1.1\r\nHost: localhost\r\nContent-Length: 0\r\n\r\n"
    for name, rest in {
        "length and chunked": b"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        "two lengths": b"Content-Length: 2\r\nContent-Length: 3\r\n\r\n{} ", "length list": b"Content-Length: 2, 2\r\n\r\n{}",
        "signed length": b"Content-Length: +2\r\n\r\n{}", "space before colon": b"Content-Length : 2\r\n\r\n{}",
        "chunked twice": b"Transfer-Encoding: chunked, chunked\r\n\r\n0\r\n\r\n",
        "coding unknown": b"Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n",
        "bare line feeds": b"Transfer-Encoding: chunked\n\n0\n\n",
        "folded": b"X: a\r\n Content-Length: 2\r\n\r\n{}", "NUL": b"X: \0\r\nContent-Length: 0\r\n\r\n",
        "two hosts": b"Host: a\r\nContent-Length: 0\r\n\r\n",
        "chunk size signed": b"Transfer-Encoding: chunked\r\n\r\n-1\r\n\r\n",
        "chunk size huge": b"Transfer-Encoding: chunked\r\n\r\nfffffffffffffffff\r\n",
        "no end of chunk": b"Transfer-Encoding: chunked\r\n\r\n2\r\n{}x\r\n0\r\n\r\n",
    }.items():  # fmt: skip
        yield Attack(f"framing: {name}", [start + rest + inner], forwarded=False)
    for name, line in {
        "absolute form": "PUT http://evil.example/api/v1/customers/5 HTTP/1.1", "dots": "PUT /api/v1/customers/../x HTTP/1.1",
        "encoded dots": "PUT /api/v1/customers/%2e%2e HTTP/1.1", "NUL in a target": "PUT /api/v1/customers/%00 HTTP/1.1",
        "CONNECT": "CONNECT evil.example:443 HTTP/1.1", "TRACE": "TRACE /api/v1/customers/5 HTTP/1.1",
        "HTTP/2": "PRI * HTTP/2.0", "unknown": "POST /api/v1/not_there HTTP/1.1", "backslash": "PUT /api\\v1 HTTP/1.1",
    }.items():  # fmt: skip
        yield Attack(f"line: {name}", [f"{line}\r\nHost: localhost\r\nConnection: close\r\n\r\n".encode()], forwarded=False)
    yield Attack("a handshake of TLS", [b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + b"a" * 500], forwarded=False)
    yield Attack("a head without an end", [start, *[b"X: y\r\n"] * 300], forwarded=False)
    yield Attack("a body without an end", [start + b"Content-Length: 100\r\n\r\n", b"{", b'"'], forwarded=False)
    yield Attack(
        "chunks without an end", [start + b"Transfer-Encoding: chunked\r\n\r\n", *[b"1\r\n \r\n"] * 2000], forwarded=False
    )
    yield Attack(
        "an extension without an end", [start + b"Transfer-Encoding: chunked\r\n\r\n1", b";" + b"x" * 200_000], forwarded=False
    )
    bomb = gzip.compress(b" " * 80_000_000)
    yield Attack("a bomb", [call(bomb, "PUT", "/api/v1/customers/5", "Content-Encoding: gzip")], forwarded=False)


def at_the_door() -> Iterator[Attack]:
    """Yield what a web page can make a browser send, and what only an operator may ask for."""
    for name, fields in {
        "another site": ("Origin: https://evil.example",), "no cors": ("Sec-Fetch-Site: cross-site",),
        "null": ("Origin: null",),
    }.items():  # fmt: skip
        yield Attack(f"browser: {name}", [call(b"", "POST", "/api/v1/customers/5/suppress", *fields)], forwarded=False)
    rebound = call({}, "PUT", "/api/v1/customers/5").replace(b"Host: localhost", b"Host: rebound.evil.example")
    yield Attack("browser: a rebound name", [rebound], forwarded=False)
    for name in ("User-Agent", "X-Request-Id", "X-Workspace-Id", "tracestate", "Cookie", "X-Forwarded-For"):
        value = f"a={CANARY}" if name == "tracestate" else CANARY
        held = () if name in ("User-Agent", "X-Request-Id", "tracestate") else (CANARY,)
        yield Attack(f"header: {name}", [call({}, "PUT", "/api/v1/customers/5", f"{name}: {value}")], held)
        card = f"{name}: {'a=' if name == 'tracestate' else ''}4111111111111111"
        yield Attack(f"card in {name}", [call({}, "PUT", "/api/v1/customers/5", card)], ("4111111111111111",))
    for target in ("/v1/keys", "//v1/keys", "/v1/policy/inventory", "/metrics/../v1/keys"):
        line = f"GET {target} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {TOKEN[:-1]}\r\n\r\n"
        yield Attack(f"admin: {target}", [line.encode()], ('"key_id"', "staleness_seconds"), listener="admin")


def echoed() -> Iterator[Attack]:
    """Yield calls whose answer gives back the credential (`_Upstream` reads it out of the target)."""
    for number in range(len(replies.SECRETS)):
        for kind in ("text", "error"):
            target = f"/api/v1/customers/echo-{kind}-{number}"
            yield Attack(f"answer: the key, spelling {number}, {kind}", [call({}, "DELETE", target)], (wired.KEY, wired.SITE))


def heavy() -> Iterator[Attack]:
    """Yield the dearest bodies that are known."""
    for name, recipe in FAMILIES.items():
        frame = FRAMES[recipe.frame]
        yield Attack(f"heavy: {name}", [call(recipe.body(HELD_BYTES), frame.method, frame.target)], ())


ATTACKS = (*disguised(), *minimised(), *named(), *framed(), *at_the_door(), *echoed())
HEAVY = tuple(heavy())


@dataclass
class Upstream:
    """Customer.io as an attacker would like it: keeps all bytes, and gives the credential back where asked to."""

    port: int = 0
    seen: list[bytes] = field(default_factory=list)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Answer each request on a connection."""
        with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError):
            while True:
                request = await reader.readuntil(b"\r\n\r\n")
                length = re.search(rb"(?i)\r\ncontent-length: (\d+)", request)
                body = await reader.readexactly(int(length[1])) if length else b""
                self.seen.append(request + body)
                echo = re.search(rb"echo-(text|error)-(\d+)", request)
                told = b'{"meta":{"error":"%b"}}' % replies.SECRETS[int(echo[2])] if echo else b"{}"
                status = b"404 Not Found" if echo and echo[1] == b"error" else b"200 OK"
                head = b"HTTP/1.1 %b\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n" % (status, len(told))
                writer.write(head + told)
        writer.close()


@dataclass
class Scene:
    """A sidecar under attack, and the upstream behind it."""

    sidecar: Sidecar
    upstream: Upstream

    async def faults(self, attack: Attack) -> list[str]:
        """Run an attack; return what is wrong."""
        self.upstream.seen.clear()
        quiet = asyncio.get_running_loop().create_task(self._longest_wait())
        try:
            answer = await exchange(self.sidecar.ports[attack.listener], attack.pieces)
        except TimeoutError:
            return ["hangs"]
        finally:
            quiet.cancel()
            waited = await quiet
        left = [request for request in self.upstream.seen if BYSTANDER.encode() not in request]
        found = [f"holds others for {waited:.1f} s"] if waited > WAIT_SECONDS else []
        ours = wired.KEY in attack.secrets  # which every call that leaves carries
        if attack.secrets and not ours and any(seen(attack.secrets, request) for request in left):
            found.append("leaves")
        if replies.given_back(answer) if ours else attack.secrets and seen(attack.secrets, answer):
            found.append("comes back")
        if attack.secrets and seen(attack.secrets, bytes(self.sidecar.log)):
            found.append("is logged")
        if attack.forwarded is not None and attack.forwarded is not bool(left):
            found.append("is forwarded" if left else "is not forwarded")
        return found

    async def _longest_wait(self) -> float:
        """Send ordinary calls until cancelled; return how long the longest took, in seconds."""
        loop, longest = asyncio.get_running_loop(), 0.0
        request = call({"plan": "pro"}, "PUT", "/api/v1/customers/7", f"User-Agent: {BYSTANDER}")
        begin = loop.time()
        try:
            while True:
                begin = loop.time()
                await exchange(self.sidecar.ports["outbound"], [request])
                longest = max(longest, loop.time() - begin)
                await asyncio.sleep(0.02)
        except asyncio.CancelledError:
            return max(longest, loop.time() - begin)


async def exchange(port: int, pieces: Sequence[bytes]) -> bytes:
    """Send `pieces` and return all that comes until the other side closes.

    Raises:
        TimeoutError: it does not.
    """
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    answer = b""
    try:
        async with asyncio.timeout(SECONDS):
            with contextlib.suppress(ConnectionError):
                for piece in pieces:
                    writer.write(piece)
                    await writer.drain()
            with contextlib.suppress(ConnectionError):
                while data := await reader.read(65_536):
                    answer += data
    finally:
        writer.close()
    return answer


@asynccontextmanager
async def staged(folder: Path) -> AsyncIterator[Scene]:
    """Run a sidecar with short deadlines, under the policy of this page, before an upstream of its own."""
    upstream = Upstream()
    server = await asyncio.start_server(upstream.serve, "127.0.0.1", 0)
    upstream.port = server.sockets[0].getsockname()[1]
    document = config(f"http://127.0.0.1:{upstream.port}", policy=POLICY)
    document["outbound"] = {"port": 0, "limits": {"head_seconds": 1, "body_seconds": 1, "idle_seconds": 1}}
    document["admin"] = {"port": 0, "token": "env:TEST_TOKEN"}
    document["limits"] = {"buckets": {
        name: {"rate_per_second": 100_000.0, "burst": 1000} for name in ("track", "app", "send", "broadcast",
        "pipelines")}}  # fmt: skip
    async with server, running(folder, document, ENVIRONMENT) as sidecar:
        yield Scene(sidecar, upstream)


async def attacked(words: Sequence[str]) -> int:
    """Run the attacks whose names hold one of `words`, or all; return how many found something."""
    chosen = [each for each in (*ATTACKS, *HEAVY) if not words or any(word in each.name for word in words)]
    wrong = 0
    with tempfile.TemporaryDirectory() as folder:
        async with staged(Path(folder)) as scene:
            for attack in chosen:
                found = await scene.faults(attack)
                wrong += bool(found)
                if found:
                    print(f"{attack.name}: {', '.join(found)}", flush=True)
    print(f"{wrong} of {len(chosen)} attacks found something")
    return wrong


if __name__ == "__main__":
    sys.exit(1 if asyncio.run(attacked(sys.argv[1:])) else 0)
