"""The corpora as a page for users: `python -m tests.conformance.page > docs/conformance.md`.

A test holds the page to the corpora, and the corpora are what the tests play to the real process.
"""

from collections.abc import Iterable, Sequence

from tests.conformance import answers, connections, documents, endings, fields, framing, heads
from tests.conformance.corpus import Group, Row

REQUESTS = (*framing.GROUPS, *heads.GROUPS, *fields.GROUPS, *connections.GROUPS)
ANSWERS = (*answers.GROUPS, *endings.GROUPS, endings.SLOW, endings.TLS)
TEXTS = documents.GROUPS
# Texts of one class are shown by a few of them, and by how many there are.
EXAMPLES = 6

_INTRODUCTION = """\
# Conformance

<!-- Made by `python -m tests.conformance.page > docs/conformance.md`; a test fails where this page and the corpora differ. -->

What the sidecar accepts and what it refuses, byte by byte. All of it is played to the real process over real sockets by
`tests/conformance`: {requests} raw requests, {answers} raw answers of an upstream, {texts} JSON texts. The requests go over TLS
as well, and whatever is short is also sent one byte at a time: the outcome must be the same however the bytes are cut.

* **A request that could be read in two ways is refused**, `400 malformed_request`, and its connection is closed: whatever
  stands behind it is never read. So no request can be smuggled past the sidecar inside another one.
* **A well-formed request that is refused** costs only its answer, and the connection stays. *Closed* in a row means that it
  does not.
* **What is forwarded is written anew**: the target from the endpoint table, the body with a `Content-Length` of ours, header
  fields by an allow-list. Exactly one request arrives upstream for each one forwarded, and none for one refused.
* **A connection to Customer.io is used again** only if its answer ended beyond doubt, exactly where the bytes did. An answer
  that did not end is never passed off as a whole one: the caller is told `502 upstream_invalid`, or, where a large one has
  been begun, its connection is reset.
* **Two calls are never mixed up.** Several callers at once, sending ahead and leaving early, before an upstream that answers in
  pieces, late, twice or not to the end: each answer carries the mark of its request (`test_interleaving.py`).

Stricter than the standards ask, on purpose: targets in absolute form, `HTTP/1.2`, an `Expect` that is not `100-continue`, two
equal `Content-Length`, framing fields in a trailer, and space around a chunk's size are refused. Looser, because clients need
it: empty lines before a request are skipped, and `NaN` in JSON is read as `null`.
"""

_REQUESTS = """
## Requests

*Forwarded*: it arrived upstream once, byte by byte as it should. Where several requests were sent, or 100 Continue comes first,
the answers are listed in their order.
"""

_ANSWERS = """
## Answers of the upstream

*Passed on*: the application got status, body and allowed header fields. *Closed*: the connection to Customer.io was not used
again.
"""

_TEXTS = """
## JSON

The rules are those of RFC 8259. *Read exactly*: the value that arrived upstream is the one Python's own decoder reads, integers
of any size included. Any other value made at random survives the whole way too (`test_json.py`).
"""


def page() -> str:
    """Return the page, in Markdown."""
    introduction = _INTRODUCTION.format(requests=count(REQUESTS), answers=count(ANSWERS), texts=count(TEXTS))
    return "".join(
        (introduction, _REQUESTS, *_tables("Sent", REQUESTS), _ANSWERS, *_tables("Answered", ANSWERS), _TEXTS, *_classes())
    )


def count(groups: Iterable[Group[Row]]) -> int:
    """Return how many cases there are in `groups`."""
    return sum(len(group.cases) for group in groups)


def _tables(column: str, groups: Sequence[Group[Row]]) -> Iterable[str]:
    for group in groups:
        rows: dict[tuple[str, str], list[str]] = {}
        for case in group.cases:
            rows.setdefault((case.outcome, case.rule or group.rule), []).append(case.name)
        yield f"\n### {group.title}\n\n"
        yield from _table((column, "Outcome", "Rule"), (("; ".join(names), *row) for row, names in rows.items()))


def _classes() -> Iterable[str]:
    yield "\n"
    rows = []
    for group in TEXTS:
        outcomes: dict[str, list[str]] = {}
        for case in group.cases:
            outcomes.setdefault(case.outcome, []).append(case.name)
        for outcome, names in outcomes.items():
            all_named = len(outcomes) > 1
            shown = "; ".join(names if all_named else names[:EXAMPLES])
            rows.append((group.title, shown if all_named else f"{len(names)} texts, such as {shown}", outcome, group.rule))
    yield from _table(("Class", "Texts", "Outcome", "Rule"), rows)


def _table(head: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> Iterable[str]:
    for row in (head, ("---",) * len(head), *rows):
        yield f"| {' | '.join(row)} |\n"


if __name__ == "__main__":
    print(page(), end="")  # noqa: T201  # the page is this command's output
