"""What `docs/sdks.md` shows works as it stands there, and what it says of failures is what `failures.py` proves."""

import asyncio
import re
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.needs import ROOT, find
from tests.running import Sidecar
from tests.sdk import failures
from tests.sdk.applications import environment
from tests.sdk.conftest import Origin, place
from tests.sdk.sdks import FOLDER, PLACEHOLDER

PAGE = (ROOT / "docs" / "sdks.md").read_text()
RUN_SECONDS = 30
# How a program in each language is run that comes on standard input.
COMMANDS = {"python": (sys.executable, "-"), "js": (find("node") or "node", "--input-type=module", "-")}


def examples() -> list[Any]:
    """Return the programs of the page, by language and by the heading they stand under."""
    found = []
    for section in re.split(r"^##+ ", PAGE, flags=re.MULTILINE)[1:]:
        for language, program in re.findall(r"^```(python|js)\n(.*?)^```", section, re.DOTALL | re.MULTILINE):
            needs = ("customerio-node",) if language == "js" else ()
            title = section.partition("\n")[0]
            found.append(pytest.param(language, program, id=title, marks=pytest.mark.needs(*needs)))
    return found


@pytest.mark.asyncio(loop_scope="module")
@pytest.mark.parametrize(("language", "program"), examples())
async def test_an_example_works(language: str, program: str, origin: Origin, sidecar: Sidecar, certificates: Path) -> None:
    """Each program runs to its end with the environment its section names, and every call of it is taken by Customer.io."""
    ports = {"8080": place(sidecar).port, "8443": place(sidecar).tls_port, "placeholder": PLACEHOLDER}
    for shown, real in ports.items():
        program = program.replace(shown, str(real))
    pipe = asyncio.subprocess.PIPE
    process = await asyncio.create_subprocess_exec(
        *COMMANDS[language], stdin=pipe, stdout=pipe, stderr=pipe, cwd=FOLDER, env=environment(certificates)
    )
    async with asyncio.timeout(RUN_SECONDS):
        printed = await process.communicate(program.encode())
    assert (process.returncode, *printed) == (0, b"", b"")
    calls = len(re.findall(r"^(?:await )?(?:track|app|pipelines)\.\w+\(", program, re.MULTILINE))
    assert [entry.status for entry in origin.take()] == calls * [200]


def test_the_page_has_examples_of_both_languages() -> None:
    """Finding no program would pass for all of them working."""
    assert [example.values[0] for example in examples()] == ["python", "python", "js", "js"]


def test_the_table_of_failures() -> None:
    """The page says of every failure what its test proves."""
    assert failures.page() in PAGE
