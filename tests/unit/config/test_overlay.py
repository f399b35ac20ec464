"""The environment as the configuration's second source."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy.config.model import Config
from proxy.config.overlay import FILE_VARIABLE, PREFIX, Setting, Strangers, is_slip, merged, settings, strangers, variable
from proxy.config.problems import sections
from proxy.errors import ConfigError

TOP_LEVEL = ("region", "outbound", "policy")
KEYS = [("region",), ("policy",), ("outbound", "port"), ("outbound", "limits", "head_bytes"),
        ("credentials", "track", "site_id"), ("policy", "hash", "key"),
        ("delivery", "timeouts", "total_seconds"), ("stores", "vault", "auth", "role_id")]  # fmt: skip


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


NO_KEYS = (
    "CIO_SIDECAR_ADMIN_TOKEN",
    "CIO_SIDECAR_PORT",
    "CIO_SIDECAR_PORT_8080_TCP_ADDR",
    "CIO_SIDECAR_SERVICE_HOST",
    "CIO_SIDECAR_",
    "CIO_SIDECAR",
    "cio_sidecar_region",
    "CIO_SITE_ID",
    "MY_CIO_SIDECAR_OUTBOUND__PORT",
    "CIO_SIDECAR_OUTBUND__PORT",
    "CIO_SIDECAR___PORT",
    "CIO_SIDECAR_OUTBOUND__",
    "CIO_SIDECAR_OUTBOUND__port",
    "CIO_SIDECAR_Outbound__PORT",
)


@pytest.mark.parametrize("name", NO_KEYS)
def test_a_name_that_is_no_key_sets_nothing(name: str) -> None:
    """Its value is not even read."""
    assert found({name: "x: ["}) == []


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        ("CIO_SIDECAR_REGOIN", "CIO_SIDECAR_REGION, which sets region?"),  # two neighbours swapped
        ("CIO_SIDECAR_REGIO", "CIO_SIDECAR_REGION, which sets region?"),
        ("CIO_SIDECAR_REGIONS", "CIO_SIDECAR_REGION, which sets region?"),
        ("CIO_SIDECAR_LEGION", "CIO_SIDECAR_REGION, which sets region?"),
        ("CIO_SIDECAR_region", "CIO_SIDECAR_REGION, which sets region?"),
        ("CIO_SIDECAR__REGION", "CIO_SIDECAR_REGION, which sets region?"),
        ("CIO_SIDECAR_OUTBUND__PORT", "CIO_SIDECAR_OUTBOUND__PORT, which sets outbound.port?"),
        ("CIO_SIDECAR_OUTBOUND_PORT", "CIO_SIDECAR_OUTBOUND__PORT, which sets outbound.port?"),
        ("CIO_SIDECAR_OUTBOUND__", "CIO_SIDECAR_OUTBOUND, which sets outbound?"),
        ("CIO_SIDECAR_OUTBOUND__LIMITS____DEPTH", "CIO_SIDECAR_OUTBOUND__LIMITS__DEPTH, which sets outbound.limits.depth?"),
        ("CIO_SIDECAR_OUTBOUND_LIMITS_HEADBYTE", "CIO_SIDECAR_OUTBOUND__LIMITS__HEAD_BYTES, which sets"),
        ("CIO_SIDECAR_ADMIN_TOKEN", "CIO_SIDECAR_ADMIN__TOKEN, which sets admin.token?"),
        ("CIO_SIDECAR_POLICY_MODE", "CIO_SIDECAR_POLICY__MODE, which sets policy.mode?"),
    ],
)
def test_a_slip_of_the_pen_is_a_mistake_that_names_the_key(name: str, meant: str) -> None:
    """One letter more, less, other or swapped, and any underscores: nobody goes to the wrong region unawares."""
    judged = strangers({name: "CANARY"}, Config)
    (mistake,) = judged.mistakes
    assert judged.others == ()
    assert str(mistake).startswith(f"{name}: sets no key of the configuration; did you mean {meant}")
    assert "CANARY" not in str(mistake)


@pytest.mark.parametrize("name", ["CIO_SIDECAR_NO__SUCH", "CIO_SIDECAR___PORT"])
def test_two_underscores_mean_a_key(name: str) -> None:
    """A name that has them and is near none is a mistake too."""
    (mistake,) = strangers({name: ""}, Config).mistakes
    assert str(mistake) == f"{name}: sets no key of the configuration; correct the name or unset it"


@pytest.mark.parametrize("name", ["CIO_SIDECAR_COLOUR", "CIO_SIDECAR_REGNIO", "CIO_SIDECAR_PORT", "CIO_SIDECAR_"])
def test_what_is_near_no_key_is_only_told_of(name: str) -> None:
    """Two slips, or a name of somebody else's."""
    assert strangers({name: ""}, Config) == Strangers((), (name,))


@pytest.mark.parametrize(
    "name", ["CIO_SIDECAR_REGION", "CIO_SIDECAR_CONFIG", "CIO_SIDECAR", "cio_sidecar_regoin", "MY_CIO_SIDECAR_REGOIN"]
)
def test_keys_and_other_programs_names_are_no_strangers(name: str) -> None:
    """Neither told of nor refused."""
    assert strangers({name: ""}, Config) == Strangers((), ())


def test_what_a_reference_reads_is_set_aside() -> None:
    """Wherever it stands, and in either form; text that only mentions it is no reference."""
    environ = ("CIO_SIDECAR_ADMIN_TOKEN", "CIO_SIDECAR_REGOIN_FILE", "CIO_SIDECAR_REGOIN")
    document = {"admin": {"token": "env:CIO_SIDECAR_ADMIN_TOKEN"}, "callers": [{"key": "env:CIO_SIDECAR_REGOIN"}]}
    assert strangers(environ, Config, document) == Strangers((), ())
    assert len(strangers(environ, Config, {"admin": {"token": "use env:CIO_SIDECAR_ADMIN_TOKEN"}}).mistakes) == 2


@pytest.mark.parametrize("service", ["CIO_SIDECAR", "CIO_SIDECAR_ADMIN", "CIO_SIDECAR_OUTBOUND"])
def test_links_of_a_service_are_set_aside(service: str) -> None:
    """All that Kubernetes sets beside X_SERVICE_HOST, and nothing else."""
    links = [
        f"{service}_{name}"
        for name in (
            "SERVICE_HOST", "SERVICE_PORT", "SERVICE_PORT_HTTP", "PORT", "PORT_8080_TCP", "PORT_8080_TCP_ADDR",
            "PORT_8080_TCP_PORT", "PORT_8080_TCP_PROTO",
        )
    ]  # fmt: skip
    assert strangers(links, Config) == Strangers((), ())
    assert strangers([*links, "CIO_SIDECAR_REGOIN"], Config).mistakes
    without = strangers(links[1:], Config)
    assert len(without.mistakes) + len(without.others) == len(links) - 1


ALPHABET = "abcdefgr"


@given(st.text(ALPHABET, max_size=6), st.text(ALPHABET, max_size=6))
def test_a_slip_is_one_edit(one: str, other: str) -> None:
    """As the set of all texts that one edit makes has it."""
    letters = sorted(set(other))
    edits = {one}
    edits |= {one[:at] + one[at + 1 :] for at in range(len(one))}
    edits |= {one[:at] + letter + one[at:] for at in range(len(one) + 1) for letter in letters}
    edits |= {one[:at] + letter + one[at + 1 :] for at in range(len(one)) for letter in letters}
    edits |= {one[:at] + one[at + 1] + one[at] + one[at + 2 :] for at in range(len(one) - 1)}
    assert is_slip(one, other) == (other in edits)


@given(st.data())
def test_every_key_is_guarded_against_every_slip(data: st.DataObject) -> None:
    """Any key of the schema with any one edit, and underscores anywhere, is a key itself or a mistake."""
    key = data.draw(st.sampled_from(KEYS))
    letters = list(variable(key).removeprefix(PREFIX).replace("_", ""))
    at = data.draw(st.integers(0, len(letters) - 1))
    match data.draw(st.sampled_from(["more", "less", "other", "swapped"])):
        case "more":
            letters.insert(at, data.draw(st.sampled_from("ABXYZ7")))
        case "less" if len(letters) > 1:
            del letters[at]
        case "other":
            letters[at] = data.draw(st.sampled_from("ABXYZ7"))
        case _:
            letters[at : at + 2] = reversed(letters[at : at + 2])
    cut = data.draw(st.integers(0, len(letters)))
    name = PREFIX + "".join(letters[:cut]) + data.draw(st.sampled_from(["", "_", "__"])) + "".join(letters[cut:])
    set_ = [item for item in settings({name: ""}, Config.model_fields) if isinstance(item, Setting)]
    assert strangers({name: ""}, Config).mistakes or set_ or name == FILE_VARIABLE


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
