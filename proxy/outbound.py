"""The outbound port: joins the journey of a request (`pipeline`) to its sending (`delivery.send`).

This is what the HTTP server calls. Nothing here blocks, and every fault becomes a refusal.
"""

from collections.abc import Sequence

from proxy import pipeline
from proxy.clock import Clock
from proxy.delivery.exchange import Exchange
from proxy.delivery.send import Sender
from proxy.errors import Reason, RefusedError
from proxy.exchange import Admission, Caller, RequestHead
from proxy.observer import Observer
from proxy.payload.oversize import Excess
from proxy.policy.fields import DeniedError
from proxy.rules import Rules


class Outbound:
    """Takes the requests of applications."""

    def __init__(self, rules: Rules, sender: Sender, observer: Observer, clock: Clock) -> None:
        """Decide by `rules`, send through `sender`."""
        self.rules = rules
        self._sender = sender
        self._observer = observer
        self._clock = clock

    def admit(self, head: RequestHead) -> Admission:
        """Accept a request by its head.

        Raises:
            RefusedError: it is not let in.
        """
        try:
            return pipeline.admit(self.rules, head, self._clock.monotonic())
        except RefusedError:
            raise
        except Exception as error:
            self._observer.stage_failed("admit", error)
            raise RefusedError(Reason.INTERNAL) from error

    def deliver(self, admission: Admission, body: bytes, caller: Caller) -> Exchange | None:
        """Prepare and send; the answer goes to `caller`, now (None) or later. Never raises."""
        try:
            outgoing, hits = pipeline.prepare(admission, body)
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
        except Exception as error:  # noqa: BLE001  # between the stages; whatever it is, it is told as theirs are
            self._observer.stage_failed("prepare", error)
            reason = Reason.INTERNAL
        else:
            self._observer.policy_acted(hits)
            if outgoing.excesses:
                self._over_limit(admission, outgoing.excesses)
            return self._sender.send(outgoing, caller, admission.caller, admission.started)
        self.refused(reason, admission)
        caller.refuse(reason)
        return None

    def _over_limit(self, admission: Admission, excesses: Sequence[Excess]) -> None:
        mode = admission.rules.policy.vendor_limits
        self._observer.over_limit(admission.match.endpoint, excesses, mode, admission.caller)

    def refused(self, reason: Reason, admission: Admission | None) -> None:
        """Count and log a refusal."""
        if admission is None:
            self._observer.refused(reason, None, None, None)
        else:
            self._observer.refused(reason, admission.match.endpoint, admission.caller, admission.started)
