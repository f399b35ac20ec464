"""The answer to a batch, as the caller of the whole batch is to read it."""

from typing import Any

import orjson
import pytest

from proxy.delivery.withheld import Withheld


def error(index: int, message: str = "upstream") -> dict[str, object]:
    """Return an error as Customer.io tells it."""
    return {"batch_index": index, "reason": "invalid", "field": "name", "message": message}


def withheld() -> Withheld:
    """Return a batch of five of which the second and fourth were taken out."""
    return Withheld([0, 2, 4], [error(1, "ours"), error(3, "ours")])


def answered(status: int, document: Any) -> tuple[int, Any] | None:  # noqa: ANN401  # any JSON
    """Return the answer to the whole, decoded."""
    answer = withheld().answer(status, document if isinstance(document, bytes) else orjson.dumps(document))
    return None if answer is None else (answer[0], orjson.loads(answer[1]))


OURS = [error(1, "ours"), error(3, "ours")]


@pytest.mark.parametrize("status", [200, 202])
@pytest.mark.parametrize(
    "body", [b"{}", b"", b"<html>", b"null", b"[1]", b'{"errors":null}', b'{"errors":{"a":1}}', b"{", b"\xff"]
)
def test_a_success_is_told_with_what_was_taken_out(status: int, body: bytes) -> None:
    """Whatever stands in it, the rest was taken and those items were not: 207, as Customer.io itself would say."""
    told = answered(status, body)
    assert told == (207, {"errors": OURS})


def test_what_else_a_success_says_is_kept() -> None:
    """Members that are not known today are passed on."""
    assert answered(200, {"id": "x", "errors": []}) == (207, {"id": "x", "errors": OURS})


def test_errors_come_back_at_the_indexes_of_the_caller() -> None:
    """Ours among Customer.io's, in the order of the items, two of one item in the order they were told."""
    upstream = [error(2, "a"), error(0, "b"), error(2, "c")]
    assert answered(207, {"errors": upstream}) == (
        207,
        {"errors": [error(0, "b"), error(1, "ours"), error(3, "ours"), error(4, "a"), error(4, "c")]},
    )


def test_a_refused_batch_stays_refused() -> None:
    """Its status is kept, and what is told of items is told of the caller's."""
    assert answered(400, {"errors": [error(1)]}) == (400, {"errors": [error(1, "ours"), error(2), error(3, "ours")]})


@pytest.mark.parametrize("body", [b'{"errors":[{"reason":"invalid"}]}', b'{"meta":{"error":"x"}}', b"<html>", b""])
def test_what_is_about_the_batch_as_a_whole_passes_as_it_is(body: bytes) -> None:
    """To its very bytes: it names no item."""
    assert withheld().answer(400, body) == (400, body)


def test_an_error_that_names_no_item_comes_last() -> None:
    """It is not lost."""
    told = answered(207, {"errors": ["odd", {"reason": "x"}, error(0)]})
    assert told == (207, {"errors": [error(0), *OURS, "odd", {"reason": "x"}]})


@pytest.mark.parametrize("body", [b"", b"{}", b"<html>", b'{"errors":{}}', b"[]"])
def test_a_partial_success_that_cannot_be_read_is_not_passed_on(body: bytes) -> None:
    """Some item failed, and nobody could say which: the caller would take the wrong one for done."""
    assert withheld().answer(207, body) is None


@pytest.mark.parametrize("status", [200, 207, 400])
@pytest.mark.parametrize("index", [3, -1, 10**30, "1", 1.0, True, None, []])
def test_an_error_about_an_item_that_was_not_sent_is_not_passed_on(status: int, index: object) -> None:
    """Any index told of it would be wrong."""
    assert answered(status, orjson.dumps({"errors": [{"batch_index": "@"}]}).replace(b'"@"', _json(index))) is None


def _json(value: object) -> bytes:
    return str(value).encode() if isinstance(value, int) and not isinstance(value, bool) else orjson.dumps(value)


def test_what_can_be_read_and_not_written_is_not_passed_on() -> None:
    """An answer nested without end is no answer of Customer.io's, and no fault of the sidecar."""
    deep = b"[" * 500 + b"]" * 500
    assert withheld().answer(207, b'{"errors":[],"deep":' + deep + b"}") is None


def test_it_shows_only_how_many() -> None:
    """Nothing of what was taken out."""
    assert repr(withheld()) == "Withheld(2 of 5)"
