"""Rows for people."""

import contextlib
import os
import pty
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy.cli.table import ago, lasting, show, widths

HEAD = ("slot", "state")
ROWS = [("track", "active"), ("[b]next[/b]", "rejected")]


def test_a_log_gets_aligned_columns(capsys: pytest.CaptureFixture[str]) -> None:
    """Without boxes, colours, or spaces at the end; and what could move a terminal's cursor is left out."""
    show(HEAD, [*ROWS, ("\x1b[2Jx\r\n", "")])
    assert capsys.readouterr().out == (
        "slot         state\n"
        "track        active\n"
        "[b]next[/b]  rejected\n"
        "[2Jx\n"
    )  # fmt: skip


def at_terminal(monkeypatch: pytest.MonkeyPatch, columns: int, head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Return what is shown at a terminal so wide."""
    monkeypatch.setenv("TERM", "dumb")
    monkeypatch.setenv("COLUMNS", str(columns))
    ours, theirs = pty.openpty()
    with os.fdopen(theirs, "w") as terminal, contextlib.redirect_stdout(terminal):
        show(head, rows, {"rejected": "bold red"})
        terminal.flush()
        shown = os.read(ours, 65_536).decode()
    os.close(ours)
    return shown


def test_a_terminal_gets_a_table(monkeypatch: pytest.MonkeyPatch) -> None:
    """With the words as they are: what looks like markup is none, and no byte of a cell is a command."""
    shown = at_terminal(monkeypatch, 100, HEAD, [*ROWS, ("\x1b[2Jx", "")])
    assert "\x1b[2J" not in shown
    for row in (HEAD, *ROWS):
        assert any(all(cell in line for cell in row) for line in shown.splitlines())


PATHS = [
    (
        "credentials.track.site_id",
        "problem",
        "there is no such file: /run/secrets/customerio/production/site_id (config/c.yaml:12)",
    ),
    ("track.v1.identify", "ok", "customer.attributes.shipping_addresses.[].street_address_as_it_was_typed"),
    ("x", "ok", "words " * 40),
]


@pytest.mark.parametrize("columns", [40, 80, 100])
def test_no_path_is_cut(monkeypatch: pytest.MonkeyPatch, columns: int) -> None:
    """Every word stands on one line of the table, and at 80 columns nothing is wider than the terminal."""
    shown = at_terminal(monkeypatch, columns, ("what", "state", "detail"), PATHS)
    words = {word for line in shown.splitlines() for word in line.split()}
    assert {word for row in PATHS for cell in row for word in cell.split()} <= words
    assert "…" not in shown
    assert max(map(len, at_terminal(monkeypatch, 80, ("what", "state", "detail"), PATHS[2:]).splitlines())) == 80


@given(st.lists(st.lists(st.text("ab ", max_size=30), min_size=2, max_size=2), min_size=1, max_size=5), st.integers(0, 100))
def test_widths_hold_every_word_and_fill_what_is_there(columns: list[list[str]], available: int) -> None:
    """No less than the longest word, no more than the longest cell, and no more in all than there is, if words allow it."""
    found = widths(columns, available)
    for column, width in zip(columns, found, strict=True):
        longest = max((len(word) for cell in column for word in cell.split()), default=1)
        assert longest <= width <= max(longest, *map(len, column))
    least = widths(columns, 0)
    assert sum(found) <= max(available, sum(least))
    wanted = sum(max(least[index], *map(len, column)) for index, column in enumerate(columns))
    assert sum(found) == min(wanted, max(available, sum(least)))


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (0, "0 seconds"),
        (1.9, "1 second"),
        (119.9, "119 seconds"),
        (120, "2 minutes"),
        (7199, "119 minutes"),
        (7200, "2 hours"),
        (172_799, "47 hours"),
        (172_800, "2 days"),
        (90.9 * 86_400, "90 days"),
    ],
)
def test_ages_are_words(seconds: float, words: str) -> None:
    """Rounded down, in the largest unit that is not coarse; an age that there is none of is a dash."""
    assert lasting(seconds) == words
    assert ago(seconds) == f"{words} ago"
    assert ago(None) == "-"
