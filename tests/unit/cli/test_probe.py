"""Asking Customer.io about the credentials."""

import datetime as dt
import ssl
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import orjson
import pytest

from proxy.api.model import Credential
from proxy.cli.certificates import issue
from proxy.cli.findings import Finding, State
from proxy.cli.probe import SKEW_MAX_SECONDS, Asked, judge, judged, probe, skew
from proxy.clock import Clock, SystemClock
from proxy.config.model import Config
from proxy.credentials.model import Authorization, Kind, TrackPair, Version, app_bearer, pipelines_basic
from proxy.credentials.probe import Answered
from proxy.credentials.slots import slots
from proxy.policy.model import PolicyDocument
from proxy.sensitive import Sensitive
from proxy.simulator.model import Workspace
from proxy.simulator.server import Simulator, serving
from tests.fakes import FakeClock

SITE, TRACK_KEY, APP_KEY, WRITE_KEY = "site-CANARY", "track-key-CANARY", "app-key-CANARY", "write-key-CANARY"
TRACK = TrackPair(Sensitive(SITE), Sensitive(TRACK_KEY)).authorization()
APP = app_bearer(Sensitive(APP_KEY))
PIPELINES = pipelines_basic(Sensitive(WRITE_KEY))
ALL = {"track": TRACK, "app": APP, "pipelines": PIPELINES}
PAIR = {"site_id": "env:SITE", "api_key": "env:KEY"}


def config(url: str, region: str = "us", ca: str | None = None, workspace: int | str = "same") -> Config:
    """Return a configuration whose upstreams are at one URL."""
    upstreams = {name: {"url": url, "ca": ca} for name in ("track", "app", "pipelines")}
    credentials = {
        "track": PAIR,
        "track_next": PAIR,
        "app": {"api_key": "env:APP"},
        "pipelines": {"write_key": "env:WRITE"},
        "workspace": workspace,
    }
    return Config.model_validate(
        {
            "version": 1,
            "policy": PolicyDocument(version=1),
            "region": region,
            "upstreams": upstreams,
            "credentials": credentials,
        }
    )


def versions(credentials: Mapping[str, Authorization]) -> dict[str, Version]:
    """Return a version for each slot."""
    return {slot: Version(authorization, Kind.ENV) for slot, authorization in credentials.items()}


def simulated(**workspace: Any) -> Simulator:  # noqa: ANN401 - a workspace has values of several kinds
    """Return a simulator that knows the keys of these tests."""
    return Simulator(
        Workspace(**{"site_id": SITE, "api_key": TRACK_KEY, "app_key": APP_KEY, "write_key": WRITE_KEY, **workspace})
    )


async def probed(
    simulator: Simulator,
    credentials: Mapping[str, Authorization] = ALL,
    *,
    region: str = "us",
    seconds: float = 10,
    clock: Clock | None = None,
) -> list[Finding]:
    """Probe a simulator; return what was found. No finding shows a key."""
    async with serving(simulator, "127.0.0.1", 0, None) as address:
        wanted = config(f"http://127.0.0.1:{address.port}", region)
        findings = await probe(wanted, versions(credentials), clock or SystemClock(), seconds)
    assert "CANARY" not in repr(findings)
    return findings


def by_subject(findings: list[Finding]) -> dict[str, Finding]:
    """Return the findings by what they are about, which each is alone."""
    subjects = [finding.subject for finding in findings]
    assert len(set(subjects)) == len(subjects)
    return dict(zip(subjects, findings, strict=True))


async def test_credentials_that_are_taken_are_well() -> None:
    """The pair with its workspace and region, the App key; a Pipelines key cannot be probed, and that is said."""
    findings = await probed(simulated(region="eu", environment_id=77), region="eu")
    plain = "reached without TLS, on this machine"
    unprobed = "a Pipelines key cannot be probed: Customer.io has no call that tells whether it is taken"
    assert findings == [
        Finding("upstreams.track", State.OK, plain),
        Finding("upstreams.app", State.OK, plain),
        Finding("upstreams.pipelines", State.OK, plain),
        Finding("credentials.track", State.OK, f"accepted for workspace 77 in region eu (key id {TRACK.key_id})"),
        Finding("credentials.app", State.OK, f"accepted (key id {APP.key_id})"),
        Finding("credentials.pipelines", State.SKIPPED, unprobed),
        Finding("clock", State.OK, "agrees with Customer.io's"),
    ]


async def test_two_reads_are_made_and_nothing_is_written() -> None:
    """Each with its own credential, and none that names a person."""
    simulator = simulated()
    await probed(simulator)
    asked = {(entry.request.method, entry.request.target): dict(entry.request.headers) for entry in simulator.requests}
    assert set(asked) == {("GET", "/api/v1/accounts/region"), ("GET", "/v1/info/ip_addresses")}
    assert all(headers["User-Agent"].startswith("cio-sidecar/") for headers in asked.values())
    assert {headers["Authorization"].split()[0] for headers in asked.values()} == {"Basic", "Bearer"}


async def test_only_what_there_is_is_asked_about() -> None:
    """A sidecar may serve one API alone."""
    assert set(by_subject(await probed(simulated(), {"app": APP}))) == {"upstreams.app", "credentials.app", "clock"}
    assert await probed(simulated(), {}) == []


async def test_keys_that_are_not_taken_are_a_problem() -> None:
    """With what to look at; the key is told by its id."""
    findings = by_subject(await probed(simulated(api_key="another-key", app_key="another-key")))
    assert findings["credentials.track"] == Finding(
        "credentials.track",
        State.PROBLEM,
        f"Customer.io rejects it: check the site id and the API key, which go together (key id {TRACK.key_id})",
    )
    assert findings["credentials.app"].detail.startswith("Customer.io rejects it: check the App API key")


async def test_a_workspace_in_another_region_is_a_problem() -> None:
    """Its people's data would go to the wrong continent."""
    finding = by_subject(await probed(simulated(region="eu"), {"track": TRACK}))["credentials.track"]
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
    findings = await probed(simulator, {"track": TRACK}, seconds=0.5)
    (problem,) = (finding for finding in findings if finding.state is State.PROBLEM)
    assert said in problem.detail


async def test_two_pairs_are_asked_about_each_by_its_slot() -> None:
    """The second live pair is told as what it is; what is wrong with their upstream is told once."""
    second = TrackPair(Sensitive(SITE), Sensitive("next-key-CANARY")).authorization()
    findings = by_subject(await probed(simulated(), {"track": TRACK, "track_next": second}))
    assert findings["credentials.track"].state is State.OK
    assert findings["credentials.track_next"].state is State.PROBLEM
    assert f"(key id {second.key_id})" in findings["credentials.track_next"].detail
    simulator = simulated()
    simulator.script({"times": 10, "fault": {"kind": "drop"}})
    unreached = await probed(simulator, {"track": TRACK, "track_next": second})
    assert [(finding.subject, finding.state) for finding in unreached] == [
        ("upstreams.track", State.OK),
        ("upstreams.track", State.PROBLEM),
    ]


ELSEWHERE = "the sidecar would not use it"


@pytest.mark.parametrize(
    ("workspace", "first", "second", "said"),
    [
        ("same", 77, 77, ("", "")),
        ("same", 77, 78, ("", "it belongs to workspace 78, and track to 77")),
        ("same", 77, None, ("", "Customer.io names no workspace for it, and track to 77")),
        ("same", None, 78, ("", "")),
        ("any", 77, 78, ("", "")),
        (77, 77, 78, ("", "it belongs to workspace 78, and credentials.workspace says 77")),
        (78, 77, 78, ("it belongs to workspace 77, and credentials.workspace says 78", "")),
        (77, None, 77, ("Customer.io names no workspace for it, and credentials.workspace says 77", "")),
    ],
)
def test_pairs_must_belong_to_the_workspace_that_is_wanted(
    workspace: int | str, first: int | None, second: int | None, said: tuple[str, str]
) -> None:
    """Else the sidecar refuses them when it rotates: a key of another workspace would send people's data there."""
    wanted = config("http://127.0.0.1:1", workspace=workspace)
    pairs = {"track": TRACK, "track_next": TRACK}
    answers = [
        answered(slot, orjson.dumps({"region": "us", "environment_id": number}))
        for slot, number in (("track", first), ("track_next", second))
    ]
    for finding, text in zip(judge(wanted, answers, versions(pairs)), said, strict=True):
        assert (finding.state, text in finding.detail) == (State.PROBLEM if text else State.OK, True)
        assert (ELSEWHERE in finding.detail) is bool(text)


def answered(slot: str, body: bytes = b"", *, date: float | None = None, before: float = 0, after: float = 0) -> Asked:
    """Return what Customer.io answered about a slot."""
    (asked,) = (each for each in slots(config("http://127.0.0.1:1")) if each.name == slot)
    return Asked(asked, Answered(200, body, date), before, after)


NOW = 1_000_000.0


@pytest.mark.parametrize(
    ("date", "state", "said"),
    [
        (NOW, State.OK, "agrees"),
        (NOW - SKEW_MAX_SECONDS - 1, State.OK, "agrees"),
        (NOW - SKEW_MAX_SECONDS - 2, State.WARNING, "6 seconds ahead of Customer.io's"),
        (NOW + 2 + SKEW_MAX_SECONDS, State.OK, "agrees"),
        (NOW + 2 + SKEW_MAX_SECONDS + 1, State.WARNING, "6 seconds behind Customer.io's"),
        (NOW - 3601, State.WARNING, "3600 seconds ahead of"),
    ],
)
def test_a_clock_that_is_off_is_told_with_its_side(date: float, state: State, said: str) -> None:
    """By what is certain: a date is a whole second rounded down, and an answer takes time (here two seconds)."""
    (finding,) = skew([answered("track", date=date, before=NOW, after=NOW + 2)])
    assert (finding.subject, finding.state, said in finding.detail) == ("clock", state, True), finding.detail


def test_the_answer_that_shows_most_decides() -> None:
    """And where no answer has a date nothing is said."""
    answers = [answered("track", date=NOW - 30, before=NOW, after=NOW), answered("app", date=NOW, before=NOW, after=NOW)]
    (finding,) = skew(answers)
    assert finding.state is State.WARNING
    assert list(skew([answered("track")])) == []


async def test_the_real_date_of_an_answer_is_compared() -> None:
    """With a clock that stands in 1970, which is behind."""
    finding = by_subject(await probed(simulated(), {"app": APP}, clock=FakeClock()))["clock"]
    assert finding.state is State.WARNING
    assert "seconds behind Customer.io's: set it" in finding.detail


async def test_nobody_there_is_a_problem(unused_tcp_port: int) -> None:
    """With the key to look at."""
    (finding,) = await probe(config(f"http://127.0.0.1:{unused_tcp_port}"), versions({"app": APP}), SystemClock())
    assert finding.state is State.PROBLEM
    assert finding.detail.startswith("could not be reached (ConnectionRefusedError); check upstreams.app.url")


async def test_the_certificate_is_verified(tmp_path: Path) -> None:
    """By the upstream's own CA where there is one; a server that is not trusted is told as that."""
    issued = issue(dt.datetime.now(dt.UTC))
    for name, content in (("ca.pem", issued.ca), ("server.pem", issued.server), ("server.key", issued.key)):
        (tmp_path / name).write_bytes(content)
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(tmp_path / "server.pem", tmp_path / "server.key")
    async with serving(simulated(), "127.0.0.1", 0, tls) as address:
        url = f"https://localhost:{address.port}"
        trusting = config(url, ca=str(tmp_path / "ca.pem"))
        trusted, accepted, _ = await probe(trusting, versions({"app": APP}), SystemClock())
        (stranger,) = await probe(config(url), versions({"app": APP}), SystemClock())
    assert (trusted.state, accepted.state) == (State.OK, State.OK)
    assert trusted.detail.startswith("reached over TLSv1.3; its certificate is trusted, and good until 20")
    assert (stranger.subject, stranger.state) == ("upstreams.app", State.PROBLEM)
    assert stranger.detail.startswith("its certificate is not trusted; check upstreams.app.ca")


@pytest.mark.parametrize(
    ("credential", "status", "body", "state"),
    [
        (Credential.TRACK, 200, {"region": "us", "environment_id": 5}, State.OK),
        (Credential.TRACK, 200, {"region": "us", "environment_id": "CANARY"}, State.OK),
        (Credential.TRACK, 200, {"region": "us"}, State.OK),
        (Credential.TRACK, 200, {"region": "eu"}, State.PROBLEM),
        (Credential.TRACK, 200, {"region": None}, State.PROBLEM),
        (Credential.TRACK, 200, [], State.PROBLEM),
        (Credential.TRACK, 401, {}, State.PROBLEM),
        (Credential.TRACK, 307, {}, State.PROBLEM),
        (Credential.APP, 200, [], State.OK),
        (Credential.APP, 401, {}, State.PROBLEM),
        (Credential.APP, 403, {}, State.SKIPPED),
        (Credential.APP, 404, {}, State.PROBLEM),
        (Credential.APP, 503, {}, State.PROBLEM),
    ],
)
def test_an_answer_is_judged(credential: Credential, status: int, body: object, state: State) -> None:
    """A key that is known but may not read is not called wrong: it may be a key for sends alone."""
    judgement = judged(config("http://127.0.0.1:1"), credential, Answered(status, orjson.dumps(body), None))
    assert judgement[0] is state
    assert "CANARY" not in judgement[1]
