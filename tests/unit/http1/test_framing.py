"""Where a chunked body may end, how much of it is read in a turn, and when it is mostly framing."""

import pytest

from proxy.http1.framing import (
    DROPPED,
    FRAMING_BYTES_PER_TURN,
    FRAMING_PER_CONTENT_BYTE,
    STEP_BYTES,
    STEPS_PER_TURN,
    ChunkedBody,
    without_upgrade,
)

SLACK_BYTES = 100


def steps(data: bytes | bytearray, chunks: ChunkedBody | None = None) -> list[int]:
    """Return where each step through `data` ends."""
    chunks = chunks or ChunkedBody(SLACK_BYTES)
    found = [0]
    while found[-1] < len(data):
        found.append(chunks.step(data, found[-1]))
    return found[1:]


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
        (b"x" * STEP_BYTES, [STEP_BYTES]),
        (b"x" * (2 * STEP_BYTES + 1), [STEP_BYTES, 2 * STEP_BYTES, 2 * STEP_BYTES + 1]),
    ],
)
def test_a_step_ends_where_the_body_may(data: bytes, expected: list[int]) -> None:
    """Behind an empty line after another (RFC 9112 section 7.1), where alone a body can end; and after `STEP_BYTES`."""
    assert steps(data) == steps(bytearray(data)) == expected


def test_an_end_is_found_across_steps() -> None:
    """However the last bytes are split over reads, or over the steps of one, the end is where it is."""
    data = b"1\r\na\r\n0\r\n\r\n"
    rest = b"GET"
    for cut in range(1, len(data)):
        chunks = ChunkedBody(SLACK_BYTES)
        steps(data[:cut], chunks)
        assert steps(data[cut:] + rest, chunks)[0] == len(data) - cut
        before = b"x" * (STEP_BYTES - cut)
        assert len(before + data) in steps(before + data + rest)


def test_a_turn_is_over_after_so_many_steps() -> None:
    """Content alone ends a turn late: in more bytes than an event loop reads at once."""
    chunks = ChunkedBody(SLACK_BYTES)
    chunks.begin_turn()
    for step in range(1, STEPS_PER_TURN + 1):
        assert not chunks.turn_over
        chunks.excessive(STEP_BYTES, step * STEP_BYTES)
    assert chunks.turn_over
    assert STEPS_PER_TURN * STEP_BYTES > 262_144
    chunks.begin_turn()
    assert not chunks.turn_over


@pytest.mark.parametrize("content_bytes", [0, 1, 300])
def test_a_turn_is_over_after_so_much_framing(content_bytes: int) -> None:
    """Whatever content comes between it."""
    chunks = ChunkedBody(SLACK_BYTES)
    chunks.begin_turn()
    for step in range(FRAMING_BYTES_PER_TURN // 4):
        assert not chunks.turn_over or step >= STEPS_PER_TURN
        chunks.excessive(4 + content_bytes, (step + 1) * content_bytes)
    assert chunks.turn_over


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
