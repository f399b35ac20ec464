"""What the process asks of the system and of the interpreter, once, at its start."""

import ctypes
import gc
import resource
import sys
from typing import Final

# linux/prctl.h
_PR_SET_DUMPABLE = 4
# Objects made more than freed; then collections of the youngest, then of the middle generation.
GC_THRESHOLDS: Final = (10_000, 5, 20)


def raise_file_limit() -> None:
    """Let the process hold as many sockets as the system allows it; the soft limit is often 1,024."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


def keep_memory_private() -> bool:
    """Keep what is in memory, real keys among it, from core dumps and debuggers; say whether the system does all of it.

    A core dump can be taken in spite of a limit of 0 where the system pipes it to a program (core(5)). On Linux the process is
    therefore made undumpable as well: then other processes of the same user can neither trace it nor read its memory and
    environment below `/proc` (PR_SET_DUMPABLE(2const)). macOS has no such thing; its limit holds for every dump.
    """
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    if sys.platform != "linux":
        return True
    return bool(ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_DUMPABLE, 0, 0, 0, 0) == 0)


def settle_garbage_collector() -> None:
    """Have the garbage collector neither look at what stays nor begin in the middle of a large body.

    Call it once everything is built: of the 67,000 objects there are then none is ever garbage, and a full collection of them
    holds the event loop for 60 to 100 ms. Requests and connections leave no cycles, so a collection that a body of many small
    objects sets off finds nothing. As the interpreter begins, 4 MB of them set off a dozen full ones, a second of work; with
    these thresholds a full one comes after a million objects more, which is about what 4 MB can be.
    """
    gc.freeze()  # with no collection before: it would hold the loop as long, and finds four objects
    gc.set_threshold(*GC_THRESHOLDS)
