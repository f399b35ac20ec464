"""Scrubbing under any secret and any cut of the stream (promise G4)."""

from collections.abc import Sequence
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from proxy.delivery.scrub import Scrubber

# Few letters, so that renderings often occur, overlap, repeat and begin each other.
letters = st.sampled_from(b"ab*").map(lambda letter: bytes([letter]))
renderings = st.lists(st.lists(letters, min_size=1, max_size=6).map(b"".join), min_size=1, max_size=4)


@st.composite
def answers(draw: st.DrawFn) -> tuple[list[bytes], list[bytes]]:
    """Return renderings of a secret, and an answer in pieces that is likely to hold some of them."""
    secret = draw(renderings)
    parts = st.one_of(st.sampled_from(secret), letters, st.just(b"xyz"))
    answer = b"".join(draw(st.lists(parts, max_size=12)))
    cuts = sorted(draw(st.lists(st.integers(0, len(answer)), max_size=6)))
    edges = [0, *cuts, len(answer)]
    return secret, [answer[start:end] for start, end in pairwise(edges)]


def holds(secret: Sequence[bytes], data: bytes) -> bool:
    """Say whether `data` holds a rendering."""
    return any(rendering in data for rendering in secret)


@given(answers())
def test_no_rendering_is_left_however_the_stream_is_cut(case: tuple[list[bytes], list[bytes]]) -> None:
    """What comes out holds no rendering, is as long as what went in, and does not depend on the cuts."""
    secret, pieces = case
    scrubber = Scrubber(secret)
    stream = scrubber.stream()
    given_on: list[bytes] = []
    for piece in pieces:
        given_on.append(stream.feed(piece))
        assert not holds(secret, b"".join(given_on))
    given_on.append(stream.end())
    out = b"".join(given_on)
    whole = b"".join(pieces)
    assert not holds(secret, out)
    assert len(out) == len(whole)
    assert out == scrubber.whole(whole)


@given(answers())
def test_only_the_secret_changes(case: tuple[list[bytes], list[bytes]]) -> None:
    """Every byte that changed lies inside an occurrence of a rendering."""
    secret, pieces = case
    data = b"".join(pieces)
    inside: set[int] = set()
    for rendering in secret:
        place = data.find(rendering)
        while place >= 0:
            inside.update(range(place, place + len(rendering)))
            place = data.find(rendering, place + 1)
    scrubbed = Scrubber(secret).whole(data)
    assert all(index in inside for index, (was, now) in enumerate(zip(data, scrubbed, strict=True)) if was != now)


@given(answers())
def test_scrubbing_again_changes_nothing(case: tuple[list[bytes], list[bytes]]) -> None:
    """Once is enough."""
    secret, pieces = case
    scrubber = Scrubber(secret)
    once = scrubber.whole(b"".join(pieces))
    assert scrubber.whole(once) == once
