"""Structure inside strings."""

import pytest

from proxy.errors import Reason, RefusedError
from proxy.policy.texts import held_json, may_be_structured, parameters_treated, spelled


@pytest.mark.parametrize(
    ("body", "may"),
    [
        (b'{"plan":"pro","a":[1,{"b":"c d"}]}', False),
        (b'{"a":"{\\"ssn\\":1}"}', True),
        (b'{"a":"{\\u0022ssn\\u0022:1}"}', True),
        (b'{"url":"https://x/?ssn=1"}', True),
        (b'{"url":"https://x/?ssn\\u003d1"}', True),
        (b'{"url":"https://x/?ssn\\u003D1"}', True),
    ],
)
def test_most_bodies_hold_nothing_in_their_strings(body: bytes, *, may: bool) -> None:
    """An object with a key needs a quotation mark inside a string, a parameter an equals sign; each has its escapes."""
    assert may_be_structured(body) is may


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ('{"a":1}', {"a": 1}),
        (' \n[{"a":1}]', [{"a": 1}]),
        ('"{\\"a\\":1}"', '{"a":1}'),
        ("[1,2]", None),
        ('say "hi"', None),
        ('{"a":', None),
        ("plain", None),
        ('{"a":123456789012345678901}', {"a": 123456789012345678901}),
        ('{"a":"\ud800"}', {"a": "\ud800"}),
        ('{"\ud800', None),
    ],
)
def test_json_in_a_string_is_found(text: str, value: object) -> None:
    """Arrays, objects and strings of it; what holds no key or is no JSON is text."""
    assert held_json(text, 100) == value


@pytest.mark.parametrize("text", ['{"a":' * 200 + "1" + "}" * 200, '["\ud800",' + '{"a":' * 200 + "1" + "}" * 200 + "]"])
def test_json_that_is_nested_too_deep_is_refused(text: str) -> None:
    """It could not be looked into."""
    with pytest.raises(RefusedError) as refused:
        held_json(text, 100)
    assert refused.value.reason is Reason.TOO_DEEP


def test_what_was_changed_is_spelled_as_compact_json() -> None:
    """As bodies are."""
    assert spelled({"a": [1, "ü"]}) == '{"a":[1,"ü"]}'


def treat(name: str, value: str) -> tuple[str, str] | None:
    """Drop `ssn`, mask `card`, double the value of `x`."""
    if name == "ssn":
        return None
    return (name, "[REDACTED]") if name == "card" else (name, value * 2 if name == "x" else value)


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ("https://a/b?ssn=1", "https://a/b?"),
        ("https://a/b?ssn=1&plan=pro", "https://a/b?plan=pro"),
        ("https://a/b?plan=pro&ssn=1", "https://a/b?plan=pro"),
        ("https://a/b?plan=pro&ssn=1#ssn=2", "https://a/b?plan=pro#"),
        ("https://a/b?plan=%20pro%2f&card=1", "https://a/b?plan=%20pro%2f&card=%5BREDACTED%5D"),
        ("/b?%73sn=1&a", "/b?a"),
        ("ssn=1;ssn=2;a=b", "a=b"),
        ("see https://a/?ssn=1 and ssn=2 there", "see https://a/? and  there"),
        ("x=a+b", "x=a+ba+b"),
        ("x=%C3%A4", "x=%C3%A4%C3%A4"),
        ("aGVsbG8=", "aGVsbG8="),
        ("a==b&ssn", "a==b&ssn"),
        ("plain", "plain"),
        ("ssn=", ""),
        ("notssn=1", "notssn=1"),
    ],
)
def test_parameters_are_treated_where_they_stand(text: str, kept: str) -> None:
    """Names and values decoded; what is not changed keeps its very spelling, and a separator goes with what it separated."""
    assert parameters_treated(text, treat) == kept
