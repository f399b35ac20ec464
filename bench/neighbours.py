"""How long a call takes while twenty other connections send as much as they can of something cheap to send and dear to read.

`python -m bench.neighbours [--against REVISION]`: with a revision of this repository, its sidecar is measured beside ours, in
one run, alternating. The neighbours run in a process of their own, on the core that the caller and the upstream have; the calls
are made one after another, and each is timed from its first byte to the last of its answer, or to `CALL_SECONDS`, where it is
given up. Milliseconds.
"""

import argparse
import asyncio
import subprocess
import sys
import tarfile
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from io import BytesIO
from pathlib import Path

import uvloop
from rich.console import Console
from rich.table import Table

from bench import load, work
from bench.peers import LOAD_CORE, ROOT, SINK, running, sidecar

NEIGHBOURS = 20
CALL_SECONDS = 30.0
_HEAD = b"PUT /api/v1/customers/5 HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nAuthorization: Basic %b\r\n" % (
    work.AUTHORIZATION.encode()
)
_CHUNKED = _HEAD + b"Transfer-Encoding: chunked\r\n\r\n"
# What each connection begins with, and what it then repeats until it is cut off, and begins again.
NOISES = {
    "none": (b"", b""),
    "chunks of one byte": (_CHUNKED, b"1\r\n \r\n"),
    "empty lines in a chunk": (_CHUNKED + b"f4240\r\n", b" \r\n\r\n"),
    "small requests, sent ahead": (b"", b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"),
    "empty lines before a request": (b"", b"\r\n"),
}
_PIECE_BYTES = 240_000


async def _neighbour(port: int, noise: str) -> None:
    """Send `noise` for ever, on one connection after another."""
    begin, repeated = NOISES[noise]
    piece = repeated * (_PIECE_BYTES // len(repeated))
    while True:
        try:
            _, writer = await asyncio.open_connection("127.0.0.1", port)
            writer.transport.pause_reading()  # type: ignore[attr-defined]  # who only sends takes no answers
            writer.write(begin)
            while True:
                writer.write(piece)
                await writer.drain()
        except OSError:
            await asyncio.sleep(0.01)  # cut off


async def _neighbours(port: int, noise: str) -> None:
    await asyncio.gather(*(_neighbour(port, noise) for _ in range(NEIGHBOURS)))


async def _calls(port: int, seconds: float) -> list[float]:
    """Return how many milliseconds each call took, of those made one after another in so many seconds."""
    taken: list[float] = []
    end = time.perf_counter() + seconds
    while time.perf_counter() < end:
        begin = time.perf_counter()
        with suppress(TimeoutError):
            async with asyncio.timeout(CALL_SECONDS):
                reader, writer = await asyncio.open_connection("127.0.0.1", port)
                writer.write(work.request())
                answer = await reader.readuntil(b"{}")
            writer.close()
            if not answer.startswith(b"HTTP/1.1 200"):
                raise SystemExit(f"not a success: {answer[:80]!r}")
        taken.append((time.perf_counter() - begin) * 1000)
    return taken


@contextmanager
def _noise(port: int, noise: str) -> Iterator[None]:
    """Have neighbours until the end of the block."""
    if noise == "none":
        yield
        return
    command = ["taskset", "-c", LOAD_CORE, sys.executable, "-m", "bench.neighbours", "--noise", noise, str(port)]
    with subprocess.Popen(command, cwd=ROOT) as process:
        try:
            time.sleep(1.0)  # until they have filled what they can fill
            yield
        finally:
            process.terminate()


def _unpacked(revision: str, folder: Path) -> Path:
    """Write the package of `revision` into `folder`; return it."""
    archive = subprocess.run(["git", "archive", revision, "proxy"], cwd=ROOT, check=True, capture_output=True).stdout
    with tarfile.open(fileobj=BytesIO(archive)) as files:
        files.extractall(folder, filter="data")
    return folder


def measured(revision: str | None, seconds: float) -> dict[str, dict[str, list[float]]]:
    """Return the milliseconds of the calls, by subject and noise."""
    with tempfile.TemporaryDirectory() as name, ExitStack() as stack:
        folder = Path(name)
        upstream = stack.enter_context(running(SINK, folder / "upstream"))
        subjects = {"sidecar": sidecar("sidecar")}
        if revision is not None:
            subjects = {f"sidecar at {revision}": sidecar("sidecar", _unpacked(revision, folder / "before"))} | subjects
        ports = {
            subject: stack.enter_context(running(peer, folder / str(number), upstream.port)).port
            for number, (subject, peer) in enumerate(subjects.items())
        }
        found: dict[str, dict[str, list[float]]] = {subject: {} for subject in subjects}
        for noise in NOISES:
            for subject, port in ports.items():
                with _noise(port, noise):
                    found[subject][noise] = uvloop.run(_calls(port, seconds))
        return found


def main() -> int:
    """Measure, and print a table."""
    options = argparse.ArgumentParser(prog="bench.neighbours", description=__doc__)
    options.add_argument("--against", metavar="REVISION", help="measure this revision of the repository, too")
    options.add_argument("--seconds", type=float, default=5.0, help="of calls, for each noise and subject")
    options.add_argument("--noise", nargs=2, metavar=("NOISE", "PORT"), help="be the neighbours, until killed")
    chosen = options.parse_args()
    if chosen.noise:
        uvloop.run(_neighbours(int(chosen.noise[1]), chosen.noise[0]))
    table = Table(title=f"ms that a call takes beside {NEIGHBOURS} connections, and how many were made")
    for column in ("subject", "what they send", "calls", "p50", "p99", "most"):
        table.add_column(column, justify="left" if column in {"subject", "what they send"} else "right")
    for subject, noises in measured(chosen.against, chosen.seconds).items():
        for noise, taken in noises.items():
            figures = (load.quantile(taken, 0.5), load.quantile(taken, 0.99), max(taken))
            table.add_row(subject, noise, str(len(taken)), *(f"{figure:,.1f}" for figure in figures))
    Console(width=120).print(table)
    return 0


if __name__ == "__main__":
    sys.exit(main())
