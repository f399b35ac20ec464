"""The generic cell rate algorithm (GCRA), as pure arithmetic.

The state of a bucket is one number, the theoretical arrival time (TAT): the time at which the bucket would be full again.
A call conforms if it comes no earlier than `TAT - (burst - 1) * interval`. In any window of t seconds, at most
`rate * t + burst` calls conform, with no double burst at the edge of a window (promise G6).
"""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Quota:
    """A rate limit: the sustained rate, and the number of calls that may come at the same time."""

    rate_per_second: float
    burst: float

    def __post_init__(self) -> None:
        """Check the values.

        Raises:
            ValueError: the rate is not positive, or the burst is less than one call.
        """
        if not self.rate_per_second > 0 or not self.burst >= 1:
            message = "a quota needs a positive rate and a burst of at least one call"
            raise ValueError(message)

    @property
    def interval_seconds(self) -> float:
        """The time between two calls at the sustained rate."""
        return 1 / self.rate_per_second

    @property
    def tolerance_seconds(self) -> float:
        """The time by which calls may be ahead of the sustained rate."""
        return (self.burst - 1) / self.rate_per_second

    def share(self, replicas: int) -> "Quota":
        """Return the share of one replica, if `replicas` keep the quota without communication.

        The burst stays at least one call, because a replica with less could never send.
        """
        return Quota(self.rate_per_second / replicas, max(1.0, self.burst / replicas))


@dataclass(frozen=True, slots=True)
class Decision:
    """The decision on a call: go (`wait_seconds` is 0), or ask again after `wait_seconds`. `tat` is always the new state."""

    wait_seconds: float
    tat: float


def decide(tat: float, now: float, quota: Quota) -> Decision:
    """Decide on a call at time `now`, given the bucket's state `tat`. All times are in seconds of one clock.

    The wait is at most one interval. A state further in the future than an empty bucket's comes from another clock (the clock
    was set back, or restarted). It counts as a bucket that has just been emptied.
    """
    interval = quota.interval_seconds
    tat = min(tat, now + quota.burst * interval)
    wait = tat - quota.tolerance_seconds - now
    if wait > 0:
        return Decision(wait, tat)
    return Decision(0.0, max(tat, now) + interval)
