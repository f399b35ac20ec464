"""What is wrong with a configuration, in words."""

from typing import Annotated, Any, Literal

import pytest
from pydantic import Field, ValidationError
from pydantic_core import ErrorDetails

from proxy.config.model import Config
from proxy.config.problems import InvalidConfigError, Problem, dotted, each, found, problem, sections, together
from proxy.config.values import FROM_LIST, Section
from proxy.errors import ConfigError
from proxy.policy.model import PolicyDocument


class Inner(Section):
    """A section in a list."""

    key_name: int = 0


class Example(Section):
    """A value of every kind that a section can have."""

    whole: Annotated[int, Field(ge=1, le=9)] = 1
    number: Annotated[float, Field(gt=0, lt=9)] = 1
    truth: bool = False
    text: Annotated[str, Field(min_length=1, max_length=3, pattern="^[a-z]*$")] = "a"
    word: Literal["one", "two"] = "one"
    many: Annotated[tuple[Inner, ...], FROM_LIST, Field(min_length=1, max_length=2)] = (Inner(),)
    maybe: Inner | None = None
    needed: int


def wrong(document: dict[str, Any], schema: type[Section] = Example) -> list[Problem]:
    """Return what is wrong with a document."""
    with pytest.raises(ValidationError) as refused:
        schema.model_validate(document)
    return found(schema, refused.value)


@pytest.mark.parametrize(
    ("document", "path", "words"),
    [
        ({}, "needed", "is required"),
        ({"whole": "1"}, "whole", "must be a whole number"),
        ({"whole": 1.5}, "whole", "must be a whole number"),
        ({"whole": 0}, "whole", "must be at least 1"),
        ({"whole": 10}, "whole", "must be at most 9"),
        ({"number": "1"}, "number", "must be a number"),
        ({"number": 0}, "number", "must be more than 0.0"),
        ({"number": 9}, "number", "must be less than 9.0"),
        ({"number": float("nan")}, "number", "must be a finite number"),
        ({"truth": "yes"}, "truth", "must be true or false"),
        ({"text": 5}, "text", "must be text; write it in quotes"),
        ({"text": ""}, "text", "must not be empty"),
        ({"text": "aaaa"}, "text", "must have at most 3 characters"),
        ({"text": "A"}, "text", "must match ^[a-z]*$"),
        ({"word": "three"}, "word", "must be 'one' or 'two'"),
        ({"many": {}}, "many", "must be a list"),
        ({"many": []}, "many", "must not be empty"),
        ({"many": [{}, {}, {}]}, "many", "must have at most 2 items"),
        ({"many": [{}, 5]}, "many.1", "must be a mapping of key_name"),
        ({"many": [{"key_name": "x"}]}, "many.0.key_name", "must be a whole number"),
        ({"maybe": 5}, "maybe", "must be a mapping of key_name"),
        ({"maybe": {"key_name": None}}, "maybe.key_name", "must be a whole number"),
        ({"maybe": {"keyname": 1}}, "maybe", "holds a key it does not know: keyname; did you mean key_name?"),
        ({"many": [{"zzz": 1}]}, "many.0", "holds a key it does not know: zzz; it takes key_name"),
    ],
)
def test_each_kind_of_error_has_words_of_ours(document: dict[str, Any], path: str, words: str) -> None:
    """The words say what would be right."""
    ((shown, said),) = ((dotted(item.path), item.words) for item in wrong({"needed": 1} | document if document else {}))
    assert (shown, said) == (path, words)


def test_a_list_with_wrong_items_is_not_called_empty_too() -> None:
    """Pydantic counts only the items that are right; one of ours would send its reader to the wrong place."""
    items = wrong({"needed": 1, "many": [{"key_name": "x"}, {"zzz": 1}]})
    assert [dotted(item.path) for item in items] == ["many.0.key_name", "many.1"]


@pytest.mark.parametrize(
    "key", ["sk-CANARY", "CANARY8b4be41e9a1e4a1fb3c0", "CANARY with spaces", "CANARY\n", "CANARY" * 20, "5CANARY"]
)
def test_an_unknown_key_that_may_be_a_secret_is_placed_but_not_shown(key: str) -> None:
    """Its place is known, so that its line can be told; the key itself may be a secret in the wrong column."""
    (item,) = wrong({"needed": 1, "maybe": {key: 1}})
    assert item.place == ("maybe", key)
    assert "CANARY" not in dotted(item.path) + item.words


def test_a_page_that_says_what_may_stand_there_is_the_right_one() -> None:
    """A policy has a page of its own."""
    details: ErrorDetails = {"type": "date_parsing", "loc": ("mode",), "msg": "", "input": ""}
    assert problem(PolicyDocument, details).words == "is not allowed here; docs/policy.md says what is"


def test_a_kind_of_error_without_words_is_told_without_pydantic_s() -> None:
    """Pydantic's own messages quote values in some cases; a kind that is new to us is told in general."""
    details: ErrorDetails = {"type": "date_parsing", "loc": ("whole",), "msg": "CANARY", "input": "CANARY"}
    assert problem(Example, details).words == "is not allowed here; docs/configuration.md says what is"


@pytest.mark.parametrize("schema", [Config, PolicyDocument])
def test_a_list_or_a_word_is_no_part_of_a_key_path(schema: type[Section]) -> None:
    """Pydantic names the branch of a union it took; a key path has keys and positions only."""
    document = (
        {"outbound": {"callers": [{"name": "a b", "key": "env:A"}]}} if schema is Config else {"rules": [{"name": "a b"}]}
    )
    paths = {dotted(item.path) for item in wrong({"version": 1, **document}, schema)}
    assert paths >= {"outbound.callers.0.name" if schema is Config else "rules.0.name"}
    assert not any("(" in path for path in paths)


def test_sections_are_found_in_any_annotation() -> None:
    """Inside unions, lists and annotated types."""
    assert list(sections(Annotated[tuple[Inner, ...], 5] | Example | None)) == [Inner, Example]
    assert list(sections(int)) == []


def test_one_problem_stands_for_itself_and_several_for_all() -> None:
    """Whoever catches a `ConfigError` prints every line of it."""
    first, second = ConfigError("is wrong", path="a.b", file="f:1"), ConfigError("is wrong too", path="c")
    assert together([first]) is first
    both = together([first, second])
    assert isinstance(both, InvalidConfigError)
    assert str(both) == "f:1: a.b: is wrong\nc: is wrong too"
    assert each(both) == (first, second)
    assert each(first) == (first,)
