"""Asks Customer.io whether it can be reached and takes the credentials, over the upstreams that are configured.

Every call is a read that names no person, follows no redirect, and is bounded in time and size. Of what comes back, only the
region, the number of the workspace, the end of a certificate and a difference of clocks are shown.
"""

import asyncio
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

import aiohttp

from proxy.api.model import Credential, Upstream
from proxy.cli.findings import Finding, State
from proxy.cli.reach import reach
from proxy.clock import Clock
from proxy.config.model import Config
from proxy.config.tls import upstream_contexts
from proxy.credentials.model import Version
from proxy.credentials.probe import PATHS, PROBE_SECONDS, Answered, Prober, account, prober
from proxy.credentials.slots import Slot, slots

# A clock that is further off is told: it dates events and decides which certificates and signatures are in time.
SKEW_MAX_SECONDS = 5

# What to look at when a credential is rejected.
ADVICE: Mapping[Credential, str] = MappingProxyType(
    {
        Credential.TRACK: "check the site id and the API key, which go together",
        Credential.APP: "check the App API key",
    }
)
UNPROBED = "a Pipelines key cannot be probed: Customer.io has no call that tells whether it is taken"


@dataclass(frozen=True, slots=True)
class Asked:
    """An answer about the credential of a slot, and this machine's clock before and after it (seconds since the epoch)."""

    slot: Slot
    answer: Answered
    before: float
    after: float


async def probe(config: Config, versions: Mapping[str, Version], clock: Clock, seconds: float = PROBE_SECONDS) -> list[Finding]:
    """Return what is found, within `seconds` a question, about each version (by its slot) and the upstream it is for.

    Raises:
        ConfigError: a CA file cannot be used.
    """
    contexts = upstream_contexts(config)
    held = [slot for slot in slots(config) if slot.name in versions]
    upstreams = list(dict.fromkeys(_upstream(slot) for slot in held))
    findings = list(await asyncio.gather(*(reach(config, each, contexts[each], clock.wall(), seconds) for each in upstreams)))
    unreached = {upstream for upstream, finding in zip(upstreams, findings, strict=True) if finding.state is State.PROBLEM}
    async with prober(config, contexts, seconds) as ask:
        asked = await asyncio.gather(
            *(
                _ask(ask, slot, versions[slot.name], clock)
                for slot in held
                if slot.credential in PATHS and _upstream(slot) not in unreached
            )
        )
    answers = [each for each in asked if isinstance(each, Asked)]
    findings += [each for each in asked if isinstance(each, Finding)]
    findings += judge(config, answers, versions)
    findings += [Finding(_subject(slot), State.SKIPPED, UNPROBED) for slot in held if slot.credential not in PATHS]
    findings += skew(answers)
    return list(dict.fromkeys(findings))


async def _ask(ask: Prober, slot: Slot, version: Version, clock: Clock) -> Asked | Finding:
    upstream = f"upstreams.{_upstream(slot)}"
    before = clock.wall()
    try:
        answer = await ask.ask(slot.credential, version.authorization)
    except TimeoutError:
        return Finding(upstream, State.PROBLEM, "did not answer in time")
    except (aiohttp.ClientError, OSError) as error:
        detail = f"could not be reached ({type(error).__name__}); check {upstream}.url"
        return Finding(upstream, State.PROBLEM, detail)
    return Asked(slot, answer, before, clock.wall())


def judge(config: Config, asked: Sequence[Asked], versions: Mapping[str, Version]) -> Iterator[Finding]:
    """Judge what Customer.io said of each credential; those of the Track API must belong to the workspace that is wanted."""
    wanted, who = _wanted(config, asked)
    for each in asked:
        state, detail = judged(config, each.slot.credential, each.answer)
        workspace, _ = account(each.answer.body)
        if state is State.OK and each.slot.credential is Credential.TRACK and wanted not in (None, workspace):
            told = "Customer.io names no workspace for it" if workspace is None else f"it belongs to workspace {workspace}"
            state, detail = State.PROBLEM, f"{told}, and {who} {wanted}: the sidecar would not use it"
        yield Finding(_subject(each.slot), state, f"{detail} (key id {versions[each.slot.name].authorization.key_id})")


def _wanted(config: Config, asked: Iterable[Asked]) -> tuple[int | None, str]:
    """Return the workspace that every Track pair must belong to, and who says so; None where any will do."""
    match config.credentials.workspace:
        case int(number):
            return number, "credentials.workspace says"
        case "same":
            return next((account(each.answer.body)[0] for each in asked if each.slot.name == "track"), None), "track to"
        case _:
            return None, ""


def judged(config: Config, credential: Credential, answer: Answered) -> tuple[State, str]:
    """Judge an answer of Customer.io by itself."""
    match answer.status:
        case 200:
            return _region(config, answer.body) if credential is Credential.TRACK else (State.OK, "accepted")
        case 401:
            return State.PROBLEM, f"Customer.io rejects it: {ADVICE[credential]}"
        case 403:
            return State.SKIPPED, "Customer.io knows it, and does not let it read; a scope or an address allow-list may be why"
        case 301 | 302 | 303 | 307 | 308:
            return State.PROBLEM, "Customer.io answers with a redirect, as it does in the wrong region: check `region`"
        case _:
            return State.PROBLEM, f"Customer.io answers {answer.status}; try again, or check `upstreams`"


def _region(config: Config, body: bytes) -> tuple[State, str]:
    """Judge the region that a workspace is kept in (Track API reference, "Find your account region")."""
    workspace, region = account(body)
    if region is None:
        return State.PROBLEM, "Customer.io did not say in which region it keeps this workspace; check upstreams.track.url"
    if region != config.region:
        return State.PROBLEM, f"Customer.io keeps this workspace in region {region}: set `region: {region}`"
    named = "" if workspace is None else f"for workspace {workspace} "
    return State.OK, f"accepted {named}in region {region}"


def skew(asked: Iterable[Asked]) -> Iterator[Finding]:
    """Compare this machine's clock with Customer.io's, by the answer that shows it furthest off."""
    offs = [_off(each.answer.date, each.before, each.after) for each in asked if each.answer.date is not None]
    if not offs:
        return
    off = max(offs, key=abs)
    if abs(off) <= SKEW_MAX_SECONDS:
        yield Finding("clock", State.OK, "agrees with Customer.io's")
    else:
        side = "ahead of" if off > 0 else "behind"
        detail = f"this machine's clock is {abs(off):.0f} seconds {side} Customer.io's: set it, by NTP for one"
        yield Finding("clock", State.WARNING, detail)


def _off(date: float, before: float, after: float) -> float:
    """Return by how much our clock is ahead at least; negative where it is behind. A date has whole seconds, rounded down."""
    if before > date + 1:
        return before - date - 1
    return min(0.0, after - date)


def _upstream(slot: Slot) -> Upstream:
    return Upstream(slot.credential.value)


def _subject(slot: Slot) -> str:
    return f"credentials.{slot.name}"
