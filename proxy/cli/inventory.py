"""`cio-sidecar policy inventory`: the fields that callers of a running sidecar send, before the policy acts."""

from collections.abc import Mapping
from dataclasses import asdict
from fnmatch import fnmatchcase
from pathlib import Path

import orjson
import typer

from proxy.cli import table

HEAD = ("endpoint", "path", "types", "count", "found", "last seen", "")


def inventory(config: Path | None, environ: Mapping[str, str], endpoint: str, *, only_new: bool, as_json: bool) -> int:
    """Print the fields of the endpoints that the glob `endpoint` names, all or `only_new` ones.

    Return 0, or 1 where the sidecar does not say, or where `only_new` found any.

    Raises:
        ConfigError: the configuration is not valid, or does not say where the sidecar is asked, and with which token.
    """
    from proxy.cli.running import Running, UnansweredError  # noqa: PLC0415 - aiohttp is slow to load, and `test` needs none

    _, running = Running.written(config, environ)
    try:
        page = running.inventory()
    except UnansweredError as error:
        typer.echo(str(error), err=True)
        return 1
    fields = [field for field in page.fields if fnmatchcase(field.endpoint, endpoint) and (field.new or not only_new)]
    if as_json:
        shown = {"since": page.since, "unrecorded": page.unrecorded, "fields": [asdict(field) for field in fields]}
        typer.echo(orjson.dumps(shown))
    else:
        rows = [
            (
                field.endpoint,
                field.path,
                " ".join(field.types),
                str(field.count),
                " ".join(field.detectors) or "-",
                field.last_seen,
                "new" if field.new else "",
            )
            for field in fields
        ]
        table.show(HEAD, rows, {"new": "bold yellow"})
        if page.unrecorded:
            typer.echo(f"{page.unrecorded} times there was no room for another field", err=True)
    return 1 if only_new and fields else 0
