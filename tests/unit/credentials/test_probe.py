"""Showing a credential to Customer.io."""

from typing import Any

import pytest

from proxy.api.model import Credential, Upstream
from proxy.config.model import Config
from proxy.credentials.model import UNTRIED, Authorization, TrackPair, Trial, Verdict, app_bearer, pipelines_basic
from proxy.credentials.probe import account, prober
from proxy.policy.model import PolicyDocument
from proxy.sensitive import Sensitive
from proxy.simulator.model import Workspace
from proxy.simulator.server import Simulator, serving

KNOWN = Workspace(site_id="site-CANARY", api_key="key-CANARY", app_key="app-CANARY", region="eu", environment_id=77)
PAIR = TrackPair(Sensitive(KNOWN.site_id), Sensitive(KNOWN.api_key)).authorization()
APP = app_bearer(Sensitive(KNOWN.app_key))


async def tried(
    credential: Credential,
    authorization: Authorization,
    *faults: Any,  # noqa: ANN401 - a script
    seconds: float = 10,
) -> tuple[Trial, Simulator]:
    """Try a credential at a simulator; return what comes of it, and the simulator."""
    simulator = Simulator(KNOWN)
    simulator.script(*faults)
    async with serving(simulator) as address:
        upstreams = {name: {"url": address.url} for name in ("track", "app", "pipelines")}
        config = Config.model_validate({"version": 1, "policy": PolicyDocument(version=1), "upstreams": upstreams})
        async with prober(config, dict.fromkeys(Upstream), seconds) as asking:
            return await asking.trial(credential, authorization), simulator


async def test_an_accepted_pair_names_its_workspace() -> None:
    """With its region; what is sent is one read that names no person."""
    trial, simulator = await tried(Credential.TRACK, PAIR)
    assert trial == Trial(Verdict.ACCEPTED, 77, "eu")
    (entry,) = simulator.requests
    assert (entry.request.method, entry.request.target, entry.request.body) == ("GET", "/api/v1/accounts/region", b"")


async def test_an_app_key_is_tried_too() -> None:
    """It names no workspace."""
    trial, simulator = await tried(Credential.APP, APP)
    assert trial == Trial(Verdict.ACCEPTED)
    assert [entry.request.target for entry in simulator.requests] == ["/v1/info/ip_addresses"]


async def test_a_pipelines_key_is_not_asked_about() -> None:
    """There is no call that would tell."""
    trial, simulator = await tried(Credential.PIPELINES, pipelines_basic(Sensitive("write-CANARY")))
    assert trial is UNTRIED
    assert len(simulator.requests) == 0


async def test_a_wrong_pair_is_rejected() -> None:
    """As Customer.io says: 401."""
    trial, _ = await tried(Credential.TRACK, TrackPair(Sensitive("site"), Sensitive("wrong-key")).authorization())
    assert trial == Trial(Verdict.REJECTED)


@pytest.mark.parametrize(
    "fault",
    [
        {"kind": "status", "status": 500},
        {"kind": "redirect"},
        {"kind": "reset"},
        {"kind": "garbage"},
        {"kind": "delay", "seconds": 5},
    ],
    ids=lambda fault: str(fault["kind"]),
)
async def test_what_says_nothing_about_a_credential_is_unknown(fault: dict[str, Any]) -> None:
    """A server that fails, sends elsewhere, or does not answer in time; nothing is raised."""
    trial, _ = await tried(Credential.TRACK, PAIR, {"fault": fault, "times": 2}, seconds=0.3)
    assert trial == Trial(Verdict.UNKNOWN)


@pytest.mark.parametrize(
    ("body", "named"),
    [
        (b'{"region":"us","environment_id":5}', (5, "us")),
        (b'{"region":"mars","environment_id":"5"}', (None, None)),
        (b'{"environment_id":true}', (None, None)),
        (b"{}", (None, None)),
        (b"[]", (None, None)),
        (b"<html>", (None, None)),
    ],
)
def test_an_account_names_what_it_names(body: bytes, named: tuple[int | None, str | None]) -> None:
    """Anything else is not taken for a workspace or a region."""
    assert account(body) == named
