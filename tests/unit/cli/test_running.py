"""Asking a running sidecar, on real sockets."""

import asyncio
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from typing import Any

import pytest
from aiohttp import web
from prometheus_client import CollectorRegistry

from proxy.admin.app import build
from proxy.admin.serve import Handle, serving
from proxy.api.model import Credential
from proxy.api.web import Hosts
from proxy.cli import running
from proxy.cli.running import ANSWER_MAX_BYTES, AwayError, Running, UnansweredError
from proxy.config.model import Config
from proxy.credentials.keyring import KeyStatus, State
from proxy.credentials.model import Kind
from proxy.errors import ConfigError
from proxy.policy.model import PolicyDocument
from proxy.sensitive import Sensitive

TOKEN = "token-CANARY-0123456789"
KEYS = (
    KeyStatus(Credential.TRACK, "track", "a1b2c3d4", State.ACTIVE, Kind.VAULT, "7", 12.5, 0.5, 0.0),
    KeyStatus(Credential.APP, "app", "b1b2c3d4", State.REJECTED, Kind.ENV, "", None, None, None),
)
Responder = Callable[[web.BaseRequest], web.StreamResponse]


@contextmanager
def served(handle: Handle) -> Iterator[int]:
    """Serve in a thread of its own until the block ends; give the port."""
    port: Future[int] = Future()
    stop = asyncio.Event()

    async def serve() -> None:
        async with serving(handle, "127.0.0.1", 0) as (_, number):
            port.set_result(number)
            await stop.wait()

    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=lambda: loop.run_until_complete(serve()))
    thread.start()
    try:
        yield port.result(timeout=10)
    finally:
        loop.call_soon_threadsafe(stop.set)
        thread.join(timeout=10)
        loop.close()


def pages(token: Sensitive[str] | None, *, configured: bool = True) -> Handle:
    """Return a sidecar's own pages."""
    return build(
        CollectorRegistry(), lambda: True, (lambda: token) if configured else None, lambda: KEYS, lambda: None, hosts=Hosts()
    )


def answering(status: int, body: bytes = b"", **headers: str) -> Handle:
    """Return a server that is no sidecar."""

    async def handle(_: web.BaseRequest) -> web.StreamResponse:
        return web.Response(status=status, body=body, headers=headers)

    return handle


def asked(port: int, host: str = "127.0.0.1") -> Running:
    """Return what asks at a port."""
    return Running.of(config(host=host, port=port, token="env:TOKEN"), {"TOKEN": f"{TOKEN}\n"})


def config(**admin: Any) -> Config:  # noqa: ANN401 - a configuration is free-form here
    """Return a configuration."""
    return Config.model_validate({"version": 1, "policy": PolicyDocument(version=1), "admin": admin})


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "0.0.0.0"])
def test_keys_come_back_as_they_are(host: str) -> None:
    """Over the real page; a sidecar that listens everywhere is asked on this machine."""
    with served(pages(Sensitive(TOKEN))) as port:
        assert asked(port, host).keys() == KEYS


def test_a_sidecar_that_listens_everywhere_is_asked_here() -> None:
    """In the version of the protocol that it listens in."""
    assert asked(1, "0.0.0.0").origin.host == "127.0.0.1"
    assert str(asked(1, "::").origin) == "http://[::1]:1"
    assert asked(1, "10.1.2.3").origin.host == "10.1.2.3"


@pytest.mark.parametrize(
    ("handle", "error", "said"),
    [
        (pages(Sensitive("another")), UnansweredError, "the sidecar has another admin.token than this one"),
        (pages(None), AwayError, "the sidecar could not read its admin.token yet"),
        (pages(None, configured=False), UnansweredError, "was it started without admin.token?"),
        (answering(500, b"CANARY"), UnansweredError, "is no sidecar of this version: it answers 500"),
        (answering(302, Location="http://127.0.0.1:1/"), UnansweredError, "is no sidecar of this version: it answers 302"),
        (answering(200, b"CANARY"), UnansweredError, "is no sidecar of this version"),
        (answering(200, b'{"keys": [{"slot": "CANARY"}]}'), UnansweredError, "is no sidecar of this version"),
        (answering(200, b"{}"), UnansweredError, "is no sidecar of this version"),
        (answering(200, b'{"keys": []}' + b" " * ANSWER_MAX_BYTES * 4), UnansweredError, "is no sidecar of this version"),
    ],
)
def test_what_is_no_answer_is_one_line(handle: Handle, error: type[UnansweredError], said: str) -> None:
    """It says what to look at, and shows neither the token nor anything of what came."""
    with served(handle) as port, pytest.raises(UnansweredError) as raised:
        asked(port).keys()
    assert type(raised.value) is error
    assert said in str(raised.value)
    assert "CANARY" not in str(raised.value)
    assert "\n" not in str(raised.value)


def test_a_sidecar_without_an_inventory_says_how_to_have_one() -> None:
    """It is a page like the others, behind the token."""
    with served(pages(Sensitive(TOKEN))) as port, pytest.raises(UnansweredError, match="keeps no inventory"):
        asked(port).inventory()


def test_a_key_that_knows_more_is_read_all_the_same() -> None:
    """A newer sidecar may tell more of a key."""
    body = (
        b'{"keys": [{"credential": "app", "slot": "app", "key_id": "a", "state": "active", "source": "env", "version": "",'
        b'"version_age_seconds": null, "staleness_seconds": null, "last_used_seconds": null, "new": 1}]}'
    )
    with served(answering(200, body)) as port:
        (key,) = asked(port).keys()
    assert (key.key_id, key.state) == ("a", State.ACTIVE)


def test_nobody_there_is_away(unused_tcp_port: int) -> None:
    """With the place that was asked."""
    with pytest.raises(AwayError, match=f"no sidecar answers at http://127.0.0.1:{unused_tcp_port}: is it running"):
        asked(unused_tcp_port).keys()


def test_a_server_that_never_answers_is_away(monkeypatch: pytest.MonkeyPatch) -> None:
    """The question ends in time."""
    monkeypatch.setattr(running, "ASK_SECONDS", 0.2)
    release = threading.Event()

    async def handle(_: web.BaseRequest) -> web.StreamResponse:
        await asyncio.get_running_loop().run_in_executor(None, release.wait, 10)
        return web.Response()

    with served(handle) as port:
        with pytest.raises(AwayError):
            asked(port).keys()
        release.set()


@pytest.mark.parametrize(
    ("admin", "environ", "path", "said"),
    [
        ({}, {}, "admin.token", "is not set, and without it a sidecar shows nothing of this"),
        ({"token": "env:TOKEN"}, {}, "admin.token", "the environment variable is not set"),
        ({"token": "env:TOKEN", "port": 0}, {"TOKEN": TOKEN}, "admin.port", "is 0, so its port is not known here"),
    ],
)
def test_where_it_cannot_be_asked_is_an_error_of_the_configuration(
    admin: dict[str, Any], environ: dict[str, str], path: str, said: str
) -> None:
    """With its key."""
    with pytest.raises(ConfigError, match=said) as raised:
        Running.of(config(**admin), environ)
    assert raised.value.path == path


def test_the_token_does_not_print() -> None:
    """Nor does what holds it."""
    assert "CANARY" not in repr(asked(1))
