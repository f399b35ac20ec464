"""The only place that makes asyncio tasks. Each task has a name and is referenced until it ends, and its crash is reported."""

import asyncio
from collections.abc import Callable, Coroutine


class Tasks:
    """The running tasks of one event loop."""

    def __init__(self, crashed: Callable[[str, BaseException], None]) -> None:
        """Call `crashed` with the name and the exception of each task that fails."""
        self._crashed = crashed
        self._running: set[asyncio.Task[None]] = set()

    def spawn(self, coroutine: Coroutine[object, object, None]) -> "asyncio.Task[None]":
        """Run `coroutine` as a task named after its function."""
        name: str = getattr(coroutine, "__qualname__", type(coroutine).__name__)
        task: asyncio.Task[None] = asyncio.get_running_loop().create_task(coroutine, name=name)
        self._running.add(task)
        task.add_done_callback(self._ended)
        return task

    async def cancel(self) -> None:
        """Cancel all running tasks, and wait until they have ended."""
        running = tuple(self._running)
        for task in running:
            task.cancel()
        await asyncio.gather(*running, return_exceptions=True)

    def _ended(self, task: "asyncio.Task[None]") -> None:
        self._running.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            self._crashed(task.get_name(), error)
