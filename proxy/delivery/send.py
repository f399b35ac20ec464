"""Sends prepared calls, and enforces their deadlines."""

from proxy.delivery.exchange import Exchange
from proxy.delivery.shared import Shared
from proxy.exchange import Caller, Outgoing


class Sender(Shared):
    """Starts an exchange for each call, and ends exchanges that take too long."""

    def send(self, outgoing: Outgoing, caller: Caller, caller_name: str | None, started: float) -> Exchange:
        """Send `outgoing` for `caller`. `started` is the time its request was accepted, in monotonic seconds."""
        now = self.clock.monotonic()
        exchange = Exchange(self, outgoing, caller, caller_name, started, now=now)
        self.active.add(exchange)
        self.held_bytes += len(outgoing.body)
        exchange.begin(now)
        return exchange

    def tick(self) -> None:
        """Enforce deadlines. Call it a few times a second."""
        now = self.clock.monotonic()
        for exchange in tuple(self.active):
            if exchange.deadline < now:
                exchange.expire()
