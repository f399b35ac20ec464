"""Heads found again by their bytes: what is remembered, for which bytes, and how much of it."""

import pytest

from proxy.exchange import Fields
from proxy.http1 import known
from proxy.http1.known import Known, KnownHead, without_length
from tests.unit.http1.fakes import Application, Origin, statuses

PUT = b"PUT /a HTTP/1.1\r\n"


def request(fields: bytes = b"Host: x\r\n", body: bytes = b"hello", line: bytes = PUT) -> bytes:
    """Return a request with a body."""
    return line + fields + b"Content-Length: %d\r\n\r\n%b" % (len(body), body)


@pytest.mark.parametrize(
    ("head", "expected"),
    [
        (b"V\r\nContent-Length: 12\r\nA: b\r\n\r\n", (b"V\r\nContent-Length: \r\nA: b\r\n\r\n0", 12)),
        (b"V\r\ncontent-length: 0\r\n\r\n", (b"V\r\ncontent-length: \r\n\r\n0", 0)),
        (b"V\r\nContent-Length: 007\r\n\r\n", (b"V\r\nContent-Length: \r\n\r\n0", 7)),
    ],
)
def test_the_length_is_cut_out(head: bytes, expected: tuple[bytes, int]) -> None:
    """Heads that differ in it alone are one head."""
    assert without_length(head) == expected


@pytest.mark.parametrize(
    "head",
    [
        b"V\r\nA: b\r\n\r\n",
        b"V\r\nContent-length: 1\r\n\r\n",
        b"V\r\nContent-Length:1\r\n\r\n",
        b"V\r\nContent-Length: 1 \r\n\r\n",
        b"V\r\nContent-Length: +1\r\n\r\n",
        b"V\r\nContent-Length: \r\n\r\n",
        b"V\r\nContent-Length: \xb2\r\n\r\n",
        b"V\r\nContent-Length: 1234567890123456789\r\n\r\n",
        b"V\r\nX: Content-Length: 1\r\n\r\n",
    ],
)
def test_another_spelling_stays_part_of_the_head(head: bytes) -> None:
    """Whatever is no plain number in a usual field is for llhttp to judge."""
    assert without_length(head) == (head, None)


def test_a_head_that_never_had_digits_is_not_taken_for_one_that_lost_them() -> None:
    """Else it would be accepted, with the length of whoever sent the good one first (request smuggling)."""
    good, _ = without_length(b"V\r\nContent-Length: 7\r\n\r\n")
    for bad in (b"", b"\0", b"0 ", b"x", b"7, 7"):
        assert without_length(b"V\r\nContent-Length: " + bad + b"\r\n\r\n")[0] != good


def test_only_so_much_is_remembered(monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither many heads nor long ones fill the memory (promise G12)."""
    monkeypatch.setattr(known, "HEADS", 3)
    heads: Known[int] = Known()
    heads.keep(b"x" * (known.HEAD_BYTES + 1), 0)
    assert not heads
    for number in range(10):
        heads.keep(b"%d" % number, number)
        assert len(heads) <= 3
    assert heads[b"9"] == 9


def test_what_is_remembered_prints_nothing() -> None:
    """Heads hold callers' keys (promise G2)."""
    fields = Fields()
    fields[b"authorization"] = b"canary"
    assert "canary" not in repr(fields) + str(fields) + repr(KnownHead(fields, 0, keep=True, plain=True))


def test_requests_that_differ_in_target_and_length_share_their_fields() -> None:
    """So they are parsed once; each has its own target and body all the same."""
    application = Application()
    assert statuses(application.send(request())) == [200]
    assert statuses(application.send(request(body=b"other body", line=b"POST /b HTTP/1.1\r\n"))) == [200]
    first, second = application.handler.heads
    assert first.headers is second.headers
    assert (second.method, second.target, application.handler.bodies[1]) == ("POST", b"/b", b"other body")
    assert len(application.server.known) == 1


@pytest.mark.parametrize("cut", range(1, len(request())))
def test_a_known_head_may_come_in_pieces(cut: int) -> None:
    """Its body too."""
    application = Application()
    application.send(request())
    assert application.send(request()[:cut]) == b""
    assert statuses(application.send(request()[cut:])) == [200]
    assert application.handler.bodies == [b"hello", b"hello"]


@pytest.mark.parametrize(
    "data",
    [
        PUT + b"Host: x\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        request(b"Host: x\r\nExpect: 100-continue\r\n"),
        request(b"Host: x\r\nConnection: upgrade\r\nUpgrade: h2c\r\n"),
        request(b"Host: x\r\nHost: x\r\n"),
        request(b"Host: x\r\nContent-Length: 5\r\n"),
        request(b"Host: x\r\nBad Field: y\r\n"),
        request(line=b"HEAD /a HTTP/1.1\r\n"),
        request(line=b"PUT /a#b HTTP/1.1\r\n"),
        request(line=b"PUT x:/a HTTP/1.1\r\n"),
        request(b"Host: x\r\nX: " + b"y" * known.HEAD_BYTES + b"\r\n"),
    ],
)
def test_what_is_remarkable_is_not_remembered(data: bytes) -> None:
    """A transfer coding, an expectation, an upgrade, a fault, another method or form of target, a long head."""
    application = Application()
    application.transport.receive(data)
    assert not application.server.known


@pytest.mark.parametrize(
    "line", [b"PUT /\x7f HTTP/1.1\r\n", b"PUT /\xff HTTP/1.1\r\n", b"put /a HTTP/1.1\r\n", b"PUT a HTTP/1.1\r\n"]
)
def test_a_known_head_excuses_no_request_line(line: bytes) -> None:
    """Behind a request line that is not ordinary the same fields are judged anew."""
    strict, known_there = Application(), Application()
    known_there.send(request())
    assert known_there.send(request(line=line)) == strict.send(request(line=line))
    assert known_there.transport.half_closed == strict.transport.half_closed


def test_the_version_is_part_of_what_is_known() -> None:
    """HTTP/1.0 keeps no connection unless asked to, and 1.1 does unless asked not to (RFC 9112 section 9.3)."""
    application = Application()
    application.send(request())
    assert b"Connection: close" in application.send(request(line=b"PUT /a HTTP/1.0\r\n"))


def test_a_known_answer_is_told_as_it_was() -> None:
    """Status, fields and length are those of the same bytes; the body is its own."""
    origin = Origin()
    head = b"HTTP/1.1 201 Created\r\nContent-Type: text/plain\r\nContent-Length: 2\r\n\r\n"
    first, second = origin.answer(head + b"ab"), origin.answer(head, b"c", b"d")
    assert len(origin.owner.known) == 1
    assert (first.outcome, second.outcome) == ((201, b"ab"), (201, b"cd"))
    assert (first.headers, first.length) == (second.headers, second.length) != ({}, None)
    assert origin.pooled


def test_a_known_answer_that_ends_the_connection_ends_it_again() -> None:
    """Whether a connection is kept is part of what is known."""
    head = b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\n{}"
    first = Origin()
    first.answer(head)
    second = Origin()
    second.owner.known = first.owner.known
    assert second.answer(head).outcome == (200, b"{}")
    assert not second.pooled


def test_bytes_behind_a_known_answer_end_the_connection() -> None:
    """They are none of ours, however often the head was seen."""
    origin = Origin()
    answer = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}"
    origin.answer(answer)
    assert origin.answer(answer + b"x").outcome == (200, b"{}")
    assert not origin.pooled


@pytest.mark.parametrize(
    "head", [b"HTTP/1.1 100 Continue\r\n\r\n", b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"]
)
def test_interim_and_chunked_answers_are_not_remembered(head: bytes) -> None:
    """There is more to say about them than their heads hold."""
    origin = Origin()
    origin.answer(head)
    assert not origin.owner.known
