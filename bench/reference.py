"""What a body costs under the reference policy, step by step, measured in process in seconds of the processor.

A body goes the way of a real one: `pipeline.admit` and `pipeline.prepare` over real rules. What counts is how long the whole
takes and how long its longest step does: between two steps the event loop serves others (promise G11).
"""

import time
from functools import cache
from pathlib import Path
from typing import NamedTuple

import orjson
import yaml

from bench import work
from proxy.api.endpoints import ENDPOINTS
from proxy.api.match import Table
from proxy.api.model import Upstream
from proxy.credentials.callers import Callers
from proxy.errors import RefusedError
from proxy.exchange import Admission, RequestHead
from proxy.payload.oversize import LIMITS
from proxy.pipeline import StageError, admit, common_head, prepare
from proxy.policy.compile import compile_policy
from proxy.policy.inventory import Inventory
from proxy.policy.model import PolicyDocument
from proxy.rules import Rules
from proxy.sensitive import Sensitive

POLICY = Path(__file__).with_name("reference.yaml")
# The caps of the default configuration.
BODY_BYTES = 1_048_576
LARGE_BODY_BYTES = 4_194_304
DEPTH = 100
HEADERS = {b"content-type": b"application/json"}
MB = 1_000_000
# Below the bounds of design 6, a step may be this long and a megabyte cost this much.
LONGEST_SECONDS = {"Python": 0.1, "compiled": 0.03}
SECONDS_PER_MB = 0.3
# What is answered to a body that fails in ours: a fault, whatever else is true of it.
FAULT = "fault"


@cache
def rules(*, inventory: bool) -> Rules:
    """Return rules under the reference policy; `inventory` says whether fields are written down."""
    document = PolicyDocument.model_validate(yaml.safe_load(POLICY.read_text()))
    policy = compile_policy(document, ENDPOINTS, Sensitive(work.ENVIRONMENT["BENCH_PEPPER"].encode()))
    return Rules(
        table=Table(ENDPOINTS),
        policy=policy,
        callers=Callers(),
        heads={upstream: common_head(f"{upstream}.example") for upstream in Upstream},
        body_bytes=BODY_BYTES,
        large_body_bytes=LARGE_BODY_BYTES,
        depth=DEPTH,
        inventory=Inventory(time.perf_counter, lambda _: None, lambda: None) if inventory else None,
    )


def admission(method: str, target: str, *, inventory: bool = False) -> Admission:
    """Return an accepted call."""
    return admit(rules(inventory=inventory), RequestHead(method, target.encode(), HEADERS), 0.0)


def cap_bytes(method: str, target: str) -> int:
    """Return how large a body of this call may be."""
    return admission(method, target).body_bytes


class Cost(NamedTuple):
    """What a body took, in seconds, and what was answered: the code of a refusal, or `sent`."""

    size_bytes: int
    total: float
    longest: float
    answer: str

    @property
    def per_byte(self) -> float:
        """Nanoseconds for each byte."""
        return self.total / self.size_bytes * 1e9

    @property
    def per_mb(self) -> float:
        """Milliseconds for each million bytes."""
        return self.total / self.size_bytes * MB * 1e3


def cost(call: Admission, body: bytes) -> Cost:
    """Measure one body once; a step lasts from one pause of `pipeline.prepare` to the next."""
    answer, longest = "sent", 0.0
    begin = before = time.thread_time()

    def pause() -> None:
        nonlocal longest, before
        now = time.thread_time()
        longest, before = max(longest, now - before), now

    try:
        prepare(call, body, pause)
    except RefusedError as refusal:
        answer = refusal.reason.value
    except (StageError, RecursionError, MemoryError):
        answer = FAULT
    end = time.thread_time()
    return Cost(len(body), end - begin, max(longest, end - before), answer)


def within_limits(call: Admission, body: bytes) -> bool:
    """Say whether a body is within Customer.io's own limits, and of a shape that it documents: an object."""
    value = orjson.loads(body)
    limits = LIMITS.get(call.match.endpoint.name)
    return isinstance(value, dict) and (limits is None or not limits.excesses(value, body, call.match.target))
