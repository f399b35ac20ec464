"""What looks like personal data and is none: ids, times, prices, versions, as attributes and events have them. Made up.

Numbers are all there are of their length, so some have a right check digit by chance.
"""

import base64
import hashlib
import string
import uuid
from collections.abc import Callable, Mapping
from random import Random  # noqa: TID251 - made from a seed
from types import MappingProxyType

import stdnum.ean
import stdnum.luhn

from bench.planted import shaped, some

_WORDS = ("blue", "winter", "sale", "pro", "monthly", "invite", "north", "alpha", "green", "cart", "summer", "trial", "basic")
_HEX, _CROCKFORD = "0123456789abcdef", "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
_BROWSER = "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/{}.0.0.0 Safari/537.36"


def _imei(rng: Random) -> str:
    number = shaped(rng, "35############")
    return number + stdnum.luhn.calc_check_digit(number)


def _article(rng: Random) -> str:
    number = shaped(rng, "400#########", "50##########", "978#########")
    return number + stdnum.ean.calc_check_digit(number)


def _snowflake(rng: Random) -> str:
    return str((rng.randrange(10**11, 4 * 10**11) << 22) | rng.randrange(1 << 22))


def _delivery(rng: Random) -> str:
    return base64.urlsafe_b64encode(b"D\xf2\x0b\x02" + rng.randbytes(18)).decode()


def _digest(rng: Random) -> str:
    return hashlib.new(rng.choice(["md5", "sha1", "sha256"]), rng.randbytes(8)).hexdigest()


def _time(rng: Random) -> str:
    day = f"2026-{rng.randrange(1, 13):02}-{rng.randrange(1, 29):02}"
    clock = f"{rng.randrange(24):02}:{rng.randrange(60):02}:{rng.randrange(60):02}"
    return f"{day}{rng.choice('T ')}{clock}{rng.choice(['', 'Z', '.123Z', '+02:00'])}"


def _price(rng: Random) -> str:
    return rng.choice(["{:.2f}", "${:,.2f}", "{:,.2f} EUR", "USD {:.2f}"]).format(rng.random() * 10 ** rng.randrange(1, 7))


def _version(rng: Random) -> str:
    return rng.choice(["v{}.{}.{}", "{}.{}.{}", "{}.{}.{}-beta.1", "app/{}.{}.{}"]).format(*(rng.randrange(30) for _ in "123"))


def _words(rng: Random) -> str:
    return rng.choice([" ", "-", "_"]).join(rng.choices(_WORDS, k=rng.randrange(1, 7)))


def _address(rng: Random) -> str:
    path = "/".join(rng.choices(_WORDS, k=2))
    return f"https://shop.example/{path}?utm_source=mail&sku={shaped(rng, '@@-#####')}&s={some(rng, _HEX, 12)}"


def _like(*shapes: str) -> Callable[[Random], str]:
    return lambda rng: shaped(rng, *shapes)


def _from(first: int, end: int) -> Callable[[Random], str]:
    return lambda rng: str(rng.randrange(first, end))


PLAIN: Mapping[str, Callable[[Random], str]] = MappingProxyType(
    {
        "order number": _like(
            "ORD-2026-######", "ORD-2027-######", "#0######", "SO########", "2026-#####-EU", "INV/2026/#####"
        ),
        "id of 8 digits": _from(10**7, 10**8),
        "id of 9 digits": _from(10**8, 10**9),
        "id of 10 digits": _from(10**9, 10**10),
        "id of 11 digits": _from(10**10, 10**11),
        "id of 12 digits": _from(10**11, 10**12),
        "id of 13 digits": _from(10**12, 10**13),
        "id of 16 digits": _from(10**15, 10**16),
        "snowflake id": _snowflake,
        "UUID": lambda rng: str(uuid.UUID(bytes=rng.randbytes(16), version=4)),
        "ULID": lambda rng: "01J" + some(rng, _CROCKFORD, 23),
        "hash": _digest,
        "Customer.io's own id": lambda rng: shaped(rng, "d9c106######", "0300####"),
        "delivery id": _delivery,
        "device token": lambda rng: some(rng, _HEX, 64),
        "IMEI": _imei,
        "article number (EAN)": _article,
        "ISBN with hyphens": _like("978-#-###-#####-#"),
        "tracking number": lambda rng: rng.choice(
            ["1Z" + some(rng, string.ascii_uppercase + string.digits, 16), shaped(rng, "#" * 12, "#" * 15, "94" + "#" * 20)]
        ),
        "Unix seconds": _from(1_600_000_000, 1_800_000_000),
        "Unix milliseconds": _from(1_600_000_000_000, 1_800_000_000_000),
        "Unix microseconds": _from(16 * 10**14, 18 * 10**14),
        "date and time": _time,
        "price": _price,
        "score": lambda rng: repr(rng.random()),
        "coordinates": lambda rng: f"{rng.uniform(-90, 90)!r},{rng.uniform(-180, 180)!r}",
        "version": _version,
        "version of four numbers": lambda rng: ".".join(str(rng.randrange(30)) for _ in "1234"),
        "browser (user agent)": lambda rng: _BROWSER.format(rng.randrange(100, 140)),
        "hardware address": lambda rng: ":".join(some(rng, _HEX, 2) for _ in "123456"),
        "words": _words,
        "address of a page": _address,
        "name of an image": lambda rng: f"{rng.choice(_WORDS)}@2x.{rng.choice(['png', 'jpg', 'webp'])}",
    }
)
