"""Event loops for tests on real sockets: the one the program runs on, and asyncio's own, so that neither is relied upon."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar

import pytest
import uvloop

SECONDS = 20
FACTORIES = {"uvloop": uvloop.new_event_loop, "asyncio": asyncio.new_event_loop}

T = TypeVar("T")
Loops = Callable[[Callable[[], Awaitable[T]]], T]


@pytest.fixture(params=list(FACTORIES))
def loops(request: pytest.FixtureRequest) -> Loops[T]:
    """Run a coroutine function on an event loop of its own, within `SECONDS`."""

    def run(main: Callable[[], Awaitable[T]]) -> T:
        async def bounded() -> T:
            async with asyncio.timeout(SECONDS):
                return await main()

        with asyncio.Runner(loop_factory=FACTORIES[request.param]) as runner:
            return runner.run(bounded())

    return run
