"""The SDKs, and the ways to point each at the sidecar: one row each, which every test of this folder runs over.

A row says how its application is started, how its clients are made from an address and keys (and nothing else), and which
calls it is put through. The same row, given Customer.io's own address and the real keys, is what the sidecar is compared with.
"""

import re
import sys
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from http import HTTPStatus
from pathlib import Path
from typing import Any

import pytest

from tests.needs import PYTHON_SDKS
from tests.sdk import async_calls, cdp_calls, clients, node4_calls, node_calls, node_reads, python2_calls, python_calls
from tests.sdk.arrivals import Call, Json
from tests.sdk.clients import Clients, Keys, Place

FOLDER = Path(__file__).parent


@dataclass(frozen=True, eq=False)
class Sdk:
    """One SDK, pointed at the sidecar in one way.

    `agent` begins its User-Agent. `clients` makes its clients from a place, keys and options of the SDK. `identify` is its call
    that tells of a person, by identifier and attributes; None if it has none. `types` holds its type declarations, which say
    what is private where the language cannot.

    What it does with an answer: `takes` are the statuses of success, `repeats` those for which it calls again, and `retries`
    gives the options for so many of those, with as little wait as it can be told. `said` is a pattern of what its user reads,
    of status and message, and `echoes` what may stand there of the call: its `person`, its `attributes`. `only_puts` are those
    of `repeats` for which it does not repeat a POST, `only_asked` those for which it calls again only where the answer has
    Retry-After.
    """

    name: str
    command: tuple[str, ...]
    agent: str
    calls: tuple[Call, ...]
    clients: Callable[[Place, Keys, Mapping[str, Any]], Clients]
    identify: Callable[[Json, Mapping[str, Json]], Call] | None
    takes: frozenset[int]
    repeats: frozenset[int]
    retries: Callable[[int], Mapping[str, Any]]
    said: Callable[[int, str], str]
    echoes: frozenset[str] = frozenset()
    only_puts: frozenset[int] = frozenset()
    only_asked: frozenset[int] = frozenset()
    needs: tuple[str, ...] = ()
    types: tuple[Path, ...] = field(default=())

    def __str__(self) -> str:
        """Return the name, which tests are listed by."""
        return self.name

    def shows(self, status: int) -> bool:
        """Say whether its user reads the text of an error of this status, and not its status alone."""
        return re.escape("the text") in self.said(status, "the text")


def _python_application(module: str, apart: str = "") -> tuple[str, ...]:
    """Return the command of a Python application; an SDK that is installed `apart` has an environment of its own."""
    interpreter = str(PYTHON_SDKS / apart / "bin" / "python") if apart else sys.executable
    return interpreter, str(FOLDER / "python_application.py"), module


def _node_application(package: str) -> tuple[str, ...]:
    return "node", str(FOLDER / "node_application.mjs"), package


def _declarations(package: str, *files: str) -> tuple[Path, ...]:
    return tuple(FOLDER / "node_modules" / package / "dist" / f"{file}.d.ts" for file in files)


_NEVER: frozenset[int] = frozenset()
_ANY_SUCCESS = frozenset(range(200, 300))
_ONLY_200 = frozenset({200})
_CALL = frozenset({"person", "attributes"})


def _no_retries(_: int) -> Mapping[str, Any]:
    """Return the options of an SDK that has none to give."""
    return {}


# Python, from 3 on

# With https, urllib3 repeats these and, when it gives up, keeps the answer to itself.
_PYTHON_REPEATS = frozenset({500, 502, 503, 504})
_GAVE_UP = r"Failed to receive valid response after \d retries\..*"


def _python_says(status: int, message: str, *, tls: bool) -> str:
    """Return what a `CustomerIOException` says; it holds URL and data of the call too, which the application had anyway."""
    if tls and status in _PYTHON_REPEATS:
        return rf"{_GAVE_UP}too many {status} error responses.*"
    return rf"{status}: https?://\S+ {{.*}} .*{re.escape(message)}.*"


PYTHON = Sdk(
    name="python",
    command=_python_application("customerio"),
    agent="Customer.io Python Client/3.",
    calls=python_calls.OVER_TLS,
    clients=lambda place, keys, options: clients.python(place, keys, options, tls=True),
    identify=lambda person, attributes: Call("CustomerIO.identify", [person], options=attributes),
    takes=_ANY_SUCCESS,
    repeats=_PYTHON_REPEATS | {429},  # 429 only because it comes with Retry-After
    retries=lambda count: {"retries": count, "backoff_factor": 0},
    said=lambda status, message: _python_says(status, message, tls=True),
    echoes=_CALL,
)
PYTHON_PLAIN = replace(
    PYTHON,
    name="python-plain",
    calls=python_calls.PLAIN,
    clients=lambda place, keys, options: clients.python(place, keys, options, tls=False),
    repeats=_NEVER,
    said=lambda status, message: _python_says(status, message, tls=False),
)

# Python, before 3

# urllib3 repeats these if the call is a PUT or a DELETE and the answer has Retry-After.
_PYTHON2_REPEATS = frozenset({429, 503})


def _python2_says(status: int, message: str) -> str:
    """Return what a `CustomerIOException` says: whatever it was, that its three tries have failed."""
    return rf"{_GAVE_UP}{_python_says(status, message, tls=False)}"


PYTHON2 = replace(
    PYTHON,
    name="python-2",
    command=_python_application("customerio", "customerio-2"),
    agent="Customer.io Python Client/2.4",
    calls=python2_calls.CALLS,
    takes=_ONLY_200,
    repeats=_PYTHON2_REPEATS,
    only_asked=_PYTHON2_REPEATS,
    only_puts=_PYTHON2_REPEATS,
    said=_python2_says,
    needs=("customerio-2",),
)
PYTHON2_PLAIN = replace(
    PYTHON2,
    name="python-2-plain",
    clients=PYTHON_PLAIN.clients,
    repeats=_NEVER,
)


def _async_says(status: int, message: str) -> str:
    """Return what an `AsyncCustomerIOError` says."""
    if status in {429, 502, 503, 504}:  # told apart as worth repeating
        return rf"Failed to receive valid response from Customer\.io\..*error '{status} .*' for url .*"
    return rf"HTTP {status}: .*{re.escape(message)}.*"


ASYNC = Sdk(
    name="async",
    command=_python_application("async_customerio", "async-customerio"),
    agent="async-customerio/2.",
    calls=async_calls.CALLS,
    clients=clients.asynchronous,
    identify=lambda person, attributes: Call("AsyncCustomerIO.identify", [person], options=attributes),
    takes=_ANY_SUCCESS,
    repeats=_NEVER,
    retries=_no_retries,
    said=_async_says,
    echoes=frozenset({"person"}),
    needs=("async-customerio",),
)
ASYNC_PLAIN = replace(ASYNC, name="async-plain", calls=async_calls.APP, clients=clients.asynchronous_plain, identify=None)

# Node

NODE = Sdk(
    name="node",
    command=_node_application("customerio-node"),
    agent="Customer.io Node Client/5.",
    calls=(*node_calls.TRACK, *node_calls.SENDS, *node_reads.READS, *node_calls.PIPELINES),
    clients=lambda place, keys, options: clients.node(place, keys, options, tls=False),
    identify=lambda person, attributes: Call("TrackClient.identify", [person, attributes]),
    takes=_ANY_SUCCESS,
    repeats=frozenset({408, 429, 500, 502, 503, 504, 522, 524}),
    retries=lambda count: {"retry": {"maxRetries": count, "minTimeoutMs": 1}},
    said=lambda _, message: rf"(1 error:\n  - )?{re.escape(message)}",
    needs=("customerio-node",),
    types=_declarations("customerio-node", "lib/track", "lib/api", "lib/pipelines"),
)
NODE_TLS = replace(NODE, name="node-tls", clients=lambda place, keys, options: clients.node(place, keys, options, tls=True))
NODE4 = replace(
    NODE,
    name="node-4",
    command=_node_application("customerio-node-4"),
    agent="Customer.io Node Client/4.5",
    calls=node4_calls.CALLS,
    clients=clients.node4,
    takes=frozenset({200, 201}),
    repeats=_NEVER,
    retries=_no_retries,
    needs=("customerio-node-4",),
    types=_declarations("customerio-node-4", "lib/track", "lib/api"),
)
NODE4_4 = replace(
    NODE4,
    name="node-4.4",
    command=_node_application("customerio-node-4.4"),
    agent="Customer.io Node Client/4.4",
    calls=node4_calls.CALLS_OF_4_4,
    needs=("customerio-node-4.4",),
    types=_declarations("customerio-node-4.4", "lib/track", "lib/api"),
)

# Pipelines

CDP_PYTHON = Sdk(
    name="cdp-python",
    command=_python_application("customerio.analytics", "cdp-analytics"),
    agent="analytics-python/1.",
    calls=cdp_calls.python_calls(queued=True),
    clients=clients.cdp_python,
    identify=lambda person, attributes: Call(
        "Client.identify", options={"user_id": person, "traits": attributes}, settle="flush"
    ),
    takes=_ONLY_200,
    repeats=frozenset(range(201, 300)) | {429} | frozenset(range(500, 600)),
    retries=lambda count: {"max_retries": count},
    said=lambda status, message: rf"\[customer\.io\] \w+: {re.escape(message)} \({status}\)",
    needs=("customerio-cdp-analytics",),
)
CDP_PYTHON_GZIP = replace(
    CDP_PYTHON,
    name="cdp-python-gzip",
    calls=cdp_calls.python_calls(queued=False),
    clients=clients.cdp_python_gzip,
    repeats=_NEVER,
)
CDP_NODE = Sdk(
    name="cdp-node",
    command=_node_application("@customerio/cdp-analytics-node"),
    agent="cdp-analytics-node/",
    calls=cdp_calls.NODE,
    clients=lambda place, keys, options: clients.cdp_node(place, keys, options, tls=False),
    identify=lambda person, attributes: Call("Analytics.identify", [{"userId": person, "traits": attributes}], settle="event"),
    takes=_ANY_SUCCESS,
    repeats=frozenset(range(401, 600)),
    retries=lambda count: {"maxRetries": count},
    said=lambda status, _: rf"\[{status}\] {HTTPStatus(status).phrase}",  # the body is not looked at
    needs=("cdp-analytics-node",),
    types=_declarations("@customerio/cdp-analytics-node", "types/app/analytics-node"),
)
CDP_NODE_TLS = replace(
    CDP_NODE, name="cdp-node-tls", clients=lambda place, keys, options: clients.cdp_node(place, keys, options, tls=True)
)

SDKS = (
    PYTHON, PYTHON_PLAIN, PYTHON2, PYTHON2_PLAIN, ASYNC, ASYNC_PLAIN, NODE, NODE_TLS, NODE4, NODE4_4, CDP_PYTHON,
    CDP_PYTHON_GZIP, CDP_NODE, CDP_NODE_TLS,
)  # fmt: skip


def each_sdk(sdks: Iterable[Sdk] = SDKS) -> list[Any]:
    """Return every SDK as a test's parameter, skipped where it is missing."""
    return [pytest.param(sdk, id=sdk.name, marks=pytest.mark.needs(*sdk.needs)) for sdk in sdks]


def each_call() -> list[Any]:
    """Return every call of every SDK as a test's two parameters."""
    named = [(sdk, call, f"{sdk.name}-{call.method}") for sdk in SDKS for call in sdk.calls]
    return [pytest.param(sdk, call, id=name, marks=pytest.mark.needs(*sdk.needs)) for sdk, call, name in named]
