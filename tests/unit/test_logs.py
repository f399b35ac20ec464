"""Log lines hold nothing but allowed fields, and nobody waits for them."""

import asyncio
import contextlib
import fcntl
import os
import subprocess
import sys
import textwrap
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import orjson
import pytest

from proxy.logs import CLOSE_SECONDS, QUEUE_LINES, Threshold, Writer, fault, logger
from tests.fakes import Lines

CANARY = "canary@example.com"


def test_a_line_is_one_json_object() -> None:
    """Event, level and time are always there."""
    lines = Lines()
    lines.logger().info("ready", port=8080)
    (line,) = lines.events()
    assert (line["event"], line["level"], line["port"]) == ("ready", "info", 8080)
    assert line["timestamp"].endswith("Z")


@pytest.mark.parametrize("form", ["json", "console"])
def test_fields_that_are_not_allowed_are_dropped(form: str) -> None:
    """Whatever somebody adds to a line one day, what is not on the list does not get out (promise G2)."""
    lines = Lines()
    lines.logger(form=form).warning("refused", reason="internal", email=CANARY, body={"a": CANARY}, exc_info=ValueError(CANARY))
    assert "internal" in lines.text()
    assert CANARY not in lines.text()
    assert "email" not in lines.text()


def test_a_value_that_is_no_text_or_number_is_told_by_its_type() -> None:
    """An exception or an object in an allowed field does not print."""
    lines = Lines()
    lines.logger().warning("refused", error=ValueError(CANARY), reason=object())
    (line,) = lines.events()
    assert (line["error"], line["reason"]) == ("ValueError", "object")


def test_a_line_break_in_a_value_makes_no_second_line() -> None:
    """Nobody can forge a line."""
    lines = Lines()
    lines.logger().warning("refused", path='x\n{"event":"ready"}')
    assert len(lines.events()) == 1


@pytest.mark.parametrize(("level", "written"), [("debug", 4), ("info", 3), ("warning", 2), ("error", 1)])
def test_what_is_below_the_level_is_not_written(level: str, written: int) -> None:
    """The configured level is kept."""
    lines = Lines()
    log = lines.logger(level)
    for write in (log.debug, log.info, log.warning, log.error):
        write("x")
    assert len(lines.events()) == written


def test_lines_for_people_are_lines() -> None:
    """`console` writes one readable line an event."""
    lines = Lines()
    log = lines.logger(form="console")
    log.warning("refused", reason="internal")
    log.info("ready")
    first, second = lines.text().splitlines()
    assert "refused" in first
    assert "reason=internal" in first
    assert "ready" in second


def test_a_fault_is_its_type_and_its_innermost_place() -> None:
    """Enough to find it, and nothing of its text."""

    def inner() -> None:
        raise KeyError(CANARY)

    with pytest.raises(KeyError) as caught:
        inner()
    told = fault(caught.value)
    assert told["error"] == "KeyError"
    assert told["where"] == f"test_logs.py:{inner.__code__.co_firstlineno + 1}"
    assert fault(KeyError(CANARY)) == {"error": "KeyError", "where": ""}


# A standard error that does not take lines


@pytest.fixture
def full_pipe() -> Iterator[tuple[int, int]]:
    """Yield both ends of a pipe that nobody reads and that takes no more."""
    read, write = os.pipe()
    flags = fcntl.fcntl(write, fcntl.F_GETFL)
    fcntl.fcntl(write, fcntl.F_SETFL, flags | os.O_NONBLOCK)
    try:
        while True:
            os.write(write, b"x" * 4096)
    except BlockingIOError:
        fcntl.fcntl(write, fcntl.F_SETFL, flags)
    yield read, write
    os.close(read)
    with contextlib.suppress(OSError):
        os.close(write)


def read_all(descriptor: int) -> bytes:
    """Return what comes until the other end is closed."""
    data = bytearray()
    while piece := os.read(descriptor, 65_536):
        data += piece
    return bytes(data)


@pytest.mark.parametrize("nonblocking", [False, True])
def test_a_full_standard_error_stops_nobody(full_pipe: tuple[int, int], *, nonblocking: bool) -> None:
    """Lines beyond a bounded queue are lost and counted; those that waited come out when somebody reads (promise G11, G12)."""
    read, write = full_pipe
    if nonblocking:
        fcntl.fcntl(write, fcntl.F_SETFL, fcntl.fcntl(write, fcntl.F_GETFL) | os.O_NONBLOCK)
    writer = Writer(write)
    for number in range(QUEUE_LINES * 3):  # nobody reads yet: a write that waited would never return
        writer.write(b"%d\n" % number)
    received: list[bytes] = []
    reader = threading.Thread(target=lambda: received.append(read_all(read)))
    reader.start()
    writer.close()
    os.close(write)
    reader.join(10)
    lines = received[0].lstrip(b"x").splitlines()
    (loss,) = [orjson.loads(line) for line in lines if line.startswith(b"{")]
    kept = [line for line in lines if not line.startswith(b"{")]
    assert kept == [b"%d" % number for number in range(len(kept))]
    assert QUEUE_LINES <= len(kept) <= 2 * QUEUE_LINES
    assert loss == {"event": "log_lines_lost", "level": "warning", "lines": QUEUE_LINES * 3 - len(kept)}


def test_a_closed_standard_error_stops_nobody() -> None:
    """A reader that went away costs lines, nothing else."""
    read, write = os.pipe()
    writer = Writer(write)
    os.close(read)
    log = logger("info", "json", writer)
    for _ in range(100):
        log.warning("refused")
    writer.close()
    assert writer._unwritten == 100
    os.close(write)


def test_a_number_that_was_closed_and_given_to_another_gets_no_lines() -> None:
    """Somebody may close standard error; the next socket then has its number, and must not get our lines (promise G2)."""
    read, write = os.pipe()
    writer = Writer(write)
    os.close(write)
    other_read, other_write = os.pipe()
    assert write in (other_read, other_write)
    writer.write(b"line\n")
    writer.close()
    assert read_all(read) == b"line\n"
    os.set_blocking(other_read, False)
    with pytest.raises(BlockingIOError):
        os.read(other_read, 1)
    for descriptor in (read, other_read, other_write):
        os.close(descriptor)


def test_without_a_standard_error_lines_go_nowhere() -> None:
    """A process that was started with it closed runs all the same."""
    read, write = os.pipe()
    os.close(write)
    os.close(read)
    writer = Writer(write)
    assert os.path.samestat(os.fstat(writer._descriptor), Path(os.devnull).stat())
    writer.write(b"line\n")
    writer.close()


def test_the_end_does_not_wait_for_a_full_standard_error(full_pipe: tuple[int, int]) -> None:
    """A process that has to end, ends: closing waits a second at most."""
    _, write = full_pipe
    writer = Writer(write)
    writer.write(b"line\n")
    started = time.perf_counter()
    writer.close()
    assert CLOSE_SECONDS <= time.perf_counter() - started < CLOSE_SECONDS + 1


def test_a_writer_keeps_its_stream_open_under_the_threads_of_others() -> None:
    """Lines of many threads come out whole, one after the other."""
    lines = Lines()
    log = lines.logger()
    threads = [threading.Thread(target=lambda: [log.info("x", port=number) for number in range(100)]) for _ in range(5)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(lines.events()) == 500


# The whole process


def program(body: str, stderr: int = subprocess.PIPE) -> "subprocess.CompletedProcess[bytes]":
    """Run `body` in a process of its own, after logs were taken over."""
    code = "import sys\nfrom proxy import logs\nlog = logs.logger('info', 'json')\nlogs.take_over(log)\n" + textwrap.dedent(
        body
    )
    return subprocess.run([sys.executable, "-c", code], stdout=subprocess.PIPE, stderr=stderr, timeout=20, check=False)


def test_what_was_logged_last_is_written_at_the_end() -> None:
    """A process that ends right after a line does not lose it."""
    done = program("log.info('ready')")
    assert orjson.loads(done.stderr)["event"] == "ready"


def test_libraries_are_heard_without_their_text() -> None:
    """What aiohttp, asyncio or a warning quotes does not get out; that they spoke, and where, does (promise G2)."""
    done = program(
        f"""
        import logging, warnings
        logging.getLogger("aiohttp.server").error("bad request %r", "{CANARY}")
        try:
            raise ValueError("{CANARY}")
        except ValueError:
            logging.getLogger("asyncio").exception("{CANARY}")
        logging.getLogger("chatty").info("{CANARY}")
        warnings.warn("{CANARY}", UserWarning)
        """
    )
    assert CANARY.encode() not in done.stderr
    lines = [orjson.loads(line) for line in done.stderr.splitlines()]
    assert [(line["library"], line.get("error"), line["level"]) for line in lines] == [
        ("aiohttp.server", None, "error"), ("asyncio", "ValueError", "error"), ("py.warnings", None, "warning"),
    ]  # fmt: skip
    assert all(line["where"].startswith(("<string>:", "warnings.py:")) for line in lines)


def test_what_nobody_caught_is_told_without_its_text() -> None:
    """An exception in a thread, in a destructor or in a callback of the event loop prints no traceback that quotes it."""
    done = program(
        f"""
        import asyncio, threading
        def fail(): raise ValueError("{CANARY}")
        thread = threading.Thread(target=fail)
        thread.start()
        thread.join()
        class Broken:
            def __del__(self): fail()
        Broken()
        async def main():
            asyncio.get_running_loop().call_soon(fail)
            await asyncio.sleep(0)
        asyncio.run(main())
        """
    )
    assert CANARY.encode() not in done.stderr
    lines = [orjson.loads(line) for line in done.stderr.splitlines()]
    assert [(line["event"], line["error"]) for line in lines] == [
        ("uncaught", "ValueError"), ("uncaught", "ValueError"), ("library", "ValueError"),
    ]  # fmt: skip


def test_a_process_ends_with_a_standard_error_that_is_full(full_pipe: tuple[int, int]) -> None:
    """The interpreter's own end is not held up either."""
    _, write = full_pipe
    done = program("for _ in range(10000): log.info('ready')\nprint('done')", stderr=write)
    assert (done.returncode, done.stdout) == (0, b"done\n")


async def test_logging_takes_no_time_from_the_event_loop(full_pipe: tuple[int, int]) -> None:
    """A flood of refusals into a pipe that nobody reads leaves the loop turning (promise G11)."""
    _, write = full_pipe
    log = logger("info", "json", Writer(write))
    loop = asyncio.get_running_loop()
    longest = 0.0
    for _ in range(50):
        before = loop.time()
        for _ in range(100):
            log.warning("refused", reason="rate_limited", endpoint="track.v1.identify", status=429, caller="anyone")
        await asyncio.sleep(0)
        longest = max(longest, loop.time() - before)
    assert longest < 0.25


def test_a_threshold_holds_from_the_moment_it_is_set() -> None:
    """For everybody who has the logger already."""
    lines = Lines()
    threshold = Threshold("error")
    log = lines.logger(threshold)
    log.info("one")
    threshold.set("info")
    log.info("two")
    threshold.set("warning")
    log.info("three")
    assert [line["event"] for line in lines.events()] == ["two"]
