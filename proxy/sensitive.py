"""A value that cannot print.

Secrets and personal data travel in `Sensitive`, so that no log line, traceback, f-string or pickle can show them by accident
(promise G2). The only way to the value is `reveal`, which is easy to grep for.
"""

from typing import Generic, NoReturn, TypeVar

T = TypeVar("T")

PLACEHOLDER = "[sensitive]"


class Sensitive(Generic[T]):
    """Holds a secret or personal value; equal to another holder of an equal value."""

    __slots__ = ("_value",)

    def __init__(self, value: T) -> None:
        """Hold `value`."""
        self._value = value

    def reveal(self) -> T:
        """Return the value itself, to be used at once and kept nowhere."""
        return self._value

    def __repr__(self) -> str:
        """Return a fixed text."""
        return PLACEHOLDER

    __str__ = __repr__

    def __format__(self, spec: str, /) -> str:
        """Return a fixed text, whatever the format asks for."""
        return PLACEHOLDER

    def __eq__(self, other: object) -> bool:
        """Compare the held values."""
        return isinstance(other, Sensitive) and bool(self._value == other._value)

    def __hash__(self) -> int:
        """Hash the held value."""
        return hash(self._value)

    def __reduce__(self) -> NoReturn:
        """Refuse to be pickled or copied out of the process.

        Raises:
            TypeError: always.
        """
        message = "a sensitive value is not serialised"
        raise TypeError(message)
