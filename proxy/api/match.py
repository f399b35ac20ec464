"""Matches a request target to an endpoint, and rebuilds the target to send.

Guarantees:
* The target is built from the endpoint's row and re-encoded values. It is never copied from the request. So the upstream reads
  exactly the values that were matched, and every spelling of an identifier gives the same bytes (only `A-Za-z0-9-._~` are not
  encoded).
* A path is decoded exactly once, segment by segment. An encoded slash is a character of an identifier, never a separator.
* An ambiguous target is malformed: an absolute or authority form, `*`, a fragment, bytes outside printable ASCII, a broken
  escape, text that is not UTF-8, NUL, an empty segment, a dot segment (also after an encoded slash, which some servers decode
  before they route), a repeated query parameter of the row.
* A run of slashes counts as one slash only up to the end of the API's prefix (`/api/v1`, `/api/v2`, `/v1`). There, SDKs form
  such runs if their base URL ends with a slash. After the prefix, an empty segment would be an empty identifier.

Rules: RFC 9112 section 3.2 (forms of a target), RFC 3986 section 2.4 (decode once), WHATWG URL section 5 (`+` in a query).
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from types import MappingProxyType
from typing import Final, Literal
from urllib.parse import quote, unquote_to_bytes

from proxy.api.model import Bucket, Credential, Endpoint, Replay, Upstream
from proxy.errors import Reason, RefusedError

# RFC 9112 section 3: a server should accept a request line of 8,000 bytes. No call to Customer.io needs a longer target.
TARGET_BYTES: Final = 8000
# The longest template has nine segments, and the richest row names fifteen query parameters.
SEGMENTS = 32
QUERY_PARAMETERS = 64

# Never forwarded, and never in the table: HEAD omits the body, CONNECT opens a tunnel, TRACE echoes the credential.
_NEVER_SENT = frozenset({"CONNECT", "HEAD", "OPTIONS", "TRACE"})
_INSPECTED = frozenset({"DELETE", "GET", "PATCH", "POST", "PUT"})

_UNRESERVED = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~"  # RFC 3986 section 2.3
_PLAIN: Final = _UNRESERVED + b"/"
_EMPTY_OR_DOTS: Final = frozenset({b"", b".", b".."})
_MALFORMED = re.compile(rb"[^!-~]|#|%(?![0-9A-Fa-f]{2})")
_PREFIX = re.compile(rb"/+(?:(?:(api)/+(v[12])|(v1))(?:/+|\Z))?")
_DOT_SEGMENT = re.compile(r"(?:\A|[/\\])\.\.?(?:[/\\]|\Z)")

_PARAMETER = re.compile(r"\{(\w+)\}")
_NOTHING: Mapping[str, str] = MappingProxyType({})

# The endpoints for calls that are not in the table, by the prefix of the path, under `unknown_endpoints: inspect`.
UNKNOWN: Mapping[bytes, Endpoint] = MappingProxyType(
    {
        b"/api/": Endpoint("unknown.track", "*", "/api/*", Upstream.TRACK, Credential.TRACK, Bucket.TRACK, Replay.NEVER),
        b"/v1/": Endpoint("unknown.app", "*", "/v1/*", Upstream.APP, Credential.APP, Bucket.APP, Replay.NEVER),
    }
)


class Match:
    """A request target that matches an endpoint.

    `target` is the target to send, with the query parameters of the row. `path_ids` and `query` hold decoded values.
    `unnamed_query` holds the query parameters of an unknown endpoint, which are not a part of `target`. Otherwise it is empty.
    """

    __slots__ = ("endpoint", "path_ids", "query", "target", "unnamed_query")

    def __init__(
        self,
        endpoint: Endpoint,
        target: bytes,
        path_ids: Mapping[str, str] = _NOTHING,
        query: Mapping[str, str] = _NOTHING,
        unnamed_query: Sequence[tuple[str, str]] = (),
    ) -> None:
        """Store the endpoint, the target to send and the decoded values."""
        self.endpoint = endpoint
        self.target = target
        self.path_ids = path_ids
        self.query = query
        self.unnamed_query = unnamed_query


class _Route:
    """One template of an endpoint: the segment index of each parameter, and the parts of the target around them."""

    __slots__ = ("endpoint", "match", "parameters", "start")

    def __init__(self, endpoint: Endpoint, template: str) -> None:
        places = {segment: place for place, segment in enumerate(template.split("/"))}
        start, *rest = _PARAMETER.split(endpoint.path)
        names, texts = rest[::2], rest[1::2]
        self.endpoint = endpoint
        self.start = start.encode()
        self.parameters = tuple((name, places[f"{{{name}}}"], text.encode()) for name, text in zip(names, texts, strict=True))
        self.match = Match(endpoint, self.start)  # the result for a path without parameters


class _State:
    """A state after some segments of a path. `literal` maps the next literal segments; any other segment leads to `other`."""

    __slots__ = ("literal", "other", "routes")

    def __init__(self, other: "_State | None") -> None:
        self.literal: dict[bytes, _State] = {}
        self.other = self if other is None else other
        self.routes: dict[str, _Route] = {}  # by method: the route of a path that ends here


_DEAD_END = _State(None)

_Template = tuple[Sequence[bytes | None], _Route]  # a parameter is None


class Table:
    """The compiled endpoint table. A match needs one look-up for each segment of the path."""

    def __init__(self, endpoints: Iterable[Endpoint], unknown: Literal["deny", "inspect"] = "deny") -> None:
        """Compile `endpoints`. Other calls are refused or, with `inspect`, match an endpoint of `UNKNOWN`.

        Raises:
            ValueError: two templates match the same calls.
        """
        self._inspects = unknown == "inspect"
        templates: dict[tuple[str, tuple[bytes | None, ...]], _Route] = {}
        for endpoint in endpoints:
            for template in (endpoint.path, *endpoint.aliases):
                segments = tuple(None if _PARAMETER.fullmatch(part) else part.encode() for part in template.split("/"))
                taken = templates.setdefault((endpoint.method, segments), route := _Route(endpoint, template))
                if taken is not route:
                    raise ValueError(f"{taken.endpoint.name} and {endpoint.name} match the same calls")
        # Literal segments come before parameters: if both match, the literal one decides.
        ordered = sorted(templates.items(), key=lambda item: [segment is None for segment in item[0][1]])
        self._root = _compiled([(segments, route) for (_, segments), route in ordered])

    def match(self, method: str, target: bytes) -> Match:
        """Return the endpoint that `method` and `target` match, and the target to send.

        Raises:
            RefusedError: the target is malformed, or matches no endpoint, or none with this method.
        """
        if not target.translate(None, _PLAIN) and len(target) <= TARGET_BYTES:
            # Nothing is encoded, and nothing needs encoding.
            match = self._match(method, target.split(b"/"))
            if match is not None:
                return match
        if method in _NEVER_SENT:
            raise RefusedError(Reason.METHOD_NOT_ALLOWED)
        segments, query = _parse(target)
        match = self._match(method, segments)
        if match is not None:
            return _with_query(match, query) if query else match
        if self._inspects and method in _INSPECTED:
            path = b"/".join(segments)
            for prefix, endpoint in UNKNOWN.items():
                if path.startswith(prefix):
                    return Match(endpoint, path, unnamed_query=query)
        raise RefusedError(Reason.METHOD_NOT_ALLOWED if self._state(segments).routes else Reason.ENDPOINT_NOT_ALLOWED)

    def _state(self, segments: Sequence[bytes]) -> _State:
        state = self._root
        for segment in segments:
            state = state.literal.get(segment) or state.other
        return state

    def _match(self, method: str, segments: Sequence[bytes]) -> Match | None:
        """Return the match of a path in canonical segments; they may still be empty or dots."""
        route = self._state(segments).routes.get(method)
        if route is None:
            return None
        if not route.parameters:
            return route.match
        target = route.start
        path_ids: dict[str, str] = {}
        for name, place, rest in route.parameters:
            segment = segments[place]
            if segment in _EMPTY_OR_DOTS:
                return None
            path_ids[name] = (unquote_to_bytes(segment) if segment.find(b"%") >= 0 else segment).decode()
            target += segment + rest
        return Match(route.endpoint, target, path_ids)


def encode_query(items: Iterable[tuple[str, str]]) -> bytes:
    """Return `items` as an unambiguous query string: a space is `%20`, a plus `%2B`."""
    return "&".join(f"{quote(name, safe='')}={quote(value, safe='')}" for name, value in items).encode()


def _compiled(templates: Sequence[_Template]) -> _State:
    """Return the state from which the rest of a path may match `templates`; earlier templates take precedence.

    A segment may match one template literally and another as a parameter. Then it leads to a state that continues with both,
    so the match never needs to backtrack.
    """
    state = _State(_DEAD_END)
    for segments, route in templates:
        if not segments:
            state.routes.setdefault(route.endpoint.method, route)
    longer = [(segments[0], (segments[1:], route)) for segments, route in templates if segments]
    for literal in {first for first, _ in longer if first is not None}:
        state.literal[literal] = _compiled([rest for first, rest in longer if first is None or first == literal])
    if parameters := [rest for first, rest in longer if first is None]:
        state.other = _compiled(parameters)
    return state


def _parse(target: bytes) -> tuple[list[bytes], list[tuple[str, str]]]:
    """Return the canonical segments of a target's path (the first is empty), and its decoded query parameters."""
    path, _, query = target.partition(b"?")
    prefix = _PREFIX.match(path)
    if prefix is None or len(target) > TARGET_BYTES or _MALFORMED.search(target):
        raise RefusedError(Reason.MALFORMED_REQUEST)
    segments = path[prefix.end() :].split(b"/", SEGMENTS) if prefix.end() < len(path) else []
    fields = query.split(b"&", QUERY_PARAMETERS) if query else []
    if len(segments) > SEGMENTS or len(fields) > QUERY_PARAMETERS:
        raise RefusedError(Reason.MALFORMED_REQUEST)
    return (
        [b"", *filter(None, prefix.groups()), *map(_canonical, segments)],
        [_parameter(field) for field in fields if field],
    )


def _canonical(segment: bytes) -> bytes:
    """Return the canonical spelling of a path segment."""
    if segment in _EMPTY_OR_DOTS:
        raise RefusedError(Reason.MALFORMED_REQUEST)
    if not segment.translate(None, _UNRESERVED):
        return segment
    text = _decoded(segment)
    if _DOT_SEGMENT.search(text):
        raise RefusedError(Reason.MALFORMED_REQUEST)
    return quote(text, safe="").encode()


def _parameter(field: bytes) -> tuple[str, str]:
    """Return the decoded name and value of a query parameter; a plus is a space (WHATWG URL section 5)."""
    name, _, value = field.replace(b"+", b" ").partition(b"=")
    return _decoded(name), _decoded(value)


def _decoded(data: bytes) -> str:
    """Return the text of percent-encoded bytes."""
    try:
        text = unquote_to_bytes(data).decode()
    except UnicodeDecodeError:
        raise RefusedError(Reason.MALFORMED_REQUEST) from None
    if "\0" in text:
        raise RefusedError(Reason.MALFORMED_REQUEST)
    return text


def _with_query(match: Match, parameters: Iterable[tuple[str, str]]) -> Match:
    """Return `match` with the `parameters` that its row lists, in the row's order; others are dropped."""
    named = match.endpoint.query
    found: dict[str, str] = {}
    for name, value in parameters:
        if name in named:
            if name in found:
                raise RefusedError(Reason.MALFORMED_REQUEST)
            found[name] = value
    if not found:
        return match
    query = {name: found[name] for name in named if name in found}
    return Match(match.endpoint, match.target + b"?" + encode_query(query.items()), match.path_ids, query)
