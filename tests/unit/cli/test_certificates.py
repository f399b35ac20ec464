"""A certificate for localhost and its CA."""

import datetime as dt
import ipaddress

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from cryptography.x509.oid import ExtendedKeyUsageOID
from cryptography.x509.verification import PolicyBuilder, Store, VerificationError

from proxy.cli.certificates import BACKDATED, VALID_DAYS, Issued, issue

NOW = dt.datetime(2026, 3, 1, 12, tzinfo=dt.UTC)


@pytest.fixture(scope="module")
def issued() -> Issued:
    """Return what was issued."""
    return issue(NOW)


def ca_of(issued: Issued) -> x509.Certificate:
    """Return the CA's certificate."""
    return x509.load_pem_x509_certificate(issued.ca)


def server_of(issued: Issued) -> x509.Certificate:
    """Return the server's certificate."""
    return x509.load_pem_x509_certificates(issued.server)[0]


def test_the_chain_is_in_order(issued: Issued) -> None:
    """The server's own certificate first, then the one that signed it (RFC 8446 section 4.4.2)."""
    server, ca = x509.load_pem_x509_certificates(issued.server)
    assert ca == ca_of(issued)
    server.verify_directly_issued_by(ca)
    ca.verify_directly_issued_by(ca)


def test_the_key_is_the_server_s_and_the_ca_s_is_nowhere(issued: Issued) -> None:
    """Nobody can sign another certificate with this CA."""
    key = load_pem_private_key(issued.key, None)
    assert isinstance(key, ec.EllipticCurvePrivateKey)
    assert key.public_key() == server_of(issued).public_key()
    assert key.public_key() != ca_of(issued).public_key()
    assert (issued.ca + issued.server + issued.key).count(b"PRIVATE KEY-----\n") == 2  # its begin and its end


def test_the_ca_is_good_for_this_machine_alone(issued: Issued) -> None:
    """Names and addresses are constrained, critically; the path ends below it."""
    extensions = ca_of(issued).extensions
    constraints = extensions.get_extension_for_class(x509.NameConstraints)
    assert constraints.critical
    assert constraints.value.excluded_subtrees is None
    assert [name.value for name in constraints.value.permitted_subtrees or ()] == [
        "localhost",
        ipaddress.ip_network("127.0.0.0/8"),
        ipaddress.ip_network("::1/128"),
    ]
    basic = extensions.get_extension_for_class(x509.BasicConstraints)
    assert (basic.critical, basic.value.ca, basic.value.path_length) == (True, True, 0)
    usage = extensions.get_extension_for_class(x509.KeyUsage)
    assert (usage.critical, usage.value.key_cert_sign, usage.value.digital_signature) == (True, True, False)


def test_the_server_is_localhost(issued: Issued) -> None:
    """Its names, what it may be used for, and that it is no CA."""
    extensions = server_of(issued).extensions
    names = extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert names.get_values_for_type(x509.DNSName) == ["localhost"]
    assert [str(address) for address in names.get_values_for_type(x509.IPAddress)] == ["127.0.0.1", "::1"]
    assert list(extensions.get_extension_for_class(x509.ExtendedKeyUsage).value) == [ExtendedKeyUsageOID.SERVER_AUTH]
    basic = extensions.get_extension_for_class(x509.BasicConstraints)
    assert (basic.critical, basic.value.ca) == (True, False)
    usage = extensions.get_extension_for_class(x509.KeyUsage)
    assert (usage.critical, usage.value.digital_signature, usage.value.key_cert_sign) == (True, True, False)


def test_the_identifiers_fit_together(issued: Issued) -> None:
    """RFC 5280 sections 4.2.1.1 and 4.2.1.2, which VERIFY_X509_STRICT insists on."""
    ca_id = ca_of(issued).extensions.get_extension_for_class(x509.SubjectKeyIdentifier).value
    authority = server_of(issued).extensions.get_extension_for_class(x509.AuthorityKeyIdentifier).value
    assert authority.key_identifier == ca_id.digest
    assert server_of(issued).extensions.get_extension_for_class(x509.SubjectKeyIdentifier).value.digest != ca_id.digest


def test_both_are_good_for_the_same_time(issued: Issued) -> None:
    """Backdated for clocks that run behind, and shorter than what Apple's platforms refuse."""
    for certificate in (ca_of(issued), server_of(issued)):
        assert certificate.not_valid_before_utc == NOW - BACKDATED
        assert certificate.not_valid_after_utc == NOW + dt.timedelta(days=VALID_DAYS) == issued.until
    assert VALID_DAYS <= 825


@pytest.mark.parametrize(
    ("subject", "trusted"),
    [
        (x509.DNSName("localhost"), True),
        (x509.IPAddress(ipaddress.ip_address("127.0.0.1")), True),
        (x509.IPAddress(ipaddress.ip_address("::1")), True),
        (x509.DNSName("track.customer.io"), False),
        (x509.IPAddress(ipaddress.ip_address("127.0.0.2")), False),
    ],
)
def test_a_verifier_that_is_not_openssl_agrees(
    issued: Issued, subject: x509.DNSName | x509.IPAddress, *, trusted: bool
) -> None:
    """The X.509 verifier of Python's cryptography follows the rules of the web's authorities."""
    verifier = PolicyBuilder().store(Store([ca_of(issued)])).time(NOW).build_server_verifier(subject)
    if trusted:
        assert len(verifier.verify(server_of(issued), [])) == 2
    else:
        with pytest.raises(VerificationError):
            verifier.verify(server_of(issued), [])


def test_no_two_are_the_same() -> None:
    """Names, serial numbers and keys are new each time, so that an old CA is not mistaken for a new one."""
    first, second = issue(NOW), issue(NOW)
    assert ca_of(first).subject != ca_of(second).subject
    assert (
        len({certificate.serial_number for issued in (first, second) for certificate in (ca_of(issued), server_of(issued))})
        == 4
    )
    assert first.key != second.key
