"""The values that travel between floors do not show what they hold."""

import traceback

import pytest

from proxy.api.match import Match
from proxy.exchange import Admission, Failure, Outgoing, RequestHead
from tests.fakes import endpoint, outgoing
from tests.unit.test_pipeline import RULES

CANARY = "canary@example.com"
HEAD = RequestHead("PUT", b"/api/v1/customers/" + CANARY.encode(), {b"authorization": b"Bearer " + CANARY.encode()})
MATCH = Match(endpoint(), b"/api/v1/customers/" + CANARY.encode(), {"identifier": CANARY})


@pytest.mark.parametrize(
    "value",
    [
        HEAD,
        MATCH,
        Admission(RULES, MATCH, HEAD, "billing", 1000, started=0.0),
        Outgoing(endpoint(), b"PUT /api/v1/customers/" + CANARY.encode(), CANARY.encode(), strict=False),
    ],
)
def test_a_value_that_holds_a_request_does_not_print_it(value: object) -> None:
    """A traceback, a task's or a handle's name in asyncio's debug mode: none of them shows a person's data (promise G2)."""
    assert CANARY not in repr(value)
    assert CANARY not in str(value)
    assert CANARY not in str([value])


def test_a_traceback_with_variables_does_not_show_a_request() -> None:
    """Reports that print local variables are no way round."""

    def fail(call: Outgoing) -> None:
        raise ZeroDivisionError(len(call.body))

    with pytest.raises(ZeroDivisionError) as caught:
        fail(outgoing(body=CANARY.encode()))
    report = traceback.TracebackException.from_exception(caught.value, capture_locals=True)
    assert not [line for line in report.stack[-1].locals or {} if CANARY in (report.stack[-1].locals or {})[line]]


def test_the_failures_of_an_attempt_are_told_apart() -> None:
    """What may be repeated depends on which it was (promise G7)."""
    assert {failure.value for failure in Failure} == {"unsent", "closed", "truncated", "invalid"}
