"""What tests leave out of a log before they judge it."""

import subprocess
import sys

from tests.running import on_an_idle_machine

# A turn that takes long, and an error in another, in a program that logs as ours does.
PROGRAM = """
import asyncio, time
from proxy.logs import logger, take_over

def fail():
    raise ValueError

async def main():
    asyncio.get_running_loop().call_soon(time.sleep, 0.2)
    asyncio.get_running_loop().call_soon(fail)
    await asyncio.sleep(0)

log = logger("info", "json")
take_over(log)
asyncio.run(main())
log.warning("refused")
"""


def test_only_what_a_busy_machine_adds_is_left_out() -> None:
    """A turn that took long is no fault of the program; an error that asyncio tells is, and any other line stays as well."""
    command = [sys.executable, "-X", "dev", "-c", PROGRAM]
    log = subprocess.run(command, capture_output=True, text=True, timeout=30, check=True).stderr
    left = on_an_idle_machine(log).splitlines()
    turns = [line for line in log.splitlines() if line not in left]
    assert len(turns) >= 1
    assert all('"level":"warning"' in line and '"library":"asyncio"' in line for line in turns)
    assert [("ValueError" in line, '"event":"refused"' in line) for line in left] == [(True, False), (False, True)]
