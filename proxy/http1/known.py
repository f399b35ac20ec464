"""Remembers parsed heads by their bytes, so that the same head is not parsed twice.

The requests of one SDK differ only in target and length, and Customer.io's answers hardly differ.
* An entry is valid for exactly the bytes that were parsed, except for the digits of one `Content-Length`.
* Only ordinary heads are kept: no fault, no transfer coding, no expectation that needs an answer before the body.
* Count and size are bounded. A full cache is cleared, so a client cannot make it slow or large.
* The bytes contain callers' keys, so they never leave this cache.
"""

from typing import Final, TypeVar

from proxy.exchange import Fields

HEADS = 512
HEAD_BYTES = 2048

# The two spellings that clients and servers use. With any other spelling the digits stay part of the remembered bytes.
_LENGTH: Final = b"\r\nContent-Length: "
_LENGTH_LOWER: Final = b"\r\ncontent-length: "
# Added after the empty line of a head whose digits were cut out. No received head ends like this, so a head that never had
# digits, or has something else in their place, cannot match.
_CUT: Final = b"0"
# A longer number may not fit llhttp's 64 bits; then llhttp decides.
_DIGITS_MAX: Final = 18

T = TypeVar("T")


class KnownHead:
    """The parsed version and fields of a request head."""

    __slots__ = ("fields", "keep", "length", "plain")

    def __init__(self, fields: Fields, length: int, *, keep: bool, plain: bool) -> None:
        """Hold the parsed head.

        `length` is the length of the body in bytes. `keep` says whether the connection is kept. `plain` says that the head has
        no transfer coding, no expectation and no upgrade.
        """
        self.fields = fields
        self.length = length
        self.keep = keep
        self.plain = plain


class KnownAnswer:
    """The parsed head of a final answer that is not chunked."""

    __slots__ = ("fields", "keep", "length", "status")

    def __init__(self, status: int, fields: Fields, length: int | None, *, keep: bool) -> None:
        """Hold the parsed head. `length` is in bytes; None means that the close ends the answer."""
        self.status = status
        self.fields = fields
        self.length = length
        self.keep = keep


class Known(dict[bytes, T]):
    """Maps the bytes of a head, as `without_length` returns them, to the parsed head."""

    __slots__ = ()

    def keep(self, head: bytes, found: T) -> None:
        """Remember `found` for `head`, unless the head is too large. A full cache is cleared first."""
        if len(head) <= HEAD_BYTES:
            if len(self) >= HEADS:
                self.clear()
            self[head] = found


def without_length(head: bytes) -> tuple[bytes, int | None]:
    """Return `head` without the digits of its Content-Length, and their value; None if no digits were cut out.

    `head` is complete: the empty line is at its end.
    """
    start = head.find(_LENGTH)
    if start < 0:
        start = head.find(_LENGTH_LOWER)
        if start < 0:
            return head, None
    start += len(_LENGTH)
    end = head.find(b"\r", start)
    digits = head[start:end]
    if not digits.isdigit() or len(digits) > _DIGITS_MAX:
        return head, None
    return head[:start] + head[end:] + _CUT, int(digits)
