"""How a long command speaks."""

import os
import subprocess
import sys

import orjson
import pytest

from proxy.api.model import Credential
from proxy.cli.teller import Teller
from proxy.credentials.keyring import KeyStatus, State
from proxy.credentials.model import Kind
from tests.unit.cli.terminal import at_terminal

KEY = KeyStatus(Credential.APP, "app", "a1b2c3d4", State.ACTIVE, Kind.ENV, "", None, None, 4.0)


def speak(*, as_json: bool) -> int:
    """Say one of everything."""
    teller = Teller(as_json=as_json)
    teller.keys([])
    teller.keys([KEY])
    teller.step(1, "first", "Do this:\n  command", "And that.")
    teller.pause("Press Enter. ")
    teller.say("fact", "   It is so.", key_id="a1b2c3d4")
    with teller.progress() as show_left:
        show_left(9)
    return teller.fail("It ended badly.")


def test_people_get_words(capsys: pytest.CaptureFixture[str]) -> None:
    """Steps with their numbers, nothing asked where there is no terminal, and what failed on standard error."""
    assert speak(as_json=False) == 1
    said = capsys.readouterr()
    assert said.out == (
        "slot  key id    state   kept in  version  made  confirmed  last used\n"
        "app   a1b2c3d4  active  env      -        -     -          4 seconds ago\n"
        "\n1. Do this:\n     command\n"
        "\n   And that.\n"
        "   It is so.\n"
    )
    assert said.err == "It ended badly.\n"


def test_programs_get_json_lines(capsys: pytest.CaptureFixture[str]) -> None:
    """One object a line with its event; what failed is the last one."""
    assert speak(as_json=True) == 1
    said = capsys.readouterr()
    assert said.err == ""
    lines = [orjson.loads(line) for line in said.out.splitlines()]
    assert [line["event"] for line in lines] == ["keys", "keys", "first", "first", "fact", "failed"]
    assert lines[1]["keys"][0]["key_id"] == "a1b2c3d4"
    assert lines[2] == {"event": "first", "text": "1. Do this:\n     command", "step": 1}
    assert lines[4] == {"event": "fact", "text": "It is so.", "key_id": "a1b2c3d4"}
    assert lines[5]["text"] == "It ended badly."


@pytest.mark.parametrize("answer", [b"\n", b"\x04"])
def test_a_terminal_is_asked_and_shown_progress(answer: bytes) -> None:
    """Enter goes on, and so does the end of the input."""
    program = "from tests.unit.cli.test_teller import speak; speak(as_json=False)"
    process, said = at_terminal([sys.executable, "-X", "dev", "-W", "error", "-c", program], os.environ)
    said.until(b"Press Enter. ")
    said.write(answer)
    said.until(b"for 9 more seconds at most")
    said.until(b"It ended badly.")
    assert process.wait(timeout=30) == 0
    said.close()


def test_a_program_that_reads_lines_gets_each_when_it_is_said() -> None:
    """Not when the command ends."""
    program = "import sys; from proxy.cli.teller import Teller; Teller(as_json=True).say('a', 'b'); sys.stdin.read()"
    with subprocess.Popen([sys.executable, "-c", program], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert orjson.loads(process.stdout.readline())["event"] == "a"
        process.communicate(b"", timeout=30)
