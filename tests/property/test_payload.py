"""Whatever bytes come in: a value or a documented refusal; and what was read can be written and read again."""

import json
import math

from hypothesis import example, given
from hypothesis import strategies as st

from proxy.errors import Reason, RefusedError
from proxy.payload.decode import inflate, parse
from proxy.payload.encode import encode

# Surrogates are characters of Python strings, and JavaScript really sends them.
text = st.text(st.characters(), max_size=20)
scalars = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | text
values = st.recursive(
    scalars, lambda children: st.lists(children, max_size=5) | st.dictionaries(text, children, max_size=5), max_leaves=20
)


@given(values)
@example([2**63, 2**64, -(2**63) - 1, 10**300])
@example({"\ud83d": ["\udc00", -0.0, 5e-324]})
def test_a_value_survives_the_trip(value: object) -> None:
    """Written and read, every JSON value is itself again: integers, surrogates and the order of keys included."""
    again = parse(encode(value), 100)
    assert again == value
    assert json.dumps(again) == json.dumps(value)  # order, and 1 beside 1.0


@given(values)
def test_the_standard_library_agrees(value: object) -> None:
    """Whoever wrote the text, the value is what Python's own decoder reads."""
    for document in (json.dumps(value), json.dumps(value, ensure_ascii=False, indent=1)):
        try:
            data = document.encode()
        except UnicodeEncodeError:
            continue  # a lone surrogate has no bytes unless it is escaped
        read = parse(data, 100)
        assert json.dumps(read) == json.dumps(json.loads(document))  # noqa: TID251  # the independent witness


@given(st.binary(max_size=300) | st.text(alphabet='[]{},:"\\u0dD8e+-.123NaIfnity ', max_size=60).map(str.encode))
@example(b"\xff\xfe{\x00}\x00")
def test_any_bytes_are_read_or_refused(data: bytes) -> None:
    """Nothing else than a value or one of two refusals comes of any bytes, and a value is finite and can be written."""
    try:
        value = parse(data, 100)
    except RefusedError as refusal:
        assert refusal.reason in {Reason.INVALID_JSON, Reason.TOO_DEEP}  # noqa: PT017  # not every input refuses
        return
    if isinstance(value, float):
        assert math.isfinite(value)
    assert parse(encode(value), 100) == value


@given(st.binary(max_size=300), st.sampled_from([b"gzip", b"deflate"]))
@example(b"\x78\x9c", b"deflate")
@example(b"\x1f\x8b\x08\x00", b"gzip")
def test_any_coded_bytes_are_inflated_or_refused(data: bytes, coding: bytes) -> None:
    """Broken, cut and oversized codings end in a refusal, never in an error of the library."""
    try:
        assert len(inflate(data, coding, 1000)) <= 1000
    except RefusedError as refusal:
        assert refusal.reason in {Reason.MALFORMED_REQUEST, Reason.BODY_TOO_LARGE}  # noqa: PT017  # not every input refuses
