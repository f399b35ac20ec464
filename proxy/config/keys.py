"""The sections `credentials` and `stores`: where the real keys of Customer.io are kept, and how long one is good."""

from typing import Annotated, Literal

from pydantic import Field

from proxy.config.origin import OriginUrl
from proxy.config.values import Section, SecretReference


class TrackKeys(Section):
    """The pair of the Track API."""

    site_id: SecretReference
    api_key: SecretReference


class AppKey(Section):
    """The key of the App API."""

    api_key: SecretReference


class PipelinesKey(Section):
    """The key of the Pipelines API."""

    write_key: SecretReference


class CredentialsSection(Section):
    """The real credentials, by reference. A call whose credential is not configured is refused."""

    track: TrackKeys | None = None
    track_next: TrackKeys | None = None
    """A second live pair, while keys are rotated."""
    app: AppKey | None = None
    pipelines: PipelinesKey | None = None
    rotation_grace_seconds: Annotated[float, Field(ge=0, le=3600)] = 10
    max_version_age_days: Annotated[int, Field(ge=1, le=3650)] = 90


class VaultAuth(Section):
    """How the sidecar logs in to Vault."""

    method: Literal["token", "approle", "kubernetes", "jwt"]
    role: Annotated[str, Field(min_length=1, max_length=256)] | None = None


class Vault(Section):
    """A HashiCorp Vault server."""

    address: OriginUrl
    auth: VaultAuth


class Stores(Section):
    """The secret stores."""

    vault: Vault | None = None
    refresh_seconds: Annotated[float, Field(ge=1, le=86_400)] = 30
    max_staleness_seconds: Annotated[float, Field(ge=1, le=31_536_000)] = 86_400
    """How long a secret is used after its store last confirmed it."""
