"""Answers that are odd, broken or hostile: what the application is told, and whether the connection to Customer.io is used on.

One application must never see another's answer. So a connection is used again only if its answer ended beyond doubt, exactly
where the bytes did; and an answer that did not end is never passed off as a whole one.
"""

from dataclasses import dataclass

from proxy.delivery.answer import NOT_JSON_CODE
from proxy.errors import Reason
from tests.conformance.cases import good
from tests.conformance.corpus import group, refusal, shown
from tests.conformance.origin import End, Script, Step, ok

OK = ok(b"{}")
# What another application would be told, if it were taken for its answer.
INTRUDER = ok(b'"intruder"')
# More than is held back until it is whole.
LARGE = b'"' + b"a" * 200_000 + b'"'
HEAD_BYTES = 65_536
MAX_INTERIM = 8

INVALID = Reason.UPSTREAM_INVALID
UNREACHABLE = Reason.UPSTREAM_UNREACHABLE
_TYPE = b"Content-Type: application/json"


@dataclass(frozen=True)
class Passed:
    """What the application is told: status, body, and Customer.io's header fields that are left."""

    status: int = 200
    body: bytes = b"{}"
    fields: tuple[tuple[str, str], ...] = (("Content-Type", "application/json"),)


@dataclass(frozen=True)
class Wrapped:
    """The application is told `status`, and JSON of ours in place of a body it could not read."""

    status: int


@dataclass(frozen=True)
class BrokenOff:
    """The application is given the beginning, and then a connection that ends before the answer does."""


Outcome = Passed | Wrapped | BrokenOff | Reason


@dataclass(frozen=True)
class Case:
    """One answer. `again` answers a repeat, `used`: the connection has brought an answer before; `whole`: packets matter."""

    name: str
    script: Script
    told: Outcome
    reused: bool
    rule: str = ""
    sent: bytes = good()
    used: bool = False
    again: Script | None = None
    whole: bool = False

    @property
    def outcome(self) -> str:
        """What comes of it, in words."""
        if isinstance(self.told, Reason):
            told = refusal(self.told)
        elif isinstance(self.told, Wrapped):
            told = f"its status, with `{NOT_JSON_CODE}` in JSON"
        else:
            told = "passed on" if isinstance(self.told, Passed) else "broken off"
        return told if self.reused else f"{told}, closed"


def answer(*lines: bytes, status: bytes = b"200 OK", body: bytes = b"", version: bytes = b"HTTP/1.1") -> bytes:
    """Return an answer of these lines, JSON by its type."""
    return b"".join(line + b"\r\n" for line in (b"%b %b" % (version, status), _TYPE, *lines, b"")) + body


def sized(body: bytes, *lines: bytes, status: bytes = b"200 OK", version: bytes = b"HTTP/1.1") -> bytes:
    """Return an answer with a length."""
    return answer(*lines, b"Content-Length: %d" % len(body), status=status, body=body, version=version)


def chunked(body: bytes) -> bytes:
    """Return an answer with these bytes for a chunked body."""
    return answer(b"Transfer-Encoding: chunked", body=body)


CHUNKS = b"2\r\n{}\r\n0\r\n\r\n"


def passes(name: str, *steps: Step, told: Outcome = Passed(), rule: str = "", whole: bool = False) -> Case:  # frozen
    """Return a case that is passed on, on a connection that is used on."""
    return Case(name, Script(steps), told, reused=True, rule=rule, whole=whole)


def ends(
    name: str,
    *steps: Step,
    told: Outcome = Passed(),
    rule: str = "",
    whole: bool = False,
    used: bool = False,  # frozen
) -> Case:
    """Return a case behind which the connection is not used on."""
    return Case(name, Script(steps), told, reused=False, rule=rule, whole=whole, used=used)


def invalid(name: str, *steps: Step, rule: str = "") -> Case:
    """Return a case that is no answer."""
    return Case(name, Script(steps), INVALID, reused=False, rule=rule)


INTERIM = group(
    "Interim answers",
    "RFC 9110 section 15.2",
    passes("100", b"HTTP/1.1 100 Continue\r\n\r\n" + OK),
    passes(
        "102 and 103, with fields",
        b"HTTP/1.1 102 Processing\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: </x>\r\nX-Request-Id: a\r\n\r\n" + OK,
    ),
    passes("103 long before", b"HTTP/1.1 103 Early Hints\r\n\r\n", 0.05, OK),
    passes("199", b"HTTP/1.1 199 X\r\n\r\n" + OK),
    passes(f"{MAX_INTERIM} of them", b"HTTP/1.1 103 Early Hints\r\n\r\n" * MAX_INTERIM + OK),
    invalid(f"{MAX_INTERIM + 1} of them", b"HTTP/1.1 103 Early Hints\r\n\r\n" * (MAX_INTERIM + 1) + OK, rule="promise G12"),
    invalid("10,000 of them", b"HTTP/1.1 100 Continue\r\n\r\n" * 10_000, rule="promise G12"),
    invalid(
        "101",
        b"HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: h2c\r\n\r\n" + OK,
        rule="RFC 9110 section 7.8",
    ),
    invalid("101 without an upgrade", b"HTTP/1.1 101 Switching Protocols\r\n\r\n" + OK, rule="RFC 9110 section 7.8"),
    invalid("100 with a length", b"HTTP/1.1 100 Continue\r\nContent-Length: 2\r\n\r\n{}" + OK),
    invalid("100 with a length of nothing", b"HTTP/1.1 100 Continue\r\nContent-Length: 0\r\n\r\n" + OK),
    invalid("100 with the length of the answer", b"HTTP/1.1 100 Continue\r\nContent-Length: %d\r\n\r\n" % len(OK) + OK),
    invalid("103 with a coding", b"HTTP/1.1 103 Early Hints\r\nTransfer-Encoding: chunked\r\n\r\n" + CHUNKS + OK),
    invalid("100 and the end", b"HTTP/1.1 100 Continue\r\n\r\n", End.CLOSE),
    invalid("100 and a reset", b"HTTP/1.1 100 Continue\r\n\r\n", 0.05, End.RESET),
    invalid("100 in HTTP/1.0 with a body", b"HTTP/1.0 100 Continue\r\n\r\n{}" + OK),
    ends("100 behind the answer", OK + b"HTTP/1.1 100 Continue\r\n\r\n", whole=True),
)

_204 = b"HTTP/1.1 204 No Content\r\n"
_304 = b"HTTP/1.1 304 Not Modified\r\n"
_NOTHING = Passed(204, b"", ())

WITHOUT_CONTENT = group(
    "Answers without content",
    "RFC 9110 sections 15.3.5 and 15.4.5",
    passes("204", _204 + b"\r\n", told=_NOTHING),
    passes("204 with a length of nothing", _204 + b"Content-Length: 0\r\n\r\n", told=_NOTHING),
    ends("204 with a body", _204 + b"Content-Length: 2\r\n\r\n{}", told=_NOTHING, whole=True),
    ends("204 with a chunked body", _204 + b"Transfer-Encoding: chunked\r\n\r\n" + CHUNKS, told=_NOTHING, whole=True),
    ends("204 with another answer for a body", _204 + b"Content-Length: %d\r\n\r\n%b" % (len(INTRUDER), INTRUDER),
         told=_NOTHING, whole=True),
    ends("204 and another answer", _204 + b"\r\n" + INTRUDER, told=_NOTHING, whole=True),
    passes("205", sized(b"", status=b"205 Reset Content"), told=Passed(205, b""), rule="RFC 9110 section 15.3.6"),
    passes("205 with a body", sized(b"{}", status=b"205 Reset Content"), told=Passed(205), rule="RFC 9112 section 6.3"),
    passes("304", _304 + b"\r\n", told=Reason.UPSTREAM_REDIRECT),
    ends("304 with the length of what was not sent", _304 + b"Content-Length: 2\r\n\r\n", told=Reason.UPSTREAM_REDIRECT),
    passes("200 with a length of nothing", sized(b""), told=Passed(body=b"")),
    passes("200 with a chunked body of nothing", chunked(b"0\r\n\r\n"), told=Passed(body=b"")),
    invalid("as to HEAD: a length and no body", answer(b"Content-Length: 2"), End.CLOSE, rule="RFC 9112 section 6.3"),
    ends("as to HEAD: another answer in place of the body", answer(b"Content-Length: %d" % len(INTRUDER)) + INTRUDER + OK,
         told=Passed(body=INTRUDER), whole=True, rule="RFC 9112 section 6.3"),
)  # fmt: skip

LENGTHS = group(
    "Content-Length of an answer",
    "RFC 9112 section 6.3",
    [passes(shown(value), answer(b"Content-Length:" + value, body=b"{}")) for value in (b"2", b" 2", b"\t2 ", b" 02")],
    [invalid(shown(value.encode()), answer(f"Content-Length: {value}".encode(), body=b"{}")) for value in (
        "+2", "-2", "2,2", "2, 3", "0x2", "2.0", "2 2", "two", "18446744073709551616", "000000000000000000002", "",
    )],
    invalid("two lines", answer(b"Content-Length: 2", b"Content-Length: 2", body=b"{}")),
    invalid("two lines that disagree", answer(b"Content-Length: 2", b"content-length: 1", body=b"{}")),
    invalid("with a coding", answer(b"Content-Length: 2", b"Transfer-Encoding: chunked", body=CHUNKS)),
    invalid("with a coding before it", answer(b"Transfer-Encoding: chunked", b"Content-Length: 2", body=CHUNKS)),
    invalid("longer than the body", answer(b"Content-Length: 3", body=b"{}"), End.CLOSE),
    invalid("no body", answer(b"Content-Length: 2"), End.RESET),
    ends("shorter than the body", answer(b"Content-Length: 2", body=b"{}}"), whole=True),
    ends("shorter than the body by an answer", OK + INTRUDER, whole=True),
    ends("an empty line behind the body", OK + b"\r\n", whole=True),
    passes("large", sized(LARGE), told=Passed(body=LARGE)),
    ends("large, and cut", sized(LARGE)[:-1], End.CLOSE, told=BrokenOff()),
    ends("large, and reset", sized(LARGE)[:-1], 0.1, End.RESET, told=BrokenOff()),
    ends("large, and another answer", sized(LARGE) + INTRUDER, told=Passed(body=LARGE), whole=True),
)  # fmt: skip

CODINGS = group(
    "Transfer-Encoding of an answer",
    "RFC 9112 sections 6.1 and 7.1",
    [passes(name, chunked(body)) for name, body in (
        ("one chunk", CHUNKS), ("two chunks", b"1\r\n{\r\n1\r\n}\r\n0\r\n\r\n"), ("extensions", b"2;a=b\r\n{}\r\n0;c\r\n\r\n"),
        ("sizes with zeros before them", b"0002\r\n{}\r\n00\r\n\r\n"),
        ("a trailer", b"2\r\n{}\r\n0\r\nX-Request-Id: a\r\n\r\n"),
        ("trailers of ours", b"2\r\n{}\r\n0\r\nX-CIO-Sidecar: spooled\r\nSet-Cookie: a\r\n\r\n"),
    )],
    passes("in capitals", answer(b"TRANSFER-ENCODING: Chunked", body=CHUNKS)),
    [invalid(shown(value.encode()), answer(f"Transfer-Encoding: {value}".encode(), body=CHUNKS)) for value in (
        "gzip, chunked", "chunked, chunked", "chunked, identity", "identity", "gzip", "xchunked", "chunked;q=1", '"chunked"',
        "",
    )],
    invalid("two lines", answer(b"Transfer-Encoding: chunked", b"Transfer-Encoding: chunked", body=CHUNKS)),
    invalid("two lines, one `identity`", answer(b"Transfer-Encoding: identity", b"transfer-encoding: chunked", body=CHUNKS)),
    invalid("space before the colon", answer(b"Transfer-Encoding : chunked", body=CHUNKS)),
    invalid("in HTTP/1.0", answer(b"Transfer-Encoding: chunked", body=CHUNKS, version=b"HTTP/1.0")),
    [invalid(f"chunk size {shown(size.encode())}", chunked(size.encode() + b"\r\n{}\r\n0\r\n\r\n")) for size in (
        "0x2", "+2", "-2", " 2", "2 ", "g", "", "10000000000000002",
    )],
    [invalid(name, chunked(body)) for name, body in (
        ("bare LF behind a size", b"2\n{}\r\n0\r\n\r\n"), ("bare LF behind data", b"2\r\n{}\n0\r\n\r\n"),
        ("data longer than its size", b"1\r\n{}\r\n0\r\n\r\n"), ("no CRLF behind data", b"2\r\n{}0\r\n\r\n"),
        ("bare LF at the end", b"2\r\n{}\r\n0\r\n\n"), ("a length in a trailer", b"2\r\n{}\r\n0\r\nContent-Length: 2\r\n\r\n"),
        ("an extension without an end", b"2;" + b"a" * 400_000),
        ("a trailer without an end", b"2\r\n{}\r\n0\r\nX: " + b"a" * 400_000),
    )],
    [invalid(f"cut {name}", chunked(body), End.CLOSE) for name, body in (
        ("before a size", b""), ("in a size", b"2"), ("before data", b"2\r\n"), ("in data", b"2\r\n{"),
        ("behind data", b"2\r\n{}"),
        ("before the last chunk", b"2\r\n{}\r\n"), ("in the last chunk", b"2\r\n{}\r\n0\r\n"),
        ("in a trailer", b"2\r\n{}\r\n0\r\nX: y\r\n"),
        ("before the last byte", CHUNKS[:-1]),
    )],
    ends("another answer behind it", chunked(CHUNKS) + INTRUDER, whole=True),
    ends("an empty line behind it", chunked(CHUNKS) + b"\r\n", whole=True),
    passes("large", chunked(b"%x\r\n%b\r\n0\r\n\r\n" % (len(LARGE), LARGE)), told=Passed(body=LARGE)),
    ends("large, and cut", chunked(b"%x\r\n%b\r\n0\r\n" % (len(LARGE), LARGE)), End.CLOSE, told=BrokenOff()),
    ends("large, and a broken chunk", chunked(b"%x\r\n%b\r\nx\r\n" % (len(LARGE), LARGE)), told=BrokenOff()),
)  # fmt: skip

GROUPS = (INTERIM, WITHOUT_CONTENT, LENGTHS, CODINGS)
