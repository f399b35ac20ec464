"""Callers' keys where clients put them beside the header."""

import time
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy.api.endpoints import ENDPOINTS
from proxy.api.match import Match, Table
from proxy.api.model import Upstream
from proxy.credentials.callers import Callers
from proxy.credentials.shown import in_target, masked, may_be_shown, taken_out
from proxy.sensitive import Sensitive

KEY, NUMBER, SHORT = "callers-key-0123456789", "1234567890123456", "short-key"
CALLERS = Callers.of([("billing", Sensitive(KEY)), ("numbers", Sensitive(NUMBER)), ("short", Sensitive(SHORT))], frozenset())
MANY = Callers.of([(f"caller-{index}", Sensitive(f"callers-key-{index:010}")) for index in range(100)], frozenset())
(BATCH,) = [endpoint for endpoint in ENDPOINTS if endpoint.name == "pipelines.v1.batch"]
(IDENTIFY,) = [endpoint for endpoint in ENDPOINTS if endpoint.name == "track.v1.identify"]


def left(value: object, callers: Callers = CALLERS) -> Any:  # noqa: ANN401  # any JSON
    """Return what is left of a body."""
    text = orjson.dumps(value)
    return masked(callers, orjson.loads(text)) if callers.may_be_in(text) else value


def test_every_row_of_pipelines_says_where_the_key_is() -> None:
    """Top level, `context`, and both in items; no other API's clients have such a field."""
    for endpoint in ENDPOINTS:
        expected = ("writeKey", "context.writeKey", "batch[].writeKey", "batch[].context.writeKey")
        assert endpoint.caller_keys == (expected if endpoint.upstream is Upstream.PIPELINES else ())


@pytest.mark.parametrize(
    ("value", "rest", "keys"),
    [
        ({"writeKey": "a", "x": 1}, {"x": 1}, {"a"}),
        ({"context": {"writeKey": "a", "ip": "1"}}, {"context": {"ip": "1"}}, {"a"}),
        ({"batch": [{"writeKey": "a"}, {"context": {"writeKey": "b"}}]}, {"batch": [{}, {"context": {}}]}, {"a", "b"}),
        ({"writeKey": {"a": 1}}, {}, set()),
        ({"writeKey": ["a"], "context": [{"writeKey": "b"}]}, {"context": [{}]}, {"b"}),
        ({"batch": {"writeKey": "a"}}, {"batch": {}}, {"a"}),
        ({"batch": [[{"writeKey": "a"}]]}, {"batch": [[{}]]}, {"a"}),
        ([{"writeKey": "a"}], [{}], {"a"}),
        ({"writeKey": None, "context": None, "batch": None}, {"context": None, "batch": None}, set()),
        ({"properties": {"writeKey": "a"}, "write_key": "b"}, {"properties": {"writeKey": "a"}, "write_key": "b"}, set()),
        ("writeKey", "writeKey", set()),
    ],
)
def test_a_key_is_taken_out_of_its_places(value: object, rest: object, keys: set[str]) -> None:
    """Whatever its type; only a text can name a caller. Elsewhere a field of that name is a field."""
    assert (taken_out(BATCH, value), value) == (keys, rest)


def test_a_key_is_found_however_its_name_is_spelled() -> None:
    """JSON may escape any letter."""
    text = b'{"\\u0077rite\\u004bey":"a"}'
    value = orjson.loads(text)
    assert may_be_shown(text)
    assert (taken_out(BATCH, value), value) == ({"a"}, {})
    assert not may_be_shown(b'{"write_key":"a","b":"\\n"}')


def test_other_apis_keep_their_fields() -> None:
    """The Track API has no such field, so it may be an attribute."""
    value = {"writeKey": "a"}
    assert (taken_out(IDENTIFY, value), value) == (set(), {"writeKey": "a"})


@pytest.mark.parametrize("callers", [CALLERS, MANY], ids=["few", "many"])
def test_a_key_is_masked_as_a_whole_value(callers: Callers) -> None:
    """At any depth, in lists and at the top; what only holds it is somebody's text."""
    key = KEY if callers is CALLERS else "callers-key-0000000042"
    assert left({"a": key, "b": [key, {"c": key}], "d": f"<{key}>", key: 1}, callers) == {
        "a": "[REDACTED]", "b": ["[REDACTED]", {"c": "[REDACTED]"}], "d": f"<{key}>", key: 1,
    }  # fmt: skip
    assert left(key, callers) == "[REDACTED]"
    escaped = b'{"a":"' + "".join(f"\\u{ord(letter):04x}" for letter in key).encode() + b'"}'
    assert callers.may_be_in(escaped)
    assert masked(callers, orjson.loads(escaped)) == {"a": "[REDACTED]"}


def test_a_key_of_digits_is_masked_as_a_number_too() -> None:
    """Another type is the same key."""
    assert left({"a": int(NUMBER), "b": NUMBER, "c": float(NUMBER), "d": int(NUMBER) + 1}) == {
        "a": "[REDACTED]", "b": "[REDACTED]", "c": "[REDACTED]", "d": int(NUMBER) + 1,
    }  # fmt: skip


def test_a_short_key_is_an_ordinary_word() -> None:
    """Under 16 bytes it could be anybody's value; and without callers there is nothing to look for."""
    assert left({"a": SHORT}) == {"a": SHORT}
    assert left({"a": KEY}, Callers()) == {"a": KEY}


@given(
    st.recursive(st.sampled_from([KEY, "x", 1, None, True]), lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner))
)
def test_no_value_is_a_key(value: object) -> None:
    """In any JSON; everything else is as it was."""
    text = orjson.dumps(value)
    out = orjson.dumps(left(value))
    assert out == text.replace(b'"' + KEY.encode() + b'"', b'"[REDACTED]"')


def endpoint_of(target: bytes) -> Match:
    """Return what a target is."""
    return Table(ENDPOINTS, unknown="inspect").match("PUT" if b"customers" in target else "GET", target)


def test_a_key_in_a_target_is_found() -> None:
    """As a path id, a query value, or a parameter or a segment that no row names."""
    key = KEY.encode()
    assert in_target(CALLERS, endpoint_of(b"/api/v1/customers/" + key))
    assert in_target(CALLERS, endpoint_of(b"/api/v1/nothing?a=" + key))
    assert in_target(CALLERS, endpoint_of(b"/api/v1/nothing?" + key + b"=a"))
    assert in_target(CALLERS, endpoint_of(b"/api/v1/nothing/" + key))
    assert not in_target(CALLERS, endpoint_of(b"/api/v1/customers/x" + key))
    assert not in_target(Callers(), endpoint_of(b"/api/v1/customers/" + key))


def test_looking_is_linear() -> None:
    """A megabyte of keys takes milliseconds."""
    value = {"batch": [{"writeKey": f"{index}", "a": KEY, "context": {"writeKey": KEY}} for index in range(15_000)]}
    text = orjson.dumps(value)
    before = time.process_time()
    found = taken_out(BATCH, value)
    assert CALLERS.named_by(found) == {"billing"}
    assert CALLERS.may_be_in(text)
    masked(CALLERS, value)
    assert time.process_time() - before < 0.5
