"""The fields that callers send, by their paths."""

from collections.abc import Sequence

import orjson
import pytest

from proxy.policy.detectors.scanner import Scanner
from proxy.policy.inventory import (
    BELOW_MAX,
    DEPTH_MAX,
    FIELDS_MAX,
    KEY_MAX_CHARACTERS,
    MAP_KEYS,
    PATHS_MAX_CHARACTERS,
    Inventory,
    Seen,
    named,
)

IDENTIFY = "track.v1.identify"


def names(count: int) -> list[str]:
    """Return so many names, no two alike, without a digit."""
    return ["".join(chr(97 + int(digit)) for digit in str(number)) for number in range(count)]


class Watched:
    """An inventory on a clock that the test turns, and what it told."""

    def __init__(self, known: frozenset[tuple[str, str]] = frozenset(), detect: Sequence[str] = ()) -> None:
        """Begin at second 100."""
        self.now = 100.0
        self.new: list[str] = []
        self.left_out = 0
        scanner = Scanner(detect, {}) if detect else None
        self.inventory = Inventory(lambda: self.now, self.new.append, self._leave_out, known, scanner)

    def _leave_out(self) -> None:
        self.left_out += 1

    def saw(self, body: object, endpoint: str = IDENTIFY) -> None:
        """Show it a body."""
        self.inventory.saw(endpoint, body, orjson.dumps(body))

    def fields(self) -> dict[str, Seen]:
        """Return every field of any endpoint by its path."""
        return {seen.path: seen for _, seen in self.inventory}


def test_every_field_is_written_down_with_its_path_and_types() -> None:
    """In objects, in arrays, of all types it came as; the same path of another endpoint is another field."""
    watched = Watched()
    watched.saw({"plan": "pro", "address": {"city": "Paris"}, "tags": ["a", 1], "items": [{"sku": 1.5}, {"sku": None}]})
    watched.saw({"plan": 3, "ok": True})
    watched.saw({"plan": "x"}, "track.v1.event")
    fields = {(endpoint, seen.path): seen for endpoint, seen in watched.inventory}
    assert {path: seen.type_names for (endpoint, path), seen in fields.items() if endpoint == IDENTIFY} == {
        "address": ["object"],
        "address.city": ["string"],
        "items": ["array"],
        "items.[]": ["object"],
        "items.[].sku": ["number", "null"],
        "ok": ["boolean"],
        "plan": ["string", "integer"],
        "tags": ["array"],
        "tags.[]": ["string", "integer"],
    }
    assert fields["track.v1.event", "plan"].count == 1
    assert list(fields) == sorted(fields)
    assert watched.inventory.fields == len(fields)


def test_how_often_and_when() -> None:
    """First and last, in the clock's own seconds."""
    watched = Watched()
    watched.saw({"a": 1, "b": [1, 2]})
    watched.now = 200.0
    watched.saw({"a": 2})
    fields = watched.fields()
    assert [(seen.count, seen.first_seen, seen.last_seen) for seen in (fields["a"], fields["b.[]"])] == [
        (2, 100.0, 200.0),
        (2, 100.0, 100.0),
    ]
    assert watched.inventory.since == 100.0


def test_a_field_is_new_once() -> None:
    """Unless it is known; each is told with its endpoint."""
    watched = Watched(frozenset({(IDENTIFY, "plan")}))
    for _ in range(2):
        watched.saw({"plan": "pro", "ssn": "1"})
        watched.saw({"plan": "pro"}, "track.v1.event")
    assert watched.new == [IDENTIFY, "track.v1.event"]
    assert [(seen.path, seen.new) for _, seen in watched.inventory] == [("plan", True), ("plan", False), ("ssn", True)]


# Keys that are data


@pytest.mark.parametrize(
    "key", ["plan", "first_name", "First Name", "$set", "cio.topics.topic_1", "naïve", "имя", "utm_2024", "a-b"]
)
def test_the_name_of_a_field_is_shown(key: str) -> None:
    """In any script, with the signs that stand in names."""
    assert named(key)


@pytest.mark.parametrize(
    "key",
    [
        "",
        "ada@example.com",
        "+15550123",
        "12345",
        "507f1f77bcf86cd799439011",
        "https://x/y",
        "10.0.0.1",
        "order_20261125",
        "a" * 81,
    ],
)
def test_a_key_that_may_be_a_value_is_not_shown(key: str) -> None:
    """An address, a number, an id, a date; whatever it is, its values are still looked into."""
    watched = Watched()
    watched.saw({"by": {key: {"plan": 1}, "x": 1}})
    assert not named(key)
    assert set(watched.fields()) == {"by", "by.*", "by.*.plan", "by.x"}


def test_an_object_with_many_different_keys_is_a_map() -> None:
    """What it maps from is data: the names that were shown before are forgotten, too, and what stands below them."""
    watched = Watched()
    for name in names(MAP_KEYS):
        watched.saw({"scores": {name: {"of": 1}}})
    assert len(watched.fields()) == 1 + 2 * MAP_KEYS
    watched.now = 200.0
    for key in ("jane", "john", "jane"):
        watched.saw({"scores": {key: {"of": "1", "last": 1}}})
    fields = watched.fields()
    assert set(fields) == {"scores", "scores.*", "scores.*.of", "scores.*.last"}
    assert watched.inventory.fields == 4
    assert "jane" not in repr([seen.below for seen in fields.values()])


def test_what_was_recorded_at_the_keys_of_a_map_is_not_lost() -> None:
    """Counts, types, dates and finds are those of all its keys, below them and in their arrays, too."""
    watched = Watched()
    for name in names(MAP_KEYS):
        watched.saw({"scores": {name: {"of": 1, "in": [1, "x"]}}})
    watched.now = 200.0
    watched.saw({"scores": {"jane": {"of": None}}})
    fields = watched.fields()
    assert {path: (seen.count, seen.type_names) for path, seen in fields.items()} == {
        "scores": (MAP_KEYS + 1, ["object"]),
        "scores.*": (MAP_KEYS + 1, ["object"]),
        "scores.*.of": (MAP_KEYS + 1, ["integer", "null"]),
        "scores.*.in": (MAP_KEYS, ["array"]),
        "scores.*.in.[]": (2 * MAP_KEYS, ["string", "integer"]),
    }
    assert {(seen.first_seen, seen.last_seen) for path, seen in fields.items() if ".in" in path} == {(100.0, 100.0)}
    assert {(seen.first_seen, seen.last_seen) for path, seen in fields.items() if ".in" not in path} == {(100.0, 200.0)}


def test_keys_that_are_data_make_no_map_of_names() -> None:
    """An object is a map by how many names it held, before or after keys that are none."""
    keys = [*names(MAP_KEYS), "ada@example.com"]
    for order in (keys, keys[::-1]):
        watched = Watched()
        for key in order:
            watched.saw({"by": {key: 1}})
        assert set(watched.fields()) == {"by", "by.*", *(f"by.{name}" for name in names(MAP_KEYS))}


def test_a_map_of_maps_is_a_map_of_maps_whichever_is_found_out_first() -> None:
    """One of its keys had many keys; or all of them together have."""
    one, together = Watched(), Watched()
    one.saw({"by": {"jane": dict.fromkeys(names(MAP_KEYS + 1), 1)}})
    one.saw({"by": {key: {"x": 1} for key in names(MAP_KEYS)}})
    for name in names(MAP_KEYS + 1):
        together.saw({"by": {name: {name: 1}}})
    for watched in (one, together):
        assert list(watched.fields()) == ["by", "by.*", "by.*.*"]
        assert watched.inventory.fields == 3


def test_a_map_that_is_known_is_one_from_the_start() -> None:
    """So its keys are no news after a restart; a field below them is, and so is a key beside known names."""
    known = frozenset(
        {(IDENTIFY, path) for path in ("scores", "scores.*", "scores.*.of", "address", "address.*", "address.city")}
    )
    watched = Watched(known)
    watched.saw({"scores": {"jane": {"of": 1}, "john": {"of": 2}}, "address": {"city": 1}})
    assert watched.new == []
    assert list(watched.fields()) == ["address", "address.city", "scores", "scores.*", "scores.*.of"]
    watched.saw({"scores": {"jane": {"ssn": 1}}, "address": {"street": 1}})
    watched.saw({"scores": {"jane": 1}}, "track.v1.event")
    fresh = [(endpoint, seen.path) for endpoint, seen in watched.inventory if seen.new]
    assert fresh == [
        ("track.v1.event", "scores"),
        ("track.v1.event", "scores.jane"),
        (IDENTIFY, "address.street"),
        (IDENTIFY, "scores.*.ssn"),
    ]
    assert len(watched.new) == len(fresh)


def test_where_no_map_can_be_a_known_star_makes_none() -> None:
    """In the body itself and in what holds attributes, names are news however many keys were data."""
    watched = Watched(frozenset({(IDENTIFY, "*"), (IDENTIFY, "data"), (IDENTIFY, "data.*")}))
    watched.saw({"ssn": 1, "data": {"ssn": 1}})
    assert list(watched.fields()) == ["data", "data.ssn", "ssn"]
    assert len(watched.new) == 2


@pytest.mark.parametrize(
    "around", [lambda body: body, lambda body: {"attributes": body}, lambda body: {"batch": [{"traits": body}]}]
)
def test_a_body_with_many_attributes_is_no_map(around) -> None:  # type: ignore[no-untyped-def]  # noqa: ANN001 - from dict to dict
    """Nor is what only holds attributes: Customer.io takes three hundred of a person."""
    watched = Watched()
    attributes = names(300)
    watched.saw(around(dict.fromkeys(attributes, 1)))
    assert sum(path.rpartition(".")[2] in attributes for path in watched.fields()) == 300


# Bounds


def test_one_place_has_room_for_so_many_fields() -> None:
    """What is beyond shares `*`, looked into like the rest, and is counted, each time; known fields are still written down."""
    watched = Watched()
    for name in names(BELOW_MAX):
        watched.saw({name: 1})
    assert (watched.inventory.fields, watched.left_out) == (BELOW_MAX, 0)
    for name in names(BELOW_MAX + 5)[BELOW_MAX:]:
        watched.saw({name: {"ssn": 1}})
    assert (watched.inventory.fields, watched.inventory.unrecorded, watched.left_out) == (BELOW_MAX + 2, 5, 5)
    watched.saw({"a": 1})
    fields = watched.fields()
    assert [fields[path].count for path in ("a", "*", "*.ssn")] == [2, 5, 5]


def test_the_whole_has_room_for_so_many_fields() -> None:
    """However they are spread."""
    watched = Watched()
    for endpoint in range(FIELDS_MAX // BELOW_MAX + 2):
        watched.saw(dict.fromkeys(names(BELOW_MAX), 1), f"endpoint-{endpoint}")
    assert watched.inventory.fields == FIELDS_MAX == len(list(watched.inventory))
    assert watched.inventory.unrecorded == watched.left_out == 2 * BELOW_MAX


def test_paths_have_room_together() -> None:
    """Deep fields with long names fill it before there are too many of them; forgetting those of a map makes room."""
    watched = Watched()
    long = [name.ljust(KEY_MAX_CHARACTERS, "z") for name in names(MAP_KEYS)]
    for place in long:
        for endpoint in ("a", "b"):
            body: object = dict.fromkeys(long, 1)
            for _ in range(DEPTH_MAX - 2):
                body = {place: body}
            watched.saw(body, endpoint)
    characters = sum(len(seen.path) for _, seen in watched.inventory)
    assert PATHS_MAX_CHARACTERS - DEPTH_MAX * (KEY_MAX_CHARACTERS + 1) < characters <= PATHS_MAX_CHARACTERS
    assert watched.inventory.fields == len(list(watched.inventory)) < FIELDS_MAX
    assert watched.inventory.unrecorded == watched.left_out > 0

    watched = Watched()
    for round_ in range(2 * PATHS_MAX_CHARACTERS // (MAP_KEYS * KEY_MAX_CHARACTERS)):
        watched.saw({f"map-{names(round_ + 1)[-1]}": dict.fromkeys([*long, "x"], 1)})
    assert watched.inventory.unrecorded == 0


def test_what_is_deeper_than_fields_are_is_counted_and_not_looked_at() -> None:
    """The object or array at the last level is written down as one, and what it holds is told to be missing."""
    watched = Watched()
    for inside in ({"a": 1}, [1], {}, [], 1):
        body: object = inside
        for _ in range(DEPTH_MAX):
            body = {"a": body}
        watched.saw(body)
    assert watched.inventory.fields == DEPTH_MAX
    assert watched.inventory.unrecorded == watched.left_out == 2
    assert watched.fields()[".".join("a" * DEPTH_MAX)].type_names == ["object", "array", "integer"]


@pytest.mark.parametrize("body", [None, 1, "x", [], [1], {}])
def test_any_body_is_written_down(body: object) -> None:
    """One that is no object has no fields, but perhaps elements."""
    watched = Watched()
    watched.saw(body)
    assert list(watched.fields()) == (["[]"] if body == [1] else [])


# Detectors


@pytest.mark.needs("detectors")
def test_what_is_found_in_values_is_counted_at_their_field() -> None:
    """In texts and numbers, as rules would; a key in which something is found is not shown."""
    watched = Watched(detect=["payment_card", "email"])
    watched.saw({"note": "4111 1111 1111 1111, ada@example.com", "n": 4111111111111111, "plan": "pro", "f": 4111111111111111.0})
    watched.saw({"note": "ada@example.com and bob@example.com", "ok": True, "none": None})
    fields = watched.fields()
    assert {path: seen.detectors for path, seen in fields.items() if seen.detectors} == {
        "f": {"payment_card": 1},
        "n": {"payment_card": 1},
        "note": {"payment_card": 1, "email": 3},
    }
    watched.saw({"by": {"x ada@example.com": 1, "GB82WEST": 1}})
    assert watched.fields()["by.*"].detectors == {"email": 1}
    assert "by.x ada@example.com" not in watched.fields()


@pytest.mark.needs("detectors")
def test_a_key_in_which_something_is_found_is_not_shown() -> None:
    """Though it looks like a name: an operator's own pattern knows better."""
    watched = Watched()
    watched.inventory = Inventory(
        lambda: 0.0, watched.new.append, watched._leave_out, scanner=Scanner(["badge"], {"badge": "B-[0-9]{4}"})
    )
    assert named("B-1234")
    for _ in range(2):
        watched.saw({"by": {"B-1234": {"plan": "x"}, "B": 1}})
    fields = watched.fields()
    assert set(fields) == {"by", "by.*", "by.*.plan", "by.B"}
    assert (fields["by.*"].count, fields["by.*"].detectors) == (2, {"badge": 2})


def test_other_settings_leave_what_was_recorded() -> None:
    """A reload changes what is looked for and what is news; counts and dates stay."""
    watched = Watched()
    watched.saw({"plan": "pro", "mail": "a@b.com"})
    watched.inventory.change(frozenset({(IDENTIFY, "city"), (IDENTIFY, "plan")}), Scanner(["email"], {}))
    watched.now = 200.0
    watched.saw({"mail": "a@b.com", "city": "Paris", "street": "x"})
    fields = watched.fields()
    assert (fields["mail"].count, fields["mail"].first_seen, fields["mail"].last_seen) == (2, 100.0, 200.0)
    assert dict(fields["mail"].detectors) == {"email": 1}
    assert {path for path, seen in fields.items() if seen.new} == {"mail", "street"}
    assert watched.inventory.since == 100.0
