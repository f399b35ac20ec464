"""What the fuzzer found once is asked again for ever, and the fuzzer finds what is there to be found."""

import dataclasses
from collections.abc import Iterator
from pathlib import Path
from random import Random  # noqa: TID251 - made from a seed

import orjson
import pytest

from proxy.sensitive import Sensitive
from tests.fuzz import bodies, engine, heads, pieces, replies, rows, wired
from tests.fuzz.bodies import Bodies
from tests.fuzz.engine import Case, Finding, fuzz, keep
from tests.fuzz.forms import seen
from tests.fuzz.http import answers
from tests.fuzz.targets import TARGETS
from tests.fuzz.wired import KEY

ENTRIES = [pytest.param(name, case, id=f"{name}: {file}") for name in TARGETS for file, case in engine.entries(name)]
needs_detectors = pytest.mark.needs("detectors")


@needs_detectors
@pytest.mark.parametrize(("name", "case"), ENTRIES)
def test_what_was_found_once_is_not_there_any_more(name: str, case: Case) -> None:
    """Every case of the corpus, as it was sent: nothing that must not leave, or come back, does."""
    TARGETS[name].run(case)


@needs_detectors
@pytest.mark.parametrize("name", TARGETS)
def test_the_first_cases_of_a_seed_hold(name: str) -> None:
    """A short attack with a seed of its own, on each target; the long ones are `make fuzz` and `make soak`."""
    run = fuzz(TARGETS[name], seed=2, seconds=0, cases=60 if name == "admin" else 300)
    assert [(why, TARGETS[name].complete(case)) for why, case, _ in run.findings] == []
    assert len(run.behaviours) >= 3


@needs_detectors
def test_one_seed_gives_one_sequence_of_cases() -> None:
    """What was found can be found again: nothing depends on time, or on the order of a set."""
    target = Bodies()
    first, second = (fuzz(target, seed=3, seconds=0, cases=80) for _ in range(2))
    assert first.behaviours == second.behaviours
    assert first.findings == second.findings or [each[:2] for each in first.findings] == [each[:2] for each in second.findings]


class Reporting(Bodies):
    """The same cases, under rules that only report: every canary leaves."""

    def complete(self, case: Case) -> Case:
        """Return the call, and a policy that changes nothing."""
        complete = dict(super().complete(case))
        return {**complete, "policy": bodies.reporting(complete["policy"])}


@needs_detectors
def test_a_policy_that_does_nothing_is_found_out(tmp_path: Path) -> None:
    """Within a hundred cases, small, and as a file that shows it again: a target that finds nothing looks at something."""
    target = Reporting()
    run = fuzz(target, seed=1, seconds=0, cases=100)
    assert len(run.findings) >= 10
    why, case, _ = run.findings[0]
    assert why == "the canary leaves"
    file = keep(target, case, why, tmp_path)
    with pytest.raises(Finding, match="the canary leaves"):
        target.run(orjson.loads(file.read_bytes()))


def test_a_scrubber_that_does_nothing_is_found_out(monkeypatch: pytest.MonkeyPatch) -> None:
    """An upstream that echoes what it was sent gives the key away where answers are scrubbed of another one."""
    ours = wired.key(KEY)
    monkeypatch.setattr(wired, "key", lambda _: dataclasses.replace(ours, hidden=Sensitive(frozenset({b"another-key"}))))
    body = f'"{KEY}"'
    case = {"request": "identify", "pieces": [f"HTTP/1.1 200 OK\r\nContent-Length: {len(body)}\r\n\r\n{body}"]}
    with pytest.raises(Finding, match="the answer holds the credential"):
        replies.Replies().run(case)


@pytest.mark.parametrize("data", replies.SECRETS)
def test_a_reader_finds_the_credential_in_each_spelling(data: bytes) -> None:
    """In the middle of other text, and behind any number of letters."""
    assert replies.given_back(b'{"a":"' + data + b'"}')
    assert not replies.given_back(b'{"a":"nothing of it, not even c4nary-0123456789"}')


@pytest.mark.parametrize(
    "data",
    [
        b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\n{}", b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n", b"nothing",
        b"HTTP/1.1 200 OK\r\nA b: x\r\n\r\n", b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nContent-Length: 0\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n", b"HTTP/1.1 20 OK\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nContent-Length: 2\r\n\r\n2\r\n{}\r\n0\r\n\r\n",
    ],
)  # fmt: skip
def test_the_witness_takes_no_answer_that_is_none(data: bytes) -> None:
    """Its reading of HTTP is strict: what it lets pass is well-formed."""
    with pytest.raises(Finding):
        answers(data)


@pytest.mark.parametrize(
    "call",
    [
        b"PUT /a HTTP/1.1\r\nHost: track.example\r\nCookie: a=b\r\n\r\n",
        b"PUT /a HTTP/1.1\r\nHost: x\r\n\r\n",
        b"PUT /a HTTP/1.1\r\nHost: track.example\r\nHost: app.example\r\n\r\n",
        b"PUT /a HTTP/1.1\r\nHost: track.example\r\nContent-Length: 3\r\n\r\n{}",
        b"PUT /a HTTP/1.1\r\nHost: track.example\r\n\r\n" + heads.CANARY.encode(),
        b"PUT /a b HTTP/1.1\r\nHost: track.example\r\n\r\n",
    ],
)
def test_a_call_that_is_not_ours_is_found_out(call: bytes) -> None:
    """Another header, another address, another length, a byte of the caller's own."""
    with pytest.raises(Finding):
        heads.clean(call)


def test_every_form_of_a_secret_is_seen() -> None:
    """Escaped, percent-coded, coded twice, in other letters, with separators in a number."""
    secret = "c4nary.12@example.com"
    assert seen([secret], orjson.dumps({"a": orjson.dumps({"b": secret}).decode()}))
    assert seen([secret], secret.upper().encode())
    assert seen([secret], secret.replace("@", "%2540").encode())
    assert seen([secret], "".join(f"\\u{ord(each):04x}" for each in secret).encode())
    assert seen(["4111111111111111"], b"4111-1111 1111.1111")
    assert not seen([secret, "4111111111111111"], b"c4nary.12 at example.com, 4111")


def test_cutting_changes_no_byte() -> None:
    """A case in other reads is the same case."""
    rng = Random(1)  # noqa: S311 - no secrets
    for size in (0, 1, 7, 1000):
        whole = bytes(rng.randrange(256) for _ in range(size))
        assert b"".join(pieces.data({"pieces": pieces.cut(rng, whole)})) == whole


def test_positions_are_read_as_the_table_writes_them() -> None:
    """The slow reading of what minimisation lets through."""
    assert rows.steps("batch[].identifiers.*") == ("batch", "[]", "identifiers", "*")
    assert rows.selects(("a", "*"), ("a", "b"))
    assert not rows.selects(("a", "*"), ("a", "b", "c"))
    assert rows.selects(("filter", "**"), ("filter", "and", "[]", "x"))
    assert not rows.selects(("a", "[]"), ("a",))
    assert rows.put({"a": [{"b": 1}]}, ("a", "[]", "c", "d"), 2) == {"a": [{"b": 1, "c": {"d": 2}}]}


def cases(name: str) -> Iterator[Case]:
    """Yield what is kept of a target."""
    return (case for _, case in engine.entries(name))


def test_the_corpus_is_small_and_holds_what_it_needs() -> None:
    """Each file runs by itself, whatever becomes of what drew it; none is large."""
    for name in TARGETS:
        assert all("recipe" in case and "found" in case for case in cases(name)), name
    assert all(file.stat().st_size < 20_000 for file in engine.CORPUS.rglob("*.json"))
