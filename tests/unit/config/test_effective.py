"""A configuration as it would be written."""

from pathlib import Path
from typing import Any

import pytest
import yaml

from proxy.config.available import NOT_YET
from proxy.config.effective import in_force, policy_in_force
from proxy.config.load import BUILTIN, BUILTIN_POLICIES, load, load_policy
from proxy.config.model import Config
from proxy.policy.model import PolicyDocument
from tests.needs import ROOT

CONFIGURATIONS = {
    "the least": "version: 1\n",
    "the example": (ROOT / "config" / "sidecar.yaml").read_text().replace("policies/", f"{ROOT}/config/policies/"),
    "stores": """
version: 1
region: eu
upstreams: {app: {url: "http://127.0.0.1:9"}}
outbound: {callers: any, host: 0.0.0.0, tls: {certificate: a.pem, key: b.pem}}
credentials: {track: {site_id: "vault:secret/x#a", api_key: "vault:secret/x#b"}, app: {api_key: "file:keys/app"}, workspace: 7}
stores: {vault: {address: "https://vault", auth: {method: token, token: "env:TOKEN"}}}
webhooks: {port: 1}
policy: {version: 1, mode: report, allow: {"track.*": [email]}, rules: [{name: a, paths: [b.c], action: mask, callers: null}]}
""",
}


@pytest.mark.parametrize("text", CONFIGURATIONS.values(), ids=CONFIGURATIONS)
def test_what_is_in_force_is_a_configuration_that_means_the_same(tmp_path: Path, text: str) -> None:
    """Written to a file and read again it gives every value anew, with the region's URLs in it."""
    (tmp_path / "c.yaml").write_text(text)
    first = load(tmp_path / "c.yaml", {}).config
    shown = in_force(first)
    (tmp_path / "again.yaml").write_text(yaml.safe_dump(shown))
    again = load(tmp_path / "again.yaml", {}).config
    assert in_force(again) == shown
    assert again.model_copy(update={"upstreams": first.upstreams}) == first
    region = "eu" if first.region == "eu" else "us"
    assert shown["upstreams"]["track"]["url"] == f"https://track{'-eu' if region == 'eu' else ''}.customer.io"


@pytest.mark.parametrize("name", BUILTIN_POLICIES)
def test_a_policy_in_force_means_the_same(name: str) -> None:
    """Defaults are left out of it."""
    document, _ = load_policy(f"{BUILTIN}{name}")
    assert PolicyDocument.model_validate(policy_in_force(document)) == document


def test_a_reference_is_shown_and_what_was_pasted_in_its_place_is_not() -> None:
    """`env:NAME` says where a secret is; a key after the colon would be the secret (promise G2)."""
    credentials = {"app": {"api_key": "env:CIO_APP_KEY"}, "pipelines": {"write_key": "env:a8b4be41e9a1e4a1fb3c0"}}
    config = Config.model_validate({"version": 1, "policy": PolicyDocument(version=1), "credentials": credentials})
    shown = in_force(config)["credentials"]
    assert (shown["app"], shown["pipelines"]) == ({"api_key": "env:CIO_APP_KEY"}, {"write_key": "env:…"})


def test_what_this_version_does_not_do_is_not_shown() -> None:
    """Nobody takes a value for one that has an effect."""
    shown: Any = in_force(load(None, {"CIO_SIDECAR_OUTBOUND__CALLERS": '[{"name": "a", "key": "env:A"}]'}).config)
    assert shown["outbound"]["callers"] == [{"name": "a", "key": "env:A"}]
    for pattern in NOT_YET:
        found = shown
        for key in pattern.split("."):
            found = found[0] if key == "*" else found.get(key, {})
        assert found == {}, pattern
