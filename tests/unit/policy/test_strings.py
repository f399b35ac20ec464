"""The texts of a body: what they hold is a part of it."""

from typing import Any

import orjson
import pytest

from proxy.errors import Reason, RefusedError
from proxy.policy.fields import DeniedError
from proxy.policy.texts import NESTED_MAX
from tests.unit.policy.test_apply import policy

STRIP = policy({"fields": ["ssn"], "action": "strip"})


def text(value: object) -> str:
    """Return JSON as a string holds it."""
    return orjson.dumps(value).decode()


# JSON in strings


@pytest.mark.parametrize(
    ("held", "kept"),
    [
        ({"ssn": 1, "a": 2}, {"a": 2}),
        ([{"ssn": 1}, {"a": 2}], [{}, {"a": 2}]),
        ({"a": {"ssn": 1}}, {"a": {}}),
        ({"a": text({"ssn": 1, "b": 2})}, {"a": text({"b": 2})}),
        (text({"ssn": 1}), text({})),
        ({"a": "https://x/?ssn=1&b=2"}, {"a": "https://x/?b=2"}),
    ],
)
def test_json_in_a_string_is_looked_into(held: object, kept: object) -> None:
    """As deep as it goes, in strings of strings too."""
    assert STRIP.apply({"note": text(held)})[0] == {"note": text(kept)}


@pytest.mark.parametrize(
    "held", ['{ "a" : 1.0 , "b" : 12345678901234567890 }', '{"a":1', 'say "ssn" is 1', '["b"]', '"quoted"']
)
def test_a_string_in_which_nothing_is_named_keeps_its_spelling(held: str) -> None:
    """Blanks, numbers and all."""
    assert STRIP.apply({"note": held}) == ({"note": held}, [])


def test_json_in_strings_is_looked_into_so_often_and_no_more() -> None:
    """What is nested deeper could hide anything, so it does not leave."""
    body: Any = {"ssn": 1}
    for _ in range(NESTED_MAX):
        body = {"a": text(body)}
    kept: Any = STRIP.apply(body)[0]
    for _ in range(NESTED_MAX):
        kept = orjson.loads(kept["a"])
    assert kept == {}
    with pytest.raises(RefusedError) as refused:
        STRIP.apply({"a": text({"a": text({"a": text({"a": text({"a": text({"ssn": 1})})})})})})
    assert refused.value.reason is Reason.TOO_DEEP


def test_json_at_an_identifier_position_is_an_identifier() -> None:
    """Customer.io would know nobody by its treated form."""
    assert STRIP.apply({"email": text({"ssn": 1})})[0] == {"email": text({"ssn": 1})}


# Parameters


@pytest.mark.parametrize(
    ("url", "kept"),
    [
        ("https://x/?ssn=123&plan=pro", "https://x/?plan=pro"),
        ("https://x/?user[ssn]=123&plan=pro", "https://x/?plan=pro"),
        ("https://x/?next=https%3A%2F%2Fy%2F%3Fssn%3D1", "https://x/?next=https%3A%2F%2Fy%2F%3F"),
        ("https://x/?q=%7B%22ssn%22%3A1%7D", "https://x/?q=%7B%7D"),
        ("S-S-N=1&a=b", "a=b"),
    ],
)
def test_parameters_are_fields(url: str, kept: str) -> None:
    """Of a URL, a form, a text; in brackets, coded, and inside each other."""
    assert STRIP.apply({"href": url, "deep": [{"x": url}]})[0] == {"href": kept, "deep": [{"x": kept}]}


def test_parameters_are_hashed_and_masked_under_their_names() -> None:
    """A hash takes the parameter's name with its ending, as in a body."""
    both = policy({"fields": ["phone"], "action": "hash"}, {"fields": ["card"], "action": "mask"})
    assert both.apply({"url": "/a?phone=%2B1-555-0123&card=4111&b=1"})[0] == {
        "url": "/a?phone_hash=100978d4e704e8c8&card=%5BREDACTED%5D&b=1"
    }
    with pytest.raises(DeniedError):
        policy({"fields": ["card"], "action": "deny"}).apply({"url": "/a?card=1"})


def test_the_query_of_a_url_at_a_routing_position_is_looked_at() -> None:
    """A page view's name is its URL; an identifier that only looks like a parameter is left."""
    page = policy({"fields": ["ssn"], "action": "strip"})
    assert page.apply({"email": "ssn=1"})[0] == {"email": "ssn=1"}
    assert page.apply({"ids": ["https://x/?ssn=1"]})[0] == {"ids": ["https://x/?"]}


@pytest.mark.parametrize("held", ["x=1", '{"x": 1}', "'x': 1", "x%3D1"])
def test_what_a_text_holds_depends_on_where_it_stands(held: str) -> None:
    """A text in which nothing was named at one place is looked into again at another, where a path names it."""
    rule = policy({"paths": ["b.x", "b.**.x"], "action": "mask"})
    kept: Any = rule.apply({"a": held, "b": held, "c": [held, held]})[0]
    assert (kept["a"], kept["c"]) == (held, [held, held])
    assert kept["b"] != held


@pytest.mark.parametrize("key", ["log `ssn`: 5", "log “ssn”: 5", "log &quot;ssn&quot;: 5", "log 'ssn': 5", 'log "ssn": 5'])
def test_g1_a_key_that_holds_a_named_value_is_looked_into(key: str) -> None:
    """In whatever quotation marks the name stands."""
    assert "5" not in text(STRIP.apply({"a": {key: 1}})[0])
