"""Scripts: what is a script, what is not and why, and which request meets which fault."""

import re

import orjson
import pytest

from proxy.simulator.faults import MAX_TIMES, PENDING, Drop, Reset, Script, ScriptError, Status, parse
from tests.needs import ROOT

# Every kind of fault, as little as it needs.
LEAST: dict[str, dict[str, object]] = {
    "status": {"status": 503},
    "delay": {"seconds": 1},
    "drop": {},
    "reset": {},
    "half_answer": {},
    "garbage": {},
    "redirect": {},
    "rate_limited": {},
    "unauthorized": {},
    "interim": {},
    "slow_body": {},
    "no_length": {},
    "early": {},
    "gzip": {},
    "echo_secret": {},
    "large": {"bytes": 100},
    "extra_bytes": {},
    "close_after": {},
}


@pytest.mark.parametrize("kind", LEAST)
def test_every_kind_is_known(kind: str) -> None:
    """Each kind of fault can be asked for, as JSON and as plain values alike."""
    script: list[object] = [{"fault": {"kind": kind, **LEAST[kind]}}]
    (entry,) = parse(script)
    assert entry.fault.kind == kind
    assert entry.times == 1
    assert parse(orjson.dumps(script)) == [entry]


@pytest.mark.parametrize(
    ("entry", "message"),
    [
        ({}, "0.fault: Field required"),
        ({"fault": {}}, "0.fault: Unable to extract tag"),
        ({"fault": {"kind": "mood"}}, "0.fault: Input tag 'mood' found"),
        ({"fault": {"kind": "status"}}, "0.fault.status.status: Field required"),
        ({"fault": {"kind": "status", "status": 199}}, "0.fault.status.status: Input should be greater than or equal to 200"),
        ({"fault": {"kind": "status", "status": 600}}, "0.fault.status.status: Input should be less than or equal to 599"),
        ({"fault": {"kind": "status", "status": 204, "body": {}}}, "0.fault.status: Value error, a 204 or 304 has no body"),
        ({"fault": {"kind": "status", "status": 200, "headers": {"a b": "c"}}}, "0.fault.status: Value error, headers must be"),
        ({"fault": {"kind": "status", "status": 200, "headers": {"a": "b\r\nc: d"}}}, "0.fault.status: Value error, headers"),
        (
            {"fault": {"kind": "status", "status": 200, "headers": {"Content-Length": "9"}}},
            "0.fault.status: Value error, headers",
        ),
        ({"fault": {"kind": "delay", "seconds": -1}}, "0.fault.delay.seconds: Input should be greater than or equal to 0"),
        ({"fault": {"kind": "delay", "seconds": 601}}, "0.fault.delay.seconds: Input should be less than or equal to 600"),
        ({"fault": {"kind": "drop", "when": "later"}}, "0.fault.drop.when: Input should be 'before_body' or 'after_body'"),
        ({"fault": {"kind": "reset", "now": True}}, "0.fault.reset.now: Extra inputs are not permitted"),
        ({"fault": {"kind": "interim", "statuses": [200]}}, "0.fault.interim.statuses.0: Input should be 100, 102 or 103"),
        ({"fault": {"kind": "interim", "statuses": []}}, "0.fault.interim.statuses: List should have at least 1 item"),
        ({"fault": {"kind": "slow_body", "bytes_per_write": 0}}, "0.fault.slow_body.bytes_per_write: Input should be"),
        ({"fault": {"kind": "large", "bytes": 2**30}}, "0.fault.large.bytes: Input should be less than or equal to"),
        ({"fault": {"kind": "redirect", "location": "a b"}}, "0.fault.redirect.location: String should match pattern"),
        ({"fault": {"kind": "garbage", "text": ""}}, "0.fault.garbage.text: String should have at least 1 character"),
        ({"match": {"method": "get"}, "fault": {"kind": "reset"}}, "0.match.method: String should match pattern"),
        ({"match": {"path_prefix": "v1"}, "fault": {"kind": "reset"}}, "0.match.path_prefix: String should match pattern"),
        ({"match": {"path": "/"}, "fault": {"kind": "reset"}}, "0.match.path: Extra inputs are not permitted"),
        ({"times": 0, "fault": {"kind": "reset"}}, "0.times: Input should be greater than or equal to 1"),
        ({"times": MAX_TIMES + 1, "fault": {"kind": "reset"}}, "0.times: Input should be less than or equal to 1000000"),
        (5, "0: Input should be"),
    ],
)
def test_what_is_no_script_is_told(entry: object, message: str) -> None:
    """The error says where and what, on one line."""
    with pytest.raises(ScriptError) as refused:
        parse([entry])
    assert str(refused.value).startswith(message)
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize("script", [b"{", b"{}", b"\xff", b""])
def test_a_script_is_a_list_in_json(script: bytes) -> None:
    """Bytes that are no JSON list are refused like any other wrong script."""
    with pytest.raises(ScriptError):
        parse(script)


def test_a_request_meets_the_first_fault_that_fits() -> None:
    """Entries are tried in order; one that does not fit stays for others."""
    script = Script()
    script.add(
        [
            {"match": {"method": "PUT", "path_prefix": "/api/v1/customers/"}, "fault": {"kind": "reset"}},
            {"match": {"path_prefix": "/api/"}, "fault": {"kind": "drop"}},
        ]
    )
    assert script.take("GET", "/v1/segments") is None
    assert script.take("POST", "/api/v1/customers/5/events") == Drop(kind="drop")
    assert script.take("PUT", "/api/v1/customers/5") == Reset(kind="reset")
    assert script.take("PUT", "/api/v1/customers/5") is None


def test_a_fault_is_used_up() -> None:
    """An entry is met as many times as it says, and what is pending shows what is left."""
    script = Script()
    script.add([{"times": 3, "fault": {"kind": "reset"}}, {"fault": {"kind": "drop"}}])
    left = []
    for _ in range(5):
        left.append([(entry.fault.kind, entry.times) for entry in script.pending])
        script.take("GET", "/")
    assert left == [
        [("reset", 3), ("drop", 1)],
        [("reset", 2), ("drop", 1)],
        [("reset", 1), ("drop", 1)],
        [("drop", 1)],
        [],
    ]


def test_scripts_are_appended_or_refused_whole() -> None:
    """A later script waits for the earlier one; one with a wrong entry adds nothing."""
    script = Script()
    script.add([{"fault": {"kind": "reset"}}])
    with pytest.raises(ScriptError):
        script.add([{"fault": {"kind": "drop"}}, {"fault": {"kind": "mood"}}])
    script.add([{"fault": {"kind": "status", "status": 500, "body": [1]}}])
    assert [entry.fault for entry in script.pending] == [Reset(kind="reset"), Status(kind="status", status=500, body=[1])]
    script.clear()
    assert script.pending == ()


def test_what_is_pending_is_bounded() -> None:
    """A script that would make too much pending is refused whole."""
    script = Script()
    entry: object = {"fault": {"kind": "reset"}}
    script.add([entry] * PENDING)
    with pytest.raises(ScriptError, match="at most 10000 entries"):
        script.add([entry])
    assert len(script.pending) == PENDING


def test_the_documentation_shows_every_kind() -> None:
    """Each kind stands in the table of docs/simulator.md with an example that is a fault."""
    page = (ROOT / "docs" / "simulator.md").read_text()
    shown = [orjson.loads(example) for example in re.findall(r"^\| `(\{.*?\})` \|", page, re.MULTILINE)]
    entries: list[object] = [{"fault": fault} for fault in shown]
    assert sorted(entry.fault.kind for entry in parse(entries)) == sorted(LEAST)
