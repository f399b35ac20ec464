"""`make bench`: the sidecar beside a direct connection, a proxy written with aiohttp, and nginx, in one run, alternating.

Before anything is measured each redacting subject shows that what it sends on is clean, and that its hashes are those of the
others. Exit 1: the run does not count. 2: it cannot be made here.
"""

import argparse
import shutil
import sys
import tempfile
from contextlib import ExitStack
from pathlib import Path

from bench import arrival, cost, measure, report
from bench.peers import LOAD_CORE, PEERS, SINK, Peer, certificates, running

RESULTS = Path(__file__).parent / "results"


def main() -> int:
    """Measure, print a table, keep the figures as JSON and as a picture."""
    apart = [peer.name for peer in PEERS if peer.asked_for]
    options = argparse.ArgumentParser(prog="bench", description=__doc__)
    options.add_argument("--seconds", type=float, default=4.0, help="length of each run of wrk")
    options.add_argument("--rounds", type=int, default=3, help="runs of each subject, alternating")
    options.add_argument(
        "--connections", type=int, nargs="*", choices=measure.OTHER_CONNECTIONS, default=measure.OTHER_CONNECTIONS,
        help="numbers of connections that throughput is measured with beside 64",
    )  # fmt: skip
    options.add_argument("--tls", action="store_true", help="callers speak TLS; the upstream does not")
    options.add_argument("--peers", nargs="+", choices=["all", *apart], default=[], help="measure these as well")
    options.add_argument("--results", type=Path, default=RESULTS, metavar="FOLDER", help="where JSON and picture are kept")
    chosen = options.parse_args()
    if shutil.which("wrk") is None or shutil.which("taskset") is None:
        print("bench: needs wrk and taskset (Debian packages wrk and util-linux)", file=sys.stderr)
        return 2
    wanted = [peer for peer in PEERS if not peer.asked_for or {peer.name, "all"} & set(chosen.peers)]
    skipped = {peer.name: source for peer in wanted if (source := peer.absent())}
    with tempfile.TemporaryDirectory() as name, ExitStack() as stack:
        folder = Path(name)
        tls = certificates(folder / "tls") if chosen.tls else None
        subjects = start([peer for peer in wanted if peer.name not in skipped], folder, tls, stack)
        measure.measure(subjects, folder, tls, measure.Lengths(chosen.seconds, chosen.rounds, chosen.connections))
    results = {subject.name: subject.figures for subject in subjects}
    return report.finish(report.Run(chosen.tls, results, cost.stages(), skipped), chosen.results)


def start(wanted: list[Peer], folder: Path, tls: Path | None, stack: ExitStack) -> list[measure.Subject]:
    """Start the upstream and each of the `wanted`, which end with `stack`, and look at what they send on.

    Raises:
        SystemExit: one does not start, or does not do the work.
    """
    upstream = stack.enter_context(running(SINK, folder / "upstream"))
    subjects, hashes = [], set()
    for peer in wanted:
        program = stack.enter_context(running(peer, folder / peer.name, upstream.port, tls))
        is_proxy = peer.core != LOAD_CORE
        subject = measure.Subject(peer.name, program.port, program.pid, upstream.pid if is_proxy else program.pid)
        if is_proxy:
            subject.figures["start_ms"] = program.start_ms
        if peer.redacts:
            hashes.add(frozenset(arrival.hashes(peer.name, program.port, upstream.port, tls).items()))
        subjects.append(subject)
    if len(hashes) != 1:
        raise SystemExit("the subjects do not hash alike")
    return subjects


if __name__ == "__main__":
    sys.exit(main())
