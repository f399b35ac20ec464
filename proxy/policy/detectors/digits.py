"""Checksums over strings of decimal digits."""

# Map the character of a digit to its value, and to the digit sum of twice its value.
_ONCE = bytes.maketrans(b"0123456789", bytes(range(10)))
_TWICE = bytes.maketrans(b"0123456789", bytes((0, 2, 4, 6, 8, 1, 3, 5, 7, 9)))


def only_digits(text: str) -> str:
    """Return the decimal digits of an ASCII text."""
    return "".join(filter(str.isdigit, text))


def luhn(digits: str) -> bool:
    """Return whether the last digit is the Luhn check digit of the digits before it (ISO/IEC 7812-1 annex B)."""
    data = digits.encode()
    return (sum(data[-1::-2].translate(_ONCE)) + sum(data[-2::-2].translate(_TWICE))) % 10 == 0


def weighted(digits: str, weights: tuple[int, ...]) -> int:
    """Return the sum of each digit times its weight; digits without a weight do not count."""
    return sum(int(digit) * weight for digit, weight in zip(digits, weights, strict=False))
