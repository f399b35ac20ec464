"""The sections `credentials` and `stores`: where the real keys of Customer.io are kept, and how long one is good."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from proxy.config.origin import OriginUrl
from proxy.config.values import LocalPath, SecretReference, Section
from proxy.credentials.model import LOCAL


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
    """A second live pair, which calls carry as soon as Customer.io rejects the first."""
    app: AppKey | None = None
    """What calls of the App API carry, sends and broadcast triggers among them."""
    pipelines: PipelinesKey | None = None
    """What calls of the Pipelines API carry."""
    workspace: Literal["same", "any"] | Annotated[int, Field(ge=1)] = "same"
    """Which workspace a new Track pair must belong to: that of the pair before it, any, or the one with this number
    (`environment_id`)."""
    rotation_grace_seconds: Annotated[float, Field(ge=0, le=3600)] = 10
    """How long calls wait for a newer credential once Customer.io rejects all there are; never longer than
    `delivery.timeouts.total_seconds`."""
    max_version_age_days: Annotated[int, Field(ge=1, le=3650)] = 90
    """A credential older than that is reported."""

    @model_validator(mode="after")
    def _next_to_something(self) -> Self:
        if self.track_next is not None and self.track is None:
            raise ValueError("track_next stands beside track, which is missing")
        return self


VaultName = Annotated[str, Field(min_length=1, max_length=256, pattern=r"^[^\s?#%]+$")]

# Which keys each way to log in to Vault needs; the others make no sense with it.
VAULT_LOGINS: Mapping[str, frozenset[str]] = MappingProxyType(
    {
        "token": frozenset({"token"}),
        "approle": frozenset({"role_id", "secret_id"}),
        "kubernetes": frozenset({"role"}),
        "jwt": frozenset({"role", "jwt"}),
    }
)


class VaultAuth(Section):
    """How the sidecar logs in to Vault."""

    method: Literal["token", "approle", "kubernetes", "jwt"]
    """Which of Vault's login methods is used."""
    mount: VaultName | None = None
    """Where the method is mounted; null: under its own name."""
    role: VaultName | None = None
    """The role to log in as: kubernetes and jwt."""
    token: SecretReference | None = None
    """The token itself: method token. The sidecar renews it where it can be renewed."""
    role_id: SecretReference | None = None
    """Of the AppRole."""
    secret_id: SecretReference | None = None
    """Of the AppRole."""
    jwt: SecretReference | None = None
    """The token that is shown to Vault: jwt, and kubernetes, where null is the Pod's own service account token."""

    @model_validator(mode="after")
    def _fits_method(self) -> Self:
        given = {key for key in ("role", "token", "role_id", "secret_id", "jwt") if getattr(self, key) is not None}
        needed = VAULT_LOGINS[self.method]
        for key in sorted(needed - given):
            raise ValueError(f"method {self.method} needs {key}")
        for key in sorted(given - needed - ({"jwt"} if self.method == "kubernetes" else set())):
            raise ValueError(f"method {self.method} has no {key}; leave it out")
        for key in sorted(given - {"role"}):
            if getattr(self, key).kind not in LOCAL:
                raise ValueError(f"{key} must be an env: or file: reference: it opens the store itself")
        return self


class Vault(Section):
    """A HashiCorp Vault server."""

    address: OriginUrl
    """Where the server is. Plain http to loopback only."""
    auth: VaultAuth
    """How the sidecar logs in."""
    namespace: VaultName | None = None
    """The namespace (Vault Enterprise) that logins and secrets are in."""
    ca: LocalPath | None = None
    """PEM; trusted in place of the system's certificate authorities."""
    kv_version: Literal["auto", 1, 2] = "auto"
    """Of the KV secrets engine; auto asks Vault, which every token may that may read the secret."""


class GoogleCloud(Section):
    """Google Cloud Secret Manager; who the sidecar is comes from Application Default Credentials."""

    endpoint: OriginUrl | None = None
    """null: Google's own. Plain http to loopback only."""


class Aws(Section):
    """AWS Secrets Manager and SSM Parameter Store; who the sidecar is comes from the default credential chain."""

    region: Annotated[str, Field(pattern=r"^[a-z0-9-]{1,64}$")] | None = None
    """null: what the environment or the instance says."""
    endpoint: OriginUrl | None = None
    """null: the region's own. Plain http to loopback only."""


class Stores(Section):
    """The secret stores."""

    vault: Vault | None = None
    """Where `vault:` references are read from."""
    gcp: GoogleCloud = GoogleCloud()
    """How `gcp:` references are read."""
    aws: Aws = Aws()
    """How `aws-sm:` and `aws-ssm:` references are read."""
    timeout_seconds: Annotated[float, Field(gt=0, le=60)] = 5
    """How long one request to a store may take."""
    refresh_seconds: Annotated[float, Field(ge=1, le=86_400)] = 30
    """How often stores are asked for a new version."""
    max_staleness_seconds: Annotated[float, Field(ge=1, le=31_536_000)] = 86_400
    """How long a secret is used after its store last confirmed it."""
