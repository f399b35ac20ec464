"""`cio-sidecar keys status`: the keys of Customer.io that a running sidecar holds, and what is not well about them."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path

import orjson
import typer

from proxy.cli import findings, table
from proxy.cli.findings import Finding, State, well
from proxy.config.model import Config
from proxy.credentials import keyring
from proxy.credentials.keyring import KeyStatus
from proxy.credentials.slots import slots

DAY_SECONDS = 86_400
# How many reads of a store may fail before it is told; one is nothing.
MISSED_READS = 3

HEAD = ("slot", "key id", "state", "kept in", "version", "made", "confirmed", "last used")
_STYLES: Mapping[str, str] = {
    keyring.State.ACTIVE: "green",
    keyring.State.DRAINING: "yellow",
    keyring.State.REJECTED: "bold red",
}


def status(config: Path | None, environ: Mapping[str, str], *, as_json: bool) -> int:
    """Print what the running sidecar says; return 0 when all is well, and 1 when not, or when it does not answer.

    Raises:
        ConfigError: the configuration is not valid, or does not say where the sidecar is asked, and with which token.
    """
    from proxy.cli.running import Running, UnansweredError  # noqa: PLC0415 - aiohttp is slow to load, and `check` needs none

    served, running = Running.written(config, environ)
    try:
        keys = running.keys()
    except UnansweredError as error:
        typer.echo(str(error), err=True)
        return 1
    judged = list(judge(served, keys))
    if as_json:
        shown = {"keys": [asdict(key) for key in keys], "findings": [asdict(finding) for finding in judged]}
        typer.echo(orjson.dumps({"ok": well(judged), **shown}))
    else:
        show(keys)
        if remarks := [finding for finding in judged if finding.state is not State.OK]:
            typer.echo()
            findings.show(remarks, as_json=False)
    return 0 if well(judged) else 1


def show(keys: Sequence[KeyStatus]) -> None:
    """Print a row for each key."""
    table.show(
        HEAD,
        [
            (
                key.slot,
                key.key_id,
                key.state,
                key.source,
                key.version or "-",
                table.ago(key.version_age_seconds),
                table.ago(key.staleness_seconds),
                table.ago(key.last_used_seconds),
            )
            for key in keys
        ],
        _STYLES,
    )


def judge(config: Config, keys: Sequence[KeyStatus]) -> Iterator[Finding]:
    """Judge the keys of every credential that `config` names."""
    for slot in slots(config):
        subject = f"credentials.{slot.name}"
        held = [key for key in keys if key.slot == slot.name]
        newest = next((key for key in held if key.state is not keyring.State.DRAINING), None)
        if newest is None:
            detail = "no key is in use: the sidecar's log says why (store_unavailable, credential_refused)"
            yield Finding(subject, State.PROBLEM, detail)
        elif newest.state is keyring.State.REJECTED:
            detail = f"Customer.io rejects key {newest.key_id}, and there is no newer one: write one to its store"
            yield Finding(subject, State.PROBLEM, detail)
        else:
            unwell = [*_stale(config, subject, newest), *overdue(config, slot.name, newest.version_age_seconds)]
            yield from unwell or [Finding(subject, State.OK, f"key {newest.key_id} is {newest.state}")]


def overdue(config: Config, slot: str, age_seconds: float | None) -> Iterator[Finding]:
    """Find that a version is older than the schedule allows, where its store has a date."""
    days = config.credentials.max_version_age_days
    if age_seconds is not None and age_seconds > days * DAY_SECONDS:
        what = f"the version is {table.lasting(age_seconds)} old, and credentials.max_version_age_days is {days}"
        how = "write a new pair to its store" if slot == "track_next" else f"`cio-sidecar rotate --credential {slot}` shows how"
        yield Finding(f"credentials.{slot}", State.WARNING, f"{what}: {how}")


def _stale(config: Config, subject: str, key: KeyStatus) -> Iterator[Finding]:
    """Find that the store has not confirmed a key for longer than a few reads take."""
    stores = config.stores
    age = key.staleness_seconds
    if age is None or age <= MISSED_READS * stores.refresh_seconds:
        return
    over = age > stores.max_staleness_seconds
    detail = f"its store has not confirmed key {key.key_id} for {table.lasting(age)}, and the sidecar's log says why"
    ends = "no longer used" if over else f"no longer used after {table.lasting(stores.max_staleness_seconds)}"
    yield Finding(subject, State.PROBLEM if over else State.WARNING, f"{detail} (store_unavailable); it is {ends}")
