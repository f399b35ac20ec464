"""Matching holds for every identifier in every spelling, and for every sequence of bytes."""

import re
from collections.abc import Callable
from urllib.parse import quote, unquote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy.api.endpoints import ENDPOINTS
from proxy.api.match import Match, Table, encode_query
from proxy.api.model import Endpoint
from proxy.errors import Reason, RefusedError

TABLE = Table(ENDPOINTS)
INSPECTING = Table(ENDPOINTS, unknown="inspect")

REFUSALS = {Reason.MALFORMED_REQUEST, Reason.ENDPOINT_NOT_ALLOWED, Reason.METHOD_NOT_ALLOWED}


def _everything(text: str) -> str:
    return "".join(f"%{byte:02x}" for byte in text.encode())


# How each SDK writes an identifier into a path (customerio-api.md 2.4), and two ways that no SDK uses.
SPELLINGS: dict[str, Callable[[str], str]] = {
    "python and ruby: quote": lambda text: quote(text, safe=""),
    "node: encodeURIComponent": lambda text: quote(text, safe="!*'()"),
    "go: PathEscape": lambda text: quote(text, safe="$&+=:@"),
    "every byte, in small digits": _everything,
    "nothing that a path may hold": lambda text: quote(text, safe="!$&'()*+,;=:@\"<>[\\]^`{|}"),
}


def _has_dot_segment(text: str) -> bool:
    return any(part in {".", ".."} for part in re.split(r"[/\\]", text))


identifiers = (
    st.text(min_size=1, max_size=60)
    | st.text(st.sampled_from("abz09@+/.%?#&=;:,~ \\é漢"), min_size=1, max_size=60)
    | st.emails()
    | st.sampled_from(["attributes", "customers", "api", "v1", "...", "%2e%2e", "a%00", "cio_03000001"])
).filter(lambda text: "\0" not in text and not _has_dot_segment(text))
spellings = st.sampled_from(sorted(SPELLINGS))

endpoints = st.sampled_from(ENDPOINTS)
FRAGMENTS = [
    *rb"/ // /api /v1 /v2 /customers /send /email /1 /events /batch /exports /new .. . %2e %2F %2f %5C".split(),
    *rb"%00 %ff % %zz %25 %c3%a9 ? # & = + ; : @ * \ id_type email a@b.c http://evil.test :443".split(),
    *[b"\xc3\xa9", b"\r\n", b"\0", b" "],
]
fragments = st.sampled_from(FRAGMENTS)
methods = st.sampled_from(["GET", "POST", "PUT", "DELETE", "PATCH", "HEAD", "OPTIONS", "TRACE", "CONNECT", "PURGE", "get", ""])
queries = st.dictionaries(st.text(min_size=1, max_size=10), st.text(max_size=20), max_size=5)


def _target(template: str, ids: list[str], spelling: str) -> bytes:
    rest = iter(ids)
    return re.sub(r"\{\w+\}", lambda _: SPELLINGS[spelling](next(rest)), template).encode()


@st.composite
def _damaged(draw: st.DrawFn) -> tuple[str, bytes]:
    """Draw a real call with something put into an identifier, behind the path, or over any part of it."""
    endpoint = draw(endpoints)
    template = draw(st.sampled_from([endpoint.path, *endpoint.aliases])).encode()
    damage = draw(fragments)
    match draw(st.sampled_from(["identifier", "behind", "anywhere"])):
        case "identifier":
            return endpoint.method, re.sub(rb"\{\w+\}", lambda _: b"a" + damage + b"b", template)
        case "behind":
            return endpoint.method, re.sub(rb"\{\w+\}", b"1", template) + b"?" + damage + b"=" + draw(fragments)
    target = re.sub(rb"\{\w+\}", b"1", template)
    start = draw(st.integers(0, len(target)))
    end = draw(st.integers(start, min(start + 3, len(target))))
    return endpoint.method, target[:start] + damage + target[end:]


calls = _damaged() | st.tuples(methods, st.lists(fragments, max_size=14).map(b"".join) | st.binary(max_size=80))


def _outcome(table: Table, method: str, target: bytes) -> Match | Reason:
    try:
        return table.match(method, target)
    except RefusedError as refused:
        return refused.reason


def _told(match: Match) -> tuple[Endpoint, bytes, dict[str, str], dict[str, str]]:
    return match.endpoint, match.target, dict(match.path_ids), dict(match.query)


@given(identifiers, spellings)
def test_every_spelling_names_the_same_person(identifier: str, spelling: str) -> None:
    """For any identifier, each SDK's spelling gives the same value and the same bytes upstream: those of Python's `quote`."""
    match = TABLE.match("POST", f"/api/v1/customers/{SPELLINGS[spelling](identifier)}/events".encode())
    assert match.endpoint.name == "track.v1.event"
    assert match.path_ids == {"identifier": identifier}
    assert match.target == f"/api/v1/customers/{quote(identifier, safe='')}/events".encode()


@given(endpoints, st.data(), spellings)
def test_every_template_of_every_row_leads_to_it(endpoint: Endpoint, data: st.DataObject, spelling: str) -> None:
    """With any identifiers, path and aliases of a row match that row, and the documented path is sent."""
    template = data.draw(st.sampled_from([endpoint.path, *endpoint.aliases]))
    ids = data.draw(st.lists(identifiers, min_size=len(endpoint.path_ids), max_size=len(endpoint.path_ids)))
    match = TABLE.match(endpoint.method, _target(template, ids, spelling))
    assert match.path_ids == dict(zip(endpoint.path_ids, ids, strict=True))
    assert match.target == _target(endpoint.path, ids, "python and ruby: quote")
    assert match.endpoint is endpoint


@pytest.mark.parametrize("table", [TABLE, INSPECTING], ids=["deny", "inspect"])
@given(call=calls)
def test_any_bytes_match_or_are_refused(table: Table, call: tuple[str, bytes]) -> None:
    """Whatever comes in: a match whose target is safe to send, or a documented refusal, and nothing else."""
    outcome = _outcome(table, *call)
    if isinstance(outcome, Match):
        _assert_safe(outcome)
    else:
        assert outcome in REFUSALS


@pytest.mark.parametrize("table", [TABLE, INSPECTING], ids=["deny", "inspect"])
@given(call=calls)
def test_what_was_rebuilt_is_a_fixed_point(table: Table, call: tuple[str, bytes]) -> None:
    """Matched again, a rebuilt target gives the same endpoint, values and bytes: nobody upstream reads it otherwise."""
    match = _outcome(table, *call)
    if isinstance(match, Match):
        assert _told(table.match(call[0], match.target)) == _told(match)


@given(endpoints, st.data(), queries)
def test_a_query_arrives_as_it_was_meant(endpoint: Endpoint, data: st.DataObject, unnamed: dict[str, str]) -> None:
    """Named parameters keep their values, in any order and beside any others; the others are gone."""
    named = data.draw(st.dictionaries(st.sampled_from(sorted(endpoint.query) or ["x"]), st.text(max_size=20)))
    parameters = {**unnamed, **named}
    items = data.draw(st.permutations(list(parameters.items())))
    target = _target(endpoint.path, ["1"] * len(endpoint.path_ids), "python and ruby: quote")
    if any("\0" in text for item in items for text in item):
        with pytest.raises(RefusedError):
            TABLE.match(endpoint.method, target + b"?" + encode_query(items))
        return
    match = TABLE.match(endpoint.method, target + b"?" + encode_query(items))
    assert match.query == {name: parameters[name] for name in endpoint.query if name in parameters}
    _assert_safe(match)


@given(st.text(max_size=300) | st.text(st.sampled_from("./\\ab"), max_size=8))
def test_an_identifier_that_hides_a_dot_segment_never_passes(text: str) -> None:
    """Even a server that decodes once more before it routes finds no way out of the path."""
    outcome = _outcome(TABLE, "PUT", f"/api/v1/customers/{quote(text, safe='')}".encode())
    if isinstance(outcome, Match):
        _assert_safe(outcome)
    else:
        assert outcome is Reason.MALFORMED_REQUEST
        assert not text or "\0" in text or _has_dot_segment(text)


def _assert_safe(match: Match) -> None:
    path, question, query = match.target.partition(b"?")
    assert re.fullmatch(rb"(?:/(?:[A-Za-z0-9._~-]|%[0-9A-F]{2})+)+", path)
    assert bool(question) is bool(query)
    assert re.fullmatch(rb"(?:[A-Za-z0-9._~&=-]|%[0-9A-F]{2})*", query)
    assert [pair.partition("=")[0] for pair in query.decode().split("&") if pair] == list(match.query)
    assert set(match.query) <= set(match.endpoint.query)
    for segment in path.decode().split("/")[1:]:
        assert segment not in {".", ".."}
        assert not _has_dot_segment(unquote(segment))
        assert "\0" not in unquote(segment)
