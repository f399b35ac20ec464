"""Rows for people."""

import contextlib
import os
import pty

import pytest

from proxy.cli.table import ago, lasting, show

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


def test_a_terminal_gets_a_table(monkeypatch: pytest.MonkeyPatch) -> None:
    """With the words as they are: what looks like markup is none, and no byte of a cell is a command."""
    monkeypatch.setenv("TERM", "dumb")
    monkeypatch.setenv("COLUMNS", "100")
    ours, theirs = pty.openpty()
    with os.fdopen(theirs, "w") as terminal, contextlib.redirect_stdout(terminal):
        show(HEAD, [*ROWS, ("\x1b[2Jx", "")], {"rejected": "bold red"})
        terminal.flush()
        shown = os.read(ours, 65_536).decode()
    os.close(ours)
    assert "\x1b[2J" not in shown
    for row in (HEAD, *ROWS):
        assert any(all(cell in line for cell in row) for line in shown.splitlines())


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
