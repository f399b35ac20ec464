"""All detectors by name.

A name may have a parameter after a colon: a country (`national_id:ES`), a region (`phone:US`), or `bare`. With `bare`, the
detector also finds digits without any sign of their meaning (`us_ssn:bare`).
"""

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import TypeVar

from proxy.policy.detectors.addresses import EMAIL, IPV4, IPV6
from proxy.policy.detectors.cards import PAYMENT_CARD
from proxy.policy.detectors.iban import IBAN
from proxy.policy.detectors.keys import KEYS
from proxy.policy.detectors.model import Detector
from proxy.policy.detectors.national import (
    COUNTRIES,
    UK_NHS,
    UK_NINO,
    US_ITIN,
    US_ITIN_BARE,
    US_SSN,
    US_SSN_BARE,
    national_id,
)
from proxy.policy.detectors.phone import phone

T = TypeVar("T")

_FIXED: Mapping[str, tuple[str, Detector]] = MappingProxyType(
    {
        "payment_card": ("payment cards of 13 to 19 digits, by issuer and check digit", PAYMENT_CARD),
        "iban": ("international bank account numbers, by country, length and check digits", IBAN),
        "email": ("email addresses, international ones too", EMAIL),
        "ipv4": ("IPv4 addresses", IPV4),
        "ipv6": ("IPv6 addresses", IPV6),
        "us_ssn": ("US social security numbers written with separators, or after the words", US_SSN),
        "us_ssn:bare": ("the same, and any nine digits that could be one", US_SSN_BARE),
        "us_itin": ("US taxpayer numbers (ITIN) written with separators, or after the words", US_ITIN),
        "us_itin:bare": ("the same, and any nine digits that could be one", US_ITIN_BARE),
        "uk_nino": ("UK national insurance numbers, by form and prefix", UK_NINO),
        "uk_nhs": ("UK NHS numbers, by range and check digit", UK_NHS),
        **KEYS,
    }
)
_NATIONAL, _PHONE = "national_id", "phone"

# One line about each detector, for `policy detectors` and docs/detectors.md.
DETECTORS: Mapping[str, str] = MappingProxyType(
    {name: finds for name, (finds, _) in _FIXED.items()}
    | {f"{_NATIONAL}:{country}": f"{called} ({country}), by check digit" for country, (called, *_) in COUNTRIES.items()}
    | {
        _PHONE: "phone numbers written with + and a country code, by numbering plan",
        f"{_PHONE}:XX": "the same, and numbers as they are dialled in a region such as US or GB",
    }
)


def detector(name: str) -> Detector:
    """Return the detector called `name`.

    Raises:
        ValueError: no detector has this name, or its library is not installed.
    """
    kind, _, parameter = name.partition(":")
    if name in _FIXED:
        return _FIXED[name][1]
    if kind == _NATIONAL and parameter in COUNTRIES:
        return installed("detectors", lambda: national_id(parameter))
    if kind == _PHONE and name != f"{_PHONE}:":
        return installed("phone", lambda: phone(parameter or None))
    raise ValueError("is no detector; docs/detectors.md lists them, and patterns in the policy adds more")


def installed(extra: str, make: Callable[[], T]) -> T:
    """Return the result of `make`, which imports the libraries of the `extra` of this package.

    Raises:
        ValueError: a library is not installed; the text says how to install it.
    """
    try:
        return make()
    except ImportError:
        raise ValueError(f'needs a library: pip install "customerio-sidecar[{extra}]"') from None
