"""`cio-sidecar rotate`: walks a person, or a program, through the replacement of one key of Customer.io.

It shows what there is and says what to do; the sidecar does the rest by itself. It writes nothing and deletes nothing, so it
can be ended at any moment, and a sidecar that restarts meanwhile is asked again. Every wait is bounded.
"""

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from proxy.cli import keys
from proxy.cli.instructions import MAKING, writing
from proxy.cli.running import AwayError, Running, UnansweredError
from proxy.cli.teller import Teller
from proxy.clock import Clock, SystemClock
from proxy.config.load import load
from proxy.config.model import Config
from proxy.credentials.keyring import KeyStatus, State
from proxy.credentials.slots import Slot, slots
from proxy.errors import ConfigError

T = TypeVar("T")

POLL_SECONDS = 1.0
ROTATED = ("track", "app", "pipelines")
"""The credentials that calls carry. One that stands by needs no walk: nothing waits for it."""

NOT_PICKED_UP = (
    "no new key was picked up in time. The sidecar's log says why: credential_refused (Customer.io rejects it, or it is of "
    "another workspace), store_unavailable, or neither (the store still holds the old one)"
)
NOT_DRAINED = "the old key was used a moment ago, so it is too early to delete it: `cio-sidecar keys status` shows when it was"
WHEN_UNUSED = (
    "Every replica reads the store by itself. Delete the old key at Customer.io, where the new one was made, once none uses it:"
)


def rotate(
    config: Path | None, environ: Mapping[str, str], *, credential: str | None, timeout_seconds: int, as_json: bool
) -> int:
    """Walk through a rotation; return 0 when the old key can be deleted, and 1 when it cannot yet.

    Raises:
        ConfigError: the configuration is not valid, does not name the credential, or not where the sidecar is asked.
    """
    loaded = load(config, environ)
    with loaded.places.placing():
        slot = _chosen(loaded.config, credential)
        running = Running.of(loaded.config, environ)
    teller = Teller(as_json=as_json)
    try:
        return _walk(loaded.config, slot, Watcher(running.keys, teller, SystemClock(), time.sleep, timeout_seconds), teller)
    except UnansweredError as error:
        return teller.fail(str(error))


def _chosen(config: Config, name: str | None) -> Slot:
    """Return the credential to rotate: the one that is named, or the first there is."""
    configured = {slot.name: slot for slot in slots(config)}
    for wanted in ROTATED if name is None else (name,):
        if wanted in configured:
            return configured[wanted]
    raise ConfigError("is not configured, so there is nothing to rotate", path=f"credentials.{name}" if name else "credentials")


def _walk(config: Config, slot: Slot, watcher: "Watcher", teller: Teller) -> int:
    before = [key for key in watcher.ask() if key.slot == slot.name]
    rotation = Rotation(slot.name, frozenset(key.key_id for key in before))
    teller.keys(before)
    for finding in (finding for key in before for finding in keys.overdue(config, slot.name, key.version_age_seconds)):
        teller.say("overdue", finding.detail)

    teller.step(1, "make", MAKING[slot.credential])
    teller.step(2, "write", *writing(slot))
    teller.pause("   Press Enter once it is written. ")

    refresh = f"the sidecar reads the store every {config.stores.refresh_seconds:g} s"
    teller.step(3, "waiting", f"Waiting for the new key: {refresh}.")
    new = watcher.until(rotation.picked_up, rotation.remark)
    if new is None:
        return teller.fail(NOT_PICKED_UP)
    teller.say("active", f"   Key {new.key_id} is in use.", key_id=new.key_id)

    seconds = config.delivery.timeouts.total_seconds
    teller.step(4, "draining", f"Waiting until no call can carry the old key: {seconds:g} s after its last use.")
    if watcher.until(lambda held: rotation.drained(held, seconds), rotation.remark) is None:
        return teller.fail(NOT_DRAINED)
    for key_id in sorted(rotation.old):
        teller.say("drained", f"   Key {key_id} is not in use here.", key_id=key_id)

    teller.step(5, "delete", WHEN_UNUSED if rotation.old else "There was no old key.")
    for key_id in sorted(rotation.old):
        query = f'sum(increase(cio_sidecar_credential_requests_total{{key_id="{key_id}"}}[15m])) == 0'
        teller.say("query", f"   {query}", query=query)
    return 0


@dataclass(frozen=True, slots=True)
class Rotation:
    """A rotation of one slot that held the keys `old` when it began. Decides; asks nobody."""

    slot: str
    old: frozenset[str]

    def picked_up(self, held: Sequence[KeyStatus]) -> KeyStatus | None:
        """Return the new key, once calls carry it."""
        return next((key for key in self._new(held) if key.state is State.ACTIVE), None)

    def remark(self, held: Sequence[KeyStatus]) -> str:
        """Say that Customer.io rejects a new key; empty where it does not."""
        rejected = next((key for key in self._new(held) if key.state is State.REJECTED), None)
        return "" if rejected is None else f"Customer.io rejects key {rejected.key_id}; calls carry another, if there is one"

    def drained(self, held: Sequence[KeyStatus], unused_seconds: float) -> KeyStatus | None:
        """Return the new key, if it is in use and every old one is gone or was not used for so long."""
        used = [key.last_used_seconds for key in held if key.slot == self.slot and key.key_id in self.old]
        late = any(age is not None and age <= unused_seconds for age in used)
        return None if late else self.picked_up(held)

    def _new(self, held: Sequence[KeyStatus]) -> Iterator[KeyStatus]:
        return (key for key in held if key.slot == self.slot and key.key_id not in self.old)


class Watcher:
    """Asks a running sidecar again and again, for a while."""

    def __init__(
        self,
        ask: Callable[[], Sequence[KeyStatus]],
        teller: Teller,
        clock: Clock,
        sleep: Callable[[float], None],
        timeout_seconds: float,
    ) -> None:
        """Ask with `ask` (which raises `UnansweredError`); each wait ends after `timeout_seconds`."""
        self.ask = ask
        self._teller = teller
        self._clock = clock
        self._sleep = sleep
        self._timeout_seconds = timeout_seconds

    def until(self, found: Callable[[Sequence[KeyStatus]], T | None], remark: Callable[[Sequence[KeyStatus]], str]) -> T | None:
        """Return what is `found` in an answer, None where that takes too long; tell what there is to remark meanwhile."""
        deadline = self._clock.monotonic() + self._timeout_seconds
        told = ""
        with self._teller.progress() as show_left:
            while True:
                result: T | None = None
                try:
                    held = self.ask()
                    result, said = found(held), remark(held)
                except AwayError as error:
                    said = str(error)
                if said not in ("", told):
                    self._teller.say("remark", f"   {said}")
                    told = said
                left = deadline - self._clock.monotonic()
                if result is not None or left <= 0:
                    return result
                show_left(left)
                self._sleep(min(POLL_SECONDS, left))
