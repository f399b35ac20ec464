"""Where secrets can be kept: the one place that names every provider. A new one is its own file, and a line here."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from types import MappingProxyType
from typing import Literal

from proxy.clock import SystemClock
from proxy.config.keys import Stores
from proxy.config.model import Config
from proxy.config.values import references
from proxy.credentials.env import EnvProvider
from proxy.credentials.file import FileProvider
from proxy.credentials.model import Kind, Provider
from proxy.errors import ConfigError

Local = Mapping[Kind, Provider]
"""Who reads what is on this machine: what opens a store is kept there."""


# Client libraries are slow to load and large, so each is loaded only where a reference asks for it.


def _vault(stores: Stores, local: Local) -> Provider:
    if stores.vault is None:
        raise ConfigError("is required: it says where Vault is", path="stores.vault")
    from proxy.credentials.vault import VaultProvider  # noqa: PLC0415 - see above

    return VaultProvider(stores.vault, stores.timeout_seconds, local, SystemClock())


def _gcp(stores: Stores, _: Local) -> Provider:
    with _extra("gcp"):
        from proxy.credentials.gcp import GoogleProvider  # noqa: PLC0415 - see above

    return GoogleProvider(stores.gcp, stores.timeout_seconds, SystemClock())


def _aws(kind: Literal[Kind.AWS_SM, Kind.AWS_SSM], stores: Stores, _: Local) -> Provider:
    with _extra("aws"):
        from proxy.credentials.aws import AwsProvider  # noqa: PLC0415 - see above

    return AwsProvider(kind, stores.aws, stores.timeout_seconds, SystemClock())


@contextmanager
def _extra(name: str) -> Iterator[None]:
    """Say how to get what is missing: the client libraries of some stores are not installed with the sidecar."""
    try:
        yield
    except ImportError:
        raise ConfigError(
            f'needs its client library: pip install "customerio-sidecar[{name}]"', path=f"stores.{name}"
        ) from None


_REMOTE: Mapping[Kind, Callable[[Stores, Local], Provider]] = MappingProxyType(
    {
        Kind.VAULT: _vault,
        Kind.GCP: _gcp,
        Kind.AWS_SM: partial(_aws, Kind.AWS_SM),
        Kind.AWS_SSM: partial(_aws, Kind.AWS_SSM),
    }
)


def providers(config: Config, environ: Mapping[str, str]) -> Mapping[Kind, Provider]:
    """Return who reads each kind of reference that `config` holds.

    Raises:
        ConfigError: a store's client is not installed, or cannot be made.
    """
    local: dict[Kind, Provider] = {Kind.ENV: EnvProvider(environ), Kind.FILE: FileProvider()}
    return local | {kind: _REMOTE[kind](config.stores, local) for kind in _used(config) if kind not in local}


def _used(config: Config) -> Iterator[Kind]:
    yield from {reference.kind for _, reference in references(config)}
