"""What a running sidecar says of itself, asked over its admin port with its admin token.

A question follows no redirect, and is bounded in time and size. Nothing of an answer is shown but what the page is made of.
"""

import asyncio
import ipaddress
from collections.abc import Mapping
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path
from typing import Self, TypeVar

import aiohttp
from pydantic import TypeAdapter, ValidationError
from yarl import URL

from proxy import __version__
from proxy.admin import inventory, keys
from proxy.cli.stores import providers
from proxy.config.load import load
from proxy.config.model import Config
from proxy.credentials.keyring import KeyStatus
from proxy.credentials.model import UnreadableError
from proxy.errors import ConfigError
from proxy.sensitive import Sensitive

ASK_SECONDS = 5.0
# Of keys there are a handful of some 250 bytes each; of fields as many as an inventory has room for.
ANSWER_MAX_BYTES = 1 << 24


@dataclass(frozen=True, slots=True)
class SeenField:
    """One field of the inventory, as `proxy.admin.inventory` shows it."""

    endpoint: str
    path: str
    types: tuple[str, ...]
    count: int
    detectors: Mapping[str, int]
    first_seen: str
    last_seen: str
    new: bool


@dataclass(frozen=True, slots=True)
class InventoryPage:
    """What callers sent since a time, and how often a field was left out."""

    since: str
    unrecorded: int
    fields: tuple[SeenField, ...]


@dataclass(frozen=True, slots=True)
class KeyPage:
    """The keys of Customer.io that it holds."""

    keys: tuple[KeyStatus, ...]


T = TypeVar("T")
# How the page says that no inventory is kept (`proxy.admin.app.ERRORS`).
OFF = b"inventory_off"


class UnansweredError(Exception):
    """The running sidecar did not say; the text says why, and what to do about it."""


class AwayError(UnansweredError):
    """Nobody answers; a sidecar that restarts will."""


@dataclass(frozen=True, slots=True)
class Running:
    """The sidecar that runs with a configuration."""

    origin: URL
    token: Sensitive[str]

    @classmethod
    def written(cls, file: Path | None, environ: Mapping[str, str]) -> tuple[Config, Self]:
        """Return the configuration in `file`, and where its sidecar is asked; raises what `load` and `of` do."""
        loaded = load(file, environ)
        with loaded.places.placing():
            return loaded.config, cls.of(loaded.config, environ)

    @classmethod
    def of(cls, config: Config, environ: Mapping[str, str]) -> Self:
        """Return where the sidecar of `config` is asked, with its token read from where it is kept.

        Raises:
            ConfigError: the configuration does not say, or the token cannot be read.
        """
        admin = config.admin
        if admin.token is None:
            raise ConfigError(
                "is not set, and without it a sidecar shows nothing of this: set it, and reload", path="admin.token"
            )
        if admin.port == 0:
            raise ConfigError("is 0, so its port is not known here: set CIO_SIDECAR_ADMIN__PORT", path="admin.port")
        try:
            document = providers(config, environ)[admin.token.kind].read(admin.token.document)
            token = document.secret(admin.token.field)
        except UnreadableError as error:
            raise ConfigError(str(error), path="admin.token") from None
        return cls(URL.build(scheme="http", host=_reachable(admin.host), port=admin.port), token)

    def keys(self) -> tuple[KeyStatus, ...]:
        """Return what the sidecar says of its keys.

        Raises:
            UnansweredError: it does not say.
        """
        return self._asked(keys.PATH, KeyPage).keys

    def inventory(self) -> InventoryPage:
        """Return what the sidecar says of the fields that callers send.

        Raises:
            UnansweredError: it does not say.
        """
        return self._asked(inventory.PATH, InventoryPage)

    def _asked(self, path: str, shape: type[T]) -> T:
        try:
            status, body = asyncio.run(self._ask(path))
        except (TimeoutError, aiohttp.ClientError, OSError):
            raise AwayError(f"no sidecar answers at {self.origin}: is it running, with this configuration?") from None
        match status:
            case HTTPStatus.OK:
                return self._read(body, shape)
            case HTTPStatus.UNAUTHORIZED:
                raise UnansweredError("the sidecar has another admin.token than this one: was it started with another?")
            case HTTPStatus.SERVICE_UNAVAILABLE:
                raise AwayError("the sidecar could not read its admin.token yet: its log says why")
            case HTTPStatus.NOT_FOUND if OFF in body:
                raise UnansweredError("the sidecar keeps no inventory: set policy.inventory to {}, and reload it")
            case HTTPStatus.NOT_FOUND:
                raise UnansweredError(f"what runs at {self.origin} does not show this: was it started without admin.token?")
            case _:
                raise UnansweredError(f"what runs at {self.origin} is no sidecar of this version: it answers {status}")

    def _read(self, body: bytes, shape: type[T]) -> T:
        try:
            return TypeAdapter(shape).validate_json(body if len(body) <= ANSWER_MAX_BYTES else b"")
        except ValidationError:
            raise UnansweredError(
                f"what runs at {self.origin} is no sidecar of this version: what it shows cannot be read"
            ) from None

    async def _ask(self, path: str) -> tuple[int, bytes]:
        headers = {"Authorization": f"Bearer {self.token.reveal()}", "User-Agent": f"cio-sidecar/{__version__}"}
        timeout = aiohttp.ClientTimeout(total=ASK_SECONDS)
        async with (
            aiohttp.ClientSession(timeout=timeout, cookie_jar=aiohttp.DummyCookieJar()) as session,
            session.get(self.origin.with_path(path), headers=headers, allow_redirects=False) as response,
        ):
            body = bytearray()
            async for piece in response.content.iter_any():
                body += piece
                if len(body) > ANSWER_MAX_BYTES:
                    break
            return response.status, bytes(body)


def _reachable(host: str) -> str:
    """Return where a server is asked that listens at `host`: one that listens everywhere is asked here."""
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return host
    if not address.is_unspecified:
        return host
    return "127.0.0.1" if address.version == 4 else "::1"  # noqa: PLR2004 - the name of the protocol
