"""Heads that llhttp has parsed before, found again by their bytes, so that they need not be parsed again.

The requests of one SDK differ in target and length alone, and Customer.io's answers hardly at all.
* What is kept holds for exactly the bytes it was found in, but for the digits of one `Content-Length`.
* Only what is unremarkable is kept: no fault, no transfer coding, nothing to be answered before its body.
* It is bounded in count and size, and dropped as a whole when it is full, so that nobody can make it slow or large.
* The bytes hold callers' keys; they stay in here.
"""

from typing import Final, TypeVar

from proxy.exchange import Fields

HEADS = 512
HEAD_BYTES = 2048

# The two spellings that clients and servers use; in any other the digits stay part of what is remembered.
_LENGTH: Final = b"\r\nContent-Length: "
_LENGTH_LOWER: Final = b"\r\ncontent-length: "
# Stands behind the empty line of a head whose digits were cut out. No head as it came ends like this, so that one which never
# had digits, or has anything else in their place, is not taken for it.
_CUT: Final = b"0"
# More may not fit llhttp's 64 bits, which is for llhttp to judge.
_DIGITS_MAX: Final = 18

T = TypeVar("T")


class KnownHead:
    """What the version and the fields of a request come to."""

    __slots__ = ("fields", "keep", "length", "plain")

    def __init__(self, fields: Fields, length: int, *, keep: bool, plain: bool) -> None:
        """Hold what was found.

        `length` is that of the body, in bytes; `keep` whether the connection is kept; `plain` whether there is nothing more to
        it: no transfer coding, no expectation, no upgrade.
        """
        self.fields = fields
        self.length = length
        self.keep = keep
        self.plain = plain


class KnownAnswer:
    """The head of a final answer that is not chunked: its status, its fields, where it ends, whether the connection is kept."""

    __slots__ = ("fields", "keep", "length", "status")

    def __init__(self, status: int, fields: Fields, length: int | None, *, keep: bool) -> None:
        """Hold what was found; `length` is in bytes, None where only the close ends the answer."""
        self.status = status
        self.fields = fields
        self.length = length
        self.keep = keep


class Known(dict[bytes, T]):
    """What was found in heads, by their bytes without length."""

    __slots__ = ()

    def keep(self, head: bytes, found: T) -> None:
        """Remember what was found in `head`, as `without_length` gave it."""
        if len(head) <= HEAD_BYTES:
            if len(self) >= HEADS:
                self.clear()
            self[head] = found


def without_length(head: bytes) -> tuple[bytes, int | None]:
    """Return `head` without the digits of its Content-Length, and the number they spell; None where they were not cut out.

    `head` is whole, with the empty line at its end.
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
