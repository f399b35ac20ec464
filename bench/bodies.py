"""What it takes to redact a body, in microseconds: `python -m bench.bodies`.

The JSON text of a call goes in, that of what may leave comes out, as `pipeline.prepare` does it: parse, apply, encode. Beside
it orjson, which only reads and writes, and LuaJIT with cjson, which does what the field rules ask for. All of it in one
process, in rounds that alternate; each figure is the least of the rounds. With COMPILED=1 a second process measures the
compiled package, and orjson and LuaJIT once more beside it.

Before anything is measured, what leaves is looked at: the same from us and from LuaJIT.
"""

import argparse
import importlib.util
import os
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from typing import Any

import orjson
import yaml
from rich.console import Console
from rich.table import Table

from bench import lua, work
from bench.peers import COMPILED, ROOT
from proxy.api.endpoints import ENDPOINTS
from proxy.metrics import COMPILED as IS_COMPILED
from proxy.payload.decode import parse
from proxy.payload.encode import encode
from proxy.policy.apply import EndpointPolicy
from proxy.policy.compile import compile_policy
from proxy.policy.model import PolicyDocument
from proxy.sensitive import Sensitive

ROUND_SECONDS = 0.02
AIM = 0.5
DEPTH = 100

ORJSON, LUAJIT = "orjson", "LuaJIT"
Figures = dict[str, float]
"""Microseconds by subject."""


def person(number: int) -> dict[str, Any]:
    """Return the attributes of a person: about 500 bytes, of whose 23 names four are withheld or hashed, and one is masked."""
    return {
        **orjson.loads(work.body(number)), "last_name": "Lovelace", "city": "Utrecht", "timezone": "Europe/Amsterdam",
        "secret_3": "not-a-real-one", "orders": 12 + number, "note": "Asked about delivery times for the second order.",
        "address": {"street": "Oudegracht 1", "postcode": "3511 AA", "country": "NL"},
        "last_seen": 1_700_000_000 + number, "referrer": "newsletter", "vip": False,
    }  # fmt: skip


def _event(size: int) -> bytes:
    """Return an event with as many line items as fit."""
    items = [
        {
            "sku": f"A-{number}", "name": "A thing that somebody ordered", "quantity": 1 + number % 3, "price": 12.5 + number,
            "gift": {"name": "Ada", "phone": "+1-555-0123", "message": "Happy birthday, and many more of them"},
            "tags": ["red", "large", "new"], "delivered": True,
        }
        for number in range(size // 200)
    ]  # fmt: skip
    event = {
        "type": "person", "identifiers": {"id": "5"}, "action": "event", "name": "order", "timestamp": 1_700_000_000,
        "attributes": {**person(1), "items": items},
    }  # fmt: skip
    while len(orjson.dumps(event)) > size:
        items.pop()
    return orjson.dumps(event)


def _batch(size: int) -> bytes:
    """Return as many people as fit."""
    people: list[bytes] = []
    left = size - len(b'{"batch":[]}') + len(b",")
    for number in range(size // 200):  # which is more than fit
        row = {"type": "person", "identifiers": {"id": str(number)}, "action": "identify", "attributes": person(number)}
        text = orjson.dumps(row)
        left -= len(text) + len(b",")
        if left < 0:
            break
        people.append(text)
    return b'{"batch":[%b]}' % b",".join(people)


# The body, and the endpoint that it is sent to. Customer.io takes 32 KB and 500 KB (customerio-api.md 1.4).
BODIES: dict[str, tuple[str, bytes]] = {
    "identify": ("track.v1.identify", work.body(1)),
    "event": ("track.v2.entity", _event(32_000)),
    "batch": ("track.v2.batch", _batch(500_000)),
}
IDLE, FIELDS = "20 field rules, no hit", "20 field rules"
PLACES = "and places, allow, identifiers"
CLEAN, FINDS = "and detectors, nothing to find", "and detectors, emails to find"
_FIELDS = yaml.safe_load(work.POLICIES["sidecar, full"])
_ALLOWED = [name for name in person(0) if name != "locale"] + ["items"]
_AT_PLACES = [
    {"name": "home", "paths": ["**.address.street", "attributes.items.gift.message"], "action": "strip"},
    {"name": "city", "paths": ["*.city", "batch[].attributes.city"], "action": "mask"},
]
_CARDS = {"name": "cards", "detect": ["payment_card", "iban", "uk_nino", "aws_key", "pem"], "action": "mask"}
_UNHEARD = [{"name": f"idle-{number}", "fields": [f"unheard_{number}"], "action": "strip"} for number in range(20)]
POLICIES: dict[str, dict[str, Any]] = {
    IDLE: {"version": 1, "rules": _UNHEARD},
    FIELDS: _FIELDS,
    PLACES: {
        **_FIELDS, "rules": [*_FIELDS["rules"], *_AT_PLACES], "allow": {"track.v1.identify": _ALLOWED, "track.v2.*": _ALLOWED},
        "identifiers": {"id": "hmac", "email": "hmac"},
    },
    CLEAN: {**_FIELDS, "rules": [*_FIELDS["rules"], _CARDS]},
    FINDS: {
        **_FIELDS,
        "rules": [*_FIELDS["rules"], {**_CARDS, "detect": ["email", *_CARDS["detect"]]}],
    },
}  # fmt: skip


def policy(name: str, endpoint: str) -> EndpointPolicy:
    """Compile the policy of that name in `POLICIES`."""
    key = Sensitive(work.ENVIRONMENT["BENCH_PEPPER"].encode())
    return compile_policy(PolicyDocument.model_validate(POLICIES[name]), ENDPOINTS, key).for_endpoint(endpoint)


def redacted(rules: EndpointPolicy, body: bytes) -> bytes:
    """Return what may leave of `body`, as `pipeline.prepare` finds it."""
    value, _ = rules.apply(parse(body, DEPTH), text=body)
    return encode(value)


def compared(body: bytes, ours: bytes, theirs: bytes) -> None:
    """Compare what we and LuaJIT make of `body`.

    Raises:
        SystemExit: it is not the same, or something that must not leave is in it.
    """
    if orjson.loads(ours) != orjson.loads(theirs):
        raise SystemExit("LuaJIT and the sidecar do not redact alike")
    if any(secret in ours for secret in work.WITHHELD) or not any(secret in body for secret in work.WITHHELD):
        raise SystemExit("what is measured does not do the work")


def measured(rounds: int) -> dict[str, Figures]:
    """Return the figures of each body."""
    policies, luajit = list(POLICIES), None
    try:
        luajit = lua.Lua()
    except lua.LuaError as missing:
        print(f"bench: LuaJIT skipped: {missing} ({lua.SOURCE})", file=sys.stderr)
    if importlib.util.find_spec("re2") is None:
        policies = [name for name in policies if name not in (CLEAN, FINDS)]
        print("bench: detectors skipped: `make extras` installs what they need", file=sys.stderr)
    return {name: _figures(endpoint, body, policies, luajit, rounds) for name, (endpoint, body) in BODIES.items()}


def _figures(endpoint: str, body: bytes, policies: Sequence[str], luajit: lua.Lua | None, rounds: int) -> Figures:
    subjects: dict[str, Callable[[int], None]] = {ORJSON: _repeated(lambda: orjson.dumps(orjson.loads(body)))}
    for name in policies:
        subjects[name] = _repeated(_redacting(policy(name, endpoint), body))
    if luajit is not None:
        compared(body, redacted(policy(FIELDS, endpoint), body), luajit.redacted(body))
        subjects[LUAJIT] = lambda times: luajit.run(body, times)
    least = dict.fromkeys(subjects, float("inf"))
    times = dict.fromkeys(subjects, 1)
    for _ in range(rounds + 1):  # the first warms caches, and tells how often a subject fits into a round
        for name, run in subjects.items():
            begin = time.perf_counter()
            run(times[name])
            took = (time.perf_counter() - begin) / times[name]
            least[name] = min(least[name], took)
            times[name] = max(1, int(ROUND_SECONDS / least[name]))
    return {name: seconds * 1e6 for name, seconds in least.items()}


def _redacting(rules: EndpointPolicy, body: bytes) -> Callable[[], bytes]:
    return lambda: redacted(rules, body)


def _repeated(call: Callable[[], object]) -> Callable[[int], None]:
    def run(times: int) -> None:
        for _ in range(times):
            call()

    return run


def _compiled(rounds: int) -> dict[str, Figures]:
    """Return the figures of the compiled package, which a process of its own finds before the checkout."""
    environment = os.environ | {"PYTHONSAFEPATH": "1", "PYTHONPATH": f"{COMPILED}:{ROOT}"}
    command = [sys.executable, "-m", "bench.bodies", "--json", "--rounds", str(rounds)]
    done = subprocess.run(command, cwd=ROOT, env=environment, check=True, stdout=subprocess.PIPE)
    found: dict[str, dict[str, Figures]] = orjson.loads(done.stdout)
    return found["compiled"]


def shown(results: dict[str, dict[str, Figures]]) -> Table:
    """Return a row for each package and subject, and in it for each body the microseconds, and orjson's as a share of them."""
    table = Table(title="redacting a body: µs, and orjson's time as a share of it", caption=f"aim: {AIM} with field rules")
    table.add_column("package")
    table.add_column("subject")
    for name, (_, body) in BODIES.items():
        table.add_column(f"{name}, {len(body):,} B", justify="right")
    for package, bodies in results.items():
        for subject in bodies[next(iter(BODIES))]:
            shares = [(figures[subject], figures[ORJSON] / figures[subject]) for figures in bodies.values()]
            table.add_row(package, subject, *(f"{took:,.1f}  {share:.2f}" for took, share in shares))
    return table


def main() -> int:
    """Measure and print."""
    options = argparse.ArgumentParser(prog="bench.bodies", description=__doc__)
    options.add_argument("--rounds", type=int, default=50, help="runs of 20 ms of each subject, alternating")
    options.add_argument("--json", action="store_true", help="print figures for programs")
    chosen = options.parse_args()
    results = {"compiled" if IS_COMPILED else "Python": measured(chosen.rounds)}
    if os.environ.get("COMPILED") and not IS_COMPILED:
        results["compiled"] = _compiled(chosen.rounds)
    if chosen.json:
        print(orjson.dumps(results, option=orjson.OPT_INDENT_2).decode())
        return 0
    console = Console()
    if not console.is_terminal:
        console.width = 120  # a file has no width of its own
    console.print(shown(results))
    return 0


if __name__ == "__main__":
    sys.exit(main())
