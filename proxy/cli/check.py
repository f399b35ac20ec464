"""`cio-sidecar check`: everything that `serve` would need, looked at without serving."""

import asyncio
import sys
from collections.abc import Iterator, Mapping
from functools import partial
from pathlib import Path

import typer
from cryptography import x509

from proxy.api.endpoints import ENDPOINTS
from proxy.api.model import Credential, Upstream
from proxy.cli.findings import Finding, State, show, well
from proxy.cli.stores import providers
from proxy.clock import SystemClock
from proxy.config.load import Loaded, load
from proxy.config.model import Config
from proxy.config.problems import each
from proxy.config.tls import listener_context, upstream_contexts
from proxy.credentials.resolve import STRONG_CHARACTERS, Resolved, resolve
from proxy.errors import ConfigError
from proxy.policy.compile import compile_policy
from proxy.policy.model import UNKEYED
from proxy.sensitive import Sensitive

# Compiles a policy whose own key could not be read, which is a problem that was told already.
_NO_HASH_KEY = Sensitive(b"")
_CREDENTIALS = (Credential.TRACK, Credential.APP, Credential.PIPELINES)


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
        findings += asyncio.run(probe(loaded.config, secrets.credentials))
    show(findings, as_json=as_json)
    return 0 if well(findings) else 1


def inspect(loaded: Loaded, environ: Mapping[str, str], now: float) -> tuple[list[Finding], Resolved | None]:
    """Return what can be said without a network at `now` (seconds since the epoch), and the secrets if all can be used."""
    config, placed = loaded.config, loaded.places.placed
    findings = [Finding("configuration", State.OK, "valid")]
    secrets: Resolved | None = None
    try:
        secrets = resolve(config, providers(environ))
    except ConfigError as error:
        findings += map(_problem, map(placed, each(error)))
    else:
        findings += _secrets(config, secrets)
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


def _policy(config: Config, hash_key: Sensitive[bytes] | None) -> Iterator[Finding]:
    compile_policy(config.policy, ENDPOINTS, hash_key)
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


def _secrets(config: Config, secrets: Resolved) -> Iterator[Finding]:
    held = {kind: secrets.credentials.of(kind) for kind in _CREDENTIALS}
    for kind, authorization in held.items():
        if authorization is not None:
            yield Finding(f"credentials.{kind}", State.OK, f"read (key id {authorization.key_id})")
        else:
            yield Finding(f"credentials.{kind}", State.SKIPPED, "not configured: calls that need it are refused")
    if not any(held.values()):
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
