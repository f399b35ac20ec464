"""How a long command speaks: to people in words, at a terminal with its progress too; to programs in JSON lines."""

import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import asdict
from textwrap import indent

import orjson
import typer

from proxy.cli import keys
from proxy.credentials.keyring import KeyStatus


class Teller:
    """Tells on standard output what goes on, and on standard error why it did not."""

    def __init__(self, *, as_json: bool) -> None:
        """Speak JSON, one object a line with its `event`, or words."""
        self._as_json = as_json
        self._at_terminal = not as_json and sys.stdout.isatty()

    def say(self, event: str, text: str, **facts: object) -> None:
        """Tell one thing; a program gets the facts beside the text."""
        if self._as_json:
            typer.echo(orjson.dumps({"event": event, "text": text.strip(), **facts}))
        else:
            typer.echo(text)
        sys.stdout.flush()

    def step(self, number: int, event: str, *texts: str) -> None:
        """Tell a step, of one text or several."""
        for text, mark in zip(texts, (f"{number}. ", *("   " for _ in texts)), strict=False):
            self.say(event, f"\n{mark}{indent(text, '   ').strip()}", step=number)

    def keys(self, held: Sequence[KeyStatus]) -> None:
        """Show keys."""
        if self._as_json:
            self.say("keys", "", keys=[asdict(key) for key in held])
        elif held:
            keys.show(held)

    def pause(self, prompt: str) -> None:
        """Wait for the person at the terminal, if there is one."""
        if self._at_terminal and sys.stdin.isatty():
            with suppress(EOFError):
                input(f"\n{prompt}")

    def fail(self, text: str) -> int:
        """Say why there is no more to say; return the exit code."""
        if self._as_json:
            self.say("failed", text)
        else:
            typer.echo(text, err=True)
        return 1

    @contextmanager
    def progress(self) -> Iterator[Callable[[float], None]]:
        """Yield what shows for how many more seconds there is waiting."""
        if not self._at_terminal:
            yield lambda _: None
            return
        from rich.console import Console  # noqa: PLC0415 - only at a terminal

        with Console().status("") as line:
            yield lambda left: line.update(f"for {left:.0f} more seconds at most (Ctrl-C ends this; it may be begun again)")
