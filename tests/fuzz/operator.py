"""The operator's port on a real socket: whatever comes, what is answered is a page or an error of ours, and no secret.

What is wrong with a case: an answer that is no HTTP or no JSON; a page behind the token for somebody without it; the token or a
byte of the request in an answer; no answer; a port that answers nobody else afterwards.
"""

import asyncio
import contextlib
from random import Random  # noqa: TID251 - made from a seed

import orjson
from prometheus_client import CollectorRegistry

from proxy.admin.app import build
from proxy.admin.serve import serving
from proxy.api.web import Hosts
from proxy.metrics import Metrics
from proxy.policy.inventory import Inventory
from proxy.sensitive import Sensitive
from tests.fuzz import pieces
from tests.fuzz.engine import Case, Finding
from tests.fuzz.forms import seen
from tests.fuzz.http import Answer, answers
from tests.fuzz.wired import run
from tests.unit.admin.test_app import KEY

TOKEN = "t0ken-c4nary-0123456789"
CANARY = "0perator-c4nary-z"
SECONDS = 5
PATIENCE_SECONDS = 0.02
BEARER = b"Authorization: Bearer " + TOKEN.encode()
PATHS = (
    b"/healthz", b"/readyz", b"/metrics", b"/v1/keys", b"/v1/policy/inventory", b"/v1/erasures", b"/v1/audit/checkpoint",
    b"/v1/spool",
    b"//v1/keys", b"/v1/keys/", b"/v1/../v1/keys", b"/v1/%6beys", b"/" + CANARY.encode(), b"*", b"http://x/v1/keys",
    b"/v1/keys?a=" + CANARY.encode(),
    b"/v1/keys#x", b"/healthz/../v1/keys", b"/v1/keys%00", b"/V1/KEYS",
)  # fmt: skip
METHODS = (
    b"GET",
    b"GET",
    b"GET",
    b"HEAD",
    b"POST",
    b"DELETE",
    b"PUT",
    b"OPTIONS",
    b"TRACE",
    b"CONNECT",
    b"get",
    CANARY.encode(),
)
FIELDS = (
    BEARER, b"Authorization: bearer  " + TOKEN.encode(), b"Authorization: Bearer " + TOKEN[:-1].encode(),
    b"Authorization: Bearer",
    b"Authorization: Basic " + TOKEN.encode(), b"authorization: Bearer \xff", b"Host: x", b"Host: y", b"Content-Length: 2",
    b"Content-Length: x",
    b"Transfer-Encoding: chunked", b"Expect: 100-continue", b"Connection: Upgrade", b"Upgrade: websocket",
    b"Accept: application/openmetrics-text",
    b"X: " + CANARY.encode(), b"X: \0", b" folded", b"Cookie: " + TOKEN.encode(), b"Origin: https://evil.example",
    b"X" * 9000 + b": y",
)  # fmt: skip
BODIES = (
    b"",
    b"",
    b"{}",
    b"2\r\n{}\r\n0\r\n\r\n",
    CANARY.encode(),
    b'{"subjects":[{"id":"' + CANARY.encode() + b'"}]}',
    b"\xff" * 50,
)
TOKENS = (
    *PATHS,
    *METHODS,
    *FIELDS,
    *BODIES,
    b"\r\n",
    b"\r\n\r\n",
    b"\n",
    b"\0",
    b" ",
    b" HTTP/1.1",
    b" HTTP/1.0",
    b" HTTP/9",
    b"%",
)
GUARDED = (b'"keys"', b'"fields"', KEY.key_id.encode())


class Operator(pieces.Pieced):
    """The target."""

    tokens = TOKENS
    name = "admin"

    def make(self, rng: Random) -> Case:
        """Draw a request."""
        version = rng.choice((b"HTTP/1.1", b"HTTP/1.1", b"HTTP/1.0", b"HTTP/2.0"))
        fields = [b"Host: x", *(rng.choice(FIELDS) for _ in range(rng.choice((0, 1, 1, 2, 4))))]
        line = b" ".join((rng.choice(METHODS), rng.choice(PATHS), version))
        return {"pieces": pieces.cut(rng, b"\r\n".join([line, *fields, b"", b""]) + rng.choice(BODIES))}

    def run(self, case: Case) -> object:
        """Send it, and ask for health behind it."""
        return run(_asked(pieces.data(case)))


async def _asked(sent: list[bytes]) -> object:
    registry = CollectorRegistry()
    Metrics(registry, "1.2.3")
    inventory = Inventory(lambda: 0.0, lambda _: None, lambda: None)
    inventory.saw("track.v1.identify", {"plan": "x"}, b'{"plan":"x"}')
    page = build(registry, lambda: True, lambda: Sensitive(TOKEN), lambda: [KEY], lambda: inventory, hosts=Hosts())
    faults: list[str] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, told: faults.append(type(told.get("exception")).__name__))
    async with serving(page, "127.0.0.1", 0) as (host, port):
        data = await _exchange(host, port, sent)
        whole = b"".join(sent)
        try:
            found = answers(data)
        except Finding:  # but for HEAD, to which a page has no body
            if b"HEAD" not in whole.upper():
                raise
            found = answers(data, bodiless=True)
        for answer in found:
            _judged(answer, whole)
        (health,) = answers(await _exchange(host, port, [b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n"]))
        if health.status != 200:
            raise Finding("the port answers nobody else")
    if faults:
        raise Finding(f"a fault of ours: {faults[0]}")
    return [(answer.status, answer.fields.get(b"content-type"), len(answer.body) > 500) for answer in found]


async def _exchange(host: str, port: int, sent: list[bytes]) -> bytes:
    reader, writer = await asyncio.open_connection(host, port)
    data = b""
    try:
        async with asyncio.timeout(SECONDS):
            try:
                for piece in sent:
                    if writer.is_closing() or reader.at_eof():
                        break
                    writer.write(piece)
                    await asyncio.sleep(0)
                with contextlib.suppress(TimeoutError):
                    data = await asyncio.wait_for(reader.read(1), PATIENCE_SECONDS)
                if not data:  # it waits for more, which never comes
                    writer.write_eof()
                data += await reader.read()
            except ConnectionError:  # it ended with bytes of ours unread, and what it said may be lost
                data = b""
    except TimeoutError:
        raise Finding("a request has no end") from None
    finally:
        writer.close()
        with contextlib.suppress(ConnectionError):
            await writer.wait_closed()
    return data


def _judged(answer: Answer, whole: bytes) -> None:
    if seen([TOKEN, CANARY], answer.body, *answer.fields.values()):
        raise Finding("an answer holds the token or a byte of the request")
    if TOKEN.encode() not in whole and any(mark in answer.body for mark in GUARDED):
        raise Finding("a page behind the token is shown without it")
    kind = answer.fields.get(b"content-type", b"")
    if kind.startswith(b"application/json") and answer.body:
        try:
            orjson.loads(answer.body)
        except orjson.JSONDecodeError:
            raise Finding("an answer is no JSON") from None
    elif answer.body and not (b"text/plain" in kind or b"openmetrics" in kind):
        raise Finding("an answer is of a type that is none of ours")
