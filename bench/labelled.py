"""Texts with personal data planted in them, and texts with none, made up from a seed: what detectors are judged by.

What is planted is made from the rules of its issuer, by python-stdnum's check digits and arithmetic of its own, not by our
detectors. Texts are as attributes and events of Customer.io have them.
"""

import string
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from random import Random  # noqa: TID251 - made from a seed
from types import ModuleType

import stdnum.au.tfn
import stdnum.br.cpf
import stdnum.ca.sin
import stdnum.de.idnr
import stdnum.es.dni
import stdnum.es.nie
import stdnum.fr.nir
import stdnum.iban
import stdnum.in_.aadhaar
import stdnum.it.codicefiscale
import stdnum.luhn
import stdnum.nl.bsn
import stdnum.pl.pesel

from bench.plain import PLAIN, digits

SEED = 6
PLANTED_OF_EACH = 200
PLAIN_OF_EACH = 400

# Most attributes are the value and nothing else.
_ALONE = 3
_TEXTS = (
    "{}", "Customer wrote: {} please call back", "note: {}", "updated by import; old value was {}.", "({})",
    "Bonjour, voici mes coordonnées: {}, merci", "ref={} source=web", '{{"value": "{}"}}', "Kunde: Müller, {}; bezahlt",
    "Please change it to {} from next month, thanks!", "https://shop.example/account?x={}&y=1", "first line\n{}\nlast line",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Text:
    """One text; `text[start:end]` is what was planted, which `kind` names. Without one, `kind` says what the text is."""

    text: str
    kind: str
    start: int = 0
    end: int = 0


def _grouped(rng: Random, text: str, sizes: tuple[int, ...], separators: str = " -") -> str:
    """Return `text` as it is, or in groups."""
    if rng.random() < 0.4:
        return text
    pieces, at = [], 0
    for size in sizes:
        pieces.append(text[at : at + size])
        at += size
    return rng.choice(separators).join(filter(None, pieces))


def card(rng: Random) -> str:
    """Return a payment card of one of the large networks."""
    prefix, length = rng.choice(
        [("4", 16), ("51", 16), ("55", 16), ("2221", 16), ("37", 15), ("6011", 16), ("3530", 16), ("36", 14)]
    )
    number = prefix + digits(rng, length - len(prefix) - 1)
    number += stdnum.luhn.calc_check_digit(number)
    return _grouped(rng, number, (4, 6, 5) if length < 16 else (4, 4, 4, 4))


def iban(rng: Random) -> str:
    """Return an account number of a large country."""
    country, account = rng.choice(
        [("DE", digits(rng, 18)), ("NL", "ABNA" + digits(rng, 10)), ("GB", "NWBK" + digits(rng, 14)), ("PL", digits(rng, 24)),
         ("ES", digits(rng, 20)), ("FR", digits(rng, 23)), ("SE", digits(rng, 20))]
    )  # fmt: skip
    whole = f"{country}{stdnum.iban.calc_check_digits(country + '00' + account)}{account}"
    return _grouped(rng, whole, (4,) * 9, " ")


def email(rng: Random) -> str:
    """Return an email address."""
    local = rng.choice(["ada", "grace.hopper", "jo+news", "o'neil", "x_y", "用户", "j.müller", "info"])
    domain = rng.choice(["example.com", "mail.example.co.uk", "müller.de", "example.travel", "corp.example.org"])
    return f"{local}{rng.randrange(100)}@{domain}"


def ipv6(rng: Random) -> str:
    """Return an address as it is mostly written, and in full."""
    return rng.choice(["2001:db8::{:x}", "fe80::{:x}:1", "2001:db8:0:0:8a2e:370:7334:{:x}"]).format(rng.randrange(1, 65_536))


def ssn(rng: Random) -> str:
    """Return a social security number as it is written."""
    area = rng.choice([rng.randrange(1, 666), rng.randrange(667, 900)])
    separator = rng.choice("- ")
    return f"{area:03}{separator}{rng.randrange(1, 100):02}{separator}{rng.randrange(1, 10_000):04}"


def itin(rng: Random) -> str:
    """Return a taxpayer's number as it is written."""
    group = rng.choice([*range(50, 66), *range(70, 89), 90, 91, 92, *range(94, 100)])
    return f"9{rng.randrange(100):02}-{group}-{rng.randrange(10_000):04}"


def nino(rng: Random) -> str:
    """Return a national insurance number."""
    number = rng.choice(["AB", "CE", "JK", "MW", "PA", "SR"]) + digits(rng, 6) + rng.choice("ABCD")
    return _grouped(rng, number, (2, 2, 2, 2, 1), " ")


def nhs(rng: Random) -> str:
    """Return an NHS number."""
    while True:
        number = digits(rng, 9, "467")
        check = -sum(int(digit) * (10 - place) for place, digit in enumerate(number)) % 11
        if check < 10 and not "500" <= number[:3] <= "599":
            return _grouped(rng, f"{number}{check}", (3, 3, 4))


def _checked(
    module: ModuleType, make: Callable[[Random], str], sizes: tuple[int, ...], separators: str = " "
) -> Callable[[Random], str]:
    """Return what makes numbers until one is right in the eyes of a module of python-stdnum."""

    def number(rng: Random) -> str:
        while True:
            made = make(rng)
            if module.is_valid(made):
                return _grouped(rng, made, sizes, separators)

    return number


def _birth(rng: Random, form: str) -> str:
    year, month, day = rng.randrange(1940, 2000), rng.randrange(1, 13), rng.randrange(1, 29)
    return form.format(y=year % 100, m=month, d=day)


def codice_fiscale(rng: Random) -> str:
    """Return an Italian tax code."""
    consonants = "".join(rng.choices("BCDFGLMNPRSTV", k=6))
    birth = f"{rng.randrange(40, 99)}{rng.choice('ABCDEHLMPRST')}{rng.randrange(1, 29):02}"
    code = f"{consonants}{birth}{rng.choice('ABCDEFGHL')}{digits(rng, 3)}"
    return code + stdnum.it.codicefiscale.calc_check_digit(code)


def nir(rng: Random) -> str:
    """Return a French social security number."""
    birth = f"{rng.choice('12')}{rng.randrange(40, 99)}{rng.randrange(1, 13):02}"
    number = f"{birth}{rng.randrange(1, 96):02}{rng.randrange(1, 990):03}{rng.randrange(1, 999):03}"
    return _grouped(rng, number + stdnum.fr.nir.calc_check_digits(number), (1, 2, 2, 2, 3, 3, 2), " ")


def rijksregister(rng: Random) -> str:
    """Return a Belgian national number."""
    number = _birth(rng, "{y:02}{m:02}{d:02}") + f"{rng.randrange(1, 998):03}"
    number += f"{97 - int(number) % 97:02}"
    return f"{number[:2]}.{number[2:4]}.{number[4:6]}-{number[6:9]}.{number[9:]}" if rng.random() < 0.6 else number


def personnummer(rng: Random) -> str:
    """Return a Swedish personal number."""
    number = _birth(rng, "{y:02}{m:02}{d:02}") + digits(rng, 3)
    return f"{number[:6]}{rng.choice(['-', ''])}{number[6:]}{stdnum.luhn.calc_check_digit(number)}"


def cpf(rng: Random) -> str:
    """Return a Brazilian number, mostly as it is printed."""
    number = _checked(stdnum.br.cpf, lambda rng: digits(rng, 11), (11,))(rng)
    return f"{number[:3]}.{number[3:6]}.{number[6:9]}-{number[9:]}" if rng.random() < 0.6 else number


def spanish(rng: Random) -> str:
    """Return a Spanish DNI or NIE."""
    if rng.random() < 0.7:
        number = digits(rng, 8)
        return number + rng.choice(["", "-"]) + stdnum.es.dni.calc_check_digit(number)
    number = rng.choice("XYZ") + digits(rng, 7)
    return number + stdnum.es.nie.calc_check_digit(number)


def phone_us(rng: Random) -> str:
    """Return a number of the United States as it is dialled there."""
    area, line = rng.choice(["212", "415", "646", "312", "305"]), f"{rng.randrange(10_000):04}"
    exchange = f"{rng.choice('23456789')}{rng.randrange(12, 100):02}"
    return rng.choice(["({}) {}-{}", "{}-{}-{}", "{}.{}.{}", "{} {} {}", "{}{}{}"]).format(area, exchange, line)


def phone_international(rng: Random) -> str:
    """Return a number with its country's code."""
    return rng.choice(
        [f"+1 {phone_us(rng)}", f"+44 20 7946 0{digits(rng, 3)}", f"+49 30 2312{digits(rng, 4)}", f"+331426853{digits(rng, 2)}"]
    )


def jwt(rng: Random) -> str:
    """Return a signed token."""
    payload = "".join(rng.choices(string.ascii_letters + string.digits + "-_", k=40))
    return "eyJ" + f"hbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJ{payload}.{payload[::-1]}"


def access_key(rng: Random) -> str:
    """Return a key of one of the issuers whose keys have a shape."""
    text = "".join(rng.choices(string.ascii_letters + string.digits, k=60))
    capital = "".join(rng.choices("ABCDEFGHIJKLMNOPQRSTUVWXYZ234567", k=16))
    return rng.choice(
        [
            "AKIA" + capital,
            "AI" + "za" + text[:35],
            "sk" + "_live_" + text[:24],
            "gh" + "p_" + text[:36],
            "xo" + "xb-" + text[:40],
        ]
    )


# What is planted, by the detectors that are to find it.
PLANTED: dict[str, Callable[[Random], str]] = {
    "payment_card": card,
    "iban": iban,
    "email": email,
    "phone": phone_international,
    "phone:US": phone_us,
    "ipv4": lambda rng: ".".join(str(rng.randrange(1, 255)) for _ in range(4)),
    "ipv6": ipv6,
    "us_ssn": ssn,
    "us_itin": itin,
    "uk_nino": nino,
    "uk_nhs": nhs,
    "national_id:AU": _checked(stdnum.au.tfn, lambda rng: digits(rng, 9), (3, 3, 3)),
    "national_id:BE": rijksregister,
    "national_id:BR": cpf,
    "national_id:CA": _checked(stdnum.ca.sin, lambda rng: digits(rng, 9, "1234567"), (3, 3, 3), " -"),
    "national_id:DE": _checked(stdnum.de.idnr, lambda rng: digits(rng, 11, "123456789"), (2, 3, 3, 3)),
    "national_id:ES": spanish,
    "national_id:FR": nir,
    "national_id:IN": _checked(stdnum.in_.aadhaar, lambda rng: digits(rng, 12, "23456789"), (4, 4, 4)),
    "national_id:IT": codice_fiscale,
    "national_id:NL": _checked(stdnum.nl.bsn, lambda rng: digits(rng, 9), (9,)),
    "national_id:PL": _checked(stdnum.pl.pesel, lambda rng: _birth(rng, "{y:02}{m:02}{d:02}") + digits(rng, 5), (11,)),
    "national_id:SE": personnummer,
    "jwt": jwt,
    "keys": access_key,
}  # fmt: skip


def texts(seed: int = SEED) -> Iterator[Text]:
    """Yield every text, planted ones first."""
    rng = Random(seed)  # noqa: S311 - no secret is made
    for kind, make in PLANTED.items():
        for number in range(PLANTED_OF_EACH):
            value, around = make(rng), _TEXTS[0] if number % _ALONE == 0 else rng.choice(_TEXTS)
            start = around.replace("{{", "{").index("{}")
            yield Text(around.format(value), kind, start, start + len(value))
    for kind, make in PLAIN.items():
        for number in range(PLAIN_OF_EACH):
            yield Text((_TEXTS[0] if number % _ALONE == 0 else rng.choice(_TEXTS)).format(make(rng)), kind)


def disguised(text: Text) -> Text:
    """Return a text whose planted value is in full-width characters, with one that is not seen in its middle."""
    value = text.text[text.start : text.end]
    wide = "".join(chr(ord(character) + 0xFEE0) if "!" <= character <= "~" else character for character in value)
    middle = len(wide) // 2
    wide = f"{wide[:middle]}\N{ZERO WIDTH SPACE}{wide[middle:]}"
    return Text(text.text[: text.start] + wide + text.text[text.end :], text.kind, text.start, text.start + len(wide))
