"""What one raw request is, and what must come of it: the columns of the request corpus.

A case says what is sent, byte by byte, what comes back, and whether the connection then takes another request. What it says of
the request itself is only this: each `Forwarded` reaches Customer.io once, exactly so, and nothing else does.
"""

from dataclasses import dataclass
from enum import StrEnum

from proxy.errors import Reason
from tests.conformance.caller import CONTINUE
from tests.conformance.corpus import refusal

TARGET = b"/api/v1/customers/5"
REGION = b"/api/v1/accounts/region"
HOST = b"Host: x"
JSON = b"Content-Type: application/json"
BODY = b'{"a":1}'
LENGTH = b"Content-Length: 7"
CHUNKED = b"Transfer-Encoding: chunked"
CHUNKS = b'7\r\n{"a":1}\r\n0\r\n\r\n'
# What an attacker would have Customer.io take for a request of its own.
CANARY = b"canary-71d0"
SMUGGLED = b"DELETE /api/v1/customers/" + CANARY + b" HTTP/1.1\r\nHost: x\r\n\r\n"

MALFORMED = Reason.MALFORMED_REQUEST
SHOWN_ANSWERS = 5


class Then(StrEnum):
    """What becomes of the connection once everything is answered."""

    STAYS = "stays"  # a request behind it is answered
    CLOSES = "closes"  # nothing behind it is read
    HALF_CLOSED = "half-closed"  # the caller sends no more, the sidecar answers and closes
    SILENT = "silent"  # the caller stops in the middle, a deadline ends it


@dataclass(frozen=True)
class Forwarded:
    """What reaches Customer.io: its request line, the header lines that are kept of the caller's, its body."""

    method: bytes = b"PUT"
    target: bytes = TARGET
    body: bytes = BODY
    lines: bytes = b""

    def arrives(self, host: bytes, authorization: bytes) -> bytes:
        """Return it byte by byte. The framing is ours, and the credential the real one."""
        if self.body:
            framing = b"Content-Type: application/json\r\nContent-Length: %d\r\n" % len(self.body)
        else:
            framing = b"Content-Length: 0\r\n" if self.method in {b"POST", b"PUT"} else b""
        return (
            b"%b %b HTTP/1.1\r\nHost: %b\r\nAccept: */*\r\nAccept-Encoding: identity\r\n%b%bAuthorization: Basic %b\r\n\r\n%b"
            % (self.method, self.target, host, self.lines, framing, authorization, self.body)
        )


Answer = Forwarded | Reason | int  # an integer: an interim answer of this status


@dataclass(frozen=True)
class Case:
    """One case. Before each piece of `sent` but the first, an answer is waited for."""

    name: str
    sent: tuple[bytes, ...]
    answers: tuple[Answer, ...]
    then: Then
    rule: str = ""
    head_only: bool = False  # a refusal of HEAD has no body

    @property
    def forwarded(self) -> list[Forwarded]:
        """What reaches Customer.io."""
        return [answer for answer in self.answers if isinstance(answer, Forwarded)]

    @property
    def outcome(self) -> str:
        """What comes of it, in words."""
        words: list[str] = []
        for answer in self.answers:
            word = "100 Continue" if answer == CONTINUE else "forwarded"
            if isinstance(answer, Reason):
                word = refusal(answer)
            if not words or words[-1] != word:
                words.append(word)
        if not self.answers:
            return "closed without an answer"
        if len(words) > SHOWN_ANSWERS:
            words[2:] = ["and so on"]
        if self.then is not Then.STAYS:
            words.append("closed")
        return ", ".join(words)


def passed(
    name: str, sent: bytes, *answers: Answer, then: Then = Then.STAYS, rule: str = "", body: bytes = BODY, lines: bytes = b""
) -> Case:
    """Return a case that is forwarded: as `answers`, else as the usual call with `body` and header `lines`."""
    return Case(name, (sent,), answers or (Forwarded(body=body, lines=lines),), then, rule)


def refused(name: str, sent: bytes, reason: Reason = MALFORMED, then: Then = Then.CLOSES, rule: str = "") -> Case:
    """Return a case of which nothing leaves."""
    return Case(name, (sent,), (reason,), then, rule)


def request(line: bytes, *fields: bytes, body: bytes = b"") -> bytes:
    """Return a request of these lines."""
    return b"".join(part + b"\r\n" for part in (line, *fields, b"")) + body


def put(*fields: bytes, body: bytes = BODY, target: bytes = TARGET, host: bytes = HOST) -> bytes:
    """Return the usual call, without framing but for what is in `fields`."""
    return request(b"PUT %b HTTP/1.1" % target, host, JSON, *fields, body=body)


def good(*fields: bytes, target: bytes = TARGET) -> bytes:
    """Return the usual call, well-formed."""
    return put(LENGTH, *fields, target=target)


def chunked(body: bytes) -> bytes:
    """Return the usual call with a chunked body of these bytes."""
    return put(CHUNKED, body=body)


def get(*fields: bytes, target: bytes = REGION) -> bytes:
    """Return a read."""
    return request(b"GET %b HTTP/1.1" % target, HOST, *fields)


READ = Forwarded(b"GET", REGION, b"")
EMPTY = Forwarded(body=b"")
