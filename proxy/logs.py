"""Structured logs that cannot contain personal data, and that never make the sidecar wait.

* A line has a fixed set of fields; anything else is dropped. Values of the allowed fields come from closed sets or from the
  operator's own configuration; of a request there is its path, with stars (`api.starred`).
* Of an exception only its type and where it was raised are told: its text may quote data. The same goes for whatever other
  libraries log.
* Lines are written by a thread of its own. Where standard error is full, slow or gone, lines are lost, and counted once it
  takes lines again; the sidecar goes on.
"""

import atexit
import logging
import os
import select
import sys
import threading
from collections.abc import MutableMapping
from pathlib import Path
from queue import SimpleQueue
from typing import Any

import orjson
import structlog
from structlog.typing import FilteringBoundLogger, Processor

FIELDS = frozenset(
    {
        "event", "level", "timestamp",
        "reason", "endpoint", "status", "caller", "upstream", "listener", "host", "port", "version", "error", "where", "task",
        "path", "problem", "signal", "seconds", "requests", "rule", "reference", "library", "credential", "key_id", "store",
        "limit", "items", "method", "file", "keys",
    }
)  # fmt: skip

STANDARD_ERROR = 2
# A line has about 200 bytes, so a full queue takes about a megabyte.
QUEUE_LINES = 4096
# At the end of the process, the writer has this long to write the lines in the queue.
CLOSE_SECONDS = 1.0


class Writer:
    """Writes lines to a file descriptor in a separate thread. A call to log never waits and never fails."""

    def __init__(self, descriptor: int = STANDARD_ERROR) -> None:
        """Write to a duplicate of `descriptor`; if it is closed already, to the null device.

        The system would give a closed descriptor to the next socket, which must not get log lines.
        """
        try:
            self._descriptor = os.dup(descriptor)
        except OSError:
            self._descriptor = os.open(os.devnull, os.O_WRONLY)
        self._lines: SimpleQueue[bytes | None] = SimpleQueue()
        self._unqueued = 0  # lines lost because the queue was full; changed by the logging code
        self._unwritten = 0  # lines lost because the write failed; changed by the thread
        self._told = 0  # the number of lost lines that has been logged
        self._thread = threading.Thread(target=self._run, name="log", daemon=True)
        self._thread.start()
        atexit.register(self.close)

    def write(self, line: bytes) -> None:
        """Queue `line` to be written, or drop it if the queue is full."""
        if self._lines.qsize() < QUEUE_LINES:
            self._lines.put(line)
        else:
            self._unqueued += 1

    debug = info = warning = error = critical = write  # structlog calls the method named after the level

    def close(self) -> None:
        """Write the lines in the queue, within `CLOSE_SECONDS`."""
        atexit.unregister(self.close)
        self._lines.put(None)
        self._thread.join(CLOSE_SECONDS)

    def _run(self) -> None:
        closed = False
        while not closed:
            lines = [self._lines.get()]
            lines += [self._lines.get() for _ in range(self._lines.qsize())]
            closed = None in lines
            self._deliver([line for line in lines if line is not None])
        os.close(self._descriptor)

    def _deliver(self, lines: list[bytes]) -> None:
        lost = self._unqueued + self._unwritten
        notice = []
        if lost > self._told:
            told = {"event": "log_lines_lost", "level": "warning", "lines": lost - self._told}
            notice.append(orjson.dumps(told, option=orjson.OPT_APPEND_NEWLINE))
        try:
            self._write(b"".join([*notice, *lines]))
        except OSError:
            self._unwritten += len(lines)
        else:
            self._told = lost

    def _write(self, data: bytes) -> None:
        while data:
            try:
                data = data[os.write(self._descriptor, data) :]
            except BlockingIOError:  # another process made the descriptor non-blocking; this thread may wait
                room = select.poll()
                room.register(self._descriptor, select.POLLOUT)
                room.poll()


class Threshold:
    """The level below which nothing is written; it may change while the process runs."""

    def __init__(self, level: str) -> None:
        """Begin with `level`: debug, info, warning or error."""
        self.set(level)

    def set(self, level: str) -> None:
        """Write nothing below `level` from now on."""
        self._number = logging.getLevelNamesMapping()[level.upper()]

    def __call__(self, _logger: object, method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
        """Let an event pass, or drop it."""
        if logging.getLevelNamesMapping()[method.upper()] < self._number:
            raise structlog.DropEvent
        return event


def logger(level: str | Threshold, form: str, writer: Writer | None = None) -> FilteringBoundLogger:
    """Return a logger that writes one line an event to `writer`, or else to standard error.

    `level` is debug, info, warning or error, or what holds it; `form` is json or console.
    """
    console = structlog.dev.ConsoleRenderer(colors=os.isatty(STANDARD_ERROR))

    def readable(bound: object, method: str, event: MutableMapping[str, Any]) -> bytes:
        return f"{console(bound, method, event)}\n".encode(errors="backslashreplace")

    processors: list[Processor] = [
        Threshold(level) if isinstance(level, str) else level,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        _allowed,
        _json if form == "json" else readable,
    ]
    bound: FilteringBoundLogger = structlog.wrap_logger(
        writer or Writer(),
        processors=processors,
        wrapper_class=structlog.make_filtering_bound_logger(logging.NOTSET),
    )
    return bound


def fault(error: BaseException) -> dict[str, str]:
    """Return the fields to log about an exception: its type, and the place in the code that raised it."""
    frame = error.__traceback__
    while frame is not None and frame.tb_next is not None:
        frame = frame.tb_next
    where = f"{Path(frame.tb_frame.f_code.co_filename).name}:{frame.tb_lineno}" if frame is not None else ""
    return {"error": type(error).__name__, "where": where}


def take_over(log: FilteringBoundLogger) -> None:
    """Send the logs of other libraries, and Python's reports of uncaught errors, to `log`, without their texts.

    Call it once, at the start of the process.
    """

    def uncaught(args: "threading.ExceptHookArgs | sys.UnraisableHookArgs") -> None:
        log.error("uncaught", **(fault(args.exc_value) if args.exc_value is not None else {}))

    threading.excepthook = uncaught
    sys.unraisablehook = uncaught
    logging.captureWarnings(capture=True)
    logging.basicConfig(handlers=[_Records(log)], level=logging.WARNING, force=True)


class _Records(logging.Handler):
    """Handles records of the standard library's logging, such as those of asyncio and aiohttp."""

    def __init__(self, log: FilteringBoundLogger) -> None:
        super().__init__()
        self._log = log

    def emit(self, record: logging.LogRecord) -> None:
        error = record.exc_info[1] if record.exc_info else None
        said = fault(error) if error is not None else {"where": f"{record.filename}:{record.lineno}"}
        tell = self._log.error if record.levelno >= logging.ERROR else self._log.warning
        tell("library", library=record.name, **said)


def _allowed(_logger: object, _method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    return {name: value for name, value in event.items() if name in FIELDS}


def _json(_logger: object, _method: str, event: MutableMapping[str, Any]) -> bytes:
    return orjson.dumps(event, default=_type_name, option=orjson.OPT_APPEND_NEWLINE)


def _type_name(value: object) -> str:
    """Return the type name of a value, which is logged in place of a value that is not JSON."""
    return type(value).__name__
