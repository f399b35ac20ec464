"""What can go wrong behind an SDK, what its user is told of it, and what it would be without the sidecar: one row each.

`docs/sdks.md` shows the rows in two tables, made here.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from proxy.delivery.answer import NOT_JSON_TEXT
from proxy.errors import ANSWERS, RETRYABLE, Reason
from tests.sdk.arrivals import Json
from tests.sdk.clients import PLACEHOLDERS, Keys
from tests.sdk.sdks import (
    ASYNC,
    CDP_NODE,
    CDP_PYTHON,
    NODE,
    NODE4,
    NODE4_4,
    PYTHON,
    PYTHON2,
    PYTHON2_PLAIN,
    PYTHON_PLAIN,
    Sdk,
)

# Each client once, and once more where it behaves otherwise without TLS. How a Node SDK reaches the sidecar changes nothing.
COMPARED = (PYTHON, PYTHON_PLAIN, PYTHON2, PYTHON2_PLAIN, ASYNC, NODE, NODE4, NODE4_4, CDP_PYTHON, CDP_NODE)
PIPELINES = (CDP_PYTHON, CDP_NODE)
PYTHONS = (PYTHON, PYTHON_PLAIN, PYTHON2, PYTHON2_PLAIN)

# In the policy of these tests, and the caps on what they send.
DENIED_FIELD = "diagnosis"
BODY_BYTES = 4096
STRANGER = Keys("stranger-site", *3 * ["key-of-a-stranger-to-the-sidecar"])

# Where a scripted redirect leads: to the simulator itself, where an SDK that follows it can be seen.
ELSEWHERE = "/elsewhere"


class Straight(StrEnum):
    """How the same call goes for the same SDK without the sidecar."""

    SAME = "the same"
    FAILS = "fails, in words of its own"
    WORKS = "works"
    HANGS = "never ends"
    FOLLOWS = "leaves for the other address"
    NOT_COMPARED = "has nothing like it"


@dataclass(frozen=True)
class Outcome:
    """What an SDK is answered: the final status, and the text of an error."""

    status: int
    message: str = ""


@dataclass(frozen=True)
class Failure:
    """One thing that goes wrong, or only out of the ordinary.

    `fault` is what Customer.io does, given its own TLS address. `told` is what comes of it behind the sidecar, whatever the
    SDK. `straight` is how it goes without, `otherwise` for those where it goes another way. `reason` is set where the answer
    is the sidecar's. `leaves` says whether the call reaches Customer.io, and `sent_again` that the sidecar may have sent it
    twice: a kept connection that was closed proves nothing but that it was stale.
    """

    name: str
    cause: str
    told: Outcome
    fault: Callable[[str], Mapping[str, Json]] | None = None
    straight: Straight = Straight.SAME
    otherwise: Mapping[Sdk, Straight] = field(default_factory=dict)
    reason: Reason | None = None
    attributes: Mapping[str, Json] | None = None
    keys: Keys = PLACEHOLDERS
    leaves: bool = True

    @property
    def sent_again(self) -> bool:
        """See above."""
        return self.reason is Reason.UPSTREAM_UNREACHABLE

    def outcome(self, sdk: Sdk) -> Outcome:
        """Return what `sdk` is answered. Pipelines tells a bad call only to who asks, which neither SDK does."""
        lenient = sdk in PIPELINES and self.told.status == 400 and self.reason is None
        return Outcome(200) if lenient else self.told

    def repeated(self, sdk: Sdk) -> bool:
        """Tell whether `sdk` calls again, if it may: some do only where Retry-After asks for it."""
        status = self.outcome(sdk).status
        unasked = self.reason is not None and self.reason not in RETRYABLE
        return status in sdk.repeats and not (unasked and status in sdk.only_asked)

    def goes(self, sdk: Sdk) -> Straight:
        """Return how it goes for `sdk` without the sidecar."""
        return self.otherwise.get(sdk, self.straight)


def _ours(
    reason: Reason,
    cause: str,
    straight: Straight = Straight.NOT_COMPARED,
    *,
    name: str = "",
    **more: Any,  # noqa: ANN401  # any field
) -> Failure:
    answer = ANSWERS[reason]
    told = Outcome(answer.status, answer.message)
    return Failure(name or reason.value, cause, told, straight=straight, reason=reason, **more)


def _does(kind: str, **options: Json) -> Callable[[str], Mapping[str, Json]]:
    return lambda _: {"kind": kind, **options}


def _redirects(status: int) -> Callable[[str], Mapping[str, Json]]:
    return lambda url: {"kind": "redirect", "status": status, "location": f"{url}{ELSEWHERE}"}


BROKE = "It broke."
_BODY = {"meta": {"error": BROKE}, "code": "broken", "message": BROKE}


def _theirs(status: int, headers: Mapping[str, str] | None = None, otherwise: Mapping[Sdk, Straight] | None = None) -> Failure:
    """Return an answer of Customer.io that is passed on; a 204 has no body."""
    told = Outcome(status, BROKE if status != 204 else "")
    fault = _does("status", status=status, headers=dict(headers or {}), body=_BODY if told.message else None)
    after = "".join(f" with `{name}: {value}`" for name, value in (headers or {}).items())
    return Failure(f"{status}", f"Customer.io answers {status}{after}", told, fault, otherwise=otherwise or {})


def _unharmed(name: str, cause: str, fault: Callable[[str], Mapping[str, Json]], **more: Any) -> Failure:  # noqa: ANN401  # any field
    """Return something out of the ordinary, after which the call has worked."""
    return Failure(name, cause, Outcome(200), fault, **more)


# Pipelines SDKs are told nothing of a bad call, as by Customer.io itself; the simulator's script tells them straight.
_LENIENT = dict.fromkeys(PIPELINES, Straight.FAILS)
_DEEP: Json = 0
for _ in range(101):
    _DEEP = [_DEEP]

REJECTED = _ours(Reason.CREDENTIALS_REJECTED, "Customer.io answers 401", Straight.FAILS, fault=_does("unauthorized"))
OF_THE_SIDECAR = (
    _ours(Reason.POLICY_DENIED, "A field that the policy denies", attributes={DENIED_FIELD: "flu"}, leaves=False),
    _ours(Reason.TOO_DEEP, "Attributes nested deeper than `limits.depth`", attributes={"deep": _DEEP}, leaves=False),
    _ours(
        Reason.BODY_TOO_LARGE, "A body larger than `limits.body_bytes`", attributes={"long": BODY_BYTES * "x"}, leaves=False
    ),
    _ours(Reason.UNKNOWN_CALLER, "A key that is no caller's", keys=STRANGER, leaves=False),
)  # fmt: skip
IN_PLACE = (
    REJECTED,
    _ours(
        Reason.UPSTREAM_REDIRECT, "Customer.io answers 301, as for the wrong region", Straight.FOLLOWS, fault=_redirects(301),
        otherwise={ASYNC: Straight.FAILS},
    ),
    _ours(
        Reason.UPSTREAM_REDIRECT, "Customer.io answers 307", Straight.FOLLOWS, fault=_redirects(307), name="307",
        otherwise={ASYNC: Straight.FAILS},
    ),
    _ours(Reason.UPSTREAM_UNREACHABLE, "The connection is closed without an answer", Straight.FAILS, fault=_does("drop")),
    _ours(
        Reason.UPSTREAM_UNREACHABLE, "The connection is closed before the call was read", Straight.FAILS,
        fault=_does("drop", when="before_body"), name="dropped before the body",
    ),
    _ours(Reason.UPSTREAM_UNREACHABLE, "The connection is reset", Straight.FAILS, fault=_does("reset"), name="reset"),
    _ours(
        Reason.UPSTREAM_INVALID, "Customer.io answers something that is no HTTP", Straight.FAILS, fault=_does("garbage"),
    ),
    # Until 5, the Node SDK waits for the rest forever. The Pipelines one of Node has seen the status, and is content.
    _ours(
        Reason.UPSTREAM_INVALID, "The answer breaks off", Straight.FAILS, fault=_does("half_answer"), name="half an answer",
        otherwise={NODE4: Straight.HANGS, NODE4_4: Straight.HANGS, CDP_NODE: Straight.WORKS},
    ),
    _ours(
        Reason.UPSTREAM_INVALID, "A chunked answer breaks off", Straight.FAILS, name="half a chunked answer",
        fault=_does("half_answer", framing="chunked"),
        otherwise={NODE4: Straight.HANGS, NODE4_4: Straight.HANGS, CDP_NODE: Straight.WORKS},
    ),
    _ours(
        Reason.UPSTREAM_INVALID, "The answer is coded with gzip, which the sidecar does not ask for", Straight.WORKS,
        fault=_does("gzip"), name="gzip", otherwise={NODE4: Straight.FAILS, NODE4_4: Straight.FAILS},
    ),
    _ours(
        Reason.UPSTREAM_TIMEOUT, "Customer.io takes longer than `delivery.timeouts`, and less than the SDK waits",
        Straight.WORKS, fault=_does("delay", seconds=1),
    ),
)  # fmt: skip
FORWARDED = (
    *(_theirs(status) for status in (202, 204, 207)),
    _theirs(400, otherwise=_LENIENT),
    *(_theirs(status) for status in (403, 404, 408, 409, 413, 422)),
    Failure(
        "429", "Customer.io answers 429 with `Retry-After: 1`", Outcome(429, "Your request is over the rate limit."),
        _does("rate_limited"),
    ),
    *(_theirs(status) for status in (500, 502)),
    _theirs(503, headers={"Retry-After": "1"}),
    # Python 3 and the Pipelines SDK of Node look at nothing but the status of some.
    Failure(
        "400 no JSON", "Customer.io answers 400 with a page of HTML", Outcome(400, NOT_JSON_TEXT),
        _does("status", status=400, body="<html>"), Straight.FAILS,
    ),
    Failure(
        "500 no JSON", "Customer.io answers 500 with a page of HTML", Outcome(500, NOT_JSON_TEXT),
        _does("status", status=500, body="<html>"), Straight.FAILS,
        otherwise={PYTHON: Straight.SAME, CDP_NODE: Straight.SAME},
    ),
)  # fmt: skip
HARMLESS = (
    _unharmed("late", "The answer is late", _does("delay", seconds=0.2)),
    _unharmed("slow", "The answer comes byte by byte", _does("slow_body", seconds_between=0.01)),
    _unharmed("large", "The answer is large", _does("large", bytes=100_000)),
    _unharmed("large, chunked", "The answer is large and chunked", _does("large", bytes=100_000, framing="chunked")),
    _unharmed("no length", "The answer ends with the connection", _does("no_length")),
    _unharmed("early", "The answer comes before the call was read", _does("early")),
    _unharmed("surplus", "More bytes come than were announced", _does("extra_bytes")),
    _unharmed("closed", "The connection closes after the answer, unannounced", _does("close_after")),
    # Python's requests takes a 103 for the answer, Node's fetch does not stand a 100 that it did not ask for.
    _unharmed(
        "103", "A 103 comes before the answer", _does("interim"),
        otherwise=dict.fromkeys((*PYTHONS, CDP_PYTHON), Straight.FAILS),
    ),
    _unharmed(
        "100", "A 100 comes before the answer", _does("interim", statuses=[100]),
        otherwise=dict.fromkeys((NODE, CDP_NODE), Straight.FAILS),
    ),
)  # fmt: skip
FAILURES = (*OF_THE_SIDECAR, *IN_PLACE, *FORWARDED, *HARMLESS)
RATE_LIMITED = _ours(Reason.RATE_LIMITED, "The rate limit is used up for longer than `limits.wait_seconds`", leaves=False)

# How many times a failed call is repeated where nobody says otherwise.
USUAL_REPEATS: Mapping[Sdk, int] = {CDP_PYTHON: 10}
_USUALLY = 3

# What users see of these; an answer that is only passed on needs few examples.
_SHOWN = (
    *OF_THE_SIDECAR,
    *(failure for failure in IN_PLACE if failure.reason and failure.name == failure.reason.value),
    *(failure for failure in FORWARDED if failure.name in {"400", "413", "429", "500", "503", "500 no JSON"}),
    RATE_LIMITED,
)


def usual_repeats(sdk: Sdk, failure: Failure) -> int:
    """Return how often `sdk`, left to its own settings, repeats a call that fails so."""
    return USUAL_REPEATS.get(sdk, _USUALLY) if failure.repeated(sdk) else 0


def told_table() -> str:
    """Return, in Markdown, what is answered and after how many requests each SDK gives up."""
    rows = [("What happens", "Answer", "Its text", *(sdk.name for sdk in COMPARED))]
    for failure in _SHOWN:
        answer = f"{failure.told.status} `{failure.reason}`" if failure.reason else f"{failure.told.status}"
        text = f"*{failure.told.message}*" if failure.reason or failure.name == "500 no JSON" else "what Customer.io says"
        rows.append((failure.cause, answer, text, *(_tries(failure, sdk) for sdk in COMPARED)))
    return _table(rows)


def straight_table() -> str:
    """Return, in Markdown, what comes of each fault of Customer.io with the sidecar and without."""
    rows = [("What happens", "Through the sidecar", "Without it")]
    for failure in (*IN_PLACE, *FORWARDED, *HARMLESS):
        told = f"{failure.told.status} `{failure.reason}`" if failure.reason else f"{failure.told.status}"
        lenient = [sdk.name for sdk in COMPARED if failure.outcome(sdk) != failure.told]
        told += f"; 200 with {', '.join(lenient)}" * bool(lenient)
        rows.append((failure.cause, told, _ways(failure)))
    return _table(rows)


def _ways(failure: Failure) -> str:
    exceptions: dict[Straight, list[str]] = {}
    for sdk, way in failure.otherwise.items():
        exceptions.setdefault(way, []).append(sdk.name)
    parts = [failure.straight.value, *(f"{way.value} with {', '.join(names)}" for way, names in exceptions.items())]
    return "; ".join(parts)


def _tries(failure: Failure, sdk: Sdk) -> str:
    told = failure.outcome(sdk)
    if told.status in sdk.takes:
        return "not told"
    tries = str(1 + usual_repeats(sdk, failure))
    return tries if sdk.shows(told.status) else f"{tries}, hidden"


def _table(rows: Sequence[Sequence[str]]) -> str:
    ruled = [rows[0], ["---"] * len(rows[0]), *rows[1:]]
    return "".join(f"| {' | '.join(row)} |\n" for row in ruled)
