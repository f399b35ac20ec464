"""The inventory, of any bodies: it keeps no value, and counts what there is."""

from collections.abc import Iterator

import orjson
from aiohttp.test_utils import make_mocked_request
from hypothesis import given
from hypothesis import strategies as st

from proxy.admin.app import refusal
from proxy.admin.inventory import page
from proxy.policy.inventory import ANY_KEY, Inventory, named

keys = st.sampled_from(["plan", "address", "data", "ada@example.com", "2026-11-25", "", "*"]) | st.text(max_size=6)
bodies = st.recursive(
    st.none() | st.booleans() | st.integers(-9, 9) | st.text(max_size=3).map("canary-{}".format),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(keys, inner, max_size=4),
    max_leaves=12,
)


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
    """In whichever order bodies come; no value and no key that may be one is on the page."""
    pages = []
    for order in (several, several[::-1]):
        inventory = Inventory(lambda: 0.0, lambda _: None, lambda: None)
        for body in order:
            inventory.saw("e", body, orjson.dumps(body))
        expected = [path for body in several for path in paths(body)]
        assert {seen.path: seen.count for _, seen in inventory} == {path: expected.count(path) for path in expected}
        response = page(lambda kept=inventory: kept, refusal)(make_mocked_request("GET", "/"))  # type: ignore[misc]  # bound here
        assert isinstance(response.body, bytes)
        pages.append(response.body)
    assert pages[0] == pages[1]
    assert b"canary" not in pages[0]
    assert b"@" not in pages[0]
