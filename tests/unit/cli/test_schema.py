"""`cio-sidecar config schema`."""

import orjson

from proxy.config.schema import json_schema
from tests.unit.cli.conftest import Command


def test_the_schema_is_printed_as_json(command: Command) -> None:
    """As it stands in the program, for `cio-sidecar config schema > schema.json`."""
    done = command("config", "schema")
    assert (done.returncode, done.stderr) == (0, "")
    assert orjson.loads(done.stdout) == json_schema()
