"""What tests leave out of a log before they judge it."""

import subprocess
import sys

import pytest

from tests.running import on_an_idle_machine

# A turn that takes long, and an error in another, in a program that logs as ours does.
PROGRAM = """
import asyncio, sys, time
from proxy.logs import logger, take_over

def fail():
    raise ValueError

async def main():
    asyncio.get_running_loop().call_soon(time.sleep, 0.2)
    asyncio.get_running_loop().call_soon(fail)
    await asyncio.sleep(0)

if "log" in sys.argv:
    take_over(logger("info", "json"))
asyncio.run(main())
sys.stderr.write("Executing nothing took no seconds\\n")
"""


@pytest.mark.parametrize("how", ["log", "text"])
def test_only_what_a_busy_machine_adds_is_left_out(how: str) -> None:
    """A turn that took long is no fault of the program; an error that asyncio tells is, and any other line stays as well."""
    command = [sys.executable, "-X", "dev", "-c", PROGRAM, how]
    log = subprocess.run(command, capture_output=True, text=True, timeout=30, check=True).stderr
    left = on_an_idle_machine(log)
    turns = [line for line in log.splitlines() if line not in left]
    assert len(turns) >= 1
    begins = {"log": '{"library":"asyncio"', "text": "Executing <"}[how]
    assert all(line.startswith(begins) for line in turns)
    assert "ValueError" in left
    assert "Executing nothing took no seconds\n" in left
