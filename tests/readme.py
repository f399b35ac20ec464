"""The parts of the README and of a page that the program itself says. `python -m tests.readme` writes them into them."""

import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path

from prometheus_client import CollectorRegistry

import proxy
from proxy.errors import ANSWERS
from proxy.metrics import PREFIX, Metrics
from proxy.policy.detectors.catalogue import DETECTORS, detector
from tests.needs import ROOT

README = ROOT / "README.md"
DETECTORS_PAGE = ROOT / "docs" / "detectors.md"
# As wide as the README's blocks are.
COLUMNS = "100"
ENDPOINT = "PUT /api/v1/customers/5"
CONFIGURATION = """\
version: 1
credentials:
  track: {site_id: "env:CIO_SITE_ID", api_key: "env:CIO_API_KEY"}
policy: policy.yaml
"""
BODY = r"""
{"note": "paid with 4111 1111 1111 1111, thanks", "card": 4111111111111111, "email": "ada@example.com",
 "by_person": {"ada@example.com": 1}, "raw": "{\"account\": \"GB29 NWBK 6016 1331 9268 19\"}",
 "page": "https://shop.example/?mail=ada%40example.com&x=1", "memo": "see C-123456"}
"""


def printed(*arguments: str) -> str:
    """Return what `cio-sidecar` prints, whatever the environment says of colours or configures; it must end well."""
    command = [sys.executable, "-m", "proxy", *arguments]
    kept = {name: value for name, value in os.environ.items() if name == "PATH" or name.startswith("PYTHON")}
    environment = {**kept, "COLUMNS": COLUMNS}
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


def detectors() -> str:
    """Return the detectors: what each finds, and whether it does in JSON numbers."""
    rows = (
        (f"`{name}`", finds, "yes" if detector(name.replace("XX", "US")).number else "") for name, finds in DETECTORS.items()
    )
    return _table(("detector", "finds", "in JSON numbers too"), rows)


def applied() -> str:
    """Return what the policy of the page about detectors does to a call."""
    command = ["policy", "apply", "--config", "sidecar.yaml", "--endpoint", ENDPOINT, "--explain"]
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "sidecar.yaml").write_text(CONFIGURATION)
        (folder / "policy.yaml").write_text(shown(DETECTORS_PAGE, r"(?<=^```yaml\n)version: 1\n.*?(?=^```$)"))
        done = subprocess.run(
            [sys.executable, "-m", "proxy", *command], input=BODY, cwd=folder, env={**os.environ, "PYTHONPATH": str(ROOT)},
            capture_output=True, text=True, timeout=60, check=True,
        )  # fmt: skip
    said = (
        f'$ cat call.json{BODY}$ cio-sidecar policy apply --config sidecar.yaml --endpoint "{ENDPOINT}" --explain < call.json\n'
    )
    return said + done.stdout + done.stderr


# By the page that has them.
PARTS: Mapping[Path, Mapping[str, Callable[[], str]]] = {
    README: {
        r"(?<=^```\n)\$ make demo\n.*?(?=^```$)": demo,
        r"(?<=^```\n)\$ cio-sidecar --help\n.*?(?=^```$)": usage,
        r"^\| status \| code \|\n(?:\|[^\n]+\n)+": answers,
        r"^\| metric, [^\n]+\n(?:\|[^\n]+\n)+": metrics,
    },
    DETECTORS_PAGE: {
        r"(?<=^```\n)\$ cat call.json\n.*?(?=^```$)": applied,
        r"^\| detector \| finds [^\n]+\n(?:\|[^\n]+\n)+": detectors,
    },
}


def shown(page: Path, part: str) -> str:
    """Return a part as the page has it; it has each once."""
    (found,) = re.findall(part, page.read_text(), re.DOTALL | re.MULTILINE)
    return str(found)


def main() -> None:
    """Write every part."""
    for page, parts in PARTS.items():
        text = page.read_text()
        for part, current in parts.items():
            text = text.replace(shown(page, part), current())
        page.write_text(text)


def _table(head: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> str:
    return "".join(f"| {' | '.join(row)} |\n".replace("|  |", "| |") for row in (head, ("---",) * len(head), *rows))


if __name__ == "__main__":
    main()
