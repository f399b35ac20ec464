"""The detectors of national identification numbers that a check digit or a written form distinguishes from other numbers."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from importlib import import_module
from types import MappingProxyType

from proxy.policy.detectors.digits import luhn, only_digits, weighted
from proxy.policy.detectors.model import Check, Detector, Part
from proxy.policy.detectors.written import alike, apart, separated

# United States. The nine digits have no check digit. Without separators, the name of the number must precede them; `bare`
# accepts any nine digits.

_BARE = "[0-9]{9}"


def _written(name: str) -> str:
    """Return the pattern of a number with groups of 3, 2 and 4 digits, or of nine digits after the number's `name`."""
    return rf"{alike('[0-9]{3}~[0-9]{2}~[0-9]{4}')}|(?i:{name})[^0-9A-Za-z]{{1,5}}({separated('[0-9](?:~[0-9]){8}')})"


def ssn(candidate: str) -> Iterator[Part]:
    """Yield a number that the Social Security Administration may have issued (20 CFR 422.103; random since 2011)."""
    digits = only_digits(candidate)
    if digits[:3] not in {"000", "666"} and digits[0] != "9" and digits[3:5] != "00" and digits[5:] != "0000":
        yield 0, len(candidate)


_ITIN_GROUPS = ((50, 65), (70, 88), (90, 92), (94, 99))


def itin(candidate: str) -> Iterator[Part]:
    """Yield a taxpayer number: it begins with 9, and its middle group has been issued (IRS Publication 4757)."""
    digits = only_digits(candidate)
    if digits[0] == "9" and any(low <= int(digits[3:5]) <= high for low, high in _ITIN_GROUPS):
        yield 0, len(candidate)


_US_SSN = _written(r"ssn|social security(?: number| no\.?)?")
_US_ITIN = _written("itin|taxpayer id(?:entification)?(?: number)?")
US_SSN = Detector(_US_SSN, ssn, joints=b".-", least=9, looks=2)
US_SSN_BARE = Detector(f"{_US_SSN}|{_BARE}", ssn, joints=b".-", number=True, least=9, looks=2)
US_ITIN = Detector(_US_ITIN, itin, joints=b".-", least=9, looks=2)
US_ITIN_BARE = Detector(f"{_US_ITIN}|{_BARE}", itin, joints=b".-", number=True, least=9, looks=2)

# United Kingdom.

_NINO_NEVER = frozenset({"BG", "GB", "KN", "NK", "NT", "TN", "ZZ"})


def nino(candidate: str) -> Iterator[Part]:
    """Yield a national insurance number whose prefix is issued (HMRC manual NIM39110)."""
    if candidate[:2].upper() not in _NINO_NEVER:
        yield 0, len(candidate)


_NHS_RANGES = (("320", "399"), ("400", "499"), ("600", "799"))  # Northern Ireland; England, Wales and Isle of Man
_NHS_WEIGHTS = (10, 9, 8, 7, 6, 5, 4, 3, 2, 1)


def nhs(candidate: str) -> Iterator[Part]:
    """Yield a number in an issued range with a valid check digit, modulo 11 (NHS Data Dictionary, NHS NUMBER)."""
    digits = only_digits(candidate)
    if (
        any(low <= digits[:3] <= high for low, high in _NHS_RANGES)
        and weighted(digits, (10, 9, 8, 7, 6, 5, 4, 3, 2, 1)) % 11 == 0
    ):
        yield 0, len(candidate)


# Separators of one kind only: otherwise `on 12/11/20 a …`, which holds a date, would match.
UK_NINO = Detector(
    f"(?i:{alike('[A-CEGHJ-PR-TW-Z][A-CEGHJ-NPR-TW-Z]~?[0-9]{2}~?[0-9]{2}~?[0-9]{2}~?[A-D]')})",
    nino,
    joints=b".-",
    least=9,
    looks=2,
)
UK_NHS = Detector(separated("[0-9]{3}~[0-9]{3}~[0-9]{4}"), nhs, joints=b".-", number=True, least=10, looks=2)

# Other countries, by ISO 3166 code: the name of the number, its least length, its pattern, and the modules of python-stdnum
# that check it. Two countries have a check of our own, because the one of python-stdnum depends on the current date.


def rijksregister(text: str) -> bool:
    """Return whether the last two of eleven digits are valid check digits, for a birth before 2000 or since then."""
    digits = only_digits(text)
    number, check = int(digits[:9]), int(digits[9:])
    return check in {97 - number % 97, 97 - (2_000_000_000 + number) % 97} and int(digits[2:4]) % 20 <= 12  # noqa: PLR2004 - months


def personnummer(text: str) -> bool:
    """Return whether the last ten digits begin with a date, or with a day plus 60, and have a valid check digit."""
    digits = only_digits(text)
    month, day = int(digits[-8:-6]), int(digits[-6:-4])
    return luhn(digits[-10:]) and 1 <= month <= 12 and 1 <= day % 60 <= 31  # noqa: PLR2004 - months and days


Country = tuple[str, int, str, Sequence[str] | Callable[[str], bool]]

_AT = "[1-9][0-9]{3}~(?:0[1-9]|[12][0-9]|3[01])(?:0[1-9]|1[0-5])[0-9]{2}"
_DE = "[1-9][0-9]~[0-9]{3}~[0-9]{3}~[0-9]{3}"
_FR = "[1-478]~[0-9]{2}~[0-9]{2}~[0-9][0-9ABab]~[0-9]{3}~[0-9]{3}~[0-9]{2}"
_IT = "(?i:[A-Z]{3}~[A-Z]{3}~[0-9LMNP-V]{2}[A-EHLMPRST][0-9LMNP-V]{2}~[A-Z][0-9LMNP-V]{3}[A-Z])"

COUNTRIES: Mapping[str, Country] = MappingProxyType(
    {
        "AT": ("Sozialversicherungsnummer", 10, separated(_AT), ["at.vnr"]),
        "AU": ("tax file number", 9, separated("[0-9]{3}~[0-9]{3}~[0-9]{3}"), ["au.tfn"]),
        "BE": ("rijksregisternummer", 11, separated("[0-9]{2}~[0-9]{2}~[0-9]{2}~[0-9]{3}~[0-9]{2}"), rijksregister),
        "BG": ("EGN", 10, separated("[0-9]{6}~[0-9]{4}"), ["bg.egn"]),
        "BR": ("CPF", 11, separated("[0-9]{3}~[0-9]{3}~[0-9]{3}~[0-9]{2}"), ["br.cpf"]),
        "CA": ("social insurance number", 9, separated("[0-9]{3}~[0-9]{3}~[0-9]{3}"), ["ca.sin"]),
        "CH": ("AHV-Nummer", 13, separated("756~[0-9]{4}~[0-9]{4}~[0-9]{2}"), ["ch.ssn"]),
        "CL": (
            "RUT", 9,
            apart(r"[0-9]{1,2}~[0-9]{3}~[0-9]{3}~[0-9Kk]") + r"|[0-9]{7,8}\s?[-_/|]\s?[0-9Kk]", ["cl.rut"],
        ),
        "CZ": ("rodné číslo of ten digits", 10, separated("[0-9]{6}~[0-9]{4}"), ["cz.rc"]),
        "DE": ("Steuer-Identifikationsnummer", 11, separated(_DE), ["de.idnr"]),
        "EE": ("isikukood", 11, separated("[1-8]~[0-9]{6}~[0-9]{4}"), ["ee.ik"]),
        "ES": (
            "DNI and NIE", 9,
            separated("[0-9]{2}~[0-9]{3}~[0-9]{3}~[A-Za-z]|[XYZxyz]~[0-9]~[0-9]{3}~[0-9]{3}~[A-Za-z]"),
            ["es.dni", "es.nie"],
        ),
        "FI": ("henkilötunnus", 11, "[0-9]{6}[-+A-FU-Ya-fu-y][0-9]{3}[0-9A-Ya-y]", ["fi.hetu"]),
        "FR": ("numéro de sécurité sociale", 15, separated(_FR), ["fr.nir"]),
        "GR": ("AMKA", 11, separated("[0-3][0-9]{5}~[0-9]{5}"), ["gr.amka"]),
        "HR": ("OIB", 11, "[0-9]{11}", ["hr.oib"]),
        "IE": (
            "PPS number", 8,
            f"[0-9]{{7}}[A-Wa-w][A-IWa-iw]?|{apart('[0-9]{7}~[A-W][A-IW]?')}", ["ie.pps"],
        ),
        "IN": ("Aadhaar", 12, separated("[2-9][0-9]{3}~[0-9]{4}~[0-9]{4}"), ["in_.aadhaar"]),
        "IT": ("codice fiscale", 16, separated(_IT), ["it.codicefiscale"]),
        "MX": ("CURP", 18, separated("(?i:[A-Z]{4}~[0-9]{6}~[HMX][A-Z]{5}~[0-9A-Z][0-9])"), ["mx.curp"]),
        "NL": (
            "burgerservicenummer", 9,
            f"{separated('[0-9]{3}~[0-9]{3}~[0-9]{3}')}|{alike('[0-9]{4}~[0-9]{2}~[0-9]{3}')}", ["nl.bsn"],
        ),
        "PL": ("PESEL", 11, separated("[0-9]{6}~[0-9]{5}"), ["pl.pesel"]),
        "RO": ("CNP", 13, separated("[1-9]~[0-9]{6}~[0-9]{2}~[0-9]{4}"), ["ro.cnp"]),
        "SE": ("personnummer", 10, separated("(?:[0-9]{2})?[0-9]{6}(?:~|\\+)[0-9]{4}"), personnummer),
        "TR": ("T.C. kimlik no", 11, "[1-9][0-9]{10}", ["tr.tckimlik"]),
    }
)  # fmt: skip
# Countries whose numbers have letters or a sign, so that no JSON number can be one.
_WORDS = frozenset({"CL", "ES", "FI", "IE", "IT", "MX"})


def national_id(country: str) -> Detector:
    """Return the detector of a `country` in `COUNTRIES`.

    Raises:
        ImportError: python-stdnum is not installed.
    """
    _, least, pattern, checks = COUNTRIES[country]
    valid = [checks] if callable(checks) else [_stdnum(module) for module in checks]
    # The sign in a Finnish number is a part of it: it tells the century.
    check = _any_of(valid, signs="+-" if country == "FI" else "")
    return Detector(pattern, check, joints=b".-", number=country not in _WORDS, least=least, looks=3)


def _stdnum(module: str) -> Callable[[str], bool]:
    is_valid: Callable[[str], bool] = import_module(f"stdnum.{module}").is_valid
    return is_valid


def _any_of(valid: Sequence[Callable[[str], bool]], signs: str) -> Check:
    separators = {code: None for code in range(0x80) if not chr(code).isalnum() and chr(code) not in signs}

    def check(candidate: str) -> Iterator[Part]:
        text = candidate.translate(separators)
        if any(each(text) for each in valid):
            yield 0, len(candidate)

    return check
