"""Writes the endpoint table as a page for users: `python -m proxy.api.reference > docs/endpoints.md`.

A test compares the page with the table.
"""

from collections.abc import Iterable

from proxy.api.endpoints import ENDPOINTS
from proxy.api.model import Endpoint, Replay
from proxy.api.vendor_limits import ID_BYTES, VENDOR_LIMITS, Limit

_INTRODUCTION = """\
# Endpoints

<!-- Made by `python -m proxy.api.reference > docs/endpoints.md`; a test fails if this page and the table differ. -->

The sidecar forwards the calls on this page. It answers other paths with 403 `endpoint_not_allowed`, and a known path with
another method with 405 `method_not_allowed`. `CONNECT`, `HEAD`, `OPTIONS` and `TRACE` always get 405.

With `outbound.unknown_endpoints: inspect`, a call that is not listed is forwarded if its path begins with `/api/` (to the Track
API, as `unknown.track`) or `/v1/` (to the App API, as `unknown.app`). Every rule of the policy applies to it, for any
`endpoints` of the rule, and no position is exempt. `identifiers` replaces email addresses in the path, and the identifiers that
the body names. Apart from that, the path is never changed. The call is refused if a rule would change a segment, a segment as
the value of the one before it (`/ssn/5`), or the whole path.

* **Name**: the name for the `endpoints` of a rule, alone or as a glob: `track.*`, `app.v1.send.*`, `pipelines.v1.track`. It is
  also the `endpoint` label of metrics and logs.
* **Call**: the method and path sent to Customer.io, rebuilt from the matched values. Query parameters that are not listed are
  dropped. A listed one may occur once.
* **Also accepted as**: other spellings that official SDKs use. Extra slashes are ignored up to the end of `/api/v1`, `/api/v2`
  or `/v1`, and nowhere else.
* **Repeat**: whether the sidecar may send the call again if it is unknown whether the first one arrived: `safe`, `with ids`
  (if every event of the call has an id by which Customer.io drops repeats), or `never`.

A bare `/batch` belongs to the Track API: Node's `TrackClient` forms it if its `url` does not end with `/api/v1`. The Pipelines
and App APIs are accepted only under `/v1`. Python and Node resolve an id of `..` before they send, so an event for that id
becomes an anonymous event; the sidecar cannot see this in the request.

Segment's clients send a `writeKey` in the body of a Pipelines call (at the top level, in `context`, in `batch[]`). It is the
caller's key, and it is never forwarded. If `outbound.callers` are configured and the `Authorization` header has no key, the
`writeKey` identifies the caller.
"""

_POSITIONS = """\
## Exempt positions

Customer.io needs these positions of the body to process a call. Rules that strip, hash or mask skip a scalar, or an array of
scalars, at these positions. Rules with `deny` or `mode: report` do apply there. `[]` is every element of an array, `*` any one
key, and `**` everything below. With `allow`, values at these positions are sent without being listed, if they have the shape
shown. A rule that would change a field in the last column is refused unless it has `force: true`.
"""

_LIMITS = """\
## Customer.io's own limits

The setting `vendor_limits` of the policy checks these limits in each call as it is sent. The bytes of a string are those of its
UTF-8, of another value those of its JSON; a KB is 1,024 bytes. An identifier that looks like an email address has no limit.
`path` is the identifier in the path, and a place below `[]` is that of each element. In Track v2, the limits of attributes
apply to `identify` of a `person`.
"""

_APIS = (
    ("Track API", "track."),
    ("App API: messages to people", "app.v1.send.", "app.v1.broadcast.trigger"),
    ("App API: everything else", "app."),
    ("Pipelines API", "pipelines."),
)

_REPEAT = {Replay.SAFE: "safe", Replay.WITH_ID: "with ids", Replay.NEVER: "never"}


def page() -> str:
    """Return the page, in Markdown."""
    parts = [_INTRODUCTION]
    rest = list(ENDPOINTS)
    for title, *prefixes in _APIS:
        chosen = [endpoint for endpoint in rest if endpoint.name.startswith(tuple(prefixes))]
        rest = [endpoint for endpoint in rest if endpoint not in chosen]
        parts += [f"\n## {title}\n\n", *_table(("Name", "Call", "Also accepted as", "Repeat"), map(_call, chosen))]
    chosen = [endpoint for endpoint in ENDPOINTS if endpoint.identifiers or endpoint.routing or endpoint.sending]
    parts += [
        "\n",
        _POSITIONS,
        "\n",
        *_table(("Name", "Identifiers of people", "Routing", "Needed to send"), map(_exempt, chosen)),
    ]
    limits = [row for endpoint in ENDPOINTS for row in _limits(endpoint)]
    parts += ["\n", _LIMITS, "\n", *_table(("Name", "Limit", "At most", "Of", "Documented in"), limits)]
    return "".join(parts)


def _table(head: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> Iterable[str]:
    for row in (head, ("---",) * len(head), *rows):
        yield f"| {' | '.join(row)} |\n"


def _call(endpoint: Endpoint) -> tuple[str, ...]:
    query = f"?{'&'.join(endpoint.query)}" if endpoint.query else ""
    call = f"`{endpoint.method} {endpoint.path}{query}`"
    return f"`{endpoint.name}`", call, _codes(endpoint.aliases), _REPEAT[endpoint.replay]


def _exempt(endpoint: Endpoint) -> tuple[str, ...]:
    return f"`{endpoint.name}`", _codes(endpoint.identifiers), _codes(endpoint.routing), _codes(sorted(endpoint.sending))


def _limits(endpoint: Endpoint) -> Iterable[tuple[str, ...]]:
    """Return a row for each limit of an endpoint and each number it has there."""
    row = VENDOR_LIMITS.get(endpoint.name)
    if row is None:
        return
    inner = f"{row.items}[]" if row.items else ""
    operations = [bound for actions in row.operations.values() for bounds in actions.values() for bound in bounds]
    places: dict[tuple[Limit, int], list[str]] = {}
    if row.identifier:
        places[Limit.ID_BYTES, ID_BYTES] = ["path"]
    for within, bounds in (("", row.call), (inner, (*row.item, *operations))):
        for bound in bounds:
            place = ".".join(filter(None, (within, bound.place))) or "the body"
            places.setdefault((bound.limit, bound.at_most), []).append(place)
    for (limit, at_most), found in places.items():
        yield f"`{endpoint.name}`", f"`{limit}`", f"{at_most:,}", _codes(dict.fromkeys(found)), row.source


def _codes(texts: Iterable[str]) -> str:
    return ", ".join(f"`{text}`" for text in texts)


if __name__ == "__main__":
    print(page(), end="")  # noqa: T201  # the page is this command's output
