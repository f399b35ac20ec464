"""A value that cannot be printed.

Secrets and personal data are wrapped in `Sensitive`, so that no log line, traceback, f-string or pickle can show them by
accident (promise G2). Only `reveal` returns the value, and it is easy to search for.
"""

from typing import Generic, NoReturn, TypeVar

T = TypeVar("T")

PLACEHOLDER = "[sensitive]"


class Sensitive(Generic[T]):
    """Holds a secret or personal value. Two holders are equal if their values are equal."""

    __slots__ = ("_value",)

    def __init__(self, value: T) -> None:
        """Hold `value`, which only `reveal` returns."""
        self._value = value

    def reveal(self) -> T:
        """Return the value. Use it immediately, and do not keep it."""
        return self._value

    def __repr__(self) -> str:
        """Return a fixed text, never the value."""
        return PLACEHOLDER

    __str__ = __repr__

    def __format__(self, spec: str, /) -> str:
        """Return a fixed text for every format."""
        return PLACEHOLDER

    def __eq__(self, other: object) -> bool:
        """Compare the values of two holders."""
        return isinstance(other, Sensitive) and bool(self._value == other._value)

    def __hash__(self) -> int:
        """Return the hash of the value."""
        return hash(self._value)

    def __reduce__(self) -> NoReturn:
        """Refuse to be pickled or copied.

        Raises:
            TypeError: always.
        """
        message = "a sensitive value is not serialised"
        raise TypeError(message)
