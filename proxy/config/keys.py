"""The sections `credentials` and `stores`: where the real keys of Customer.io are kept, and how long one is good."""

from typing import Annotated, Literal

from pydantic import Field

from proxy.config.origin import OriginUrl
from proxy.config.values import SecretReference, Section


class TrackKeys(Section):
    """The pair of the Track API."""

    site_id: SecretReference
    """The pair's site id."""
    api_key: SecretReference
    """The pair's key."""


class AppKey(Section):
    """The key of the App API."""

    api_key: SecretReference
    """The key."""


class PipelinesKey(Section):
    """The key of the Pipelines API."""

    write_key: SecretReference
    """The key of one source."""


class CredentialsSection(Section):
    """The real credentials, by reference. A call whose credential is not configured is refused."""

    track: TrackKeys | None = None
    """What calls of the Track API carry."""
    track_next: TrackKeys | None = None
    """A second live pair, while keys are rotated."""
    app: AppKey | None = None
    """What calls of the App API carry, sends and broadcast triggers among them."""
    pipelines: PipelinesKey | None = None
    """What calls of the Pipelines API carry."""
    rotation_grace_seconds: Annotated[float, Field(ge=0, le=3600)] = 10
    """How long a replaced credential is still fallen back on."""
    max_version_age_days: Annotated[int, Field(ge=1, le=3650)] = 90
    """A credential older than that is reported."""


class VaultAuth(Section):
    """How the sidecar logs in to Vault."""

    method: Literal["token", "approle", "kubernetes", "jwt"]
    """Which of Vault's login methods is used."""
    role: Annotated[str, Field(min_length=1, max_length=256)] | None = None
    """The role to log in as, where the method has roles."""


class Vault(Section):
    """A HashiCorp Vault server."""

    address: OriginUrl
    """Where the server is."""
    auth: VaultAuth
    """How the sidecar logs in."""


class Stores(Section):
    """The secret stores."""

    vault: Vault | None = None
    """Where `vault:` references are read from."""
    refresh_seconds: Annotated[float, Field(ge=1, le=86_400)] = 30
    """How often stores are asked for a new version."""
    max_staleness_seconds: Annotated[float, Field(ge=1, le=31_536_000)] = 86_400
    """How long a secret is used after its store last confirmed it."""
