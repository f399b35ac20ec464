"""G1: a fault forwards nothing, wherever it strikes.

An exception is raised in turn at every line of `payload/`, `policy/`, `credentials/shown.py`, `envelope.py` and `pipeline.py`
that runs for a request. Everything else is the real thing, from the bytes of the caller's connection to the call that would be
written to Customer.io's.
"""

import gc
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import cycle
from pathlib import Path

import pytest
from prometheus_client import CollectorRegistry, generate_latest
from structlog.typing import FilteringBoundLogger

import proxy
from proxy import pipeline
from proxy.api.endpoints import ENDPOINTS
from proxy.api.match import Table
from proxy.api.model import Bucket, Upstream
from proxy.api.vendor_limits import VENDOR_LIMITS, Bound
from proxy.credentials.callers import Callers
from proxy.delivery.ports import Timeouts
from proxy.delivery.send import Sender
from proxy.errors import ANSWERS, Reason, RefusedError, error_body
from proxy.http1.caller import CallerConnection
from proxy.http1.server import Server
from proxy.limits.gcra import Quota
from proxy.limits.memory import MemoryLimiter
from proxy.metrics import COMPILED, Metrics
from proxy.observer import Observer
from proxy.outbound import Outbound
from proxy.payload import decode, measure
from proxy.payload.oversize import Limits
from proxy.pipeline import common_head
from proxy.policy import detect, fields, inventory, minimise, people, selector
from proxy.policy.compile import compile_policy
from proxy.policy.detectors import linear, scanner
from proxy.policy.inventory import Inventory
from proxy.policy.model import PolicyDocument
from proxy.rules import Rules
from proxy.sensitive import Sensitive
from proxy.slices import Slices
from tests.fakes import FakeClock, FakeConnections, Lines, Timers, authorization, keyring
from tests.flows.calls import CALLERS, CALLS, POLICIES, SMALL, Call
from tests.flows.lines import Line, Tracer, aside, of_functions
from tests.flows.positions import CANARY
from tests.unit.http1.fakes import AT_ONCE, LIMITS, FakeTransport

pytestmark = [
    pytest.mark.needs("detectors"),
    pytest.mark.skipif(COMPILED, reason="the package is compiled: its lines cannot be traced"),
]

ROOT = Path(proxy.__file__).parent
STAGES = [
    *(ROOT / name for name in ("pipeline.py", "envelope.py", "credentials/shown.py")),
    *sorted(path for name in ("payload", "policy") for path in (ROOT / name).rglob("*.py")),
]
TABLE = Table(ENDPOINTS, unknown="inspect")
# Of the endpoints only those that are called: a policy is compiled anew for each fault.
CALLED = frozenset(TABLE.match(call.method, call.target.encode()).endpoint.name for call in CALLS)
ROWS = [row for row in ENDPOINTS if row.name in CALLED]


class UnexpectedError(RuntimeError):
    """A fault that nobody foresaw."""


# Beside it, what is more likely to be caught somewhere by mistake.
OTHERS = (KeyError, MemoryError, RecursionError)
# Of the exact decoders, which tell a RecursionError as a body that is too deep.
DECODING = (
    "_parse_exactly", "_finite", "_constant", "parse_held", "_Losses.read", "_Losses._object", "_Losses._float", "_Losses._int",
    "_Losses._constant",
)  # fmt: skip

# What never runs for a request, by the reason: whole files, functions by their names, lines by function and text.
AT_LOAD = ("policy/model.py", "policy/lint.py", "policy/cases.py")
NEVER: Mapping[str, Mapping[str, Sequence[str]]] = {
    "runs at load, or for a command": {
        "pipeline.py": ["common_head"],
        "policy/actions.py": ["Sha256Hasher.__init__", "HmacHasher.__init__"],
        "policy/apply.py": ["EndpointPolicy.explain"],
        "policy/compile.py": [
            "compile_policy", "Policy.__init__", "_Rule.__init__", "_Compiler.__init__", "_Compiler.identity_hits",
            "_Compiler.prepare",
            "_Compiler._looking: self._detecting[key] = self._detection.detecting(_detectors(detecting))",
            "_detectors", "_matched", "_named", "_refuse_shadowed", "_refuse_unsendable", "_touches", "_pseudonyms", "_hasher",
        ],
        "policy/detect.py": [
            "_least_number", "Detecting.__init__", "Detection.__init__", "Detection.check", "Detection.scanner",
            "Detection.detecting", "Detection._passes", "Detection._scanner",
        ],
        "policy/detectors/catalogue.py": ["detector", "installed"],
        "policy/detectors/linear.py": ["Expression.__init__", "Sieve.__init__", "_options"],
        "policy/detectors/national.py": ["_written", "_any_of", "national_id", "_stdnum"],
        "policy/detectors/phone.py": ["phone", "_plan"],
        "policy/detectors/written.py": ["separated", "apart", "alike"],
        "policy/detectors/scanner.py": ["Scanner.__init__", "_compiled", "_finder", "_known", "_own"],
        "policy/identity.py": ["Pseudonyms.__init__", "Pseudonyms.changes"],
        "payload/measure.py": ["Check.__init__", "Names.__init__", "_Count.__init__", "_floor", "checks"],
        "payload/oversize.py": ["Limits.__init__"],
        "payload/budget.py": ["unmetered"],
        "payload/decode.py": ["_Losses.__init__"],
        "policy/inventory.py": [
            "Inventory.__init__", "Inventory.__iter__", "Inventory.change", "Seen.type_names", "_maps", "_under",
        ],
        "policy/selector.py": ["steps"],
    },
    "runs for bodies that are too large to be sent here thousands of times": {
        "payload/decode.py": [
            "parse: raise RefusedError(Reason.TOO_COMPLEX)", "_parse_exactly: raise RefusedError(Reason.TOO_COMPLEX)",
            "_Losses._float: raise RefusedError(Reason.TOO_COMPLEX)", "_Losses._int: raise RefusedError(Reason.TOO_COMPLEX)",
        ],
        "payload/canonical.py": ["_write: raise RefusedError(Reason.TOO_COMPLEX)"],
        "policy/names.py": ["key_units: return TOO_MANY_UNITS"],
        "policy/texts.py": [
            "held_json: raise RefusedError(Reason.TOO_COMPLEX)", "_quoted_before: raise RefusedError(Reason.TOO_COMPLEX)",
            '_unquoted: data = part.encode("utf-8", "surrogatepass")', "_unquoted: at = 0",
            "_unquoted: pieces: list[bytes] = []",
            "_unquoted: while at < len(data):", "_unquoted: end = at + WINDOW_CHARACTERS",
            '_unquoted: if (sign := data.rfind(b"%", end - 2, end)) >= 0 and end < len(data):',
            "_unquoted: end = sign  # the digits behind it are in the next window",
            "_unquoted: budget.spend((end - at) // CHARACTERS_PER_UNIT)", "_unquoted: at = end",
            "_unquoted: pieces.append(unquote_to_bytes(data[at:end]))",
            '_unquoted: return b"".join(pieces).decode("utf-8", "replace")',
        ],
        "policy/strings.py": ["Strings._text: self._clear.clear()"],
        "policy/walk.py": ["Walk._value: self._clear_numbers.clear()"],
    },
    "takes a text that is made for it: see the tests of detectors": {
        "policy/detectors/phone.py": ["_never", "_places: return []", "phone.valid: continue"],
        "policy/detectors/written.py": ["whole: return None"],
        "policy/detectors/scanner.py": [
            "Scanner._found: new = [Span(new[0].start, len(data), new[0].detector)]", "_parts: return ()",
            "_parts: return [(0, len(candidate))]",
        ],
        "policy/detectors/fold.py": ["_folded: return None"],
        "policy/detectors/cards.py": ["card: return"],
    },
    "is `Walk._value` in every walk": {"policy/strings.py": ["Strings._value"]},
    "runs after a fault: see the last test": {
        "pipeline.py": [
            "StageError.__init__", "prepare: except Exception as error:", "prepare: raise StageError(stage, error) from error",
        ],
    },
    "turns a look-up that failed into a fault that is told: see its unit test": {
        "policy/detectors/fold.py": [
            "Folding.__missing__: except LookupError as error:", "Folding.__missing__: raise FoldingError from error",
        ],
    },
    "is not what it is called with": {
        "pipeline.py": [
            "_facts: return _Facts(rules, fields)",
            # Callers are named, and every target is one of the table's.
            "_keyed_by_body: except RefusedError:", "_keyed_by_body: raise RefusedError(Reason.UNKNOWN_CALLER) from None",
            "_refused: if from_page(fields):", "_refused: return Reason.BROWSER_REQUEST",
            '_refused: return None if rules.hosts.takes(fields.get(b"host")) else Reason.UNKNOWN_HOST',
        ],
        "policy/apply.py": ["EndpointPolicy.target: return match.target, []", "EndpointPolicy.looked_at: return hits"],
        "payload/canonical.py": ["_write: case _:", '_write: raise TypeError("not a JSON value")'],
    },
    "for people and tests": {"policy/fields.py": ["Hit.__eq__", "Hit.__repr__"]},
}  # fmt: skip
# Where an exception has a meaning of its own that is not a fault: none of this kind is raised there.
MEANT = {("policy/detectors/fold.py", "try:"): LookupError}  # `str.translate`: the character stays as it is
# What tells of a refusal and of a fault: each of these functions runs whole.
TELLING = {
    "outbound.py": ("Outbound.refused",),
    "observer.py": ("Observer.policy_acted", "Observer.stage_failed", "Observer.refused"),
    "metrics.py": ("Counter.add", "Count.__init__"),
    "pipeline.py": ("StageError.__init__",),
}
INTERNAL = error_body(Reason.INTERNAL, ANSWERS[Reason.INTERNAL])


def limits() -> dict[str, Limits]:
    """Return what looks for small limits of Customer.io, and remembers nothing yet."""

    def small(bounds: Iterable[Bound]) -> tuple[Bound, ...]:
        return tuple(replace(bound, at_most=SMALL[bound.limit]) for bound in bounds)

    found = {}
    for endpoint in ROWS:
        row = VENDOR_LIMITS.get(endpoint.name)
        if row is not None:
            operations = {
                kind: {action: small(bounds) for action, bounds in actions.items()} for kind, actions in row.operations.items()
            }
            row = replace(row, call=small(row.call), item=small(row.item), operations=operations)
            found[endpoint.name] = Limits(row, endpoint.path)
    return found


class Sidecar:
    """All that stands between a caller's connection and one to Customer.io, built anew: none of it has seen a call."""

    def __init__(self, policy: str, log: FilteringBoundLogger, *, broken: bool = False) -> None:
        """Enforce the policy of that name; a `broken` one has no head for any upstream."""
        clock = FakeClock()
        self.cut_off = 0  # connections of callers that ended with a fault
        self.registry = CollectorRegistry()
        self.metrics = Metrics(self.registry, "1.2.3")
        self._pool = FakeConnections(idle=2)
        observer = Observer(self.metrics, log, clock)
        sender = Sender(
            connections=dict.fromkeys(Upstream, self._pool),
            limiter=MemoryLimiter({bucket: Quota(10, 10) for bucket in Bucket}, 1, clock, Timers(clock).call_later),
            keys=keyring(clock, {name: authorization() for name in ("track", "app", "pipelines")}),
            inflight_bytes=1_000_000,
            timeouts=Timeouts(attempt_seconds=5, total_seconds=9),
            observer=observer,
            clock=clock,
            spawn=self._pool.spawn,
        )
        vars(pipeline)["LIMITS"] = limits()
        document = PolicyDocument.model_validate(POLICIES[policy])
        compiled = compile_policy(document, ROWS, Sensitive(b"pepper"))
        told = (observer.field_is_new, observer.field_unrecorded)
        kept = Inventory(clock.wall, *told, scanner=compiled.inventory_scanner) if document.inventory else None
        rules = Rules(
            table=TABLE,
            policy=compiled,
            callers=Callers.of([(name, Sensitive(key)) for name, key in CALLERS.items()], frozenset()),
            heads={} if broken else {upstream: common_head(f"{upstream}.example") for upstream in Upstream},
            body_bytes=20_000,
            large_body_bytes=20_000,
            depth=16,
            inventory=kept,
        )
        self._server = Server(Outbound(rules, sender, observer, clock, Slices(lambda turn: turn())), LIMITS, clock, AT_ONCE)

    @property
    def faults(self) -> int:
        """How many `pii_errors_total` has counted."""
        return sum(count.number for count in self.metrics.pii_errors.values.values())

    def take(self, call: Call) -> tuple[list[bytes], bytes]:
        """Take a call on a connection of its own; return what was written to Customer.io, and what to the caller."""
        before = len(self._sent())
        transport = FakeTransport()
        transport.connect(CallerConnection(self._server))
        try:
            transport.receive(call.request())
        except Exception:  # noqa: BLE001  # whatever it is: an event loop ends the connection
            self.cut_off += 1
        return self._sent()[before:], transport.taken()

    def _sent(self) -> list[bytes]:
        return [data for connection in self._pool.all for data in connection.sent]


@dataclass(frozen=True)
class Run:
    """A call that was traced: which lines ran how often, what was sent, and what the caller was told."""

    call: Call
    broken: bool
    ran: Counter[Line]
    outcome: tuple[list[bytes], bytes]


@dataclass(frozen=True)
class Strike:
    """An exception that is raised where a line is reached for the `nth` time. Its text quotes data, as a library's may."""

    run: Run
    line: Line
    nth: int
    fault: Exception

    def __str__(self) -> str:
        """Say what strikes where."""
        name, line = type(self.fault).__name__, self.line
        return f"{name} at {line.number} ({line.text}), reached {self.nth} times by {self.run.call.name!r}"


@dataclass(frozen=True)
class Struck:
    """What came of a strike."""

    sidecar: Sidecar
    raised: bool
    sent: list[bytes]
    answer: bytes

    @property
    def internal(self) -> bool:
        """Whether the caller was told what it is told of faults of ours, and no more."""
        head, _, body = self.answer.partition(b"\r\n\r\n")
        marked = b"\r\nX-CIO-Sidecar: refused; reason=internal\r\n" in head
        return head.startswith(b"HTTP/1.1 500 ") and marked and body == INTERNAL

    @property
    def refused(self) -> bool:
        """Whether the caller was told of any refusal."""
        return b"\r\nX-CIO-Sidecar: refused; reason=" in self.answer


def strike(strike: Strike, log: FilteringBoundLogger) -> Struck:
    """Take a call in a new sidecar, and let it fail."""
    sidecar = Sidecar(strike.run.call.policy, log, broken=strike.run.broken)
    tracer = Tracer([Path(strike.line.file)], strike.line, strike.nth, strike.fault)

    def take() -> tuple[list[bytes], bytes]:
        with tracer.traced():
            return sidecar.take(strike.run.call)

    sent, answer = aside(take)
    return Struck(sidecar, tracer.raised, sent, answer)


@pytest.fixture(scope="module", autouse=True)
def _small_memories() -> Iterator[None]:
    """Let what policies remember overflow in small calls."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(fields, "KNOWN_KEYS", 3)
        patch.setattr(selector, "KNOWN_KEYS", 4)
        patch.setattr(selector, "STATES_MAX", 8)
        patch.setattr(pipeline, "LIMITS", {})  # each sidecar has its own
        patch.setattr(pipeline, "_POLICIES_MAX", 0)
        patch.setattr(measure, "KNOWN_NAMES", 2)
        patch.setattr(minimise, "KNOWN_KEYS", 3)
        patch.setattr(people, "KNOWN_KEYS", 3)
        patch.setattr(detect, "KNOWN_KEYS", 2)
        patch.setattr(inventory, "MAP_KEYS", 3)
        patch.setattr(inventory, "BELOW_MAX", 12)
        patch.setattr(inventory, "FIELDS_MAX", 35)
        patch.setattr(inventory, "DEPTH_MAX", 4)
        patch.setattr(scanner, "REREAD_TIMES", 2)
        patch.setattr(scanner, "REREAD_MIN_BYTES", 100)
        patch.setattr(linear, "WORK_MAX_BYTES", 200)
        patch.setattr(scanner, "REREAD_TIMES", 4)
        patch.setattr(scanner, "REREAD_MIN_BYTES", 400)
        yield


def traced(files: Iterable[Path], *, broken: bool = False) -> list[Run]:
    """Run every call once, each in a sidecar of its own, and trace the lines of `files`."""
    log = Lines()
    logger = log.logger()
    runs = []
    for call in CALLS:
        sidecar, tracer = Sidecar(call.policy, logger, broken=broken), Tracer(files)
        with tracer.traced():
            outcome = sidecar.take(call)
        runs.append(Run(call, broken, tracer.ran, outcome))
    log.text()
    return runs


@pytest.fixture(scope="module")
def runs(_small_memories: None) -> list[Run]:
    """Return how every call runs where nothing fails."""
    return traced(STAGES)


def strikes(runs: list[Run], path: Path) -> Iterator[Strike]:
    """Yield what to raise at each line: once when a short call comes by, once at the end of a long one, once in its midst."""
    others = cycle(OTHERS)
    for line in sorted({line for run in runs for line in run.ran if line.file == str(path)}):
        meant = MEANT.get((str(path.relative_to(ROOT)), line.text), ())
        other = next(kind for kind in others if not issubclass(kind, meant))
        reaching = sorted((run for run in runs if line in run.ran), key=lambda run: run.ran.total())
        busiest = max(reaching, key=lambda run: run.ran[line])
        yield Strike(reaching[0], line, 1, UnexpectedError(CANARY))
        yield Strike(reaching[-1], line, reaching[-1].ran[line], other(CANARY))
        yield Strike(busiest, line, busiest.ran[line] // 2 + 1, UnexpectedError(CANARY))


def test_every_line_of_the_stages_runs(runs: list[Run]) -> None:
    """The calls reach every line that can run for a request; what is left out is named here, and for nothing else."""
    left_out: dict[str, set[str]] = {}
    for files in NEVER.values():
        for name, texts in files.items():
            left_out.setdefault(name, set()).update(texts)
    ran = {line for run in runs for line in run.ran}
    missed: dict[str, set[str]] = {}
    for path in STAGES:
        name, source = str(path.relative_to(ROOT)), path.read_text().splitlines()
        for function, numbers in of_functions(path).items() if name not in AT_LOAD else ():
            missing = {number for number in numbers if Line(str(path), number) not in ran}
            if missing:
                whole = missing == numbers or function in left_out.get(name, set())
                texts = [function] if whole else [f"{function}: {source[number - 1].strip()}" for number in missing]
                missed.setdefault(name, set()).update(texts)
    assert missed == left_out


@pytest.mark.parametrize("path", STAGES, ids=lambda path: str(path.relative_to(ROOT)))
def test_a_fault_at_any_line_forwards_nothing(runs: list[Run], path: Path) -> None:
    """Nothing is sent, the caller is told 500 `internal`, it is counted and logged once, and the next call is treated as ever.

    Neither what the call holds nor the text of the exception is in the answer, the metrics or the log (promise G2).
    """
    log = Lines()
    logger = log.logger()
    of_decoder = {number for name, numbers in of_functions(path).items() if name in DECODING for number in numbers}
    wrong, counted = [], 0
    for planned in strikes(runs, path):
        struck = strike(planned, logger)
        told = struck.internal and struck.sidecar.faults == 1 and not struck.sidecar.cut_off
        if isinstance(planned.fault, RecursionError) and planned.line.number in of_decoder:
            told = told or b"; reason=too_deep\r\n" in struck.answer
        counted += struck.sidecar.faults
        clean = CANARY.encode() not in generate_latest(struck.sidecar.registry)
        recovered = struck.sidecar.take(planned.run.call) == planned.run.outcome
        if not (struck.raised and struck.sent == [] and told and clean and recovered):
            wrong.append(f"{planned}: {struck}")
    assert wrong == []
    text = log.text()
    assert text.count('"stage_failed"') == counted
    assert CANARY not in text


@pytest.mark.parametrize("objects", [1, 2, 3, 5, 7])
def test_a_collection_deep_in_a_recursion_does_not_end_the_tracing(objects: int) -> None:
    """Whenever the garbage collector would run: every line is seen behind a recursion that reached the limit."""
    tracer = Tracer([Path(decode.__file__)])
    before = gc.get_threshold()

    def called(*_: object) -> None:
        """Do nothing, as Python code."""

    def work() -> None:
        gc.callbacks.append(called)
        gc.set_threshold(objects)
        try:
            with tracer.traced(), pytest.raises(RefusedError):
                decode.parse(b"[" * 5000, 20)
        finally:
            gc.set_threshold(*before)
            gc.callbacks.remove(called)

    aside(work)
    assert "raise RefusedError(Reason.TOO_DEEP) from None" in {line.text for line in tracer.ran}


@pytest.mark.parametrize("name", TELLING)
def test_a_fault_in_what_tells_of_it_forwards_nothing(name: str) -> None:
    """Where counting or logging fails, before a call leaves or in the middle of a refusal, the caller is refused all the same.

    The calls go through a sidecar that works, and through one that fails in its last stage.
    """
    path = ROOT / name
    runs = [run for broken in (False, True) for run in traced([path], broken=broken)]
    ran = {line.number for run in runs for line in run.ran}
    functions = of_functions(path)
    assert [function for function in TELLING[name] if functions[function] - ran] == []
    log = Lines()
    logger = log.logger()
    wrong = []
    for planned in strikes(runs, path):
        struck = strike(planned, logger)
        if not (struck.raised and struck.sent == [] and struck.refused):
            wrong.append(f"{planned}: {struck}")
    assert wrong == []
    assert CANARY not in log.text()
