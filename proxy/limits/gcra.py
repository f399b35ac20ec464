"""The generic cell rate algorithm: the arithmetic only.

The state of a bucket is one number, the theoretical arrival time (TAT): the moment at which the bucket would be full again.
A call conforms when it comes no earlier than `TAT - (burst - 1) * interval`. Over any window of t seconds at most
`rate * t + burst` calls conform, with no double burst at a window's edge (promise G6).
"""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Quota:
    """A sustained rate and how many calls may come at once on top of it."""

    rate_per_second: float
    burst: float

    def __post_init__(self) -> None:
        """Refuse impossible values.

        Raises:
            ValueError: the rate is not positive, or the burst is under one call.
        """
        if not self.rate_per_second > 0 or not self.burst >= 1:
            message = "a quota needs a positive rate and a burst of at least one call"
            raise ValueError(message)

    @property
    def interval_seconds(self) -> float:
        """The time one call takes from the bucket."""
        return 1 / self.rate_per_second

    @property
    def tolerance_seconds(self) -> float:
        """How far ahead of the steady rate calls may run."""
        return (self.burst - 1) / self.rate_per_second

    def share(self, replicas: int) -> "Quota":
        """Return one replica's part when `replicas` keep the quota without talking to each other.

        A burst is not divided below one call: a replica that may never send is no replica.
        """
        return Quota(self.rate_per_second / replicas, max(1.0, self.burst / replicas))


@dataclass(frozen=True, slots=True)
class Decision:
    """What a call is told: go (`wait_seconds` is 0), or ask again after `wait_seconds`. `tat` is the new state either way."""

    wait_seconds: float
    tat: float


def decide(tat: float, now: float, quota: Quota) -> Decision:
    """Decide on a call at `now`, given the bucket's state; all in seconds of one clock.

    The wait is never longer than one interval. A state from further ahead than a full bucket is not this clock's (it went
    back, or was restarted), and counts as a bucket that has just been used up.
    """
    interval = quota.interval_seconds
    tat = min(tat, now + quota.burst * interval)
    wait = tat - quota.tolerance_seconds - now
    if wait > 0:
        return Decision(wait, tat)
    return Decision(0.0, max(tat, now) + interval)
