"""The parts of the README that the program itself says. `python -m tests.readme` writes them into it."""

import os
import re
import subprocess
import sys
from collections.abc import Callable, Iterable, Mapping

from prometheus_client import CollectorRegistry

import proxy
from proxy.errors import ANSWERS
from proxy.metrics import PREFIX, Metrics
from tests.needs import ROOT

README = ROOT / "README.md"
# As wide as the README's blocks are.
COLUMNS = "100"


def printed(*arguments: str) -> str:
    """Return what `cio-sidecar` prints; it must end well."""
    command = [sys.executable, "-m", "proxy", *arguments]
    environment = {**os.environ, "COLUMNS": COLUMNS}
    return subprocess.run(command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, text=True, timeout=120, check=True).stdout


def demo() -> str:
    """Return what the demo shows. The ports it finds free differ from run to run, so here they are the usual one."""
    return "$ make demo\n" + re.sub(r"localhost:\d+", "localhost:8443", printed("demo"))


def usage() -> str:
    """Return the commands."""
    return "$ cio-sidecar --help\n" + printed("--help")


def answers() -> str:
    """Return the refusals by status."""
    codes: dict[int, list[str]] = {}
    for reason, answer in ANSWERS.items():
        codes.setdefault(answer.status, []).append(f"`{reason.value}`")
    return _table(("status", "code"), ((str(status), " ".join(named)) for status, named in codes.items()))


def metrics() -> str:
    """Return the metrics with their labels and what they say."""
    rows = []
    for family in Metrics(CollectorRegistry(), proxy.__version__).collect():
        name = family.name.removeprefix(PREFIX) + ("_total" if family.type == "counter" else "")
        labels: tuple[str, ...] = family._labelnames  # type: ignore[attr-defined]  # the library's stubs leave it out
        rows.append((f"`{name}`", " ".join(f"`{label}`" for label in labels), family.documentation))
    return _table((f"metric, after `{PREFIX}`", "labels", "what it says"), rows)


PARTS: Mapping[str, Callable[[], str]] = {
    r"(?<=^```\n)\$ make demo\n.*?(?=^```$)": demo,
    r"(?<=^```\n)\$ cio-sidecar --help\n.*?(?=^```$)": usage,
    r"^\| status \| code \|\n(?:\|[^\n]+\n)+": answers,
    r"^\| metric, [^\n]+\n(?:\|[^\n]+\n)+": metrics,
}


def shown(part: str) -> str:
    """Return a part as the README has it; it has each once."""
    (found,) = re.findall(part, README.read_text(), re.DOTALL | re.MULTILINE)
    return str(found)


def main() -> None:
    """Write every part."""
    text = README.read_text()
    for part, current in PARTS.items():
        text = text.replace(shown(part), current())
    README.write_text(text)


def _table(head: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> str:
    return "".join(f"| {' | '.join(row)} |\n".replace("|  |", "| |") for row in (head, ("---",) * len(head), *rows))


if __name__ == "__main__":
    main()
