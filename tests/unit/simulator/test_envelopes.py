"""How errors are told: each API's own shape, and never more than is known."""

import json

import pytest

from proxy.simulator import envelopes
from proxy.simulator.model import Api, Envelope, Problem
from tests.unit.simulator.calls import ROWS

MISSING = Problem("name", "is required", "required")
LONG = Problem("id", "is too long", "too_large")


@pytest.mark.parametrize(
    ("envelope", "body"),
    [
        (Envelope.META_ERRORS, {"meta": {"errors": ["name is required", "id is too long"]}}),
        (Envelope.META_ERROR, {"meta": {"error": "name is required"}}),
        (
            Envelope.FIELDS,
            {
                "errors": [
                    {"reason": "required", "field": "name", "message": "name is required"},
                    {"reason": "too_large", "field": "id", "message": "id is too long"},
                ]
            },
        ),
        (
            Envelope.DETAIL,
            {"errors": [{"detail": "name is required", "status": "400"}, {"detail": "id is too long", "status": "400"}]},
        ),
        (Envelope.CODE, {"code": "required", "message": "name is required"}),
    ],
)
def test_each_envelope_has_its_shape(envelope: Envelope, body: object) -> None:
    """The shapes are those of customerio-api.md 1.3 to 1.6."""
    reply = envelopes.refusal(envelope, [MISSING, LONG])
    assert reply.status == 400
    assert json.loads(reply.body) == body  # noqa: TID251  # our own output
    assert reply.headers == {"Content-Type": "application/json"}


def test_the_first_problem_decides_the_status() -> None:
    """A call with several faults is answered for the first of them."""
    assert envelopes.refusal(Envelope.META_ERROR, [Problem("a", "b", status=413), MISSING]).status == 413


def test_a_batch_that_is_wrong_as_a_whole_tells_no_items() -> None:
    """An item's fault does not matter where nothing of the batch is accepted."""
    reply = envelopes.refusal(Envelope.FIELDS, [Problem("a", "b", index=0), MISSING])
    assert reply.status == 400
    assert b"batch_index" not in reply.body
    assert b"name is required" in reply.body


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("track.v1.event", {"meta": {"error": "Unauthorized request: check the site id and the API key"}}),
        ("track.v2.batch", {"meta": {"error": "Unauthorized request: check the site id and the API key"}}),
        ("app.send.email", {"meta": {"error": "Unauthorized request: check the App API key"}}),
        ("app.segments.list", {"errors": [{"detail": "Unauthorized request: check the App API key", "status": "401"}]}),
        ("pipelines.track", {"code": "unauthorized", "message": "Unauthorized request: check the write key"}),
    ],
)
def test_a_401_says_what_to_check(name: str, text: object) -> None:
    """It names the credential, not which half of it is wrong."""
    reply = envelopes.unauthorized(ROWS[name], "/")
    assert reply.status == 401
    assert json.loads(reply.body) == text  # noqa: TID251  # our own output


def test_an_unknown_target_is_answered_for_the_api_it_looks_like() -> None:
    """The three APIs share a port here, so the beginning of the path has to tell."""
    assert envelopes.guess("/v1/x") is Api.APP
    assert envelopes.guess("/api/v2/x") is Api.TRACK
    assert envelopes.unauthorized(None, "/v1/x").body == b'{"errors":[{"detail":"Unauthorized request","status":"401"}]}'


def test_half_a_pair_can_be_answered() -> None:
    """A lone surrogate in recorded data does not break the control API: it stays an escape."""
    assert envelopes.dumps({"a": "\ud83d"}) == b'{"a":"\\ud83d"}'
