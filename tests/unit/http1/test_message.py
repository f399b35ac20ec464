"""The body of a request as it is kept."""

import sys

from proxy.http1.message import Message


def test_a_body_is_kept_in_one_piece_as_it_came() -> None:
    """A body that came in one read is not copied."""
    message = Message("PUT", http10=False)
    data = bytes(1000)
    message.add(data)
    assert message.body is data
    assert message.held_bytes == 1000


def test_a_body_in_small_pieces_takes_about_its_size() -> None:
    """Chunks of two bytes cost their content, not an object each (promise G12)."""
    message = Message("PUT", http10=False)
    for _ in range(100_000):
        message.add(b"ab")
    assert bytes(message.body) == b"ab" * 100_000
    assert message.held_bytes == 200_000
    assert sys.getsizeof(message.body) < 2 * message.held_bytes
