"""Applies the policy of an endpoint to the path, the query and the header fields of a call."""

from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Final
from urllib.parse import unquote, unquote_to_bytes

from proxy.api import headers
from proxy.api.match import Match, encode_query
from proxy.api.model import Endpoint, Upstream
from proxy.credentials.callers import Callers
from proxy.payload.budget import Budget
from proxy.policy.apply import EndpointPolicy
from proxy.policy.fields import DeniedError, Hit
from proxy.policy.people import Named
from proxy.policy.texts import field_of
from proxy.policy.walk import PAIR_NAMES, PAIR_VALUE

_ROOMY: Final = (b"User-Agent:", b"X-Request-Id:", b"tracestate:")
_PIPELINES: Final = Upstream.PIPELINES  # a member of an enumeration takes a look-up


class Passed:
    """The header lines of a request that are forwarded under one policy, and the rules that acted on them."""

    __slots__ = ("_denied", "_hits", "_lines")

    def __init__(self, lines: bytes, hits: list[Hit], *, denied: bool) -> None:
        """Hold the decision."""
        self._lines = lines
        self._hits = hits
        self._denied = denied

    def lines(self, hits: list[Hit], named: Named | None = None) -> bytes:
        """Return the lines that are sent of a call that names `named`; `hits` is added to by what acted.

        Raises:
            DeniedError: a rule denies the request.
        """
        if self._hits:
            hits += self._hits
            if self._denied:
                raise DeniedError(hits)
        return self._lines if named is None else without_people(named, self._lines, hits)


def fields_sent(policy: EndpointPolicy, callers: Callers, endpoint: Endpoint, fields: Mapping[bytes, bytes]) -> Passed:
    """Return the forwarded part of `fields`: without values that contain a caller's key, or that a rule would change."""
    hits: list[Hit] = []

    def passes(value: bytes) -> bool:
        text = value.decode("utf-8", "replace")
        kept = [policy.header(spelled, hits) for spelled in dict.fromkeys((text, unquote(text)))]
        return all(kept) and not callers.stand_in(value) and not callers.stand_in(unquote_to_bytes(value))

    strict = endpoint.upstream is _PIPELINES
    if strict:  # the sidecar sets it itself: a `Connection` field could remove the caller's
        fields = {name: value for name, value in fields.items() if name != b"x-strict-mode"}
    try:
        lines = headers.forwarded(fields, passes)
    except DeniedError:
        return Passed(b"", hits, denied=True)
    # Without strict mode Pipelines answers a bad key with 200.
    return Passed(lines + b"X-Strict-Mode: 1\r\n" if strict else lines, hits, denied=False)


def without_people(named: Named, lines: bytes, hits: list[Hit]) -> bytes:
    """Return header lines without those that have room for a name, and hold that of somebody whom the call names."""
    kept: list[bytes] = []
    for line in lines.splitlines(keepends=True):
        if line.startswith(_ROOMY) and named.stands_in(line.partition(b": ")[2].decode("utf-8", "replace")):
            hits.append(named.identity.hit)
            if named.identity.hit.enforced:
                continue
        kept.append(line)
    return b"".join(kept)


def target_sent(policy: EndpointPolicy, match: Match, named: Named | None, budget: Budget, hits: list[Hit]) -> bytes:
    """Return the target that is sent for a call about `named`. Add the rules that acted to `hits`.

    `query_sent` returns the query of an unknown endpoint, which follows the target.

    Raises:
        DeniedError: a rule denies the request.
        RefusedError: `too_complex`.
    """
    if match.endpoint.method == "*":
        _look_at_path(policy, match, named, budget, hits)
    elif policy.looks:
        hits += policy.looked_at(match, named, budget)
    if named is None:
        return match.target
    target, replaced = policy.target(match, named)
    hits += replaced
    return target


def _look_at_path(policy: EndpointPolicy, match: Match, named: Named | None, budget: Budget, hits: list[Hit]) -> None:
    """Apply every rule to the path of an unknown endpoint, which is sent unchanged or refused.

    A changed path would mean something else, so a rule that would change it refuses the request. Pseudonyms are not a change,
    because they mean the same people. A segment may be the name of the next one, or may contain names and values itself
    (`;name=value`, RFC 3986 section 3.3).
    """
    segments = [part for part in unquote(match.target.decode()).split("/") if part]
    inside = [part.partition(sign) for segment in segments for part in segment.split(";") for sign in "=:"]
    pairs = [*pairwise(segments), *((name, value) for name, equals, value in inside if equals)]
    values: list[object] = [*({name: value} for name, value in pairs), segments, ["/".join(segments)]]
    # The same text is inspected more than once, but counted once.
    acted = dict.fromkeys(hit for value in values for hit in policy.apply(value, named=named, budget=budget)[1])
    if named is not None:
        acted.pop(named.identity.hit, None)
    hits += acted
    if any(hit.enforced for hit in acted):
        raise DeniedError(hits)


def query_sent(
    policy: EndpointPolicy,
    parameters: Sequence[tuple[str, str]],
    named: Named | None,
    budget: Budget,
    hits: list[Hit],
) -> bytes:
    """Return the forwarded part of a query that no table row describes, with its question mark. Add to `hits`.

    Only unknown endpoints have such a query. The policy inspects it like a body.

    Raises:
        DeniedError: a rule denies the request.
        RefusedError: `too_complex`.
    """
    query: list[tuple[str, str]] = []
    names = {key: value for name, value in parameters if (key := field_of(name)).lower() in PAIR_NAMES}
    for name, value in parameters:
        key = field_of(name)
        beside = names if key.lower() == PAIR_VALUE else {}
        kept, acted = policy.apply({**beside, key: value}, named=named, budget=budget)
        hits += acted
        if isinstance(kept, dict):
            query += ((name if now == key else now, left) for now, left in kept.items() if now not in beside)
    return b"?" + encode_query(query) if query else b""
