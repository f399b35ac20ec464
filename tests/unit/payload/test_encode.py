"""A value to bytes."""

import pytest

from proxy.payload.decode import parse
from proxy.payload.encode import encode


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ({"a": 1, "b": [True, None]}, b'{"a":1,"b":[true,null]}'),
        ({"é": "漢"}, '{"é":"漢"}'.encode()),
        (100.0, b"100.0"),
        (2**64, b"18446744073709551616"),
        ({"n": -(2**70), "s": "é"}, '{"n":-1180591620717411303424,"s":"é"}'.encode()),
        ("\ud83d", b'"\\ud83d"'),
        ({"\udc00": 1}, b'{"\\udc00":1}'),
        (None, b"null"),
    ],
)
def test_how_values_are_written(value: object, text: bytes) -> None:
    """Compactly and in UTF-8; what that cannot hold is written in ASCII with escapes."""
    assert encode(value) == text
    assert parse(encode(value), 100) == value
