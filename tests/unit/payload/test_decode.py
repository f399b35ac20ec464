"""Bytes to a value: codings, caps, exactness, depth."""

import gzip
import zlib
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy.errors import Reason, RefusedError
from proxy.payload.decode import LONG_FLOATS_MAX, LONG_INTEGERS_MAX, inflate, parse, parse_held

CAP_BYTES = 1000
DEPTH = 100


def refused(function: object, *arguments: object) -> Reason:
    """Return the reason with which `function` refuses."""
    assert callable(function)
    with pytest.raises(RefusedError) as caught:
        function(*arguments)
    return caught.value.reason


def raw_deflate(data: bytes) -> bytes:
    """Return `data` as RFC 1951, without the zlib header."""
    packer = zlib.compressobj(wbits=-zlib.MAX_WBITS)
    return packer.compress(data) + packer.flush()


@pytest.mark.parametrize(
    ("coding", "coded"),
    [
        (None, b'{"a":1}'),
        (b"identity", b'{"a":1}'),
        (b"gzip", gzip.compress(b'{"a":1}')),
        (b" GZIP ", gzip.compress(b'{"a":1}')),
        (b"deflate", zlib.compress(b'{"a":1}')),
        (b"deflate", raw_deflate(b'{"a":1}')),
    ],
    ids=["none", "identity", "gzip", "gzip in capitals", "zlib", "raw deflate"],
)
def test_the_codings_that_are_read(coding: bytes | None, coded: bytes) -> None:
    """Identity, gzip, zlib and raw deflate all give the same bytes."""
    assert inflate(coded, coding, CAP_BYTES) == b'{"a":1}'


@pytest.mark.parametrize("coding", [b"br", b"zstd", b"x-gzip", b"compress", b"gzip, gzip", b"gzip,identity", b"", b"\xff"])
def test_any_other_coding_is_refused(coding: bytes) -> None:
    """What cannot be looked into is refused, never passed: not like a proxy that skips compressed bodies."""
    coded = gzip.compress(b"{}")
    if coding == b"":
        assert inflate(coded, coding, CAP_BYTES) == coded  # an empty header names no coding; the JSON parser refuses the rest
        return
    assert refused(inflate, coded, coding, CAP_BYTES) is Reason.UNSUPPORTED_MEDIA


@pytest.mark.parametrize("coding", [b"gzip", b"deflate"])
def test_a_bomb_is_not_inflated_beyond_the_cap(coding: bytes) -> None:
    """The cap holds for the inflated body, and nothing beyond it is inflated."""
    pack = gzip.compress if coding == b"gzip" else zlib.compress
    assert refused(inflate, pack(b" " * (CAP_BYTES + 1)), coding, CAP_BYTES) is Reason.BODY_TOO_LARGE
    assert refused(inflate, pack(b" " * 50_000_000), coding, CAP_BYTES) is Reason.BODY_TOO_LARGE
    assert len(inflate(pack(b" " * CAP_BYTES), coding, CAP_BYTES)) == CAP_BYTES


@pytest.mark.parametrize(
    "coded",
    [
        gzip.compress(b"{}")[:-1],
        gzip.compress(b"{}")[:-8] + b"\0" * 8,
        gzip.compress(b"{}") + b"x",
        gzip.compress(b"{}") * 2,
        b"{}",
        b"\x1f\x8b",
    ],
    ids=["cut", "wrong checksum", "trailing byte", "two members", "not coded", "header only"],
)
def test_broken_coded_bytes_are_refused(coded: bytes) -> None:
    """A body that does not inflate cleanly, to its end and no further, is malformed."""
    assert refused(inflate, coded, b"gzip", CAP_BYTES) is Reason.MALFORMED_REQUEST


@pytest.mark.parametrize(
    ("text", "value"),
    [
        (b"18446744073709551616", 18446744073709551616),
        (b"-9223372036854775809", -9223372036854775809),
        (b"1234567890123456789", 1234567890123456789),
        (b'{"id":123456789012345678901234567890,"f":0.5}', {"id": 123456789012345678901234567890, "f": 0.5}),
        (b"9" * 4300, int("9" * 4300)),
        (b"0.12345678901234567890", 0.12345678901234567890),
        (b"1e2", 100.0),
        (b'"\\ud83d"', "\ud83d"),
        (b'"\\ud83d\\ude00"', "\U0001f600"),
        (b'{"\\udc00":["\\ud800x"]}', {"\udc00": ["\ud800x"]}),
        (b'{"a":1,"a":{"b":2}}', {"a": {"b": 2}}),
        (b'{"a":1,"\\u0061":12345678901234567890123}', {"a": 12345678901234567890123}),
        (b'[NaN, {"x": NaN}]', [None, {"x": None}]),
        (b"null", None),
        (b" \t\r\n[ ]\n", []),
    ],
)
def test_what_is_read_exactly(text: bytes, value: object) -> None:
    """Integers of any size, lone surrogates, the last of repeated keys; NaN becomes null."""
    assert parse(text, DEPTH) == value


@pytest.mark.parametrize(
    "text",
    [
        b"", b" ", b"{", b'{"a":}', b"[1,]", b"{'a':1}", b"\xef\xbb\xbf{}", b"\xff", b'"\xc3"', b'"\n"', b'"\\x41"', b"01",
        b"+1", b".5", b"1.", b"Infinity", b"-Infinity", b"1e999", b"-1e999", b"1e999999999999999999999", b"nan", b"True",
        b"{}{}", b"1 2", b"12345678901234567890123 x", b"9" * 4301, b"\x00", b"{\x00}", b'"\xed\xa0\x80"', b'{"a":1,}',
        b"[NaN", b"//c\n1",
    ],
)  # fmt: skip
def test_what_is_not_json(text: bytes) -> None:
    """Everything outside RFC 8259, infinities, overflow and integers beyond 4,300 digits are refused by both decoders."""
    assert refused(parse, text, DEPTH) is Reason.INVALID_JSON


@pytest.mark.parametrize("opening", [b"[", b'{"a":'])
@pytest.mark.parametrize("number", [b"1", b"123456789012345678901"])
def test_the_depth_is_bounded(opening: bytes, number: bytes) -> None:
    """As deep as allowed is read, one level more is too deep, and so is any depth at all, with either decoder."""
    closing = b"]" if opening == b"[" else b"}"

    def nested(depth: int) -> bytes:
        return opening * depth + number + closing * depth

    parse(nested(DEPTH), DEPTH)
    for depth in (DEPTH + 1, 254, 255, 1024, 1025, 100_000):
        assert refused(parse, nested(depth), DEPTH) is Reason.TOO_DEEP


def test_many_shallow_containers_are_not_deep() -> None:
    """Depth is nesting, not the number of brackets, and brackets in strings are no nesting."""
    parse(b"[" + b",".join([b'{"a":[]}'] * 1000) + b"]", 3)
    parse(b'["' + b"[" * 1000 + b'"]', 1)
    assert refused(parse, b'["]","[",["]","[",["]","["]]]', 2) is Reason.TOO_DEEP


@given(st.from_regex(r"-?(0|[1-9][0-9]{0,17})(\.[0-9]{1,18})?([eE][-+]?[0-9]{1,3})?", fullmatch=True))
def test_a_number_is_exact_if_it_keeps_its_value(text: str) -> None:
    """Whichever way it is found out: a short number is not looked at as closely as a long one."""
    if float(text) in (float("inf"), float("-inf")):
        assert refused(parse_held, f"[{text}]", DEPTH) is Reason.INVALID_JSON
        return
    held = parse_held(f"[{text}]", DEPTH)
    assert held is not None
    assert isinstance(held.value, list)
    assert held.exact == (Decimal(repr(held.value[0])) == Decimal(text))


def test_numbers_that_take_long_are_bounded() -> None:
    """Each takes a closer look, or time with the square of its length, and reading cannot be interrupted."""
    float_text, integer = "0.10000000000000000001", "1" * 1000
    parse_held(f"[{','.join([float_text] * LONG_FLOATS_MAX)}]", DEPTH)
    assert refused(parse_held, f"[{','.join([float_text] * (LONG_FLOATS_MAX + 1))}]", DEPTH) is Reason.TOO_COMPLEX
    parse_held(f"[{','.join([integer] * LONG_INTEGERS_MAX)}]", DEPTH)
    parse(f"[{','.join([integer] * LONG_INTEGERS_MAX)}]".encode(), DEPTH)
    longer = f"[{','.join([integer] * (LONG_INTEGERS_MAX + 1))}]"
    assert refused(parse_held, longer, DEPTH) is Reason.TOO_COMPLEX
    assert refused(parse, longer.encode(), DEPTH) is Reason.TOO_COMPLEX
