"""A configuration from a file and the environment."""

from collections.abc import Mapping
from pathlib import Path

import pytest
import yaml

from proxy.api.model import Bucket, Upstream
from proxy.config.document import DOCUMENT_MAX_BYTES
from proxy.config.load import Loaded, load, load_policy
from proxy.config.problems import each
from proxy.credentials.model import Kind, Reference
from proxy.errors import ConfigError
from proxy.policy.model import Mode


def loaded(folder: Path, text: str, environ: Mapping[str, str] | None = None) -> Loaded:
    """Load `text` from a file."""
    (folder / "c.yaml").write_text(text)
    return load(folder / "c.yaml", environ or {})


def lines(folder: Path, text: str, environ: Mapping[str, str] | None = None) -> list[str]:
    """Return the lines that are printed for a text that is refused; the folder is left out of them."""
    with pytest.raises(ConfigError) as refused:
        loaded(folder, text, environ)
    return [line.replace(f"{folder}/", "") for line in str(refused.value).splitlines()]


def test_a_file_with_a_version_is_a_configuration(tmp_path: Path) -> None:
    """Every key but the version has a default."""
    config = loaded(tmp_path, "version: 1\n").config
    assert (config.region, config.outbound.port, config.admin.port, config.logs.level) == ("us", 8080, 9090, "info")
    assert config.policy.mode is Mode.ENFORCE
    assert config.policy.rules, "the built-in policy has rules"


def test_no_file_is_the_defaults_under_the_environment() -> None:
    """`serve` works without a file."""
    environ = {"CIO_SIDECAR_REGION": "eu", "CIO_SIDECAR_CREDENTIALS__APP__API_KEY": "env:KEY"}
    config = load(None, environ).config
    assert config.upstream(Upstream.APP).origin.host == "api-eu.customer.io"
    assert config.credentials.app is not None


def test_the_environment_wins_and_touches_nothing_else(tmp_path: Path) -> None:
    """A variable replaces the value of its key alone, also in a section that the file does not have."""
    text = "version: 1\nregion: us\noutbound: {port: 1111, limits: {depth: 7, header_count: 9}}\n"
    environ = {
        "CIO_SIDECAR_OUTBOUND__LIMITS__DEPTH": "8",
        "CIO_SIDECAR_REGION": "eu",
        "CIO_SIDECAR_DELIVERY__TIMEOUTS__CONNECT_SECONDS": "0.5",
        "CIO_SIDECAR_LIMITS__BUCKETS__APP__BURST": "3",
        "CIO_SIDECAR_OUTBOUND__CALLERS": '[{"name": "billing", "key": "env:KEY"}]',
    }
    config = loaded(tmp_path, text, environ).config
    assert (config.outbound.port, config.outbound.limits.depth, config.outbound.limits.header_count) == (1111, 8, 9)
    assert config.region == "eu"
    assert config.delivery.timeouts.connect_seconds == 0.5
    assert (config.limits.buckets.of(Bucket.APP).burst, config.limits.buckets.of(Bucket.APP).rate_per_second) == (3, 10)
    assert [caller.name for caller in config.outbound.named_callers] == ["billing"]


def test_a_variable_makes_a_section_that_the_file_leaves_empty(tmp_path: Path) -> None:
    """`tls: null` in the file is no obstacle to a key inside it."""
    text = "version: 1\noutbound:\n  tls: null\n"
    environ = {"CIO_SIDECAR_OUTBOUND__TLS__CERTIFICATE": "a.pem", "CIO_SIDECAR_OUTBOUND__TLS__KEY": "a.key"}
    tls = loaded(tmp_path, text, environ).config.outbound.tls
    assert tls is not None
    assert tls.certificate == tmp_path / "a.pem"


def test_relative_paths_are_relative_to_the_file_they_stand_in(tmp_path: Path) -> None:
    """Paths of a policy file are relative to it, those of the configuration and of the environment to the configuration."""
    (tmp_path / "rules").mkdir()
    hashing = {"algorithm": "hmac-sha256", "key": "file:pepper", "key_id": "k1"}
    (tmp_path / "rules" / "policy.yaml").write_text(yaml.safe_dump({"version": 1, "hash": hashing}))
    text = """
        version: 1
        policy: rules/policy.yaml
        outbound: {tls: {certificate: tls/server.pem, key: /keys/server.key}}
        credentials: {app: {api_key: "file:keys/app"}}
    """
    config = loaded(tmp_path, text, {"CIO_SIDECAR_UPSTREAMS__APP__CA": "ca.pem"}).config
    assert config.outbound.tls is not None
    assert config.outbound.tls.certificate == tmp_path / "tls" / "server.pem"
    assert config.outbound.tls.key == Path("/keys/server.key")
    assert config.credentials.app is not None
    assert config.credentials.app.api_key == Reference(Kind.FILE, str(tmp_path / "keys" / "app"))
    assert config.upstream(Upstream.APP).ca == tmp_path / "ca.pem"
    assert config.policy.hash is not None
    assert config.policy.hash.key == Reference(Kind.FILE, str(tmp_path / "rules" / "pepper"))


def test_a_policy_may_stand_inline(tmp_path: Path) -> None:
    """`policy` takes the policy itself as well as a path."""
    text = "version: 1\npolicy: {version: 1, mode: report, rules: [{name: a, fields: [ssn], action: strip}]}\n"
    policy = loaded(tmp_path, text).config.policy
    assert (policy.mode, policy.rules[0].name) == (Mode.REPORT, "a")


@pytest.mark.parametrize("policy", ["", "policy: null", "policy: {version: 1}", "policy: policy.yaml"])
def test_the_environment_reaches_into_the_policy_wherever_it_is(tmp_path: Path, policy: str) -> None:
    """`CIO_SIDECAR_POLICY__MODE` turns the built-in policy, an inline one, or one in a file to report."""
    (tmp_path / "policy.yaml").write_text("version: 1\nmode: enforce\n")
    config = loaded(tmp_path, f"version: 1\n{policy}\n", {"CIO_SIDECAR_POLICY__MODE": "report"}).config
    assert config.policy.mode is Mode.REPORT


def test_a_byte_order_mark_is_no_part_of_a_file(tmp_path: Path) -> None:
    """Editors of Windows write one."""
    (tmp_path / "c.yaml").write_bytes(b"\xef\xbb\xbfversion: 1\r\nregion: eu\r\n")
    assert load(tmp_path / "c.yaml", {}).config.region == "eu"


# A text, and what is said about it. Each line is a rule of the schema, or of the reader.
REFUSED = {
    "no version": ("region: us", "c.yaml: version: is required"),
    "another version": ("version: 2", "c.yaml:1: version: must be 1"),
    "empty": ("", "c.yaml: must be a mapping that begins with `version: 1`"),
    "a list": ("- version: 1", "c.yaml: must be a mapping that begins with `version: 1`"),
    "not YAML": ("version: 1\nregion: @us", "c.yaml:2: is not YAML"),
    "a key twice": ("version: 1\nregion: us\nregion: eu", "c.yaml:3: a key stands twice"),
    "unknown section": (
        "version: 1\nlisteners: {}",
        "c.yaml:2: holds a key it does not know: listeners; it takes version, region, upstreams, outbound, admin, credentials",
    ),
    "mistyped section": ("version: 1\noutbond: {}", "c.yaml:2: holds a key it does not know: outbond; did you mean outbound?"),
    "mistyped key": (
        "version: 1\noutbound:\n  host: localhost\n  Prot: 1",
        "c.yaml:4: outbound: holds a key it does not know: Prot; did you mean port?",
    ),
    "section that is none": ("version: 1\noutbound: 8080", "c.yaml:2: outbound: must be a mapping of host, port, tls"),
    "region": ("version: 1\nregion: apac", "c.yaml:2: region: must be 'us' or 'eu'"),
    "upstream without TLS": (
        "version: 1\nupstreams: {track: {url: 'http://track.example'}}",
        "c.yaml:2: upstreams.track.url: must be https: plain http is for loopback only",
    ),
    "upstream with a path": (
        "version: 1\nupstreams: {track: {url: 'https://track.example/api/v1'}}",
        "c.yaml:2: upstreams.track.url: must end after the host and port: the sidecar forms the paths itself",
    ),
    "open to everyone": (
        "version: 1\noutbound:\n  host: 0.0.0.0",
        "c.yaml:2: outbound: host is not loopback, so everyone who reaches it could call: name callers, or set callers: any",
    ),
    "port": ("version: 1\noutbound: {port: 70000}", "c.yaml:2: outbound.port: must be at most 65535"),
    "port as text": ("version: 1\noutbound: {port: '8080'}", "c.yaml:2: outbound.port: must be a whole number"),
    "port as a fraction": ("version: 1\noutbound: {port: 80.5}", "c.yaml:2: outbound.port: must be a whole number"),
    "truth as a word": (
        "version: 1\noutbound: {callers: [{name: a, key: 'env:A', may_unsuppress: yes}]}",
        "c.yaml:2: outbound.callers.0.may_unsuppress: must be true or false",
    ),
    "half a key pair": (
        "version: 1\ncredentials:\n  track: {site_id: 'env:A'}",
        "c.yaml:3: credentials.track.api_key: is required",
    ),
    "secret in place of a reference": (
        "version: 1\ncredentials:\n  app:\n    api_key: 0123456789abcdef0123456789abcdef",
        "c.yaml:4: credentials.app.api_key: must be a reference such as env:NAME or file:PATH, not the secret itself",
    ),
    "same port twice": (
        "version: 1\nadmin: {port: 8080}",
        "c.yaml: admin.port must not be the same as outbound.port",
    ),
    "deadlines out of order": (
        "version: 1\ndelivery: {timeouts: {attempt_seconds: 20}}",
        "c.yaml:2: delivery.timeouts: attempt_seconds must not be more than total_seconds",
    ),
    "rate of nothing": (
        "version: 1\nlimits: {buckets: {app: {rate_per_second: 0}}}",
        "c.yaml:2: limits.buckets.app.rate_per_second: must be more than 0",
    ),
    "endless wait": ("version: 1\nlimits: {wait_seconds: .inf}", "c.yaml:2: limits.wait_seconds: must be a finite number"),
    "policy that is none": ("version: 1\npolicy: 5", "c.yaml:2: policy: must be the path of a file"),
    "policy that is not there": ("version: 1\npolicy: none.yaml", "c.yaml:2: policy: there is no such file: none.yaml"),
    "variable in place of a reference": (
        "version: 1\ncredentials:\n  app:\n    api_key: ${CIO_APP_KEY}",
        "c.yaml:4: credentials.app.api_key: a variable is not put in here by $ and its name; use env:CIO_APP_KEY",
    ),
    "variable in braces": (
        "version: 1\ncredentials:\n  app: {api_key: ${CIO_APP_KEY}}",
        "c.yaml:3: is not YAML: a variable is not put in here by $ and its name; use env:CIO_APP_KEY",
    ),
    "two rules of a name": (
        "version: 1\npolicy: {version: 1, rules: [&r {name: a, fields: [b], action: mask}, *r]}",
        "c.yaml:2: policy: two rules have the same name: a (rules.0 and rules.1)",
    ),
    "two callers of a name": (
        "version: 1\noutbound: {callers: [{name: shop, key: 'env:A'}, {name: shop, key: 'env:B'}]}",
        "c.yaml:2: outbound: callers must not hold the same name twice: shop",
    ),
    "inline policy": (
        "version: 1\npolicy:\n  version: 1\n  rules:\n    - {name: a, fields: [b], action: drop}",
        "c.yaml:5: policy.rules.0.action: must be 'strip', 'hash', 'mask' or 'deny'",
    ),
}


@pytest.mark.parametrize(("text", "line"), REFUSED.values(), ids=REFUSED)
def test_an_impossible_configuration_is_refused_in_one_line(tmp_path: Path, text: str, line: str) -> None:
    """The line holds the file, the place in it, the key path, and what is wrong."""
    found = lines(tmp_path, text)
    assert len(found) == 1
    assert found[0].startswith(line)


def test_every_problem_is_told_at_once(tmp_path: Path) -> None:
    """Problems of the file, of the policy's file and of the environment come together, a line each."""
    (tmp_path / "policy.yaml").write_text("version: 1\nmode: loud\n")
    text = "version: 1\nregion: mars\nstores: {refresh_seconds: x}\npolicy: policy.yaml\n"
    environ = {"CIO_SIDECAR_OUTBOUND__PORT": "many", "CIO_SIDECAR_NO__SUCH": "1", "CIO_SIDECAR_LOGS__LEVEL": "!x", "HOME": "x"}
    assert sorted(lines(tmp_path, text, environ)) == [
        "CIO_SIDECAR_LOGS__LEVEL: holds a tag; write the value without one; to give text as it is, put it in double quotes",
        "CIO_SIDECAR_NO__SUCH: sets no key of the configuration; correct the name or unset it",
        "CIO_SIDECAR_OUTBOUND__PORT: outbound.port: must be a whole number",
        "c.yaml:2: region: must be 'us' or 'eu'",
        "c.yaml:3: stores.refresh_seconds: must be a number",
        "policy.yaml:2: mode: must be 'off', 'report' or 'enforce'",
    ]


def test_problems_can_be_told_apart_by_a_program(tmp_path: Path) -> None:
    """One error stands for all of them and gives each."""
    with pytest.raises(ConfigError) as refused:
        loaded(tmp_path, "version: 3\nregion: mars\n")
    assert [problem.path for problem in each(refused.value)] == ["version", "region"]


def test_what_is_not_available_yet_is_refused_only_in_a_valid_configuration(tmp_path: Path) -> None:
    """It is the last thing that is looked at, so that its advice is about a configuration that could be served."""
    assert lines(tmp_path, "version: 1\nerasure: {path: e, audit_log: a, fingerprint_key: 'env:A', audit_key: 'env:B'}\n") == [
        "c.yaml:2: erasure: is not available yet; leave it out"
    ]


def test_a_vault_reference_needs_a_vault(tmp_path: Path) -> None:
    """It is told at the reference, whose own text is not shown."""
    assert lines(tmp_path, "version: 1\ncredentials: {app: {api_key: 'vault:CANARY/a#b'}}\n") == [
        "c.yaml:2: credentials.app.api_key: a vault: reference needs stores.vault, which says where Vault is"
    ]


@pytest.mark.parametrize(
    ("name", "value", "line"),
    [
        ("CIO_SIDECAR_OUTBOUND__PROT", "1", "outbound: holds a key it does not know: prot; did you mean port?"),
        ("CIO_SIDECAR_OUTBOUND__PORT__X", "1", "outbound.port: must be a whole number"),
        ("CIO_SIDECAR_POLICY__MODE", "loud", "policy.mode: must be 'off', 'report' or 'enforce'"),
        ("CIO_SIDECAR_POLICY__MODUS", "off", "policy: holds a key it does not know: modus; did you mean mode?"),
        ("CIO_SIDECAR_ADMIN__TOKEN", "s3cret", "admin.token: must be a reference such as env:NAME or file:PATH"),
        ("CIO_SIDECAR_OUTBOUND__CALLERS", '[{"name": "a b"}]', "outbound.callers.0.name: must match"),
        ("CIO_SIDECAR_VERSION", "2", "version: must be 1"),
    ],
)
def test_a_variable_is_blamed_by_its_name(tmp_path: Path, name: str, value: str, line: str) -> None:
    """What comes from the environment is told with the variable in the place of the file."""
    found = lines(tmp_path, "version: 1\noutbound: {host: localhost}\n", {name: value})
    assert found[0].startswith(f"{name}: {line}")


def test_a_variable_cannot_reach_into_a_value_without_keys(tmp_path: Path) -> None:
    """The value in the file is not quietly thrown away for it."""
    assert lines(tmp_path, "version: 1\nregion: us\n", {"CIO_SIDECAR_REGION__X": "1"}) == [
        "CIO_SIDECAR_REGION__X: sets a key inside a value that has none; set the whole value, or unset it"
    ]


def test_a_policy_file_is_read_as_the_configuration_is(tmp_path: Path) -> None:
    """A policy file that is no document is told with its own name and line."""
    (tmp_path / "policy.yaml").write_text("version: 1\nmode: off\nmode: off\n")
    assert lines(tmp_path, "version: 1\npolicy: policy.yaml\n") == [
        "policy.yaml:3: a key stands twice in the same mapping; one must go"
    ]
    (tmp_path / "policy.yaml").write_text("- 1\n")
    assert lines(tmp_path, "version: 1\npolicy: policy.yaml\n") == [
        "policy.yaml: must be a mapping that begins with `version: 1`"
    ]


def test_a_file_that_cannot_be_read_says_why(tmp_path: Path) -> None:
    """Missing, a folder, too long, or not text: the name that was given, and the reason."""
    long = tmp_path / "long.yaml"
    long.write_bytes(b"#" * (DOCUMENT_MAX_BYTES + 1))
    latin = tmp_path / "latin.yaml"
    latin.write_bytes("version: 1 # café".encode("latin-1"))
    for file, problem in (
        (tmp_path / "none.yaml", "there is no such file"),
        (tmp_path / "latin.yaml" / "none.yaml", "there is no such file"),
        (tmp_path, "it is a folder, not a file"),
        (long, "the file is longer than 1048576 bytes"),
        (latin, "the file does not hold UTF-8 text"),
    ):
        with pytest.raises(ConfigError) as refused:
            load(file, {})
        assert str(refused.value) == f"{file}: {problem}"


def test_without_an_option_the_variable_names_the_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """`CIO_SIDECAR_CONFIG` before `./sidecar.yaml`, and that before the environment alone; an option before all."""
    monkeypatch.chdir(tmp_path)
    assert load(None, {}).config.region == "us"
    (tmp_path / "sidecar.yaml").write_text("version: 1\nregion: eu\noutbound: {port: 1}\n")
    (tmp_path / "named.yaml").write_text("version: 1\noutbound: {port: 2}\n")
    (tmp_path / "given.yaml").write_text("version: 1\noutbound: {port: 3}\n")
    assert load(None, {}).config.outbound.port == 1
    assert load(None, {"CIO_SIDECAR_CONFIG": ""}).config.region == "eu"
    assert load(None, {"CIO_SIDECAR_CONFIG": "named.yaml"}).config.outbound.port == 2
    assert load(Path("given.yaml"), {"CIO_SIDECAR_CONFIG": "named.yaml"}).config.outbound.port == 3


@pytest.mark.parametrize("environ", [{"CIO_SIDECAR_CONFIG": "none.yaml"}, {}])
def test_a_file_that_is_found_and_cannot_be_read_is_a_problem(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, environ: dict[str, str]
) -> None:
    """Nothing else is taken in its place: it may say eu."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "sidecar.yaml").symlink_to("nowhere")
    with pytest.raises(ConfigError, match=r"\.yaml: there is no such file$"):
        load(None, environ)


def test_variables_that_set_nothing_are_judged_with_the_policy_s_references(tmp_path: Path) -> None:
    """Those of the file, of the policy's own file and of the environment are set aside."""
    (tmp_path / "p.yaml").write_text("version: 1\nhash: {algorithm: hmac-sha256, key: 'env:CIO_SIDECAR_REGOIN', key_id: k1}\n")
    environ = {
        "CIO_SIDECAR_REGOIN": "a secret",
        "CIO_SIDECAR_ADMIN_TOKEN": "another",
        "CIO_SIDECAR_ADMIN__TOKEN": "env:CIO_SIDECAR_ADMIN_TOKEN",
        "CIO_SIDECAR_COLOUR": "blue",
    }
    assert loaded(tmp_path, "version: 1\npolicy: p.yaml\n", environ).strangers == ("CIO_SIDECAR_COLOUR",)
    assert lines(tmp_path, "version: 1\n", {"CIO_SIDECAR_REGOIN": "eu"}) == [
        "CIO_SIDECAR_REGOIN: sets no key of the configuration; did you mean CIO_SIDECAR_REGION, which sets region?"
    ]


@pytest.mark.parametrize("name", ["default", "gdpr-strict", "pci"])
def test_a_policy_may_be_one_that_ships(tmp_path: Path, name: str) -> None:
    """`policy: builtin:NAME`, in the file or the environment; without a policy it is the default one."""
    rules = load_policy(f"builtin:{name}")[0].rules
    assert rules
    assert loaded(tmp_path, f"version: 1\npolicy: builtin:{name}\n").config.policy.rules == rules
    assert load(None, {"CIO_SIDECAR_POLICY": f"builtin:{name}"}).config.policy.rules == rules
    assert (load(None, {}).config.policy.rules == rules) == (name == "default")
    assert (
        loaded(tmp_path, f"version: 1\npolicy: builtin:{name}\n", {"CIO_SIDECAR_POLICY__MODE": "off"}).config.policy.mode
        == "off"
    )


@pytest.mark.parametrize("named", ["builtin:nope", "builtin:", "builtin:../policy/pci", "builtin:pci.yaml", "builtin:PCI"])
def test_a_policy_that_does_not_ship_is_a_problem(tmp_path: Path, named: str) -> None:
    """All there are is said; the name is no path."""
    assert lines(tmp_path, f"version: 1\npolicy: '{named}'\n") == [
        "c.yaml:2: policy: no such policy ships with the program; there are builtin:default, builtin:gdpr-strict, builtin:pci"
    ]
