"""The decision behind every answer: credentials, and bodies as they really come."""

import base64

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from proxy.simulator.endpoints import TABLE
from proxy.simulator.model import Credential, Json, Received, Workspace
from proxy.simulator.respond import RefusedError, authorised, basic, decode, inflate, respond
from tests.unit.simulator.calls import BODIES, ROWS, WORKSPACE, call

# A pair whose base64 has both characters in which the alphabets differ (customerio-api.md 2.2).
AWKWARD = Workspace(site_id="site", api_key="key??>>~~", app_key="app", write_key="w??>>~")


def bearing(*values: str) -> Received:
    """Return a request with these Authorization headers."""
    return Received("GET", "/", tuple(("authorization", value) for value in values))


@pytest.mark.parametrize("encode", [base64.b64encode, base64.urlsafe_b64encode], ids=["standard", "URL-safe"])
@pytest.mark.parametrize(("credential", "pair"), [(Credential.SITE, b"site:key??>>~~"), (Credential.WRITE_KEY, b"w??>>~:")])
def test_both_base64_alphabets_are_taken(encode: object, credential: Credential, pair: bytes) -> None:
    """Go encodes its pair in the URL-safe alphabet, the others in the standard one."""
    assert callable(encode)
    token = encode(pair).decode()
    assert ("+" in token) != ("-" in token)
    assert authorised(credential, bearing(f"Basic {token}"), AWKWARD)
    assert authorised(credential, bearing(f"basic {token}"), AWKWARD)


@pytest.mark.parametrize(
    "header",
    [
        "Basic " + base64.b64encode(b"key??>>~~:site").decode(),
        "Basic " + base64.b64encode(b"site:").decode(),
        "Basic " + base64.b64encode(b"site:key??>>~~").decode().rstrip("="),
        "Basic " + base64.b64encode(b"site:key??>>~~x").decode(),
        "Digest " + base64.b64encode(b"site:key??>>~~").decode(),
        base64.b64encode(b"site:key??>>~~").decode(),
        "Bearer app",
        "",
    ],
)
def test_other_pairs_are_not_taken(header: str) -> None:
    """Nothing but the pair itself, in that order, as Basic, opens the Track API."""
    assert not authorised(Credential.SITE, bearing(header), AWKWARD)


@pytest.mark.parametrize(
    ("header", "taken"), [("Bearer app", True), ("bearer app", True), ("Bearer ap", False), ("app", False)]
)
def test_the_app_key_is_a_bearer(header: str, taken: bool) -> None:  # noqa: FBT001  # a case
    """The App API wants its key, whole, as Bearer."""
    assert authorised(Credential.APP_KEY, bearing(header), AWKWARD) is taken


def test_an_empty_key_is_not_everybodys() -> None:
    """A request without a credential is refused even where the configured key is empty."""
    assert not authorised(Credential.APP_KEY, bearing(), Workspace(app_key=""))


@pytest.mark.parametrize("token", ["", "é", "a", "====", "YQ==\n"])
def test_what_is_no_base64_says_nothing(token: str) -> None:
    """A token that does not decode is no pair, and no error."""
    assert basic(token) == b""


def test_numbers_and_halves_of_pairs_survive() -> None:
    """Integers of any length and lone surrogates come out as they went in; orjson would round the one, refuse the other."""
    assert decode(b'{"a":123456789012345678901234567890,"b":"\\ud83d"}') == {"a": 123456789012345678901234567890, "b": "\ud83d"}


@pytest.mark.parametrize("data", [b"", b"{", b"NaN", b"[Infinity]", b"\xff", b"\xef\xbb\xbf{}", b"[" * 100_000, b"1" * 5000])
def test_what_is_no_json_is_refused(data: bytes) -> None:
    """Whatever does not decode, a mark before it included, is one and the same refusal."""
    with pytest.raises(RefusedError):
        decode(data)


@pytest.mark.parametrize(("opening", "closing"), [(b"[", b"]"), (b'{"a":', b"}")])
def test_depth_is_bounded(opening: bytes, closing: bytes) -> None:
    """A value may be 200 containers deep and no deeper, so that whatever is taken can be kept and shown again."""
    decode(opening * 200 + b"0" + closing * 200)
    with pytest.raises(RefusedError) as refused:
        decode(opening * 201 + b"0" + closing * 201)
    assert refused.value.problems[0].message == "must not be nested more than 200 deep"


LEAVES = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=5)
JSON = st.recursive(
    LEAVES, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3), max_leaves=9
)


@st.composite
def spoiled(draw: st.DrawFn, body: Json) -> Json:
    """Return `body` with something else in one place of it: the whole, or any member at any depth."""
    if not body or not isinstance(body, dict | list) or draw(st.integers(0, 4)) == 0:
        return draw(JSON)
    if isinstance(body, list):
        place = draw(st.integers(0, len(body) - 1))
        return [*body[:place], draw(spoiled(body[place])), *body[place + 1 :]]
    name = draw(st.sampled_from(sorted(body)))
    return {**body, name: draw(spoiled(body[name]))}


@pytest.mark.parametrize("name", sorted(BODIES))
@settings(max_examples=30, deadline=None)
@given(data=st.data())
def test_no_body_breaks_an_endpoint(name: str, data: st.DataObject) -> None:
    """Whatever stands in whichever place of a body, the answer is the endpoint's own, or a refusal that says something."""
    row = ROWS[name]
    answer = call(name, data.draw(spoiled(BODIES[name])))
    assert answer.status in {row.status, 207, 400, 413, 422}
    assert answer.status == row.status or answer.json


def test_an_uncoded_body_stays_as_it_is() -> None:
    """Identity is no coding, named or not."""
    for headers in ((), (("Content-Encoding", "identity"),)):
        assert b"".join(inflate(Received("POST", "/", headers, b"{}"), frozenset(), 0)) == b"{}"


def test_answers_differ_by_number_and_time() -> None:
    """Two sends are two deliveries, queued when they came."""
    found = TABLE.find("POST", "/v1/send/sms")
    body = b'{"identifiers":{"id":"5"},"transactional_message_id":1}'
    headers = (("Authorization", f"Bearer {WORKSPACE.app_key}"), ("Content-Type", "application/json"))
    request = Received("POST", "/v1/send/sms", headers, body)
    first, second = (respond(found, request, WORKSPACE, number, number * 10.0) for number in (1, 2))
    assert first.body != second.body
    assert b'"queued_at":10' in first.body
    assert b'"queued_at":20' in second.body


def test_an_answer_never_repeats_the_call() -> None:
    """A refusal does not quote what was sent: applications put answers into their logs."""
    answer = call("track.v1.event", {"name": "x", "id": "sesame", "type": "sesame", "data": "sesame"})
    assert answer.status == 400
    assert "sesame" not in str(answer.json)
