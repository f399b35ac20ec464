"""What an application is told: upstream answers as they came, every other one in our JSON shape, and never a secret."""

import base64
from pathlib import Path
from typing import Any

import aiohttp
import orjson
import pytest

from proxy.errors import ANSWERS, Reason
from tests.flows.conftest import Upstream
from tests.running import SECRETS, config, raw, running

IDENTIFY = "/api/v1/customers/5"
CALLER_KEY = "callers-placeholder-key"
HEADERS = {"Authorization": "Basic " + base64.b64encode(f"site:{CALLER_KEY}".encode()).decode()}


def refusal(status: int, headers: Any, body: bytes) -> str:  # noqa: ANN401  # aiohttp's own mapping
    """Check that an answer is one of ours, whole and well-formed; return its code."""
    document = orjson.loads(body)
    code = document["code"]
    answer = ANSWERS[Reason(code)]
    text = answer.message
    assert document == {
        "meta": {"error": text, "errors": [text]},
        "errors": [{"reason": code, "message": text, "detail": text, "status": str(status)}],
        "code": code,
        "message": text,
    }
    assert status == answer.status
    assert headers["X-CIO-Sidecar"] == f"refused; reason={code}"
    assert headers["Content-Type"] == "application/json"
    assert headers.get("Retry-After") == ("1" if status in {429, 503} and code != "credentials_rejected" else None)
    return str(code)


async def test_a_call_goes_in_and_a_clean_authenticated_call_goes_out(
    upstream: Upstream, client: aiohttp.ClientSession, tmp_path: Path
) -> None:
    """The main job: identifiers kept, fields treated, the real credential in place of the caller's, headers by allow-list."""
    async with running(tmp_path, config(upstream.url)) as sidecar:
        person = {"email": "a@b.c", "phone": "+1-555-0123", "ssn": "000-00-0000", "first_name": "Ada", "plan": "pro"}
        passed = {
            "User-Agent": "Customer.io Python Client/3.2.0",
            "X-Retry-Count": "2",
            "X-Request-Id": "r1",
            "traceparent": f"00-{32 * 'a'}-{16 * 'b'}-01",
        }
        dropped = {
            "Cookie": "c=1",
            "X-Forwarded-For": "192.0.2.1",
            "Connection": "keep-alive, X-Listed",
            "X-Listed": "1",
            "Accept": "x/y",
        }
        async with client.put(sidecar.url + IDENTIFY + "?ignored=1", json=person, headers=HEADERS | passed | dropped) as answer:
            assert (answer.status, await answer.read()) == (200, b"{}")
            assert answer.headers["X-CIO-Sidecar"] == "forwarded"
    (arrived,) = upstream.simulator.requests
    assert (arrived.request.method, arrived.request.target) == ("PUT", IDENTIFY)
    assert arrived.json == {"email": "a@b.c", "phone_hash": "100978d4e704e8c8", "first_name": "Ada", "plan": "pro"}
    pair = f"{SECRETS['TEST_SITE_ID']}:{SECRETS['TEST_API_KEY']}"
    headers = {name.lower(): value for name, value in arrived.request.headers}
    assert headers.pop("authorization") == "Basic " + base64.b64encode(pair.encode()).decode()
    assert headers.pop("host") == upstream.url.removeprefix("http://")
    assert headers.pop("content-length") == str(len(arrived.request.body))
    assert headers == {
        "accept": "*/*",
        "accept-encoding": "identity",
        "content-type": "application/json",
        **{name.lower(): value for name, value in passed.items()},
    }


@pytest.mark.parametrize(
    ("fault", "expected"),
    [
        ({"kind": "redirect"}, Reason.UPSTREAM_REDIRECT),
        ({"kind": "redirect", "status": 307}, Reason.UPSTREAM_REDIRECT),
        ({"kind": "gzip"}, Reason.UPSTREAM_INVALID),
        ({"kind": "garbage"}, Reason.UPSTREAM_INVALID),
        ({"kind": "half_answer"}, Reason.UPSTREAM_INVALID),
        ({"kind": "half_answer", "framing": "chunked"}, Reason.UPSTREAM_INVALID),
        ({"kind": "drop"}, Reason.UPSTREAM_UNREACHABLE),
        ({"kind": "drop", "when": "before_body"}, Reason.UPSTREAM_UNREACHABLE),
        ({"kind": "reset"}, Reason.UPSTREAM_UNREACHABLE),
        ({"kind": "unauthorized"}, Reason.CREDENTIALS_REJECTED),
        ({"kind": "interim", "statuses": [103] * 50}, Reason.UPSTREAM_INVALID),
    ],
    ids=lambda value: value if isinstance(value, str) else "-".join(map(str, value.values())),
)
async def test_what_cannot_be_passed_on_is_told_in_our_shape(
    fault: dict[str, Any], expected: Reason, upstream: Upstream, client: aiohttp.ClientSession, tmp_path: Path
) -> None:
    """Whatever Customer.io does, the application gets JSON it can parse, and the next call works."""
    async with running(tmp_path, config(upstream.url)) as sidecar:
        upstream.simulator.script({"times": 10, "fault": fault})
        async with client.put(sidecar.url + IDENTIFY, json={"plan": "pro"}) as answer:
            assert refusal(answer.status, answer.headers, await answer.read()) == expected
        upstream.simulator.clear()
        async with client.put(sidecar.url + IDENTIFY, json={"plan": "pro"}) as answer:
            assert answer.status == 200


@pytest.mark.parametrize(
    ("fault", "expected"),
    [
        ({"kind": "status", "status": 400, "body": {"meta": {"errors": ["x"]}}}, (400, b'{"meta":{"errors":["x"]}}')),
        ({"kind": "status", "status": 429, "body": {}, "headers": {"Retry-After": "3"}}, (429, b"{}")),
        ({"kind": "status", "status": 503, "body": {"a": 1}}, (503, b'{"a":1}')),
        ({"kind": "status", "status": 200, "body": "plain text"}, (200, b"plain text")),
        ({"kind": "status", "status": 204}, (204, b"")),
        ({"kind": "interim", "statuses": [100, 103]}, (200, b"{}")),
        ({"kind": "no_length"}, (200, b"{}")),
        ({"kind": "early"}, (200, b"{}")),
        ({"kind": "close_after"}, (200, b"{}")),
        ({"kind": "slow_body", "seconds_between": 0.01}, (200, b"{}")),
        ({"kind": "extra_bytes"}, (200, b"{}")),
    ],
    ids=lambda value: value["kind"] if isinstance(value, dict) else "",
)
async def test_an_upstream_answer_passes_as_it_is(
    fault: dict[str, Any], expected: tuple[int, bytes], upstream: Upstream, client: aiohttp.ClientSession, tmp_path: Path
) -> None:
    """Status and body as Customer.io gave them, however it framed them; nothing left over reaches the next call."""
    async with running(tmp_path, config(upstream.url)) as sidecar:
        upstream.simulator.script({"fault": fault})
        async with client.put(sidecar.url + IDENTIFY, json={"plan": "pro"}) as answer:
            assert (answer.status, await answer.read()) == expected
            assert answer.headers["X-CIO-Sidecar"] == "forwarded"
        for _ in range(3):
            async with client.get(sidecar.url + "/api/v1/accounts/region") as answer:
                assert b"environment_id" in await answer.read()


async def test_an_error_page_is_wrapped(upstream: Upstream, client: aiohttp.ClientSession, tmp_path: Path) -> None:
    """An error that no SDK could parse keeps its status and becomes JSON; a long Retry-After is cut to nine seconds."""
    page = {"kind": "status", "status": 502, "body": "<html>oops</html>", "headers": {"Retry-After": "300"}}
    async with running(tmp_path, config(upstream.url)) as sidecar:
        upstream.simulator.script({"fault": page})
        async with client.put(sidecar.url + IDENTIFY, json={"plan": "pro"}) as answer:
            document = orjson.loads(await answer.read())
            assert (answer.status, document["code"]) == (502, "upstream_error")
            assert answer.headers["Content-Type"] == "application/json"
            assert answer.headers["Retry-After"] == "9"
            assert answer.headers["X-CIO-Sidecar"] == "forwarded"


REFUSED = [
    (b"GET /api/v1/customers/5/nothing HTTP/1.1\r\nHost: x\r\n\r\n", Reason.ENDPOINT_NOT_ALLOWED),
    (b"GET /api/v1/customers/5 HTTP/1.1\r\nHost: x\r\n\r\n", Reason.METHOD_NOT_ALLOWED),
    (b"TRACE /api/v1/customers/5 HTTP/1.1\r\nHost: x\r\n\r\n", Reason.METHOD_NOT_ALLOWED),
    (b"OPTIONS /api/v1/customers/5 HTTP/1.1\r\nHost: x\r\n\r\n", Reason.METHOD_NOT_ALLOWED),
    (b"PUT http://127.0.0.1:9/api/v1/customers/5 HTTP/1.1\r\nHost: x\r\n\r\n", Reason.MALFORMED_REQUEST),
    (b"PUT /api/v1/customers/%2e%2e HTTP/1.1\r\nHost: x\r\n\r\n", Reason.MALFORMED_REQUEST),
    (b"PUT /api/v1/customers/../entity HTTP/1.1\r\nHost: x\r\n\r\n", Reason.MALFORMED_REQUEST),
    (b"PUT /api/v1/customers/5 HTTP/1.1\r\n\r\n", Reason.MALFORMED_REQUEST),
    (b"PUT /api/v1/customers/5 HTTP/2.0\r\nHost: x\r\n\r\n", Reason.MALFORMED_REQUEST),
    (b"SECRET-CANARY\r\n\r\n", Reason.MALFORMED_REQUEST),
    (b"PUT /api/v1/customers/5 HTTP/1.1\r\nHost: x\r\nA: %b\r\n\r\n" % (b"SECRET-CANARY" * 10_000), Reason.HEADERS_TOO_LARGE),
    (b"PUT /api/v1/customers/5 HTTP/1.1\r\nHost: x\r\nContent-Length: 99999999\r\n\r\n", Reason.BODY_TOO_LARGE),
]
BODIES = [
    ({}, b"{SECRET-CANARY", Reason.INVALID_JSON),
    ({}, b"[" * 101 + b"]" * 101, Reason.TOO_DEEP),
    ({"Content-Type": "application/x-www-form-urlencoded"}, b"email=SECRET-CANARY", Reason.UNSUPPORTED_MEDIA),
    ({"Content-Type": "multipart/form-data; boundary=x"}, b"--x--", Reason.UNSUPPORTED_MEDIA),
    ({"Content-Type": "text/plain"}, b"{}", Reason.UNSUPPORTED_MEDIA),
    ({"Content-Encoding": "br"}, b"SECRET-CANARY", Reason.UNSUPPORTED_MEDIA),
    ({"Content-Encoding": "gzip"}, b"SECRET-CANARY", Reason.MALFORMED_REQUEST),
    ({}, b'{"forbidden":"SECRET-CANARY"}', Reason.POLICY_DENIED),
    ({"Authorization": "Bearer SECRET-CANARY"}, b"{}", Reason.UNKNOWN_CALLER),
    ({"Authorization": "Basic !!!"}, b"{}", Reason.UNKNOWN_CALLER),
]


async def test_every_refusal_is_json_and_echoes_nothing(
    upstream: Upstream, client: aiohttp.ClientSession, tmp_path: Path
) -> None:
    """Each way a request is refused before it leaves: status, code, header, one log line, and not a byte of the request."""
    document = config(upstream.url)
    document["policy"] = {"version": 1, "rules": [{"name": "no", "fields": ["forbidden"], "action": "deny"}]}
    document["outbound"]["callers"] = [{"name": "billing", "key": "env:CALLER_KEY"}]
    authorization = b"Authorization: " + HEADERS["Authorization"].encode() + b"\r\n"
    async with running(tmp_path, document, SECRETS | {"CALLER_KEY": CALLER_KEY}) as sidecar:
        expected: list[str] = []
        reason: str
        for request, reason in REFUSED:
            sent = request.replace(b"Host: x\r\n", b"Host: x\r\n" + authorization, 1)
            head, _, body = (
                await raw(sidecar.ports["outbound"], sent + b"GET / HTTP/1.1\r\nConnection: close\r\n\r\n")
            ).partition(b"\r\n\r\n")
            status, *lines = head.decode().split("\r\n")
            headers = dict(line.split(": ", 1) for line in lines)
            assert refusal(int(status.split()[1]), headers, body[: int(headers["Content-Length"])]) == reason, request[:80]
            assert b"CANARY" not in head + body
            expected.append(reason)
        for sent_headers, content, expected_reason in BODIES:
            async with client.put(
                sidecar.url + IDENTIFY, data=content, headers=HEADERS | {"Content-Type": "application/json"} | sent_headers
            ) as answer:
                told = await answer.read()
                assert refusal(answer.status, answer.headers, told) == expected_reason, content[:80]
                assert b"CANARY" not in told + str(answer.headers).encode()
            expected.append(expected_reason)
        async with client.get(sidecar.admin_url + "/metrics") as answer:
            metrics = (await answer.read()).decode()
        for reason in set(expected):
            assert f'cio_sidecar_refusals_total{{reason="{reason}"}}' in metrics
    refused = [line for line in sidecar.log_lines() if line["event"] == "refused"]  # the last ones are written as it ends
    assert set(expected) <= {line["reason"] for line in refused}
    assert b"CANARY" not in bytes(sidecar.log) + metrics.encode()
    assert not upstream.simulator.requests


ECHOED = [
    ("PUT", IDENTIFY, "TEST_API_KEY"),
    ("POST", "/v1/send/email", "TEST_APP_KEY"),
    ("POST", "/v1/identify", "TEST_WRITE_KEY"),
]


@pytest.mark.parametrize("call", ECHOED, ids=["track", "app", "pipelines"])
@pytest.mark.parametrize("pieces", [{}, {"bytes_per_write": 3, "seconds_between": 0.001}], ids=["whole", "in pieces"])
async def test_g4_the_real_credential_never_comes_back(
    call: tuple[str, str, str], pieces: dict[str, Any], upstream: Upstream, client: aiohttp.ClientSession, tmp_path: Path
) -> None:
    """An upstream that echoes what it was given, coded or plain, in a header or a body: it is blotted out at equal length."""
    method, path, secret = call
    body = {"to": "a@b.c", "identifiers": {"id": "5"}, "transactional_message_id": "1", "userId": "5", "traits": {}}
    own = {"Authorization": "Bearer callers-own-placeholder", "X-Strict-Mode": "1"}
    key, site = SECRETS[secret], SECRETS["TEST_SITE_ID"]
    async with running(tmp_path, config(upstream.url)) as sidecar:
        for status in (200, 400, 503):
            upstream.simulator.script({"fault": {"kind": "echo_secret", "status": status} | pieces})
            async with client.request(method, sidecar.url + path, json=body, headers=own) as answer:
                told = await answer.read() + str(answer.headers).encode()
                assert answer.status == status
            (arrived,) = upstream.simulator.requests
            sent = {name.lower(): value for name, value in arrived.request.headers}["authorization"]
            assert "callers-own-placeholder" not in str(arrived.request)
            for form in (key, base64.b64encode(key.encode()).decode(), sent.split()[1].rstrip("="), f"{site}:{key}"):
                assert form.encode() not in told, form
            assert b"***" in told
            upstream.simulator.clear()
    assert key.encode() not in bytes(sidecar.log)


async def test_g10_only_the_configured_origin_is_dialled(
    upstream: Upstream, client: aiohttp.ClientSession, tmp_path: Path
) -> None:
    """Neither a target, nor a Host header, nor a redirect makes the sidecar speak to anybody else."""
    from proxy.simulator.server import Simulator, serving

    elsewhere = Simulator()
    async with serving(elsewhere) as trap, running(tmp_path, config(upstream.url)) as sidecar:
        host = trap.url.removeprefix("http://")
        for target in (f"{trap.url}{IDENTIFY}", f"//{host}{IDENTIFY}", f"/@{host}{IDENTIFY}", f"/..//{host}/"):
            request = f"PUT {target} HTTP/1.1\r\nHost: {host}\r\nContent-Length: 2\r\nConnection: close\r\n\r\n{{}}"
            assert b"X-CIO-Sidecar: refused" in await raw(sidecar.ports["outbound"], request.encode())
        async with client.put(sidecar.url + IDENTIFY, json={}, headers={"Host": host, "X-Forwarded-Host": host}) as answer:
            assert answer.status == 200
        for status in (301, 302, 307, 308):
            upstream.simulator.script({"fault": {"kind": "redirect", "status": status, "location": trap.url + IDENTIFY}})
            async with client.put(sidecar.url + IDENTIFY, json={}, allow_redirects=False) as answer:
                assert refusal(answer.status, answer.headers, await answer.read()) == Reason.UPSTREAM_REDIRECT
                assert "Location" not in answer.headers
    assert not elsewhere.requests


async def test_pipelines_callers_are_told_only_what_they_asked_for(
    upstream: Upstream, client: aiohttp.ClientSession, tmp_path: Path
) -> None:
    """Calls go out strict, so that a bad key shows; a caller that did not ask is told 200, as Pipelines would."""
    broken = {"event": "bought"}
    async with running(tmp_path, config(upstream.url)) as sidecar:
        async with client.post(sidecar.url + "/v1/track", json=broken) as answer:
            assert (answer.status, await answer.read()) == (200, b"{}")
        async with client.post(sidecar.url + "/v1/track", json=broken, headers={"X-Strict-Mode": "1"}) as answer:
            assert answer.status == 400
        assert all(("X-Strict-Mode", "1") in arrived.request.headers for arrived in upstream.simulator.requests)
