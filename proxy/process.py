"""What the process asks of its operating system before it holds a secret."""

import ctypes
import resource
import sys

# linux/prctl.h
_PR_SET_DUMPABLE = 4


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
