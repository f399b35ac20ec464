"""Asking Customer.io about the credentials."""

import datetime as dt
import ssl
from pathlib import Path
from typing import Any

import orjson
import pytest

from proxy.api.model import Upstream
from proxy.cli.certificates import issue
from proxy.cli.findings import Finding, State
from proxy.cli.probe import PROBES, judged, probe
from proxy.config.model import Config
from proxy.credentials.model import Credentials, TrackPair, app_bearer, pipelines_basic
from proxy.policy.model import PolicyDocument
from proxy.sensitive import Sensitive
from proxy.simulator.model import Workspace
from proxy.simulator.server import Simulator, serving

SITE, TRACK_KEY, APP_KEY, WRITE_KEY = "site-CANARY", "track-key-CANARY", "app-key-CANARY", "write-key-CANARY"
TRACK = TrackPair(Sensitive(SITE), Sensitive(TRACK_KEY)).authorization()
APP = app_bearer(Sensitive(APP_KEY))
PIPELINES = pipelines_basic(Sensitive(WRITE_KEY))
ALL = Credentials(TRACK, APP, PIPELINES)


def config(url: str, region: str = "us", ca: str | None = None) -> Config:
    """Return a configuration whose upstreams are at one URL."""
    upstreams = {name: {"url": url, "ca": ca} for name in ("track", "app", "pipelines")}
    return Config.model_validate({"version": 1, "policy": PolicyDocument(version=1), "region": region, "upstreams": upstreams})


def simulated(**workspace: Any) -> Simulator:  # noqa: ANN401 - a workspace has values of several kinds
    """Return a simulator that knows the keys of these tests."""
    return Simulator(
        Workspace(**{"site_id": SITE, "api_key": TRACK_KEY, "app_key": APP_KEY, "write_key": WRITE_KEY, **workspace})
    )


async def found(
    simulator: Simulator, credentials: Credentials = ALL, region: str = "us", seconds: float = 10
) -> dict[str, Finding]:
    """Probe a simulator; return what was found, by subject. No finding shows a key."""
    async with serving(simulator, "127.0.0.1", 0, None) as address:
        findings = await probe(config(f"http://127.0.0.1:{address.port}", region), credentials, seconds)
    assert "CANARY" not in repr(findings)
    return {finding.subject: finding for finding in findings}


async def test_credentials_that_are_taken_are_well() -> None:
    """The pair with its workspace and region, the App key; a Pipelines key cannot be probed, and that is said."""
    findings = await found(simulated(region="eu", environment_id=77), region="eu")
    assert findings == {
        "upstreams.track": Finding(
            "upstreams.track", State.OK, f"accepted for workspace 77 in region eu (key id {TRACK.key_id})"
        ),
        "upstreams.app": Finding("upstreams.app", State.OK, f"accepted (key id {APP.key_id})"),
        "upstreams.pipelines": Finding(
            "upstreams.pipelines",
            State.SKIPPED,
            "a Pipelines key cannot be probed: Customer.io has no call that tells whether it is taken",
        ),
    }


async def test_two_reads_are_made_and_nothing_is_written() -> None:
    """Each with its own credential, and none that names a person."""
    simulator = simulated()
    await found(simulator)
    asked = {(entry.request.method, entry.request.target): dict(entry.request.headers) for entry in simulator.requests}
    assert set(asked) == {("GET", "/api/v1/accounts/region"), ("GET", "/v1/info/ip_addresses")}
    assert all(headers["User-Agent"].startswith("cio-sidecar/") for headers in asked.values())
    assert {headers["Authorization"].split()[0] for headers in asked.values()} == {"Basic", "Bearer"}


async def test_only_what_there_is_is_asked_about() -> None:
    """A sidecar may serve one API alone."""
    assert set(await found(simulated(), Credentials(app=APP))) == {"upstreams.app"}
    assert await found(simulated(), Credentials()) == {}


async def test_keys_that_are_not_taken_are_a_problem() -> None:
    """With what to look at; the key is told by its id."""
    findings = await found(simulated(api_key="another-key", app_key="another-key"))
    assert findings["upstreams.track"] == Finding(
        "upstreams.track",
        State.PROBLEM,
        f"Customer.io rejects it: check the site id and the API key, which go together (key id {TRACK.key_id})",
    )
    assert findings["upstreams.app"].detail.startswith("Customer.io rejects it: check the App API key")


async def test_a_workspace_in_another_region_is_a_problem() -> None:
    """Its people's data would go to the wrong continent."""
    finding = (await found(simulated(region="eu"), Credentials(track=TRACK)))["upstreams.track"]
    assert (finding.state, "set `region: eu`" in finding.detail) == (State.PROBLEM, True)


@pytest.mark.parametrize(
    ("fault", "said"),
    [
        ({"kind": "redirect"}, "answers with a redirect, as it does in the wrong region"),
        ({"kind": "status", "status": 500, "body": "CANARY"}, "answers 500"),
        ({"kind": "rate_limited"}, "answers 429"),
        ({"kind": "status", "status": 200, "body": "not JSON"}, "did not say in which region"),
        ({"kind": "status", "status": 200, "body": {"region": "CANARY"}}, "did not say in which region"),
        ({"kind": "large", "bytes": 300_000}, "did not say in which region"),
        ({"kind": "drop"}, "could not be reached"),
        ({"kind": "reset"}, "could not be reached"),
        ({"kind": "garbage", "text": "CANARY\r\n\r\n"}, "could not be reached"),
        ({"kind": "half_answer"}, "could not be reached"),
        ({"kind": "delay", "seconds": 30}, "did not answer in time"),
        ({"kind": "slow_body", "seconds_between": 1}, "did not answer in time"),
    ],
)
async def test_an_upstream_that_misbehaves_is_a_problem_in_time(fault: dict[str, Any], said: str) -> None:
    """Whatever it does, the probe ends, follows no redirect, and shows nothing of the answer."""
    simulator = simulated()
    simulator.script({"times": 2, "fault": fault})
    finding = (await found(simulator, Credentials(track=TRACK), seconds=0.5))["upstreams.track"]
    assert (finding.state, said in finding.detail) == (State.PROBLEM, True), finding.detail


async def test_nobody_there_is_a_problem(unused_tcp_port: int) -> None:
    """With the key to look at."""
    (finding,) = await probe(config(f"http://127.0.0.1:{unused_tcp_port}"), Credentials(app=APP))
    assert finding.state is State.PROBLEM
    assert finding.detail.startswith("could not be reached (ClientConnectorError); check upstreams.app.url")


async def test_the_certificate_is_verified(tmp_path: Path) -> None:
    """By the upstream's own CA where there is one; a server that is not trusted is told as that."""
    issued = issue(dt.datetime.now(dt.UTC))
    for name, content in (("ca.pem", issued.ca), ("server.pem", issued.server), ("server.key", issued.key)):
        (tmp_path / name).write_bytes(content)
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(tmp_path / "server.pem", tmp_path / "server.key")
    async with serving(simulated(), "127.0.0.1", 0, tls) as address:
        url = f"https://localhost:{address.port}"
        (trusted,) = await probe(config(url, ca=str(tmp_path / "ca.pem")), Credentials(app=APP))
        (stranger,) = await probe(config(url), Credentials(app=APP))
    assert trusted.state is State.OK
    assert stranger.state is State.PROBLEM
    assert stranger.detail.startswith("its certificate is not trusted; check upstreams.app.ca")


@pytest.mark.parametrize(
    ("upstream", "status", "body", "state"),
    [
        (Upstream.TRACK, 200, {"region": "us", "environment_id": 5}, State.OK),
        (Upstream.TRACK, 200, {"region": "us", "environment_id": "CANARY"}, State.OK),
        (Upstream.TRACK, 200, {"region": "us"}, State.OK),
        (Upstream.TRACK, 200, {"region": "eu"}, State.PROBLEM),
        (Upstream.TRACK, 200, {"region": None}, State.PROBLEM),
        (Upstream.TRACK, 200, [], State.PROBLEM),
        (Upstream.TRACK, 401, {}, State.PROBLEM),
        (Upstream.TRACK, 307, {}, State.PROBLEM),
        (Upstream.APP, 200, [], State.OK),
        (Upstream.APP, 401, {}, State.PROBLEM),
        (Upstream.APP, 403, {}, State.SKIPPED),
        (Upstream.APP, 404, {}, State.PROBLEM),
        (Upstream.APP, 503, {}, State.PROBLEM),
    ],
)
def test_an_answer_is_judged(upstream: Upstream, status: int, body: object, state: State) -> None:
    """A key that is known but may not read is not called wrong: it may be a key for sends alone."""
    judgement = judged(config("http://127.0.0.1:1"), PROBES[upstream], status, orjson.dumps(body))
    assert judgement[0] is state
    assert "CANARY" not in judgement[1]
