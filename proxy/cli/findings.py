"""What `check` found, and how it is shown: a table at a terminal, a line each in a log, or JSON for a program."""

import sys
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from enum import StrEnum
from types import MappingProxyType

import orjson
import typer

from proxy.cli import table


class State(StrEnum):
    """How something is."""

    OK = "ok"
    WARNING = "warning"  # it works, and should be mended all the same
    SKIPPED = "skipped"  # nothing is known to be wrong; the detail says why no more can be said
    PROBLEM = "problem"


_COLOURS: Mapping[str, str] = MappingProxyType(
    {State.OK: "green", State.WARNING: "magenta", State.SKIPPED: "yellow", State.PROBLEM: "bold red"}
)


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was checked: its key path, how it is, and what to know or do. Holds no secret and no reference."""

    subject: str
    state: State
    detail: str


def well(findings: Sequence[Finding]) -> bool:
    """Tell whether nothing is wrong."""
    return all(finding.state is not State.PROBLEM for finding in findings)


def show(findings: Sequence[Finding], *, as_json: bool) -> None:
    """Print the findings on standard output."""
    if as_json:
        text = orjson.dumps({"ok": well(findings), "findings": [asdict(finding) for finding in findings]})
        typer.echo(text)
    elif sys.stdout.isatty():
        table.show(("what", "state", "detail"), [(each.subject, each.state, each.detail) for each in findings], _COLOURS)
    else:
        width = max(len(finding.subject) for finding in findings)
        for finding in findings:
            typer.echo(f"{finding.state:<7}  {finding.subject:<{width}}  {finding.detail}")
