"""Numbers by which states know people, where a check digit or a written form tells them from any other number."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from importlib import import_module
from types import MappingProxyType

from proxy.policy.detectors.digits import luhn, only_digits, weighted
from proxy.policy.detectors.model import Check, Detector, Part

# United States. Nothing checks nine digits: without separators they need the word before them, unless any nine are asked for.

_BARE = "[0-9]{9}"


def _written(pattern_after: str) -> str:
    """Return the pattern of a number written 3-2-4, or in one piece after the word that says what it is."""
    written = "|".join(f"[0-9]{{3}}{separator}[0-9]{{2}}{separator}[0-9]{{4}}" for separator in ("-", " ", r"\."))
    return rf"{written}|(?i:{pattern_after})[^0-9A-Za-z]{{1,5}}([0-9]{{9}})"


def ssn(candidate: str) -> Iterator[Part]:
    """Yield a number that the Social Security Administration could have given out (20 CFR 422.103, since 2011)."""
    digits = only_digits(candidate)
    if digits[:3] not in {"000", "666"} and digits[0] != "9" and digits[3:5] != "00" and digits[5:] != "0000":
        yield 0, len(candidate)


_ITIN_GROUPS = ((50, 65), (70, 88), (90, 92), (94, 99))


def itin(candidate: str) -> Iterator[Part]:
    """Yield a taxpayer's number: it begins with 9, and its middle group is one that is given out (IRS Publication 4757)."""
    digits = only_digits(candidate)
    if digits[0] == "9" and any(low <= int(digits[3:5]) <= high for low, high in _ITIN_GROUPS):
        yield 0, len(candidate)


_US_SSN = _written(r"ssn|social security(?: number| no\.?)?")
_US_ITIN = _written("itin|taxpayer id(?:entification)?(?: number)?")
US_SSN = Detector(_US_SSN, ssn, joints=b".-")
US_SSN_BARE = Detector(f"{_US_SSN}|{_BARE}", ssn, joints=b".-", number=True)
US_ITIN = Detector(_US_ITIN, itin, joints=b".-")
US_ITIN_BARE = Detector(f"{_US_ITIN}|{_BARE}", itin, joints=b".-", number=True)

# United Kingdom.

_NINO_NEVER = frozenset({"BG", "GB", "KN", "NK", "NT", "TN", "ZZ"})


def nino(candidate: str) -> Iterator[Part]:
    """Yield a national insurance number whose prefix is given out (HMRC manual NIM39110)."""
    if candidate[:2].upper() not in _NINO_NEVER:
        yield 0, len(candidate)


_NHS_RANGES = (("320", "399"), ("400", "499"), ("600", "799"))  # Northern Ireland; England, Wales and Isle of Man
_NHS_WEIGHTS = (10, 9, 8, 7, 6, 5, 4, 3, 2, 1)


def nhs(candidate: str) -> Iterator[Part]:
    """Yield a number that is given out and whose check digit is right, modulo 11 (NHS Data Dictionary, NHS NUMBER)."""
    digits = only_digits(candidate)
    if (
        any(low <= digits[:3] <= high for low, high in _NHS_RANGES)
        and weighted(digits, (10, 9, 8, 7, 6, 5, 4, 3, 2, 1)) % 11 == 0
    ):
        yield 0, len(candidate)


UK_NINO = Detector(
    "(?i:[A-CEGHJ-PR-TW-Z][A-CEGHJ-NPR-TW-Z][ -]?[0-9]{2}[ -]?[0-9]{2}[ -]?[0-9]{2}[ -]?[A-D])", nino, joints=b".-"
)
UK_NHS = Detector("[0-9]{3}[ -]?[0-9]{3}[ -]?[0-9]{4}", nhs, joints=b".-", number=True)

# Other countries, by ISO 3166 code: what the number is called, how it is written, and the modules of python-stdnum that check
# it; for two of them a check of our own, because theirs depends on the day it is.


def rijksregister(text: str) -> bool:
    """Say whether the last two of eleven digits are right, for somebody born before 2000 or since."""
    digits = only_digits(text)
    number, check = int(digits[:9]), int(digits[9:])
    return check in {97 - number % 97, 97 - (2_000_000_000 + number) % 97} and int(digits[2:4]) % 20 <= 12  # noqa: PLR2004 - months


def personnummer(text: str) -> bool:
    """Say whether the last ten digits begin with a date, or a date and 60 days, and check themselves."""
    digits = only_digits(text)
    month, day = int(digits[-8:-6]), int(digits[-6:-4])
    return luhn(digits[-10:]) and 1 <= month <= 12 and 1 <= day % 60 <= 31  # noqa: PLR2004 - months and days


Country = tuple[str, str, Sequence[str] | Callable[[str], bool]]

COUNTRIES: Mapping[str, Country] = MappingProxyType(
    {
        "AT": ("Sozialversicherungsnummer", "[1-9][0-9]{3} ?(?:0[1-9]|[12][0-9]|3[01])(?:0[1-9]|1[0-5])[0-9]{2}", ["at.vnr"]),
        "AU": ("tax file number", "[0-9]{3}[ -]?[0-9]{3}[ -]?[0-9]{3}", ["au.tfn"]),
        "BE": ("rijksregisternummer", "[0-9]{2}[ .]?[0-9]{2}[ .]?[0-9]{2}[ .-]?[0-9]{3}[ .-]?[0-9]{2}", rijksregister),
        "BG": ("EGN", "[0-9]{10}", ["bg.egn"]),
        "BR": ("CPF", r"[0-9]{3}[ .]?[0-9]{3}[ .]?[0-9]{3}[ -]?[0-9]{2}", ["br.cpf"]),
        "CA": ("social insurance number", "[0-9]{3}[ -]?[0-9]{3}[ -]?[0-9]{3}", ["ca.sin"]),
        "CH": ("AHV-Nummer", r"756[ .]?[0-9]{4}[ .]?[0-9]{4}[ .]?[0-9]{2}", ["ch.ssn"]),
        "CL": ("RUT", r"[0-9]{1,2}\.?[0-9]{3}\.?[0-9]{3}-[0-9Kk]", ["cl.rut"]),
        "CZ": ("rodné číslo of ten digits", "[0-9]{6}[ /]?[0-9]{4}", ["cz.rc"]),
        "DE": ("Steuer-Identifikationsnummer", "[1-9][0-9] ?[0-9]{3} ?[0-9]{3} ?[0-9]{3}", ["de.idnr"]),
        "EE": ("isikukood", "[1-8][0-9]{10}", ["ee.ik"]),
        "ES": ("DNI and NIE", "[0-9]{8}[ -]?[A-Za-z]|[XYZxyz][ -]?[0-9]{7}[ -]?[A-Za-z]", ["es.dni", "es.nie"]),
        "FI": ("henkilötunnus", "[0-9]{6}[-+A-FU-Ya-fu-y][0-9]{3}[0-9A-Ya-y]", ["fi.hetu"]),
        "FR": (
            "numéro de sécurité sociale",
            "[1-478][ .]?[0-9]{2}[ .]?[0-9]{2}[ .]?[0-9][0-9ABab][ .]?[0-9]{3}[ .]?[0-9]{3}[ .-]?[0-9]{2}",
            ["fr.nir"],
        ),
        "GR": ("AMKA", "[0-3][0-9]{10}", ["gr.amka"]),
        "HR": ("OIB", "[0-9]{11}", ["hr.oib"]),
        "IE": ("PPS number", "[0-9]{7}[A-Wa-w][A-IWa-iw]?", ["ie.pps"]),
        "IN": ("Aadhaar", "[2-9][0-9]{3}[ -]?[0-9]{4}[ -]?[0-9]{4}", ["in_.aadhaar"]),
        "IT": (
            "codice fiscale",
            "(?i:[A-Z]{3} ?[A-Z]{3} ?[0-9LMNP-V]{2}[A-EHLMPRST][0-9LMNP-V]{2} ?[A-Z][0-9LMNP-V]{3}[A-Z])",
            ["it.codicefiscale"],
        ),
        "MX": ("CURP", "(?i:[A-Z]{4}[0-9]{6}[HMX][A-Z]{5}[0-9A-Z][0-9])", ["mx.curp"]),
        "NL": (
            "burgerservicenummer",
            r"[0-9]{9}|[0-9]{4}[ .-][0-9]{2}[ .-][0-9]{3}|[0-9]{3}[ .-][0-9]{3}[ .-][0-9]{3}",
            ["nl.bsn"],
        ),
        "PL": ("PESEL", "[0-9]{11}", ["pl.pesel"]),
        "RO": ("CNP", "[1-9][0-9]{12}", ["ro.cnp"]),
        "SE": ("personnummer", "(?:[0-9]{2})?[0-9]{6}[-+]?[0-9]{4}", personnummer),
        "TR": ("T.C. kimlik no", "[1-9][0-9]{10}", ["tr.tckimlik"]),
    }
)
# Those that hold letters or a sign, and so are no JSON numbers.
_WORDS = frozenset({"CL", "ES", "FI", "IE", "IT", "MX"})


def national_id(country: str) -> Detector:
    """Return what finds the number of a `country` that `COUNTRIES` has.

    Raises:
        ImportError: python-stdnum is not installed.
    """
    _, pattern, checks = COUNTRIES[country]
    valid = [checks] if callable(checks) else [_stdnum(module) for module in checks]
    separators = "" if country == "FI" else " ./-"  # the sign in a Finnish number is a part of it: the century
    return Detector(pattern, _any_of(valid, separators), joints=b".-", number=country not in _WORDS)


def _stdnum(module: str) -> Callable[[str], bool]:
    is_valid: Callable[[str], bool] = import_module(f"stdnum.{module}").is_valid
    return is_valid


def _any_of(valid: Sequence[Callable[[str], bool]], separators: str) -> Check:
    unspaced = {ord(separator): None for separator in separators}

    def check(candidate: str) -> Iterator[Part]:
        text = candidate.translate(unspaced)
        if any(each(text) for each in valid):
            yield 0, len(candidate)

    return check
