"""What can go wrong behind an SDK, and what its user is told of it: one row each, and the table of them in `docs/sdks.md`."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from proxy.delivery.answer import NOT_JSON_TEXT
from proxy.errors import ANSWERS, Reason
from tests.sdk.arrivals import Json
from tests.sdk.sdks import NODE, PLACEHOLDERS, PYTHON, PYTHON_PLAIN, Keys, Sdk

# In the policy of these tests.
DENIED_FIELD = "diagnosis"
STRANGER = Keys("stranger-site", *3 * ["key-of-a-stranger-to-the-sidecar"])


@dataclass(frozen=True)
class Failure:
    """One thing that goes wrong.

    `fault` is what Customer.io does. `leaves` says whether the call reaches it, `repeats` how often the SDK is let repeat it
    here; each repeat of 429 and 503 takes a second. `as_before` says that the SDK tells its user the same without the sidecar.
    """

    name: str
    cause: str
    status: int
    message: str
    fault: Mapping[str, Json] | None = None
    attributes: Mapping[str, Json] | None = None
    keys: Keys = PLACEHOLDERS
    leaves: bool = True
    repeats: int = 3
    as_before: bool = False

    def requests(self, sdk: Sdk) -> int:
        """Return how many requests `sdk` makes."""
        return 1 + (self.repeats if self.status in sdk.repeats else 0)


def _ours(reason: Reason, cause: str, **more: Any) -> Failure:  # noqa: ANN401  # any field of a failure
    answer = ANSWERS[reason]
    return Failure(reason.value, cause, answer.status, answer.message, **more)


def _theirs(status: int, body: Json) -> Mapping[str, Json]:
    return {"kind": "status", "status": status, "body": body}


FAILURES = (
    _ours(Reason.POLICY_DENIED, "A field that the policy denies", attributes={DENIED_FIELD: "flu"}, leaves=False),
    _ours(Reason.UNKNOWN_CALLER, "A key that is no caller's", keys=STRANGER, leaves=False),
    _ours(Reason.CREDENTIALS_REJECTED, "Customer.io answers 401", fault={"kind": "unauthorized"}, repeats=1),
    _ours(Reason.UPSTREAM_REDIRECT, "Customer.io answers 301, as for the wrong region", fault={"kind": "redirect"}),
    _ours(Reason.UPSTREAM_INVALID, "Customer.io answers something that is no HTTP", fault={"kind": "garbage"}),
    _ours(Reason.UPSTREAM_TIMEOUT, "Customer.io does not answer in time", fault={"kind": "delay", "seconds": 5}, repeats=1),
    Failure(
        "400", "Customer.io answers 400", 400, "email must be an email address", attributes={"email": "ada"}, as_before=True
    ),
    Failure(
        "429", "Customer.io answers 429 with `Retry-After: 1`", 429, "Your request is over the rate limit.",
        fault={"kind": "rate_limited"}, repeats=1, as_before=True,
    ),
    Failure(
        "500", "Customer.io answers 500", 500, "It broke.", fault=_theirs(500, {"meta": {"error": "It broke."}}), as_before=True
    ),
    Failure("500 no JSON", "Customer.io answers 500 with a page of HTML", 500, NOT_JSON_TEXT, fault=_theirs(500, "<html>")),
)  # fmt: skip
RATE_LIMITED = _ours(Reason.RATE_LIMITED, "The rate limit is used up for longer than `limits.wait_seconds`", leaves=False)

# How many times a failed call is repeated where nobody says otherwise.
USUAL_REPEATS = 3


def page(sdks: Iterable[Sdk] = (PYTHON, PYTHON_PLAIN, NODE)) -> str:
    """Return the table for users, in Markdown: the answer, its text, and after how many requests each SDK gives up."""
    sdks = tuple(sdks)
    head = ("What happens", "Answer", "Its text", *(sdk.name for sdk in sdks))
    rows = [head, ("---",) * len(head)]
    for failure in (*FAILURES, RATE_LIMITED):
        answer = f"{failure.status} `{failure.name}`" if failure.name in set(Reason) else f"{failure.status}"
        text = "what Customer.io says" if failure.as_before else f"*{failure.message}*"
        rows.append((failure.cause, answer, text, *(_tries(failure, sdk) for sdk in sdks)))
    return "".join(f"| {' | '.join(row)} |\n" for row in rows)


def _tries(failure: Failure, sdk: Sdk) -> str:
    tries = str(1 + USUAL_REPEATS * (failure.status in sdk.repeats))
    hidden = re.escape(failure.message) not in sdk.said(failure.status, failure.message)
    return f"{tries}, hidden" if hidden else tries
