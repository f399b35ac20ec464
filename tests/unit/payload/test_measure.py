"""Whether a value is over a bound: exactly at it, and one beyond."""

import base64
import json
from typing import Any

import pytest

from proxy.api.vendor_limits import Bound, Limit, Measure
from proxy.payload.measure import KNOWN_NAMES, Check, Names, checks, larger

AT_MOST = 40
# Characters of one, two, three and four bytes, and half of a surrogate pair, which is as long as its kind.
CHARACTERS = {"a": 1, "é": 2, "漢": 3, "😀": 4, "\ud83d": 3}


def check(measure: Measure, place: str = "", at_most: int = AT_MOST, besides: frozenset[str] = frozenset()) -> Check:
    """Return the check of one bound."""
    (made,) = checks([Bound(Limit.ID_BYTES, at_most, measure, place, besides)])
    return made


def exact(value: object) -> bytes:
    """Return JSON, by another encoder than the one under test uses for what fits in 64 bits."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()


def text(size_bytes: int, character: str) -> str:
    """Return a string of `size_bytes` bytes, as many as can be of `character`."""
    count, rest = divmod(size_bytes, CHARACTERS[character])
    return character * count + "a" * rest


@pytest.mark.parametrize("character", CHARACTERS)
@pytest.mark.parametrize("at_most", [9, 40, 150, 1000])
def test_a_string_has_the_bytes_of_its_utf_8(character: str, at_most: int) -> None:
    """Not its characters, and not those of the escapes or quotes that it leaves with."""
    assert not larger(text(at_most, character), at_most)
    assert larger(text(at_most + 1, character), at_most)
    assert larger(character * at_most, at_most) is (CHARACTERS[character] > 1)


@pytest.mark.parametrize(
    "value",
    [
        'quotes " and \\ and \n',
        [1, 2, 3],
        {"é": "漢😀", "b": [None, True, 1.5]},
        {"big": 10**30},
        10**150,
        -(10**150),
        10**19,
        [],
    ],
)  # fmt: skip
def test_anything_else_has_the_bytes_of_its_json(value: Any) -> None:  # noqa: ANN401  # any JSON
    """As it is written when it leaves; integers of any length too."""
    size = len(value.encode() if isinstance(value, str) else exact(value))
    assert not larger(value, size)
    assert larger(value, size - 1)


@pytest.mark.parametrize("value", [None, True, False, 1.7976931348623157e308, -2.2250738585072014e-308, 0, -1])
def test_scalars_are_never_large(value: object) -> None:
    """No limit is as low as the longest of them is long."""
    assert not larger(value, AT_MOST)


@pytest.mark.parametrize("character", CHARACTERS)
def test_sizes_names_values_and_ids_are_measured_at_their_place(character: str) -> None:
    """At the bound nothing is said, one byte beyond it is."""
    fits, over = text(AT_MOST, character), text(AT_MOST + 1, character)
    assert [check(Measure.SIZE, "a").over({"a": value}) for value in (fits, over)] == [False, True]
    assert [check(Measure.NAMES).over({"x": 1, value: 1}) for value in (fits, over)] == [False, True]
    assert [check(Measure.VALUES).over({"x": 1, "y": value}) for value in (fits, over)] == [False, True]
    assert [check(Measure.ID, "a").over({"a": value}) for value in (fits, over)] == [False, True]
    assert [check(Measure.ID, "a").over({"a": {"id": value}}) for value in (fits, over)] == [False, True]
    assert [check(Measure.ID, "a").over({"a": [5, value]}) for value in (fits, over)] == [False, True]
    assert [check(Measure.ID, "a").over({"a": 10 ** (AT_MOST + more)}) for more in (-1, 0)] == [False, True]


@pytest.mark.parametrize("place", ["a.b[].c", "a.b[]", "a"])
def test_a_place_is_found_through_objects_and_arrays(place: str) -> None:
    """In every element; whatever else stands on the way is passed by, for it is not what is measured."""
    over = {"c": "x" * 50} if place.endswith("c") else "x" * 50
    whole: dict[str, object] = {"a": {"b": [{"c": "x"}, over]}} if "b" in place else {"a": over}
    assert check(Measure.SIZE, place).over(whole)
    assert not check(Measure.SIZE, place).over({"a": {"b": [{"c": "x"}, {"c": 1}, {}]}})
    others: tuple[object, ...] = (
        None,
        [],
        "x" * 50,
        5,
        {},
        {"a": None},
        {"a": {"b": None}},
        {"a": {"b": {"c": 1}}},
        {"a": {"b": [None, [], 1]}},
    )
    for other in others:
        assert not check(Measure.SIZE, place).over(other)


def test_members_are_counted() -> None:
    """Of objects and arrays, without those that are no members in the sense of the limit."""
    counting = check(Measure.COUNT, "a", besides=frozenset({"_update"}))
    for size, over in ((AT_MOST, False), (AT_MOST + 1, True)):
        assert counting.over({"a": [0] * size}) is over
        assert counting.over({"a": {str(number): 0 for number in range(size)}}) is over
        assert counting.over({"a": {"_update": True, **{str(number): 0 for number in range(size)}}}) is over
    assert not counting.over({"a": "x" * 100})
    assert counting.floor == 2 * AT_MOST


def test_what_is_no_value_of_an_attribute_is_not_measured() -> None:
    """A command may be as large as its own limits let it."""
    values = check(Measure.VALUES, besides=frozenset({"cio_relationships"}))
    assert not values.over({"cio_relationships": ["x" * 100]})
    assert values.over({"cio_relationships": ["x" * 100], "more": ["x" * 100]})
    assert values.over({"more": "x" * 100})


def test_an_email_address_may_be_long() -> None:
    """Customer.io documents no limit for one."""
    assert not check(Measure.ID, "a").over({"a": "x" * 100 + "@example.com"})
    assert not check(Measure.ID, "a").over({"a": {"email": "x" * 100 + "@example.com"}})


@pytest.mark.parametrize("size", range(AT_MOST - 2, AT_MOST + 4))
def test_files_are_measured_without_their_base64(size: int) -> None:
    """All together; what is no string is no file."""
    files = check(Measure.FILES, "attachments")
    assert files.over({"attachments": {"a": base64.b64encode(b"x" * size).decode(), "b": 5}}) is (size > AT_MOST)
    halves = {name: base64.b64encode(b"x" * part).decode() for name, part in (("a", size // 2), ("b", size - size // 2))}
    assert files.over({"attachments": halves}) is (size > AT_MOST)
    assert not files.over({"attachments": "x" * 100})


def test_a_body_is_over_its_size_once_it_is_asked_about() -> None:
    """The floor was the limit itself; where members do not count, the rest is measured."""
    assert check(Measure.SIZE).over({})
    rest = check(Measure.SIZE, besides=frozenset({"attachments"}))
    assert not rest.over({"attachments": "x" * 100, "a": "x" * (AT_MOST - 8)})
    assert rest.over({"attachments": "x" * 100, "a": "x" * (AT_MOST - 7)})


def test_checks_stand_in_the_order_of_their_floors() -> None:
    """The first that a body does not reach ends the search."""
    made = checks(
        Bound(Limit.ID_BYTES, at_most, measure)
        for at_most, measure in ((100, Measure.SIZE), (60, Measure.COUNT), (10, Measure.ID))
    )
    assert [each.floor for each in made] == [10, 100, 120]


def test_names_that_are_remembered_do_not_fill_the_memory() -> None:
    """However many names callers think of (promise G12); a long one is found each time."""
    names = check(Measure.NAMES)
    assert isinstance(names, Names)
    for number in range(3 * KNOWN_NAMES):
        assert not names.over({f"name_{number}": 1, "plan": 1})
    assert len(names._known) <= KNOWN_NAMES
    for _ in range(2):
        assert names.over({"plan": 1, "x" * 41: 1})
