"""What `check` found, and how it is shown."""

import contextlib
import os
import pty
import sys

import orjson
import pytest

from proxy.cli.findings import Finding, State, show, well

FINDINGS = [
    Finding("configuration", State.OK, "valid"),
    Finding("upstreams.pipelines", State.SKIPPED, "cannot be [probed]"),
    Finding("admin.token", State.PROBLEM, "is empty"),
]


def test_only_a_problem_is_not_well() -> None:
    """What could not be looked at is not wrong for that."""
    assert well(FINDINGS[:2])
    assert not well(FINDINGS)


def test_a_log_gets_a_line_each(capsys: pytest.CaptureFixture[str]) -> None:
    """In columns, without colours or boxes."""
    show(FINDINGS, as_json=False)
    assert capsys.readouterr().out == (
        "ok       configuration        valid\n"
        "skipped  upstreams.pipelines  cannot be [probed]\n"
        "problem  admin.token          is empty\n"
    )


def test_a_program_gets_json(capsys: pytest.CaptureFixture[str]) -> None:
    """One object on one line."""
    show(FINDINGS, as_json=True)
    out = capsys.readouterr().out
    assert out.count("\n") == 1
    assert orjson.loads(out) == {
        "ok": False,
        "findings": [
            {"subject": "configuration", "state": "ok", "detail": "valid"},
            {"subject": "upstreams.pipelines", "state": "skipped", "detail": "cannot be [probed]"},
            {"subject": "admin.token", "state": "problem", "detail": "is empty"},
        ],
    }


def test_a_terminal_gets_a_table(monkeypatch: pytest.MonkeyPatch) -> None:
    """With the words as they are: what looks like markup is none."""
    monkeypatch.setenv("TERM", "dumb")
    monkeypatch.setenv("COLUMNS", "100")
    ours, theirs = pty.openpty()
    with os.fdopen(theirs, "w") as terminal, contextlib.redirect_stdout(terminal):
        assert sys.stdout.isatty()
        show(FINDINGS, as_json=False)
        terminal.flush()
        shown = os.read(ours, 65_536).decode()
    os.close(ours)
    for finding in FINDINGS:
        (line,) = (line for line in shown.splitlines() if finding.subject in line)
        assert finding.state in line
        assert finding.detail in line
