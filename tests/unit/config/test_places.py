"""Where each value was written."""

import pytest

from proxy.config.document import parse
from proxy.config.overlay import Setting
from proxy.config.places import Places, Source
from proxy.config.problems import Problem, each, together
from proxy.errors import ConfigError

FILE = Source("c.yaml", parse("version: 1\noutbound:\n  port: 1\n  callers:\n    - {name: a}\npolicy: p.yaml\n").lines)
POLICY = Source("p.yaml", parse("version: 1\nrules:\n  - name: a\n").lines)
SETTINGS = (
    Setting("SIDECAR__OUTBOUND__HOST", ("outbound", "host"), "a"),
    Setting("SIDECAR__ADMIN__PORT", ("admin", "port"), 1),
    Setting("SIDECAR__LIMITS", ("limits",), {}),
    Setting("SIDECAR__LIMITS__REPLICAS", ("limits", "replicas"), 1),
    Setting("SIDECAR__POLICY__MODE", ("policy", "mode"), "off"),
)
PLACES = Places(FILE, SETTINGS, POLICY)


@pytest.mark.parametrize(
    ("path", "line"),
    [
        ("outbound.port", "c.yaml:3: outbound.port: no"),
        ("outbound.callers.0.name", "c.yaml:5: outbound.callers.0.name: no"),
        ("outbound.callers.0.key", "c.yaml:5: outbound.callers.0.key: no"),
        ("outbound.callers.1.key", "c.yaml:4: outbound.callers.1.key: no"),
        ("outbound.tls.key", "c.yaml:2: outbound.tls.key: no"),
        ("logs.level", "c.yaml: logs.level: no"),
        ("", "c.yaml: no"),
        ("outbound.host", "SIDECAR__OUTBOUND__HOST: outbound.host: no"),
        ("outbound", "c.yaml:2: outbound: no"),
        ("admin", "SIDECAR__ADMIN__PORT: admin: no"),
        ("limits.redis", "SIDECAR__LIMITS: limits.redis: no"),
        ("limits.replicas", "SIDECAR__LIMITS__REPLICAS: limits.replicas: no"),
        ("policy.rules.0.name", "p.yaml:3: rules.0.name: no"),
        ("policy.hash", "p.yaml: hash: no"),
        ("policy", "p.yaml: no"),
        ("policy.mode", "SIDECAR__POLICY__MODE: policy.mode: no"),
        ("rules.0.name", "p.yaml:3: rules.0.name: no"),
    ],
)
def test_a_problem_is_told_where_its_value_was_written(path: str, line: str) -> None:
    """The variable that set it, or else the innermost line around it; in the policy's file, the path is the policy's own."""
    assert str(PLACES.placed(ConfigError("no", path=path))) == line


def test_an_inline_policy_stands_in_the_configuration() -> None:
    """Then its keys are told with the section they stand in."""
    places = Places(Source("c.yaml", parse("version: 1\npolicy:\n  version: 1\n  rules: []\n").lines))
    assert str(places.placed(ConfigError("no", path="rules.0"))) == "c.yaml:4: policy.rules.0: no"


def test_a_problem_that_has_a_place_keeps_it() -> None:
    """What was told by whoever read the file is not told differently."""
    assert str(PLACES.placed(ConfigError("no", path="outbound", file="elsewhere:9"))) == "elsewhere:9: outbound: no"


def test_a_key_that_is_not_shown_has_its_line() -> None:
    """A key that the schema does not know is found by its place, and told without its name."""
    file = Source("c.yaml", parse("version: 1\noutbound:\n  port: 1\n  CANARY: 2\n").lines)
    item = Problem(("outbound",), ("outbound", "CANARY"), "holds a key it does not know")
    assert str(Places(file).found(item)) == "c.yaml:4: outbound: holds a key it does not know"
    assert str(PLACES.found(Problem((), ("rules", 0), "no"), ("policy",))) == "p.yaml:3: no"


def test_what_is_raised_later_is_told_with_its_place() -> None:
    """Secrets, certificates and ports are looked at after loading; each of several problems gets its own place."""
    with pytest.raises(ConfigError) as refused, PLACES.placing():
        raise together([ConfigError("cannot listen there", path="admin.port"), ConfigError("no", path="outbound.port")])
    assert [str(error) for error in each(refused.value)] == [
        "SIDECAR__ADMIN__PORT: admin.port: cannot listen there",
        "c.yaml:3: outbound.port: no",
    ]
    with pytest.raises(KeyError), PLACES.placing():
        raise KeyError
