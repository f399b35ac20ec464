"""`cio-sidecar config schema` and `cio-sidecar policy schema`."""

from typing import Any

import typer

from proxy.config.schema import json_schema, section_schema
from proxy.policy.cases import CaseFile
from proxy.policy.model import PolicyDocument


def schema() -> None:
    """Print the JSON Schema of the configuration file."""
    _print(json_schema())


def policy(*, cases: bool) -> None:
    """Print the JSON Schema of a policy file, or of a file of `cases`."""
    section, title = (CaseFile, "Cases for a policy of cio-sidecar") if cases else (PolicyDocument, "A policy of cio-sidecar")
    _print(section_schema(section, title))


def _print(found: dict[str, Any]) -> None:
    import orjson  # noqa: PLC0415

    typer.echo(orjson.dumps(found, option=orjson.OPT_INDENT_2).decode())
