"""Email and IP addresses."""

import pytest

from tests.detections import found

pytestmark = pytest.mark.needs("detectors")


@pytest.mark.parametrize(
    "address",
    [
        "ada@example.com",
        "ada.lovelace+news@mail.example.co.uk",
        "o'brien@example.ie",
        "x@y.io",
        "user_1%relay@sub.example.travel",
        "jörg@müller.de",
        "用户@例子.中国",
        "ada@xn--mller-kva.xn--p1ai",
        "ADA@EXAMPLE.COM",
    ],
)
def test_an_email_address_is_found(address: str) -> None:
    """Tags, subdomains, apostrophes, and letters of any script (RFC 6531); what stands around it stays."""
    for text in (address, f"Write to <{address}>.", f"mailto:{address}?subject=x", f"?email={address}&x=1", f'"{address}"'):
        assert found("email", text) == [address]


def test_a_disguised_email_address_is_found() -> None:
    """Full-width signs and unseen characters hide nothing."""
    assert found("email", "ａｄａ＠ｅｘａｍｐｌｅ．ｃｏｍ") == ["ａｄａ＠ｅｘａｍｐｌｅ．ｃｏｍ"]
    assert found("email", "ad\N{ZERO WIDTH SPACE}a@exam\N{SOFT HYPHEN}ple.com!") == [
        "ad\N{ZERO WIDTH SPACE}a@exam\N{SOFT HYPHEN}ple.com"
    ]


@pytest.mark.parametrize(
    "text", ["@ada", "ada@localhost", "logo@2x.png", "a@b", "pkg@1.2.3", "ada@.com", "ada@example.c", "a @ b.com"]
)
def test_what_is_no_email_address(text: str) -> None:
    """Handles, names of hosts and files, versions of packages."""
    assert found("email", text) == []


@pytest.mark.parametrize("address", ["192.0.2.10", "8.8.8.8", "255.255.255.255", "10.0.0.1"])
def test_an_ipv4_address_is_found(address: str) -> None:
    """With a port, a prefix length or brackets around it."""
    for text in (address, f"http://{address}:8080/x", f"{address}/24", f"[{address}]", f"from {address}."):
        assert found("ipv4", text) == [address]


@pytest.mark.parametrize(
    "text",
    [
        "1.2.3",
        "1.2.3.4.5",
        "256.1.1.1",
        "1.2.3.456",
        "v1.2.3.4",
        "01.2.3.4",
        "1..2.3.4",
        "Chrome/120.0.0.0 Safari/537.36",
        "0.0.0.0",
    ],
)
def test_what_is_no_ipv4_address(text: str) -> None:
    """Versions and those of browsers, longer dotted numbers, octets out of range or with a leading zero."""
    assert found("ipv4", text) == []


@pytest.mark.parametrize(
    "address",
    [
        "2001:db8::8a2e:370:7334",
        "2001:0db8:0000:0000:0000:8a2e:0370:7334",
        "fe80::1",
        "::ffff:192.0.2.128",
        "2001:db8::",
        "2001:DB8:A::1",
    ],
)
def test_an_ipv6_address_is_found(address: str) -> None:
    """Short and long forms (RFC 4291 section 2.2), in brackets or with a zone."""
    for text in (address, f"http://[{address}]:443/", f"from {address}%eth0", f"{address}, then", f"node: {address}"):
        assert found("ipv6", text) == [address]


@pytest.mark.parametrize("before", ["ip:", "node:", "お客様番号："])
def test_a_colon_before_an_ipv6_address_is_no_part_of_it(before: str) -> None:
    """Whatever word and whatever colon; only letters that could be a part of the address are taken for one."""
    assert found("ipv6", f"{before}2001:db8::1") == ["2001:db8::1"]
    assert found("ipv6", "cafe:2001:db8::1") == ["cafe:2001:db8::1"]


@pytest.mark.parametrize("text", ["12:30:45", "aa:bb:cc:dd:ee:ff", "std::vector", "Abc::Dead", "::", "::1", "1:2:3:4:5:6:7"])
def test_what_is_no_ipv6_address(text: str) -> None:
    """Times, hardware addresses, names of programs, nobody's own addresses."""
    assert found("ipv6", text) == []
