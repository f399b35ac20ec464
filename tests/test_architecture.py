"""What holds for every module: its floor, its test file, its size, its name. A rule that nothing checks does not hold."""

import ast
import re
import shutil
import subprocess
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.needs import ROOT, path_of

PACKAGE = ROOT / "proxy"
UNIT = ROOT / "tests" / "unit"
MODULES = sorted(path for path in PACKAGE.rglob("*.py") if path.name != "__init__.py")

# A module is read in one sitting. This only catches what nobody split in time; what belongs together stays together.
MAX_LINES = 500
# A name that can hold anything will.
NAMES_TOO_WIDE = frozenset({"base", "common", "helper", "helpers", "manager", "misc", "util", "utils"})
# Modules that wire others together have nothing to test by themselves; these tests run them whole, as processes.
TESTED_WHOLE = {
    "__main__.py": "flows/test_serving.py",
    "app.py": "flows/test_serving.py",
    "cli/demo.py": "test_readme.py",
}


def name_of(path: Path) -> str:
    """Return the dotted name of a module."""
    return ".".join(path.relative_to(ROOT).with_suffix("").parts)


def only_declares(path: Path) -> bool:
    """Tell whether a module holds values and protocols only: no function in it does anything."""
    functions = [
        node for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    ]
    return not any(ast.get_docstring(function) is None or len(function.body) > 1 for function in functions)


def layers() -> Iterator[str]:
    """Yield every module that the floors contract names."""
    contracts = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]["contracts"]
    (floors,) = [contract for contract in contracts if contract["type"] == "layers"]
    for layer in floors["layers"]:
        yield from (name.strip() for name in layer.split("|"))


def test_every_module_has_its_floor() -> None:
    """Each module stands in the floors contract exactly once, by its own name or by its folder's."""
    named = list(layers())
    places = {name_of(path): [layer for layer in named if f"{name_of(path)}.".startswith(f"{layer}.")] for path in MODULES}
    assert {module: found for module, found in places.items() if len(found) != 1} == {}


@pytest.mark.parametrize(
    ("module", "line", "broken"),
    [
        ("api/model.py", "import proxy.app", "Floors: imports only point down"),
        ("limits/memory.py", "import proxy.http1.pool", "Floors: imports only point down"),
        ("policy/apply.py", "import time", "The core does no I/O and reads no clock"),
        ("pipeline.py", "import proxy.clock", "The core does no I/O and reads no clock"),
        ("delivery/send.py", "import proxy.http1.pool", "Flows know protocols, not technologies"),
        ("http1/pool.py", "import aiohttp", "The proxied path is built on protocols, not on aiohttp"),
        ("simulator/model.py", "import proxy.api.model", "The simulator is an independent witness"),
    ],
)
def test_a_planted_fault_breaks_its_contract(tmp_path: Path, module: str, line: str, broken: str) -> None:
    """Each contract fails on an import that it is there to forbid, so a kept contract means something."""
    shutil.copytree(PACKAGE, tmp_path / "proxy", ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    with (tmp_path / "proxy" / module).open("a") as file:
        file.write(f"\n{line}\n")
    done = subprocess.run(
        [path_of("lint-imports"), "--no-cache"], cwd=tmp_path, capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 1, done.stdout + done.stderr
    assert re.search(rf"^{re.escape(broken)}.* BROKEN", done.stdout, re.MULTILINE), done.stdout


def test_every_module_has_its_test_file() -> None:
    """`proxy/a/b.py` is proven by `tests/unit/a/test_b.py`, unless there is nothing in it to go wrong by itself."""
    missing = [
        str(relative)
        for path in MODULES
        if not only_declares(path)
        and str(relative := path.relative_to(PACKAGE)) not in TESTED_WHOLE
        and not (UNIT / relative.parent / f"test_{relative.name}").is_file()
    ]
    assert missing == []


def test_every_unit_test_file_has_its_module() -> None:
    """No test file is left behind by a module that was moved or removed."""
    orphans = [
        str(path.relative_to(UNIT)) for path in UNIT.rglob("test_*.py")
        if not (PACKAGE / path.relative_to(UNIT).parent / path.name.removeprefix("test_")).is_file()
    ]  # fmt: skip
    assert orphans == []


def test_what_is_tested_whole_exists() -> None:
    """The modules without a test file of their own are there, and so are the tests that run them."""
    assert [name for name in TESTED_WHOLE if not (PACKAGE / name).is_file()] == []
    assert [test for test in TESTED_WHOLE.values() if not (ROOT / "tests" / test).is_file()] == []


def test_no_module_is_longer_than_one_sitting() -> None:
    """No file of the program has more lines than can be read at once."""
    lengths = {name_of(path): len(path.read_text().splitlines()) for path in MODULES}
    assert {module: lines for module, lines in lengths.items() if lines > MAX_LINES} == {}


def test_a_package_holds_a_docstring_and_nothing_else() -> None:
    """An import in an `__init__.py` would load what its folder's pure modules must not know; only the root has the version."""
    crowded = []
    for path in PACKAGE.rglob("__init__.py"):
        body = ast.parse(path.read_text()).body
        allowed = 2 if path.parent == PACKAGE else 1
        if ast.get_docstring(ast.Module(body, [])) is None or len(body) != allowed:
            crowded.append(str(path.relative_to(ROOT)))
    assert crowded == []


def test_no_check_vanishes_under_optimisation() -> None:
    """An `assert` in the program only tells the type checker what holds; `python -O` may leave it out."""
    narrowing = re.compile(r"[\w.]+ is not None|isinstance\(.+\)")
    checking = [
        f"{path.relative_to(ROOT)}:{node.lineno}"
        for path in MODULES
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Assert) and not narrowing.fullmatch(ast.unparse(node.test))
    ]
    assert checking == []


def test_a_name_that_is_caught_is_of_one_type() -> None:
    """Compiled, a local name has one type: the second kind of exception that a function catches by it is a TypeError."""
    hooks = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["hatch"]["build"]["targets"]["wheel"]["hooks"]
    caught: dict[tuple[str, int, str], set[str]] = {}
    for module in hooks["custom"]["modules"]:
        for function in ast.walk(ast.parse((PACKAGE / f"{module}.py").read_text())):
            if not isinstance(function, ast.FunctionDef | ast.AsyncFunctionDef):
                continue
            for node in ast.walk(function):
                if isinstance(node, ast.ExceptHandler) and node.name and node.type:
                    caught.setdefault((module, function.lineno, node.name), set()).add(ast.unparse(node.type))
    assert caught
    assert {place: kinds for place, kinds in caught.items() if len(kinds) > 1} == {}


def test_no_name_can_hold_anything() -> None:
    """Modules and folders are named after a subject."""
    wide = [str(path) for path in PACKAGE.rglob("*") if path.stem.strip("_") in NAMES_TOO_WIDE]
    assert wide == []
