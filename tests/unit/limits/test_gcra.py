"""The arithmetic of rate limits."""

import math

import pytest

from proxy.limits.gcra import Quota, decide

TEN = Quota(rate_per_second=10, burst=3)


@pytest.mark.parametrize(("rate", "burst"), [(0, 1), (-1, 1), (math.nan, 1), (1, 0.5), (1, 0), (1, math.nan)])
def test_an_impossible_quota_is_refused(rate: float, burst: float) -> None:
    """No rate, or a burst that lets no call through, is an error where it is written, not a bucket that never opens."""
    with pytest.raises(ValueError, match="positive rate"):
        Quota(rate, burst)


def test_a_full_bucket_lets_a_burst_go_at_once() -> None:
    """As many calls as the burst says conform at one moment, and not one more."""
    tat = -math.inf
    waits = []
    for _ in range(4):
        decision = decide(tat, 5.0, TEN)
        waits.append(decision.wait_seconds)
        tat = decision.tat
    assert waits == [0, 0, 0, pytest.approx(0.1)]


def test_a_refused_call_takes_nothing() -> None:
    """Asking too early changes nothing: the call's turn does not move away from it."""
    tat = 5.3
    refused = decide(tat, 5.0, TEN)
    assert refused.wait_seconds == pytest.approx(0.1)
    assert refused.tat == tat
    assert decide(tat, 5.1 + 1e-9, TEN).wait_seconds == 0


def test_the_bucket_fills_at_its_rate() -> None:
    """After a burst is used up, a call conforms every interval."""
    tat = 5.3
    for moment in (5.1, 5.2, 5.3):
        decision = decide(tat, moment + 1e-9, TEN)
        assert decision.wait_seconds == 0
        tat = decision.tat
        assert decide(tat, moment + 1e-9, TEN).wait_seconds == pytest.approx(0.1, abs=1e-6)


def test_an_idle_bucket_holds_no_more_than_its_burst() -> None:
    """Time without calls is not saved up."""
    tat = 0.0
    allowed = 0
    while (decision := decide(tat, 3600.0, TEN)).wait_seconds == 0:
        allowed += 1
        tat = decision.tat
    assert allowed == 3


@pytest.mark.parametrize("ahead", [0.31, 60.0, 1e9])
def test_a_state_from_the_future_is_a_bucket_used_up(ahead: float) -> None:
    """A clock that went back refuses calls for one interval, not for as long as it went back."""
    decision = decide(5.0 + ahead, 5.0, TEN)
    assert decision.wait_seconds == pytest.approx(0.1)
    assert decide(decision.tat, 5.0 + decision.wait_seconds, TEN).wait_seconds == pytest.approx(0, abs=1e-9)


def test_replicas_share_a_quota() -> None:
    """What the replicas may send together is what the quota says."""
    part = Quota(1000, 100).share(4)
    assert (part.rate_per_second, part.burst) == (250, 25)


def test_no_replica_is_left_without_a_call() -> None:
    """A burst smaller than the number of replicas is not divided below one call, which could never be made."""
    assert Quota(0.1, 1).share(3) == Quota(0.1 / 3, 1.0)
