"""Where an HTTP server is."""

import pytest
from pydantic import TypeAdapter

from proxy.config.origin import Origin, OriginUrl


@pytest.mark.parametrize(
    ("url", "origin", "authority"),
    [
        ("https://track.customer.io", Origin("track.customer.io", 443, tls=True), "track.customer.io"),
        ("https://track.customer.io/", Origin("track.customer.io", 443, tls=True), "track.customer.io"),
        ("https://track.customer.io:443", Origin("track.customer.io", 443, tls=True), "track.customer.io"),
        ("https://Track.Customer.IO:8443", Origin("track.customer.io", 8443, tls=True), "track.customer.io:8443"),
        ("http://localhost:3000", Origin("localhost", 3000, tls=False), "localhost:3000"),
        ("http://127.0.0.1", Origin("127.0.0.1", 80, tls=False), "127.0.0.1"),
        ("http://[::1]:8080", Origin("::1", 8080, tls=False), "[::1]:8080"),
    ],
)
def test_a_url_names_an_origin(url: str, origin: Origin, authority: str) -> None:
    """The scheme's own port is not written into the Host header, another one is (RFC 9112 section 3.2)."""
    parsed = Origin.parse(url)
    assert parsed == origin
    assert parsed.authority == authority
    assert Origin.parse(str(parsed)) == parsed


@pytest.mark.parametrize(
    "url",
    [
        "", "track.customer.io", "//track.customer.io", "ftp://a", "https://", "https://:443", "https://a:", "https://a:0",
        "https://a:65536", "https://a:x", "https://a b", "https://a\n", "https://[::1", "https://-a", "https://é", 5, None,
        "http://track.customer.io", "http://0.0.0.0", "http://10.0.0.1", "http://localhost.example",
        "https://user@a", "https://user:secret@a", "https://a/api/v1", "https://a?x", "https://a/?", "https://a#x", "https://a/#",
    ],
)  # fmt: skip
def test_what_is_more_or_less_than_an_origin_is_refused(url: object) -> None:
    """Paths, queries, users, plain http beyond loopback, and ports that are none; each is told by its rule."""
    with pytest.raises(ValueError, match=r"^must (be|end|not hold)"):
        Origin.parse(url)


def test_a_refusal_does_not_show_the_url() -> None:
    """A URL may hold a password."""
    with pytest.raises(ValueError, match="must not hold a user name or password") as refused:
        Origin.parse("https://user:secret@track.example")
    assert "secret" not in str(refused.value)


def test_an_origin_is_a_text_in_a_file() -> None:
    """It is validated from text and written as text; its schema says so."""
    adapter = TypeAdapter(OriginUrl)
    origin = adapter.validate_python("https://a:1")
    assert adapter.dump_python(origin) == "https://a:1"
    assert adapter.json_schema()["type"] == "string"
