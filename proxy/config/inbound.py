"""The sections `webhooks` and `erasure`: what Customer.io sends back, and people who asked to be forgotten."""

from typing import Annotated, Literal

from pydantic import Field

from proxy.config.values import FROM_LIST, Host, LocalPath, Port, Section, SecretReference


class Route(Section):
    """One reporting webhook of Customer.io."""

    path: Annotated[str, Field(pattern=r"^/[A-Za-z0-9._~/-]*$", max_length=256)]
    scheme: Literal["v0"] = "v0"
    secrets: Annotated[tuple[SecretReference, ...], FROM_LIST, Field(min_length=1, max_length=4)]
    forward_to: Annotated[str, Field(pattern=r"^https?://[^\s@#]+$", max_length=1024)]
    tolerance_seconds: Annotated[float, Field(gt=0, le=3600)] = 300
    mode: Literal["direct", "queue"] = "direct"


class Webhooks(Section):
    """The port that Customer.io speaks to; it listens where there are routes."""

    host: Host = "0.0.0.0"  # noqa: S104 - Customer.io comes from outside, and every call is verified
    port: Port = 8081
    routes: Annotated[tuple[Route, ...], FROM_LIST, Field(max_length=100)] = ()


class Erasure(Section):
    """Erasure of people on request, with proof."""

    path: LocalPath
    audit_log: LocalPath
    fingerprint_key: SecretReference
    audit_key: SecretReference
    tombstone_on: Annotated[tuple[Literal["erasure", "suppress"], ...], FROM_LIST] = ("erasure", "suppress")
    erase_raw: bool = True
