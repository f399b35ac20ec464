"""Prepares one request, from its head to the call that is sent: caller, match, decode, policy, rebuilt target.

All stages are synchronous and pure: values in; an `Outgoing` or a refusal out. A fault in a stage refuses the request. Nothing
is forwarded unless every stage has completed (promise G1).
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

# An application calls few endpoints with the same fields. Calls to many endpoints must not fill the memory.
_POLICIES_MAX: Final = 16
# Methods that send `Content-Length: 0` if there is no body (RFC 9110 section 8.6).
_BODY_EXPECTED: Final = frozenset({"POST", "PUT", "PATCH"})
_OFF: Final = Mode.OFF
_REPORT: Final = Mode.REPORT


class OversizeError(RefusedError):
    """A call, or every item of a batch, is over a size limit of Customer.io, and the policy refuses such calls."""

    def __init__(self, excesses: Sequence[Excess]) -> None:
        """Hold the exceeded limits. `hits` gets the actions of the policy before the refusal."""
        super().__init__(Reason.VENDOR_LIMIT)
        self.excesses = excesses
        self.hits: Sequence[Hit] = ()


class StageError(Exception):
    """A fault of the sidecar inside a privacy stage."""

    def __init__(self, stage: str, fault: Exception) -> None:
        """Hold the stage and the exception in it, because compiled code does not keep the exception as `__cause__`."""
        super().__init__(stage)
        self.stage = stage
        self.fault = fault


class _Facts:
    """Facts derived from header fields. They are computed once for all requests with the same fields."""

    __slots__ = ("caller", "coding", "is_json", "refused", "rules", "sent", "strict")

    def __init__(self, rules: Rules, fields: Mapping[bytes, bytes]) -> None:
        self.rules = rules
        self.caller = rules.callers.caller_of(fields.get(b"authorization"))
        self.refused = _refused(rules, fields, self.caller)
        self.coding = fields.get(b"content-encoding")
        self.is_json = headers.is_json(fields.get(b"content-type"))
        self.strict = fields.get(b"x-strict-mode") == b"1"
        self.sent: dict[EndpointPolicy, Passed] = {}  # by the policy for an endpoint and a caller

    def find(self, policy: EndpointPolicy, endpoint: Endpoint, fields: Mapping[bytes, bytes]) -> Passed:
        """Decide which fields are forwarded under a policy, and remember it."""
        if len(self.sent) >= _POLICIES_MAX:
            self.sent.clear()
        passed = self.sent[policy] = fields_sent(policy, self.rules.callers, endpoint, fields)
        return passed


def _refused(rules: Rules, fields: Mapping[bytes, bytes], caller: str | None) -> Reason | None:
    """Return the reason to refuse all requests with these fields, or None. A request without a key may have one in its body."""
    if caller is None:
        return Reason.UNKNOWN_CALLER if b"authorization" in fields else None
    if rules.callers.named:  # a web page has no key
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
    """Accept a request by its head, before its body is read.

    Raises:
        RefusedError: its caller is unknown, or the sidecar does not forward its target.
    """
    # The caller is checked first, so that an unknown caller does not learn which calls are forwarded.
    facts = _facts(rules, head.headers)
    if facts.refused is not None:
        raise RefusedError(facts.refused)
    caller = facts.caller
    match = rules.table.match(head.method, head.target) if caller is not None else _keyed_by_body(rules, head)
    return Admission(
        rules, match, head, caller, rules.large_body_bytes if match.endpoint.large_body else rules.body_bytes, started=now
    )


def _keyed_by_body(rules: Rules, head: RequestHead) -> Match:
    """Return the match of a request without `Authorization`, whose body may have the caller's key.

    Raises:
        RefusedError: `unknown_caller`, for every kind of fault.
    """
    try:
        match = rules.table.match(head.method, head.target)
    except RefusedError:
        raise RefusedError(Reason.UNKNOWN_CALLER) from None
    if not match.endpoint.caller_keys:
        raise RefusedError(Reason.UNKNOWN_CALLER)
    return match


def _go_on() -> None:
    """Continue without a pause."""


def prepare(admission: Admission, body: bytes, pause: Callable[[], None] = _go_on) -> tuple[Outgoing, list[Hit]]:
    """Return the call that is sent, and the actions of the policy. `pause` is called between slices of the work.

    Raises:
        RefusedError: the body cannot be read, or must not be sent.
        StageError: a stage failed. The request is refused as `internal`.
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
        # First, so that no other stage sees a caller's key.
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
        # Late, because the limits apply to the bytes that are sent: a rule may make a body smaller, or an identifier longer.
        stage = "limits"
        body, excesses, withheld = limited(rules, endpoint, target, value, body)
        stage = "head"
        passed = facts.sent.get(policy) or facts.find(policy, endpoint, admission.head.headers)
        head = _head(admission, passed.lines(hits, named), target, len(body))
    except OversizeError as refusal:
        refusal.hits = hits
        raise
    except RefusedError:
        if admission.caller is None:  # an unknown caller gets no other reason
            raise RefusedError(Reason.UNKNOWN_CALLER) from None
        raise
    except Exception as error:
        raise StageError(stage, error) from error
    return Outgoing(endpoint, head, body, facts.strict, excesses=excesses, withheld=withheld), hits


def _identified(admission: Admission, value: object, body: bytes) -> tuple[str, object]:
    """Return the caller's name, and `value` without callers' keys.

    Raises:
        RefusedError: the caller is unknown, or keys of two callers occur; or a key is in the target.
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
    """Return the body that is sent, the exceeded limits, and the items that were removed. `body` is the encoded `value`.

    Raises:
        OversizeError: every item is over a limit, or the call is not a batch that Customer.io answers item by item.
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
    """Return the body without its content coding, if its type is JSON."""
    if facts.coding is not None:
        body = inflate(body, facts.coding, max_bytes)
    # SDKs send an empty form, or the literal null, if they have no data. Such a body may have any type.
    if not facts.is_json and body.strip() not in (b"", b"null"):
        raise RefusedError(Reason.UNSUPPORTED_MEDIA)
    return body


def _head(admission: Admission, lines: bytes, target: bytes, length: int) -> bytes:
    """Return the request line and header lines of the call, without the credential."""
    upstream = admission.match.endpoint.upstream
    method = admission.head.method
    if length:
        # The body is now JSON in UTF-8, even if the caller's content type was spelled differently.
        framing = b"Content-Type: application/json\r\nContent-Length: %d\r\n" % length
    else:
        framing = b"Content-Length: 0\r\n" if method in _BODY_EXPECTED else b""
    return b"".join((method.encode(), b" ", target, admission.rules.heads[upstream], lines, framing))


def common_head(host: str) -> bytes:
    """Return the end of the request line and the first header lines of every call to `host`.

    The credential is scrubbed from answers, which needs uncompressed answers. So the call asks for no content coding.
    """
    return b" HTTP/1.1\r\nHost: %b\r\nAccept: */*\r\nAccept-Encoding: identity\r\n" % host.encode()
