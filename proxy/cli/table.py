"""Rows for people: a table at a terminal, aligned columns in a log. No word is cut: paths and names are there to be copied."""

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

    console = Console()
    printable = [["".join(filter(str.isprintable, cell)) for cell in row] for row in rows]
    columns = list(zip(head, *printable, strict=True))
    table = Table()
    for name, width in zip(head, widths(columns, console.width - _FRAME * len(columns) - 1), strict=True):
        table.add_column(name, width=width, overflow="fold")
    for row in printable:
        # As text, so that square brackets are no markup.
        table.add_row(*(Text(cell, style=styles.get(cell, "")) for cell in row))
    # Where the words alone need more than the terminal has, its own lines wrap.
    needed = sum(column.width or 0 for column in table.columns) + _FRAME * len(columns) + 1
    if needed > console.width:
        console = Console(width=needed, height=console.height)
    console.print(table)


# What a column takes beside its text: a line and a space on either side.
_FRAME = 3


def widths(columns: Sequence[Sequence[str]], available: int) -> list[int]:
    """Return how wide each column is, so that all of them take no more than `available` and no word is cut.

    Columns whose words need more than that get it all the same.
    """
    from rich.cells import cell_len  # noqa: PLC0415 - only at a terminal

    least = [max((cell_len(word) for cell in column for word in cell.split()), default=1) for column in columns]
    wanted = [max(map(cell_len, column)) for column in columns]
    spare = max(0, available - sum(least))
    lacking = [max(0, most - few) for most, few in zip(wanted, least, strict=True)]
    given = least
    # Those that lack little get it all; the rest is shared by the others.
    for order, index in enumerate(sorted(range(len(columns)), key=lacking.__getitem__)):
        share = min(lacking[index], spare // (len(columns) - order))
        given[index] += share
        spare -= share
    return given


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
