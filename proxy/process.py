"""Settings of the operating system and the interpreter, made once at the start of the process."""

import ctypes
import gc
import resource
import sys
from typing import Final

# From linux/prctl.h.
_PR_SET_DUMPABLE = 4
# The number of objects made minus those freed, then of collections of the young generation, then of the middle generation.
GC_THRESHOLDS: Final = (10_000, 5, 20)


def raise_file_limit() -> None:
    """Let the process open as many sockets as the hard limit allows. The soft limit is often 1,024."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


def keep_memory_private() -> bool:
    """Keep the process's memory, which has real keys, from core dumps and debuggers. Return whether the system allowed it.

    Where the system pipes core dumps to a program, it ignores a size limit of 0 (core(5)). So on Linux the process is also made
    undumpable: other processes of the same user can neither trace it nor read its memory and environment in `/proc`
    (PR_SET_DUMPABLE(2const)). On macOS the size limit applies to every dump.
    """
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    if sys.platform != "linux":
        return True
    return bool(ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_DUMPABLE, 0, 0, 0, 0) == 0)


def settle_garbage_collector() -> None:
    """Keep the garbage collector from scanning permanent objects, and from running during a large body.

    Call it after everything is built. None of the 67,000 objects at that time ever becomes garbage, and a full collection of
    them blocks the event loop for 60 to 100 ms. Requests and connections leave no cycles, so a collection during a body with
    many small objects finds nothing. With the interpreter's thresholds, a body of 4 MB starts a dozen full collections, a
    second of work. With these thresholds, a full collection comes after a million more objects, about as many as 4 MB can have.
    """
    gc.freeze()  # without a collection before: it would block the loop as long, and frees only four objects
    gc.set_threshold(*GC_THRESHOLDS)
