"""The one place that makes asyncio tasks: each is named, held until it ends, and a crash in it is reported."""

import asyncio
from collections.abc import Callable, Coroutine


class Tasks:
    """The running tasks of one event loop."""

    def __init__(self, crashed: Callable[[str, BaseException], None]) -> None:
        """Report a task that ends with an exception to `crashed`, by its name."""
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
        """Cancel whatever still runs and wait for its end."""
        running = tuple(self._running)
        for task in running:
            task.cancel()
        await asyncio.gather(*running, return_exceptions=True)

    def _ended(self, task: "asyncio.Task[None]") -> None:
        self._running.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            self._crashed(task.get_name(), error)
