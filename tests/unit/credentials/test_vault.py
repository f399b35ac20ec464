"""Secrets kept in Vault, read from a real one. Tests share a server, and each has its own engines, roles and policies on it."""

import datetime as dt
import logging
import re
import subprocess
import sys
import traceback
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import quote

import orjson
import pytest

from proxy.cli.certificates import Issued, issue
from proxy.cli.stores import providers
from proxy.clock import Clock, SystemClock
from proxy.config.keys import Vault
from proxy.config.model import Config
from proxy.credentials.env import EnvProvider
from proxy.credentials.file import FileProvider
from proxy.credentials.model import Document, Kind, Provider, UnreadableError
from proxy.credentials.vault import VaultProvider
from proxy.errors import ConfigError
from proxy.policy.model import PolicyDocument
from proxy.sensitive import Sensitive
from tests.fakes import FakeClock
from tests.needs import ROOT
from tests.vault import Asked, Relay, Reply, Server, Signer, dev_server, free_port, standing, stored_server, unique, until

pytestmark = pytest.mark.needs("vault")

KEY = "CANARY-api-key-of-customer-io"
PAIR = {"site_id": "CANARY-site-id", "api_key": KEY}
APP_ROLE = {"method": "approle", "role_id": "env:ROLE_ID", "secret_id": "env:SECRET_ID"}
GIVEN = {"method": "token", "token": "env:TOKEN"}


@pytest.fixture(scope="module")
def vault(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """Run one server for all tests here."""
    with dev_server(tmp_path_factory.mktemp("vault")) as server:
        yield server


@pytest.fixture(scope="module")
def issued() -> Issued:
    """Make a CA, and a certificate for this machine that it signed."""
    return issue(dt.datetime.now(dt.UTC))


def provider(
    url: str,
    auth: Mapping[str, object],
    environ: Mapping[str, str],
    *,
    clock: Clock | None = None,
    timeout_seconds: float = 5,
    **settings: object,
) -> VaultProvider:
    """Return a provider as a configuration would make it."""
    configured = Vault.model_validate({"address": url, "auth": auth, **settings})
    local: dict[Kind, Provider] = {Kind.ENV: EnvProvider(environ), Kind.FILE: FileProvider()}
    return VaultProvider(configured, timeout_seconds, local, clock or SystemClock())


def by_root(vault: Server, **settings: object) -> VaultProvider:
    """Return a provider that may read everything."""
    return provider(vault.url, GIVEN, {"TOKEN": vault.token}, **settings)  # type: ignore[arg-type]  # settings of any kind


def revealed(document: Document) -> dict[str, str]:
    """Return the fields themselves."""
    return {name: text.reveal() for name, text in document.fields.items()}


def refusal(reading: Provider, document: str) -> str:
    """Return why a document cannot be read; it is in our own words, without the path, and nothing around it holds a secret."""
    with pytest.raises(UnreadableError) as refused:
        reading.read(document)
    problem = str(refused.value)
    assert problem.isprintable()
    assert document not in problem
    assert not re.search(r"CANARY|hv[sb]\.", told(refused.value))
    return problem


def told(error: BaseException) -> str:
    """Return all that a traceback shows of code that is not the test's, with local variables, along the whole chain."""
    shown = []
    chain: BaseException | None = error
    while chain is not None:
        shown.append(repr(chain))
        frames = [frame for frame, _ in traceback.walk_tb(chain.__traceback__) if frame.f_code.co_filename != __file__]
        shown += [f"{name}={value!r}" for frame in frames for name, value in frame.f_locals.items()]
        chain = chain.__context__
    return "\n".join(shown)


# What is read.


def test_a_version_2_secret_is_one_document(vault: Server) -> None:
    """Both fields, the number of the version and when it was made, from one read; the next read has the next version."""
    mount = vault.kv(2)
    reading = by_root(vault)
    for version in (1, 2):
        vault.write(mount, "customerio", {name: f"{text}-{version}" for name, text in PAIR.items()})
        document = reading.read(f"{mount}/customerio")
        assert revealed(document) == {name: f"{text}-{version}" for name, text in PAIR.items()}
        assert document.version == str(version)
        assert document.created_at == pytest.approx(SystemClock.wall(), abs=60)
        assert "CANARY" not in repr(document)


def test_a_version_1_secret_is_one_document(vault: Server) -> None:
    """It has no version and no date."""
    mount = vault.kv(1)
    vault.api(f"{mount}/customerio", PAIR)
    document = by_root(vault).read(f"{mount}/customerio")
    assert (revealed(document), document.version, document.created_at) == (PAIR, "", None)


@pytest.mark.parametrize("version", [1, 2])
def test_the_engine_may_be_mounted_deep(vault: Server, version: int) -> None:
    """Vault is asked where the mount ends and the path begins, and which version it is."""
    mount = vault.kv(version, unique("team") + "/production/kv")
    vault.api(f"{mount}/data/customerio/track" if version == 2 else f"{mount}/customerio/track",
              {"data": PAIR} if version == 2 else PAIR)  # fmt: skip
    assert revealed(by_root(vault).read(f"{mount}/customerio/track")) == PAIR


@pytest.mark.parametrize("version", [1, 2])
def test_the_version_can_be_configured(vault: Server, version: int) -> None:
    """Then Vault is not asked; the other number finds nothing, and says what to check."""
    mount = vault.kv(version)
    vault.api(f"{mount}/data/customerio" if version == 2 else f"{mount}/customerio",
              {"data": PAIR} if version == 2 else PAIR)  # fmt: skip
    assert revealed(by_root(vault, kv_version=version).read(f"{mount}/customerio")) == PAIR
    assert "stores.vault.kv_version" in refusal(by_root(vault, kv_version=3 - version), f"{mount}/customerio")


def test_an_engine_that_becomes_version_2_is_found_again(vault: Server) -> None:
    """`vault kv enable-versioning` under a running sidecar: where the document is was remembered, and is asked anew."""
    mount = vault.kv(1)
    vault.api(f"{mount}/customerio", PAIR)
    reading = by_root(vault)
    reading.read(f"{mount}/customerio")
    vault.api(f"sys/mounts/{mount}/tune", {"options": {"version": "2"}})
    until(lambda: vault.ask(f"{mount}/data/customerio")[0] == 200)
    assert "kv_version" in refusal(reading, f"{mount}/customerio")
    assert reading.read(f"{mount}/customerio").version == "1"


def test_only_texts_are_fields(vault: Server) -> None:
    """A number, a list or an object is not there, and is told as a field that is none; a text is taken as it is."""
    mount = vault.kv(2)
    vault.write(
        mount, "x", {"text": " CANARY ü\n", "number": 5, "yes": True, "none": None, "list": ["a"], "object": {"a": "b"}}
    )
    document = by_root(vault).read(f"{mount}/x")
    assert revealed(document) == {"text": " CANARY ü\n"}
    with pytest.raises(UnreadableError, match="no such field"):
        document.secret("number")


def test_names_are_quoted(vault: Server) -> None:
    """A mount and a path may hold what means something in a URL."""
    mount = vault.kv(1, unique("kv? %41+é"))
    vault.api(f"{quote(mount)}/a%3Fb%25/c%26d", PAIR)
    assert revealed(by_root(vault).read(f"{mount}/a?b%/c&d")) == PAIR


@pytest.mark.parametrize("path", ["x/../y", "./x", "x//y", "x/", "/x", "x/\x00", "x/\udc80"])
def test_a_path_that_would_be_another_is_refused(path: str) -> None:
    """Dots and empty parts are folded on the way by some; nobody is asked for what they might make of it."""
    assert "the path has a part" in refusal(provider(f"http://127.0.0.1:{free_port()}", GIVEN, {"TOKEN": "t"}), path)


def test_a_version_that_is_gone_is_told_as_that(vault: Server) -> None:
    """Deleted, it can be undeleted; destroyed, it cannot; and what was never there is something else."""
    mount = vault.kv(2)
    reading = by_root(vault)
    assert "there is no secret at that path" in refusal(reading, f"{mount}/customerio")
    vault.write(mount, "customerio", PAIR)
    vault.api(f"{mount}/data/customerio", method="DELETE")
    assert "is deleted: undelete it" in refusal(reading, f"{mount}/customerio")
    vault.api(f"{mount}/undelete/customerio", {"versions": [1]})
    assert revealed(reading.read(f"{mount}/customerio")) == PAIR
    vault.api(f"{mount}/destroy/customerio", {"versions": [1]})
    assert "is destroyed: write a new one" in refusal(reading, f"{mount}/customerio")


def test_an_engine_of_another_kind_is_told_as_that(vault: Server) -> None:
    """`cubbyhole` is one that every token may read."""
    assert "not a KV secrets engine" in refusal(by_root(vault), "cubbyhole/customerio")


def test_where_vault_does_not_say_version_2_is_assumed() -> None:
    """No policy forbids the question, but what stands before a Vault may: then the first part of the path is the mount."""
    found = {"data": {"data": PAIR, "metadata": {"version": 7, "created_time": "2026-01-02T03:04:05.123456789Z"}}}

    def reply(asked: Asked) -> Reply:
        if asked.path == "/v1/secret/data/team/customerio":
            return Reply(200, orjson.dumps(found))
        return Reply(403, b'{"errors":["permission denied"]}')

    with standing(reply) as stand:
        reading = provider(stand.url, GIVEN, {"TOKEN": "hvs.x"})
        document = reading.read("secret/team/customerio")
        assert (revealed(document), document.version, document.created_at) == (PAIR, "7", 1767323045.123456)
        assert "version 2 at the first part of the path was assumed" in refusal(reading, "team/secret/customerio")


# The login.


@pytest.fixture
def secret(vault: Server) -> tuple[str, str]:
    """Write a secret; return where, and the policy that allows to read it."""
    mount = vault.kv(2)
    vault.write(mount, "customerio", PAIR)
    return f"{mount}/customerio", vault.policy(f"{mount}/data/customerio")


def test_a_token_logs_in(vault: Server, secret: tuple[str, str]) -> None:
    """One that may do nothing but read the secret, not even ask how long it lasts."""
    document, policy = secret
    for properties in ({}, {"no_default_policy": True}, {"type": "batch"}, {"period": "1h"}):
        token = vault.issue(policy, **properties)
        assert revealed(provider(vault.url, GIVEN, {"TOKEN": token + "\n"}).read(document)) == PAIR


def test_an_app_role_logs_in(vault: Server, secret: tuple[str, str]) -> None:
    """Wherever the method is mounted; a secret id that was exchanged is read at the next login."""
    document, policy = secret
    mount, environ = vault.app_role(policy)
    reading = provider(vault.url, APP_ROLE | {"mount": f"{mount}/"}, environ)
    assert revealed(reading.read(document)) == PAIR
    old, environ["SECRET_ID"] = environ["SECRET_ID"], vault.secret_id(mount)
    vault.api(f"auth/{mount}/role/sidecar/secret-id/destroy", {"secret_id": old})
    assert vault.tokens(policy)
    vault.api(f"sys/leases/revoke-prefix/auth/{mount}/login", {})
    until(lambda: not vault.tokens(policy))
    assert revealed(reading.read(document)) == PAIR


def test_a_jwt_logs_in(vault: Server, secret: tuple[str, str], tmp_path: Path) -> None:
    """A token that somebody else signed; the file is read at every login, because it is exchanged before it ends."""
    document, policy = secret
    mount, signer = unique("jwt"), Signer()
    vault.api(f"sys/auth/{mount}", {"type": "jwt"})
    vault.api(f"auth/{mount}/config", {"jwt_validation_pubkeys": [signer.public_pem], "bound_issuer": "https://issuer.test"})
    role = {"role_type": "jwt", "user_claim": "sub", "bound_audiences": ["vault"], "bound_subject": "sidecar",
            "token_policies": [policy]}  # fmt: skip
    vault.api(f"auth/{mount}/role/sidecar", role)
    auth = {"method": "jwt", "mount": mount, "role": "sidecar", "jwt": f"file:{tmp_path}/jwt"}
    reading = provider(vault.url, auth, {})
    assert refusal(reading, document).startswith("stores.vault.auth.jwt: there is no such file")
    (tmp_path / "jwt").write_text(signer.token(iss="https://issuer.test", sub="somebody", aud="vault"))
    assert "Vault refused the login" in refusal(reading, document)
    (tmp_path / "jwt").write_text(Signer().token(iss="https://issuer.test", sub="sidecar", aud="vault"))
    assert "Vault refused the login" in refusal(reading, document)
    (tmp_path / "jwt").write_text(signer.token(iss="https://issuer.test", sub="sidecar", aud="vault"))
    assert revealed(reading.read(document)) == PAIR


@pytest.mark.needs("vault-plugin-auth-kubernetes")
def test_a_service_account_logs_in(issued: Issued, tmp_path: Path) -> None:
    """Vault asks Kubernetes, over TLS, whose token it is: the plugin does, of the API server that reviews tokens."""
    signer = Signer()
    account = {"namespace": "shop", "serviceaccount": {"name": "billing", "uid": "uid-of-billing"}}
    claims = {"iss": "https://kubernetes.default.svc", "aud": ["vault"], "kubernetes.io": account}

    def pod_token(name: str = "billing") -> str:
        return signer.token(sub=f"system:serviceaccount:shop:{name}", **claims)

    live = pod_token()

    def review(asked: Asked) -> Reply:
        assert asked.path == "/apis/authentication.k8s.io/v1/tokenreviews"
        assert asked.headers["authorization"] == "Bearer reviewer"
        authenticated = orjson.loads(asked.body)["spec"]["token"] == live
        user = {"username": "system:serviceaccount:shop:billing", "uid": "uid-of-billing", "groups": []}
        status = {"authenticated": True, "user": user, "audiences": ["vault"]} if authenticated else {"error": "unknown"}
        answer = {"kind": "TokenReview", "apiVersion": "authentication.k8s.io/v1", "status": status}
        return Reply(201, orjson.dumps(answer), {"Content-Type": "application/json"})

    with standing(review, issued, tmp_path) as kubernetes, dev_server(tmp_path, kubernetes=True) as vault:
        vault.api("secret/data/customerio", {"data": PAIR})
        policy = vault.policy("secret/data/customerio")
        vault.api("sys/auth/kubernetes", {"type": "vault-plugin-auth-kubernetes"})
        vault.api("auth/kubernetes/config", {"kubernetes_host": kubernetes.url, "kubernetes_ca_cert": issued.ca.decode(),
                                             "token_reviewer_jwt": "reviewer"})  # fmt: skip
        vault.api("auth/kubernetes/role/cio-sidecar", {
            "bound_service_account_names": ["billing"], "bound_service_account_namespaces": ["shop"], "audience": "vault",
            "token_policies": [policy], "token_ttl": "1h",
        })  # fmt: skip
        auth = {"method": "kubernetes", "role": "cio-sidecar", "jwt": f"file:{tmp_path}/token"}
        clock = FakeClock()
        reading = provider(vault.url, auth, {}, clock=clock)
        (tmp_path / "token").write_text(signer.token(sub="system:serviceaccount:shop:other", **claims))
        assert "Vault forbade the login" in refusal(reading, "secret/customerio")
        (tmp_path / "token").write_text(live)
        assert revealed(reading.read("secret/customerio")) == PAIR
        reviewed = len(kubernetes.asked)
        (made,) = vault.tokens(policy)
        assert made["meta"]["service_account_name"] == "billing"

        # The kubelet exchanges the token; the next login takes the new one.
        live = pod_token("billing")
        (tmp_path / "token").write_text(live)
        vault.api("auth/token/revoke-accessor", {"accessor": made["accessor"]})
        assert revealed(reading.read("secret/customerio")) == PAIR
        assert len(kubernetes.asked) == reviewed + 1


def test_a_pod_token_is_where_kubernetes_mounts_it() -> None:
    """Without `jwt`, it is the Pod's own; outside a Pod there is none."""
    reading = provider(f"http://127.0.0.1:{free_port()}", {"method": "kubernetes", "role": "sidecar"}, {})
    assert refusal(reading, "secret/x").startswith("stores.vault.auth.jwt: there is no such file")


def test_a_token_is_renewed_in_the_last_third_of_its_time(vault: Server, secret: tuple[str, str]) -> None:
    """Not before; seen by Vault, on the same token; and then not again until that time is nearly over."""
    document, policy = secret
    clock = FakeClock()
    mount, environ = vault.app_role(policy, token_ttl="1h")
    for auth, known in ((GIVEN, {"TOKEN": vault.issue(policy, ttl="1h")}), (APP_ROLE | {"mount": mount}, environ)):
        reading = provider(vault.url, auth, known, clock=clock)
        reading.read(document)
        (made,) = vault.tokens(policy)
        clock.advance(3600 * 0.6)
        reading.read(document)
        assert "last_renewal_time" not in vault.tokens(policy)[0]
        clock.advance(3600 * 0.1)
        reading.read(document)
        (renewed,) = vault.tokens(policy)
        assert renewed["accessor"] == made["accessor"]
        assert renewed["last_renewal_time"]
        until(lambda renewed=renewed: int(SystemClock.wall()) > renewed["last_renewal_time"])  # type: ignore[misc]
        clock.advance(3600 * 0.6)
        reading.read(document)
        assert vault.tokens(policy) == [renewed | {"ttl": vault.tokens(policy)[0]["ttl"]}]
        vault.api("auth/token/revoke-accessor", {"accessor": made["accessor"]})


def test_a_token_that_gets_no_more_time_is_replaced(vault: Server, secret: tuple[str, str]) -> None:
    """Near the end of the longest life of a token a renewal gives little: a new login takes over, the old token is revoked."""
    document, policy = secret
    clock = FakeClock()
    mount, environ = vault.app_role(policy, token_ttl="1h")
    reading = provider(vault.url, APP_ROLE | {"mount": mount}, environ, clock=clock)
    reading.read(document)
    (old,) = vault.tokens(policy)
    vault.api(f"auth/{mount}/role/sidecar", {"token_ttl": "10m"})
    clock.advance(3600 * 0.7)
    reading.read(document)
    (new,) = vault.tokens(policy)
    assert new["accessor"] != old["accessor"]


def test_a_token_that_cannot_be_renewed_is_replaced(vault: Server, secret: tuple[str, str]) -> None:
    """A batch token. No list of Vault's shows one; what shows is that the secret id is used again, and not before its time."""
    document, policy = secret
    clock = FakeClock()
    mount, environ = vault.app_role(policy, token_ttl="1h", token_type="batch", secret_id_num_uses=10)
    reading = provider(vault.url, APP_ROLE | {"mount": mount}, environ, clock=clock)
    for elapsed, logins in ((0, 1), (0.6, 1), (0.1, 2), (0.6, 2), (0.1, 3)):
        clock.advance(3600 * elapsed)
        reading.read(document)
        known = vault.api(f"auth/{mount}/role/sidecar/secret-id/lookup", {"secret_id": environ["SECRET_ID"]})
        assert 10 - known["data"]["secret_id_num_uses"] == logins


def test_a_revoked_token_costs_nothing(vault: Server, secret: tuple[str, str]) -> None:
    """The read in which Vault forbids it logs in anew, and succeeds; so does one whose lease was revoked with all its kind."""
    document, policy = secret
    mount, environ = vault.app_role(policy)
    reading = provider(vault.url, APP_ROLE | {"mount": mount}, environ)
    reading.read(document)
    (made,) = vault.tokens(policy)
    vault.api("auth/token/revoke-accessor", {"accessor": made["accessor"]})
    assert revealed(reading.read(document)) == PAIR
    vault.api(f"sys/leases/revoke-force/auth/{mount}/login", {})
    until(lambda: not vault.tokens(policy))
    assert revealed(reading.read(document)) == PAIR
    assert len(vault.tokens(policy)) == 1


def test_an_expired_token_costs_nothing(vault: Server, secret: tuple[str, str]) -> None:
    """Vault ended it before we thought it would, as after a pause of the machine; really, after a second."""
    document, policy = secret
    mount, environ = vault.app_role(policy, token_ttl="1s")
    reading = provider(vault.url, APP_ROLE | {"mount": mount}, environ, clock=FakeClock())
    reading.read(document)
    until(lambda: not vault.tokens(policy))
    assert revealed(reading.read(document)) == PAIR


def test_a_token_that_ended_is_told_and_a_new_one_is_taken(vault: Server, secret: tuple[str, str]) -> None:
    """Where the token itself is configured nobody can log in for it; a new one in its place is used by the next read."""
    document, policy = secret
    environ = {"TOKEN": vault.issue(policy)}
    reading = provider(vault.url, GIVEN, environ)
    reading.read(document)
    vault.api("auth/token/revoke", {"token": environ["TOKEN"]})
    assert "it has expired or was revoked" in refusal(reading, document)
    environ["TOKEN"] = vault.issue(policy)
    assert revealed(reading.read(document)) == PAIR
    environ["TOKEN"] = "CANARY with spaces"
    fresh = provider(vault.url, GIVEN, environ)
    assert "holds a space" in refusal(fresh, document)
    del environ["TOKEN"]
    assert refusal(fresh, document).startswith("stores.vault.auth.token: the environment variable is not set: ")


def test_a_token_that_somebody_else_made_is_never_revoked(vault: Server, secret: tuple[str, str]) -> None:
    """Not when Vault forbids it a read, nor when another takes its place: it may open other doors."""
    document, policy = secret
    forbidden = vault.policy("secret/data/something-else")
    environ = {"TOKEN": vault.issue(forbidden)}
    reading = provider(vault.url, GIVEN, environ)
    for _ in range(2):
        assert "a policy must allow it" in refusal(reading, document)
    environ["TOKEN"] = vault.issue(policy)
    assert revealed(reading.read(document)) == PAIR
    assert len(vault.tokens(forbidden)) == 1


def test_what_no_policy_allows_is_told_and_leaves_no_tokens_behind(vault: Server, secret: tuple[str, str]) -> None:
    """Each read tries a new login, which a corrected role would make work; the token before it is revoked each time."""
    document, _ = secret
    policy = vault.policy("secret/data/something-else")
    mount, environ = vault.app_role(policy)
    reading = provider(vault.url, APP_ROLE | {"mount": mount}, environ)
    for _ in range(4):
        assert "a policy must allow it" in refusal(reading, document)
    assert len(vault.tokens(policy)) == 1
    vault.api(f"auth/{mount}/role/sidecar", {"token_policies": [secret[1]]})
    assert revealed(reading.read(document)) == PAIR
    assert not vault.tokens(policy)


def test_a_login_that_fails_is_told(vault: Server, secret: tuple[str, str]) -> None:
    """A wrong secret id, and a method that is not mounted there."""
    document, policy = secret
    mount, environ = vault.app_role(policy)
    auth = APP_ROLE | {"mount": mount}
    assert "Vault refused the login" in refusal(provider(vault.url, auth, environ | {"SECRET_ID": "CANARY"}), document)
    assert "Vault forbade the login" in refusal(provider(vault.url, auth | {"mount": "nowhere"}, environ), document)


def test_a_login_that_fails_takes_nothing_from_a_token_that_is_good(vault: Server, secret: tuple[str, str]) -> None:
    """Who logs in too late to be let in goes on with what it has, to its last second."""
    document, policy = secret
    clock = FakeClock()
    mount, environ = vault.app_role(policy, token_ttl="1h", token_type="batch")
    reading = provider(vault.url, APP_ROLE | {"mount": mount}, environ, clock=clock)
    reading.read(document)
    environ["SECRET_ID"] = "CANARY"
    clock.advance(3600 * 0.9)
    assert revealed(reading.read(document)) == PAIR
    clock.advance(3600 * 0.1)
    assert "Vault refused the login" in refusal(reading, document)


def test_no_renewal_is_asked_of_what_cannot_be_renewed() -> None:
    """A login says so: in the last third of its time the next one is asked for at once."""
    clock = FakeClock()
    granted = {"auth": {"client_token": "hvs.CANARY", "lease_duration": 60, "renewable": False}}
    with standing(lambda asked: Reply(200 if "login" in asked.path else 403, orjson.dumps(granted))) as stand:
        reading = provider(stand.url, APP_ROLE, {"ROLE_ID": "CANARY", "SECRET_ID": "CANARY"}, clock=clock)
        refusal(reading, "secret/x")
        stand.asked.clear()
        clock.advance(50)
        refusal(reading, "secret/x")
        assert stand.paths[:2] == ["POST /v1/auth/approle/login", "POST /v1/auth/token/revoke-self"]


def test_a_read_makes_few_requests() -> None:
    """Three at first, one from then on, and eight where all is tried that can be; in vain here."""
    clock = FakeClock()
    granted = {"auth": {"client_token": "hvs.CANARY", "lease_duration": 60, "renewable": True}}
    mounted = {"data": {"path": "secret/", "type": "kv", "options": {"version": "2"}}}
    found = {"data": {"data": PAIR, "metadata": {"version": 1, "created_time": "2026-01-02T03:04:05Z"}}}
    answers: dict[str, list[Any]] = {"login": [granted, None, granted], "mounts": [mounted], "data": [found, found, found]}

    def reply(asked: Asked) -> Reply:
        left = next((answers[part] for part in answers if part in asked.path), [])
        answer = left.pop(0) if left else None
        return Reply(403, b'{"errors":["CANARY"]}') if answer is None else Reply(200, orjson.dumps(answer))

    with standing(reply) as stand:
        reading = provider(stand.url, APP_ROLE, {"ROLE_ID": "CANARY", "SECRET_ID": "CANARY"}, clock=clock)
        for requests in (3, 1, 1):
            stand.asked.clear()
            reading.read("secret/customerio")
            assert len(stand.asked) == requests
        clock.advance(59)
        stand.asked.clear()
        assert "Vault forbids the read" in refusal(reading, "secret/another")
    assert stand.paths == [
        "POST /v1/auth/token/renew-self",
        "POST /v1/auth/approle/login",
        "GET /v1/sys/internal/ui/mounts/secret/another",
        "GET /v1/secret/data/another",
        "POST /v1/auth/approle/login",
        "POST /v1/auth/token/revoke-self",
        "GET /v1/sys/internal/ui/mounts/secret/another",
        "GET /v1/secret/data/another",
    ]


# The server.


def test_a_server_that_is_sealed_or_restarted_is_told_and_used_again(issued: Issued, tmp_path: Path) -> None:
    """Not initialised, sealed, unsealed, gone, back and sealed, unsealed; over TLS, with the authorities of a file."""
    environ: dict[str, str] = {"TOKEN": "hvs.none-yet"}
    with stored_server(tmp_path, issued) as vault:
        port = int(vault.url.rpartition(":")[2])
        reading = provider(vault.url, GIVEN, environ, ca=vault.ca)
        assert "is sealed, not initialised" in refusal(reading, "kv/customerio")
        made = vault.api("sys/init", {"secret_shares": 1, "secret_threshold": 1}, method="PUT")
        vault.token = environ["TOKEN"] = made["root_token"]
        assert "is sealed" in refusal(reading, "kv/customerio")
        vault.unseal(made["keys"][0])
        vault.kv(2, "kv")
        vault.write("kv", "customerio", PAIR)
        assert revealed(reading.read("kv/customerio")) == PAIR
        vault.api("sys/seal", method="PUT")
        assert "is sealed" in refusal(reading, "kv/customerio")
    assert "cannot be reached" in refusal(reading, "kv/customerio")
    with stored_server(tmp_path, issued, port) as vault:
        vault.token = environ["TOKEN"]
        assert "is sealed" in refusal(reading, "kv/customerio")
        vault.unseal(made["keys"][0])
        assert revealed(reading.read("kv/customerio")) == PAIR
        assert "no TLS with Vault" in refusal(provider(vault.url, GIVEN, environ), "kv/customerio")


def test_a_slow_server_is_waited_for_and_not_for_ever(vault: Server, secret: tuple[str, str]) -> None:
    """An answer that takes a while is an answer; none at all is told after the time of one request; the next read works."""
    relay = Relay(int(vault.url.rpartition(":")[2]))
    reading = provider(f"http://127.0.0.1:{relay.port}", GIVEN, {"TOKEN": vault.issue(secret[1])}, timeout_seconds=1)
    try:
        relay.delay_seconds = 0.2
        assert revealed(reading.read(secret[0])) == PAIR
        relay.flowing.clear()
        began = SystemClock.monotonic()
        assert "does not answer in time" in refusal(reading, secret[0])
        assert SystemClock.monotonic() - began < 3
        relay.flowing.set()
        assert revealed(reading.read(secret[0])) == PAIR
    finally:
        relay.close()


def test_the_namespace_goes_with_every_request() -> None:
    """The one that is configured; Vault Enterprise looks for logins and engines in it."""
    with standing(lambda _: Reply(403, b'{"errors":[]}')) as stand:
        refusal(provider(stand.url, GIVEN, {"TOKEN": "hvs.x"}, namespace="team/prod"), "secret/x")
    assert {asked.headers.get("x-vault-namespace") for asked in stand.asked} == {"team/prod"}
    assert len(stand.asked) == 3


def test_what_cannot_be_used_is_refused_at_the_start(tmp_path: Path) -> None:
    """A file of authorities without any, none at all, and a namespace that no header can hold."""
    (tmp_path / "empty.pem").write_text("CANARY")
    for settings, problem in (
        ({"ca": tmp_path / "empty.pem"}, "stores.vault.ca: holds no certificates in PEM that can be read"),
        ({"ca": tmp_path / "CANARY.pem"}, "stores.vault.ca: holds no certificates in PEM that can be read"),
        ({"namespace": "téam"}, "stores.vault.namespace: holds a character outside ASCII"),
    ):
        with pytest.raises(ConfigError) as refused:
            provider("https://127.0.0.1:1", GIVEN, {}, **settings)
        assert str(refused.value) == problem


def test_nothing_prints_a_secret(vault: Server, secret: tuple[str, str], caplog: pytest.LogCaptureFixture) -> None:
    """G2: no log line of any library at its lowest level, and no text of the provider, holds a secret or a token."""
    caplog.set_level(logging.DEBUG)
    mount, environ = vault.app_role(secret[1])
    reading = provider(vault.url, APP_ROLE | {"mount": mount}, environ)
    document = reading.read(secret[0])
    refusal(reading, "secret/none")
    shown = f"{reading!r} {vars(reading)!r} {document!r}"
    ours = [record.getMessage() for record in caplog.records if vault.token not in record.getMessage()]
    assert not re.search(r"CANARY|hv[sb]\.", shown + "".join(ours))


@pytest.mark.parametrize(
    "answer",
    [
        {},
        {"auth": None},
        {"auth": {"client_token": "CANARY", "lease_duration": "1h", "renewable": True}},
        {"auth": {"client_token": "CANARY\n", "lease_duration": 60, "renewable": True}},
        {"auth": {"client_token": "", "lease_duration": 60, "renewable": True, "mfa_requirement": {}}},
    ],
)
def test_a_login_that_gives_no_token_is_no_login(answer: object) -> None:
    """Whatever answers 200 at that address, its token goes nowhere if it is none."""
    with standing(lambda _: Reply(200, orjson.dumps(answer))) as stand:
        reading = provider(stand.url, APP_ROLE, {"ROLE_ID": "CANARY", "SECRET_ID": "CANARY"})
        assert "the server that answers is not Vault" in refusal(reading, "secret/x")


@pytest.mark.parametrize(
    "answer",
    [
        {},
        {"data": None},
        {"data": {"data": "CANARY", "metadata": {"version": 1, "created_time": ""}}},
        {"data": {"data": PAIR, "metadata": {"version": "one", "created_time": ""}}},
        {"data": {"data": PAIR}},
    ],
)
def test_a_secret_of_another_shape_is_none(answer: object) -> None:
    """A field is taken only from where version 2 puts it; of a document without a date that can be read, the rest is."""

    def reply(asked: Asked) -> Reply:
        return Reply(200, orjson.dumps(answer)) if "/data/" in asked.path else Reply(403, b'{"errors":[]}')

    with standing(reply) as stand:
        reading = provider(stand.url, GIVEN, {"TOKEN": "hvs.x"})
        assert "the server that answers is not Vault" in refusal(reading, "secret/x")
        answer = {"data": {"data": PAIR, "metadata": {"version": 1, "created_time": "some day"}}}
        assert reading.read("secret/x") == Document({name: Sensitive(text) for name, text in PAIR.items()}, "1")


def test_a_configuration_reads_it(vault: Server, secret: tuple[str, str]) -> None:
    """As the sidecar puts it together; without the section that says where Vault is, there is nobody to ask."""
    reference = f"vault:{secret[0]}"
    document = {"version": 1, "policy": PolicyDocument(version=1),
                "credentials": {"track": {"site_id": f"{reference}#site_id", "api_key": f"{reference}#api_key"}}}  # fmt: skip
    stores = {"vault": {"address": vault.url, "auth": GIVEN}}
    known = providers(Config.model_validate(document | {"stores": stores}), {"TOKEN": vault.issue(secret[1])})
    assert revealed(known[Kind.VAULT].read(secret[0])) == PAIR
    with pytest.raises(ConfigError, match=r"^stores\.vault: is required"):
        providers(Config.model_validate(document), {})


def test_the_client_is_loaded_only_when_it_is_needed() -> None:
    """A sidecar without Vault does not pay for it, in memory or in the time it takes to start."""
    code = "import sys, proxy.cli.main, proxy.cli.stores; sys.exit(bool({'hvac', 'requests', 'urllib3'} & set(sys.modules)))"
    assert subprocess.run([sys.executable, "-c", code], timeout=60, check=False).returncode == 0


def test_the_page_tells_what_is_said() -> None:
    """Every line that `docs/vault.md` explains is one that the code says, word for word."""
    page = (ROOT / "docs" / "vault.md").read_text()
    rows = re.findall(r"^\| (.+?) \| .*\|$", page.partition("| said |")[2], re.MULTILINE)
    source = "".join(
        re.sub(r'"\s+"', "", (ROOT / "proxy" / "credentials" / name).read_text())
        for name in ("vault.py", "vault_http.py", "model.py", "file.py")
    )
    assert len(rows) > 10
    assert [row for row in rows if row.removeprefix("stores.vault.auth.jwt: ") not in source] == []
