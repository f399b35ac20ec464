"""Checksums over strings of decimal digits."""

# What twice a digit adds up to, digit by digit.
_DOUBLED = (0, 2, 4, 6, 8, 1, 3, 5, 7, 9)


def only_digits(text: str) -> str:
    """Return the decimal digits of an ASCII text."""
    return "".join(filter(str.isdigit, text))


def luhn(digits: str) -> bool:
    """Say whether the last digit checks those before it (ISO/IEC 7812-1 annex B)."""
    return (sum(map(int, digits[-1::-2])) + sum(_DOUBLED[int(digit)] for digit in digits[-2::-2])) % 10 == 0


def weighted(digits: str, weights: tuple[int, ...]) -> int:
    """Return the sum of each digit times its weight; further digits do not count."""
    return sum(int(digit) * weight for digit, weight in zip(digits, weights, strict=False))
