"""Structured logs that cannot hold personal data: a fixed set of fields, anything else is dropped.

Values of the allowed fields come from closed sets or from the operator's own configuration, never from a request. Of an
exception only its type and where it was raised are told: its text may quote data.
"""

import logging
import sys
from collections.abc import MutableMapping
from pathlib import Path
from typing import Any, TextIO

import structlog

FIELDS = frozenset(
    {
        "event", "level", "timestamp",
        "reason", "endpoint", "status", "caller", "upstream", "listener", "host", "port", "version", "error", "where", "task",
        "path", "problem", "signal", "seconds", "requests", "rule", "reference",
    }
)  # fmt: skip


def _allowed(_logger: object, _method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    return {name: value for name, value in event.items() if name in FIELDS}


def fault(error: BaseException) -> dict[str, str]:
    """Return what may be said about an exception: its type and the place in our code that raised it."""
    frame = error.__traceback__
    while frame is not None and frame.tb_next is not None:
        frame = frame.tb_next
    where = f"{Path(frame.tb_frame.f_code.co_filename).name}:{frame.tb_lineno}" if frame is not None else ""
    return {"error": type(error).__name__, "where": where}


def logger(level: str, form: str, stream: TextIO = sys.stderr) -> structlog.typing.FilteringBoundLogger:
    """Return a logger that writes one line an event to `stream`.

    `level` is debug, info, warning or error; `form` is json or console.
    """
    renderer: structlog.typing.Processor = (
        structlog.processors.JSONRenderer() if form == "json" else structlog.dev.ConsoleRenderer(colors=stream.isatty())
    )
    bound: structlog.typing.FilteringBoundLogger = structlog.wrap_logger(
        structlog.PrintLogger(stream),
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            _allowed,
            renderer,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(logging.getLevelNamesMapping()[level.upper()]),
    )
    return bound
