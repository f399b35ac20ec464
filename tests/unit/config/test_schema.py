"""The JSON Schema of the configuration file, judged by an implementation that is not ours."""

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from proxy.config.available import NOT_YET
from proxy.config.load import load
from proxy.config.reference import page
from proxy.config.schema import at, json_schema
from proxy.errors import ConfigError
from tests.needs import ROOT

pytestmark = pytest.mark.needs("jsonschema")

EXAMPLES = sorted((ROOT / "config").glob("*.yaml"))


def validator() -> Any:  # noqa: ANN401 - jsonschema is not typed
    """Return a validator of configuration files."""
    from jsonschema import Draft202012Validator  # type: ignore[import-untyped]

    return Draft202012Validator(json_schema())


def test_the_schema_is_one() -> None:
    """It names its dialect, draft 2020-12, and follows its meta-schema."""
    schema = json_schema()
    assert schema["$schema"] == "https://json-schema.org/draft/2020-12/schema"
    validator().check_schema(schema)


@pytest.mark.parametrize("file", EXAMPLES, ids=lambda file: file.name)
def test_the_examples_fit(file: Path) -> None:
    """Every example configuration is valid by the schema alone."""
    validator().validate(yaml.safe_load(file.read_text()))


def test_there_are_examples() -> None:
    """The two that users are shown."""
    assert {"sidecar.yaml", "minimal.yaml"} <= {file.name for file in EXAMPLES}


# Documents that the schema alone can judge; the program and the schema must say the same about each.
ACCEPTED: dict[str, dict[str, Any]] = {
    "minimal": {"version": 1},
    "policy by path": {"version": 1, "policy": "CONFIG/policies/default.yaml"},
    "policy inline": {"version": 1, "policy": {"version": 1, "rules": [{"name": "a", "fields": ["b"], "action": "mask"}]}},
    "no policy": {"version": 1, "policy": None},
    "half a bucket": {"version": 1, "limits": {"buckets": {"app": {"burst": 3}}}},
    "any caller": {"version": 1, "outbound": {"callers": "any"}},
    "a caller": {"version": 1, "outbound": {"callers": [{"name": "a", "key": "env:A"}]}},
    "a credential": {"version": 1, "credentials": {"app": {"api_key": "file:/run/key"}}},
    "an upstream": {"version": 1, "upstreams": {"track": {"url": "http://127.0.0.1:1", "ca": None}}},
}
REFUSED: dict[str, dict[str, Any]] = {
    "no version": {},
    "another version": {"version": 2},
    "unknown section": {"version": 1, "listen": {}},
    "unknown key": {"version": 1, "outbound": {"prot": 1}},
    "region": {"version": 1, "region": "apac"},
    "port": {"version": 1, "outbound": {"port": 70_000}},
    "text for a number": {"version": 1, "outbound": {"port": "1"}},
    "a word for callers": {"version": 1, "outbound": {"callers": "all"}},
    "a caller without a key": {"version": 1, "outbound": {"callers": [{"name": "a"}]}},
    "a secret": {"version": 1, "credentials": {"app": {"api_key": "0123456789abcdef"}}},
    "half a pair": {"version": 1, "credentials": {"track": {"site_id": "env:A"}}},
    "policy": {"version": 1, "policy": 5},
    "rule": {"version": 1, "policy": {"version": 1, "rules": [{"name": "a", "fields": ["b"], "action": "drop"}]}},
    "rate": {"version": 1, "limits": {"buckets": {"app": {"rate_per_second": 0}}}},
}


@pytest.mark.parametrize("name", [*ACCEPTED, *REFUSED])
def test_the_schema_and_the_program_agree(name: str, tmp_path: Path) -> None:
    """An editor that follows the schema accepts and refuses what the program does."""
    document = ACCEPTED.get(name) or REFUSED[name]
    text = yaml.safe_dump(document).replace("CONFIG", str(ROOT / "config"))
    (tmp_path / "c.yaml").write_text(text)
    assert validator().is_valid(yaml.safe_load(text)) is (name in ACCEPTED)
    if name in ACCEPTED:
        load(tmp_path / "c.yaml", {})
    else:
        with pytest.raises(ConfigError):
            load(tmp_path / "c.yaml", {})


@pytest.mark.parametrize("pattern", NOT_YET)
def test_what_is_not_available_yet_says_so(pattern: str) -> None:
    """An editor shows it beside the key."""
    assert "not available yet" in at(json_schema(), pattern)["description"].lower()


def test_no_default_holds_more_than_a_file_may() -> None:
    """An editor that writes the defaults out writes what the schema accepts."""
    defaults = {key: part["default"] for key, part in json_schema()["properties"].items() if "default" in part}
    validator().validate({"version": 1, **defaults})


def test_the_full_example_is_full_and_says_the_defaults() -> None:
    """Every key that has a use stands in it, in a comment at least, and where it says no more, with its default."""
    file = ROOT / "config" / "sidecar.yaml"
    text = file.read_text()
    page_lines = [line for line in page().splitlines() if line.startswith("| `") and "not available yet" not in line.lower()]
    keys = {line.split("`")[1] for line in page_lines if "." in line.split("`")[1]}
    used = {key for key in keys if not key.startswith(("env:", "file:", "webhooks.", "stores.vault."))}
    assert len(used) > 60
    assert {key for key in used if not re.search(rf"\b{key.rpartition('.')[2]}:", text)} == {"delivery.spool"}
    written = load(file, {}).config
    default = load(None, {}).config
    for section in ("region", "upstreams", "admin", "stores", "limits", "delivery", "logs"):
        assert getattr(written, section) == getattr(default, section), section
    unnamed = written.outbound.model_copy(update={"callers": ()})
    assert unnamed == default.outbound
    assert written.policy == default.policy
