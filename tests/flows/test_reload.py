"""Promise G5: what runs takes a changed configuration whole or not at all, and no call notices (design 4.2)."""

import asyncio
import os
import signal
import ssl
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from random import Random  # noqa: TID251 - made from a seed
from typing import Any

import aiohttp
import orjson
import yaml

from proxy.simulator.journal import Entry
from tests.flows.conftest import Upstream
from tests.flows.test_answers import IDENTIFY
from tests.flows.test_credentials import until
from tests.flows.test_serving import metrics
from tests.running import Sidecar, config, running

RELOADS = int(os.environ.get("SOAK_RELOADS", "50"))
SEED = int(os.environ.get("SOAK_SEED", "12"))
# How many of them are good.
GOOD = 0.6
MASKED = "[REDACTED]"
FAST = {"limits": {"buckets": {"track": {"rate_per_second": 100_000, "burst": 10_000}}}}


def masking(*fields: str) -> dict[str, Any]:
    """Return a policy that masks these fields."""
    return {"version": 1, "rules": [{"name": "only", "fields": list(fields), "action": "mask"}]}


@dataclass
class Operator:
    """Somebody who changes the configuration of a running sidecar, and reads its log."""

    sidecar: Sidecar
    folder: Path
    document: dict[str, Any]
    told: int = 0
    lines: list[dict[str, Any]] = field(default_factory=list)

    def write(self, text: str, name: str = "sidecar.yaml") -> None:
        """Put a file in the place of another, as a whole."""
        fresh = self.folder / "fresh"
        fresh.write_text(text)
        fresh.replace(self.folder / name)

    def change(self, changes: Mapping[str, Any]) -> None:
        """Write the configuration with other sections; they stay for the next change."""
        self.document |= changes
        self.write(yaml.safe_dump(self.document))

    def signal(self) -> None:
        """Ask for a reload."""
        self.sidecar.process.send_signal(signal.SIGHUP)

    async def hear(self) -> dict[str, Any]:
        """Return the first line about the next reload, and keep all that are there in `lines`."""

        async def heard() -> bool:
            found = [line for line in self.sidecar.log_lines() if line["event"] in {"reloaded", "reload_refused"}]
            self.lines = found[self.told :]
            return bool(self.lines)

        await until(heard)
        self.told += len(self.lines)
        return self.lines[0]

    async def reload(self, changes: Mapping[str, Any]) -> dict[str, Any]:
        """Change the configuration, ask for a reload, and return the first line about it."""
        self.change(changes)
        self.signal()
        return await self.hear()

    async def attempt(self, chance: Random, good: Sequence[Mapping[str, Any]]) -> None:
        """Reload one of the `good` changes, or a configuration with one of `FAULTS`: taken or refused as it should be."""
        if chance.random() < GOOD:
            assert (await self.reload(chance.choice(good)))["event"] == "reloaded"
            return
        fault, _, _ = chance.choice(list(FAULTS.values()))
        self.write(fault if isinstance(fault, str) else yaml.safe_dump({**self.document, **fault}))
        self.signal()
        assert (await self.hear())["event"] == "reload_refused", fault


def decided(upstream: Sequence[Entry]) -> list[set[str]]:
    """Return which of the two fields was masked in each call that arrived: exactly one, whatever was reloaded meanwhile."""
    bodies: list[Any] = [arrived.json for arrived in upstream]
    masked = [{name for name in ("alpha", "beta") if body[name] == MASKED} for body in bodies if body is not None]
    assert all(len(fields) == 1 for fields in masked)
    assert {name for fields in masked for name in fields} == {"alpha", "beta"}
    return masked


async def successful(client: aiohttp.ClientSession, sidecar: Sidecar) -> float:
    """Return what the metric says of the last reload."""
    return (await metrics(client, sidecar.admin_url))["cio_sidecar_config_last_reload_successful",]


async def left(client: aiohttp.ClientSession, sidecar: Sidecar, upstream: Upstream, body: Any, **how: Any) -> Any:  # noqa: ANN401
    """Send a body and return what arrived of it at Customer.io."""
    upstream.simulator.clear()
    async with client.put(sidecar.url + IDENTIFY, json=body, **how) as answer:
        assert answer.status == 200, await answer.text()
    (arrived,) = upstream.simulator.requests
    return arrived.json


async def test_start_and_stop_are_logged(tmp_path: Path) -> None:
    """One line each, with the version, so that a log says when what ran."""
    async with running(tmp_path, config("http://127.0.0.1:1")) as sidecar:
        pass
    events = [line["event"] for line in sidecar.log_lines()]
    assert [event for event in events if event in {"started", "stopping"}] == ["started", "stopping"]
    assert next(line for line in sidecar.log_lines() if line["event"] == "started")["version"]


async def test_g5_a_reload_changes_what_can_change_live(
    upstream: Upstream, client: aiohttp.ClientSession, tmp_path: Path
) -> None:
    """Policy, callers, hosts, endpoints mode, bounds, timeouts, rates, token, credentials, drain and log level, all at once."""
    token = "an-operators-token-of-length"
    (tmp_path / "key").write_text("a-callers-key-of-length")
    (tmp_path / "token").write_text(token)
    document = config(upstream.url, policy=masking("alpha"), logs={"level": "error"})
    async with running(tmp_path, document) as sidecar:
        operator = Operator(sidecar, tmp_path, document)
        assert await left(client, sidecar, upstream, {"alpha": "1", "beta": "2"}) == {"alpha": MASKED, "beta": "2"}
        async with client.get(sidecar.admin_url + "/v1/keys") as answer:
            assert answer.status == 404  # no token, so no such page
        await operator.reload(
            {
                "policy": masking("beta") | {"inventory": {}},
                "outbound": {
                    "port": 0, "unknown_endpoints": "inspect", "callers": [{"name": "shop", "key": "file:key"}],
                    "hosts": ["sidecar.example.com"], "limits": {"body_bytes": 2048, "depth": 3, "connections": 50},
                    "drain": {"finish_seconds": 1},
                },
                "admin": {"port": 0, "token": "file:token"},
                "credentials": {"track": document["credentials"]["track"]},
                "limits": {"wait_seconds": 0, "buckets": {"track": {"rate_per_second": 0.001, "burst": 3}}},
                "delivery": {"timeouts": {"total_seconds": 3, "attempt_seconds": 1, "connect_seconds": 0.5}, "connections": 7},
                "logs": {"level": "info"},
            }
        )  # fmt: skip
        assert operator.lines[0]["event"] == "reloaded"
        assert set(operator.lines[0]["keys"].split(", ")) == {
            "policy", "outbound.unknown_endpoints", "outbound.callers", "outbound.hosts", "outbound.limits", "outbound.drain",
            "admin.token", "credentials", "limits.wait_seconds", "limits.buckets", "delivery.timeouts", "delivery.connections",
            "logs.level",
        }  # fmt: skip
        assert await successful(client, sidecar) == 1
        async with client.put(sidecar.url + IDENTIFY, json={}) as answer:
            assert answer.status == 401  # everybody has to show a key now
        key = {"Authorization": "Bearer a-callers-key-of-length"}
        both = {"alpha": "1", "beta": "2"}
        assert await left(client, sidecar, upstream, both, headers=key) == {"alpha": "1", "beta": MASKED}
        for body, status in (({"a": "x" * 3000}, 413), ({"a": {"b": {"c": {}}}}, 400)):
            async with client.put(sidecar.url + IDENTIFY, json=body, headers=key) as answer:
                assert answer.status == status
        async with client.post(sidecar.url + "/v1/brand/new", json={}, headers=key) as answer:
            assert answer.headers["X-CIO-Sidecar"].startswith("refused; reason=credentials_unavailable")  # known, but no key
        statuses = []
        for _ in range(3):
            async with client.put(sidecar.url + IDENTIFY, json={}, headers=key) as answer:
                statuses.append(answer.status)
        assert statuses[-1] == 429  # what was used of the larger bucket is used of the smaller one
        async with client.get(sidecar.admin_url + "/v1/keys", headers={"Authorization": f"Bearer {token}"}) as answer:
            assert [key["slot"] for key in (await answer.json())["keys"]] == ["track"]
        # And back again.
        back = {key: value for key, value in config(upstream.url, policy=masking("alpha")).items() if key != "version"}
        assert (await operator.reload(back | FAST | {"delivery": {}, "logs": {}}))["event"] == "reloaded"
        assert await left(client, sidecar, upstream, both) == {"alpha": MASKED, "beta": "2"}
        async with client.get(sidecar.url + "/v1/segments") as answer:
            assert answer.status == 200


BAD_POLICY = masking("alpha") | {"allow": {"nothing.of.ours": ["a"]}}
# What is wrong, the sections or the text that are written for it, and where and how it is told. The canary looks like a key:
# names that do not are told.
FAULTS: Mapping[str, tuple[Mapping[str, Any] | str, str, str]] = {
    "not YAML": ("version: 1\npolicy: {CANARY0123456789", "", "is not YAML"),
    "nothing": ("", "", "must be a mapping"),
    "unknown key": ({"outbund": {"CANARY0123456789": 1}}, "", "holds a key it does not know"),
    "wrong type": ({"limits": {"wait_seconds": "CANARY0123456789"}}, "limits.wait_seconds", "must be a number"),
    "not available": ({"limits": {"backend": "redis"}}, "limits.backend", "not available"),
    "bad policy": ({"policy": BAD_POLICY}, "policy.allow", "matches no endpoint"),
    "policy that is not there": ({"policy": "CANARY0123456789.yaml"}, "policy", "there is no such file"),
    "policy that cannot be read": ({"policy": "."}, "policy", "it is a folder"),
    "missing secret": ({"admin": {"port": 0, "token": "env:TEST_CANARY0123456789"}}, "admin.token", "is not set"),
    "missing credential": (
        {"credentials": {"app": {"api_key": "file:CANARY0123456789"}}}, "credentials.app.api_key", "no such file",
    ),
    "a listener more": (
        {"outbound": {"port": 0, "tls": {"port": 0, "certificate": "CANARY0123456789", "key": "CANARY0123456789"}}},
        "outbound.tls", "needs a restart",
    ),
    "inventory that is not there": (
        {"policy": masking("alpha") | {"inventory": {"known": "absent.json"}}},
        "policy.inventory.known", "there is no such file",
    ),
    "a real key as a caller's": (
        {"outbound": {"port": 0, "callers": [{"name": "shop", "key": "env:TEST_API_KEY"}]}},
        "outbound.callers.0.key", "is a real key of Customer.io",
    ),
    "another region": ({"region": "eu"}, "region", "needs a restart"),
    "another port": ({"admin": {"port": 1}}, "admin.port", "needs a restart"),
    "another upstream": ({"upstreams": {"app": {"url": "http://127.0.0.1:2"}}}, "upstreams", "needs a restart"),
    "another format": ({"logs": {"format": "console"}}, "logs.format", "needs a restart"),
}  # fmt: skip


async def test_g5_a_bad_reload_changes_nothing(upstream: Upstream, client: aiohttp.ClientSession, tmp_path: Path) -> None:
    """Of every class of fault, each beside a policy that would be seen: told by place and key, in the metric, and undone."""
    good = config(upstream.url, policy=masking("alpha"))
    async with running(tmp_path, good) as sidecar:
        for name, (bad, path, problem) in FAULTS.items():
            operator = Operator(sidecar, tmp_path, {**good, "policy": masking("beta")}, told=len(reloads(sidecar)))
            if isinstance(bad, str):
                operator.write(bad)
                operator.signal()
                line = await operator.hear()
            else:
                line = await operator.reload(bad)
            assert (line["event"], line["level"]) == ("reload_refused", "error"), name
            assert problem in line["problem"], (name, line)
            assert line["file"].startswith(str(tmp_path / "sidecar.yaml")), (name, line)
            assert line["path"].startswith(path), (name, line)
            assert "CANARY" not in orjson.dumps({**line, "file": ""}).decode(), name
            assert await successful(client, sidecar) == 0, name
            assert await left(client, sidecar, upstream, {"alpha": "1", "beta": "2"}) == {"alpha": MASKED, "beta": "2"}, name
        (tmp_path / "sidecar.yaml").unlink()
        operator = Operator(sidecar, tmp_path, good, told=len(reloads(sidecar)))
        operator.signal()
        assert (await operator.hear())["problem"] == "there is no such file"
        assert (await operator.reload({}))["event"] == "reloaded"
        assert await successful(client, sidecar) == 1


def reloads(sidecar: Sidecar) -> list[dict[str, Any]]:
    """Return the lines about reloads so far."""
    return [line for line in sidecar.log_lines() if line["event"] in {"reloaded", "reload_refused"}]


async def test_every_problem_of_a_reload_is_told(tmp_path: Path) -> None:
    """As at the start: one line for each, so that a file is mended in one go."""
    document = config("http://127.0.0.1:1")
    async with running(tmp_path, document) as sidecar:
        operator = Operator(sidecar, tmp_path, document)
        await operator.reload({"region": "eu", "webhooks": {"port": 1}, "admin": {"port": 2, "host": "127.0.0.2"}})

        async def all_told() -> bool:
            return len(reloads(sidecar)) == 4

        await until(all_told)
        assert {line["path"] for line in reloads(sidecar)} == {"region", "webhooks", "admin.host", "admin.port"}


async def test_a_changed_file_is_a_reload(upstream: Upstream, client: aiohttp.ClientSession, tmp_path: Path) -> None:
    """Without a signal: the policy's own file, written in place; a file that a refused reload waited for; the configuration."""
    (tmp_path / "policy.yaml").write_text(yaml.safe_dump(masking("alpha")))
    document = config(upstream.url, policy="policy.yaml")
    both = {"alpha": "1", "beta": "2"}
    async with running(tmp_path, document) as sidecar:
        operator = Operator(sidecar, tmp_path, document)
        (tmp_path / "policy.yaml").write_text(yaml.safe_dump(masking("beta")))
        assert (await operator.hear())["event"] == "reloaded"
        assert await left(client, sidecar, upstream, both) == {"alpha": "1", "beta": MASKED}
        operator.change({"policy": "other.yaml"})
        assert (await operator.hear())["event"] == "reload_refused"
        operator.write(yaml.safe_dump(masking("alpha", "beta")), "other.yaml")
        assert (await operator.hear())["event"] == "reloaded"
        assert await left(client, sidecar, upstream, both) == {"alpha": MASKED, "beta": MASKED}
        os.utime(tmp_path / "other.yaml", (0, 0))  # another date, the same content
        operator.change({"policy": masking("gamma")})
        assert (await operator.hear())["keys"] == "policy"
        assert await left(client, sidecar, upstream, both) == both


async def test_a_config_map_that_is_swapped_is_a_reload(
    upstream: Upstream, client: aiohttp.ClientSession, tmp_path: Path
) -> None:
    """Kubernetes writes a new folder, and lets the link `..data`, through which every file is reached, point there."""
    folder = tmp_path / "mounted"
    document = config(upstream.url, policy="policy.yaml")

    def publish(revision: str, policy: dict[str, Any]) -> None:
        (folder / revision).mkdir(parents=True)
        (folder / revision / "sidecar.yaml").write_text(yaml.safe_dump(document))
        (folder / revision / "policy.yaml").write_text(yaml.safe_dump(policy))
        os.utime(folder / revision / "policy.yaml", (1, 1))
        (folder / "..data_tmp").symlink_to(revision)
        (folder / "..data_tmp").rename(folder / "..data")

    publish("..1", masking("alpha"))
    (folder / "policy.yaml").symlink_to("..data/policy.yaml")
    (tmp_path / "linked").mkdir()
    document["policy"] = str(folder / "policy.yaml")
    async with running(tmp_path / "linked", document) as sidecar:
        operator = Operator(sidecar, folder, document)
        publish("..2", masking("bravo"))  # as long as the other, and with the same date
        assert (await operator.hear())["event"] == "reloaded"
        assert await left(client, sidecar, upstream, {"alpha": "1", "bravo": "2"}) == {"alpha": "1", "bravo": MASKED}


async def test_secrets_of_our_own_are_watched(upstream: Upstream, client: aiohttp.ClientSession, tmp_path: Path) -> None:
    """A caller's key, the hash key and the admin token, changed where they are kept; the last good one stays."""
    for name in ("caller", "hash", "token"):
        (tmp_path / name).write_text(f"the-first-{name}-secret")
    document = config(upstream.url, stores={"refresh_seconds": 1}, policy=masking("alpha") | {
        "hash": {"algorithm": "hmac-sha256", "key": "file:hash", "key_id": "k1"},
        "rules": [{"name": "only", "fields": ["alpha"], "action": "hash"}],
    })  # fmt: skip
    document["outbound"]["callers"] = [{"name": "shop", "key": "file:caller"}]
    document["admin"]["token"] = "file:token"

    async def call(secret: str) -> Any:  # noqa: ANN401
        upstream.simulator.clear()
        headers = {"Authorization": f"Bearer {secret}"}
        async with client.put(sidecar.url + IDENTIFY, json={"alpha": "1"}, headers=headers) as answer:
            return upstream.simulator.requests[0].json if answer.status == 200 else answer.status

    async def keys(secret: str) -> int:
        async with client.get(sidecar.admin_url + "/v1/keys", headers={"Authorization": f"Bearer {secret}"}) as answer:
            return answer.status

    async with running(tmp_path, document) as sidecar:
        first = await call("the-first-caller-secret")
        for name in ("caller", "hash", "token"):
            (tmp_path / name).write_text(f"the-second-{name}-secret")

        async def changed() -> bool:
            return await call("the-second-caller-secret") not in (401, first) and await keys("the-second-token-secret") == 200

        await until(changed)
        second = await call("the-second-caller-secret")
        assert (await call("the-first-caller-secret"), await keys("the-first-token-secret")) == (401, 401)
        (tmp_path / "hash").unlink()
        (tmp_path / "caller").write_text("with:colon-CANARY")

        async def told() -> bool:
            lines = [line for line in sidecar.log_lines() if line["event"] == "secret_unavailable"]
            return {"policy.hash.key", "outbound.callers.0.key"} <= {line["path"] for line in lines} or len(lines) > 3

        await until(told)
        assert await call("the-second-caller-secret") == second
        # A reload of anything else is not kept up by a store that fails.
        (tmp_path / "caller").write_text("the-second-caller-secret")
        operator = Operator(sidecar, tmp_path, document)
        assert (await operator.reload({"logs": {"level": "debug"}}))["event"] == "reloaded"
        assert await call("the-second-caller-secret") == second
    log = sidecar.log.decode()
    assert "CANARY" not in log
    assert '-secret"' not in log
    changes = [line["keys"] for line in sidecar.log_lines() if line["event"] == "secrets_changed"]
    assert set(", ".join(changes).split(", ")) == {"policy.hash.key", "outbound.callers.0.key", "admin.token"}


async def test_new_handshakes_use_the_new_certificate(
    upstream: Upstream, client: aiohttp.ClientSession, tmp_path: Path
) -> None:
    """On the same port; a connection that is open goes on, and a pair that does not belong together changes nothing."""
    for name in ("tls", "other"):
        command = [sys.executable, "-m", "proxy", "tls", "init", str(tmp_path / name)]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)  # noqa: ASYNC221
    document = config(upstream.url)
    document["outbound"]["tls"] = {"port": 0, "certificate": "tls/server.pem", "key": "tls/server.key"}
    old, new = (ssl.create_default_context(cafile=str(tmp_path / name / "ca.pem")) for name in ("tls", "other"))
    async with running(tmp_path, document) as sidecar:
        url = f"https://localhost:{sidecar.ports['outbound_tls']}{IDENTIFY}"

        async def call(context: ssl.SSLContext, session: aiohttp.ClientSession) -> bool:
            try:
                async with session.put(url, json={}, ssl=context) as answer:
                    return answer.status == 200
            except aiohttp.ClientConnectorCertificateError:
                return False

        assert await call(old, client)
        operator = Operator(sidecar, tmp_path, document)
        operator.write((tmp_path / "other" / "server.pem").read_text(), "tls/server.pem")
        operator.signal()
        assert (await operator.hear())["path"] == "outbound.tls"
        async with aiohttp.ClientSession() as another:
            assert await call(old, another)
        operator.write((tmp_path / "other" / "server.key").read_text(), "tls/server.key")
        operator.signal()
        assert (await operator.hear())["event"] == "reloaded"
        async with aiohttp.ClientSession() as another:
            assert await call(new, another)
            assert not await call(old, another)
        assert await call(old, client)  # on the connection that it has


async def test_g5_no_call_notices_reloads(upstream: Upstream, client: aiohttp.ClientSession, tmp_path: Path) -> None:
    """Random reloads, good and bad, under load: no call fails, and each is decided by one policy from beginning to end.

    The two policies mask a field each. Of the bodies, some are prepared in slices, so that reloads come in between.
    """
    (tmp_path / "caller").write_text("a-callers-key-of-length")
    chance = Random(SEED)  # noqa: S311 - it chooses what is tried
    document = config(upstream.url, policy=masking("alpha")) | FAST
    good: list[Mapping[str, Any]] = [
        {"policy": masking("alpha")},
        {"policy": masking("beta")},
        {"policy": masking("alpha") | {"inventory": {"detect": ["email"]}}},
        {"policy": masking("beta") | {"mode": "enforce"}, "outbound": {"port": 0, "hosts": ["a.example.com"]}},
        {"outbound": {"port": 0, "callers": [{"name": "shop", "key": "file:caller"}]}},
        {"outbound": {"port": 0, "limits": {"connections": 500, "head_bytes": 2048, "header_count": 20}}},
        {"limits": {"buckets": {"track": {"rate_per_second": 50_000, "burst": 5_000}}, "wait_seconds": 5}},
        {"limits": FAST["limits"], "stores": {"refresh_seconds": 1}},
        {"delivery": {"timeouts": {"total_seconds": 8}, "connections": 100}, "logs": {"level": "debug"}},
        {"delivery": {}, "logs": {"level": "info"}, "stores": {}, "outbound": {"port": 0, "unknown_endpoints": "inspect"}},
        {"credentials": {"track": document["credentials"]["track"]}},
        {"credentials": document["credentials"]},
    ]
    padding = {f"padding_{number}": "words to look at " * 50 for number in range(60)}
    done = asyncio.Event()
    calls = 0

    async def keep_calling(session: aiohttp.ClientSession, number: int) -> None:
        nonlocal calls
        headers = {"Authorization": "Bearer a-callers-key-of-length"}
        while not done.is_set():
            body = {"alpha": "1", "beta": "2"} | (padding if number == 0 else {})
            async with session.put(f"{sidecar.url}{IDENTIFY}", json=body, headers=headers) as answer:
                assert answer.status == 200, (answer.status, await answer.text())
                calls += 1

    async with running(tmp_path, document) as sidecar, asyncio.TaskGroup() as group:
        for number in range(4):
            group.create_task(keep_calling(client, number))
        operator = Operator(sidecar, tmp_path, document)
        for _ in range(RELOADS):
            before = calls
            await operator.attempt(chance, good)

            async def called(before: int = before) -> bool:
                return calls > before

            await until(called)
        done.set()
    assert len(decided(upstream.simulator.requests)) >= RELOADS


async def test_a_signal_that_comes_early_is_kept(upstream: Upstream, client: aiohttp.ClientSession, tmp_path: Path) -> None:
    """Before the applications' ports are open there is nothing to put a configuration into; it is taken once there is."""
    document = config(upstream.url, policy=masking("alpha"))
    async with running(tmp_path, document, until="admin") as sidecar:
        operator = Operator(sidecar, tmp_path, document)
        operator.change({"policy": masking("beta")})
        operator.signal()
        await sidecar.heard("ready")
        assert (await operator.hear())["event"] == "reloaded"
        assert await left(client, sidecar, upstream, {"alpha": "1", "beta": "2"}) == {"alpha": "1", "beta": MASKED}
