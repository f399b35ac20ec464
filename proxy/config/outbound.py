"""The section `outbound`: the port that applications speak to, who may, and what one of them can use up."""

from collections import Counter
from typing import Annotated, Literal, Self

from pydantic import Discriminator, Field, Tag, model_validator

from proxy.config.values import FROM_LIST, Host, LocalPath, Name, Port, SecretReference, Section, is_loopback
from proxy.credentials.callers import ANYONE
from proxy.credentials.model import naming

KIBIBYTE = 1024
MEBIBYTE = 1024 * KIBIBYTE


class OutboundTls(Section):
    """The second listener, for SDKs that insist on https; on the same host."""

    port: Port = 8443
    """0 picks a free one."""
    certificate: LocalPath
    """PEM, the server's own certificate first; `tls init` makes one for localhost."""
    key: LocalPath
    """PEM, not encrypted."""


class Caller(Section):
    """One application that may call, known by the placeholder key its SDK was given."""

    name: Name
    """What the caller is called in logs."""
    key: SecretReference
    """What the SDK sends: the Basic password, else the Basic user, else the Bearer token."""
    may_unsuppress: bool = False
    """Whether it may lift the suppression of an erased person."""


class OutboundLimits(Section):
    """What one request, or all of them together, may take."""

    head_bytes: Annotated[int, Field(ge=KIBIBYTE, le=MEBIBYTE)] = 32 * KIBIBYTE
    """Of a request line and its headers together."""
    header_count: Annotated[int, Field(ge=8, le=1000)] = 100
    """Of headers in a request."""
    body_bytes: Annotated[int, Field(ge=KIBIBYTE, le=64 * MEBIBYTE)] = MEBIBYTE
    """Also of the inflated body."""
    large_body_bytes: Annotated[int, Field(ge=KIBIBYTE, le=64 * MEBIBYTE)] = 4 * MEBIBYTE
    """For transactional sends, which carry attachments, and broadcast triggers."""
    depth: Annotated[int, Field(ge=1, le=250)] = 100
    """Of nested JSON; the encoder itself ends at 254."""
    connections: Annotated[int, Field(ge=1, le=65_535)] = 10_000
    """Open at once from applications; one more is closed at once."""
    inflight_bytes: Annotated[int, Field(ge=MEBIBYTE, le=64 * KIBIBYTE * MEBIBYTE)] = 64 * MEBIBYTE
    """Held for all requests together; more is refused as overloaded."""
    head_seconds: Annotated[float, Field(gt=0, le=300)] = 10
    """From the first byte of a request to the end of its headers."""
    body_seconds: Annotated[float, Field(gt=0, le=3600)] = 30
    """From the end of the headers to the end of the body."""
    idle_seconds: Annotated[float, Field(gt=0, le=86_400)] = 600
    """How long a connection is kept without a request."""

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        if self.large_body_bytes < self.body_bytes:
            raise ValueError("large_body_bytes must not be less than body_bytes")
        if self.inflight_bytes < self.large_body_bytes:
            raise ValueError("inflight_bytes must not be less than large_body_bytes, or the largest body never fits")
        return self


class Drain(Section):
    """What happens after SIGTERM."""

    accept_seconds: Annotated[float, Field(ge=0, le=3600)] = 0
    """How long new requests are still accepted."""
    finish_seconds: Annotated[float, Field(ge=0, le=3600)] = 25
    """How long accepted ones may take after that."""


def _shape(value: object) -> str:
    return "(word)" if isinstance(value, str) else "(list)"


# The tags stand in parentheses so that an error's key path can leave them out.
Callers = Annotated[
    Annotated[Literal["any"], Tag("(word)")] | Annotated[tuple[Caller, ...], FROM_LIST, Field(max_length=1000), Tag("(list)")],
    Discriminator(_shape),
]


class Outbound(Section):
    """The port that applications speak to in place of Customer.io."""

    host: Host = "127.0.0.1"
    """Another address than loopback needs `callers`."""
    port: Port = 8080
    """0 picks a free one."""
    tls: OutboundTls | None = None
    """The second listener; null: none."""
    unknown_endpoints: Literal["deny", "inspect"] = "deny"
    """inspect: send what the endpoint table does not know on through decoding and policy."""
    hosts: Annotated[tuple[Host, ...], FROM_LIST, Field(max_length=100)] = ()
    """Further names that a request's Host may have, where no callers are named, and on the admin port. These need no entry: IP
    addresses, names without a dot or below localhost, local, internal, svc and cluster.local, and Customer.io's own."""
    callers: Callers = ()
    """Empty: everyone on this machine may call. `any`: everyone who reaches the port may."""
    limits: OutboundLimits = OutboundLimits()
    drain: Drain = Drain()

    @model_validator(mode="after")
    def _guarded(self) -> Self:
        if not self.callers and not is_loopback(self.host):
            raise ValueError("host is not loopback, so everyone who reaches it could call: name callers, or set callers: any")
        if self.tls is not None and self.port and self.tls.port == self.port:
            raise ValueError("tls.port must not be the same as port")
        names = Counter(caller.name for caller in self.named_callers)
        if ANYONE in names:
            raise ValueError(f"callers must not hold the name {ANYONE}, which stands for a caller that was not told apart")
        for name, count in names.items():
            if count > 1:
                raise ValueError(naming("callers must not hold the same name twice", name))
        return self

    @property
    def named_callers(self) -> tuple[Caller, ...]:
        """The callers that are told apart; none where anyone may call."""
        return () if isinstance(self.callers, str) else self.callers
