"""Addresses: email, IPv4, IPv6."""

from collections.abc import Iterator

from proxy.policy.detectors.model import Detector, Part

# What stands behind an at sign in a file name, as in `logo@2x.png`. None of them is a top-level domain.
_FILE_SUFFIXES = frozenset({"avif", "css", "gif", "html", "ico", "jpeg", "jpg", "js", "json", "mjs", "png", "svg", "webp"})

# Letters of any script (RFC 6531). Of the other characters that RFC 5322 allows, those that mostly stand around an address
# are left out: `mailto:`, `?email=`, `{`, `|`, `/` end one.
# Combining marks are not there (`fold`).
_LOCAL = r"[\pL\pN_](?:[\pL\pN._%+~!#$*^'-]*[\pL\pN_+~!#$*^-])?"
_DOMAIN = r"(?:[\pL\pN](?:[\pL\pN-]*[\pL\pN])?\.)+(?:xn--[A-Za-z0-9-]*[A-Za-z0-9]|\pL{2,})"


def email(candidate: str) -> Iterator[Part]:
    """Yield a candidate that is no name of a file."""
    if candidate.rpartition(".")[2].lower() not in _FILE_SUFFIXES:
        yield 0, len(candidate)


_OCTET = "(?:25[0-5]|2[0-4][0-9]|1[0-9]{2}|[1-9]?[0-9])"
_IPV4 = rf"{_OCTET}(?:\.{_OCTET}){{3}}"
# A single colon before it is no part of it, as in `node:2001:db8::1`.
GROUPS = 8
_GROUP = "[0-9A-Fa-f]{0,4}:"
_IPV6 = rf"(?:[0-9A-Fa-f]{{1,4}}:(?:{_GROUP}){{1,6}}|::(?:{_GROUP}){{0,5}})(?:{_IPV4}|[0-9A-Fa-f]{{0,4}})"


def ipv4(candidate: str) -> Iterator[Part]:
    """Yield an address that could be somebody's: no network, and not `Chrome/120.0.0.0`, as browsers state their version."""
    if not candidate.endswith(".0.0.0"):
        yield 0, len(candidate)


def ipv6(candidate: str) -> Iterator[Part]:
    """Yield an address that could be somebody's: not `::` and `::1`, and no name from C++ or Ruby such as `Abc::Dead`."""
    text = candidate if candidate.endswith("::") else candidate.removesuffix(":")
    if len(text) > len("::1") and any(map(str.isdigit, text)) and _is_ipv6(text):
        yield 0, len(text)


def _is_ipv6(text: str) -> bool:
    """Say whether groups that the pattern lets through make an address (RFC 4291, 2.2); the standard library takes 10 µs."""
    before, gap, behind = text.partition("::")
    groups = [*(before.split(":") if before else ()), *(behind.split(":") if behind else ())]
    # An IPv4 address at the end stands for two groups.
    count = len(groups) + ("." in text)
    return all(groups) and (count < GROUPS if gap else count == GROUPS)


EMAIL = Detector(f"{_LOCAL}@{_DOMAIN}", email, mark="@", least=6, looks=3)
IPV4 = Detector(_IPV4, ipv4, joints=b".", mark=".", least=7, looks=2)
IPV6 = Detector(_IPV6, ipv6, mark=":", least=4, looks=2)
