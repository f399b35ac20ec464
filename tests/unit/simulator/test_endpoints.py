"""The table as a whole: every endpoint answers well when called well, and refuses what is wrong with any call."""

import pytest

from proxy.simulator.endpoints import ENDPOINTS, TABLE, Found, Missing
from proxy.simulator.model import Api, Credential, Envelope, Json, Media, Received, Row
from tests.needs import ROOT
from tests.unit.simulator.calls import BODIES, QUERIES, ROWS, ask, encoded, well_formed

EVERY = pytest.mark.parametrize("row", ENDPOINTS, ids=lambda row: row.name)
GUARDED = [row for row in ENDPOINTS if row.credential is not Credential.NONE]
WITH_BODY = [row for row in ENDPOINTS if row.name in BODIES]

# Which member of an error body tells the error, by envelope.
TOLD = {
    Envelope.META_ERRORS: lambda body: body["meta"]["errors"][0],
    Envelope.META_ERROR: lambda body: body["meta"]["error"],
    Envelope.FIELDS: lambda body: body["errors"][0]["message"],
    Envelope.DETAIL: lambda body: body["errors"][0]["detail"],
    Envelope.CODE: lambda body: body["message"],
}


def told(row: Row, body: object) -> str:
    """Return the text of an error in the shape of its endpoint."""
    text = TOLD[row.errors](body)
    assert isinstance(text, str)
    return text


def with_headers(request: Received, *headers: tuple[str, str]) -> Received:
    """Return `request` with `headers` in the place of its own of the same name."""
    named = {name.lower() for name, _ in headers}
    kept = [(name, value) for name, value in request.headers if name.lower() not in named]
    return Received(request.method, request.target, (*kept, *headers), request.body)


@EVERY
def test_a_well_formed_call_is_answered_well(row: Row) -> None:
    """Every endpoint answers its declared status, with JSON unless it is a 204."""
    answer = ask(well_formed(row))
    assert answer.status == row.status, answer
    assert (answer.json is None) == (row.status == 204)


def test_every_sample_belongs_to_an_endpoint() -> None:
    """No sample is left behind when an endpoint goes: each names a row."""
    assert set(BODIES) | set(QUERIES) <= set(ROWS)


def test_names_and_paths_are_each_used_once() -> None:
    """One row an endpoint: no name, and no method and path, stands twice."""
    assert len({row.name for row in ENDPOINTS}) == len(ENDPOINTS)
    assert len({(row.method, row.path) for row in ENDPOINTS}) == len(ENDPOINTS)


@EVERY
def test_each_row_is_the_one_its_own_path_finds(row: Row) -> None:
    """No row hides another: a well-formed target finds exactly the row it was made for."""
    request = well_formed(row)
    found = TABLE.find(request.method, request.target.partition("?")[0])
    assert isinstance(found, Found)
    assert found.row is row


@pytest.mark.parametrize(
    "authorization",
    [
        (),
        ("Basic d3Jvbmc6d3Jvbmc=",),
        ("Bearer wrong",),
        ("Basic not base64!",),
        ("Basic",),
    ],
    ids=["none", "wrong pair", "wrong bearer", "no base64", "no token"],
)
def test_a_wrong_credential_is_a_401(authorization: tuple[str, ...]) -> None:
    """Whatever is not the credential that an endpoint wants is refused, in a shape its clients can read."""
    given = tuple(("Authorization", value) for value in authorization)
    for row in GUARDED:
        request = well_formed(row)
        kept = tuple((name, value) for name, value in request.headers if name != "Authorization")
        answer = ask(Received(request.method, request.target, (*kept, *given), request.body))
        assert answer.status == 401, row.name
        assert "Unauthorized" in str(answer.json), row.name


def test_a_credential_given_twice_is_a_401() -> None:
    """Two Authorization headers are refused, the right one among them or not: that is how requests are smuggled."""
    for row in GUARDED:
        request = well_formed(row)
        right = next(header for header in request.headers if header[0] == "Authorization")
        twice = Received(request.method, request.target, (*request.headers, right), request.body)
        assert ask(twice).status == 401, row.name


@pytest.mark.parametrize("row", [row for row in ENDPOINTS if row.credential is Credential.NONE], ids=lambda row: row.name)
def test_an_open_endpoint_does_not_look_at_credentials(row: Row) -> None:
    """Metrics, push events and unsubscribes are answered with no credential and with any."""
    request = well_formed(row)
    assert ask(request).status == 200
    assert ask(with_headers(request, ("Authorization", "Basic d3Jvbmc6d3Jvbmc="))).status == 200


@pytest.mark.parametrize("body", [b"{", b'{"a":NaN}', b"\xff", b"[" * 100_000], ids=["cut", "NaN", "not UTF-8", "too deep"])
def test_a_body_that_is_no_json_is_a_400(body: bytes) -> None:
    """What does not decode is refused, in the endpoint's own error shape."""
    for row in WITH_BODY:
        request = well_formed(row)
        answer = ask(Received(request.method, request.target, request.headers, body[: row.max_body_bytes]))
        assert answer.status == 400, row.name
        assert told(row, answer.json) == "body must be JSON", row.name


@pytest.mark.parametrize("content_type", ["application/x-www-form-urlencoded", "text/plain", ""])
def test_a_body_of_another_content_type_is_a_400(content_type: str) -> None:
    """A body has to be labelled JSON; forms are not taken any more."""
    for row in WITH_BODY:
        answer = ask(with_headers(well_formed(row), ("Content-Type", content_type)))
        assert answer.status == 400, row.name
        assert told(row, answer.json) == "body must be application/json", row.name


def test_json_with_a_charset_is_json() -> None:
    """Neither parameters nor the case of the content type matter."""
    for row in WITH_BODY:
        answer = ask(with_headers(well_formed(row), ("Content-Type", "Application/JSON; charset=utf-8")))
        assert answer.status == row.status, row.name


@pytest.mark.parametrize("body", [7, "sesame", True], ids=["number", "string", "boolean"])
def test_a_body_of_the_wrong_type_is_refused(body: Json) -> None:
    """A body that is JSON but no object (or array, where one is wanted) is told so; nothing of it is quoted."""
    for row in WITH_BODY:
        request = well_formed(row)
        answer = ask(Received(request.method, request.target, request.headers, encoded(body)))
        assert answer.status == (422 if row.name == "app.broadcast.trigger" else 400), row.name
        assert "body must be a" in told(row, answer.json), row.name
        assert "sesame" not in told(row, answer.json), row.name


@pytest.mark.parametrize("row", [row for row in WITH_BODY if row.max_body_bytes <= 4 * 2**20], ids=lambda row: row.name)
def test_a_body_over_the_limit_is_refused(row: Row) -> None:
    """One byte more than the endpoint takes is refused before it is decoded: 413 for sends, 400 elsewhere."""
    request = well_formed(row)
    body = b" " * (row.max_body_bytes + 1)
    answer = ask(Received(request.method, request.target, request.headers, body))
    assert answer.status == row.too_large_status
    assert told(row, answer.json) == f"body must not be larger than {row.max_body_bytes} bytes"


def test_an_empty_body_is_treated_alike_whatever_its_label() -> None:
    """Node labels an absent body as JSON, Ruby as a form: neither changes what is answered."""
    for row in ENDPOINTS:
        if row.media is not Media.JSON:
            continue
        request = well_formed(row)
        bare = tuple(header for header in request.headers if header[0] != "Content-Type")
        unlabelled = ask(Received(request.method, request.target, bare))
        for label in ("application/json", "application/x-www-form-urlencoded"):
            labelled = Received(request.method, request.target, (*bare, ("Content-Type", label)))
            assert ask(labelled) == unlabelled, row.name


@pytest.mark.parametrize("coding", ["br", "gzip, gzip", "x-unknown"])
def test_an_unknown_coding_is_a_400(coding: str) -> None:
    """A request coded in a way that no Customer.io API takes is refused."""
    for row in WITH_BODY:
        answer = ask(with_headers(well_formed(row), ("Content-Encoding", coding)))
        assert answer.status == 400, row.name
        assert told(row, answer.json) == "body must not be coded", row.name


@pytest.mark.parametrize(
    ("path", "shape"),
    [
        ("/", "meta"),
        ("/api/v1", "meta"),
        ("/api/v1/nothing", "meta"),
        ("/api/v1//customers/5", "meta"),
        ("//api/v1/customers/5", "meta"),
        ("/api/v1/customers/", "meta"),
        ("/api/v1/customers/..", "meta"),
        ("/api/v1/customers/%2e%2E", "meta"),
        ("/api/v1/customers/5/", "meta"),
        ("/api/v1/customers/5/../6", "meta"),
        ("/api/v1/%63ustomers/5", "meta"),
        ("/customers/5", "meta"),
        ("http://track.customer.io/api/v1/customers/5", "meta"),
        ("/v1/nothing", "errors"),
        ("/v1/send/fax", "errors"),
    ],
)
def test_an_unknown_path_is_a_404_in_json(path: str, shape: str) -> None:
    """Nothing is folded, collapsed or decoded before a path is matched: a client that forms it wrongly is told."""
    answer = ask(Received("PUT", path, ()))
    assert answer.status == 404
    assert list(answer.json) == [shape]
    assert TABLE.find("PUT", path) == Missing(())


def test_a_known_path_with_another_method_is_a_405() -> None:
    """The answer names the methods that the path takes."""
    answer = ask(Received("PATCH", "/api/v1/customers/5", ()))
    assert answer.status == 405
    assert answer.headers["Allow"] == "DELETE, PUT"


def test_an_identifier_is_one_segment_decoded_once() -> None:
    """An encoded slash does not end a segment, a plus stays one, and an encoded percent sign is not decoded again."""
    found = TABLE.find("PUT", "/api/v1/customers/a+b%2Fc%2520d%40x")
    assert isinstance(found, Found)
    assert found.parameters == {"identifier": "a+b/c%20d@x"}
    assert not found.problems


@pytest.mark.parametrize(
    ("method", "path", "status", "message"),
    [
        ("PUT", f"/api/v1/customers/{'x' * 151}", 400, "identifier must not be longer than 150 bytes"),
        ("PUT", f"/api/v1/customers/{'%C3%A9' * 76}", 400, "identifier must not be longer than 150 bytes"),
        ("PUT", "/api/v1/customers/%ff", 400, "identifier is not UTF-8"),
        ("POST", "/api/v1/segments/seven/add_customers", 400, "segment_id must be an integer"),
        ("GET", "/v1/campaigns/one", 404, "campaign_id must be an integer"),
        ("GET", "/v1/esp/suppression/whims", 404, "type must be one of blocks, bounces, spam_reports, invalid_emails"),
    ],
)
def test_an_impossible_path_parameter_is_refused(method: str, path: str, status: int, message: str) -> None:
    """Identifiers have a longest length, numbers are numbers: Track says 400, the App API does not find the thing."""
    found = TABLE.find(method, path)
    assert isinstance(found, Found)
    request = well_formed(found.row)
    answer = ask(Received(method, path, request.headers, request.body))
    assert answer.status == status
    assert told(found.row, answer.json) == message


def test_an_identifier_of_the_longest_length_passes() -> None:
    """150 bytes are still an identifier."""
    request = well_formed(ROWS["track.v1.identify"])
    assert ask(Received("PUT", f"/api/v1/customers/{'%C3%A9' * 75}", request.headers, request.body)).status == 200


@pytest.mark.parametrize(
    ("name", "query", "status", "message"),
    [
        ("track.v1.segment_add", "?id_type=phone", 400, "id_type must be one of id, email, cio_id"),
        ("app.customers.by_email", "", 400, "email is required"),
        ("app.customers.by_email", "?email=", 400, "email is required"),
        ("app.customers.attributes", "?id_type=name", 400, "id_type must be one of id, email, phone, cio_id"),
        ("app.messages.list", "?limit=many", 400, "limit must be an integer"),
        ("app.campaign.journeys", "?start=1&end=2", 400, "resolution is required"),
    ],
)
def test_an_impossible_query_is_refused(name: str, query: str, status: int, message: str) -> None:
    """Query parameters that an endpoint looks at are checked, and those it needs have to be there."""
    row = ROWS[name]
    request = well_formed(row)
    path = request.target.partition("?")[0]
    answer = ask(Received(request.method, path + query, request.headers, request.body))
    assert answer.status == status
    assert told(row, answer.json) == message


def test_the_three_apis_have_their_endpoints() -> None:
    """Each API is there, and each has the kind of credential that is documented for it."""
    credentials = {api: {row.credential for row in ENDPOINTS if row.api is api} for api in Api}
    assert credentials == {
        Api.TRACK: {Credential.SITE, Credential.NONE},
        Api.APP: {Credential.APP_KEY},
        Api.PIPELINES: {Credential.WRITE_KEY},
    }


def test_the_documentation_counts_the_endpoints() -> None:
    """docs/simulator.md says how many there are."""
    assert f" {len(ENDPOINTS)} endpoints" in (ROOT / "docs" / "simulator.md").read_text()
