"""Where a chunked body may end, and when it is mostly framing."""

import pytest

from proxy.http1.framing import DROPPED, FRAMING_PER_CONTENT_BYTE, ChunkedBody, without_upgrade

SLACK_BYTES = 100


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (b"0\r\n\r\n", [5]),
        (b"0\r\n\r\nGET", [5, 8]),
        (b"1\r\na\r\n0\r\n\r\nGET", [11, 14]),
        (b"0\r\nT: v\r\n\r\nGET", [11, 14]),
        (b"a\r\n\r\nb\r\n\r\n", [5, 10]),
        (b"\r\n\r\nGET", [7]),
        (b"a\r\n\r\n\r\n\r\n", [5, 9]),
        (b"", []),
    ],
)
def test_a_body_ends_only_behind_an_empty_line_after_another(data: bytes, expected: list[int]) -> None:
    """The last chunk or the last trailer field, then an empty line (RFC 9112 section 7.1): nowhere else can a body end."""
    assert list(ChunkedBody(SLACK_BYTES).ends(data)) == expected


def test_an_end_is_found_across_reads() -> None:
    """However the last bytes are split over reads, the end is where it is."""
    data = b"1\r\na\r\n0\r\n\r\n"
    rest = b"GET"
    for cut in range(1, len(data)):
        chunks = ChunkedBody(SLACK_BYTES)
        list(chunks.ends(data[:cut]))
        assert next(iter(chunks.ends(data[cut:] + rest))) == len(data) - cut


def test_framing_is_allowed_for_content() -> None:
    """A body in chunks of one byte has six bytes for each of content, and is let through."""
    chunks = ChunkedBody(SLACK_BYTES)
    assert not any(chunks.excessive(6, content_bytes) for content_bytes in range(1, 10_000))


def test_framing_without_content_is_excessive() -> None:
    """An endless extension or trailer is noticed after `slack_bytes`, however much content came before it."""
    chunks = ChunkedBody(SLACK_BYTES)
    assert not chunks.excessive(1_000_000, 1_000_000)
    assert not chunks.excessive(SLACK_BYTES, 1_000_000)
    assert chunks.excessive(1, 1_000_000)


def test_framing_with_little_content_is_excessive() -> None:
    """A byte of content now and then does not pay for extensions without end."""
    chunks = ChunkedBody(SLACK_BYTES)
    read = SLACK_BYTES // 2
    rounds = next(number for number in range(1, 100) if chunks.excessive(read, number))
    assert rounds * read <= SLACK_BYTES + (FRAMING_PER_CONTENT_BYTE + 1) * rounds + read


def test_trailers_are_kept_nowhere() -> None:
    """What is written to `DROPPED` is gone, so that endless trailers hold no memory."""
    DROPPED[b"trailer"] = b"value"
    assert not DROPPED
    assert b"trailer" not in DROPPED


@pytest.mark.parametrize("name", [b"Upgrade", b"upgrade", b"UPGRADE"])
def test_an_offer_to_upgrade_is_taken_out_of_a_head(name: bytes) -> None:
    """The one field that llhttp acts on is renamed; a field that only begins or ends like it, or a value, is not touched."""
    others = b"Host: x\r\nUpgrade-Insecure-Requests: 1\r\nX-Upgrade: y\r\nConnection: upgrade:\r\n\r\n"
    head = b"GET / HTTP/1.1\r\n" + name + b": h2c\r\n" + others
    assert without_upgrade(head) == b"GET / HTTP/1.1\r\nX-Upgrade: h2c\r\n" + others
