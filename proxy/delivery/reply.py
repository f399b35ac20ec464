"""Passes an upstream answer to a caller according to its treatment, without the injected secret (promise G4)."""

from collections.abc import Mapping
from http import HTTPStatus

from proxy.api.headers import returned
from proxy.delivery import answer
from proxy.delivery.answer import Refuse, Treatment, treat, treat_rest
from proxy.delivery.scrub import Scrubber, Stream
from proxy.delivery.withheld import Withheld
from proxy.errors import Reason
from proxy.exchange import Caller, Fields, Outgoing


def answer_lines(headers: Mapping[bytes, bytes]) -> bytes:
    """Return the header lines that a caller may see. The result is cached in `headers` for later answers with these fields."""
    if type(headers) is not Fields:
        return returned(headers)
    lines = headers.facts
    if type(lines) is not bytes:
        lines = headers.facts = returned(headers)
    return lines


def begun(outgoing: Outgoing, scrubber: Scrubber, status: int, headers: Mapping[bytes, bytes], length: int | None) -> "Reply":
    """Decide, from its head, how the answer to a call is passed on; return it as a `Reply`."""
    treatment = treat(outgoing.endpoint, status, headers, strict=outgoing.strict)
    if outgoing.withheld is not None:
        treatment = treat_rest(treatment, status)
    return Reply(treatment, scrubber, status, answer_lines(headers), length, withheld=outgoing.withheld)


class Reply:
    """One upstream answer, from its head to its end."""

    __slots__ = (
        "_body", "_body_bytes", "_length", "_lines", "_scrubber", "_stream", "_withheld", "status", "treatment",
    )  # fmt: skip

    def __init__(
        self,
        treatment: Treatment | Refuse,
        scrubber: Scrubber,
        status: int,
        lines: bytes,
        length: int | None,
        *,
        withheld: Withheld | None = None,
    ) -> None:
        """Begin with the head: `lines` are the header lines that the caller may see, `length` is the Content-Length.

        `withheld` describes the items that were removed from the batch.
        """
        self.treatment = treatment
        self.status = status
        self._scrubber = scrubber
        self._lines = scrubber.lines(lines)
        self._length = length
        self._body: bytes | bytearray = b""  # not passed on yet
        self._body_bytes = 0
        self._stream: Stream | None = None
        self._withheld = withheld

    @property
    def begun(self) -> bool:
        """Whether the caller has received a part of the answer."""
        return self._stream is not None

    @property
    def oversized(self) -> bool:
        """Whether the answer is larger than an error, or the errors of a batch, can be."""
        bound = answer.HELD_BATCH_BYTES if self.treatment is Treatment.REWRITE else answer.HELD_BYTES
        return self.treatment is not Treatment.STREAM and self._body_bytes > bound

    def take(self, data: bytes) -> None:
        """Keep a piece of the body until the whole read is parsed or, if the answer is held, until its end."""
        self._body_bytes += len(data)
        if not self.oversized:
            body = self._body
            if not body:
                self._body = data
            elif isinstance(body, bytearray):
                body += data
            else:  # one buffer, so that one-byte pieces cost neither an object each nor repeated joins
                self._body = bytearray(body) + data

    def pass_on(self, caller: Caller) -> None:
        """Send `caller` the part that has come so far, if the answer is too large to be held."""
        if self.treatment is Treatment.STREAM and self._body_bytes > answer.HELD_BYTES:
            if self._stream is None:
                self._stream = self._scrubber.stream()
                caller.start(self.status, self._lines, self._length)
            caller.write(self._stream.feed(self._taken()))

    def settle(self) -> None:
        """Rewrite the answer to a reduced batch, now that it is complete; refuse it if that is not possible."""
        if self.treatment is not Treatment.REWRITE or self._withheld is None:
            return
        told = None if self.oversized else self._withheld.answer(self.status, self._scrubber.whole(self._taken()))
        if told is None:
            self.treatment = Refuse(Reason.UPSTREAM_INVALID)
            return
        self.treatment = Treatment.HOLD
        self.status, body = told
        self._lines = answer.as_json(self._lines)
        self._body = body  # it is scrubbed again, because escaped text may be plain now
        self._body_bytes = 0

    def finish(self, caller: Caller) -> int:
        """Send `caller` the end of the answer, or the whole answer. Return the status that the caller got."""
        if self._stream is not None:
            caller.write(self._stream.feed(self._taken()) + self._stream.end())
            caller.finish()
        elif self.treatment is Treatment.SWALLOW:
            caller.answer(HTTPStatus.OK, answer.JSON_LINE, b"{}")
            return HTTPStatus.OK
        else:
            lines, body = self._lines, self._scrubber.whole(self._taken())
            if self.treatment is Treatment.HOLD and (self.oversized or not answer.is_json(body)):
                lines, body = answer.wrapped(self.status, lines)
            caller.answer(self.status, lines, body)
        return self.status

    def _taken(self) -> bytes:
        body, self._body = self._body, b""
        return body if type(body) is bytes else bytes(body)
