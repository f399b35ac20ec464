"""Request bytes, cut anywhere: each request is answered once and well-formed, and what leaves is one clean call of ours.

What is wrong with a case: an answer that is no HTTP, or that is not documented; a call that leaves with another head than ours,
or with anything of the caller's key, of a cookie, or of a header that does not pass; another outcome when the same bytes come
in other reads; something that stays held.
"""

import base64
import gzip
import re
from random import Random  # noqa: TID251 - made from a seed

import orjson

from tests.fuzz import pieces
from tests.fuzz.engine import Case, Finding
from tests.fuzz.forms import seen
from tests.fuzz.http import answers
from tests.fuzz.wired import CALLER_KEY, KEY, SITE, Wired, documented, run
from tests.unit.http1.fakes import FakeTransport

CANARY = "he4der-c4nary-z"
BASIC = base64.b64encode(f"x:{CALLER_KEY}".encode())
PASSED = re.compile(
    rb"(?:User-Agent|X-Strict-Mode|X-Retry-Count|X-Workspace-Id|X-Request-Id|traceparent|tracestate|Content-Type|Content-Length"
    rb"|Host|Accept|Accept-Encoding|Authorization): [^\r\n\0]*"
)
LINES = (
    b"PUT /api/v1/customers/5 HTTP/1.1", b"POST /api/v2/batch HTTP/1.1", b"GET /v1/segments HTTP/1.1",
    b"POST /v1/track HTTP/1.1",
    b"DELETE /api/v1/customers/a%40b.c HTTP/1.0", b"POST //v1/send/email?x=1 HTTP/1.1", b"PUT /api/v1/customers/.. HTTP/1.1",
    b"OPTIONS * HTTP/1.1", b"CONNECT a:1 HTTP/1.1", b"GET http://track.customer.io/api/v1/accounts/region HTTP/1.1",
    b"POST /api/v1/other?ssn=c4nary&a=b HTTP/1.1", b"HEAD /v1/segments HTTP/1.1", b"PRI * HTTP/2.0",
)  # fmt: skip
FIELDS = (
    b"Host: x", b"Host: localhost:8080", b"Host: ", b"Authorization: Basic " + BASIC,
    b"Authorization: Bearer " + CALLER_KEY.encode(),
    b"Content-Type: application/json", b"Content-Type: application/json; charset=utf-16", b"Content-Length: 2",
    b"Content-Length: 0", b"Content-Length: 2, 2", b"Content-Length: +2", b"Content-Length : 2", b"Transfer-Encoding: chunked",
    b"Transfer-Encoding: chunked, chunked", b"Transfer-Encoding: identity", b"Transfer-Encoding: \x0bchunked", b"TE: trailers",
    b"Content-Encoding: gzip", b"Connection: close", b"Connection: keep-alive, Authorization, Host", b"Upgrade: h2c",
    b"Connection: Upgrade, HTTP2-Settings", b"Expect: 100-continue", b"Expect: other", b"Cookie: a=" + CANARY.encode(),
    b"X-Forwarded-For: " + CANARY.encode(), b"X-CIO-Sidecar: " + CANARY.encode(), b"Proxy-Authorization: " + CANARY.encode(),
    b"X-Strict-Mode: 1", b"X-Request-Id: r-1", b"X-Request-Id: a\tb", b"X-Workspace-Id: 5", b"traceparent: 00-" + b"1" * 32,
    b" folded", b"\tfolded: x", b": empty", b"A", b"A:", b"Na me: x", b"Trailer: Host", b"User-Agent: sdk/1.0", b"\x00: x",
    b"X: \xff",
)  # fmt: skip
BODIES = (
    b"", b"{}", b'{"ssn":"c4nary"}', b'{"a":1}', b"[1", b"null", b"2\r\n{}\r\n0\r\n\r\n",
    b"1\r\n{\r\n1\r\n}\r\n0\r\nHost: y\r\n\r\n",
    b"2;x=y\r\n{}\r\n0\r\n\r\n", b"02\r\n{}\r\n00\r\n\r\n", b"2\n{}\n0\n\n", b"-2\r\n{}\r\n0\r\n\r\n",
    b"fffffffffffffffff\r\n{}",
    b"2 \r\n{}\r\n0\r\n\r\n", b"2\r\n{}0\r\n\r\n", gzip.compress(b"{}", mtime=0), b'{"batch":[]}',
)  # fmt: skip
TOKENS = (
    *LINES, *FIELDS, *BODIES, b"\r\n", b"\r\n\r\n", b"\n", b"\r", b"\0", b" ", b"%00", b"%2f", b"..", b"?", b"#", b"HTTP/1.1",
    b"0",
    b"\r\nGET / HTTP/1.1\r\nHost: x\r\n\r\n", b"\x16\x03\x01",
)  # fmt: skip
CODED = "\r\nContent-Length: %d"


class Heads(pieces.Pieced):
    """The target."""

    tokens = TOKENS
    name = "head"

    def make(self, rng: Random) -> Case:
        """Draw one to four requests on one connection."""
        return {"pieces": pieces.cut(rng, b"".join(_request(rng) for _ in range(rng.choice((1, 1, 2, 3, 4)))))}

    def run(self, case: Case) -> object:
        """Send it as it is cut, and in one read."""
        sent = pieces.data(case)
        told, left = run(_through(sent))
        if len(sent) > 1:
            again, left_again = run(_through([b"".join(sent)]))
            if (again, left_again) != (told, left):
                raise Finding("the same bytes in other reads have another outcome")
        return (tuple(told), tuple(call.split(b"\r\n", 1)[0] for call in left))


def _request(rng: Random) -> bytes:
    line, body = rng.choice(LINES[:4] if rng.random() < 0.7 else LINES), rng.choice(BODIES)
    fields = [b"Host: x", FIELDS[3 + rng.randrange(2)], b"Content-Type: application/json"]
    if rng.random() < 0.3:
        fields.pop(rng.randrange(len(fields)))
    fields.append(b"Transfer-Encoding: chunked" if body[:1].isdigit() else b"Content-Length: %d" % len(body))
    if body[:1] == b"\x1f":
        fields.append(b"Content-Encoding: gzip")
    fields += [rng.choice(FIELDS) for _ in range(rng.choice((0, 0, 1, 2, 5)))]
    rng.shuffle(fields)
    return b"\r\n".join([line, *fields, b"", b""]) + body


async def _through(sent: list[bytes]) -> tuple[list[tuple[int, str]], list[bytes]]:
    """Send; return statuses and what the answers say of themselves, and the calls that left."""
    wired = Wired()
    calls: list[bytes] = []

    def upstream(transport: FakeTransport) -> None:
        calls.append(transport.taken())
        transport.receive(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{}")

    data = await wired.send(sent, upstream)
    data += await wired.end()
    # The only answer to HEAD is a refusal without its body, after which the connection ends.
    found = answers(data, whole=not any(b"HEAD " in each for each in sent) and b"HEAD" not in b"".join(sent))
    told = [(answer.status, documented(answer.fields, answer.status)) for answer in found]
    if seen([CALLER_KEY, KEY, SITE, CANARY, "c4nary"], data):
        raise Finding("an answer holds a byte of the request or a key")
    for answer in found:
        if answer.body and answer.fields.get(b"content-type") == b"application/json":
            orjson.loads(answer.body)
    for call in calls:
        clean(call)
    if len(calls) != sum(says == "forwarded" for _, says in told):
        raise Finding("there are other answers than calls that left")
    return told, calls


def clean(call: bytes) -> None:
    """Look at a call that left.

    Raises:
        Finding: it is not one clean request with our credential.
    """
    head, _, body = call.partition(b"\r\n\r\n")
    line, *fields = head.split(b"\r\n")
    names = [field.partition(b":")[0].lower() for field in fields]
    if len(line.split(b" ")) != 3 or not all(map(PASSED.fullmatch, fields)) or len(set(names)) != len(names):
        raise Finding("what leaves has another head than ours")
    length = next((int(field[16:]) for field in fields if field.startswith(b"Content-Length: ")), 0)
    if names.count(b"host") != 1 or not any(b".example" in field for field in fields) or length != len(body):
        raise Finding("what leaves is framed or addressed otherwise than by us")
    if seen([CALLER_KEY, CANARY], call) or BASIC in call or b"ssn=c4nary" in head or b'"ssn":"c4nary"' in body:
        raise Finding("what leaves holds what the caller alone may know")
