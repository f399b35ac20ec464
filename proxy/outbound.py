"""The handler that the HTTP server calls: connects the preparation of a request (`pipeline`) to its sending (`delivery.send`).

Nothing here blocks, and every fault becomes a refusal. A large body is prepared in slices, and other requests are served in
between.
"""

from collections.abc import Callable, Sequence
from typing import Final, Protocol

from proxy import pipeline
from proxy.clock import Clock
from proxy.delivery.exchange import Exchange
from proxy.delivery.send import Sender
from proxy.errors import Reason, RefusedError
from proxy.exchange import Admission, Caller, Outgoing, RequestHead
from proxy.observer import Observer
from proxy.payload.oversize import Excess
from proxy.policy.fields import DeniedError
from proxy.rules import Rules

# A larger body is prepared in slices. The second value is for compressed bodies, which become larger.
SLICED_BYTES: Final = 32_768
SLICED_CODED_BYTES: Final = 1_024

Pause = Callable[[], None]


class Work(Protocol):
    """One piece of work that runs in slices."""

    def stop(self) -> None:
        """End the work at its current pause."""


class Slices(Protocol):
    """Runs pieces of work in slices (`proxy.slices`)."""

    def begin(self, work: Callable[[Pause], None], ended: Callable[[], None]) -> Work:
        """Run `work`, which calls its argument between slices, and call `ended` after it; both in later turns."""


class Outbound:
    """Accepts, prepares and sends the requests of applications."""

    def __init__(self, rules: Rules, sender: Sender, observer: Observer, clock: Clock, slices: Slices) -> None:
        """Decide by `rules`, send through `sender`, prepare large bodies in `slices`."""
        self.rules = rules
        self.sender = sender
        self.clock = clock
        self._observer = observer
        self._slices = slices

    def admit(self, head: RequestHead) -> Admission:
        """Accept a request by its head.

        Raises:
            RefusedError: the request is refused.
        """
        try:
            return pipeline.admit(self.rules, head, self.clock.monotonic())
        except RefusedError:
            raise
        except Exception as error:
            self._observer.stage_failed("admit", error)
            raise RefusedError(Reason.INTERNAL) from error

    def deliver(self, admission: Admission, body: bytes, caller: Caller) -> "Exchange | Preparing | None":
        """Prepare and send a request. The answer goes to `caller`, before this returns (None) or later. This never raises."""
        if len(body) > SLICED_CODED_BYTES and (
            len(body) > SLICED_BYTES or admission.head.headers.get(b"content-encoding") is not None
        ):
            return Preparing(self, self._slices, admission, body, caller)
        outgoing = self.prepared(admission, body)
        if isinstance(outgoing, Reason):
            caller.refuse(outgoing)
            return None
        return self.send(outgoing, admission, caller)

    def send(self, outgoing: Outgoing, admission: Admission, caller: Caller) -> Exchange | None:
        """Send a prepared call. The answer goes to `caller`, before this returns (None) or later."""
        return self.sender.send(outgoing, caller, admission.caller, admission.started)

    def prepared(self, admission: Admission, body: bytes, *pause: Pause) -> Outgoing | Reason:
        """Return the prepared call, or the reason of its refusal, which is counted and logged here. This never raises."""
        try:
            outgoing, hits = pipeline.prepare(admission, body, *pause)
        except DeniedError as denial:
            self._observer.policy_acted(denial.hits)
            reason = denial.reason
        except pipeline.OversizeError as oversize:
            self._observer.policy_acted(oversize.hits)
            self._over_limit(admission, oversize.excesses)
            reason = oversize.reason
        except RefusedError as refusal:
            reason = refusal.reason
        except pipeline.StageError as failed:
            self._observer.stage_failed(failed.stage, failed.fault)
            reason = Reason.INTERNAL
        except Exception as error:  # noqa: BLE001  # any fault between the stages is reported like a fault of a stage
            self._observer.stage_failed("prepare", error)
            reason = Reason.INTERNAL
        else:
            self._observer.policy_acted(hits)
            if outgoing.excesses:
                self._over_limit(admission, outgoing.excesses)
            return outgoing
        self.refused(reason, admission)
        return reason

    def _over_limit(self, admission: Admission, excesses: Sequence[Excess]) -> None:
        mode = admission.rules.policy.vendor_limits
        self._observer.over_limit(admission.match.endpoint, excesses, mode, admission.caller)

    def refused(self, reason: Reason, admission: Admission | None, head: RequestHead | None = None) -> None:
        """Count and log a refusal; `head` is of a request that was not let in."""
        if admission is None:
            self._observer.refused(reason, None, None, None, head)
        else:
            self._observer.refused(reason, admission.match.endpoint, admission.caller, admission.started)


class Preparing:
    """A call whose body is prepared in slices. After it is sent, it passes events on to its exchange."""

    __slots__ = ("_admission", "_body", "_caller", "_exchange", "_outbound", "_paused", "_result", "_work", "deadline")

    def __init__(self, outbound: Outbound, slices: Slices, admission: Admission, body: bytes, caller: Caller) -> None:
        """Start to prepare `body` in `slices`."""
        self._outbound = outbound
        self._admission = admission
        self._body = body
        self._caller = caller
        self._exchange: Exchange | None = None
        self._paused = False
        self._result: Outgoing | Reason = Reason.INTERNAL
        self.deadline = outbound.clock.monotonic() + outbound.sender.timeouts.total_seconds
        outbound.sender.active.add(self)
        self._work: Work | None = slices.begin(self._prepare, self._ended)

    def _prepare(self, pause: Pause) -> None:
        self._result = self._outbound.prepared(self._admission, self._body, pause)

    def _ended(self) -> None:
        """Send the prepared call, or refuse the request."""
        self._release()
        result = self._result
        if isinstance(result, Reason):
            self._caller.refuse(result)
            return
        self._exchange = self._outbound.send(result, self._admission, self._caller)
        if self._exchange is not None and self._paused:
            self._exchange.pause()

    def give_up(self, reason: Reason) -> None:
        """Stop the preparation, and refuse the request."""
        if self._stop():
            self._outbound.refused(reason, self._admission)
            self._caller.refuse(reason)

    def _stop(self) -> bool:
        """Stop the preparation. Return whether it was still running."""
        work = self._work
        if work is None:
            return False
        self._release()
        work.stop()
        return True

    def _release(self) -> None:
        self._work = None
        self._body = b""
        self._outbound.sender.active.discard(self)

    def expire(self) -> None:
        """Stop and answer, because the preparation took too long."""
        self.give_up(Reason.OVERLOADED)

    # Reports of the caller's connection (`http1.server.Exchange`)

    def cancel(self) -> None:
        """Stop, because the caller is gone."""
        if not self._stop() and self._exchange is not None:
            self._exchange.cancel()

    def shut_down(self) -> None:
        """Stop and answer, because the sidecar is shutting down."""
        if self._exchange is not None:
            self._exchange.shut_down()
        else:
            self.give_up(Reason.SHUTTING_DOWN)

    def pause(self) -> None:
        """Stop sending the answer until `resume`."""
        self._paused = True
        if self._exchange is not None:
            self._exchange.pause()

    def resume(self) -> None:
        """Continue to send the answer."""
        self._paused = False
        if self._exchange is not None:
            self._exchange.resume()
