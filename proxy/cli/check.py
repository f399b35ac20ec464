"""`cio-sidecar check`: everything that `serve` would need, looked at without serving."""

import asyncio
import sys
from collections.abc import Iterator, Mapping
from functools import partial
from pathlib import Path
from types import MappingProxyType

import typer
from cryptography import x509

from proxy.api.endpoints import ENDPOINTS
from proxy.api.model import Upstream
from proxy.cli import table
from proxy.cli.findings import Finding, State, show, well
from proxy.cli.keys import overdue
from proxy.cli.stores import providers
from proxy.clock import SystemClock
from proxy.config.known import known_fields
from proxy.config.load import Loaded, load
from proxy.config.model import Config
from proxy.config.problems import each
from proxy.config.tls import listener_context, upstream_contexts
from proxy.credentials.model import LOCAL, Document, Kind, Provider, Version
from proxy.credentials.resolve import STRONG_CHARACTERS, Resolved, resolve
from proxy.credentials.slots import Slot, slots
from proxy.errors import ConfigError
from proxy.policy.compile import compile_policy
from proxy.policy.model import UNKEYED
from proxy.sensitive import Sensitive

# Compiles a policy whose own key could not be read, which is a problem that was told already.
_NO_HASH_KEY = Sensitive(b"")
# The credentials of the three APIs; further ones only stand by.
_NEEDED = ("track", "app", "pipelines")
# The section that says how each kind of remote store is reached.
_SECTIONS: Mapping[Kind, str] = MappingProxyType(
    {Kind.VAULT: "vault", Kind.GCP: "gcp", Kind.AWS_SM: "aws", Kind.AWS_SSM: "aws"}
)


def check(config: Path | None, environ: Mapping[str, str], *, offline: bool, as_json: bool) -> int:
    """Print what was found; return 0 when all is well and 1 when not.

    Raises:
        ConfigError: the configuration is not valid.
    """
    loaded = load(config, environ)
    findings, secrets = inspect(loaded, environ, SystemClock().wall())
    if secrets is not None and well(findings) and not offline:
        from proxy.cli.probe import probe  # noqa: PLC0415 - aiohttp is slow to load, and only needed here

        if sys.stderr.isatty():
            typer.echo("Asking Customer.io …", err=True)
        findings += asyncio.run(probe(loaded.config, secrets.versions, SystemClock()))
    show(findings, as_json=as_json)
    return 0 if well(findings) else 1


def inspect(loaded: Loaded, environ: Mapping[str, str], now: float) -> tuple[list[Finding], Resolved | None]:
    """Return what can be said without a network at `now` (seconds since the epoch), and the secrets if all can be used."""
    config, placed = loaded.config, loaded.places.placed
    findings = [Finding("configuration", State.OK, "valid")]
    findings += (Finding(name, State.WARNING, "begins like a setting and sets no key") for name in loaded.strangers)
    secrets: Resolved | None = None
    known: dict[Kind, _Counted] = {}
    try:
        known |= {kind: _Counted(provider) for kind, provider in providers(config, environ).items()}
        secrets = resolve(config, known)
    except ConfigError as error:
        findings += map(_problem, map(placed, each(error)))
    else:
        findings += _secrets(config, secrets, now)
    findings += _stores(known)
    hash_key = _NO_HASH_KEY if secrets is None else secrets.hash_key
    for part in (partial(_policy, config, hash_key), partial(_listener, config, now), partial(_authorities, config)):
        try:
            findings += part()
        except ConfigError as error:
            findings += map(_problem, map(placed, each(error)))
    return findings, secrets


def _problem(error: ConfigError) -> Finding:
    where = f" ({error.file})" if error.file else ""
    return Finding(error.path, State.PROBLEM, f"{error.problem}{where}")


def _credential(config: Config, slot: Slot, version: Version, now: float) -> Iterator[Finding]:
    age = None if version.created_at is None else max(0.0, now - version.created_at)
    told = [f"key id {version.authorization.key_id}"]
    told += [f"version {version.name}"] if version.name else []
    told += [f"{table.lasting(age)} old"] if age is not None else []
    yield Finding(f"credentials.{slot.name}", State.OK, f"read ({', '.join(told)})")
    yield from overdue(config, slot.name, age)
    if _apart(slot):
        detail = "its parts are kept apart, so half a change can be read: keep both in one secret, or in files of one folder"
        yield Finding(f"credentials.{slot.name}", State.WARNING, detail)


def _apart(slot: Slot) -> bool:
    """Tell whether the parts of a credential can change one after the other while the sidecar runs."""
    # Environment variables do not change, and files of one folder are mounted, and replaced, together.
    places = {
        (part.kind, str(Path(part.document).parent) if part.kind is Kind.FILE else part.document)
        for part in slot.parts.values()
        if part.kind is not Kind.ENV
    }
    return len(places) > 1


def _policy(config: Config, hash_key: Sensitive[bytes] | None) -> Iterator[Finding]:
    compile_policy(config.policy, ENDPOINTS, hash_key)
    if config.policy.inventory is not None and config.policy.inventory.known is not None:
        known_fields(config.policy.inventory.known)
    yield Finding("policy", State.OK, f"{len(config.policy.rules)} rules, mode {config.policy.mode}")


def _listener(config: Config, now: float) -> Iterator[Finding]:
    tls = config.outbound.tls
    if tls is None:
        return
    listener_context(config)
    try:
        end = x509.load_pem_x509_certificate(tls.certificate.read_bytes()).not_valid_after_utc
    except ValueError:  # OpenSSL, which serves it, is less strict about what a certificate holds
        yield Finding("outbound.tls", State.SKIPPED, "the certificate can be served, but its end cannot be read")
        return
    if end.timestamp() > now:
        yield Finding("outbound.tls", State.OK, f"the certificate is good until {end:%Y-%m-%d}")
    else:
        advice = "`cio-sidecar tls init --force` makes another"
        yield Finding("outbound.tls", State.PROBLEM, f"the certificate ended on {end:%Y-%m-%d}; {advice}")


def _authorities(config: Config) -> Iterator[Finding]:
    upstream_contexts(config)
    for upstream in Upstream:
        if config.upstream(upstream).ca is not None:
            yield Finding(f"upstreams.{upstream}.ca", State.OK, "read")


class _Counted:
    """A provider that remembers which of its documents could be read."""

    def __init__(self, provider: Provider) -> None:
        self._provider = provider
        self.asked: set[str] = set()
        self.read_well: set[str] = set()

    def read(self, document: str) -> Document:
        """See `Provider.read`."""
        self.asked.add(document)
        read = self._provider.read(document)
        self.read_well.add(document)
        return read


def _stores(known: Mapping[Kind, _Counted]) -> Iterator[Finding]:
    """Tell of each remote store whether anything could be read from it."""
    for kind, counted in known.items():
        if kind not in LOCAL:
            detail = f"{kind}: {len(counted.read_well)} of {len(counted.asked)} secrets read"
            yield Finding(f"stores.{_SECTIONS[kind]}", State.OK if counted.read_well else State.PROBLEM, detail)


def _secrets(config: Config, secrets: Resolved, now: float) -> Iterator[Finding]:
    configured = {slot.name: slot for slot in slots(config)}
    for name in dict.fromkeys((*configured, *_NEEDED)):
        if name in configured:
            yield from _credential(config, configured[name], secrets.versions[name], now)
        else:
            yield Finding(f"credentials.{name}", State.SKIPPED, "not configured: calls that need it are refused")
    if not configured:
        yield Finding("credentials", State.PROBLEM, "none is configured, so nothing that needs one would be forwarded")
    named = len(config.outbound.named_callers)
    anyone = "everyone who reaches the port may call" if config.outbound.callers else "everyone on this machine may call"
    yield Finding("outbound.callers", State.OK, f"{named} told apart by their keys" if named else anyone)
    if secrets.hash_key is not None:
        yield Finding("policy.hash.key", State.OK, "read")
    if secrets.admin_token is not None:
        yield Finding("admin.token", State.OK, "read")
    for path in secrets.weak:
        yield Finding(
            path, State.WARNING, f"shorter than {STRONG_CHARACTERS} characters; `openssl rand -hex 32` makes a better one"
        )
    if config.policy.hash is not None and config.policy.hash.key is None:
        yield Finding("policy.hash", State.WARNING, UNKEYED)
