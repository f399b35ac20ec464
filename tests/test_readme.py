"""What the README and its neighbours say is what the program does."""

import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

import proxy
from tests.needs import ROOT
from tests.readme import DETECTORS_PAGE, PARTS, README, shown

PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md"), *(ROOT / "helm").rglob("*.md")])


def _parts(page: Path) -> pytest.MarkDecorator:
    parts = PARTS[page]
    return pytest.mark.parametrize(("part", "current"), parts.items(), ids=[current.__name__ for current in parts.values()])


def _fragments(page: Path) -> set[str]:
    text = re.sub(r"^```.*?^```$", "", page.read_text(), flags=re.DOTALL | re.MULTILINE)
    headings = re.findall(r"^#+ (.+)$", text, re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@_parts(README)
def test_what_the_program_says_is_what_is_shown(part: str, current: Callable[[], str]) -> None:
    """The demo's output, the commands, the answers and the metrics are up to date; `make docs` brings them there."""
    assert shown(README, part) == current()


@pytest.mark.needs("detectors")
@_parts(DETECTORS_PAGE)
def test_what_is_said_of_detectors_is_what_they_do(part: str, current: Callable[[], str]) -> None:
    """The page lists every detector, and shows what its policy does to a call; `make docs` brings it up to date."""
    assert shown(DETECTORS_PAGE, part) == current()


def test_the_least_configuration_is_enough(tmp_path: Path) -> None:
    """The configuration that is shown passes the program's check, by the command that is shown."""
    (tmp_path / "sidecar.yaml").write_text(shown(README, r"(?<=^```yaml\n)version: 1\n.*?(?=^```$)"))
    (check,) = re.findall(r"^cio-sidecar (check .*)$", README.read_text(), re.MULTILINE)
    secrets = {"CIO_SITE_ID": "readme-site-id", "CIO_API_KEY": "readme-api-key", "PYTHONPATH": str(ROOT)}
    done = subprocess.run(
        [sys.executable, "-m", "proxy", *check.split(), "--offline"],
        cwd=tmp_path, env=os.environ | secrets, capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr


def test_every_promise_has_a_test_that_names_it() -> None:
    """What the README promises by a number is the subject of a test that carries it."""
    tests = "\n".join(path.read_text() for path in (ROOT / "tests").rglob("test_*.py") if "node_modules" not in path.parts)
    promises = re.findall(r"^\* \*\*(G\d+)\*\*", README.read_text(), re.MULTILINE)
    assert promises
    assert [promise for promise in promises if not re.search(rf"(?i)def test_{promise}_", tests)] == []


def test_every_make_target_that_is_named_exists() -> None:
    """What a page tells the reader to make can be made."""
    targets = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    named = {target for page in PAGES for target in re.findall(r"`make ([a-z]+)", page.read_text())}
    assert {"demo", "test", "check", "bench"} <= named <= targets


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_link_to_a_file_leads_somewhere(page: Path) -> None:
    """No page points to a file that is not there."""
    links = re.findall(r"\]\((?!https?:|#)([^)#]+)", page.read_text())
    assert [link for link in links if not (page.parent / link).exists()] == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_link_to_a_heading_leads_to_one(page: Path) -> None:
    """A link with a fragment leads to a heading of its page, by the rule by which GitHub makes fragments of headings."""
    links = re.findall(r"\]\((?!https?:)([^)#]*)#([^)]+)\)", page.read_text())
    assert [(file, part) for file, part in links if part not in _fragments(page.parent / file if file else page)] == []


def test_the_index_lists_every_page() -> None:
    """`docs/README.md` links each page of `docs` and its decisions once."""
    folder = ROOT / "docs"
    pages = sorted(str(page.relative_to(folder)) for page in folder.rglob("*.md") if page.name != "README.md")
    links = re.findall(r"\]\(([^.)][^)]*\.md)\)", (folder / "README.md").read_text())
    assert sorted(links) == pages


def test_the_changelog_knows_this_version() -> None:
    """The changelog says first what counts as breaking, and has a place for what is being made."""
    text = (ROOT / "CHANGELOG.md").read_text()
    assert text.index("What counts as breaking") < text.index("\n## ")
    assert "\n## Unreleased\n" in text or f"\n## {proxy.__version__} " in text
