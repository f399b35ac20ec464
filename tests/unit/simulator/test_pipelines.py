"""The Pipelines API: in strict mode it says what is wrong, otherwise it answers 200 whatever comes (customerio-api.md 1.6)."""

import gzip
import zlib

import pytest

from proxy.simulator.model import Json, Received
from tests.unit.simulator.calls import BODIES, ROWS, ask, call, encoded, well_formed

TRACK = well_formed(ROWS["pipelines.track"])

BAD: list[tuple[str, Json, str]] = [
    ("identify", {"traits": {"plan": "pro"}}, "body must hold one of userId, anonymousId, traits.email"),
    ("identify", {"userId": "5", "traits": []}, "traits must be a JSON object"),
    ("identify", {"userId": ["5"]}, "userId must be a string that is not empty"),
    ("track", {"userId": "5"}, "event is required"),
    ("track", {"event": "Purchased"}, "body must hold one of userId, anonymousId, groupId"),
    ("page", {"name": "Home"}, "body must hold one of userId, anonymousId"),
    ("screen", {"userId": ""}, "userId must be a string that is not empty"),
    ("group", {"userId": "5"}, "groupId is required"),
    ("alias", {"userId": "5"}, "previousId is required"),
    ("batch", {"batch": []}, "batch must hold 1 or more items"),
    ("batch", {"batch": [{"userId": "5"}]}, "batch.type is required"),
    ("batch", {"batch": [{"type": "guess", "userId": "5"}]}, "batch.type must be one of identify, track"),
    ("batch", {"batch": [{"type": "track", "userId": "5"}]}, "batch.event is required"),
    ("batch", {"batch": [{"type": "page", "userId": "5", "properties": {"a": "x" * 33_000}}]}, "batch must not be larger"),
    ("batch", {"batch": [{"type": "page", "userId": "5"}], "context": 5}, "context must be a JSON object"),
]


def leniently(request: Received) -> Received:
    """Return `request` without the header that asks for strict mode."""
    headers = tuple(header for header in request.headers if header[0] != "X-Strict-Mode")
    return Received(request.method, request.target, headers, request.body)


@pytest.mark.parametrize(("name", "body", "message"), BAD)
def test_strict_mode_tells_what_is_wrong(name: str, body: Json, message: str) -> None:
    """With `X-Strict-Mode: 1` an invalid call is a 400 with a code and a message."""
    answer = call(f"pipelines.{name}", body)
    assert answer.status == 400
    assert set(answer.json) == {"code", "message"}
    assert answer.json["message"].startswith(message)


@pytest.mark.parametrize(("name", "body"), [(name, body) for name, body, _ in BAD])
def test_without_strict_mode_everything_is_a_200(name: str, body: Json) -> None:
    """An invalid call is answered 200 and dropped, where nobody asked."""
    request = well_formed(ROWS[f"pipelines.{name}"])
    answer = ask(leniently(Received("POST", request.target, request.headers, encoded(body))))
    assert (answer.status, answer.json) == (200, {})


@pytest.mark.parametrize("value", ["0", "true", "1, 1", ""])
def test_only_a_one_asks_for_strict_mode(value: str) -> None:
    """Any other value of the header is no strict mode."""
    request = leniently(TRACK)
    headers = (*request.headers, ("X-Strict-Mode", value))
    assert ask(Received("POST", request.target, headers, b"{}")).status == 200


@pytest.mark.parametrize(("strict", "status"), [(True, 401), (False, 200)])
def test_a_wrong_write_key_shows_only_in_strict_mode(strict: bool, status: int) -> None:  # noqa: FBT001  # a case
    """Without strict mode nobody learns that the key is wrong."""
    headers = tuple((name, "Basic d3Jvbmc6") if name == "Authorization" else (name, value) for name, value in TRACK.headers)
    request = Received("POST", TRACK.target, headers, TRACK.body)
    assert ask(request if strict else leniently(request)).status == status


def test_a_call_over_32_kib_shows_only_in_strict_mode() -> None:
    """Oversize calls are dropped silently too."""
    request = Received("POST", TRACK.target, TRACK.headers, b" " * 32_769)
    assert ask(request).status == 400
    assert ask(leniently(request)).status == 200


@pytest.mark.parametrize(("coding", "encode"), [("gzip", gzip.compress), ("deflate", zlib.compress)])
def test_a_coded_body_is_taken(coding: str, encode: object) -> None:
    """The Python client may send gzip; what it decodes to is checked like any other body."""
    assert callable(encode)
    headers = (*TRACK.headers, ("Content-Encoding", coding))
    assert ask(Received("POST", TRACK.target, headers, encode(TRACK.body))).status == 200
    bad = ask(Received("POST", TRACK.target, headers, encode(b"{}")))
    assert bad.json == {"code": "required", "message": "event is required"}


@pytest.mark.parametrize("body", [b"not gzip", gzip.compress(TRACK.body)[:-4]], ids=["other bytes", "cut"])
def test_a_body_that_is_not_in_its_coding_is_a_400(body: bytes) -> None:
    """A broken coding is refused."""
    answer = ask(Received("POST", TRACK.target, (*TRACK.headers, ("Content-Encoding", "gzip")), body))
    assert answer.status == 400
    assert answer.json == {"code": "invalid", "message": "body is not gzip"}


def test_the_limit_is_of_the_inflated_body() -> None:
    """A bomb is refused for what it would become, and inflated no further than the limit."""
    bomb = gzip.compress(b" " * 50_000_000)
    assert len(bomb) < 60_000
    answer = ask(Received("POST", TRACK.target, (*TRACK.headers, ("Content-Encoding", "gzip")), bomb))
    assert answer.status == 400
    assert answer.json == {"code": "too_large", "message": "body must not be larger than 32768 bytes"}


@pytest.mark.parametrize("name", ["identify", "track", "page", "screen", "group", "alias"])
def test_each_call_may_be_an_item_of_a_batch(name: str) -> None:
    """A batch mixes the six kinds of call."""
    body = BODIES[f"pipelines.{name}"]
    assert isinstance(body, dict)
    assert call("pipelines.batch", {"batch": [{**body, "type": name}]}).json == {}


def test_a_person_may_be_known_by_email_alone() -> None:
    """An identify without an id is fine when its traits hold an address."""
    assert call("pipelines.identify", {"traits": {"email": "ada@example.com"}}).status == 200
