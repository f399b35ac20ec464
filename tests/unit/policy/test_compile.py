"""What is found out about a policy at load."""

from pathlib import Path
from typing import Any

import pytest
import yaml

from proxy.api.endpoints import ENDPOINTS
from proxy.api.model import Bucket, Credential, Endpoint, Replay, Upstream
from proxy.config.load import BUILTIN_POLICIES
from proxy.errors import ConfigError
from proxy.policy.compile import compile_policy
from proxy.policy.model import PolicyDocument
from proxy.sensitive import Sensitive

ROOT = Path(__file__).parents[3]


def row(name: str, *sending: str) -> Endpoint:
    """Return an endpoint called `name`."""
    upstream, credential, bucket = Upstream.TRACK, Credential.TRACK, Bucket.TRACK
    return Endpoint(name, "POST", f"/{name}", upstream, credential, bucket, Replay.SAFE, sending=frozenset(sending))


ROWS = [row("track.v1.identify"), row("track.v1.event"), row("app.v1.send.email", "to"), row("pipelines.v1.track")]


def refusal(*rules: dict[str, Any], **settings: Any) -> ConfigError:  # noqa: ANN401  # a document is free-form here
    """Return the error with which the policy of `rules` is refused."""
    named = [{"name": f"rule{order}", "fields": ["ssn"], "action": "strip"} | rule for order, rule in enumerate(rules)]
    document = PolicyDocument.model_validate({"version": 1, "rules": named} | settings)
    with pytest.raises(ConfigError) as caught:
        compile_policy(document, ROWS, None)
    return caught.value


@pytest.mark.parametrize(
    ("rules", "path"),
    [
        ([{"endpoints": ["track.*", "trakc.*"]}], "policy.rules.0.endpoints.1"),
        ([{}, {"fields": ["x", "SSN"]}], "policy.rules.1.fields.1"),
        ([{}, {"action": "mask", "endpoints": ["track.*"]}], "policy.rules.1.fields.0"),
        (
            [{"endpoints": ["track.v1.*"]}, {"endpoints": ["app.*"]}, {"endpoints": ["track.v1.event", "app.*"]}],
            "policy.rules.2.fields.0",
        ),
        ([{"fields": ["a", "A"]}], "policy.rules.0.fields.1"),
        ([{"fields": ["x", "To"], "action": "mask"}], "policy.rules.0.fields.1"),
    ],
    ids=["glob of nothing", "same field", "other action", "taken together", "twice in one rule", "breaks sending"],
)
def test_rules_that_are_refused(rules: list[dict[str, Any]], path: str) -> None:
    """The error names the rule and what of it."""
    assert refusal(*rules).path == path


def test_narrow_rules_before_wide_ones_are_fine() -> None:
    """An exception for one endpoint and a rule for all others do not contradict each other; an unused rule takes nothing."""
    rules = [
        {"name": "off", "fields": ["ssn"], "action": "mask", "mode": "off"},
        {"name": "narrow", "fields": ["ssn"], "action": "mask", "endpoints": ["track.v1.identify"]},
        {"name": "wide", "fields": ["ssn"], "action": "strip"},
    ]
    policy = compile_policy(PolicyDocument.model_validate({"version": 1, "rules": rules}), ROWS, None)
    assert policy.for_endpoint("track.v1.identify").apply({"ssn": 1})[0] == {"ssn": "[REDACTED]"}
    assert policy.for_endpoint("track.v1.event").apply({"ssn": 1})[0] == {}


@pytest.mark.parametrize("change", [{"force": True}, {"action": "deny"}, {"mode": "report"}, {"endpoints": ["track.*"]}])
def test_what_may_touch_a_field_of_sending(change: dict[str, Any]) -> None:
    """Force says it is meant; deny and report change nothing; at other endpoints nothing is sent by that field."""
    rule = {"name": "r", "fields": ["to"], "action": "strip"} | change
    compile_policy(PolicyDocument.model_validate({"version": 1, "rules": [rule]}), ROWS, None)


def test_an_unknown_endpoint_has_every_rule() -> None:
    """What the table does not know could be any endpoint: each rule holds there, and nothing is exempt."""
    rules = [{"name": "r", "fields": ["ssn"], "action": "strip", "endpoints": ["app.*"]}]
    policy = compile_policy(PolicyDocument.model_validate({"version": 1, "rules": rules}), ROWS, None)
    assert policy.for_endpoint("unknown.track").apply({"ssn": 1})[0] == {}
    assert policy.for_endpoint("track.v1.event").apply({"ssn": 1})[0] == {"ssn": 1}


def test_a_keyed_hash_needs_its_key() -> None:
    """Without its secret a policy that hashes is refused, never applied with another key."""
    section = {"algorithm": "hmac-sha256", "key": "env:PEPPER", "key_id": "k1"}
    assert refusal({"action": "hash"}, hash=section).path == "policy.hash.key"
    document = PolicyDocument.model_validate(
        {"version": 1, "hash": section, "rules": [{"name": "r", "fields": ["ssn"], "action": "hash"}]}
    )
    policy = compile_policy(document, ROWS, Sensitive(b"pepper"))
    assert policy.for_endpoint("track.v1.event").apply({"ssn": "x"})[0] == {"ssn_hash": "k1.3907347a65f6001d4cef35d4b93f9ed9"}


def test_endpoints_with_the_same_rules_share_what_they_remember() -> None:
    """Memory grows with the rules, not with the endpoints."""
    policy = compile_policy(
        PolicyDocument.model_validate(
            {"version": 1, "rules": [{"name": "r", "fields": ["ssn"], "action": "strip", "endpoints": ["track.*"]}]}
        ),
        ROWS,
        None,
    )
    one, other, without = (
        policy.for_endpoint(name)._matcher for name in ("track.v1.identify", "track.v1.event", "app.v1.send.email")
    )
    assert one is other
    assert one is not without


@pytest.mark.parametrize("name", BUILTIN_POLICIES)
def test_the_policies_that_ship_are_those_in_config(name: str) -> None:
    """What people read in config/ is what `builtin:` names, and each is a valid policy."""
    shown = ROOT / "config" / "policies" / f"{name}.yaml"
    assert shown.read_bytes() == (ROOT / "proxy" / "policy" / f"{name}.yaml").read_bytes()
    compile_policy(PolicyDocument.model_validate(yaml.safe_load(shown.read_text())), ENDPOINTS, Sensitive(b"pepper"))


@pytest.mark.parametrize(
    ("rules", "settings", "path"),
    [
        ([], {"allow": {"trakc.*": ["email"]}}, "policy.allow.trakc.*"),
        ([{"fields": [], "paths": ["a.b"]}, {"fields": [], "paths": ["A.b"]}], {}, "policy.rules.1.paths.0"),
        ([{}, {"callers": ["billing"]}], {}, "policy.rules.1.fields.0"),
        ([{"callers": ["a", "b"]}, {"callers": ["b"]}], {}, "policy.rules.1.fields.0"),
        ([{"fields": [], "paths": ["to"], "endpoints": ["app.*"]}], {}, "policy.rules.0.paths.0"),
        ([{"fields": [], "paths": ["**.to"]}], {}, "policy.rules.0.paths.0"),
        ([{"fields": [], "paths": ["*"]}], {}, "policy.rules.0.paths.0"),
        ([], {"inventory": {"detect": ["pigeon"]}}, "policy.inventory.detect.0"),
    ],
)
def test_what_cannot_act_is_refused(rules: list[dict[str, Any]], settings: dict[str, Any], path: str) -> None:
    """Paths, callers and minimisation are held to what fields are held to; detectors in `test_detect`."""
    assert refusal(*rules, **settings).path == path


def test_a_rule_for_some_callers_leaves_room_for_another() -> None:
    """For the others, and for everyone after it."""
    rules = [
        {"name": "billing", "fields": ["ssn"], "action": "mask", "callers": ["billing"]},
        {"name": "everyone", "fields": ["ssn"], "action": "strip"},
    ]
    policy = compile_policy(PolicyDocument.model_validate({"version": 1, "rules": rules}), ROWS, None)
    assert policy.for_endpoint("track.v1.event", "billing").apply({"ssn": 1})[0] == {"ssn": "[REDACTED]"}
    assert policy.for_endpoint("track.v1.event", "shop").apply({"ssn": 1})[0] == {}
    assert policy.for_endpoint("unknown.track", "billing").apply({"ssn": 1})[0] == {"ssn": "[REDACTED]"}
