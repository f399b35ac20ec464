"""What a web page must not do with the real key."""

import ipaddress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy.api.web import PRIVATE, Hosts, from_page

HOSTS = Hosts(["sidecar.example.com", "Other.Example.ORG.", "10.0.0.1", "track.customer.io", "cdp-eu.customer.io"])


@pytest.mark.parametrize(
    ("headers", "page"),
    [
        ({}, False),
        ({b"sec-fetch-mode": b"cors", b"user-agent": b"node"}, False),
        ({b"sec-fetch-site": b"none"}, False),
        ({b"origin": b"https://evil.example"}, True),
        ({b"origin": b"null"}, True),
        ({b"origin": b""}, True),
        ({b"origin": b"http://127.0.0.1:8080"}, True),
        ({b"sec-fetch-site": b"cross-site"}, True),
        ({b"sec-fetch-site": b"same-site"}, True),
        ({b"sec-fetch-site": b"same-origin"}, True),
        ({b"sec-fetch-site": b"None"}, True),
        ({b"sec-fetch-site": b""}, True),
        ({b"sec-fetch-site": b"none, cross-site"}, True),
        ({b"sec-fetch-site": b"none", b"origin": b"null"}, True),
    ],
)
def test_a_browser_says_that_it_calls_for_a_page(headers: dict[bytes, bytes], *, page: bool) -> None:
    """`Origin` whatever it names, and `Sec-Fetch-Site` unless a person typed the address; Node's `fetch` sends neither."""
    assert from_page(headers) is page


@pytest.mark.parametrize(
    "host",
    [
        None, b"", b"localhost", b"LOCALHOST:8080", b"localhost.", b"sidecar", b"cio_sidecar:8080", b"2130706433",
        b"0x7f000001", b"127.0.0.1", b"127.0.0.1:8080", b"127.0.0.1:", b"192.0.2.7:1", b"[::1]", b"[::1]:8080",
        b"[2001:DB8::1]", b"[::ffff:127.0.0.1]:1", b"app.localhost", b"a.b.local:80", b"host.docker.internal",
        b"cio.shop.svc", b"cio.shop.svc.",
        b"cio.shop.svc.cluster.local:8080", b"track.customer.io", b"CDP-EU.customer.io:443", b"sidecar.example.com",
        b"SIDECAR.example.com.:8080", b"other.example.org", b"10.0.0.1",
    ],
)  # fmt: skip
def test_a_name_that_no_page_can_have_is_taken(host: bytes | None) -> None:
    """Addresses, names without a dot, private ones, Customer.io's, and what the configuration lists."""
    assert HOSTS.takes(host)


@pytest.mark.parametrize(
    "host",
    [
        b"evil.example", b"evil.example:8080", b"evil.example.", b"localhost.evil.example", b"127.0.0.1.evil.example",
        b"127.0.0.1.nip.io", b"customer.io", b"evil.customer.io", b"track.customer.io.evil.example", b"xtrack.customer.io",
        b"sidecar.example.com.evil.example", b"x.sidecar.example.com", b"example.com", b"svc.evil.example", b"evilsvc.example",
        b"evil.example#.local", b"evil.example/.local", b"evil.example?.local", b"user@localhost", b"localhost@evil.example",
        b"evil%2eexample", b"%6cocalhost", b"evil.example%00.local", b"127.1", b"0x7f.1", b"0x7f.0.0.1", b"0177.0.0.1",
        b"127.0.0.01", b"127.0.0.1.", b"127.0.0.256", b"1.2.3.4.5", b"::1", b"[127.0.0.1]", b"[::1", b"[fe80::1%25eth0]",
        b"[v1.a]", b".", b"..", b".local", b"a..local", b"evil.example:80:80", b"localhost:x", b"localhost, evil.example",
        b"a b", "evil\u3002example".encode(), "ⓛocalhost".encode(), b"evil.example\\.local", b"evil.xn--local",
        b"evil.Local.com", b":8080",
    ],
)  # fmt: skip
def test_any_other_is_not(host: bytes) -> None:
    """What public DNS could make mean this machine, and what two readers could take in two ways."""
    assert not HOSTS.takes(host)


@given(st.ip_addresses(), st.sampled_from([b"", b":", b":8080"]))
def test_every_address_is_taken_as_it_is_written(address: ipaddress.IPv4Address | ipaddress.IPv6Address, port: bytes) -> None:
    """Nobody else can name an address."""
    text = str(address).encode()
    assert HOSTS.takes((text if address.version == 4 else b"[%b]" % text) + port)


@given(st.from_regex(r"[a-zA-Z0-9_.%@:\[\]-]{0,30}\.(com|example|io|dev)\.?", fullmatch=True))
def test_no_public_name_is_taken(host: str) -> None:
    """Whatever stands before a public suffix."""
    known = host.lower().removesuffix(".") == "sidecar.example.com"
    assert HOSTS.takes(host.encode()) is known


def test_the_private_names_are_those_of_the_design() -> None:
    """Another one is a decision."""
    assert PRIVATE == (".localhost", ".local", ".internal", ".svc", ".cluster.local")
