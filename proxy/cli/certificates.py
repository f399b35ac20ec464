"""A certificate for localhost and the CA that signs it, whose key is never written: it can sign nothing else, ever.

Both satisfy OpenSSL's strict checks, which Python 3.13 turns on (ssl.VERIFY_X509_STRICT): RFC 5280 sections 4.2.1.1 (authority
key identifier), 4.2.1.2 (subject key identifier), 4.2.1.3 (key usage), 4.2.1.9 (basic constraints) and 4.2.1.10 (name
constraints). An application that trusts this CA trusts it for localhost and loopback addresses alone.
"""

import datetime as dt
import ipaddress
from dataclasses import dataclass

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

# Apple's platforms refuse a TLS server certificate that is good for longer than 825 days (support.apple.com/103769).
VALID_DAYS = 730
# Clocks differ: a certificate made this second would not be valid yet where one runs behind.
BACKDATED = dt.timedelta(hours=1)

_NAME = x509.DNSName("localhost")
_ADDRESSES = (x509.IPAddress(ipaddress.ip_address("127.0.0.1")), x509.IPAddress(ipaddress.ip_address("::1")))
_PERMITTED = (
    _NAME,
    x509.IPAddress(ipaddress.ip_network("127.0.0.0/8")),
    x509.IPAddress(ipaddress.ip_network("::1/128")),
)


@dataclass(frozen=True, slots=True)
class Issued:
    """PEM: the CA's certificate, the server's certificate followed by the CA's, and the server's key (PKCS 8)."""

    ca: bytes
    server: bytes
    key: bytes
    until: dt.datetime


def issue(now: dt.datetime) -> Issued:
    """Make a CA and a certificate for localhost, both good from `now` (with a zone) for `VALID_DAYS`."""
    ca_key, key = ec.generate_private_key(ec.SECP256R1()), ec.generate_private_key(ec.SECP256R1())
    ca_id = x509.SubjectKeyIdentifier.from_public_key(ca_key.public_key())
    # A CA made anew has a name of its own: whoever trusts an old one gets "unknown issuer", not a signature that fails.
    ca_name = _named(f"cio-sidecar local CA {ca_id.digest.hex()[:8]}")
    until = now + dt.timedelta(days=VALID_DAYS)
    builder = x509.CertificateBuilder(issuer_name=ca_name, not_valid_before=now - BACKDATED, not_valid_after=until)
    ca = (
        builder.subject_name(ca_name)
        .public_key(ca_key.public_key())
        .serial_number(x509.random_serial_number())
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(_usage(signs_certificates=True), critical=True)
        .add_extension(ca_id, critical=False)
        .add_extension(x509.NameConstraints(permitted_subtrees=_PERMITTED, excluded_subtrees=None), critical=True)
        .sign(ca_key, hashes.SHA256())
    )
    server = (
        builder.subject_name(_named("localhost"))
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(_usage(signs_certificates=False), critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .add_extension(x509.SubjectAlternativeName([_NAME, *_ADDRESSES]), critical=False)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_subject_key_identifier(ca_id), critical=False)
        .sign(ca_key, hashes.SHA256())
    )
    ca_pem = ca.public_bytes(Encoding.PEM)
    return Issued(
        ca=ca_pem,
        server=server.public_bytes(Encoding.PEM) + ca_pem,
        key=key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()),
        until=until,
    )


def _named(common_name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common_name)])


def _usage(*, signs_certificates: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not signs_certificates,
        key_cert_sign=signs_certificates,
        crl_sign=signs_certificates,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        encipher_only=False,
        decipher_only=False,
    )
