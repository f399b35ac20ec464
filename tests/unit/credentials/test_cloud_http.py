"""HTTP with a cloud, for its client library to speak through."""

import logging

import pytest

from proxy.clock import SystemClock
from proxy.credentials.cloud_http import ANSWER_MAX_BYTES, Http, UnansweredError, silence
from tests.vault import Reply, standing

HEADERS = {"X-Token": "CANARY", "Accept-Encoding": "gzip"}


def http(seconds: float = 5) -> Http:
    """Return what speaks to a cloud called X."""
    return Http("X", "x", seconds, SystemClock())


def test_an_answer_is_whole_and_was_asked_for_uncoded() -> None:
    """Whatever its status; decoding could make it grow without bound."""
    with standing(lambda _: Reply(403, b"no", {"X-Why": "1"})) as stand:
        answer = http().send("POST", f"{stand.url}/a?b=c", HEADERS, b"body")
        assert (answer.status, answer.headers["X-Why"], answer.read()) == (403, "1", b"no")
    (asked,) = stand.asked
    assert (asked.method, asked.path, asked.body) == ("POST", "/a?b=c", b"body")
    assert asked.headers["accept-encoding"] == "identity"


@pytest.mark.parametrize(
    ("reply", "said"),
    [
        (
            Reply(307, b"", {"Location": "http://127.0.0.1:1/CANARY"}),
            "X answers with a redirect, which the sidecar does not follow: check stores.x.endpoint",
        ),
        (Reply(408, b"CANARY"), "X does not answer in time"),
        (Reply(429, b"CANARY"), "X's quota of requests is used up"),
        (Reply(502, b"CANARY"), "X failed"),
        (Reply(200, b"x" * (ANSWER_MAX_BYTES + 1)), "the answer of X is longer than"),
    ],
)
def test_what_is_no_answer_is_told(reply: Reply, said: str) -> None:
    """In a fixed text; nothing is sent twice."""
    with standing(lambda _: reply) as stand, pytest.raises(UnansweredError) as refused:
        http().send("GET", stand.url, HEADERS, None)
    assert str(refused.value).startswith(said)
    assert "CANARY" not in str(refused.value)
    assert len(stand.paths) == 1


def test_an_answer_that_drips_is_given_up() -> None:
    """Each piece comes in time, and all of them do not."""
    import time

    def drip() -> bytes:
        time.sleep(0.1)
        return b"x"

    with (
        standing(lambda _: Reply(200, (drip() for _ in range(50)))) as stand,
        pytest.raises(UnansweredError, match="does not answer in time"),
    ):
        http(0.3).send("GET", stand.url, {}, None)


@pytest.mark.parametrize("url", ["http://127.0.0.1:1/", "https://127.0.0.1:1/", "http://[CANARY/"])
def test_what_cannot_be_reached_is_told(url: str) -> None:
    """A URL that is none, too: credentials can name where they are renewed."""
    with pytest.raises(UnansweredError, match="X cannot be reached"):
        http().send("GET", url, {}, None)


def test_a_library_can_be_silenced(caplog: pytest.LogCaptureFixture) -> None:
    """With all of it that is loaded."""
    inner = logging.getLogger("a-library.inner")
    silence("a-library")
    with caplog.at_level(logging.DEBUG):
        inner.error("CANARY")
        logging.getLogger("a-library").error("CANARY")
    assert caplog.records == []
