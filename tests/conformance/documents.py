"""JSON texts, and what becomes of each as the body of a request: the classes of the well-known test suites, written out.

RFC 8259 says which texts are JSON and which are not, and leaves to a reader how deep, how long and how precise it reads. What
is accepted arrives at Customer.io as exactly the value that Python's own decoder reads in it.
"""

import gzip
import json
import zlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from proxy.errors import Reason
from tests.conformance.corpus import Group, group, refusal, shown

MAX_DEPTH = 100
MAX_DIGITS = 4300
BODY_BYTES = 1_048_576


@dataclass(frozen=True)
class Document:
    """One text: `value` is what it is read as, `reason` why it is refused; `fields` are sent beside it."""

    name: str
    text: bytes
    value: object = None
    reason: Reason | None = None
    fields: tuple[bytes, ...] = (b"Content-Type: application/json",)
    rule: str = ""

    @property
    def outcome(self) -> str:
        """What comes of it, in words."""
        return "read exactly" if self.reason is None else refusal(self.reason)


def _valid(title: str, rule: str, *texts: bytes) -> Group[Document]:
    """Return texts that RFC 8259 calls JSON; Python's decoder is the witness of what they say."""
    return group(title, rule, [Document(shown(text), text, json.loads(text)) for text in texts])  # noqa: TID251  # the witness


def _invalid(title: str, rule: str, *texts: bytes) -> Group[Document]:
    return group(title, rule, [Document(shown(text), text, reason=Reason.INVALID_JSON) for text in texts])


def _named(title: str, rule: str, *rows: tuple[str, bytes, object]) -> Group[Document]:
    """Return texts on which a reader has to decide; a reason in place of a value refuses."""
    return group(title, rule, [
        Document(name, text, reason=value) if isinstance(value, Reason) else Document(name, text, value) for name, text,
        value in rows
    ])  # fmt: skip


VALUES = _valid(
    "Values of every kind", "RFC 8259 section 3",
    b"null", b"true", b"false", b"42", b"-0.1", b'"asd"', b'""', b"[]", b"{}", b'[null, 1, "1", {}, [], true, false]',
    b"[[]   ]", b'[""]',
    b"[[[[]]],[[]]]", b"[1,null,null,null,2]", b'{"a":{"b":[{"c":null}]}}', b'{"":0}', b'{"a":[]}', b'{"a b":1,"a.b":2}',
    b'["a"]\n',
)  # fmt: skip
SPACES = _valid(
    "White space", "RFC 8259 section 2",
    b" [1]", b"[2] ", b"[1\n]", b"[ 4]", b" \t\r\n[ \t\r\n1 \t\r\n, \t\r\n2 \t\r\n] \t\r\n", b'{ "a" : 1 , "b" : 2 }',
    b"\n\n\n1\n\n\n", b'{\n"a": "b"\n}',
    b" " * 1000 + b"1",
)  # fmt: skip
NUMBERS = _valid(
    "Numbers", "RFC 8259 section 6",
    b"0", b"-0", b"-1", b"-123", b"[123]", b"1.0", b"-0.0", b"0.5", b"123.456789", b"1e2", b"1E2", b"1e+2", b"1E-2", b"0e1",
    b"0e+1", b"20e1", b"123e65", b"123e45",
    b"1E22", b"123.456e78", b"1e-2", b"-0.000000000000000000000000000000000000000000000000000000000000000000000000000001",
    b"9007199254740991",
    b"9007199254740993", b"9223372036854775807", b"9223372036854775808", b"-9223372036854775808", b"-9223372036854775809",
    b"18446744073709551615",
    b"18446744073709551616", b"100000000000000000000", b"-123123123123123123123123123123", b"0.1", b"0.30000000000000004",
    b"3.141592653589793238462643383279",
    b"1.7976931348623157e308", b"-1.7976931348623157e308", b"2.2250738585072014e-308", b"2.2250738585072011e-308", b"5e-324",
    b"9007199254740993.0", b"1e23",
    b"1e308", b"10000000000000000999", b"[1234567890123456789012345678901234567890, 1.5]",
)  # fmt: skip
STRINGS = _valid(
    "Strings", "RFC 8259 section 7",
    rb'"\"\\\/\b\f\n\r\t"', rb'"\u0060\u012a\u12AB"', rb'"\uD801\udc37"', rb'"\ud83d\ude39\ud83d\udc8d"', rb'"\\u0000"',
    rb'"\u0000"', rb'"\u0012"', rb'"\uFFFF"',
    rb'"\\a"', rb'"\\n"', b'"a/*b*/c/*d//e"', rb'"\uDBFF\uDFFF"', rb'"new\u00A0line"', rb'"\u002c"', '"π"'.encode(),
    '"\U0001bfff"'.encode(), '"\U0010ffff"'.encode(),
    '"\uffff"'.encode(), '"\u2028\u2029"'.encode(), rb'"\u0821"', rb'"\u0123"', rb'"\u0061\u30af\u30EA\u30b9"', rb'"\u000A"',
    b'"\x7f"', rb'"\u005C"', rb'"\uDBFF\uDFFE"',
    rb'"\u200B\u2064\uFDD0\uFFFE"', rb'"\u0022"', '"€𝄞"'.encode(), b'"a\x7fa"', '"\ufeff"'.encode(), b'" "', rb'"\uD834\uDD1E"',
    '"é\u0301"'.encode(), b'"<script>&</script>"',
    rb'{"foo\u0000bar": 42}', '{"π":"é"}'.encode(), rb'{"\ud83d\ude00":"\"}"}', b'"' + b"a" * 10_000 + b'"',
    b'["]","[","{","}",",",":"]',
)  # fmt: skip

STRUCTURE = _invalid(
    "Broken structure", "RFC 8259 sections 2, 4 and 5",
    b" ", b"\n", b"[1 true]", b'["": 1]', b'[""],', b"[,1]", b"[1,,2]", b'["x",,]', b'["x"]]', b'["",]', b'["x"', b"[x",
    b"[3[4]]", b"[1:2]", b"[,]", b'[   , ""]', b"[1,", b"[1,]",
    b"[*]", b"[{}", b'[""', b'["a",\n4\n,1,', b"[", b"]", b"{", b"}", b"[]]", b"{}}", b"[][]", b"{}{}", b"1 2", b"1]",
    b'{"a":"a" 123}', b'{[: "x"}', b'{"x", null}', b'{"x"::"b"}',
    "{🇨🇭}".encode(), b"{'a':0}", b'{"a" b}', b'{:"b"}', b'{"a" "b"}', b'{"a":', b'{"a"', b"{1:1}", b"{9999E9999:1}",
    b"{null:null,null:null}", b'{"id":0,,,,,}', b'{"id":0,}', b'{"a":"b",,"c":"d"}',
    b'{a: "b"}', b'{"a":"a', b'{ "foo" : "bar", "a" }', b'{"a":"b"}#', b'{"a":"b"}/**/', b'{"a":"b"}//', b'{"a":/*c*/"b"}',
    b"//c\n1", b"#c\n1", b'{"a":true,', b"{]", b"[}", b"{,", b"{[", b'{"a', b"['", b"[,",
    b"[{", b'["a', b'["a"', b"*", b"<.>", b"[<null>]", b"[1]x", b"2@", b'""x', b"[1", b"[ false, nul", b'{"asd":"asd"',
    b'{"a": true} "x"', b"\x0c[]", b"[\x0c]", b"[\x0b]", "[\u2060]".encode(),
    "\u00a0[]".encode(), "\u2028[]".encode(), b"\x00", b"[\x00]", b"[1]\x00", b"{\x00}", b"\x1e1\n", b"data: 1", b"a=1&b=2",
    b"<xml/>", b"---\na: 1", b"undefined", b"[undefined]", b"(1)",
)  # fmt: skip
LITERALS = _invalid(
    "Broken literals", "RFC 8259 section 3",
    b"[fals]", b"[nul]", b"[tru]", b"[True]", b"True", b"TRUE", b"None", b"Null", b"nil", b"[truth]", b"nulll", b"true1",
    b"abc", "aå".encode(), "å".encode(), b"\xe5", b"t", b"n",
)  # fmt: skip
BROKEN_NUMBERS = _invalid(
    "Broken numbers", "RFC 8259 section 6",
    b"[-]", b"[++1234]", b"[+1]", b"+0", b"[+Inf]", b"[-01]", b"[-1.0.]", b"[-2.]", b"[-NaN]", b"[.-1]", b"[.2e-3]", b"[0.1.2]",
    b"[0.3e+]", b"[0.3e]", b"[0.e1]", b"[0E+]", b"[0E]", b"[0e+]", b"[0e]", b"[1.0e+]",
    b"[1.0e-]", b"[1.0e]", b"[1 000.0]", b"[1_000]", b"[1eE2]", b"[2.e+3]", b"[2.e3]", b"[9.e+]", b"[Inf]", "[１]".encode(),
    b"[1+2]", b"[0x1]", b"[0x42]", b"[0b1]", b"[0o7]", b"[0e+-1]", b"[-123.123foo]", b"[123\xe5]",
    b"[1e1\xe5]", b"[0\xe5]", b"[-foo]", b"[- 1]", b"[-012]", b"[-.123]", b"[-1x]", b"[1ea]", b"[1e\xe5]", b"[1.]", b"[.123]",
    b"[1.2a-3]", b"[1.8011670033376514H-308]", b"[012]", b"00", b"1,5", b"[1f]", b"[1n]", b"[--1]",
    b"[nan]", b"[NAN]", b"[inf]", b"[infinity]", b"[-inf]", b"1" * 30 + b" x", b"[" + b"1" * 30 + b".]", b"0" * 30,
    b"-" + b"0" * 30, b"1" * 30 + b"e",
)  # fmt: skip
BROKEN_STRINGS = _invalid(
    "Broken strings", "RFC 8259 section 7",
    rb'["\uD800\"]', rb'["\uD800\u"]', rb'["\uD800\u1"]', rb'["\uD800\u1x"]', b"[\xc3\xa9]", b'["\\\x00"]', rb'["\x00"]',
    rb'["\\\"]', b'["\\\t"]', '["\\🌀"]'.encode(), rb'["\"]', rb'["\u00A"]', rb'["\uD834\uDd"]',
    rb'["\uD800\uD800\x"]', b'["\\u\xe5"]', rb'["\a"]', rb'["\uqqqq"]', b'["\\\xe5"]', rb'[\u0020"asd"]', rb"[\n]", b'"',
    b"['single']", b'["\\', b'["a\x00a"]', b'["new\nline"]', b'["\t"]', b'["\x1f"]', b'["\r"]', rb'"\UA66D"', rb'"\u 041"',
    rb'"\u+041"', rb'"\u004"', rb'"\0"', rb'"\v"', rb'''"\'"''', rb'["\{["\{["\{["\{', b'["asd]', b'"\x01"', b'{"a\nb":1}',
    '"\\u００４１"'.encode(), rb'"\u{41}"',
)  # fmt: skip
ENCODINGS = _named(
    "Text that is not UTF-8", "RFC 8259 section 8.1",
    *[(name, text, Reason.INVALID_JSON) for name, text in (
        ("a byte-order mark", b"\xef\xbb\xbf{}"), ("a byte-order mark alone", b"\xef\xbb\xbf"), ("half of one", b"\xef\xbb{}"),
        ("UTF-16, little end first", '{"é":1}'.encode("utf-16-le")),
        ("UTF-16, big end first", '{"é":1}'.encode("utf-16-be")), ("UTF-16 with its mark", '["é"]'.encode("utf-16")),
        ("UTF-32", "[]".encode("utf-32-le")), ("Latin-1", b'["\xe9"]'),
        ("a continuation byte alone", b'["\x81"]'), ("a lead byte alone", b'["\xe2"]'), ("a cut character", b'["\xe2\x82"]'),
        ("an invalid byte", b'["\xff"]'), ("an invalid lead byte", b'["\xfa\xbf\xbf\xbf\xbf"]'),
        ("overlong, 2 bytes", b'["\xc0\xaf"]'), ("overlong, 3 bytes", b'["\xe0\x80\xaf"]'),
        ("overlong, 4 bytes", b'["\xf0\x80\x80\xaf"]'), ("overlong, 6 bytes", b'["\xfc\x83\xbf\xbf\xbf\xbf"]'),
        ("overlong NUL", b'["\xc0\x80"]'), ("overlong quote", b'"a\xc0\xa2'), ("a surrogate", b'["\xed\xa0\x80"]'),
        ("a pair of surrogates", b'["\xed\xa0\xbd\xed\xb8\x80"]'), ("beyond Unicode", b'["\xf4\xbf\xbf\xbf"]'),
        ("an invalid byte in a key", b'{"\xb9":"0"}'), ("an invalid byte between values", b"[1,\xff2]"),
        ("an invalid byte behind it", b"{}\xff"), ("UTF-7", b'["+AOk-"'),
    )],
)  # fmt: skip


def _nested(depth: int, wrap: Callable[[object], object], value: object) -> object:
    for _ in range(depth):
        value = wrap(value)
    return value


DECIDED = _named(
    "What RFC 8259 leaves open", "RFC 8259 sections 4, 6, 8.2 and 9",
    ("a repeated key: the last one", b'{"a":"b","a":"c"}', {"a": "c"}),
    ("a repeated key and value", b'{"a":"b","a":"b"}', {"a": "b"}),
    ("a repeated key, in two spellings", rb'{"a":1,"\u0061":2}', {"a": 2}),
    ("a repeated key, far apart", b'{"a":1,"b":{"a":2,"a":3},"a":4}', {"a": 4, "b": {"a": 3}}),
    ("a repeated key beside a long integer", b'{"a":1,"a":12345678901234567890123}', {"a": 12345678901234567890123}),
    ("keys that differ only for people", '{"é":1,"e\u0301":2}'.encode(), {"é": 1, "e\u0301": 2}),
    (f"{MAX_DIGITS:,} digits", b"9" * MAX_DIGITS, int("9" * MAX_DIGITS)),
    (f"{MAX_DIGITS + 1:,} digits", b"9" * (MAX_DIGITS + 1), Reason.INVALID_JSON),
    ("100,000 digits", b"9" * 100_000, Reason.INVALID_JSON),
    ("100,000 digits behind the point", b"0." + b"1" * 100_000, 0.1111111111111111),
    ("overflow", b"1.5e+9999", Reason.INVALID_JSON),
    ("negative overflow", b"-123123e100000", Reason.INVALID_JSON),
    ("overflow by a digit", b"1.7976931348623159e308", Reason.INVALID_JSON),
    ("an exponent of 30 digits", b"0.4e00669999999999999999999999999999999", Reason.INVALID_JSON),
    ("underflow: zero", b"123.456e-789", 0.0),
    ("negative underflow: zero, negative", b"-1e-10000000", -0.0),
    ("`NaN`: null", b"NaN", None),
    ("`NaN` inside: null", b'[NaN, {"x": NaN, "y": 1}]', [None, {"x": None, "y": 1}]),
    ("`Infinity`", b"[Infinity]", Reason.INVALID_JSON),
    ("`-Infinity`", b"[-Infinity]", Reason.INVALID_JSON),
    ("`NaN` for a key", b"{NaN:1}", Reason.INVALID_JSON),
    ("a first surrogate alone", rb'["\uDADA"]', ["\udada"]),
    ("a second surrogate alone", rb'["\uDFAA"]', ["\udfaa"]),
    ("a surrogate alone, in a key", rb'{"\uDFAA":0}', {"\udfaa": 0}),
    ("a first surrogate and a character", rb'["\uD888\u1234"]', ["\ud888\u1234"]),
    ("a first surrogate and an escape", rb'["\uD800\n"]', ["\ud800\n"]),
    ("two first surrogates", rb'["\uD800\uD800\n"]', ["\ud800\ud800\n"]),
    ("a surrogate and letters", rb'["\uDd1ea"]', ["\udd1ea"]),
    ("surrogates the wrong way round", rb'["\uDd1e\uD834"]', ["\udd1e\ud834"]),
    ("a cut emoji beside a whole one", rb'["\ud83d","\ud83d\ude00"]', ["\ud83d", "\U0001f600"]),
    (f"{MAX_DEPTH} arrays in each other", b"[" * MAX_DEPTH + b"]" * MAX_DEPTH,
     _nested(MAX_DEPTH - 1, lambda inner: [inner], [])),
    (f"{MAX_DEPTH + 1} arrays in each other", b"[" * (MAX_DEPTH + 1) + b"]" * (MAX_DEPTH + 1), Reason.TOO_DEEP),
    (f"{MAX_DEPTH} objects in each other", b'{"a":' * MAX_DEPTH + b"1" + b"}" * MAX_DEPTH,
     _nested(MAX_DEPTH, lambda inner: {"a": inner}, 1)),
    (f"{MAX_DEPTH + 1} objects in each other", b'{"a":' * (MAX_DEPTH + 1) + b"1" + b"}" * (MAX_DEPTH + 1), Reason.TOO_DEEP),
    ("500 arrays in each other", b"[" * 500 + b"]" * 500, Reason.TOO_DEEP),
    ("1,100 arrays and objects in each other", b'[{"a":' * 550 + b"1" + b"}]" * 550, Reason.TOO_DEEP),
    ("100,000 arrays in each other", b"[" * 100_000 + b"]" * 100_000, Reason.TOO_DEEP),
    ("100,000 arrays without an end", b"[" * 100_000, Reason.TOO_DEEP),
    ("50,000 objects without an end", b'[{"":' * 50_000, Reason.TOO_DEEP),
    ("500 arrays without an end", b"[" * 500, Reason.INVALID_JSON),
    ("101 arrays in each other around a long integer", b"[" * 101 + b"1" * 30 + b"]" * 101, Reason.TOO_DEEP),
    ("brackets in a string", b'["' + b"[" * 1000 + b'"]', ["[" * 1000]),
    ("10,000 values side by side", b"[" + b",".join([b"[]"] * 10_000) + b"]", [[]] * 10_000),
    ("10,000 keys", b"{" + b",".join(b'"k%d":%d' % (n, n) for n in range(10_000)) + b"}", {f"k{n}": n for n in range(10_000)}),
    ("1 MiB", b'"' + b"a" * (BODY_BYTES - 2) + b'"', "a" * (BODY_BYTES - 2)),
    ("1 MiB and a byte", b'"' + b"a" * (BODY_BYTES - 1) + b'"', Reason.BODY_TOO_LARGE),
)  # fmt: skip


def _coded(name: str, text: bytes, value: object, *fields: bytes, reason: Reason | None = None) -> Document:
    return Document(name, text, value, reason, fields)


def _unread(name: str, text: bytes, *fields: bytes) -> Document:
    return _coded(name, text, None, *fields, reason=Reason.UNSUPPORTED_MEDIA)


_JSON = b"Content-Type: application/json"
_GZIP, _DEFLATE = b"Content-Encoding: gzip", b"Content-Encoding: deflate"
_RAW = zlib.compressobj(wbits=-zlib.MAX_WBITS)
_TEXT = b'{"a": 12345678901234567890}'
_VALUE = {"a": 12345678901234567890}
BODIES = group(
    "Types and codings", "RFC 9110 sections 8.3 and 8.4",
    (
        *[_coded(f"`Content-Type: {given}`", _TEXT, _VALUE, f"Content-Type: {given}".encode()) for given in (
            "application/json; charset=utf-8", "application/json;charset=UTF-8", "APPLICATION/JSON", "application/vnd.api+json",
            "application/json; x=y",
            'application/json; charset="utf-8"',
        )],
        *[_unread(f"`Content-Type: {given}`", _TEXT, f"Content-Type: {given}".encode()) for given in (
            "text/json", "text/plain", "application/json; charset=utf-16", "application/json; charset=latin1",
            "application/x-www-form-urlencoded",
            "multipart/form-data; boundary=x", "application/xml", "application/jsonx", "json", "application/json, text/plain",
            "",
        )],
        _unread("no type", _TEXT, b"X: y"),
        _coded("`null` of any type", b"null", None, b"Content-Type: text/plain"),
        _coded("`gzip`", gzip.compress(_TEXT), _VALUE, _JSON, _GZIP),
        _coded("`GZIP`", gzip.compress(_TEXT), _VALUE, _JSON, b"Content-Encoding: GZIP"),
        _coded("`deflate`", zlib.compress(_TEXT), _VALUE, _JSON, _DEFLATE),
        _coded("`deflate` without its header", _RAW.compress(_TEXT) + _RAW.flush(), _VALUE, _JSON, _DEFLATE),
        _coded("`identity`", _TEXT, _VALUE, _JSON, b"Content-Encoding: identity"),
        *[_unread(f"`{given}`", gzip.compress(_TEXT), _JSON, f"Content-Encoding: {given}".encode()) for given in (
            "br", "zstd", "x-gzip", "gzip, gzip", "compress", "gzip;q=1",
        )],
        *[_coded(name, text, None, _JSON, _GZIP, reason=Reason.MALFORMED_REQUEST) for name, text in (
            ("`gzip` that is none", _TEXT), ("`gzip` that is cut", gzip.compress(_TEXT)[:-1]),
            ("two members of `gzip`", gzip.compress(_TEXT) * 2),
            ("bytes behind `gzip`", gzip.compress(_TEXT) + b"x"),
            ("`gzip` with a wrong checksum", gzip.compress(_TEXT)[:-8] + b"\0" * 8),
        )],
        _coded("`gzip` of far too much", gzip.compress(b" " * 50_000_000, 1), None, _JSON, _GZIP, reason=Reason.BODY_TOO_LARGE),
        _coded("`gzip` of broken JSON", gzip.compress(b"{"), None, _JSON, _GZIP, reason=Reason.INVALID_JSON),
    ),
)  # fmt: skip

GROUPS: Sequence[Group[Document]] = (
    VALUES, SPACES, NUMBERS, STRINGS, STRUCTURE, LITERALS, BROKEN_NUMBERS, BROKEN_STRINGS, ENCODINGS, DECIDED, BODIES,
)  # fmt: skip
