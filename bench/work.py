"""The work that every subject is given: requests, the policy they are put through, and the configurations of the sidecar."""

import base64
from typing import Any

import orjson

from bench.place import Place

VARIANTS = 64
PEOPLE = 1200
CALLER_KEY = "bench-caller-key"
AUTHORIZATION = base64.b64encode(b"bench:" + CALLER_KEY.encode()).decode()
ENVIRONMENT = {
    "BENCH_PEPPER": "bench-pepper-bench", "BENCH_SITE": "bench-site", "BENCH_KEY": "bench-api-key", "BENCH_CALLER": CALLER_KEY,
}  # fmt: skip
# What a proxy puts in the place of AUTHORIZATION.
INJECTED = "Basic " + base64.b64encode(f"{ENVIRONMENT['BENCH_SITE']}:{ENVIRONMENT['BENCH_KEY']}".encode()).decode()
# The fields that leave as hashes only.
HASHED = {b"phone", b"ip_address"}
# What must not be found in what reaches Customer.io.
WITHHELD = (b"000-00-0000", b"not-a-real-one", b"555-0123", b"192.0.2.10", AUTHORIZATION.encode())


def body(variant: int = 0) -> bytes:
    """Return an identify call's body of about 320 bytes; variants differ in content and length."""
    return orjson.dumps(attributes(variant))


def attributes(variant: int) -> dict[str, Any]:
    """Return the attributes of a person, of which four must not leave as they are."""
    return {
        "email": f"person{variant}@example.com", "first_name": "Ada" + "x" * (variant % 16), "plan": "enterprise",
        "created_at": 1_700_000_000 + variant, "ssn": "000-00-0000", "password": "not-a-real-one", "phone": "+1-555-0123",
        "ip_address": "192.0.2.10", "company": {"name": "Example Ltd", "seats": 42 + variant, "country": "NL"},
        "tags": ["a", "b", "c"], "score": 12.5, "newsletter": True, "locale": "en-GB",
    }  # fmt: skip


def batch() -> bytes:
    """Return the body of a batch of nearly 500 KB: `PEOPLE` with the attributes of `body`."""
    return orjson.dumps(
        {
            "batch": [
                {"type": "person", "identifiers": {"id": str(number)}, "action": "identify", "attributes": attributes(number)}
                for number in range(PEOPLE)
            ]
        }
    )


def path(variant: int = 0) -> str:
    """Return the path of the call."""
    return f"/api/v1/customers/{40 + variant}"


def request(variant: int = 0) -> bytes:
    """Return the whole call, as an SDK writes it."""
    return _call(b"PUT", path(variant), body(variant))


def large_request() -> bytes:
    """Return a whole call with the body of `batch`."""
    return _call(b"POST", "/api/v2/batch", batch())


def _call(method: bytes, target: str, content: bytes) -> bytes:
    return (
        b"%b %b HTTP/1.1\r\nHost: localhost\r\nUser-Agent: bench\r\nContent-Type: application/json\r\n"
        b"Authorization: Basic %b\r\nContent-Length: %d\r\n\r\n%b"
        % (method, target.encode(), AUTHORIZATION.encode(), len(content), content)
    )


def wrk_script() -> str:
    """Return the script by which wrk sends one variant after another."""
    bodies = ",\n".join(f"[==[{body(variant).decode()}]==]" for variant in range(VARIANTS))
    return f"""\
local bodies = {{{bodies}}}
local requests, at = {{}}, 0
function init()
  local headers = {{
    ["Host"] = "localhost", ["User-Agent"] = "bench", ["Content-Type"] = "application/json",
    ["Authorization"] = "Basic {AUTHORIZATION}",
  }}
  for i, body in ipairs(bodies) do
    requests[i] = wrk.format("PUT", "/api/v1/customers/" .. (39 + i), headers, body)
  end
end
function request()
  at = at % #requests + 1
  return requests[at]
end
"""


_POLICY = """\
version: 1
mode: enforce
hash: {algorithm: hmac-sha256, key: "env:BENCH_PEPPER", key_id: k1, hex_length: 32}
rules:
  - {name: never-send, fields: [ssn, password], action: strip}
  - {name: contact, fields: [phone, ip_address], action: hash}
"""
# Two rules that act and, in the full policy, eighteen that are asked and have nothing to do.
POLICIES = {
    "sidecar": _POLICY,
    "sidecar, full": _POLICY
    + "".join(
        f"  - {{name: rule-{number}, fields: [secret_{number}, private_{number}, token_{number}], action: mask}}\n"
        for number in range(18)
    ),
}
_CONFIG = """\
version: 1
upstreams: {{track: {{url: "http://127.0.0.1:{upstream}"}}}}
outbound: {{{listeners}{callers}}}
admin: {{port: 0}}
credentials: {{track: {{site_id: "env:BENCH_SITE", api_key: "env:BENCH_KEY"}}}}
limits: {{buckets: {{track: {{rate_per_second: 1000000, burst: 100000}}}}}}
policy: {policy}
"""


def config(name: str, policy: str, place: Place) -> str:
    """Return the configuration of a variant of the sidecar; limiter and metrics are always on."""
    listeners = f"port: {place.port}"
    if place.certificate:
        certificate, key = place.certificate
        listeners = f"port: 0, tls: {{port: {place.port}, certificate: {certificate}, key: {key}}}"
    callers = ', callers: [{name: bench, key: "env:BENCH_CALLER"}]' if name == "sidecar, full" else ""
    return _CONFIG.format(upstream=place.upstream, listeners=listeners, callers=callers, policy=policy)
