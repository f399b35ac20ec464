"""Personal data, made up: for each detector what it is to find. Made from the rules of the issuer, not by our detectors.

Check digits are python-stdnum's, and arithmetic of our own where it has none.
"""

import string
from collections.abc import Callable, Mapping
from random import Random  # noqa: TID251 - made from a seed
from types import MappingProxyType, ModuleType

import stdnum.at.vnr
import stdnum.au.tfn
import stdnum.bg.egn
import stdnum.br.cpf
import stdnum.ca.sin
import stdnum.ch.ssn
import stdnum.cl.rut
import stdnum.cz.rc
import stdnum.de.idnr
import stdnum.ee.ik
import stdnum.es.dni
import stdnum.es.nie
import stdnum.fi.hetu
import stdnum.fr.nir
import stdnum.gb.nhs
import stdnum.gr.amka
import stdnum.hr.oib
import stdnum.iban
import stdnum.ie.pps
import stdnum.in_.aadhaar
import stdnum.it.codicefiscale
import stdnum.luhn
import stdnum.mx.curp
import stdnum.nl.bsn
import stdnum.pl.pesel
import stdnum.ro.cnp
import stdnum.tr.tckimlik

Make = Callable[[Random], str]

# Stands in what is made between a name and the secret that it names: the secret is to be found.
NAMED = "\N{START OF TEXT}"

_CAPITALS, _ALNUM = string.ascii_uppercase, string.ascii_letters + string.digits
_WORD, _HEX, _BASE64, _BASE32 = f"{_ALNUM}_-", "0123456789abcdef", f"{_ALNUM}+/", f"{_CAPITALS}234567"


def some(rng: Random, alphabet: str, count: int) -> str:
    """Return `count` characters of `alphabet`."""
    return "".join(rng.choices(alphabet, k=count))


def shaped(rng: Random, *shapes: str) -> str:
    """Return one of `shapes` with digits in place of `#`, letters of `@`, and digits but 0 and 1 of `?`."""
    alphabets = {"#": string.digits, "@": _CAPITALS, "?": "23456789"}
    return "".join(rng.choice(alphabets.get(sign, sign)) for sign in rng.choice(shapes))


def written(rng: Random, characters: str, *shapes: str) -> str:
    """Return `characters`, one after another in place of `#` in one of `shapes`; an empty one is for one piece."""
    following = iter(characters)
    return "".join(next(following) if sign == "#" else sign for sign in rng.choice(shapes)) or characters


def birth(rng: Random, form: str) -> str:
    """Return a day from 1954 to 1999 in a `form` of its `y`, `m` and `d`."""
    return form.format(y=rng.randrange(54, 100), m=rng.randrange(1, 13), d=rng.randrange(1, 29))


def card(rng: Random) -> str:
    """Return a payment card of one of the large networks."""
    prefix, length = rng.choice(
        [("4", 16), ("51", 16), ("55", 16), ("2221", 16), ("37", 15), ("6011", 16), ("3530", 16), ("36", 14), ("62", 19)]
    )
    number = prefix + some(rng, string.digits, length - len(prefix) - 1)
    number += stdnum.luhn.calc_check_digit(number)
    fours = "#### #### #### ####"
    shapes = {14: ["#### ###### ####"], 15: ["#### ###### #####"], 16: [fours, fours.replace(" ", "-")], 19: [f"{fours} ###"]}
    return written(rng, number, "", *shapes[length])


def iban(rng: Random) -> str:
    """Return an account number of a large country."""
    shape = ["DE" + "#" * 18, "NLABNA" + "#" * 10, "GBNWBK" + "#" * 14, "PL" + "#" * 24, "ES" + "#" * 20, "FR" + "#" * 23]
    account = shaped(rng, *shape)
    number = f"{account[:2]}{stdnum.iban.calc_check_digits(f'{account[:2]}00{account[2:]}')}{account[2:]}"
    return written(rng, number, "", " ".join("#" * len(number[at : at + 4]) for at in range(0, len(number), 4)))


def email(rng: Random) -> str:
    """Return an email address."""
    local = rng.choice(["ada", "grace.hopper", "jo+news", "o'neil", "x_y", "用户", "j.müller", "info"])
    domain = rng.choice(["example.com", "mail.example.co.uk", "müller.de", "example.travel", "corp.example.org"])
    return f"{local}{rng.randrange(100)}@{domain}"


def ipv4(rng: Random) -> str:
    """Return an address of a host."""
    return ".".join(str(rng.randrange(1, 255)) for _ in range(4))


def ipv6(rng: Random) -> str:
    """Return an address in a short or a long form."""
    forms = ["2001:db8::{:x}", "fe80::{:x}:1", "2001:db8:0:0:8a2e:370:7334:{:x}", "2001:0db8:0000:0000:0000:8a2e:0370:{:04x}"]
    return rng.choice(forms).format(rng.randrange(1, 65_536))


def _ssn(rng: Random, *separators: str) -> str:
    area = rng.choice([rng.randrange(1, 666), rng.randrange(667, 900)])
    return rng.choice(separators).join([f"{area:03}", f"{rng.randrange(1, 100):02}", f"{rng.randrange(1, 10_000):04}"])


def _itin(rng: Random, separator: str) -> str:
    group = rng.choice([*range(50, 66), *range(70, 89), 90, 91, 92, *range(94, 100)])
    return separator.join([f"9{rng.randrange(100):02}", str(group), f"{rng.randrange(10_000):04}"])


def nino(rng: Random) -> str:
    """Return a national insurance number of the United Kingdom."""
    number = rng.choice(["AB", "CE", "JK", "MW", "PA", "SR"]) + shaped(rng, "######") + rng.choice("ABCD")
    return written(rng, number, "", "## ## ## ## #")


def _checked(module: ModuleType, make: Make, *shapes: str) -> Make:
    """Return what makes numbers until one is right in the eyes of a module of python-stdnum, and writes it."""

    def number(rng: Random) -> str:
        while not module.is_valid(made := make(rng)):
            pass
        return written(rng, made, "", *shapes)

    return number


def _any(*shapes: str) -> Make:
    return lambda rng: shaped(rng, *shapes)


def _born(form: str, *shapes: str) -> Make:
    """Return what makes a day of birth with something `shaped` behind it."""
    return lambda rng: birth(rng, form) + shaped(rng, *shapes)


def _chile(rng: Random) -> str:
    number = shaped(rng, "1#######")
    return written(rng, number + stdnum.cl.rut.calc_check_digit(number), "########-#", "##.###.###-#")


def _belgium(rng: Random) -> str:
    number = birth(rng, "{y:02}{m:02}{d:02}") + f"{rng.randrange(1, 998):03}"
    return written(rng, f"{number}{97 - int(number) % 97:02}", "", "##.##.##-###.##")


def _italy(rng: Random) -> str:
    code = some(rng, "BCDFGLMNPRSTV", 6) + f"{rng.randrange(40, 99)}{rng.choice('ABCDEHLMPRST')}{rng.randrange(1, 29):02}"
    code += rng.choice("ABCDEFGHL") + shaped(rng, "###")
    return code + stdnum.it.codicefiscale.calc_check_digit(code)


def _france(rng: Random) -> str:
    number = rng.choice("12") + birth(rng, "{y:02}{m:02}") + f"{rng.randrange(1, 96):02}" + shaped(rng, "######")
    return written(rng, number + stdnum.fr.nir.calc_check_digits(number), "", "# ## ## ## ### ### ##")


def _mexico(rng: Random) -> str:
    code = some(rng, "BCDFGLMNPRST", 1) + "X" + some(rng, "BCDFGLMNPRST", 2) + birth(rng, "{y:02}{m:02}{d:02}")
    code += rng.choice("HM") + rng.choice(["DF", "JC", "NL"]) + some(rng, "BCDFGLMNPRST", 3) + "0"
    return code + stdnum.mx.curp.calc_check_digit(code)


def _spain(rng: Random) -> str:
    if rng.random() < 0.7:
        number = shaped(rng, "########")
        return written(rng, number + stdnum.es.dni.calc_check_digit(number), "", "########-#")
    number = rng.choice("XYZ") + shaped(rng, "#######")
    return number + stdnum.es.nie.calc_check_digit(number)


def _sweden(rng: Random) -> str:
    number = birth(rng, "{y:02}{m:02}{d:02}") + shaped(rng, "###")
    return written(rng, number + stdnum.luhn.calc_check_digit(number), "", "######-####")


def phone_us(rng: Random) -> str:
    """Return a number of the United States as it is dialled there."""
    number = rng.choice(["212", "415", "646", "312", "305"]) + shaped(rng, "?2#####")
    return written(rng, number, "", "(###) ###-####", "###-###-####", "###.###.####", "### ### ####")


def phone_international(rng: Random) -> str:
    """Return a number with its country's code."""
    return rng.choice(
        [f"+1 {phone_us(rng)}", shaped(rng, "+44 20 7946 0###", "+49 30 2312####", "+331426853##", "+44 7400 123###")]
    )


def _secret(*kinds: tuple[str, str, int]) -> Make:
    """Return what makes a secret of one of `kinds`: what stands before it, its characters, and how many it has."""

    def make(rng: Random) -> str:
        before, alphabet, count = rng.choice(kinds)
        return before + some(rng, alphabet, count)

    return make


def _token(rng: Random) -> str:
    payload = some(rng, _WORD, 40)
    return f"eyJ{'hbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9'}.eyJ{payload}.{some(rng, _WORD, 43)}"


def _key_file(rng: Random) -> str:
    label = rng.choice(["", "RSA ", "EC ", "OPENSSH "]) + "PRIVATE" + " KEY"
    end = rng.choice(["\n", "\\n"])
    return f"-----BEGIN {label}-----{end}{end.join(some(rng, _BASE64, 64) for _ in range(3))}{end}-----END {label}-----"


NATIONAL: Mapping[str, Make] = MappingProxyType(
    {
        "AT": _checked(stdnum.at.vnr, lambda rng: shaped(rng, "?###") + birth(rng, "{d:02}{m:02}{y:02}"), "#### ######"),
        "AU": _checked(stdnum.au.tfn, _any("#########"), "### ### ###"),
        "BE": _belgium,
        "BG": _checked(stdnum.bg.egn, _born("{y:02}{m:02}{d:02}", "####")),
        "BR": _checked(stdnum.br.cpf, _any("###########"), "###.###.###-##"),
        "CA": _checked(stdnum.ca.sin, _any("?########"), "### ### ###", "###-###-###"),
        "CH": _checked(stdnum.ch.ssn, _any("756##########"), "###.####.####.##"),
        "CL": _chile,
        "CZ": _checked(stdnum.cz.rc, _born("{y:02}{m:02}{d:02}", "####"), "######/####"),
        "DE": _checked(stdnum.de.idnr, _any("?##########"), "## ### ### ###"),
        "EE": _checked(stdnum.ee.ik, _born("3{y:02}{m:02}{d:02}", "####")),
        "ES": _spain,
        "FI": _checked(stdnum.fi.hetu, _born("{d:02}{m:02}{y:02}", "-?###", "-?##@")),
        "FR": _france,
        "GR": _checked(stdnum.gr.amka, _born("{d:02}{m:02}{y:02}", "#####")),
        "HR": _checked(stdnum.hr.oib, _any("###########")),
        "IE": _checked(stdnum.ie.pps, _any("#######@", "#######@A")),
        "IN": _checked(stdnum.in_.aadhaar, _any("?###########"), "#### #### ####"),
        "IT": _italy,
        "MX": _mexico,
        "NL": _checked(stdnum.nl.bsn, _any("#########"), "####.##.###"),
        "PL": _checked(stdnum.pl.pesel, _born("{y:02}{m:02}{d:02}", "#####")),
        "RO": _checked(stdnum.ro.cnp, _born("1{y:02}{m:02}{d:02}", "12####", "40####")),
        "SE": _sweden,
        "TR": _checked(stdnum.tr.tckimlik, _any("?##########")),
    }
)

# What each detector is to find, by its name; `phone` stands with some of its regions.
PLANTED: Mapping[str, Make] = MappingProxyType(
    {
        "payment_card": card,
        "iban": iban,
        "email": email,
        "ipv4": ipv4,
        "ipv6": ipv6,
        "us_ssn": lambda rng: _ssn(rng, "-", " "),
        "us_ssn:bare": lambda rng: _ssn(rng, ""),
        "us_itin": lambda rng: _itin(rng, "-"),
        "us_itin:bare": lambda rng: _itin(rng, ""),
        "uk_nino": nino,
        "uk_nhs": _checked(stdnum.gb.nhs, _any("4#########", "6#########", "7#########"), "### ### ####"),
        **{f"national_id:{country}": make for country, make in NATIONAL.items()},
        "phone": phone_international,
        "phone:US": phone_us,
        "phone:GB": _any("020 7946 0###", "07400 123###", "0161 496 0###"),
        "phone:DE": _any("030 2312####", "(030) 2312-####", "0171/39200##"),
        "jwt": _token,
        "pem": _key_file,
        "aws_key": _secret(("AKIA", _BASE32, 16), ("ASIA", _BASE32, 16), (f"aws_secret_access_key={NAMED}", _BASE64, 40)),
        "azure_key": lambda rng: f"AccountKey={NAMED}{some(rng, _BASE64, 86)}==",
        "gcp_key": _secret(("AIza", _WORD, 35), ("GOCSPX-", _WORD, 28)),
        "customerio_key": _secret(("sa_live_", _ALNUM, 32), (f'"customerio_api_key": "{NAMED}', _HEX, 32)),
        "slack_token": _secret(("xoxb-", _ALNUM, 40), ("xoxp-", _ALNUM, 50)),
        "stripe_key": _secret(("sk_live_", _ALNUM, 24), ("rk_live_", _ALNUM, 99), ("whsec_", _ALNUM, 32)),
        "github_token": _secret(("ghp_", _ALNUM, 36), ("ghs_", _ALNUM, 36), (f"github_pat_{'1' * 22}_", _ALNUM, 59)),
        "gitlab_token": _secret(("glpat-", _WORD, 20)),
        "npm_token": _secret(("npm_", _ALNUM, 36)),
        "pypi_token": _secret(("pypi-AgE", _WORD, 150)),
        "openai_key": lambda rng: f"sk-proj-{some(rng, _WORD, 74)}T3BlbkFJ{some(rng, _WORD, 74)}",
        "anthropic_key": _secret(("sk-ant-api03-", _WORD, 95)),
        "sendgrid_key": lambda rng: f"SG.{some(rng, _WORD, 22)}.{some(rng, _WORD, 43)}",
        "twilio_key": _secret(("SK", _HEX, 32)),
        "shopify_token": _secret(("shpat_", _HEX, 32), ("shpss_", _HEX, 32)),
    }
)
