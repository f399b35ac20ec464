"""Checks whether a value exceeds one of Customer.io's size limits (`api.vendor_limits`).

Each check has a floor in bytes. A body that is not larger than the floor cannot exceed the limit, and is not checked. A string
with at most a quarter as many characters as the limit has bytes cannot exceed it either, so few strings are encoded.
"""

from collections.abc import Iterable, Mapping
from typing import Final

from proxy.api.vendor_limits import EACH, Bound, Measure
from proxy.payload.encode import encode

# A character takes up to four bytes in UTF-8.
_CHARACTER_BYTES: Final = 4
# The least size of an element of an array in JSON: a digit and a comma.
_ELEMENT_BYTES: Final = 2
# The bound of the remembered names, so that callers cannot fill the memory.
KNOWN_NAMES: Final = 4096


class Check:
    """Checks one size limit. It is used for bodies and items of more than `floor` bytes."""

    __slots__ = ("_at_most", "_besides", "_key", "_rest", "_short", "bound", "floor")

    def __init__(self, bound: Bound) -> None:
        """Split the place of `bound` into its steps."""
        self.bound = bound
        self._at_most = bound.at_most
        self._besides = bound.besides
        # The steps to the place: the first key, then further keys, or "" for every element of an array.
        self._key, *self._rest = bound.place.replace(EACH, ".").split(".")
        self._short = bound.at_most // _CHARACTER_BYTES
        self.floor = bound.at_most

    def over(self, value: object) -> bool:
        """Return whether a value at the place in `value` exceeds the limit."""
        if self._key:
            if not isinstance(value, dict):
                return False
            value = value.get(self._key)
            if value is None:
                return False
            if self._rest:
                return self._below(value, 0)
        return self.exceeds(value)

    def _below(self, value: object, step: int) -> bool:
        """Return the same for the remaining steps, which start at `value`."""
        if step == len(self._rest):
            return self.exceeds(value)
        key = self._rest[step]
        if key:
            return isinstance(value, dict) and key in value and self._below(value[key], step + 1)
        return isinstance(value, list) and any(self._below(element, step + 1) for element in value)

    def exceeds(self, value: object) -> bool:
        """Return whether `value`, which is at the place, exceeds the limit."""
        return larger(value, self._at_most)


class _Whole(Check):
    """Checks the size of the body itself. The body is larger than the floor when the check is used."""

    __slots__ = ()

    def exceeds(self, value: object) -> bool:
        if self._besides and isinstance(value, dict):
            return larger({key: child for key, child in value.items() if key not in self._besides}, self._at_most)
        return True


class Names(Check):
    """Checks the keys of an object. Short keys are remembered, because most calls repeat the same keys."""

    __slots__ = ("_known",)

    def __init__(self, bound: Bound) -> None:
        """Start without remembered keys; `bound` is the limit of each key."""
        super().__init__(bound)
        self._known: set[str] = set()

    def exceeds(self, value: object) -> bool:
        """Return whether an object has a key that is too long."""
        known = self._known
        if not isinstance(value, dict) or known.issuperset(value):
            return False
        for key in value:
            if key not in known:
                if larger(key, self._at_most):
                    return True
                if len(known) >= KNOWN_NAMES:
                    known.clear()
                known.add(key)
        return False


class _Values(Check):
    __slots__ = ()

    def exceeds(self, value: object) -> bool:
        if isinstance(value, dict):
            short = self._short
            for key, child in value.items():
                if type(child) is str and len(child) <= short:
                    continue
                if larger(child, self._at_most) and key not in self._besides:
                    return True
        return False


class _Count(Check):
    __slots__ = ()

    def __init__(self, bound: Bound) -> None:
        super().__init__(bound)
        self.floor = bound.at_most * _ELEMENT_BYTES

    def exceeds(self, value: object) -> bool:
        if isinstance(value, dict):
            return len(value) > self._at_most and len(value.keys() - self._besides) > self._at_most
        return isinstance(value, list) and len(value) > self._at_most


class Ids(Check):
    """Checks an identifier, or those in an object or array. A value with an "@" counts as an email address, without a limit."""

    __slots__ = ()

    def exceeds(self, value: object) -> bool:
        """Return whether an identifier is too long."""
        if isinstance(value, str):
            return len(value) > self._short and self._long(value)
        if isinstance(value, dict):
            value = value.values()
        elif not isinstance(value, list):
            return self._long(value)
        short = self._short
        for each in value:  # noqa: SIM110  # without a generator, which takes longer than most arrays do
            if (type(each) is not str or len(each) > short) and self._long(each):
                return True
        return False

    def _long(self, value: object) -> bool:
        return larger(value, self._at_most) and not (isinstance(value, str) and "@" in value)


class _Files(Check):
    __slots__ = ()

    def exceeds(self, value: object) -> bool:
        files = [child for child in value.values() if isinstance(child, str)] if isinstance(value, dict) else []
        # RFC 4648 section 4: four characters encode three bytes, minus the padding.
        return sum(len(child) * 3 // 4 - child.count("=", -2) for child in files) > self._at_most


_CHECKS: Mapping[Measure, type[Check]] = {
    Measure.SIZE: Check,
    Measure.NAMES: Names,
    Measure.VALUES: _Values,
    Measure.COUNT: _Count,
    Measure.ID: Ids,
    Measure.FILES: _Files,
}


def _floor(check: Check) -> int:
    return check.floor


def checks(bounds: Iterable[Bound]) -> list[Check]:
    """Return the checks for `bounds`, sorted by their floors."""
    made = [
        _Whole(bound) if bound.measure is Measure.SIZE and not bound.place else _CHECKS[bound.measure](bound)
        for bound in bounds
    ]
    return sorted(made, key=_floor)


def larger(value: object, at_most: int) -> bool:
    """Return whether `value` has more than `at_most` bytes: a string in UTF-8, another value in the JSON that is sent."""
    if isinstance(value, str):
        characters = len(value)
        if characters > at_most:
            return True
        # A lone surrogate counts three bytes, like other characters of its range.
        return (
            characters * _CHARACTER_BYTES > at_most
            and not value.isascii()
            and len(value.encode("utf-8", "surrogatepass")) > at_most
        )
    if isinstance(value, int):
        # A decimal digit needs more than three bits, so the bit length shows that nearly all integers are short.
        return value.bit_length() > (at_most - 2) * 3 and len(encode(value)) > at_most
    # The longest other scalar, a double, has 25 bytes.
    return isinstance(value, (dict, list)) and len(encode(value)) > at_most
