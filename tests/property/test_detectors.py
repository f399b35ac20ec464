"""Detectors on any text: they never raise, what they find lies in it and apart, and masking it once is enough."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy.payload.encode import encode
from proxy.policy.deciding import texts_of
from proxy.policy.detectors import scanner as scanner_module
from proxy.policy.detectors.linear import Expression
from proxy.policy.detectors.scanner import Scanner
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
    "piece",
    [
        "4111 ", "1 ", "4_4\n", "4\n", "4\u00b7", "4\u0301", "4111\\n", "(4   ", "41 41 ", "4:1::", "1.0000000e1 ", "GB82 ",
        "a@b.co ", "a@", "1.2.3.", "1:", "GB82 WEST ", "eyJaaaaaaaa.", "ssn: 1", "sk-", "４",
    ],
)  # fmt: skip
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


@pytest.mark.parametrize(
    ("name", "piece", "tail"),
    [
        ("email", "a_", "@x.png"),
        ("email", "a_", "@example.co1"),
        ("jwt", "xeyJaaaaaaaa_", ".aa.a"),
        ("openai_key", "xsk-", "T3BlbkFJ" + "a" * 20),
        ("gitlab_token", "xglpat-", "a" * 20),
        ("slack_token", "1xoxb-aaaaaaaaaa-", "a"),
    ],
)
def test_candidates_that_overlap_are_not_read_again_and_again(
    monkeypatch: pytest.MonkeyPatch, name: str, piece: str, tail: str
) -> None:
    """Bytes in matches are counted: in proportion to the text, and what stands behind so many candidates is still found."""
    read = 0
    first = Expression.first

    def counted(self: Expression, data: bytes, start: int) -> tuple[int, int, int] | None:
        nonlocal read
        match = first(self, data, start)
        read += 0 if match is None else match[2] - match[0]
        return match

    monkeypatch.setattr(Expression, "first", counted)
    scanner = Scanner([name, "payment_card"], {})
    free = {"email": "a@example.com", "jwt": "eyJaaaaaaaa.a.a"}.get(name, piece[1:] + "a" * 30 + tail)  # lets the rest through
    text = f"{free} {piece * (40_000 // len(piece))}{tail} 4111111111111111"
    spans = scanner.spans(text)
    assert spans[-1].end == len(text)
    assert read <= 200 * len(text)


@pytest.fixture(scope="module")
def addresses() -> Scanner:
    """Return a scanner for detectors each of which has a mark."""
    return Scanner(["email", "ipv4", "ipv6"], {})


@given(body=bodies)
def test_what_one_look_at_a_body_says_holds_for_each_of_its_values(
    everything: Scanner, addresses: Scanner, body: object
) -> None:
    """Where it says that there is nothing, and where it says which characters to look for: in keys, strings and numbers."""
    for scanner in (everything, addresses):
        marks = scanner.marks(encode(body))
        found = [text for text, _ in texts_of(body) if scanner.spans(text)]
        if marks is None:
            assert not found
        elif marks:
            assert all(set(marks) & set(text) for text in found)


def test_an_ordinary_body_has_nothing_to_find(patterns: Scanner) -> None:
    """And one with a card may have it anywhere, one with an address at its sign, and any if a pattern is a user's own."""
    few = Scanner(["payment_card", "iban", "email", "ipv4"], {})
    assert few.marks(b'{"plan":"pro","created_at":1700000000,"tags":["a","b"],"n":1.5}') is None
    assert few.marks(b'{"plan":"pro","n":4111111111111111}') == ""
    assert few.marks(b'{"email":"ada@example.com"}') == "@"
    assert few.marks(b'{"email":"ada@example.com","ip":"192.0.2.1"}') == ".@"
    assert few.marks(b'{"email":"ada@example.com","n":4111111111111111}') == ""
    assert few.marks(rb'{"plan":"\u0034111111111111111"}') == ""
    assert patterns.marks(b"{}") == ""


@pytest.mark.parametrize("name", [*ALL, "phone:DE", "phone:GB"])
@pytest.mark.parametrize(
    "piece", ["(4   ", "41 41 ", "00 00 ", "4 ", "1_1\n", "+1 64-54-701 ", "4:1::", "1.1.1. ", "GB82 ", "a@b.co "]
)
def test_checks_grow_with_the_text_and_no_faster(monkeypatch: pytest.MonkeyPatch, name: str, piece: str) -> None:
    """Candidates looked at closely are counted: in proportion to the text, whatever it repeats, in every pass."""
    checks = 0
    best = scanner_module._best

    def counted(*arguments: Any) -> Any:  # noqa: ANN401 - whatever they are
        nonlocal checks
        checks += 1
        return best(*arguments)

    monkeypatch.setattr(scanner_module, "_best", counted)
    scanner = Scanner([name], {})
    counts = []
    for length in (500, 2_000):
        checks = 0
        scanner.spans((piece * length)[:length])
        counts.append(checks)
    assert counts[1] <= 5 * counts[0] + 20
    assert counts[1] <= scanner_module.PASSES * 2_000 // 2
