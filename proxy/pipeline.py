"""The journey of one request, from its head to the call that leaves: caller, match, decode, policy, rebuilt target.

All of it is synchronous and pure: values in, an `Outgoing` or a refusal out. Whatever fails in a stage refuses the request;
nothing is ever forwarded that a stage did not finish with (promise G1).
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Final

from proxy.api import headers
from proxy.api.match import Match
from proxy.api.model import Endpoint
from proxy.api.web import from_page
from proxy.credentials.shown import in_target, masked, may_be_shown, taken_out
from proxy.delivery.withheld import Withheld
from proxy.envelope import Passed, fields_sent, query_sent, target_sent
from proxy.errors import Reason, RefusedError
from proxy.exchange import Admission, Fields, Outgoing, RequestHead
from proxy.payload.budget import Budget
from proxy.payload.decode import inflate, parse
from proxy.payload.encode import encode
from proxy.payload.oversize import LIMITS, NOTHING, Excess
from proxy.policy.apply import EndpointPolicy
from proxy.policy.fields import Hit
from proxy.policy.model import Mode
from proxy.rules import Rules

# An application calls few endpoints with the same fields; it must not fill the memory by calling many.
_POLICIES_MAX: Final = 16
# Methods whose absent body is told as such (RFC 9110 section 8.6).
_BODY_EXPECTED: Final = frozenset({"POST", "PUT", "PATCH"})
_OFF: Final = Mode.OFF
_REPORT: Final = Mode.REPORT


class OversizeError(RefusedError):
    """A call, or all items of a batch, are over Customer.io's own limits, and the policy does not let such leave."""

    def __init__(self, excesses: Sequence[Excess]) -> None:
        """Carry which limits; `hits` is for what the policy did before."""
        super().__init__(Reason.VENDOR_LIMIT)
        self.excesses = excesses
        self.hits: Sequence[Hit] = ()


class StageError(Exception):
    """A fault of our own inside a privacy stage."""

    def __init__(self, stage: str, fault: Exception) -> None:
        """Name the stage and what failed in it, which compiled code does not keep as `__cause__`."""
        super().__init__(stage)
        self.stage = stage
        self.fault = fault


class _Facts:
    """What the fields of a request say to this journey; found out once for all requests that carry the same."""

    __slots__ = ("caller", "coding", "is_json", "refused", "rules", "sent", "strict")

    def __init__(self, rules: Rules, fields: Mapping[bytes, bytes]) -> None:
        self.rules = rules
        self.caller = rules.callers.caller_of(fields.get(b"authorization"))
        self.refused = _refused(rules, fields, self.caller)
        self.coding = fields.get(b"content-encoding")
        self.is_json = headers.is_json(fields.get(b"content-type"))
        self.strict = fields.get(b"x-strict-mode") == b"1"
        self.sent: dict[EndpointPolicy, Passed] = {}  # by the policy of an endpoint, for a caller

    def find(self, policy: EndpointPolicy, endpoint: Endpoint, fields: Mapping[bytes, bytes]) -> Passed:
        """Find out what is sent on of the fields, under a policy."""
        if len(self.sent) >= _POLICIES_MAX:
            self.sent.clear()
        passed = self.sent[policy] = fields_sent(policy, self.rules.callers, endpoint, fields)
        return passed


def _refused(rules: Rules, fields: Mapping[bytes, bytes], caller: str | None) -> Reason | None:
    """Return why a request with these fields is let in by nobody. Without a key in the header, the body may have one."""
    if caller is None:
        return Reason.UNKNOWN_CALLER if b"authorization" in fields else None
    if rules.callers.named:  # a web page has no key to show
        return None
    if from_page(fields):
        return Reason.BROWSER_REQUEST
    return None if rules.hosts.takes(fields.get(b"host")) else Reason.UNKNOWN_HOST


def _facts(rules: Rules, fields: Mapping[bytes, bytes]) -> _Facts:
    if type(fields) is not Fields:
        return _Facts(rules, fields)
    facts = fields.facts
    if type(facts) is not _Facts or facts.rules is not rules:
        facts = fields.facts = _Facts(rules, fields)
    return facts


def admit(rules: Rules, head: RequestHead, now: float) -> Admission:
    """Accept a request by its head, before any of its body is read.

    Raises:
        RefusedError: its caller is unknown, or its target is no Customer.io call that the sidecar forwards.
    """
    # The caller first: a stranger learns nothing of what is forwarded.
    facts = _facts(rules, head.headers)
    if facts.refused is not None:
        raise RefusedError(facts.refused)
    caller = facts.caller
    match = rules.table.match(head.method, head.target) if caller is not None else _keyed_by_body(rules, head)
    return Admission(
        rules, match, head, caller, rules.large_body_bytes if match.endpoint.large_body else rules.body_bytes, started=now
    )


def _keyed_by_body(rules: Rules, head: RequestHead) -> Match:
    """Return the match of a request without `Authorization`, whose body may say who calls.

    Raises:
        RefusedError: `unknown_caller`, whatever else is wrong with it.
    """
    try:
        match = rules.table.match(head.method, head.target)
    except RefusedError:
        raise RefusedError(Reason.UNKNOWN_CALLER) from None
    if not match.endpoint.caller_keys:
        raise RefusedError(Reason.UNKNOWN_CALLER)
    return match


def _go_on() -> None:
    """Do not pause."""


def prepare(admission: Admission, body: bytes, pause: Callable[[], None] = _go_on) -> tuple[Outgoing, list[Hit]]:
    """Return the call that leaves, and what the policy did to it; `pause` is called between slices of the work.

    Raises:
        RefusedError: the body cannot be read, or must not leave.
        StageError: a stage failed; the request is refused as `internal`.
    """
    rules, match = admission.rules, admission.match
    endpoint = match.endpoint
    facts = _facts(rules, admission.head.headers)
    hits: list[Hit] = []
    value: object = None
    stage = "decode"
    try:
        if body:
            body = _plain(facts, body, admission.body_bytes)
        budget = Budget(len(body) + len(admission.head.target), pause)
        if body:
            value = parse(body, rules.depth)
            pause()
        # Before anybody else sees a caller's key.
        stage = "caller"
        caller, value = _identified(admission, value, body)
        stage = "policy"
        policy = rules.policy.for_endpoint(endpoint.name, caller)
        if body:
            inventory = rules.inventory
            if inventory is not None:
                stage = "inventory"
                inventory.saw(endpoint.name, value, body, budget)
        stage = "policy"
        named = policy.named(match, value, budget) if policy.renames else None
        if body:
            value, hits = policy.apply(value, text=body, named=named, budget=budget)
            pause()
            stage = "encode"
            body = encode(value)
        stage = "target"
        target = target_sent(policy, match, named, budget, hits)
        if match.unnamed_query:
            stage = "query"
            target += query_sent(policy, match.unnamed_query, named, budget, hits)
        # Last, for it is about what leaves: a rule may have made a body smaller, or an identifier longer.
        stage = "limits"
        body, excesses, withheld = limited(rules, endpoint, target, value, body)
        stage = "head"
        passed = facts.sent.get(policy) or facts.find(policy, endpoint, admission.head.headers)
        head = _head(admission, passed.lines(hits, named), target, len(body))
    except OversizeError as refusal:
        refusal.hits = hits
        raise
    except RefusedError:
        if admission.caller is None:  # a stranger is told nothing else
            raise RefusedError(Reason.UNKNOWN_CALLER) from None
        raise
    except Exception as error:
        raise StageError(stage, error) from error
    return Outgoing(endpoint, head, body, facts.strict, excesses=excesses, withheld=withheld), hits


def _identified(admission: Admission, value: object, body: bytes) -> tuple[str, object]:
    """Return who calls, and `value` without any caller's key.

    Raises:
        RefusedError: nobody who is known, or two at once; or a key stands in the target.
    """
    callers, match = admission.rules.callers, admission.match
    caller = admission.caller
    if match.endpoint.caller_keys and may_be_shown(body):
        names = callers.named_by(taken_out(match.endpoint, value))
        if caller is None and len(names) == 1:
            caller = names.pop()
        admission.caller = caller = caller if names <= {caller} else None
    if caller is None:
        raise RefusedError(Reason.UNKNOWN_CALLER)
    if callers.hidden and (callers.may_be_in(body, match.target) or match.unnamed_query):
        if in_target(callers, match):
            raise RefusedError(Reason.POLICY_DENIED)
        value = masked(callers, value)
    return caller, value


def limited(
    rules: Rules, endpoint: Endpoint, target: bytes, value: object, body: bytes
) -> tuple[bytes, Sequence[Excess], Withheld | None]:
    """Return the body that leaves of `value`, encoded as `body`; what it is over; and what was taken out of it for that.

    Raises:
        OversizeError: it must not leave: all of it is over, or it is no batch that Customer.io answers item by item.
    """
    mode = rules.policy.vendor_limits
    limits = None if mode is _OFF else LIMITS.get(endpoint.name)
    excesses = NOTHING if limits is None else limits.excesses(value, body, target)
    if limits is None or not excesses or mode is _REPORT:
        return body, excesses, None
    over = [excess for excess in excesses if excess.index is not None]
    if not limits.itemised or not over:
        raise OversizeError(excesses)
    kept = limits.without(value, [excess.index for excess in over if excess.index is not None])
    body = encode(value)
    if not kept or limits.too_large(len(body)):
        raise OversizeError(excesses)
    return body, over, Withheld(kept, [excess.told() for excess in over])


def _plain(facts: _Facts, body: bytes, max_bytes: int) -> bytes:
    """Return the body without its coding, if it is of a type that can be looked into."""
    if facts.coding is not None:
        body = inflate(body, facts.coding, max_bytes)
    # SDKs send an empty form, or the literal null, where there is nothing to send: no type can be wrong there.
    if not facts.is_json and body.strip() not in (b"", b"null"):
        raise RefusedError(Reason.UNSUPPORTED_MEDIA)
    return body


def _head(admission: Admission, lines: bytes, target: bytes, length: int) -> bytes:
    """Return the request line and header lines of the call, without the credential."""
    upstream = admission.match.endpoint.upstream
    method = admission.head.method
    if length:
        # However its type was spelled, the body is now JSON in UTF-8.
        framing = b"Content-Type: application/json\r\nContent-Length: %d\r\n" % length
    else:
        framing = b"Content-Length: 0\r\n" if method in _BODY_EXPECTED else b""
    return b"".join((method.encode(), b" ", target, admission.rules.heads[upstream], lines, framing))


def common_head(host: str) -> bytes:
    """Return the end of the request line and the header lines that every call to `host` begins with.

    An answer is scrubbed of the credential, which a coded one would hide: none is asked for.
    """
    return b" HTTP/1.1\r\nHost: %b\r\nAccept: */*\r\nAccept-Encoding: identity\r\n" % host.encode()
