"""Identifiers and values that JSON, URLs or a language make hard, and what becomes of each in each SDK.

What an SDK sends of a value is its own affair (customerio-api.md 2.4, 2.5). What arrives behind the sidecar is the same value;
the few exceptions are marked, and listed in `docs/sdks.md`.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

from proxy.errors import Reason
from tests.sdk.arrivals import Json
from tests.sdk.sdks import (
    ASYNC,
    CDP_NODE,
    CDP_PYTHON,
    CDP_PYTHON_GZIP,
    NODE,
    NODE4,
    NODE4_4,
    PYTHON,
    PYTHON2,
    PYTHON2_PLAIN,
    PYTHON_PLAIN,
    Sdk,
)

PYTHONS = (PYTHON, PYTHON_PLAIN, PYTHON2, PYTHON2_PLAIN)
NODES = (NODE, NODE4, NODE4_4)
TRACK = (*PYTHONS, ASYNC, *NODES)
PIPELINES = (CDP_PYTHON, CDP_PYTHON_GZIP, CDP_NODE)
IDENTIFYING = (*TRACK, *PIPELINES)

# Identifiers that arrive as they are, in one spelling.
PEOPLE = (
    "5",
    "jo+e@example.com",
    "a&b=c;d",
    "a$b:c,d",
    "a?b#c",
    "100%",
    "a%2Fb",
    "a%20b",
    "a b",
    "a\\b",
    "~!*'()._-",
    "\N{LATIN SMALL LETTER E WITH ACUTE}\N{CJK UNIFIED IDEOGRAPH-6F22}\N{PARTY POPPER}",
    "e\N{COMBINING ACUTE ACCENT}",
    "cio_03000001",
    "...",
    "a..b",
    "a\tb",
    "\x7f\x01",
    "x" * 150,
)
# Those with a slash; one client leaves it as it is.
WITH_SLASHES = ("a/b", "a//b", "https://example.com/ada")
# Encoded or not, servers are known to fold these away, and others would then be meant.
WITH_DOT_SEGMENTS = ("a/../b", "../b", "a/.", "a\\..\\b")
# SDKs resolve these before they send.
DOTS = (".", "..")
# Too long for Customer.io (customerio-api.md 1.2), and it is the one to say so.
TOO_LONG = "x" * 151


@dataclass(frozen=True)
class Raises:
    """The SDK refuses the value, with this text among what its user reads; without a text it drops the call in silence."""

    text: str = ""


@dataclass(frozen=True)
class Refused:
    """The SDK sends what is no JSON, and the sidecar says so; straight, nobody does."""

    reason: Reason


@dataclass(frozen=True)
class Value:
    """One value of an attribute, and what every SDK sends of it, but for those that send `otherwise`."""

    name: str
    given: Json
    sent: Json | Raises | Refused
    otherwise: Mapping[Sdk, Json | Raises | Refused] = field(default_factory=dict)

    def sent_by(self, sdk: Sdk) -> Json | Raises | Refused:
        """Return what `sdk` sends of it."""
        return self.otherwise.get(sdk, self.sent)


def _by(sdks: tuple[Sdk, ...], outcome: Json | Raises | Refused) -> dict[Sdk, Json | Raises | Refused]:
    return dict.fromkeys(sdks, outcome)


_PYTHON_CDP = (CDP_PYTHON, CDP_PYTHON_GZIP)
_JAVASCRIPT = (*NODES, CDP_NODE)
_NOT_FINITE = Raises("Out of range float values are not JSON compliant")
_NO_BIGINT = {**_by(NODES, Raises("Do not know how to serialize a BigInt")), CDP_NODE: Raises()}
_BUFFER = {"type": "Buffer", "data": [104, 105]}

# The SDK writes the word `NaN`, which is no JSON, and the sidecar makes null of it.
NAN = "NaN"

VALUES = (
    Value("null", None, None),
    Value("true", True, True),
    Value("empty string", "", ""),
    Value("empty object", {}, {}),
    Value("empty array", [], []),
    Value("zero", 0, 0),
    Value("negative zero", {"$float": "-0.0"}, -0.0, _by(_JAVASCRIPT, 0)),
    Value("a tenth", 0.1, 0.1),
    Value("a large float", 1e300, 1e300),
    Value("a small float", 5e-324, 5e-324),
    Value("a safe integer", 2**53 - 1, 2**53 - 1),
    Value("64 bits", {"$int": str(2**63)}, 2**63, _NO_BIGINT),
    Value("21 digits", {"$int": "123456789012345678901"}, 123456789012345678901, _NO_BIGINT),
    Value("control characters", "\x00\x1f\x7f\u2028", "\x00\x1f\x7f\u2028"),
    Value("an emoji", "\N{PARTY POPPER}", "\N{PARTY POPPER}"),
    Value("half an emoji", "\ud83c", "\ud83c", _by((ASYNC,), Raises("surrogates not allowed"))),
    Value("markup", "<b>&</b>", "<b>&</b>"),
    Value("nested", {"a": [{"b": [None, 1.5, "c"]}]}, {"a": [{"b": [None, 1.5, "c"]}]}),
    Value("NaN", {"$float": "nan"}, None, _by(_PYTHON_CDP, NAN)),
    Value("NaN inside", [{"$float": "nan"}], [None], {**_by((PYTHON2, PYTHON2_PLAIN), _NOT_FINITE), **_by(_PYTHON_CDP, [NAN])}),
    Value("infinity", {"$float": "Infinity"}, _NOT_FINITE, {
        **_by(_JAVASCRIPT, None), **_by(_PYTHON_CDP, Refused(Reason.INVALID_JSON))
    }),
    Value(
        "an instant", {"$datetime": "2026-01-02T03:04:05+00:00"}, 1767323045,
        {**_by(_JAVASCRIPT, "2026-01-02T03:04:05.000Z"), **_by(_PYTHON_CDP, "2026-01-02T03:04:05+00:00")},
    ),
    Value(
        "an instant elsewhere", {"$datetime": "2026-01-02T03:04:05+02:00"}, 1767315845,
        {
            # Before 3, the zone was thrown away.
            **_by((PYTHON2, PYTHON2_PLAIN), 1767323045),
            **_by(_JAVASCRIPT, "2026-01-02T01:04:05.000Z"),
            **_by(_PYTHON_CDP, "2026-01-02T03:04:05+02:00"),
        },
    ),
    Value(
        "bytes", {"$bytes": "hi"}, Raises("Object of type bytes is not JSON serializable"),
        {**_by(_JAVASCRIPT, _BUFFER), **_by(_PYTHON_CDP, "hi")},
    ),
)  # fmt: skip
