"""The process as its operator sees it: listeners, health, metrics, logs, drain, reload of nothing by accident."""

import asyncio
import os
import re
import signal
import ssl
import subprocess
import sys
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from prometheus_client.parser import text_string_to_metric_families

import proxy
from tests.flows.conftest import Upstream
from tests.flows.test_answers import HEADERS, IDENTIFY
from tests.needs import path_of
from tests.running import config, raw, running

HEAD = b"PUT /api/v1/customers/5 HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
GOOD = HEAD + b"Content-Length: 2\r\n\r\n{}"


async def metrics(client: aiohttp.ClientSession, admin_url: str) -> dict[tuple[str, ...], float]:
    """Return every sample by its name and label values."""
    async with client.get(admin_url + "/metrics") as answer:
        text = await answer.text()
    return {
        (sample.name, *sample.labels.values()): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


async def test_both_listeners_at_once(upstream: Upstream, client: aiohttp.ClientSession, tmp_path: Path) -> None:
    """Plain and TLS accept at the same time; the certificate of `tls init` is verified by name, and another CA refuses it."""
    subprocess.run([sys.executable, "-m", "proxy", "tls", "init", str(tmp_path / "tls")], check=True, stdout=subprocess.DEVNULL)  # noqa: ASYNC221
    document = config(upstream.url)
    document["outbound"]["tls"] = {"port": 0, "certificate": "tls/server.pem", "key": "tls/server.key"}
    async with running(tmp_path, document) as sidecar:
        trusting = ssl.create_default_context(cafile=str(tmp_path / "tls" / "ca.pem"))
        url = f"https://localhost:{sidecar.ports['outbound_tls']}{IDENTIFY}"
        for target, context in ((sidecar.url + IDENTIFY, None), (url, trusting)):
            async with client.put(target, json={}, ssl=context or True) as answer:
                assert answer.status == 200
        with pytest.raises(aiohttp.ClientConnectorCertificateError):
            await client.put(url, json={})
        # A plain request to the TLS port gets no HTTP, and the process lives.
        assert b"HTTP" not in await raw(sidecar.ports["outbound_tls"], GOOD)
        async with client.put(url, json={}, ssl=trusting) as answer:
            assert answer.status == 200


async def test_health_and_metrics(client: aiohttp.ClientSession, tmp_path: Path) -> None:
    """Health needs no token and no upstream; metrics carry the names that dashboards are written against."""
    async with running(tmp_path, config("http://127.0.0.1:1")) as sidecar:
        for path in ("/healthz", "/readyz"):
            async with client.get(sidecar.admin_url + path) as answer:
                assert (answer.status, answer.content_type) == (200, "application/json")
        for path, status in (("/", 404), ("/v1/erasures", 404), ("/metrics/x", 404)):
            async with client.get(sidecar.admin_url + path) as answer:
                assert (answer.status, answer.content_type) == (status, "application/json")
        async with client.put(sidecar.url + IDENTIFY, json={"ssn": "1", "phone": "2"}) as answer:
            assert answer.status == 502
        samples = await metrics(client, sidecar.admin_url)
    names = {name for name, *_ in samples}
    prefix = "cio_sidecar_"
    assert {name for name in names if name.startswith(prefix)} >= {
        prefix + name
        for name in (
            "requests_total", "refusals_total", "request_duration_seconds_bucket", "inflight", "loop_lag_seconds",
            "pii_actions_total", "ratelimit_total", "config_last_reload_successful", "build_info",
        )
    }  # fmt: skip
    assert samples[prefix + "refusals_total", "upstream_unreachable"] == 1
    assert samples[prefix + "pii_actions_total", "strip", "enforce", "never-send"] == 1
    assert samples[prefix + "config_last_reload_successful",] == 1
    # `make test COMPILED=1` tests what it means to.
    assert samples[prefix + "build_info", "true" if os.environ.get("COMPILED") else "false", proxy.__version__] == 1


@pytest.mark.needs("promtool")
async def test_promtool_accepts_the_metrics(upstream: Upstream, client: aiohttp.ClientSession, tmp_path: Path) -> None:
    """The exposition passes Prometheus' own linter after traffic of every outcome."""
    async with running(tmp_path, config(upstream.url)) as sidecar:
        await client.put(sidecar.url + IDENTIFY, json={"ssn": "1"})
        await client.put(sidecar.url + "/nowhere", json={})
        async with client.get(sidecar.admin_url + "/metrics") as answer:
            text = await answer.read()
    checked = subprocess.run([path_of("promtool"), "check", "metrics"], input=text, capture_output=True, check=False)  # noqa: ASYNC221
    assert checked.returncode == 0, checked.stderr.decode() + checked.stdout.decode()


async def test_g2_labels_and_logs_hold_nothing_of_a_request(
    upstream: Upstream, client: aiohttp.ClientSession, tmp_path: Path
) -> None:
    """Personal data in every place of good and bad requests: in no metric, no log line, no answer."""
    canary = "canary-jo-4711"
    async with running(tmp_path, config(upstream.url)) as sidecar:
        answers = b""
        for path in (f"/api/v1/customers/{canary}", f"/{canary}", f"/api/v1/customers/5?{canary}={canary}", f"/v1/{canary}/x"):
            for body in (f'{{"{canary}":"{canary}"}}', f'{{"{canary}', f'{{"ssn":"{canary}"}}'):
                headers = {"X-Request-Id": canary, "User-Agent": canary, canary: canary, "Authorization": f"Bearer {canary}"}
                async with client.put(
                    sidecar.url + path, data=body, headers=headers | {"Content-Type": "application/json"}
                ) as answer:
                    answers += await answer.read() + str(answer.headers).encode()
        for request in (canary, f"PUT /{canary} HTTP/9.9\r\n\r\n", f"PUT /x HTTP/1.1\r\n{canary}\r\n\r\n"):
            answers += await raw(sidecar.ports["outbound"], request.encode() + b"\r\n\r\n")
        async with client.get(sidecar.admin_url + f"/{canary}") as answer:
            answers += await answer.read()
        async with client.get(sidecar.admin_url + "/metrics") as answer:
            answers += await answer.read()
    assert canary.encode() not in answers
    assert canary.encode() not in bytes(sidecar.log)
    assert len([line for line in sidecar.log_lines() if line["event"] == "refused"]) >= 9


async def test_a_rate_limit_waits_then_refuses(upstream: Upstream, client: aiohttp.ClientSession, tmp_path: Path) -> None:
    """Within the burst calls pass, a few wait their turn, the rest is told 429 at once; counted by bucket and result."""
    document = config(upstream.url, limits={"wait_seconds": 0.25, "buckets": {"track": {"rate_per_second": 10, "burst": 2}}})
    async with running(tmp_path, document) as sidecar:

        async def call() -> int:
            async with client.put(sidecar.url + IDENTIFY, json={}) as answer:
                return answer.status

        statuses = sorted(await asyncio.gather(*(call() for _ in range(12))))
        samples = await metrics(client, sidecar.admin_url)
        async with client.get(sidecar.url + "/v1/segments") as answer:
            assert answer.status == 200  # another bucket
    result = {key[2]: value for key, value in samples.items() if key[0] == "cio_sidecar_ratelimit_total" and key[1] == "track"}
    assert result["admitted"] + result["waited"] == statuses.count(200)
    assert result["refused"] == statuses.count(429) == 12 - statuses.count(200)
    assert result["admitted"] >= 2
    assert result["waited"] >= 1
    assert result["refused"] >= 5


async def test_large_answers_stream_whole(upstream: Upstream, client: aiohttp.ClientSession, tmp_path: Path) -> None:
    """Sixteen mebibytes, by length and chunked, arrive byte for byte, several at once."""
    size = 16 * 1024 * 1024
    async with running(tmp_path, config(upstream.url)) as sidecar:
        for framing in ("length", "chunked"):
            upstream.simulator.script({"times": 4, "fault": {"kind": "large", "bytes": size, "framing": framing}})

        async def call() -> tuple[int, int]:
            async with client.get(sidecar.url + "/v1/segments") as answer:
                return answer.status, len(await answer.read())

        assert await asyncio.gather(*(call() for _ in range(8))) == [(200, size)] * 8


async def test_no_application_sees_the_answer_of_another(
    upstream: Upstream, client: aiohttp.ClientSession, tmp_path: Path
) -> None:
    """Hundreds of calls at once over reused connections, with connections breaking among them: each gets its own answer."""
    document = config(upstream.url, limits={"buckets": {"app": {"rate_per_second": 100000, "burst": 1000}}})
    async with running(tmp_path, document) as sidecar:
        for kind in ("close_after", "extra_bytes", "drop", "half_answer", "no_length"):
            upstream.simulator.script({"times": 10, "match": {"path_prefix": "/v1/segments"}, "fault": {"kind": kind}})

        async def call(number: int) -> None:
            path = "/v1/segments" if number % 5 == 0 else f"/v1/customers?email=person{number}%40example.com"
            async with client.get(sidecar.url + path) as answer:
                text = await answer.text()
                if answer.status == 200 and "email=" in path:
                    assert re.search(r'"results"', text), text

        results = await asyncio.gather(*(call(number) for number in range(400)), return_exceptions=True)
        assert not [result for result in results if isinstance(result, AssertionError)]


async def drained(upstream: Upstream, tmp_path: Path, drain: dict[str, Any], fault: dict[str, Any]) -> tuple[bytes, bytes, int]:
    """End a sidecar while a call is on its way; return that call's answer, that of a call made meanwhile, and the exit code."""
    document = config(upstream.url)
    document["outbound"]["drain"] = drain
    async with running(tmp_path, document) as sidecar:
        upstream.simulator.script({"fault": fault})
        reader, writer = await asyncio.open_connection("127.0.0.1", sidecar.ports["outbound"])
        idle_reader, idle_writer = await asyncio.open_connection("127.0.0.1", sidecar.ports["outbound"])
        writer.write(GOOD)
        await upstream.simulator.until(lambda requests: len(requests) == 1)
        sidecar.process.send_signal(signal.SIGTERM)
        idle_writer.write(GOOD if drain.get("accept_seconds") else b"")
        first, second = await asyncio.gather(reader.read(), idle_reader.read())
        code = await sidecar.process.wait()
        writer.close()
        idle_writer.close()
    return first, second, code


async def test_drain_finishes_what_is_on_its_way(upstream: Upstream, tmp_path: Path) -> None:
    """After SIGTERM an accepted call is answered in full and its connection closed; idle connections are closed at once."""
    first, second, code = await drained(upstream, tmp_path, {"finish_seconds": 10}, {"kind": "delay", "seconds": 0.5})
    assert first.startswith(b"HTTP/1.1 200 OK")
    assert b"Connection: close" in first
    assert first.endswith(b"{}")
    assert (second, code) == (b"", 0)


async def test_drain_goes_on_accepting_for_a_while(upstream: Upstream, tmp_path: Path) -> None:
    """An application that ends after the signal can still make its last calls."""
    first, second, code = await drained(
        upstream, tmp_path, {"accept_seconds": 1, "finish_seconds": 5}, {"kind": "delay", "seconds": 0.2}
    )
    assert first.startswith(b"HTTP/1.1 200 OK")
    assert second.startswith(b"HTTP/1.1 200 OK")
    assert code == 0


async def test_drain_is_bounded(upstream: Upstream, tmp_path: Path) -> None:
    """What does not finish in time is told so, and the process ends well."""
    first, _, code = await drained(upstream, tmp_path, {"finish_seconds": 0.3}, {"kind": "delay", "seconds": 4})
    assert b"reason=shutting_down" in first
    assert b"Retry-After: 1" in first
    assert code == 0


async def test_a_second_signal_ends_it_at_once(upstream: Upstream, tmp_path: Path) -> None:
    """Whoever presses Ctrl-C twice means it."""
    document = config(upstream.url)
    document["outbound"]["drain"] = {"accept_seconds": 60}
    async with running(tmp_path, document) as sidecar:
        sidecar.process.send_signal(signal.SIGINT)
        async with aiohttp.ClientSession() as session:
            while True:
                async with session.get(sidecar.admin_url + "/readyz") as answer:
                    if answer.status == 503:
                        break
        sidecar.process.send_signal(signal.SIGINT)
        async with asyncio.timeout(5):
            assert await sidecar.process.wait() == 0


async def test_unknown_endpoints_can_be_inspected(upstream: Upstream, client: aiohttp.ClientSession, tmp_path: Path) -> None:
    """With `inspect` a call the table does not know is sent on, through decode and every rule, its query too."""
    document = config(upstream.url)
    document["outbound"]["unknown_endpoints"] = "inspect"
    async with running(tmp_path, document) as sidecar:
        url = sidecar.url + "/api/v1/brand/new%20thing?ssn=1&plan=a%20b&plan=c&phone=%2B1-555-0123"
        async with client.post(url, json={"ssn": 1, "phone": "+1-555-0123"}, headers=HEADERS) as answer:
            assert answer.headers["X-CIO-Sidecar"] == "forwarded"
    (arrived,) = upstream.simulator.requests
    assert arrived.request.target == "/api/v1/brand/new%20thing?plan=a%20b&plan=c&phone_hash=100978d4e704e8c8"
    assert arrived.json == {"phone_hash": "100978d4e704e8c8"}


@pytest.mark.skipif(sys.platform != "linux", reason="Linux has /proc")
async def test_what_serves_leaves_no_core_dump(tmp_path: Path) -> None:
    """Real keys are in its memory; what else the function asks of the system is in `unit/test_process.py`."""
    async with running(tmp_path, config("http://127.0.0.1:1")) as sidecar:
        limits = Path(f"/proc/{sidecar.process.pid}/limits").read_text()  # noqa: ASYNC240  # no disk is read
    (core,) = [line.split() for line in limits.splitlines() if line.startswith("Max core file size")]
    assert core[4:6] == ["0", "0"]


async def test_a_web_page_cannot_use_the_real_key(upstream: Upstream, tmp_path: Path) -> None:
    """A cross-site POST, a page of a rebound name, on every listener and also on a connection that was good before."""
    subprocess.run([sys.executable, "-m", "proxy", "tls", "init", str(tmp_path / "tls")], check=True, stdout=subprocess.DEVNULL)  # noqa: ASYNC221
    document = config(upstream.url)
    document["outbound"] |= {
        "tls": {"port": 0, "certificate": "tls/server.pem", "key": "tls/server.key"}, "hosts": ["sidecar.example.com"],
    }  # fmt: skip
    trusting = ssl.create_default_context(cafile=str(tmp_path / "tls" / "ca.pem"))
    call = b"POST /api/v1/customers/5/unsuppress HTTP/1.1\r\n%bConnection: close\r\n\r\n"
    good = b"POST /api/v1/customers/5/unsuppress HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n"
    cases = (
        (b"Host: 127.0.0.1\r\nOrigin: https://evil.example\r\n", b"403", "browser_request"),
        (b"Host: 127.0.0.1\r\nOrigin: null\r\nContent-Length: 0\r\n", b"403", "browser_request"),
        (b"Host: 127.0.0.1\r\nsec-fetch-site: cross-site\r\n", b"403", "browser_request"),
        (b"Host: evil.example:8080\r\n", b"421", "unknown_host"),
        (b"Host: 127.0.0.1.nip.io\r\nSec-Fetch-Site: none\r\n", b"421", "unknown_host"),
    )
    async with running(tmp_path, document) as sidecar:
        listeners = ((sidecar.ports["outbound"], None), (sidecar.ports["outbound_tls"], trusting))
        for port, tls in listeners:
            for fields, status, code in cases:
                told = await raw(port, call % fields, tls=tls)
                assert told.startswith(b"HTTP/1.1 " + status), fields
                assert f"X-CIO-Sidecar: refused; reason={code}".encode() in told
                assert b"evil" not in told
                # Behind a request that was let in, the next one is judged by its own head.
                assert (await raw(port, good + call % fields, tls=tls)).count(b"reason=" + code.encode()) == 1
        admin = b"GET /metrics HTTP/1.1\r\nHost: %b\r\nConnection: close\r\n\r\n"
        assert b" 421 " in await raw(sidecar.ports["admin"], admin % b"evil.example")
        for host in (b"sidecar.example.com:9090", b"127.0.0.1", b"cio-sidecar.shop.svc"):
            assert b" 200 OK" in await raw(sidecar.ports["admin"], admin % host)
        assert len(upstream.simulator.requests) == len(cases) * len(listeners)  # those before
        upstream.simulator.clear()
        for fields in (
            b"Host: sidecar.example.com\r\n",
            b"Host: track.customer.io\r\n",
            b"Host: [::1]:80\r\nSec-Fetch-Mode: cors\r\n",
        ):
            assert b"X-CIO-Sidecar: forwarded" in await raw(sidecar.ports["outbound"], call % fields)
        assert b"X-CIO-Sidecar: forwarded" in await raw(
            sidecar.ports["outbound"], good.replace(b"1.1\r\nHost: 127.0.0.1", b"1.0")
        )
