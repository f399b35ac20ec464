"""Every way of saying no: one status and one text each, in a shape that every SDK reads."""

import orjson
import pytest

from proxy.errors import ANSWERS, RETRYABLE, Answer, ConfigError, Reason, RefusedError, error_body

# Design 4.3, without what comes with the breaker and the spool.
STATUSES = {
    400: {"malformed_request", "invalid_json", "too_deep", "too_complex", "policy_denied", "vendor_limit"},
    401: {"unknown_caller"},
    403: {"endpoint_not_allowed", "browser_request"},
    405: {"method_not_allowed"},
    408: {"request_timeout"},
    413: {"body_too_large"},
    415: {"unsupported_media"},
    421: {"unknown_host"},
    429: {"rate_limited"},
    431: {"headers_too_large"},
    500: {"internal"},
    502: {"upstream_unreachable", "upstream_redirect", "upstream_invalid"},
    503: {"credentials_unavailable", "credentials_rejected", "overloaded", "shutting_down"},
    504: {"upstream_timeout"},
}


def test_every_reason_has_the_status_it_is_known_by() -> None:
    """SDKs and dashboards go by these; none is missing and none is new."""
    found: dict[int, set[str]] = {}
    for reason, answer in ANSWERS.items():
        found.setdefault(answer.status, set()).add(reason.value)
    assert found == STATUSES
    assert set(ANSWERS) == set(Reason)


@pytest.mark.parametrize("reason", list(Reason))
def test_a_text_is_one_plain_sentence_or_two(reason: Reason) -> None:
    """It lands in application logs: one line, ASCII, nothing to fill in."""
    text = ANSWERS[reason].message
    assert text.isascii()
    assert text.isprintable()
    assert text.endswith(".")
    assert not {"{", "%", "<"} & set(text)


def test_only_what_passes_by_itself_is_to_be_tried_again() -> None:
    """429 and 503 carry Retry-After, but for one that a repeat would meet again; no text asks for a repeat that cannot help."""
    assert {reason for reason, answer in ANSWERS.items() if answer.status in {429, 503}} == {
        *RETRYABLE, Reason.CREDENTIALS_REJECTED,
    }  # fmt: skip
    for reason, answer in ANSWERS.items():
        assert ("try again" in answer.message) == (reason in RETRYABLE), reason


@pytest.mark.parametrize("reason", list(Reason))
def test_a_body_has_what_each_sdk_reads(reason: Reason) -> None:
    """Node, Ruby and Go read `meta`, clients of the App API `errors[].detail`, the Pipelines one `code` and `message`."""
    answer = ANSWERS[reason]
    assert orjson.loads(error_body(reason.value, answer)) == {
        "meta": {"error": answer.message, "errors": [answer.message]},
        "errors": [{"reason": reason.value, "message": answer.message, "detail": answer.message, "status": str(answer.status)}],
        "code": reason.value,
        "message": answer.message,
    }


def test_a_body_takes_a_reason_as_it_is() -> None:
    """An enumeration's member and its text give the same bytes."""
    answer = Answer(500, "No.")
    assert error_body(Reason.INTERNAL, answer) == error_body("internal", answer)


def test_a_refusal_says_its_public_code_only() -> None:
    """Wherever it is printed, there is nothing else to see."""
    assert str(RefusedError(Reason.POLICY_DENIED)) == "policy_denied"


@pytest.mark.parametrize(
    ("error", "text"),
    [
        (ConfigError("must be positive"), "must be positive"),
        (ConfigError("must be positive", path="a.b"), "a.b: must be positive"),
        (ConfigError("must be positive", path="a.b", file="c.yaml"), "c.yaml: a.b: must be positive"),
        (ConfigError("cannot be read", file="c.yaml"), "c.yaml: cannot be read"),
    ],
)
def test_a_configuration_error_is_one_line(error: ConfigError, text: str) -> None:
    """File, key path, what is wrong: as far as they are known."""
    assert str(error) == text
