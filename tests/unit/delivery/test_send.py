"""Sending, and the deadlines of what was sent."""

from proxy.errors import Reason
from tests.fakes import FakeCaller, outgoing
from tests.unit.delivery.test_exchange import Stage


def test_a_call_that_is_sent_is_on_its_way_until_it_is_answered() -> None:
    """With its body counted."""
    stage = Stage(idle=1)
    connection = stage.sent(body=b"four")
    assert (len(stage.sender.active), stage.sender.held_bytes) == (1, 4)
    connection.answer()
    assert (len(stage.sender.active), stage.sender.held_bytes) == (0, 0)


def test_a_deadline_is_the_last_moment_at_which_all_is_well() -> None:
    """A tick at the deadline itself ends nothing; the next one does."""
    stage = Stage(idle=1)
    exchange = stage.send()
    stage.clock.now = exchange.deadline
    stage.sender.tick()
    assert stage.caller.reason is None
    stage.clock.advance(0.1)
    stage.sender.tick()
    assert stage.caller.reason is Reason.UPSTREAM_TIMEOUT


def test_ten_thousand_calls_are_looked_at_in_no_time() -> None:
    """A tick acts on those whose time has passed, and only on those."""
    stage = Stage(rate=1e6, burst=1e6)
    callers = [FakeCaller() for _ in range(10_000)]
    for number, caller in enumerate(callers):
        stage.sender.send(outgoing(), caller, None, 0).deadline = stage.clock.now + number
    stage.clock.advance(99.5)
    stage.sender.tick()
    assert [index for index, caller in enumerate(callers) if caller.ended] == list(range(100))
    assert len(stage.sender.active) == 9_900
    for _, coroutine in stage.pool.dialling:
        coroutine.close()
