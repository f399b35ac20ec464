"""What an upstream answers, byte by byte: the caller gets one well-formed answer, without the key, of no more bytes than came.

What is wrong with a case: no answer at all; one that is no HTTP; the injected key or the site id in it, in any spelling that a
reader of the answer would undo; a header that must stay behind; an error that is no JSON; more than what came and a page.
"""

import base64
import re
from collections.abc import Iterable
from random import Random  # noqa: TID251 - made from a seed
from urllib.parse import quote, unquote

import orjson

from tests.fuzz import pieces
from tests.fuzz.engine import Case, Finding
from tests.fuzz.forms import unescaped
from tests.fuzz.http import Answer, answers
from tests.fuzz.wired import CALLER_KEY, KEY, SITE, Wired, documented, run
from tests.unit.http1.fakes import FakeTransport

# What an answer of ours may add to what came.
PAGE_BYTES = 2048
STAYS_BEHIND = (b"set-cookie", b"location", b"server", b"content-encoding", b"www-authenticate", b"upgrade")
PAIR = f"{SITE}:{KEY}".encode()
REQUESTS = {
    "identify": b"PUT /api/v1/customers/5 HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer %b\r\nContent-Type: application/json\r\n"
    b"Content-Length: 2\r\n\r\n{}",
    "lenient": b'POST /v1/identify HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer %b\r\nContent-Type: application/json\r\n'
    b'Content-Length: 14\r\n\r\n{"userId":"5"}',
    "batch": b"POST /api/v2/batch HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer %b\r\nContent-Type: application/json\r\n"
    b"Content-Length: %d\r\n\r\n%b",
    "keyless": b"POST /api/v1/push/events HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer %b\r\nContent-Type: application/json\r\n"
    b"Content-Length: 2\r\n\r\n{}",
}  # fmt: skip
_LONG = b'{"batch":[{"type":"person"},{"type":"person","action":"identify","identifiers":{"id":"%b"}}]}' % (b"5" * 151)
REQUESTS["batch"] %= (CALLER_KEY.encode(), len(_LONG), _LONG)


def _spellings() -> list[bytes]:
    escaped = "".join(f"\\u{ord(each):04x}" for each in KEY)
    some = KEY.replace("/", "\\/").replace("+", "\\u002B").replace(">", "\\u003e")
    line = b"Authorization: Basic " + base64.b64encode(PAIR)
    shifted = [base64.b64encode(b"\0" * shift + PAIR) for shift in range(3)]
    return [
        KEY.encode(), SITE.encode(), PAIR, line, base64.b64encode(PAIR), base64.urlsafe_b64encode(PAIR), *shifted,
        base64.b64encode(line), KEY.encode().hex().encode(), KEY.encode().hex().upper().encode(), PAIR.hex().encode(),
        quote(KEY, safe="").encode(), escaped.encode(), some.encode(),
        "".join(f"%{ord(each):02x}" for each in KEY).encode(), base64.b64encode(KEY.encode()),
    ]  # fmt: skip


SECRETS = _spellings()
_WORDS = re.compile(r"[A-Za-z0-9+/_-]{24,4000}")
_HEXADECIMAL = "0123456789abcdefABCDEF"
STATUSES = (b"200 OK", b"201", b"204 No Content", b"207 Multi-Status", b"304 Not Modified", b"301 Moved", b"400 Bad", b"401 No",
            b"403 Forbidden", b"404 Not Found", b"422 X", b"429 Slow", b"500 Oops", b"503 Busy", b"599 X", b"100 Continue",
            b"101 Switch", b"999 Y", b"000", b"20 OK")  # fmt: skip
FIELDS = (
    b"Content-Type: application/json", b"Content-Type: text/html", b"Set-Cookie: a=b", b"Location: https://x/", b"Server: y",
    b"Content-Encoding: gzip", b"Content-Encoding: identity", b"Retry-After: 5", b"Retry-After: Thu, 01 Jan",
    b"Connection: close",
    b"Connection: X-Request-Id", b"Transfer-Encoding: chunked", b"Transfer-Encoding: gzip, chunked", b"Content-Length: 5",
    b"Content-Length: 99999999999999999999", b"X-CIO-Sidecar: refused", b"Upgrade: h2c", b"X-Request-Id: r\x00", b" folded",
    b"WWW-Authenticate: Basic", b"RateLimit: a", b"X-Request-Id: r1", b"Na me: x", b"Trailer: X",
)  # fmt: skip
TOKENS = (
    *SECRETS, *FIELDS, *STATUSES, b"\r\n", b"\r\n\r\n", b"\n", b"\0", b"{}", b'{"errors":[{"batch_index":0}]}', b"0\r\n\r\n",
    b"1\r\n{",
    b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}", b"HTTP/1.1 100 Continue\r\n\r\n", b"\\", b'"', b"%", b"x" * 3000,
)  # fmt: skip


class Replies(pieces.Pieced):
    """The target."""

    tokens = TOKENS
    name = "answer"

    def make(self, rng: Random) -> Case:
        """Draw a request, and an answer to it that may hold the key."""
        words = (b"{", b'"', b"}", b"text ", b"y", b'{"error":"', b'"}', rng.choice(SECRETS), rng.choice(SECRETS))
        body = b"".join(rng.choice(words) for _ in range(rng.choice((0, 1, 3, 6))))
        if rng.random() < 0.05:  # more than is held until its end
            body += b"x" * 70_000 + rng.choice(SECRETS)
        if rng.random() < 0.5:
            body = orjson.dumps({"meta": {"error": rng.choice((*SECRETS, b"no")).decode()}})
        if rng.random() < 0.3:
            body = b'{"e":"' + rng.choice(SECRETS) + b'"}'
        fields = [rng.choice(FIELDS) for _ in range(rng.choice((0, 0, 1, 3)))]
        if rng.random() < 0.2:
            fields.append(b"X-Request-Id: " + rng.choice(SECRETS))
        framing = rng.choice((b"Content-Length: %d" % len(body), b"Transfer-Encoding: chunked", None))
        if framing is not None:
            fields.append(framing)
            if framing.startswith(b"T"):
                body = _chunked(rng, body)
        rng.shuffle(fields)
        head = b"HTTP/1.1 " + rng.choice(STATUSES[:13] if rng.random() < 0.9 else STATUSES)
        return {
            "request": rng.choice(list(REQUESTS)),
            "pieces": pieces.cut(rng, b"\r\n".join([head, *fields, b"", b""]) + body),
        }

    def likeness(self, case: Case) -> object:
        """Cases that hold the key in the same spelling are alike."""
        whole = b"".join(pieces.data(case))
        return next((f"spelling {number}" for number, form in enumerate(SECRETS) if form in whole), "another spelling")

    def run(self, case: Case) -> object:
        """Bring the answer."""
        return run(_brought(case["request"], pieces.data(case)))


def _chunked(rng: Random, body: bytes) -> bytes:
    framed = b""
    while body:
        size = rng.randint(1, len(body)) if len(body) < 400 else len(body)
        framed += b"%x\r\n%b\r\n" % (size, body[:size])
        body = body[size:]
    return framed + b"0\r\n\r\n"


async def _brought(request: str, sent: list[bytes]) -> object:
    wired = Wired()
    asked = REQUESTS[request]

    def upstream(transport: FakeTransport) -> None:
        transport.taken()
        for piece in sent:
            if piece and transport.reading:
                transport.receive(piece)
        if transport.reading:
            transport.end()
        if not transport.lost:
            transport.lose()

    data = await wired.send([asked if request == "batch" else asked % CALLER_KEY.encode()], upstream)
    aborted = wired.transport.aborted or wired.transport.socket.resets
    data += await wired.end()
    found = answers(data, whole=not aborted)
    if not found and not aborted:
        raise Finding("a request has no answer")
    came = sum(map(len, sent))
    for answer in found:
        _judged(answer, came, aborted=aborted, keyed=request != "keyless")
        if answer.status == 401 and request != "keyless":
            raise Finding("a rejected key is told to the caller")
    if len(found) > 1:
        raise Finding("one request has two answers")
    return (request, [(answer.status, documented(answer.fields, answer.status)) for answer in found], aborted, came > 65_536)


def _judged(answer: Answer, came_bytes: int, *, aborted: bool, keyed: bool) -> None:
    lines = b"\n".join(name + b": " + value for name, value in answer.fields.items())
    if keyed and given_back(answer.body + b"\n" + lines):
        raise Finding("the answer holds the credential")
    if any(name in answer.fields for name in STAYS_BEHIND if not (name == b"www-authenticate" and answer.status == 401)):
        raise Finding("a header comes back that must stay behind")
    if answer.status >= 400 and not aborted:
        try:
            orjson.loads(answer.body)
        except orjson.JSONDecodeError:
            raise Finding("an error is no JSON") from None
    if len(answer.body) + len(lines) > came_bytes + PAGE_BYTES:
        raise Finding("an answer is larger than what came")


def given_back(data: bytes) -> bool:
    """Say whether a reader can take the credential from an answer: with escapes, percent, hexadecimal and base64 undone."""
    text = data.decode("latin-1")
    views = {text, unescaped(text), unquote(text), unquote(unescaped(text))}
    read = _read_all(views)
    # What was coded twice is the header line, in which the pair is coded already.
    line = _read_all({view for view in read if "Basic " in view})
    return any(secret in view for view in views | read for secret in (KEY, SITE)) or any(PAIR.decode() in view for view in line)


def _read_all(views: Iterable[str]) -> set[str]:
    words = [word for view in views for word in _WORDS.findall(view)]
    return {_read(word[shift:]) for word in words for shift in range(4)}


def _read(word: str) -> str:
    """Return what a word of hexadecimal or base64 stands for."""
    if not word.strip(_HEXADECIMAL):
        return bytes.fromhex(word[: len(word) // 2 * 2]).decode("latin-1")
    plain = word.replace("-", "+").replace("_", "/")
    return base64.b64decode(plain + "=" * (-len(plain) % 4) if len(plain) % 4 != 1 else plain[:-1]).decode("latin-1")
