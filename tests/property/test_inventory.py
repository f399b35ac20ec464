"""The inventory, of any bodies: it keeps no value, counts what there is in whichever order, and stays within its bounds."""

from collections import Counter
from collections.abc import Iterator, Sequence

import orjson
import pytest
from aiohttp.test_utils import make_mocked_request
from hypothesis import given
from hypothesis import strategies as st

from proxy.admin.app import refusal
from proxy.admin.inventory import page
from proxy.policy import inventory as module
from proxy.policy.inventory import ANY_KEY, Inventory, named

keys = st.sampled_from(["plan", "address", "data", "ada@example.com", "2026-11-25", "", "*", "[]"]) | st.text(max_size=6)
values = st.none() | st.booleans() | st.integers(-9, 9) | st.text(max_size=3).map("canary-{}".format)
bodies = st.recursive(
    values,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(keys, inner, max_size=4),
    max_leaves=12,
)
# Of few names, so that the same places come again and again, some of them with many keys.
crowded = st.recursive(
    values,
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.sampled_from("abcdefg@") | st.just("data"), inner),
    max_leaves=30,
)
SMALL = {"MAP_KEYS": 3, "BELOW_MAX": 5, "FIELDS_MAX": 25, "PATHS_MAX_CHARACTERS": 150, "DEPTH_MAX": 3}


class Kept:
    """An inventory of some bodies, and what it told."""

    def __init__(self, several: Sequence[object], known: frozenset[tuple[str, str]] = frozenset()) -> None:
        """Let it see them all."""
        self.new = 0
        self.left_out = 0
        self.inventory = Inventory(lambda: 0.0, self._new, self._leave_out, known)
        for body in several:
            self.inventory.saw("e", body, orjson.dumps(body))
        self.places = frozenset((endpoint, seen.path) for endpoint, seen in self.inventory)

    def _new(self, _: str) -> None:
        self.new += 1

    def _leave_out(self) -> None:
        self.left_out += 1

    def page(self) -> bytes:
        """Return what the page shows."""
        response = page(lambda: self.inventory, refusal)(make_mocked_request("GET", "/"))
        assert isinstance(response.body, bytes)
        return response.body


def paths(value: object, path: str = "") -> Iterator[str]:
    """Yield the path of every value in a body, as the inventory tells it, once for each."""
    prefix = f"{path}." if path else ""
    if isinstance(value, dict):
        for key, child in value.items():
            below = prefix + (key if named(key) else ANY_KEY)
            yield below
            yield from paths(child, below)
    elif isinstance(value, list):
        for child in value:
            yield f"{prefix}[]"
            yield from paths(child, f"{prefix}[]")


@given(st.lists(bodies, max_size=4))
def test_every_value_is_counted_at_its_path_and_none_is_kept(several: list[object]) -> None:
    """No value, and no key that may be one, is on the page."""
    kept = Kept(several)
    counts: Counter[str] = Counter()
    for _, seen in kept.inventory:  # a dotted key spells the path of another
        counts[seen.path] += seen.count
    assert counts == Counter(path for body in several for path in paths(body))
    text = kept.page()
    assert b"canary" not in text
    assert b"@" not in text
    assert b"2026-11" not in text


@given(st.lists(crowded, max_size=6), st.randoms(use_true_random=False))
def test_the_order_of_calls_does_not_matter(several: list[object], random: object) -> None:
    """Not even to when an object was found to be a map: the page is the same to the byte."""
    shuffled = list(several)
    random.shuffle(shuffled)  # type: ignore[attr-defined]  # Hypothesis' own
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "MAP_KEYS", SMALL["MAP_KEYS"])
        assert Kept(several).page() == Kept(shuffled).page() == Kept(several[::-1]).page()


@given(st.lists(crowded, max_size=6))
def test_what_was_written_down_is_no_news_to_the_next(several: list[object]) -> None:
    """Whatever of it are maps: a restart with all fields known tells of none, and shows what was shown."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "MAP_KEYS", SMALL["MAP_KEYS"])
        before = Kept(several)
        after = Kept(several, before.places)
    assert after.new == 0
    assert after.places == before.places


@given(st.lists(bodies | crowded, max_size=8))
def test_it_stays_within_its_bounds(several: list[object]) -> None:
    """Of fields, of their paths together, of names at one place and of depth; it counts them right, and all it leaves out."""
    with pytest.MonkeyPatch.context() as patch:
        for name, bound in SMALL.items():
            patch.setattr(module, name, bound)
        kept = Kept(several)
    shown = [seen for _, seen in kept.inventory]
    assert kept.inventory.fields == len(shown) <= SMALL["FIELDS_MAX"]
    assert sum(len(seen.path) for seen in shown) <= SMALL["PATHS_MAX_CHARACTERS"]
    for seen in shown:
        names = len(seen.below) - (ANY_KEY in seen.below)
        assert names <= (SMALL["MAP_KEYS"] if seen.may_be_map else SMALL["BELOW_MAX"])
        assert not (seen.merged and names)
    assert kept.inventory.unrecorded == kept.left_out
    whole = Counter(path for body in several for path in paths(body))
    if kept.left_out == 0:
        assert sum(seen.count for seen in shown) == whole.total()
    else:
        assert sum(seen.count for seen in shown) <= whole.total()
