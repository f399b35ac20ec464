"""The sections `admin` and `logs`: what the people who run the sidecar see of it."""

from typing import Literal

from proxy.config.values import Host, Port, SecretReference, Section


class Admin(Section):
    """The operator's port: health and metrics, which hold no secrets and need no token."""

    host: Host = "127.0.0.1"
    """Prometheus and the kubelet come from outside the pod: `0.0.0.0` there."""
    port: Port = 9090
    """0 picks a free one."""
    token: SecretReference | None = None
    """What a request for anything but health and metrics carries as its Bearer token; null: there is nothing else."""


class Logs(Section):
    """The log, on standard error."""

    level: Literal["debug", "info", "warning", "error"] = "info"
    """Nothing below it is written."""
    format: Literal["json", "console"] = "json"
    """console: for people at a terminal."""
