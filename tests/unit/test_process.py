"""What the process asks for at its start; in a process of its own, because it cannot be taken back."""

import subprocess
import sys

from proxy.process import GC_THRESHOLDS
from tests.needs import ROOT


def run(program: str) -> str:
    """Return what `program` prints."""
    return subprocess.run([sys.executable, "-c", program], cwd=ROOT, check=True, capture_output=True, text=True).stdout


def test_the_garbage_collector_looks_at_nothing_that_stays() -> None:
    """What there was is taken out of its lists, at no cost; what comes later is looked at, by our thresholds."""
    program = """
import gc
from proxy.process import settle_garbage_collector
class Kept: pass
kept = Kept()
gc.callbacks.append(lambda phase, info: print("collected"))
settle_garbage_collector()
gc.callbacks.clear()
later = Kept()
print(*gc.get_threshold(), sum(type(found) is Kept for found in gc.get_objects()), gc.get_freeze_count() > 1000)
"""
    assert run(program).split() == [*map(str, GC_THRESHOLDS), "1", "True"]


def test_no_body_sets_off_a_full_collection_of_its_own_objects() -> None:
    """Half a million small objects that stay: the youngest and the middle generation are looked at, not all there is."""
    program = """
import gc
from proxy.process import settle_garbage_collector
settle_garbage_collector()
seen = []
gc.callbacks.append(lambda phase, info: seen.append(info["generation"]) if phase == "start" else None)
body = [{"a": {}} for _ in range(250_000)]
print(*sorted(set(seen)))
"""
    assert run(program).split() == ["0", "1"]


def test_the_soft_limit_of_files_becomes_the_hard_one() -> None:
    """The soft limit is often 1,024, which is fewer than there may be connections."""
    program = """
import resource
from proxy.process import raise_file_limit
_, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
resource.setrlimit(resource.RLIMIT_NOFILE, (64, hard))
raise_file_limit()
print(resource.getrlimit(resource.RLIMIT_NOFILE) == (hard, hard))
"""
    assert run(program) == "True\n"
