"""The JSON Canonicalization Scheme."""

import pytest
import rfc8785
from hypothesis import given
from hypothesis import strategies as st

from proxy.errors import Reason, RefusedError
from proxy.payload.canonical import SORTED_MAX, canonical

# What RFC 8785 can hold: integers within 2^53 and whole strings.
scheme = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**53) + 1, 2**53 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda children: st.lists(children, max_size=4) | st.dictionaries(st.text(), children, max_size=4),
    max_leaves=12,
)


@given(scheme)
def test_it_equals_an_independent_implementation(value: object) -> None:
    """Whatever the scheme can hold comes out byte for byte as the reference package writes it."""
    assert canonical(value) == rfc8785.dumps(value)  # type: ignore[arg-type]  # the strategy makes JSON values


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (5e-324, "5e-324"),
        (1.7976931348623157e308, "1.7976931348623157e+308"),
        (1e21, "1e+21"),
        (999999999999999900000.0, "999999999999999900000"),
        (1e-6, "0.000001"),
        (1e-7, "1e-7"),
        (-0.0, "0"),
        (333333333.33333329, "333333333.3333333"),
        (100.0, "100"),
    ],
)
def test_numbers_follow_ecmascript(value: float, text: str) -> None:
    """The edges of RFC 8785 appendix B."""
    assert canonical(value) == text.encode()


def test_integers_beyond_doubles_are_exact() -> None:
    """Two large integers never share a form, though their doubles would."""
    assert canonical(2**64) == b"18446744073709551616"
    assert canonical(2**64 + 1) == b"18446744073709551617"


def test_lone_surrogates_have_a_form() -> None:
    """A cut emoji gets a form of its own instead of an error, in keys and values."""
    assert canonical({"\ud83d": "\ud83dé\n"}) == b'{"\xed\xa0\xbd":"\xed\xa0\xbd\xc3\xa9\\n"}'


def test_keys_are_ordered_by_utf16() -> None:
    """A key beyond the basic plane sorts before U+FFFD, as its surrogates do."""
    assert canonical({"\ufffd": 1, "\U0001f600": 2}) == '{"\U0001f600":2,"\ufffd":1}'.encode()


def test_what_is_no_json_value_is_an_error() -> None:
    """A value that no decoder made is a fault of ours, not something to guess at."""
    with pytest.raises(TypeError):
        canonical({1, 2})


def test_g11_an_object_of_too_many_keys_is_not_sorted() -> None:
    """Sorting could not be interrupted."""
    canonical({str(each): 1 for each in range(SORTED_MAX)})
    with pytest.raises(RefusedError) as refused:
        canonical({str(each): 1 for each in range(SORTED_MAX + 1)})
    assert refused.value.reason is Reason.TOO_COMPLEX
