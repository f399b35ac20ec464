"""Keeps a credential as new as in its store: reads it periodically, and tries a new version before it is used.

* After the first read, a failing store changes nothing. The last good version is kept, and the store is read again at growing,
  random intervals of up to `refresh_seconds`, so that replicas do not read together.
* A new version is used after Customer.io has accepted it, unless it belongs to another workspace or region. A key that cannot
  be tried (Pipelines) is used without a trial. So is the first version, so that a sidecar starts while Customer.io is down.
* When Customer.io rejects every key, the store is read immediately, once for all rejected calls. It is then read again at
  growing intervals of up to a second, until there is a key that Customer.io accepts.
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

# The wait after a first failure. It doubles with each further failure, up to the usual interval.
BACKOFF_SECONDS = 1.0
# The shortest wait between two reads of a store. While every key is rejected, it doubles up to the second value.
URGENT_SECONDS = (0.1, 1.0)
# The usual interval is shortened or lengthened by up to this fraction, at random.
JITTER = 0.1
# The longest read of a credential, with all its parts, logins and repeats.
READ_SECONDS = 30.0


class Observer(Protocol):
    """Records the events of credentials, for metrics and logs. It gets no secret."""

    def store_read(self, source: Kind, slot: str, problem: str) -> None:
        """Count a read of a store. `problem` is empty if it succeeded."""

    def version_adopted(self, slot: str, version: Version) -> None:
        """Record a version that is used from now on."""

    def version_refused(self, slot: str, version: Version, problem: str) -> None:
        """Record a version that is not used, with the reason."""


class Alarm(Protocol):
    """A wait that can be ended early."""

    async def wait(self, least_seconds: float, most_seconds: float) -> None:
        """Return as soon as a read is requested, but after at least `least_seconds` and at most `most_seconds`."""


@dataclass(frozen=True, slots=True)
class Rules:
    """The conditions for a new version, and the usual interval between reads."""

    workspace: int | Literal["same", "any"]
    region: str
    refresh_seconds: float


@dataclass(slots=True)
class Workspace:
    """The workspace of the keys of one credential; None until Customer.io has named it."""

    number: int | None = None


class Watch:
    """Reads the store of one slot periodically, and adopts new versions."""

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
        """Read the slot's store with `read` (which raises ConfigError), and try versions with `attempt`.

        `workspace` is shared by the slots of one credential. `random` returns numbers from 0 to 1.
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
        self._last = None if held is None else held.authorization  # the last one used, even if it has become stale
        self._refused: tuple[str, str] | None = None

    async def run(self) -> None:
        """Watch until cancelled, or until the version in use is fixed."""
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
        """Return the seconds to wait after this number of consecutive failures."""
        usual = self._rules.refresh_seconds
        if failures == 0:
            return usual * (1 + JITTER * (2 * self._random() - 1))
        longest = min(usual, BACKOFF_SECONDS * 2.0 ** min(failures - 1, 30))
        return longest * (0.5 + self._random() / 2)

    async def round(self) -> bool:
        """Read the store once, and adopt a new version. Return whether the version in use is the one in the store."""
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
        """Ask for the workspace of a version in use, so that the next version can be compared with it."""
        if self._slot.credential is Credential.TRACK and self._workspace.number is None and self._rules.workspace == "same":
            self._workspace.number = (await self._attempt(self._slot.credential, version.authorization)).workspace

    async def _problem(self, version: Version) -> str:
        """Return the reason why a new version must not be used now; an empty text if it may be used."""
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
            return "Customer.io rejects it; perhaps only a part of it has been written so far"
        return "Customer.io could not be asked about it"

    def _foreign(self, trial: Trial) -> str:
        """Return the reason why an accepted version is foreign (region, workspace); an empty text if it may be used."""
        if trial.region not in (None, self._rules.region):
            return "it belongs to another region"
        wanted = self._workspace.number if self._rules.workspace == "same" else self._rules.workspace
        if isinstance(wanted, int) and self._slot.credential is Credential.TRACK and trial.workspace != wanted:
            return "it belongs to another workspace"
        self._workspace.number = trial.workspace
        return ""
