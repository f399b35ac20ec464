"""Rows for people: a table at a terminal, aligned columns in a log."""

import sys
from collections.abc import Mapping, Sequence
from types import MappingProxyType

import typer

Row = Sequence[str]
_NO_STYLES: Mapping[str, str] = MappingProxyType({})


def show(head: Row, rows: Sequence[Row], styles: Mapping[str, str] = _NO_STYLES) -> None:
    """Print rows on standard output; at a terminal a cell whose text is in `styles` has that style."""
    if sys.stdout.isatty():
        _show_at_terminal(head, rows, styles)
        return
    printable = [["".join(filter(str.isprintable, cell)) for cell in row] for row in (head, *rows)]
    widths = [max(map(len, column)) for column in zip(*printable, strict=True)]
    for row in printable:
        typer.echo("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())


def _show_at_terminal(head: Row, rows: Sequence[Row], styles: Mapping[str, str]) -> None:
    from rich.console import Console  # noqa: PLC0415 - only at a terminal
    from rich.table import Table  # noqa: PLC0415
    from rich.text import Text  # noqa: PLC0415

    table = Table(*head)
    for row in rows:
        # As text, so that square brackets are no markup.
        table.add_row(*(Text("".join(filter(str.isprintable, cell)), style=styles.get(cell, "")) for cell in row))
    Console().print(table)


def ago(seconds: float | None) -> str:
    """Return an age in words; a dash where there is none."""
    return "-" if seconds is None else f"{lasting(seconds)} ago"


# A unit is used from twice its length on, so that no text is more than half off.
_UNITS = ((86_400, "days"), (3600, "hours"), (60, "minutes"))


def lasting(seconds: float) -> str:
    """Return how long something lasts, in words."""
    for length, name in _UNITS:
        if seconds >= 2 * length:
            return f"{int(seconds // length)} {name}"
    return f"{int(seconds)} second{'' if int(seconds) == 1 else 's'}"
