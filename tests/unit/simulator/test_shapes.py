"""The small checks: what each accepts, what each says, and how they join."""

import re

import pytest

from proxy.simulator.model import Check, Json, Problem
from proxy.simulator.shapes import (
    any_of,
    array,
    at_least_one,
    at_most_bytes,
    base64_text,
    boolean,
    both,
    digits,
    e164,
    email,
    exactly_one,
    fields,
    integer,
    json_object,
    null,
    pattern,
    person_id,
    size_bytes,
    string,
    text,
    ulid,
    values_of,
)

CASES: list[tuple[Check, list[Json], list[Json]]] = [
    (text(), ["a", " "], ["", 1, None, []]),
    (text(max_bytes=4), ["abcd", "éé"], ["abcde", "ééé"]),
    (text(allowed=("a", "b")), ["a"], ["c", "A"]),
    (string, ["", "a"], [None, 1]),
    (pattern(re.compile("a+"), "many a"), ["aa"], ["ab", "ba", 1]),
    (ulid, ["01HF7YAT00TSV4RRFFQ69G5FAV", "01hf7yat00tsv4rrffq69g5fav"], ["01HF7YAT00TSV4RRFFQ69G5FA", "I" * 26, 1]),
    (e164, ["+15550123", "+491512345678901"], ["15550123", "+0555", "+1", "+1234567890123456", 5]),
    (digits, ["0", "12"], ["", "-1", "1.0", "١", 1]),
    (email, ["a@b"], ["a", "@b", "a@", "a@b@c", 1]),
    (integer, [0, -1, 10**30], [1.0, "1", True, None]),
    (boolean, [True, False], [0, "true", None]),
    (base64_text, ["", "aGk="], ["aGk", "a-_=", "a b=", 1, None]),
    (person_id, ["5", 5, "x" * 150], ["", True, 1.5, None, "x" * 151, "é" * 76]),
    (null, [None], [0, "", {}]),
    (json_object, [{}, {"a": 1}], [[], None, "{}"]),
    (at_most_bytes(5), ["abcde", [1, 2], {}], ["abcdef", [1, 2, 3], "é" * 3]),
    (any_of(integer, null), [1, None], ["1"]),
    (both(text(), email), ["a@b"], ["", "a"]),
    (array(integer, at_least=1, at_most=2), [[1], [1, 2]], [[], [1, 2, 3], ["1"], {}, None]),
    (values_of(integer), [{}, {"a": 1}], [{"a": "1"}, [], None]),
    (at_least_one("a", "b.c"), [{"a": 0}, {"b": {"c": 1}}], [{}, {"a": None}, {"a": ""}, {"b": 1}, None, []]),
    (exactly_one({"a": integer, "b": integer}), [{"a": 1}, {"b": 1, "c": 2}], [{}, {"a": 1, "b": 2}, {"a": "1"}, [], None]),
    (
        fields({"a": integer}, {"b": integer}),
        [{"a": 1}, {"a": 0, "b": None, "c": "x"}],
        [{}, {"a": "1"}, {"a": 1, "b": ""}, []],
    ),
]


@pytest.mark.parametrize(("check", "good", "bad"), CASES)
def test_a_check_accepts_and_refuses(check: Check, good: list[Json], bad: list[Json]) -> None:
    """Each check finds nothing wrong with what it is for, and something with anything else."""
    assert [value for value in good if list(check("field", value))] == []
    assert [value for value in bad if not list(check("field", value))] == []


@pytest.mark.parametrize(("check", "good", "bad"), CASES)
def test_no_check_quotes_the_value(check: Check, good: list[Json], bad: list[Json]) -> None:
    """What is wrong is said in our words: values may be personal data. A check never raises, whatever it is given."""
    secret: list[Json] = ["sesame", {"sesame": "sesame"}, ["sesame"], {"a": "sesame", "b": "sesame"}]
    told = [problem for value in (*secret, *good, *bad) for problem in check("field", value)]
    assert not [problem for problem in told if "sesame" in problem.message + problem.field]


def test_a_problem_names_the_way_to_its_field() -> None:
    """Fields inside fields are told with dots, at any depth."""
    check = fields({"a": array(fields({"b": fields({"c": integer})}))})
    assert list(check("", {"a": [{"b": {"c": "1"}}, {"b": {}}]})) == [
        Problem("a.b.c", "must be an integer"),
        Problem("a.b.c", "is required", "required"),
    ]


def test_the_first_of_both_ends_it() -> None:
    """A later check is not asked about a value that an earlier one refuses."""
    assert list(both(json_object, at_least_one("a"))("x", 5)) == [Problem("x", "must be a JSON object")]


def test_any_of_tells_what_the_first_says() -> None:
    """The first alternative is the usual one, and the one to be told about."""
    assert list(any_of(integer, null)("x", "1")) == [Problem("x", "must be an integer")]


@pytest.mark.parametrize(("value", "size"), [("é", 2), ({"é": [1, None]}, 15), ("\ud83d", 3)])
def test_sizes_are_of_the_text_on_the_wire(value: Json, size: int) -> None:
    """A string counts its UTF-8, anything else its compact JSON; half a pair counts like a whole character."""
    assert size_bytes(value) == size
