"""`cio-sidecar rotate`, run as a process beside a real sidecar; and what a rotation decides."""

import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import orjson
import pytest

from proxy.api.model import Credential
from proxy.cli.rotate import NOT_PICKED_UP, POLL_SECONDS, Rotation, Watcher
from proxy.cli.running import AwayError, UnansweredError
from proxy.cli.teller import Teller
from proxy.credentials.keyring import KeyStatus, State
from proxy.credentials.model import Kind, TrackPair
from proxy.sensitive import Sensitive
from tests.fakes import FakeClock
from tests.unit.cli.conftest import Command, Sidecar, Simulator
from tests.unit.cli.terminal import at_terminal
from tests.unit.cli.test_keys import SECRETS, written

OLD = KeyStatus(Credential.TRACK, "track", "old", State.ACTIVE, Kind.FILE, "1", None, 5.0, 1.0)
NEW = replace(OLD, key_id="new", last_used_seconds=0.5)
ROTATION = Rotation("track", frozenset({"old"}))
SITE, KEY = SECRETS["SITE"], SECRETS["KEY"]


def key_id(key: str) -> str:
    """Return what the pair with this key is called."""
    return TrackPair(Sensitive(SITE), Sensitive(key)).authorization().key_id


@pytest.mark.parametrize(
    ("held", "picked_up"),
    [
        ([], False),
        ([OLD], False),
        ([NEW, replace(OLD, state=State.DRAINING)], True),
        ([replace(NEW, state=State.REJECTED), OLD], False),
        ([replace(NEW, slot="track_next"), OLD], False),
    ],
)
def test_a_new_key_is_picked_up_once_calls_carry_it(held: Sequence[KeyStatus], *, picked_up: bool) -> None:
    """One of the same slot, which Customer.io does not reject."""
    assert (ROTATION.picked_up(held) is not None) is picked_up


@pytest.mark.parametrize(
    ("held", "drained"),
    [
        ([NEW], True),
        ([NEW, replace(OLD, state=State.DRAINING, last_used_seconds=None)], True),
        ([NEW, replace(OLD, state=State.DRAINING, last_used_seconds=9.5)], True),
        ([NEW, replace(OLD, state=State.DRAINING, last_used_seconds=8.5)], False),
        ([OLD], False),
    ],
)
def test_an_old_key_is_drained_once_no_call_can_carry_it(held: Sequence[KeyStatus], *, drained: bool) -> None:
    """Longer ago than a call may take, and there is a new one."""
    assert (ROTATION.drained(held, 9) is not None) is drained


def test_a_rejected_new_key_is_remarked_on() -> None:
    """The person has written a wrong one."""
    assert ROTATION.remark([replace(NEW, state=State.REJECTED), OLD]) == (
        "Customer.io rejects key new; calls carry another, if there is one"
    )
    assert ROTATION.remark([NEW, OLD]) == ""


def watcher(answers: Sequence[Sequence[KeyStatus] | UnansweredError], seconds: float) -> tuple[Watcher, list[float]]:
    """Return what asks and gets `answers` by turns, the last one again and again, and how long it slept."""
    clock = FakeClock()
    slept: list[float] = []
    left = list(answers)

    def ask() -> Sequence[KeyStatus]:
        answer = left.pop(0) if len(left) > 1 else left[0]
        if isinstance(answer, UnansweredError):
            raise answer
        return answer

    def sleep(pause: float) -> None:
        slept.append(pause)
        clock.advance(pause)

    return Watcher(ask, Teller(as_json=True), clock, sleep, seconds), slept


def test_a_wait_ends_when_it_is_so(capsysbinary: pytest.CaptureFixture[bytes]) -> None:
    """A sidecar that is away meanwhile is asked again; the same remark is made once."""
    away = AwayError("away")
    asking, slept = watcher([[OLD], away, away, [NEW]], 60)
    assert asking.until(ROTATION.picked_up, ROTATION.remark) == NEW
    assert slept == [POLL_SECONDS] * 3
    assert capsysbinary.readouterr().out.count(b"away") == 1


def test_a_wait_is_bounded() -> None:
    """And what cannot get better is not waited for."""
    asking, slept = watcher([[OLD]], 2.5)
    assert asking.until(ROTATION.picked_up, ROTATION.remark) is None
    assert slept == [1, 1, 0.5]
    hopeless, _ = watcher([UnansweredError("another token")], 60)
    with pytest.raises(UnansweredError, match="another token"):
        hopeless.until(ROTATION.picked_up, ROTATION.remark)


@pytest.fixture
def rotating(simulator: Simulator, sidecar: Sidecar, tmp_path: Path) -> tuple[Path, dict[str, str], Path]:
    """Run a sidecar whose pair is in files; give its configuration, its environment, and the file of its key."""
    (tmp_path / "site_id").write_text(SITE)
    (tmp_path / "api_key").write_text(KEY)
    track = {name: f"file:{tmp_path / name}" for name in ("site_id", "api_key")}
    # A simulator knows one pair: the new one, so that it is accepted when it is tried.
    upstream = simulator("--site-id", SITE, "--api-key", "next-CANARY")
    file = written(tmp_path, upstream, credentials={"track": track}, stores={"refresh_seconds": 1})
    ports = sidecar(file, TOKEN=SECRETS["TOKEN"])
    return file, {"TOKEN": SECRETS["TOKEN"], "CIO_SIDECAR_ADMIN__PORT": str(ports["admin"])}, tmp_path / "api_key"


def test_a_person_is_walked_through(rotating: tuple[Path, dict[str, str], Path]) -> None:
    """At a terminal: what to do, a pause until it is done, and what the sidecar makes of it; no secret shows."""
    file, environ, key = rotating
    process, screen = at_terminal([sys.executable, "-m", "proxy", "rotate", "--config", str(file)], environ)
    screen.until(b"Press Enter once it is written.")
    key.write_text("next-CANARY")
    screen.write(b"\n")
    shown = screen.rest().decode()
    assert process.wait(timeout=60) == 0
    screen.close()
    for said in (
        "Settings > API credentials",
        f"Key {key_id('next-CANARY')} is in use",
        f"Key {key_id(KEY)} is not in use here",
    ):
        assert said in shown
    assert "CANARY" not in shown


def test_a_program_is_walked_through(rotating: tuple[Path, dict[str, str], Path]) -> None:
    """Without a terminal there is no pause; a JSON line for each thing that happens."""
    file, environ, key = rotating
    command = [sys.executable, "-m", "proxy", "rotate", "--json", "--config", str(file)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=environ) as process:
        assert process.stdout is not None
        events = []
        for line in process.stdout:
            events.append(orjson.loads(line))
            if events[-1]["event"] == "waiting":
                key.write_text("next-CANARY")
        assert process.wait(timeout=60) == 0
    assert [event["event"] for event in events if event["event"] in ("make", "active", "drained", "delete")] == [
        "make",
        "active",
        "drained",
        "delete",
    ]
    assert "CANARY" not in repr(events)


def test_what_was_not_picked_up_in_time_is_exit_1(rotating: tuple[Path, dict[str, str], Path], command: Command) -> None:
    """With where to look."""
    file, environ, _ = rotating
    done = command("rotate", "--timeout-seconds", "1", "--config", file, **environ)
    assert (done.returncode, done.stderr) == (1, NOT_PICKED_UP + "\n")


def test_what_is_not_configured_cannot_be_rotated(
    rotating: tuple[Path, dict[str, str], Path], command: Callable[..., "subprocess.CompletedProcess[str]"]
) -> None:
    """Exit 2, with the key path."""
    file, environ, _ = rotating
    done = command("rotate", "--credential", "app", "--config", file, **environ)
    assert (done.returncode, done.stdout) == (2, "")
    assert "credentials.app: is not configured, so there is nothing to rotate" in done.stderr
