"""Where the real keys come from while the process runs: lost, found again, revoked, replaced; and none of them ever shows."""

import asyncio
import gzip
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import aiohttp
import orjson
import pytest

from proxy.errors import Reason
from proxy.simulator.model import Workspace
from tests.flows.conftest import Upstream
from tests.flows.test_answers import IDENTIFY, refusal
from tests.running import SECRETS, Sidecar, config, running

WAIT_SECONDS = 20
STORES = {"refresh_seconds": 1}
MESSAGE = {"transactional_message_id": 1, "to": "a@b.c", "identifiers": {"id": "5"}}
EVENT = {"userId": "5", "event": "seen"}


def kept(folder: Path, **keys: str) -> dict[str, str]:
    """Keep keys in files; return where they are."""
    for name, key in keys.items():
        (folder / name).write_text(key + "\n")
    return {name: f"file:{folder / name}" for name in keys}


def pair(folder: Path, api_key: str = SECRETS["TEST_API_KEY"]) -> dict[str, dict[str, str]]:
    """Keep a Track pair in files."""
    return {"track": kept(folder, site_id=SECRETS["TEST_SITE_ID"], api_key=api_key)}


async def until(holds: Callable[[], Any]) -> None:
    """Ask again and again until it is so."""
    async with asyncio.timeout(WAIT_SECONDS):
        while not await holds():  # noqa: ASYNC110 - a process does not tell
            await asyncio.sleep(0.05)


async def identified(client: aiohttp.ClientSession, sidecar: Sidecar) -> str:
    """Make a call; return the reason it was refused for, empty where it was not."""
    async with client.put(sidecar.url + IDENTIFY, json={"plan": "pro"}) as answer:
        return "" if answer.status == 200 else refusal(answer.status, answer.headers, await answer.read())


async def ready(client: aiohttp.ClientSession, sidecar: Sidecar) -> bool:
    """Ask whether traffic should come."""
    async with client.get(f"{sidecar.admin_url}/readyz") as answer:
        return answer.status == 200


async def metrics(client: aiohttp.ClientSession, sidecar: Sidecar) -> str:
    """Return the metrics."""
    async with client.get(f"{sidecar.admin_url}/metrics") as answer:
        return await answer.text()


async def test_a_file_that_is_not_there_yet_is_waited_for(
    upstream: Upstream, client: aiohttp.ClientSession, tmp_path: Path
) -> None:
    """The start is unready and the log says why; once the file comes, calls go out with what it holds."""
    document = config(upstream.url, credentials=pair(tmp_path), stores=STORES)
    (tmp_path / "api_key").rename(tmp_path / "hidden")
    async with running(tmp_path, document, until="outbound") as sidecar:
        assert not await ready(client, sidecar)
        assert await identified(client, sidecar) == Reason.CREDENTIALS_UNAVAILABLE

        async def told() -> bool:
            return any(line["event"] == "store_unavailable" for line in sidecar.log_lines())

        await until(told)
        (tmp_path / "hidden").rename(tmp_path / "api_key")
        await sidecar.heard("ready")
        assert await identified(client, sidecar) == ""
    first = next(line for line in sidecar.log_lines() if line["event"] == "store_unavailable")
    assert (first["credential"], first["problem"]) == ("track", f"there is no such file: {tmp_path}/api_key")


async def test_any_other_secret_whose_file_is_absent_is_waited_for_too(client: aiohttp.ClientSession, tmp_path: Path) -> None:
    """Nothing but the operator's port is open before: without the callers' keys nobody could be told apart."""
    callers = [{"name": "billing", "key": "file:billing_key"}]
    document = config("http://127.0.0.1:1", outbound={"port": 0, "callers": callers}, stores=STORES)
    async with running(tmp_path, document, until="admin") as sidecar:
        assert not await ready(client, sidecar)

        async def told() -> bool:
            return any(line["event"] == "secret_unavailable" for line in sidecar.log_lines())

        await until(told)
        assert "outbound" not in sidecar.ports
        (tmp_path / "billing_key").write_text("billing-0123456789")
        await sidecar.heard("ready")
        assert await identified(client, sidecar) == Reason.UNKNOWN_CALLER
    line = next(line for line in sidecar.log_lines() if line["event"] == "secret_unavailable")
    assert (line["path"], line["problem"]) == ("outbound.callers.0.key", f"there is no such file: {tmp_path}/billing_key")


async def test_a_variable_that_is_not_set_is_not_waited_for(tmp_path: Path) -> None:
    """An environment does not change, so the start ends with one line."""
    with pytest.raises(AssertionError, match=r"credentials.app.api_key: the environment variable is not set: NOWHERE;"):
        async with running(tmp_path, config("http://127.0.0.1:1", credentials={"app": {"api_key": "env:NOWHERE"}})):
            pass


async def test_a_key_that_grows_stale_is_not_used_and_comes_back(
    upstream: Upstream, client: aiohttp.ClientSession, tmp_path: Path
) -> None:
    """The last good one serves while the store is down, up to the bound; then 503; its return mends everything."""
    stores = STORES | {"max_staleness_seconds": 1.5}
    document = config(upstream.url, credentials=pair(tmp_path), stores=stores)
    async with running(tmp_path, document) as sidecar:
        (tmp_path / "api_key").rename(tmp_path / "hidden")
        assert await identified(client, sidecar) == ""

        async def unavailable() -> bool:
            return await identified(client, sidecar) == Reason.CREDENTIALS_UNAVAILABLE

        await until(unavailable)
        assert await ready(client, sidecar)
        (tmp_path / "hidden").rename(tmp_path / "api_key")

        async def available() -> bool:
            return await identified(client, sidecar) == ""

        await until(available)
        shown = await metrics(client, sidecar)
    assert 'cio_sidecar_credential_refresh_total{result="error",store="file"}' in shown
    assert 'cio_sidecar_credential_staleness_seconds{credential="track"}' in shown
    assert "cio_sidecar_credential_version_age_seconds{" not in shown
    failed = [line for line in sidecar.log_lines() if line["event"] == "store_unavailable"]
    assert {line["problem"] for line in failed} == {f"there is no such file: {tmp_path}/api_key"}
    everything = sidecar.log.decode() + shown
    assert not any(secret in everything for secret in SECRETS.values())


ANOTHER = "another-key-CANARY"


@pytest.mark.parametrize(
    ("name", "another", "path", "body"),
    [
        ("app", Workspace(app_key=ANOTHER), "/v1/send/email", MESSAGE),
        ("pipelines", Workspace(write_key=ANOTHER), "/v1/track", EVENT),
    ],
)
async def test_g7_every_credential_is_rotated(  # noqa: PLR0917 - two fixtures, a folder, and the case
    upstream: Upstream,
    client: aiohttp.ClientSession,
    tmp_path: Path,
    name: str,
    another: Workspace,
    path: str,
    body: Any,  # noqa: ANN401 - JSON
) -> None:
    """Revoked before the store has the next: a send waits for it and leaves once; a Pipelines call is not swallowed."""
    (key, old) = {"app": ("api_key", SECRETS["TEST_APP_KEY"]), "pipelines": ("write_key", SECRETS["TEST_WRITE_KEY"])}[name]
    document = config(upstream.url, credentials={name: kept(tmp_path, **{key: old})}, stores=STORES)
    async with running(tmp_path, document) as sidecar:
        upstream.simulator.workspaces = (another,)
        call = asyncio.get_running_loop().create_task(client.post(sidecar.url + path, json=body).__aenter__())
        async with asyncio.timeout(WAIT_SECONDS):
            await upstream.simulator.until(lambda entries: any(entry.status == 401 for entry in entries))
        kept(tmp_path, **{key: ANOTHER})
        answer = await call
        assert answer.status == 200
        answer.release()
        shown = await metrics(client, sidecar)
    taken = [entry for entry in upstream.simulator.requests if entry.status == 200 and entry.request.target == path]
    assert [entry.json for entry in taken] == [body]
    assert f'cio_sidecar_credential_requests_total{{credential="{name}",key_id=' in shown
    assert "CANARY" not in shown + sidecar.log.decode()


async def test_a_second_live_pair_is_fallen_back_on_at_once(
    upstream: Upstream, client: aiohttp.ClientSession, tmp_path: Path
) -> None:
    """Nobody waits: the call that was rejected is answered with the other pair, and so is every later one."""
    second = Workspace(site_id="second-site-CANARY", api_key="second-key-CANARY")
    upstream.simulator.workspaces = (*upstream.simulator.workspaces, second)
    folder = tmp_path / "next"
    folder.mkdir()
    both = pair(tmp_path) | {"track_next": kept(folder, site_id=second.site_id, api_key=second.api_key)}
    # An hour between reads: what happens now is not because of one.
    async with running(tmp_path, config(upstream.url, credentials=both, stores={"refresh_seconds": 3600})) as sidecar:
        async with asyncio.timeout(WAIT_SECONDS):
            await upstream.simulator.until(
                lambda entries: len([1 for entry in entries if entry.status]) == 2
            )  # both were tried
        upstream.simulator.clear()
        upstream.simulator.workspaces = (second,)
        assert [await identified(client, sidecar) for _ in range(3)] == ["", "", ""]
        shown = await metrics(client, sidecar)
    assert [entry.status for entry in upstream.simulator.requests if entry.endpoint == "track.v1.identify"] == [
        401,
        200,
        200,
        200,
    ]
    assert 'cio_sidecar_retries_total{reason="rejected_key"} 1.0' in shown


async def test_when_nothing_newer_comes_calls_are_told_so(
    upstream: Upstream, client: aiohttp.ClientSession, tmp_path: Path
) -> None:
    """503 `credentials_rejected` once the grace is over, and at once after that, until Customer.io takes the key again."""
    credentials = {**pair(tmp_path), "rotation_grace_seconds": 0.5}
    async with running(tmp_path, config(upstream.url, credentials=credentials, stores=STORES)) as sidecar:
        (good,) = upstream.simulator.workspaces
        upstream.simulator.workspaces = (Workspace(api_key="none"),)
        answers = await asyncio.gather(*(identified(client, sidecar) for _ in range(20)))
        assert set(answers) == {Reason.CREDENTIALS_REJECTED}
        assert await identified(client, sidecar) == Reason.CREDENTIALS_REJECTED
        upstream.simulator.workspaces = (good,)
        assert await identified(client, sidecar) == ""
    assert {line.get("reason") for line in sidecar.log_lines()} == {None, Reason.CREDENTIALS_REJECTED}


async def test_a_storm_of_rejections_is_one_read_of_the_store(
    upstream: Upstream, client: aiohttp.ClientSession, tmp_path: Path
) -> None:
    """A hundred calls come back rejected; the store is read again ten times a second at most, whatever they are."""
    credentials = {**pair(tmp_path), "rotation_grace_seconds": 0.5}
    async with running(tmp_path, config(upstream.url, credentials=credentials, stores={"refresh_seconds": 3600})) as sidecar:
        upstream.simulator.workspaces = (Workspace(api_key="none"),)
        await asyncio.gather(*(identified(client, sidecar) for _ in range(100)))
        shown = await metrics(client, sidecar)
    line = next(line for line in shown.splitlines() if line.startswith('cio_sidecar_credential_refresh_total{result="ok"'))
    assert float(line.split()[-1]) <= 10


async def test_g4_the_callers_key_in_a_body_says_who_calls_and_stays_here(
    upstream: Upstream, client: aiohttp.ClientSession, tmp_path: Path
) -> None:
    """As Segment's clients send it, without the header or beside it, whole, chunked or coded; a stranger learns nothing."""
    keys = {"BILLING_KEY": "billing-key-0123456789", "MAIL_KEY": "mail-key-9876543210"}
    document = config(upstream.url)
    document["outbound"]["callers"] = [
        {"name": "billing", "key": "env:BILLING_KEY"}, {"name": "mail", "key": "env:MAIL_KEY"},
    ]  # fmt: skip
    billing, mail = keys.values()
    item = {"type": "track", "userId": "5", "event": "seen", "messageId": "1", "properties": {"copy": mail}}
    batch = {"writeKey": billing, "batch": [item | {"writeKey": billing, "context": {"writeKey": billing}}]}

    async def pieces() -> AsyncIterator[bytes]:
        for start in range(0, len(text), 7):
            yield text[start : start + 7]

    text = orjson.dumps(batch)
    async with running(tmp_path, document, SECRETS | keys) as sidecar:
        url = f"{sidecar.url}/v1/batch"
        sent: list[tuple[Any, dict[str, str]]] = [
            (text, {}),
            (pieces(), {}),
            (gzip.compress(text), {"Content-Encoding": "gzip"}),
            (text, {"Authorization": f"Bearer {billing}"}),
            (text.replace(b"writeKey", b"write\\u004bey"), {}),
        ]
        for data, headers in sent:
            upstream.simulator.clear()
            async with client.post(url, data=data, headers={"Content-Type": "application/json"} | headers) as answer:
                assert answer.headers["X-CIO-Sidecar"] == "forwarded"
            (arrived,) = upstream.simulator.requests
            body: Any = arrived.json
            assert "writeKey" not in str(body)
            assert billing not in str(arrived.request)
            assert mail not in str(arrived.request)
            assert body["batch"][0]["properties"] == {"copy": "[REDACTED]"}
        upstream.simulator.clear()
        refusals: list[tuple[str, bytes, dict[str, str]]] = [
            ("/v1/batch", text.replace(billing.encode(), b"nobody"), {}),
            ("/v1/batch", b"{", {}),
            ("/v1/batch", b"", {}),
            ("/v1/batch", text, {"Authorization": "Bearer nobody"}),
            ("/v1/batch", text, {"Authorization": f"Bearer {mail}"}),
            ("/api/v1/customers/5/events", text, {}),
            ("/nowhere", text, {}),
        ]
        for path, body, headers in refusals:
            content = {"Content-Type": "application/json"} | headers
            async with client.post(sidecar.url + path, data=body, headers=content) as answer:
                assert refusal(answer.status, answer.headers, await answer.read()) == Reason.UNKNOWN_CALLER
        assert not upstream.simulator.requests
    assert not any(key.encode() in bytes(sidecar.log) for key in keys.values())
