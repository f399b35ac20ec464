"""Which lines of a module run, and a fault at any one of them.

`sys.settrace` sees Python only: neither C nor what was compiled. A trace function that raises has its exception raised in the
traced code, where the line stands, and is asked no more.
"""

import ast
import gc
import sys
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from types import CodeType, FrameType
from typing import Any, NamedTuple, TypeVar

T = TypeVar("T")
TraceFunction = Callable[[FrameType, str, object], Any]


class Line(NamedTuple):
    """A line of a file."""

    file: str
    number: int

    @property
    def text(self) -> str:
        """What stands there."""
        return Path(self.file).read_text().splitlines()[self.number - 1].strip()


class Tracer:
    """Counts the lines of some files that run; with a fault, raises it once `at` is reached for the `nth` time."""

    def __init__(self, files: Iterable[Path], at: Line | None = None, nth: int = 0, fault: Exception | None = None) -> None:
        """Look at `files`."""
        self.ran: Counter[Line] = Counter()
        self.raised = False
        self._files = frozenset(map(str, files))
        self._at = at
        self._nth = nth
        self._fault = fault

    @contextmanager
    def traced(self) -> Iterator[None]:
        """Trace this thread until the end of the block.

        The garbage collector is off meanwhile. It calls Hypothesis's callback. Close to the limit of recursion there is no room
        to trace that, and Python then traces nothing any more.
        """
        before, collecting = sys.gettrace(), gc.isenabled()
        gc.disable()
        sys.settrace(self._called)
        try:
            yield
        finally:
            sys.settrace(before)
            if collecting:
                gc.enable()

    def _called(self, frame: FrameType, event: str, _: object) -> TraceFunction | None:
        return self._reached if event == "call" and frame.f_code.co_filename in self._files else None

    def _reached(self, frame: FrameType, event: str, _: object) -> TraceFunction:
        if event == "line":
            line = Line(frame.f_code.co_filename, frame.f_lineno)
            self.ran[line] += 1
            if line == self._at and self.ran[line] == self._nth and self._fault is not None:
                self.raised = True
                raise self._fault
        return self._reached


def aside(work: Callable[[], T]) -> T:
    """Return what `work` returns, run in a thread of its own.

    What a trace function raises while an exception is being handled leaves that one behind in its thread, as the context of
    all that is raised there later.
    """
    with ThreadPoolExecutor(1) as thread:
        return thread.submit(work).result()


def of_functions(file: Path) -> dict[str, set[int]]:
    """Return the lines of each function of a file that can run when it is called, by its qualified name.

    What stands in an inner function is not the outer one's. What has a docstring and nothing else, as a method of a protocol
    has, is no function.
    """
    source = file.read_text()
    running = set(_running(compile(source, str(file), "exec")))
    found: dict[str, set[int]] = {}
    for name, node in _functions(ast.parse(source), ""):  # the inner ones behind the outer ones
        body = node.body[1:] if ast.get_docstring(node) is not None else node.body
        if body:
            lines = {number for number in running if body[0].lineno <= number <= (node.end_lineno or 0)}
            for others in found.values():
                others.difference_update(lines)
            found[name] = lines
    return found


def _running(code: CodeType) -> Iterator[int]:
    yield from (number for _, _, number in code.co_lines() if number)
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield from _running(constant)


def _functions(tree: ast.AST, prefix: str) -> Iterator[tuple[str, ast.FunctionDef]]:
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.FunctionDef):
            yield prefix + node.name, node
        if isinstance(node, ast.FunctionDef | ast.ClassDef):
            yield from _functions(node, f"{prefix}{node.name}.")
