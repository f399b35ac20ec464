"""The SDKs, and the ways to point each at the sidecar: one row each, which every test of this folder runs over.

A row says how its application is started, how its clients are made from an address and keys (and nothing else), and which
calls it is put through. The same row, given Customer.io's own address and the real keys, is what the sidecar is compared with.
"""

import re
import sys
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from tests.needs import find
from tests.running import SECRETS
from tests.sdk import node_calls, node_reads, python_calls
from tests.sdk.arrivals import Call

FOLDER = Path(__file__).parent


@dataclass(frozen=True)
class Place:
    """Where an application finds Customer.io, or what it takes for it: a plain port and a TLS port of this machine."""

    port: int
    tls_port: int

    @property
    def url(self) -> str:
        """The plain address."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def tls_url(self) -> str:
        """The address that a certificate of `tls init` is for."""
        return f"https://localhost:{self.tls_port}"


@dataclass(frozen=True)
class Keys:
    """What an application is given as its credentials."""

    site_id: str
    api_key: str
    app_key: str
    write_key: str


# All an application behind the sidecar has; the configuration of the tests knows it as the one caller.
PLACEHOLDER = "placeholder-key-of-the-application"
PLACEHOLDERS = Keys("placeholder-site", PLACEHOLDER, PLACEHOLDER, PLACEHOLDER)
REAL = Keys(*(SECRETS[name] for name in ("TEST_SITE_ID", "TEST_API_KEY", "TEST_APP_KEY", "TEST_WRITE_KEY")))

Clients = Mapping[str, Mapping[str, Any]]
"""For each class what an application's `make` takes; `base` is the client's own base URL."""


def _python(place: Place, keys: Keys, options: Mapping[str, Any], *, tls: bool) -> Clients:
    host, port = ("localhost", place.tls_port) if tls else ("127.0.0.1", place.port)
    url = place.tls_url if tls else place.url
    return {
        "CustomerIO": {
            "args": [keys.site_id, keys.api_key],
            "options": {"host": host, "port": port, **options},
            "set": {} if tls else {"base_url": f"{url}/api/v1"},
            "base": f"{url}/api/v1",
        },
        "APIClient": {"args": [keys.app_key], "options": {"url": url, **options}, "base": url},
    }


def _node(place: Place, keys: Keys, options: Mapping[str, Any], *, tls: bool) -> Clients:
    url = place.tls_url if tls else place.url
    app = {**options, "url": f"{url}/v1"}
    return {
        "TrackClient": {"args": [keys.site_id, keys.api_key, {**options, "url": f"{url}/api/v1"}]},
        "APIClient": {"args": [keys.app_key, app]},
        "PipelinesClient": {"args": [keys.write_key, app]},
    }


@dataclass(frozen=True)
class Sdk:
    """One SDK, pointed at the sidecar in one way.

    `agent` begins its User-Agent. `clients` makes its clients from a place, keys and options of the SDK. `types` holds its type
    declarations, which say what is private where the language cannot.

    What it does with an error: `repeats` are the statuses for which it calls again, `retries` gives the options for so many
    of those, with as little wait as it can be told, and `said` is a pattern of what its user reads, of status and message.
    """

    name: str
    command: tuple[str, ...]
    agent: str
    calls: tuple[Call, ...]
    clients: Callable[[Place, Keys, Mapping[str, Any]], Clients]
    repeats: frozenset[int]
    retries: Callable[[int], Mapping[str, Any]]
    said: Callable[[int, str], str]
    needs: tuple[str, ...] = ()
    types: tuple[Path, ...] = field(default=())

    def __str__(self) -> str:
        """Return the name, which tests are listed by."""
        return self.name


# With https, urllib3 repeats these and, when it gives up, keeps the answer to itself.
_PYTHON_REPEATS = frozenset({500, 502, 503, 504})
_NODE_REPEATS = frozenset({408, 429, 500, 502, 503, 504, 522, 524})


def _python_says(status: int, message: str, *, tls: bool) -> str:
    """Return what a `CustomerIOException` says; it holds URL and data of the call too, which the application had anyway."""
    if tls and status in _PYTHON_REPEATS:
        return rf"Failed to receive valid response after \d retries\..*too many {status} error responses.*"
    return rf"{status}: https?://\S+ {{.*}} .*{re.escape(message)}.*"


def _python_sdk(name: str, calls: tuple[Call, ...], *, tls: bool) -> Sdk:
    return Sdk(
        name=name,
        command=(sys.executable, str(FOLDER / "python_application.py"), "customerio"),
        agent="Customer.io Python Client/3.",
        calls=calls,
        clients=lambda place, keys, options: _python(place, keys, options, tls=tls),
        # 429 only because it comes with Retry-After; without https nothing.
        repeats=_PYTHON_REPEATS | {429} if tls else frozenset(),
        retries=lambda count: {"retries": count, "backoff_factor": 0},
        said=lambda status, message: _python_says(status, message, tls=tls),
    )


def _node_sdk(name: str, *, tls: bool) -> Sdk:
    package = FOLDER / "node_modules" / "customerio-node"
    return Sdk(
        name=name,
        command=(find("node") or "node", str(FOLDER / "node_application.mjs"), "customerio-node"),
        agent="Customer.io Node Client/5.",
        calls=(*node_calls.TRACK, *node_calls.SENDS, *node_reads.READS, *node_calls.PIPELINES),
        clients=lambda place, keys, options: _node(place, keys, options, tls=tls),
        repeats=_NODE_REPEATS,
        retries=lambda count: {"retry": {"maxRetries": count, "minTimeoutMs": 1}},
        said=lambda _, message: rf"(1 error:\n  - )?{re.escape(message)}",
        needs=("customerio-node",),
        types=tuple(package / "dist" / "lib" / f"{name}.d.ts" for name in ("track", "api", "pipelines")),
    )


PYTHON = _python_sdk("python", python_calls.OVER_TLS, tls=True)
PYTHON_PLAIN = _python_sdk("python-plain", python_calls.PLAIN, tls=False)
NODE = _node_sdk("node", tls=False)
NODE_TLS = _node_sdk("node-tls", tls=True)
SDKS = (PYTHON, PYTHON_PLAIN, NODE, NODE_TLS)


def each_sdk(sdks: Iterable[Sdk] = SDKS) -> list[Any]:
    """Return every SDK as a test's parameter, skipped where it is missing."""
    return [pytest.param(sdk, id=sdk.name, marks=pytest.mark.needs(*sdk.needs)) for sdk in sdks]


def each_call() -> list[Any]:
    """Return every call of every SDK as a test's two parameters."""
    named = [(sdk, call, f"{sdk.name}-{call.method}") for sdk in SDKS for call in sdk.calls]
    return [pytest.param(sdk, call, id=name, marks=pytest.mark.needs(*sdk.needs)) for sdk, call, name in named]
