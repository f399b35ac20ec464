"""`make bench` measures only what does the work, and says when a run does not count."""

import hashlib
import hmac
import os
import platform
import subprocess
import sys
import time
from pathlib import Path

import orjson
import pytest

from bench import arrival, bodies, interpreter, load, lua, peers, work
from bench.measure import Figures, compare
from bench.report import Run, finish
from proxy.payload.decode import parse
from tests.needs import ROOT

# What is here wherever the tests run; a run of the bench looks at the others in the same way.
REDACTING = [peer for peer in peers.PEERS if peer.redacts and peer.absent() is None]


def pseudonym(text: str) -> bytes:
    """Return what the bench's policy makes of `text`, worked out by the standard library."""
    return b"k1." + hmac.new(work.ENVIRONMENT["BENCH_PEPPER"].encode(), text.encode(), hashlib.sha256).hexdigest()[:32].encode()


@pytest.mark.needs("taskset")
@pytest.mark.parametrize("secured", [False, True], ids=["plain", "tls"])
def test_every_redacting_peer_sends_on_the_same_clean_call(tmp_path: Path, secured: bool) -> None:  # noqa: FBT001 - by name
    """Nothing that is withheld arrives, our credential does, and both hashes are the HMAC of the normalised value."""
    tls = peers.certificates(tmp_path / "tls") if secured else None
    with peers.running(peers.SINK, tmp_path / "upstream") as upstream:
        for peer in REDACTING:
            with peers.running(peer, tmp_path / peer.name, upstream.port, tls) as program:
                hashes = arrival.hashes(peer.name, program.port, upstream.port, tls)
            assert hashes == {b"phone": pseudonym("+15550123"), b"ip_address": pseudonym("192.0.2.10")}, peer.name


@pytest.mark.needs("taskset")
def test_a_proxy_that_does_not_do_the_work_is_found_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """One that lets a field through ends the run by name, and so does one that answers without sending anything on."""
    (sidecar,) = (peer for peer in peers.PEERS if peer.name == "sidecar")
    with peers.running(peers.SINK, tmp_path / "upstream") as upstream:
        with peers.running(sidecar, tmp_path / "honest", upstream.port) as program:
            arrival.hashes("honest", program.port, upstream.port, None)
        with (
            peers.running(peers.SINK, tmp_path / "silent") as program,
            pytest.raises(SystemExit, match="silent does not do the work"),
        ):
            arrival.hashes("silent", program.port, upstream.port, None)
        monkeypatch.setitem(work.POLICIES, "sidecar", work.POLICIES["sidecar"].replace("[ssn, password]", "[ssn]"))
        with (
            peers.running(sidecar, tmp_path / "leaking", upstream.port) as program,
            pytest.raises(SystemExit, match="leaking does not do the work"),
        ):
            arrival.hashes("leaking", program.port, upstream.port, None)


def test_a_large_body_that_passes_unredacted_is_found_out() -> None:
    """Nginx passes on what it has written to a file, and its script sees nothing of it: such a run does not count."""
    hashes = b'"phone_hash":"k1.%b","ip_address_hash":"k1.%b"' % (b"0" * 32, b"1" * 32)
    clean = b"Authorization: %b\r\n\r\n" % work.INJECTED.encode()
    assert arrival.worked("peer", clean + hashes * 3, 3) == {b"phone": b"k1." + b"0" * 32, b"ip_address": b"k1." + b"1" * 32}
    for call in (
        clean + work.batch(),  # as it came
        clean + hashes * 2,  # one of three people is missing
        clean + hashes * 3 + work.batch()[-500:],  # the end was not looked at
        hashes * 3,  # our credential is missing
    ):
        with pytest.raises(SystemExit, match="peer does not do the work"):
            arrival.worked("peer", call, 3)
    assert 480_000 < len(work.batch()) < 500_000


def test_the_interpreter_is_stated() -> None:
    """Its version, its compiler and how it was built are in what a run keeps, because a fifth of the time depends on it."""
    found = interpreter.described()
    assert found["version"] == f"CPython {platform.python_version()}"
    assert {type(found["pgo"]), type(found["lto"])} == {bool}
    for name in ("pgo", "lto"):
        assert (name.upper() in interpreter.line().partition(", with ")[2]) is found[name]


def test_processor_time_is_that_of_the_process() -> None:
    """What it has taken grows while it works, and is about what the process itself knows of it."""
    begin, clock = load.cpu_seconds(os.getpid()), time.process_time()
    while time.process_time() < clock + 0.2:
        pass
    assert 0.1 < load.cpu_seconds(os.getpid()) - begin < 0.4


@pytest.mark.needs("taskset")
def test_a_program_that_does_not_start_says_why(tmp_path: Path) -> None:
    """What it printed before it ended is in the error."""
    peer = peers.Peer("broken", lambda _: [sys.executable, "-c", "raise SystemExit('no such module')"])
    with pytest.raises(SystemExit, match="broken did not start:\nno such module"), peers.running(peer, tmp_path / "broken"):
        pass


@pytest.mark.parametrize(
    ("luajit", "fault"),
    [
        (40.0, None),
        (100.0, None),
        (39.9, "nginx+LuaJIT reached 0.399 of nginx"),
        (100.1, "nginx+LuaJIT reached 1.001 of nginx"),
        (None, "nginx and nginx+LuaJIT were not measured"),
    ],
)
def test_a_run_counts_only_beside_a_fast_luajit(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], luajit: float | None, fault: str | None
) -> None:
    """Under 0.4 of nginx, over all of it, or without it, the exit status is 1, and table, JSON and picture say so."""
    subjects: dict[str, Figures] = {"sidecar": {"requests_per_second": 30.0}}
    if luajit is not None:
        subjects |= {"nginx": {"requests_per_second": 100.0}, "nginx+LuaJIT": {"requests_per_second": luajit}}
    compare(subjects)
    assert finish(Run(False, subjects, {}, {}), tmp_path) == (0 if fault is None else 1)
    kept, picture = orjson.loads((tmp_path / "bench.json").read_bytes()), (tmp_path / "bench.svg").read_text()
    said = capsys.readouterr()
    assert kept["counts"] is (fault is None)
    for text in (kept["fault"] or "", said.err, said.out, picture):
        assert (fault or "not count") in text if fault else "not count" not in text


def test_a_missing_peer_is_named_and_counted(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The end of a run tells how many peers it lacked, which, and how to get them; TLS runs have files of their own."""
    run = Run(tls=True, subjects={"sidecar": {"requests_per_second": 30.0}}, stages_us={}, skipped={"mitmproxy": "make it"})
    finish(run, tmp_path)
    assert "bench: 1 skipped: mitmproxy (make it)" in capsys.readouterr().err
    assert orjson.loads((tmp_path / "bench-tls.json").read_bytes())["skipped"] == {"mitmproxy": "make it"}
    assert sorted(path.name for path in tmp_path.iterdir()) == ["bench-tls.json", "bench-tls.svg"]


@pytest.mark.needs("wrk", "taskset")
def test_a_whole_run_ends_as_its_results_say(tmp_path: Path) -> None:
    """The command measures every subject that this machine has, over TLS, and its exit status is what it keeps."""
    command = [sys.executable, "-m", "bench", "--tls", "--seconds", "0.2", "--rounds", "1", "--connections", "4"]
    command += ["--results", str(tmp_path)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=110, check=False)
    assert (tmp_path / "bench-tls.json").exists(), done.stdout + done.stderr
    kept = orjson.loads((tmp_path / "bench-tls.json").read_bytes())
    assert done.returncode == (0 if kept["counts"] else 1), done.stderr
    assert kept["subjects"].keys() | kept["skipped"].keys() == {peer.name for peer in peers.PEERS if not peer.asked_for}
    for figures in kept["subjects"].values():
        assert min(figures["requests_per_second"], figures["cpu_us"], figures["requests_per_second_4"]) > 0
        assert ("mixed_p99.9_ms" in figures) is ("small_p99.9_ms" in figures) is ("added_p99_ms" in figures)
    assert kept["interpreter"] == interpreter.described()
    assert f"bench: {len(kept['skipped'])} skipped" in done.stderr if kept["skipped"] else "skipped" not in done.stderr


# Redacting a body


@pytest.mark.needs("detectors")
@pytest.mark.parametrize("name", bodies.BODIES)
def test_every_policy_does_what_it_is_measured_for(name: str) -> None:
    """Each body is as large as its call may be, and meets the rules that a policy adds to the field rules, or none of any."""
    endpoint, body = bodies.BODIES[name]
    largest = {"identify": 400, "event": 32_000, "batch": 500_000}[name]
    assert largest * 0.75 < len(body) <= largest
    acted = {
        policy: {hit.rule for hit in bodies.policy(policy, endpoint).apply(parse(body, bodies.DEPTH), text=body)[1]}
        for policy in bodies.POLICIES
    }
    fields = {"never-send", "contact"} | ({"rule-3"} if name != "identify" else set())
    places = {"identify": set(), "event": {"home", "city"}, "batch": {"home", "city"}}[name]
    assert acted == {
        bodies.IDLE: set(),
        bodies.FIELDS: fields,
        bodies.PLACES: fields | places | {"allow", "identifiers"},
        bodies.CLEAN: fields,
        bodies.FINDS: fields if name == "identify" else fields | {"cards"},  # its one address is an identifier
    }


@pytest.mark.needs("luajit")
@pytest.mark.parametrize("name", bodies.BODIES)
def test_luajit_redacts_a_body_as_we_do(name: str) -> None:
    """The same fields stripped, masked, and hashed to the same; and what is no JSON is refused by it, too."""
    endpoint, body = bodies.BODIES[name]
    ours, luajit = bodies.redacted(bodies.policy(bodies.FIELDS, endpoint), body), lua.Lua()
    assert orjson.loads(luajit.redacted(body)) == orjson.loads(ours)
    assert b"phone_hash" in ours
    assert not any(secret in ours for secret in work.WITHHELD)
    luajit.run(body, 2)
    with pytest.raises(lua.LuaError):
        luajit.redacted(b"{")


@pytest.mark.parametrize(
    ("ours", "theirs", "fault"),
    [
        (b'{"a":1}', b'{ "a": 1.0 }', None),
        (b'{"a":1}', b'{"a":2}', "do not redact alike"),
        (b'{"ssn":"000-00-0000"}', b'{"ssn":"000-00-0000"}', "does not do the work"),
    ],
)
def test_bodies_are_compared_before_they_are_measured(ours: bytes, theirs: bytes, fault: str | None) -> None:
    """A subject that leaves something out, or lets something through, ends the run."""
    body = b'{"ssn":"000-00-0000","a":1}'
    if fault is None:
        bodies.compared(body, ours, theirs)
        return
    with pytest.raises(SystemExit, match=fault):
        bodies.compared(body, ours, theirs)


@pytest.mark.needs("detectors")
@pytest.mark.parametrize("options", [["--json"], []], ids=["json", "table"])
def test_bodies_are_measured_by_one_command(options: list[str]) -> None:
    """Every body by every subject that is here, as a table or for programs."""
    command = [sys.executable, "-m", "bench.bodies", "--rounds", "1", *options]
    environment = {name: value for name, value in os.environ.items() if name != "COMPILED"}
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=100, check=False)
    assert done.returncode == 0, done.stderr
    subjects = {bodies.ORJSON, *bodies.POLICIES} | (set() if "LuaJIT skipped" in done.stderr else {bodies.LUAJIT})
    if not options:
        assert all(subject in done.stdout for subject in subjects)
        return
    ((_, found),) = orjson.loads(done.stdout).items()
    assert {name: figures.keys() for name, figures in found.items()} == dict.fromkeys(bodies.BODIES, subjects)
    assert all(took > 0 for figures in found.values() for took in figures.values())
