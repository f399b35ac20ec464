"""A call as a log may show it."""

from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy.api.endpoints import ENDPOINTS
from proxy.api.model import Endpoint
from proxy.api.starred import METHODS, SEGMENTS_MAX, shown_method, starred, starred_row


@pytest.mark.parametrize("endpoint", ENDPOINTS, ids=lambda endpoint: endpoint.name)
def test_a_row_shows_all_but_its_parameters(endpoint: Endpoint) -> None:
    """As any request to it does."""
    shown = starred_row(endpoint)
    assert "{" not in shown
    target = endpoint.path
    for name in endpoint.path_ids:
        target = target.replace(f"{{{name}}}", "Ada.Lovelace%40example.com")
    if "{" not in target and shown.count("/") <= SEGMENTS_MAX:
        assert starred(f"{target}?email=Ada".encode()) == shown


@pytest.mark.parametrize(
    ("target", "shown"),
    [
        (b"/v1/live_things/begin", "/v1/live_things/*"),
        (b"/v1/live_things/5/contents", "/v1/live_things/*/contents"),
        (b"/api/v2/things/ada", "/api/v2/things/*"),
        (b"/api/v1/customers/ada/lovelace", "/api/v1/customers/*/*"),  # a slash that nobody encoded
        (b"/api/v1/customers/v1/ada", "/api/v1/customers/v1/*"),
        (b"/v1/Ada", "/v1/*"),
        (b"/v1/ada@example.com", "/v1/*"),
        (b"/v1/5", "/v1/*"),
        (b"/v1/ada%40example.com", "/v1/*"),
        (b"/ada", "/*"),
        (b"/v1/v1/ada", "/v1/v1/*"),
        (b"//v1//ada", "//v1//*"),
        (b"/", "/"),
        (b"/v1/x\nevent", "/v1/*"),
        (b"/v1/\xff\x00", "/v1/*"),
        (b"/v1/things#ada", "/v1/things"),
        (b"http://ada/v1/things", "*"),
        (b"ada:443", "*"),
        (b"*", "*"),
        (b"", "*"),
        (b"/v1" + b"/ada" * 1000, "/v1/ada" + "/*" * (SEGMENTS_MAX - 2)),
    ],
)
def test_only_words_of_the_api_are_shown(target: bytes, shown: str) -> None:
    """And one word behind the version, which names what is missing."""
    assert starred(target) == shown


@given(
    st.sampled_from([endpoint for endpoint in ENDPOINTS if endpoint.path_ids]),
    st.text(min_size=1, max_size=30),
    st.booleans(),
    st.lists(st.sampled_from(["more", "x", "customers", "v1"]), max_size=3),
)
def test_an_identifier_is_never_shown(endpoint: Endpoint, person: str, encoded: bool, rest: list[str]) -> None:  # noqa: FBT001
    """Whatever it is, encoded or not, in a call that the table knows or with more behind it."""
    text = quote(f"Kanarienvogel{person}", safe="") if encoded else f"Kanarienvogel{person}"
    target = endpoint.path
    for name in endpoint.path_ids:
        target = target.replace(f"{{{name}}}", text)
    shown = starred("/".join([target, *rest]).encode())
    assert "Kanarienvogel" not in shown
    assert shown.isprintable()
    assert len(shown) < 400


def test_a_method_of_somebody_s_own_is_a_star() -> None:
    """A method may be any token, so also a name."""
    assert [shown_method(method) for method in METHODS] == list(METHODS)
    assert {shown_method(method) for method in ("ada", "get", "", "KANARIENVOGEL")} == {"*"}
