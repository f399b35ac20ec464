"""An attacker's list against a real process: nothing leaks, nothing hangs, and nobody else waits."""

from pathlib import Path

import pytest

from tests.flows.attacks import ATTACKS, staged


@pytest.mark.needs("detectors")
@pytest.mark.timeout(240)
async def test_no_attack_of_the_list_finds_anything(tmp_path: Path) -> None:
    """Each of them, one after the other: in what leaves, in what comes back and in the log there is nothing of it."""
    async with staged(tmp_path) as scene:
        found = {attack.name: faults for attack in ATTACKS if (faults := await scene.faults(attack))}
    assert found == {}


def test_the_list_is_long_and_names_each_attack_once() -> None:
    """At least sixty, of all kinds."""
    assert len(ATTACKS) >= 60
    assert len({attack.name for attack in ATTACKS}) == len(ATTACKS)
    assert {attack.listener for attack in ATTACKS} == {"outbound", "admin"}
