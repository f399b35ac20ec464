"""The endpoint table as a page for users: `python -m proxy.api.reference > docs/endpoints.md`.

A test holds the page to the table, so it says what the sidecar does.
"""

from collections.abc import Iterable

from proxy.api.endpoints import ENDPOINTS
from proxy.api.model import Endpoint, Replay
from proxy.api.vendor_limits import ID_BYTES, VENDOR_LIMITS, Limit

_INTRODUCTION = """\
# Endpoints

<!-- Made by `python -m proxy.api.reference > docs/endpoints.md`; a test fails where this page and the table differ. -->

Every call the sidecar forwards. Anything else is answered 403 `endpoint_not_allowed`, and a known path with another method
405 `method_not_allowed`; `CONNECT`, `HEAD`, `OPTIONS` and `TRACE` always are.

With `outbound.unknown_endpoints: inspect`, a call that is not listed is sent on if its path begins with `/api/` (to the Track
API, as `unknown.track`) or `/v1/` (to the App API, as `unknown.app`). Every rule of the policy holds for it, whatever
`endpoints` the rule names, and no position is exempt. `identifiers` replaces addresses in its path, and who the body names.
Beside that the path is sent as it is or not at all: a rule that would change a segment, or one segment as the name of the
next (`/ssn/5`), or the whole, refuses the call.

* **Name**: what a rule's `endpoints` takes, alone or as a glob: `track.*`, `app.v1.send.*`, `pipelines.v1.track`. Also the
  `endpoint` label of metrics and logs.
* **Call**: the method and path sent to Customer.io, made anew from what was matched. Query parameters that are not shown are
  dropped; one that is shown may occur once.
* **Also taken as**: other spellings that official SDKs use. Extra slashes are ignored up to the end of `/api/v1`, `/api/v2`
  or `/v1`, and nowhere else.
* **Repeat**: whether the sidecar may send the call again when it cannot know whether the first one arrived: `safe`,
  `with ids` (if every event of it carries an id by which Customer.io drops repeats), or `never`.

A bare `/batch` is the Track API's: Node's `TrackClient` forms it when its `url` does not end in `/api/v1`. The Pipelines and
App APIs are taken under `/v1` only. Python and Node resolve an id of `..` before they send, which turns an event for that id
into an anonymous one; nothing in the request tells.

A `writeKey` in the body of a Pipelines call (at the top, in `context`, in `batch[]`), which Segment's clients send, is the
caller's key: it is never sent on, and where `outbound.callers` are configured it says who calls, unless the `Authorization`
header does.
"""

_POSITIONS = """\
## Exempt positions

What a call is sent by. Rules that strip, hash or mask pass over a single value, or an array of single values, at these
positions of the body; `deny` and `mode: report` look at them. `[]` is every element of an array, `*` any one key, `**`
everything below. With `allow` they leave without being named, of the shape that is written. A rule that would change one of
the fields in the last column is refused unless it says `force: true`.
"""

_LIMITS = """\
## Customer.io's own limits

What `vendor_limits` of the policy looks for, in what leaves. Bytes are those of a string in UTF-8, or of the JSON of anything
else; a KB is 1,024 of them. An identifier that looks like an email address has no limit. `path` is the person that the path
names, and a place below `[]` is that of each element. In Track v2 the limits of attributes are those of `person` `identify`.
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
        parts += [f"\n## {title}\n\n", *_table(("Name", "Call", "Also taken as", "Repeat"), map(_call, chosen))]
    chosen = [endpoint for endpoint in ENDPOINTS if endpoint.identifiers or endpoint.routing or endpoint.sending]
    parts += ["\n", _POSITIONS, "\n", *_table(("Name", "Naming a person", "Routing", "Needed to send"), map(_exempt, chosen))]
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
