"""What one request costs in the process, stage by stage and as a whole, in microseconds: `python -m bench.cost`.

No socket is touched: the connections are the real ones, on transports that keep what is written. Each figure is the least of
many short runs, so that what else the machine does is not in it. A stage by itself runs from warm caches; the whole does not,
which is why it costs more than its stages.
"""

import asyncio
import timeit
from collections.abc import Callable

import orjson
from prometheus_client import CollectorRegistry

from bench import redaction, work
from proxy import logs, pipeline
from proxy.api.endpoints import ENDPOINTS
from proxy.api.match import Table
from proxy.api.model import Bucket, Credential, Upstream
from proxy.clock import SystemClock
from proxy.credentials.callers import Callers
from proxy.credentials.keyring import Keyring
from proxy.credentials.model import Kind, TrackPair, Version
from proxy.delivery.ports import Timeouts
from proxy.delivery.send import Sender
from proxy.exchange import Fields, RequestHead
from proxy.http1.caller import CallerConnection
from proxy.http1.cork import Cork
from proxy.http1.known import Known, KnownAnswer
from proxy.http1.request import RequestReader
from proxy.http1.server import Server, ServerLimits
from proxy.http1.upstream import UpstreamConnection
from proxy.limits.gcra import Quota
from proxy.limits.memory import MemoryLimiter
from proxy.metrics import Metrics
from proxy.observer import Observer
from proxy.outbound import Outbound
from proxy.payload.decode import parse
from proxy.payload.encode import encode
from proxy.rules import Rules
from proxy.sensitive import Sensitive
from proxy.slices import Slices

REPEATS, RUNS = 40, 200
ANSWER = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{}"
LIMITS = ServerLimits(
    head_bytes=32_768, header_count=100, connections=10_000, inflight_bytes=67_108_864, head_seconds=10, body_seconds=30,
    idle_seconds=600,
)  # fmt: skip


class Transport(asyncio.Transport):
    """Takes everything."""

    def write(self, data: bytes | bytearray | memoryview) -> None:
        """Take `data`."""

    def is_closing(self) -> bool:
        """Stay open."""
        return False

    def get_write_buffer_size(self) -> int:
        """Have sent everything."""
        return 0

    def set_write_buffer_limits(self, high: int | None = None, low: int | None = None) -> None:
        """Need no limits."""


class Connections:
    """A pool of one."""

    def __init__(self, cork: Cork) -> None:
        """Connect."""
        self.cork = cork
        self.known: Known[KnownAnswer] = Known()
        self.idle: list[UpstreamConnection] = []
        self.only = UpstreamConnection(self, 0.0)
        self.only.connection_made(Transport())
        self.idle.append(self.only)

    def take(self) -> UpstreamConnection:
        """Return the one."""
        return self.idle.pop()

    async def connect(self) -> UpstreamConnection:
        """Never be asked."""
        raise NotImplementedError

    def opened(self, connection: UpstreamConnection) -> None:
        """Take no notice."""

    def released(self, connection: UpstreamConnection) -> None:
        """Take it back."""
        self.idle.append(connection)

    def closed(self, connection: UpstreamConnection) -> None:
        """Take no notice."""


def stages() -> dict[str, float]:
    """Return the cost of each stage in microseconds."""
    return asyncio.run(_stages())


async def _stages() -> dict[str, float]:
    turn: list[Callable[[], None]] = []
    cork = Cork(turn.append)
    clock = SystemClock()
    observer = Observer(Metrics(CollectorRegistry(), "bench"), logs.logger("info", "json"), clock)
    rules = Rules(
        table=Table(ENDPOINTS),
        policy=redaction.policy("sidecar, full"),
        callers=Callers.of([("bench", Sensitive(work.CALLER_KEY))], frozenset()),
        heads={upstream: pipeline.common_head("track.customer.io") for upstream in Upstream},
        body_bytes=1_048_576,
        large_body_bytes=4_194_304,
        depth=100,
    )
    pool = Connections(cork)
    authorization = TrackPair(Sensitive("bench-site"), Sensitive("bench-api-key")).authorization()
    keyring = Keyring(
        {"track": Credential.TRACK}, grace_seconds=0, max_staleness_seconds=3600, clock=clock, held=observer.credential_held,
        wanted=lambda _: None,
    )  # fmt: skip
    keyring.adopt("track", Version(authorization, Kind.ENV, fixed=True))
    sender = Sender(
        connections=dict.fromkeys(Upstream, pool),
        limiter=MemoryLimiter({bucket: Quota(1e6, 1e5) for bucket in Bucket}, 2, clock, asyncio.get_running_loop().call_later),
        keys=keyring,
        inflight_bytes=1_000_000,
        timeouts=Timeouts(5, 9),
        observer=observer,
        clock=clock,
        spawn=lambda _: None,
    )
    slices = Slices(asyncio.get_running_loop().call_soon)
    server = Server(Outbound(rules, sender, observer, clock, slices), LIMITS, clock, cork)
    caller = CallerConnection(server)
    caller.connection_made(Transport())
    requests = [work.request(variant) for variant in range(work.VARIANTS)]
    at = 0

    def flush() -> None:
        while turn:
            turn.pop()()

    def whole() -> None:
        nonlocal at
        at = (at + 1) % len(requests)
        caller.data_received(requests[at])
        flush()
        pool.only.data_received(ANSWER)
        flush()

    body = work.body()
    fields = Fields()
    fields.update({b"authorization": b"Basic " + work.AUTHORIZATION.encode(), b"content-type": b"application/json"})
    head = RequestHead("PUT", work.path().encode(), fields)
    admission = pipeline.admit(rules, head, 0.0)
    value = parse(body, 100)
    policy = rules.policy.for_endpoint("track.v1.identify")
    reader = RequestReader(server, flush)

    def read() -> None:
        reader.read(requests[0])
        server.held_bytes = 0

    def read_unknown() -> None:
        server.known.clear()
        read()

    parsing = _least(lambda: parse(body, 100))
    return {
        "read a request and let it in: known head": _least(read),
        "the same: head parsed by llhttp": _least(read_unknown),
        "of it: caller, endpoint, target": _least(lambda: pipeline.admit(rules, head, 0.0)),
        "decode": parsing,
        "policy: two of thirteen fields stripped, two hashed": _least(lambda: policy.apply(parse(body, 100), text=body))
        - parsing,
        "encode": _least(lambda: encode(value)),
        "prepare: decode, policy, encode, head": _least(lambda: pipeline.prepare(admission, body)),
        "the whole request and its answer": _least(whole),
        "for scale: orjson reads and writes the same body": _least(lambda: orjson.dumps(orjson.loads(body))),
    }


def _least(call: Callable[[], object]) -> float:
    return min(timeit.repeat(call, number=RUNS, repeat=REPEATS)) / RUNS * 1e6


if __name__ == "__main__":
    for _stage, _microseconds in stages().items():
        print(f"{_microseconds:7.2f} µs  {_stage}")
