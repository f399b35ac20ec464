"""Detectors on any text: they never raise, what they find lies in it and apart, and masking it once is enough."""

from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy.payload.encode import encode
from proxy.policy.detectors.linear import Expression
from proxy.policy.detectors.scanner import Scanner
from proxy.policy.walk import texts_of
from tests.detections import ALL, masked

pytestmark = pytest.mark.needs("detectors")

# Pieces that detectors find, and pieces that join them into what they do not.
PIECES = [
    "4111111111111111", "4111 1111 1111 1111", "378282246310005", "GB82 WEST 1234 5698 7654 32", "DE89370400440532013000",
    "ada@example.com", "192.0.2.10", "2001:db8::1", "536-90-4399", "912-70-4399", "AB123456C", "4010232137", "123456782",
    "44051401359", "54362315K", "RCCMNL83S18D969H", "+1 415 555 0132", "(415) 555-0132", "ssn: 536904399", "[REDACTED]",
    "eyJ" + "hbGciOiJub25lIn0.eyJzdWIiOiIxIn0.x", "-----BEGIN PRIVATE KEY-----", "-----END PRIVATE KEY-----",
    "AKIA" + "IOSFODNN7EXAMPLE", "1", "12", "a", "Z", "é", "例", "４", "٤",
    " ", "-", ".", ":", "@", "+", "(", "/", "_", "\n", "\N{ZERO WIDTH SPACE}", "\ud83d",
]  # fmt: skip
texts = st.lists(st.sampled_from(PIECES) | st.text(max_size=3), max_size=8).map("".join) | st.text(
    st.characters(exclude_categories=[]), max_size=30
)

bodies = st.recursive(
    texts | st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3),
    max_leaves=6,
)


def leaves(body: object) -> Iterator[str]:
    """Yield every key, string and number of a body as detectors see it."""
    yield from (text for text, _ in texts_of(body))


@pytest.fixture(scope="module")
def everything() -> Scanner:
    """Return a scanner for every detector there is."""
    return Scanner(ALL, {})


@pytest.fixture(scope="module")
def patterns() -> Scanner:
    """Return a scanner for detectors and patterns of a user that overlap them, and one another."""
    own = {"digits": "[0-9]+", "words": r"\pL.*\pL", "nothing": "x*", "bytes": r"\C4", "last": ".$"}
    return Scanner(["payment_card", "email", *own], own)


@given(text=texts, data=st.data())
def test_spans_lie_in_the_text_sorted_and_apart(everything: Scanner, patterns: Scanner, text: str, data: Any) -> None:  # noqa: ANN401
    """On any text, lone surrogates included, and with patterns that match anything."""
    spans = data.draw(st.sampled_from([everything, patterns])).spans(text)
    places = [place for start, end, _ in spans for place in (start, end)]
    assert places == sorted(places)
    assert all(0 <= start < end <= len(text) for start, end, _ in spans)


@given(text=texts)
def test_masking_what_is_found_leaves_nothing_to_find(everything: Scanner, text: str) -> None:
    """Once is enough, whatever stands side by side."""
    once = masked(text, everything.spans(text))
    assert not everything.spans(once)


@given(text=texts)
def test_a_text_in_full_width_is_found_in_as_in_ascii(everything: Scanner, text: str) -> None:
    """What is found does not depend on how wide digits, letters and signs are."""
    plain = text.encode("ascii", "replace").decode()
    wide = "".join(chr(ord(character) + 0xFEE0) if "!" <= character <= "~" else character for character in plain)
    assert list(everything.spans(wide)) == list(everything.spans(plain))


@pytest.mark.parametrize(
    "piece", ["4111 ", "1 ", "a@b.co ", "a@", "1.2.3.", "1:", "GB82 WEST ", "eyJaaaaaaaa.", "ssn: 1", "sk-", "４"]
)
def test_the_work_grows_with_the_text_and_no_faster(monkeypatch: pytest.MonkeyPatch, piece: str) -> None:
    """Searches are counted: at most one for every two characters and detector, however a text is made."""
    searches = 0
    first = Expression.first

    def counted(self: Expression, data: bytes, start: int) -> tuple[int, int, int] | None:
        nonlocal searches
        searches += 1
        return first(self, data, start)

    monkeypatch.setattr(Expression, "first", counted)
    scanner = Scanner([name for name in ALL if not name.startswith("phone")], {})
    counts = []
    for length in (2_000, 20_000):
        searches = 0
        scanner.spans((piece * length)[:length])
        counts.append(searches)
    assert counts[1] <= 10 * counts[0] + len(ALL) * 10
    assert counts[1] <= 20_000 * len(ALL) // 2


@given(body=bodies)
def test_a_clear_body_holds_nothing_to_find(everything: Scanner, body: object) -> None:
    """What one look at the whole JSON text says holds for each of its keys, strings and numbers."""
    if everything.clear(encode(body)):
        assert not [text for text in leaves(body) if everything.spans(text)]


def test_an_ordinary_body_is_clear(patterns: Scanner) -> None:
    """And one with a card is not, nor any where a pattern of a user's own is looked for."""
    few = Scanner(["payment_card", "iban", "email"], {})
    assert few.clear(b'{"plan":"pro","created_at":1700000000,"tags":["a","b"],"n":1.5}')
    assert not few.clear(b'{"plan":"pro","n":4111111111111111}')
    assert not few.clear(rb'{"plan":"\u0034111111111111111"}')
    assert not patterns.clear(b"{}")
