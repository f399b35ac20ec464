"""Every secret that a configuration refers to."""

from pathlib import Path
from typing import Any

import pytest

from proxy.cli.stores import providers
from proxy.config.model import Config
from proxy.config.problems import each
from proxy.credentials.callers import ANYONE
from proxy.credentials.model import LOCAL, Kind
from proxy.credentials.resolve import Held, Resolved, resolve
from proxy.errors import ConfigError
from proxy.policy.model import PolicyDocument
from proxy.sensitive import Sensitive

ENVIRON = {
    "SITE": "site-0123456789",
    "KEY": "track-key-0123456789",
    "APP": "app-key-0123456789",
    "WRITE": "write-key-0123456789",
    "TOKEN": "token-0123456789",
    "PEPPER": "päpper-0123456789",
    "BILLING": "billing-0123456789",
    "SHOP": "shop-0123456789-shop",
}
SECTIONS: dict[str, Any] = {
    "credentials": {
        "track": {"site_id": "env:SITE", "api_key": "env:KEY"},
        "app": {"api_key": "env:APP"},
        "pipelines": {"write_key": "env:WRITE"},
    },
    "admin": {"token": "env:TOKEN"},
    "outbound": {"callers": [{"name": "billing", "key": "env:BILLING"}, {"name": "shop", "key": "env:SHOP"}]},
    "policy": PolicyDocument.model_validate(
        {"version": 1, "hash": {"algorithm": "hmac-sha256", "key": "env:PEPPER", "key_id": "k1"}}
    ),
}


def resolved(
    environ: dict[str, str],
    kinds: frozenset[Kind] = frozenset(Kind),
    *,
    versions: bool = True,
    **sections: Any,  # noqa: ANN401 - a configuration is free-form here
) -> Resolved:
    """Resolve a configuration with these sections."""
    config = Config.model_validate({"version": 1, "policy": PolicyDocument(version=1), **sections})
    return resolve(config, providers(config, environ), kinds, versions=versions)


def problems(environ: dict[str, str], **sections: Any) -> dict[str, str]:  # noqa: ANN401 - a configuration is free-form here
    """Return what is wrong, by key path."""
    with pytest.raises(ConfigError) as refused:
        resolved(environ, **sections)
    assert not any(secret in str(refused.value) for secret in environ.values() if secret)
    return {error.path: error.problem for error in each(refused.value)}


def test_every_secret_comes_in_the_form_it_is_used_in() -> None:
    """Header lines for Customer.io, digests of callers' keys, bytes for hashing, a token to compare with."""
    secrets = resolved(ENVIRON, **SECTIONS)
    assert secrets.versions["track"].authorization.line.reveal().startswith(b"Authorization: Basic ")
    assert secrets.versions["app"].authorization.line.reveal() == b"Authorization: Bearer app-key-0123456789\r\n"
    assert set(secrets.versions) == {"track", "app", "pipelines"}
    assert secrets.callers.caller_of(b"Bearer shop-0123456789-shop") == "shop"
    assert secrets.hash_key == Sensitive("päpper-0123456789".encode())
    assert secrets.admin_token == Sensitive("token-0123456789")


def test_what_is_not_configured_is_not_there() -> None:
    """A configuration without references needs no secret, and everyone may call."""
    secrets = resolved({})
    assert secrets.versions == {}
    assert (secrets.hash_key, secrets.admin_token) == (None, None)
    assert secrets.callers.caller_of(None) == ANYONE


def test_callers_that_cannot_be_read_do_not_let_everyone_in() -> None:
    """No callers at all would mean that everyone may call: it is an error instead."""
    sections = {"outbound": SECTIONS["outbound"]}
    assert set(problems({}, **sections)) == {"outbound.callers.0.key", "outbound.callers.1.key"}


def test_every_missing_secret_is_told_at_once() -> None:
    """By its key path and the name of the variable."""
    found = problems({}, **SECTIONS)
    assert set(found) == {
        "credentials.track.site_id", "credentials.track.api_key", "credentials.app.api_key", "credentials.pipelines.write_key",
        "admin.token", "policy.hash.key", "outbound.callers.0.key", "outbound.callers.1.key",
    }  # fmt: skip
    assert found["admin.token"] == "the environment variable is not set: TOKEN; set it, or use a file: reference"
    assert {problem.split(": ")[1].partition(";")[0] for problem in found.values()} == set(ENVIRON)


@pytest.mark.parametrize(
    ("name", "secret", "path", "problem"),
    [
        ("SITE", "si:te-0123456789", "credentials.track", "the site id holds a colon"),
        ("KEY", "abc", "credentials.track", "the API key is shorter than 4 characters"),
        ("APP", "app key with spaces", "credentials.app.api_key", "holds a space"),
        ("WRITE", "write:key", "credentials.pipelines.write_key", "holds a colon"),
        ("TOKEN", "a token with spaces", "admin.token", "holds a space"),
        ("BILLING", "billing:0123456789", "outbound.callers.0.key", "holds a colon"),
        ("BILLING", "bílling-0123456789", "outbound.callers.0.key", "outside ASCII"),
        ("SHOP", ENVIRON["BILLING"], "outbound.callers.1.key", "is also the key of an earlier caller"),
        ("SHOP", ENVIRON["KEY"], "outbound.callers.1.key", "is a real key of Customer.io, which no application may have"),
        ("BILLING", ENVIRON["APP"], "outbound.callers.0.key", "is a real key of Customer.io"),
        ("BILLING", ENVIRON["WRITE"], "outbound.callers.0.key", "is a real key of Customer.io"),
    ],
)
def test_a_secret_that_cannot_do_its_work_is_refused(name: str, secret: str, path: str, problem: str) -> None:
    """What cannot stand in its header, could be guessed, or would not keep the real keys from an application."""
    found = problems(ENVIRON | {name: secret}, **SECTIONS)
    assert list(found) == [path]
    assert problem in found[path]


@pytest.mark.parametrize(
    ("name", "path"), [("TOKEN", "admin.token"), ("PEPPER", "policy.hash.key"), ("BILLING", "outbound.callers.0.key")]
)
def test_a_secret_that_could_be_guessed_is_named(name: str, path: str) -> None:
    """It does its work, so it is told by its key path and not refused; sixteen characters are enough."""
    assert resolved(ENVIRON | {name: "fifteen-letters"}, **SECTIONS).weak == (path,)
    assert resolved(ENVIRON | {name: "sixteen--letters"}, **SECTIONS).weak == ()


def test_the_secrets_do_not_print() -> None:
    """However they are represented."""
    shown = repr(resolved(ENVIRON, **SECTIONS))
    assert not any(secret in shown for secret in ENVIRON.values())


def test_only_what_is_asked_for_is_read(tmp_path: Path) -> None:
    """What is kept elsewhere is named, so that nobody takes it for missing; credentials can be left to who watches them."""
    (tmp_path / "token").write_text("token-0123456789")
    admin = {"admin": {"token": f"file:{tmp_path / 'token'}"}}
    some = resolved(ENVIRON, kinds=frozenset({Kind.ENV}), **SECTIONS | admin)
    assert (some.admin_token, some.unread, set(some.versions)) == (None, ("admin.token",), {"track", "app", "pipelines"})
    none = resolved({"PEPPER": "pepper"}, kinds=frozenset({Kind.ENV}), versions=False, **SECTIONS | admin | {"outbound": {}})
    assert (none.versions, none.hash_key) == ({}, Sensitive(b"pepper"))


def test_what_is_in_absent_files_is_left_to_whoever_waits_for_it(tmp_path: Path) -> None:
    """Credentials and other secrets alike; what is wrong beside them is a problem all the same."""
    absent = f"file:{tmp_path / 'none'}"
    sections = SECTIONS | {
        "credentials": {"app": {"api_key": absent}, "pipelines": {"write_key": "env:WRITE"}},
        "admin": {"token": absent},
    }
    config = Config.model_validate({"version": 1, "policy": PolicyDocument(version=1), **sections})
    found = resolve(config, providers(config, ENVIRON), LOCAL, awaiting=True)
    assert (set(found.versions), found.unread, found.admin_token) == ({"pipelines"}, ("admin.token",), None)
    with pytest.raises(ConfigError) as refused:
        resolve(config, providers(config, ENVIRON), LOCAL)
    assert {error.path for error in each(refused.value)} == {"credentials.app.api_key", "admin.token"}
    with pytest.raises(ConfigError, match=r"^credentials.pipelines.write_key: the environment variable is not set: WRITE"):
        resolve(config, providers(config, {name: ENVIRON[name] for name in ENVIRON if name != "WRITE"}), LOCAL, awaiting=True)


def test_a_store_that_fails_leaves_the_last_good_secret() -> None:
    """It is told by its key path; what was never read is a problem, and so is a reading that cannot be used."""
    config = Config.model_validate({"version": 1, **SECTIONS})
    before = resolve(config, providers(config, ENVIRON))
    lost = {name: value for name, value in ENVIRON.items() if name not in {"PEPPER", "SHOP"}}
    held = Held(before.secrets, dict(before.versions))
    after = resolve(config, providers(config, lost), held=held)
    assert (after.hash_key, after.callers, after.admin_token) == (before.hash_key, before.callers, before.admin_token)
    assert {error.path for error in after.outdated} == {"policy.hash.key", "outbound.callers.1.key"}
    assert before.outdated == ()
    with pytest.raises(ConfigError):
        resolve(config, providers(config, lost))
    with pytest.raises(ConfigError, match="colon"):
        resolve(config, providers(config, ENVIRON | {"SHOP": "a:colon"}), held=held)


def test_a_slot_that_is_held_is_not_read() -> None:
    """Its key is known all the same, to be told from callers' keys; where none is held, there is none."""
    config = Config.model_validate({"version": 1, **SECTIONS})
    before = resolve(config, providers(config, ENVIRON))
    lost = {name: value for name, value in ENVIRON.items() if name not in {"SITE", "KEY", "APP"}}
    after = resolve(config, providers(config, lost), held=Held({}, {"track": before.versions["track"], "app": None}))
    assert set(after.versions) == {"track", "pipelines"}
    stolen = lost | {"SHOP": ENVIRON["KEY"]}
    with pytest.raises(ConfigError, match="is a real key"):
        resolve(config, providers(config, stolen), held=Held({}, {"track": before.versions["track"], "app": None}))
