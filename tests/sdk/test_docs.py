"""What `docs/sdks.md` shows works as it stands there, and what it says of failures is what `failures.py` proves."""

import asyncio
import re
from pathlib import Path
from typing import Any

import pytest

from proxy.simulator.journal import Entry
from tests.needs import ROOT
from tests.running import Sidecar
from tests.sdk import failures
from tests.sdk.applications import environment
from tests.sdk.clients import PLACEHOLDER
from tests.sdk.conftest import Origin, place
from tests.sdk.sdks import (
    ASYNC,
    CDP_NODE,
    CDP_PYTHON,
    FOLDER,
    NODE,
    NODE4,
    PYTHON,
    PYTHON2,
    Sdk,
)

PAGE = (ROOT / "docs" / "sdks.md").read_text()
RUN_SECONDS = 30
# Whose program each section shows.
SECTIONS: dict[str, Sdk] = {
    "Python": PYTHON,
    "Python without TLS": PYTHON,
    "Python 2": PYTHON2,
    "async-customerio": ASYNC,
    "Pipelines from Python": CDP_PYTHON,
    "Node": NODE,
    "Node over TLS": NODE,
    "Node 4": NODE4,
    "Pipelines from Node": CDP_NODE,
}
# How a program in each language is run that comes on standard input.
OPTIONS = {"python": ("-",), "js": ("--input-type=module", "-")}
# A line that makes a call; waiting for a queue is none.
CALL = re.compile(r"^ *(?:await )?(?:track|app|pipelines|analytics)\.(?!flush|closeAndFlush)[\w.]+\(", re.MULTILINE)


def examples() -> list[Any]:
    """Return the programs of the page, by language and by the heading they stand under."""
    found = []
    for section in re.split(r"^##+ ", PAGE, flags=re.MULTILINE)[1:]:
        title = section.partition("\n")[0]
        for language, program in re.findall(r"^```(python|js)\n(.*?)^```", section, re.DOTALL | re.MULTILINE):
            needs = SECTIONS[title].needs
            found.append(pytest.param(SECTIONS[title], language, program, id=title, marks=pytest.mark.needs(*needs)))
    return found


def items_of(entry: Entry) -> list[Any]:
    """Return the calls in one request; the Pipelines SDKs send theirs together."""
    body: Any = entry.json
    return body["batch"] if entry.request.target == "/v1/batch" else [body]


@pytest.mark.asyncio(loop_scope="session")
@pytest.mark.parametrize(("sdk", "language", "program"), examples())
async def test_an_example_works(
    sdk: Sdk, language: str, program: str, *, origin: Origin, sidecar: Sidecar, certificates: Path
) -> None:
    """Each program runs to its end with the environment its section names, and every call of it is taken by Customer.io."""
    ports = {"8080": place(sidecar).port, "8443": place(sidecar).tls_port, "placeholder": PLACEHOLDER}
    calls = len(CALL.findall(program))
    for shown, real in ports.items():
        program = program.replace(shown, str(real))
    interpreter, _, package = sdk.command
    program = program.replace('"customerio-node"', f'"{package}"')  # where two versions are installed side by side
    pipe = asyncio.subprocess.PIPE
    process = await asyncio.create_subprocess_exec(
        interpreter, *OPTIONS[language], stdin=pipe, stdout=pipe, stderr=pipe, cwd=FOLDER, env=environment(certificates)
    )
    async with asyncio.timeout(RUN_SECONDS):
        printed = await process.communicate(program.encode())
    assert (process.returncode, *printed) == (0, b"", b"")
    entries = origin.take()
    assert {entry.status for entry in entries} == {200}
    assert sum(len(items_of(entry)) for entry in entries) == calls


def test_every_section_has_its_example() -> None:
    """Finding no program would pass for all of them working."""
    assert [example.id for example in examples()] == list(SECTIONS)


def test_the_tables_of_failures() -> None:
    """The page says of every failure what its test proves."""
    assert failures.told_table() in PAGE
    assert failures.straight_table() in PAGE
