"""`cio-sidecar config init` and `cio-sidecar config show`."""

from collections.abc import Mapping
from importlib import resources
from pathlib import Path
from typing import Any

import typer
import yaml

from proxy.config.effective import in_force
from proxy.config.load import load
from proxy.credentials.file import reason
from proxy.errors import ConfigError

WIDTH = 128


def init(file: Path, *, force: bool) -> None:
    """Write a commented configuration to `file`.

    Raises:
        ConfigError: it cannot be written, or is there already and `force` is not given.
    """
    text = resources.files("proxy.config").joinpath("template.yaml").read_bytes()
    try:
        with file.open("wb" if force else "xb") as stream:
            stream.write(text)
    except FileExistsError:
        raise ConfigError("is there already; --force replaces it", file=str(file)) from None
    except OSError as error:
        said = reason(error)
        raise ConfigError(f"{said} or folder" if isinstance(error, FileNotFoundError) else said, file=str(file)) from None
    typer.echo(f"Wrote {file}. It reads two environment variables, CIO_SITE_ID and CIO_API_KEY.")
    typer.echo(f"Next: cio-sidecar check --config {file}")


def show(config: Path | None, environ: Mapping[str, str], *, as_json: bool) -> None:
    """Print every value in force, and where secrets are kept.

    Raises:
        ConfigError: the configuration is not valid.
    """
    write(in_force(load(config, environ).config), as_json=as_json)


def write(values: dict[str, Any], *, as_json: bool) -> None:
    """Print `values` as YAML, or as JSON."""
    if as_json:
        import orjson  # noqa: PLC0415

        typer.echo(orjson.dumps(values, option=orjson.OPT_INDENT_2).decode())
    else:
        typer.echo(yaml.safe_dump(values, sort_keys=False, allow_unicode=True, width=WIDTH), nl=False)
