"""Values that look like personal data and are none, made up from a seed: ids, times, prices, hashes.

Numbers are any of their length, so some have a right check digit by chance.
"""

import hashlib
import string
import uuid
from collections.abc import Callable
from random import Random  # noqa: TID251 - made from a seed

import stdnum.luhn

_WORDS = ("blue", "winter", "sale", "pro", "monthly", "invite", "north", "alpha", "green", "cart", "summer", "trial", "basic")
_NOT_ZERO = "123456789"
_HEX, _CROCKFORD = "0123456789abcdef", "0123456789ABCDEFGHJKMNPQRSTVWXYZ"


def digits(rng: Random, count: int, first: str = string.digits) -> str:
    """Return `count` digits, the first of `first`."""
    return rng.choice(first) + "".join(rng.choices(string.digits, k=count - 1))


def order(rng: Random) -> str:
    """Return the number of an order."""
    forms = ["ORD-2026-{:06}", "#{:07}", "SO{:08}", "2026-{:05}-EU", "INV/2026/{:05}"]
    return rng.choice(forms).format(rng.randrange(100_000))


def imei(rng: Random) -> str:
    """Return the number of a device, which has the check digit of a payment card."""
    number = "35" + digits(rng, 12)
    return number + stdnum.luhn.calc_check_digit(number)


def checksum(rng: Random) -> str:
    """Return a hash in hexadecimal digits."""
    return hashlib.new(rng.choice(["md5", "sha1", "sha256"]), rng.randbytes(8)).hexdigest()


def moment(rng: Random) -> str:
    """Return a date and time (ISO 8601)."""
    day = f"2026-{rng.randrange(1, 13):02}-{rng.randrange(1, 29):02}"
    time = f"{rng.randrange(24):02}:{rng.randrange(60):02}:{rng.randrange(60):02}"
    return f"{day}{rng.choice('T ')}{time}{rng.choice(['', 'Z', '.123Z', '+02:00'])}"


def price(rng: Random) -> str:
    """Return an amount of money."""
    return rng.choice(["{:.2f}", "${:,.2f}", "{:,.2f} EUR", "USD {:.2f}"]).format(rng.random() * 10 ** rng.randrange(1, 7))


def version(rng: Random) -> str:
    """Return a version of a program."""
    numbers = (rng.randrange(30) for _ in range(3))
    return rng.choice(["v{}.{}.{}", "{}.{}.{}", "{}.{}.{}-beta.1", "app/{}.{}.{}"]).format(*numbers)


def isbn(rng: Random) -> str:
    """Return the number of a book."""
    groups = (digits(rng, size) for size in (1, 3, 5, 1))
    return rng.choice(["978-{}-{}-{}-{}", "978{}{}{}{}"]).format(*groups)


def tracking(rng: Random) -> str:
    """Return the number of a parcel, as four carriers have it."""
    ups = "1Z" + "".join(rng.choices(string.ascii_uppercase + string.digits, k=16))
    return rng.choice([ups, digits(rng, 12), digits(rng, 15), "94" + digits(rng, 20), "JD" + digits(rng, 18)])


def url(rng: Random) -> str:
    """Return the address of a picture, whose name has an at sign."""
    path, mark = "/".join(rng.choices(_WORDS, k=2)), "".join(rng.choices(_HEX, k=12))
    return f"https://cdn.example.com/{path}@2x.png?v={digits(rng, 8)}&s={mark}"


# By what they are.
PLAIN: dict[str, Callable[[Random], str]] = {
    "order id": order,
    "id of 8 digits": lambda rng: digits(rng, 8, _NOT_ZERO),
    "id of 9 digits": lambda rng: digits(rng, 9, _NOT_ZERO),
    "id of 10 digits": lambda rng: digits(rng, 10, _NOT_ZERO),
    "id of 11 digits": lambda rng: digits(rng, 11, _NOT_ZERO),
    "id of 12 digits": lambda rng: digits(rng, 12, _NOT_ZERO),
    "id of 13 digits": lambda rng: digits(rng, 13, _NOT_ZERO),
    "id of 16 digits": lambda rng: digits(rng, 16, _NOT_ZERO),
    "snowflake id": lambda rng: str((rng.randrange(10**11, 4 * 10**11) << 22) | rng.randrange(1 << 22)),
    "IMEI": imei,
    "UUID": lambda rng: str(uuid.UUID(bytes=rng.randbytes(16), version=4)),
    "ULID": lambda rng: "01J" + "".join(rng.choices(_CROCKFORD, k=23)),
    "hash": checksum,
    "Unix seconds": lambda rng: str(rng.randrange(1_600_000_000, 1_800_000_000)),
    "Unix milliseconds": lambda rng: str(rng.randrange(1_600_000_000_000, 1_800_000_000_000)),
    "Unix microseconds": lambda rng: str(rng.randrange(16 * 10**14, 18 * 10**14)),
    "date and time": moment,
    "price": price,
    "coordinates": lambda rng: f"{rng.uniform(-90, 90)!r},{rng.uniform(-180, 180)!r}",
    "score": lambda rng: repr(rng.random()),
    "version": version,
    "ISBN": isbn,
    "tracking number": tracking,
    "words": lambda rng: rng.choice([" ", "-", "_"]).join(rng.choices(_WORDS, k=rng.randrange(1, 7))),
    "URL": url,
}
