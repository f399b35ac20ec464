"""A command at a terminal, as a person has it."""

import os
import pty
import subprocess
from collections.abc import Mapping, Sequence

READ_BYTES = 65_536


class Screen:
    """Everything that a command at a terminal shows, and the keyboard."""

    def __init__(self, descriptor: int) -> None:
        """Belong to the terminal that is open as `descriptor`."""
        self._descriptor = descriptor
        self.shown = b""

    def until(self, text: bytes) -> bytes:
        """Read until `text` was shown; return all that was."""
        while text not in self.shown:
            try:
                data = os.read(self._descriptor, READ_BYTES)
            except OSError:  # Linux says so where the other side is gone
                data = b""
            assert data, f"{text!r} was never shown: {self.shown.decode()}"
            self.shown += data
        return self.shown

    def rest(self) -> bytes:
        """Read until the command has ended; return all that was shown."""
        try:
            while data := os.read(self._descriptor, READ_BYTES):
                self.shown += data
        except OSError:
            pass
        return self.shown

    def write(self, keys: bytes) -> None:
        """Press keys."""
        os.write(self._descriptor, keys)

    def close(self) -> None:
        """Put the terminal away."""
        os.close(self._descriptor)


def at_terminal(arguments: Sequence[str], environ: Mapping[str, str]) -> tuple["subprocess.Popen[bytes]", Screen]:
    """Run a command at a terminal of its own, 120 columns wide."""
    ours, theirs = pty.openpty()
    environment = {**environ, "TERM": "xterm", "COLUMNS": "120"}
    process = subprocess.Popen(arguments, stdin=theirs, stdout=theirs, stderr=theirs, env=environment, start_new_session=True)
    os.close(theirs)
    return process, Screen(ours)
