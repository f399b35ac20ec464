"""Any batch, any of its items over a limit, any errors upstream: each error comes back where it belongs."""

from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy.exchange import RequestHead
from proxy.payload.measure import larger
from proxy.pipeline import OversizeError, admit, prepare
from tests.unit.test_pipeline import ENFORCING, JSON

HEAD = RequestHead("POST", b"/api/v2/batch", JSON)
# How an item is over a limit, or not.
KINDS: dict[str, dict[str, Any]] = {
    "small": {"attributes": {"plan": "pro"}},
    "quoted": {"attributes": {"note": 'say "yes"\n'}},
    "wide": {"attributes": {"\N{GRINNING FACE}" * 37: "\N{GRINNING FACE}" * 250}},
    "name": {"attributes": {"\N{GRINNING FACE}" * 38: 1}},
    "value": {"attributes": {"note": "x" * 1001}},
    "many": {"attributes": {f"a{number}": 1 for number in range(301)}},
    "id": {"identifiers": {"id": "5" * 151}},
    "item": {"note": "x" * 33_000},
}
FITTING = frozenset({"small", "quoted", "wide"})
BATCHES = st.lists(st.sampled_from(sorted(KINDS)), min_size=1, max_size=12)


def item(number: int, kind: str) -> dict[str, Any]:
    """Return an item that can be told from all others."""
    return {"type": "person", "action": "identify", "identifiers": {"id": str(number)}, "number": number, **KINDS[kind]}


@given(BATCHES, st.sampled_from([200, 204, 207, 400]), st.data())
def test_each_error_comes_back_once_at_the_index_of_the_caller(kinds: list[str], status: int, data: st.DataObject) -> None:
    """Items that stay keep their order; the errors together name each item that was not taken, and no other."""
    batch = [item(number, kind) for number, kind in enumerate(kinds)]
    fitting = [number for number, kind in enumerate(kinds) if kind in FITTING]
    admission, sent = admit(ENFORCING, HEAD, 0.0), orjson.dumps({"batch": batch})
    if not fitting:
        with pytest.raises(OversizeError) as caught:
            prepare(admission, sent)
        assert [excess.index for excess in caught.value.excesses] == list(range(len(kinds)))
        return
    outgoing, _ = prepare(admission, sent)
    left = [each["number"] for each in orjson.loads(outgoing.body)["batch"]]
    assert left == fitting
    if len(left) == len(kinds):
        assert outgoing.withheld is None
        return
    assert outgoing.withheld is not None
    failed = data.draw(st.lists(st.sampled_from(range(len(left))), max_size=5)) if status in (207, 400) else []
    upstream = [{"batch_index": index, "message": f"of {left[index]}"} for index in failed]
    body = b"" if status == 204 else orjson.dumps({"errors": upstream} if status in (207, 400) else {})
    told = outgoing.withheld.answer(status, body)
    assert told is not None
    if status == 400 and not upstream:
        assert told == (400, body)
        return
    assert told[0] == (400 if status == 400 else 207)
    errors = orjson.loads(told[1])["errors"]
    assert [error["batch_index"] for error in errors] == sorted(error["batch_index"] for error in errors)
    ours = [error["batch_index"] for error in errors if error.get("reason") == "too_large"]
    theirs = [error for error in errors if error.get("reason") != "too_large"]
    assert ours == [number for number in range(len(kinds)) if number not in fitting]
    assert all(error["message"] == f"of {error['batch_index']}" for error in theirs)
    assert sorted(error["batch_index"] for error in theirs) == sorted(left[index] for index in failed)


@given(st.text(), st.integers(min_value=9, max_value=200))
def test_a_string_is_as_large_as_its_utf_8(text: str, at_most: int) -> None:
    """None of the short cuts changes the answer."""
    assert larger(text, at_most) is (len(text.encode()) > at_most)


@given(st.integers(), st.integers(min_value=9, max_value=200))
def test_an_integer_is_as_large_as_its_digits(number: int, at_most: int) -> None:
    """Nor for numbers."""
    assert larger(number, at_most) is (len(str(number)) > at_most)
