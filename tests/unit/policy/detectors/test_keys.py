"""Keys and tokens. None of these opens anything; they are put together here so that no scanner takes them for real ones."""

import pytest

from proxy.policy.detectors.keys import KEYS
from tests.detections import found

pytestmark = pytest.mark.needs("detectors")

A = "aB3" * 30
HEX = "0123456789abcdef" * 4
PEM = "-----BEGIN {0}-----\nProc-Type: 4,ENCRYPTED\nDEK-Info: AES-128-CBC,00FF\n\nMIIEow\n+/0=\n-----END {0}-----"

# For each: what is found, then what is not, though it looks like it.
EXAMPLES: dict[str, tuple[list[str], list[str]]] = {
    "jwt": (
        ["eyJ" + "hbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0." + A[:43], "eyJ" + "hbGciOiJub25lIn0.eyJzdWIiOiIxIn0.",
         "eyJ" + "hbGciOiJkaXIifQ..abc.def.ghi", "eyJ" + "hbGciOiJBMTI4S1cifQ.key.abc.def.ghi"],
        ["eyJ" + "hbGciOiJIUzI1NiJ9", "xeyJ" + "hbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.x"],
    ),
    "pem": (
        [PEM.format("RSA PRIVATE KEY"), PEM.format("PRIVATE KEY").replace("\n", "\\n"), PEM.format("PGP PRIVATE KEY BLOCK"),
         "-----BEGIN OPENSSH PRIVATE KEY-----\nb3BlbnNz"],
        [PEM.format("CERTIFICATE"), PEM.format("PUBLIC KEY")],
    ),
    "aws_key": (
        ["AKIA" + "IOSFODNN7EXAMPLE", "ASIA" + "IOSFODNN7EXAMPLE"],
        ["AKIA" + "IOSFODNN7EXAMPL", "AKIA" + "IOSFODNN7EXAMPLEX", "xAKIA" + "IOSFODNN7EXAMPLE"],
    ),
    "azure_key": (["abc" + "8Q~" + A[:34]], ["abcdQ~" + A[:34]]),
    "gcp_key": (
        ["AI" + "za" + A[:35], "GOC" + "SPX-" + A[:28], "ya" + "29." + A[:40]],
        ["AI" + "za" + A[:34], "AI" + "za" + A[:36]],
    ),
    "customerio_key": (["sa_" + "live_" + A[:32]], ["sa_" + "live_" + A[:10]]),
    "slack_token": (
        ["xo" + "xb-1234567890-" + A[:24], "xa" + "pp-1-A1-" + A[:24], "https://hooks.slack" + ".com/services/T0/B0/" + A[:24]],
        ["xo" + "xb-1"],
    ),
    "stripe_key": (["sk" + "_live_" + A[:24], "rk" + "_test_" + A[:24], "wh" + "sec_" + A[:32]], ["pk" + "_live_" + A[:24]]),
    "github_token": (["gh" + "p_" + A[:36], "github" + "_pat_" + A[:22] + "_" + A[:59]], ["gh" + "p_" + A[:35]]),
    "gitlab_token": (["gl" + "pat-" + A[:20]], ["gl" + "pat-" + A[:19]]),
    "npm_token": (["np" + "m_" + A[:36]], ["np" + "m_" + A[:35], "np" + "m_" + A[:37]]),
    "pypi_token": (["py" + "pi-AgE" + A[:60]], ["py" + "pi-AgE" + A[:40]]),
    "openai_key": (["sk" + "-proj-" + A[:20] + "T3Blbk" + "FJ" + A[:20]], ["sk" + "-" + A[:48]]),
    "anthropic_key": (["sk" + "-ant-api03-" + A[:60]], ["sk" + "-ant-" + A[:10]]),
    "sendgrid_key": (["SG" + "." + A[:22] + "." + A[:43]], ["SG" + "." + A[:22]]),
    "twilio_key": (["SK" + HEX[:32]], ["SK" + HEX[:31], "SK" + HEX[:33]]),
    "shopify_token": (["shp" + "at_" + HEX[:32]], ["shp" + "at_" + HEX[:31]]),
}  # fmt: skip

# Keys without a shape are found where they are named, and the name stays.
NAMED = {
    "aws_key": ('aws_secret_access_key = "{}"', (A + "/+")[-40:]),
    "azure_key": ("DefaultEndpointsProtocol=https;AccountKey={};EndpointSuffix=x", A[:86] + "=="),
    "customerio_key": ('"customerio_api_key": "{}"', HEX[:32]),
}


def test_each_has_examples() -> None:
    """No shape stands here that nothing shows to work."""
    assert set(EXAMPLES) == set(KEYS)


@pytest.mark.parametrize("name", EXAMPLES)
def test_a_key_is_found_and_what_looks_like_one_is_not(name: str) -> None:
    """The whole key, alone and in a text; not one that is too short or a part of something longer."""
    keys, others = EXAMPLES[name]
    for key in keys:
        assert found(name, key) == [key]
        assert found(name, f"it is ({key})") == [key]
    for other in others:
        assert found(name, other) == []


@pytest.mark.parametrize("name", NAMED)
def test_a_key_without_a_shape_is_found_where_it_is_named(name: str) -> None:
    """The value is found, not the name; without the name it could be anything."""
    text, value = NAMED[name]
    assert found(name, text.format(value)) == [value]
    assert found(name, value) == []
