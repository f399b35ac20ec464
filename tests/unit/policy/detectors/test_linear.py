"""Regular expressions in linear time."""

import re

import pytest

from proxy.policy.detectors.linear import Expression, Sieve

pytestmark = pytest.mark.needs("detectors")


def test_the_first_match_and_its_group() -> None:
    """A group that matched is what is meant; without one it is the whole match."""
    expression = Expression("key=([0-9]+)|[a-z]{9}")
    assert expression.first(b"a key=42!", 0) == (2, 6, 8)
    assert expression.first(b"1 abcdefghi", 0) == (2, 2, 11)
    assert expression.first(b"a key=42!", 3) is None


def test_every_match_but_empty_ones() -> None:
    """`x*` matches everywhere; only where there is something is there a part."""
    assert list(Expression("x*").parts(b"axxbx")) == [(1, 3), (4, 5)]


def test_the_rest_of_a_long_text_with_very_many_finds_is_one(monkeypatch: pytest.MonkeyPatch) -> None:
    """RE2 reads to the end for each match of this expression; the work is bounded, and what is not looked at is found whole."""
    monkeypatch.setattr("proxy.policy.detectors.linear.WORK_MAX_BYTES", 1000)
    expression = Expression("a.*b|a")
    assert list(expression.parts(b"a" * 30)) == [(at, at + 1) for at in range(30)]
    assert list(expression.parts(b"a" * 199)) == [*((at, at + 1) for at in range(4)), (4, 199)]
    assert list(expression.parts(b"a" * 5000)) == [(0, 5000)]


@pytest.mark.parametrize(
    ("pattern", "reason"),
    [
        ("hunter2(", "missing )"),
        ("(?P<hunter2", "invalid named capture group"),
        (r"(hunter2)\1", "invalid escape sequence"),
        ("hunter2(?=x)", "invalid perl operator"),
        ("((hunter2){900}){900}", "invalid repetition size"),
        ("hunter2{1001}", "invalid repetition size"),
        (rb"hunter2\ud800".decode("unicode_escape"), "holds a lone surrogate"),
    ],
)
def test_what_is_no_expression_is_refused_without_showing_it(pattern: str, reason: str) -> None:
    """The reason is RE2's; look-around and back-references, which make others take exponential time, are no part of it."""
    with pytest.raises(ValueError, match=re.escape(reason)) as refused:
        Expression(pattern)
    assert "hunter2" not in str(refused.value)


def test_a_sieve_says_which_match() -> None:
    """All of them in one pass; their places may come in any order, and with one that stands for no pattern."""
    sieve = Sieve(["[0-9]+", "[a-z]+", "é"])
    assert {place for place in sieve.matching("é1".encode()) if place < 3} == {0, 2}
    assert not sieve.matching(b"!")


def test_a_sieve_that_does_not_fit_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """One without memory would find nothing, and nobody would know."""
    monkeypatch.setattr("proxy.policy.detectors.linear.MEMORY_MAX_BYTES", 1 << 16)
    with pytest.raises(ValueError, match="too large together"):
        Sieve([r"\pL{1,500}"] * 20)
