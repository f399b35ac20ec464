"""The page of the inventory."""

import orjson
from aiohttp import web
from aiohttp.test_utils import make_mocked_request

from proxy.admin.app import refusal
from proxy.admin.inventory import page
from proxy.cli.running import ANSWER_MAX_BYTES
from proxy.config.known import KNOWN_MAX_BYTES
from proxy.policy.inventory import BELOW_MAX, FIELDS_MAX, KEY_MAX_CHARACTERS, Inventory


def shown(kept: Inventory | None) -> web.Response:
    """Return what the page answers."""
    return page(lambda: kept, refusal)(make_mocked_request("GET", "/v1/policy/inventory"))


def test_every_field_is_shown_with_dates_that_people_read() -> None:
    """In UTC, by endpoint and path."""
    inventory = Inventory(lambda: 1_700_000_000.9, lambda _: None, lambda: None, {("track.v1.identify", "plan")})
    body = {"plan": "value-CANARY", "tags": [1]}
    inventory.saw("track.v1.identify", body, orjson.dumps(body))
    response = shown(inventory)
    assert isinstance(response.body, bytes)
    assert b"CANARY" not in response.body
    assert response.headers["Cache-Control"] == "no-store"
    seen = {"count": 1, "detectors": {}, "first_seen": "2023-11-14T22:13:20Z", "last_seen": "2023-11-14T22:13:20Z"}
    assert orjson.loads(response.body) == {
        "since": "2023-11-14T22:13:20Z",
        "unrecorded": 0,
        "fields": [
            {"endpoint": "track.v1.identify", "path": "plan", "types": ["string"], "new": False} | seen,
            {"endpoint": "track.v1.identify", "path": "tags", "types": ["array"], "new": True} | seen,
            {"endpoint": "track.v1.identify", "path": "tags.[]", "types": ["integer"], "new": True} | seen,
        ],
    }


def test_a_full_inventory_can_be_read() -> None:
    """As long as it can be, it is shorter than what the command takes, and than a file of known fields may be."""
    inventory = Inventory(lambda: 1_700_000_000.9, lambda _: None, lambda: None)
    letters = [f"{number:04d}".translate(str.maketrans("0123456789", "abcdefghij")) for number in range(BELOW_MAX)]
    filler = "\U00020000" * (KEY_MAX_CHARACTERS - 4)  # letters of four bytes
    values: list[object] = [{}, [], "x", 1, 1.5, True, None]
    for value in values:
        for number in range(FIELDS_MAX // BELOW_MAX + 1):
            inventory.saw(f"endpoint-with-a-long-name-{number}", {"data": {key + filler: value for key in letters}}, b"")
    assert inventory.fields == FIELDS_MAX
    assert inventory.unrecorded > 0
    response = shown(inventory)
    assert isinstance(response.body, bytes)
    assert 10_000_000 < len(response.body) < min(ANSWER_MAX_BYTES, KNOWN_MAX_BYTES)


def test_without_an_inventory_the_page_says_how_to_have_one() -> None:
    """It is there all the same, for whoever bears the token."""
    response = shown(None)
    assert response.status == 404
    assert isinstance(response.body, bytes)
    assert b"inventory_off" in response.body
    assert b"policy.inventory" in response.body
