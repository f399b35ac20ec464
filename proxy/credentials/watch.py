"""Keeps a credential as new as its store has it: reads it again and again, and has a new version tried before it is used.

* Once a first version was read, a store that fails changes nothing: the last good one is kept, and the store is asked again,
  ever more rarely up to `refresh_seconds`, at random moments, so that replicas do not ask together.
* A new version is used once Customer.io has accepted it, and only if it does not belong to another workspace or region. What
  cannot be tried (a Pipelines key) is used as it is, and so is the first version: a sidecar starts while Customer.io is down.
* When Customer.io rejects every key there is, the store is read at once, however many calls were rejected, and then again and
  again, every second at last, until there is one that is taken.
"""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Literal, Protocol

from proxy.api.model import Credential
from proxy.credentials.keyring import Keyring
from proxy.credentials.model import Authorization, Kind, Trial, Verdict, Version
from proxy.credentials.slots import Slot
from proxy.errors import ConfigError

# After a failure: the first wait, doubled with each further one up to the usual interval.
BACKOFF_SECONDS = 1.0
# Between two reads of a store, whatever asks for them; while every key is rejected it is doubled up to the second.
URGENT_SECONDS = (0.1, 1.0)
# How far the usual interval is shortened or lengthened at random.
JITTER = 0.1
# One read of a credential, with all its parts, logins and repeats.
READ_SECONDS = 30.0


class Observer(Protocol):
    """Who is told what happens to credentials; never of a secret."""

    def store_read(self, source: Kind, slot: str, problem: str) -> None:
        """Count a read of a store; `problem` is empty where it went well."""

    def version_adopted(self, slot: str, version: Version) -> None:
        """Note a version that is used from now on."""

    def version_refused(self, slot: str, version: Version, problem: str) -> None:
        """Note a version that is not used, and why."""


class Alarm(Protocol):
    """A wait that can be cut short."""

    async def wait(self, least_seconds: float, most_seconds: float) -> None:
        """Return as soon as somebody asks, but not before the one, nor after the other."""


@dataclass(frozen=True, slots=True)
class Rules:
    """What a new version must be, and how often there may be one."""

    workspace: int | Literal["same", "any"]
    region: str
    refresh_seconds: float


@dataclass(slots=True)
class Workspace:
    """The workspace that the keys of one credential belong to, once Customer.io has named it."""

    number: int | None = None


class Watch:
    """Watches one slot."""

    def __init__(
        self,
        slot: Slot,
        keyring: Keyring,
        rules: Rules,
        workspace: Workspace,
        *,
        read: Callable[[Slot], Awaitable[Version]],
        attempt: Callable[[Credential, Authorization], Awaitable[Trial]],
        alarm: Alarm,
        observer: Observer,
        random: Callable[[], float],
    ) -> None:
        """Read the slot's store with `read` (which raises ConfigError), try versions with `attempt`.

        `workspace` is shared by the slots of one credential; `random` gives numbers from 0 to 1.
        """
        self._slot = slot
        self._keyring = keyring
        self._rules = rules
        self._read = read
        self._attempt = attempt
        self._alarm = alarm
        self._observer = observer
        self._random = random
        self._workspace = workspace
        held = keyring.held(slot.name)
        self._last = None if held is None else held.authorization  # what was used last, even if it grew stale since
        self._refused: tuple[str, str] | None = None

    async def run(self) -> None:
        """Watch until cancelled, or for as long as there can be anything new."""
        failures = 0
        least, most_urgent = URGENT_SECONDS
        urgent = least
        while not self._is_fixed():
            failures = 0 if await self.round() else failures + 1
            if self._is_fixed():
                return
            if self._keyring.exhausted(self._slot.name):
                self._keyring.try_one(self._slot.name)
                await self._alarm.wait(urgent, urgent)
                urgent = min(2 * urgent, most_urgent)
            else:
                urgent = least
                await self._alarm.wait(least, max(least, self._pause_seconds(failures)))

    def _is_fixed(self) -> bool:
        held = self._keyring.held(self._slot.name)
        return held is not None and held.fixed

    def _pause_seconds(self, failures: int) -> float:
        """Return how long to wait after so many failures in a row."""
        usual = self._rules.refresh_seconds
        if failures == 0:
            return usual * (1 + JITTER * (2 * self._random() - 1))
        longest = min(usual, BACKOFF_SECONDS * 2.0 ** min(failures - 1, 30))
        return longest * (0.5 + self._random() / 2)

    async def round(self) -> bool:
        """Read the store once, and adopt what is new; say whether what is in use is what the store has."""
        slot = self._slot
        try:
            async with asyncio.timeout(READ_SECONDS):
                version = await self._read(slot)
        except ConfigError as error:
            self._observer.store_read(slot.source, slot.name, error.problem)
            return False
        except TimeoutError:
            self._observer.store_read(slot.source, slot.name, "the store did not answer in time")
            return False
        self._observer.store_read(slot.source, slot.name, "")
        held = self._keyring.held(slot.name)
        if held is not None and held.authorization == version.authorization:
            self._keyring.confirm(slot.name, version)
            await self._learn_workspace(version)
            return True
        if problem := await self._problem(version):
            if self._refused != (version.authorization.key_id, problem):
                self._refused = version.authorization.key_id, problem
                self._observer.version_refused(slot.name, version, problem)
            return False
        self._last = version.authorization
        self._refused = None
        self._keyring.adopt(slot.name, version)
        self._observer.version_adopted(slot.name, version)
        return True

    async def _learn_workspace(self, version: Version) -> None:
        """Find out which workspace a version in use belongs to, so that the next one can be compared with it."""
        if self._slot.credential is Credential.TRACK and self._workspace.number is None and self._rules.workspace == "same":
            self._workspace.number = (await self._attempt(self._slot.credential, version.authorization)).workspace

    async def _problem(self, version: Version) -> str:
        """Say why a new version must not be used now; empty where it may."""
        in_use = self._keyring.versions(self._slot.credential)
        first = self._last is None and not in_use
        if version.authorization == self._last or (first and not isinstance(self._rules.workspace, int)):
            return ""
        for other in in_use:
            await self._learn_workspace(other)
        trial = await self._attempt(self._slot.credential, version.authorization)
        if trial.verdict is Verdict.ACCEPTED:
            return self._foreign(trial)
        if first:
            return ""
        if trial.verdict is Verdict.REJECTED:
            return "Customer.io rejects it; perhaps only a part of it was written yet"
        return "Customer.io could not be asked about it"

    def _foreign(self, trial: Trial) -> str:
        """Say what an accepted version belongs to that it must not; empty where it may be used."""
        if trial.region not in (None, self._rules.region):
            return "it belongs to another region"
        wanted = self._workspace.number if self._rules.workspace == "same" else self._rules.workspace
        if isinstance(wanted, int) and self._slot.credential is Credential.TRACK and trial.workspace != wanted:
            return "it belongs to another workspace"
        self._workspace.number = trial.workspace
        return ""
