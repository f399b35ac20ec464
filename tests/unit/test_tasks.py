"""Tasks are held until they end, and a crash in one is heard of."""

import asyncio
import gc
import weakref

from proxy.tasks import Tasks


class Crashes:
    """Who is told of crashes."""

    def __init__(self) -> None:
        """Nothing crashed yet."""
        self.told: list[tuple[str, BaseException]] = []

    def tell(self, task: str, error: BaseException) -> None:
        """Keep what is told."""
        self.told.append((task, error))


async def crash() -> None:
    """Fail."""
    raise ZeroDivisionError


async def wait(event: asyncio.Event) -> None:
    """Wait for `event`."""
    await event.wait()


async def test_a_crash_is_reported_by_the_name_of_what_ran() -> None:
    """Nobody awaits a background task, so its end is told as it happens."""
    crashes = Crashes()
    task = Tasks(crashes.tell).spawn(crash())
    await asyncio.wait([task])
    ((name, error),) = crashes.told
    assert name == "crash"
    assert isinstance(error, ZeroDivisionError)


async def test_a_task_that_ends_well_is_not_reported() -> None:
    """Only crashes are told."""
    crashes = Crashes()
    event = asyncio.Event()
    task = Tasks(crashes.tell).spawn(wait(event))
    event.set()
    await task
    assert crashes.told == []


async def test_a_running_task_is_held() -> None:
    """The event loop itself holds tasks weakly: without this, one could vanish in the middle."""
    tasks = Tasks(Crashes().tell)
    event = asyncio.Event()
    task = weakref.ref(tasks.spawn(wait(event)))
    await asyncio.sleep(0)
    gc.collect()
    assert task() is not None
    event.set()
    await tasks.cancel()


async def test_an_ended_task_is_let_go() -> None:
    """What has ended takes up no memory (promise G12)."""
    tasks = Tasks(Crashes().tell)
    event = asyncio.Event()
    event.set()
    for _ in range(100):
        await tasks.spawn(wait(event))
    await asyncio.sleep(0)
    assert tasks._running == set()


async def test_cancelling_ends_every_task_and_waits_for_it() -> None:
    """Nothing runs on after the sidecar has stopped; being cancelled is no crash."""
    crashes = Crashes()
    tasks = Tasks(crashes.tell)
    ended: list[int] = []

    async def run(number: int) -> None:
        try:
            await asyncio.Event().wait()
        finally:
            await asyncio.sleep(0)
            ended.append(number)

    running = [tasks.spawn(run(number)) for number in range(3)]
    await asyncio.sleep(0)
    await tasks.cancel()
    assert sorted(ended) == [0, 1, 2]
    assert all(task.cancelled() for task in running)
    assert crashes.told == []


async def test_a_crash_while_being_cancelled_is_reported_and_stops_nobody() -> None:
    """The others still end."""
    crashes = Crashes()
    tasks = Tasks(crashes.tell)

    async def stubborn() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            raise ZeroDivisionError

    tasks.spawn(stubborn())
    other = tasks.spawn(wait(asyncio.Event()))
    await asyncio.sleep(0)
    await tasks.cancel()
    assert other.cancelled()
    assert [type(error) for _, error in crashes.told] == [ZeroDivisionError]


async def test_cancelling_nothing_is_done_at_once() -> None:
    """A sidecar without tasks stops as well."""
    await Tasks(Crashes().tell).cancel()
