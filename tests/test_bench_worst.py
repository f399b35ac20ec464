"""The bounds on what a body costs, for every body that a search has found to be dear, and for those that anybody sends."""

from collections.abc import Iterator
from random import Random  # noqa: TID251 - made from a seed

import orjson
import pytest

from bench import ordinary, worst
from bench.hostile import FAMILIES, FRAMES, PLAUSIBLE, SHAPES, TOKENS, Recipe, recipe
from bench.reference import FAULT, LONGEST_SECONDS, admission, cost, within_limits
from bench.steps import STEPS
from bench.worst import Named, kept, measured, searched

SIZE_BYTES = 65_536
BODIES = [*(Named(*item) for item in FAMILIES.items()), *kept()]
# About the sizes that Customer.io's limits come to, by the call.
LIMITED_BYTES = {"event": 97_000, "under a hash": 97_000, "hashed whole": 97_000, "tiny": 480_000, "per user": 600_000,
                 "members": 6_000, "recipients": 100_000}  # fmt: skip

pytestmark = pytest.mark.needs("detectors")


@pytest.mark.parametrize("inventory", [False, True])
@pytest.mark.parametrize("name", ordinary.BODIES)
def test_an_ordinary_body_is_never_too_much_work(name: str, inventory: bool) -> None:  # noqa: FBT001 - a parameter
    """Large bodies as applications send them, within Customer.io's own limits: each of them leaves (design 2)."""
    method, target, body = ordinary.BODIES[name]
    call = admission(method, target, inventory=inventory)
    assert within_limits(call, body)
    assert cost(call, body).answer == "sent"


@pytest.mark.parametrize(("name", "each"), BODIES)
def test_g11_every_dear_body_is_sent_or_refused(name: str, each: Recipe) -> None:
    """Of every kind that is known to be dear, none fails: it is within its budget, or refused as too much work."""
    frame = FRAMES[each.frame]
    assert cost(admission(frame.method, frame.target), each.body(SIZE_BYTES, 0)).answer != FAULT, name


@pytest.mark.parametrize("name", STEPS)
def test_g11_no_step_takes_long(name: str) -> None:
    """However large a single value is, what looks at it stops in between. Twice the bound: the machine may be busy."""
    call = admission("POST", "/v1/send/email")
    body = STEPS[name](1_000_000)
    found = []
    for _ in range(3):
        found.append(cost(call, body).longest)
        if found[-1] < 2 * LONGEST_SECONDS["Python"]:
            break
    assert min(found) < 2 * LONGEST_SECONDS["Python"]
    assert cost(call, body).answer != FAULT


@pytest.mark.parametrize("name", sorted(PLAUSIBLE))
def test_no_plausible_body_within_the_limits_of_customer_io_is_too_much_work(name: str) -> None:
    """Plain data, and as much of it as a call may hold: what Customer.io would take is not refused for what it costs."""
    each = FAMILIES[name]
    frame = FRAMES[each.frame]
    call = admission(frame.method, frame.target)
    body = each.body(LIMITED_BYTES[each.frame])
    assert within_limits(call, body)
    assert cost(call, body).answer == "sent"


def test_a_recipe_is_what_it_says() -> None:
    """Any recipe gives JSON of no more bytes than were asked for, can be written down, and made again to the byte."""
    for frame in FRAMES:
        for shape in SHAPES:
            each = Recipe(frame, shape, ("k", "{n}"), tuple(TOKENS[:9]))
            body = each.body(4096)
            orjson.loads(body)
            assert 1000 < len(body) <= 4096, (frame, shape)
            assert recipe(orjson.loads(each.spelled())).body(4096) == body


def test_the_search_finds_what_is_dear() -> None:
    """The dearest first, and a body that costs ten times another is told from it."""
    found = list(searched(Random(1), 0.5, []))  # noqa: S311 - no secrets
    assert [per_byte for per_byte, _ in found] == sorted((per_byte for per_byte, _ in found), reverse=True)
    assert found[0][0] > 3 * found[-1][0]


def test_a_row_tells_what_is_over_its_bound(monkeypatch: pytest.MonkeyPatch) -> None:
    """A body that costs more than it may is told, and so is one that is refused though Customer.io would take it."""

    def rows() -> Iterator[worst.Row]:
        return measured([Named("plain", FAMILIES["single digits"])], inventory=False)

    monkeypatch.setattr(worst, "SIZES", (65_536,))
    (row,) = rows()
    assert row.within
    assert row._replace(cost=row.cost._replace(total=1.0, longest=0.2, answer="sent")).faults == ["holds", "costs"]
    assert row._replace(cost=row.cost._replace(total=0.0, longest=0.0, answer="too_complex")).faults == ["refused"]
    assert row._replace(cost=row.cost._replace(total=0.0, longest=0.0, answer=FAULT)).faults == [FAULT]
