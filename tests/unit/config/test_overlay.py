"""The environment as the configuration's second source."""

import pytest

from proxy.config.model import Config
from proxy.config.overlay import Setting, merged, settings, variable
from proxy.config.problems import sections
from proxy.errors import ConfigError

TOP_LEVEL = ("region", "outbound", "policy")


def found(environ: dict[str, str]) -> list[Setting | ConfigError]:
    """Return what the environment sets."""
    return list(settings(environ, TOP_LEVEL))


@pytest.mark.parametrize(
    ("name", "text", "path", "value"),
    [
        ("CIO_SIDECAR_REGION", "eu", ("region",), "eu"),
        ("CIO_SIDECAR_OUTBOUND__PORT", "9000", ("outbound", "port"), 9000),
        ("CIO_SIDECAR_OUTBOUND__LIMITS__HEAD_BYTES", "1e3", ("outbound", "limits", "head_bytes"), 1000.0),
        ("CIO_SIDECAR_OUTBOUND__TLS", "", ("outbound", "tls"), None),
        ("CIO_SIDECAR_OUTBOUND__TLS", "null", ("outbound", "tls"), None),
        ("CIO_SIDECAR_OUTBOUND__CALLERS", '[{"name": "a"}]', ("outbound", "callers"), [{"name": "a"}]),
        ("CIO_SIDECAR_OUTBOUND", "{port: 1}", ("outbound",), {"port": 1}),
        ("CIO_SIDECAR_POLICY", "policies/a.yaml", ("policy",), "policies/a.yaml"),
        ("CIO_SIDECAR_OUTBOUND__HOST", '"123"', ("outbound", "host"), "123"),
    ],
)
def test_a_variable_sets_a_key(name: str, text: str, path: tuple[str, ...], value: object) -> None:
    """Two underscores stand between keys; the value is YAML."""
    assert found({name: text}) == [Setting(name, path, value)]


@pytest.mark.parametrize(
    "name",
    [
        "CIO_SIDECAR_ADMIN_TOKEN",
        "CIO_SIDECAR_PORT",
        "CIO_SIDECAR_PORT_8080_TCP_ADDR",
        "CIO_SIDECAR_SERVICE_HOST",
        "CIO_SIDECAR_",
        "CIO_SIDECAR",
        "cio_sidecar_region",
        "CIO_SITE_ID",
        "MY_CIO_SIDECAR_OUTBOUND__PORT",
    ],
)
def test_what_is_no_key_and_has_no_double_underscore_is_somebody_else_s(name: str) -> None:
    """It may be a secret that a reference names, or one of the variables that Kubernetes sets for a Service."""
    assert found({name: "x: ["}) == []


@pytest.mark.parametrize(
    "name",
    [
        "CIO_SIDECAR_OUTBUND__PORT",
        "CIO_SIDECAR___PORT",
        "CIO_SIDECAR_OUTBOUND__",
        "CIO_SIDECAR_OUTBOUND__LIMITS____DEPTH",
        "CIO_SIDECAR_OUTBOUND__port",
        "CIO_SIDECAR_Outbound__PORT",
        "CIO_SIDECAR_ADMIN__TOKEN",
    ],
)
def test_a_name_that_means_to_set_a_key_and_sets_none_is_a_problem(name: str) -> None:
    """The variable is named, its value is not shown."""
    (problem,) = found({name: "CANARY"})
    assert isinstance(problem, ConfigError)
    assert str(problem).startswith(f"{name}: sets no key")
    assert "CANARY" not in str(problem)


def test_a_value_that_is_not_yaml_is_a_problem() -> None:
    """The advice says how text is written that YAML would read as something else."""
    (problem,) = found({"CIO_SIDECAR_REGION": "*CANARY"})
    assert isinstance(problem, ConfigError)
    assert str(problem).startswith("CIO_SIDECAR_REGION: ")
    assert "double quotes" in str(problem)
    assert "CANARY" not in str(problem)


def test_bytes_that_are_no_text_are_a_problem() -> None:
    """Python gives them as surrogates (PEP 383), which libyaml cannot take."""
    (problem,) = found({"CIO_SIDECAR_REGION": "\udce9"})
    assert isinstance(problem, ConfigError)


def test_outer_keys_are_set_first() -> None:
    """So that a variable for a whole section and one for a key in it can stand together, in any order."""
    environ = {"CIO_SIDECAR_OUTBOUND__LIMITS__DEPTH": "1", "CIO_SIDECAR_OUTBOUND": "{}", "CIO_SIDECAR_OUTBOUND__PORT": "1"}
    names = [item.name for item in found(environ) if isinstance(item, Setting)]
    assert names == ["CIO_SIDECAR_OUTBOUND", "CIO_SIDECAR_OUTBOUND__PORT", "CIO_SIDECAR_OUTBOUND__LIMITS__DEPTH"]


def test_a_setting_replaces_one_value_and_leaves_the_document() -> None:
    """The document it is merged into is not changed."""
    document = {"region": "us", "outbound": {"port": 1, "limits": {"depth": 1, "head_bytes": 2}}, "policy": None}
    changed = merged(document, Setting("N", ("outbound", "limits", "depth"), 9))
    assert changed == {"region": "us", "outbound": {"port": 1, "limits": {"depth": 9, "head_bytes": 2}}, "policy": None}
    assert document["outbound"] == {"port": 1, "limits": {"depth": 1, "head_bytes": 2}}
    assert merged(document, Setting("N", ("policy", "mode"), "off"))["policy"] == {"mode": "off"}
    assert merged(document, Setting("N", ("outbound",), {}))["outbound"] == {}


@pytest.mark.parametrize("value", ["us", 5, [1], False, ""])
def test_a_value_without_keys_is_not_thrown_away(value: object) -> None:
    """A key inside it is refused, with the variable's name."""
    with pytest.raises(ConfigError, match=r"^N: sets a key inside a value that has none"):
        merged({"region": value}, Setting("N", ("region", "x"), 1))


def test_every_key_has_a_variable() -> None:
    """No key of the schema holds what would end a name: two underscores, one at its end, or capitals."""

    def keys(section: type) -> set[str]:
        fields = getattr(section, "model_fields", {})
        inner = (keys(one) for field in fields.values() for one in sections(field.annotation))
        return set(fields).union(*inner)

    for key in keys(Config):
        assert (key, "__" in key, key.strip("_"), key.lower()) == (key, False, key, key)
    assert variable(("outbound", "tls", "port")) == "CIO_SIDECAR_OUTBOUND__TLS__PORT"
