"""What is kept of what arrived: all of it as it came, within bounds."""

import gzip

import pytest

from proxy.simulator.journal import Entry, Journal
from proxy.simulator.model import Received


def request(target: str = "/x", body: bytes = b"", *headers: tuple[str, str]) -> Received:
    """Return a request."""
    return Received("POST", target, headers, body)


def arrive(journal: Journal, body: bytes, target: str = "/x") -> Entry:
    """Record a whole request."""
    entry = journal.open(request(target))
    journal.arrived(entry, body, complete=True)
    return entry


def test_an_entry_is_shown_as_it_came() -> None:
    """Raw target, headers in order and case, the body as base64 and decoded, and what became of it."""
    journal = Journal(10, 1000)
    entry = journal.open(request("/a?b=%20", b"", ("X-B", "1"), ("x-a", "2")))
    assert entry.shown()["complete"] is False  # type: ignore[index,call-overload]  # shown is JSON
    journal.arrived(entry, b'{"a": 1}', complete=True)
    entry.status, entry.endpoint, entry.fault = 200, "track.v1.event", "delay"
    assert entry.shown() == {
        "number": 1,
        "method": "POST",
        "path": "/a?b=%20",
        "headers": [["X-B", "1"], ["x-a", "2"]],
        "body": "eyJhIjogMX0=",
        "json": {"a": 1},
        "status": 200,
        "endpoint": "track.v1.event",
        "complete": True,
        "fault": "delay",
    }


@pytest.mark.parametrize(
    ("headers", "body", "decoded"),
    [
        ([], b"", None),
        ([], b"null", None),
        ([], b"no json", None),
        ([], b"[1]", [1]),
        ([("Content-Encoding", "gzip")], gzip.compress(b"[1]"), [1]),
        ([("Content-Encoding", "gzip")], b"[1]", None),
        ([("Content-Encoding", "br")], b"[1]", None),
    ],
    ids=["empty", "null", "no JSON", "JSON", "coded", "not coded as it says", "coded in an unknown way"],
)
def test_a_body_is_decoded_where_it_can_be(headers: list[tuple[str, str]], body: bytes, decoded: object) -> None:
    """Codings are taken off to look inside; the raw body stays coded."""
    entry = Entry(1, request("/x", body, *headers))
    assert entry.json == decoded
    assert entry.request.body == body


def test_the_oldest_go_first_and_are_counted() -> None:
    """No more than so many are kept; numbers tell which are gone."""
    journal = Journal(2, 1000)
    for _ in range(5):
        arrive(journal, b"")
    assert [entry.number for entry in journal.entries] == [4, 5]
    assert journal.dropped == 3


def test_bytes_are_bounded_too() -> None:
    """Targets, headers and bodies count; a body that comes later pushes others out."""
    journal = Journal(100, 100)
    for _ in range(5):
        arrive(journal, b"x" * 38)
    assert [entry.number for entry in journal.entries] == [4, 5]
    assert sum(entry.size_bytes for entry in journal.entries) == 80


def test_one_that_is_too_large_by_itself_is_not_kept() -> None:
    """The bound holds whatever arrives."""
    journal = Journal(100, 100)
    arrive(journal, b"x" * 200)
    assert not journal.entries
    assert journal.dropped == 1
    arrive(journal, b"x")
    assert [entry.number for entry in journal.entries] == [2]


def test_a_body_that_comes_after_its_entry_went_is_not_counted() -> None:
    """An entry that was forgotten while its body was on the way stays forgotten, and leaves room for others."""
    journal = Journal(100, 100)
    entry = journal.open(request())
    journal.clear()
    journal.arrived(entry, b"x" * 1000, complete=True)
    assert not journal.entries
    for _ in range(2):
        arrive(journal, b"x" * 38)
    assert len(journal.entries) == 2


def test_clearing_forgets_all_but_the_numbers() -> None:
    """Numbers stay unique over the life of the simulator."""
    journal = Journal(1, 100)
    arrive(journal, b"")
    arrive(journal, b"")
    journal.malformed = 1
    journal.clear()
    assert (journal.entries, journal.dropped, journal.malformed) == ((), 0, 0)
    assert arrive(journal, b"").number == 3


@pytest.mark.parametrize("bounds", [(0, 1), (1, 0), (-1, 1)])
def test_a_bound_has_to_be_one(bounds: tuple[int, int]) -> None:
    """A record that can hold nothing is a mistake."""
    with pytest.raises(ValueError, match="must be positive"):
        Journal(*bounds)
