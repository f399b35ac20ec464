"""Finds where messages end, and counts the bytes that are not content. Both sides need this, and llhttp does not report it.

llhttp reports that a message has ended, but not at which byte, and it silently skips empty lines after the message. So each
side feeds it at most the bytes of one message, and knows exactly which bytes follow. In llhttp's strict mode
* a head ends with the first empty line (RFC 9112 section 2.1), because bare line feeds and folded lines are errors;
* a chunked body ends with an empty line after a line that is not empty (section 7.1).
"""

import re
from typing import Final

EMPTY_LINE: Final = b"\r\n\r\n"
# A chunk with one byte of content needs six bytes of framing. A sender that needs more than this does not mean to send content.
FRAMING_PER_CONTENT_BYTE: Final = 8
# llhttp counts in 64 bits, which is at most 20 digits. More digits can only be leading zeros.
MAX_LENGTH_DIGITS: Final = 20

# After a read of this size, a connection is not read again in this turn of the event loop. libuv would read up to 32 times.
LARGE_READ_BYTES: Final = 65_536
# These limit the work of llhttp for one connection in one turn of the event loop, so that chunks of one byte do not delay other
# connections. llhttp is fed in steps. A turn ends after this many steps, or after this many bytes that were not content.
STEP_BYTES: Final = 2048
STEPS_PER_TURN: Final = 256
FRAMING_BYTES_PER_TURN: Final = 2048
# The most callbacks that llhttp makes in a turn: one for each trailer field (four bytes or more), one for the content of each
# chunk (five bytes of framing or more), and one for each step that ends inside a chunk.
CALLS_PER_TURN: Final = (FRAMING_BYTES_PER_TURN + STEP_BYTES) // 4 + STEPS_PER_TURN

_TAIL_BYTES: Final = len(EMPTY_LINE)
_END: Final = re.compile(rb"[^\n]\r\n\r\n")
_UPGRADE: Final = re.compile(rb"\r\nupgrade:", re.IGNORECASE)


class ChunkedBody:
    """Decides how much of a chunked body llhttp is fed next, when a turn is over, and whether the body is mostly framing.

    Endless chunk extensions and trailers cause no callback (RFC 9112 sections 7.1.1 and 7.1.2), so raw bytes are counted.
    Consecutive steps without content may have at most `slack_bytes` bytes. All framing together may have at most
    `slack_bytes`, plus `FRAMING_PER_CONTENT_BYTE` for each byte of content.
    """

    __slots__ = ("_content_bytes", "_raw_bytes", "_silent_bytes", "_slack_bytes", "_tail", "_turn_framing_bytes", "_turn_steps")

    def __init__(self, slack_bytes: int) -> None:
        """Begin directly after the head."""
        self._slack_bytes = slack_bytes
        self._content_bytes = 0
        self._raw_bytes = 0
        self._silent_bytes = 0  # since the last step that had content
        self._tail = b""  # the last bytes before the next step
        self._turn_steps = 0
        self._turn_framing_bytes = 0

    def begin_turn(self) -> None:
        """Start to count the steps and the framing of a new turn."""
        self._turn_steps = self._turn_framing_bytes = 0

    @property
    def turn_over(self) -> bool:
        """Whether the remaining bytes have to wait for the next turn."""
        return self._turn_steps >= STEPS_PER_TURN or self._turn_framing_bytes >= FRAMING_BYTES_PER_TURN

    def step(self, data: bytes | bytearray, start: int) -> int:
        """Return the end of the step that begins at `start`. A step stops where the body may have ended."""
        tail = self._tail
        window = tail + data[start : start + STEP_BYTES]
        if window.find(EMPTY_LINE) >= 0 and (found := _END.search(window)) is not None:
            window = window[: found.end()]
        self._tail = window[-_TAIL_BYTES:]
        return start + len(window) - len(tail)

    def excessive(self, step_bytes: int, content_bytes: int) -> bool:
        """Say, after a step, whether too much of the body is framing. `content_bytes` counts all content so far."""
        new_bytes = content_bytes - self._content_bytes
        self._content_bytes = content_bytes
        self._raw_bytes += step_bytes
        self._silent_bytes = 0 if new_bytes else self._silent_bytes + step_bytes
        self._turn_steps += 1
        self._turn_framing_bytes += step_bytes - new_bytes
        return (
            self._silent_bytes > self._slack_bytes
            or self._raw_bytes - content_bytes > self._slack_bytes + FRAMING_PER_CONTENT_BYTE * content_bytes
        )


class Dropped(dict[bytes, bytes]):
    """A mapping for unwanted fields, such as trailers. It drops every field and stays empty."""

    def __setitem__(self, name: bytes, value: bytes) -> None:
        """Keep neither name nor value."""


DROPPED = Dropped()


def without_upgrade(head: bytes) -> bytes:
    """Return `head` with `Upgrade` renamed: llhttp would read all later bytes as another protocol (RFC 9110 section 7.8)."""
    return _UPGRADE.sub(b"\r\nX-Upgrade:", head)
