"""The detectors of email, IPv4 and IPv6 addresses."""

from collections.abc import Iterator

from proxy.policy.detectors.model import Detector, Part

# The suffixes of file names with an at sign, such as `logo@2x.png`. None of them is a top-level domain.
_FILE_SUFFIXES = frozenset({"avif", "css", "gif", "html", "ico", "jpeg", "jpg", "js", "json", "mjs", "png", "svg", "webp"})

# Letters of any script (RFC 6531). Some characters that RFC 5322 allows are left out, because they usually surround an address:
# `mailto:`, `?email=`, `{`, `|`, `/`. Combining marks were removed before (`fold`).
_LOCAL = r"[\pL\pN_](?:[\pL\pN._%+~!#$*^'-]*[\pL\pN_+~!#$*^-])?"
_DOMAIN = r"(?:[\pL\pN](?:[\pL\pN-]*[\pL\pN])?\.)+(?:xn--[A-Za-z0-9-]*[A-Za-z0-9]|\pL{2,})"


def email(candidate: str) -> Iterator[Part]:
    """Yield the candidate, unless it is the name of a file."""
    if candidate.rpartition(".")[2].lower() not in _FILE_SUFFIXES:
        yield 0, len(candidate)


_OCTET = "(?:25[0-5]|2[0-4][0-9]|1[0-9]{2}|[1-9]?[0-9])"
_IPV4 = rf"{_OCTET}(?:\.{_OCTET}){{3}}"
# A single colon before an address is no part of it: `node:2001:db8::1`.
GROUPS = 8
_GROUP = "[0-9A-Fa-f]{0,4}:"
_IPV6 = rf"(?:[0-9A-Fa-f]{{1,4}}:(?:{_GROUP}){{1,6}}|::(?:{_GROUP}){{0,5}})(?:{_IPV4}|[0-9A-Fa-f]{{0,4}})"


def ipv4(candidate: str) -> Iterator[Part]:
    """Yield an address of one host. `10.0.0.0` is a network, and `Chrome/120.0.0.0` is the version of a browser."""
    if not candidate.endswith(".0.0.0"):
        yield 0, len(candidate)


def ipv6(candidate: str) -> Iterator[Part]:
    """Yield an address of one host: not `::` or `::1`, and not a name from C++ or Ruby such as `Abc::Dead`."""
    text = candidate if candidate.endswith("::") else candidate.removesuffix(":")
    if len(text) > len("::1") and any(map(str.isdigit, text)) and _is_ipv6(text):
        yield 0, len(text)


def _is_ipv6(text: str) -> bool:
    """Return whether a match of the pattern is an address (RFC 4291 section 2.2). The standard library takes 10 µs for it."""
    before, gap, behind = text.partition("::")
    groups = [*(before.split(":") if before else ()), *(behind.split(":") if behind else ())]
    # An IPv4 address at the end counts as two groups.
    count = len(groups) + ("." in text)
    return all(groups) and (count < GROUPS if gap else count == GROUPS)


EMAIL = Detector(f"{_LOCAL}@{_DOMAIN}", email, mark="@", least=6, looks=3)
IPV4 = Detector(_IPV4, ipv4, joints=b".", mark=".", least=7, looks=2)
IPV6 = Detector(_IPV6, ipv6, mark=":", least=4, looks=2)
