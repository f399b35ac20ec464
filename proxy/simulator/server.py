"""The simulator as a server: one port for all three APIs and for its own control endpoints, plain or TLS.

* Every request is recorded before it is answered. Nothing is logged.
* The simulator imports nothing of the sidecar except the clock, so that it can prove the sidecar wrong.
"""

import asyncio
import logging
import ssl
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from aiohttp import StreamReader, web
from aiohttp.abc import AbstractStreamWriter
from aiohttp.http_parser import RawRequestMessage
from aiohttp.web_protocol import ERROR, RequestHandler

from proxy.clock import Clock, SystemClock
from proxy.simulator import envelopes, substitute, wire
from proxy.simulator.control import PREFIX, control
from proxy.simulator.endpoints import ENDPOINTS, TABLE, Found
from proxy.simulator.faults import Delay, Drop, Early, Fault, Script, Scripted
from proxy.simulator.journal import Entry, Journal
from proxy.simulator.model import MIB, Received, Reply, Workspace
from proxy.simulator.respond import addressed, respond

RECORDED_REQUESTS = 10_000
RECORDED_BYTES = 64 * MIB

HEAD_BYTES = 65_536  # the limit of one line, as large as that of the servers before the real service
HEADER_COUNT = 200
BODY_BYTES = max(row.max_body_bytes for row in ENDPOINTS)
BODY_SECONDS = 60
LINGER_SECONDS = 1
SHUTDOWN_SECONDS = 0.25

# aiohttp logs bytes of messages that it cannot parse, and those may be personal data.
_QUIET = logging.getLogger("proxy.simulator")
_QUIET.disabled = True


class Simulator:
    """A simulated Customer.io: its workspaces, the recorded requests, and the scripted faults."""

    def __init__(
        self,
        workspace: Workspace | None = None,
        *,
        recorded_requests: int = RECORDED_REQUESTS,
        recorded_bytes: int = RECORDED_BYTES,
        clock: Clock | None = None,
    ) -> None:
        """Simulate `workspace` (None: placeholder credentials); the record keeps so many requests and so many bytes.

        Raises:
            ValueError: a bound is not positive.
        """
        # During a key rotation there are several, one per credential; a revoked credential is removed.
        self.workspaces: tuple[Workspace, ...] = (workspace or Workspace(),)
        self._journal = Journal(recorded_requests, recorded_bytes)
        self._script = Script()
        self._clock = clock or SystemClock()
        self._news = asyncio.Event()

    @property
    def workspace(self) -> Workspace:
        """The workspace, or the first of several."""
        return self.workspaces[0]

    @property
    def requests(self) -> Sequence[Entry]:
        """The recorded requests, oldest first."""
        return self._journal.entries

    @property
    def dropped(self) -> int:
        """The number of requests that were dropped because of the bounds."""
        return self._journal.dropped

    @property
    def malformed(self) -> int:
        """The number of messages that were not HTTP."""
        return self._journal.malformed

    @property
    def pending(self) -> Sequence[Scripted]:
        """The scripted faults that are still pending."""
        return self._script.pending

    async def until(self, holds: Callable[[Sequence[Entry]], bool]) -> Sequence[Entry]:
        """Wait until `holds` is true for the recorded requests, and return them. The caller bounds the wait."""
        while not holds(self.requests):
            await self._news.wait()
        return self.requests

    def script(self, *faults: object) -> None:
        """Append faults, each a mapping as in `docs/simulator.md`.

        Raises:
            ScriptError: one of them is invalid.
        """
        self._script.add(faults)

    def clear(self) -> None:
        """Delete the recorded requests and the pending faults."""
        self._journal.clear()
        self._script.clear()

    async def handle(self, request: web.BaseRequest) -> web.StreamResponse:
        """Answer one request to the control API or to a simulated API."""
        try:
            if request.raw_path.startswith(PREFIX):
                return await wire.perform(None, await control(request, self._journal, self._script), request)
            return await self._answer(request)
        except ConnectionError:
            raise
        except Exception as error:  # noqa: BLE001  # an error of the simulator is reported by type and place only
            return await wire.perform(None, _broken(error), request)

    async def _answer(self, request: web.BaseRequest) -> web.StreamResponse:
        headers = tuple((name.decode("latin-1"), value.decode("latin-1")) for name, value in request.raw_headers)
        entry = self._journal.open(Received(request.method, request.raw_path, headers))
        self._tell()
        found = TABLE.find(request.method, request.raw_path.partition("?")[0])
        entry.endpoint = found.row.name if isinstance(found, Found) else None
        fault = self._script.take(request.method, request.raw_path)
        entry.fault = fault.kind if fault else None
        read = not _skips_body(fault)
        if read:
            await self._read(request, entry)
        if isinstance(fault, Delay):
            await asyncio.sleep(fault.seconds)
        workspace = addressed(found, entry.request, self.workspaces)
        usual = respond(found, entry.request, workspace, entry.number, self._clock.wall())
        reply = substitute.replaced(fault, found, entry.request, workspace, usual)
        entry.status = reply.status if wire.answers(fault) else None
        self._tell()
        response = await wire.perform(fault, reply, request)
        if read and not entry.complete:
            response.force_close()
        return response

    async def _read(self, request: web.BaseRequest, entry: Entry) -> None:
        """Record the body, or the part of it that arrives in time and within the bounds."""
        if "100-continue" in (value.lower() for value in entry.request.values("expect")):
            wire.write_past(request, wire.CONTINUE)
        body = bytearray()
        complete = False
        try:
            async with asyncio.timeout(BODY_SECONDS):
                async for piece in request.content.iter_any():
                    body += piece
                    if len(body) > BODY_BYTES:
                        break
                else:
                    complete = True
        except (TimeoutError, web.RequestPayloadError):
            pass
        finally:
            # This also runs if the client disconnects, which cancels this task.
            self._journal.arrived(entry, bytes(body), complete=complete)
            self._tell()

    def _tell(self) -> None:
        """Wake up the tasks that wait in `until`."""
        self._news.set()
        self._news = asyncio.Event()

    def count(self, message: RawRequestMessage) -> None:
        """Count a message that is not HTTP: aiohttp passes `ERROR` in place of a message that it cannot parse."""
        if message is ERROR:
            self._journal.malformed += 1


def _skips_body(fault: Fault | None) -> bool:
    return isinstance(fault, Early) or (isinstance(fault, Drop) and fault.when == "before_body")


def _broken(error: Exception) -> Reply:
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    place = f"{Path(trace.tb_frame.f_code.co_filename).name}:{trace.tb_lineno}" if trace is not None else "?"
    return envelopes.reply(500, {"meta": {"error": f"the simulator failed: {type(error).__name__} at {place}"}})


@dataclass(frozen=True, slots=True)
class Address:
    """The address at which a simulator listens."""

    host: str
    port: int
    tls: bool

    @property
    def url(self) -> str:
        """The base URL of all three APIs."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{'https' if self.tls else 'http'}://{host}:{self.port}"


@asynccontextmanager
async def serving(
    simulator: Simulator, host: str = "127.0.0.1", port: int = 0, tls: ssl.SSLContext | None = None
) -> AsyncIterator[Address]:
    """Serve `simulator` until the block ends; port 0 picks a free one.

    Raises:
        OSError: the server cannot listen at the address.
    """
    loop = asyncio.get_running_loop()

    def request(
        message: RawRequestMessage,
        payload: StreamReader,
        protocol: RequestHandler,
        writer: AbstractStreamWriter,
        task: asyncio.Task[None],
    ) -> web.BaseRequest:
        simulator.count(message)
        return web.BaseRequest(message, payload, protocol, writer, task, loop)

    server = web.Server(
        simulator.handle,
        request_factory=request,
        handler_cancellation=True,  # a client that disconnects ends its delay
        access_log=None,
        logger=_QUIET,
        auto_decompress=False,  # the record holds the body as received
        max_line_size=HEAD_BYTES,
        max_field_size=HEAD_BYTES,
        max_headers=HEADER_COUNT,
        lingering_time=LINGER_SECONDS,
    )
    runner = web.ServerRunner(server, shutdown_timeout=SHUTDOWN_SECONDS)
    await runner.setup()
    try:
        await web.TCPSite(runner, host, port, ssl_context=tls).start()
        where = runner.addresses[0]
        yield Address(where[0], where[1], tls is not None)
    finally:
        await runner.cleanup()
