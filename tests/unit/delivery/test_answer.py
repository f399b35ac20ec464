"""What becomes of an upstream answer is decided by its head."""

import orjson
import pytest

from proxy.api.model import Credential, Endpoint, Upstream
from proxy.delivery.answer import NOT_JSON_CODE, Refuse, Treatment, as_json, is_json, treat, treat_rest, wrapped
from proxy.errors import Reason
from tests.fakes import endpoint

TRACK = endpoint()
PIPELINES = endpoint("pipelines.v1.track", upstream=Upstream.PIPELINES, credential=Credential.PIPELINES)
METRICS = endpoint("track.v1.metrics", credential=Credential.NONE)


@pytest.mark.parametrize("status", [200, 201, 202, 204, 207])
def test_success_passes_as_it_comes(status: int) -> None:
    """Status and body are Customer.io's, whatever the success is, JSON or not."""
    assert treat(TRACK, status, {b"content-type": b"text/plain"}, strict=False) is Treatment.STREAM


@pytest.mark.parametrize("status", [400, 403, 404, 413, 422, 429, 500, 503, 599])
def test_an_error_is_held_until_it_is_known_to_be_json(status: int) -> None:
    """SDKs cannot read errors that are not JSON, so their bodies are looked at first."""
    assert treat(TRACK, status, {}, strict=False) is Treatment.HOLD


@pytest.mark.parametrize("status", [300, 301, 302, 303, 304, 307, 308, 399])
def test_a_redirect_is_never_passed_on(status: int) -> None:
    """An SDK would follow it past the sidecar, with everything in clear."""
    assert treat(TRACK, status, {b"location": b"https://track-eu.customer.io/"}, strict=True) == Refuse(
        Reason.UPSTREAM_REDIRECT
    )


@pytest.mark.parametrize(("row", "strict"), [(TRACK, False), (PIPELINES, False), (PIPELINES, True)])
def test_a_rejected_credential_is_ours_to_answer_for(row: Endpoint, *, strict: bool) -> None:
    """The caller's key was fine; it is told to try again, not to change it."""
    assert treat(row, 401, {}, strict=strict) == Refuse(Reason.CREDENTIALS_REJECTED)


def test_a_401_to_a_call_without_a_credential_is_passed_on() -> None:
    """No credential of ours was rejected."""
    assert treat(METRICS, 401, {}, strict=False) is Treatment.HOLD


@pytest.mark.parametrize("coding", [b"gzip", b"br", b"identity, gzip", b"", b"x"])
@pytest.mark.parametrize("status", [200, 400, 500])
def test_a_coded_answer_is_not_passed_on(coding: bytes, status: int) -> None:
    """None was asked for, and the secret could hide in it."""
    assert treat(TRACK, status, {b"content-encoding": coding}, strict=False) == Refuse(Reason.UPSTREAM_INVALID)


@pytest.mark.parametrize("coding", [b"identity", b"Identity"])
def test_an_answer_that_says_it_is_not_coded_passes(coding: bytes) -> None:
    """`identity` is no coding."""
    assert treat(TRACK, 200, {b"content-encoding": coding}, strict=False) is Treatment.STREAM


@pytest.mark.parametrize("status", [600, 999])
def test_a_status_of_no_class_is_not_passed_on(status: int) -> None:
    """SDKs would each make something else of it (RFC 9110 section 15)."""
    assert treat(TRACK, status, {}, strict=False) == Refuse(Reason.UPSTREAM_INVALID)


def test_a_lenient_pipelines_caller_is_not_told_of_a_rejection() -> None:
    """It would have been answered 200, had we not asked Pipelines to be strict."""
    assert treat(PIPELINES, 400, {}, strict=False) is Treatment.SWALLOW


def test_a_strict_pipelines_caller_is_told() -> None:
    """Who asked for strict answers gets them."""
    assert treat(PIPELINES, 400, {}, strict=True) is Treatment.HOLD


def test_only_pipelines_and_only_400_are_lenient() -> None:
    """No other API has such a mode, and no other status is part of it."""
    assert treat(TRACK, 400, {}, strict=False) is Treatment.HOLD
    assert treat(PIPELINES, 500, {}, strict=False) is Treatment.HOLD


@pytest.mark.parametrize("body", [b"{}", b'{"meta":{"error":"x"}}', b" [1] ", b'"text"', b"null", b"12345678901234567890123"])
def test_json_is_recognised(body: bytes) -> None:
    """Any JSON value will do: an SDK's parser takes it."""
    assert is_json(body)


@pytest.mark.parametrize("body", [b"", b"<html>", b"{", b"Bad Gateway", b"{}{}", b"\xff", b"[" * 5000])
def test_what_is_not_json_is_recognised(body: bytes) -> None:
    """Nothing, text, a part of JSON, bytes that are no text, and what no parser would follow."""
    assert not is_json(body)


def test_a_wrapped_error_is_json_of_every_shape_that_sdks_read() -> None:
    """The status stays, the fields of Node, Ruby, Go and Python clients are there, and its type is told once."""
    lines, body = wrapped(502, b"Content-Type: text/html\r\nX-Request-Id: 7\r\nRetry-After: 3\r\n")
    assert lines == b"X-Request-Id: 7\r\nRetry-After: 3\r\nContent-Type: application/json\r\n"
    told = orjson.loads(body)
    assert told["code"] == NOT_JSON_CODE
    assert told["meta"]["error"] == told["message"] == told["errors"][0]["detail"]
    assert told["errors"][0]["status"] == "502"


@pytest.mark.parametrize(
    ("status", "expected"),
    [
        (200, Treatment.REWRITE),
        (204, Treatment.REWRITE),
        (207, Treatment.REWRITE),
        (400, Treatment.REWRITE),
        (401, Refuse(Reason.CREDENTIALS_REJECTED)),
        (307, Refuse(Reason.UPSTREAM_REDIRECT)),
        (429, Treatment.HOLD),
        (503, Treatment.HOLD),
    ],
)
def test_the_answer_to_a_rest_is_told_of_the_whole(status: int, expected: Treatment | Refuse) -> None:
    """Where it may be about single items; whatever is about the call as a whole is treated as always."""
    assert treat_rest(treat(TRACK, status, {}, strict=False), status) == expected


def test_a_content_type_is_replaced_and_other_lines_stay() -> None:
    """There is exactly one afterwards, in any spelling before."""
    lines = b"content-TYPE: text/html\r\nX-Request-Id: 7\r\n"
    assert as_json(lines) == b"X-Request-Id: 7\r\nContent-Type: application/json\r\n"
