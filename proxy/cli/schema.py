"""`cio-sidecar config schema`."""

import typer

from proxy.config.schema import json_schema


def schema() -> None:
    """Print the JSON Schema of the configuration file."""
    import orjson  # noqa: PLC0415

    typer.echo(orjson.dumps(json_schema(), option=orjson.OPT_INDENT_2).decode())
