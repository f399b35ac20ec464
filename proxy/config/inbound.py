"""The sections `webhooks` and `erasure`: what Customer.io sends back, and people who asked to be forgotten."""

from typing import Annotated, Literal

from pydantic import Field

from proxy.config.values import FROM_LIST, Host, LocalPath, Port, SecretReference, Section


class Route(Section):
    """One reporting webhook of Customer.io."""

    path: Annotated[str, Field(pattern=r"^/[A-Za-z0-9._~/-]*$", max_length=256)]
    """Where Customer.io posts to."""
    scheme: Literal["v0"] = "v0"
    """How calls are signed."""
    secrets: Annotated[tuple[SecretReference, ...], FROM_LIST, Field(min_length=1, max_length=4)]
    """The signing keys; several while one is replaced."""
    forward_to: Annotated[str, Field(pattern=r"^https?://[^\s@#]+$", max_length=1024)]
    """Where a verified call goes."""
    tolerance_seconds: Annotated[float, Field(gt=0, le=3600)] = 300
    """How far the time of signing may lie from now."""
    mode: Literal["direct", "queue"] = "direct"
    """queue: answered once it is on disk."""


class Webhooks(Section):
    """The port that Customer.io speaks to; it listens where there are routes."""

    host: Host = "0.0.0.0"  # noqa: S104 - for the reason below; and every call is verified
    """Customer.io comes from outside."""
    port: Port = 8081
    """0 picks a free one."""
    routes: Annotated[tuple[Route, ...], FROM_LIST, Field(max_length=100)] = ()
    """The webhooks; without any, nothing listens."""


class Erasure(Section):
    """Erasure of people on request, with proof."""

    path: LocalPath
    """The database."""
    audit_log: LocalPath
    """The proof of what was done."""
    fingerprint_key: SecretReference
    """What people are pseudonymised with in it."""
    audit_key: SecretReference
    """What it is signed with."""
    tombstone_on: Annotated[tuple[Literal["erasure", "suppress"], ...], FROM_LIST] = ("erasure", "suppress")
    """What keeps a person from being created again."""
    erase_raw: bool = True
    """Whether identifiers are erased as the application gave them too, beside their pseudonyms."""
