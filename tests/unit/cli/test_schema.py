"""`cio-sidecar config schema` and `cio-sidecar policy schema`."""

from typing import Any

import orjson
import pytest
import yaml

from proxy.config.schema import json_schema
from tests.needs import ROOT
from tests.unit.cli.conftest import Command

POLICIES = ROOT / "config" / "policies"
# Files, by the schema that stands beside them.
SCHEMAS = {
    "policy": [path for path in sorted(POLICIES.glob("*.yaml")) if not path.name.endswith(".cases.yaml")],
    "cases": sorted(POLICIES.glob("*.cases.yaml")),
}
WRONG: dict[str, list[dict[str, Any]]] = {
    "policy": [
        {},
        {"version": 2},
        {"version": 1, "rules": [{"name": "a", "fields": ["b"], "action": "drop"}]},
        {"version": 1, "rules": [{"name": "a", "field": ["b"], "action": "strip"}]},
        {"version": 1, "hash": {"algorithm": "md5"}},
        {"version": 1, "inventory": {"detects": []}},
        {"version": 1, "vendor_limits": "on"},
    ],
    "cases": [
        {},
        {"cases": []},
        {"cases": [{"name": "a", "endpoint": "/api/v1/customers/5", "expect": {"body": 1}}]},
        {"cases": [{"name": "a", "endpoint": "PUT /x", "expects": {"body": 1}}]},
    ],
}


def test_the_schema_is_printed_as_json(command: Command) -> None:
    """As it stands in the program, for `cio-sidecar config schema > schema.json`."""
    done = command("config", "schema")
    assert (done.returncode, done.stderr) == (0, "")
    assert orjson.loads(done.stdout) == json_schema()


@pytest.mark.parametrize("kind", SCHEMAS)
def test_the_schemas_beside_the_ready_made_policies_are_the_programs_own(command: Command, kind: str) -> None:
    """`make docs` writes them; each file but the built-in policy says which is its own, so that editors find it."""
    done = command("policy", "schema", *(["--cases"] if kind == "cases" else []))
    assert (done.returncode, done.stderr) == (0, "")
    assert (POLICIES / f"{kind}.schema.json").read_text() == done.stdout
    for file in SCHEMAS[kind]:
        if file.name != "default.yaml":
            assert file.read_text().startswith(f"# yaml-language-server: $schema={kind}.schema.json\n")


@pytest.mark.needs("jsonschema")
@pytest.mark.parametrize("kind", SCHEMAS)
def test_an_editor_takes_what_the_program_takes(kind: str) -> None:
    """Every ready-made file fits its schema, which is one, and files with a wrong key, word or version do not."""
    from jsonschema import Draft202012Validator  # type: ignore[import-untyped]

    schema = orjson.loads((POLICIES / f"{kind}.schema.json").read_bytes())
    validator = Draft202012Validator(schema)
    validator.check_schema(schema)
    assert SCHEMAS[kind]
    for file in SCHEMAS[kind]:
        validator.validate(yaml.safe_load(file.read_text()))
    assert not [document for document in WRONG[kind] if validator.is_valid(document)]


def test_every_key_of_a_policy_says_what_it_is_for() -> None:
    """Its editor shows it."""
    schema = orjson.loads((POLICIES / "policy.schema.json").read_bytes())
    silent = [
        f"{section}.{key}"
        for section, found in {"": schema, **schema["$defs"]}.items()
        for key, described in found.get("properties", {}).items()
        if "description" not in described
    ]
    assert silent == []
